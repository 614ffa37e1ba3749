//! Links the release binary small; everything else is built as cargo does by itself.
//!
//! - Packed relative relocations (DT_RELR) take 10 KB where RELA takes 600; the loader must know them
//!   (glibc 2.36, musl 1.2.4).
//! - Unwind tables are left out: see the linker script.
//! - Functions with the same code are one (LLD's --icf): many instances of generics are. Nothing here compares
//!   functions by their address. Only where rustc brings LLD by itself; others do not know the option.

use std::env;

const SCRIPT: &str = "assets/link/without-unwind-tables.ld";

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-changed={SCRIPT}");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if let (true, Ok(project)) = (release && linux, env::var("CARGO_MANIFEST_DIR")) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{project}/{SCRIPT}");
        if env::var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-gnu") {
            println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
        }
    }
}
