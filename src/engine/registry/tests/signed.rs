//! Models with a signature of the OpenSSF kind, and without one.

use super::*;

/// What a key signs of one file, as the reference tool writes it.
fn bundle(secret: &ring::signature::EcdsaKeyPair, digest: &[u8]) -> String {
    use crate::base::{to_base64, to_hex};

    const KIND: &str = "application/vnd.in-toto+json";
    let root = to_hex(&crate::engine::trail::digest(digest));
    let statement = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": root}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files"},
            "resources": [{"name": ".", "algorithm": "sha256", "digest": to_hex(digest)}],
        },
    })
    .to_string();
    let signed = crate::audit::pae(KIND, statement.as_bytes());
    let made = secret.sign(&ring::rand::SystemRandom::new(), &signed).unwrap();
    serde_json::json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": to_base64(statement.as_bytes()),
            "payloadType": KIND,
            "signatures": [{"sig": to_base64(made.as_ref())}],
        },
    })
    .to_string()
}

#[test]
fn a_model_without_a_signature_that_holds_is_not_promoted_where_one_is_required() {
    use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
    use sha2::{Digest, Sha256};

    use crate::base::to_base64;

    let mut world = World::new();
    let random = ring::rand::SystemRandom::new();
    let secret = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let secret = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, secret.as_ref(), &random).unwrap();
    let der = [
        &b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"[..],
        secret.public_key().as_ref(),
    ];
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", to_base64(&der.concat()));
    let path = |name: &str| world.folder.path().join(name).display().to_string();
    fs::write(path("keys.pem"), pem).unwrap();
    let set = |key: &str, value: &str| world.set(key, value);
    set("promotion.signature", "required");
    set("promotion.signature_keys", &path("keys.pem"));
    let sign = |digest: &[u8]| bundle(&secret, digest);
    artifact(Path::new(&path("garden-words")), "garden-words", &WORDS);
    let digest = Sha256::digest(fs::read(path("garden-words")).unwrap());
    let register = |name: &str, bundle: Option<&str>| {
        if let Some(bundle) = bundle {
            fs::write(path("model.sig"), bundle).unwrap();
        }
        let signature = bundle.map(|_| path("model.sig"));
        let request = RegisterModel { path: path(name), signature, ..RegisterModel::default() };
        world.ask(OPERATOR, RegistryAction::Register(request))
    };
    let refused = register("garden-words", Some("{}")).unwrap_err();
    assert!(refused.to_string().contains("no bundle of OpenSSF Model Signing"), "{refused}");
    let pass = |name: &str| {
        let request = world.submit(name);
        world.bench.approve(APPROVER, &request, None).unwrap();
        world.ended(&world.promote(name).unwrap())
    };
    register("garden-words", Some(&sign(&digest))).unwrap();
    let shown = world.version(OPERATOR, RegistryAction::Show("garden-words".into())).signature.unwrap();
    assert!(shown.starts_with("passed: the key "), "{shown}");
    assert_eq!(pass("garden-words"), (JobState::Done, String::new()));
    // Another one with a signature that is none of it, and one without.
    for (name, bundle, why) in [
        ("stranger", Some(sign(&digest)), "is not among what was signed"),
        ("bare", None, "no signature came"),
    ] {
        artifact(Path::new(&path(name)), name, &WORDS);
        register(name, bundle.as_deref()).unwrap();
        let (state, error) = pass(name);
        assert!(state == JobState::Failed && error.contains("gates failed: signature"), "{error}");
        let one = world.version(OPERATOR, RegistryAction::Show(name.into()));
        let gate = one.gates.iter().find(|gate| gate.name == "signature").unwrap();
        assert!(gate.what.contains(why), "{gate:?}");
    }
    // It is kept, and so is what it says; a key that is not trusted any more makes it fail.
    fs::write(world.folder.path().join("keys.pem"), include_str!("../../../../tests/data/oms/p256.pem"))
        .unwrap();
    world.bench.start();
    let shown = world.version(OPERATOR, RegistryAction::Show("garden-words".into())).signature.unwrap();
    assert!(shown.starts_with("failed: none of the 1 trusted keys"), "{shown}");
}
