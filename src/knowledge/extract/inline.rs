//! What is left of Markdown and reStructuredText inside a line: the words.
//!
//! Invariant: one pass, no recursion; unknown marks stay as they are.

/// A line of Markdown without links, emphasis, code marks and tags.
pub(super) fn markdown(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let taken = link(rest, &mut out)
            .or_else(|| code(rest, &mut out))
            .or_else(|| tag(rest, &mut out))
            .or_else(|| escape(rest, &mut out))
            .or_else(|| emphasis(rest, out.chars().next_back()));
        let length = taken.unwrap_or_else(|| {
            out.push(first);
            first.len_utf8()
        });
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    out
}

/// `[text](target)`, `![text](target)`, `[text][ref]`: the text.
fn link(rest: &str, out: &mut String) -> Option<usize> {
    let image = usize::from(rest.starts_with("!["));
    let inner = rest.get(image..)?.strip_prefix('[')?;
    let close = matching(inner, '[', ']')?;
    let after = inner.get(close + 1..)?;
    let skip = match after.chars().next() {
        Some('(') => matching(after.get(1..)?, '(', ')')? + 2,
        Some('[') => after.find(']')? + 1,
        _ => return None,
    };
    let text = inner.get(..close)?;
    // A badge in a link: `[![build](a)](b)` has only its inner text.
    match text.strip_prefix("![").and_then(|t| t.split_once(']')) {
        Some((alt, _)) => out.push_str(alt),
        None => out.extend(text.chars().filter(|c| !matches!(c, '`' | '*'))),
    }
    Some(image + 1 + close + 1 + skip)
}

fn matching(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, character) in text.char_indices().take(4096) {
        if character == open {
            depth += 1;
        } else if character == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        }
    }
    None
}

/// A code span: its contents untouched.
fn code(rest: &str, out: &mut String) -> Option<usize> {
    let ticks = rest.len() - rest.trim_start_matches('`').len();
    if ticks == 0 {
        return None;
    }
    let fence = rest.get(..ticks)?;
    let inner = rest.get(ticks..)?;
    match inner.find(fence) {
        Some(end) => {
            out.push_str(inner.get(..end)?.trim());
            Some(ticks * 2 + end)
        }
        None => Some(ticks),
    }
}

/// `<b>` goes, `<https://x>` stays as `https://x`.
fn tag(rest: &str, out: &mut String) -> Option<usize> {
    let inner = rest.strip_prefix('<')?;
    if inner.starts_with("!--") {
        return Some(inner.find("-->").map_or(rest.len(), |at| at + 4));
    }
    let first = inner.chars().next()?;
    let end = inner.char_indices().take(1024).find(|(_, c)| matches!(c, '>' | '<')).map(|(at, _)| at)?;
    if !inner.get(end..)?.starts_with('>') || !(first.is_ascii_alphabetic() || first == '/') {
        return None;
    }
    let inside = inner.get(..end)?;
    if inside.contains("://") && !inside.contains(' ') || inside.contains('@') && !inside.contains('=') {
        out.push_str(inside);
    } else if !is_html_name(inside) {
        // `<file>` in usage lines is text, not a tag.
        return None;
    }
    Some(end + 2)
}

fn is_html_name(inside: &str) -> bool {
    const NAMES: [&str; 44] = [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "center",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "font",
        "h1",
        "h2",
        "h3",
        "h4",
        "hr",
        "i",
        "img",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "picture",
        "pre",
        "s",
        "small",
        "source",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "tr",
        "tt",
        "ul",
    ];
    let name =
        inside.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default().to_ascii_lowercase();
    NAMES.contains(&name.as_str())
}

fn escape(rest: &str, out: &mut String) -> Option<usize> {
    if let Some(inner) = rest.strip_prefix('\\') {
        let next = inner.chars().next().filter(char::is_ascii_punctuation)?;
        out.push(next);
        return Some(2);
    }
    for (entity, text) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", ' ')] {
        if rest.starts_with(entity) {
            out.push(text);
            return Some(entity.len());
        }
    }
    None
}

/// `*`, `**`, `__` at the edge of a word are marks; inside a word or alone they are text.
fn emphasis(rest: &str, before: Option<char>) -> Option<usize> {
    let mark = rest.chars().next().filter(|c| matches!(c, '*' | '_' | '~'))?;
    let run = rest.len() - rest.trim_start_matches(mark).len();
    let after = rest.get(run..).and_then(|r| r.chars().next());
    let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let inside_word = word(before) && word(after);
    if run > 3 || space(before) && space(after) || mark == '_' && inside_word || mark == '~' && run != 2 {
        return None;
    }
    // `*.txt`, `foo_*`: no closing mark, so it is a glob.
    let closes = !(space(before) || space(after) && before == Some('_'));
    let opens = !space(after) && rest.get(run..)?.contains(rest.get(..run)?);
    (closes || opens).then_some(run)
}

/// A line of reStructuredText without roles, literals and link targets.
pub(super) fn rst(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let taken = literal(rest, &mut out).or_else(|| interpreted(rest, &mut out)).or_else(|| {
            let before = out.chars().next_back();
            if first == '*' || first == '\\' && rest.len() > 1 { rst_mark(rest, before) } else { None }
        });
        let length = taken.unwrap_or_else(|| {
            out.push(first);
            first.len_utf8()
        });
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    out
}

fn rst_mark(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with('\\') { Some(1) } else { emphasis(rest, before) }
}

fn literal(rest: &str, out: &mut String) -> Option<usize> {
    let inner = rest.strip_prefix("``")?;
    let end = inner.find("``")?;
    out.push_str(inner.get(..end)?);
    Some(end + 4)
}

/// ``:role:`text <target>` `` and `` `text`_ ``: the text.
fn interpreted(rest: &str, out: &mut String) -> Option<usize> {
    let mut start = 0;
    if let Some(role) = rest.strip_prefix(':') {
        let end = role.find(':').filter(|end| *end < 40)?;
        let named = role.get(..end)?;
        if named.is_empty()
            || !named.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
        {
            return None;
        }
        start = end + 2;
    }
    let inner = rest.get(start..)?.strip_prefix('`')?;
    let end = inner.find('`').filter(|end| *end > 0)?;
    let text = inner.get(..end)?;
    let shown = match text.rfind('<') {
        Some(at) if text.ends_with('>') && at > 0 => text.get(..at)?.trim_end(),
        _ => text.trim_start_matches(['~', '!']),
    };
    out.push_str(shown);
    let after = inner.get(end + 1..)?;
    let marks = after.len() - after.trim_start_matches('_').len();
    Some(start + end + 2 + marks.min(2))
}

#[cfg(test)]
mod tests {
    use super::{markdown, rst};

    #[test]
    fn markdown_marks_go_and_text_stays() {
        assert_eq!(
            markdown("Use **bold** and *it* with `a*b` in [the manual](http://x/(y))."),
            "Use bold and it with a*b in the manual."
        );
        assert_eq!(
            markdown("snake_case_name and *.txt <file> <b>x</b> <https://a.b>"),
            "snake_case_name and *.txt <file> x https://a.b"
        );
        assert_eq!(markdown("[![build](a)](b) a \\* b &amp; c"), "build a * b & c");
    }

    #[test]
    fn rst_roles_go_and_text_stays() {
        assert_eq!(
            rst("See :ref:`the guide <guide>` and ``x = 1`` or `site <http://x>`_, *now*."),
            "See the guide and x = 1 or site, now."
        );
    }
}
