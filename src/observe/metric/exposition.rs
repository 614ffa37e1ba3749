//! The text formats that metrics are read in: Prometheus' own (0.0.4) and OpenMetrics 1.0.
//!
//! Formats: <https://prometheus.io/docs/instrumenting/exposition_formats/> and
//! <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use std::io::{self, Write};

use super::family::{Family, Kind, Point, Reading, bound_text, number_text};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Prometheus,
    OpenMetrics,
}

impl Format {
    /// What the `Accept` header of a request prefers; the older one where it says nothing of either.
    #[must_use]
    pub fn accepted(accept: &str) -> Self {
        let mut best = (0.0, Self::Prometheus);
        for offer in accept.split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let format = match parts.next().unwrap_or_default() {
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "*/*" | "text/*" => Self::Prometheus,
                _ => continue,
            };
            let (mut quality, mut known) = (1.0, true);
            for part in parts {
                match part.split_once('=') {
                    Some(("q", text)) => quality = text.parse().unwrap_or(0.0),
                    Some(("version", version)) if format == Self::OpenMetrics => {
                        known = matches!(version, "1.0.0" | "0.0.1");
                    }
                    _ => {}
                }
            }
            if known && quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A value of a histogram that a trace tells more of.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    pub family: &'static str,
    /// Of the point.
    pub label: (&'static str, &'static str),
    pub trace: String,
    pub value: f64,
    /// Seconds since 1970.
    pub at_s: f64,
}

/// Writes families one after the other; `started_s` is when counting began, in seconds since 1970. Only OpenMetrics
/// has exemplars.
///
/// # Errors
/// What the writer says.
pub fn write(
    families: &[Family],
    exemplars: &[Exemplar],
    format: Format,
    started_s: f64,
    out: &mut impl Write,
) -> io::Result<()> {
    for family in families.iter().filter(|family| !family.points.is_empty()) {
        head(family, format, out)?;
        for point in &family.points {
            one(family, point, exemplars, format, out)?;
            let created = matches!(family.kind, Kind::Counter | Kind::Histogram | Kind::Summary);
            if format == Format::OpenMetrics && created {
                line(&stem(family), "_created", point, None, &number_text(started_s), out)?;
            }
        }
    }
    if format == Format::OpenMetrics { out.write_all(b"# EOF\n") } else { Ok(()) }
}

/// A family of another program, series by series.
#[derive(Debug, Clone, PartialEq)]
pub struct Relayed {
    pub name: String,
    pub kind: Kind,
    pub help: String,
    /// By their own names.
    pub series: Vec<(String, Point)>,
}

/// Writes what others told in the older text format, as they told it.
///
/// # Errors
/// What the writer says.
pub fn relay(families: &[Relayed], out: &mut impl Write) -> io::Result<()> {
    for family in families {
        if !family.help.is_empty() {
            write!(out, "# HELP {} ", family.name)?;
            escaped(&family.help, false, out)?;
            writeln!(out)?;
        }
        if family.kind != Kind::Unknown {
            writeln!(out, "# TYPE {} {}", family.name, family.kind.classic_name())?;
        }
        for (name, point) in &family.series {
            if let Reading::Number(value) = point.reading {
                line(name, "", point, None, &number_text(value), out)?;
            }
        }
    }
    Ok(())
}

/// The name of the family itself: OpenMetrics takes the ends of counters and infos off it.
fn stem(family: &Family) -> String {
    let end = match family.kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        _ => "",
    };
    family.name.strip_suffix(end).unwrap_or(&family.name).to_owned()
}

fn head(family: &Family, format: Format, out: &mut impl Write) -> io::Result<()> {
    let (name, kind) = match format {
        Format::Prometheus => (family.name.to_string(), family.kind.classic_name()),
        Format::OpenMetrics => (stem(family), family.kind.name()),
    };
    if !family.help.is_empty() {
        // Only OpenMetrics knows quotes in a help text as something to escape.
        write!(out, "# HELP {name} ")?;
        escaped(&family.help, format == Format::OpenMetrics, out)?;
        writeln!(out)?;
    }
    writeln!(out, "# TYPE {name} {kind}")?;
    let has_unit = !family.unit.is_empty() && name.ends_with(&format!("_{}", family.unit));
    if format == Format::OpenMetrics && has_unit {
        writeln!(out, "# UNIT {name} {}", family.unit)?;
    }
    Ok(())
}

fn one(
    family: &Family,
    point: &Point,
    exemplars: &[Exemplar],
    format: Format,
    out: &mut impl Write,
) -> io::Result<()> {
    let name = family.name.as_ref();
    match &point.reading {
        Reading::Number(value) => line(name, "", point, None, &number_text(*value), out),
        Reading::Histogram { buckets, sum } => {
            let fits = |one: &&Exemplar| {
                let labels = &point.labels;
                one.family == name && labels.iter().any(|(n, v)| (n.as_ref(), v.as_str()) == one.label)
            };
            let mut exemplar = exemplars.iter().find(fits).filter(|_| format == Format::OpenMetrics);
            for (bound, count) in buckets {
                // It stands beside the first bucket that it is in.
                let here = exemplar.take_if(|one| one.value <= *bound);
                let bound = match format {
                    Format::Prometheus => number_text(*bound),
                    Format::OpenMetrics => bound_text(*bound),
                };
                let mut value = count.to_string();
                if let Some(Exemplar { trace, value: seen, at_s, .. }) = here {
                    let (seen, at) = (number_text(*seen), number_text(*at_s));
                    value.push_str(&format!(" # {{trace_id=\"{trace}\"}} {seen} {at}"));
                }
                line(name, "_bucket", point, Some(("le", &bound)), &value, out)?;
            }
            let count = buckets.last().map_or(0, |(_, count)| *count);
            line(name, "_sum", point, None, &number_text(*sum), out)?;
            line(name, "_count", point, None, &count.to_string(), out)
        }
        Reading::Summary { quantiles, sum, count } => {
            for (part, value) in quantiles {
                line(name, "", point, Some(("quantile", &number_text(*part))), &number_text(*value), out)?;
            }
            line(name, "_sum", point, None, &number_text(*sum), out)?;
            line(name, "_count", point, None, &count.to_string(), out)
        }
    }
}

fn line(
    name: &str,
    end: &str,
    point: &Point,
    more: Option<(&str, &str)>,
    value: &str,
    out: &mut impl Write,
) -> io::Result<()> {
    write!(out, "{name}{end}")?;
    let own = point.labels.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
    let mut opened = false;
    for (label, value) in own.chain(more) {
        write!(out, "{}{label}=\"", if opened { "," } else { "{" })?;
        escaped(value, true, out)?;
        out.write_all(b"\"")?;
        opened = true;
    }
    writeln!(out, "{} {value}", if opened { "}" } else { "" })
}

fn escaped(text: &str, quotes: bool, out: &mut impl Write) -> io::Result<()> {
    for part in text.split_inclusive(['\\', '\n', '"']) {
        let (plain, last) = match part.char_indices().next_back() {
            Some((at, last @ ('\\' | '\n' | '"'))) => (part.get(..at).unwrap_or_default(), Some(last)),
            _ => (part, None),
        };
        out.write_all(plain.as_bytes())?;
        match last {
            Some('\\') => out.write_all(b"\\\\")?,
            Some('\n') => out.write_all(b"\\n")?,
            Some('"') if quotes => out.write_all(b"\\\"")?,
            Some('"') => out.write_all(b"\"")?,
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metric::Histogram;

    fn families() -> Vec<Family> {
        let family = |name: &'static str, kind, unit: &'static str, help: &'static str| Family {
            name: name.into(),
            kind,
            unit: unit.into(),
            help: help.into(),
            points: Vec::new(),
        };
        let mut requests = family("req_total", Kind::Counter, "", "Line one\nwith \"quotes\" and \\");
        requests.push(&[("path", "a\"b\\c\nd"), ("code", "200")], 3.0);
        let histogram = Histogram::default();
        [900, 1_500, 700_000, 9_000_000].iter().for_each(|us| histogram.observe(*us));
        let mut took = family("took_seconds", Kind::Histogram, "seconds", "How long");
        let reading = Reading::seconds(&histogram.snapshot(), &[0.001, 1.0]);
        took.points.push(Point { labels: Vec::new(), reading });
        let mut info = family("spud_info", Kind::Info, "", "");
        info.push(&[("tier", "lite")], 1.0);
        let mut odd = family("odd", Kind::Gauge, "", "Odd numbers");
        odd.push(&[("n", "1")], f64::NAN);
        odd.push(&[("n", "2")], f64::NEG_INFINITY);
        odd.push(&[("n", "3")], 1.5e-9);
        vec![requests, took, info, odd, family("empty", Kind::Gauge, "", "Nothing yet")]
    }

    #[test]
    fn an_exemplar_stands_beside_its_bucket_in_openmetrics_only() {
        let mut families = families();
        families[1].points[0].labels.push(("route".into(), "/v1/ask".into()));
        let exemplar = |label| Exemplar {
            family: "took_seconds",
            label: ("route", label),
            trace: "4bf92f3577b34da6a3ce929d0e0e4736".into(),
            value: 0.7,
            at_s: 1_700_000_001.25,
        };
        let all = [exemplar("/v1/else"), exemplar("/v1/ask")];
        let text = |format| {
            let mut out = Vec::new();
            write(&families, &all, format, 1_700_000_000.5, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let open = text(Format::OpenMetrics);
        let told: Vec<&str> = open.lines().filter(|line| line.contains(" # ")).collect();
        let [told] = told[..] else { panic!("{told:?}") };
        assert_eq!(
            told,
            "took_seconds_bucket{route=\"/v1/ask\",le=\"1.0\"} 3 \
             # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 0.7 1700000001.25"
        );
        assert!(!text(Format::Prometheus).contains("trace_id"));
    }

    fn text(format: Format) -> String {
        let mut out = Vec::new();
        write(&families(), &[], format, 1_700_000_000.5, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_older_text_format() {
        let expected = "# HELP req_total Line one\\nwith \"quotes\" and \\\\
# TYPE req_total counter
req_total{path=\"a\\\"b\\\\c\\nd\",code=\"200\"} 3
# HELP took_seconds How long
# TYPE took_seconds histogram
took_seconds_bucket{le=\"0.001\"} 1
took_seconds_bucket{le=\"1\"} 3
took_seconds_bucket{le=\"+Inf\"} 4
took_seconds_sum 9.7024
took_seconds_count 4
# TYPE spud_info gauge
spud_info{tier=\"lite\"} 1
# HELP odd Odd numbers
# TYPE odd gauge
odd{n=\"1\"} NaN
odd{n=\"2\"} -Inf
odd{n=\"3\"} 1.5e-9
";
        assert_eq!(text(Format::Prometheus), expected);
    }

    #[test]
    fn open_metrics() {
        let text = text(Format::OpenMetrics);
        for part in [
            "# HELP req Line one\\nwith \\\"quotes\\\" and \\\\\n# TYPE req counter\n",
            "req_total{path=\"a\\\"b\\\\c\\nd\",code=\"200\"} 3\n",
            "req_created{path=\"a\\\"b\\\\c\\nd\",code=\"200\"} 1700000000.5\n",
            "# TYPE took_seconds histogram\n# UNIT took_seconds seconds\n",
            "took_seconds_bucket{le=\"1.0\"} 3\n",
            "took_seconds_created 1700000000.5\n",
            "# TYPE spud info\nspud_info{tier=\"lite\"} 1\n",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert!(text.ends_with("odd{n=\"3\"} 1.5e-9\n# EOF\n"), "{text}");
    }

    #[test]
    fn the_format_is_negotiated() {
        let open = "application/openmetrics-text";
        for (accept, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/html", Format::Prometheus),
            (open, Format::OpenMetrics),
            (&format!("{open};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"), Format::OpenMetrics),
            (&format!("{open};version=1.0.0;q=0.2,text/plain;version=0.0.4;q=0.3"), Format::Prometheus),
            (&format!("{open}; version=2.0.0"), Format::Prometheus),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept}");
        }
    }
}
