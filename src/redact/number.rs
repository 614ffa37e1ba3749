//! Numbers of money and telephones: cards (issuer, length and Luhn), IBANs (country, length and mod 97), phones.

use super::Find;
use super::scan::Text;

/// Lengths of IBANs by country, as the registry of SWIFT has them.
const IBANS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29\
    ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20\
    LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19\
    SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";
/// Words that say that a number is a telephone's.
const PHONES: [&str; 6] = ["phone", "mobile", "tel", "fax", "cell", "call"];

pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit) * 2) {
            (0, double) => double / 2,
            (_, double) => double / 10 + double % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// True where an issuer has cards of this length that begin so.
fn issued(digits: &[u8]) -> bool {
    let first =
        |count: usize| digits.iter().take(count).fold(0u32, |sum, digit| sum * 10 + u32::from(*digit));
    let (one, two, three, four) = (first(1), first(2), first(3), first(4));
    match digits.len() {
        15 if matches!(two, 34 | 37) || one == 1 => true,
        13 | 16 | 19 if one == 4 => true,
        16 if matches!(two, 51..=55) || matches!(four, 2221..=2720 | 2200..=2204 | 5019) => true,
        14..=19 if matches!(three, 300..=305) || matches!(two, 36 | 38 | 39) || four == 3095 => true,
        16..=19 if matches!(four, 3528..=3589 | 6011) || matches!(three, 644..=649) => true,
        16..=19 if matches!(two, 60 | 62 | 65 | 81 | 82) => true,
        12..=19 => matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763),
        _ => false,
    }
}

/// Digits together, or in the groups in which cards show them.
pub(super) fn card(text: Text<'_>, at: usize) -> Option<Find> {
    let groups = text.groups(at, b" -", 5);
    let fits = |lengths: &[usize]| match lengths {
        [_] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5] => {
            let (digits, to) = groups.of(lengths)?;
            (issued(digits) && luhn(digits) && text.ends(to)).then_some(to)
        }
        _ => None,
    };
    let longest = (1..=groups.lengths.len()).rev().find_map(|count| fits(groups.lengths.get(..count)?));
    longest.map(|to| Find { from: at, to, kind: "card" })
}

/// Capital letters and digits, in groups of four or together.
pub(super) fn iban(text: Text<'_>, at: usize) -> Option<Find> {
    let country =
        std::str::from_utf8(text.part(at, at + 2)).ok().filter(|_| text.at(at + 2).is_ascii_digit())?;
    let known = IBANS.as_bytes().chunks_exact(4).find(|row| row.starts_with(country.as_bytes()))?;
    let length = std::str::from_utf8(known.get(2..)?).ok()?.parse::<usize>().ok()?;
    let (mut rest, mut head, mut count, mut to) = (0u32, [0u8; 4], 0usize, at);
    let add = |rest: u32, byte: u8| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    };
    while count < length {
        let byte = text.at(to);
        match byte {
            b' ' | b'-' if count.is_multiple_of(4) && count > 0 && text.at(to - 1) != byte => {}
            b'0'..=b'9' | b'A'..=b'Z' => {
                match head.get_mut(count) {
                    Some(place) => *place = byte,
                    None => rest = add(rest, byte),
                }
                count += 1;
            }
            _ => return None,
        }
        to += 1;
    }
    // The country and the check digits count as if they stood at the end.
    let rest = head.into_iter().fold(rest, add);
    (rest == 1 && text.ends(to)).then_some(Find { from: at, to, kind: "iban" })
}

/// `+49 30 901820`, `(415) 555-0132`, `415-555-0132`, `020 7946 0958`; digits alone where a word says what they are.
pub(super) fn phone(text: Text<'_>, at: usize) -> Option<Find> {
    let found = |to: usize| Some(Find { from: at, to, kind: "phone" });
    if text.at(at) == b'+' {
        return international(text, at).and_then(found);
    }
    let is_bracketed = text.at(at) == b'(';
    let digit = at + usize::from(is_bracketed);
    if !text.at(digit).is_ascii_digit() || at > 0 && b".-/:".contains(&text.at(at - 1)) {
        return None;
    }
    let first = text.run(digit, 20, |byte| byte.is_ascii_digit());
    if !is_bracketed && (9..=11).contains(&(first - digit)) && text.ends(first) && text.near(at, &PHONES) {
        return found(first);
    }
    let mut next = first;
    if is_bracketed {
        if text.at(first) != b')' {
            return None;
        }
        next = text.run(first + 1, 1, |byte| b" -".contains(&byte));
    } else if b" -./".contains(&text.at(first)) {
        next = first + 1;
    }
    if next == first {
        return None;
    }
    let rest = text.groups(next, b" -.", 5);
    let mut to = *rest.ends.last()?;
    let (area, mut digits) = (first - digit, rest.digits.as_slice());
    let trunk = text.at(digit) == b'0';
    let mut fits = trunk
        && (2..=5).contains(&area)
        && rest.lengths.iter().all(|length| *length >= 2)
        && (9..=11).contains(&(area + digits.len()));
    // North America: 3, 3 and 4 digits; neither the area nor the exchange begins with 0 or 1.
    let mut american = |area: &[u8], digits: &[u8], lengths: &[usize], end: Option<&usize>| {
        let high = |digit: Option<&u8>| digit.is_some_and(|digit| *digit >= 2);
        if lengths.starts_with(&[3, 4]) && area.len() == 3 && high(area.first()) && high(digits.first()) {
            to = *end.unwrap_or(&to);
            fits = true;
        }
    };
    let area_digits: Vec<u8> = text.part(digit, first).iter().map(|digit| digit - b'0').collect();
    if area == 1 && text.at(digit) == b'1' && rest.lengths.first() == Some(&3) {
        let (own, others) = digits.split_at_checked(3)?;
        digits = others;
        american(own, digits, rest.lengths.get(1..)?, rest.ends.get(2));
    } else {
        american(&area_digits, digits, &rest.lengths, rest.ends.get(1));
    }
    (fits && text.ends(to) && text.at(to) != b':').then(|| found(to))?
}

/// Country, then 7 to 14 more digits (E.164), with what people put between them.
fn international(text: Text<'_>, at: usize) -> Option<usize> {
    let (mut digits, mut to, mut gap) = (0, at + 1, 0);
    if !matches!(text.at(at + 1), b'1'..=b'9') {
        return None;
    }
    for (place, byte) in text.part(at + 1, at + 32).iter().enumerate() {
        match byte {
            b'0'..=b'9' => (digits, to, gap) = (digits + 1, at + 2 + place, 0),
            b' ' | b'-' | b'.' | b'(' | b')' | b'/' if gap < 2 => gap += 1,
            _ => break,
        }
        if digits == 15 {
            break;
        }
    }
    ((8..=15).contains(&digits) && text.ends(to)).then_some(to)
}
