//! Violations from outside: rules of the site, what they find, Sigma, and the line of the log that fail2ban reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::command::{good, json as json_of, run};
use support::{Daemon, until};

/// Two incidents of one person within ten minutes, and no rule about gaps.
const RULES: &str = "[[rules]]\nid = 'many-incidents'\ntitle = 'Many incidents'\nkinds = ['incident.opened']\nleast = 2\n\
                     within_s = 600\nlevel = 'low'\nincident = 'policy'\nseverity = 'info'\n[[rules]]\nid = 'log-gap'\n\
                     enabled = false\ntitle = 'x'\nsign = 'gap'\nlevel = 'low'\nincident = 'policy'\nseverity = 'info'\n";

const POLICIES: &str =
    "@id(\"nobody-compacts\")\nforbid (principal, action == Action::\"compact\", resource);\n";

#[test]
fn rules_of_the_site_find_what_is_entered_and_tell_it_once() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("config/policies")).unwrap();
    fs::write(folder.path().join("config/violations.toml"), RULES).unwrap();
    fs::write(folder.path().join("config/policies/site.cedar"), POLICIES).unwrap();
    let daemon = Daemon::start_in(folder, &[]);
    let data = daemon.folder.path();
    for title in ["one", "two"] {
        let body = format!(r#"{{"title": "{title}", "type": "data"}}"#);
        assert_eq!(daemon.post("/v1/incidents", &body).status, 201);
    }
    let found = until("the violation", || {
        let page = daemon.get("/v1/incidents?violations=1").json();
        page["items"].as_array().unwrap().first().cloned()
    });
    assert!(found["key"].as_str().unwrap().starts_with("violation:many-incidents:uid:"), "{found}");
    assert_eq!(
        (&found["type"], &found["severity"], &found["times"]),
        (&json!("policy"), &json!("info"), &json!(1))
    );
    // The links lead to the entries.
    for link in found["links"].as_array().unwrap() {
        let sequence = link.as_str().unwrap().strip_prefix("entry:").unwrap();
        let entry = daemon.get(&format!("/v1/audit/entries/{sequence}")).json();
        assert_eq!(entry["kind"], "incident.opened", "{entry}");
    }
    let listed = good(data, &["violation", "list"]);
    assert!(listed.contains("Many incidents") && listed.contains("info"), "{listed}");
    let rules = json_of(data, &["violation", "rules"]);
    let ids: Vec<&Value> = rules["items"].as_array().unwrap().iter().map(|rule| &rule["id"]).collect();
    assert!(ids.contains(&&json!("many-incidents")) && ids.contains(&&json!("repeated-denials")), "{ids:?}");
    assert!(!ids.contains(&&json!("log-gap")), "the site took it away: {ids:?}");
    let sigma = good(data, &["violation", "export", "--sigma"]);
    for line in
        ["name: many_incidents", "      - 'incident.opened'", "  timespan: 600s", "    gte: 2", "level: low"]
    {
        assert!(sigma.lines().any(|known| known == line), "{line}: {sigma}");
    }
    assert!(good(data, &["violation", "rules"]).contains("2 of incident.opened in 600 s"));
    a_file_that_goes_wrong_is_told(&daemon);
    // The filter of fail2ban looks for these two in this order.
    assert_eq!(daemon.post("/v1/compact", "").status, 403);
    let line = until("the line of the denial", || {
        let lines =
            daemon.get("/v1/logs?contains=nobody-compacts").json()["items"].as_array().unwrap().clone();
        lines.first().map(|_| ())?;
        let logs = fs::read_dir(data.join("logs")).unwrap().flatten();
        let texts = logs.filter_map(|entry| fs::read_to_string(entry.path()).ok());
        texts
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .find(|line| line.contains("nobody-compacts"))
    });
    let message = line.find(r#""message":"denied""#).unwrap_or_else(|| panic!("{line}"));
    assert!(line.find(r#""principal":"uid:"#).is_some_and(|at| at != message), "{line}");
    assert!(line.contains(r#""timestamp":"2"#), "{line}");
}

/// Rules that are off say how they are switched on; a file that went wrong is told, and goes on as it was.
fn a_file_that_goes_wrong_is_told(daemon: &Daemon) {
    let data = daemon.folder.path();
    let off = json_of(data, &["violation", "rules"]);
    assert_eq!(off["off"], json!(["out-of-hours", "log-gap"]));
    let shown = run(data, &["violation", "list"]);
    let told = String::from_utf8_lossy(&shown.stderr);
    assert!(told.contains("on = [\"out-of-hours\"]"), "{told}");
    // The same over the API: what another file says, and what is wrong with it.
    let look = |kind: &str, name: &str, text: &str| {
        daemon.post(
            "/v1/files/check",
            &serde_json::json!({"kind": kind, "name": name, "text": text}).to_string(),
        )
    };
    let fine = look("violations", "", RULES).json();
    assert_eq!((&fine["ok"], &fine["holds"]), (&true.into(), &"2 rules, nothing wrong".into()), "{fine}");
    let odd = look("violations", "", &RULES.replace("'incident.opened'", "'incident.opend'")).json();
    assert_eq!(
        (&odd["ok"], &odd["problems"][0]["line"], &odd["problems"][0]["column"]),
        (&false.into(), &4.into(), &10.into())
    );
    let what = odd["problems"][0]["what"].as_str().unwrap();
    assert!(what.ends_with("of the kind \"incident.opend\"; did you mean 'incident.opened'?"), "{what}");
    let yaml = "groups:\n- name: a\n  rules:\n  - alert: A\n    expr: sum(\n";
    let odd = look("alerts", "a.yaml", yaml).json();
    assert_eq!((&odd["ok"], &odd["problems"][0]["line"]), (&false.into(), &5.into()), "{odd}");
    for (kind, text) in
        [("probes", "x = 1\n"), ("sla", "x"), ("dashboards", "x = 1\n"), ("notifications", "x = 1\n")]
    {
        let odd = look(kind, "a.toml", text).json();
        assert!(odd["ok"] == false && odd["problems"][0]["line"] == 1, "{kind}: {odd}");
    }
    let odd = look("policies", "", "");
    assert!(odd.status == 422 && odd.body.contains("violations, alerts, notifications"), "{odd:?}");
    let file = data.join("config/violations.toml");
    assert!(good(data, &["violation", "check"]).contains("2 rules, nothing wrong"));
    fs::write(&file, RULES.replace("kinds =", "kind =")).unwrap();
    let checked = run(data, &["violation", "check", file.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(65));
    let told = String::from_utf8_lossy(&checked.stdout);
    assert!(told.contains("violations.toml:4:1: ") && told.contains("did you mean 'kinds'?"), "{told}");
    support::signal(&daemon.child, rustix::process::Signal::HUP);
    let rules = until("the wrong file", || {
        let rules = daemon.get("/v1/violations/rules").json();
        (!rules["problems"].as_array().unwrap().is_empty()).then_some(rules)
    });
    let problem = rules["problems"][0].as_str().unwrap();
    assert!(problem.contains("violations.toml:4:1: ") && problem.ends_with("what it said before holds"));
    assert!(rules["items"].as_array().unwrap().iter().any(|rule| rule["id"] == "many-incidents"));
    let health = daemon.get("/v1/health").json();
    let check = health["checks"].as_array().unwrap().iter().find(|one| one["name"] == "violations");
    assert!(check.unwrap().to_string().contains("what it said before holds"), "{health}");
    let told = String::from_utf8_lossy(&run(data, &["violation", "list"]).stderr).into_owned();
    assert!(told.contains("wrong: ") && told.contains("did you mean 'kinds'?"), "{told}");
}
