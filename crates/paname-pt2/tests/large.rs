//! How long it takes to open a large archive. `PANAME_PT2` names the file that `python export.py large FILE` writes.

use std::path::PathBuf;
use std::time::Instant;

use paname_pt2::Archive;

#[test]
#[ignore = "needs an archive of 100 MB"]
fn validate_a_large_archive_opens_at_once() {
    let Some(path) = std::env::var_os("PANAME_PT2").map(PathBuf::from) else {
        println!("validate skipped: PANAME_PT2 names no archive");
        return;
    };
    let megabytes = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    let mut seconds = f64::INFINITY;
    let mut nodes = 0;
    for _ in 0..10 {
        let begun = Instant::now();
        let archive = Archive::open(&path).unwrap();
        seconds = seconds.min(begun.elapsed().as_secs_f64());
        nodes = archive.program().graph.nodes.len();
    }
    println!(
        "validate: opening {megabytes} MB with {nodes} nodes | at most 0.3 s | {seconds:.4} s, the best | 10"
    );
    assert!(seconds < 0.3, "{seconds} s");
}
