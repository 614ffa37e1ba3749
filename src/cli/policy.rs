//! `spud policy ...` and `spud why`: what is allowed, by which policy, and what a change would do.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::context::Context;
use super::error::{CONFIG, CliError, DATA_ERROR, FAILED};
use super::output::{clean, clean_lines};
use crate::api::client::escape;
use crate::api::types::Page;
use crate::api::types::access::{
    CheckPolicies, Decision, Policy, PolicyCase, PolicyCheck, PolicyDiff, PolicyFile, PolicyList,
    PolicyProblem, PolicyTestReport, TakePolicies, TestPolicies,
};
use crate::base::format_time;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List the policies in force
    List,
    /// Show a policy as it was written
    Show { id: String },
    /// Check policies: the site's files, or these
    Check { files: Vec<PathBuf> },
    /// Decide the cases of a TOML file and compare ([[case]] with permission, expect, principal, roles, ...)
    Test {
        file: PathBuf,
        /// With this file of policies in place of the site's (again for more)
        #[arg(long, value_name = "FILE")]
        with: Vec<PathBuf>,
    },
    /// Say what would be decided now, by which policies or emergency pass
    Explain(Explain),
    /// Say what the site's files would change
    Diff,
    /// Take the site's files up now; where policies wait for votes, ask for them
    Reload {
        /// Why: kept in the audit log, and with the request
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// List the last denials and changes, newest first
    Decisions,
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Such as search or force-mode
    permission: String,
    /// uid:1000, gid:100, a login name, or a principal with tokens; without it, you
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// A role in place of those that the principal has (again for more)
    #[arg(long, value_name = "ROLE")]
    role: Vec<String>,
    /// Such as Collection::manuals; without it, the box
    #[arg(long, value_name = "RESOURCE")]
    resource: Option<String>,
    /// In this mode of the box
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// At this hour (0 to 23, UTC)
    #[arg(long, value_name = "HOUR")]
    hour: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The request's id, as the refusal and the log have it
    request: String,
}

pub(super) fn why(args: &WhyArgs, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    let found: Decision = link.get(&format!("/v1/decisions/{}", escape(&args.request)))?;
    decision(&found, context)?;
    Ok(0)
}

pub(super) fn run(verb: Verb, context: &mut Context) -> Result<u8, CliError> {
    let mut link = context.connect()?;
    match verb {
        Verb::List => {
            let all: PolicyList = link.get("/v1/policies")?;
            list(&all, context)?;
        }
        Verb::Reload { reason } => {
            let request = TakePolicies { reason, digest: None };
            let all: PolicyList = link.send("POST", "/v1/policies/reload", &request)?;
            list(&all, context)?;
            return Ok(if all.problems.is_empty() { 0 } else { CONFIG });
        }
        Verb::Show { id } => {
            let one: Policy = link.get(&format!("/v1/policies/{}", escape(&id)))?;
            show(&one, context)?;
        }
        Verb::Check { files } => {
            let request = CheckPolicies { files: read(&files)? };
            let check: PolicyCheck = link.send("POST", "/v1/policies/check", &request)?;
            return checked(&check, context);
        }
        Verb::Test { file, with } => {
            let mut request = cases(&file)?;
            request.files = read(&with)?;
            let report: PolicyTestReport = link.send("POST", "/v1/policies/test", &request)?;
            return tested(&report, context);
        }
        Verb::Explain(asked) => {
            let case = PolicyCase {
                principal: asked.principal,
                roles: (!asked.role.is_empty()).then_some(asked.role),
                permission: asked.permission,
                resource: asked.resource,
                mode: asked.mode,
                hour: asked.hour,
                ..PolicyCase::default()
            };
            let found: Decision = link.send("POST", "/v1/policies/explain", &case)?;
            decision(&found, context)?;
        }
        Verb::Diff => {
            let found: PolicyDiff = link.get("/v1/policies/diff")?;
            return diff(&found, context);
        }
        Verb::Decisions => {
            let page: Page<Decision> = link.get("/v1/decisions")?;
            decisions(&page, context)?;
        }
    }
    Ok(0)
}

fn read(files: &[PathBuf]) -> Result<Vec<PolicyFile>, CliError> {
    let one = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| CliError::input(path, &error))?;
        Ok(PolicyFile { name: path.display().to_string(), text })
    };
    files.iter().map(one).collect()
}

fn cases(path: &Path) -> Result<TestPolicies, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::input(path, &error))?;
    toml::from_str(&text).map_err(|error| {
        let advice =
            "each case is [[case]] with permission = \"search\", expect = \"allow\" and what else matters";
        CliError::new(DATA_ERROR, format!("{}: {error}", path.display()), advice)
    })
}

fn list(all: &PolicyList, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(all);
    }
    let row = |one: &Policy| {
        let count = one.permissions.len().to_string();
        vec![one.id.clone(), one.effect.clone(), count, one.file.clone()]
    };
    let rows: Vec<Vec<String>> = all.items.iter().map(row).collect();
    context.out.table(&["POLICY", "EFFECT", "PERMISSIONS", "FILE"], &rows)?;
    context.out.line(&format!("digest {}", clean(&all.digest)))?;
    for folder in &all.folders {
        context.out.line(&clean(&format!("site   {folder}/*.cedar")))?;
    }
    if !all.problems.is_empty() {
        let text = match all.problems.iter().all(|one| one.line == 0) {
            true => "The site's files wait: the policies above go on.".to_owned(),
            false => context.out.paint.bad("The site's files are wrong: those that were valid before go on."),
        };
        context.out.line(&text)?;
        problems(&all.problems, context)?;
    }
    Ok(())
}

fn problems(all: &[PolicyProblem], context: &mut Context) -> Result<(), CliError> {
    for PolicyProblem { file, line, column, what } in all {
        // About all of it, where no line is named.
        let place = if *line == 0 { file.clone() } else { format!("{file}:{line}:{column}") };
        context.out.line(&clean(&format!("{place}: {what}")))?;
    }
    Ok(())
}

fn show(one: &Policy, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(one);
    }
    context.out.line(&clean(&format!("// {}", one.file)))?;
    context.out.line(&clean_lines(&one.text))?;
    context.out.line(&clean(&format!("// can be about: {}", one.permissions.join(" "))))
}

fn checked(check: &PolicyCheck, context: &mut Context) -> Result<u8, CliError> {
    let code = if check.ok { 0 } else { CONFIG };
    if context.json {
        context.print_json(check)?;
    } else if check.ok {
        let digest = check.digest.clone().unwrap_or_default();
        context.out.line(&clean(&format!("{} policies are valid; digest {digest}", check.policies)))?;
    } else {
        problems(&check.problems, context)?;
    }
    Ok(code)
}

fn tested(report: &PolicyTestReport, context: &mut Context) -> Result<u8, CliError> {
    let code = if report.failed == 0 { 0 } else { FAILED };
    if context.json {
        context.print_json(report)?;
        return Ok(code);
    }
    for result in report.results.iter().filter(|result| !result.passed) {
        let text = context.out.paint.bad(&clean(&format!("failed: {}", result.name)));
        context.out.line(&text)?;
        decision(&result.decision, context)?;
    }
    context.out.line(&format!("{} passed, {} failed", report.passed, report.failed))?;
    Ok(code)
}

fn diff(found: &PolicyDiff, context: &mut Context) -> Result<u8, CliError> {
    let code = if found.problems.is_empty() { 0 } else { CONFIG };
    if context.json {
        context.print_json(found)?;
        return Ok(code);
    }
    for (mark, ids) in [('+', &found.added), ('-', &found.removed), ('~', &found.changed)] {
        for id in ids {
            context.out.line(&clean(&format!("{mark} {id}")))?;
        }
    }
    problems(&found.problems, context)?;
    if found.digest_of_files.as_ref() == Some(&found.digest) {
        context.out.line("The files are what is in force.")?;
    }
    Ok(code)
}

fn decision(found: &Decision, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(found);
    }
    let what = format!("{} on {} for {}", found.permission, found.resource, found.principal);
    let text = match found.allowed {
        true => context.out.paint.good(&clean(&format!("allowed: {what}"))),
        false => context.out.paint.bad(&clean(&format!("denied: {what}"))),
    };
    context.out.line(&text)?;
    let policies = match found.policies.as_slice() {
        [] => "none permits it".to_owned(),
        ids => ids.join(", "),
    };
    let roles = if found.roles.is_empty() { "none".to_owned() } else { found.roles.join(", ") };
    let mut lines = vec![("policies", policies), ("roles", roles), ("via", found.via.clone())];
    lines.push(("mode", found.mode.clone()));
    lines.extend(found.pass.iter().map(|pass| ("pass", pass.said(format_time))));
    lines.extend(found.errors.iter().map(|error| ("no value", error.clone())));
    if !found.needs.is_empty() {
        lines.push(("needs", found.needs.clone()));
    }
    if !found.request.is_empty() {
        lines.push(("asked", format!("{} UTC, request {}", format_time(found.at_ms), found.request)));
    }
    lines.push(("digest", found.digest.clone()));
    for (label, text) in lines {
        context.out.line(&clean(&format!("  {label:<9} {text}")))?;
    }
    Ok(())
}

fn decisions(page: &Page<Decision>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    let row = |one: &Decision| {
        vec![
            format_time(one.at_ms),
            one.request.clone(),
            one.principal.clone(),
            if one.allowed { "allowed" } else { "denied" }.to_owned(),
            one.permission.clone(),
            one.resource.clone(),
            one.policies.join(" "),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["AT (UTC)", "REQUEST", "PRINCIPAL", "", "PERMISSION", "ON", "POLICIES"], &rows)
}
