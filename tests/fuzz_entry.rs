//! Every door that takes bytes from outside returns, whatever the bytes: garbage, mutated samples, and words
//! of the format thrown together. A panic or an endless loop is a failure; an error is a good answer.
//!
//! PDF is parsed in the child process only (`tests/extract.rs`): its library is known to panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

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

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const DOCUMENT: &str = "<?xml version=\"1.0\"?><w:document xmlns:w=\"w\"><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading1\"/>\
    </w:pPr><w:r><w:t>Pump</w:t></w:r></w:p><w:p><w:r><w:t>Open &amp; close.</w:t><w:tab/></w:r></w:p><w:tbl><w:tr>\
    <w:tc><w:p><w:r><w:t>cell</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>";
const CONTENT: &str = "<?xml version=\"1.0\"?><office:document-content><office:body><office:text><text:h text:outline-level=\"1\">\
    Pump</text:h><text:p>Open<text:s text:c=\"2\"/>&amp;<text:tab/>close.<text:note><text:note-citation>1</text:note-citation>\
    <text:note-body><text:p>Slowly.</text:p></text:note-body></text:note></text:p><text:list><text:list-item><text:p>one\
    </text:p></text:list-item></text:list><table:table><table:table-row><table:table-cell><text:p>cell</text:p>\
    </table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>";
const PACKAGE: &str = "<package><metadata><title>Book</title></metadata><manifest><item id=\"i\" href=\"c.xhtml\" \
    media-type=\"application/xhtml+xml\"/></manifest><spine><itemref idref=\"i\"/></spine></package>";
const CHAPTER: &str = "<html><body><h1>One</h1><p>Text of the chapter.</p></body></html>";

fn docx(document: &[u8]) -> Vec<u8> {
    zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", document)])
}

fn odt(content: &[u8]) -> Vec<u8> {
    zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", content)])
}

fn epub(package: &[u8], chapter: &[u8]) -> Vec<u8> {
    let container = b"<container><rootfiles><rootfile full-path=\"a.opf\"/></rootfiles></container>";
    zipped(&[
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("a.opf", package),
        ("c.xhtml", chapter),
    ])
}

/// A small valid document of each kind that is parsed in this process.
fn samples() -> &'static [(Kind, Vec<u8>)] {
    static SAMPLES: OnceLock<Vec<(Kind, Vec<u8>)>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        vec![
            (Kind::Markdown, b"---\ntitle: T\n---\n# A\n\nText `c` **b** [l](u).\n\n- x\n  1. y\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nrun\n```\n\nB\n=\n\n> q\n<!-- c -->\n".to_vec()),
            (Kind::Text, b"TITLE\n=====\n\n1. Scope\n\nA paragraph of text.\x0c\n\n   indented\ttext\r\nend".to_vec()),
            (Kind::Html, b"<!doctype html><html><head><title>T</title><script>x</script></head><body><h1>A</h1><p>b &amp; &#65; <b>c</b><table><tr><th>x<td>y</table><pre>z\n</pre><ul><li>i</ul></body></html>".to_vec()),
            (Kind::Docx, docx(DOCUMENT.as_bytes())),
            (Kind::Odt, odt(CONTENT.as_bytes())),
            (Kind::Epub, epub(PACKAGE.as_bytes(), CHAPTER.as_bytes())),
            (Kind::Man, b".TH X 1\n.SH NAME\nx \\- \\fBdo\\fR \\(em it\n.de MC\n.B \\\\$1\n..\n.MC y\n.TP\n.B \\-v\nSay.\n.TS\nl l.\na\tb\n.TE\n.ds S text\n\\*S\n.if n .br\n.nf\ncode\n.fi\n".to_vec()),
            (Kind::Man, b".Dd May 1\n.Dt X 1\n.Sh NAME\n.Nm x\n.Nd do it\n.Sh SYNOPSIS\n.Nm\n.Op Fl v Ar file\n.Bl -tag -width x\n.It Fl v\nSay.\n.El\n".to_vec()),
            (Kind::Rst, b"Title\n=====\n\n:field: x\n\n.. note:: N\n   text\n\nSub\n---\n\n* a `l <u>`_ ``c``\n\n=== ===\na   b\n=== ===\n1   2\n=== ===\n\n.. code-block:: sh\n\n   run\n\n.. _t: u\n".to_vec()),
            (Kind::Csv, b"id;name;note\n1;\"pump; big\";ok\n2;valve;\"two\nlines\"\n".to_vec()),
            (Kind::Json, br#"{"title":"T","list":[1,2.5e3,true,null,{"deep":["\u0041\ud83d\ude00"]}],"text":"a b"}"#.to_vec()),
            (Kind::Json, b"{\"id\":\"1\",\"title\":\"T\",\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n".to_vec()),
            (Kind::Log, b"2026-11-21T03:00:00Z INFO start\n2026-11-21T03:00:01Z ERROR failed\n  at line 3\nNov 21 03:00:02 box d[1]: x\n".to_vec()),
        ]
    })
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

fn limits() -> Limits {
    Limits { child_memory: 64 << 20, child_seconds: 10, text_bytes: 4 << 20, file_bytes: 16 << 20 }
}

/// Parses, and looks that no passage is nonsense.
fn parse(kind: Kind, bytes: &[u8]) {
    let last_line = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let archive = matches!(kind, Kind::Docx | Kind::Odt | Kind::Epub);
    let mut passages = 0u32;
    let result = parse_bytes(kind, bytes, &limits(), &mut |chunk| {
        passages += 1;
        assert!(!chunk.text.is_empty(), "an empty passage");
        if let Some((first, last)) = chunk.place.lines {
            assert!(1 <= first && first <= last, "lines {first} to {last}");
            assert!(archive || last as usize <= last_line, "{kind:?}: line {last} of {last_line}");
        }
        ControlFlow::Continue(())
    });
    match result {
        Ok(_) => assert!(passages > 0, "done without a passage"),
        Err(error) => assert!(!error.reason.is_empty() && !error.advice.is_empty(), "{error:?}"),
    }
}

fn one_of_samples() -> impl Strategy<Value = (Kind, Vec<u8>)> {
    prop::sample::select(samples())
}

proptest! {
    #![proptest_config(cases(2048))]

    #[test]
    fn mutated_documents((kind, sample) in one_of_samples(), edits in edits()) {
        parse(kind, &mutated(&sample, &edits));
    }

    /// Mutated before packing: the archive's own check values hold, so its parts reach their parsers.
    #[test]
    fn mutated_parts_of_archives(edits in edits()) {
        parse(Kind::Docx, &docx(&mutated(DOCUMENT.as_bytes(), &edits)));
        parse(Kind::Odt, &odt(&mutated(CONTENT.as_bytes(), &edits)));
        parse(Kind::Epub, &epub(&mutated(PACKAGE.as_bytes(), &edits), CHAPTER.as_bytes()));
        parse(Kind::Epub, &epub(PACKAGE.as_bytes(), &mutated(CHAPTER.as_bytes(), &edits)));
    }

    #[test]
    fn documents_of_the_wrong_kind((_, sample) in one_of_samples(), (kind, _) in one_of_samples(), edits in edits()) {
        parse(kind, &mutated(&sample, &edits));
    }

    #[test]
    fn jumbled_documents((kind, _) in one_of_samples(), bytes in jumble()) {
        parse(kind, &bytes);
    }

    #[test]
    fn garbage_documents((kind, _) in one_of_samples(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        parse(kind, &bytes);
    }
}

#[test]
fn every_sample_is_valid_and_every_kind_has_one() {
    let mut kinds = Vec::new();
    for (kind, sample) in samples() {
        let mut passages = 0;
        let done = parse_bytes(*kind, sample, &limits(), &mut |_| {
            passages += 1;
            ControlFlow::Continue(())
        });
        let done = done.unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        assert_eq!(done.kind, *kind);
        assert!(passages > 0, "{kind:?}");
        kinds.push(kind.name());
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), 11, "every kind but PDF: {kinds:?}");
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

const EXPRESSIONS: [&str; 46] = [
    "a",
    "b_total",
    "{x=\"1\"}",
    "{x=~\"1|2\"",
    "(",
    ")",
    "[5m]",
    "[5m:1m]",
    "[1m+",
    "]",
    "@ 60",
    "@ start()",
    "offset 1m",
    "offset -1m",
    "offset",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "bool",
    "and",
    "or on(x)",
    "unless",
    "on(x)",
    "group_left(y)",
    "ignoring()",
    "fill(1)",
    "sum by (x) (",
    "topk(2, ",
    "quantile(0.5, ",
    "count_values(\"v\", ",
    "rate(",
    "abs(",
    "histogram_quantile(0.9, ",
    "label_replace(a, \"l\", \"$1\", \"x\", \"(.*)\")",
    "predict_linear(a[5m], 1h)",
    "1e300",
    "NaN",
    "0x1f",
    "5m",
    "\"t\"",
    ",",
    "smoothed",
];

/// Reads an expression; if it is one, evaluates it over a few series, histograms and gaps among them.
fn evaluate(query: &str) {
    if promql::parse(query).is_ok() && !query.contains(['\n', '#']) {
        let load = "load 1m\n a{x=\"1\"} 1+1x5 _ stale 3\n a{x=\"2\", y=\"z\"} NaN Inf -Inf {{count:1}}\n b_total{x=\"1\"} 0+5x9\n\n";
        let _ = script::run(&format!(
            "{load}eval instant at 4m {query}\n\neval range from 0 to 9m step 30s {query}\n"
        ));
    }
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn jumbled_expressions(parts in prop::collection::vec(prop::sample::select(&EXPRESSIONS[..]), 0..12)) {
        evaluate(&parts.join(" "));
    }

    #[test]
    fn garbage_expressions(text in "\\PC{0,60}", noise in prop::collection::vec(any::<u8>(), 0..60)) {
        evaluate(&text);
        evaluate(&String::from_utf8_lossy(&noise));
    }

    #[test]
    fn nested_expressions(open in "(\\(|-|abs\\(|a\\[|sum\\(|a and |1\\^){1,3}", times in 1usize..4000) {
        evaluate(&open.repeat(times));
    }

    #[test]
    fn jumbled_scripts(parts in prop::collection::vec(prop::sample::select(&SCRIPT_LINES[..]), 0..12)) {
        let _ = script::run(&parts.join("\n"));
    }
}

const SCRIPT_LINES: [&str; 16] = [
    "",
    "# remark",
    "clear",
    "load 5m",
    "load_with_nhcb 1m",
    "a{x=\"1\"} 1+1x5 _ stale",
    "a_bucket{le=\"1\"} 1x3",
    "a {{count:1}}x2",
    "eval instant at 1m a",
    "eval range from 0 to 5m step 1m rate(a[5m])",
    "eval_fail instant at 0 a + on() a",
    "expect warn",
    "expect fail msg: x",
    "expect range vector from 0 to 1m step 0",
    "{} 1 2",
    "-3",
];

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

const METRICS: &str = "# HELP a Some\\ntext\n# TYPE a_total counter\na_total{b=\"c\\\\d\",e=\"\\\"\"} 1.5e3 1700000000\n\
    a_bucket{le=\"+Inf\"} 4 # {trace_id=\"x\"} 0.5\nb NaN\n# EOF\n";
const DATAGRAM: &str = "a.b:1:2.5|ms|@0.5|#x:y,z\nc:+3|g\nd:one|s\ne:4|c|c:1|T17\n";
const PROBES: &str = "[[probe]]\nname = 'a'\nperiodSeconds = 5\nhttpGet = { path = '/', port = 80, httpHeaders = [{ name = 'x', value = 'y' }] }\n\
    [[probe]]\nname = 'b'\nexec = { command = ['/bin/true'] }\n[[scrape]]\nname = 'c'\nurl = 'http://unix:/a:/b'\ninterval = '5s'\n";
const DASHBOARD: &str = "title = \"P\\u0041 'x'\"\n[[panel]]\ntitle = 'a'\nquery = ['up', \"a{b='c\\\\\\\\d'}\"]\nmin = -1.5e3\nthresholds = [1, 2]\n\
    [[panel]]\nkind = 'log'\ntitle = 'b'\nfilter = 'level:warn x'\nwidth = 12\n[[panel]]\nkind = 'alert'\ntitle = 'c'\nmatchers = ['a=~\"b.*\"']\n";

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn mutated_metrics(edits in edits()) {
        let bytes = mutated(METRICS.as_bytes(), &edits);
        if let Err(fault) = read_text(&String::from_utf8_lossy(&bytes)) {
            assert!(fault.line > 0 && !fault.what.is_empty());
        }
        let mut statsd = Statsd::default();
        statsd.take(&bytes, 0, 50);
        statsd.take(&mutated(DATAGRAM.as_bytes(), &edits), 0, 50);
        assert!(statsd.flush(0, 1).len() <= 50);
    }

    #[test]
    fn mutated_probes(edits in edits()) {
        let bytes = mutated(PROBES.as_bytes(), &edits);
        let text = String::from_utf8_lossy(&bytes);
        for format in [Format::Toml, Format::Yaml] {
            if let Err(problems) = read_probes(&text, format) {
                assert!(!problems.is_empty());
            }
        }
    }

    #[test]
    fn mutated_dashboards(edits in edits()) {
        let bytes = mutated(DASHBOARD.as_bytes(), &edits);
        match dashboard::read("pump", &String::from_utf8_lossy(&bytes)) {
            Err(problems) => assert!(!problems.is_empty()),
            // What is written of it says the same.
            Ok(one) => assert_eq!(dashboard::read("pump", &one.to_toml()).unwrap().panels, one.panels),
        }
    }
}

#[test]
fn samples_of_metrics_and_probes_are_valid() {
    assert_eq!(read_text(METRICS).unwrap().len(), 3);
    assert_eq!(read_probes(PROBES, Format::Toml).unwrap().len(), 3);
    assert_eq!(dashboard::read("pump", DASHBOARD).unwrap().panels.len(), 3);
    let mut statsd = Statsd::default();
    statsd.take(DATAGRAM.as_bytes(), 0, 50);
    assert_eq!(statsd.count.taken, 4);
}
