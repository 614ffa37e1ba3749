//! PDF, page by page.
//!
//! Invariant: runs in the child only, where a panic or an endless loop ends one file, not the box; a page that
//! cannot be read is left out, and only a file without any good page is a failure.

use std::sync::OnceLock;

use pdf_extract::{Document, PlainTextOutput};

use super::chunker::Chunker;
use super::error::{Outcome, fail};

/// What the child was told of this file, and whom it tells where it is.
pub(super) struct Course {
    /// Pages at which a child before this one died.
    pub(super) leave_out: Vec<u32>,
    pub(super) at_page: fn(u32),
}

static COURSE: OnceLock<Course> = OnceLock::new();

/// Said once, before the file is read; a process reads one file.
pub(super) fn follow(course: Course) {
    let _ = COURSE.set(course);
}

/// Answers how many pages were left out.
pub(super) fn parse(bytes: &[u8], out: &mut Chunker<'_>) -> Outcome<u32> {
    let document = open(bytes)?;
    title(&document, out);
    let course = COURSE.get();
    let (mut good, mut broken, mut first_reason) = (0_u32, 0, None);
    for number in document.get_pages().into_keys() {
        out.page(number)?;
        if course.is_some_and(|course| course.leave_out.contains(&number)) {
            broken += 1;
            continue;
        }
        if let Some(course) = course {
            (course.at_page)(number);
        }
        let mut text = String::new();
        let read = {
            let mut writer = PlainTextOutput::new(&mut text);
            pdf_extract::output_doc_page(&document, &mut writer, number)
        };
        match read {
            Ok(()) => {
                good += 1;
                page(&text, out)?;
            }
            Err(error) => {
                broken += 1;
                first_reason.get_or_insert_with(|| format!("page {number} cannot be read: {error}"));
            }
        }
    }
    if good == 0 && broken > 0 {
        let reason = first_reason.unwrap_or_else(|| "none of its pages can be read".to_owned());
        return Err(fail("damaged", reason));
    }
    Ok(broken)
}

fn open(bytes: &[u8]) -> Outcome<Document> {
    let protected = || fail("encrypted", "the PDF is protected with a password");
    let mut document = match Document::load_mem(bytes) {
        Ok(document) => document,
        Err(pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword) => {
            return Err(protected());
        }
        Err(error) => return Err(fail("damaged", format!("the PDF is damaged: {error}"))),
    };
    let opened = document.was_encrypted()
        || !document.trailer.has(b"Encrypt")
        || document.is_encrypted() && document.decrypt("").is_ok();
    if !opened {
        return Err(protected());
    }
    Ok(document)
}

fn title(document: &Document, out: &mut Chunker<'_>) {
    let info =
        document.trailer.get(b"Info").and_then(|info| document.dereference(info)).map(|(_, info)| info);
    let Ok(info) = info.and_then(pdf_extract::Object::as_dict) else { return };
    let Ok(bytes) = info.get(b"Title").and_then(pdf_extract::Object::as_str) else { return };
    let text = match bytes {
        [0xfe, 0xff, ..] => super::encoding::page(bytes),
        _ => super::encoding::decode(bytes),
    };
    let named_after_file =
        ["Microsoft Word", "untitled", "Untitled"].iter().any(|word| text.starts_with(word));
    if !named_after_file {
        out.title(text.trim_start_matches('\u{feff}'));
    }
}

/// Lines to paragraphs; a word broken at the end of a line is put together again.
fn page(text: &str, out: &mut Chunker<'_>) -> Outcome {
    let mut broken = String::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() {
            if broken.is_empty() {
                out.end_paragraph()?;
            }
            continue;
        }
        let whole = without_leaders(&format!("{broken}{line}"));
        broken.clear();
        let word = whole.strip_suffix('-').filter(|rest| rest.ends_with(char::is_alphabetic));
        match word {
            Some(rest) => {
                let start = rest.rfind(' ').map_or(0, |at| at + 1);
                out.prose(rest.get(..start).unwrap_or_default(), 0)?;
                rest.get(start..).unwrap_or_default().clone_into(&mut broken);
            }
            None => out.prose(&whole, 0)?,
        }
    }
    out.prose(&broken, 0)?;
    out.end_paragraph()
}

/// Rows of dots in a table of contents carry no words: three or more become one ellipsis.
fn without_leaders(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('.') {
        let (before, dots) = rest.split_at(at);
        out.push_str(before);
        let run = dots.len() - dots.trim_start_matches(['.', ' ']).len();
        let count = dots.bytes().take(run).filter(|byte| *byte == b'.').count();
        out.push_str(if count >= 4 { " … " } else { dots.get(..run).unwrap_or_default() });
        rest = dots.get(run..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}
