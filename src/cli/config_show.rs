//! Settings on standard output.

use super::context::Context;
use super::error::{CONFIG, CliError, FAILED};
use super::output::clean;
use crate::api::types::{
    ConfigChange, ConfigCheck, ConfigDifference, ConfigReport, ConfigSetting, ConfigTemplate, ConfigTrial,
    ConfigVersion, Page,
};
use crate::base::format_time;

pub(super) fn list(
    report: &ConfigReport,
    section: Option<&str>,
    all: bool,
    context: &mut Context,
) -> Result<(), CliError> {
    let wanted = |setting: &&ConfigSetting| {
        let named = section
            .is_none_or(|section| setting.key == section || setting.key.split('.').next() == Some(section));
        named && (all || section.is_some() || setting.layer != "default" || setting.waiting.is_some())
    };
    let found: Vec<&ConfigSetting> = report.settings.iter().filter(wanted).collect();
    if found.is_empty()
        && let Some(section) = section
    {
        let what = format!("there is no section or setting '{section}'");
        return Err(CliError::new(FAILED, what, "`spud config show --all` lists all"));
    }
    if context.json {
        let mut shown = report.clone();
        shown.settings = found.into_iter().cloned().collect();
        return context.print_json(&shown);
    }
    let row = |setting: &&ConfigSetting| {
        let waiting =
            setting.waiting.as_ref().map_or(String::new(), |next| format!(" (after a restart: {next})"));
        vec![setting.key.clone(), format!("{}{waiting}", setting.shown), setting.place.clone()]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    match rows.is_empty() {
        true => context.out.line("Everything stands at its default; `spud config show --all` lists all.")?,
        false => context.out.table(&["SETTING", "VALUE", "FROM"], &rows)?,
    }
    let line =
        format!("environment {} ({}), tier {}", report.environment, report.environment_from, report.tier);
    context.remark(&line);
    for problem in &report.problems {
        context.remark(&format!("{}: {}", problem.place, problem.what));
    }
    if let Some(drift) = &report.drift {
        let why = match drift.problems.len() {
            0 => format!("{} settings wait for a restart", drift.waiting.len()),
            n => format!("{n} problems in the files: `spud config validate` lists them"),
        };
        context.remark(&format!(
            "What runs is not what the files say, since {} UTC: {why}",
            format_time(drift.since_ms)
        ));
    }
    tell_trial(report.trial.as_ref(), context);
    Ok(())
}

fn tell_trial(trial: Option<&ConfigTrial>, context: &Context) {
    if let Some(trial) = trial {
        let left = trial.left_ms.div_ceil(1000);
        context.remark(&format!("On trial: reverts in {left} s unless you run `spud config confirm`"));
    }
}

pub(super) fn explain(setting: &ConfigSetting, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(setting);
    }
    let name = context.out.paint.bold(&clean(&setting.key));
    context.out.line(&format!("{name} = {}", clean(&setting.shown)))?;
    context.out.wrapped(2, &format!("{}.", setting.about))?;
    let mut line = |name: &str, text: &str| -> Result<(), CliError> {
        match text.is_empty() {
            true => Ok(()),
            false => context.out.line(&format!("  {name:<10} {}", clean(text))),
        }
    };
    line("from", &format!("{} ({})", setting.place, setting.layer))?;
    for hidden in &setting.hidden {
        line("hides", &format!("{} of {}", hidden.shown, hidden.place))?;
    }
    line("kind", &setting.kind)?;
    line("allowed", &setting.range)?;
    line("variable", &setting.variable)?;
    line("takes hold", if setting.reload { "at once" } else { "at the next start" })?;
    line("waiting", setting.waiting.as_deref().unwrap_or_default())
}

pub(super) fn change(made: &ConfigChange, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(made);
    }
    differences(&made.differences, context)?;
    for note in &made.notes {
        context.remark(note);
    }
    match &made.version {
        Some(version) => context.remark(&format!("Version {version}.")),
        None if made.dry_run => context.remark("Nothing was changed: this was a dry run."),
        None => {}
    }
    tell_trial(made.trial.as_ref(), context);
    Ok(())
}

pub(super) fn differences(all: &[ConfigDifference], context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(&all);
    }
    if all.is_empty() {
        return context.out.line("Nothing differs.");
    }
    for one in all {
        let when = if one.reload { "" } else { " (at the next start)" };
        context.out.line(&clean(&format!("{}: {} -> {}{when}", one.key, one.from, one.to)))?;
    }
    Ok(())
}

/// What is wrong, one a line, on standard output: that is what was asked for.
pub(super) fn checked(check: &ConfigCheck, context: &mut Context) -> Result<u8, CliError> {
    let code = if check.ok { 0 } else { CONFIG };
    if context.json {
        context.print_json(check)?;
        return Ok(code);
    }
    for problem in &check.problems {
        let hint = problem.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        context
            .out
            .line(&clean(&format!("{}: {}: {}{hint}", problem.place, problem.severity, problem.what)))?;
    }
    if check.ok {
        context.remark("The settings are sound.");
    }
    Ok(code)
}

pub(super) fn history(page: &Page<ConfigVersion>, context: &mut Context) -> Result<(), CliError> {
    if context.json {
        return context.print_json(page);
    }
    if page.items.is_empty() {
        return context.out.line("The settings were never changed.");
    }
    let row = |version: &ConfigVersion| {
        vec![
            version.id.clone(),
            format_time(version.at_ms),
            version.cause.clone(),
            version.actor.clone(),
            version.reason.clone(),
            version.changes.join("; "),
        ]
    };
    let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
    context.out.table(&["VERSION", "AT (UTC)", "CAUSE", "BY", "REASON", "CHANGES"], &rows)
}

pub(super) fn templates(
    page: &Page<ConfigTemplate>,
    name: Option<&str>,
    context: &mut Context,
) -> Result<u8, CliError> {
    if let Some(name) = name {
        let Some(found) = page.items.iter().find(|template| template.name == name) else {
            let known: Vec<&str> = page.items.iter().map(|template| template.name.as_str()).collect();
            let what = format!("there is no template '{name}'");
            return Err(CliError::new(FAILED, what, format!("one of {}", known.join(", "))));
        };
        match context.json {
            true => context.print_json(found)?,
            false => context.out.line(found.text.trim_end())?,
        }
        return Ok(0);
    }
    if context.json {
        context.print_json(page)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> =
        page.items.iter().map(|template| vec![template.name.clone(), template.about.clone()]).collect();
    context.out.table(&["TEMPLATE", "FOR"], &rows)?;
    Ok(0)
}
