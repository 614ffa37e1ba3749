//! Thermal zones, power supplies and accelerators that are present.

use std::fs;
use std::path::Path;

use super::probe::{names, number, text, under};

/// A temperature.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sensor {
    pub name: String,
    pub celsius: f32,
}

/// Mains, a battery, a USB supply or a UPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PowerSupply {
    pub name: String,
    /// mains, battery, usb, ups.
    pub kind: String,
    pub online: Option<bool>,
    pub percent: Option<u32>,
}

/// Something that could compute, if a driver and a model for it were there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accelerator {
    /// gpu, npu, tpu, fpga.
    pub kind: &'static str,
    pub name: String,
    pub path: String,
}

#[allow(clippy::cast_precision_loss)] // millidegrees
pub(super) fn thermal(root: &Path) -> Vec<Sensor> {
    let folder = under(root, "/sys/class/thermal");
    let zones = names(&folder).into_iter().filter(|name| name.starts_with("thermal_zone"));
    zones
        .filter_map(|zone| {
            let millis: i32 = text(&folder.join(&zone).join("temp"))?.parse().ok()?;
            let celsius = millis as f32 / 1000.0;
            let name = text(&folder.join(&zone).join("type")).unwrap_or(zone);
            (-60.0..=200.0).contains(&celsius).then_some(Sensor { name, celsius })
        })
        .collect()
}

pub(super) fn power(root: &Path) -> Vec<PowerSupply> {
    let folder = under(root, "/sys/class/power_supply");
    let supplies = names(&folder).into_iter();
    supplies
        .map(|name| {
            let supply = folder.join(&name);
            PowerSupply {
                kind: text(&supply.join("type")).unwrap_or_else(|| "unknown".to_owned()).to_lowercase(),
                online: number(&supply.join("online")).map(|online| online != 0),
                percent: number(&supply.join("capacity")).and_then(|percent| u32::try_from(percent).ok()),
                name,
            }
        })
        .collect()
}

/// Device folders or nodes: folder, prefix of the names, kind, what to call it.
const NODES: [(&str, &str, &str, &str); 9] = [
    ("/dev/dri", "renderD", "gpu", "render node"),
    ("/dev/accel", "accel", "npu", "compute accelerator"),
    ("/dev", "apex_", "tpu", "Coral Edge TPU"),
    ("/dev", "hailo", "npu", "Hailo"),
    ("/dev", "rknpu", "npu", "Rockchip NPU"),
    ("/dev", "ethosu", "npu", "Arm Ethos-U"),
    ("/dev", "galcore", "npu", "Vivante GPU/NPU"),
    ("/dev", "kfd", "gpu", "AMD compute"),
    ("/sys/class/fpga_manager", "", "fpga", "FPGA manager"),
];

pub(super) fn accelerators(root: &Path) -> Vec<Accelerator> {
    let mut found = Vec::new();
    for (folder, prefix, kind, about) in NODES {
        for node in names(&under(root, folder)).into_iter().filter(|node| node.starts_with(prefix)) {
            let name = described(root, folder, &node).unwrap_or_else(|| about.to_owned());
            found.push(Accelerator { kind, name, path: format!("{folder}/{node}") });
        }
    }
    let npu = names(&under(root, "/sys/kernel/debug/rknpu"));
    if !npu.is_empty() && !found.iter().any(|known| known.name.contains("Rockchip")) {
        let path = "/sys/kernel/debug/rknpu".to_owned();
        found.push(Accelerator { kind: "npu", name: "Rockchip NPU".to_owned(), path });
    }
    found
}

/// A name from the driver, where sysfs has one.
fn described(root: &Path, folder: &str, node: &str) -> Option<String> {
    match folder {
        "/sys/class/fpga_manager" => text(&under(root, folder).join(node).join("name")),
        "/dev/dri" => driver(&under(root, "/sys/class/drm").join(node).join("device")),
        "/dev/accel" => driver(&under(root, "/sys/class/accel").join(node).join("device")),
        _ => None,
    }
}

fn driver(device: &Path) -> Option<String> {
    let link = fs::read_link(device.join("driver")).ok()?;
    Some(link.file_name()?.to_string_lossy().into_owned())
}
