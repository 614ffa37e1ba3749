//! Who is trusted on a TLS connection, and what a refused certificate means, in words that help.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

/// Files (PEM) of a TLS connection, read anew for each: what was renewed is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// Certificates that are trusted in place of the system's.
    pub authorities: Option<PathBuf>,
    /// What this box shows of itself: its certificate, with those between it and its authority, and the key.
    pub own: Option<(PathBuf, PathBuf)>,
}

fn unusable(path: &Path, what: &dyn std::fmt::Display) -> String {
    format!("{} cannot be used: {what}", path.display())
}

/// Certificates of a PEM file, at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |what: &dyn std::fmt::Display| unusable(path, what);
    let read = CertificateDer::pem_file_iter(path).map_err(|error| told(&error))?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(|error| told(&error))?;
    if all.is_empty() { Err(told(&"it holds no certificate in PEM form")) } else { Ok(all) }
}

/// Certificates of authorities in a PEM file.
fn authorities(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(path, &error))?;
    }
    Ok(roots)
}

/// Checks a file of authorities before anybody relies on it.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_authorities(path: &Path) -> Result<(), String> {
    authorities(path).map(drop)
}

/// A client that trusts the authorities that are named, or those of the system, and shows its certificate to who asks.
pub(super) fn client(papers: &Papers) -> Result<Arc<ClientConfig>, String> {
    let roots = match papers.authorities.as_deref() {
        Some(file) => authorities(file)?,
        None => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err("the system trusts no authority: install ca-certificates, or name a file as \
                            queue.upstream_ca"
                    .into());
            }
            roots
        }
    };
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let config = match &papers.own {
        None => config.with_no_client_auth(),
        Some((chain, key)) => {
            let own = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            config
                .with_client_auth_cert(certificates(chain)?, own)
                .map_err(|error| unusable(chain, &error))?
        }
    };
    Ok(Arc::new(config))
}

/// What TLS says in a chain of errors; `None` where it is none of TLS.
pub(super) fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let inner = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(found) = inner.or_else(|| error.downcast_ref()) {
            return Some(meaning(found));
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn meaning(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return format!("TLS failed: {error}");
    };
    let why = match certificate {
        CertificateError::UnknownIssuer => {
            "it is signed by nobody this box trusts; name its authority as queue.upstream_ca"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired, or this box's clock is wrong"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: this box's clock is probably wrong"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is another host's; use the name that stands in it"
        }
        _ => return format!("its certificate is refused: {error}"),
    };
    format!("its certificate is refused: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_certificate_is_explained_wherever_it_is_wrapped() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = std::io::Error::new(std::io::ErrorKind::InvalidData, refused);
        let twice = std::io::Error::other(wrapped);
        assert!(explain(&twice).unwrap().contains("queue.upstream_ca"));
        assert_eq!(explain(&std::io::Error::other("no")), None);
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let said = check_authorities(file.path()).unwrap_err();
        assert!(said.contains(&file.path().display().to_string()) && said.contains("PEM"), "{said}");
        assert!(check_authorities(Path::new("/nonexistent/ca.pem")).is_err());
    }
}
