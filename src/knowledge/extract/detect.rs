//! What a file is: its content first, its name second.
//!
//! Invariant: looks at the first bytes only and trusts none of them.

use super::Kind;
use super::encoding::{Wide, decode, wide};
use super::error::{Outcome, fail};
use super::plain::begins_with_time;

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    Log,
    Markdown,
    Rst,
    Man,
    Csv,
    Json,
    Jsonl,
    Html,
    Pdf,
    /// DOCX, ODT, EPUB or another ZIP; its directory tells.
    Zip,
    Gzip,
}

impl Format {
    /// Read in the child process only.
    pub(super) fn is_foreign(self) -> bool {
        matches!(self, Self::Html | Self::Pdf | Self::Zip | Self::Gzip)
    }

    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Text | Self::Gzip => Kind::Text,
            Self::Log => Kind::Log,
            Self::Markdown => Kind::Markdown,
            Self::Rst => Kind::Rst,
            Self::Man => Kind::Man,
            Self::Csv => Kind::Csv,
            Self::Json | Self::Jsonl => Kind::Json,
            Self::Html => Kind::Html,
            Self::Pdf => Kind::Pdf,
            Self::Zip => Kind::Docx,
        }
    }
}

/// The format of a file that begins with `head` and is called `name`.
pub(super) fn detect(head: &[u8], name: &str) -> Outcome<Format> {
    if head.is_empty() {
        return Err(fail("empty", "the file is empty"));
    }
    if let Some(format) = by_magic(head, name)? {
        return Ok(format);
    }
    if wide(head) == Wide::No && is_binary(head) {
        return Err(fail("binary", "it is a binary file, not text"));
    }
    let text = match wide(head) {
        Wide::No => decode(head),
        side => narrow(head, side),
    };
    if text.trim().is_empty() && head.len() < 4096 {
        return Err(fail("empty", "there is only white space in it"));
    }
    Ok(by_text(text.trim_start_matches('\u{feff}'), name))
}

fn narrow(head: &[u8], side: Wide) -> String {
    let mut text = String::new();
    // Half a character at the end of the sample is no harm here.
    let _ = std::io::Read::read_to_string(&mut super::encoding::Narrow::new(head, side), &mut text);
    text
}

fn by_magic(head: &[u8], name: &str) -> Outcome<Option<Format>> {
    let early = head.get(..1024).unwrap_or(head);
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Some(Format::Gzip));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return Ok(Some(Format::Zip));
    }
    if head.starts_with(b"%PDF-") || find(early, b"%PDF-").is_some() && is_binary(head) {
        return Ok(Some(Format::Pdf));
    }
    if head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        let marked: Vec<u8> = b"EncryptedPackage".iter().flat_map(|byte| [*byte, 0]).collect();
        let modern = [".docx", ".xlsx", ".pptx"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        return Err(if modern || find(head, &marked).is_some() {
            fail("encrypted", "the document is protected with a password")
        } else {
            fail("unsupported", "it is an old Office document (before 2007)")
        });
    }
    const PACKED: [(&[u8], &str); 6] = [
        (b"BZh", "bzip2"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"7z\xbc\xaf\x27\x1c", "7-zip"),
        (b"Rar!", "RAR"),
        (b"{\\rtf", "RTF"),
    ];
    match PACKED.iter().find(|(magic, _)| head.starts_with(magic)) {
        Some((_, what)) => Err(fail("unsupported", format!("it is a {what} file"))),
        None => Ok(None),
    }
}

pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len().max(1)).position(|window| window == needle)
}

/// Zero bytes or many control bytes.
fn is_binary(head: &[u8]) -> bool {
    let zeros = head.iter().filter(|byte| **byte == 0).count();
    let odd = head
        .iter()
        .filter(|byte| **byte < 0x20 && !matches!(**byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x08 | 0x1b))
        .count();
    zeros * 200 > head.len() || odd * 20 > head.len()
}

fn by_text(text: &str, name: &str) -> Format {
    let name = name.to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, end)| end);
    if let Some(format) = by_structure(text, extension) {
        return format;
    }
    match extension {
        "md" | "markdown" | "mkd" | "mdown" | "mdwn" => Format::Markdown,
        "rst" | "rest" => Format::Rst,
        "csv" | "tsv" | "tab" => Format::Csv,
        "log" => Format::Log,
        "html" | "htm" | "xhtml" => Format::Html,
        "txt" | "text" => Format::Text,
        _ if is_log(text) => Format::Log,
        _ if is_markdown(text) => Format::Markdown,
        _ => Format::Text,
    }
}

fn by_structure(text: &str, extension: &str) -> Option<Format> {
    if is_html(text, extension) {
        return Some(Format::Html);
    }
    if is_roff(text, extension) {
        return Some(Format::Man);
    }
    let start = text.trim_start();
    if start.starts_with(['{', '[']) && !matches!(extension, "md" | "rst" | "txt" | "csv" | "log") {
        return json(start, extension);
    }
    None
}

fn is_html(text: &str, extension: &str) -> bool {
    if matches!(extension, "md" | "markdown" | "rst" | "txt" | "json" | "jsonl" | "csv" | "log") {
        return false;
    }
    let start: String = text.trim_start().chars().take(2048).collect::<String>().to_ascii_lowercase();
    let markup = ["<!doctype html", "<html", "<head", "<body"];
    markup.iter().any(|mark| start.starts_with(mark))
        || (start.starts_with("<?xml") || start.starts_with("<!--"))
            && markup.iter().any(|mark| start.contains(mark))
}

/// A man page begins with macros or comments, and has `.TH`, `.Dd` or `.SH` near its start.
fn is_roff(text: &str, extension: &str) -> bool {
    let begins = text.trim_start().starts_with(['.', '\'']);
    let section = extension.len() <= 5 && extension.starts_with(|c: char| ('1'..='9').contains(&c));
    if !begins && !section {
        return false;
    }
    const MARKS: [&str; 8] = [".TH ", ".Dd ", ".Dt ", ".SH ", ".Sh ", ".so ", ".TH\t", "'TH "];
    text.lines().take(400).any(|line| MARKS.iter().any(|mark| line.starts_with(mark)))
}

fn json(start: &str, extension: &str) -> Option<Format> {
    if matches!(extension, "jsonl" | "ndjson") {
        return Some(Format::Jsonl);
    }
    let mut lines = start.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    let whole = |line: &str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    if first.starts_with('{') && second.starts_with('{') && whole(first) {
        return Some(Format::Jsonl);
    }
    if extension == "json" || start.starts_with('{') && start.get(1..)?.trim_start().starts_with(['"', '}']) {
        return Some(Format::Json);
    }
    let sample = serde_json::from_str::<serde::de::IgnoredAny>(start);
    let complete = sample.as_ref().map_or_else(serde_json::Error::is_eof, |_| true);
    (complete && start.len() > 2).then_some(Format::Json)
}

fn is_log(text: &str) -> bool {
    let (mut all, mut timed) = (0, 0);
    for line in text.lines().filter(|line| !line.trim().is_empty()).take(20) {
        all += 1;
        timed += usize::from(begins_with_time(line));
    }
    all >= 3 && timed * 10 >= all * 6
}

fn is_markdown(text: &str) -> bool {
    let (mut headings, mut marks) = (0, 0);
    for line in text.lines().take(300) {
        let level = line.len() - line.trim_start_matches('#').len();
        headings += usize::from(
            (2..=6).contains(&level) && line.get(level..).is_some_and(|rest| rest.starts_with(' ')),
        );
        marks += usize::from(line.starts_with("```") || line.contains("](http"));
    }
    headings >= 2 && marks >= 1
}
