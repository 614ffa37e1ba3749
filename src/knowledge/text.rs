//! Chunk text, compressed one by one with a dictionary: the collection's, or else one trained on the
//! segment's own first chunks. Segments with the same dictionary are merged by copying.

use std::io::{self, Write};

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::DecoderDictionary;

/// Raw bytes that the dictionary is trained on.
const SAMPLE_BYTES: usize = 384 << 10;
const DICTIONARY_BYTES: usize = 16 << 10;
/// With fewer samples a dictionary costs more than it saves.
const SAMPLES_LEAST: usize = 64;
const LEVEL: i32 = 3;
/// No chunk unfolds to more.
const CHUNK_BYTES: usize = 4 << 20;

/// Compresses records front to back into `out`; remembers where each begins.
pub(super) struct TextWriter<W: Write> {
    out: W,
    offsets: Vec<u32>,
    written: u64,
    samples: Vec<u8>,
    sample_sizes: Vec<usize>,
    dictionary: Vec<u8>,
    compressor: Option<Compressor<'static>>,
}

/// What a finished [`TextWriter`] leaves.
pub(super) struct Texts<W> {
    pub(super) out: W,
    /// Begin of each record, and the end of the last.
    pub(super) offsets: Vec<u32>,
    pub(super) dictionary: Vec<u8>,
}

impl<W: Write> TextWriter<W> {
    /// An empty `dictionary` means: train one.
    pub(super) fn new(out: W, dictionary: &[u8]) -> io::Result<Self> {
        let prepared = (!dictionary.is_empty()).then(|| Compressor::with_dictionary(LEVEL, dictionary));
        Ok(Self {
            out,
            offsets: vec![0],
            written: 0,
            samples: Vec::new(),
            sample_sizes: Vec::new(),
            dictionary: dictionary.to_vec(),
            compressor: prepared.transpose()?,
        })
    }

    /// Bytes held in memory besides `out`.
    pub(super) fn held(&self) -> usize {
        self.samples.len() + self.offsets.len() * 4 + self.dictionary.len()
    }

    pub(super) fn push(&mut self, record: &[u8]) -> io::Result<()> {
        if self.compressor.is_some() {
            return self.compress(record);
        }
        self.samples.extend_from_slice(record);
        self.sample_sizes.push(record.len());
        if self.samples.len() >= SAMPLE_BYTES { self.train() } else { Ok(()) }
    }

    fn train(&mut self) -> io::Result<()> {
        if self.sample_sizes.len() >= SAMPLES_LEAST {
            // Too uniform a sample is refused; then there is no dictionary, and no harm.
            self.dictionary =
                zstd::dict::from_continuous(&self.samples, &self.sample_sizes, DICTIONARY_BYTES)
                    .unwrap_or_default();
        }
        self.compressor = Some(Compressor::with_dictionary(LEVEL, &self.dictionary)?);
        let (samples, sizes) = (std::mem::take(&mut self.samples), std::mem::take(&mut self.sample_sizes));
        let mut at = 0;
        for size in sizes {
            self.compress(&samples[at..at + size])?;
            at += size;
        }
        Ok(())
    }

    fn compress(&mut self, record: &[u8]) -> io::Result<()> {
        let Some(compressor) = &mut self.compressor else { return Ok(()) };
        let packed = compressor.compress(record)?;
        self.push_packed(&packed)
    }

    /// Adds a record that was compressed with this writer's dictionary.
    pub(super) fn push_packed(&mut self, packed: &[u8]) -> io::Result<()> {
        self.out.write_all(packed)?;
        self.written += packed.len() as u64;
        let end =
            u32::try_from(self.written).map_err(|_| io::Error::other("a segment's text passes 4 GiB"))?;
        self.offsets.push(end);
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<Texts<W>> {
        if self.compressor.is_none() {
            self.train()?;
        }
        Ok(Texts { out: self.out, offsets: self.offsets, dictionary: self.dictionary })
    }
}

/// Unpacks records, of any segment: its workspace of about 100 KB is made once for all.
pub(super) struct TextReader<'a> {
    decompressor: Decompressor<'a>,
    /// What was read of a file, compressed.
    pub(super) buffer: Vec<u8>,
}

impl<'a> TextReader<'a> {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { decompressor: Decompressor::new()?, buffer: Vec::new() })
    }

    pub(super) fn unpack(
        &mut self,
        dictionary: &'a DecoderDictionary<'static>,
        packed: &[u8],
    ) -> io::Result<Vec<u8>> {
        self.decompressor.set_prepared_dictionary(dictionary)?;
        let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
        let size = size.and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= CHUNK_BYTES);
        let size = size.ok_or_else(|| io::Error::other("a passage has no usable size"))?;
        self.decompressor.decompress(packed, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(count: usize) {
        let mut writer = TextWriter::new(Vec::new(), &[]).unwrap();
        let record = |i: usize| {
            format!("passage {i}: the pump number {} must be cleaned before use. ", i * 7).repeat(9)
        };
        for i in 0..count {
            writer.push(record(i).as_bytes()).unwrap();
        }
        let texts = writer.finish().unwrap();
        assert_eq!(texts.offsets.len(), count + 1);
        let dictionary = DecoderDictionary::copy(&texts.dictionary);
        let mut reader = TextReader::new().unwrap();
        for i in 0..count {
            let packed = &texts.out[texts.offsets[i] as usize..texts.offsets[i + 1] as usize];
            assert_eq!(reader.unpack(&dictionary, packed).unwrap(), record(i).as_bytes());
        }
    }

    #[test]
    fn few_and_many_come_back() {
        round_trip(0);
        round_trip(3);
        round_trip(2000);
    }

    #[test]
    fn garbage_is_an_error() {
        let dictionary = DecoderDictionary::copy(&[]);
        assert!(TextReader::new().unwrap().unpack(&dictionary, b"no frame").is_err());
    }
}
