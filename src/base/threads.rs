//! Named threads with small stacks: a potato pays for every page.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

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

/// The same for a thread that ends before `scope` does, and may borrow what lives as long.
///
/// # Errors
/// The system's refusal to start one more thread.
pub fn spawn_scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    stack_kb: usize,
    run: impl FnOnce() -> T + Send + 'scope,
) -> io::Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.to_owned()).stack_size(stack_kb * 1024).spawn_scoped(scope, run)
}
