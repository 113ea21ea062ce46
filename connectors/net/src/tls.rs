//! TLS: whom we believe to be who they say they are.

use std::error::Error;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use crate::config::NetConfig;
use crate::error::NetError;

/// The settings of TLS that all HTTP clients of a [`crate::Net`] share.
///
/// # Errors
/// [`NetError::Certificates`] when `ca_file` cannot be read or used.
pub(crate) fn settings(config: &NetConfig) -> Result<ClientConfig, NetError> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("ring knows the ciphers of TLS 1.2 and 1.3");
    let verifier = match &config.ca_file {
        Some(path) => Some(with_file(path, provider).map_err(|source| {
            let path = path.clone();
            NetError::Certificates { path, source }
        })?),
        None => of_the_system(provider),
    };
    let mut settings = match verifier {
        Some(verifier) => builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth(),
        // Nobody is believed, so HTTPS fails and HTTP works.
        None => builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    };
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(settings)
}

/// The authorities of the system, read once per process; none on a machine that has none, such
/// as a bare container.
fn of_the_system(provider: Arc<CryptoProvider>) -> Option<Arc<Verifier>> {
    static VERIFIER: OnceLock<Option<Arc<Verifier>>> = OnceLock::new();
    let read = || match Verifier::new(provider) {
        Ok(verifier) => Some(Arc::new(verifier)),
        Err(error) => {
            tracing::warn!(error = %error, "without certificate authorities there is no HTTPS");
            None
        }
    };
    VERIFIER.get_or_init(read).clone()
}

/// The authorities of the system and of a PEM file.
fn with_file(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<Verifier>, Box<dyn Error + Send + Sync>> {
    let pem = std::fs::read(path)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err("it holds no certificate".into());
    }
    Ok(Arc::new(Verifier::new_with_extra_roots(found, provider)?))
}
