//! Where this process spends time and memory, part by part: its threads by name, its mappings by what they are of,
//! its input and output. From `/proc/self` (proc(5)), once, when somebody asks.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

const TASKS: &str = "/proc/self/task";
/// Mappings of one process that are looked at.
const LINES_MOST: usize = 200_000;

/// How many of a kind, and what they take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// Threads, mappings, calls.
    pub count: u64,
    /// Microseconds or bytes.
    pub total: u64,
}

/// Parts by name.
pub type Shares = BTreeMap<String, Share>;

fn add(shares: &mut Shares, name: &str, total: u64) {
    let share = shares.entry(name.to_owned()).or_default();
    share.count += 1;
    share.total = share.total.saturating_add(total);
}

/// Processor time of the threads that live, in microseconds; `search-0` and `search-1` are one part.
#[must_use]
pub fn threads() -> Shares {
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    let mut shares = Shares::new();
    for task in fs::read_dir(TASKS).into_iter().flatten().flatten() {
        // A thread may end while it is looked at.
        let Ok(stat) = fs::read_to_string(task.path().join("stat")) else { continue };
        if let Some((name, spent)) = thread(&stat) {
            add(&mut shares, part(name), spent.saturating_mul(1_000_000) / ticks);
        }
    }
    shares
}

/// Name and ticks of user and system time. A name may hold anything, parentheses too.
fn thread(stat: &str) -> Option<(&str, u64)> {
    let (head, rest) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once(" (")?;
    let mut words = rest.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some((name, user + system))
}

fn part(name: &str) -> &str {
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit());
    bare.strip_suffix('-').filter(|bare| !bare.is_empty() && bare.len() + 1 < name.len()).unwrap_or(name)
}

/// Resident bytes by what is mapped.
#[must_use]
pub fn mappings() -> Shares {
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let file = File::open("/proc/self/smaps");
    file.map_or_else(|_| Shares::new(), |file| resident(BufReader::new(file), &program))
}

fn resident(smaps: impl BufRead, program: &Path) -> Shares {
    let mut shares = Shares::new();
    let mut kind = "memory";
    for line in smaps.lines().take(LINES_MOST).map_while(Result::ok) {
        if let Some(rest) = line.strip_prefix("Rss:") {
            let kb: u64 = rest.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
            add(&mut shares, kind, kb.saturating_mul(1024));
        } else if line.starts_with(|c: char| c.is_ascii_digit() || ('a'..='f').contains(&c)) {
            // Address, rights, offset, device, inode; then the path, which may have blanks.
            let at = line.find(['/', '[']).unwrap_or(line.len());
            kind = of_path(line.get(at..).unwrap_or_default(), program);
        }
    }
    shares
}

fn of_path(path: &str, program: &Path) -> &'static str {
    match path {
        "" | "[heap]" => "memory",
        _ if path.starts_with("[anon") => "memory",
        _ if path.starts_with("[stack") => "stack",
        _ if path.starts_with('[') => "kernel",
        _ if Path::new(path) == program => "program",
        _ if path.contains("/models/") => "models",
        _ if path.contains("/segments/") => "index",
        _ if path.contains(".so") => "libraries",
        _ => "other files",
    }
}

/// Calls and bytes, read and written: as asked for (`files`), and as they reached the disk.
#[must_use]
pub fn traffic() -> Shares {
    let text = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    let share = |count, total| Share { count, total };
    [
        ("files read", share(value("syscr"), value("rchar"))),
        ("files written", share(value("syscw"), value("wchar"))),
        ("disk read", share(0, value("read_bytes"))),
        ("disk written", share(0, value("write_bytes"))),
    ]
    .map(|(name, share)| (name.to_owned(), share))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_parts_by_name() {
        let stat = "77 (a) (b-12) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(thread(stat), Some(("a) (b-12", 300)));
        assert_eq!(
            [part("search-0"), part("search-12"), part("ticker"), part("-1"), part("a-")],
            ["search", "search", "ticker", "-1", "a-"]
        );
        assert!(threads().values().map(|share| share.count).sum::<u64>() >= 1);
    }

    #[test]
    fn mappings_are_of_something() {
        let smaps = "55d0-55d1 r-xp 0 fd:01 12   /usr/bin/spud\nRss:      300 kB\nPss: 1 kB\n\
            7f00-7f01 rw-p 0 00:00 0 \nRss:  40 kB\nAnonymous: 40 kB\n7f02-7f03 rw-p 0 00:00 0 [heap]\nRss: 60 kB\n\
            7f04-7f05 r--s 0 fd:01 9 /var/lib/sp ud/segments/a/1.seg\nRss: 8 kB\n";
        let shares = resident(smaps.as_bytes(), Path::new("/usr/bin/spud"));
        let kb = |name: &str| (shares[name].count, shares[name].total / 1024);
        assert_eq!((kb("program"), kb("memory"), kb("index")), ((1, 300), (2, 100), (1, 8)));
        assert!(mappings().contains_key("memory"));
    }

    #[test]
    fn traffic_is_counted() {
        assert!(traffic().len() == 4 && traffic()["files read"].total > 0);
    }
}
