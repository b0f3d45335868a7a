//! Tells the library what it is compiled for and by: plugins carry both, and hosts compare the first.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name| std::env::var(name).unwrap_or_default();
    println!("cargo::rustc-env=PANAME_TARGET={}", variable("TARGET"));
    let version = Command::new(variable("RUSTC")).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("cargo::rustc-env=PANAME_RUSTC={}", version.unwrap_or_default());
}
