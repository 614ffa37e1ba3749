//! Bundles of the reference tool (`tests/data/oms`), and what somebody could make of them.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

const FOLDER: &str = include_str!("../../../../tests/data/oms/folder.sig");
const FILE: &str = include_str!("../../../../tests/data/oms/file.sig");
const CERTIFIED: &str = include_str!("../../../../tests/data/oms/certificate.sig");
const P256: &str = include_str!("../../../../tests/data/oms/p256.pem");
const P384: &str = include_str!("../../../../tests/data/oms/p384.pem");
const CERTIFICATE: &str = include_str!("../../../../tests/data/oms/certificate.pem");

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

fn files() -> Vec<File> {
    [("config.json", "{}\n"), ("model.safetensors", "weights\n"), ("tokenizer.json", "tokens\n")]
        .map(|(name, text)| (name.to_owned(), digest(text)))
        .into()
}

fn said(bundle: &str, files: Vec<File>, pem: &str) -> (GateState, String) {
    let gate = signature("required", Some(&Signed { bundle: bundle.into(), files }), SigningKey::read(pem));
    (gate.state, gate.what)
}

#[test]
fn what_the_reference_tool_signed_holds_under_its_key_and_under_no_other() {
    let one = || vec![(ONE_FILE.to_owned(), digest("weights\n"))];
    let good = [
        (FOLDER, files(), P256.to_owned()),
        (FOLDER, files(), [P384, CERTIFICATE, P256].concat()),
        (FILE, one(), P384.to_owned()),
        // A model that is one file of a signed folder.
        (FOLDER, one(), P256.to_owned()),
        (CERTIFIED, files(), CERTIFICATE.to_owned()),
    ];
    for (bundle, files, pem) in good {
        let (state, what) = said(bundle, files, &pem);
        assert_eq!(state, GateState::Passed, "{what}");
    }
    // The id is the one that the tool writes into the bundle.
    let id = SigningKey::read(P256).unwrap()[0].id();
    assert!(FOLDER.contains(&format!("\"hint\":\"{id}\"")), "{id}");
    let (state, what) = said(FOLDER, files(), P384);
    assert!(
        state == GateState::Failed && what.contains("none of the 1 trusted keys") && what.contains(&id),
        "{what}"
    );
}

#[test]
fn whatever_differs_from_what_was_signed_fails_and_is_named() {
    let mut changed = files();
    changed[1].1 = digest("other weights\n");
    let mut more = files();
    more.push(("vocab.txt".into(), digest("words\n")));
    let cases = [
        (changed, "model.safetensors is not what was signed"),
        (more, "vocab.txt is not among what was signed"),
        (files()[..2].to_vec(), "tokenizer.json was signed, and is not there"),
        (vec![(ONE_FILE.to_owned(), digest("x"))], "is not among what was signed"),
    ];
    for (files, expected) in cases {
        let (state, what) = said(FOLDER, files, P256);
        assert!(state == GateState::Failed && what.contains(expected), "{what}");
    }
    // Payloads and signatures of other bundles.
    let payload =
        |text: &str| text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let swapped = FOLDER.replace(&payload(FOLDER), &payload(CERTIFIED));
    assert!(said(&swapped, files(), P256).1.contains("trusted keys"));
    // A statement that was changed says another root, or is not what was signed.
    let statement = String::from_utf8(from_base64(&payload(FOLDER)).unwrap()).unwrap();
    for (from, to, expected) in [
        (to_hex(&digest("weights\n")), to_hex(&digest("bad\n")), "not the digest over its files"),
        ("v1.0".into(), "v2.0".into(), "another one than"),
        ("\"sha256\",".into(), "\"blake3\",".into(), "another hash"),
        ("\"files\"".into(), "\"shards\"".into(), "by shards"),
        ("config.json".into(), "tokenizer.json".into(), "named twice"),
    ] {
        let other = to_base64(statement.replace(&from, &to).as_bytes());
        let (state, what) = said(&FOLDER.replace(&payload(FOLDER), &other), files(), P256);
        assert!(state == GateState::Failed && what.contains(expected), "{from}: {what}");
    }
    let keyless = FOLDER.replace("\"tlogEntries\":[]", "\"tlogEntries\":[{}]");
    assert!(said(&keyless, files(), P256).0 == GateState::Passed, "a trusted key made it all the same");
    assert!(said(&keyless, files(), P384).1.contains("keyless"));
}

#[test]
fn the_setting_says_what_a_missing_signature_means() {
    let state = |asked, signed: Option<&Signed>| signature(asked, signed, Ok(Vec::new())).state;
    let signed = Signed { bundle: FOLDER.into(), files: files() };
    assert_eq!(
        (state("off", None), state("off", Some(&signed))),
        (GateState::NotConfigured, GateState::NotConfigured)
    );
    assert_eq!(
        (state("if-present", None), state("required", None)),
        (GateState::NotMeasured, GateState::Failed)
    );
    assert_eq!(
        (state("if-present", Some(&signed)), state("required", Some(&signed))),
        (GateState::Failed, GateState::Failed)
    );
    let gate = signature("required", Some(&signed), Err("no such file".into()));
    assert_eq!((gate.state, gate.what.as_str()), (GateState::Failed, "no such file"));
}

#[test]
fn keys_are_public_and_of_known_kinds() {
    for (pem, expected) in [
        ("", "no public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "no key of a known kind"),
        ("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----", "not base64"),
        ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "EC PRIVATE KEY"),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "no key of a known kind"),
    ] {
        assert!(SigningKey::read(pem).unwrap_err().contains(expected), "{pem}");
    }
    let edwards = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----",
        to_base64(&[EDWARDS, &[7; 32]].concat())
    );
    assert_eq!(SigningKey::read(&edwards).unwrap().len(), 1);
}

proptest! {
    /// Garbage is an error, and no panic.
    #[test]
    fn a_bundle_that_lost_a_byte_never_passes(at in 0usize..1_700, byte in 0u8..128) {
        let mut bytes = FOLDER.as_bytes().to_vec();
        prop_assume!(at < bytes.len() && bytes[at] != byte);
        bytes[at] = byte;
        let text = String::from_utf8(bytes).unwrap();
        if said(&text, files(), P256).0 == GateState::Passed {
            // What is not signed (media type, hint) may differ; what is signed, and the signature, may not.
            prop_assert_eq!(Bundle::parse(&text).unwrap().payload, Bundle::parse(FOLDER).unwrap().payload);
        }
    }

    #[test]
    fn certificates_of_garbage_have_no_key(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = key_of(&bytes);
        let _ = Bundle::parse(&String::from_utf8_lossy(&bytes));
    }
}
