//! `spud model ...` for models as they are governed: register, submit, stage, promote, roll back, history.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::add::absolute;
use super::approval;
use super::context::Context;
use super::error::{CliError, USAGE};
use super::interrupt::Interrupt;
use super::job::{follow, outcome};
use super::output::clean;
use super::principal::named;
use crate::api::client::escape;
use crate::api::types::registry::{
    ComparedField, ModelComparison, ModelMove, ModelReason, ModelRegistry, ModelShadow, ModelVersion,
    RegisterModel, ServedModel, SubmitModel,
};
use crate::api::types::{Job, Page};
use crate::base::{format_bytes, format_time, parse_time};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show a registered model: stage, votes, gates with their figures
    Show {
        /// SHA-256, the beginning of one, or a name
        model: String,
    },
    /// Register a model file or a Model2Vec folder, also one that was archived; nothing answers with it yet
    Register {
        /// A file of our own format, or a folder with safetensors and tokenizer
        path: PathBuf,
        /// What there is to say of it
        #[arg(long, value_name = "TEXT", default_value = "")]
        about: String,
        /// In place of the licence that the artifact names
        #[arg(long, value_name = "NAME")]
        licence: Option<String>,
        /// Bundle of OpenSSF Model Signing; without it, model.sig of the folder, where there is one
        #[arg(long, value_name = "FILE")]
        signature: Option<PathBuf>,
        /// TOML or JSON with licence, description, source, training_data and a table metrics of numbers
        #[arg(long, value_name = "FILE")]
        metadata: Option<PathBuf>,
    },
    /// Ask others to let a model be promoted
    Submit {
        /// SHA-256, the beginning of one, or a name
        model: String,
        /// Why: kept with the request
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What is at stake: low, medium, high, or critical (two votes at least)
        #[arg(long, value_name = "HOW", default_value = "medium")]
        impact: String,
    },
    /// Make its vectors beside those that answer, and measure its gates
    Stage {
        /// SHA-256, the beginning of one, or a name
        model: String,
        /// Do not wait for the job
        #[arg(long)]
        detach: bool,
    },
    /// Let an approved model answer, if its gates pass
    Promote {
        /// SHA-256, the beginning of one, or a name
        model: String,
        /// Why: kept in the history and in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Do not wait for the job
        #[arg(long)]
        detach: bool,
    },
    /// Back to what answered before, at once
    Rollback {
        /// Why: kept in the history and in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Put a model away; its vectors are removed
    Archive {
        /// SHA-256, the beginning of one, or a name
        model: String,
        /// Why: kept in the history and in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Hold all promotions
    Hold {
        /// Why: kept in the history and in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let promotions go on
    Release,
    /// What happened to models, newest first
    History {
        /// SHA-256, the beginning of one, or a name; absent: of all models
        model: Option<String>,
        /// At most so many
        #[arg(short, long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
        n: u64,
    },
    /// Two models side by side: size, licence, stage, gates with their figures
    Compare {
        /// SHA-256, the beginning of one, or a name
        a: String,
        /// SHA-256, the beginning of one, or a name
        b: String,
        /// Only what differs
        #[arg(long)]
        differing: bool,
    },
    /// What answered at a time: 2026-03-01, 2026-03-01T08:00:00Z
    At { time: String },
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let path = |model: &str, verb: &str| format!("/v1/registry/{}/{verb}", escape(model));
    let mut link = context.connect()?;
    match verb {
        Verb::Show { model } => {
            let one: ModelVersion = link.get(&format!("/v1/registry/{}", escape(&model)))?;
            show(&one, context)?;
        }
        Verb::Register { path, about, licence, signature, metadata } => {
            let metadata = metadata.map_or(Ok(String::new()), |file| read_metadata(&file))?;
            let signature = signature.as_deref().map(absolute).transpose()?;
            let request = RegisterModel { path: absolute(&path)?, about, licence, signature, metadata };
            let one: ModelVersion = link.send("POST", "/v1/registry", &request)?;
            show(&one, context)?;
        }
        Verb::Submit { model, reason, impact } => {
            let request = SubmitModel { reason, impact: Some(impact) };
            let one: ModelVersion = link.send("POST", &path(&model, "submit"), &request)?;
            if context.json {
                context.print_json(&one)?;
            } else {
                let id = one.approval.as_deref().unwrap_or_default();
                let line = format!("{} waits for votes: spud approval show {id}", one.name);
                context.out.line(&clean(&line))?;
            }
        }
        Verb::Stage { model, detach } => {
            let interrupt = Interrupt::listen();
            let job: Job = link.send("POST", &path(&model, "stage"), &())?;
            let model = (model, detach);
            return followed(&job, &model, &interrupt, &mut link, context);
        }
        Verb::Promote { model, reason, detach } => {
            let interrupt = Interrupt::listen();
            let job: Job = link.send("POST", &path(&model, "promote"), &ModelReason { reason })?;
            let model = (model, detach);
            return followed(&job, &model, &interrupt, &mut link, context);
        }
        Verb::Rollback { reason } => {
            let all: ModelRegistry = link.send("POST", "/v1/registry/rollback", &ModelReason { reason })?;
            state(&all, context)?;
        }
        Verb::Archive { model, reason } => {
            let one: ModelVersion = link.send("POST", &path(&model, "archive"), &ModelReason { reason })?;
            show(&one, context)?;
        }
        Verb::Hold { reason } => {
            let all: ModelRegistry = link.send("POST", "/v1/registry/hold", &ModelReason { reason })?;
            state(&all, context)?;
        }
        Verb::Release => {
            state(&link.send("POST", "/v1/registry/release", &())?, context)?;
        }
        Verb::History { model, n } => {
            let of = model.map_or_else(String::new, |model| format!("&model={}", escape(&model)));
            history(&link.get(&format!("/v1/registry/history?limit={n}{of}"))?, context)?;
        }
        Verb::Compare { a, b, differing } => {
            let target = format!("/v1/registry/compare?a={}&b={}", escape(&a), escape(&b));
            compared(&link.get(&target)?, differing, context)?;
        }
        Verb::At { time } => {
            let Some(ms) = parse_time(&time) else {
                let what = format!("'{time}' is no time");
                return Err(CliError::new(USAGE, what, "write 2026-03-01 or 2026-03-01T08:00:00Z (UTC)"));
            };
            let one: ServedModel = link.get(&format!("/v1/registry/at?time={ms}"))?;
            at(&one, context)?;
        }
    }
    Ok(0)
}

/// Follows a job to its end, then shows how the model stands.
fn followed(
    job: &Job,
    (model, detach): &(String, bool),
    interrupt: &Interrupt,
    link: &mut crate::api::host::Attached,
    context: &mut Context,
) -> Result<u8, CliError> {
    if *detach && link.is_remote() {
        if context.json {
            context.print_json(job)?;
        } else {
            context.out.line(&format!("job {} started: `spud job wait {}` follows it", job.id, job.id))?;
        }
        return Ok(0);
    }
    let job = follow(&job.id, interrupt, link, context)?;
    if job.error.is_some() {
        return outcome(&job, link, context);
    }
    let one: ModelVersion = link.get(&format!("/v1/registry/{}", escape(model)))?;
    show(&one, context)?;
    Ok(u8::from(job.state != crate::api::types::JobState::Done))
}

fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

/// How a staged model did on real questions.
fn shadow_words(one: &ModelShadow) -> String {
    format!(
        "{} real questions: overlap@10 {:.3}, same first {:.3}, {:.1} ms against {:.1} ms",
        one.questions, one.overlap, one.top1, one.candidate_ms, one.production_ms
    )
}

/// As it is: what is wrong in it is told by the box, with its place.
fn read_metadata(file: &Path) -> Result<String, CliError> {
    const BYTES: u64 = 64 << 10;
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|open| open.take(BYTES).read_to_string(&mut text));
    read.map_err(|error| {
        let what = format!("{}: {error}", file.display());
        CliError::new(USAGE, what, "give a TOML or JSON file (--metadata)")
    })?;
    Ok(text)
}

fn show(one: &ModelVersion, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(one);
    }
    let place = match (one.serving, one.previous) {
        (true, _) => ", answers",
        (_, true) => ", a rollback brings it back",
        _ => "",
    };
    let request = one.approval.as_ref().map_or_else(String::new, |id| format!(" (request {id})"));
    let mut lines = vec![
        ("name", one.name.clone()),
        ("sha256", one.sha256.clone()),
        ("stage", format!("{}{place}", one.stage)),
        ("review", format!("{}{request}", one.review)),
        ("licence", one.licence.clone()),
        ("source", one.source.clone()),
        ("size", format!("{}, {} words x {} columns", format_bytes(one.bytes), one.rows, one.columns)),
        ("by", format!("{} at {} UTC", named(&one.by, one.login.as_ref()), format_time(one.at_ms))),
    ];
    if let Some(signature) = &one.signature {
        lines.push(("signature", signature.clone()));
    }
    if !one.about.is_empty() {
        lines.push(("about", one.about.clone()));
    }
    let facts: Vec<String> =
        one.metadata.iter().map(|fact| format!("{}: {}", fact.name, fact.value)).collect();
    lines.extend(facts.into_iter().map(|fact| ("said", fact)));
    if let Some(shadow) = &one.shadow {
        lines.push(("shadow", shadow_words(shadow)));
    }
    if one.passages_missing > 0 {
        lines.push(("missing", format!("vectors of {} passages", one.passages_missing)));
    }
    if let Some(ms) = one.measured_ms {
        lines.push(("measured", format!("{} UTC", format_time(ms))));
    }
    for (name, value) in lines {
        context.out.line(&format!("{name:<9} {}", clean(&value)))?;
    }
    context.out.careful([one.name.as_str(), &one.licence, &one.source, &one.about])?;
    approval::gates(&one.gates, context)
}

fn state(all: &ModelRegistry, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(all);
    }
    let name = |sha256: &str| {
        let known = all.items.iter().find(|one| one.sha256 == sha256);
        known.map_or_else(|| short(sha256), |one| format!("{} ({})", one.name, short(sha256)))
    };
    context.out.line(&clean(&format!("answers   {}", name(&all.serving))))?;
    if let Some(previous) = &all.previous {
        context.out.line(&clean(&format!("before    {}", name(previous))))?;
    }
    if let Some(promoting) = &all.promoting {
        context.out.line(&clean(&format!("promotes  {}", name(promoting))))?;
    }
    if let Some(held) = &all.held {
        context.out.line(&clean(&format!("held by   {held}")))?;
    }
    Ok(())
}

fn history(page: &Page<ModelMove>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("No model was registered yet.");
    }
    let row = |one: &ModelMove| {
        vec![
            format_time(one.at_ms),
            one.what.clone(),
            one.name.clone(),
            short(&one.sha256),
            one.by.clone(),
            one.reason.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["AT (UTC)", "WHAT", "NAME", "SHA256", "BY", "REASON"], &rows)
}

pub(super) fn compared(
    found: &ModelComparison,
    differing: bool,
    context: &mut Context,
) -> Result<(), CliError> {
    if context.json {
        return context.print_json(found);
    }
    let row = |one: &ComparedField| {
        let mark = if one.differs { "!" } else { "" };
        vec![mark.to_owned(), one.name.clone(), one.a.clone(), one.b.clone()]
    };
    let rows: Vec<Vec<String>> =
        found.fields.iter().filter(|one| one.differs || !differing).map(row).collect();
    context.out.table(&["", "WHAT", &found.a, &found.b], &rows)
}

fn at(one: &ServedModel, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(one);
    }
    let name = if one.name.is_empty() { "a model that was never registered" } else { &one.name };
    let since = one.since.as_ref().map_or_else(
        || "since before any promotion".to_owned(),
        |since| {
            format!(
                "since {} UTC, {} by {}: {}",
                format_time(since.at_ms),
                since.what,
                since.by,
                since.reason
            )
        },
    );
    context.out.line(&clean(&format!("{} {name}, {since}", one.sha256)))
}
