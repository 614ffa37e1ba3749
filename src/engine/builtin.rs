//! The built-in corpus: spud's handbook and a few equipment manuals, so that a first question is answered.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use super::EngineError;
use super::jobs::JobRecord;
use super::run::Inner;
use super::{ingest, worker};
use crate::asset;
use crate::knowledge::KnowledgeError;

/// Collection of the built-in documents.
pub(super) const COLLECTION: &str = "handbook";

/// Unpacks a text of the program.
type Unpack = fn() -> String;

/// File name and text of each.
const FILES: [(&str, Unpack); 6] = [
    ("handbook.md", || asset!("corpus/handbook.md")),
    ("water-pump-wp40.md", || asset!("corpus/water-pump-wp40.md")),
    ("diesel-generator-dg12.md", || asset!("corpus/diesel-generator-dg12.md")),
    ("solar-controller-sc30.md", || asset!("corpus/solar-controller-sc30.md")),
    ("reverse-osmosis-ro200.md", || asset!("corpus/reverse-osmosis-ro200.md")),
    ("lora-gateway-lg8.md", || asset!("corpus/lora-gateway-lg8.md")),
];

/// Unpacks and indexes the built-in documents on the first start; nothing on any later one.
pub(super) fn ensure(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let folder = inner.settings.data_dir.join("handbook");
    let marker = folder.join(".version");
    let version = env!("CARGO_PKG_VERSION");
    let same = fs::read_to_string(&marker).is_ok_and(|known| known.trim() == version);
    if same {
        return Ok(()); // removed by hand stays removed
    }
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&folder)?;
        for (name, text) in FILES {
            let (path, text) = (folder.join(name), text());
            if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                put(&path, &text)?;
            }
        }
        Ok(())
    };
    write().map_err(KnowledgeError::from)?;
    inner.library.create_collection(COLLECTION, "auto", true, inner.clock.now_ms())?;
    let job = worker::enqueue(
        inner,
        JobRecord {
            kind: "add".into(),
            collection: COLLECTION.into(),
            paths: vec![folder.into_os_string().into_encoded_bytes()],
            ..JobRecord::default()
        },
    )?;
    let database = &inner.library.database();
    let id = job.id.parse().unwrap_or(0);
    if let Some((id, record)) = inner.jobs.list(database)?.into_iter().find(|(known, _)| *known == id) {
        ingest::run(inner, id, record);
    }
    put(&marker, version).map_err(KnowledgeError::from)?;
    Ok(())
}

/// The marker is written last, so a file that a power cut left half-written is written again.
fn put(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
