//! `spud ask QUESTION`: the sentences that answer, and the passages they stand in.

use clap::Args;

use super::context::Context;
use super::error::{CliError, FAILED};
use super::open;
use super::output::{clean, clean_lines};
use crate::api::types::{AskResponse, Hit, Place, SearchRequest, SearchResponse};

/// What to look for, and where.
#[derive(Debug, Args)]
pub(super) struct AskArgs {
    /// The question or the words; "exact phrase" in double quotes
    #[arg(required = true, num_args = 1..)]
    question: Vec<String>,
    /// Results wanted (1 to 100)
    #[arg(short = 'n', long = "number", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    number: Option<u16>,
    /// Only this collection (may be repeated)
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// Only documents whose path matches, such as '**/*.md'
    #[arg(long, value_name = "GLOB")]
    path: Option<String>,
    /// Only this kind: markdown, text, html, pdf, docx, odt, epub, man, rst, csv, json, log
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only documents modified at or after this date (2026-03-01, UTC)
    #[arg(long, value_name = "DATE", value_parser = time)]
    after: Option<u64>,
    /// Only documents modified before this date
    #[arg(long, value_name = "DATE", value_parser = time)]
    before: Option<u64>,
    /// The use case that it is asked under, where it is not the general one
    #[arg(long, value_name = "NAME", env = "SPUD_USE_CASE")]
    use_case: Option<String>,
    /// Show how each score came about
    #[arg(long)]
    explain: bool,
    /// Open the source of result N in $EDITOR or $PAGER
    #[arg(long, value_name = "N")]
    pub(super) open: Option<usize>,
}

fn time(text: &str) -> Result<u64, String> {
    crate::base::parse_time(text)
        .ok_or_else(|| "give a date such as 2026-03-01 or 2026-03-01T08:00:00Z".to_owned())
}

impl AskArgs {
    pub(super) fn request(&self, usual: usize) -> SearchRequest {
        SearchRequest {
            q: self.question.join(" "),
            collections: self.collection.clone(),
            n: self.number.map_or(usual, usize::from).max(self.open.unwrap_or(0)).min(100),
            path: self.path.clone(),
            kind: self.kind.clone(),
            after_ms: self.after,
            before_ms: self.before,
            explain: self.explain,
            use_case: self.use_case.clone(),
        }
    }
}

pub(super) fn run(args: AskArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let found: AskResponse = link.send("POST", "/v1/ask", &args.request(5))?;
    if let Some(number) = args.open {
        return open::result(number, &found.search, &mut link, context);
    }
    if context.json {
        context.print_json(&found)?;
        return Ok(if found.search.found { 0 } else { FAILED });
    }
    if !found.search.found {
        return nothing(&found.search, context);
    }
    for sentence in &found.answer {
        let text = format!("{} [{}]", clean(&sentence.text), sentence.citation);
        context.out.wrapped(0, &context.out.paint.bold(&text))?;
    }
    for hit in &found.search.results {
        context.out.line("")?;
        passage(hit, context)?;
    }
    remarks(&found.search, context);
    Ok(0)
}

/// Nothing relevant: a plain sentence, and what might find something.
pub(super) fn nothing(found: &SearchResponse, context: &mut Context) -> Result<u8, CliError> {
    context.out.line("Nothing relevant was found.")?;
    if let Some(other) = &found.did_you_mean {
        context.out.line(&format!("Did you mean: {}", clean(other)))?;
    }
    remarks(found, context);
    Ok(FAILED)
}

pub(super) fn remarks(found: &SearchResponse, context: &Context) {
    for note in &found.notes {
        context.remark(&format!("note: {note}"));
    }
    if context.verbose {
        context.remark(&format!(
            "{} results in {} us, cache: {:?}",
            found.results.len(),
            found.took_us,
            found.cache
        ));
    }
}

/// `[1] Title > Heading` with its place, then the passage.
fn passage(hit: &Hit, context: &mut Context) -> Result<(), CliError> {
    let paint = context.out.paint;
    let titles = heading(hit);
    let number = format!("[{}]", hit.rank);
    context.out.line(&format!("{} {}", paint.bold(&number), paint.bold(&titles)))?;
    let place = source(hit);
    context.out.line(&format!("    {}", paint.link(&place)))?;
    context.out.wrapped(4, &clean_lines(&hit.text))?;
    if hit.duplicates > 0 {
        let times = if hit.duplicates == 1 { "once".to_owned() } else { format!("{} times", hit.duplicates) };
        context.out.line(&paint.dim(&format!("    (the same text {times} more)")))?;
    }
    if let Some(parts) = &hit.parts {
        let line = format!(
            "    score {:.3} = lexical {:.3} (raw {:.2}) + dense {:.3} (cosine {:.3}) + proximity {:.3}",
            hit.score,
            parts.lexical_share,
            parts.lexical,
            parts.dense_share,
            parts.dense,
            parts.proximity_share
        );
        context.out.line(&paint.dim(&line))?;
        // Those of the question, told once.
        if !parts.terms.is_empty() {
            context.out.line(&paint.dim(&format!("    terms: {}", clean(&parts.terms.join(", ")))))?;
        }
    }
    Ok(())
}

/// Title and headings of a result.
pub(super) fn heading(hit: &Hit) -> String {
    let title = if hit.title.is_empty() { &hit.path } else { &hit.title };
    let all = std::iter::once(title).chain(hit.heading.iter().filter(|heading| *heading != title));
    all.map(|part| clean(part)).collect::<Vec<_>>().join(" > ")
}

/// `/docs/pump.md:12-20`, `/docs/pump.pdf page 3`.
pub(super) fn source(hit: &Hit) -> String {
    format!("{}{}", clean(&hit.path), place(&hit.place))
}

pub(super) fn place(place: &Place) -> String {
    match (place.page, place.line_start, &place.record) {
        (Some(first), _, _) => match place.page_end.filter(|last| *last > first) {
            Some(last) => format!(" pages {first}-{last}"),
            None => format!(" page {first}"),
        },
        (None, Some(first), _) => match place.line_end.filter(|last| *last > first) {
            Some(last) => format!(":{first}-{last}"),
            None => format!(":{first}"),
        },
        (None, None, Some(record)) => format!(" record {}", clean(record)),
        (None, None, None) => String::new(),
    }
}
