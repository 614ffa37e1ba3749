//! Why a file is skipped, in words a person can act on.
//!
//! Invariant: every kind carries advice; nothing here looks at a file.

use super::ExtractError;

/// Most parsers answer with this: done, or the reason the file is skipped.
pub(super) type Outcome<T = ()> = Result<T, ExtractError>;

fn advice(kind: &str) -> &'static str {
    match kind {
        "encrypted" => "Save a copy without a password or copy protection and add that.",
        "too_large" => "Split the file, or raise the limit in the configuration.",
        "damaged" => "Open it in its own program, save a fresh copy and add that.",
        "timeout" => "Save it in a simpler form (plain text, HTML) or give extraction more time.",
        "memory" => "Split the document, or choose a larger tier for this box.",
        "unreadable" => "Check that the file exists and that spud may read it.",
        "binary" => "Nothing to do: this file holds no text.",
        "unsupported" => "Convert it to text, Markdown, HTML, PDF, DOCX, ODT or EPUB.",
        "crash" => "Convert the file to another format; please report it if it can be shared.",
        "empty" => "Nothing to do: there is no text in it. Scanned pages need text recognition (OCR) first.",
        _ => "Start the job again.",
    }
}

/// The error of this kind for this reason.
pub(super) fn fail(kind: &'static str, reason: impl Into<String>) -> ExtractError {
    ExtractError { kind, reason: reason.into(), advice: advice(kind).to_owned() }
}

/// The known kind behind a word that came over the pipe.
pub(super) fn known_kind(word: &str) -> &'static str {
    const KINDS: [&str; 11] = [
        "encrypted",
        "too_large",
        "damaged",
        "timeout",
        "memory",
        "unreadable",
        "binary",
        "unsupported",
        "crash",
        "empty",
        "stopped",
    ];
    KINDS.into_iter().find(|kind| *kind == word).unwrap_or("crash")
}

/// An input that broke off or was refused while it was read.
pub(super) fn from_io(error: &std::io::Error) -> ExtractError {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::FileTooLarge => fail("too_large", error.to_string()),
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput => {
            fail("damaged", format!("the file is damaged: {error}"))
        }
        ErrorKind::OutOfMemory => fail("memory", "reading it needs more memory than allowed"),
        _ => fail("unreadable", format!("it cannot be read: {error}")),
    }
}
