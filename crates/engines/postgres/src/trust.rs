//! Whose certificates we believe. RDS signs its servers' with authorities of its own, which no public trust store has.

use domain::error::StepError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use std::error::Error as _;
use std::io;
use std::sync::Arc;

/// What to do where the servers' authorities are not known. A secret holds 64 KiB at most: the global bundle is larger.
const REMEDY: &str = "put the PEM of the Region's RDS bundle, \
    https://truststore.pki.rds.amazonaws.com/<region>/<region>-bundle.pem, into the secret's `ca`";

/// Believes the authorities in `ca`, or the platform's trust store's.
///
/// # Errors
/// `Upgrade.Refused` with the remedy, if there are none.
pub(crate) fn client_config(ca: Option<&str>) -> Result<ClientConfig, StepError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate
                    .map_err(|cause| cause.to_string())
                    .and_then(|der| roots.add(der).map_err(|cause| cause.to_string()));
                added
                    .map_err(|cause| unfit(&format!("the secret's `ca` can't be read: {cause}")))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(unfit(
            "no authority is known that signs the servers' certificates",
        ));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| StepError::refused(format!("TLS can't be set up: {cause}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// A finding with its remedy, if a connection failed because the server's certificate is not signed by a trusted authority:
/// waiting changes nothing about that.
pub(crate) fn distrust(failed: &tokio_postgres::Error) -> Option<StepError> {
    let tls = failed.source()?.downcast_ref::<io::Error>()?;
    let refused = tls.get_ref()?.downcast_ref::<rustls::Error>()?;
    // A bad signature: the authority that signed it has the name of one that is known, and another key.
    let stranger = matches!(
        refused,
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature
        )
    );
    stranger.then(|| unfit("the server's certificate is signed by an authority that is not known"))
}

fn unfit(why: &str) -> StepError {
    StepError::refused(format!("{why}; {REMEDY}"))
}

#[cfg(test)]
mod tests {
    use super::client_config;

    #[test]
    fn a_ca_that_is_none_is_refused_with_a_remedy() {
        for none in ["", "no certificate"] {
            let failure = client_config(Some(none)).expect_err("nothing in it");
            for part in ["`ca`", "<region>-bundle.pem"] {
                assert!(failure.to_string().contains(part), "{failure}");
            }
        }
    }
}
