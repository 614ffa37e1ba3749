//! What can be wrong with a key or a signature.

/// Each says what happened; [`SshError::advice`] what can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    #[error("this is no OpenSSH public key: {0}")]
    Key(&'static str),
    #[error("keys of the kind {0} are not taken")]
    Kind(String),
    #[error("this is no SSH signature: {0}")]
    Signature(&'static str),
    #[error("the signature is for '{found}', not for '{wanted}'")]
    Namespace { found: String, wanted: &'static str },
    #[error("the signature is not of this key over this document")]
    Wrong,
    #[error("nobody touched the security key when it signed")]
    Untouched,
}

impl SshError {
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Key(_) => "give one line as it stands in a .pub file: ssh-ed25519 AAAA... name",
            Self::Kind(_) => {
                "make an Ed25519 key: ssh-keygen -t ed25519, or -t ed25519-sk for a security key"
            }
            Self::Signature(_) => "give the file that ssh-keygen -Y sign wrote, whole",
            Self::Namespace { .. } => "sign for votes: ssh-keygen -Y sign -n spud-approval -f KEY FILE",
            Self::Wrong => "sign the document as `spud approval document` printed it, byte by byte",
            Self::Untouched => "sign again and touch the key; a key made with no-touch-required is not taken",
        }
    }
}
