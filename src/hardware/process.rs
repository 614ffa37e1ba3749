//! What this process uses now, read from `/proc/self` through one buffer that is kept.

use std::fs::File;
use std::io::Read;

/// Memory and processor time of this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Process {
    /// Resident bytes, mapped files included (`VmRSS`).
    pub rss: u64,
    /// Resident bytes that cannot be dropped and read again (`RssAnon`).
    pub anonymous: u64,
    /// Most that was ever resident (`VmHWM`).
    pub peak: u64,
    pub threads: u32,
    /// User and system time since start.
    pub cpu_us: u64,
}

/// Reads [`Process`] again and again without allocating.
#[derive(Debug, Default)]
pub struct ProcessReader {
    buffer: Vec<u8>,
}

impl ProcessReader {
    /// What this process uses now; zeros where `/proc` is not mounted.
    pub fn read(&mut self) -> Process {
        let mut found = Process { cpu_us: cpu_time(), ..Process::default() };
        self.buffer.clear();
        let read = File::open("/proc/self/status")
            .and_then(|file| file.take(64 << 10).read_to_end(&mut self.buffer));
        if read.is_err() {
            return found;
        }
        for line in self.buffer.split(|&byte| byte == b'\n') {
            if let Some(kb) = value(line, b"VmRSS:") {
                found.rss = kb.saturating_mul(1024);
            } else if let Some(kb) = value(line, b"RssAnon:") {
                found.anonymous = kb.saturating_mul(1024);
            } else if let Some(kb) = value(line, b"VmHWM:") {
                found.peak = kb.saturating_mul(1024);
            } else if let Some(count) = value(line, b"Threads:") {
                found.threads = u32::try_from(count).unwrap_or(u32::MAX);
            }
        }
        found
    }
}

fn value(line: &[u8], key: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(key)?;
    let digits = rest.iter().filter(|byte| byte.is_ascii_digit());
    Some(digits.fold(0u64, |sum, &digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}

/// Processor time of the whole process, by its own clock.
fn cpu_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let mut reader = ProcessReader::default();
        let first = reader.read();
        assert!(first.rss > 100_000 && first.peak >= first.rss && first.anonymous <= first.rss);
        assert!(first.threads >= 1);
        assert!(reader.read().cpu_us >= first.cpu_us);
    }
}
