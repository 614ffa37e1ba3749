//! Line by line: for screen readers, dumb terminals and pipes. Prints an answer, then asks again.

use std::io::{self, BufRead, Write};

use crate::api::types::{AskResponse, Hit, Problem, SearchRequest};
use crate::base::format_bytes;
use crate::tui::Link;
use crate::tui::effect::Request;
use crate::tui::link::serve;
use crate::tui::msg::{Msg, Reply, Way};
use crate::tui::sanitize::clean;
use crate::tui::text::{count, micros, plural, span};
use crate::tui::view::place;

const HELP: &str = "Type a question and press enter. Commands:
:open N        read result N and what stands around it
:in NAME       ask in one collection; :in alone asks in all
:collections   list the collections
:jobs          list the jobs
:status        how the box is
:help          this text
:quit          leave";

/// What is remembered between lines.
#[derive(Default)]
struct Talk {
    hits: Vec<Hit>,
    suggestion: Option<String>,
    collection: Option<String>,
}

/// Reads lines until the end of the input or `:quit`.
pub(crate) fn run(
    link: &mut dyn Link,
    input: impl BufRead,
    mut out: impl Write,
    prompt: bool,
) -> io::Result<()> {
    let mut talk = Talk::default();
    if prompt {
        writeln!(out, "spud. Type a question, or :help.")?;
    }
    ask_for_more(&mut out, prompt)?;
    for line in input.lines() {
        let line = line?;
        let line = line.trim();
        if matches!(line, ":quit" | ":q" | ":exit") {
            return out.flush();
        }
        answer(link, &mut talk, line, &mut out)?;
        ask_for_more(&mut out, prompt)?;
    }
    out.flush()
}

fn ask_for_more(out: &mut impl Write, prompt: bool) -> io::Result<()> {
    if prompt {
        write!(out, "\n? ")?;
    }
    out.flush()
}

fn answer(link: &mut dyn Link, talk: &mut Talk, line: &str, out: &mut impl Write) -> io::Result<()> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match word {
        "" => Ok(()),
        ":help" | ":h" => writeln!(out, "{HELP}"),
        ":status" | ":s" => status(link, out),
        ":collections" | ":c" => collections(link, out),
        ":jobs" | ":j" => jobs(link, out),
        ":open" | ":o" => open(link, talk, rest.trim(), out),
        ":in" => {
            talk.collection = Some(rest.trim().to_owned()).filter(|r| !r.is_empty());
            let place = talk.collection.as_deref().unwrap_or("all collections");
            writeln!(out, "Asking in {}.", clean(place))
        }
        ":yes" | ":y" => match talk.suggestion.take() {
            Some(question) => ask(link, talk, &question, out),
            None => writeln!(out, "Nothing was suggested."),
        },
        other if other.starts_with(':') => {
            writeln!(out, "There is no command {}; :help lists them.", clean(other))
        }
        _ => ask(link, talk, line, out),
    }
}

/// One request; a refusal is told in words.
fn fetch(link: &mut dyn Link, request: Request, out: &mut impl Write) -> io::Result<Option<Reply>> {
    match serve(link, request) {
        Msg::Reply(reply, _) => Ok(Some(*reply)),
        Msg::Refused(request, problem, _) => {
            writeln!(out, "Could not {}: {}", request.purpose(), told(&problem))?;
            Ok(None)
        }
        _ => Ok(None),
    }
}

fn told(problem: &Problem) -> String {
    let why = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let advice = problem.advice.as_deref().unwrap_or("");
    clean(format!("{why} {advice}").trim_end()).into_owned()
}

fn ask(link: &mut dyn Link, talk: &mut Talk, question: &str, out: &mut impl Write) -> io::Result<()> {
    let request = SearchRequest {
        q: question.to_owned(),
        collections: talk.collection.clone().into_iter().collect(),
        n: 5,
        ..SearchRequest::default()
    };
    let Some(Reply::Answer(_, response)) = fetch(link, Request::Ask(0, request), out)? else { return Ok(()) };
    let AskResponse { answer, search } = *response;
    for note in &search.notes {
        writeln!(out, "Note: {}", clean(note))?;
    }
    if search.results.is_empty() {
        writeln!(out, "Nothing on this box answers that.")?;
        if let Some(other) = &search.did_you_mean {
            writeln!(out, "Did you mean \"{}\"? :yes asks it.", clean(other))?;
        }
    }
    for sentence in &answer {
        writeln!(out, "{} [{}]", clean(sentence.text.trim()), sentence.citation)?;
    }
    if !search.results.is_empty() {
        writeln!(out, "\nSources, {}:", micros(search.took_us))?;
    }
    for hit in &search.results {
        writeln!(out, "[{}] {}", hit.rank, source(hit))?;
    }
    (talk.hits, talk.suggestion) = (search.results, search.did_you_mean);
    Ok(())
}

/// Path, place and headings of a result.
fn source(hit: &Hit) -> String {
    let mut out = hit.path.clone();
    for part in [place(&hit.place), hit.heading.join(" > ")] {
        if !part.is_empty() {
            out.push_str(", ");
            out.push_str(&part);
        }
    }
    clean(&out).into_owned()
}

fn open(link: &mut dyn Link, talk: &Talk, number: &str, out: &mut impl Write) -> io::Result<()> {
    let wanted: Option<usize> = number.parse().ok();
    let Some(hit) = talk.hits.iter().find(|h| Some(h.rank) == wanted) else {
        return writeln!(out, "There is no result {}; ask first, then :open N.", clean(number));
    };
    let request = Request::Passages {
        serial: 0,
        way: Way::Around,
        document: hit.document.clone(),
        chunk: hit.chunk.clone(),
    };
    writeln!(out, "{}", source(hit))?;
    let Some(Reply::Passages(_, _, passages)) = fetch(link, request, out)? else { return Ok(()) };
    for passage in passages {
        let found = if passage.chunk == hit.chunk { "found: " } else { "" };
        writeln!(out)?;
        for (i, line) in passage.text.trim().lines().enumerate() {
            writeln!(out, "{}{}", if i == 0 { found } else { "" }, clean(line))?;
        }
    }
    Ok(())
}

fn status(link: &mut dyn Link, out: &mut impl Write) -> io::Result<()> {
    let Some(Reply::Status(s)) = fetch(link, Request::Status, out)? else { return Ok(()) };
    writeln!(out, "Tier {}, up {}, version {}.", clean(&s.tier), span(s.uptime_ms), clean(&s.version))?;
    if !s.mode.is_normal() {
        writeln!(
            out,
            "Mode {}: {}. Back: {}.",
            clean(&s.mode.title),
            clean(&s.mode.reason),
            clean(&s.mode.way_back)
        )?;
    }
    let (rss, peak) = (format_bytes(s.rss_bytes), format_bytes(s.peak_rss_bytes));
    writeln!(out, "Memory {rss} ({} anonymous), peak {peak}.", format_bytes(s.anonymous_bytes))?;
    let (documents, passages) = (plural(s.documents, "document"), plural(s.chunks, "passage"));
    writeln!(out, "{documents}, {passages}, index {}.", format_bytes(s.index_bytes))?;
    let q = &s.queries;
    let (p50, p95, p99) = (micros(q.p50_us), micros(q.p95_us), micros(q.p99_us));
    writeln!(
        out,
        "{}: half within {p50}, 95 % within {p95}, 99 % within {p99}.",
        plural(q.total, "question")
    )?;
    writeln!(out, "Disk {} free of {}.", format_bytes(s.disk_free_bytes), format_bytes(s.disk_total_bytes))?;
    writeln!(
        out,
        "Jobs: {} running, {} waiting; {}.",
        s.jobs_running,
        s.jobs_queued,
        plural(s.failures, "failure")
    )?;
    for damage in &s.damaged {
        writeln!(out, "Damage: {}", clean(damage))?;
    }
    Ok(())
}

fn collections(link: &mut dyn Link, out: &mut impl Write) -> io::Result<()> {
    let Some(Reply::Collections(items)) = fetch(link, Request::Collections, out)? else { return Ok(()) };
    if items.is_empty() {
        writeln!(out, "No collections yet; spud add FOLDER makes one.")?;
    }
    for c in items {
        let size = format_bytes(c.source_bytes);
        let failed = if c.failures > 0 { format!(", {} failed", count(c.failures)) } else { String::new() };
        writeln!(out, "{}: {}, {size}{failed}", clean(&c.name), plural(c.documents, "document"))?;
    }
    Ok(())
}

fn jobs(link: &mut dyn Link, out: &mut impl Write) -> io::Result<()> {
    let Some(Reply::Jobs(items)) = fetch(link, Request::Jobs, out)? else { return Ok(()) };
    if items.is_empty() {
        writeln!(out, "No jobs.")?;
    }
    for j in items {
        let state = crate::tui::model::job_state(&j);
        let left = j.eta_ms.map_or_else(String::new, |ms| format!(", {} left", span(ms)));
        let files = format!("{} of {} files", count(j.files_done), count(j.files_total));
        writeln!(out, "{} {}: {state}, {files}{left}", clean(&j.kind), clean(&j.collection))?;
    }
    Ok(())
}
