//! What is asked of metrics, what programs tell, and the files of probes and dashboards.

use crate::*;

const EXPRESSIONS: [&str; 46] = [
    "a",
    "b_total",
    "{x=\"1\"}",
    "{x=~\"1|2\"",
    "(",
    ")",
    "[5m]",
    "[5m:1m]",
    "[1m+",
    "]",
    "@ 60",
    "@ start()",
    "offset 1m",
    "offset -1m",
    "offset",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "bool",
    "and",
    "or on(x)",
    "unless",
    "on(x)",
    "group_left(y)",
    "ignoring()",
    "fill(1)",
    "sum by (x) (",
    "topk(2, ",
    "quantile(0.5, ",
    "count_values(\"v\", ",
    "rate(",
    "abs(",
    "histogram_quantile(0.9, ",
    "label_replace(a, \"l\", \"$1\", \"x\", \"(.*)\")",
    "predict_linear(a[5m], 1h)",
    "1e300",
    "NaN",
    "0x1f",
    "5m",
    "\"t\"",
    ",",
    "smoothed",
];

/// Reads an expression; if it is one, evaluates it over a few series, histograms and gaps among them.
fn evaluate(query: &str) {
    if promql::parse(query).is_ok() && !query.contains(['\n', '#']) {
        let load = "load 1m\n a{x=\"1\"} 1+1x5 _ stale 3\n a{x=\"2\", y=\"z\"} NaN Inf -Inf {{count:1}}\n b_total{x=\"1\"} 0+5x9\n\n";
        let _ = script::run(&format!(
            "{load}eval instant at 4m {query}\n\neval range from 0 to 9m step 30s {query}\n"
        ));
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn jumbled_expressions(parts in prop::collection::vec(prop::sample::select(&EXPRESSIONS[..]), 0..12)) {
        evaluate(&parts.join(" "));
    }

    #[test]
    fn garbage_expressions(text in "\\PC{0,60}", noise in prop::collection::vec(any::<u8>(), 0..60)) {
        evaluate(&text);
        evaluate(&String::from_utf8_lossy(&noise));
    }

    #[test]
    fn nested_expressions(open in "(\\(|-|abs\\(|a\\[|sum\\(|a and |1\\^){1,3}", times in 1usize..4000) {
        evaluate(&open.repeat(times));
    }

    #[test]
    fn jumbled_scripts(parts in prop::collection::vec(prop::sample::select(&SCRIPT_LINES[..]), 0..12)) {
        let _ = script::run(&parts.join("\n"));
    }
}

const SCRIPT_LINES: [&str; 16] = [
    "",
    "# remark",
    "clear",
    "load 5m",
    "load_with_nhcb 1m",
    "a{x=\"1\"} 1+1x5 _ stale",
    "a_bucket{le=\"1\"} 1x3",
    "a {{count:1}}x2",
    "eval instant at 1m a",
    "eval range from 0 to 5m step 1m rate(a[5m])",
    "eval_fail instant at 0 a + on() a",
    "expect warn",
    "expect fail msg: x",
    "expect range vector from 0 to 1m step 0",
    "{} 1 2",
    "-3",
];

const METRICS: &str = "# HELP a Some\\ntext\n# TYPE a_total counter\na_total{b=\"c\\\\d\",e=\"\\\"\"} 1.5e3 1700000000\n\
    a_bucket{le=\"+Inf\"} 4 # {trace_id=\"x\"} 0.5\nb NaN\n# EOF\n";
const DATAGRAM: &str = "a.b:1:2.5|ms|@0.5|#x:y,z\nc:+3|g\nd:one|s\ne:4|c|c:1|T17\n";
const PROBES: &str = "[[probe]]\nname = 'a'\nperiodSeconds = 5\nhttpGet = { path = '/', port = 80, httpHeaders = [{ name = 'x', value = 'y' }] }\n\
    [[probe]]\nname = 'b'\nexec = { command = ['/bin/true'] }\n[[scrape]]\nname = 'c'\nurl = 'http://unix:/a:/b'\ninterval = '5s'\n";
const DASHBOARD: &str = "title = \"P\\u0041 'x'\"\n[[panel]]\ntitle = 'a'\nquery = ['up', \"a{b='c\\\\\\\\d'}\"]\nmin = -1.5e3\nthresholds = [1, 2]\n\
    [[panel]]\nkind = 'log'\ntitle = 'b'\nfilter = 'level:warn x'\nwidth = 12\n[[panel]]\nkind = 'alert'\ntitle = 'c'\nmatchers = ['a=~\"b.*\"']\n";

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn mutated_metrics(edits in edits()) {
        let bytes = mutated(METRICS.as_bytes(), &edits);
        if let Err(fault) = read_text(&String::from_utf8_lossy(&bytes)) {
            assert!(fault.line > 0 && !fault.what.is_empty());
        }
        let mut statsd = Statsd::default();
        statsd.take(&bytes, 0, 50);
        statsd.take(&mutated(DATAGRAM.as_bytes(), &edits), 0, 50);
        assert!(statsd.flush(0, 1).len() <= 50);
    }

    #[test]
    fn mutated_probes(edits in edits()) {
        let bytes = mutated(PROBES.as_bytes(), &edits);
        let text = String::from_utf8_lossy(&bytes);
        for format in [Format::Toml, Format::Yaml] {
            if let Err(problems) = read_probes(&text, format) {
                assert!(!problems.is_empty());
            }
        }
    }

    #[test]
    fn mutated_dashboards(edits in edits()) {
        let bytes = mutated(DASHBOARD.as_bytes(), &edits);
        match dashboard::read("pump", &String::from_utf8_lossy(&bytes)) {
            Err(problems) => assert!(!problems.is_empty()),
            // What is written of it says the same.
            Ok(one) => assert_eq!(dashboard::read("pump", &one.to_toml()).unwrap().panels, one.panels),
        }
    }
}

#[test]
fn samples_of_metrics_and_probes_are_valid() {
    assert_eq!(read_text(METRICS).unwrap().len(), 3);
    assert_eq!(read_probes(PROBES, Format::Toml).unwrap().len(), 3);
    assert_eq!(dashboard::read("pump", DASHBOARD).unwrap().panels.len(), 3);
    let mut statsd = Statsd::default();
    statsd.take(DATAGRAM.as_bytes(), 0, 50);
    assert_eq!(statsd.count.taken, 4);
}
