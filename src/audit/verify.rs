//! Goes through the whole log once, in bounded memory: every leaf and every node is made again, every checkpoint must
//! name the root that the log had then, and the box, or one whose backup it holds, must have signed it.

use memchr::memmem;

use super::AuditError;
use super::ahead::{self, Step};
use super::checkpoint::{Head, Record, signed_by};
use super::entry::Salted;
use super::log::{Log, Reads, VERSION, node_keys, node_of};
use super::note::Note;
use super::tree::{Edge, Hash};
use crate::base::to_hex;
use crate::store::backup::PublicKey;
use crate::store::{codec, number_of};

/// Problems that are told one by one.
const TOLD: usize = 20;
/// Entries between two looks at whether to go on.
const LOOK_EVERY: u64 = 4096;

/// What a look at the whole log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub size: u64,
    pub root: Hash,
    pub nodes: u64,
    pub checkpoints: u64,
    /// Entries with texts, and with texts that were erased.
    pub with_texts: u64,
    pub erased: u64,
    pub problems: Vec<String>,
}

impl Verdict {
    fn problem(&mut self, what: impl Into<String>) {
        match self.problems.len() {
            TOLD => self.problems.push("and more".to_owned()),
            few if few < TOLD => self.problems.push(what.into()),
            _ => {}
        }
    }
}

type Rows<'a> = Box<dyn Iterator<Item = Result<(Vec<u8>, Vec<u8>), AuditError>> + 'a>;

/// What is read is compared and forgotten.
fn copied(row: Result<crate::store::Row<'_>, redb::StorageError>) -> Result<(Vec<u8>, Vec<u8>), AuditError> {
    let (key, value) = row?;
    Ok((key.value().to_vec(), value.value().to_vec()))
}

/// Rows of a table.
fn all(table: Option<&Reads>) -> Result<Rows<'_>, AuditError> {
    let Some(table) = table else { return Ok(Box::new(std::iter::empty())) };
    Ok(Box::new(table.iter()?.map(copied)))
}

/// Verifies the log as it stands; `go_on` is asked now and then with the entries so far, and ends it.
///
/// # Errors
/// What the store says. Whatever is wrong with the log is a finding.
pub fn verify(log: &Log, trusted: &[PublicKey], go_on: &dyn Fn(u64) -> bool) -> Result<Verdict, AuditError> {
    let (entries, nodes, texts) = log.rows();
    let mut walk = Walk {
        verdict: Verdict::default(),
        nodes,
        levels: Vec::new(),
        texts: all(texts)?,
        next_text: None,
        checkpoints: all(log.checkpoints.as_ref())?,
        next_checkpoint: None,
        trusted,
    };
    walk.next_text = walk.texts.next().transpose()?;
    walk.next_checkpoint = walk.checkpoints.next().transpose()?;
    let mut edge = Edge::default();
    if let Some(entries) = entries {
        ahead::steps(entries, &mut |step| walk.step(step, &mut edge, go_on))?;
    }
    let is_whole = edge.size() == log.size();
    if is_whole {
        walk.rest()?;
    }
    (walk.verdict.size, walk.verdict.root) = (edge.size(), edge.root());
    Ok(walk.verdict)
}

/// The rows beside the entries, each kind read in its order.
struct Walk<'a> {
    verdict: Verdict,
    nodes: Option<&'a Reads>,
    /// From level 1 on.
    levels: Vec<Rows<'a>>,
    texts: Rows<'a>,
    next_text: Option<(Vec<u8>, Vec<u8>)>,
    checkpoints: Rows<'a>,
    next_checkpoint: Option<(Vec<u8>, Vec<u8>)>,
    trusted: &'a [PublicKey],
}

impl<'a> Walk<'a> {
    /// Goes on by a batch of entries; false where it ends there.
    fn step(&mut self, step: Step, edge: &mut Edge, go_on: &dyn Fn(u64) -> bool) -> Result<bool, AuditError> {
        let batch = match step {
            Step::Entries(batch) => batch,
            Step::Broken(why) => {
                self.verdict.problem(why);
                return Ok(false);
            }
        };
        for (entry, leaf) in batch.iter() {
            if entry.is_text {
                self.look(edge.size(), leaf, entry.has_texts)?;
            } else {
                self.verdict.problem(format!("entry {} is no text", edge.size()));
            }
            edge.push(entry.hash, |level, index, hash| self.node(level, index, hash))?;
            self.head(edge)?;
            if edge.size().is_multiple_of(LOOK_EVERY) && !go_on(edge.size()) {
                self.verdict.problem("it was stopped before its end");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Compares the texts of an entry with what its leaf says of them.
    fn look(&mut self, sequence: u64, leaf: &[u8], has_texts: bool) -> Result<(), AuditError> {
        self.verdict.with_texts += u64::from(has_texts);
        while let Some((key, value)) = self.next_text.take_if(|(key, _)| number_of(key) <= sequence) {
            let is_its = number_of(&key) == sequence && has_texts;
            let fine = codec::decode::<Vec<Salted>>(VERSION, &value).is_ok_and(|texts| {
                let named = |text: &Salted| {
                    let pair = format!("\"{}\":\"{}\"", text.name, to_hex(&text.hash()));
                    memmem::find(leaf, pair.as_bytes()).is_some()
                };
                is_its && !texts.is_empty() && texts.iter().all(named)
            });
            if !fine {
                self.verdict
                    .problem(format!("the texts of entry {} are not those of its leaf", number_of(&key)));
            }
            self.next_text = self.texts.next().transpose()?;
            if is_its {
                return Ok(());
            }
        }
        self.verdict.erased += u64::from(has_texts);
        Ok(())
    }

    /// Compares a node with the one that is kept.
    fn node(&mut self, level: u32, index: u64, hash: &Hash) -> Result<(), AuditError> {
        let Some(at) = (level as usize).checked_sub(1) else { return Ok(()) };
        if self.levels.len() == at {
            self.levels.push(level_rows(self.nodes, level)?);
        }
        let kept = match self.levels.get_mut(at) {
            Some(rows) => rows.next().transpose()?,
            None => None,
        };
        self.verdict.nodes += 1;
        let same = kept.is_some_and(|(key, value)| {
            node_of(&key) == (level, index) && codec::unseal(VERSION, &value).is_ok_and(|kept| kept == hash)
        });
        if !same {
            self.verdict.problem(format!("node {level}/{index} is not the hash of what lies below"));
        }
        Ok(())
    }

    /// Compares the checkpoint of this size, where there is one.
    fn head(&mut self, edge: &Edge) -> Result<(), AuditError> {
        while let Some((key, value)) = self.next_checkpoint.take_if(|(key, _)| number_of(key) <= edge.size())
        {
            let size = number_of(&key);
            self.verdict.checkpoints += 1;
            let note =
                codec::decode::<Record>(VERSION, &value).ok().and_then(|record| Note::parse(&record.note));
            let head = note.as_ref().and_then(|note| Head::parse(note.text()));
            match note.zip(head) {
                None => self.verdict.problem(format!("the checkpoint of {size} entries cannot be read")),
                Some((_, head)) if (head.size, head.root) != (edge.size(), edge.root()) => {
                    self.verdict.problem(format!("the checkpoint of {size} entries names another root"));
                }
                Some((note, head)) if signed_by(&head, &note, self.trusted).is_none() => {
                    self.verdict.problem(format!("no known key signed the checkpoint of {size} entries"));
                }
                Some(_) => {}
            }
            self.next_checkpoint = self.checkpoints.next().transpose()?;
        }
        Ok(())
    }

    /// What is left over when the entries have ended belongs to entries that are gone.
    fn rest(&mut self) -> Result<(), AuditError> {
        if let Some((key, _)) = &self.next_checkpoint {
            let what =
                format!("a checkpoint tells of {} entries: the end of the log is gone", number_of(key));
            self.verdict.problem(what);
        }
        if self.next_text.is_some() {
            self.verdict.problem("there are texts of entries that are gone");
        }
        let first_unseen = u32::try_from(self.levels.len()).unwrap_or(u32::MAX).saturating_add(1);
        let mut left = level_rows(self.nodes, first_unseen)?.next().transpose()?;
        for rows in &mut self.levels {
            left = left.or(rows.next().transpose()?);
        }
        if let Some((level, index)) = left.map(|(key, _)| node_of(&key)) {
            self.verdict.problem(format!("node {level}/{index} is of entries that are gone"));
        }
        Ok(())
    }
}

fn level_rows(nodes: Option<&Reads>, level: u32) -> Result<Rows<'_>, AuditError> {
    let Some(nodes) = nodes else { return Ok(Box::new(std::iter::empty())) };
    let (from, to) = node_keys(level);
    Ok(Box::new(nodes.range::<&[u8]>(&from[..]..=&to[..])?.map(copied)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Entry, append, erase, keep};
    use crate::store::backup::Signer;
    use crate::store::{Control, Table, number_key};

    fn key() -> Signer {
        Signer::from_seed(&[5; 32])
    }

    fn filled() -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        for n in 0..37u64 {
            let entry = Entry::new(n, [n as u8; 32], "test.made", "uid:7", ("thing", "x"));
            let entry = if n % 3 == 0 { entry.text("reason", "why") } else { entry };
            control.write(|write| append(write, &entry)).unwrap();
            if n % 10 == 9 {
                let made =
                    Log::open(&control.snapshot().unwrap()).unwrap().sign(key(), n, None).unwrap().unwrap();
                control.write(|write| keep(write, &made)).unwrap();
            }
        }
        (folder, control)
    }

    fn verdict(control: &Control, trusted: &[PublicKey]) -> Verdict {
        verify(&Log::open(&control.snapshot().unwrap()).unwrap(), trusted, &|_| true).unwrap()
    }

    #[test]
    fn a_whole_log_is_whole_also_after_texts_were_erased() {
        let (_folder, control) = filled();
        let told = Entry::new(0, [0; 32], "audit.erased", "uid:0", ("entry", "3"));
        control.write(|write| erase(write, 3, &told)).unwrap();
        let found = verdict(&control, &[key().public()]);
        assert_eq!(found.problems, [""; 0]);
        assert_eq!((found.size, found.checkpoints, found.with_texts, found.erased), (38, 3, 13, 1));
        assert_eq!(found.root, Log::open(&control.snapshot().unwrap()).unwrap().root(38).unwrap());
        let stranger = verdict(&control, &[[1; 32]]);
        assert_eq!(stranger.problems.len(), 3, "nobody known signed: {:?}", stranger.problems);
    }

    #[test]
    fn every_kind_of_change_is_found() {
        // Table, key and what is put there; nothing takes the row away.
        let leaf = codec::seal(VERSION, b"{\"kind\":\"test.made\"}");
        let wrong = codec::seal(VERSION, &[9; 32]);
        let other = vec![("reason".to_owned(), [0u8; 16], "another reason".to_owned())];
        let other = codec::encode(VERSION, &other).unwrap();
        let node = |level: u8, index: u64| [&[level][..], &index.to_be_bytes()].concat();
        let number = |n: u64| number_key(n).to_vec();
        type Case = (&'static str, Vec<u8>, Option<Vec<u8>>, &'static str);
        let cases: [Case; 9] = [
            ("audit_entries", number(5), Some(leaf.clone()), "node 1/2"),
            ("audit_entries", number(35), Some(leaf.clone()), "node 1/17"),
            ("audit_entries", number(5), Some(vec![1, 2, 3, 4, 5, 6]), "fails its check"),
            ("audit_entries", number(5), None, "entry 5 is missing"),
            ("audit_entries", number(36), None, "entries that are gone"),
            ("audit_nodes", node(2, 3), Some(wrong), "node 2/3"),
            ("audit_nodes", node(1, 0), None, "node 1/0"),
            ("audit_texts", number(3), Some(other), "texts of entry 3"),
            ("audit_checkpoints", number(20), Some(vec![9; 9]), "checkpoint of 20"),
        ];
        for (table, key_of, value, told) in cases {
            let (_folder, control) = filled();
            control
                .write(|write| {
                    let mut rows = write.open_table(Table::new(table))?;
                    match &value {
                        Some(value) => drop(rows.insert(&key_of, value)?),
                        None => drop(rows.remove(&key_of)?),
                    }
                    Ok(())
                })
                .unwrap();
            let found = verdict(&control, &[key().public()]);
            let said = found.problems.join("; ");
            assert!(said.contains(told), "{table} {key_of:?}: {said}");
        }
    }
}
