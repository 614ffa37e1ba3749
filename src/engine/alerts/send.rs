//! Sends notices, one after the other, on a thread that ends when nothing is due.

use std::sync::{Arc, Weak};

use super::notices::Desk;
use crate::base::spawn;
use crate::config::Secret;
use crate::engine::breakers;
use crate::engine::run::Inner;
use crate::observe::notify::{
    Kind, Mail, Notice, NoticeShelf, NoticeState, Receiver, TlsFiles, letter, message,
};
use crate::observe::trace::{Context, Ending, Note, Trace};
use crate::resilience::queue::{MailServer, Outcome, Papers, Security, Upstream, Wire, mail, post};
use crate::store::crypt::random;

const STACK_KB: usize = 512;
/// From the first attempt to the last.
const PATIENCE_MS: u64 = 24 * 3_600_000;
const FIRST_WAIT_MS: u64 = 1000;
const LONGEST_WAIT_MS: u64 = 5 * 60_000;
/// Nothing is known of a probe that is under way, or of a hand: look again after a while.
const HELD_WAIT_MS: u64 = 5_000;
/// Attempts at which the receiver, not the way to it, failed.
const ATTEMPTS: u32 = 30;

/// Begins to send; false where no thread can be had.
pub(super) fn start(inner: &Arc<Inner>) -> bool {
    let weak = Arc::downgrade(inner);
    match spawn("notices", STACK_KB, move || run(&weak)) {
        Ok(_) => true,
        Err(error) => {
            tracing::warn!(%error, "notices cannot be sent now");
            false
        }
    }
}

/// The box is held only between two messages: one that is on its way does not keep it from stopping.
fn run(weak: &Weak<Inner>) {
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let Some((notice, receiver)) = next(&inner) else { return };
        let now = inner.clock.now_ms();
        if let Some(wait_ms) = left_alone(&inner, &notice) {
            postpone(&inner, &notice, now.saturating_add(wait_ms));
            continue;
        }
        let trace = inner.traces.begin_work(Context::parse(&notice.trace));
        drop(inner);
        let outcome = match receiver {
            Some(receiver) => sent(&notice, &receiver, &trace.asked().to_string(), now),
            None => Outcome::Dead { reason: "this receiver is no more".to_owned() },
        };
        let Some(inner) = weak.upgrade() else { return };
        end_try(&inner, trace, &notice, &outcome);
        let failed = matches!(outcome, Outcome::Retry { failure: true, .. });
        breakers::with(&inner, &breakers::of_receiver(&notice.receiver), |breaker, now_ms| {
            breaker.record(failed, now_ms);
        });
        settle(&inner, notice, outcome);
    }
}

/// A try is over; one that failed is a failure of its receiver.
fn end_try(inner: &Inner, trace: Trace, notice: &Notice, outcome: &Outcome) {
    let error = match outcome {
        Outcome::Delivered => None,
        Outcome::Retry { reason, .. } | Outcome::Dead { reason } | Outcome::Stop { reason } => {
            Some(reason.as_str())
        }
    };
    if let Some(error) = error {
        inner.traces.notice_failed(&notice.receiver, error, &trace, inner.clock.now_ms());
    }
    let notes = [
        ("messaging.message.id", Note::Text(&notice.message_id)),
        ("spud.receiver", Note::Text(&notice.receiver)),
        ("spud.attempt", Note::Number(u64::from(notice.attempts) + 1)),
    ];
    inner.traces.end_work(trace, &Ending { verb: "notify", what: &notice.receiver, error, notes: &notes });
}

/// How long a receiver whose breaker is open is left alone. What a person tries out goes through.
fn left_alone(inner: &Inner, notice: &Notice) -> Option<u64> {
    if notice.test {
        return None;
    }
    let name = breakers::of_receiver(&notice.receiver);
    let wait = breakers::with(inner, &name, |breaker, now_ms| {
        (!breaker.allow(now_ms)).then(|| breaker.retry_in_ms(now_ms).unwrap_or(HELD_WAIT_MS).max(1))
    });
    wait.flatten()
}

/// It waits longer, which is no attempt.
fn postpone(inner: &Inner, notice: &Notice, until_ms: u64) {
    if let Some(notice) = inner.alerting.notices.desk().waiting.get_mut(&notice.id) {
        notice.not_before_ms = until_ms;
    }
}

/// What is due and to whom it goes; where nothing is, the thread is over.
fn next(inner: &Inner) -> Option<(Notice, Option<Receiver>)> {
    let now = inner.clock.now_ms();
    let mut desk = inner.alerting.notices.desk();
    let stopping = inner.is_stopping();
    let due = desk.waiting.values().filter(|notice| notice.not_before_ms <= now && !stopping);
    let first = due.min_by_key(|notice| notice.not_before_ms).cloned();
    desk.sending = first.is_some();
    let notice = first?;
    let receiver = desk.settings.receivers.iter().find(|one| one.name == notice.receiver).cloned();
    Some((notice, receiver))
}

/// What a setting names, or the text itself.
fn named(what: &str, text: &str) -> Result<String, String> {
    let read = Secret::parse(text).map_err(str::to_owned).and_then(|secret| secret.read());
    read.map_err(|error| format!("{what}: {error}"))
}

fn sent(notice: &Notice, receiver: &Receiver, parent: &str, now: u64) -> Outcome {
    if receiver.kind == Kind::Mail {
        return match mail_server(receiver) {
            Ok(server) => mail(&server, &letter(notice, &server.from, &server.to)),
            Err(reason) => wrong(reason),
        };
    }
    match wire(receiver).and_then(|(wire, secret)| {
        let mut made = message(receiver.kind, notice, &secret, now).map_err(str::to_owned)?;
        made.headers.push(("traceparent", parent.to_owned()));
        Ok((wire, made))
    }) {
        Ok((wire, message)) => post(wire, &message.headers, &message.body),
        Err(reason) => wrong(reason),
    }
}

/// A file may be put right: it is tried again.
fn wrong(reason: String) -> Outcome {
    Outcome::Retry { after_ms: Some(LONGEST_WAIT_MS), reason, counts: true, failure: true }
}

fn papers(files: &TlsFiles) -> Papers {
    let named = |path: &String| (!path.is_empty()).then(|| path.into());
    Papers {
        authorities: named(&files.ca),
        own: named(&files.certificate).and_then(|certificate| Some((certificate, named(&files.key)?))),
    }
}

fn mail_server(receiver: &Receiver) -> Result<MailServer, String> {
    let plain = receiver.url.starts_with("smtp");
    let url = if plain { receiver.url.clone() } else { named("url", &receiver.url)? };
    let none = || "its url is not of the form smtp://host:587 or smtps://host:465".to_owned();
    let (scheme, place) = url.trim().trim_end_matches('/').split_once("://").ok_or_else(none)?;
    let (security, usual) = match (scheme, receiver.mail.open) {
        ("smtp", true) => (Security::None, 25),
        ("smtp", false) => (Security::StartTls, 587),
        ("smtps", _) => (Security::Tls, 465),
        _ => return Err(none()),
    };
    let (host, port) = match place.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((host, port)) => (host, port.parse().map_err(|_| none())?),
        None => (place, usual),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains(['/', '@']) {
        return Err(none());
    }
    let Mail { from, to, user, .. } = receiver.mail.clone();
    let password =
        if receiver.secret.is_empty() { String::new() } else { named("secret", &receiver.secret)? };
    let login = (!user.is_empty()).then_some((user, password));
    let papers = papers(&receiver.tls);
    Ok(MailServer { host: host.to_owned(), port, security, login, papers, from, to })
}

fn wire(receiver: &Receiver) -> Result<(Wire, String), String> {
    let plain = ["http://", "https://"].iter().any(|start| receiver.url.starts_with(start));
    let url = if plain { receiver.url.clone() } else { named("url", &receiver.url)? };
    let upstream =
        Upstream::parse(&url).map_err(|_| "its url is not of the form https://host/path".to_owned())?;
    if upstream.kind() != "http" {
        return Err("its url is not of the form https://host/path".to_owned());
    }
    let token = Some(receiver.token.as_str()).filter(|token| !token.is_empty());
    let token = token.map(|token| named("token", token)).transpose()?;
    let secret = if receiver.secret.is_empty() { String::new() } else { named("secret", &receiver.secret)? };
    Ok((Wire { upstream, secret: token, papers: papers(&receiver.tls), subject: String::new() }, secret))
}

/// Waits longer each time, and never quite as long as others who wait.
fn pause(attempts: u32) -> u64 {
    let wait = FIRST_WAIT_MS.saturating_mul(1 << attempts.min(16)).min(LONGEST_WAIT_MS);
    let [dice] = random::<1>();
    wait + wait / 4 * u64::from(dice) / 255
}

/// What a notice is after an attempt.
fn after(notice: Notice, outcome: Outcome, now: u64) -> Notice {
    let attempts = notice.attempts.saturating_add(1);
    match outcome {
        Outcome::Delivered => {
            Notice { state: NoticeState::Sent, attempts, ended_ms: now, error: String::new(), ..notice }
        }
        Outcome::Retry { after_ms, reason, counts, .. } => {
            let old = now.saturating_sub(notice.created_ms) > PATIENCE_MS;
            if old || counts && attempts >= ATTEMPTS {
                return Notice {
                    state: NoticeState::Failed,
                    attempts,
                    ended_ms: now,
                    error: reason,
                    ..notice
                };
            }
            let wait = after_ms.unwrap_or_else(|| pause(notice.attempts));
            Notice { attempts, not_before_ms: now.saturating_add(wait), error: reason, ..notice }
        }
        Outcome::Dead { reason } | Outcome::Stop { reason } => {
            Notice { state: NoticeState::Failed, attempts, ended_ms: now, error: reason, ..notice }
        }
    }
}

fn settle(inner: &Inner, notice: Notice, outcome: Outcome) {
    let notice = after(notice, outcome, inner.clock.now_ms());
    let (receiver, id, error) = (notice.receiver.as_str(), notice.message_id.as_str(), notice.error.as_str());
    match notice.state {
        NoticeState::Sent => tracing::info!(receiver, id, "a notice was sent"),
        NoticeState::Waiting => {
            tracing::info!(receiver, id, error, "a notice was not taken; it is tried again")
        }
        NoticeState::Failed => tracing::warn!(receiver, id, error, "a notice is given up"),
    }
    let outcome = match notice.state {
        NoticeState::Sent => "sent",
        NoticeState::Waiting => "put_off",
        NoticeState::Failed => "given_up",
    };
    inner.instruments.notice(receiver, outcome);
    let kept = NoticeShelf::settle(&inner.modes.control, &notice);
    let mut desk = inner.alerting.notices.desk();
    if notice.state == NoticeState::Waiting {
        desk.waiting.insert(notice.id, notice.clone());
    } else {
        desk.waiting.remove(&notice.id);
    }
    if let Err(error) = kept {
        inner.modes.store_said(&error);
        tracing::warn!(%error, "what became of a notice cannot be kept; it is tried again");
        desk.unsettled.insert(notice.id, notice);
    }
}

/// Keeps what could not be kept before.
pub(super) fn settle_again(inner: &Inner, desk: &mut Desk) {
    while let Some((id, notice)) = desk.unsettled.pop_first() {
        if NoticeShelf::settle(&inner.modes.control, &notice).is_err() {
            desk.unsettled.insert(id, notice);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice(attempts: u32) -> Notice {
        Notice {
            id: 1,
            message_id: "m".into(),
            receiver: "r".into(),
            title: String::new(),
            alerts: Vec::new(),
            more: 0,
            created_ms: 1000,
            state: NoticeState::Waiting,
            test: false,
            attempts,
            not_before_ms: 0,
            ended_ms: 0,
            error: String::new(),
            trace: String::new(),
        }
    }

    #[test]
    fn a_notice_is_tried_again_for_a_day_and_not_for_ever() {
        let retry = |counts| Outcome::Retry { after_ms: None, reason: "no".into(), counts, failure: true };
        let once = after(notice(0), retry(true), 5000);
        assert_eq!((once.state, once.attempts, once.error.as_str()), (NoticeState::Waiting, 1, "no"));
        assert!((6000..=6250).contains(&once.not_before_ms), "{once:?}");
        assert_eq!(after(notice(29), retry(true), 5000).state, NoticeState::Failed);
        // A way that is broken for hours is not the receiver's fault.
        assert_eq!(after(notice(500), retry(false), 5000).state, NoticeState::Waiting);
        assert_eq!(after(notice(500), retry(false), 1001 + PATIENCE_MS).state, NoticeState::Failed);
        assert_eq!(after(notice(0), Outcome::Dead { reason: "400".into() }, 9).state, NoticeState::Failed);
        assert_eq!(after(notice(0), Outcome::Delivered, 9).state, NoticeState::Sent);
        assert!(pause(40) <= LONGEST_WAIT_MS * 5 / 4);
    }
}
