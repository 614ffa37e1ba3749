//! What templates give, and that promtool finds the same.

use super::*;

fn filled(template: &str, value: f64) -> String {
    let labels = Labels::new([("job", "spud"), ("path", "/"), ("instance", "box.local:90")]);
    let query = |text: &str| match text {
        "two" => Ok(vec![
            (Labels::new([("__name__", "two"), ("host", "a"), ("rank", "2")]), 1.5),
            (Labels::new([("__name__", "two"), ("host", "b"), ("rank", "1")]), 2.0),
        ]),
        "none" => Ok(Vec::new()),
        _ => Err("no such query".to_owned()),
    };
    render(template, Facts { name: "A", labels: &labels, value, query: &query, outside: Outside::default() })
}

/// Templates and what they give for these labels, that value and those series.
const CASES: &[(&str, f64, &str)] = &[
    ("{{ $labels.job }} {{$value}}", 2.5, "spud 2.5"),
    ("a {{- .Value -}} b", 1e6, "a1e+06b"),
    ("{{ printf \"%.2f of %s, %d%%\" $value .Labels.job 7 }}", 0.125, "0.12 of spud, 7%"),
    ("{{ $value | humanize }} {{ humanize1024 $value }}", 12_345.0, "12.35k 12.06ki"),
    ("{{ $value | humanizeDuration }}", 93_784.0, "1d 2h 3m 4s"),
    ("{{ $value | humanizeDuration }}", 0.0125, "12.5ms"),
    ("{{ $value | humanizePercentage }}", 0.1234, "12.34%"),
    ("{{ $value | humanizeTimestamp }}", 1_435_781_430.0, "2015-07-01 20:10:30 +0000 UTC"),
    (
        "{{ 1435781430.5 | toTime }} {{ humanizeTimestamp 1.25 }}",
        0.0,
        "2015-07-01 20:10:30.5 +0000 UTC 1970-01-01 00:00:01.25 +0000 UTC",
    ),
    ("{{ index $labels \"path\" }}{{/* no */}}{{ title `ab cD-e_f` }}", 1.0, "/Ab CD-E_f"),
    ("{{ (printf \"%5.1f|%-4s|%q\" $value \"x\" `}}`) | toUpper }}", 1.25, "  1.2|X   |\"}}\""),
    ("{{ $labels.none }}{{ .Labels.instance | stripPort }}", 1.0, "box.local"),
    (
        "{{ stripDomain \"a.b.c:90\" }} {{ stripDomain \"10.0.0.1:9\" }} {{ stripPort \"[::1]:90\" }} {{ stripPort \"::1\" }}",
        1.0,
        "a:90 10.0.0.1:9 ::1 ::1",
    ),
    ("{{ $value | humanize }}", f64::INFINITY, "+Inf"),
    ("{{ printf \"%v %e %g\" $value $value $value }}", 1_234_567.0, "1.234567e+06 1.234567e+06 1.234567e+06"),
    (
        "{{ printf \"%d %s %05.1f %+d %x\" $value 3 $value 4 255 }}",
        2.5,
        "%!d(float64=2.5) %!s(int=3) 002.5 +4 ff",
    ),
    (
        "{{ printf \"%s %d\" \"a\" }}{{ printf \"x\" 1 2.5 }}",
        0.0,
        "a %!d(MISSING)x%!(EXTRA int=1, float64=2.5)",
    ),
    (
        "{{ $labels }} {{ $externalLabels }}{{ .ExternalURL }}",
        0.0,
        "map[instance:box.local:90 job:spud path:/] map[]",
    ),
    ("{{ if gt $value 10.0 }}high{{ else if gt $value 5.0 }}mid{{ else }}low{{ end }}", 7.0, "mid"),
    (
        "{{ if eq $labels.job \"a\" \"spud\" }}ours{{ end }}{{ if ne .Labels.job \"a\" }}!{{ end }}",
        7.0,
        "ours!",
    ),
    (
        "{{ if and $value (not $labels.none) }}a{{ end }}{{ or $labels.none \"b\" }}{{ and true 0 }}",
        7.0,
        "ab0",
    ),
    (
        "{{ with $labels.none }}{{ . }}{{ else }}nothing{{ end }}{{ with $x := $labels.job }}{{ $x }}{{ . }}{{ end }}",
        1.0,
        "nothingspudspud",
    ),
    (
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
        1.0,
        "instance=box.local:90;job=spud;path=/;",
    ),
    (
        "{{ range query \"two\" | sortByLabel \"rank\" }}{{ .Labels.host }}:{{ .Value }} {{ end }}",
        1.0,
        "b:2 a:1.5 ",
    ),
    ("{{ range query \"none\" }}x{{ else }}none{{ end }}", 1.0, "none"),
    (
        "{{ with query \"two\" | sortByLabel \"host\" }}{{ . | first | value | humanize }}{{ len . }}{{ first . | label \"host\" }}{{ end }}",
        1.0,
        "1.52a",
    ),
    (
        "{{ $x := 1 }}{{ range query \"two\" | sortByLabel \"host\" }}{{ $x = .Value }}{{ end }}{{ $x }}",
        1.0,
        "2",
    ),
    (
        "{{ range $i, $e := query \"two\" | sortByLabel \"host\" }}{{ if $i }}, {{ end }}{{ $i }}{{ $e.Labels.host }}{{ end }}",
        1.0,
        "0a, 1b",
    ),
    (
        "{{ range query \"two\" | sortByLabel \"host\" }}{{ if eq .Labels.host \"b\" }}{{ break }}{{ end }}{{ .Value }}{{ end }}",
        1.0,
        "1.5",
    ),
    (
        "{{ define \"x\" }}<{{ .arg0 }}|{{ .arg1 }}>{{ end }}{{ template \"x\" args $value \"b\" }}",
        3.0,
        "<3|b>",
    ),
    ("{{ block \"y\" $labels }}{{ .job }}{{ $.path }}{{ end }}", 3.0, "spud/"),
    (
        "{{ \"a.b\" | reReplaceAll \"(.)\\\\.(.)\" \"$2-$1\" }} {{ match \"^s.*d$\" $labels.job }}",
        1.0,
        "b-a true",
    ),
    (
        "{{ len $labels.job }} {{ slice $labels.job 1 3 }} {{ index (query \"two\" | sortByLabel \"host\") 1 | value }} {{ len $labels }}",
        1.0,
        "4 pu 2 3",
    ),
    ("{{ print 1 2 \"a\" \"b\" 3 }}{{ println \"x\" 1 }}", 1.0, "1 2ab3x 1\n"),
    (
        "{{ html \"<a href='x'>&\" }} {{ js \"it's <b>\" }} {{ urlquery \"a b/c?d=e\" }}",
        1.0,
        "&lt;a href=&#39;x&#39;&gt;&amp; it\\'s \\u003Cb\\u003E a+b%2Fc%3Fd%3De",
    ),
    (
        "{{ graphLink \"up == 0\" }} {{ tableLink \"a{b=\\\"c\\\"}\" }}",
        1.0,
        "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=a%7Bb%3D%22c%22%7D&g0.tab=1",
    ),
    (
        "{{ parseDuration \"1h30m\" }} {{ \"1.5\" | humanizeDuration }} {{ safeHtml \"<b>\" }} {{ toLower \"AB\" }}",
        1.0,
        "5400 1.5s <b> ab",
    ),
    (
        "{{ true }} {{ 'a' }} {{ 0x10 }} {{ 1e3 }} {{ -2.50 }} {{ \"\\u00e4\\x41\" }}",
        1.0,
        "true 97 16 1000 -2.5 \u{e4}A",
    ),
    ("{{ printf \"%v %t %T\" (query \"none\") true $labels }}", 1.0, "[] true map[string]string"),
    (
        "{{ lt 1 2 }}{{ le \"a\" \"a\" }}{{ ge 2.0 2.5 }}{{ (index (query \"two\" | sortByLabel \"host\") 0).Labels.host }}",
        1.0,
        "truetruefalsea",
    ),
    ("a\n  {{- /* gone */ -}}\n  b {{ \"{{\" }}", 1.0, "ab {{"),
    (
        "{{ printf \"%b %o %#o %O %X %#x %U %#U %#v %*d|%-*d|\" 5 8 8 8 255 -255 65 65 \"a\" 5 3 4 2 }}",
        1.0,
        "101 10 010 0o10 FF -0xff U+0041 U+0041 'A' \"a\"     3|2   |",
    ),
    (
        "{{ printf \"%[2]d %[1]d\" 1 2 }} {{ printf \"%[3]d\" 1 }} {{ printf \"%[x]d\" 1 }} {{ printf \"%.*f\" 2 3.14159 }}",
        1.0,
        "2 1 %!d(BADINDEX) %!d(BADINDEX) 3.14",
    ),
    (
        "{{ printf \"%*d\" \"a\" 1 }} {{ printf \"%c %q %G %x %#X\" 65 65 1e-9 \"hi\" \"hi\" }}",
        1.0,
        "%!(BADWIDTH)1 A 'A' 1E-09 6869 0X6869",
    ),
    (
        "{{ printf \"%#v\" $labels }}",
        1.0,
        "map[string]string{\"instance\":\"box.local:90\", \"job\":\"spud\", \"path\":\"/\"}",
    ),
    ("{{ $labels.job | }}{{ print nil }}", 1.0, "spud<nil>"),
    // What fails is told in its place.
    (
        "{{ nil }}",
        7.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <nil>: nil is not a command>",
    ),
    (
        "{{ 1e20 | humanizeTimestamp }}",
        7.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:122: executing \"__alert_A\" at <humanizeTimestamp>: error calling humanizeTimestamp: 1e+20 cannot be represented as a nanoseconds timestamp since it overflows int64>",
    ),
    (
        "{{ gt $value 10 }}",
        7.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <gt $value 10>: error calling gt: incompatible types for comparison>",
    ),
    (
        "\n x{{ query \"none\" | first }}",
        7.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:2:20: executing \"__alert_A\" at <first>: error calling first: first() called on vector with no elements>",
    ),
    ("{{ $value.x }}", 7.0, ""),
    (
        "{{ title $value }}",
        7.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:121: executing \"__alert_A\" at <$value>: wrong type for value; expected string; got float64>",
    ),
    (
        "{{ reReplaceAll \"(a)(?P<n>b)\" \"${n}$1$$x\" \"abab\" }}|{{ reReplaceAll \"\\\\Qa.\\\\E\" \"-\" \"a.ab\" }}|\
         {{ match \"(?i)K\" \"\u{212a}\" }}|{{ reReplaceAll \"x*\" \"$0.\" \"axb\" }}|{{ match \"\\\\Qa\" \"a\" }} {{ -0.0 }}",
        1.0,
        "ba$xba$x|-ab|true|.ax.b.|true -0",
    ),
    (
        "{{ reReplaceAll \"a(?=b)\" \"\" \"ab\" }}",
        1.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <reReplaceAll \"a(?=b)\" \"\" \"ab\">: error calling reReplaceAll: regexp: Compile(`a(?=b)`): error parsing regexp: invalid or unsupported Perl syntax: `(?=`>",
    ),
    (
        "{{ match \"a\\\\\" \"a\" }}",
        1.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <match \"a\\\\\" \"a\">: error calling match: error parsing regexp: trailing backslash at end of expression: ``>",
    ),
    ("{{ match \"(?P<\" \"a\" }}", 1.0, ""),
    ("{{ match \"(?P<n\" \"a\" }}", 1.0, ""),
    ("{{ match \"\\\\x\" \"a\" }}", 1.0, ""),
    ("{{ match \"\\\\x{\" \"a\" }}", 1.0, ""),
    ("{{ match \"[a-\" \"a\" }}", 1.0, ""),
    ("{{ match \"(?i\" \"a\" }}", 1.0, ""),
    ("{{ match \"\\\\p\" \"a\" }}", 1.0, ""),
    ("{{ match \"*\" \"a\" }}", 1.0, ""),
    ("{{ match \"a{2\" \"a\" }}", 1.0, ""),
    (
        "{{ \"a\" \"b\" }}",
        1.0,
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing \"__alert_A\" at <\"a\">: can't give argument to non-function \"a\">",
    ),
    ("{{ $value 1 }}", 1.0, ""),
    ("{{ call \"x\" }}", 1.0, ""),
    ("{{ .Nope }}", 1.0, ""),
];

#[test]
fn templates_are_filled() {
    for (template, value, wanted) in CASES.iter().filter(|case| !case.2.is_empty()) {
        assert_eq!(filled(template, *value), *wanted, "{template}");
    }
}

/// promtool runs rules whose annotations are these templates, and has to find what is found here.
#[test]
fn promtool_fills_templates_alike() {
    use std::process::Command;
    if Command::new("promtool").arg("--version").output().is_err() {
        println!("SKIPPED: promtool is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut rules = Vec::new();
    let mut tests = Vec::new();
    for (at, (template, value, _)) in CASES.iter().enumerate().filter(|(_, case)| case.1.is_finite()) {
        let name = "A";
        rules.push(serde_json::json!({"alert": name, "expr": format!("sum by (job, path, instance) (one == {at})*0+{value}"), "annotations": {"x": template}}));
        let _ = at;
        tests.push(serde_json::json!({
            "interval": "1m",
            "input_series": [
                {"series": "one{job=\"spud\",path=\"/\",instance=\"box.local:90\"}", "values": format!("{at}")},
                {"series": "two{host=\"a\",rank=\"2\"}", "values": "1.5"},
                {"series": "two{host=\"b\",rank=\"1\"}", "values": "2"},
            ],
            "alert_rule_test": [{"eval_time": "0m", "alertname": name, "exp_alerts": [{
                "exp_labels": {"job": "spud", "path": "/", "instance": "box.local:90"},
                "exp_annotations": {"x": filled(template, *value)},
            }]}],
        }));
    }
    let write = |name: &str, json: serde_json::Value| {
        let path = folder.path().join(name);
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), json.to_string().as_bytes())
            .unwrap();
        path
    };
    write("rules.yaml", serde_json::json!({"groups": [{"name": "g", "rules": rules}]}));
    let tests = write("tests.yaml", serde_json::json!({"rule_files": ["rules.yaml"], "tests": tests}));
    let run = Command::new("promtool").args(["test", "rules"]).arg(&tests).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}");
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_stays_as_it_is() {
    for (template, at, word) in [
        ("{{ $label.x }}", 3, "undefined variable \"$label\""),
        ("{{ $value", 9, "unclosed action"),
        ("{{ if $value }}x", 15, "unexpected EOF"),
        ("x{{ end }}", 8, "unexpected {{end}}"),
        ("{{ $value | humanise }}", 12, "did you mean \"humanize\"?"),
        ("{{ (humanize 1 }}", 15, "unclosed left paren"),
        ("{{ }}", 3, "missing value"),
        ("{{ \"x }}", 3, "unterminated quoted string"),
        ("{{ define \"x\" }}{{ $value }}{{ end }}", 19, "undefined variable"),
        ("{{ break }}", 3, "outside {{range}}"),
        ("{{ 1 | 2 }}", 7, "non executable command"),
        ("{{/* x */ }}", 10, "comment ends"),
    ] {
        let fault = check(template).expect_err(template);
        assert!(fault.what.contains(word), "{template}: {}", fault.what);
        assert_eq!(fault.at, at, "{template}: {}", fault.what);
        assert_eq!(filled(template, 1.0), template);
    }
    let deep = format!("{}1{}", "{{if 1}}".repeat(200), "{{end}}".repeat(200));
    assert!(
        check(&deep).is_err()
            && check(&format!("{{{{ {}1{} }}}}", "(".repeat(200), ")".repeat(200))).is_err()
    );
}

#[test]
fn templates_are_bounded() {
    let long = "x".repeat(1000);
    let grows = "{{ $x := \"abcdefgh\" }}{{ range query \"two\" }}".to_owned()
        + &"{{ $x = print $x $x }}".repeat(30)
        + "{{ end }}{{ $x }}";
    let loops = "{{ range query \"two\" }}".repeat(20) + &"{{ end }}".repeat(20);
    let calls = "{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}";
    let nests =
        "{{ $x := args }}{{ range query \"two\" }}{{ $x = args $x }}{{ end }}{{ args (args $labels) }}";
    for (template, word) in [
        (format!("{{{{ $x := \"{long}\" }}}}") + &"{{ $x }}".repeat(20), "bytes"),
        (grows, "bytes"),
        (loops, "steps"),
        (calls.to_owned(), "maximum template depth"),
        (nests.to_owned(), "nothing that args gave"),
    ] {
        let text = filled(&template, 1.0);
        assert!(text.starts_with("<error") && text.contains(word), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn nothing_stops_a_template(text in "[{} a$.|()\"`%0-9:=,x-]{0,40}", value: f64) {
        let _ = filled(&format!("{{{{ {text} }}}}"), value);
        let _ = filled(&format!("{{{{ if {text} }}}}{{{{ range $x := {text} }}}}{{{{ end }}}}{{{{ end }}}}"), value);
        let _ = filled(&format!("{{{{ printf \"%{text}\" $value }}}}"), value);
        let _ = filled("{{ humanize $value }}{{ humanizeDuration $value }}{{ humanizeTimestamp $value }}", value);
    }
}
