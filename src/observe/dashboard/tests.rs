//! Files of dashboards: what is read, what is written is read again, what is wrong is told with its place.

use super::read;
use crate::api::types::dashboard::{Dashboard, DashboardPanel};

const TEXT: &str = r#"title = "The pump"

[[panel]]
title = "Pressure"
query = ["pump_bar", 'max_over_time(pump_bar{site="a"}[1h])']
thresholds = [4, 6.5]
min = 0
width = 12

[[panel]]
kind = "log"
title = "What it said"
filter = "level:warn pump 7"
height = 8

[[panel]]
kind = "alert"
title = "Alerts"
matchers = ["severity=critical"]
"#;

fn told(text: &str) -> String {
    let problems = read("pump", text).unwrap_err();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_file_is_read_and_what_is_written_says_the_same() {
    let one = read("pump", TEXT).unwrap();
    let (graph, log, alert) = (&one.panels[0], &one.panels[1], &one.panels[2]);
    assert_eq!((graph.kind.as_str(), graph.queries.len(), graph.width, graph.height), ("graph", 2, 12, 5));
    assert_eq!((graph.min, graph.max, graph.thresholds.as_slice()), (Some(0.0), None, &[4.0, 6.5][..]));
    assert_eq!(log.log_filter(), (Some("warn".into()), Some("pump 7".into())));
    assert_eq!(alert.matchers, ["severity=critical"]);
    let again = read("pump", &one.to_toml()).unwrap();
    assert_eq!(again.panels, one.panels);
    // Whatever stands in a text.
    let title = "a \"b\" 'c' \\ \u{1} ü".to_owned();
    let odd = DashboardPanel { title, thresholds: vec![1e300, -1e-9], ..graph.clone() };
    let odd = Dashboard { panels: vec![odd], ..one };
    assert_eq!(read("pump", &odd.to_toml()).unwrap().panels, odd.panels);
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let text = "titel = 'x'\n[[panel]]\nkind = 'pie'\ntitle = 'a'\nquery = 'sum('\nunit = 'furlong'\nwidth = 13\n\
        [[panel]]\nkind = 'log'\ntitle = 'b'\nquery = 'up'\nfilter = 'level:loud'\n\
        [[panel]]\nkind = 'gauge'\ntitle = 'c'\nquery = ['up', 'up']\nmin = 2\nmax = 1\nmatchers = ['x']\n";
    let all = told(text);
    for part in [
        "1:1: a dashboard has no \"titel\"; did you mean \"title\"?",
        "a title has 1 to 80",
        "3:8: kind: \"pie\" is not known; graph, stat",
        "5:14: query: unclosed left parenthesis",
        "6:8: unit: \"furlong\"",
        "7:9: width: \"13\" is no number from 2 to 12",
        "a panel of kind log asks nothing",
        "\"loud\" is no level",
        "a panel of kind gauge has one query",
        "min is not less than max",
        "a panel of kind gauge has no \"matchers\"",
        "no matcher",
    ] {
        assert!(all.contains(part), "{part}:\n{all}");
    }
    assert!(told("").contains("a dashboard has panels"));
    assert!(read("../x", TEXT).unwrap_err()[0].to_string().contains("no name of a dashboard"));
    let many = format!("title = 'x'\n{}", "[[panel]]\ntitle = 'a'\nquery = 'up'\n".repeat(25));
    assert!(told(&many).contains("at most 24 panels"));
}
