//! How a client of the application finds its server and gets in: a name with a TTL, TLS with the name verified, and a
//! look at which server it is that answers.

use anyhow::{Context, Result, bail};
use hickory_proto::rr::{RData, Record};
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::{Resolver, TokioResolver};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection attempt that takes longer has failed, as drivers are commonly set.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What the names of load balancers end in. They are in no server's certificate, so a client that connects by one verifies the
/// authority alone, as with `sslmode=verify-ca`.
pub const BALANCERS: &str = ".elb.eu-west-1.amazonaws.com";

/// Where a client looks for its server.
#[derive(Debug, Clone)]
pub enum Address {
    /// A name that the platform's nameserver knows. The client verifies the name that it leads to, because a CNAME
    /// is in no certificate.
    Name {
        /// The one that was told last, such as `orders-reads.shop.test`.
        name: watch::Receiver<String>,
        /// The platform's nameserver.
        nameserver: SocketAddr,
        /// The port of the servers.
        port: u16,
    },
    /// One server, which is in the certificate by this name.
    Fixed {
        /// The name in the certificate.
        host: String,
        /// Where it listens.
        at: SocketAddr,
    },
}

impl Address {
    /// A name that stays.
    #[must_use]
    pub fn name(name: &str, nameserver: SocketAddr, port: u16) -> Self {
        let (_, name) = watch::channel(name.to_owned());
        Self::Name {
            name,
            nameserver,
            port,
        }
    }
}

/// What a role shows to get in.
#[derive(Clone)]
pub struct Login {
    /// The database of the server.
    pub database: String,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// One client: its own memory of where the name led, kept no longer than the TTL allows.
pub struct Dialer {
    address: Address,
    login: Login,
    tls: MakeRustlsConnect,
    resolver: Option<TokioResolver>,
    known: Option<Known>,
    /// SQL that is said first on each connection.
    first: String,
}

struct Known {
    target: Target,
    until: Instant,
}

#[derive(Debug, Clone)]
struct Target {
    host: String,
    at: SocketAddr,
}

/// A connection, and the server on its other end.
pub struct Session {
    /// To ask with.
    pub client: Client,
    /// The cluster's own identifier, made by `initdb`: copies have it too, an upgraded copy has another one.
    pub system: String,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Trusts these authorities and no others.
///
/// # Errors
/// When the PEM has no certificate.
pub fn trusting(ca_pem: &str) -> Result<MakeRustlsConnect> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate.context("reading the authority's certificate")?)?;
    }
    if roots.is_empty() {
        bail!("no certificate in the authority's PEM");
    }
    let verifier = WebPkiServerVerifier::builder(Arc::new(roots)).build()?;
    let config = rustls::ClientConfig::builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(verifier)));
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

/// Lets a load balancer's name not be in the certificate.
#[derive(Debug)]
struct Verifier(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self
            .0
            .verify_server_cert(certificate, intermediates, name, ocsp, now);
        let is_balancer = name.to_str().ends_with(BALANCERS);
        match verified {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if is_balancer => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

impl Dialer {
    /// A client that knows nothing yet.
    ///
    /// # Errors
    /// When no resolver can be made for the nameserver.
    pub fn new(address: Address, login: Login, tls: MakeRustlsConnect) -> Result<Self> {
        let resolver = match &address {
            Address::Name { nameserver, .. } => Some(resolver(*nameserver)?),
            Address::Fixed { .. } => None,
        };
        Ok(Self {
            address,
            login,
            tls,
            resolver,
            known: None,
            first: String::new(),
        })
    }

    /// Says this on each connection before it is used.
    #[must_use]
    pub fn saying(mut self, first: String) -> Self {
        self.first = first;
        self
    }

    /// Goes where the name leads now, as far as this client knows.
    ///
    /// # Errors
    /// When the name, the server or the login says no, or no answer comes in time.
    pub async fn dial(&mut self) -> Result<Session> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.connect())
            .await
            .context("no answer in time")?
    }

    async fn connect(&mut self) -> Result<Session> {
        let target = self.target().await?;
        let mut config = Config::new();
        config
            .host(&target.host)
            .hostaddr(target.at.ip())
            .port(target.at.port())
            .dbname(&self.login.database)
            .user(&self.login.user)
            .password(&self.login.password)
            .application_name("shop")
            .ssl_mode(tokio_postgres::config::SslMode::Require);
        let (client, connection) = config.connect(self.tls.clone()).await?;
        let driver = tokio::spawn(async {
            // The caller that uses the client sees the same failure.
            connection.await.ok();
        });
        let mut session = Session {
            client,
            system: String::new(),
            driver,
        };
        session.system = greet(&session.client, &self.first).await?;
        Ok(session)
    }

    async fn target(&mut self) -> Result<Target> {
        let (name, port) = match &mut self.address {
            Address::Name { name, port, .. } => (name, *port),
            Address::Fixed { host, at } => {
                let (host, at) = (host.clone(), *at);
                return Ok(Target { host, at });
            }
        };
        if name.has_changed().unwrap_or(false) {
            name.mark_unchanged();
            self.known = None;
        }
        if let Some(known) = self.known.as_ref().filter(|k| Instant::now() < k.until) {
            return Ok(known.target.clone());
        }
        let (name, resolver) = (name.borrow().clone(), self.resolver.as_ref());
        let known = ask(resolver.context("no resolver")?, &name, port).await?;
        Ok(self.known.insert(known).target.clone())
    }
}

/// A resolver without a cache of its own, so that the one memory is the client's.
fn resolver(nameserver: SocketAddr) -> Result<TokioResolver> {
    let mut server = NameServerConfig::udp(nameserver.ip());
    for connection in &mut server.connections {
        connection.port = nameserver.port();
    }
    let config = ResolverConfig::from_name_servers(vec![server]);
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    options.timeout = Duration::from_millis(500);
    options.os_port_selection = true;
    *builder.options_mut() = options;
    builder.build().context("making a resolver")
}

async fn ask(resolver: &TokioResolver, name: &str, port: u16) -> Result<Known> {
    let asked = Instant::now();
    let found = resolver.ipv4_lookup(format!("{name}.")).await?;
    let records = found.answers();
    let address = records.iter().find_map(address_of);
    let (host, ip) = address.with_context(|| format!("{name} leads nowhere"))?;
    let ttl = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    let at = SocketAddr::new(ip, port);
    Ok(Known {
        target: Target { host, at },
        until: asked + Duration::from_secs(ttl.into()),
    })
}

fn address_of(record: &Record) -> Option<(String, IpAddr)> {
    match &record.data {
        RData::A(ip) => {
            let host = record.name.to_ascii();
            Some((host.trim_end_matches('.').to_owned(), IpAddr::V4(ip.0)))
        }
        _ => None,
    }
}

/// Asks for the server's identity, and whatever else is to be said first, in one round trip.
async fn greet(client: &Client, first: &str) -> Result<String> {
    let query = format!("SELECT system_identifier FROM pg_control_system(); {first}");
    let answers = client.simple_query(&query).await?;
    let row = answers.into_iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let system = row.as_ref().and_then(|row| row.get(0));
    Ok(system.context("a server without an identity")?.to_owned())
}
