//! A notice as its receiver takes it: headers and body of one POST.
//!
//! Formats: <https://docs.ntfy.sh/publish/>, <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>,
//! <https://discord.com/developers/docs/resources/webhook#execute-webhook>, and Standard Webhooks 1.0.0.

use serde_json::json;

use super::settings::Kind;
use super::shelf::Notice;
use super::signature::sign;
use crate::base::format_second;

/// Letters of a message to Discord, and of one to Slack.
const DISCORD: usize = 2000;
const SLACK: usize = 12_000;

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// Makes the message. Each carries the id of the notice, so that who takes it twice can know.
///
/// # Errors
/// Where the secret is none.
pub fn message(kind: Kind, notice: &Notice, secret: &str, now_ms: u64) -> Result<Message, &'static str> {
    let json = "application/json".to_owned();
    let mut headers = vec![("idempotency-key", notice.message_id.clone())];
    let body = match kind {
        // Mail has a form of its own: `letter`.
        Kind::Inbox | Kind::Mail | Kind::Webhook => {
            headers.push(("content-type", "text/plain; charset=utf-8".to_owned()));
            headers.push(("title", plain(&notice.title)));
            headers.push(("priority", priority(notice).to_owned()));
            headers.push(("tags", if notice.firing() { "warning" } else { "white_check_mark" }.to_owned()));
            text(notice).into_bytes()
        }
        Kind::Slack => {
            headers.push(("content-type", json));
            json!({"text": shortened(&escaped(&format!("*{}*\n{}", notice.title, text(notice))), SLACK)})
                .to_string()
                .into_bytes()
        }
        Kind::Discord => {
            headers.push(("content-type", json));
            let content = shortened(&format!("**{}**\n{}", notice.title, text(notice)), DISCORD);
            // Nobody is called by name because a label says so.
            json!({"content": content, "allowed_mentions": {"parse": []}}).to_string().into_bytes()
        }
        Kind::Standard => {
            headers.push(("content-type", json));
            let body = standard(notice).into_bytes();
            let second = now_ms / 1000;
            headers.push(("webhook-id", notice.message_id.clone()));
            headers.push(("webhook-timestamp", second.to_string()));
            headers.push(("webhook-signature", sign(secret, &notice.message_id, second, &body)?));
            body
        }
    };
    Ok(Message { headers, body })
}

/// One line an alert, and one more where its rule says what is to be done.
pub(super) fn text(notice: &Notice) -> String {
    let line = |alert: &super::shelf::NoticeAlert| {
        let severity =
            if alert.severity.is_empty() { String::new() } else { format!(" ({})", alert.severity) };
        let summary = if alert.summary.is_empty() { String::new() } else { format!(": {}", alert.summary) };
        let runbook = ["runbook", "runbook_url"].into_iter().find_map(|name| alert.said(name));
        let runbook = runbook.filter(|_| alert.state == "firing");
        let runbook = runbook
            .map(|text| format!("\n    runbook: {}", text.split_whitespace().collect::<Vec<_>>().join(" ")));
        format!("{} {}{severity}{summary}{}", alert.state, alert.name, runbook.unwrap_or_default())
    };
    let mut lines: Vec<String> = notice.alerts.iter().map(line).collect();
    if notice.more > 0 {
        lines.push(format!("and {} more", notice.more));
    }
    lines.join("\n")
}

fn standard(notice: &Notice) -> String {
    let alert = |alert: &super::shelf::NoticeAlert| {
        let map = |pairs: &[(String, String)]| -> serde_json::Value {
            pairs
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut told = json!({
            "name": alert.name, "state": alert.state, "severity": alert.severity, "summary": alert.summary,
            "labels": map(&alert.labels), "annotations": map(&alert.annotations),
        });
        if let Some(fields) = told.as_object_mut() {
            if !alert.value.is_empty() {
                fields.insert("value".into(), json!(alert.value));
            }
            if alert.since_ms > 0 {
                fields.insert("since".into(), json!(format_second(alert.since_ms)));
            }
        }
        told
    };
    let kind = match (notice.test, notice.firing()) {
        (true, _) => "alert.test",
        (false, true) => "alert.firing",
        (false, false) => "alert.resolved",
    };
    json!({
        "type": kind,
        "timestamp": format_second(notice.created_ms),
        "data": {
            "title": notice.title, "more": notice.more,
            "alerts": notice.alerts.iter().map(alert).collect::<Vec<_>>(),
        },
    })
    .to_string()
}

/// Of ntfy: from the worst that fires.
fn priority(notice: &Notice) -> &'static str {
    let has = |severity: &str| {
        notice.alerts.iter().any(|alert| alert.state == "firing" && alert.severity == severity)
    };
    if has("critical") {
        "urgent"
    } else if has("warning") {
        "high"
    } else if notice.firing() {
        "default"
    } else {
        "low"
    }
}

/// What a header carries: ASCII without control bytes.
fn plain(text: &str) -> String {
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(200).collect()
}

/// Slack reads `&`, `<` and `>` as its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::shelf::{NoticeAlert, NoticeState};
    use super::*;

    fn notice() -> Notice {
        let alert = |name: &str, state: &str, severity: &str| NoticeAlert {
            name: name.into(),
            state: state.into(),
            severity: severity.into(),
            summary: "7 < 8 <@everyone>".into(),
            labels: vec![("job".into(), "a".into())],
            annotations: vec![("summary".into(), "7 < 8".into()), ("runbook".into(), "ask\nBob".into())],
            value: "2.5".into(),
            since_ms: if state == "firing" { 1_614_265_270_000 } else { 0 },
        };
        Notice {
            id: 3,
            message_id: "spud_0f".into(),
            receiver: "ops".into(),
            title: "1 fires\u{e9}".into(),
            alerts: vec![alert("A", "firing", "critical"), alert("B", "resolved", "warning")],
            more: 2,
            created_ms: 1_614_265_330_000,
            state: NoticeState::Waiting,
            test: false,
            attempts: 0,
            not_before_ms: 0,
            ended_ms: 0,
            error: String::new(),
            trace: String::new(),
        }
    }

    fn body(kind: Kind) -> serde_json::Value {
        serde_json::from_slice(
            &message(kind, &notice(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 5000).unwrap().body,
        )
        .unwrap()
    }

    fn header(message: &Message, name: &str) -> String {
        message
            .headers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    }

    #[test]
    fn every_kind_has_its_form() {
        let plain = message(Kind::Webhook, &notice(), "", 5000).unwrap();
        assert_eq!(
            (header(&plain, "title").as_str(), header(&plain, "priority").as_str()),
            ("1 fires?", "urgent")
        );
        let text = String::from_utf8(plain.body).unwrap();
        assert!(text.starts_with("firing A (critical): 7 < 8") && text.ends_with("and 2 more"), "{text}");
        assert!(text.contains("\n    runbook: ask Bob\n") && text.matches("runbook").count() == 1, "{text}");
        let slack = body(Kind::Slack)["text"].as_str().unwrap().to_owned();
        assert!(slack.contains("7 &lt; 8 &lt;@everyone&gt;"), "{slack}");
        assert_eq!(body(Kind::Discord)["allowed_mentions"], json!({"parse": []}));
        let standard = body(Kind::Standard);
        assert_eq!(
            (&standard["type"], &standard["timestamp"]),
            (&json!("alert.firing"), &json!("2021-02-25T15:02:10Z"))
        );
        let [first, second] = [0, 1].map(|at| &standard["data"]["alerts"][at]);
        assert_eq!((&first["labels"]["job"], &first["value"]), (&json!("a"), &json!("2.5")));
        assert_eq!(first["annotations"]["runbook"], "ask\nBob");
        assert_eq!((&first["since"], second.get("since")), (&json!("2021-02-25T15:01:10Z"), None));
    }

    #[test]
    fn a_signed_message_says_who_it_is_and_when() {
        let signed =
            message(Kind::Standard, &notice(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 5999).unwrap();
        assert_eq!(
            (header(&signed, "webhook-id").as_str(), header(&signed, "webhook-timestamp").as_str()),
            ("spud_0f", "5")
        );
        assert!(header(&signed, "webhook-signature").starts_with("v1,"));
        assert!(message(Kind::Standard, &notice(), "secret", 0).is_err());
    }

    #[test]
    fn long_messages_are_cut() {
        let mut long = notice();
        long.title = "x".repeat(5000);
        let message = message(Kind::Discord, &long, "", 0).unwrap();
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["content"].as_str().unwrap().chars().count(), DISCORD);
    }
}
