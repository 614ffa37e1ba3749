//! How short of memory the kernel says this box, or this service's cgroup, is.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::hardware::memory_group;

/// One reading; zeros where the kernel does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Pressure {
    /// Percent of the last 10 s in which some work waited for memory.
    pub some: f64,
    /// All work waited.
    pub full: f64,
    /// Percent of the cgroup's limit that is in use and cannot simply be dropped.
    pub group_percent: Option<f64>,
    /// Kills for want of memory in this cgroup, ever.
    pub kills: u64,
}

/// Reads the same few files again and again through one buffer.
#[derive(Debug, Default)]
pub struct PressureReader {
    pressure: Option<PathBuf>,
    group: Option<PathBuf>,
    buffer: String,
}

impl PressureReader {
    /// Finds the files: what systemd names in `MEMORY_PRESSURE_WATCH` (`/dev/null` asks not to look), the
    /// service's own cgroup, or the whole box.
    #[must_use]
    pub fn new(root: &Path, watch: Option<&Path>) -> Self {
        let group = memory_group(root);
        let own = group.as_ref().map(|group| group.join("memory.pressure")).filter(|path| path.exists());
        let whole = root.join("proc/pressure/memory");
        let pressure = match watch {
            Some(path) if path == Path::new("/dev/null") => None,
            Some(path) => Some(path.to_owned()),
            None => own.or(Some(whole)),
        };
        Self { pressure, group, buffer: String::new() }
    }

    /// What the kernel says now.
    pub fn read(&mut self) -> Pressure {
        let mut found = Pressure::default();
        if let Some(text) = self.pressure.clone().and_then(|path| self.text(&path)) {
            (found.some, found.full) = parse_pressure(text);
        }
        let Some(group) = self.group.clone() else { return found };
        if let Some(text) = self.text(&group.join("memory.events")) {
            found.kills = parse_kills(text);
        }
        let number = |text: &str| text.trim().parse::<u64>().ok();
        let limit = self.text(&group.join("memory.max")).and_then(number);
        if let (Some(limit), Some(used)) = (limit, self.text(&group.join("memory.current")).and_then(number))
        {
            let files = self.text(&group.join("memory.stat")).map_or(0, parse_files);
            found.group_percent = percent(used.saturating_sub(files), limit);
        }
        found
    }

    fn text(&mut self, path: &Path) -> Option<&str> {
        self.buffer.clear();
        File::open(path).ok()?.take(16 << 10).read_to_string(&mut self.buffer).ok()?;
        Some(&self.buffer)
    }
}

/// `part` of `whole` in percent; `None` of nothing.
#[must_use]
#[allow(clippy::cast_precision_loss)] // a percentage
pub(super) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 * 100.0 / whole as f64)
}

/// `some avg10=1.23 avg60=…` and `full avg10=…`.
fn parse_pressure(text: &str) -> (f64, f64) {
    let of = |kind: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        let field = line?.split(' ').find_map(|field| field.strip_prefix("avg10="))?;
        field.parse::<f64>().ok().filter(|value| value.is_finite()).map(|value| value.clamp(0.0, 100.0))
    };
    (of("some").unwrap_or(0.0), of("full").unwrap_or(0.0))
}

/// `oom_kill` of `memory.events`. Its `max` counts every reclaim of mapped files and says nothing.
fn parse_kills(text: &str) -> u64 {
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok()).unwrap_or(0)
}

/// Bytes of files in `memory.stat`: pages that can be dropped and read again.
fn parse_files(text: &str) -> u64 {
    let of = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    of("active_file ").unwrap_or(0).saturating_add(of("inactive_file ").unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: &str =
        "some avg10=12.34 avg60=3.00 avg300=0.10 total=123\nfull avg10=4.50 avg60=1.00 avg300=0.00 total=9\n";

    #[test]
    fn samples_are_understood() {
        assert_eq!(parse_pressure(SAMPLE), (12.34, 4.5));
        assert_eq!(parse_pressure("some avg10=1.00 avg60=0\n"), (1.0, 0.0), "the whole box has no full line");
        assert_eq!(parse_pressure("some avg10=NaN\nfull avg10=inf"), (0.0, 0.0));
        assert_eq!(parse_kills("low 0\nhigh 3\nmax 1234\noom 2\noom_kill 2\noom_group_kill 0\n"), 2);
        assert_eq!(parse_files("anon 5\nfile 99\ninactive_file 40\nactive_file 2\n"), 42);
        assert_eq!(percent(1, 0), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_pressure(text in ".{0,200}") {
            let (some, full) = parse_pressure(&text);
            prop_assert!((0.0..=100.0).contains(&some) && (0.0..=100.0).contains(&full));
            let _ = (parse_kills(&text), parse_files(&text));
        }
    }

    #[test]
    fn a_made_up_group_is_read() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("proc/self/cgroup", "0::/spud.service\n");
        put("sys/fs/cgroup/spud.service/memory.pressure", SAMPLE);
        put("sys/fs/cgroup/spud.service/memory.events", "oom_kill 1\n");
        put("sys/fs/cgroup/spud.service/memory.max", "1000\n");
        put("sys/fs/cgroup/spud.service/memory.current", "900\n");
        put("sys/fs/cgroup/spud.service/memory.stat", "inactive_file 100\nactive_file 50\n");
        let found = PressureReader::new(root.path(), None).read();
        assert_eq!(found, Pressure { some: 12.34, full: 4.5, group_percent: Some(75.0), kills: 1 });
        put("sys/fs/cgroup/spud.service/memory.max", "max\n");
        assert_eq!(PressureReader::new(root.path(), None).read().group_percent, None);
        let watch = root.path().join("watch");
        put("watch", "some avg10=50.00 avg60=0.00 avg300=0.00 total=0\n");
        assert!((PressureReader::new(root.path(), Some(&watch)).read().some - 50.0).abs() < 1e-9);
        let none = PressureReader::new(root.path(), Some(Path::new("/dev/null"))).read();
        assert!(none.some == 0.0, "systemd asked not to look");
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(PressureReader::new(empty.path(), None).read(), Pressure::default());
    }
}
