//! The embedded model: unpacked once to `models/<sha256>/`, then only mapped.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::KnowledgeError;
use super::model::Model;
use super::packed_model;
use crate::base::to_hex;
use crate::store::sync_parent;

const PACKED: &[u8] = include_bytes!("../../assets/model/default.packed");
const SHA256: &str = include_str!("../../assets/model/default.sha256");
const FILE_NAME: &str = "model.spud";

/// Where a model lies in the data folder.
#[must_use]
pub fn model_path(data: &Path, sha256: &str) -> PathBuf {
    data.join("models").join(sha256).join(FILE_NAME)
}

/// SHA-256 of the embedded model.
#[must_use]
pub fn default_model_id() -> &'static str {
    SHA256.trim()
}

/// Opens an imported model by its SHA-256.
///
/// # Errors
/// Damage, or that it is not there.
pub fn open_model(data: &Path, sha256: &str) -> Result<Model, KnowledgeError> {
    Ok(Model::open(&model_path(data, sha256))?)
}

/// Opens the embedded model, unpacking it when it is not there yet.
///
/// # Errors
/// What the disk says, or damage of the unpacked file that unpacking again did not mend.
pub fn open_default_model(data: &Path) -> Result<Model, KnowledgeError> {
    let path = model_path(data, default_model_id());
    if path.exists()
        && let Ok(model) = Model::open(&path)
    {
        return Ok(model);
    }
    unpack(&path)?;
    Ok(Model::open(&path)?)
}

/// Replaces the unpacked model: for when a block of it turned out to be damaged.
///
/// # Errors
/// What the disk says.
pub fn unpack_default_model(data: &Path) -> Result<(), KnowledgeError> {
    unpack(&model_path(data, default_model_id()))
}

fn unpack(path: &Path) -> Result<(), KnowledgeError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let partial = path.with_extension("part");
    packed_model::unpack(PACKED, &partial)?;
    if to_hex(&sha256_of(&partial)?.0) != default_model_id() {
        let _ = fs::remove_file(&partial);
        return Err(io::Error::other(
            "the embedded model does not have its checksum; the program file is damaged",
        )
        .into());
    }
    fs::rename(&partial, path)?;
    Ok(sync_parent(path)?)
}

/// SHA-256 of a file, hexadecimal, and its length; reads it once, front to back.
///
/// # Errors
/// What the file system says.
pub fn sha256_of(path: &Path) -> io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut length = 0;
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((hash.finalize().into(), length));
        }
        length += n as u64;
        hash.update(&buffer[..n]);
    }
}
