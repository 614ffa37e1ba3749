//! Texts that deceive the eye: characters that are not shown, and words in which letters of one script stand for
//! those of another (UTS #39: mixed-script confusables).

/// Letters of other scripts that look like Latin ones.
const LOOK_ALIKES: &str = "асеорхуіјѕһԁԛԝӏкАВЕКМНОРСТХУІЈЅԚԜαονικρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսհոցզ";
/// Of those found, this many are named.
const NAMED: usize = 6;

/// True for characters that must never reach a screen: controls, those that turn the direction of writing, and
/// those that nobody sees.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// White space and the choice of an emoji's form hide nothing.
fn hides(c: char) -> bool {
    is_hidden(c) && !matches!(c, '\t' | '\n' | '\r' | '\u{fe0e}' | '\u{fe0f}')
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{c0}'..='\u{2af}' | '\u{1e00}'..='\u{1eff}' if c.is_alphabetic())
}

/// Letters that have no place in a Latin word. Greek is one of its own: `kΩ` and `Δp` are honest.
fn is_foreign(c: char) -> bool {
    matches!(c,
        '\u{400}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{2c80}'..='\u{2cff}'
        | '\u{a640}'..='\u{a69f}' | '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}')
        || LOOK_ALIKES.contains(c)
}

/// What in a text, as it came, may deceive whoever reads it; `None` where nothing does.
#[must_use]
pub fn deceit(text: &str) -> Option<String> {
    let mut odd: Vec<char> = Vec::new();
    let latin = text.chars().any(is_latin);
    for word in text.split(|c: char| !c.is_alphabetic() && !hides(c)) {
        let mixed = word.chars().any(is_latin);
        // A whole word of look-alikes deceives among Latin ones only.
        let posing = latin && word.chars().count() > 1 && word.chars().all(|c| LOOK_ALIKES.contains(c));
        if mixed || posing {
            odd.extend(word.chars().filter(|c| is_foreign(*c)));
        }
    }
    odd.dedup();
    let mut said = Vec::new();
    if text.chars().any(hides) {
        said.push("hidden characters removed".to_owned());
    }
    if !odd.is_empty() {
        let named: Vec<String> =
            odd.iter().take(NAMED).map(|c| format!("{c} (U+{:04X})", u32::from(*c))).collect();
        said.push(format!("letters that may look like others: {}", named.join(" ")));
    }
    (!said.is_empty()).then(|| format!("Careful: {}", said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_deceives_is_said_and_nothing_else() {
        for fine in [
            "",
            "wärmer als Öl, naïve café",
            "10 kΩ, Δp, 5 μs and 5 µs, density ρ",
            "насос и клапан",
            "сор рос",
            "日本 pump",
            "two\nlines\tand tab",
            "⚠\u{fe0f} hot",
        ] {
            assert_eq!(deceit(fine), None, "{fine}");
        }
        let hidden = deceit("invoice\u{202e}fdp.exe").unwrap();
        assert_eq!(hidden, "Careful: hidden characters removed");
        assert!(deceit("pay\u{200b}pal").unwrap().contains("hidden characters"));
        assert!(deceit("bell\u{7}").unwrap().contains("hidden characters"));
        let mixed = deceit("pay to раypal now").unwrap();
        assert_eq!(mixed, "Careful: letters that may look like others: р (U+0440) а (U+0430)");
        assert!(deceit("жpump").is_some(), "no word mixes these");
        assert!(deceit("grant аѕ asked").is_some(), "a word of look-alikes among Latin ones");
        assert!(deceit("\u{ff41}dmin").is_some());
        let both = deceit("p\u{430}y\u{200b}").unwrap();
        assert!(both.contains("hidden") && both.contains("U+0430"), "{both}");
    }
}
