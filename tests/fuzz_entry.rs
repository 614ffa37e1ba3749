//! Every door that takes bytes from outside returns, whatever the bytes: garbage, mutated samples, and words
//! of the format thrown together. A panic or an endless loop is a failure; an error is a good answer.
//!
//! PDF is parsed in the child process only (`tests/extract.rs`): its library is known to panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod fuzz;

use std::fs;
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::Config;
use spud::audit::{Head, KeyKind, Leaf, Note, NoteSigner, Tile, VerifierKey};
use spud::governance::policy::{Record, Request, Uid, try_anything};
use spud::hardware::Tiers;
use spud::knowledge::extract::{Kind, Limits, Place, parse_bytes, parse_frames};
use spud::knowledge::{Language, Model, Query, open_default_model, read_folder, write_model};
use spud::observe::alert::Format;
use spud::observe::dashboard;
use spud::observe::intake::{Statsd, read_text};
use spud::observe::probe::read_probes;
use spud::observe::promql::{self, script};
use spud::store::backup::Signer;
use spud::store::{BlockFile, BlockFileWriter, codec};

/// `PROPTEST_CASES` in the environment replaces every count: a long run of all the doors.
fn cases(count: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok());
    Config {
        cases: asked.unwrap_or(count),
        failure_persistence: None,
        max_shrink_iters: 512,
        ..Config::default()
    }
}

/// One change to a sample: what, where, how far, with which byte.
type Edit = (u8, u32, u16, u8);

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((0u8..6, any::<u32>(), any::<u16>(), any::<u8>()), 1..10)
}

/// Flips, overwrites, cuts, repeats, inserts, truncates.
fn mutated(sample: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for &(what, at, span, byte) in edits {
        if bytes.is_empty() {
            break;
        }
        let at = at as usize % bytes.len();
        let end = (at + span as usize % 64 + 1).min(bytes.len());
        match what {
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at..end].fill(byte),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let part = bytes[at..end].to_vec();
                for _ in 0..byte % 32 {
                    bytes.splice(at..at, part.iter().copied());
                }
            }
            4 => bytes.insert(at, byte),
            _ if byte < 64 => bytes.truncate(at),
            _ => bytes[at] = byte,
        }
    }
    bytes
}

/// Words that mean something to one of the parsers.
const WORDS: [&str; 48] = [
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "\t",
    "\0",
    "\u{feff}",
    "\u{1b}[2J",
    "a",
    "pump",
    "#",
    "######",
    "```",
    "~~~",
    "|",
    "|-|",
    "---",
    "===",
    "- ",
    "1. ",
    "<!--",
    "-->",
    "<table>",
    "</p>",
    "<svg",
    "&#x110000;",
    "&amp",
    ".TH x\n",
    ".de x\n",
    "..\n",
    "\\*[",
    "\\fB",
    ".so x\n",
    ".Bl\n",
    ".if t \\{",
    "\\}",
    "::",
    ".. ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\u",
    ",",
    ";",
    "\x0c",
    "\u{10ffff}",
];

fn jumble() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(&WORDS[..]), 0..120)
        .prop_map(|words| words.concat().into_bytes())
}

fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    out.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
    out.extend(body);
    out
}

fn text_field(text: &str) -> Vec<u8> {
    let mut out = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
    out.extend(text.bytes());
    out
}

/// A page, a passage, an end and a failure, as a child would send them.
fn frames() -> Vec<u8> {
    let number = |number: u32| number.to_le_bytes().to_vec();
    let passage = [
        number(1),
        text_field("Heading"),
        text_field(""),
        text_field("Text."),
        vec![0; 16],
        vec![0],
        text_field(""),
    ];
    let end = [number(3), text_field("Title"), number(2), number(1)];
    let failure = [text_field("damaged"), text_field("no end")];
    let page = number(7);
    [frame(4, &page), frame(1, &passage.concat()), frame(2, &end.concat()), frame(3, &failure.concat())]
        .concat()
}

proptest! {
    #![proptest_config(cases(1024))]

    #[test]
    fn mutated_frames(edits in edits()) {
        prop_assert!(parse_frames(&mutated(&frames(), &edits)) < 1000);
    }

    #[test]
    fn garbage_frames(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(parse_frames(&bytes) <= bytes.len());
    }

    #[test]
    fn mutated_records(edits in edits(), text in ".{0,40}") {
        type Record = (u64, String, Vec<(u32, Option<String>)>);
        let value: Record = (7, text, vec![(1, None), (2, Some("x".into()))]);
        let bytes = codec::encode(2, &value).unwrap();
        let wrong = mutated(&bytes, &edits);
        if let Ok(found) = codec::decode::<Record>(2, &wrong) {
            prop_assert_eq!(found, value); // a change that changes nothing
        }
        let _ = codec::decode_body::<Record>(&wrong);
        let _ = codec::decode_body::<Place>(&wrong);
        let _ = codec::decode_body::<Vec<Vec<u8>>>(&wrong);
    }

    #[test]
    fn mutated_tiers(edits in edits()) {
        let wrong = mutated(include_bytes!("../tiers.toml"), &edits);
        if let Err(error) = Tiers::parse("tiers.toml", &String::from_utf8_lossy(&wrong)) {
            prop_assert!(error.to_string().contains("tiers.toml"), "{}", error);
        }
    }

    #[test]
    fn garbage_tiers(text in "([a-z_]{1,8}|\\[|\\]|=|\"|'|\n|#|[0-9]{1,20}| |\\.|MiB|\\{|\\}){0,60}") {
        let _ = Tiers::parse("x", &text);
    }
}

#[test]
fn the_frames_are_valid() {
    assert_eq!(parse_frames(&frames()), 4);
}

/// Two sections, the second over several blocks.
fn block_file(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let (small, large) = (b"small".to_vec(), (0..9000u32).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    let mut out = BlockFileWriter::create(path).unwrap();
    out.section(*b"smal").unwrap();
    out.write_all(&small).unwrap();
    out.section(*b"larg").unwrap();
    out.write_all(&large).unwrap();
    out.finish().unwrap();
    (small, large)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn mutated_block_files(edits in edits(), tail in prop::bool::ANY, garbage in prop::collection::vec(any::<u8>(), 0..5000)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let (small, large) = block_file(&path);
        let sound = fs::read(&path).unwrap();
        // Half of the time only the tables and the trailer are hit: they steer everything.
        let wrong = if tail {
            let (front, back) = sound.split_at(sound.len() - 140);
            [front.to_vec(), mutated(back, &edits)].concat()
        } else {
            mutated(&sound, &edits)
        };
        for (bytes, mine) in [(wrong, true), (garbage, false)] {
            fs::write(&path, &bytes).unwrap();
            let Ok(file) = BlockFile::open(&path) else { continue };
            let _ = file.verify_all();
            for (tag, wanted) in [(*b"smal", &small), (*b"larg", &large)] {
                let found = file.section(tag).and_then(|span| file.bytes(span).map(<[u8]>::to_vec));
                if let Ok(found) = found {
                    prop_assert!(mine && found == *wanted, "wrong bytes were served");
                }
            }
            prop_assert!(file.bytes(0..usize::MAX).is_err());
        }
    }

    #[test]
    fn mutated_models(edits in edits(), header in prop::bool::ANY, vocabulary in prop::bool::ANY) {
        let folder = tempfile::tempdir().unwrap();
        model_folder(folder.path());
        let path = folder.path().join("model.safetensors");
        let sound = fs::read(&path).unwrap();
        let (front, back) = sound.split_at(if header { HEADER.len() + 8 } else { sound.len() });
        fs::write(&path, [mutated(front, &edits), back.to_vec()].concat()).unwrap();
        if vocabulary {
            let path = folder.path().join("vocab.txt");
            fs::write(&path, mutated(&fs::read(&path).unwrap(), &edits)).unwrap();
        }
        if let Ok(source) = read_folder(folder.path()) {
            let file = folder.path().join("model");
            write_model(&file, &source).unwrap();
            try_model(&file);
        }
    }

    #[test]
    fn mutated_model_files(edits in edits()) {
        let folder = tempfile::tempdir().unwrap();
        model_folder(folder.path());
        let file = folder.path().join("model");
        write_model(&file, &read_folder(folder.path()).unwrap()).unwrap();
        fs::write(&file, mutated(&fs::read(&file).unwrap(), &edits)).unwrap();
        try_model(&file);
    }

    #[test]
    fn any_question(text in "\\PC{0,80}", noise in prop::collection::vec(any::<u8>(), 0..80)) {
        ask(&text);
        ask(&String::from_utf8_lossy(&noise));
    }

    #[test]
    fn questions_of_odd_parts(parts in prop::collection::vec(prop::sample::select(&ODD[..]), 0..40)) {
        ask(&parts.concat());
    }
}

const ODD: [&str; 20] = [
    "\"",
    "\"\"",
    "E-05",
    "-",
    "_",
    ".",
    "/",
    "10.0.0.1",
    "the",
    " ",
    "\n",
    "\0",
    "\u{301}",
    "\u{200d}",
    "水泵",
    "مضخة",
    "🚰",
    "İ",
    "ß",
    "\u{1133b}並", // once a failure: a place inside a character
];

fn ask(text: &str) {
    static MODEL: OnceLock<Model> = OnceLock::new();
    let model = MODEL.get_or_init(|| {
        // The mapping outlives the folder's name.
        let folder = tempfile::tempdir().unwrap();
        open_default_model(folder.path()).unwrap()
    });
    for languages in [&[][..], &[Language::English], &[Language::German, Language::French, Language::Arabic]]
    {
        let _ = Query::new(text, Some(model), languages).unwrap();
        let _ = Query::new(text, None, languages).unwrap();
    }
}

#[test]
fn very_long_questions_are_cut() {
    for part in ["水", "word ", "\"", "a-", "\u{301}", "ab12"] {
        Query::new(&part.repeat((1 << 20) / part.len()), None, &[]).unwrap();
    }
}

const ROWS: usize = 8;
const COLUMNS: usize = 32;
const HEADER: &str = r#"{"embeddings":{"dtype":"F32","shape":[8,32],"data_offsets":[0,1024]},"weights":{"dtype":"F32","shape":[8],"data_offsets":[1024,1056]}}"#;

/// A Model2Vec folder with eight rows.
fn model_folder(folder: &Path) {
    let mut tensors = (HEADER.len() as u64).to_le_bytes().to_vec();
    tensors.extend(HEADER.bytes());
    let numbers = (0..ROWS * COLUMNS + ROWS).map(|n| u8::try_from(n % 50).unwrap());
    tensors.extend(numbers.flat_map(|n| (f32::from(n) / 25.0 - 1.0).to_le_bytes()));
    fs::write(folder.join("model.safetensors"), tensors).unwrap();
    fs::write(folder.join("vocab.txt"), "[PAD]\n[UNK]\npump\n##s\nvalve\nwater\nof\nthe\n").unwrap();
    fs::write(folder.join("config.json"), r#"{"name":"tiny","license":"MIT"}"#).unwrap();
}

/// Opens a model and uses it, if it lets itself be opened.
fn try_model(path: &Path) {
    let Ok(model) = Model::open(path) else { return };
    let _ = model.file().verify_all();
    let mut vector = vec![0.0; model.width(128)];
    let _ = model.embed("pumps and valves of the water", &mut vector, &mut Vec::new());
    let _ = model.neighbours("pump");
}

#[test]
fn the_model_folder_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    model_folder(folder.path());
    let source = read_folder(folder.path()).unwrap();
    assert_eq!((source.pieces.len(), source.columns), (ROWS, COLUMNS));
    let file = folder.path().join("model");
    write_model(&file, &source).unwrap();
    assert_eq!(Model::open(&file).unwrap().meta().name, "tiny");
}

/// A checkpoint with a cosignature, its text and the keys that signed it.
fn checkpoint() -> (String, [VerifierKey; 2]) {
    let head = Head { origin: "box.example/log".into(), size: 77, root: [7; 32] };
    let log = NoteSigner::new(&head.origin, KeyKind::Log, Signer::from_seed(&[1; 32]));
    let laptop = NoteSigner::new("laptop", KeyKind::Cosigner, Signer::from_seed(&[2; 32]));
    let mut note = Note::new(head.text());
    log.sign(&mut note, 0);
    laptop.sign(&mut note, 1_700_000_000);
    (note.to_string(), [log.key().clone(), laptop.key().clone()])
}

proptest! {
    #![proptest_config(cases(400))]

    /// A note has one form only, and no signature holds for another text.
    #[test]
    fn mutated_checkpoints(edits in edits()) {
        let (whole, keys) = checkpoint();
        let text = String::from_utf8_lossy(&mutated(whole.as_bytes(), &edits)).into_owned();
        if let Some(note) = Note::parse(&text) {
            prop_assert_eq!(note.to_string(), text.as_str());
            let same = Note::parse(&whole).is_some_and(|whole| whole.text() == note.text());
            for key in &keys {
                prop_assert!(same || key.verify(&note).is_none(), "{}", text);
            }
            let _ = Head::parse(note.text());
        }
        let _ = (VerifierKey::parse(&text), NoteSigner::parse(&text), Tile::parse(&text));
        prop_assert!(Leaf::read(text.as_bytes()).is_none());
    }
}

const CEDAR: [&str; 2] =
    [include_str!("../assets/policies/spud.cedarschema"), include_str!("../assets/policies/default.cedar")];

fn try_policies(schema: &[u8], policies: &[u8]) {
    let request = Request {
        principal: Uid::new("User", "uid:0"),
        action: Uid::new("Action", "search"),
        resource: Uid::new("Box", "this"),
        context: Record::new(),
    };
    let _ = try_anything(&String::from_utf8_lossy(schema), &String::from_utf8_lossy(policies), &request);
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn mutated_policies(schema in edits(), policies in edits()) {
        let [sound_schema, sound] = CEDAR.map(str::as_bytes);
        try_policies(&mutated(sound_schema, &schema), sound);
        try_policies(sound_schema, &mutated(sound, &policies));
    }
}
