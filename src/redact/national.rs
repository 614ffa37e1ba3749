//! Numbers of persons: of ten countries, where a form or a check digit says that it is one.

use super::Find;
use super::scan::Text;

const NIF: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
const HETU: &[u8] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

fn sum(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(*digit))
}

/// Begins with a digit.
pub(super) fn of_digits(text: Text<'_>, at: usize) -> Option<Find> {
    if at > 0 && b".-/".contains(&text.at(at - 1)) {
        return None;
    }
    let found = |to: usize, kind| text.ends(to).then_some(Find { from: at, to, kind });
    let groups = text.groups(at, b"- .", 4);
    let alone = groups.lengths.len() == 1 || !text.at(groups.ends.first().copied()? + 1).is_ascii_digit();
    let whole = |length: usize| groups.of(&[length]).filter(|_| alone);
    let ssn = groups.of(&[3, 2, 4]).or_else(|| whole(9).filter(|_| text.near(at, &["ssn", "social sec"])));
    if let Some((_, to)) = ssn.filter(|(digits, _)| is_ssn(digits)) {
        return found(to, "us-ssn");
    }
    let nhs = groups.of(&[3, 3, 4]).or_else(|| whole(10).filter(|_| text.near(at, &["nhs"])));
    if let Some((_, to)) = nhs.filter(|(digits, _)| is_nhs(digits)) {
        return found(to, "uk-nhs");
    }
    let fours = text.groups(at, b"- :", 4);
    let aadhaar =
        fours.of(&[4, 4, 4]).or_else(|| whole(12).filter(|_| text.near(at, &["aadhaar", "aadhar"])));
    if let Some((_, to)) = aadhaar.filter(|(digits, _)| is_aadhaar(digits)) {
        return found(to, "in-aadhaar");
    }
    if let Some((_, to)) = whole(11).filter(|(digits, _)| is_pesel(digits)) {
        return found(to, "pl-pesel");
    }
    cpf(text, at).or_else(|| nif(text, at, at, 8)).or_else(|| nif(text, at, at, 7)).or_else(|| hetu(text, at))
}

/// Begins with a letter.
pub(super) fn of_letters(text: Text<'_>, at: usize) -> Option<Find> {
    match text.at(at) {
        b'X' | b'Y' | b'Z' if text.at(at + 1).is_ascii_digit() => nif(text, at, at + 1, 7),
        b'S' | b'T' | b'F' | b'G' | b'M' if text.at(at + 1).is_ascii_digit() => nric(text, at),
        b'A'..=b'Z' | b'a'..=b'z' => nino(text, at).or_else(|| codice(text, at)),
        _ => None,
    }
}

/// United States: areas, groups and numbers that were never given out are none, nor are those of leaflets.
fn is_ssn(digits: &[u8]) -> bool {
    let (Some(area), Some(group), Some(last)) = (digits.get(..3), digits.get(3..5), digits.get(5..9)) else {
        return false;
    };
    let shown = matches!(number(digits), 78_051_120 | 219_099_999 | 123_456_789);
    !matches!(number(area), 0 | 666 | 900..) && number(group) > 0 && number(last) > 0 && !shown
}

/// United Kingdom, health: modulus 11.
fn is_nhs(digits: &[u8]) -> bool {
    let check = (11 - sum(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let same = digits.iter().all(|digit| Some(digit) == digits.first());
    !same && digits.get(9).is_some_and(|digit| u32::from(*digit) == check)
}

/// India: Verhoeff's check, in the dihedral group of the pentagon.
fn is_aadhaar(digits: &[u8]) -> bool {
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let permuted = |digit: u8, turns: usize| {
        (0..turns % 8).fold(digit, |digit, _| PERMUTED.get(usize::from(digit)).copied().unwrap_or(0))
    };
    let turned = digits.iter().rev().enumerate().map(|(at, digit)| permuted(*digit, at));
    digits.first().is_some_and(|first| *first >= 2) && turned.fold(0, times) == 0
}

/// Poland: a date of birth, a number, a check digit.
fn is_pesel(digits: &[u8]) -> bool {
    let check = (10 - sum(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    let (month, day) =
        (number(digits.get(2..4).unwrap_or_default()) % 20, number(digits.get(4..6).unwrap_or_default()));
    let dated = (1..=12).contains(&month) && (1..=31).contains(&day);
    dated && digits.get(10).is_some_and(|digit| u32::from(*digit) == check)
}

/// Brazil: `529.982.247-25`, two check digits.
fn cpf(text: Text<'_>, at: usize) -> Option<Find> {
    let part = text.part(at, at + 14);
    let shape = part.iter().enumerate().all(|(place, byte)| match place {
        3 | 7 => *byte == b'.',
        11 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let digits: Vec<u8> = part.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    let check = |weights: &[u32]| sum(&digits, weights) * 10 % 11 % 10;
    let fine = shape
        && digits.get(9).map(|digit| u32::from(*digit)) == Some(check(&[10, 9, 8, 7, 6, 5, 4, 3, 2]))
        && digits.get(10).map(|digit| u32::from(*digit)) == Some(check(&[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
    (fine && text.ends(at + 14)).then_some(Find { from: at, to: at + 14, kind: "br-cpf" })
}

/// Spain: digits and a letter that follows from them; of foreigners a letter stands before.
fn nif(text: Text<'_>, at: usize, from: usize, count: usize) -> Option<Find> {
    let end = text.run(from, count + 1, |byte| byte.is_ascii_digit());
    let letter = if text.at(end) == b'-' { end + 1 } else { end };
    let digits: Vec<u8> = text.part(from, end).iter().map(|digit| digit - b'0').collect();
    let before = if from > at { u32::from(text.at(at) - b'X') * 10_000_000 } else { 0 };
    let want = NIF.get(usize::try_from((before + number(&digits)) % 23).ok()?)?;
    let fine =
        digits.len() == count && text.at(letter).to_ascii_uppercase() == *want && text.ends(letter + 1);
    fine.then_some(Find { from: at, to: letter + 1, kind: "es-nif" })
}

/// Finland: `131052-308T`.
fn hetu(text: Text<'_>, at: usize) -> Option<Find> {
    let day = text.run(at, 7, |byte| byte.is_ascii_digit());
    let last = text.run(day + 1, 4, |byte| byte.is_ascii_digit());
    if day - at != 6 || !b"+-ABCDEFYXWVU".contains(&text.at(day)) || last != day + 4 && last != day + 5 {
        return None;
    }
    let digits: Vec<u8> =
        [text.part(at, day), text.part(day + 1, day + 4)].concat().iter().map(|digit| digit - b'0').collect();
    let dated = (1..=31).contains(&number(digits.get(..2)?)) && (1..=12).contains(&number(digits.get(2..4)?));
    let want = HETU.get(usize::try_from(number(&digits) % 31).ok()?)?;
    let fine = dated && text.at(day + 4) == *want && text.ends(day + 5);
    fine.then_some(Find { from: at, to: day + 5, kind: "fi-hetu" })
}

/// Singapore: a letter for the century, seven digits, a letter that follows from them.
fn nric(text: Text<'_>, at: usize) -> Option<Find> {
    let end = text.run(at + 1, 8, |byte| byte.is_ascii_digit());
    let digits: Vec<u8> = text.part(at + 1, end).iter().map(|digit| digit - b'0').collect();
    let (letters, more): (&[u8], u32) = match text.at(at) {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => (b"XWUTRQPNMLK", 4),
    };
    let want = letters.get(usize::try_from((sum(&digits, &[2, 7, 6, 5, 4, 3, 2]) + more) % 11).ok()?)?;
    let fine = digits.len() == 7 && text.at(end) == *want && text.ends(end + 1);
    fine.then_some(Find { from: at, to: end + 1, kind: "sg-nric" })
}

/// United Kingdom, insurance: two letters, six digits, a letter from A to D; it has no check digit.
fn nino(text: Text<'_>, at: usize) -> Option<Find> {
    let (first, second) = (text.at(at).to_ascii_uppercase(), text.at(at + 1).to_ascii_uppercase());
    let given = |byte: u8| byte.is_ascii_uppercase() && !b"DFIQUV".contains(&byte);
    let never = matches!(&[first, second], b"BG" | b"GB" | b"KN" | b"NK" | b"NT" | b"TN" | b"ZZ");
    if !given(first) || !given(second) || second == b'O' || never {
        return None;
    }
    let mut to = at + 2;
    for _ in 0..3 {
        to += usize::from(text.at(to) == b' ');
        if !(text.at(to).is_ascii_digit() && text.at(to + 1).is_ascii_digit()) {
            return None;
        }
        to += 2;
    }
    to += usize::from(text.at(to) == b' ');
    (matches!(text.at(to).to_ascii_uppercase(), b'A'..=b'D') && text.ends(to + 1)).then_some(Find {
        from: at,
        to: to + 1,
        kind: "uk-nino",
    })
}

/// Italy: sixteen letters and digits, the last of which follows from the others.
fn codice(text: Text<'_>, at: usize) -> Option<Find> {
    /// Values at odd places, by value.
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    const LETTERS: [bool; 16] = [
        true, true, true, true, true, true, false, false, true, false, false, true, false, false, false, true,
    ];
    let part: Vec<u8> = text.part(at, at + 16).to_ascii_uppercase();
    let shape = part.len() == 16
        && part
            .iter()
            .zip(LETTERS)
            .all(|(byte, letter)| byte.is_ascii_alphabetic() == letter && byte.is_ascii_alphanumeric());
    if !shape || !text.ends(at + 16) {
        return None;
    }
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
    let sum: u32 = part
        .iter()
        .take(15)
        .enumerate()
        .map(|(place, byte)| match place % 2 {
            0 => ODD.get(usize::from(value(*byte))).copied().unwrap_or(0),
            _ => u32::from(value(*byte)),
        })
        .sum();
    let fine = part.last().is_some_and(|last| u32::from(value(*last)) == sum % 26);
    fine.then_some(Find { from: at, to: at + 16, kind: "it-codice-fiscale" })
}
