//! Cosigning, where there is no box: on the laptop of whoever keeps an eye on one.

use crate::audit::{Head, KeyKind, Note, NoteSigner, VerifierKey, is_name};
use crate::engine::EngineError;
use crate::engine::worker::invalid;
use crate::store::crypt::random;

/// Adds a cosignature (type 0x04) to a checkpoint. With the log's public key, the log must have signed it.
///
/// # Errors
/// [`EngineError::Invalid`] where one of the texts is not what it should be.
pub fn cosign(note: &str, secret: &str, log: Option<&str>, now_s: u64) -> Result<String, EngineError> {
    let file = "give a file as `spud audit checkpoint` prints it";
    let mut note = Note::parse(note).ok_or_else(|| invalid("this is no signed note", file))?;
    let head = Head::parse(note.text()).ok_or_else(|| invalid("this note is no checkpoint", file))?;
    if let Some(log) = log {
        let key = VerifierKey::parse(log).filter(|key| key.kind == KeyKind::Log);
        let key =
            key.ok_or_else(|| invalid("--log is no public key of a log", "`spud audit status` shows it"))?;
        if key.name != head.origin || key.verify(&note).is_none() {
            return Err(invalid(
                format!("the log {} did not sign this checkpoint", key.name),
                "do not cosign it; ask whoever runs the box",
            ));
        }
    }
    signer(secret)?.sign(&mut note, now_s);
    Ok(note.to_string())
}

fn signer(secret: &str) -> Result<NoteSigner, EngineError> {
    let signer = NoteSigner::parse(secret).filter(|signer| signer.key().kind == KeyKind::Cosigner);
    signer.ok_or_else(|| invalid("this is no key of a cosigner", "make one: spud audit key FILE --name NAME"))
}

/// A new secret key with its public one.
///
/// # Errors
/// [`EngineError::Invalid`] where the name cannot stand in a note.
pub fn new_cosigner(name: &str) -> Result<(String, String), EngineError> {
    if !is_name(name) {
        return Err(invalid(
            format!("'{}' cannot be the name of a key", name.chars().take(60).collect::<String>()),
            "use letters and digits without spaces and plus signs, such as laptop.example/anna",
        ));
    }
    let secret = NoteSigner::secret(name, KeyKind::Cosigner, &random());
    let public = cosigner_key(&secret)?;
    Ok((secret, public))
}

/// The public key of a secret one.
///
/// # Errors
/// [`EngineError::Invalid`] where it is none.
pub fn cosigner_key(secret: &str) -> Result<String, EngineError> {
    signer(secret).map(|signer| signer.key().to_string())
}
