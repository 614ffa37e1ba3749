//! What the box writes, and what that does to its flash.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::run::Inner;
use crate::api::types::WriteStatus;
use crate::base::Clock;
use crate::hardware::{Probe, WriteReader, Writes};

/// Rates of less than this say nothing.
const LEAST_MS: u64 = 60_000;
const DAY_MS: u64 = 86_400_000;
const YEAR_DAYS: f64 = 365.0;

/// Remembers where the counts stood when somebody first looked: a box that nobody looks at probes nothing.
pub(super) struct Wear {
    data: PathBuf,
    start: OnceLock<(WriteReader, Writes, u64)>,
    opened_ms: u64,
}

impl Wear {
    pub(super) fn new(data: &Path, clock: &dyn Clock) -> Self {
        Self { data: data.to_owned(), start: OnceLock::new(), opened_ms: clock.monotonic_us() / 1000 }
    }

    #[allow(clippy::cast_precision_loss)] // a rate for people
    pub(super) fn status(&self, inner: &Inner) -> WriteStatus {
        let now_ms = inner.clock.monotonic_us() / 1000;
        let (reader, first, first_ms) = self.start.get_or_init(|| {
            let reader =
                WriteReader::new(Path::new("/"), &Probe::read(Path::new("/"), &self.data).storage.device);
            let writes = reader.read();
            (reader, writes, now_ms)
        });
        let writes = reader.read();
        let (corpus, control) = (inner.library.written(), inner.modes.control.written());
        let (bytes, commits) = (corpus.bytes + control.bytes, corpus.commits + control.commits);
        let of_process = a_day(writes.process, now_ms.saturating_sub(self.opened_ms));
        let since = |now: u64| now.saturating_sub(first.device.unwrap_or(now));
        let of_device = writes.device.and_then(|now| a_day(since(now), now_ms.saturating_sub(*first_ms)));
        let rewrites = of_device.filter(|_| writes.device_size > 0);
        WriteStatus {
            process_bytes: writes.process,
            store_bytes: bytes,
            commits,
            bytes_per_commit: bytes.checked_div(commits).unwrap_or(0),
            bytes_per_day: of_process,
            device_bytes_per_day: of_device,
            device_bytes: writes.device_size,
            device_rewrites_per_year: rewrites
                .map(|bytes| bytes as f64 * YEAR_DAYS / writes.device_size as f64),
        }
    }
}

/// Bytes of a day at the rate of `bytes` in `ms`.
fn a_day(bytes: u64, ms: u64) -> Option<u64> {
    (ms >= LEAST_MS).then(|| {
        let day = u128::from(bytes) * u128::from(DAY_MS) / u128::from(ms);
        u64::try_from(day).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_need_a_minute() {
        assert_eq!(a_day(1_000, 59_999), None);
        assert_eq!(a_day(1_000, 86_400_000), Some(1_000));
        assert_eq!(a_day(1_000, 60_000), Some(1_440_000));
        assert_eq!(a_day(u64::MAX, 60_000), Some(u64::MAX));
    }
}
