//! Keys and signatures, those of a security key among them, and what must be refused.

use proptest::prelude::*;
use sha2::{Digest, Sha256, Sha512};

use super::wire::put;
use super::*;
use crate::base::to_base64;
use crate::store::backup::Signer;

const SPACE: &str = "spud-approval";

pub(crate) fn blob(signer: &Signer, application: Option<&[u8]>) -> Vec<u8> {
    let kind = if application.is_some() { "sk-ssh-ed25519@openssh.com" } else { "ssh-ed25519" };
    let mut blob = Vec::new();
    put(&mut blob, kind.as_bytes());
    put(&mut blob, &signer.public());
    if let Some(application) = application {
        put(&mut blob, application);
    }
    blob
}

/// Signs as `ssh-keygen` does; with flags and a counter, as a security key does.
pub(crate) fn sign(signer: &Signer, document: &[u8], space: &str, touched: Option<(u8, u32)>) -> String {
    let application = touched.map(|_| &b"ssh:"[..]);
    let mut signed = b"SSHSIG".to_vec();
    for part in [space.as_bytes(), b"", b"sha512", &Sha512::digest(document)] {
        put(&mut signed, part);
    }
    let kind = if touched.is_some() { "sk-ssh-ed25519@openssh.com" } else { "ssh-ed25519" };
    let mut inner = Vec::new();
    put(&mut inner, kind.as_bytes());
    if let Some((flags, counter)) = touched {
        let mut told = Sha256::digest(b"ssh:").to_vec();
        told.push(flags);
        told.extend(counter.to_be_bytes());
        told.extend(Sha256::digest(&signed));
        put(&mut inner, &signer.sign(&told));
        inner.push(flags);
        inner.extend(counter.to_be_bytes());
    } else {
        put(&mut inner, &signer.sign(&signed));
    }
    let mut all = b"SSHSIG\0\0\0\x01".to_vec();
    for part in [&blob(signer, application), space.as_bytes(), b"", b"sha512", &inner] {
        put(&mut all, part);
    }
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", to_base64(&all))
}

#[test]
fn what_openssh_made_is_understood() {
    // ssh-keygen -t ed25519; printf 'hello\n' | ssh-keygen -Y sign -n spud-approval -f KEY
    let line = include_str!("../../../tests/data/ssh/key.pub");
    let (key, comment) = PublicKey::parse(line).unwrap();
    assert_eq!(comment, "anna@laptop");
    assert_eq!(key.fingerprint(), include_str!("../../../tests/data/ssh/fingerprint.txt").trim());
    assert!(line.starts_with(&key.line()));
    let text = include_str!("../../../tests/data/ssh/hello.sig");
    let signature = Signature::parse(text).unwrap();
    assert_eq!(signature.text(), text);
    // As a terminal pastes it.
    assert_eq!(Signature::parse(&text.replace('\n', "\r")).unwrap().text(), text);
    assert_eq!(signature.key, key);
    assert_eq!(signature.verify(b"hello\n", SPACE), Ok(None));
    assert_eq!(signature.verify(b"hello", SPACE), Err(SshError::Wrong));
    let other = signature.verify(b"hello\n", "file");
    assert_eq!(other, Err(SshError::Namespace { found: SPACE.into(), wanted: "file" }));
}

#[test]
fn other_kinds_are_refused_by_name() {
    for kind in ["ssh-rsa", "ssh-dss", "ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com"] {
        assert_eq!(PublicKey::parse(&format!("{kind} AAAA x")), Err(SshError::Kind(kind.into())));
    }
    let mut rsa = Vec::new();
    put(&mut rsa, b"ssh-rsa");
    put(&mut rsa, &[1; 32]);
    let disguised = PublicKey::parse(&format!("ssh-ed25519 {}", to_base64(&rsa)));
    assert_eq!(disguised, Err(SshError::Kind("ssh-rsa".into())));
    let touched = blob(&Signer::from_seed(&[1; 32]), Some(b"ssh:"));
    assert!(matches!(
        PublicKey::parse(&format!("ssh-ed25519 {}", to_base64(&touched))),
        Err(SshError::Key(_))
    ));
    assert!(matches!(PublicKey::parse("ssh-ed25519"), Err(SshError::Key(_))));
}

#[test]
fn a_security_key_must_have_been_touched() {
    let signer = Signer::from_seed(&[3; 32]);
    let read = |flags| Signature::parse(&sign(&signer, b"vote", SPACE, Some((flags, 7)))).unwrap();
    assert_eq!(read(1).verify(b"vote", SPACE).unwrap().unwrap().counter, 7);
    assert_eq!(read(5).verify(b"vote", SPACE).unwrap().unwrap().counter, 7);
    assert_eq!(read(4).verify(b"vote", SPACE), Err(SshError::Untouched));
    // Flags that were changed afterwards do not help.
    let mut forged = read(0);
    forged.presence = Some(Presence { flags: 1, counter: 7 });
    assert_eq!(forged.verify(b"vote", SPACE), Err(SshError::Wrong));
}

proptest! {
    #[test]
    fn only_the_key_over_the_document_for_the_purpose(seed in any::<[u8; 32]>(), text in any::<Vec<u8>>(), bit in 0usize..4000, touched in any::<Option<u32>>()) {
        let signer = Signer::from_seed(&seed);
        let made = sign(&signer, &text, SPACE, touched.map(|counter| (1, counter)));
        let read = Signature::parse(&made).unwrap();
        prop_assert_eq!(read.verify(&text, SPACE).unwrap().map(|presence| presence.counter), touched);
        let more = [&text[..], b"x"].concat();
        prop_assert_eq!(read.verify(&more, SPACE), Err(SshError::Wrong));
        // One changed letter: refused, or the same bytes.
        let mut bytes = made.into_bytes();
        let at = 30 + bit % (bytes.len() - 60);
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        if let Ok(other) = Signature::parse(&String::from_utf8(bytes).unwrap()) {
            prop_assert!(other.verify(&text, SPACE).is_err() || other.key != read.key);
        }
    }

    #[test]
    fn any_text_is_safe(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let _ = PublicKey::parse(&text);
        let _ = PublicKey::from_blob(&bytes);
        let _ = Signature::parse(&text);
        let armoured = format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----", to_base64(&[b"SSHSIG\0\0\0\x01", &bytes[..]].concat()));
        let _ = Signature::parse(&armoured);
    }
}
