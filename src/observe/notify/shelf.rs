//! What outlives a restart: notices with what became of them, and what each receiver was told. In `control.redb`.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};

use super::plan::{GroupId, Told};
use crate::base::ordered_map;
use crate::store::{Control, StoreError, Table, WriteTransaction, codec, number_key, number_of, there};

/// Of what was told; and of notices before they said why, since when and with which value.
const VERSION: u8 = 1;
const NOTICE_VERSION: u8 = 2;
/// Number → [`NoticeRecord`]
const NOTICES: Table = Table::new("notices");
/// [`GroupId`] → [`ToldRecord`]
const TOLD: Table = Table::new("notices_told");
/// Notices that are kept: those that wait, and the newest others.
const KEPT: usize = 300;

/// What became of a notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoticeState {
    #[default]
    Waiting,
    /// Taken by its receiver; of the inbox: shown by the box.
    Sent,
    /// Given up.
    Failed,
}

impl NoticeState {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// An alert in a notice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NoticeAlert {
    pub name: String,
    /// firing or resolved
    pub state: String,
    pub severity: String,
    pub summary: String,
    pub labels: Vec<(String, String)>,
    /// What else its rule says: description, runbook, ...
    pub annotations: Vec<(String, String)>,
    /// What its rule found; empty where no rule did.
    pub value: String,
    /// Since when it fires; 0 is unknown.
    pub since_ms: u64,
}

impl NoticeAlert {
    /// What its rule says under that name.
    #[must_use]
    pub fn said(&self, name: &str) -> Option<&str> {
        let found = self.annotations.iter().find(|(known, text)| known == name && !text.is_empty());
        found.map(|(_, text)| text.as_str())
    }
}

/// Something that a receiver is to know.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    pub id: u64,
    /// The same at each attempt: who takes it twice can know.
    pub message_id: String,
    pub receiver: String,
    pub title: String,
    pub alerts: Vec<NoticeAlert>,
    /// Alerts that found no place in it.
    pub more: u64,
    pub created_ms: u64,
    pub state: NoticeState,
    /// A person wanted to see whether it arrives.
    pub test: bool,
    pub attempts: u32,
    pub not_before_ms: u64,
    /// Sent or given up at this time.
    pub ended_ms: u64,
    /// Why it did not arrive the last time.
    pub error: String,
    /// The evaluation that led to it, as a `traceparent`; empty where none did.
    pub trace: String,
}

impl Notice {
    /// True where one of its alerts fires.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.alerts.iter().any(|alert| alert.state == "firing")
    }

    /// One line an alert.
    #[must_use]
    pub fn text(&self) -> String {
        super::message::text(self)
    }
}

#[derive(Debug, Clone, Encode, Decode)]
struct AlertRecord {
    name: String,
    state: String,
    severity: String,
    summary: String,
    labels: Vec<(String, String)>,
}

/// What version 2 has beside it.
#[derive(Debug, Clone, Default, Encode, Decode)]
struct More {
    trace: String,
    alerts: Vec<AlertMore>,
}

/// Annotations, value, since when.
type AlertMore = (Vec<(String, String)>, String, u64);

#[derive(Debug, Clone, Encode, Decode)]
struct NoticeRecord {
    message_id: String,
    receiver: String,
    title: String,
    alerts: Vec<AlertRecord>,
    more: u64,
    created_ms: u64,
    /// 0 waiting, 1 sent, 2 failed
    state: u8,
    test: bool,
    attempts: u32,
    not_before_ms: u64,
    ended_ms: u64,
    error: String,
}

#[derive(Debug, Clone, Encode, Decode)]
struct ToldRecord {
    route: String,
    alerts: Vec<([u8; 16], String, String)>,
    sent_ms: u64,
}

fn encoded(notice: &Notice) -> Result<Vec<u8>, StoreError> {
    let Notice { message_id, receiver, title, alerts, error, trace, .. } = notice.clone();
    let mut more = More { trace, alerts: Vec::new() };
    let mut alert = |one: NoticeAlert| {
        more.alerts.push((one.annotations, one.value, one.since_ms));
        let NoticeAlert { name, state, severity, summary, labels, .. } = one;
        AlertRecord { name, state, severity, summary, labels }
    };
    let record = NoticeRecord {
        message_id,
        receiver,
        title,
        alerts: alerts.into_iter().map(&mut alert).collect(),
        more: notice.more,
        created_ms: notice.created_ms,
        state: notice.state as u8,
        test: notice.test,
        attempts: notice.attempts,
        not_before_ms: notice.not_before_ms,
        ended_ms: notice.ended_ms,
        error,
    };
    Ok(codec::encode(NOTICE_VERSION, &(record, more))?)
}

fn decoded(id: u64, bytes: &[u8]) -> Result<Notice, codec::CodecError> {
    let (record, more) = match bytes.first() {
        Some(&VERSION) => (codec::decode::<NoticeRecord>(VERSION, bytes)?, More::default()),
        _ => codec::decode::<(NoticeRecord, More)>(NOTICE_VERSION, bytes)?,
    };
    let NoticeRecord { message_id, receiver, title, alerts, created_ms, error, .. } = record;
    let mut beside = more.alerts.into_iter();
    let alert = |AlertRecord { name, state, severity, summary, labels }| {
        let (annotations, value, since_ms) = beside.next().unwrap_or_default();
        NoticeAlert { name, state, severity, summary, labels, annotations, value, since_ms }
    };
    let state = match record.state {
        0 => NoticeState::Waiting,
        1 => NoticeState::Sent,
        _ => NoticeState::Failed,
    };
    Ok(Notice {
        id,
        message_id,
        receiver,
        title,
        alerts: alerts.into_iter().map(alert).collect(),
        more: record.more,
        created_ms,
        state,
        test: record.test,
        attempts: record.attempts,
        not_before_ms: record.not_before_ms,
        ended_ms: record.ended_ms,
        error,
        trace: more.trace,
    })
}

/// The two tables.
#[derive(Debug)]
pub struct NoticeShelf;

impl NoticeShelf {
    /// Keeps notices (numbers them, gives them back) and what was told, in one commit; forgets those groups, and the
    /// oldest notices that wait for nobody.
    ///
    /// # Errors
    /// What the store says; nothing is changed then.
    pub fn add(
        control: &Control,
        new: Vec<Notice>,
        told: &[(GroupId, Told)],
        gone: &[GroupId],
        also: impl FnOnce(&WriteTransaction) -> Result<(), StoreError>,
    ) -> Result<Vec<Notice>, StoreError> {
        control.write(|write| {
            let mut table = write.open_table(NOTICES)?;
            let last = table.last()?.map_or(0, |(key, _)| number_of(key.value()));
            let mut kept = Vec::new();
            for (id, one) in (last + 1..).zip(new) {
                let one = Notice { id, ..one };
                table.insert(&number_key(id)[..], encoded(&one)?.as_slice())?;
                kept.push(one);
            }
            let mut over = Vec::new();
            let mut count = 0;
            for row in table.iter()?.rev() {
                let (key, value) = row?;
                count += 1;
                let waits = decoded(0, value.value()).is_ok_and(|one| one.state == NoticeState::Waiting);
                if count > KEPT && !waits {
                    over.push(number_of(key.value()));
                }
            }
            for id in over {
                table.remove(&number_key(id)[..])?;
            }
            drop(table);
            let mut table = write.open_table(TOLD)?;
            for id in gone {
                table.remove(&id[..])?;
            }
            for (id, told) in told {
                let alerts = told.alerts.iter().map(|(key, (name, text))| (*key, name.clone(), text.clone()));
                let record =
                    ToldRecord { route: told.route.clone(), alerts: alerts.collect(), sent_ms: told.sent_ms };
                table.insert(&id[..], codec::encode(VERSION, &record)?.as_slice())?;
            }
            drop(table);
            also(write)?;
            Ok(kept)
        })
    }

    /// What became of a notice.
    ///
    /// # Errors
    /// What the store says; it is not kept then.
    pub fn settle(control: &Control, one: &Notice) -> Result<(), StoreError> {
        let row = encoded(one)?;
        control.write(|write| {
            write.open_table(NOTICES)?.insert(&number_key(one.id)[..], row.as_slice())?;
            Ok(())
        })
    }

    /// Notices that are kept, newest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn notices(control: &Control, most: usize) -> Result<Vec<Notice>, StoreError> {
        control.read(|read| {
            let mut found = Vec::new();
            let Some(table) = there(read.open_table(NOTICES))? else { return Ok(found) };
            for row in table.iter()?.rev().take(most) {
                let (key, value) = row?;
                let id = number_of(key.value());
                match decoded(id, value.value()) {
                    Ok(notice) => found.push(notice),
                    Err(error) => tracing::error!(id, %error, "a notice cannot be read"),
                }
            }
            Ok(found)
        })
    }

    /// What receivers were told.
    ///
    /// # Errors
    /// What the store says.
    pub fn told(control: &Control) -> Result<BTreeMap<GroupId, Told>, StoreError> {
        control.read(|read| {
            let mut found = BTreeMap::new();
            let Some(table) = there(read.open_table(TOLD))? else { return Ok(found) };
            for row in table.iter()? {
                let (key, value) = row?;
                let Ok(id) = GroupId::try_from(key.value()) else { continue };
                match codec::decode::<ToldRecord>(VERSION, value.value()) {
                    Ok(record) => {
                        let alerts = record.alerts.into_iter().map(|(key, name, text)| (key, (name, text)));
                        let told = Told {
                            route: record.route,
                            alerts: ordered_map(alerts),
                            sent_ms: record.sent_ms,
                        };
                        found.insert(id, told);
                    }
                    Err(error) => tracing::error!(%error, "what was told cannot be read; it is told again"),
                }
            }
            Ok(found)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(receiver: &str, state: NoticeState) -> Notice {
        Notice {
            id: 0,
            message_id: "m".into(),
            receiver: receiver.into(),
            title: "t".into(),
            alerts: Vec::new(),
            more: 0,
            created_ms: 5,
            state,
            test: false,
            attempts: 0,
            not_before_ms: 0,
            ended_ms: 0,
            error: String::new(),
            trace: String::new(),
        }
    }

    #[test]
    fn notices_and_what_was_told_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control.redb");
        let control = Control::open(&path, 256 << 10).unwrap();
        assert!(NoticeShelf::notices(&control, 9).unwrap().is_empty());
        let told = Told {
            route: "r".into(),
            alerts: [([7; 16], ("A".to_owned(), "s".to_owned()))].into(),
            sent_ms: 9,
        };
        let all = vec![new("a", NoticeState::Waiting), new("b", NoticeState::Sent)];
        let none = |_: &WriteTransaction| Ok(());
        let kept = NoticeShelf::add(&control, all, &[([1; 16], told.clone())], &[], none).unwrap();
        assert_eq!(kept.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2]);
        let failed =
            Notice { state: NoticeState::Failed, attempts: 3, error: "no".into(), ..kept[0].clone() };
        NoticeShelf::settle(&control, &failed).unwrap();
        drop(control);
        let control = Control::open(&path, 256 << 10).unwrap();
        assert_eq!(NoticeShelf::notices(&control, 9).unwrap(), [kept[1].clone(), failed]);
        assert_eq!(NoticeShelf::told(&control).unwrap(), [([1; 16], told)].into());
        NoticeShelf::add(&control, Vec::new(), &[], &[[1; 16]], none).unwrap();
        assert!(NoticeShelf::told(&control).unwrap().is_empty());
    }

    #[test]
    fn notices_of_before_can_be_read_and_new_ones_come_back_whole() {
        let alert = AlertRecord {
            name: "A".into(),
            state: "firing".into(),
            severity: String::new(),
            summary: "s".into(),
            labels: Vec::new(),
        };
        let old = NoticeRecord {
            message_id: "m".into(),
            receiver: "r".into(),
            title: "t".into(),
            alerts: vec![alert],
            more: 0,
            created_ms: 5,
            state: 1,
            test: false,
            attempts: 2,
            not_before_ms: 0,
            ended_ms: 6,
            error: String::new(),
        };
        let read = decoded(7, &codec::encode(VERSION, &old).unwrap()).unwrap();
        assert_eq!((read.id, read.alerts[0].summary.as_str(), read.trace.as_str()), (7, "s", ""));
        let alert = NoticeAlert {
            annotations: vec![("runbook".into(), "turn it off".into())],
            value: "1.5".into(),
            since_ms: 9,
            ..NoticeAlert::default()
        };
        let notice = Notice { alerts: vec![alert], trace: "00-a".into(), ..new("a", NoticeState::Failed) };
        assert_eq!(decoded(0, &encoded(&notice).unwrap()).unwrap(), notice);
    }

    #[test]
    fn old_notices_go_but_those_that_wait_stay() {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        let mut all = vec![new("first", NoticeState::Waiting)];
        all.extend((0..KEPT + 5).map(|_| new("b", NoticeState::Sent)));
        NoticeShelf::add(&control, all, &[], &[], |_| Ok(())).unwrap();
        let left = NoticeShelf::notices(&control, 1000).unwrap();
        assert_eq!((left.len(), left.last().unwrap().receiver.as_str()), (KEPT + 1, "first"));
    }
}
