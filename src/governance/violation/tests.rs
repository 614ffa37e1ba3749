//! What is found, what is not, and what Sigma is told.

use proptest::prelude::*;

use super::{Finding, Rule, Seen, Watch, check, in_force, layered, read, sigma};

/// A Monday at noon, UTC.
const NOON: u64 = 1_789_992_000_000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

fn seen(sequence: u64, at_ms: u64, kind: &str, actor: &str, outcome: &str) -> Seen {
    let (kind, actor, outcome) = (kind.into(), actor.into(), outcome.into());
    Seen { sequence, at_ms, kind, actor, subject: "thing".into(), outcome }
}

fn shipped() -> Vec<Rule> {
    read(&super::shipped()).unwrap_or_else(|error| panic!("{error}"))
}

fn names(found: &[Finding]) -> Vec<(&str, &str)> {
    found.iter().map(|one| (one.rule.as_str(), one.actor.as_str())).collect()
}

#[test]
fn denials_count_by_actor_within_their_time_and_are_told_once_an_hour() {
    let mut watch = Watch::new(shipped());
    let mut found = Vec::new();
    let mut at = |n: u64, at_ms: u64, actor: &str| {
        let one = watch.step(&seen(n, at_ms, "access.denied", actor, "denied"));
        found.extend(one.clone());
        one.len()
    };
    for n in 0..4 {
        assert_eq!(at(2 * n, NOON + n * MINUTE, "uid:7") + at(2 * n + 1, NOON + n * MINUTE, "uid:8"), 0);
    }
    assert_eq!(at(8, NOON + 5 * MINUTE, "uid:7"), 1);
    // The one of the other comes too late: the first is out of its time.
    assert_eq!(at(9, NOON + 15 * MINUTE + 1, "uid:8"), 0);
    for n in 10..20 {
        assert_eq!(at(n, NOON + 20 * MINUTE, "uid:7"), 0, "it was told");
    }
    assert_eq!(names(&found), [("repeated-denials", "uid:7")]);
    assert_eq!(found[0].entries, [0, 2, 4, 6, 8]);
}

#[test]
fn hours_order_clocks_and_gaps() {
    let mut watch = Watch::new(shipped());
    let granted = Seen { subject: "uid:9".into(), ..seen(0, NOON, "role.granted", "uid:1", "done") };
    assert!(watch.step(&granted).is_empty(), "by day, and not about oneself");
    let used = watch.step(&seen(1, NOON + MINUTE, "config.set", "uid:9", "done"));
    assert_eq!(names(&used), [("new-right-used-at-once", "uid:9")]);
    assert_eq!(used[0].entries, [0, 1]);
    assert!(watch.step(&seen(2, NOON + 2 * MINUTE, "config.set", "uid:8", "done")).is_empty());
    let night = watch.step(&seen(3, NOON + 11 * HOUR, "role.revoked", "uid:1", "done"));
    assert_eq!(names(&night), [("out-of-hours", "uid:1")]);
    assert!(watch.step(&seen(4, NOON + 11 * HOUR, "role.revoked", "box", "done")).is_empty(), "no person");
    let back = watch.step(&seen(5, NOON + 10 * HOUR, "mode.worse", "box", "done"));
    assert_eq!(names(&back), [("clock-set-back", "box")]);
    let gap = watch.step(&seen(7, NOON + 12 * HOUR, "mode.better", "box", "done"));
    assert_eq!(names(&gap), [("log-gap", "box")]);
    assert_eq!(gap[0].entries, [5, 7]);
    // A little back is what clocks do.
    assert!(watch.step(&seen(8, NOON + 12 * HOUR - 30_000, "mode.worse", "box", "done")).is_empty());
}

#[test]
fn rules_are_read_strictly_and_those_of_the_site_win() {
    let rule = "[[rules]]\nid = 'a'\ntitle = 'A'\nkinds = ['x']\nlevel = 'low'\nincident = 'policy'\nseverity = 'info'\n";
    assert_eq!(read(rule).unwrap().len(), 1);
    for (text, wanted) in [
        (rule.replace("'low'", "'odd'"), "1:1: rule \"a\": level"),
        (rule.replace("'policy'", "'odd'"), "incident is one of"),
        (rule.replace("kinds = ['x']", "least = 0\nkinds = ['x']"), "least is 1 to"),
        (rule.replace("kinds = ['x']", "hours = '22-25'\nkinds = ['x']"), "0 to 23"),
        (rule.replace("kinds = ['x']\n", ""), "every entry"),
        (rule.replace("title", "titel"), "3:1"),
        (format!("{rule}{rule}"), "twice"),
    ] {
        let told = read(&text).unwrap_err().to_string();
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
    let over = read(&rule.replace("'a'", "'log-gap'").replace("title", "enabled = false\ntitle")).unwrap();
    let (all, off) = in_force(layered(shipped(), over));
    // Nights are off as they come.
    assert!(all.len() == shipped().len() - 2 && all.iter().all(|rule| rule.id != "log-gap"));
    assert_eq!(off, ["out-of-hours", "log-gap"]);
    assert_eq!(in_force(layered(shipped(), read(rule).unwrap())).0.len(), shipped().len());
    let (all, off) = in_force(layered(shipped(), read("on = ['out-of-hours']").unwrap()));
    assert!(off.is_empty() && all.iter().any(|rule| rule.id == "out-of-hours" && rule.hours == "22-4"));
    let (all, off) = in_force(layered(shipped(), read("off = ['log-gap']").unwrap()));
    assert!(all.iter().all(|rule| rule.id != "log-gap") && off.contains(&"log-gap".to_owned()));
    let odd = check("off = ['log-gaps']").unwrap_err();
    assert!(odd[0].starts_with("1:7: no rule \"log-gaps\" comes with spud and is on"), "{odd:?}");
    let odd = check("\non = ['log-gap']").unwrap_err();
    assert!(odd[0].starts_with("2:6: no rule \"log-gap\"") && odd[0].ends_with("out-of-hours"), "{odd:?}");
    let typo = check(&rule.replace("title", "titel")).unwrap_err();
    assert!(typo[0].starts_with("3:1: ") && typo[0].ends_with("did you mean 'title'?"), "{typo:?}");
    assert_eq!(check(&rule.replace("'x'", "'role'")), Ok(1));
}

#[test]
fn what_no_entry_can_be_is_named_with_its_place() {
    let file = |kinds: &str| {
        format!(
            "\n[[rules]]\nid = 'a'\ntitle = 'A'\n{kinds}\nlevel = 'low'\nincident = 'policy'\nseverity = 'info'\n"
        )
    };
    for fine in ["kinds = ['role', \"role.granted\"]", "kinds = ['use_case']\nafter = ['totp.locked']"] {
        assert_eq!(check(&file(fine)), Ok(1), "{fine}");
    }
    let told = check(&file("kinds = ['role',\n  \"role.grantd\"]\nafter = ['rol']")).unwrap_err();
    let of = |kind: &str, meant: &str| {
        format!("rule \"a\": no entry of the audit log is of the kind {kind:?}; did you mean '{meant}'?")
    };
    let places =
        [format!("6:3: {}", of("role.grantd", "role.granted")), format!("7:10: {}", of("rol", "role"))];
    assert_eq!(told, places);
    // What only begins like a kind is none; what is like nothing gets no hint.
    assert!(check(&file("kinds = ['role.grant']")).is_err());
    let odd = check(&file("kinds = ['zzzzzzzzzzzz']")).unwrap_err();
    assert!(odd[0].ends_with("of the kind \"zzzzzzzzzzzz\""), "{odd:?}");
    assert!(check(&super::shipped()).is_ok_and(|count| count == shipped().len()), "what comes with spud");
    assert_eq!(read(&file("kinds = ['zzzzzzzzzzzz']")).unwrap().len(), 1, "it is read all the same");
}

#[test]
fn sigma_is_told_what_it_has_words_for() {
    let all: Vec<(String, Option<String>)> =
        shipped().iter().map(|rule| (rule.id.clone(), sigma(rule))).collect();
    let of = |id: &str| all.iter().find(|(known, _)| known == id).unwrap().1.clone();
    assert!(of("log-gap").is_none() && of("new-right-used-at-once").is_none());
    let denials = of("repeated-denials").unwrap();
    for line in [
        "title: 'Somebody tries what they may not'\n",
        "name: repeated_denials\n",
        "    kind|startswith:\n      - 'access.denied'\n",
        "    outcome: 'denied'\n",
        "  type: event_count\n  rules:\n    - repeated_denials\n",
        "  timespan: 900s\n  condition:\n    gte: 5\nlevel: medium\n",
    ] {
        assert!(denials.contains(line), "{line}: {denials}");
    }
    let night = of("out-of-hours").unwrap();
    assert!(
        night.contains("      - 23\n") && !night.contains("      - 4\n") && !night.contains("correlation")
    );
    // The same rule has the same id for ever.
    assert!(denials.contains("\nid: ") && denials == of("repeated-denials").unwrap());
}

proptest! {
    #[test]
    fn whoever_writes_however_much_nothing_grows(all in prop::collection::vec((0u64..10_000_000, 0u16..2000, any::<bool>()), 0..600)) {
        let mut watch = Watch::new(shipped());
        for (sequence, (later, actor, denied)) in (0u64..).zip(all) {
            let (kind, outcome) = if denied { ("access.denied", "denied") } else { ("role.granted", "done") };
            let found = watch.step(&seen(sequence, NOON + later, kind, &format!("uid:{actor}"), outcome));
            prop_assert!(found.iter().all(|one| one.entries.last() == Some(&sequence)));
        }
        prop_assert!(watch.remembered() <= 3 * 200);
    }
}
