//! Traces in the JSON of OpenTelemetry's protocol (<https://opentelemetry.io/docs/specs/otlp/>, `TracesData`): ids as
//! hexadecimal digits, names in lowerCamelCase, numbers of 64 bits as text.

use serde_json::{Value, json};

use super::context::{SpanId, TraceId};
use super::record::{Attribute, SpanRecord, TraceRecord};

/// STATUS_CODE_ERROR
const ERROR: u8 = 2;

/// A document under way. It is written span by span, so that no tree of all of it stands in memory.
#[derive(Debug)]
pub struct Document(String);

/// What closes the lists and objects that a document opens.
const END: &str = "]}]}]}";

impl Document {
    /// Of the box of this name.
    #[must_use]
    pub fn new(host: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let resource = [("service.name", "spud"), ("service.version", version), ("host.name", host)]
            .map(|(key, value)| text(key, value));
        let whole = json!({"resourceSpans": [{
            "resource": {"attributes": resource},
            "scopeSpans": [{"scope": {"name": "spud", "version": version}, "spans": []}],
        }]});
        let mut begun = whole.to_string();
        begun.truncate(begun.len().saturating_sub(END.len()));
        Self(begun)
    }

    /// Of this one.
    #[must_use]
    pub fn of_this_box() -> Self {
        Self::new(&rustix::system::uname().nodename().to_string_lossy())
    }

    pub fn push(&mut self, record: &TraceRecord) {
        for one in &record.spans {
            if !self.0.ends_with('[') {
                self.0.push(',');
            }
            self.0.push_str(&span(record, one).to_string());
        }
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn finish(mut self) -> String {
        self.0.push_str(END);
        self.0
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn span(record: &TraceRecord, span: &SpanRecord) -> Value {
    let nanos = |us: u64| us.saturating_mul(1000).to_string();
    let attribute = |(key, value): &(String, Attribute)| match value {
        Attribute::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        Attribute::Text(value) => text(key, value),
    };
    let mut out = json!({
        "traceId": record.id().to_string(),
        "spanId": span.id().to_string(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": nanos(span.start_us),
        "endTimeUnixNano": nanos(span.start_us.saturating_add(span.took_us)),
        "attributes": span.attributes.iter().map(attribute).collect::<Vec<Value>>(),
        "status": {},
    });
    let Some(fields) = out.as_object_mut() else { return out };
    let mut add = |name: &str, value: Value| drop(fields.insert(name.to_owned(), value));
    if let Some(parent) = span.parent() {
        add("parentSpanId", parent.to_string().into());
    }
    if !record.state.is_empty() {
        add("traceState", record.state.as_str().into());
    }
    if span.failed {
        add("status", json!({"code": ERROR, "message": span.error}));
    }
    let is_root = record.root().is_some_and(|root| root.id == span.id);
    if is_root && !record.links.is_empty() {
        let link = |(trace, span): &(u128, u64)| json!({"traceId": TraceId(*trace).to_string(), "spanId": SpanId(*span).to_string()});
        add("links", record.links.iter().map(link).collect::<Vec<Value>>().into());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_protocol() {
        let part = |id: u64, parent: u64, failed: bool| SpanRecord {
            id,
            parent,
            name: "POST /v1/ask".into(),
            kind: 2,
            start_us: 1_795_000_000_000_001,
            took_us: 1500,
            failed,
            error: if failed { "it broke".into() } else { String::new() },
            attributes: vec![("n".into(), Attribute::Number(500)), ("t".into(), Attribute::Text("x".into()))],
        };
        let record = TraceRecord {
            trace: 0xabc,
            state: "a=1".into(),
            why: 0,
            links: vec![(1, 2)],
            dropped: 0,
            spans: vec![part(0x10, 0, true), part(0x11, 0x10, false)],
        };
        let read = |document: Document| -> Value { serde_json::from_str(&document.finish()).unwrap() };
        let empty = read(Document::new("shed"));
        assert_eq!(empty["resourceSpans"][0]["scopeSpans"][0]["spans"], json!([]));
        let mut document = Document::new("shed");
        document.push(&record);
        document.push(&record);
        let document = read(document);
        assert_eq!(
            document["resourceSpans"][0]["resource"]["attributes"][0],
            json!({"key": "service.name", "value": {"stringValue": "spud"}})
        );
        let spans = &document["resourceSpans"][0]["scopeSpans"][0]["spans"];
        assert_eq!((spans.as_array().unwrap().len(), &spans[2]), (4, &spans[0]));
        assert_eq!(
            spans[0],
            json!({
                "traceId": "00000000000000000000000000000abc",
                "spanId": "0000000000000010",
                "traceState": "a=1",
                "name": "POST /v1/ask",
                "kind": 2,
                "startTimeUnixNano": "1795000000000001000",
                "endTimeUnixNano": "1795000000001501000",
                "attributes": [
                    {"key": "n", "value": {"intValue": "500"}},
                    {"key": "t", "value": {"stringValue": "x"}},
                ],
                "links": [{"traceId": "00000000000000000000000000000001", "spanId": "0000000000000002"}],
                "status": {"code": 2, "message": "it broke"},
            })
        );
        assert_eq!(
            (&spans[1]["parentSpanId"], &spans[1]["status"]),
            (&json!("0000000000000010"), &json!({}))
        );
        assert_eq!(spans[1]["links"], Value::Null);
    }
}
