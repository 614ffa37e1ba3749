//! `spud health`: how the box stands, check by check.

use super::context::Context;
use super::error::{CliError, FAILED};
use super::output::clean;
use crate::api::types::HealthReport;
use crate::base::format_time;

pub(super) fn run(context: &mut Context) -> Result<u8, CliError> {
    let report: HealthReport = context.connect()?.get("/v1/health")?;
    let code = if report.status == "fail" { FAILED } else { 0 };
    if context.json {
        context.print_json(&report)?;
        return Ok(code);
    }
    for check in &report.checks {
        let head = format!("{:<10} {:<5}", clean(&check.name), clean(&check.status));
        let paint = &context.out.paint;
        let head = match check.status.as_str() {
            "fail" => paint.bad(&head),
            "warn" => paint.bold(&head),
            _ => head,
        };
        let since = match check.status.as_str() {
            "pass" => String::new(),
            _ => format!(" (since {} UTC)", format_time(check.since_ms)),
        };
        context.out.line(&format!("{head} {}{since}", clean(&check.detail)))?;
        if !check.advice.is_empty() {
            context.out.line(&format!("{:<16} {}", "", clean(&check.advice)))?;
        }
    }
    let ready = if report.ready { "questions are answered" } else { "no question is answered" };
    context.out.line(&format!("{:<10} {:<5} {ready}", "all", clean(&report.status)))?;
    Ok(code)
}
