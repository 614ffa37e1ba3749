//! Makes a tree of the words of a template.

use super::functions::FUNCTIONS;
use super::lex::{Token, Word, words};
use super::{Fault, Value};
use crate::hardware::nearest;

/// Parentheses and blocks may stand so deep in each other.
const DEEPEST: usize = 30;

pub(super) type List = Vec<Node>;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Show(Pipe),
    Branch {
        kind: Branch,
        pipe: Pipe,
        yes: List,
        no: List,
    },
    Template {
        name: String,
        pipe: Option<Pipe>,
        at: usize,
    },
    /// `{{break}}`, or else `{{continue}}`
    Leave {
        ends: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    If,
    With,
    Range,
}

/// Commands one after the other, and the variables that are set to what the last one gives.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) sets: Vec<String>,
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) end: usize,
    pub(super) terms: Vec<Term>,
}

/// An operand and the fields that are taken of it.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) at: usize,
    /// Where the fields that follow it begin, as messages count it.
    pub(super) chain: usize,
    pub(super) end: usize,
    pub(super) what: Operand,
    pub(super) fields: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Operand {
    Dot,
    Literal(Value),
    Variable(String),
    /// Place in the table.
    Function(usize),
    Pipe(Pipe),
}

/// A template and those that it defines, by name.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: List,
    pub(super) defined: Vec<(String, List)>,
}

/// # Errors
/// The first place that cannot be read.
pub(super) fn parse(text: &str) -> Result<Tree, Fault> {
    let words = words(text)?;
    let mut parser = Parser {
        words,
        place: 0,
        at: 0,
        end: 0,
        scope: root_scope(),
        defined: Vec::new(),
        depth: 0,
        ranges: 0,
    };
    let (root, end) = parser.list()?;
    match end {
        Stop::Eof => Ok(Tree { root, defined: parser.defined }),
        Stop::End => parser.wrong("unexpected {{end}}"),
        Stop::Else | Stop::ElseIf => parser.wrong("unexpected {{else}}"),
    }
}

fn root_scope() -> Vec<String> {
    vec!["$".to_owned()]
}

/// What a list ends at.
#[derive(PartialEq, Eq)]
enum Stop {
    Eof,
    End,
    Else,
    ElseIf,
}

struct Parser {
    words: Vec<Word>,
    /// Of the next word.
    place: usize,
    /// Where the last word began, and ended.
    at: usize,
    end: usize,
    scope: Vec<String>,
    defined: Vec<(String, List)>,
    depth: usize,
    ranges: usize,
}

impl Parser {
    fn wrong<T>(&self, what: impl Into<String>) -> Result<T, Fault> {
        Err(Fault { at: self.at, what: what.into() })
    }

    fn next(&mut self) -> Option<Word> {
        self.next_if(|_| true)
    }

    fn next_if(&mut self, fits: impl Fn(&Word) -> bool) -> Option<Word> {
        let word = self.words.get(self.place).filter(|word| fits(word))?.clone();
        (self.place, self.at, self.end) = (self.place + 1, word.at, word.end);
        Some(word)
    }

    fn token(&self, ahead: usize) -> Option<&Token> {
        self.words.get(self.place + ahead).map(|word| &word.token)
    }

    fn take(&mut self, token: &Token) -> bool {
        self.next_if(|word| word.token == *token).is_some()
    }

    fn keyword(&mut self) -> Option<String> {
        const WORDS: [&str; 10] =
            ["if", "else", "end", "with", "range", "define", "template", "block", "break", "continue"];
        let is = |word: &Word| matches!(&word.token, Token::Name(name) if WORDS.contains(&name.as_str()));
        match self.next_if(is)?.token {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > DEEPEST { self.wrong("it stands too deep in others") } else { Ok(()) }
    }

    fn list(&mut self) -> Result<(List, Stop), Fault> {
        self.deeper()?;
        let mut list = Vec::new();
        let stop = loop {
            let Some(word) = self.next() else { break Stop::Eof };
            if let Token::Text(text) = word.token {
                list.push(Node::Text(text));
                continue;
            }
            match self.keyword().as_deref() {
                None => list.push(Node::Show(self.pipeline("command", &Token::End)?)),
                Some("if") => list.push(self.branch(Branch::If)?),
                Some("with") => list.push(self.branch(Branch::With)?),
                Some("range") => list.push(self.branch(Branch::Range)?),
                Some("end") => {
                    self.ended("end")?;
                    break Stop::End;
                }
                Some("else") => {
                    if self.keyword().as_deref() == Some("if") {
                        break Stop::ElseIf;
                    }
                    self.ended("else")?;
                    break Stop::Else;
                }
                Some("define") => {
                    let name = self.template_name("define clause")?;
                    self.ended("define")?;
                    self.define(name)?;
                }
                Some("block") => {
                    let (at, name) = (self.at, self.template_name("block clause")?);
                    let pipe = self.pipeline("block clause", &Token::End)?;
                    self.define(name.clone())?;
                    list.push(Node::Template { name, pipe: Some(pipe), at });
                }
                Some("template") => {
                    let (at, name) = (self.at, self.template_name("template clause")?);
                    let bare = self.take(&Token::End);
                    let pipe = (!bare).then(|| self.pipeline("template clause", &Token::End)).transpose()?;
                    list.push(Node::Template { name, pipe, at });
                }
                Some(word) => {
                    if self.ranges == 0 {
                        return self.wrong(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                    }
                    let ends = word == "break";
                    self.ended(if ends { "break" } else { "continue" })?;
                    list.push(Node::Leave { ends });
                }
            }
        };
        self.depth -= 1;
        Ok((list, stop))
    }

    fn ended(&mut self, of: &str) -> Result<(), Fault> {
        if self.take(&Token::End) { Ok(()) } else { self.wrong(format!("unexpected words in {of}")) }
    }

    fn template_name(&mut self, of: &str) -> Result<String, Fault> {
        match self.next().map(|word| word.token) {
            Some(Token::Literal(Value::Text(name))) => Ok(name),
            _ => self.wrong(format!("{of}: the name of a template, in quotes, is missing")),
        }
    }

    fn define(&mut self, name: String) -> Result<(), Fault> {
        let scope = std::mem::replace(&mut self.scope, root_scope());
        let ranges = std::mem::take(&mut self.ranges);
        let (list, stop) = self.list()?;
        if stop != Stop::End {
            return self.wrong("unexpected EOF");
        }
        (self.scope, self.ranges) = (scope, ranges);
        self.defined.retain(|(known, _)| *known != name);
        self.defined.push((name, list));
        Ok(())
    }

    fn branch(&mut self, kind: Branch) -> Result<Node, Fault> {
        let scope = self.scope.len();
        let word = ["if", "with", "range"].get(kind as usize).copied().unwrap_or_default();
        let pipe = self.pipeline(word, &Token::End)?;
        self.ranges += usize::from(kind == Branch::Range);
        let (yes, stop) = self.list()?;
        self.ranges -= usize::from(kind == Branch::Range);
        let no = match stop {
            Stop::End => Vec::new(),
            Stop::ElseIf if kind == Branch::If => {
                self.deeper()?;
                let node = self.branch(Branch::If)?;
                self.depth -= 1;
                vec![node]
            }
            Stop::Else => match self.list()? {
                (no, Stop::End) => no,
                (_, Stop::Eof) => return self.wrong("unexpected EOF"),
                _ => return self.wrong("expected end; found {{else}}"),
            },
            Stop::ElseIf => return self.wrong("unexpected {{else if}}"),
            Stop::Eof => return self.wrong("unexpected EOF"),
        };
        self.scope.truncate(scope);
        Ok(Node::Branch { kind, pipe, yes, no })
    }

    /// Up to `end`, which is taken, too.
    fn pipeline(&mut self, of: &str, end: &Token) -> Result<Pipe, Fault> {
        let (sets, declares) = self.sets(of == "range")?;
        let mut commands = Vec::new();
        while !self.take(end) {
            if !commands.is_empty() && !self.take(&Token::Pipe) {
                return self.wrong(format!("unexpected words in {of}"));
            }
            // Go lets the last one be followed by a `|`.
            if !commands.is_empty() && self.take(end) {
                break;
            }
            let command = self.command()?;
            let is_call = !matches!(command.terms.first(), Some(Term { what: Operand::Literal(_) | Operand::Dot, fields, .. }) if fields.is_empty());
            if !commands.is_empty() && !is_call {
                return self
                    .wrong(format!("non executable command in pipeline stage {}", commands.len() + 1));
            }
            commands.push(command);
        }
        if commands.is_empty() {
            return self.wrong(format!("missing value for {of}"));
        }
        Ok(Pipe { sets, declares, commands })
    }

    /// `$x :=`, `$x =` and, of a range, `$i, $x :=`.
    fn sets(&mut self, is_range: bool) -> Result<(Vec<String>, bool), Fault> {
        let mut names = Vec::new();
        let declares = loop {
            match (self.token(2 * names.len()), self.token(2 * names.len() + 1)) {
                (Some(Token::Variable(name)), Some(sign @ (Token::Declare | Token::Assign))) => {
                    names.push(name.clone());
                    break *sign == Token::Declare;
                }
                (Some(Token::Variable(name)), Some(Token::Comma)) => names.push(name.clone()),
                _ => return Ok((Vec::new(), false)),
            }
        };
        self.place += 2 * names.len();
        if names.len() > if is_range { 2 } else { 1 } {
            return self.wrong("too many declarations");
        }
        for name in &names {
            match self.scope.contains(name) {
                _ if declares => self.scope.push(name.clone()),
                true => {}
                false => return self.wrong(format!("undefined variable {name:?}")),
            }
        }
        Ok((names, declares))
    }

    fn command(&mut self) -> Result<Command, Fault> {
        let at = self.words.get(self.place).map_or(self.end, |word| word.at);
        let mut terms = Vec::new();
        while !matches!(self.token(0), None | Some(Token::Pipe | Token::End | Token::Close)) {
            terms.push(self.term()?);
        }
        if terms.is_empty() {
            return self.wrong("empty command");
        }
        Ok(Command { at, end: self.end, terms })
    }

    fn term(&mut self) -> Result<Term, Fault> {
        let Some(word) = self.next() else { return self.wrong("unexpected EOF") };
        let mut fields = Vec::new();
        let what = match word.token {
            Token::Dot => Operand::Dot,
            Token::Field(name) => {
                fields.push(name);
                Operand::Dot
            }
            Token::Literal(value) => Operand::Literal(value),
            Token::Variable(name) if self.scope.contains(&name) => Operand::Variable(name),
            Token::Variable(name) => return self.wrong(format!("undefined variable {name:?}")),
            Token::Name(name) => match name.as_str() {
                "true" | "false" => Operand::Literal(Value::Bool(name == "true")),
                "nil" => Operand::Literal(Value::Nil),
                _ => Operand::Function(self.function(&name)?),
            },
            Token::Open => {
                self.deeper()?;
                let pipe = self.pipeline("parenthesized pipeline", &Token::Close)?;
                self.depth -= 1;
                Operand::Pipe(pipe)
            }
            other => return self.wrong(format!("unexpected {} in operand", shown(&other))),
        };
        let chain = if matches!(self.token(0), Some(Token::Field(_))) { self.end } else { word.at };
        let chains = |word: &Word| !word.spaced && matches!(word.token, Token::Field(_));
        while let Some(Token::Field(name)) = self.next_if(chains).map(|word| word.token) {
            fields.push(name);
        }
        Ok(Term { at: word.at, chain, end: self.end, what, fields })
    }

    fn function(&self, name: &str) -> Result<usize, Fault> {
        if let Some(at) = FUNCTIONS.iter().position(|one| one.name == name) {
            return Ok(at);
        }
        let names: Vec<&str> = FUNCTIONS.iter().map(|one| one.name).collect();
        let near = nearest(name, &names).map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
        self.wrong(format!("function {name:?} not defined{near}"))
    }
}

fn shown(token: &Token) -> &'static str {
    match token {
        Token::Declare => "\":=\"",
        Token::Assign => "\"=\"",
        Token::Comma => "\",\"",
        Token::Pipe => "\"|\"",
        Token::Close => "\")\"",
        _ => "word",
    }
}
