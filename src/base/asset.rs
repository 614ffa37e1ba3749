//! Texts that the program carries, packed by the build.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// The text of a file below `assets/`, in a folder that `build.rs` packs: `asset!("rules/spud.yaml")`.
#[macro_export]
macro_rules! asset {
    ($path:literal) => {
        $crate::base::unpacked(include_bytes!(concat!(env!("OUT_DIR"), "/", $path)))
    };
}

/// Unpacks what the build packed; it cannot fail but with the program's own file damaged.
#[must_use]
pub fn unpacked(packed: &[u8]) -> String {
    let mut text = String::new();
    // What could be read shows better what is wrong than nothing does.
    drop(DeflateDecoder::new(packed).read_to_string(&mut text));
    text
}
