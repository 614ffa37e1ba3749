//! A passage as lines: wrapped at words, matches and the best sentence emphasised.

use unicode_width::UnicodeWidthChar;

use crate::api::types::Hit;
use crate::tui::sanitize;
use crate::tui::text;
use crate::tui::theme::Tone;

/// Byte ranges of a passage's text that are emphasised.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks {
    matches: Vec<(usize, usize)>,
    best: (usize, usize),
}

impl Marks {
    pub(crate) fn of(hit: &Hit) -> Self {
        Self { matches: hit.highlights.clone(), best: hit.best_sentence }
    }

    /// Emphasises numbers of citations.
    pub(crate) fn cited(matches: Vec<(usize, usize)>) -> Self {
        Self { matches, best: (0, 0) }
    }

    fn tone(&self, at: usize) -> Tone {
        let inside = |(from, to): (usize, usize)| from <= at && at < to;
        if self.matches.iter().any(|m| inside(*m)) {
            Tone::Match
        } else if inside(self.best) {
            Tone::Strong
        } else {
            Tone::Text
        }
    }
}

/// One line on the screen: pieces of text with their meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) pieces: Vec<(Tone, String)>,
    /// Belongs to the passage that was found.
    pub(crate) own: bool,
}

impl Line {
    pub(crate) fn heading(title: &str) -> Self {
        Self { pieces: vec![(Tone::Accent, sanitize::clean(title).into_owned())], own: false }
    }

    fn push(&mut self, tone: Tone, c: char) {
        match self.pieces.last_mut() {
            Some((last, text)) if *last == tone => text.push(c),
            _ => self.pieces.push((tone, c.to_string())),
        }
    }

    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }
}

/// A word that is being gathered.
#[derive(Default)]
struct Word {
    chars: Vec<(Tone, char, usize)>,
    width: usize,
}

struct Flow {
    room: usize,
    lines: Vec<Line>,
    line: Line,
    used: usize,
    /// Tone of the space that goes before the next word.
    gap: Option<Tone>,
}

impl Flow {
    fn place(&mut self, word: Word) {
        if word.chars.is_empty() {
            return;
        }
        let gap = usize::from(self.gap.is_some() && !self.line.is_empty());
        if self.used + gap + word.width > self.room && !self.line.is_empty() {
            self.wrap();
        } else if let Some(tone) = self.gap.filter(|_| gap == 1) {
            self.line.push(tone, ' ');
            self.used += 1;
        }
        self.gap = None;
        for (tone, c, w) in word.chars {
            if self.used + w > self.room && self.used > 0 {
                self.wrap();
            }
            self.line.push(tone, c);
            self.used += w;
        }
    }

    /// Ends the line; an empty one follows where a paragraph ends.
    fn end_line(&mut self, paragraph: bool) {
        self.gap = None;
        if !self.line.is_empty() {
            self.wrap();
        }
        if paragraph && self.lines.last().is_some_and(|l| !l.is_empty()) {
            self.wrap();
        }
    }

    fn wrap(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
        self.used = 0;
    }
}

/// Wraps `text` to `room` cells. Single line breaks of the source stay only where a line is short
/// enough to be meant (lists, tables, code); empty lines part paragraphs.
pub(crate) fn flow(text: &str, room: usize, marks: &Marks) -> Vec<Line> {
    let mut flow = Flow { room: room.max(1), lines: Vec::new(), line: Line::default(), used: 0, gap: None };
    let mut word = Word::default();
    let mut breaks = 0;
    for (at, c) in text.char_indices() {
        if c == '\n' {
            breaks += 1;
            flow.place(std::mem::take(&mut word));
            if breaks > 1 || kept_break(text, at) {
                flow.end_line(breaks > 1);
            } else {
                flow.gap = Some(marks.tone(at));
            }
            continue;
        }
        if c.is_whitespace() {
            flow.place(std::mem::take(&mut word));
            flow.gap = Some(marks.tone(at));
            continue;
        }
        let Some(c) = sanitize::visible(c) else { continue };
        breaks = 0;
        let w = c.width().unwrap_or(0);
        word.chars.push((marks.tone(at), c, w));
        word.width += w;
    }
    flow.place(word);
    if !flow.line.is_empty() {
        flow.wrap();
    }
    while flow.lines.last().is_some_and(Line::is_empty) {
        flow.lines.pop();
    }
    flow.lines
}

/// True when the break at byte `at` stands before a list item or an indented line, or after a short line.
fn kept_break(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let next = text.get(at + 1..).unwrap_or_default();
    let start = next.chars().next();
    text::width(line) < 50 || matches!(start, Some('-' | '*' | '•' | '|' | ' ' | '\t' | '#'))
}

/// One line of `room` cells that shows the best sentence, from its beginning.
pub(crate) fn snippet(hit: &Hit, room: usize, ellipsis: &str) -> Line {
    let (from, to) = hit.best_sentence;
    let whole = hit.text.get(from..to).is_none_or(str::is_empty);
    let start = if whole { 0 } else { from };
    let rest = hit.text.get(start..).unwrap_or_default();
    let shifted = hit.highlights.iter().filter(|(_, t)| *t > start);
    let marks =
        Marks { matches: shifted.map(|(f, t)| (f.saturating_sub(start), t - start)).collect(), best: (0, 0) };
    let flat: String = rest.chars().take(room * 2).map(|c| if c == '\n' { ' ' } else { c }).collect();
    let mut lines = flow(&flat, room.saturating_sub(2), &marks).into_iter();
    let mut line = lines.next().unwrap_or_default();
    if lines.next().is_some() {
        line.pieces.push((Tone::Quiet, format!(" {ellipsis}")));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|l| l.pieces.iter().map(|(_, t)| t.as_str()).collect()).collect()
    }

    #[test]
    fn wraps_at_words_and_keeps_paragraphs() {
        let text = "The pump seal wears. Replace it every 500 hours.\n\nSecond paragraph";
        let lines = flow(text, 22, &Marks::default());
        let want = ["The pump seal wears.", "Replace it every 500", "hours.", "", "Second paragraph"];
        assert_eq!(plain(&lines), want);
    }

    #[test]
    fn emphasis_survives_what_is_taken_out() {
        let text = "a\u{200b} pump\u{1b} seal";
        let from = text.find("pump").unwrap();
        let marks = Marks { matches: vec![(from, from + 4)], best: (0, text.len()) };
        let lines = flow(text, 40, &marks);
        assert_eq!(
            lines[0].pieces,
            [
                (Tone::Strong, "a ".to_owned()),
                (Tone::Match, "pump".to_owned()),
                (Tone::Strong, " seal".to_owned())
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_fits(text in any::<String>(), room in 2usize..60, a in 0usize..90, b in 0usize..90) {
            let marks = Marks { matches: vec![(a, b)], best: (b, a) };
            for line in plain(&flow(&text, room, &marks)) {
                prop_assert!(text::width(&line) <= room);
            }
            let hit = Hit { text, highlights: vec![(a, b)], best_sentence: (a, b), ..Hit::default() };
            prop_assert!(text::width(&plain(&[snippet(&hit, room.max(4), "…")])[0]) <= room.max(4));
        }
    }
}
