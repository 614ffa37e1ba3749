//! Where time, memory and disk go, opened over whatever is shown.

use crate::api::types::{Profile, ProfileRow};
use crate::base::format_bytes;
use crate::tui::model::{Model, Overlay};
use crate::tui::text::micros;

/// Parts of a kind that are named.
const NAMED: usize = 12;

/// Opens a profile.
pub(super) fn shown(model: &mut Model, profile: &Profile) {
    let up = humantime::format_duration(std::time::Duration::from_secs(profile.uptime_ms / 1000));
    let mut fields = vec![("up".to_owned(), up.to_string())];
    let mut add = |kind: &str, rows: &[ProfileRow], amount: fn(u64) -> String| {
        for row in rows.iter().filter(|row| row.total > 0).take(NAMED) {
            fields.push((kind.to_owned(), format!("{} {} ({})", amount(row.total), row.name, row.count)));
        }
    };
    add("processor", &profile.cpu, micros);
    add("memory", &profile.memory, format_bytes);
    add("io", &profile.io, format_bytes);
    add("time", &profile.time, micros);
    for gauge in profile.budgets.iter().filter(|gauge| gauge.used > 0 && gauge.unit == "bytes") {
        let text = format!("{} of {} {}", format_bytes(gauge.used), format_bytes(gauge.limit), gauge.name);
        fields.push(("budget".to_owned(), text));
    }
    model.overlay = Some(Overlay::Detail { title: "Profile".to_owned(), fields, top: 0 });
}
