//! The allocator's free memory.
#![allow(unsafe_code)]

/// Gives freed memory back to the system: glibc keeps what a large job freed, and a small box needs it.
pub fn trim_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes a number, gives a number, and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
