//! Tells the linker where libtorch lies, for the tests of this package, which are linked to it. The plugin needs no such path: its host has libtorch open.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg-tests=-Wl,-rpath,{folder}");
    }
}
