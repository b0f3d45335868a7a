//! Arrays of predictions, ids and membership.

use std::fs;
use std::path::Path;

use crate::audit::{Case, MODELS, each, floats, membership, npy, set_float, texts};

fn digits(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits").join(name)).unwrap()
}

#[test]
fn a_bad_array_is_refused_with_file_and_place() {
    let cases: &[Case] = &[
        ("NaN logit of the target", |audit| set_float(audit, "target.npy", 1, f32::NAN)),
        ("infinite logit of a reference model", |audit| {
            set_float(audit, "references.npy", 1, f32::INFINITY);
        }),
        ("fewer rows than ids", |audit| audit.write("target.npy", floats(&[100, 3], &[0.5; 300]))),
        ("one axis", |audit| audit.write("target.npy", floats(&[120], &[0.5; 120]))),
        ("three axes", |audit| audit.write("target.npy", floats(&[1, 120, 3], &[0.5; 360]))),
        ("other classes than the target", |audit| {
            audit.write("references.npy", floats(&[MODELS, 120, 4], &[0.5; MODELS * 480]));
        }),
        ("fewer models in the membership", |audit| audit.write("member.npy", membership(5))),
        ("fewer records in the membership", |audit| {
            audit.write("member.npy", npy("|b1", &[MODELS, 80], &[1; MODELS * 80]));
        }),
        ("membership that is neither 0 nor 1", |audit| {
            audit.write("member.npy", npy("|u1", &[MODELS, 120], &[2; MODELS * 120]));
        }),
        ("label beyond the classes", |audit| {
            audit.write("target.npy", floats(&[120, 2], &[0.5; 240]));
        }),
        ("ids missing", |audit| {
            audit.write("ids.npy", texts(&(0..120).map(|r| format!("r{r}")).collect::<Vec<_>>()));
        }),
        ("ids doubled", |audit| {
            audit.write("ids.npy", texts(&(0..120).map(|r| format!("r{}", r % 119)).collect::<Vec<_>>()));
        }),
        ("ids that are not UTF-8", |audit| audit.write("ids.npy", texts(&[&b"\xe9"[..]; 120]))),
        ("ids of another type", |audit| audit.write("ids.npy", floats(&[120], &[1.0; 120]))),
        ("Python objects", |audit| audit.write("target.npy", npy("|O", &[120], b"\x80\x04]."))),
        ("Python objects as ids", |audit| audit.write("ids.npy", npy("|O", &[120], b"\x80\x04]."))),
        ("cut short", |audit| {
            let bytes = audit.bytes("references.npy");
            audit.write("references.npy", &bytes[..bytes.len() - 7]);
        }),
        ("cut within the header", |audit| {
            let bytes = audit.bytes("target.npy");
            audit.write("target.npy", &bytes[..40]);
        }),
        ("no bytes", |audit| audit.write("target.npy", "")),
        ("no npy file", |audit| audit.write("target.npy", "id,logit\n")),
        ("no file", |audit| audit.remove("member.npy")),
        ("a folder", |audit| {
            audit.remove("target.npy");
            fs::create_dir(audit.path("target.npy")).unwrap();
        }),
        ("truncated npz", |audit| {
            let bytes = digits("target.npz");
            audit.write("target.npz", &bytes[..bytes.len() / 2]);
            audit.replace("audit.toml", "target.npy", "target.npz#logits");
        }),
        ("npz without a byte", |audit| {
            audit.write("target.npz", "");
            audit.replace("audit.toml", "target.npy", "target.npz#logits");
        }),
        ("npz without the array", |audit| {
            audit.write("target.npz", digits("target.npz"));
            audit.replace("audit.toml", "target.npy", "target.npz#logit");
        }),
        ("npz with a flipped bit", |audit| {
            let mut bytes = digits("target.npz");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            audit.write("target.npz", bytes);
            audit.replace("audit.toml", "target.npy", "target.npz#logits");
        }),
    ];
    insta::assert_snapshot!("arrays", each(cases));
}
