//! Compiles the shim over libtorch, and tells the linker where libtorch lies, for the programs of this package. A plugin needs no such path: its host has
//! libtorch open already.

use std::path::PathBuf;

const SHIM: &str = "src/program/shim.cpp";
const PRECONDITIONS: &str = "src/program/preconditions.h";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for file in [SHIM, PRECONDITIONS] {
        println!("cargo:rerun-if-changed={file}");
    }
    for variable in ["LIBTORCH_INCLUDE", "LIBTORCH_CXX11_ABI"] {
        println!("cargo:rerun-if-env-changed={variable}");
    }
    let Some(library) = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from) else { return };
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", library.display());
    // Beside the library, in an installed PyTorch as well, unless a variable says otherwise, as for torch-sys.
    let root = std::env::var_os("LIBTORCH_INCLUDE").map_or_else(|| library.join(".."), PathBuf::from);
    let abi = std::env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".into());
    cc::Build::new()
        .cpp(true)
        .pic(true)
        .std("c++17")
        .flag("-isystem")
        .flag(root.join("include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .file(SHIM)
        .compile("paname_program");
}
