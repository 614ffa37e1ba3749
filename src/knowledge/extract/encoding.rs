//! Bytes to text: UTF-8, UTF-16 with or without its mark, and Windows-1252 as the last resort.
//!
//! Invariant: decoding never fails and never invents characters for control bytes.

use std::io::{self, Read};

/// Windows-1252 for 0x80..=0x9F; the rest equals Latin-1.
const HIGH: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
    '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];

/// UTF-8 if it is valid, otherwise Windows-1252.
pub(super) fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
    }
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH.get(usize::from(byte - 0x80)).copied().unwrap_or('\u{fffd}'),
        _ => char::from(byte),
    }
}

/// How the bytes of a file are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wide {
    No,
    Little,
    Big,
}

/// Whether the start of a file is UTF-16: by its mark, or because every other byte is zero.
pub(super) fn wide(head: &[u8]) -> Wide {
    match head {
        [0xff, 0xfe, ..] => return Wide::Little,
        [0xfe, 0xff, ..] => return Wide::Big,
        _ => {}
    }
    let pairs = head.len() / 2;
    if pairs < 8 {
        return Wide::No;
    }
    let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count();
    match (zeros(0), zeros(1)) {
        (first, second) if second * 10 > pairs * 7 && first * 20 < pairs => Wide::Little,
        (first, second) if first * 10 > pairs * 7 && second * 20 < pairs => Wide::Big,
        _ => Wide::No,
    }
}

/// Turns UTF-16 into UTF-8 while it is read.
pub(super) struct Narrow<R> {
    inner: R,
    wide: Wide,
    odd: Option<u8>,
    high: Option<u16>,
    ready: Vec<u8>,
    at: usize,
}

impl<R: Read> Narrow<R> {
    pub(super) fn new(inner: R, wide: Wide) -> Self {
        Self { inner, wide, odd: None, high: None, ready: Vec::new(), at: 0 }
    }

    fn refill(&mut self) -> io::Result<bool> {
        self.ready.clear();
        self.at = 0;
        let mut raw = [0_u8; 8192];
        while self.ready.is_empty() {
            let got = self.inner.read(&mut raw)?;
            if got == 0 {
                if self.high.take().is_some() {
                    self.put('\u{fffd}');
                }
                return Ok(!self.ready.is_empty());
            }
            for byte in raw.iter().take(got) {
                match self.odd.take() {
                    None => self.odd = Some(*byte),
                    Some(first) if self.wide == Wide::Big => self.unit(u16::from_be_bytes([first, *byte])),
                    Some(first) => self.unit(u16::from_le_bytes([first, *byte])),
                }
            }
        }
        Ok(true)
    }

    fn unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            let low = u32::from(unit).wrapping_sub(0xdc00);
            if low < 0x400 {
                let point = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + low;
                return self.put(char::from_u32(point).unwrap_or('\u{fffd}'));
            }
            self.put('\u{fffd}');
        }
        match unit {
            0xd800..=0xdbff => self.high = Some(unit),
            0xfeff => {}
            _ => self.put(char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}')),
        }
    }

    fn put(&mut self, character: char) {
        let mut bytes = [0; 4];
        self.ready.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
    }
}

impl<R: Read> Read for Narrow<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.wide == Wide::No {
            return self.inner.read(out);
        }
        if self.at >= self.ready.len() && !self.refill()? {
            return Ok(0);
        }
        let rest = self.ready.get(self.at..).unwrap_or_default();
        let count = rest.len().min(out.len());
        for (to, from) in out.iter_mut().zip(rest.iter().take(count)) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

/// A whole page or part in memory: UTF-16 by its mark, else UTF-8, else Windows-1252.
pub(super) fn page(bytes: &[u8]) -> String {
    match wide(bytes.get(..4096).unwrap_or(bytes)) {
        Wide::No => {
            let text = decode(bytes);
            if text.starts_with('\u{feff}') { text.trim_start_matches('\u{feff}').to_owned() } else { text }
        }
        side => {
            let mut text = String::new();
            // Reading from memory into memory has no error to report.
            let _ = Narrow::new(bytes, side).read_to_string(&mut text);
            text
        }
    }
}
