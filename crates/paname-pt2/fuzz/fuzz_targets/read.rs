//! Bytes that are, or are not, an archive: whatever is read can be used.
#![no_main]

use libfuzzer_sys::fuzz_target;
use paname_pt2::Archive;

fuzz_target!(|bytes: &[u8]| {
    let Ok(archive) = Archive::read(bytes.to_vec(), "fuzzed") else { return };
    for (_, weight) in archive.weights() {
        std::hint::black_box(weight.bytes.iter().fold(0_u8, |sum, byte| sum ^ byte));
    }
    let shapes: Vec<Vec<u64>> =
        archive.program().user_tensors().map(|(_, meta)| vec![2; meta.shape.len()]).collect();
    let _ = archive.program().bind(&shapes);
    std::hint::black_box((archive.layers(), archive.output_names()));
});
