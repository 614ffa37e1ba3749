//! Use cases: what they are, and what happened to them.

use crate::api::types::use_case::UseCase;
use crate::base::{format_since, format_time};
use crate::tui::action::Action;
use crate::tui::effect::Effect;
use crate::tui::model::{Model, Overlay};
use crate::tui::update::moved;
use crate::tui::update::subjects::named;

pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let one = model.use_cases.one().cloned();
    match (action, one) {
        (Action::Open, Some(one)) => {
            let title = "Use case".to_owned();
            model.overlay = Some(Overlay::Detail { title, fields: fields(&one), top: 0 });
            Vec::new()
        }
        (Action::CompareRevisions, Some(one)) => {
            vec![super::ask(super::GovernRequest::CompareRevisions(one.name))]
        }
        (Action::Copy, Some(one)) => vec![Effect::Copy(one.name)],
        (action, _) => {
            let (len, page) = (model.use_cases.rows().len(), model.body_height());
            model.use_cases.selected = moved(model.use_cases.selected, action, len, page);
            Vec::new()
        }
    }
}

fn fields(one: &UseCase) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut add = |name: &str, value: String| {
        if !value.is_empty() {
            fields.push((name.to_owned(), value));
        }
    };
    let all =
        |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join(", ") };
    let request = one.approval.as_ref().map_or_else(String::new, |id| format!(" (request {id})"));
    add("name", one.name.clone());
    add("state", format!("{}{request}", one.state));
    add("purpose", one.purpose.clone());
    add("owner", one.owner.clone());
    add("legal basis", one.legal_basis.clone());
    add("data", all(&one.data, "none named"));
    add("collections", all(&one.collections, "all"));
    add("impact", one.impact.clone());
    add("models", one.models.join(", "));
    add(
        "quality",
        one.quality.map_or_else(String::new, |least| format!("nDCG@10 of {least} thousandths at least")),
    );
    let state = one.objective_state.as_deref().unwrap_or("no such objective");
    add("sla", one.objective.as_ref().map_or_else(String::new, |name| format!("{name}: {state}")));
    add("retention", one.retention_days.map_or_else(String::new, |days| format!("{days} days")));
    add("ends", one.retires_ms.map_or_else(String::new, |at| format!("{} UTC", format_time(at))));
    add("successor", one.successor.clone().unwrap_or_default());
    for caller in &one.callers {
        let who = named(&caller.who, caller.login.as_ref());
        add("asks", format!("{who}: {} questions, last {}", caller.questions, format_time(caller.last_ms)));
    }
    for event in &one.history {
        let reason = if event.reason.is_empty() { String::new() } else { format!(": {}", event.reason) };
        let number = event.revision;
        add(&format_since(event.at_ms), format!("{number} {} by {}{reason}", event.what, event.by));
    }
    fields
}
