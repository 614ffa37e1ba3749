//! Signatures that come with models: read when they are registered, verified whenever their gates are measured.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::control;
use crate::api::types::registry::RegisterModel;
use crate::base::InOrder;
use crate::engine::EngineError;
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::governance::registry::{
    BUNDLE_BYTES, Bundle, File, Gate, ONE_FILE, Shelf, Signed, SigningKey, signature,
};
use crate::knowledge::{KnowledgeError, READ_FILES, sha256_of};

/// Of a folder that names no other.
const BUNDLE: &str = "model.sig";
const KEY_FILES_MOST: usize = 64;
const KEY_BYTES: u64 = 64 << 10;

/// What is signed of a model that is to be registered, with the files as they are now; of a model that is one file
/// the caller knows the digest.
pub(super) fn given(request: &RegisterModel) -> Result<Option<Signed>, EngineError> {
    let model = Path::new(&request.path);
    let path = match &request.signature {
        Some(path) => PathBuf::from(path),
        None => model.join(BUNDLE),
    };
    if request.signature.is_none() && !path.is_file() {
        return Ok(None);
    }
    let wrong = |what: String| {
        let advice = "give the file that `model_signing sign key MODEL --private_key KEY` made";
        invalid(format!("{}: {what}", path.display()), advice)
    };
    let text = read(&path, BUNDLE_BYTES).map_err(wrong)?;
    let bundle = Bundle::parse(&text).map_err(wrong)?;
    let files = if model.is_dir() { hashed(model, &bundle)? } else { Vec::new() };
    Ok(Some(Signed { bundle: text, files }))
}

/// The files of a folder that were signed, and those that a model is made of, as far as they are there.
fn hashed(folder: &Path, bundle: &Bundle) -> Result<Vec<File>, EngineError> {
    let mut names: Vec<&str> =
        bundle.resources.iter().map(|(name, _)| name.as_str()).chain(READ_FILES).collect();
    names.order();
    names.dedup();
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        let path = folder.join(name);
        if inside && path.is_file() {
            let (digest, _) = sha256_of(&path).map_err(KnowledgeError::from)?;
            files.push((name.to_owned(), digest));
        }
    }
    Ok(files)
}

/// What is kept with a model that was made of what is signed.
pub(super) fn kept(
    request: &RegisterModel,
    before: Option<Signed>,
    digest: Option<[u8; 32]>,
) -> Result<Option<Signed>, EngineError> {
    let Some(mut signed) = before else { return Ok(None) };
    if given(request)?.as_ref() != Some(&signed) {
        return Err(EngineError::Conflict {
            what: "the model's files or its signature changed while they were read".into(),
            advice: "register it again".into(),
        });
    }
    if signed.files.is_empty() {
        signed.files.extend(digest.map(|digest| (ONE_FILE.to_owned(), digest)));
    }
    Ok(Some(signed))
}

/// The gate of a registered model.
pub(super) fn gate(inner: &Inner, sha256: &str) -> Result<Gate, EngineError> {
    let signed = Shelf::signature(control(inner)?, sha256)?;
    let running = inner.config.running();
    let asked = running.text("promotion.signature").unwrap_or_default();
    let keys = match running.text("promotion.signature_keys") {
        _ if asked == "off" || signed.is_none() => Ok(Vec::new()),
        Some(path) => keys(Path::new(path)),
        None => Err("promotion.signature_keys is not set: no key is trusted".to_owned()),
    };
    Ok(signature(asked, signed.as_ref(), keys))
}

/// Keys that may sign models; one file that is wrong makes all of them wrong.
fn keys(path: &Path) -> Result<Vec<SigningKey>, String> {
    let told = |path: &Path, what: &str| format!("promotion.signature_keys: {}: {what}", path.display());
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        let entries = fs::read_dir(path).map_err(|error| told(path, &error.to_string()))?;
        files = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|end| end == "pem" || end == "pub"));
        files.order();
    }
    if files.is_empty() || files.len() > KEY_FILES_MOST {
        return Err(told(path, &format!("it holds no .pem file, or more than {KEY_FILES_MOST}")));
    }
    let mut keys = Vec::new();
    for file in files {
        let text = read(&file, KEY_BYTES).map_err(|what| told(&file, &what))?;
        keys.extend(SigningKey::read(&text).map_err(|what| told(&file, &what))?);
    }
    Ok(keys)
}

fn read(path: &Path, most: u64) -> Result<String, String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > most {
        return Err(format!("it has {bytes} bytes, more than {most}"));
    }
    fs::read_to_string(path).map_err(|error| error.to_string())
}
