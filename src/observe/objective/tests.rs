//! What is read, what is refused, what is asked.

use super::{Indicator, Method, read};
use crate::observe::promql::parse;

const SHIPPED: &str = include_str!("../../../assets/sla/spud.yaml");

fn object(indicator: &str, method: &str, objective: &str) -> String {
    format!(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {{name: a}}\nspec:\n  indicator:\n    spec:\n      {indicator}\n  \
         timeWindow: [{{duration: 7d, isRolling: true}}]\n  budgetingMethod: {method}\n  objectives: [{objective}]\n"
    )
}

fn source(query: &str) -> String {
    format!("{{metricSource: {{type: Prometheus, spec: {{query: '{query}'}}}}}}")
}

#[test]
fn the_shipped_objectives_are_sound() {
    let all = read(SHIPPED).unwrap_or_else(|problems| panic!("{problems:?}"));
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["answers-p95", "answers-p99", "requests-served", "availability", "answers-found"]);
    for one in &all {
        assert!(!one.about.is_empty() && one.window_ms == 30 * 86_400_000, "{one:?}");
        for window in [300_000, 86_400_000 * 30] {
            let question = one.question(window);
            parse(&question.part).unwrap();
            parse(&question.total).unwrap();
        }
    }
    assert_eq!(all[4].incident, "model-quality");
}

#[test]
fn what_is_asked() {
    let ratio = format!(
        "ratioMetric: {{counter: true, bad: {}, total: {}}}",
        source("bad_total"),
        source("all_total")
    );
    let one = read(&object(&ratio, "Occurrences", "{target: 0.9}")).unwrap().remove(0);
    let asked = one.question(60_000);
    assert_eq!((asked.part.as_str(), asked.is_bad), ("sum(increase(bad_total[1m]))", true));
    assert_eq!(asked.total, "sum(increase(all_total[1m]))");
    let one = read(&object(&ratio, "Timeslices", "{target: 0.9, timeSliceTarget: 0.8, timeSliceWindow: 1m}"))
        .unwrap()
        .remove(0);
    assert_eq!(one.method, Method::Timeslices { window_ms: 60_000, target: 0.8 });
    let asked = one.question(3_600_000);
    assert!(asked.part.contains(">= bool 0.8)[1h:1m]") && !asked.is_bad, "{}", asked.part);
    let threshold = format!("thresholdMetric: {}", source("temperature"));
    let one =
        read(&object(&threshold, "Occurrences", "{target: 0.9, op: lte, value: 70.5}")).unwrap().remove(0);
    assert_eq!(one.indicator, Indicator::Threshold { query: "temperature".into(), op: "<=", value: 70.5 });
    assert_eq!(one.question(3_600_000).part, "sum_over_time((max(temperature) <= bool 70.5)[1h:1m])");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let fine = format!("thresholdMetric: {}", source("up"));
    let at =
        |text: &str| -> Vec<String> { read(text).unwrap_err().iter().map(ToString::to_string).collect() };
    let cases = [
        (object(&fine, "Ratio", "{target: 0.9, op: lt, value: 1}"), "9:20: budgetingMethod"),
        (object(&fine, "Occurrences", "{target: 90, op: lt, value: 1}"), "10:25: target is a number"),
        (object(&fine, "Occurrences", "{target: 0.9}"), "10:16: a thresholdMetric is compared"),
        (object(&fine, "Occurrences", "{taget: 0.9, op: lt, value: 1}"), "did you mean \"target\"?"),
        (object(&fine, "Occurrences", ""), "objectives is missing"),
        (object("ratioMetric: {}", "Occurrences", "{target: 0.9}"), "either good or bad"),
        (
            object(
                &format!("thresholdMetric: {}", source("sum(up")),
                "Occurrences",
                "{target: 0.9, op: lt, value: 1}",
            ),
            "7:",
        ),
        (object(&fine, "Occurrences", "{target: 0.9, op: lt, value: 1}").replace("7d", "1y"), "1h to 90d"),
        (
            object(&fine, "Occurrences", "{target: 0.9, op: lt, value: 1}").replace("true}", "false}"),
            "rolling",
        ),
        (
            object(&fine, "Occurrences", "{target: 0.9, op: lt, value: 1}").replace("SLO", "SLI"),
            "2:7: kind is \"SLI\"",
        ),
        (
            object(&fine, "Occurrences", "{target: 0.9, op: lt, value: 1}").replace("name: a", "name: A b"),
            "no name",
        ),
    ];
    for (text, wanted) in cases {
        let told = at(&text);
        assert!(told.iter().any(|one| one.contains(wanted)), "{wanted}: {told:?}\n{text}");
    }
    let of_sum =
        format!("ratioMetric: {{counter: true, good: {}, total: {}}}", source("sum(a)"), source("b_total"));
    assert!(at(&object(&of_sum, "Occurrences", "{target: 0.9}"))[0].contains("are selectors"));
    // Places of a second document are those of the file; two of a name are none.
    let one = object(&fine, "Occurrences", "{target: 0.9, op: lt, value: 1}");
    let told =
        at(&format!("{one}---\n{}", one.replace("kind: SLO", "kind: X").replace("name: a", "name: b")));
    assert!(told[0].starts_with("13:7:"), "{told:?}");
    assert!(at(&format!("{one}---\n{one}"))[0].contains("two objectives"));
    assert!(read("").unwrap().is_empty());
}
