//! What is done to models, and what follows. Pure.

use super::version::VERSIONS_MOST;
use super::{Deed, Gate, GateState, Hold, Move, Promotion, Registry, RegistryError, Stage, Version};

const REASON_BYTES: usize = 1_000;

/// What is done; `by` is a principal.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    Register(Box<Version>),
    Submit {
        sha256: &'a str,
        approval: u64,
        by: &'a str,
        reason: &'a str,
    },
    /// The last vote.
    Approve {
        sha256: &'a str,
        approval: u64,
        by: &'a str,
    },
    /// Its vectors are there, and its gates were measured.
    Stage {
        sha256: &'a str,
        by: &'a str,
        gates: Vec<Gate>,
    },
    /// A promotion may begin.
    Begin {
        sha256: &'a str,
        by: &'a str,
        reason: &'a str,
    },
    /// Its vectors are there and its gates were measured: it answers from now on, or it does not. `serving` is what
    /// answers without a registry; `lenient` where what could not be measured is let pass.
    Decide {
        sha256: &'a str,
        serving: &'a str,
        gates: Vec<Gate>,
        lenient: bool,
    },
    /// A promotion that cannot come to its end.
    GiveUp {
        sha256: &'a str,
        why: &'a str,
    },
    RollBack {
        by: &'a str,
        reason: &'a str,
    },
    Archive {
        sha256: &'a str,
        by: &'a str,
        reason: &'a str,
    },
    Hold {
        by: &'a str,
        reason: &'a str,
    },
    Release {
        by: &'a str,
    },
}

fn conflict<T>(what: impl Into<String>, advice: &'static str) -> Result<T, RegistryError> {
    Err(RegistryError::Conflict { what: what.into(), advice })
}

fn reasoned(reason: &str) -> Result<String, RegistryError> {
    let reason = reason.trim();
    if (1..=REASON_BYTES).contains(&reason.len()) {
        return Ok(reason.to_owned());
    }
    let what = format!("a reason of 1 to {REASON_BYTES} bytes is needed");
    Err(RegistryError::Invalid { what, advice: "say why (--reason): it is kept with the model" })
}

/// One step: the registry after it, and what stands in the history.
///
/// # Errors
/// [`RegistryError`]: nothing is changed then.
pub fn step(before: &Registry, input: Input<'_>, now_ms: u64) -> Result<(Registry, Move), RegistryError> {
    let mut registry = before.clone();
    let moved = |deed, sha256: &str, by: &str, reason: &str| Move {
        at_ms: now_ms,
        deed,
        sha256: sha256.to_owned(),
        by: by.to_owned(),
        reason: reason.to_owned(),
        switched: None,
    };
    let made = match input {
        Input::Register(version) => {
            may_register(before, &version)?;
            let made = moved(Deed::Registered, &version.sha256, &version.by, &version.about);
            registry.versions.insert(version.sha256.clone(), *version);
            made
        }
        Input::Submit { sha256, approval, by, reason } => {
            let version = usable(&mut registry, sha256)?;
            (version.approval, version.approved_ms) = (Some(approval), None);
            moved(Deed::Submitted, sha256, by, &reasoned(reason)?)
        }
        Input::Approve { sha256, approval, by } => {
            let version = usable(&mut registry, sha256)?;
            if version.approval != Some(approval) {
                return conflict("a newer request asks for this model", "vote on the newer one");
            }
            version.approved_ms = Some(now_ms);
            moved(Deed::Approved, sha256, by, &format!("approval {approval}"))
        }
        Input::Stage { sha256, by, gates } => {
            let version = usable(&mut registry, sha256)?;
            if version.stage == Stage::None {
                version.stage = Stage::Staging;
            }
            (version.gates, version.measured_ms) = (gates, Some(now_ms));
            moved(Deed::Staged, sha256, by, "")
        }
        Input::Begin { sha256, by, reason } => return begin(registry, sha256, by, reason, now_ms),
        Input::Decide { sha256, serving, gates, lenient } => {
            let why = stopped_by(&gates, lenient);
            return decide(registry, (sha256, serving), gates, why, now_ms);
        }
        Input::GiveUp { sha256, why } => {
            let Some(promotion) = under_way(&mut registry, sha256) else {
                return conflict("this promotion is not under way", "`spud model list` shows what is");
            };
            moved(Deed::Refused, sha256, &promotion.by, why)
        }
        Input::RollBack { by, reason } => return roll_back(registry, by, reason, now_ms),
        Input::Archive { sha256, by, reason } => {
            archive(&mut registry, sha256)?;
            moved(Deed::Archived, sha256, by, &reasoned(reason)?)
        }
        Input::Hold { by, reason } => {
            let reason = reasoned(reason)?;
            registry.pointer.held = Some(Hold { by: by.to_owned(), reason: reason.clone(), at_ms: now_ms });
            moved(Deed::Held, "", by, &reason)
        }
        Input::Release { by } => {
            if registry.pointer.held.take().is_none() {
                return conflict("nothing is held", "promotions may begin");
            }
            moved(Deed::Released, "", by, "")
        }
    };
    Ok((registry, made))
}

/// What was archived comes again as a new one: without its approval, to be staged anew.
fn may_register(before: &Registry, version: &Version) -> Result<(), RegistryError> {
    if let Some(known) = before.versions.get(&version.sha256) {
        if known.stage == Stage::Archived {
            return Ok(());
        }
        let what = format!("the model {} is registered already", version.name);
        return conflict(what, "`spud model show` tells how it stands");
    }
    if before.versions.len() >= VERSIONS_MOST {
        return Err(RegistryError::TooMany { noun: "models", most: VERSIONS_MOST });
    }
    Ok(())
}

fn roll_back(
    mut registry: Registry,
    by: &str,
    reason: &str,
    now_ms: u64,
) -> Result<(Registry, Move), RegistryError> {
    let Some(back) = registry.pointer.previous.take() else {
        return conflict("there is nothing to roll back to", "`spud model history` shows what answered when");
    };
    let reason = reasoned(reason)?;
    let left = registry.pointer.production.replace(back.clone()).unwrap_or_default();
    (registry.pointer.promoting, registry.pointer.since_ms) = (None, now_ms);
    restage(&mut registry, &left, &back);
    let made = Move {
        at_ms: now_ms,
        deed: Deed::RolledBack,
        sha256: back.clone(),
        by: by.to_owned(),
        reason,
        switched: Some((left, back)),
    };
    Ok((registry, made))
}

fn archive(registry: &mut Registry, sha256: &str) -> Result<(), RegistryError> {
    let promoting = registry.pointer.promoting.as_ref().map(|promotion| promotion.sha256.as_str());
    if registry.pointer.production.as_deref() == Some(sha256) || promoting == Some(sha256) {
        return conflict("this model answers, or is about to", "promote another one first");
    }
    if registry.pointer.previous.as_deref() == Some(sha256) {
        let what = "this model is what a rollback brings back";
        return conflict(what, "promote another one first: a rollback then brings back what answers now");
    }
    let version = usable(registry, sha256)?;
    if version.stage == Stage::Production {
        return conflict("this model answers", "promote another one first");
    }
    version.stage = Stage::Archived;
    (version.approval, version.approved_ms) = (None, None);
    Ok(())
}

/// A version that is not archived.
fn usable<'a>(registry: &'a mut Registry, sha256: &str) -> Result<&'a mut Version, RegistryError> {
    let missing = || RegistryError::Missing { noun: "model", name: sha256.to_owned() };
    let version = registry.versions.get_mut(sha256).ok_or_else(missing)?;
    if version.stage == Stage::Archived {
        let what = format!("the model {} is archived", version.name);
        return Err(RegistryError::Conflict { what, advice: "register it again (spud model register FILE)" });
    }
    Ok(version)
}

/// Takes the promotion of this model off its way.
fn under_way(registry: &mut Registry, sha256: &str) -> Option<Promotion> {
    registry.pointer.promoting.take_if(|promotion| promotion.sha256 == sha256)
}

fn begin(
    mut registry: Registry,
    sha256: &str,
    by: &str,
    reason: &str,
    now_ms: u64,
) -> Result<(Registry, Move), RegistryError> {
    if let Some(other) = &registry.pointer.promoting {
        let what = format!("{} is being promoted by {} already", other.sha256, other.by);
        return conflict(what, "wait for its end, or cancel its job");
    }
    if let Some(hold) = &registry.pointer.held {
        let what = format!("{} holds all promotions: {}", hold.by, hold.reason);
        return conflict(what, "`spud model release` lets them go on");
    }
    let is_production = registry.pointer.production.as_deref() == Some(sha256);
    let version = usable(&mut registry, sha256)?;
    if is_production || version.stage == Stage::Production {
        return conflict(format!("the model {} answers already", version.name), "nothing is to be done");
    }
    if version.approved_ms.is_none() {
        let what = format!("the model {} has no approval", version.name);
        return conflict(what, "submit it (spud model submit) and let others vote (spud approval)");
    }
    let reason = reasoned(reason)?;
    let promotion =
        Promotion { sha256: sha256.to_owned(), by: by.to_owned(), reason: reason.clone(), at_ms: now_ms };
    registry.pointer.promoting = Some(promotion);
    let made = Move {
        at_ms: now_ms,
        deed: Deed::Begun,
        sha256: sha256.to_owned(),
        by: by.to_owned(),
        reason,
        switched: None,
    };
    Ok((registry, made))
}

/// Why gates stop a promotion.
fn stopped_by(gates: &[Gate], lenient: bool) -> Option<String> {
    let names = |is: &dyn Fn(&Gate) -> bool| {
        let found: Vec<&str> = gates.iter().filter(|gate| is(gate)).map(|gate| gate.name.as_str()).collect();
        found.join(", ")
    };
    let failed = names(&|gate| gate.state == GateState::Failed);
    let unmeasured = names(&Gate::lacks_figures);
    if !failed.is_empty() {
        return Some(format!("gates failed: {failed}"));
    }
    (!unmeasured.is_empty() && !lenient).then(|| {
        format!("not measured: {unmeasured}; judge answers first (spud judge), or set promotion.unmeasured to allow")
    })
}

fn decide(
    mut registry: Registry,
    (sha256, serving): (&str, &str),
    gates: Vec<Gate>,
    why: Option<String>,
    now_ms: u64,
) -> Result<(Registry, Move), RegistryError> {
    let Some(promotion) = under_way(&mut registry, sha256) else {
        return conflict("this promotion was given up meanwhile", "begin it anew: spud model promote");
    };
    let version = usable(&mut registry, sha256)?;
    let why = match version.approved_ms {
        None => Some("its approval was taken back meanwhile".to_owned()),
        Some(_) => why,
    };
    (version.gates, version.measured_ms) = (gates, Some(now_ms));
    let mut made = Move {
        at_ms: now_ms,
        deed: Deed::Refused,
        sha256: sha256.to_owned(),
        by: promotion.by,
        reason: why.unwrap_or_default(),
        switched: None,
    };
    if made.reason.is_empty() {
        let left =
            registry.pointer.production.replace(sha256.to_owned()).unwrap_or_else(|| serving.to_owned());
        registry.pointer.previous = Some(left.clone());
        registry.pointer.since_ms = now_ms;
        restage(&mut registry, &left, sha256);
        (made.deed, made.reason) = (Deed::Promoted, promotion.reason);
        made.switched = Some((left, sha256.to_owned()));
    }
    Ok((registry, made))
}

/// What answered goes back to staging, where its vectors are; what answers now is in production.
fn restage(registry: &mut Registry, left: &str, now: &str) {
    if let Some(version) = registry.versions.get_mut(left)
        && version.stage == Stage::Production
    {
        version.stage = Stage::Staging;
    }
    if let Some(version) = registry.versions.get_mut(now) {
        version.stage = Stage::Production;
    }
}
