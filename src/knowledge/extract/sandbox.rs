//! The child's cage: limits of memory, time and files, and no way to open or reach anything.
//!
//! Invariant: after [`enter`] the process has its input, its answer pipe and nothing else.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::Limits;

/// Closes the cage; answers the pipe to the parent, which no library can print to by accident.
pub(super) fn enter(limits: &Limits) -> io::Result<OwnedFd> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    let answers = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    drop(nowhere);
    let only = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Fsize, only(0))?;
    setrlimit(Resource::Core, only(0))?;
    setrlimit(Resource::Nofile, only(8))?;
    setrlimit(Resource::Cpu, only(limits.child_seconds.saturating_add(1)))?;
    setrlimit(Resource::As, only(limits.child_memory.max(32 << 20)))?;
    // SAFETY: resetting SIGSEGV to its default touches no memory of ours; a stack overflow then ends the
    // process with that signal, which the parent tells apart from an abort for lack of memory.
    unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
    refuse_calls()?;
    Ok(answers)
}

/// Ends the process at once.
pub(super) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` has no precondition; no other thread runs in the child.
    unsafe { libc::_exit(code) }
}

/// A seccomp filter: calls that open, connect, start or watch anything fail with EPERM.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64"))]
fn refuse_calls() -> io::Result<()> {
    #[cfg(target_arch = "x86_64")]
    const NATIVE: u32 = 0xc000_003e;
    #[cfg(target_arch = "aarch64")]
    const NATIVE: u32 = 0xc000_00b7;
    #[cfg(target_arch = "arm")]
    const NATIVE: u32 = 0x4000_0028;
    #[cfg(target_arch = "riscv64")]
    const NATIVE: u32 = 0xc000_00f3;
    const LOAD: u16 = 0x20;
    const EQUAL: u16 = 0x15;
    const ABOVE: u16 = 0x35;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const REFUSE: u32 = 0x0005_0001;
    const KILL: u32 = 0x8000_0000;
    let count = u8::try_from(REFUSED.len() + REFUSED_OLD.len()).unwrap_or(u8::MAX);
    let step = |code: u16, k: u32, jt: u8, jf: u8| libc::sock_filter { code, jt, jf, k };
    // Offset 4 of seccomp_data is the architecture, offset 0 the number of the call.
    let mut filter =
        vec![step(LOAD, 4, 0, 0), step(EQUAL, NATIVE, 1, 0), step(RETURN, KILL, 0, 0), step(LOAD, 0, 0, 0)];
    // Calls of the x32 table would go around the numbers below.
    filter.push(step(ABOVE, 0x4000_0000, count.saturating_add(1), 0));
    for (at, call) in (0_u8..).zip(REFUSED.iter().chain(REFUSED_OLD)) {
        filter.push(step(EQUAL, u32::try_from(*call).unwrap_or(u32::MAX), count - at, 0));
    }
    filter.push(step(RETURN, ALLOW, 0, 0));
    filter.push(step(RETURN, REFUSE, 0, 0));
    let program =
        libc::sock_fprog { len: u16::try_from(filter.len()).unwrap_or(0), filter: filter.as_mut_ptr() };
    // SAFETY: `program` points to `filter`, both live across the call; the kernel copies and checks it.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    // A kernel without seccomp still has the limits above.
    let _ = done;
    Ok(())
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm", target_arch = "riscv64"))]
const REFUSED: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_open_by_handle_at,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_mount,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_perf_event_open,
    libc::SYS_memfd_create,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_keyctl,
    libc::SYS_prlimit64,
];

/// Calls that newer architectures never had.
#[cfg(any(target_arch = "x86_64", target_arch = "arm"))]
const REFUSED_OLD: &[libc::c_long] = &[
    libc::SYS_open,
    libc::SYS_creat,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_mkdir,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_chown,
];
#[cfg(any(target_arch = "aarch64", target_arch = "riscv64"))]
const REFUSED_OLD: &[libc::c_long] = &[];

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "arm",
    target_arch = "riscv64"
)))]
fn refuse_calls() -> io::Result<()> {
    Ok(())
}
