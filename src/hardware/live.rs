//! What changes while the box runs, once a second: load, temperature, free space, this process.

use std::path::PathBuf;
use std::time::Instant;

use sysinfo::{Components, System};

use super::storage::space;
use super::{Process, ProcessReader};

/// One reading.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sample {
    pub process: Process,
    /// Of this process since the reading before; 100 is one core.
    pub cpu_percent: f32,
    /// Over 1, 5 and 15 minutes.
    pub load: [f32; 3],
    /// The hottest sensor.
    pub temperature_c: Option<f32>,
    pub disk_free: u64,
    pub disk_total: u64,
}

/// Takes readings; keeps what must not be found again each time.
pub struct Sampler {
    data_dir: PathBuf,
    components: Components,
    process: ProcessReader,
    last: Option<(Instant, u64)>,
}

impl Sampler {
    /// Finds the sensors of the box.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        let components = Components::new_with_refreshed_list();
        Self { data_dir, components, process: ProcessReader::default(), last: None }
    }

    /// Reads everything once.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // shown with three digits
    pub fn sample(&mut self) -> Sample {
        let process = self.process.read();
        let now = Instant::now();
        let cpu_percent = self.last.map_or(0.0, |(then, used)| {
            let wall = now.duration_since(then).as_micros() as f32;
            if wall > 0.0 { process.cpu_us.saturating_sub(used) as f32 * 100.0 / wall } else { 0.0 }
        });
        self.last = Some((now, process.cpu_us));
        for component in self.components.list_mut() {
            component.refresh();
        }
        let temperatures = self.components.list().iter().filter_map(sysinfo::Component::temperature);
        let temperature_c = temperatures.filter(|celsius| celsius.is_finite()).reduce(f32::max);
        let load = System::load_average();
        let (disk_free, disk_total) = space(&self.data_dir);
        Sample {
            process,
            cpu_percent,
            load: [load.one as f32, load.five as f32, load.fifteen as f32],
            temperature_c,
            disk_free,
            disk_total,
        }
    }
}
