//! Every format and every kind of hostile file, made on the fly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use spud::knowledge::extract::{
    Chunk, ExtractError, Extracted, Kind, Limits, extract, parse_bytes, parse_frames, set_child_program,
};
use spud::knowledge::walk;
use zip::write::SimpleFileOptions;

fn small() -> Limits {
    Limits { child_memory: 256 << 20, child_seconds: 60, text_bytes: 64 << 20, file_bytes: 4 << 30 }
}

fn read(path: &Path, limits: &Limits) -> Result<(Extracted, Vec<Chunk>), ExtractError> {
    set_child_program(PathBuf::from(env!("CARGO_BIN_EXE_spud")));
    let mut chunks = Vec::new();
    let done = extract(path, limits, &mut |chunk| {
        chunks.push(chunk);
        ControlFlow::Continue(())
    })?;
    Ok((done, chunks))
}

fn file(name: &str, content: &[u8]) -> Result<(Extracted, Vec<Chunk>), ExtractError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    read(&path, &small())
}

fn kind_of(name: &str, content: &[u8]) -> &'static str {
    file(name, content).unwrap_err().kind
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(content).unwrap();
    packed.finish().unwrap()
}

fn zipped(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    );
    zipped(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", document.as_bytes())])
}

/// A minimal PDF whose pages say these words.
fn pdf(pages: &[&str], trailer: &str) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + page * 2)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (page, text) in pages.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            5 + page * 2
        ));
        let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
        objects.push(format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()));
    }
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", number + 1).bytes());
    }
    let start = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        out.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let size = objects.len() + 1;
    out.extend(
        format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n").bytes(),
    );
    out
}

#[test]
fn markdown_keeps_headings_and_exact_lines() {
    let source = "# Pump manual\n\nIntro text.\n\n## Start\n\nOpen the *valve*.\nThen press **Go**.\n\n### Cold\n\n```sh\nrun  --cold\n# not a heading\n```\n\n## Stop\n\nPress stop.\n";
    let (done, chunks) = file("pump.md", source.as_bytes()).unwrap();
    assert_eq!((done.kind, done.title.as_str(), done.pages), (Kind::Markdown, "Pump manual", 0));
    let seen: Vec<_> =
        chunks.iter().map(|c| (c.heading.join("/"), c.text.as_str(), c.place.lines.unwrap())).collect();
    assert_eq!(
        seen,
        [
            (String::new(), "Intro text.", (3, 3)),
            ("Start".into(), "Open the valve. Then press Go.", (7, 8)),
            ("Start/Cold".into(), "run  --cold\n# not a heading", (13, 14)),
            ("Stop".into(), "Press stop.", (19, 19)),
        ]
    );
}

#[test]
fn long_sections_split_at_sentences_with_overlap_and_exact_lines() {
    let lines: Vec<String> =
        (1..=120).map(|n| format!("Sentence number {n} speaks about valve {n} of the plant.")).collect();
    let (_, chunks) = file("long.txt", lines.join("\n").as_bytes()).unwrap();
    assert!(chunks.len() > 5);
    for chunk in &chunks {
        let (first, last) = chunk.place.lines.unwrap();
        assert!(chunk.text.starts_with(&format!("Sentence number {first} ")), "{first}: {}", chunk.text);
        assert!(chunk.text.ends_with(&format!("valve {last} of the plant.")), "{last}: {}", chunk.text);
    }
    for pair in chunks.windows(2) {
        assert!(pair[1].place.lines.unwrap().0 <= pair[0].place.lines.unwrap().1, "no overlap");
    }
}

#[test]
fn man_pages_of_both_kinds() {
    let man = ".\\\" comment\n.TH PUMP 8 2024\n.SH NAME\npump \\- move water\n.SH OPTIONS\n.TP\n.BR \\-v \", \" \\-\\-verbose\nSay \\fBmore\\fR.\n.TP\n.B \\-q\nSay less.\n.nf\nkeep   this\n.fi\n";
    let (done, chunks) = file("pump.8.gz", &gz(man.as_bytes())).unwrap();
    assert_eq!((done.kind, done.title.as_str()), (Kind::Man, "pump(8) - move water"));
    assert_eq!(chunks[1].heading, ["OPTIONS"]);
    assert_eq!(chunks[1].text, "-v, --verbose: Say more.\n-q: Say less.\nkeep   this");
    assert_eq!(chunks[1].place.lines, Some((7, 13)));
    let pod = ".de Sp \\\" Vertical space\n.if t .sp .5v\n..\n.ie n \\{\\\n.    ds -- \\(*W-\n'br\\}\n.el\\{\\\n.    ds -- x\n'br\\}\n.TH POD 1\n.SH NAME\npod \\-\\- made from Perl\n";
    assert_eq!(file("pod.1", pod.as_bytes()).unwrap().0.title, "pod(1) - made from Perl");
    let mdoc = ".Dd May 1, 2024\n.Dt PUMP 8\n.Os\n.Sh NAME\n.Nm pump\n.Nd move water\n.Sh SYNOPSIS\n.Nm\n.Op Fl v\n.Op Fl o Ar file\n.Sh DESCRIPTION\nThe\n.Nm\nutility moves, see\n.Xr ls 1 .\n";
    let (done, chunks) = file("pump.8", mdoc.as_bytes()).unwrap();
    assert_eq!(done.title, "pump(8) - move water");
    assert_eq!(chunks[1].text, "pump [-v] [-o file]");
    assert_eq!(chunks[2].text, "The pump utility moves, see ls(1).");
}

#[test]
fn rst_titles_directives_and_roles() {
    let source = "======\nManual\n======\n\nSee :ref:`start <s>`.\n\nStart\n-----\n\nRun::\n\n    go --now\n\n.. note:: Mind the gap.\n\n.. hidden comment\n   more\n";
    let (done, chunks) = file("m.rst", source.as_bytes()).unwrap();
    assert_eq!((done.kind, done.title.as_str()), (Kind::Rst, "Manual"));
    assert_eq!(chunks[0].text, "See start.");
    assert_eq!(
        (chunks[1].heading.join("/"), chunks[1].text.as_str()),
        ("Start".into(), "Run:\n    go --now\nMind the gap.")
    );
}

#[test]
fn tables_and_records() {
    let (done, chunks) = file("parts.csv", b"name,price\nbolt,\"1,50\"\nnut,2\n").unwrap();
    assert_eq!(done.kind, Kind::Csv);
    assert_eq!(chunks[0].text, "name: bolt; price: 1,50\nname: nut; price: 2");
    assert_eq!(chunks[0].place.lines, Some((2, 3)));
    let (_, chunks) = file("r.tsv", b"id\ttitle\ttext\n7\tSeven\tIs odd.\n8\tEight\tIs even.\n").unwrap();
    assert_eq!((chunks[1].place.record.as_deref(), chunks[1].title.as_str()), (Some("8"), "Eight"));
    let jsonl = "{\"id\":\"a\",\"title\":\"A\",\"text\":\"Alpha.\"}\n{\"_id\":2,\"body\":\"Beta.\"}\n\n{\"x\":{\"y\":[1,\"z\"]}}\nnot json\n";
    let (done, chunks) = file("r.jsonl", jsonl.as_bytes()).unwrap();
    assert_eq!(done.kind, Kind::Json);
    let seen: Vec<_> =
        chunks.iter().map(|c| (c.place.record.as_deref(), c.text.as_str(), c.place.lines)).collect();
    assert_eq!(seen[0], (Some("a"), "Alpha.", Some((1, 1))));
    assert_eq!(seen[1], (Some("2"), "Beta.", Some((2, 2))));
    assert_eq!(seen[2], (None, "x.y[0]: 1\nx.y[1]: z\nnot json", Some((4, 5))));
    let (_, chunks) = file("c.json", b"{\n \"a\": {\"b\": true},\n \"c\": \"text\"\n}").unwrap();
    assert_eq!((chunks[0].text.as_str(), chunks[0].place.lines), ("a.b: true\nc: text", Some((2, 3))));
}

#[test]
fn html_structure_and_lines() {
    let page = "<!doctype html><html><head><title>Pump</title><style>p{}</style></head><body><nav><p>menu</p></nav>\n<h1>Pump</h1>\n<p>Turn it\non &amp; wait.</p>\n<h2>Table</h2><table><tr><th>a</th><th>b</th></tr>\n<tr><td>1</td><td>2</td></tr></table><pre>x\n  y</pre><script>bad()</script><ul><li>one<li>two</ul></body></html>";
    for (name, content) in [("p.html", page.as_bytes().to_vec()), ("p.html.gz", gz(page.as_bytes()))] {
        let (done, chunks) = file(name, &content).unwrap();
        assert_eq!((done.kind, done.title.as_str()), (Kind::Html, "Pump"));
        assert_eq!((chunks[0].text.as_str(), chunks[0].place.lines), ("Turn it on & wait.", Some((3, 4))));
        assert_eq!(chunks[1].heading, ["Table"]);
        assert_eq!(chunks[1].text, "a | b\n1 | 2\nx\n  y\n- one\n- two");
    }
}

#[test]
fn pdf_pages_are_cited() {
    let long = "Valve and pump belong together in the plant. ".repeat(12);
    let (done, chunks) = file("m.pdf", &pdf(&[&long, "Second page here.", &long], "")).unwrap();
    assert_eq!((done.kind, done.pages, done.title.as_str()), (Kind::Pdf, 3, "m"));
    assert_eq!(chunks[0].place.pages, Some((1, 1)));
    assert!(chunks.iter().any(|c| c.text.contains("Second page") && c.place.pages.unwrap().0 <= 2));
    assert_eq!(chunks.last().unwrap().place.pages.unwrap().1, 3);
}

/// Ends the text, names a colour space that is not there (pdf-extract panics), begins another text.
const PANIC: &str = "x) Tj /Nope cs (y";

#[test]
fn a_broken_pdf_page_is_left_out_and_the_others_are_kept() {
    let page = |word: &str| format!("{word} and pump belong together in the plant. ").repeat(12);
    let (one, three, five) = (page("Valve"), page("Seal"), page("Motor"));
    let (done, chunks) = file("m.pdf", &pdf(&[&one, PANIC, &three, PANIC, &five], "")).unwrap();
    assert_eq!((done.kind, done.pages, done.broken_pages), (Kind::Pdf, 5, 2));
    // As if the broken pages were empty: nothing twice, nothing lost.
    let (_, wanted) = file("m.pdf", &pdf(&[&one, "", &three, "", &five], "")).unwrap();
    assert_eq!(chunks, wanted);
    assert_eq!(chunks.last().unwrap().place.pages.unwrap().1, 5);
}

#[test]
fn a_pdf_without_a_good_page_or_with_too_many_bad_ones_is_a_failure() {
    assert_eq!(kind_of("m.pdf", &pdf(&[PANIC, PANIC], "")), "damaged");
    let many: Vec<&str> = std::iter::repeat_n(PANIC, 20).chain(["good"]).collect();
    assert_eq!(kind_of("m.pdf", &pdf(&many, "")), "damaged");
}

#[test]
fn docx_and_epub() {
    let body = "<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Pump &amp; valve</w:t></w:r></w:p><w:p><w:r><w:t>Turn </w:t></w:r><w:r><w:t>on.</w:t></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>";
    let (done, chunks) = file("d.docx", &docx(body)).unwrap();
    assert_eq!(
        (done.kind, done.title.as_str(), chunks[0].text.as_str()),
        (Kind::Docx, "Pump & valve", "Turn on.\na | b")
    );
    let container = b"<container><rootfiles><rootfile full-path=\"OPS/p.opf\"/></rootfiles></container>";
    let opf = b"<package><metadata><dc:title>Book</dc:title></metadata><manifest><item id=\"a\" href=\"a%20b.xhtml\"/><item id=\"b\" href=\"../c.xhtml\"/></manifest><spine><itemref idref=\"b\"/><itemref idref=\"a\"/></spine></package>";
    let entries: Vec<(&str, &[u8])> = vec![
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container),
        ("OPS/p.opf", opf),
        ("OPS/a b.xhtml", b"<html><body><p>Second.</p></body></html>"),
        ("c.xhtml", b"<html><body><p>First.</p></body></html>"),
    ];
    let (done, chunks) = file("b.epub", &zipped(&entries)).unwrap();
    assert_eq!((done.kind, done.title.as_str()), (Kind::Epub, "Book"));
    assert_eq!(chunks.iter().map(|c| c.text.as_str()).collect::<Vec<_>>(), ["First.", "Second."]);
    let mut locked = entries;
    locked.push(("META-INF/encryption.xml", b"<e><CipherReference URI=\"c.xhtml\"/></e>"));
    assert_eq!(kind_of("l.epub", &zipped(&locked)), "encrypted");
}

#[test]
fn odt_structure_notes_and_locks() {
    let content = "<office:document-content><office:automatic-styles><style:p>no</style:p></office:automatic-styles><office:body><office:text><text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>\
        <text:p text:style-name=\"Title\">Pump &amp; valve</text:p><text:p>Turn<text:s text:c=\"3\"/><text:span>it</text:span> on.<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Only when cold.</text:p></text:note-body></text:note><office:annotation><text:p>a comment</text:p></office:annotation></text:p>\
        <text:h text:outline-level=\"2\">Care</text:h><text:list><text:list-item><text:p>oil</text:p></text:list-item><text:list-item><text:p>grease</text:p></text:list-item></text:list>\
        <table:table><table:table-row><table:table-cell><text:p>a</text:p><text:p>b</text:p></table:table-cell><table:table-cell><text:p>c</text:p></table:table-cell></table:table-row></table:table></office:text></office:body></office:document-content>";
    let kind: &[u8] = b"application/vnd.oasis.opendocument.text";
    let meta: &[u8] = b"<office:meta><dc:title>The pump book</dc:title></office:meta>";
    let entries = vec![("mimetype", kind), ("content.xml", content.as_bytes()), ("meta.xml", meta)];
    let (done, chunks) = file("p.odt", &zipped(&entries)).unwrap();
    assert_eq!((done.kind, done.title.as_str()), (Kind::Odt, "The pump book"));
    let seen: Vec<_> = chunks.iter().map(|c| (c.heading.join("/"), c.text.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("Pump & valve".into(), "Turn it on.\nOnly when cold."),
            ("Pump & valve/Care".to_owned(), "- oil\n- grease\na b | c"),
        ]
    );
    let mut locked = entries.clone();
    locked.push(("META-INF/manifest.xml", b"<m><manifest:encryption-data/></m>"));
    assert_eq!(kind_of("l.odt", &zipped(&locked)), "encrypted");
    let mut sheet = entries;
    sheet[0].1 = b"application/vnd.oasis.opendocument.spreadsheet";
    assert_eq!(kind_of("s.ods", &zipped(&sheet)), "unsupported");
}

#[test]
fn logs_and_odd_encodings() {
    let log: String = (0..50).map(|n| format!("2024-05-01T10:00:{n:02}Z pump {n} started\n")).collect();
    let (done, chunks) = file("messages", log.as_bytes()).unwrap();
    assert_eq!(done.kind, Kind::Log);
    assert!(chunks.len() > 2 && chunks[0].text.contains('\n'));
    let (_, chunks) = file("l1.txt", b"caf\xe9 \x80 5").unwrap();
    assert_eq!(chunks[0].text, "café € 5");
    let wide: Vec<u8> = "\u{feff}Grüße 😀\nzwei".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (_, chunks) = file("w.txt", &wide).unwrap();
    assert_eq!(chunks[0].text, "Grüße 😀 zwei");
}

#[test]
fn refusals_have_their_kinds() {
    assert_eq!(kind_of("e.txt", b""), "empty");
    assert_eq!(kind_of("w.txt", b" \n\n"), "empty");
    assert_eq!(kind_of("x.bin", b"\x7fELF\0\0\0\x01\0\0\0\0\0"), "binary");
    assert_eq!(kind_of("a.zip", &zipped(&[("x.txt", b"x")])), "unsupported");
    assert_eq!(kind_of("o.docx", b"\xd0\xcf\x11\xe0rest"), "encrypted");
    assert_eq!(kind_of("s.docx", &docx("<w:p>")[..60]), "damaged");
    assert_eq!(kind_of("b.pdf", b"%PDF-1.4\nnothing"), "damaged");
    let locked = "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O (01234567890123456789012345678901) /U (01234567890123456789012345678901) >> /ID [(a)(b)]";
    assert_eq!(kind_of("c.pdf", &pdf(&["secret"], locked)), "encrypted");
    let error = read(Path::new("/dev/null"), &small()).unwrap_err();
    assert_eq!(error.kind, "unsupported");
    assert!(!error.advice.is_empty());
    assert_eq!(read(Path::new("/nowhere/x"), &small()).unwrap_err().kind, "unreadable");
}

#[test]
fn fifo_does_not_block() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)
        .unwrap();
    assert_eq!(read(&path, &small()).unwrap_err().kind, "unsupported");
}

#[test]
fn bombs_and_depths_end_as_reasons() {
    let limits = Limits { child_memory: 128 << 20, text_bytes: 4 << 20, ..small() };
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let kind = |path: &Path| read(path, &limits).map(|_| ()).unwrap_err().kind;
    let bomb = vec![b'a'; 64 << 20];
    assert!(matches!(
        kind(&put("b.html.gz", &gz(&[b"<html><p>", bomb.as_slice()].concat()))),
        "too_large" | "memory"
    ));
    assert!(matches!(kind(&put("b.docx", &zipped(&[("word/document.xml", &bomb)]))), "too_large" | "memory"));
    let deep = docx(&"<w:p>".repeat(100_000));
    assert_eq!(kind(&put("d.docx", &deep)), "damaged");
    assert_eq!(kind(&put("d.json", "[".repeat(200_000).as_bytes())), "damaged");
    let html = format!("<html><body>{}deep words", "<div>".repeat(200_000));
    assert_eq!(read(&put("d.html", html.as_bytes()), &limits).unwrap().1[0].text, "deep words");
    assert_eq!(kind(&put("t.txt", &bomb)), "too_large");
}

#[test]
fn out_of_time_ends_the_child() {
    // A pipe-like huge page with one second: the clock wins, whatever the box.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.html");
    let row = "<p>word <b>and</b> word</p>\n".repeat(2_400_000);
    fs::write(&path, format!("<html>{row}")).unwrap();
    let limits = Limits { child_memory: 1 << 30, child_seconds: 1, ..small() };
    let error = read(&path, &limits).unwrap_err();
    assert!(matches!(error.kind, "timeout" | "too_large"), "{error:?}");
}

#[test]
fn endless_lines_and_sparse_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one-line.txt");
    fs::write(&path, "word ".repeat((32 << 20) / 5)).unwrap();
    let mut count = 0_u64;
    let stopped = extract(&path, &small(), &mut |chunk| {
        assert!(chunk.text.len() < 4096);
        count += 1;
        if count == 5_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(stopped.unwrap_err().kind, "stopped");
    let sparse = folder.path().join("sparse.txt");
    let mut file = fs::File::create(&sparse).unwrap();
    file.write_all(&b"A line of honest text.\n".repeat(4096)).unwrap();
    file.set_len(4 << 30).unwrap();
    assert_eq!(read(&sparse, &small()).unwrap_err().kind, "binary");
}

#[test]
fn the_walk_is_ordered_and_stays_inside() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("a/deep")).unwrap();
    fs::create_dir(root.join("out")).unwrap();
    for name in
        ["b.txt", "a/z.txt", "a/deep/q.md", "a/x.tmp", ".hidden", "new\nline.txt", "out/no.txt", "a/s.skip"]
    {
        fs::write(root.join(name), "x").unwrap();
    }
    fs::write(root.join(".spudignore"), "*.skip\n").unwrap();
    std::os::unix::fs::symlink("..", root.join("a/loop")).unwrap();
    std::os::unix::fs::symlink("/etc", root.join("a/etc")).unwrap();
    std::os::unix::fs::symlink("nothing", root.join("a/dangling")).unwrap();
    let (mut files, mut missed) = (Vec::new(), Vec::new());
    let excludes = ["*.tmp".to_owned(), "/out/".to_owned()];
    let summary = walk(
        &[root.to_owned()],
        &excludes,
        &mut |entry| {
            files.push(entry.path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
            ControlFlow::Continue(())
        },
        &mut |skipped| missed.push(skipped.reason),
    );
    assert_eq!(files, ["a/deep/q.md", "a/z.txt", "b.txt", "new\nline.txt"]);
    assert_eq!((summary.files, missed.len()), (4, 2));
    let (done, _) = read(&root.join("new\nline.txt"), &small()).unwrap();
    assert_eq!(done.title, "new line");
}

const KINDS: [Kind; 10] = [
    Kind::Markdown,
    Kind::Text,
    Kind::Html,
    Kind::Docx,
    Kind::Epub,
    Kind::Man,
    Kind::Rst,
    Kind::Csv,
    Kind::Json,
    Kind::Log,
];

fn try_all(bytes: &[u8]) {
    for kind in KINDS {
        // Any reason is fine; a panic is not.
        let _ = parse_bytes(kind, bytes, &small(), &mut |_| ControlFlow::Continue(()));
    }
    parse_frames(bytes);
}

fn seeds() -> Vec<Vec<u8>> {
    let marks = ".TH A 1\n.SH NAME\n.TP\n.Bl -tag\n.It Fl v\n\\f[B\\*(xx\\s-1\\h'\n.ie n \\{\\\n.TS\ntab(|);\nl.\nT{\n".to_owned();
    vec![
        marks.into_bytes(),
        b"# a\n```\n[x](y(z)) **b _c `d <e>&amp;\n| a | b |\n---\n- x\n====\n.. note:: x\n:r:`a <b>`__\n"
            .to_vec(),
        b"<html><h1>a<table><tr><td>b<pre>c</nav><script>d</script><li>&#x41;".to_vec(),
        b"{\"id\":1,\"text\":\"a\\u00e9\"}\n{\"a\":[1,{\"b\":null}]}\n".to_vec(),
        docx("<w:p><w:r><w:t>x</w:t></w:r></w:p>"),
        zipped(&[("META-INF/container.xml", b"<a><rootfile full-path='x'/></a>"), ("x", b"<package/>")]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        try_all(&bytes);
    }

    #[test]
    fn mutated_documents_never_panic(
        seed in 0_usize..6,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        try_all(&bytes);
    }
}
