//! The content-addressed store of finished steps. An object is a folder named by its key; it appears whole or not at all, and every file in it,
//! in folders of its own too, is checked before it is used again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::EngineError;

const SEAL: &str = "seal.json";

/// The store of a run folder.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

/// Whether a step is finished.
pub(crate) enum Lookup {
    Found,
    Absent,
    /// Something is there, but not what was written; it was moved out of the way.
    Corrupt(String),
}

/// A finished step.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    folder: PathBuf,
}

/// A step being written.
pub(crate) struct Draft {
    folder: PathBuf,
    target: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Seal {
    step: String,
    files: BTreeMap<String, FileSeal>,
}

#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct FileSeal {
    bytes: u64,
    blake3: String,
}

impl Store {
    /// The store below a run folder.
    pub(crate) fn open(run_dir: &Path) -> Result<Self, EngineError> {
        let folder = run_dir.join("store");
        create_private_folder(&folder)?;
        Ok(Self { folder })
    }

    /// A store that is only read.
    pub(crate) fn at(run_dir: &Path) -> Self {
        Self { folder: run_dir.join("store") }
    }

    /// Removes what killed processes left half-written. Only for the holder of the run's lock.
    pub(crate) fn sweep(&self) -> Result<(), EngineError> {
        for entry in fs::read_dir(&self.folder).map_err(EngineError::io(&self.folder))? {
            let path = entry.map_err(EngineError::io(&self.folder))?.path();
            if path.extension().is_some_and(|e| e == "draft" || e == "corrupt") {
                // A worker of the killed engine may still be about to end, and clear up after itself.
                match fs::remove_dir_all(&path) {
                    Err(e) if e.kind() != ErrorKind::NotFound && e.kind() != ErrorKind::DirectoryNotEmpty => {
                        return Err(EngineError::Io { path, source: e });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The object of a key, checked; a corrupt one is moved out of the way, so that it is computed again.
    pub(crate) fn find(&self, key: &str) -> Result<Lookup, EngineError> {
        let object = Object { folder: self.folder.join(key) };
        if !object.folder.exists() {
            return Ok(Lookup::Absent);
        }
        match object.check() {
            Ok(()) => Ok(Lookup::Found),
            Err(problem) => {
                let aside = self.folder.join(format!("{key}.corrupt"));
                if aside.exists() {
                    fs::remove_dir_all(&aside).map_err(EngineError::io(&aside))?;
                }
                fs::rename(&object.folder, &aside).map_err(EngineError::io(&object.folder))?;
                Ok(Lookup::Corrupt(problem))
            }
        }
    }

    /// The object of a key that [`Store::find`] has checked.
    pub(crate) fn object(&self, key: &str) -> Object {
        Object { folder: self.folder.join(key) }
    }

    /// Begins an object.
    pub(crate) fn draft(&self, key: &str) -> Result<Draft, EngineError> {
        let folder = self.folder.join(format!("{key}.{}.draft", std::process::id()));
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(EngineError::io(&folder))?;
        }
        create_private_folder(&folder)?;
        Ok(Draft { folder, target: self.folder.join(key) })
    }
}

impl Object {
    /// Digest of the seal, and with it of every file: what the journal binds.
    pub(crate) fn digest(&self) -> Result<String, EngineError> {
        let path = self.path(SEAL);
        file_seal(&path).map(|seal| seal.blake3).map_err(EngineError::io(&path))
    }

    /// Path of a file in the object.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads a JSON file of the object.
    pub(crate) fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, EngineError> {
        let path = self.path(name);
        let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
        serde_json::from_slice(&bytes).map_err(|e| EngineError::Other(format!("{}: {e}", path.display())))
    }

    fn check(&self) -> Result<(), String> {
        let bytes = fs::read(self.path(SEAL)).map_err(|e| format!("{SEAL}: {e}"))?;
        let seal: Seal = serde_json::from_slice(&bytes).map_err(|e| format!("{SEAL}: {e}"))?;
        for (name, expected) in &seal.files {
            let found = file_seal(&self.path(name)).map_err(|e| format!("{name}: {e}"))?;
            if found != *expected {
                return Err(format!(
                    "{name}: {} bytes with another checksum than the {} sealed",
                    found.bytes, expected.bytes
                ));
            }
        }
        Ok(())
    }
}

impl Draft {
    /// A new file of the object, readable by its owner only.
    pub(crate) fn file(&self, name: &str) -> Result<(BufWriter<File>, PathBuf), EngineError> {
        let path = self.folder.join(name);
        let file = private_file(&path).map_err(EngineError::io(&path))?;
        Ok((BufWriter::with_capacity(1 << 20, file), path))
    }

    /// A new JSON file of the object.
    pub(crate) fn json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), EngineError> {
        let (mut file, path) = self.file(name)?;
        serde_json::to_writer(&mut file, value)
            .map_err(std::io::Error::other)
            .map_err(EngineError::io(&path))?;
        file.flush().map_err(EngineError::io(&path))
    }

    /// Path of a file in the object as it is now.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Takes a file or a folder that was written elsewhere, under a name of the object.
    pub(crate) fn adopt(&self, name: &str, from: &Path) -> Result<(), EngineError> {
        let to = self.folder.join(name);
        if let Some(parent) = to.parent() {
            create_private_folder(parent)?;
        }
        match fs::rename(from, &to) {
            Err(e) if e.kind() == ErrorKind::CrossesDevices => copy_all(from, &to),
            renamed => renamed.map_err(EngineError::io(from)),
        }
    }

    /// Seals the files, waits until they are on the disk, and makes the object appear.
    pub(crate) fn commit(self, step: &str) -> Result<(), EngineError> {
        let mut files = BTreeMap::new();
        seal_all(&self.folder, "", &mut files)?;
        self.json(SEAL, &Seal { step: step.to_owned(), files })?;
        sync(&self.folder.join(SEAL))?;
        sync(&self.folder)?;
        match fs::rename(&self.folder, &self.target) {
            // A worker of a killed engine was there first. Keys decide results, so its object is as good as this one, if it is whole.
            Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
                let first = Object { folder: self.target.clone() };
                first
                    .check()
                    .map_err(|problem| EngineError::Other(format!("{}: {problem}", self.target.display())))?;
            }
            renamed => renamed.map_err(EngineError::io(&self.target))?,
        }
        sync(self.target.parent().unwrap_or(&self.target))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a commit there is nothing left to remove; after an error what is left would only take space.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Seals every file below a folder by its path from there, and waits until all are on the disk.
fn seal_all(folder: &Path, prefix: &str, files: &mut BTreeMap<String, FileSeal>) -> Result<(), EngineError> {
    for entry in fs::read_dir(folder).map_err(EngineError::io(folder))? {
        let entry = entry.map_err(EngineError::io(folder))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(EngineError::io(&path))?;
        let refused = |problem: &str| EngineError::Other(format!("{}: {problem}", path.display()));
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| refused("its name is not UTF-8"))?;
        let name = format!("{prefix}{name}");
        if kind.is_dir() {
            seal_all(&path, &format!("{name}/"), files)?;
            sync(&path)?;
        } else if kind.is_file() {
            sync(&path)?;
            files.insert(name, file_seal(&path).map_err(EngineError::io(&path))?);
        } else {
            return Err(refused("a result holds files and folders only, no link"));
        }
    }
    Ok(())
}

/// Copies a file, or a folder with everything in it, readable by the owner only.
fn copy_all(from: &Path, to: &Path) -> Result<(), EngineError> {
    let kind = fs::symlink_metadata(from).map_err(EngineError::io(from))?.file_type();
    if kind.is_symlink() {
        return Err(EngineError::Other(format!(
            "{}: a result holds files and folders only, no link",
            from.display()
        )));
    }
    if !kind.is_dir() {
        let mut source = File::open(from).map_err(EngineError::io(from))?;
        let mut copy = private_file(to).map_err(EngineError::io(to))?;
        return std::io::copy(&mut source, &mut copy).map(drop).map_err(EngineError::io(to));
    }
    create_private_folder(to)?;
    for entry in fs::read_dir(from).map_err(EngineError::io(from))? {
        let entry = entry.map_err(EngineError::io(from))?;
        copy_all(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn sync(path: &Path) -> Result<(), EngineError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(EngineError::io(path))
}

fn file_seal(path: &Path) -> std::io::Result<FileSeal> {
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path)?;
    let bytes = std::io::copy(&mut file, &mut hasher)?;
    Ok(FileSeal { bytes, blake3: hasher.finalize().to_hex().to_string() })
}

/// Creates a folder that only its owner can enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), EngineError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(EngineError::io(path))
}

/// Creates or empties a file that only its owner can read.
pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EngineError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.draft", std::process::id()));
    let draft = path.with_file_name(name);
    let written = private_file(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let result = written.and_then(|()| fs::rename(&draft, path)).map_err(EngineError::io(path));
    if result.is_err() {
        // The error matters, not whether its remains could be removed.
        let _ = fs::remove_file(&draft);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&Path);

    fn finished(store: &Store, key: &str) {
        let draft = store.draft(key).unwrap();
        draft.json("numbers.json", &[1, 2, 3]).unwrap();
        draft.commit("a step").unwrap();
    }

    #[test]
    fn an_object_appears_whole_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        assert!(matches!(store.find("k").unwrap(), Lookup::Absent));
        let draft = store.draft("k").unwrap();
        draft.json("numbers.json", &[1, 2, 3]).unwrap();
        assert!(matches!(store.find("k").unwrap(), Lookup::Absent));
        draft.commit("a step").unwrap();
        assert!(matches!(store.find("k").unwrap(), Lookup::Found));
        assert_eq!(store.object("k").json::<Vec<i32>>("numbers.json").unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_changed_shortened_or_lost_file_is_found_and_moved_out_of_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let spoil: [(&str, Spoil); 4] = [
            ("same length", |path| fs::write(path, "[1,2,4]").unwrap()),
            ("shorter", |path| fs::write(path, "[1,").unwrap()),
            ("gone", |path| fs::remove_file(path).unwrap()),
            ("seal", |path| fs::write(path.with_file_name(SEAL), "{").unwrap()),
        ];
        for (what, spoil) in spoil {
            finished(&store, "k");
            spoil(&store.object("k").path("numbers.json"));
            assert!(matches!(store.find("k").unwrap(), Lookup::Corrupt(_)), "{what}");
            assert!(matches!(store.find("k").unwrap(), Lookup::Absent), "{what}");
        }
        finished(&store, "k");
        store.sweep().unwrap();
        assert_eq!(fs::read_dir(folder.path().join("store")).unwrap().count(), 1);
    }

    #[test]
    fn the_second_of_two_equal_results_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let late = store.draft("k").unwrap();
        late.json("numbers.json", &[1, 2, 3]).unwrap();
        let other = Draft { folder: folder.path().join("store/k.0.draft"), target: store.folder.join("k") };
        create_private_folder(&other.folder).unwrap();
        other.json("numbers.json", &[1, 2, 3]).unwrap();
        other.commit("a step").unwrap();
        late.commit("a step").unwrap();
        assert!(matches!(store.find("k").unwrap(), Lookup::Found));
        assert_eq!(fs::read_dir(folder.path().join("store")).unwrap().count(), 1);
    }

    #[test]
    fn folders_in_an_object_are_sealed_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = folder.path().join("made");
        fs::create_dir_all(made.join("deep")).unwrap();
        fs::write(made.join("deep").join("weights"), "1").unwrap();
        let draft = store.draft("k").unwrap();
        draft.adopt("weights/made", &made).unwrap();
        draft.commit("a step").unwrap();
        let weights = store.object("k").path("weights/made/deep/weights");
        assert!(matches!(store.find("k").unwrap(), Lookup::Found));
        assert!(!made.exists());
        copy_all(&store.object("k").path("weights"), &folder.path().join("copy")).unwrap();
        assert_eq!(fs::read(folder.path().join("copy/made/deep/weights")).unwrap(), b"1");
        fs::write(weights, "2").unwrap();
        assert!(matches!(store.find("k").unwrap(), Lookup::Corrupt(_)));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_no_result() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let draft = store.draft("k").unwrap();
        std::os::unix::fs::symlink("/dev/null", draft.folder.join("link")).unwrap();
        assert!(draft.commit("a step").unwrap_err().to_string().contains("no link"));
    }

    #[test]
    fn an_abandoned_draft_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.draft("k").unwrap().json("numbers.json", &1).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("store")).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        finished(&store, "k");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o077;
        assert_eq!(mode(&store.folder), 0);
        assert_eq!(mode(&store.object("k").path("numbers.json")), 0);
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_leaves_no_draft() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("evidence.json");
        let message = write_whole(&path, b"x").unwrap_err().to_string();
        assert!(message.contains("evidence.json"), "{message}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
