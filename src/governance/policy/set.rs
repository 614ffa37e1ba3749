//! A set of policies at work: read, validated, sorted by action, asked.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::check;
use super::error::{Fault, PolicyError, PolicyProblem};
use super::evaluate::{Request, Scene};
use super::parse;
use super::schema::Schema;
use super::tree::{Effect, Policy};
use super::value::Entities;

/// One file of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As mistakes name it.
    pub file: String,
    pub text: String,
}

/// Policies that are valid together.
#[derive(Debug)]
pub struct PolicySet {
    schema: Schema,
    policies: Vec<Policy>,
    /// For each action, the policies that can be about it.
    by_action: HashMap<Arc<str>, Vec<u32>>,
    digest: String,
}

/// What a set says to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    pub allowed: bool,
    /// Places of the policies that decided; none where nothing permits.
    pub by: Vec<u32>,
    /// Policies that have no value for this request, and so do not apply.
    pub errors: Vec<(u32, super::EvaluateError)>,
}

impl PolicySet {
    /// Reads and validates all files.
    ///
    /// # Errors
    /// Every mistake of every file; nothing is taken then.
    pub fn load(schema: &Source, files: &[Source]) -> Result<Self, PolicyError> {
        Self::read(schema, files, true)
    }

    /// Reads all files without looking at types: for comparing what policies say, never for deciding in earnest.
    ///
    /// # Errors
    /// What cannot be read.
    pub fn load_unchecked(schema: &Source, files: &[Source]) -> Result<Self, PolicyError> {
        Self::read(schema, files, false)
    }

    fn read(schema: &Source, files: &[Source], strict: bool) -> Result<Self, PolicyError> {
        let read = Schema::parse(&schema.file, &schema.text)?;
        let mut problems = Vec::new();
        let mut policies: Vec<Policy> = Vec::new();
        let mut ids: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for source in files {
            let placed = |fault: Fault| fault.placed(&source.file, &source.text);
            match parse::policies(&source.file, stem(&source.file), &source.text) {
                Ok(found) => {
                    for policy in &found {
                        if strict {
                            problems.extend(check::check(&read, policy).into_iter().map(placed));
                        }
                        problems.extend(twice(&mut ids, policy).map(placed));
                    }
                    policies.extend(found);
                }
                Err(fault) => problems.push(placed(fault)),
            }
        }
        if !problems.is_empty() {
            return Err(PolicyError::Invalid(problems));
        }
        let by_action = buckets(&read, &policies);
        Ok(Self { schema: read, policies, by_action, digest: digest(schema, files) })
    }

    /// SHA-256 of the schema and all files, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The policy at a place that a [`Verdict`] names.
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&Policy> {
        self.policies.get(place as usize)
    }

    /// Policies that can be about an action.
    pub fn about(&self, action: &str) -> impl Iterator<Item = (u32, &Policy)> {
        let places = self.by_action.get(action).into_iter().flatten();
        places.filter_map(|place| Some((*place, self.at(*place)?)))
    }

    /// Nothing is allowed that no policy permits, or that one forbids.
    #[must_use]
    pub fn decide(&self, request: &Request, entities: &Entities) -> Verdict {
        let scene = Scene::new(request, entities, &self.schema.groups);
        let (mut permits, mut forbids, mut errors) = (Vec::new(), Vec::new(), Vec::new());
        for (place, policy) in self.about(&request.action.id) {
            match scene.applies(policy) {
                Ok(false) => {}
                Ok(true) if policy.effect == Effect::Permit => permits.push(place),
                Ok(true) => forbids.push(place),
                Err(error) => errors.push((place, error)),
            }
        }
        let allowed = forbids.is_empty() && !permits.is_empty();
        Verdict { allowed, by: if forbids.is_empty() { permits } else { forbids }, errors }
    }
}

/// Where an id was seen before.
fn twice(ids: &mut BTreeMap<Arc<str>, String>, policy: &Policy) -> Option<Fault> {
    let before = ids.insert(Arc::clone(&policy.id), policy.file.to_string())?;
    let what = format!("the id \"{}\" is taken already, in {before}", policy.id);
    Some(Fault::new(policy.at, what))
}

fn buckets(schema: &Schema, policies: &[Policy]) -> HashMap<Arc<str>, Vec<u32>> {
    let of = |action: &Arc<str>| {
        let about =
            policies.iter().enumerate().filter(|(_, policy)| check::is_about(schema, &policy.action, action));
        let places: Vec<u32> = about.filter_map(|(place, _)| u32::try_from(place).ok()).collect();
        (Arc::clone(action), places)
    };
    schema.actions.keys().map(of).collect()
}

/// The file's name without folder and ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.strip_suffix(".cedar").unwrap_or(name)
}

fn digest(schema: &Source, files: &[Source]) -> String {
    let mut hash = Sha256::new();
    for source in std::iter::once(schema).chain(files) {
        // Wherever the file lies, the same policies have the same digest.
        let name = source.file.rsplit('/').next().unwrap_or_default();
        for part in [name.as_bytes(), source.text.as_bytes()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// One door for tests that try any bytes: reads them as schema and as policies, and asks what came of it.
pub fn try_anything(schema: &str, policies: &str, request: &Request) -> Vec<PolicyProblem> {
    let source = |file: &str, text: &str| Source { file: file.to_owned(), text: text.to_owned() };
    match PolicySet::load(&source("s.cedarschema", schema), &[source("p.cedar", policies)]) {
        Ok(set) => {
            let _ = set.decide(request, &Entities::default());
            Vec::new()
        }
        Err(error) => error.problems().to_vec(),
    }
}
