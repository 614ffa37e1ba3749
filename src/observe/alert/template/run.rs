//! Runs the tree of a template.

use super::functions::{FUNCTIONS, Function, fits};
use super::parse::{Branch, Command, List, Node, Operand, Pipe, Term, Tree};
use super::value::{fields, labels};
use super::{Facts, LONGEST, Value};
use crate::observe::promql::{Labels, quote};

/// What one template may take: a step for a node, a command and so many bytes of what a function is given.
const STEPS_MOST: usize = 20_000;
const STEP_BYTES: usize = 64;
/// What questions and regular expressions cost.
const DEAR_STEPS: usize = 200;
/// Templates that call one another.
const CALLS_MOST: usize = 20;

/// Why it ended: where in the text, and what is wrong.
pub(super) struct Failure {
    /// What is told as the place, and the part of the text that is shown.
    pub(super) place: usize,
    pub(super) at: usize,
    pub(super) end: usize,
    /// Name of the template that was run; empty is the whole text.
    pub(super) within: String,
    pub(super) what: String,
}

enum Flow {
    On,
    Leave { ends: bool },
}

struct Run<'a> {
    facts: Facts<'a>,
    defined: &'a [(String, List)],
    within: &'a str,
    scope: Vec<(&'a str, Value)>,
    out: String,
    steps: usize,
    calls: usize,
}

pub(super) fn run(tree: &Tree, facts: Facts<'_>) -> Result<String, Failure> {
    let data = fields(
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value float64 }",
        [
            ("Labels", labels(facts.labels)),
            ("ExternalLabels", labels(&Labels::new(facts.outside.labels.to_vec()))),
            ("ExternalURL", Value::Text(facts.outside.url.to_owned())),
            ("Value", Value::Float(facts.value)),
        ],
    );
    let scope = vec![("$", data.clone())];
    let mut run =
        Run { facts, defined: &tree.defined, within: "", scope, out: String::new(), steps: 0, calls: 0 };
    run.list(&tree.root, &data)?;
    Ok(run.out)
}

impl<'a> Run<'a> {
    fn failed<T>(&self, (at, end): (usize, usize), what: impl Into<String>) -> Result<T, Failure> {
        Err(Failure { place: at, at, end, within: self.within.to_owned(), what: what.into() })
    }

    fn push(&mut self, text: &str) -> Result<(), Failure> {
        self.spend(1)?;
        if self.out.len() + text.len() > LONGEST {
            return self.failed((0, 0), format!("it gives more than {LONGEST} bytes"));
        }
        self.out.push_str(text);
        Ok(())
    }

    fn spend(&mut self, steps: usize) -> Result<(), Failure> {
        self.steps += steps;
        if self.steps > STEPS_MOST {
            return self.failed((0, 0), format!("it takes more than {STEPS_MOST} steps"));
        }
        Ok(())
    }

    fn list(&mut self, list: &'a [Node], dot: &Value) -> Result<Flow, Failure> {
        for node in list {
            match node {
                Node::Text(text) => self.push(text)?,
                Node::Show(pipe) => {
                    let value = self.pipe(pipe, dot)?;
                    match value {
                        _ if !pipe.sets.is_empty() => {}
                        Value::Nil => self.push("<no value>")?,
                        value => self.push(&value.shown())?,
                    }
                }
                Node::Leave { ends } => return Ok(Flow::Leave { ends: *ends }),
                Node::Template { name, pipe, at } => {
                    let value = pipe.as_ref().map_or(Ok(Value::Nil), |pipe| self.pipe(pipe, dot))?;
                    self.template(name, value, *at)?;
                }
                Node::Branch { kind, pipe, yes, no } => {
                    let before = self.scope.len();
                    let flow = self.branch(*kind, pipe, (yes, no), dot)?;
                    self.scope.truncate(before);
                    if let Flow::Leave { .. } = flow {
                        return Ok(flow);
                    }
                }
            }
        }
        Ok(Flow::On)
    }

    fn branch(
        &mut self,
        kind: Branch,
        pipe: &'a Pipe,
        (yes, no): (&'a List, &'a List),
        dot: &Value,
    ) -> Result<Flow, Failure> {
        let value = self.pipe(pipe, dot)?;
        match kind {
            Branch::Range => {}
            _ if !value.is_true() => return self.list(no, dot),
            Branch::If => return self.list(yes, dot),
            Branch::With => return self.list(yes, &value),
        }
        let pairs: Vec<(Value, Value)> = match &value {
            Value::List(items) => (0..).map(Value::Int).zip(items.iter().cloned()).collect(),
            Value::Map(pairs) => {
                pairs.iter().map(|(name, value)| (Value::Text(name.clone()), value.clone())).collect()
            }
            Value::Nil => Vec::new(),
            other => {
                let what = format!("range can't iterate over {}", other.shown());
                return self.failed(place(pipe), what);
            }
        };
        if pairs.is_empty() {
            return self.list(no, dot);
        }
        let before = self.scope.len();
        for (key, item) in pairs {
            match &*pipe.sets {
                [one] => self.set(one, item.clone(), pipe.declares),
                [first, second] => {
                    self.set(first, key, pipe.declares);
                    self.set(second, item.clone(), pipe.declares);
                }
                _ => {}
            }
            // An empty list costs, too.
            self.spend(1)?;
            let flow = self.list(yes, &item)?;
            self.scope.truncate(before);
            if matches!(flow, Flow::Leave { ends: true }) {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn template(&mut self, name: &'a str, value: Value, at: usize) -> Result<(), Failure> {
        let Some((_, list)) = self.defined.iter().find(|(known, _)| known == name) else {
            return self.failed((at, at), format!("template {name:?} not defined"));
        };
        if self.calls == CALLS_MOST {
            return self.failed((at, at), "exceeded maximum template depth");
        }
        self.calls += 1;
        let scope = std::mem::replace(&mut self.scope, vec![("$", value.clone())]);
        let within = std::mem::replace(&mut self.within, name);
        self.list(list, &value)?;
        (self.scope, self.within) = (scope, within);
        self.calls -= 1;
        Ok(())
    }

    fn set(&mut self, name: &'a str, value: Value, declares: bool) {
        match self.scope.iter_mut().rev().find(|(known, _)| *known == name && !declares) {
            Some((_, known)) => *known = value,
            None => self.scope.push((name, value)),
        }
    }

    fn pipe(&mut self, pipe: &'a Pipe, dot: &Value) -> Result<Value, Failure> {
        let mut value = None;
        for command in &pipe.commands {
            self.spend(1)?;
            value = Some(self.command(command, value, dot)?);
        }
        let value = value.unwrap_or(Value::Nil);
        // Those of a range are set for each of its items.
        if let [name] = &*pipe.sets {
            self.set(name, value.clone(), pipe.declares);
        }
        Ok(value)
    }

    fn command(&mut self, command: &'a Command, piped: Option<Value>, dot: &Value) -> Result<Value, Failure> {
        let Some((first, rest)) = command.terms.split_first() else { return Ok(Value::Nil) };
        let span = (command.at, command.end);
        match first.what {
            Operand::Function(at) if first.fields.is_empty() => match FUNCTIONS.get(at) {
                Some(function) => self.call(function, rest, piped, dot, span),
                None => Ok(Value::Nil),
            },
            Operand::Literal(Value::Nil) if rest.is_empty() && piped.is_none() => {
                self.failed((first.at, first.end), "nil is not a command")
            }
            _ if !rest.is_empty() || piped.is_some() => {
                let named = match &first.what {
                    Operand::Literal(Value::Text(text)) => quote(text.as_bytes()),
                    Operand::Literal(value) => value.shown(),
                    Operand::Variable(name) => name.to_string(),
                    _ => String::new(),
                };
                let what = format!("can't give argument to non-function {named}");
                self.failed((first.at, first.end), what.trim_end())
            }
            _ => self.term(first, dot),
        }
    }

    fn call(
        &mut self,
        function: &Function,
        terms: &'a [Term],
        piped: Option<Value>,
        dot: &Value,
        span: (usize, usize),
    ) -> Result<Value, Failure> {
        let letters = function.takes.trim_end_matches('*');
        let count = terms.len() + usize::from(piped.is_some());
        let open = letters.len() < function.takes.len();
        if count < letters.len() || !open && count > letters.len() {
            let least = if open { "at least " } else { "" };
            let (name, wanted) = (function.name, letters.len());
            return self.failed(
                (span.0, span.0 + name.len()),
                format!("wrong number of args for {name}: want {least}{wanted} got {count}"),
            );
        }
        let is_logic = matches!(function.name, "and" | "or");
        let mut args = Vec::new();
        let mut kinds = letters.chars().chain(std::iter::repeat('a'));
        for term in terms {
            let value = self.term(term, dot)?;
            if is_logic && value.is_true() == (function.name == "or") {
                return Ok(value);
            }
            if let Err(what) = fits(kinds.next().unwrap_or('a'), &value) {
                return self.failed((term.at, term.end), what);
            }
            args.push(value);
        }
        if let Some(value) = piped {
            if let Err(what) = fits(kinds.next().unwrap_or('a'), &value) {
                return self.failed(span, what);
            }
            args.push(value);
        }
        if is_logic {
            return Ok(args.pop().unwrap_or(Value::Nil));
        }
        let bytes: usize = args.iter().map(|value| value.text().len()).sum();
        let is_dear = matches!(function.name, "query" | "match" | "reReplaceAll");
        self.spend(bytes / STEP_BYTES + if is_dear { DEAR_STEPS } else { 0 })?;
        match (function.call)(&args, self.facts) {
            Ok(Value::Text(text)) if text.len() > LONGEST => {
                self.failed(span, format!("it gives more than {LONGEST} bytes"))
            }
            Ok(value) => Ok(value),
            Err(what) => self.failed(span, format!("error calling {}: {what}", function.name)),
        }
    }

    fn term(&mut self, term: &'a Term, dot: &Value) -> Result<Value, Failure> {
        let mut value = match &term.what {
            Operand::Dot => dot.clone(),
            Operand::Literal(value) => value.clone(),
            Operand::Variable(name) => self
                .scope
                .iter()
                .rev()
                .find(|(known, _)| known == name)
                .map_or(Value::Nil, |(_, value)| value.clone()),
            Operand::Function(at) => match FUNCTIONS.get(*at) {
                Some(function) => self.call(function, &[], None, dot, (term.at, term.end))?,
                None => Value::Nil,
            },
            Operand::Pipe(pipe) => self.pipe(pipe, dot)?,
        };
        for name in &term.fields {
            value = match value.field(name) {
                Ok(value) => value,
                Err(what) => {
                    let failed: Result<Value, Failure> = self.failed((term.at, term.end), what);
                    return failed.map_err(|failure| Failure { place: term.chain, ..failure });
                }
            };
        }
        Ok(value)
    }
}

fn place(pipe: &Pipe) -> (usize, usize) {
    pipe.commands.first().map_or((0, 0), |command| (command.at, command.end))
}
