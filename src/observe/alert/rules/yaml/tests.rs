use super::*;

fn shown(node: &Node) -> String {
    match &node.value {
        Value::Null => "~".into(),
        Value::Scalar(text) => format!("{text:?}"),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Map(pairs) => {
            let pair =
                |(key, value): &(Node, Node)| format!("{}={}", key.text().unwrap_or("?"), shown(value));
            format!("{{{}}}", pairs.iter().map(pair).collect::<Vec<_>>().join(" "))
        }
    }
}

#[test]
fn what_rule_files_use_is_read() {
    let cases = [
        (
            "a: 1\nb: # no\n  c: x # yes\nd:\n- 1\n-   e: 2\n    f: 3\n-\n  - 4\n",
            r#"{a="1" b={c="x"} d=["1" {e="2" f="3"} ["4"]]}"#,
        ),
        (
            "a: |\n  x: #1\n    y\n\n  z\nb: >-\n  one\n  two\n\n  three\n",
            r#"{a="x: #1\n  y\n\nz\n" b="one two\nthree"}"#,
        ),
        (
            "a: sum(x)\n  / sum(y) > 1\nb: 'it''s'\nc: \"\\u00e9\\n{{ $x }}\"",
            r#"{a="sum(x) / sum(y) > 1" b="it's" c="é\n{{ $x }}"}"#,
        ),
        (
            "---\n# hi\na: {b: c, d: \"e, f\", g: [1, 2]}\nh: []\ni:\nj: ~\n",
            r#"{a={b="c" d="e, f" g=["1" "2"]} h=[] i=~ j=~}"#,
        ),
        ("- up{job=\"a\"} == 0\n- x:y:z\n", r#"["up{job=\"a\"} == 0" "x:y:z"]"#),
        ("a:\r\n  - b: c\r\n    d: e\r\n", r#"{a=[{b="c" d="e"}]}"#),
        ("a: |2\n    x\n  y\nb: |+\n  z\n\n", r#"{a="  x\ny\n" b="z\n\n"}"#),
        ("\"a b\": 1\n'c': 2\n", r#"{a b="1" c="2"}"#),
    ];
    for (text, wanted) in cases {
        assert_eq!(read(text).map(|node| shown(&node)), Ok(wanted.to_owned()), "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let cases = [
        ("a: 1\n  b: 2\n", 2, "`: `"),
        ("a:\n\tb: 2\n", 2, "tabs"),
        ("a: &x 1\n", 1, "anchors"),
        ("a: !!str 1\n", 1, "tags"),
        ("a: 'x\nb: 1\n", 1, "never closed"),
        ("a: [1, 2\n", 1, "never closed"),
        ("a: 1\na: 2\n", 2, "twice"),
        ("a: b: c\n", 1, "`: `"),
        ("a: 1\n---\nb: 2\n", 2, "one document"),
        ("a: \"\\q\"\n", 1, "escape"),
        ("a:\n  b: 1\n c: 2\n", 3, "indented"),
        ("a: 1\nfree\n", 2, "key"),
    ];
    for (text, line, word) in cases {
        let problem = read(text).expect_err(text);
        assert!(problem.what.contains(word) && problem.at.line == line, "{text}: {problem:?}");
    }
    assert!(read(&"[".repeat(100)).is_err() && read(&"- ".repeat(100)).is_err());
}

proptest::proptest! {
    #[test]
    fn nothing_stops_the_reader(text in "[ a:\\-\n#\"'|>\\[\\]{},\t\\\\é]{0,60}") {
        let _ = read(&text);
    }
}
