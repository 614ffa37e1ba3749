//! Random bytes of the kernel.

use rustix::rand::{GetRandomFlags, getrandom};

/// Bytes that nobody can guess; waits until the kernel has gathered enough after power-up.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match getrandom(rest, GetRandomFlags::empty()) {
            Ok(some) => filled += some,
            Err(rustix::io::Errno::INTR) => {}
            // Linux has had it since 3.17; a key that can be guessed is worse than none.
            Err(_) => std::process::abort(),
        }
    }
    bytes
}
