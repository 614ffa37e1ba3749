//! Rules in the words of Sigma, for whoever collects the logs of many boxes.
//!
//! Format: <https://sigmahq.io/sigma-specification/>, rules and (for those that count) correlations. What looks at the
//! order of the log itself (`sign`, `after`) has no words there and is left out.

use std::fmt::Write as _;

use super::rule::Rule;

/// An id that is the same for the same rule: UUID of version 8 (RFC 9562) of a hash of its name.
fn uuid(name: &str) -> String {
    let mut bytes: [u8; 16] =
        blake3::hash(name.as_bytes()).as_bytes().first_chunk().copied().unwrap_or_default();
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One rule; `None` where Sigma has no words for it.
#[must_use]
pub fn sigma(rule: &Rule) -> Option<String> {
    if !rule.sign.is_empty() || !rule.after.is_empty() {
        return None;
    }
    let counts = rule.least > 1;
    let mut out = String::new();
    let name = rule.id.replace('-', "_");
    let level = if counts { "informational" } else { rule.level.as_str() };
    let _ = write!(
        out,
        "title: {}\nid: {}\nname: {name}\nstatus: experimental\ndescription: {}\nlogsource:\n  product: spud\n  \
         service: audit\ndetection:\n  selection:\n",
        // Two with one title are taken for one.
        quoted(&format!("{}{}", rule.title, if counts { " (one of several)" } else { "" })),
        uuid(&format!("spud rule {}", rule.id)),
        quoted(&format!("Rule {} of spud, over the entries of its audit log", rule.id)),
    );
    if !rule.kinds.is_empty() {
        out.push_str("    kind|startswith:\n");
        for kind in &rule.kinds {
            let _ = writeln!(out, "      - {}", quoted(kind));
        }
    }
    if !rule.outcome.is_empty() {
        let _ = writeln!(out, "    outcome: {}", quoted(&rule.outcome));
    }
    if let Some((from, until)) = rule.window() {
        let hours = (0..24).filter(|hour| match from <= until {
            true => (from..until).contains(hour),
            false => *hour >= from || *hour < until,
        });
        out.push_str("    hour:\n");
        for hour in hours {
            let _ = writeln!(out, "      - {hour}");
        }
    }
    let _ = write!(out, "  box:\n    actor: 'box'\n  condition: selection and not box\nlevel: {level}\n");
    if counts {
        let _ = write!(
            out,
            "---\ntitle: {}\nid: {}\nstatus: experimental\ncorrelation:\n  type: event_count\n  rules:\n    - {name}\n  \
             group-by:\n    - actor\n  timespan: {}s\n  condition:\n    gte: {}\nlevel: {}\n",
            quoted(&rule.title),
            uuid(&format!("spud correlation {}", rule.id)),
            rule.within_s,
            rule.least,
            rule.level,
        );
    }
    Some(out)
}
