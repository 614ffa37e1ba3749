//! Which language a text is in: by its script, then by the small words that every text of a language is full of.
//!
//! Counts of trigrams do no better on the manual pages of seventeen languages (25 to 180 words of each), and their
//! tables took 200 KB of the program. Languages without stems are listed as far as they would be taken for one that has.
//!
//! Invariant: looks at a bounded part of the text; where nothing is clear it is English.

use std::sync::OnceLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::word_map::WordMap;

/// A language whose words are stemmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Language {
    #[default]
    English,
    Arabic,
    Danish,
    Dutch,
    Finnish,
    French,
    German,
    Greek,
    Hungarian,
    Italian,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    /// No stems: any language that is not in this list.
    Other,
}

const LANGUAGES: [(Language, &str, Option<Algorithm>); 19] = [
    (Language::English, "en", Some(Algorithm::English)),
    (Language::Arabic, "ar", Some(Algorithm::Arabic)),
    (Language::Danish, "da", Some(Algorithm::Danish)),
    (Language::Dutch, "nl", Some(Algorithm::Dutch)),
    (Language::Finnish, "fi", Some(Algorithm::Finnish)),
    (Language::French, "fr", Some(Algorithm::French)),
    (Language::German, "de", Some(Algorithm::German)),
    (Language::Greek, "el", Some(Algorithm::Greek)),
    (Language::Hungarian, "hu", Some(Algorithm::Hungarian)),
    (Language::Italian, "it", Some(Algorithm::Italian)),
    (Language::Norwegian, "no", Some(Algorithm::Norwegian)),
    (Language::Portuguese, "pt", Some(Algorithm::Portuguese)),
    (Language::Romanian, "ro", Some(Algorithm::Romanian)),
    (Language::Russian, "ru", Some(Algorithm::Russian)),
    (Language::Spanish, "es", Some(Algorithm::Spanish)),
    (Language::Swedish, "sv", Some(Algorithm::Swedish)),
    (Language::Tamil, "ta", Some(Algorithm::Tamil)),
    (Language::Turkish, "tr", Some(Algorithm::Turkish)),
    (Language::Other, "other", None),
];

/// Small words of languages in Latin letters, the other ones' (no stems, [`Language::Other`]) after ours.
const SMALL_WORDS: [(Language, &str); 26] = [
    (
        Language::English,
        "the of and to in is that for with as it be are this on by from or was not which have can when if you your all \
         an at will has but any must may its these than then no used using",
    ),
    (
        Language::Danish,
        "og at det er en den til på de med af for ikke som et har jeg han var sig fra kan eller skal være blev efter også \
         nogen hvis når vil dette denne bliver ved over under ind ud mellem kun",
    ),
    (
        Language::Norwegian,
        "og at det er en den til på de med av for ikke som et har jeg han var seg fra kan eller skal være ble etter også \
         noen hvis når vil dette denne blir ved over under inn ut mellom bare brukes bruk",
    ),
    (
        Language::Swedish,
        "och att det är en den till på de med av för inte som ett har jag han var sig från kan eller ska vara om efter \
         också någon när vid detta denna blir under över in ut mellan endast används",
    ),
    (
        Language::Dutch,
        "de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar wordt door naar bij deze kan \
         worden hebben uit of geen dit die moet wanneer alle",
    ),
    (
        Language::German,
        "der die das und ist nicht ein eine mit für auf den dem des zu von sich im werden wird auch als bei oder nach kann \
         sind wenn nur einen einer es aus dass diese dieser an wie durch zum zur",
    ),
    (
        Language::French,
        "le la les de des et est un une dans pour que qui pas sur au avec ce par plus sont du cette ou être il vous aux \
         si ne se en peut son ces dont comme sans",
    ),
    (
        Language::Spanish,
        "el la los las de que y en un una es por con para no se del al como más su lo o este pero son está si esta puede \
         sin cuando entre ser también sus",
    ),
    (
        Language::Portuguese,
        "o a os as de que e em um uma é por com para não se do da dos das no na nos nas como mais ao ou são está pode \
         ser este esta pelo pela quando sem também seu sua",
    ),
    (
        Language::Italian,
        "il la le di che e un una è per con non si del della dei delle nel nella sono in come più al alla o questo \
         questa se da gli lo può viene essere dal dalla ai anche",
    ),
    (
        Language::Romanian,
        "și de la în nu cu pe este un o din care pentru sau să se mai prin dacă sunt fi că al ale această acest după ca \
         poate fost cele când şi",
    ),
    (
        Language::Finnish,
        "ja on ei että oli mutta ovat joka myös niin tai jos voi sen tämä kuin jotka olla ole se tämän kun sekä ne voidaan \
         käytetään mukaan \
         kaikki siten niiden niitä vain saa jonka kunkin siitä eivät sillä ennen tulee tästä kuten mitään",
    ),
    (
        Language::Hungarian,
        "a az és hogy nem egy is ez meg csak vagy ha mint már ki azt kell lehet volt el ezt ezek amely van pedig minden \
         esetén annak így ekkor után lesz azonban akkor ennek amelyek illetve alatt",
    ),
    (
        Language::Turkish,
        "ve bir bu için ile da çok olarak olan gibi kadar sonra değil veya her ya en daha ise olur olduğu tarafından ne",
    ),
    // Polish, Czech, Slovak, Croatian, Slovene, Vietnamese, Indonesian, Catalan, Estonian, Lithuanian, Latvian, Albanian
    (
        Language::Other,
        "i w na z się nie do to że jest od po przez dla lub oraz są być który jako tego tym przy jeśli jego może",
    ),
    (
        Language::Other,
        "a je se na v že do s z o pro jako by nebo ale jsou který být po k tak jeho není při pokud tento které může",
    ),
    (
        Language::Other,
        "a je sa na v že do s z o pre ako by alebo ale sú ktorý byť po k tak jeho nie pri ak tento ktoré môže",
    ),
    (
        Language::Other,
        "i je u na se da za od su s nije koji ili kao ali to bi ako može što biti sve po nakon",
    ),
    (Language::Other, "in je v na se da za so ki z ne po kot ali pa bi lahko če tudi ter od pri iz bo"),
    (
        Language::Other,
        "và của là có không được các cho một trong với những người này để khi trên từ đến tập tin",
    ),
    (
        Language::Other,
        "yang dan di untuk dengan ini dari pada itu tidak adalah dalam akan atau ke oleh juga dapat jika",
    ),
    (
        Language::Other,
        "el la els les de que i en un una és per amb no del dels al com més o aquest aquesta si ser",
    ),
    (
        Language::Other,
        "ja on ei see et oli kui ka või ning mis selle aga seda olema ta kes oma siis nii kuid",
    ),
    (Language::Other, "ir yra kad į su iš tai kaip bet ne arba jo už nuo buvo bus gali šis jei po per"),
    (Language::Other, "un ir ka no ar uz par tas kā bet vai pie bija nav var ja tiek šis lai pēc kas"),
    (Language::Other, "dhe të në një e i për me nga është që ka si do nuk ose jo kjo ky janë"),
];

/// Words and letters that are looked at.
const WORDS: usize = 600;
const LETTERS: usize = 6_000;
/// A language is clear from so much on, in words that it has for itself; and by so much before the English.
const CLEAR: f32 = 1.5;
const AHEAD: f32 = 1.2;

impl Language {
    /// ISO 639-1, or `other`.
    #[must_use]
    pub fn code(self) -> &'static str {
        LANGUAGES.iter().find(|l| l.0 == self).map_or("other", |l| l.1)
    }

    /// By ISO 639-1 code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        LANGUAGES.iter().find(|l| l.1 == code).map(|l| l.0)
    }

    /// All codes, for messages.
    #[must_use]
    pub fn codes() -> Vec<&'static str> {
        LANGUAGES.iter().map(|l| l.1).collect()
    }

    /// Guesses from a sample; English unless another language is clear.
    #[must_use]
    pub fn detect(sample: &str) -> Self {
        match script(sample) {
            Script::Latin => by_small_words(sample),
            Script::Greek => Self::Greek,
            Script::Cyrillic if has(sample, "іїєґўјљњђћџѓќѕІЇЄҐЎЈЉЊЂЋЏ") => {
                Self::Other
            }
            // Bulgarian has neither.
            Script::Cyrillic if has(sample, "ыэ") => Self::Russian,
            // Persian, Urdu, Pashto
            Script::Arabic if has(sample, "پچژگکی") => Self::Other,
            Script::Arabic => Self::Arabic,
            Script::Tamil => Self::Tamil,
            Script::Cyrillic | Script::Other => Self::Other,
        }
    }

    pub(super) fn stemmer(self) -> Option<Stemmer> {
        LANGUAGES.iter().find(|l| l.0 == self).and_then(|l| l.2).map(Stemmer::create)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Arabic,
    Tamil,
    Other,
}

/// The script of most letters; a text of none is Latin.
fn script(sample: &str) -> Script {
    let mut counts = [0u32; 6];
    for letter in sample.chars().take(LETTERS).filter(|c| c.is_alphabetic()) {
        let script = match u32::from(letter) {
            0..=0x24f | 0x1e00..=0x1eff => Script::Latin,
            0x370..=0x3ff | 0x1f00..=0x1fff => Script::Greek,
            0x400..=0x52f => Script::Cyrillic,
            0x600..=0x6ff | 0x750..=0x77f | 0xfb50..=0xfdff | 0xfe70..=0xfeff => Script::Arabic,
            0xb80..=0xbff => Script::Tamil,
            _ => Script::Other,
        };
        // A sign of Chinese says as much as two letters.
        counts[script as usize] += if script == Script::Other { 2 } else { 1 };
    }
    let all = [Script::Latin, Script::Greek, Script::Cyrillic, Script::Arabic, Script::Tamil, Script::Other];
    // Of equal ones the first: names and code are Latin in every text.
    all.into_iter().rev().max_by_key(|script| counts[*script as usize]).unwrap_or(Script::Latin)
}

/// Whether one letter in a hundred is one of these.
fn has(sample: &str, letters: &str) -> bool {
    let (mut found, mut of) = (0usize, 0usize);
    for letter in sample.chars().take(LETTERS).filter(|c| c.is_alphabetic() && !c.is_ascii()) {
        of += 1;
        found += usize::from(letters.contains(letter));
    }
    found * 100 > of
}

/// Small word → the lists that have it, a bit each.
fn owners() -> &'static WordMap<u32> {
    static OWNERS: OnceLock<WordMap<u32>> = OnceLock::new();
    OWNERS.get_or_init(|| {
        let mut owners = WordMap::new();
        let words = || SMALL_WORDS.iter().flat_map(|(_, words)| words.split(' '));
        for word in words() {
            let has = |(_, words): &(Language, &str)| words.split(' ').any(|known| known == word);
            let bits = SMALL_WORDS.iter().rev().fold(0, |bits, list| bits << 1 | u32::from(has(list)));
            owners.get_or_insert(word, || bits);
        }
        owners
    })
}

fn by_small_words(sample: &str) -> Language {
    let mut scores = [0.0f32; SMALL_WORDS.len()];
    let mut lower = String::new();
    let words = sample.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    for word in words.take(WORDS) {
        lower.clear();
        lower.extend(word.chars().flat_map(char::to_lowercase));
        let Some(lists) = owners().get(&lower) else { continue };
        // What many languages have says little.
        #[allow(clippy::cast_precision_loss)] // at most 26
        let weight = 1.0 / lists.count_ones() as f32;
        for (_, score) in scores.iter_mut().enumerate().filter(|(list, _)| lists >> list & 1 == 1) {
            *score += weight;
        }
    }
    let best = scores.iter().zip(SMALL_WORDS).max_by(|a, b| a.0.total_cmp(b.0));
    match best {
        Some((score, (language, _))) if *score >= CLEAR && *score >= AHEAD * scores[0] => language,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CASES: &[(&str, &str)] = &[
        ("en", "the quick start guide"),
        ("en", ""),
        ("en", "E-05 rtl8188eu 0x1f"),
        ("de", "Die Pumpe muss vor der Wartung vom Stromnetz getrennt werden, damit niemand verletzt wird."),
        (
            "fr",
            "La pompe doit être débranchée avant l'entretien, pour que personne ne soit blessé dans la salle.",
        ),
        ("es", "La bomba se debe desconectar antes del mantenimiento para que no haya heridos en la sala."),
        (
            "pt",
            "A bomba deve ser desligada antes da manutenção, para que ninguém fique ferido na sala; não a toque.",
        ),
        ("it", "La pompa deve essere scollegata prima della manutenzione, per non ferire chi è nella sala."),
        (
            "nl",
            "De pomp moet worden uitgeschakeld voordat het onderhoud begint, zodat er niemand gewond raakt.",
        ),
        (
            "da",
            "Pumpen skal kobles fra, før den serviceres, og den må ikke startes af nogen, når der er nogen ved den.",
        ),
        (
            "no",
            "Pumpen skal kobles fra før den blir vedlikeholdt, og den må ikke startes av noen når noen er ved den.",
        ),
        (
            "sv",
            "Pumpen ska kopplas från innan den underhålls, och den får inte startas av någon när det är folk vid den.",
        ),
        (
            "fi",
            "Pumppu on kytkettävä irti ennen huoltoa, ja sitä ei saa käynnistää, jos joku on sen luona tai se vuotaa.",
        ),
        (
            "hu",
            "A szivattyút le kell választani a hálózatról, és nem szabad elindítani, ha valaki ott van vagy az ajtó nyitva.",
        ),
        (
            "ro",
            "Pompa trebuie să fie oprită și deconectată înainte de întreținere, pentru că nu este permis accesul în sală.",
        ),
        (
            "tr",
            "Bakımdan önce pompa kapatılmalı ve bir kişi olsa bile çalıştırılmamalıdır; bu çok önemlidir, her gün için.",
        ),
        ("ru", "Насос должен быть отключён от сети, чтобы никто не пострадал; это важно, и двери закрыты."),
        ("other", "Насос має бути вимкнений з мережі, щоб ніхто не постраждав; її двері зачинені і ключі є."),
        ("el", "Η αντλία πρέπει να αποσυνδεθεί πριν από τη συντήρηση."),
        ("ar", "يجب فصل المضخة عن الشبكة قبل الصيانة حتى لا يصاب أحد"),
        ("other", "پمپ باید قبل از تعمیر از شبکه جدا شود تا کسی آسیب نبیند و گاز نشت نکند"),
        ("ta", "பராமரிப்புக்கு முன் பம்பை மின்சாரத்திலிருந்து துண்டிக்கவும்"),
        ("other", "水泵漏水时请关闭电源 P-05"),
        (
            "other",
            "Pompę należy odłączyć od sieci przed konserwacją, aby nikt nie został ranny i żeby się nie zapaliła.",
        ),
    ];

    #[test]
    fn languages_are_told_apart() {
        for (code, text) in CASES {
            assert_eq!(Language::detect(text).code(), *code, "{text}");
        }
    }

    #[test]
    fn every_language_has_a_code_and_comes_back() {
        for (language, code, algorithm) in LANGUAGES {
            assert_eq!((language.code(), Language::from_code(code)), (code, Some(language)));
            assert_eq!(algorithm.is_none(), language == Language::Other);
        }
        assert_eq!(SMALL_WORDS[0].0, Language::English, "others are measured against the first");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,200}") {
            prop_assert!(LANGUAGES.iter().any(|known| known.0 == Language::detect(&text)));
        }
    }
}
