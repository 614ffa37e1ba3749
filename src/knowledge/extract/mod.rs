//! Files in, passages out: detect the format, read its structure, cut it into chunks.
//!
//! Invariant: foreign formats are parsed in a child process; a broken file is a reason, never a crash;
//! memory does not grow with the size of the file.

use std::ops::ControlFlow;
use std::path::Path;

/// What kind of document a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Markdown,
    Text,
    Html,
    Pdf,
    Docx,
    Epub,
    Man,
    Rst,
    Csv,
    Json,
    Log,
}

/// Where in its document a passage stands. Lines and pages count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub struct Place {
    pub lines: Option<(u32, u32)>,
    pub pages: Option<(u32, u32)>,
    /// The record's own id (JSON Lines `id`, CSV `id`).
    pub record: Option<String>,
}

/// A passage of about 200 tokens that does not cross a section's border.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Headings above it, outermost first (the document's title is not repeated here).
    pub heading: Vec<String>,
    /// Record's own title (JSON Lines `title`); otherwise empty.
    pub title: String,
    pub text: String,
    pub place: Place,
}

/// What one file may cost.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Address space of the child, bytes.
    pub child_memory: u64,
    /// Wall and CPU seconds of the child.
    pub child_seconds: u64,
    /// Text that one document may unfold to, bytes.
    pub text_bytes: u64,
    /// Largest file that is looked at, bytes.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { child_memory: 256 << 20, child_seconds: 60, text_bytes: 512 << 20, file_bytes: 4 << 30 }
    }
}

/// What is known of the document after its last chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extracted {
    pub kind: Kind,
    /// From the document itself, else its file name.
    pub title: String,
    /// 0 where the format has none.
    pub pages: u32,
}

/// Why a file could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ExtractError {
    /// encrypted, too_large, damaged, timeout, memory, unreadable, binary, unsupported, crash, empty, stopped.
    pub kind: &'static str,
    pub reason: String,
    /// What the user can do.
    pub advice: String,
}

/// Reads one regular file and hands its chunks over, in order.
///
/// `chunk` answers `Break` to stop early (cancelled job), which gives the error kind `stopped`.
///
/// # Errors
/// The reason that this file is skipped; chunks already handed over must then be discarded by the caller.
pub fn extract(
    _path: &Path,
    _limits: &Limits,
    _chunk: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Result<Extracted, ExtractError> {
    Err(ExtractError { kind: "unsupported", reason: "not yet".into(), advice: String::new() })
}

/// What the hidden child process runs (`spud __extract`); called by `main` before anything else.
#[must_use]
pub fn child_main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
