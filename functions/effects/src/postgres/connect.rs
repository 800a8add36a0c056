//! Connections to PostgreSQL: always TLS, the server's name verified, the address known before the handshake.

use crate::dns::Resolver;
use crate::error::{Cause, Error, acted, looked};
use domain::error::StepError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The name that our sessions carry in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "viridian";

const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement of a session may run, unless it is given longer.
pub const STATEMENT: Duration = Duration::from_secs(30);

/// Who we are on the servers: the secret `viridian/{database}`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Login {
    /// Our own role.
    pub username: String,
    /// Its password.
    pub password: String,
    /// PEM of the authorities that sign the servers' certificates. Without it the platform's trust store decides.
    #[serde(default)]
    pub ca: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Where a server listens, by the name that its certificate carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The host name.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint from its parts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

/// Whether a session may write on a server that is read-only by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The server's own setting stands, and can be read from the session.
    AsServed,
    /// `default_transaction_read_only` is off for this session: green is read-only for everybody else.
    Write,
}

/// Opens sessions as our own role.
#[derive(Clone)]
pub struct Connector {
    resolver: Resolver,
    login: Login,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// # Errors
    ///
    /// `Upgrade.Refused` if the secret's CA is no PEM, or there is none and the platform has no trust store.
    pub fn new(resolver: Resolver, login: Login) -> Result<Self, Error> {
        let tls = MakeRustlsConnect::new(client_config(login.ca.as_deref())?);
        Ok(Self {
            resolver,
            login,
            tls,
        })
    }

    /// The role that we connect as.
    #[must_use]
    pub fn role(&self) -> &str {
        &self.login.username
    }

    /// The address that a server's name has now.
    ///
    /// # Errors
    ///
    /// As [`Resolver::address`].
    pub async fn address(&self, endpoint: &Endpoint) -> Result<IpAddr, Error> {
        self.resolver.address(&endpoint.host).await
    }

    /// How one of our servers connects to another as our role, with TLS. A server has no file of ours with authorities, so
    /// that it can't verify the other's name; where only our nameserver knows the names, it gets the address as well.
    ///
    /// # Errors
    ///
    /// As [`Resolver::address`].
    pub async fn conninfo(&self, endpoint: &Endpoint, database: &str) -> Result<String, Error> {
        let address = if self.resolver.is_named() {
            Some(self.address(endpoint).await?.to_string())
        } else {
            None
        };
        let port = endpoint.port.to_string();
        let parts = [
            ("host", Some(endpoint.host.as_str())),
            ("hostaddr", address.as_deref()),
            ("port", Some(port.as_str())),
            ("user", Some(self.login.username.as_str())),
            ("password", Some(self.login.password.as_str())),
            ("dbname", Some(database)),
            ("sslmode", Some("require")),
            ("application_name", Some(APPLICATION_NAME)),
        ];
        let given = parts
            .iter()
            .filter_map(|(name, value)| Some((name, (*value)?)));
        let written: Vec<String> = given
            .map(|(name, value)| format!("{name}={}", quoted(value)))
            .collect();
        Ok(written.join(" "))
    }

    /// Resolves the name and opens a session on one of the server's databases.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if the server can't be reached or takes no connections now, `Upgrade.Refused` if it does not
    /// let us in.
    pub async fn connect(
        &self,
        endpoint: &Endpoint,
        database: &str,
        access: Access,
    ) -> Result<Session, Error> {
        let address = self.address(endpoint).await?;
        self.connect_at(address, endpoint, database, access).await
    }

    /// Opens a session at an address that was resolved before; `endpoint` has the name that the certificate must carry.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub async fn connect_at(
        &self,
        address: IpAddr,
        endpoint: &Endpoint,
        database: &str,
        access: Access,
    ) -> Result<Session, Error> {
        let mut config = Config::new();
        config
            .host(&endpoint.host)
            .hostaddr(address)
            .port(endpoint.port)
            .user(&self.login.username)
            .password(&self.login.password)
            .dbname(database)
            .application_name(APPLICATION_NAME)
            .ssl_mode(SslMode::Require)
            .options(options(access))
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3);
        Session::open(&config, self.tls.clone(), address).await
    }
}

/// A value of a connection string.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Both sides get the same settings, so that a value's text is the same on both. Without `row_security` a policy that
/// hides rows from us is an error, where rows that nobody sees would be alike on both sides.
fn options(access: Access) -> String {
    let mut options = format!(
        "-c statement_timeout={} -c lock_timeout=5000 -c timezone=UTC -c datestyle=ISO \
         -c intervalstyle=postgres -c extra_float_digits=1 -c bytea_output=hex -c lc_monetary=C \
         -c search_path=pg_catalog -c row_security=off",
        STATEMENT.as_millis()
    );
    if access == Access::Write {
        options.push_str(" -c default_transaction_read_only=off");
    }
    options
}

/// A session of our own role on one database of a server. Ends when it is dropped.
pub struct Session {
    client: Client,
    address: IpAddr,
}

impl Session {
    async fn open(config: &Config, tls: MakeRustlsConnect, address: IpAddr) -> Result<Self, Error> {
        let said = || looked("connecting to PostgreSQL");
        let opened = tokio::time::timeout(CONNECT * 2, config.connect(tls)).await;
        let (client, connection) = opened
            .map_err(|late| said()(Cause::from(late)))?
            .map_err(|refused| said()(Cause::from(refused)))?;
        tokio::spawn(async move {
            if let Err(cause) = connection.await {
                tracing::debug!(%cause, "connection ended");
            }
        });
        Ok(Self { client, address })
    }

    /// The address of the server.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Sets how long a statement of this session may run.
    ///
    /// # Errors
    ///
    /// If the session is gone.
    pub async fn limit_statements(&self, limit: Duration) -> Result<(), Error> {
        let set = format!("set statement_timeout = {}", limit.as_millis().max(1));
        self.batch_execute(&set)
            .await
            .map_err(looked("setting the statement timeout"))
    }

    /// Runs statements that change something, in one round trip. `doing` completes “… failed”.
    ///
    /// # Errors
    ///
    /// `Upgrade.Failed` where the server's answer does not say that trying again helps.
    pub async fn change(&self, doing: &'static str, statements: &str) -> Result<(), Error> {
        self.batch_execute(statements).await.map_err(acted(doing))
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

fn client_config(ca: Option<&str>) -> Result<ClientConfig, Error> {
    let unfit = |why: String| {
        StepError::refused(format!(
            "{why}; put the PEM of the servers' CA into the secret's `ca`"
        ))
    };
    let mut roots = RootCertStore::empty();
    match ca {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate
                    .map_err(|cause| cause.to_string())
                    .and_then(|der| roots.add(der).map_err(|cause| cause.to_string()));
                added
                    .map_err(|cause| unfit(format!("the secret's `ca` can't be read: {cause}")))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(
            unfit("no authority is known that signs the servers' certificates".to_owned()).into(),
        );
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| unfit(format!("TLS can't be set up: {cause}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::{Access, Login, client_config, options};

    #[test]
    fn a_ca_that_is_none_is_refused_with_a_remedy() {
        let failure = client_config(Some("no certificate")).expect_err("nothing in it");
        assert!(failure.to_string().contains("`ca`"), "{failure}");
    }

    #[test]
    fn only_a_writing_session_sets_read_only_aside() {
        let of = |access| options(access).contains("default_transaction_read_only=off");
        assert!(of(Access::Write) && !of(Access::AsServed));
    }

    #[test]
    fn a_login_does_not_print_its_password() {
        let login = Login {
            username: "viridian".to_owned(),
            password: "secret".to_owned(),
            ca: None,
        };
        assert!(!format!("{login:?}").contains("secret"));
    }
}
