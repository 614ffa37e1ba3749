//! `spud doctor`: the box, its tier and why, and each budget.

use super::context::Context;
use super::error::CliError;
use super::output::clean;
use super::status::limit;
use crate::api::types::{Hardware, PowerSupply};
use crate::base::format_bytes;

pub(super) fn run(context: &mut Context) -> Result<u8, CliError> {
    let box_: Hardware = context.connect()?.get("/v1/hardware")?;
    if context.json {
        context.print_json(&box_)?;
        return Ok(0);
    }
    for (name, value) in facts(&box_) {
        context.out.line(&format!("{name:<13} {}", clean(&value)))?;
    }
    context.out.line("")?;
    let tier = context.out.paint.bold(&format!("tier {}", clean(&box_.tier)));
    context.out.line(&tier)?;
    context.out.wrapped(2, &clean(&box_.tier_reason))?;
    context.out.line("")?;
    let rows: Vec<Vec<String>> = box_
        .budgets
        .iter()
        .map(|gauge| vec![gauge.name.clone(), limit(gauge), gauge.about.clone()])
        .collect();
    context.out.table(&["BUDGET", "LIMIT", "FOR"], &rows)?;
    context.out.line(&format!("The parts in memory add up to {}.", format_bytes(box_.budget_sum)))?;
    for warning in &box_.warnings {
        let line = context.out.paint.bad(&format!("warning: {}", clean(warning)));
        context.out.line(&line)?;
    }
    if box_.warnings.is_empty() {
        let line = context.out.paint.good("Nothing to mend.");
        context.out.line(&line)?;
    }
    Ok(0)
}

fn facts(box_: &Hardware) -> Vec<(&'static str, String)> {
    let cgroup = box_.memory_cgroup_limit.map_or_else(|| "none".to_owned(), format_bytes);
    let mut facts = vec![
        (
            "memory",
            format!(
                "{} usable ({} physical, cgroup limit {cgroup}), {} available",
                format_bytes(box_.memory_effective),
                format_bytes(box_.memory_physical),
                format_bytes(box_.memory_available)
            ),
        ),
        (
            "swap",
            format!(
                "{} of {} used, zram {}",
                format_bytes(box_.swap_used),
                format_bytes(box_.swap_total),
                format_bytes(box_.zram_total)
            ),
        ),
        ("processor", format!("{} cores, {}, {}", box_.cores, box_.cpu_model, box_.cpu_arch)),
        (
            "features",
            format!("{}; vectors by {}", list(box_.cpu_features.iter().cloned()), box_.vector_kernel),
        ),
        (
            "storage",
            format!(
                "{} ({}, {}), {} of {} free",
                box_.storage_kind,
                box_.storage_device,
                box_.storage_filesystem,
                format_bytes(box_.disk_free_bytes),
                format_bytes(box_.disk_total_bytes)
            ),
        ),
    ];
    facts.push((
        "thermal",
        list(box_.thermal.iter().map(|sensor| format!("{} {:.0} °C", sensor.name, sensor.celsius))),
    ));
    facts.push(("power", list(box_.power.iter().map(supply))));
    let accelerators =
        box_.accelerators.iter().map(|found| format!("{} ({}, {})", found.name, found.kind, found.path));
    facts.push(("accelerators", list(accelerators)));
    facts.push(("mode", super::mode::summary(&box_.mode)));
    facts
}

fn supply(supply: &PowerSupply) -> String {
    let mut text = format!("{} ({})", supply.name, supply.kind);
    if let Some(percent) = supply.percent {
        text.push_str(&format!(" {percent} %"));
    }
    match supply.online {
        Some(true) => text.push_str(" online"),
        Some(false) => text.push_str(" offline"),
        None => {}
    }
    text
}

fn list(items: impl Iterator<Item = String>) -> String {
    let all = items.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "none found".to_owned() } else { all }
}
