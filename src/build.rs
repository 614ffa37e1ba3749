//! Links the release binary small; everything else is built as cargo does by itself.
//!
//! - Packed relative relocations (DT_RELR) take 20 KB where RELA takes 600; the loader must know them
//!   (glibc 2.36, musl 1.2.4).
//! - A release aborts on panic and has no symbols, so nothing can use its unwind tables, 700 KB.

use std::path::Path;
use std::{env, fs};

const WITHOUT_UNWIND_TABLES: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.gcc_except_table*) } } INSERT AFTER .text;\n";

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if !(release && linux) {
        return;
    }
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    if let Ok(folder) = env::var("OUT_DIR") {
        let script = Path::new(&folder).join("without-unwind-tables.ld");
        if fs::write(&script, WITHOUT_UNWIND_TABLES).is_ok() {
            println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
        }
    }
}
