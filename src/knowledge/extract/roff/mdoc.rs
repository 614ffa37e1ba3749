//! The macros of mdoc(7).
//!
//! Invariant: one pass over the words of a line; enclosures close at its end, so nothing nests without bound.

use super::Page;
use super::escape::plain;
use crate::knowledge::extract::chunker::Chunker;
use crate::knowledge::extract::error::Outcome;

/// What mdoc remembers from line to line.
#[derive(Default)]
pub(super) struct State {
    pub(super) on: bool,
    /// The name given by the first `.Nm`.
    name: String,
    /// Types of the lists we are in.
    lists: Vec<List>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Tag,
    Bullet,
    Column,
}

/// Macros are two or three letters with a capital, or `%A`.
pub(super) fn is_macro(name: &str) -> bool {
    matches!(name.len(), 2 | 3) && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '%')
}

impl Page {
    pub(super) fn mdoc_macro(&mut self, name: &str, arguments: &[String], out: &mut Chunker<'_>) -> Outcome {
        match name {
            "Dd" | "Os" => {
                self.mdoc.on = true;
                Ok(())
            }
            "Dt" => {
                self.mdoc.on = true;
                let part =
                    |at: usize| arguments.get(at).map(|part| plain(part, &self.strings)).unwrap_or_default();
                self.name = format!("{}({})", part(0).to_lowercase(), part(1));
                out.title(&self.name);
                Ok(())
            }
            "Sh" | "Ss" => {
                let heading = self.words(arguments);
                self.section(if name == "Sh" { 2 } else { 3 }, &heading, out)
            }
            "Pp" | "Lp" => out.end_paragraph(),
            "Bl" => self.begin_list(arguments, out),
            "El" => {
                self.mdoc.lists.pop();
                out.end_paragraph()
            }
            "It" => self.list_item(arguments, out),
            "Bd" => {
                self.verbatim =
                    arguments.iter().any(|word| matches!(word.as_str(), "-literal" | "-unfilled"));
                out.end_paragraph()
            }
            "Ed" => {
                self.verbatim = false;
                out.end_paragraph()
            }
            "D1" | "Dl" => {
                out.end_paragraph()?;
                let text = self.words(arguments);
                out.verbatim(&text, self.number)?;
                out.end_paragraph()
            }
            "Nd" => {
                let text = format!("- {}", self.words(arguments));
                self.put(&text, out)
            }
            "Bk" | "Ek" | "Rs" | "Re" | "Sm" | "Db" | "Tg" => Ok(()),
            _ => {
                let mut all = vec![name.to_owned()];
                all.extend_from_slice(arguments);
                let text = self.words(&all);
                if text.trim().is_empty() { Ok(()) } else { self.put(&text, out) }
            }
        }
    }

    fn begin_list(&mut self, arguments: &[String], out: &mut Chunker<'_>) -> Outcome {
        let kind = match arguments.first().map(String::as_str) {
            Some("-bullet" | "-dash" | "-hyphen" | "-enum" | "-item") => List::Bullet,
            Some("-column") => List::Column,
            _ => List::Tag,
        };
        if self.mdoc.lists.len() < 64 {
            self.mdoc.lists.push(kind);
        }
        out.end_paragraph()
    }

    fn list_item(&mut self, arguments: &[String], out: &mut Chunker<'_>) -> Outcome {
        match self.mdoc.lists.last() {
            Some(List::Column) => {
                let cells: Vec<String> = arguments
                    .split(|word| word == "Ta")
                    .map(|cell| self.words(cell).replace('\t', " | "))
                    .collect();
                out.verbatim(&cells.join(" | "), self.number)
            }
            Some(List::Bullet) => {
                out.end_paragraph()?;
                let text = format!("- {}", self.words(arguments));
                self.put(&text, out)
            }
            _ => {
                out.end_paragraph()?;
                let text = self.words(arguments);
                self.tag = !text.is_empty();
                if self.tag { self.put(&text, out) } else { Ok(()) }
            }
        }
    }

    /// The words of a line, macros among them carried out.
    fn words(&mut self, words: &[String]) -> String {
        let mut line =
            Words { text: String::new(), glue: false, dash: false, closers: Vec::new(), section: 0 };
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if is_macro(word) && self.call(word, words.peek().map(|next| next.as_str()), &mut line) {
                continue;
            }
            let text = plain(word, &self.strings);
            let page = line.section;
            if line.text.is_empty() && self.mdoc.name.is_empty() && self.in_name {
                self.mdoc.name.clone_from(&text);
            }
            line.add(&text);
            if page == 1 {
                line.section = 2;
            }
        }
        line.finish()
    }

    /// Carries out one macro inside a line; false when the word is no macro.
    fn call(&mut self, name: &str, next: Option<&str>, line: &mut Words) -> bool {
        line.dash = name == "Fl";
        match name {
            "Fl" if next.is_none_or(is_macro) => line.add(""),
            "Nm" => {
                if next.is_none_or(|next| is_macro(next) || is_closing(next)) {
                    let own = self.mdoc.name.clone();
                    line.add(&own);
                }
            }
            "Ns" | "Ap" | "Pf" => {
                if name == "Ap" {
                    line.text.push('\'');
                }
                line.glue = name != "Pf";
            }
            "Op" | "Bq" | "Oo" | "Bo" => line.open("[", if name.ends_with('o') { "" } else { "]" }),
            "Oc" | "Bc" => line.shut("]"),
            "Pq" | "Po" => line.open("(", if name == "Po" { "" } else { ")" }),
            "Pc" => line.shut(")"),
            "Aq" | "Ao" => line.open("<", if name == "Ao" { "" } else { ">" }),
            "Ac" => line.shut(">"),
            "Brq" | "Bro" => line.open("{", if name == "Bro" { "" } else { "}" }),
            "Brc" => line.shut("}"),
            "Dq" | "Qq" | "Do" | "Qo" => line.open("\"", if name.ends_with('o') { "" } else { "\"" }),
            "Dc" | "Qc" => line.shut("\""),
            "Sq" | "So" => line.open("'", if name == "So" { "" } else { "'" }),
            "Sc" => line.shut("'"),
            "Ar" if next.is_none_or(is_macro) => line.add("file ..."),
            "Xr" => line.section = 1,
            "Ux" => line.add("UNIX"),
            "Bx" => line.add("BSD"),
            "Fx" => line.add("FreeBSD"),
            "Nx" => line.add("NetBSD"),
            "Ox" => line.add("OpenBSD"),
            "Dx" => line.add("DragonFly"),
            "Fn" | "Fo" | "Fc" | "Xo" | "Xc" | "No" | "Em" | "Sy" | "Li" | "Ql" | "Ic" | "Cm" | "Pa"
            | "Ev" | "Va" | "Vt" | "Fa" | "Ft" | "In" | "Er" | "Dv" | "Ad" | "An" | "Ms" | "Tn" | "Sx"
            | "Lk" | "Mt" | "At" | "St" | "Ex" | "Rv" | "Ta" | "Ar" | "Fd" | "Cd" | "Lb" | "Bf" | "Ef"
            | "Eo" | "Ec" | "Hf" | "Bt" | "Ud" | "Fl" | "%A" | "%B" | "%D" | "%I" | "%J" | "%N" | "%O"
            | "%P" | "%Q" | "%R" | "%T" | "%U" | "%V" | "%C" => {}
            _ => return false,
        }
        true
    }
}

/// A line being put together.
struct Words {
    text: String,
    /// The next word follows without a space.
    glue: bool,
    /// The next words are options.
    dash: bool,
    closers: Vec<&'static str>,
    /// 1: the next word is a page's name, 2: its section.
    section: u8,
}

fn is_closing(word: &str) -> bool {
    matches!(word, "." | "," | ":" | ";" | ")" | "]" | "?" | "!")
}

impl Words {
    fn add(&mut self, word: &str) {
        if is_closing(word) {
            self.text.push_str(word);
            return;
        }
        if std::mem::take(&mut self.section) == 2 {
            self.text.push_str(&format!("({word})"));
            return;
        }
        if !self.glue && !self.text.is_empty() {
            self.text.push(' ');
        }
        self.glue = matches!(word, "(" | "[");
        if self.dash && word != "|" {
            self.text.push('-');
        }
        self.text.push_str(word);
    }

    fn open(&mut self, mark: &str, close: &'static str) {
        self.dash = false;
        self.add(mark);
        self.glue = true;
        if !close.is_empty() && self.closers.len() < 64 {
            self.closers.push(close);
        }
    }

    fn shut(&mut self, mark: &str) {
        self.text.push_str(mark);
        self.glue = false;
    }

    fn finish(mut self) -> String {
        // A full stop at the end stands outside the brackets.
        let stop = self.text.chars().next_back().filter(|c| matches!(c, '.' | ',' | ';' | ':'));
        let before = self.text.len() - stop.map_or(0, char::len_utf8);
        let stop = stop.filter(|_| !self.closers.is_empty() && !self.text.ends_with("..."));
        if stop.is_some() {
            self.text.truncate(before);
        }
        for close in self.closers.iter().rev() {
            self.text.push_str(close);
        }
        self.text.extend(stop);
        self.text
    }
}
