//! Files in, passages out: detect the format, read its structure, cut it into chunks.
//!
//! Invariant: foreign formats are parsed in a child process; a broken file is a reason, never a crash;
//! memory does not grow with the size of the file.

mod child;
mod chunker;
mod detect;
mod docx;
mod encoding;
mod error;
mod frame;
mod html;
mod inline;
mod json;
mod lines;
mod markdown;
mod odt;
mod paragraph;
mod parse;
mod pdf;
mod plain;
mod roff;
mod rst;
mod sandbox;
mod table;
mod tokens;
mod zipped;

use std::fs::File;
use std::io::Seek;
use std::ops::ControlFlow;
use std::path::Path;

pub use child::{child_main, set_child_program};
pub use frame::parse_frames;
pub use parse::parse_bytes;

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
    Odt,
}

impl Kind {
    /// As the API and filters say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Text => "text",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Epub => "epub",
            Self::Man => "man",
            Self::Rst => "rst",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Log => "log",
            Self::Odt => "odt",
        }
    }
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
    /// Pages that could not be read and were left out.
    pub broken_pages: u32,
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
    path: &Path,
    limits: &Limits,
    chunk: &mut dyn FnMut(Chunk) -> ControlFlow<()>,
) -> Result<Extracted, ExtractError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut file = open(path, limits)?;
    let start = parse::head(&mut file, parse::HEAD)?;
    let foreign = detect::detect(&start, &name)?.is_foreign();
    file.rewind().map_err(|error| error::from_io(&error))?;
    if foreign {
        child::extract(file, &name, limits, chunk)
    } else {
        parse::document(&mut file, &name, limits, chunk)
    }
}

/// Opens a regular file; a pipe or device is refused before it can block.
fn open(path: &Path, limits: &Limits) -> Result<File, ExtractError> {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options()
        .read(true)
        .custom_flags(nonblocking)
        .open(path)
        .map_err(|error| error::from_io(&error))?;
    let about = file.metadata().map_err(|error| error::from_io(&error))?;
    if !about.is_file() {
        return Err(error::fail("unsupported", "it is not a regular file"));
    }
    if about.len() > limits.file_bytes {
        return Err(error::fail(
            "too_large",
            format!("the file is larger than {} MB", limits.file_bytes >> 20),
        ));
    }
    Ok(file)
}
