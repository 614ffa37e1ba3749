//! Makes rules of what stands in a file; everything that is wrong is told at once.

use std::collections::HashSet;

use super::node::{At, Node, Problem, Value};
use super::{Format, Group, Inhibition, RULES_MOST, Rule, RuleFile, parse_document};
use crate::base::InOrder;
use crate::hardware::nearest;
use crate::observe::alert::template;
use crate::observe::metric::{is_label_name, is_metric_name};
use crate::observe::promql::{Expression, Matcher, Type, parse, parse_duration, parse_selector};

const TIERS: [&str; 4] = ["ultra_lite", "lite", "standard", "full"];
const FILE: [&str; 2] = ["groups", "inhibit"];
const GROUP: [&str; 6] = ["name", "interval", "limit", "query_offset", "labels", "rules"];
const RULE: [&str; 9] =
    ["alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations", "cooldown", "tiers"];
const TIER: [&str; 4] = ["expr", "for", "keep_firing_for", "cooldown"];
const INHIBIT: [&str; 3] = ["source_matchers", "target_matchers", "equal"];

pub(in crate::observe) type Pairs = [(Node, Node)];
pub(in crate::observe) type Texts = Vec<(String, String)>;

/// Reads a file of rules as they are on a box of this tier.
///
/// # Errors
/// Everything that is wrong, by place.
pub fn read(text: &str, format: Format, tier: &str) -> Result<RuleFile, Vec<Problem>> {
    let root = parse_document(text, format).map_err(|problem| vec![problem])?;
    let mut reader = Reader::new(text, tier);
    let mut file = reader.file(&root);
    reader.problems.order_by_key(|problem| problem.at);
    file.warnings = reader.warnings;
    if reader.problems.is_empty() { Ok(file) } else { Err(reader.problems) }
}

/// Takes a file to pieces and notes what is wrong.
pub(in crate::observe) struct Reader<'a> {
    text: &'a str,
    tier: &'a str,
    pub(in crate::observe) problems: Vec<Problem>,
    warnings: Vec<Problem>,
    rules: usize,
}

pub(in crate::observe) fn get<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a Node> {
    let found = pairs.iter().find(|(key, _)| key.text() == Some(name));
    found.map(|(_, value)| value).filter(|value| value.value != Value::Null)
}

impl<'a> Reader<'a> {
    pub(in crate::observe) fn new(text: &'a str, tier: &'a str) -> Self {
        Self { text, tier, problems: Vec::new(), warnings: Vec::new(), rules: 0 }
    }

    pub(in crate::observe) fn wrong(
        &mut self,
        node: &Node,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.problems.push(Problem::new(node.at, what).advice(advice));
    }

    fn file(&mut self, root: &Node) -> RuleFile {
        let mut file = RuleFile::default();
        if root.value == Value::Null {
            return file;
        }
        let pairs = self.map(root, "a rule file", &FILE);
        let mut names = HashSet::new();
        for node in self.list(get(pairs, "groups"), "groups") {
            if let Some(group) = self.group(node) {
                if !names.insert(group.name.clone()) {
                    self.wrong(
                        node,
                        format!("there are two groups {:?}", group.name),
                        "give one another name",
                    );
                }
                file.groups.push(group);
            }
        }
        for node in self.list(get(pairs, "inhibit"), "inhibit") {
            let pairs = self.map(node, "an inhibition", &INHIBIT);
            let (source, target) = (get(pairs, "source_matchers"), get(pairs, "target_matchers"));
            let (source, target) = (self.matchers(source, node), self.matchers(target, node));
            let equal = self.list(get(pairs, "equal"), "equal");
            let equal = equal.iter().filter_map(|node| node.text().map(str::to_owned)).collect();
            file.inhibitions.push(Inhibition { source, target, equal });
        }
        file
    }

    pub(in crate::observe) fn map<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> &'n Pairs {
        let Value::Map(pairs) = &node.value else {
            self.wrong(
                node,
                format!("{what} is a map, not {}", node.kind()),
                format!("it has {}", known.join(", ")),
            );
            return &[];
        };
        for (key, _) in pairs {
            let name = key.text().unwrap_or_default();
            if !known.contains(&name) {
                let advice = match nearest(name, known) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("it has {}", known.join(", ")),
                };
                self.wrong(key, format!("{what} has no {name:?}"), advice);
            }
        }
        pairs
    }

    pub(in crate::observe) fn list<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Node] {
        match node.map(|node| (node, &node.value)) {
            None => &[],
            Some((_, Value::List(items))) => items,
            Some((node, _)) => {
                self.wrong(
                    node,
                    format!("{what} is a list, not {}", node.kind()),
                    "begin each item with `- `",
                );
                &[]
            }
        }
    }

    pub(in crate::observe) fn text(&mut self, node: Option<&Node>, what: &str) -> Option<String> {
        let node = node?;
        if node.text().is_none() {
            self.wrong(node, format!("{what} is a single value, not {}", node.kind()), "");
        }
        node.text().map(str::to_owned)
    }

    pub(in crate::observe) fn duration(&mut self, node: Option<&Node>, what: &str) -> Option<u64> {
        let (node, text) = (node?, self.text(node, what)?);
        let parsed = parse_duration(&text).and_then(|ms| u64::try_from(ms).ok());
        if parsed.is_none() {
            self.wrong(node, format!("{what}: {text:?} is no duration"), "write it as 30s, 5m or 1h30m");
        }
        parsed
    }

    fn number(&mut self, node: Option<&Node>, what: &str) -> usize {
        let (Some(at), Some(text)) = (node, self.text(node, what)) else { return 0 };
        text.parse().unwrap_or_else(|_| {
            self.wrong(at, format!("{what}: {text:?} is no whole number"), "");
            0
        })
    }

    fn group(&mut self, node: &Node) -> Option<Group> {
        let pairs = self.map(node, "a group", &GROUP);
        let name = self.text(get(pairs, "name"), "name");
        if name.as_deref().unwrap_or_default().is_empty() {
            self.wrong(node, "this group has no name", "add `name: ...`");
        }
        let interval_ms = self.duration(get(pairs, "interval"), "interval").filter(|ms| *ms > 0);
        let offset_ms = self.duration(get(pairs, "query_offset"), "query_offset").unwrap_or(0);
        let limit = self.number(get(pairs, "limit"), "limit");
        let common = self.texts(get(pairs, "labels"), "labels", true);
        let mut rules = Vec::new();
        for node in self.list(get(pairs, "rules"), "rules") {
            self.rules += 1;
            if self.rules == RULES_MOST + 1 {
                self.wrong(
                    node,
                    format!("a file holds at most {RULES_MOST} rules"),
                    "make several files of it",
                );
            }
            rules.extend(self.rule(node, &common).filter(|_| self.rules <= RULES_MOST));
        }
        Some(Group { name: name?, interval_ms, limit, offset_ms, rules })
    }

    fn rule(&mut self, node: &Node, common: &Texts) -> Option<Rule> {
        let pairs = self.map(node, "a rule", &RULE);
        let (alert, record) = (get(pairs, "alert"), get(pairs, "record"));
        if alert.is_some() == record.is_some() {
            let what =
                if alert.is_some() { "one of `alert` and `record`, not both" } else { "`alert` or `record`" };
            self.wrong(node, format!("a rule has {what}"), "the first tells, the second writes a series");
            return None;
        }
        let is_alert = alert.is_some();
        let name = self.text(alert.or(record), "the name")?;
        if name.is_empty() || !is_alert && !is_metric_name(&name) {
            self.wrong(
                alert.or(record)?,
                format!("{name:?} cannot be the name of a rule"),
                "use letters, digits, _ and :",
            );
        }
        if !is_alert {
            for word in ["for", "keep_firing_for", "annotations", "cooldown"] {
                if let Some(node) = get(pairs, word) {
                    self.wrong(node, format!("a recording rule has no {word:?}"), "only alerts have it");
                }
            }
        }
        let own = self.tiers(get(pairs, "tiers"));
        let pick = |name: &str| own.and_then(|own| get(own, name)).or_else(|| get(pairs, name));
        if pick("expr").is_none() {
            self.wrong(node, format!("the rule {name:?} has no expr"), "add `expr: ...` in PromQL");
        }
        let expr = self.expression(pick("expr"), "expr");
        let hold_ms = self.duration(pick("for"), "for").unwrap_or(0);
        let keep_ms = self.duration(pick("keep_firing_for"), "keep_firing_for").unwrap_or(0);
        let cooldown_ms = self.duration(pick("cooldown"), "cooldown").unwrap_or(0);
        let mut labels = common.clone();
        for (label, value) in self.texts(get(pairs, "labels"), "labels", true) {
            labels.retain(|(known, _)| *known != label);
            labels.push((label, value));
        }
        let annotations = self.texts(get(pairs, "annotations"), "annotations", false);
        let expr = expr?;
        Some(Rule {
            name,
            is_alert,
            expr,
            hold_ms,
            keep_ms,
            cooldown_ms,
            labels,
            annotations,
            line: node.at.line,
        })
    }

    /// What holds on this tier; what is said of others has to be right, too.
    fn tiers<'n>(&mut self, node: Option<&'n Node>) -> Option<&'n Pairs> {
        let mut own = None;
        for (tier, node) in self.map(node?, "tiers", &TIERS) {
            let pairs = self.map(node, "a tier's part of a rule", &TIER);
            if tier.text() == Some(self.tier) {
                own = Some(pairs);
                continue;
            }
            self.expression(get(pairs, "expr"), "expr");
            for word in ["for", "keep_firing_for", "cooldown"] {
                self.duration(get(pairs, word), word);
            }
        }
        own
    }

    pub(in crate::observe) fn expression(&mut self, node: Option<&Node>, name: &str) -> Option<Expression> {
        let (node, text) = (node?, self.text(node, name)?);
        match parse(&text) {
            Ok(expr) if matches!(expr.kind(), Type::Vector | Type::Scalar) => Some(expr),
            Ok(expr) => {
                let what = format!("{name} gives a {}, not a vector or a scalar", expr.kind().name());
                self.wrong(node, what, "aggregate it, or use a function such as rate(...)");
                None
            }
            Err(fault) => {
                let at = self.within(node.at, &text, fault.line - 1, fault.column - 1);
                let is_exact = at != node.at || (fault.line, fault.column) == (1, 1);
                let what =
                    if is_exact { format!("{name}: {}", fault.what) } else { format!("{name}: {fault}") };
                self.problems.push(Problem::new(at, what));
                None
            }
        }
    }

    /// The place of a line and column, from 0, of a text whose value begins at `at`: that, where the text is
    /// written otherwise than it is read.
    fn within(&self, at: At, text: &str, line: usize, column: usize) -> At {
        let Some(wanted) = text.split('\n').nth(line).filter(|wanted| !wanted.is_empty()) else { return at };
        // A block begins on the line below its `|`.
        for (number, written) in self.text.lines().enumerate().skip(at.line.saturating_sub(1) + line).take(2)
        {
            let skip = if number + 1 == at.line { at.column.saturating_sub(1) } else { 0 };
            let from = written.char_indices().nth(skip).map_or(written.len(), |(byte, _)| byte);
            if let Some(found) = written.get(from..).and_then(|rest| rest.find(wanted)) {
                let before = written.get(..from + found).unwrap_or_default().chars().count();
                return At { line: number + 1, column: before + column + 1 };
            }
        }
        at
    }

    /// Names and their texts, as they are written.
    pub(in crate::observe) fn pairs(&mut self, node: Option<&Node>, what: &str) -> Texts {
        let Some(node) = node else { return Vec::new() };
        let Value::Map(pairs) = &node.value else {
            self.wrong(node, format!("{what} is a map, not {}", node.kind()), "write `name: value` below it");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (key, value) in pairs {
            let name = key.text().unwrap_or_default();
            let text = if value.value == Value::Null { None } else { self.text(Some(value), name) };
            texts.push((name.to_owned(), text.unwrap_or_default()));
        }
        texts
    }

    /// Labels or annotations of a rule, which may be templates.
    fn texts(&mut self, node: Option<&Node>, what: &str, is_labels: bool) -> Texts {
        let texts = self.pairs(node, what);
        let Some(Node { value: Value::Map(pairs), .. }) = node else { return texts };
        for ((key, value), (name, text)) in pairs.iter().zip(&texts) {
            if !is_label_name(name) || is_labels && name == "__name__" {
                self.wrong(key, format!("{name:?} cannot stand among {what}"), "use letters, digits and _");
            }
            if let Err(fault) = template::check(text) {
                let before = text.get(..fault.at).unwrap_or(text);
                let line = before.matches('\n').count();
                let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
                let what = format!("{name}: the template cannot be read: {}", fault.what);
                let advice = "it is told as it is written";
                self.warnings
                    .push(Problem::new(self.within(value.at, text, line, column), what).advice(advice));
            }
        }
        texts
    }

    fn matchers(&mut self, node: Option<&Node>, inhibition: &Node) -> Vec<Matcher> {
        if self.list(node, "matchers").is_empty() {
            self.wrong(inhibition, "an inhibition has source_matchers and target_matchers", "");
        }
        self.some_matchers(node)
    }

    /// A list of texts.
    pub(in crate::observe) fn names(&mut self, node: Option<&Node>, what: &str) -> Vec<String> {
        let nodes = self.list(node, what);
        nodes.iter().filter_map(|node| self.text(Some(node), what)).collect()
    }

    /// A list of matchers, which may be empty.
    pub(in crate::observe) fn some_matchers(&mut self, node: Option<&Node>) -> Vec<Matcher> {
        let mut all = Vec::new();
        for item in self.list(node, "matchers") {
            let text = self.text(Some(item), "a matcher").unwrap_or_default();
            match matcher(&text) {
                Ok(matchers) => all.extend(matchers),
                Err(what) => self.wrong(item, what, "write it as severity=\"critical\""),
            }
        }
        all
    }
}

/// `severity="critical"`, `job=~"a.*"`; the value may stand without quotes.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn matcher(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.trim();
    let quoted = match text.split_once(['=', '!']).filter(|_| !text.contains('"')) {
        Some((name, _)) => {
            let rest = text.get(name.len()..).unwrap_or_default();
            let op = ["=~", "!~", "!=", "="].into_iter().find(|op| rest.starts_with(op)).unwrap_or("=");
            let value = rest.get(op.len()..).unwrap_or_default().trim();
            format!("{}{op}\"{}\"", name.trim(), value.replace('\\', "\\\\"))
        }
        None => text.to_owned(),
    };
    // An empty matcher beside it: a selector has to have one that is not, and this one may be.
    let parsed = parse_selector(&format!("{{__name__!=\"\",{quoted}}}"));
    parsed
        .map(|all| all.into_iter().filter(|one| one.name() != "__name__").collect())
        .map_err(|fault| format!("{text:?} is no matcher: {}", fault.what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
groups:
  - name: web
    interval: 30s
    limit: 5
    labels: {team: a}
    rules:
      - alert: Down
        expr: up == 0
        for: 5m
        keep_firing_for: 2m
        cooldown: 1h
        tiers:
          lite: {for: 10m, expr: up < 1}
        labels:
          severity: critical
        annotations:
          summary: "{{ $labels.job }} is down, {{ $value | printf \"%.1f\" }}"
      - record: job:up:sum
        expr: |
          sum by (job) (
            up
          )
inhibit:
  - source_matchers: [severity="critical"]
    target_matchers: ['severity=~warning|info']
    equal: [job]
"#;

    #[test]
    fn rules_are_read_with_what_their_tier_says() {
        let file = read(GOOD, Format::Yaml, "full").unwrap();
        let group = &file.groups[0];
        assert_eq!((group.interval_ms, group.limit, group.rules.len()), (Some(30_000), 5, 2));
        let rule = &group.rules[0];
        assert_eq!((rule.hold_ms, rule.keep_ms, rule.cooldown_ms), (300_000, 120_000, 3_600_000));
        assert_eq!(rule.labels, [("team".into(), "a".into()), ("severity".into(), "critical".into())]);
        assert!(!group.rules[1].is_alert && file.inhibitions[0].target[0].accepts("info"));
        let lite = &read(GOOD, Format::Yaml, "lite").unwrap().groups[0];
        assert_eq!((lite.rules[0].hold_ms, lite.rules[0].expr.query()), (600_000, "up < 1"));
    }

    #[test]
    fn toml_says_the_same() {
        let text = "[[groups]]\nname = 'web'\ninterval = '30s'\nlimit = 5\n[[groups.rules]]\nalert = 'Down'\nexpr = 'up == 0'\nfor = '5m'\nlabels = { severity = 'critical' }\n";
        let file = read(text, Format::Toml, "full").unwrap();
        assert_eq!((file.groups[0].limit, file.groups[0].rules[0].hold_ms), (5, 300_000));
        let problems = read(
            "[[groups]]\nname = 'a'\n[[groups.rules]]\nalert = 'B'\nexpr = 'sum('\nfr = '5m'\n",
            Format::Toml,
            "full",
        )
        .unwrap_err();
        assert_eq!(problems.iter().map(|one| one.at.line).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let text = "groups:\n- name: a\n  intervall: 5m\n  rules:\n  - alert: A\n    expr: sum(up\n    for: soon\n    labels: {a-b: c}\n  - expr: up\n  - record: a b\n    expr: up[5m]\n    for: 1m\n  - alert: T\n    expr: up\n    annotations:\n      x: '{{ $nope }}'\n- rules: []\n";
        let problems = read(text, Format::Yaml, "full").unwrap_err();
        let lines: Vec<usize> = problems.iter().map(|one| one.at.line).collect();
        assert_eq!(lines, [3, 6, 7, 8, 9, 10, 11, 12, 17]);
        assert!(problems[0].advice.contains("\"interval\""), "{}", problems[0]);
    }

    #[test]
    fn what_cannot_be_read_as_a_template_is_a_warning_with_its_place() {
        let text = "groups:\n- name: a\n  rules:\n  - alert: T\n    expr: up\n    annotations:\n      x: 'a {{ $nope }}'\n      y: |\n        fine {{ $value }}\n          {{ if }}\n";
        let file = read(text, Format::Yaml, "full").unwrap();
        assert_eq!(file.groups[0].rules[0].annotations[0].1, "a {{ $nope }}");
        let told: Vec<String> = file.warnings.iter().map(ToString::to_string).collect();
        let why = ["undefined variable \"$nope\"", "missing value for if"];
        for ((one, place), why) in told.iter().zip(["7:16: x: ", "10:17: y: "]).zip(why) {
            assert!(one.starts_with(place) && one.contains(why), "{one}");
        }
        assert_eq!(told.len(), 2);
    }
}
