//! Judged questions: what people say of results, one by one or from a file.

use super::control;
use crate::api::types::Page;
use crate::api::types::registry::{JudgeAnswers, JudgedQuestion, JudgedTarget};
use crate::audit::Entry;
use crate::base::InOrder;
use crate::engine::access::{login, open_to};
use crate::engine::run::Inner;
use crate::engine::worker::invalid;
use crate::engine::{Caller, EngineError, trail};
use crate::governance::registry::{Judged, JudgedShelf, QUESTIONS_MOST, RegistryError, Target, passage_hash};

const RELEVANCE_MOST: u32 = 3;

/// Those of collections that the asker may read, of one collection or of all.
fn open(inner: &Inner, caller: &Caller, collection: Option<&str>) -> Result<Vec<(u64, Judged)>, EngineError> {
    let mut found = JudgedShelf::list(control(inner)?, collection)?;
    let mut names: Vec<String> = found.iter().map(|(_, one)| one.collection.clone()).collect();
    names.order();
    names.dedup();
    let open = open_to(inner, caller, &names);
    found.retain(|(_, one)| open.contains(&one.collection));
    Ok(found)
}

/// A question of a collection that one may not read is not there.
pub(super) fn forget(
    inner: &Inner,
    caller: &Caller,
    id: &str,
    told: Option<&Entry>,
) -> Result<(), EngineError> {
    let number = id.parse::<u64>().ok();
    let known = number.filter(|number| {
        open(inner, caller, None).is_ok_and(|found| found.iter().any(|(known, _)| known == number))
    });
    let name = || id.chars().take(40).collect();
    let number = known.ok_or_else(|| RegistryError::Missing { noun: "judged question", name: name() })?;
    Ok(JudgedShelf::forget(control(inner)?, number, trail::also(told))?)
}

pub(super) fn list(
    inner: &Inner,
    caller: &Caller,
    collection: Option<&str>,
) -> Result<Page<JudgedQuestion>, EngineError> {
    let found = open(inner, caller, collection)?;
    Ok(Page { items: found.iter().map(|(id, one)| words(*id, one)).collect(), next: None })
}

fn words(id: u64, one: &Judged) -> JudgedQuestion {
    let target = |target: &Target| JudgedTarget {
        file: target.file.clone(),
        heading: target.heading.clone(),
        passage: target.passage.clone(),
        relevance: target.relevance,
    };
    JudgedQuestion {
        id: id.to_string(),
        collection: one.collection.clone(),
        question: one.question.clone(),
        targets: one.targets.iter().map(target).collect(),
        login: login(&one.by),
        by: one.by.clone(),
        at_ms: one.at_ms,
    }
}

pub(super) fn learn(
    inner: &Inner,
    by: &str,
    request: JudgeAnswers,
    told: Option<&Entry>,
) -> Result<Page<JudgedQuestion>, EngineError> {
    if request.items.is_empty() || request.items.len() > QUESTIONS_MOST {
        return Err(invalid(format!("1 to {QUESTIONS_MOST} judgements are wanted"), "send fewer at once"));
    }
    let mut items = Vec::new();
    for one in request.items {
        inner.library.collection(&one.collection)?;
        if one.relevance > RELEVANCE_MOST {
            let what = format!("relevance {} is more than {RELEVANCE_MOST}", one.relevance);
            return Err(invalid(what, "0 does not answer, 1 to 3 do"));
        }
        if one.file.is_empty() && one.heading.is_empty() && one.text.is_empty() {
            return Err(invalid("a judgement names no file, heading or passage", "say what answers"));
        }
        let passage = if one.text.is_empty() { String::new() } else { passage_hash(&one.text) };
        let target = Target { file: one.file, heading: one.heading, passage, relevance: one.relevance };
        items.push((one.collection, one.question, vec![target]));
    }
    let now_ms = inner.clock.now_ms();
    let told = told.map(|told| told.clone().text("count", items.len().to_string()));
    let ids = JudgedShelf::learn(control(inner)?, &items, (by, now_ms), trail::also(told.as_ref()))?;
    let all = JudgedShelf::list(control(inner)?, None)?;
    let touched = all.iter().filter(|(id, _)| ids.contains(id));
    Ok(Page { items: touched.map(|(id, one)| words(*id, one)).collect(), next: None })
}
