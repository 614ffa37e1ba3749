//! Packs the texts that the program carries, and links the release binary small.
//!
//! - Files of `assets/` become DEFLATE streams beside the compiler's other output; `asset!` includes them.
//! - Packed relative relocations (DT_RELR) take 10 KB where RELA takes 600; the loader must know them
//!   (glibc 2.36, musl 1.2.4).
//! - Unwind tables are left out: see the linker script.
//! - Functions with the same code are one (LLD's --icf): many instances of generics are. Nothing here compares
//!   functions by their address. Only where rustc brings LLD by itself; others do not know the option.

use std::path::Path;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Folders of `assets/` whose files the program carries packed.
const PACKED: [&str; 9] =
    ["compliance", "corpus", "dashboards", "evidence", "openapi", "policies", "rules", "sla", "violations"];
const SCRIPT: &str = "assets/link/without-unwind-tables.ld";

fn pack(folder: &str, out: &Path) -> io::Result<()> {
    let from = Path::new("assets").join(folder);
    println!("cargo:rerun-if-changed={}", from.display());
    fs::create_dir_all(out.join(folder))?;
    for entry in fs::read_dir(&from)? {
        let name = entry?.file_name();
        let place = out.join(folder).join(&name);
        // A copy of the target folder may be linked to the old one.
        let _ = fs::remove_file(&place);
        let packed = fs::File::create(place)?;
        let mut packer = DeflateEncoder::new(packed, Compression::best());
        io::copy(&mut fs::File::open(from.join(&name))?, &mut packer)?;
        packer.finish()?;
    }
    Ok(())
}

fn main() -> io::Result<()> {
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    for folder in PACKED {
        pack(folder, Path::new(&out))?;
    }
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
    Ok(())
}
