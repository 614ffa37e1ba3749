//! Documents that are ZIP archives: DOCX, ODT and EPUB.
//!
//! Invariant: no entry is inflated beyond its bound, and names inside an archive are looked up, never opened.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::chunker::Chunker;
use super::error::{Outcome, fail, from_io};
use super::parse::Bounded;
use super::{Kind, Limits, docx, html, odt};

const ENTRIES: usize = 65_536;
const DEPTH: u32 = 256;
const SPINE: usize = 20_000;

type Archive = ZipArchive<Cursor<Vec<u8>>>;

pub(super) fn parse(bytes: Vec<u8>, limits: &Limits, out: &mut Chunker<'_>) -> Outcome<Kind> {
    let size = bytes.len() as u64;
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| fail("damaged", format!("the archive is damaged: {error}")))?;
    if archive.len() > ENTRIES {
        return Err(fail("too_large", "the archive has too many entries"));
    }
    // Text packs about 10:1, markup 40:1; a thousand is a bomb.
    let most = (limits.child_memory / 4).min(size.saturating_mul(1000).max(1 << 20));
    let mut left = limits.text_bytes.saturating_mul(4).min(most.saturating_mul(16));
    if archive.index_for_name("word/document.xml").is_some() {
        let body = entry(&mut archive, "word/document.xml", most, &mut left)?;
        if let Ok(core) = entry(&mut archive, "docProps/core.xml", 1 << 20, &mut left) {
            out.title(&docx::title(&core));
        }
        docx::parse(&body, out)?;
        return Ok(Kind::Docx);
    }
    if archive.index_for_name("META-INF/container.xml").is_some() {
        epub(&mut archive, most, &mut left, out)?;
        return Ok(Kind::Epub);
    }
    if archive.index_for_name("content.xml").is_some() && is_text_document(&mut archive, &mut left) {
        if archive.index_for_name("META-INF/manifest.xml").is_some() {
            odt::refuse_locked(&entry(&mut archive, "META-INF/manifest.xml", 4 << 20, &mut left)?)?;
        }
        let body = entry(&mut archive, "content.xml", most, &mut left)?;
        if let Ok(about) = entry(&mut archive, "meta.xml", 1 << 20, &mut left) {
            out.title(&docx::title(&about));
        }
        odt::parse(&body, out)?;
        return Ok(Kind::Odt);
    }
    Err(fail("unsupported", "it is an archive, but no DOCX, ODT or EPUB"))
}

/// OpenDocument says in an entry what it is; sheets and slides have a `content.xml`, too.
fn is_text_document(archive: &mut Archive, left: &mut u64) -> bool {
    entry(archive, "mimetype", 1 << 10, left)
        .is_ok_and(|kind| kind.starts_with(b"application/vnd.oasis.opendocument.text"))
}

fn entry(archive: &mut Archive, name: &str, most: u64, left: &mut u64) -> Outcome<Vec<u8>> {
    let file = archive.by_name(name).map_err(|error| match error {
        zip::result::ZipError::UnsupportedArchive(zip::result::ZipError::PASSWORD_REQUIRED) => {
            fail("encrypted", "the archive is protected with a password")
        }
        error => fail("damaged", format!("the archive is damaged: {name}: {error}")),
    })?;
    let mut bytes = Vec::new();
    Bounded::new(file, most.min(*left)).read_to_end(&mut bytes).map_err(|error| from_io(&error))?;
    *left = left.saturating_sub(bytes.len() as u64);
    Ok(bytes)
}

/// The value of an attribute, whatever its prefix.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|a| a.key.local_name().as_ref() == name)?;
    Some(found.value.replace("&amp;", "&").replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">"))
}

/// Walks the events of an XML part; entities other than the five of XML are never followed.
pub(super) fn walk(xml: &[u8], each: &mut dyn FnMut(Event<'_>) -> Outcome) -> Outcome {
    let text = super::encoding::page(xml);
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    let mut depth = 0_u32;
    loop {
        let event =
            reader.read_event().map_err(|error| fail("damaged", format!("the XML is damaged: {error}")))?;
        match &event {
            Event::Eof => return Ok(()),
            Event::Start(_) => {
                depth += 1;
                if depth > DEPTH {
                    return Err(fail("damaged", "its elements are nested too deeply"));
                }
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        each(event)?;
    }
}

fn epub(archive: &mut Archive, most: u64, left: &mut u64, out: &mut Chunker<'_>) -> Outcome {
    if archive.index_for_name("META-INF/encryption.xml").is_some() {
        refuse_locked(&entry(archive, "META-INF/encryption.xml", 4 << 20, left)?)?;
    }
    let container = entry(archive, "META-INF/container.xml", 1 << 20, left)?;
    let mut package = None;
    walk(&container, &mut |event| {
        if let Event::Start(tag) | Event::Empty(tag) = &event
            && tag.local_name().as_ref() == "rootfile"
            && package.is_none()
        {
            package = attribute(tag, "full-path");
        }
        Ok(())
    })?;
    let package = package.ok_or_else(|| fail("damaged", "the book does not say where its contents are"))?;
    let (title, parts) = contents(&entry(archive, &package, most, left)?)?;
    out.title(&title);
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    for part in parts.iter().take(SPINE) {
        let name = resolve(folder, part);
        if archive.index_for_name(&name).is_some() {
            let page = entry(archive, &name, most, left)?;
            out.end_section()?;
            html::parse(super::encoding::page(&page), out)?;
        }
    }
    Ok(())
}

/// Fonts may be scrambled; anything else under encryption is copy protection.
fn refuse_locked(xml: &[u8]) -> Outcome {
    let mut locked = false;
    walk(xml, &mut |event| {
        if let Event::Start(tag) | Event::Empty(tag) = &event
            && tag.local_name().as_ref() == "CipherReference"
        {
            let target = attribute(tag, "URI").unwrap_or_default().to_ascii_lowercase();
            locked |= [".xhtml", ".html", ".htm", ".xml", ".opf"].iter().any(|end| target.ends_with(end));
        }
        Ok(())
    })?;
    if locked { Err(fail("encrypted", "the book has copy protection")) } else { Ok(()) }
}

/// The title of a book and its pages in reading order.
fn contents(opf: &[u8]) -> Outcome<(String, Vec<String>)> {
    let (mut title, mut in_title) = (String::new(), false);
    let mut items: HashMap<String, String> = HashMap::new();
    let mut spine = Vec::new();
    walk(opf, &mut |event| {
        match &event {
            Event::Start(tag) | Event::Empty(tag) => match tag.local_name().as_ref() {
                "title" => in_title = title.is_empty(),
                "item" => {
                    if let (Some(id), Some(target)) = (attribute(tag, "id"), attribute(tag, "href")) {
                        items.insert(id, target);
                    }
                }
                "itemref" => spine.extend(attribute(tag, "idref")),
                _ => {}
            },
            Event::End(_) => in_title = false,
            Event::Text(text) if in_title => title.push_str(text),
            _ => {}
        }
        Ok(())
    })?;
    Ok((title, spine.iter().filter_map(|id| items.get(id).cloned()).collect()))
}

/// A path in the archive relative to `folder`, with `%20` and `..` resolved.
fn resolve(folder: &str, target: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = target.split('#').next().unwrap_or_default().bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let hex =
            |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high * 16 + low);
                rest = ahead;
            }
            _ => bytes.push(byte),
        }
    }
    let target = String::from_utf8_lossy(&bytes).into_owned();
    let mut path: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.join("/")
}
