//! Reads words one after the other: what parsers of policies and schemas share.

use std::sync::Arc;

use super::error::Fault;
use super::lex::{self, Token, Word, words};
use super::value::Uid;

pub(super) struct Reader<'a> {
    words: Vec<Word<'a>>,
    next: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, Fault> {
        Ok(Self { words: words(text)?, next: 0 })
    }

    pub(super) fn word(&self) -> Word<'a> {
        let last = || self.words.last().copied();
        self.words.get(self.next).copied().or_else(last).unwrap_or(Word { token: Token::End, at: 0, end: 0 })
    }

    pub(super) fn token(&self) -> Token<'a> {
        self.word().token
    }

    /// The word after the next one.
    pub(super) fn second(&self) -> Token<'a> {
        self.words.get(self.next + 1).map_or(Token::End, |word| word.token)
    }

    pub(super) fn at(&self) -> usize {
        self.word().at
    }

    /// Where the last word that was taken ended.
    pub(super) fn end_of_last(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.words.get(last)).map_or(0, |word| word.end)
    }

    pub(super) fn take(&mut self) -> Token<'a> {
        let token = self.token();
        self.next += 1;
        token
    }

    /// Takes the mark if it comes next.
    pub(super) fn mark(&mut self, mark: &str) -> bool {
        let is_next = self.token() == Token::Mark(lex::mark(mark));
        self.next += usize::from(is_next);
        is_next
    }

    /// Takes the word if it comes next.
    pub(super) fn keyword(&mut self, word: &str) -> bool {
        let is_next = self.token() == Token::Name(word);
        self.next += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, mark: &str) -> Result<(), Fault> {
        if self.mark(mark) { Ok(()) } else { Err(self.wanted(&format!("'{mark}'"))) }
    }

    pub(super) fn wanted(&self, what: &str) -> Fault {
        Fault::new(self.at(), format!("{what} is wanted here, not {}", self.token().shown()))
    }

    pub(super) fn name(&mut self, what: &str) -> Result<&'a str, Fault> {
        let Token::Name(name) = self.token() else { return Err(self.wanted(what)) };
        self.next += 1;
        Ok(name)
    }

    pub(super) fn text(&mut self, what: &str) -> Result<String, Fault> {
        let (Token::Text(raw), at) = (self.token(), self.at()) else { return Err(self.wanted(what)) };
        self.next += 1;
        lex::text(raw, at)
    }

    /// A name, or the same in quotes.
    pub(super) fn name_or_text(&mut self, what: &str) -> Result<String, Fault> {
        match self.token() {
            Token::Text(_) => self.text(what),
            _ => self.name(what).map(str::to_owned),
        }
    }

    /// `A::B`
    pub(super) fn path(&mut self, what: &str) -> Result<String, Fault> {
        let mut path = self.name(what)?.to_owned();
        while self.token() == Token::Mark("::") && matches!(self.second(), Token::Name(_)) {
            self.next += 1;
            path.push_str("::");
            path.push_str(self.name(what)?);
        }
        Ok(path)
    }

    /// `A::B::"id"`
    pub(super) fn uid(&mut self) -> Result<Uid, Fault> {
        let what = "an entity such as Role::\"analyst\"";
        if self.token() == Token::Mark("?") {
            return Err(Fault::new(self.at(), "there are no templates here: name the entity itself"));
        }
        let kind = self.path(what)?;
        self.expect("::")?;
        let id = self.text(what)?;
        Ok(Uid { kind: Arc::from(kind), id: Arc::from(id) })
    }
}
