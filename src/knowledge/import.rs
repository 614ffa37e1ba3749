//! Reads a folder with a static model (Model2Vec layout) into a model file.
//!
//! `model.safetensors` with `embeddings` [rows, columns] and, optionally, `weights` [rows]; the vocabulary
//! from `vocab.txt` or a WordPiece `tokenizer.json`; `config.json` for name, licence, source and, optionally,
//! `spud_columns`, how many of the columns are kept, once the neighbours were found with all, and
//! `spud_levels`, how finely their values are kept.
//!
//! Invariant: anything else is refused with what was found and what is needed; nothing is guessed.

use std::fs;
use std::path::Path;

use half::{bf16, f16};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::Value;

use super::model::ModelSource;

/// Larger tables are refused: a potato could not hold them while converting.
const FILE_LIMIT: u64 = 512 << 20;

/// Why a folder is not a model that spud can use.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct ImportError {
    pub path: String,
    pub what: String,
}

fn refuse(path: &Path, what: impl Into<String>) -> ImportError {
    ImportError { path: path.display().to_string(), what: what.into() }
}

/// What is read of a folder; of the two vocabularies, the first that is there.
pub const READ_FILES: [&str; 4] = ["model.safetensors", "vocab.txt", "tokenizer.json", "config.json"];

/// Reads a Model2Vec folder.
///
/// # Errors
/// [`ImportError`] naming the file and what is wrong with it.
pub fn read_folder(folder: &Path) -> Result<ModelSource, ImportError> {
    if !folder.is_dir() {
        return Err(refuse(folder, "is not a folder; give the folder that holds model.safetensors"));
    }
    let path = folder.join("model.safetensors");
    let bytes = read_limited(&path)?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|e| refuse(&path, format!("is not a safetensors file: {e}")))?;
    let table = tensors.tensor("embeddings").map_err(|_| {
        let names = tensors.names().join(", ");
        refuse(&path, format!("has no tensor 'embeddings' (it has: {names}); only static models (Model2Vec) are supported, not transformers"))
    })?;
    let &[rows, columns] = table.shape() else {
        return Err(refuse(
            &path,
            format!("'embeddings' has shape {:?}; rows x columns are needed", table.shape()),
        ));
    };
    let usable = columns / 32 * 32;
    if usable == 0 || columns > 1024 {
        return Err(refuse(&path, format!("has {columns} columns; 32 to 1024 are supported")));
    }
    let values = floats(&table).map_err(|e| refuse(&path, e))?;
    let table = values.chunks_exact(columns).flat_map(|row| &row[..usable]).copied().collect();
    let weights = match tensors.tensor("weights") {
        Ok(view) => floats(&view).map_err(|e| refuse(&path, e))?,
        Err(_) => vec![1.0; rows],
    };
    let pieces = vocabulary(folder)?;
    if pieces.len() != rows || weights.len() != rows {
        return Err(refuse(
            folder,
            format!(
                "{rows} rows, {} vocabulary entries and {} weights do not fit together",
                pieces.len(),
                weights.len()
            ),
        ));
    }
    let config =
        fs::read(folder.join("config.json")).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let text = |key: &str, default: &str| {
        config.as_ref().and_then(|c| c.get(key)).and_then(Value::as_str).unwrap_or(default).to_owned()
    };
    let number =
        |key: &str| config.as_ref().and_then(|c| c.get(key)?.as_u64()).and_then(|n| usize::try_from(n).ok());
    let name = folder.file_name().map_or_else(|| "model".into(), |n| n.to_string_lossy().into_owned());
    Ok(ModelSource {
        name: text("name", &name),
        source: text("source", &folder.display().to_string()),
        licence: text("license", "unknown"),
        columns: usable,
        kept: number("spud_columns").map_or(usable, |n| (n / 32 * 32).clamp(32, usable)),
        levels: number("spud_levels").map_or(127, |n| u8::try_from(n.clamp(1, 127)).unwrap_or(127)),
        pieces,
        table,
        weights,
    })
}

fn read_limited(path: &Path) -> Result<Vec<u8>, ImportError> {
    let size = fs::metadata(path).map_err(|e| refuse(path, e.to_string()))?.len();
    if size > FILE_LIMIT {
        return Err(refuse(path, "is larger than 512 MiB"));
    }
    fs::read(path).map_err(|e| refuse(path, e.to_string()))
}

fn floats(view: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = view.data();
    Ok(match view.dtype() {
        Dtype::F32 => data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
        Dtype::F16 => data.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        Dtype::BF16 => data.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
        Dtype::F64 => {
            #[allow(clippy::cast_possible_truncation)] // narrowed on purpose
            let narrow = |b: &[u8]| b.try_into().map_or(0.0, |b| f64::from_le_bytes(b) as f32);
            data.chunks_exact(8).map(narrow).collect()
        }
        other => return Err(format!("holds {other:?} values; f16, bf16, f32 or f64 are needed")),
    })
}

fn vocabulary(folder: &Path) -> Result<Vec<String>, ImportError> {
    let plain = folder.join("vocab.txt");
    if plain.is_file() {
        let text = String::from_utf8(read_limited(&plain)?).map_err(|_| refuse(&plain, "is not UTF-8"))?;
        return Ok(text.lines().map(str::to_owned).collect());
    }
    let path = folder.join("tokenizer.json");
    let json: Value = serde_json::from_slice(&read_limited(&path)?)
        .map_err(|e| refuse(&path, format!("is not JSON: {e}")))?;
    let kind = json.pointer("/model/type").and_then(Value::as_str).unwrap_or("of unknown type");
    if kind != "WordPiece" {
        return Err(refuse(&path, format!("the tokenizer is {kind}; only WordPiece is supported")));
    }
    let entries = json.pointer("/model/vocab").and_then(Value::as_object);
    let entries = entries.ok_or_else(|| refuse(&path, "has no model.vocab"))?;
    let mut pieces = vec![String::new(); entries.len()];
    for (piece, row) in entries {
        let slot = row.as_u64().and_then(|row| usize::try_from(row).ok()).and_then(|row| pieces.get_mut(row));
        *slot.ok_or_else(|| refuse(&path, format!("piece '{piece}' has no usable row")))? = piece.clone();
    }
    Ok(pieces)
}
