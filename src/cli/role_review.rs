//! `spud role review ...`: who has which role, looked at by somebody else, decided with a reason, and told.

use clap::Args;

use super::context::Context;
use super::error::{CliError, USAGE};
use super::output::{clean, clean_lines};
use super::principal::named;
use super::role::grants;
use crate::api::client::escape;
use crate::api::host::Attached;
use crate::api::types::Page;
use crate::api::types::access::{
    AccessGrant, AccessReview, CloseReview, DecideReview, OpenReview, ReviewItem,
};
use crate::base::format_time;

#[derive(Debug, Args)]
pub(super) struct Review {
    /// Only those that want a look
    #[arg(long)]
    due: bool,
    /// Open a review: the grants as they are now, each to be decided
    #[arg(long, conflicts_with_all = ["due", "close", "report", "list", "show", "confirm", "revoke"])]
    open: bool,
    /// Reviews, newest first
    #[arg(long, conflicts_with_all = ["due", "close", "report", "show", "confirm", "revoke"])]
    list: bool,
    /// The items of the open review, or of this one
    #[arg(long, value_name = "REVIEW", num_args = 0..=1, default_missing_value = "open")]
    show: Option<String>,
    /// Confirm this grant, in the review where one is open (again for more)
    #[arg(long, value_name = "NUMBER")]
    confirm: Vec<String>,
    /// Take this grant, in the review that is open (again for more)
    #[arg(long, value_name = "NUMBER")]
    revoke: Vec<String>,
    /// Close the open review; the last decision does that by itself
    #[arg(long)]
    close: bool,
    /// With --close: all grants that nobody decided, with commas between
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', requires = "close")]
    undecided: Vec<String>,
    /// Print the report of the last review, or of this one, as Markdown (--json: as JSON)
    #[arg(long, value_name = "REVIEW", num_args = 0..=1, default_missing_value = "last")]
    report: Option<String>,
    /// Why: kept with what is done
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

const REVIEWS: &str = "/v1/access/reviews";

pub(super) fn run(asked: Review, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let reason = asked.reason.clone();
    if asked.open {
        let made: AccessReview = link.send("POST", REVIEWS, &OpenReview { reason })?;
        return one(&made, context);
    }
    if asked.list {
        let page: Page<AccessReview> = link.get(REVIEWS)?;
        return list(&page, context);
    }
    if let Some(id) = &asked.report {
        let path = format!("{REVIEWS}/{}", escape(id));
        if context.json {
            let found: AccessReview = link.get(&path)?;
            context.print_json(&found)?;
            return Ok(0);
        }
        let answer = link.call("GET", &format!("{path}/report"), None)?;
        // As it is, for the evidence of the review names its SHA-256; nothing in it can deceive.
        let text = String::from_utf8_lossy(&answer.body);
        context.out.line(clean_lines(&text).trim_end_matches('\n'))?;
        return Ok(0);
    }
    let open = open_one(&mut link)?;
    if let Some(both) = asked.confirm.iter().find(|id| asked.revoke.contains(id)) {
        let what = format!("grant {both} cannot be confirmed and revoked at once");
        return Err(CliError::new(USAGE, what, "name it once"));
    }
    if !asked.confirm.is_empty() || !asked.revoke.is_empty() || asked.close {
        return decide(&mut link, asked, open, context);
    }
    if let Some(id) = &asked.show {
        let found: AccessReview = link.get(&format!("{REVIEWS}/{}", escape(id)))?;
        return one(&found, context);
    }
    all(&mut link, asked.due, context)?;
    if let Some(open) = open.filter(|_| !context.json) {
        let text = format!(
            "The review {} is {}: {} of its grants are undecided, until {} UTC (--show).",
            open.id,
            open.state,
            open.undecided,
            format_time(open.due_ms)
        );
        context.remark(&text);
    }
    Ok(0)
}

/// The review that is open, without its items.
fn open_one(link: &mut Attached) -> Result<Option<AccessReview>, CliError> {
    let page: Page<AccessReview> = link.get(REVIEWS)?;
    Ok(page.items.into_iter().find(|one| one.state != "closed"))
}

fn decide(
    link: &mut Attached,
    asked: Review,
    open: Option<AccessReview>,
    context: &mut Context,
) -> Result<u8, CliError> {
    // Without a review a grant may be confirmed by itself.
    if open.is_none() && asked.revoke.is_empty() && !asked.close {
        for id in &asked.confirm {
            link.call("POST", &format!("/v1/roles/grants/{}/confirm", escape(id)), None)?;
        }
        all(link, asked.due, context)?;
        return Ok(0);
    }
    let path = open.map_or_else(|| format!("{REVIEWS}/open"), |open| format!("{REVIEWS}/{}", open.id));
    let confirmed = asked.confirm.iter().map(|id| (id, "confirm"));
    let mut last: Option<AccessReview> = None;
    for (id, verdict) in confirmed.chain(asked.revoke.iter().map(|id| (id, "revoke"))) {
        let request = DecideReview { verdict: verdict.to_owned(), reason: asked.reason.clone() };
        last = Some(link.send("POST", &format!("{path}/grants/{}", escape(id)), &request)?);
    }
    if asked.close {
        let request = CloseReview { reason: asked.reason, undecided: asked.undecided };
        last = Some(link.send("POST", &format!("{path}/close"), &request)?);
    }
    last.map_or(Ok(0), |last| one(&last, context))
}

fn all(link: &mut Attached, due: bool, context: &mut Context) -> Result<(), CliError> {
    let page: Page<AccessGrant> = link.get("/v1/roles/grants")?;
    let wants = |grant: &AccessGrant| !due || !matches!(grant.state.as_str(), "fine" | "built in");
    let shown: Vec<AccessGrant> = page.items.into_iter().filter(wants).collect();
    grants(&shown, context)
}

fn counts(one: &AccessReview) -> String {
    format!(
        "{} undecided, {} confirmed, {} revoked, {} gone",
        one.undecided, one.confirmed, one.revoked, one.gone
    )
}

fn list(page: &Page<AccessReview>, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    if page.items.is_empty() {
        context.out.line("There was no review yet: spud role review --open")?;
        return Ok(0);
    }
    let row = |one: &AccessReview| {
        vec![
            one.id.clone(),
            one.state.clone(),
            format_time(one.opened_ms),
            format_time(one.due_ms),
            one.closed_ms.map_or_else(|| "-".to_owned(), format_time),
            one.by.clone(),
            counts(one),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["NO", "STATE", "OPENED (UTC)", "DUE", "CLOSED", "BY", "ITEMS"], &rows)?;
    Ok(0)
}

fn one(found: &AccessReview, context: &mut Context) -> Result<u8, CliError> {
    if context.json {
        context.print_json(found)?;
        return Ok(0);
    }
    let head = format!(
        "Review {} is {}: {}. Opened {} UTC by {}: {}",
        found.id,
        found.state,
        counts(found),
        format_time(found.opened_ms),
        found.by,
        found.reason
    );
    context.out.line(&clean(&head))?;
    let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), format_time);
    let row = |item: &ReviewItem| {
        vec![
            item.grant.clone(),
            named(&item.to, item.login.as_ref()),
            item.role.clone(),
            item.namespace.clone(),
            item.by.clone(),
            format_time(item.at_ms),
            time(item.used_ms),
            item.verdict.clone(),
            item.decided_by.clone().unwrap_or_default(),
            item.decided_reason.clone().unwrap_or_else(|| item.reason.clone()),
        ]
    };
    let rows: Vec<Vec<String>> = found.items.iter().map(row).collect();
    let titles =
        ["NO", "TO", "ROLE", "IN", "BY", "SINCE (UTC)", "LAST USED", "VERDICT", "DECIDED BY", "REASON"];
    context.out.table(&titles, &rows)?;
    if let Some(digest) = &found.sha256 {
        context.out.line(&format!("Report: spud role review --report {} (sha256 {digest})", found.id))?;
    }
    Ok(0)
}
