//! PDF, page by page.
//!
//! Invariant: runs in the child only, where a panic or an endless loop ends one file, not the box.

use pdf_extract::{Document, PlainTextOutput};

use super::chunker::Chunker;
use super::error::{Outcome, fail};

pub(super) fn parse(bytes: &[u8], out: &mut Chunker<'_>) -> Outcome {
    let document = open(bytes)?;
    title(&document, out);
    for number in document.get_pages().into_keys() {
        let mut text = String::new();
        out.page(number)?;
        let read = {
            let mut writer = PlainTextOutput::new(&mut text);
            pdf_extract::output_doc_page(&document, &mut writer, number)
        };
        read.map_err(|error| fail("damaged", format!("page {number} cannot be read: {error}")))?;
        page(&text, out)?;
    }
    Ok(())
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
