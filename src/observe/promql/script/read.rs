//! Reads a script into commands.

use super::super::labels::Labels;
use super::super::literal::{parse_duration, parse_number, unquote};
use super::super::matcher::Pattern;
use super::notation::{self, Point};

pub(super) enum Command {
    Clear,
    Load(Load),
    Eval(Eval),
}

pub(super) struct Load {
    /// Milliseconds between points.
    pub(super) step: i64,
    /// Classic histograms become native ones beside them.
    pub(super) native_too: bool,
    pub(super) series: Vec<(Labels, Vec<Point>)>,
    /// True when starts of counters are given (experimental in Prometheus).
    pub(super) starts: bool,
}

#[derive(Default)]
pub(super) struct Eval {
    pub(super) query: String,
    pub(super) range: bool,
    /// Milliseconds; of an instant, both are its time.
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) step: i64,
    /// `expect range vector`: when its samples are.
    pub(super) vector: Option<(i64, i64, i64)>,
    pub(super) ordered: bool,
    pub(super) fail: Option<Text>,
    pub(super) warn: Vec<Text>,
    pub(super) info: Vec<Text>,
    pub(super) no_warn: bool,
    pub(super) no_info: bool,
    pub(super) scalar: Option<f64>,
    pub(super) string: Option<String>,
    /// With the place among the lines, for ordered results.
    pub(super) series: Vec<(Labels, Vec<Point>)>,
}

/// What a message has to be.
pub(super) enum Text {
    Any,
    Exactly(String),
    Like(Box<Pattern>),
}

impl Text {
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(exact) => exact == text,
            Self::Like(pattern) => pattern.matches(text),
        }
    }
}

struct Lines<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line of a block; an empty line or a comment ends it.
    fn next_of_block(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.at).copied().filter(|line| !line.is_empty())?;
        self.at += 1;
        Some(line)
    }
}

/// Commands with the lines they begin at, from 1; what cannot be read is an error at its line.
pub(super) fn commands(script: &str) -> Vec<(usize, Result<Command, String>)> {
    let clean = |line: &'_ str| -> bool { !line.trim().starts_with('#') };
    let lines = script.lines().map(|line| if clean(line) { line.trim() } else { "" }).collect();
    let mut lines = Lines { lines, at: 0 };
    let mut commands = Vec::new();
    while let Some(line) = lines.lines.get(lines.at).copied() {
        lines.at += 1;
        if line.is_empty() {
            continue;
        }
        let number = lines.at;
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        let command = if word == "clear" {
            Ok(Command::Clear)
        } else if word.starts_with("load") {
            load(line, &word, &mut lines).map(Command::Load)
        } else if word.starts_with("eval") {
            eval(line, &word, &mut lines).map(Command::Eval)
        } else {
            Err(format!("{line:?} is no command"))
        };
        commands.push((number, command));
    }
    commands
}

fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text).ok_or_else(|| format!("{text:?} is no duration"))
}

fn load(line: &str, word: &str, lines: &mut Lines<'_>) -> Result<Load, String> {
    let native_too = match word {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(format!("{word:?} is no command")),
    };
    let step = duration(line.split_whitespace().nth(1).unwrap_or_default());
    let mut load = Load { step: 0, native_too, series: Vec::new(), starts: false };
    let mut fault = None;
    while let Some(line) = lines.next_of_block() {
        if is_start_line(line) {
            load.starts = true;
            continue;
        }
        match notation::series(line) {
            Ok(series) => load.series.push(series),
            Err(what) => fault = fault.or(Some(format!("line {}: {what}", lines.at))),
        }
    }
    load.step = step?;
    fault.map_or(Ok(load), Err)
}

/// `metric{…}@st …` or `@st …`
fn is_start_line(line: &str) -> bool {
    line.split_whitespace().next().is_some_and(|first| first.ends_with("@st"))
}

fn eval(line: &str, word: &str, lines: &mut Lines<'_>) -> Result<Eval, String> {
    let mut eval = match head(line, word) {
        Ok(eval) => eval,
        Err(what) => {
            // The block belongs to this command all the same.
            while lines.next_of_block().is_some() {}
            return Err(what);
        }
    };
    let mut fault = None;
    while let Some(line) = lines.next_of_block() {
        match expectation(line, &mut eval) {
            Ok(true) => {}
            Ok(false) => break,
            Err(what) => fault = fault.or(Some(format!("line {}: {what}", lines.at))),
        }
    }
    fault.map_or(Ok(eval), Err)
}

/// The first word of a text, and what follows it.
fn cut(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()));
    (word, rest.trim_start())
}

/// `at 5m …`: the duration behind a keyword, and what follows it.
fn after<'a>(keyword: &str, text: &'a str) -> Result<(i64, &'a str), String> {
    let (word, rest) = cut(text);
    if word != keyword {
        return Err(format!("expected {keyword:?}, found {word:?}"));
    }
    let (word, rest) = cut(rest);
    Ok((duration(word)?, rest))
}

fn head(line: &str, word: &str) -> Result<Eval, String> {
    let mut eval = Eval::default();
    match word {
        "eval" => {}
        "eval_fail" => eval.fail = Some(Text::Any),
        "eval_warn" => eval.warn.push(Text::Any),
        "eval_info" => eval.info.push(Text::Any),
        "eval_ordered" => eval.ordered = true,
        _ => return Err(format!("{word:?} is no command")),
    }
    let (kind, rest) = cut(cut(line).1);
    let query = match kind {
        "instant" => {
            let (time, query) = after("at", rest)?;
            (eval.start, eval.end) = (time, time);
            query
        }
        "range" => {
            eval.range = true;
            let (times, query) = times(rest)?;
            (eval.start, eval.end, eval.step) = times;
            query
        }
        other => return Err(format!("expected \"instant\" or \"range\", found {other:?}")),
    };
    if query.is_empty() {
        return Err("there is nothing to evaluate".to_owned());
    }
    query.clone_into(&mut eval.query);
    Ok(eval)
}

/// `from 0 to 1h step 5m …`
fn times(text: &str) -> Result<((i64, i64, i64), &str), String> {
    let (start, rest) = after("from", text)?;
    let (end, rest) = after("to", rest)?;
    let (step, rest) = after("step", rest)?;
    if end < start {
        return Err("the end of a range is before its start".to_owned());
    }
    Ok(((start, end, step), rest))
}

/// One line of what is expected; false when it is the last.
fn expectation(line: &str, eval: &mut Eval) -> Result<bool, String> {
    if eval.fail.is_some() {
        if let Some(message) = line.strip_prefix("expected_fail_message") {
            eval.fail = Some(Text::Exactly(message.trim().to_owned()));
            return Ok(false);
        }
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            eval.fail = Some(Text::Like(Box::new(anywhere(pattern.trim())?)));
            return Ok(false);
        }
    }
    if let Some(rest) = line.strip_prefix("expect range vector") {
        eval.vector = Some(times(rest.trim_start())?.0);
        return Ok(true);
    }
    if let Some(rest) = line.strip_prefix("expect string") {
        let (text, _) = unquote(rest.trim_start())?;
        eval.string = Some(text.lossy());
        return Ok(true);
    }
    let (word, rest) = cut(line);
    if word == "expect" {
        return expected(rest, eval).map(|()| true);
    }
    if let Some(value) = parse_number(line) {
        eval.scalar = Some(value);
        return Ok(false);
    }
    eval.series.push(notation::series(line)?);
    Ok(true)
}

/// `warn`, `warn msg: …`, `warn regex: …` and their like.
fn expected(rest: &str, eval: &mut Eval) -> Result<(), String> {
    let (word, rest) = cut(rest);
    let text = if rest.is_empty() {
        Text::Any
    } else if let Some(message) = rest.strip_prefix("msg:") {
        Text::Exactly(message.trim().to_owned())
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        Text::Like(Box::new(anywhere(pattern.trim())?))
    } else {
        return Err(format!("{rest:?} is no expectation"));
    };
    match word {
        "ordered" => eval.ordered = true,
        "fail" => eval.fail = Some(text),
        "warn" => eval.warn.push(text),
        "info" => eval.info.push(text),
        "no_warn" => eval.no_warn = true,
        "no_info" => eval.no_info = true,
        _ => return Err(format!("{word:?} is no expectation")),
    }
    Ok(())
}

/// Patterns of scripts may match anywhere.
fn anywhere(pattern: &str) -> Result<Pattern, String> {
    Pattern::new(&format!(".*(?:{pattern}).*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(script: &str) -> Vec<Result<Command, String>> {
        commands(script).into_iter().map(|(_, command)| command).collect()
    }

    #[test]
    fn commands_have_blocks() {
        let script = "load 5m\n  a 1\n  b 2\n\nclear\n# remark\neval instant at 1m a +  b\n  expect warn msg: x y\n  {} 3\n";
        let commands = commands(script);
        assert_eq!(commands.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 5, 7]);
        let [Ok(Command::Load(load)), Ok(Command::Clear), Ok(Command::Eval(eval))] =
            &commands.into_iter().map(|(_, command)| command).collect::<Vec<_>>()[..]
        else {
            panic!("not these commands");
        };
        assert_eq!((load.step, load.series.len(), load.native_too), (300_000, 2, false));
        assert_eq!((eval.query.as_str(), eval.start, eval.series.len()), ("a +  b", 60_000, 1));
        assert!(eval.warn[0].fits("x y") && !eval.warn[0].fits("x"));
    }

    #[test]
    fn old_and_new_words_mean_the_same() {
        let eval = |script: &str| match read(script).remove(0) {
            Ok(Command::Eval(eval)) => eval,
            _ => panic!("no eval: {script}"),
        };
        assert!(eval("eval_fail instant at 0 a").fail.is_some());
        assert!(eval("eval instant at 0 a\n expect fail regex: b.b").fail.unwrap().fits("abcbd"));
        assert!(
            eval("eval_ordered instant at 0 a").ordered
                && eval("eval instant at 0 a\n expect ordered").ordered
        );
        let range = eval("eval range from 1m to 2m step 10s a\n a 1 2");
        assert!(range.range && (range.start, range.end, range.step) == (60_000, 120_000, 10_000));
        assert_eq!(eval("eval instant at 0 1\n -0.5\n a 3").scalar, Some(-0.5));
        assert_eq!(eval("eval instant at 0 \"a\"\n expect string `a`").string.as_deref(), Some("a"));
        assert!(eval("eval instant at 0 a[5m]\n expect range vector from 0 to 1m step 10s").vector.is_some());
    }

    #[test]
    fn what_is_no_command_is_an_error() {
        for wrong in [
            "hello",
            "eval instant 5m a",
            "eval range from 1 to 0",
            "load x\n a 1",
            "load 5m\n a{ 1",
            "eval instant at 0",
            "eval instant at 0 a\n expect nothing",
            "evaluate x",
            "loader 5m",
        ] {
            let commands = read(wrong);
            assert!(commands.len() == 1 && commands[0].is_err(), "{wrong}");
        }
    }
}
