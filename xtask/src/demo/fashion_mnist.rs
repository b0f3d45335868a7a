//! Fashion-MNIST as Debian packages it: fetched without being installed, and an audit of it written.

use std::{
    fmt::Write as _,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    cache,
    error::{Error, Result},
};

/// Debian's package.
const PACKAGE: &str = "dataset-fashion-mnist";

/// Where it puts its files.
const PLACE: &str = "usr/share/datasets/fashion-mnist";

/// The training part: 60,000 images and their classes. All records come from it, so that chance alone tells members from others.
const IMAGES: &str = "train-images-idx3-ubyte";
const LABELS: &str = "train-labels-idx1-ubyte";

/// Length of the head of an IDX file of one axis.
const LABELS_HEAD: usize = 8;

const MEMBERS: usize = 5_000;
const AUDITED: usize = 10_000;
const POPULATION: usize = 2_000;
const SEED: u64 = 2026;

/// Writes the images, the tables and the manifest of the audit into a folder, and returns the manifest.
pub(super) fn prepare(given: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    let source = match given {
        Some(source) => source.to_owned(),
        None => find_or_fetch()?,
    };
    fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })?;
    // Unpacked once: each process then maps them instead of unpacking them itself.
    unpack(&source, IMAGES, folder)?;
    let labels = unpack(&source, LABELS, folder)?;
    let labels = fs::read(&labels).map_err(|source| Error::Io { path: labels, source })?;
    let labels = labels.get(LABELS_HEAD..).unwrap_or_default();
    if labels.len() < AUDITED + POPULATION {
        let problem = format!("{} in {} is too short", LABELS, source.display());
        return Err(Error::FashionMnist { problem });
    }
    let (records, population) = tables(labels);
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| Error::Io { path: path.clone(), source }).map(|()| path)
    };
    write("records.csv", &records)?;
    write("population.csv", &population)?;
    write("audit.toml", include_str!("fashion_mnist.toml"))
}

/// The tables of the audited records and of the population, drawn by chance from all.
fn tables(labels: &[u8]) -> (String, String) {
    let drawn = draw(labels.len(), AUDITED + POPULATION);
    let (audited, population) = drawn.split_at(AUDITED);
    let mut records = String::from("id,label,member\n");
    let mut others = String::from("id,label\n");
    // In the order of the file, which says nothing of who was drawn first.
    let mut ordered: Vec<(usize, bool)> =
        audited.iter().enumerate().map(|(place, &row)| (row, place < MEMBERS)).collect();
    ordered.sort_unstable();
    for (row, member) in ordered {
        // Writing to a text cannot fail.
        let _ = writeln!(records, "train-{row},{},{}", labels[row], u8::from(member));
    }
    let mut population = population.to_vec();
    population.sort_unstable();
    for row in population {
        let _ = writeln!(others, "train-{row},{}", labels[row]);
    }
    (records, others)
}

/// So many different numbers below `all`, in random order, the same each time.
fn draw(all: usize, wanted: usize) -> Vec<usize> {
    let mut state = SEED;
    // SplitMix64 (Steele, Lea and Flood 2014).
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let mut rows: Vec<usize> = (0..all).collect();
    for place in 0..wanted.min(all) {
        let other = place + (next() % (all - place) as u64) as usize;
        rows.swap(place, other);
    }
    rows.truncate(wanted);
    rows
}

/// The folder of the files: as the package installs them, or in the cache, or fetched into it now.
fn find_or_fetch() -> Result<PathBuf> {
    let cache = cache::cache();
    let kept = cache.join("fashion-mnist");
    let there =
        |folder: &Path| [IMAGES, LABELS].iter().all(|name| folder.join(format!("{name}.gz")).is_file());
    for folder in [Path::new("/").join(PLACE), kept.clone()] {
        if there(&folder) {
            return Ok(folder);
        }
    }
    let draft = cache.join(format!(".fashion-mnist.{}", std::process::id()));
    cache::create(&draft)?;
    let outcome = fetch(&draft, &kept);
    // What is left of the draft is in nobody's way.
    let _ = fs::remove_dir_all(&draft);
    outcome?;
    if there(&kept) {
        return Ok(kept);
    }
    Err(Error::FashionMnist { problem: format!("{PACKAGE} holds no {IMAGES}.gz") })
}

fn fetch(draft: &Path, kept: &Path) -> Result<()> {
    eprintln!("fetching {PACKAGE} (31 MB)");
    tool(Command::new("apt-get").args(["download", PACKAGE]).current_dir(draft).stdout(Stdio::null()))?;
    let io = |source| Error::Io { path: draft.to_owned(), source };
    let files = fs::read_dir(draft).map_err(io)?.flatten().map(|entry| entry.path());
    let package = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package
        .ok_or_else(|| Error::FashionMnist { problem: format!("apt-get left no file of {PACKAGE}") })?;
    tool(Command::new("dpkg-deb").arg("-x").arg(&package).arg(draft))?;
    fs::rename(draft.join(PLACE), kept).map_err(|source| Error::Io { path: kept.to_owned(), source })
}

/// `folder/name.gz` into `into/name`, or `folder/name` as it is. It appears whole or not at all.
fn unpack(folder: &Path, name: &str, into: &Path) -> Result<PathBuf> {
    let path = into.join(name);
    if path.is_file() {
        return Ok(path);
    }
    let draft = into.join(format!(".{name}.draft"));
    let (packed, plain) = (folder.join(format!("{name}.gz")), folder.join(name));
    let io = |source| Error::Io { path: draft.clone(), source };
    if packed.is_file() {
        let out = File::create(&draft).map_err(io)?;
        tool(Command::new("gzip").arg("-dc").arg(&packed).stdout(out))?;
    } else if plain.is_file() {
        fs::copy(&plain, &draft).map_err(io)?;
    } else {
        let problem = format!("no {name}.gz in {}", folder.display());
        return Err(Error::FashionMnist { problem });
    }
    fs::rename(&draft, &path).map_err(io)?;
    Ok(path)
}

/// Runs a program of the system; where it fails, its last line says why.
fn tool(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().and_then(Child::wait_with_output);
    let problem = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            format!(
                "{name}: {}",
                last.map_or_else(|| output.status.to_string(), |line| line.trim().to_owned())
            )
        }
        Err(error) => format!("{name}: {error}"),
    };
    Err(Error::FashionMnist { problem })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_tables_share_no_record_and_half_are_members() {
        let labels: Vec<u8> = (0..60_000).map(|row| (row % 10) as u8).collect();
        let (records, population) = tables(&labels);
        assert_eq!(records.lines().count(), AUDITED + 1);
        assert_eq!(records.lines().filter(|line| line.ends_with(",1")).count(), MEMBERS);
        let ids: BTreeSet<&str> =
            records.lines().chain(population.lines()).filter_map(|line| line.split(',').next()).collect();
        // One more is the word `id`.
        assert_eq!(ids.len(), AUDITED + POPULATION + 1);
        let label = |line: &str| {
            let (id, rest) = line.split_once(',').unwrap();
            let row: usize = id.trim_start_matches("train-").parse().unwrap();
            rest.starts_with(&(row % 10).to_string())
        };
        assert!(records.lines().skip(1).all(label) && population.lines().skip(1).all(label));
    }

    #[test]
    fn a_folder_without_the_files_is_named_and_says_what_helps() {
        let folder = std::env::temp_dir().join(format!("paname-no-fashion-{}", std::process::id()));
        let message = prepare(Some(Path::new("/nowhere")), &folder).unwrap_err().to_string();
        let _ = fs::remove_dir_all(&folder);
        assert!(message.contains("no train-images-idx3-ubyte.gz in /nowhere"), "{message}");
        assert!(message.contains("--data-folder") && !message.contains('\n'), "{message}");
    }

    #[test]
    fn an_absent_program_is_named_in_one_line() {
        let message = tool(&mut Command::new("no-such-apt-get")).unwrap_err().to_string();
        assert!(message.contains("no-such-apt-get") && !message.contains('\n'), "{message}");
    }
}
