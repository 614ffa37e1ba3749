//! The language as a whole: own scripts, errors with their places, limits.

use std::cell::Cell;

use super::*;
use proptest::prelude::*;

const SCRIPTS: [(&str, &str); 3] = [
    ("language.test", include_str!("../../../tests/data/promql/language.test")),
    ("functions.test", include_str!("../../../tests/data/promql/functions.test")),
    ("histograms.test", include_str!("../../../tests/data/promql/histograms.test")),
];

#[test]
fn own_scripts_pass() {
    for (name, script) in SCRIPTS {
        let report = script::run(script);
        assert!(report.failed.is_empty(), "{name}: {:#?}", report.failed);
        assert!(report.passed > 20, "{name}: only {} cases", report.passed);
    }
}

#[test]
fn wrong_expectations_fail() {
    let load = "load 1m\n a{x=\"1\"} 1 2 3\n a{x=\"2\"} {{count:1}}\n\n";
    for wrong in [
        "eval instant at 1m a\n a{x=\"1\"} 3",
        "eval instant at 1m a\n",
        "eval instant at 1m a{x=\"1\"}\n a{x=\"1\"} 2\n a{x=\"3\"} 2",
        "eval instant at 1m sum(a{x=\"1\"})\n 2",
        "eval instant at 1m 1 + 1\n {} 2",
        "eval instant at 1m a{x=\"1\"}\n expect fail\n",
        "eval instant at 1m a{x=\"1\"}\n expect warn\n a{x=\"1\"} 2",
        "eval instant at 1m rate(a{x=\"1\"}[2m])\n expect no_info\n {x=\"1\"} 0.025",
        "eval range from 0 to 2m step 1m a{x=\"1\"}\n a{x=\"1\"} 1 2",
        "eval instant at 1m \"a\"\n expect string \"b\"",
        "eval instant at 1m a + on() a\n expect fail msg: nothing of the sort",
        "eval instant at 1m nonsense(a)\n",
    ] {
        let report = script::run(&format!("{load}{wrong}\n"));
        assert_eq!((report.passed, report.failed.len()), (0, 1), "{wrong}");
        assert_eq!(report.failed[0].line, 5, "{wrong}");
    }
    let outside =
        script::run(&format!("{load}eval instant at 0 a\n a{{x=\"1\"}} 1\n a{{x=\"2\"}} {{{{count:1}}}}\n"));
    assert_eq!((outside.failed.len(), outside.outside.len()), (0, 1));
}

/// What Prometheus 2.42 said of each, asked once; what version 3 understands is not among them.
#[test]
fn faults_are_told_as_prometheus_tells_them() {
    let table = include_str!("../../../tests/data/promql/malformed.tsv");
    let (mut asked, mut wrong) = (0, String::new());
    for line in table.lines() {
        let (query, wanted) = line.split_once('\t').unwrap();
        let query: String = serde_json::from_str(query).unwrap();
        let got = parse(&query).map_or_else(|fault| fault.to_string(), |_| "OK".to_owned());
        if got != wanted {
            wrong += &format!("{query:?}\n  wanted {wanted}\n  got    {got}\n");
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 200, "{asked}");
}

/// What Prometheus 2.42 said of each regular expression, asked once. Left out: what nests deeper or needs a larger
/// machine than ours may be, and scripts (`\p{Greek}`).
#[test]
fn patterns_are_refused_as_prometheus_refuses_them() {
    let table = include_str!("../../../tests/data/promql/patterns.tsv");
    let (mut asked, mut wrong) = (0, String::new());
    for line in table.lines() {
        let (pattern, wanted) = line.split_once('\t').unwrap();
        let pattern: String = serde_json::from_str(pattern).unwrap();
        let query = format!("x{{a=~{}}}", quote(pattern.as_bytes()));
        let got = parse(&query).map_or_else(|fault| fault.what, |_| "OK".to_owned());
        if got != wanted {
            wrong += &format!("{pattern:?}\n  wanted {wanted}\n  got    {got}\n");
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 300, "{asked}");
}

/// What `label_replace` of Prometheus 2.42 made of each text with `$1`, asked once; `-` where nothing matched. Dots
/// match ends of lines here, as in version 3: no text of the table has one where that shows.
#[test]
fn patterns_match_what_prometheus_matches() {
    let table = include_str!("../../../tests/data/promql/matches.tsv");
    let (mut asked, mut wrong) = (0, String::new());
    for line in table.lines() {
        let [pattern, text, wanted] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [pattern, text]: [String; 2] = [pattern, text].map(|word| serde_json::from_str(word).unwrap());
        let wanted: Option<String> = (wanted != "-").then(|| serde_json::from_str(wanted).unwrap());
        let found = matcher::Pattern::new(&pattern)
            .map(|pattern| (pattern.expand(&text, "$1"), pattern.matches(&text)));
        if found != Ok((wanted.clone(), wanted.is_some())) {
            wrong += &format!("{pattern:?} {text:?}\n  wanted {wanted:?}\n  got    {found:?}\n");
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(asked > 300, "{asked}");
}

#[test]
fn faults_of_what_is_ours_have_places() {
    for (query, column, part) in
        [("a{b=~\"(\"}", 3, "error parsing regexp"), ("foo[0m]", 5, "greater than 0")]
    {
        let fault = parse(query).unwrap_err();
        assert!(fault.what.contains(part), "{query}: {fault}");
        assert_eq!((fault.line, fault.column), (1, column), "{query}: {fault}");
    }
}

#[test]
fn deep_and_long_expressions_are_refused() {
    for deep in [
        "(".repeat(50_000),
        "-".repeat(50_000),
        "1+".repeat(20_000) + "1",
        "a and ".repeat(10_000) + "a",
        "abs(".repeat(10_000),
        "a[".to_owned() + &"(".repeat(30_000),
        "a[".to_owned() + &"1+".repeat(30_000) + "1]",
        "a[".to_owned() + &"-".repeat(30_000) + "1]",
        "a".to_owned() + &"[1m:]".repeat(10_000),
        "sum(".repeat(10_000),
        "1^".repeat(10_000) + "1",
    ] {
        assert!(parse(&deep).is_err(), "{}…", &deep[..20]);
    }
    assert!(parse(&("(".repeat(40) + "1" + &")".repeat(40))).is_ok());
    assert!(parse(&"a ".repeat(40_000)).unwrap_err().what.contains("longer"));
}

/// What is not too deep to be read must not be too deep to be evaluated, on a small stack.
#[test]
fn the_deepest_expressions_can_be_evaluated() {
    let chain = "a + ".repeat(98) + "a";
    let nested = "sum(abs(a or ".repeat(32) + "a" + &"))".repeat(32);
    let subqueries = "sum_over_time(".repeat(30) + "a" + &"[5m:1m])".repeat(30);
    for deep in [chain, nested, subqueries] {
        let expression = parse(&deep).unwrap();
        let run = move || {
            let limits = Limits { samples: 100_000_000, ..Limits::default() };
            let context = Context { source: &Many(1), limits, late: &|| false };
            instant(&expression, 10_000_000, context).map(|_| ())
        };
        let thread = crate::base::spawn("deep", 1024, run).unwrap();
        assert_eq!(thread.join().unwrap(), Ok(()));
    }
}

struct Many(usize);

impl Source for Many {
    fn select(&self, wanted: &Wanted<'_>, _: &mut Hear<'_>) -> Result<Vec<Series>, EvalFault> {
        let Wanted { after, until, .. } = *wanted;
        let samples: Vec<Sample> =
            (after + 1..=until).step_by(1000).map(|time| Sample { time, value: 1.0 }).collect();
        let labels = |at: usize| Labels::new([("at", at.to_string())]);
        Ok((0..self.0).map(|at| Series { labels: labels(at), samples: samples.clone() }).collect())
    }
}

#[test]
fn queries_are_bounded() {
    let limits = Limits { samples: 10_000, series: 20, steps: 100, ..Limits::default() };
    let run = |query: &str, series: usize, late: bool| {
        let context = Context { source: &Many(series), limits, late: &|| late };
        instant(&parse(query).unwrap(), 1_000_000, context).map(|_| ())
    };
    assert_eq!(run("sum(a)", 10, false), Ok(()));
    assert_eq!(run("sum(a)", 21, false), Err(EvalFault::TooMuch { what: "series", most: 20 }));
    let samples = EvalFault::TooMuch { what: "samples", most: 10_000 };
    assert_eq!(run("sum_over_time(a[20m])", 20, false), Err(samples));
    let steps = EvalFault::TooMuch { what: "steps", most: 100 };
    assert_eq!(run("sum_over_time(a[5m:1s])", 1, false), Ok(()));
    let held = EvalFault::TooMuch { what: "samples", most: 10_000 };
    assert_eq!(run("sum_over_time(a[1h:1s])", 1, false), Err(held.clone()));
    assert_eq!(run("max_over_time(vector(1)[100y:1ms])", 1, false), Err(held));
    assert_eq!(run("sum(a)", 10, true), Err(EvalFault::TimedOut));
    let context = Context { source: &Many(1), limits, late: &|| false };
    assert_eq!(range(&parse("a").unwrap(), 0, 1_000_000, 1, context).unwrap_err(), steps);
    assert!(range(&parse("a").unwrap(), 0, 1000, 0, context).is_err());
    let said = range(&parse("a[5m]").unwrap(), 0, 1000, 100, context).unwrap_err().to_string();
    assert!(said.starts_with("invalid expression type \"range vector\" for range query"), "{said}");
}

#[test]
fn the_clock_is_asked_while_a_query_runs() {
    let asked = Cell::new(0);
    let late = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let context = Context { source: &Many(1000), limits: Limits::default(), late: &late };
    let result = range(&parse("rate(a_total[5m])").unwrap(), 0, 100_000, 1000, context);
    assert_eq!(result.unwrap_err(), EvalFault::TimedOut);
}

#[test]
fn a_selector_alone_can_be_read() {
    assert_eq!(parse_selector("up{job=\"a\"}").unwrap().len(), 2);
    for (query, said) in [
        ("sum(x)", "1:4: parse error: unexpected \"(\""),
        ("x offset 5m", "1:3: parse error: unexpected <offset>"),
        ("x@1", "1:2: parse error: unexpected \"<Item 57385>\" <op:@>"),
        ("x{} @ start()", "1:5: parse error: unexpected \"<Item 57385>\" <op:@>"),
        ("@", "1:1: parse error: unexpected \"<Item 57385>\" <op:@>"),
        ("x[5m]", "1:2: parse error: unexpected \"[\""),
        ("5+x", "1:1: parse error: unexpected number \"5\""),
        ("x y", "1:3: parse error: unexpected identifier \"y\""),
        ("on", "1:1: parse error: unexpected <on>"),
        ("", "1:1: parse error: unexpected end of input"),
        ("x{", "1:3: parse error: unexpected end of input inside braces"),
    ] {
        assert_eq!(parse_selector(query).unwrap_err().to_string(), said, "{query}");
    }
    assert!(parse_selector("{a=~\".*\"}").unwrap_err().matches_all());
}

/// Series that are told in pieces.
struct Pieces<'a> {
    series: Vec<Vec<Sample>>,
    cuts: Vec<i64>,
    /// The most samples of one series that were left behind a piece.
    held: &'a Cell<usize>,
}

impl Source for Pieces<'_> {
    fn select(&self, wanted: &Wanted<'_>, heard: &mut Hear<'_>) -> Result<Vec<Series>, EvalFault> {
        let labels = |at: usize| Labels::new([(METRIC_NAME, "a_total".to_owned()), ("n", at.to_string())]);
        let mut found: Vec<Series> =
            (0..self.series.len()).map(|at| Series { labels: labels(at), samples: Vec::new() }).collect();
        let mut after = wanted.after;
        for until in self.cuts.iter().copied().filter(|cut| *cut < wanted.until).chain([wanted.until]) {
            for (found, all) in found.iter_mut().zip(&self.series) {
                found.samples.extend(all.iter().filter(|sample| sample.time > after && sample.time <= until));
            }
            after = after.max(until);
            if until < wanted.until {
                heard(&mut found)?;
                let held = found.iter().map(|series| series.samples.len()).max().unwrap_or(0);
                self.held.set(self.held.get().max(held));
            }
        }
        Ok(found)
    }
}

#[test]
fn no_more_is_held_than_a_window_looks_at() {
    let samples: Vec<Sample> = (0..10_000).map(|at| Sample { time: at * 1000, value: at as f64 }).collect();
    let held = Cell::new(0);
    let source =
        Pieces { series: vec![samples; 3], cuts: (0..1000).map(|at| at * 10_000).collect(), held: &held };
    let context = Context { source: &source, limits: Limits::default(), late: &|| false };
    let ask = |query: &str, step: i64| {
        held.set(0);
        range(&parse(query).unwrap(), 0, 9_999_000, step, context).unwrap();
        held.get()
    };
    // Twice a window, and a piece.
    assert!((60..=130).contains(&ask("rate(a_total[1m])", 15_000)), "{}", held.get());
    assert!((20..=50).contains(&ask("absent_over_time(a_total[20s])", 60_000)), "{}", held.get());
    assert!(ask("a_total", 15_000) <= 620, "{}", held.get());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// In how many pieces samples come changes nothing.
    #[test]
    fn pieces_give_the_same(
        series in prop::collection::vec(prop::collection::vec((1i64..40, 0u8..40), 0..60), 1..4),
        cuts in prop::collection::btree_set(0i64..1200, 0..12),
        start in 0i64..300, step in 1i64..200,
    ) {
        let sample = |time: i64, value: u8| match value {
            38 => Sample::stale(time),
            39 => Sample::native_histogram(time),
            value => Sample { time, value: f64::from(value) },
        };
        let series: Vec<Vec<Sample>> = series.iter().map(|series| {
            let mut time = 0;
            series.iter().map(|(gap, value)| { time += gap * 1000; sample(time, *value) }).collect()
        }).collect();
        let held = Cell::new(0);
        let whole = Pieces { series: series.clone(), cuts: Vec::new(), held: &held };
        let cuts = cuts.into_iter().map(|cut| cut * 1000).collect();
        let pieces = Pieces { series, cuts, held: &held };
        for query in [
            "a_total", "a_total offset 1m", "a_total @ 300", "timestamp(a_total)", "a_total smoothed",
            "changes(a_total[3m])", "count_over_time(a_total[1m] offset -30s)", "last_over_time(a_total[2m] @ end())",
            "absent_over_time(a_total[30s])", "resets(a_total[2m] anchored)", "rate(a_total[2m] smoothed)",
            "quantile_over_time(0.5, a_total[5m])", "max_over_time(rate(a_total[1m])[5m:30s])",
        ] {
            let expression = parse(query).unwrap();
            let ask = |source: &dyn Source| {
                let context = Context { source, limits: Limits::default(), late: &|| false };
                let outcome = range(&expression, start * 1000, 1_000_000, step * 1000, context);
                outcome.map(|outcome| format!("{:?} {:?}", outcome.answer, outcome.notes))
            };
            prop_assert_eq!(ask(&pieces), ask(&whole), "{}", query);
        }
    }
}
