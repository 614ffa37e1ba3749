//! Documents of every kind but PDF, and archives of them.

use crate::*;

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
