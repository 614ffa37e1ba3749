//! Memory that a large job leaves behind: what it freed, and the code that only it ran.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::fs;
use std::ops::Range;

use rustix::mm::{Advice, madvise};

/// Gives back what is free or not in use: a small box needs it. glibc keeps what was freed; code that ran once
/// counts as resident until memory is short. Code that is run again is mapped again from the page cache.
pub fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes a number, gives a number, and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
    for code in fs::read_to_string("/proc/self/maps").iter().flat_map(|maps| maps.lines()).filter_map(code_in)
    {
        let start = std::ptr::with_exposed_provenance_mut::<c_void>(code.start);
        // SAFETY: these pages are mapped from a file, executable and not writable: they never differ from the
        // file, so that a dropped one has its content again when it is run next, as after memory was short.
        let _ = unsafe { madvise(start, code.len(), Advice::LinuxDontNeed) };
    }
}

/// The span of a line of `/proc/self/maps` (proc(5)) that is code of a file.
fn code_in(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (span, kind, _, _, inode) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let (start, end) = span.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (kind == "r-xp" && inode != "0").then_some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_let_go() {
        let code = "55d0c000-55d0f000 r-xp 00002000 fd:01 1234   /usr/bin/spud with a space";
        assert_eq!(code_in(code), Some(0x55d0_c000..0x55d0_f000));
        for other in [
            "55d0c000-55d0f000 r--p 00002000 fd:01 1234   /usr/bin/spud",
            "55d0c000-55d0f000 rw-p 00002000 fd:01 1234   /usr/bin/spud",
            "7ffc0000-7ffc2000 r-xp 00000000 00:00 0      [vdso]",
            "garbage",
            "x-y r-xp 0 0 1 z",
            "",
        ] {
            assert_eq!(code_in(other), None, "{other}");
        }
    }

    #[test]
    fn the_program_goes_on_with_what_it_needs() {
        let before: Vec<u64> = (0..1000).map(|n| n * n).collect();
        trim_memory();
        assert!(before.iter().enumerate().all(|(n, square)| *square == (n * n) as u64));
    }
}
