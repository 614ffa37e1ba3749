//! `spud judge ...`: questions with what answers them; they measure models before these answer.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Deserialize;

use super::context::Context;
use super::error::{CliError, DATA_ERROR};
use crate::api::client::escape;
use crate::api::types::registry::{JudgeAnswers, JudgedQuestion, JudgedTarget, Judgement};
use crate::api::types::{Page, from_json};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Say which section answers a question (in the terminal interface: + and - on a result)
    Add {
        collection: String,
        question: String,
        /// End of the file's path, such as pump.md
        #[arg(long, value_name = "NAME")]
        file: String,
        /// The section's heading; without it, the whole file
        #[arg(long, value_name = "TEXT", default_value = "")]
        heading: String,
        /// 0 does not answer; 1 does, 2 and 3 answer better
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=3))]
        relevance: u32,
    },
    /// List judged questions
    List {
        /// Absent: of all collections
        collection: Option<String>,
    },
    /// Take judged questions from JSON Lines: {"text": ..., "file": ..., "heading": ..., "relevance": ...}
    Import {
        collection: String,
        /// Relevance is 1 where a line has none; a file of null is a question that nothing answers
        file: PathBuf,
    },
    /// Forget a judged question, by its number
    Remove {
        /// As the list has it
        id: String,
    },
}

/// One line of a file.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(alias = "question")]
    text: String,
    file: Option<String>,
    #[serde(default)]
    heading: Option<String>,
    #[serde(default = "right")]
    relevance: u32,
}

fn right() -> u32 {
    1
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    match verb {
        Verb::Add { collection, question, file, heading, relevance } => {
            let item = Judgement { collection, question, file, heading, relevance, text: String::new() };
            send(vec![item], context)
        }
        Verb::List { collection } => {
            let of = collection.map_or_else(String::new, |name| format!("?collection={}", escape(&name)));
            let page: Page<JudgedQuestion> = context.connect()?.get(&format!("/v1/judgements{of}"))?;
            list(&page, context)
        }
        Verb::Import { collection, file } => {
            let (items, unanswered) = read(&collection, &file)?;
            if unanswered > 0 {
                context.remark(&format!("Left out, because nothing answers them: {unanswered}."));
            }
            send(items, context)
        }
        Verb::Remove { id } => {
            context.connect()?.call("DELETE", &format!("/v1/judgements/{}", escape(&id)), None)?;
            context.remark(&format!("The judged question {id} is forgotten."));
            Ok(0)
        }
    }
}

/// Judgements of a file, and how many questions nothing answers.
fn read(collection: &str, file: &Path) -> Result<(Vec<Judgement>, usize), CliError> {
    let text = std::fs::read_to_string(file).map_err(|error| CliError::input(file, &error))?;
    let (mut items, mut unanswered) = (Vec::new(), 0);
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let line: Line = from_json(line.as_bytes()).map_err(|error| {
            let what = format!("{}:{number}: {error}", file.display());
            CliError::new(
                DATA_ERROR,
                what,
                "each line is {\"text\": \"...\", \"file\": \"...\", \"heading\": \"...\"}",
            )
        })?;
        let Some(file) = line.file else {
            unanswered += 1;
            continue;
        };
        items.push(Judgement {
            collection: collection.to_owned(),
            question: line.text,
            file,
            heading: line.heading.unwrap_or_default(),
            text: String::new(),
            relevance: line.relevance,
        });
    }
    Ok((items, unanswered))
}

fn send(items: Vec<Judgement>, context: &mut Context) -> Result<u8, CliError> {
    let page: Page<JudgedQuestion> =
        context.connect()?.send("POST", "/v1/judgements", &JudgeAnswers { items })?;
    if context.json {
        context.print_json(&page)?;
    } else {
        let count = page.items.len();
        let noun = if count == 1 { "question" } else { "questions" };
        context.out.line(&format!("{count} judged {noun} kept"))?;
    }
    Ok(0)
}

fn list(page: &Page<JudgedQuestion>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    if page.items.is_empty() {
        context.out.line("No question was judged yet.")?;
        return Ok(0);
    }
    let target = |one: &JudgedTarget| {
        let sign = if one.relevance > 0 { "+" } else { "-" };
        let heading = if one.heading.is_empty() { String::new() } else { format!(" # {}", one.heading) };
        format!("{sign}{}{heading}", one.file)
    };
    let row = |one: &JudgedQuestion| {
        let targets: Vec<String> = one.targets.iter().map(target).collect();
        vec![one.id.clone(), one.collection.clone(), one.question.clone(), targets.join(", ")]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NO", "COLLECTION", "QUESTION", "ANSWERED BY"], &rows)?;
    Ok(0)
}
