//! `spud embed TEXT...`: vectors, one a line, for scripts.

use std::io::Read;

use clap::Args;
use serde_json::Value;

use super::context::Context;
use super::error::{CliError, SOFTWARE};
use crate::api::types::{EmbeddingInput, EmbeddingsRequest};

/// As much as the API takes at once.
const MOST: u64 = 4 << 20;

#[derive(Debug, Args)]
pub(super) struct EmbedArgs {
    /// Texts; without any, standard input is one text a line
    texts: Vec<String>,
    /// Columns: 64 or 128
    #[arg(long, value_name = "N")]
    dimensions: Option<u32>,
}

pub(super) fn run(args: EmbedArgs, context: &mut Context) -> Result<u8, CliError> {
    let texts = if args.texts.is_empty() { from_input()? } else { args.texts };
    if texts.is_empty() {
        return Err(CliError::usage("there is nothing to embed", "give a text, or lines on standard input"));
    }
    let request = EmbeddingsRequest {
        input: EmbeddingInput::Many(texts),
        model: None,
        dimensions: args.dimensions,
        encoding_format: None,
        user: None,
    };
    let reply: Value = context.connect()?.send("POST", "/v1/embeddings", &request)?;
    if context.json {
        context.print_json(&reply)?;
        return Ok(0);
    }
    let data = reply.get("data").and_then(Value::as_array);
    let Some(data) = data else { return Err(CliError::new(SOFTWARE, "the reply has no vectors", "")) };
    for item in data {
        context.out.line(&item.get("embedding").map(Value::to_string).unwrap_or_default())?;
    }
    Ok(0)
}

fn from_input() -> Result<Vec<String>, CliError> {
    let mut text = String::new();
    let path = std::path::Path::new("standard input");
    std::io::stdin()
        .lock()
        .take(MOST)
        .read_to_string(&mut text)
        .map_err(|error| CliError::input(path, &error))?;
    Ok(text.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect())
}
