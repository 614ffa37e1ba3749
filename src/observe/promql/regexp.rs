//! Regular expressions as Go reads them, which is what a query of Prometheus means, told in the language of the
//! machine that runs ours. What Go refuses is refused in its words.
//!
//! Left out: scripts (`\p{Greek}`), for want of their tables.

use super::characters::{MOST_FOLDED, Set, cases, category, perl, posix};

/// Go counts no higher, nor inside of each other.
const MOST_REPEATS: u64 = 1000;
const MOST_OPEN: usize = 1000;
/// A category of Unicode is hundreds of ranges: as much work as so many characters.
const CATEGORY_COST: u32 = 2000;
/// A translation that is longer would make a machine that is too large.
const MOST_BYTES: usize = 1 << 18;

/// A pattern that the machine reads, and the names of its groups with their numbers.
#[derive(Debug, Default)]
pub(super) struct Translation {
    pub(super) pattern: String,
    pub(super) names: Vec<(String, usize)>,
}

/// What Go says of a pattern: its words, and the piece that is wrong.
pub(super) fn fault(what: &str, at: &str) -> String {
    format!("error parsing regexp: {what}: `{at}`")
}

const ESCAPE: &str = "invalid escape sequence";
const CLASS_RANGE: &str = "invalid character class range";
const REPEAT: &str = "missing argument to repetition operator";
const COUNT: &str = "invalid repeat count";
pub(super) const TOO_LARGE: &str = "expression too large";
pub(super) const TOO_DEEP: &str = "expression nests too deeply";

/// # Errors
/// What Go would say of the pattern.
pub(super) fn translate(pattern: &str, dots: bool) -> Result<Translation, String> {
    let flags = Flags { dots, ..Flags::default() };
    let mut reader = Reader { whole: pattern, rest: pattern, flags, ..Reader::default() };
    reader.read()?;
    Ok(reader.done)
}

#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    fold: bool,
    lines: bool,
    dots: bool,
    lazy: bool,
}

/// What a repetition may follow.
#[derive(Debug, Default, Clone, Copy)]
struct Atom {
    /// Where it begins in the translation.
    start: usize,
    /// How often its innermost part may come, counted repetitions multiplied.
    count: u64,
    repeated: bool,
}

#[derive(Debug)]
struct Group {
    start: usize,
    /// What the most counted part of the group around it needs.
    count: u64,
    flags: Flags,
}

#[derive(Default)]
struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    done: Translation,
    flags: Flags,
    open: Vec<Group>,
    atom: Option<Atom>,
    /// The most that parts of this group need which no repetition can follow any more.
    count: u64,
    groups: usize,
    folded: u32,
}

/// What stands before `rest` in the text that ends with it.
fn before<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len().saturating_sub(rest.len())).unwrap_or(text)
}

fn skip(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

impl<'a> Reader<'a> {
    fn read(&mut self) -> Result<(), String> {
        let mut last = "";
        while let Some(c) = self.rest.chars().next() {
            if self.done.pattern.len() > MOST_BYTES {
                return Err(fault(TOO_LARGE, self.whole));
            }
            let from = self.rest;
            let mut repeated = "";
            match c {
                '(' if from.starts_with("(?") => self.directive()?,
                '(' => {
                    self.rest = skip(from, 1);
                    self.enter(true, self.flags)?;
                }
                '|' => {
                    self.rest = skip(from, 1);
                    self.settle();
                    self.done.pattern.push('|');
                }
                ')' => self.leave()?,
                '[' => self.class()?,
                '*' | '+' | '?' | '{' if self.repetition(c, last)? => repeated = from,
                '\\' => self.escape()?,
                c => {
                    self.rest = skip(from, c.len_utf8());
                    self.sign(c);
                }
            }
            last = repeated;
        }
        if self.open.is_empty() { Ok(()) } else { Err(fault("missing closing )", self.whole)) }
    }

    /// Nothing can be repeated that came so far.
    fn settle(&mut self) {
        self.count = self.count.max(self.atom.take().map_or(0, |atom| atom.count));
    }

    /// Writes one thing that can be repeated.
    fn push(&mut self, write: impl FnOnce(&mut String)) {
        self.settle();
        self.atom = Some(Atom { start: self.done.pattern.len(), ..Atom::default() });
        write(&mut self.done.pattern);
    }

    fn enter(&mut self, captures: bool, flags: Flags) -> Result<(), String> {
        if self.open.len() >= MOST_OPEN {
            return Err(fault(TOO_DEEP, self.whole));
        }
        self.settle();
        self.groups += usize::from(captures);
        let start = self.done.pattern.len();
        self.open.push(Group { start, count: self.count, flags: self.flags });
        (self.count, self.flags) = (0, flags);
        self.done.pattern.push_str(if captures { "(" } else { "(?:" });
        Ok(())
    }

    fn leave(&mut self) -> Result<(), String> {
        self.settle();
        let Some(group) = self.open.pop() else { return Err(fault("unexpected )", self.whole)) };
        self.rest = skip(self.rest, 1);
        self.done.pattern.push(')');
        self.atom = Some(Atom { start: group.start, count: self.count, repeated: false });
        (self.count, self.flags) = (group.count, group.flags);
        Ok(())
    }

    /// A character that stands for itself, or one of `^$.`.
    fn sign(&mut self, c: char) {
        let Flags { lines, dots, .. } = self.flags;
        let written = match c {
            '^' if lines => "(?m:^)",
            '^' => "(?:^)",
            '$' if lines => "(?m:$)",
            '$' => "(?:$)",
            '.' if dots => "(?s:.)",
            '.' => "[^\n]",
            c => return self.literal(u32::from(c)),
        };
        self.push(|out| out.push_str(written));
    }

    fn literal(&mut self, n: u32) {
        let c = char::from_u32(n);
        let all = c.filter(|_| self.flags.fold).map(cases).unwrap_or_default();
        self.push(|out| match c {
            Some(c) if all.len() < 2 => {
                if matches!(
                    c,
                    '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$'
                ) {
                    out.push('\\');
                }
                out.push(c);
            }
            _ => {
                let mut set = Set::default();
                all.iter().for_each(|c| set.add(u32::from(*c), u32::from(*c)));
                set.write(false, out);
            }
        });
    }

    /// `(?`: flags, a group with flags, or a named group.
    fn directive(&mut self) -> Result<(), String> {
        let from = self.rest;
        if from.len() > 4
            && let Some(named) = from.strip_prefix("(?P<")
        {
            const WRONG: &str = "invalid named capture";
            let (name, rest) = named.split_once('>').ok_or_else(|| fault(WRONG, from))?;
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(fault(WRONG, before(from, rest)));
            }
            self.rest = rest;
            self.enter(true, self.flags)?;
            self.done.names.push((name.to_owned(), self.groups));
            return Ok(());
        }
        let (mut flags, mut on, mut is_said) = (self.flags, true, true);
        self.rest = skip(from, 2);
        while let Some(c) = self.rest.chars().next() {
            self.rest = skip(self.rest, c.len_utf8());
            match c {
                'i' => flags.fold = on,
                'm' => flags.lines = on,
                's' => flags.dots = on,
                'U' => flags.lazy = on,
                '-' if on => on = false,
                ':' if is_said => return self.enter(false, flags),
                ')' if is_said => {
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            is_said = c != '-';
        }
        Err(fault("invalid or unsupported Perl syntax", before(from, self.rest)))
    }

    /// `*`, `+`, `?` or `{n,m}`; nothing is read where a brace is only a brace.
    fn repetition(&mut self, c: char, last: &str) -> Result<bool, String> {
        let from = self.rest;
        let (least, most, after) = match c {
            '{' => match counts(from) {
                None => return Ok(false),
                Some(found) => found,
            },
            c => (u64::from(c == '+'), (c == '?').then_some(1), skip(from, 1)),
        };
        if least > MOST_REPEATS || most.is_some_and(|most| most > MOST_REPEATS || least > most) {
            return Err(fault(COUNT, before(from, after)));
        }
        let operator = before(from, after);
        let after_mark = after.strip_prefix('?');
        self.rest = after_mark.unwrap_or(after);
        let lazy = after_mark.is_some() != self.flags.lazy;
        if !last.is_empty() {
            return Err(fault("invalid nested repetition operator", before(last, self.rest)));
        }
        let written = before(from, self.rest);
        let Some(mut atom) = self.atom else { return Err(fault(REPEAT, written)) };
        if c == '{' {
            let times = most.unwrap_or(least);
            atom.count = if times == 0 { 0 } else { times.saturating_mul(atom.count.max(1)) };
            if (least >= 2 || times >= 2) && atom.count > MOST_REPEATS {
                return Err(fault(COUNT, written));
            }
        }
        let out = &mut self.done.pattern;
        if atom.repeated {
            out.insert_str(atom.start, "(?:");
            out.push(')');
        }
        out.push_str(operator);
        out.push_str(if lazy { "?" } else { "" });
        self.atom = Some(Atom { repeated: true, ..atom });
        Ok(true)
    }

    fn escape(&mut self) -> Result<(), String> {
        let from = self.rest;
        match from.chars().nth(1) {
            Some('A' | 'b' | 'B' | 'z') => {
                let anchor = before(from, skip(from, 2));
                self.rest = skip(from, 2);
                self.push(|out| out.extend(["(?:", anchor, ")"]));
            }
            Some('Q') => {
                let (text, rest) = skip(from, 2).split_once("\\E").unwrap_or((skip(from, 2), ""));
                text.chars().for_each(|c| self.literal(u32::from(c)));
                self.rest = rest;
            }
            _ => {
                let mut set = Set::default();
                if self.named(&mut set)? {
                    self.push(|out| set.write(false, out));
                } else {
                    let c = self.escaped()?;
                    self.literal(c);
                }
            }
        }
        Ok(())
    }

    /// Adds what `\d`, `\pL`, `\p{Lu}` and their like name; false where it is none of them.
    fn named(&mut self, set: &mut Set) -> Result<bool, String> {
        let from = self.rest;
        let mut chars = from.chars();
        let (Some('\\'), Some(letter)) = (chars.next(), chars.next()) else { return Ok(false) };
        let mut negated = letter.is_ascii_uppercase();
        let found = match letter.to_ascii_lowercase() {
            'p' => {
                let one = chars.next().map_or(0, char::len_utf8);
                let (mut name, rest) = match skip(from, 2).strip_prefix('{') {
                    Some(named) => named.split_once('}').ok_or_else(|| fault(CLASS_RANGE, from))?,
                    None => skip(from, 2).split_at_checked(one).unwrap_or_default(),
                };
                // A caret negates inside of braces only.
                if let Some(positive) = name.strip_prefix('^') {
                    (name, negated) = (positive, !negated);
                }
                let found = category(name).ok_or_else(|| fault(CLASS_RANGE, before(from, rest)))?;
                self.folded += CATEGORY_COST;
                if self.folded > MOST_FOLDED {
                    return Err(fault(TOO_LARGE, self.whole));
                }
                self.rest = rest;
                found
            }
            letter => {
                let Some(found) = perl(letter) else { return Ok(false) };
                self.rest = skip(from, 2);
                found
            }
        };
        self.join(set, found, negated)?;
        Ok(true)
    }

    /// Adds a set with the cases that flags ask for.
    fn join(&mut self, set: &mut Set, mut more: Set, negated: bool) -> Result<(), String> {
        if self.flags.fold {
            more.fold(&mut self.folded).ok_or_else(|| fault(TOO_LARGE, self.whole))?;
        }
        set.join(more, negated);
        Ok(())
    }

    /// `\n`, `\x{41}`, `\101`, `\.`: one character by its number.
    fn escaped(&mut self) -> Result<u32, String> {
        let from = self.rest;
        let Some(c) = from.chars().nth(1) else {
            return Err(fault("trailing backslash at end of expression", ""));
        };
        self.rest = skip(from, 1 + c.len_utf8());
        let is_octal = |c: Option<char>| c.is_some_and(|c| matches!(c, '0'..='7'));
        let found = match c {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' => self.hexadecimal(),
            '0'..='7' if c == '0' || is_octal(self.rest.chars().next()) => {
                let more = self.rest.chars().take(2).take_while(|c| is_octal(Some(*c))).count();
                let digits = skip(from, 1).get(..=more).unwrap_or_default();
                self.rest = skip(self.rest, more);
                u32::from_str_radix(digits, 8).ok()
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        found.ok_or_else(|| fault(ESCAPE, before(from, self.rest)))
    }

    /// The digits after `\x`; reads as far as Go does where they are wrong.
    fn hexadecimal(&mut self) -> Option<u32> {
        let mut next = || {
            let c = self.rest.chars().next()?;
            self.rest = skip(self.rest, c.len_utf8());
            Some(c)
        };
        let first = next()?;
        if first != '{' {
            let second = next()?;
            return Some(first.to_digit(16)? * 16 + second.to_digit(16)?);
        }
        let mut number = None;
        loop {
            match next()? {
                '}' => return number,
                c => number = Some(number.unwrap_or(0) * 16 + c.to_digit(16)?).filter(|n| *n <= 0x10_ffff),
            }
            number?;
        }
    }

    fn class(&mut self) -> Result<(), String> {
        let from = self.rest;
        let mut set = Set::default();
        self.rest = skip(from, 1);
        let negated = self.rest.starts_with('^');
        self.rest = skip(self.rest, usize::from(negated));
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if self.posix(&mut set)? || self.named(&mut set)? {
                continue;
            }
            let range = self.rest;
            let first = self.member(from)?;
            let mut last = first;
            if self.rest.len() >= 2 && self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.rest = skip(self.rest, 1);
                last = self.member(from)?;
                if last < first {
                    return Err(fault(CLASS_RANGE, before(range, self.rest)));
                }
            }
            let mut one = Set::default();
            one.add(first, last);
            self.join(&mut set, one, false)?;
        }
        self.rest = skip(self.rest, 1);
        self.push(|out| set.write(negated, out));
        Ok(())
    }

    fn posix(&mut self, set: &mut Set) -> Result<bool, String> {
        let from = self.rest;
        let Some((name, rest)) = from.strip_prefix("[:").and_then(|named| named.split_once(":]")) else {
            return Ok(false);
        };
        let positive = name.strip_prefix('^');
        let found = posix(positive.unwrap_or(name)).ok_or_else(|| fault(CLASS_RANGE, before(from, rest)))?;
        self.rest = rest;
        self.join(set, found, positive.is_some())?;
        Ok(true)
    }

    /// One character of a class that began `from` there.
    fn member(&mut self, from: &'a str) -> Result<u32, String> {
        match self.rest.chars().next() {
            None => Err(fault("missing closing ]", from)),
            Some('\\') => self.escaped(),
            Some(c) => {
                self.rest = skip(self.rest, c.len_utf8());
                Ok(u32::from(c))
            }
        }
    }
}

/// The numbers of `{n}`, `{n,}` or `{n,m}`, and what follows; nothing where it is none of these.
fn counts(text: &str) -> Option<(u64, Option<u64>, &str)> {
    fn number(text: &str) -> Option<(u64, &str)> {
        let end = text.find(|c: char| !c.is_ascii_digit())?;
        let (digits, rest) = text.split_at_checked(end)?;
        let is_plain = end > 0 && (end == 1 || !digits.starts_with('0'));
        is_plain.then(|| (digits.parse().unwrap_or(u64::MAX), rest))
    }
    let (least, rest) = number(text.strip_prefix('{')?)?;
    let (most, rest) = match rest.strip_prefix(',') {
        None => (Some(least), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => number(rest).map(|(most, rest)| (Some(most), rest))?,
    };
    Some((least, most, rest.strip_prefix('}')?))
}
