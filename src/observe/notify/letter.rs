//! A notice as a letter (RFC 5322), with text in UTF-8 (RFC 2045, 2047).

use super::message::text;
use super::shelf::Notice;
use crate::base::{format_second, to_base64};

/// Letters of a line of base64 (RFC 2045, 6.8).
const LINE: usize = 76;
/// Bytes of one encoded word, so that it stays below 75 letters.
const WORD: usize = 45;
const DAY_MS: u64 = 86_400_000;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The letter; its id is that of the notice, however often it is sent.
#[must_use]
pub fn letter(notice: &Notice, from: &str, to: &[String]) -> Vec<u8> {
    let domain = from.rsplit_once('@').map_or("spud", |(_, domain)| domain);
    let mut out = String::new();
    let mut head = |name: &str, value: &str| out.push_str(&format!("{name}: {value}\r\n"));
    head("From", from);
    head("To", &to.join(", "));
    head("Subject", &subject(&notice.title));
    head("Date", &date(notice.created_ms));
    head("Message-ID", &format!("<{}@{domain}>", notice.message_id));
    // No holiday answers (RFC 3834).
    head("Auto-Submitted", "auto-generated");
    head("MIME-Version", "1.0");
    head("Content-Type", "text/plain; charset=utf-8");
    head("Content-Transfer-Encoding", "base64");
    out.push_str("\r\n");
    let body = format!("{}\n\n{}\n", notice.title, text(notice)).replace('\n', "\r\n");
    let mut rest = to_base64(body.as_bytes());
    while !rest.is_empty() {
        let next = rest.split_off(LINE.min(rest.len()));
        out.push_str(&rest);
        out.push_str("\r\n");
        rest = next;
    }
    out.into_bytes()
}

/// `Sun, 22 Nov 2026 02:00:00 +0000`
fn date(ms: u64) -> String {
    let text = format_second(ms);
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap_or((&text, ""));
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next(), parts.next(), parts.next());
    let month = month.and_then(|month| MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?));
    let weekday = usize::try_from(ms / DAY_MS % 7).ok().and_then(|day| DAYS.get(day));
    let or = |part: Option<&str>| part.unwrap_or_default().to_owned();
    format!("{}, {} {} {} {time} +0000", or(weekday.copied()), or(day), or(month.copied()), or(year))
}

fn subject(title: &str) -> String {
    if title.len() <= LINE && title.chars().all(|c| (' '..='~').contains(&c)) && !title.contains("=?") {
        return title.to_owned();
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    for letter in title.chars().filter(|c| !c.is_control()) {
        if word.len() + letter.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(letter);
    }
    words.push(word);
    let encoded: Vec<String> =
        words.iter().map(|word| format!("=?UTF-8?B?{}?=", to_base64(word.as_bytes()))).collect();
    encoded.join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::notify::{NoticeAlert, NoticeState};

    fn notice(title: &str) -> Notice {
        Notice {
            id: 1,
            message_id: "spud_12ab".into(),
            receiver: "r".into(),
            title: title.into(),
            alerts: vec![NoticeAlert {
                name: "PumpDown".into(),
                state: "firing".into(),
                severity: "critical".into(),
                summary: "pump 7 stands\r\n.\r\nRSET".into(),
                ..NoticeAlert::default()
            }],
            more: 0,
            created_ms: 1_795_312_800_000,
            state: NoticeState::Waiting,
            test: false,
            attempts: 0,
            not_before_ms: 0,
            ended_ms: 0,
            error: String::new(),
            trace: String::new(),
        }
    }

    #[test]
    fn a_letter_is_plain_ascii_whatever_the_notice_says() {
        let to = ["a@b.example".to_owned(), "c@d.example".to_owned()];
        let text =
            String::from_utf8(letter(&notice("shed: P\u{fc}mp\r\nBcc: x fires"), "box@b.example", &to))
                .unwrap();
        assert!(text.is_ascii() && !text.contains("\nBcc") && !text.contains("RSET"), "{text}");
        assert!(text.contains("To: a@b.example, c@d.example\r\n"), "{text}");
        assert!(text.contains("Message-ID: <spud_12ab@b.example>\r\n"), "{text}");
        assert!(text.contains("Date: Sun, 22 Nov 2026 "), "{text}");
        assert!(text.contains("\r\nSubject: =?UTF-8?B?"), "{text}");
        assert!(text.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])), "{text}");
        assert_eq!(
            text,
            String::from_utf8(letter(&notice("shed: P\u{fc}mp\r\nBcc: x fires"), "box@b.example", &to))
                .unwrap()
        );
    }

    #[test]
    fn subjects_are_cut_between_letters() {
        assert_eq!(subject("shed: PumpDown fires"), "shed: PumpDown fires");
        let long = subject(&"\u{fc}".repeat(60));
        assert!(
            long.split("\r\n ").count() == 3 && long.split("\r\n ").all(|word| word.len() <= 75),
            "{long}"
        );
    }
}
