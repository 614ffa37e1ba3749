//! Answers that were given before: L1 in memory, L2 compressed in the store.
//!
//! L1 is `quick_cache` (S3-FIFO: an answer asked for once does not push out one asked for often), bounded in
//! bytes. L2 is a bounded first-in-first-out ring of zstd-compressed records; it survives restarts.
//! A key carries the fingerprint of the snapshot, so that a new generation never serves old answers.
//!
//! Invariant: bounded in bytes; a miss is never an error, and a damaged record is a miss.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bincode::{Decode, Encode};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::KnowledgeError;
use super::answer::Answer;
use crate::store::{Database, Table, codec, number_key, number_of};

const VERSION: u8 = 1;
/// Digest of the key → zstd of the record, sealed
const ANSWERS: Table = Table::new("answers");
/// Sequence → digest and length (big-endian), sealed; oldest first
const ORDER: Table = Table::new("answer_order");
/// Tables that are made anew when they are lost: no backup keeps them.
pub const CACHE_TABLES: [&str; 2] = ["answers", "answer_order"];
/// Answers that wait for the next commit, at most: a commit costs about 25 KB of writes whatever its size.
const PENDING: usize = 256;
const LEVEL: i32 = 1;
/// L1 keeps this part of its budget when memory is short.
const SHRUNK: u64 = 8;

/// What was asked, of which generation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Key {
    pub fingerprint: u64,
    /// Canonical form of the question with everything that changes its answer.
    pub question: String,
}

impl Key {
    fn digest(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.fingerprint.to_le_bytes());
        hash.update(self.question.as_bytes());
        let full = hash.finalize();
        std::array::from_fn(|i| full[i])
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Answer>> for ByBytes {
    fn weight(&self, key: &Key, answer: &Arc<Answer>) -> u64 {
        let passages = answer.passages.iter().map(|p| {
            let heading: usize = p.heading.iter().map(|h| h.len() + 24).sum();
            size_of_val(p)
                + p.text.len()
                + p.title.len()
                + heading
                + p.highlights.len() * 16
                + p.document.path.len()
                + 96
        });
        (key.question.len() + 256 + passages.sum::<usize>()) as u64
    }
}

/// Which layer had the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    L1,
    L2,
}

/// Counters of one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCounts {
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
    pub bytes: u64,
    pub limit: u64,
}

fn unseal(bytes: &[u8]) -> Result<&[u8], KnowledgeError> {
    codec::unseal(VERSION, bytes)
        .map_err(|error| KnowledgeError::Record { what: format!("a cached answer: {error}") })
}

/// Both layers.
pub struct Answers {
    l1: Cache<Key, Arc<Answer>, ByBytes>,
    l1_limit: u64,
    shrunk: AtomicBool,
    l2_limit: u64,
    l2_bytes: AtomicU64,
    counts: [AtomicU64; 4],
    pending: Mutex<VecDeque<(Key, Arc<Answer>)>>,
}

impl Answers {
    /// Opens both layers; the table is made when it is not there.
    ///
    /// # Errors
    /// What the store says.
    pub fn open(database: &Database, l1_bytes: u64, l2_bytes: u64) -> Result<Self, KnowledgeError> {
        let mut write = database.begin_write()?;
        write.set_quick_repair(true);
        write.open_table(ANSWERS)?;
        let order = write.open_table(ORDER)?;
        let mut held = 0;
        for entry in order.iter()? {
            held += unseal(entry?.1.value()).map_or(0, number_of);
        }
        drop(order);
        write.commit()?;
        let entries = usize::try_from(l1_bytes / 8192).unwrap_or(usize::MAX).clamp(16, 65_536);
        Ok(Self {
            l1: Cache::with_weighter(entries, l1_bytes, ByBytes),
            l1_limit: l1_bytes,
            shrunk: AtomicBool::new(false),
            l2_limit: l2_bytes,
            l2_bytes: AtomicU64::new(held),
            counts: Default::default(),
            pending: Mutex::default(),
        })
    }

    /// Gives up what L1 and the waiting answers hold, and keeps L1 small until it may grow again.
    pub fn shrink(&self, on: bool) {
        if self.shrunk.swap(on, Ordering::Relaxed) == on {
            return;
        }
        if on {
            self.l1.clear();
            *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = VecDeque::new();
        }
        self.l1.set_capacity(self.l1_now());
    }

    /// What L1 may hold now.
    fn l1_now(&self) -> u64 {
        if self.shrunk.load(Ordering::Relaxed) { self.l1_limit / SHRUNK } else { self.l1_limit }
    }

    fn count(&self, at: usize) {
        self.counts[at].fetch_add(1, Ordering::Relaxed);
    }

    /// The answer, if a layer has it. An L2 hit moves up into L1.
    pub fn get(&self, database: &Database, key: &Key) -> Option<(Arc<Answer>, Layer)> {
        if let Some(answer) = self.l1.get(key) {
            self.count(0);
            return Some((answer, Layer::L1));
        }
        self.count(1);
        if self.l2_limit == 0 {
            return None;
        }
        let found = self.get_l2(database, key).ok().flatten().map(Arc::new);
        self.count(if found.is_some() { 2 } else { 3 });
        let answer = found?;
        self.l1.insert(key.clone(), answer.clone());
        Some((answer, Layer::L2))
    }

    fn get_l2(&self, database: &Database, key: &Key) -> Result<Option<Answer>, KnowledgeError> {
        let table = database.begin_read()?.open_table(ANSWERS)?;
        let Some(packed) = table.get(&key.digest()[..])? else { return Ok(None) };
        let record = zstd::stream::decode_all(unseal(packed.value())?)?;
        let (kept, answer): (Key, Answer) = codec::decode(VERSION, &record)
            .map_err(|e| KnowledgeError::Record { what: format!("a cached answer: {e}") })?;
        Ok((kept == *key).then_some(answer))
    }

    /// Keeps an answer in L1 now and in L2 with the next [`Self::flush`]; never waits for the store.
    pub fn put(&self, key: Key, answer: Arc<Answer>) {
        self.l1.insert(key.clone(), answer.clone());
        if self.l2_limit == 0 {
            return;
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.len() == PENDING {
            pending.pop_front();
        }
        pending.push_back((key, answer));
    }

    /// Commits what waits, and drops the oldest beyond the limit.
    ///
    /// # Errors
    /// What the store says; the answers are then only in L1.
    pub fn flush(&self, database: &Database) -> Result<(), KnowledgeError> {
        let waiting = std::mem::take(&mut *self.pending.lock().unwrap_or_else(PoisonError::into_inner));
        if waiting.is_empty() {
            return Ok(());
        }
        let mut held = self.l2_bytes.load(Ordering::Relaxed);
        let mut write = database.begin_write()?;
        write.set_durability(redb::Durability::None)?;
        {
            let mut answers = write.open_table(ANSWERS)?;
            let mut order = write.open_table(ORDER)?;
            let mut next = order.last()?.map_or(0, |(seq, _)| number_of(seq.value())) + 1;
            for (key, answer) in waiting {
                let record = codec::encode(VERSION, &(key.clone(), (*answer).clone()))
                    .map_err(|e| KnowledgeError::Record { what: e.to_string() })?;
                let packed = codec::seal(VERSION, &zstd::bulk::compress(&record, LEVEL)?);
                let digest = key.digest();
                if answers.insert(&digest[..], packed.as_slice())?.is_none() {
                    let entry = [&digest[..], &(packed.len() as u64).to_be_bytes()].concat();
                    order.insert(&number_key(next)[..], codec::seal(VERSION, &entry).as_slice())?;
                    next += 1;
                    held += packed.len() as u64;
                }
            }
            while held > self.l2_limit {
                let Some((_, oldest)) = order.pop_first()? else { break };
                let entry = unseal(oldest.value()).unwrap_or_default();
                let (digest, length) = entry.split_at(16.min(entry.len()));
                answers.remove(digest)?;
                held = held.saturating_sub(number_of(length));
            }
        }
        write.commit()?;
        self.l2_bytes.store(held, Ordering::Relaxed);
        Ok(())
    }

    /// Counters of L1 and L2.
    #[must_use]
    pub fn counts(&self, database: &Database) -> [CacheCounts; 2] {
        let of = |at: usize| self.counts[at].load(Ordering::Relaxed);
        let entries =
            || -> Result<u64, KnowledgeError> { Ok(database.begin_read()?.open_table(ANSWERS)?.len()?) };
        [
            CacheCounts {
                hits: of(0),
                misses: of(1),
                entries: self.l1.len() as u64,
                bytes: self.l1.weight(),
                limit: self.l1_now(),
            },
            CacheCounts {
                hits: of(2),
                misses: of(3),
                entries: entries().unwrap_or(0),
                bytes: self.l2_bytes.load(Ordering::Relaxed),
                limit: self.l2_limit,
            },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Passage;

    fn answer(text: &str) -> Arc<Answer> {
        Arc::new(Answer {
            passages: vec![Passage { text: text.into(), ..Passage::default() }],
            ..Answer::default()
        })
    }

    fn key(fingerprint: u64, question: &str) -> Key {
        Key { fingerprint, question: question.into() }
    }

    #[test]
    fn answers_survive_a_restart_and_generations_do_not_mix() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::create(dir.path().join("db")).unwrap();
        let cache = Answers::open(&database, 1 << 20, 1 << 20).unwrap();
        cache.put(key(1, "pump"), answer("a"));
        assert_eq!(cache.get(&database, &key(1, "pump")).unwrap().1, Layer::L1);
        assert!(cache.get(&database, &key(2, "pump")).is_none());
        cache.flush(&database).unwrap();
        let again = Answers::open(&database, 1 << 20, 1 << 20).unwrap();
        let (found, layer) = again.get(&database, &key(1, "pump")).unwrap();
        assert_eq!((found.passages[0].text.as_str(), layer), ("a", Layer::L2));
        assert_eq!(again.get(&database, &key(1, "pump")).unwrap().1, Layer::L1);
    }

    #[test]
    fn memory_can_be_given_up_and_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::create(dir.path().join("db")).unwrap();
        let cache = Answers::open(&database, 1 << 20, 1 << 20).unwrap();
        cache.put(key(1, "pump"), answer("a"));
        cache.shrink(true);
        let [l1, _] = cache.counts(&database);
        assert_eq!((l1.entries, l1.bytes, l1.limit), (0, 0, 1 << 17));
        for n in 0..2000 {
            cache.put(key(1, &n.to_string()), answer("some answer"));
        }
        assert!(cache.counts(&database)[0].bytes <= 1 << 17);
        cache.shrink(false);
        assert_eq!(cache.counts(&database)[0].limit, 1 << 20);
    }

    #[test]
    fn the_second_layer_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::create(dir.path().join("db")).unwrap();
        let cache = Answers::open(&database, 1 << 16, 4096).unwrap();
        for n in 0..200u32 {
            let text: String =
                (0..60).map(|i| format!("{} ", n.wrapping_mul(2_654_435_761).rotate_left(i))).collect();
            cache.put(key(1, &n.to_string()), answer(&text));
        }
        cache.flush(&database).unwrap();
        let [l1, l2] = cache.counts(&database);
        assert!(l2.bytes <= 4096 && l2.entries > 0, "{l2:?}");
        assert!(l1.bytes <= 1 << 16, "{l1:?}");
    }
}
