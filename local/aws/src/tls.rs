//! The certificate authority of the local platform, as RDS has one per Region.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// Signs the certificates of the servers. Clones are the same authority.
#[derive(Clone, Debug)]
pub struct Authority(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

/// A server's certificate and key, as PEM.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new authority with a key of its own.
    ///
    /// # Errors
    /// When the key can't be made.
    pub fn create() -> Result<Self> {
        let mut params = CertificateParams::default();
        let name = "Viridian local RDS CA";
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("making the authority's key")?;
        let signed = params.self_signed(&key);
        let ca_pem = signed.context("signing the authority's certificate")?.pem();
        Ok(Self(Arc::new(Inner {
            issuer: Issuer::new(params, key),
            ca_pem,
        })))
    }

    /// What clients trust, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.0.ca_pem
    }

    /// A server's certificate, good for all these names (and addresses).
    ///
    /// # Errors
    /// When a name is none.
    pub fn issue(&self, names: &[String]) -> Result<Leaf> {
        let mut params = CertificateParams::new(names)
            .with_context(|| format!("names for a certificate: {names:?}"))?;
        let common = names.first().map_or("server", String::as_str);
        params.distinguished_name.push(DnType::CommonName, common);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().context("making a server's key")?;
        let signed = params.signed_by(&key, &self.0.issuer);
        let certificate = signed.context("signing a server's certificate")?;
        Ok(Leaf {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }
}
