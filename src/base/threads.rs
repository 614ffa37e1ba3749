//! Named threads with small stacks: a potato pays for every page.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a named thread with a stack of `stack_kb` KiB.
///
/// # Errors
/// The system's refusal to start one more thread.
#[allow(clippy::disallowed_methods)] // the one owner of thread creation
pub fn spawn<T: Send + 'static>(
    name: &str,
    stack_kb: usize,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).stack_size(stack_kb * 1024).spawn(run)
}
