//! Evidence: what an entry says, as a statement that others verify with tools of their own.
//!
//! An entry of one of five topics is an in-toto Statement v1, made of the leaf and of the texts that are still there;
//! nothing else is in it, so that it is the same whenever it is made, and there is no second store that could differ
//! from the log. It is signed when somebody asks for it, in a DSSE envelope (PAE v1, Ed25519). Its first subject is the
//! leaf itself, by SHA-256 over its bytes: with a proof of inclusion, what is signed is what was entered.
//!
//! Sources: in-toto attestation framework v1, DSSE protocol 1.0, RFC 8410 (public keys), RFC 8709 (keys of SSH).

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::entry::{Leaf, Outcome};
use super::log::Found;
use super::note::VerifierKey;
use crate::base::{format_second, from_base64, to_base64, to_hex};
use crate::store::backup::{PublicKey, Signer, holds};

/// What the payload of an envelope is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Envelopes that are larger, and more signatures, are not read.
const BYTES: usize = 256 << 10;
const SIGNATURES: usize = 100;
/// A public key of Ed25519 as DER (RFC 8410) and as SSH sends it (RFC 8709), up to its 32 bytes.
const DER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const SSH: &[u8] = b"\0\0\0\x0bssh-ed25519\0\0\0 ";
/// States of gates as the text of an entry has them.
const GATES: [&str; 4] = ["passed", "failed", "not measured", "not configured"];

/// What a statement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Approval,
    Gate,
    Deployment,
    Incident,
    Review,
}

impl Topic {
    pub const ALL: [Self; 5] = [Self::Approval, Self::Gate, Self::Deployment, Self::Incident, Self::Review];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Gate => "gate",
            Self::Deployment => "deployment",
            Self::Incident => "incident",
            Self::Review => "review",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// The topic of an entry; `None` where it is no evidence. Only what was done is, and a promotion that its gates
    /// refused.
    #[must_use]
    pub fn of(leaf: &Leaf) -> Option<Self> {
        let kind = leaf.kind.as_str();
        if kind == "model.promotion_refused" {
            return Some(Self::Gate);
        }
        if leaf.outcome != Outcome::Done {
            return None;
        }
        Some(match kind {
            "model.staged" => Self::Gate,
            "model.registered" | "model.promoted" | "model.rolled_back" | "model.archived" => {
                Self::Deployment
            }
            "use_case.deployed" | "use_case.deprecated" | "use_case.retired" => Self::Deployment,
            "model.approved" | "use_case.approved" => Self::Approval,
            "role.confirmed" | "role.revoked" | "review.opened" | "review.closed" => Self::Review,
            "approval.commented" => return None,
            _ if kind.starts_with("approval.") => Self::Approval,
            _ if kind.starts_with("incident.") => Self::Incident,
            _ => return None,
        })
    }

    fn predicate_type(self) -> String {
        format!("https://spud.invalid/attestation/{}/v1", self.name())
    }
}

/// The statement of an entry, as the bytes that are signed; `None` where the entry is no evidence.
#[must_use]
pub fn statement(found: &Found) -> Option<String> {
    let leaf = &found.leaf;
    let topic = Topic::of(leaf)?;
    let entry: Value = serde_json::from_str(&found.json).ok()?;
    let texts: Map<String, Value> = leaf
        .texts
        .iter()
        .map(|(name, hash)| {
            let kept = found.texts.iter().find(|text| text.name == *name);
            let value = match kept {
                Some(text) => json!({"salt": to_hex(&text.salt), "text": text.text}),
                None => json!({"erased": true, "sha256": to_hex(hash)}),
            };
            (name.clone(), value)
        })
        .collect();
    let mut predicate = json!({
        "at": format_second(leaf.at_ms),
        "by": leaf.actor,
        "entry": entry,
        "on": {"id": leaf.subject.1, "kind": leaf.subject.0},
        "texts": texts,
        "what": leaf.kind,
    });
    if let Some(text) = found.texts.iter().find(|text| text.name == "gates") {
        let gates: Vec<Value> = text.text.lines().filter_map(gate).collect();
        predicate["gates"] = gates.into();
    }
    let leaf_digest = to_hex(&Sha256::digest(found.json.as_bytes()));
    let mut subjects =
        vec![json!({"digest": {"sha256": leaf_digest}, "name": format!("audit/entry/{}", leaf.sequence)})];
    if let Some(after) = leaf.after {
        let name = format!("{}/{}", leaf.subject.0, leaf.subject.1);
        subjects.push(json!({"digest": {"sha256": to_hex(&after)}, "name": name}));
    }
    let statement = json!({
        "_type": STATEMENT,
        "predicate": predicate,
        "predicateType": topic.predicate_type(),
        "subject": subjects,
    });
    Some(statement.to_string())
}

/// A line `change window not configured: any time is fine`.
fn gate(line: &str) -> Option<Value> {
    let places = GATES.iter().filter_map(|state| Some((line.find(&format!(" {state}: "))?, *state)));
    let (at, state) = places.min()?;
    let what = line.get(at + state.len() + 3..)?;
    Some(json!({"name": line.get(..at)?, "state": state, "what": what}))
}

/// What a signature of an envelope is over (pre-authentication encoding, version 1).
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// The id of a key in envelopes: SHA-256 over its 32 bytes.
#[must_use]
pub fn key_id(key: &PublicKey) -> String {
    to_hex(&Sha256::digest(key))
}

/// A payload with its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub payload_type: String,
    pub payload: Vec<u8>,
    /// Id of the key as its signer says it, and the signature.
    pub signatures: Vec<(String, [u8; 64])>,
}

impl Envelope {
    /// A statement that nobody signed yet.
    #[must_use]
    pub fn new(statement: String) -> Self {
        let payload_type = PAYLOAD_TYPE.to_owned();
        Self { payload_type, payload: statement.into_bytes(), signatures: Vec::new() }
    }

    /// Reads an envelope; `None` where it is none. Nothing is verified by that.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok().filter(|_| text.len() <= BYTES)?;
        let field = |value: &Value, name: &str| value.get(name)?.as_str().map(str::to_owned);
        let signatures = value.get("signatures")?.as_array()?.iter().take(SIGNATURES + 1).map(|one| {
            let signature = bytes_of(&field(one, "sig")?)?.try_into().ok()?;
            Some((field(one, "keyid").unwrap_or_default(), signature))
        });
        let signatures: Vec<_> = signatures.collect::<Option<_>>()?;
        let payload = bytes_of(&field(&value, "payload")?)?;
        let payload_type = field(&value, "payloadType")?;
        (signatures.len() <= SIGNATURES).then_some(Self { payload_type, payload, signatures })
    }

    /// Signs; what the same key signed before is replaced.
    pub fn sign(&mut self, signer: &Signer) {
        let id = key_id(&signer.public());
        let signature = signer.sign(&pae(&self.payload_type, &self.payload));
        self.signatures.retain(|(known, _)| *known != id);
        self.signatures.push((id, signature));
    }

    /// Those of the keys that signed, each once; what a signature says of its key is not believed.
    #[must_use]
    pub fn signers<'a>(&self, keys: &'a [PublicKey]) -> Vec<&'a PublicKey> {
        let signed = pae(&self.payload_type, &self.payload);
        let mut found: Vec<&PublicKey> = Vec::new();
        for key in keys {
            let did = self.signatures.iter().any(|(_, signature)| holds(key, &signed, signature));
            if did && !found.contains(&key) {
                found.push(key);
            }
        }
        found
    }
}

impl std::fmt::Display for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signatures: Vec<Value> = self
            .signatures
            .iter()
            .map(|(id, signature)| json!({"keyid": id, "sig": to_base64(signature)}))
            .collect();
        let payload = to_base64(&self.payload);
        let all = json!({"payload": payload, "payloadType": self.payload_type, "signatures": signatures});
        write!(f, "{all}")
    }
}

/// Base 64 of either alphabet, as DSSE allows.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    from_base64(&text.replace('-', "+").replace('_', "/"))
}

/// A public key as openssl reads it: PEM of its SubjectPublicKeyInfo.
#[must_use]
pub fn pem(key: &PublicKey) -> String {
    let der = to_base64(&[&DER[..], key].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{der}\n-----END PUBLIC KEY-----\n")
}

/// A public key on a line, as ssh has them.
#[must_use]
pub fn openssh(key: &PublicKey, name: &str) -> String {
    format!("ssh-ed25519 {} {name}\n", to_base64(&[SSH, key].concat()))
}

/// Reads public keys: PEM, lines of OpenSSH, lines `NAME+ID+KEY`; empty lines and those with `#` are let be.
///
/// # Errors
/// The first line that is none.
pub fn public_keys(text: &str) -> Result<Vec<PublicKey>, String> {
    let mut keys = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with("-----") {
            continue;
        }
        let bytes = match line.strip_prefix("ssh-ed25519 ") {
            Some(rest) => from_base64(rest.split_whitespace().next().unwrap_or_default()),
            None => from_base64(line),
        };
        let key = bytes.as_deref().and_then(|bytes| bytes.strip_prefix(SSH).or(bytes.strip_prefix(&DER)));
        let key = key.and_then(|key| PublicKey::try_from(key).ok());
        let key = key.or_else(|| VerifierKey::parse(line).map(|key| key.public));
        keys.push(key.ok_or_else(|| line.chars().take(40).collect::<String>())?);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audit::{Entry, KeyKind, Log, append, erase};
    use crate::store::Control;

    fn entered(entry: Entry) -> (tempfile::TempDir, Control) {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&folder.path().join("control.redb"), 256 << 10).unwrap();
        control.write(|write| append(write, &entry)).unwrap();
        (folder, control)
    }

    fn made(control: &Control) -> Value {
        let log = Log::open(&control.snapshot().unwrap()).unwrap();
        serde_json::from_str(&statement(&log.find(0).unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn a_statement_says_what_the_entry_says_and_is_the_same_every_time() {
        let entry = Entry {
            after: Some([7; 32]),
            ..Entry::new(0, [1; 32], "model.promoted", "uid:7", ("model", "ab"))
        }
        .text("gates", "quality passed: 1.0\nchange window not configured: it passed: yes")
        .text("reason", "\"sha256\":\"x\"");
        let (_folder, control) = entered(entry);
        let one = made(&control);
        assert_eq!(one, made(&control));
        assert_eq!(one["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(one["predicateType"], "https://spud.invalid/attestation/deployment/v1");
        let gates = &one["predicate"]["gates"];
        assert_eq!((&gates[0]["name"], &gates[0]["what"]), (&json!("quality"), &json!("1.0")));
        assert_eq!(
            (&gates[1]["name"], &gates[1]["state"]),
            (&json!("change window"), &json!("not configured"))
        );
        assert_eq!(gates[1]["what"], "it passed: yes");
        let log = Log::open(&control.snapshot().unwrap()).unwrap();
        let leaf = log.leaf_bytes(0).unwrap();
        assert_eq!(one["subject"][0]["digest"]["sha256"], to_hex(&Sha256::digest(&leaf)).as_str());
        assert_eq!(one["subject"][1], json!({"digest": {"sha256": "07".repeat(32)}, "name": "model/ab"}));
        // Whoever has salt and text can hold them against the leaf.
        let text = &one["predicate"]["texts"]["reason"];
        let salt: Vec<u8> = (0..16)
            .map(|at| u8::from_str_radix(&text["salt"].as_str().unwrap()[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let hash = Sha256::new().chain_update(salt).chain_update(text["text"].as_str().unwrap()).finalize();
        assert_eq!(one["predicate"]["entry"]["texts"]["reason"], to_hex(&hash).as_str());
        // What was erased is not in it any more, and its hash still is.
        drop(log);
        let told = Entry::new(1, [0; 32], "audit.erased", "uid:0", ("entry", "0"));
        control.write(|write| erase(write, 0, &told)).unwrap();
        let after = made(&control);
        assert_eq!(after["predicate"]["texts"]["reason"]["erased"], true);
        assert_eq!((&after["subject"], after["predicate"].get("gates")), (&one["subject"], None));
    }

    #[test]
    fn only_what_was_done_is_evidence() {
        let topic = |kind: &str, outcome| {
            let (_folder, control) =
                entered(Entry::new(0, [1; 32], kind, "uid:7", ("x", "y")).outcome(outcome));
            let log = Log::open(&control.snapshot().unwrap()).unwrap();
            Topic::of(&log.find(0).unwrap().leaf).map(Topic::name)
        };
        for (kind, name) in [
            ("approval.approved", "approval"),
            ("model.staged", "gate"),
            ("use_case.deployed", "deployment"),
            ("incident.closed", "incident"),
            ("role.confirmed", "review"),
            ("review.closed", "review"),
        ] {
            assert_eq!(topic(kind, Outcome::Done), Some(name), "{kind}");
            for outcome in [Outcome::Begun, Outcome::Denied, Outcome::Failed] {
                assert_eq!(topic(kind, outcome), None, "{kind}");
            }
        }
        assert_eq!(topic("model.promotion_refused", Outcome::Failed), Some("gate"));
        for kind in ["approval.commented", "config.set", "incidents"] {
            assert_eq!(topic(kind, Outcome::Done), None, "{kind}");
        }
    }

    #[test]
    fn the_pae_is_that_of_the_specification() {
        // The vector of the DSSE protocol.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn envelopes_count_each_key_once_and_believe_no_key_id() {
        let (one, two) = (Signer::from_seed(&[1; 32]), Signer::from_seed(&[2; 32]));
        let mut envelope = Envelope::new("{}".to_owned());
        envelope.sign(&one);
        envelope.sign(&one);
        let keys = [one.public(), one.public(), two.public()];
        assert_eq!((envelope.signatures.len(), envelope.signers(&keys).len()), (1, 1));
        let mut forged = envelope.clone();
        forged.signatures.push((key_id(&two.public()), forged.signatures[0].1));
        assert_eq!(forged.signers(&keys).len(), 1);
        envelope.sign(&two);
        assert_eq!(envelope.signers(&keys).len(), 2);
        let again = Envelope::parse(&envelope.to_string()).unwrap();
        assert_eq!(again, envelope);
        let other = Envelope { payload: b"{ }".to_vec(), ..envelope.clone() };
        let typed = Envelope { payload_type: "text/plain".into(), ..envelope };
        assert!(other.signers(&keys).is_empty() && typed.signers(&keys).is_empty());
    }

    #[test]
    fn keys_are_read_in_three_forms() {
        let key = Signer::from_seed(&[3; 32]).public();
        let named = VerifierKey { name: "box".into(), kind: KeyKind::Log, public: key };
        let text = format!("# the box\n{}\n{}{named}\n", pem(&key), openssh(&key, "box"));
        assert_eq!(public_keys(&text).unwrap(), [key; 3]);
        assert_eq!(public_keys("ssh-rsa AAAA").unwrap_err(), "ssh-rsa AAAA");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_no_panic(text in ".{0,200}") {
            let _ = (Envelope::parse(&text), public_keys(&text), gate(&text));
        }

        #[test]
        fn a_changed_payload_is_not_signed(payload in prop::collection::vec(any::<u8>(), 0..60), at in 0usize..60) {
            let signer = Signer::from_seed(&[4; 32]);
            let mut envelope = Envelope { payload_type: PAYLOAD_TYPE.into(), payload, signatures: Vec::new() };
            envelope.sign(&signer);
            let mut again = Envelope::parse(&envelope.to_string()).unwrap();
            prop_assert_eq!(again.signers(&[signer.public()]).len(), 1);
            match again.payload.get_mut(at) {
                Some(byte) => *byte ^= 1,
                None => again.payload.push(0),
            }
            prop_assert!(again.signers(&[signer.public()]).is_empty());
        }
    }
}
