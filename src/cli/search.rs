//! `spud search WORDS`: a plain list, one result a line.

use super::ask::{AskArgs, heading, nothing, remarks, source};
use super::context::Context;
use super::error::{CliError, FAILED};
use super::open;
use crate::api::types::SearchResponse;

pub(super) fn run(args: AskArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let found: SearchResponse = link.send("POST", "/v1/search", &args.request(10))?;
    if let Some(number) = args.open {
        return open::result(number, &found, &mut link, context);
    }
    if context.json {
        context.print_json(&found)?;
        return Ok(if found.found { 0 } else { FAILED });
    }
    if !found.found {
        return nothing(&found, context);
    }
    for hit in &found.results {
        let paint = context.out.paint;
        let line =
            format!("{:>3}  {:.3}  {}  {}", hit.rank, hit.score, paint.link(&source(hit)), heading(hit));
        context.out.line(&line)?;
    }
    remarks(&found, context);
    Ok(0)
}
