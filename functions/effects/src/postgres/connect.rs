//! Connections to PostgreSQL: always TLS, the server's name verified, the address known before the handshake.

use super::login::Login;
use super::trust;
use crate::dns::Resolver;
use crate::error::{Cause, Error, acted, looked};
use aws_config::SdkConfig;
use domain::error::StepError;
use std::net::IpAddr;
use std::ops::Deref;
use std::time::Duration;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The name that our sessions carry in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "viridian";

const CONNECT: Duration = Duration::from_secs(5);
/// How long a statement of a session may run, unless it is given longer.
pub const STATEMENT: Duration = Duration::from_secs(30);

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
    aws: SdkConfig,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// `aws` has the credentials and the Region with which a login by IAM is signed.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the secret's CA is no PEM, or there is none and the platform has no trust store; if the role
    /// can't log in by IAM for its name.
    pub fn new(resolver: Resolver, login: Login, aws: &SdkConfig) -> Result<Self, Error> {
        login.check()?;
        let tls = MakeRustlsConnect::new(trust::client_config(login.ca.as_deref())?);
        Ok(Self {
            resolver,
            login,
            aws: aws.clone(),
            tls,
        })
    }

    /// Likewise, as the role as which old blue follows green; nothing where the secret has none beside ours.
    #[must_use]
    pub fn of_replication(&self) -> Option<Self> {
        let login = self.login.of_replication()?;
        Some(Self {
            login,
            ..self.clone()
        })
    }

    /// Whether we log in by IAM.
    #[must_use]
    pub const fn is_by_iam(&self) -> bool {
        self.login.is_by_iam()
    }

    /// Whether a server that refused us under one of its names may let us in under another: one that has answered takes a
    /// password whatever it is called, but a token for its present name only.
    #[must_use]
    pub fn another_name_may_do(&self, refused: &Error) -> bool {
        refused.code().is_none() || self.is_by_iam() && refused.is_refused_login()
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

    /// How one of our servers connects to another, as the secret's `replication` or as our role, with TLS. A server has no
    /// file of ours with authorities, so that it can't verify the other's name; where only our nameserver knows the names, it
    /// gets the address as well.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if neither has a password; as [`Resolver::address`].
    pub async fn conninfo(&self, endpoint: &Endpoint, database: &str) -> Result<String, Error> {
        let login = self.login.of_replication();
        let login = login.as_ref().unwrap_or(&self.login);
        let Some(password) = login.password.as_deref() else {
            let why = "old blue can't follow green by IAM, and the secret has no `replication`";
            return Err(StepError::refused(why).into());
        };
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
            ("user", Some(login.username.as_str())),
            ("password", Some(password)),
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
    /// `Upgrade.Transient` if the server can't be reached or takes no connections now, or does not let us in by IAM;
    /// `Upgrade.Refused` if it does not let us in by password or its certificate is not to be believed.
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
        let pass = self.login.pass(&self.aws, endpoint).await?;
        let mut config = Config::new();
        config
            .host(&endpoint.host)
            .hostaddr(address)
            .port(endpoint.port)
            .user(&self.login.username)
            .password(&pass)
            .dbname(database)
            .application_name(APPLICATION_NAME)
            .ssl_mode(SslMode::Require)
            .options(options(access))
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(3);
        let opened = Session::open(&config, self.tls.clone(), address).await;
        // A server says the same of a wrong token and of one that it can't have checked right now.
        opened.map_err(|refused| {
            if self.is_by_iam() && refused.is_refused_login() {
                refused.passing()
            } else {
                refused
            }
        })
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
        let (client, connection) =
            opened
                .map_err(|late| said()(Cause::from(late)))?
                .map_err(|refused| match trust::distrust(&refused) {
                    Some(finding) => finding.into(),
                    None => said()(Cause::from(refused)),
                })?;
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

#[cfg(test)]
mod tests {
    use super::{Access, options};

    #[test]
    fn only_a_writing_session_sets_read_only_aside() {
        let of = |access| options(access).contains("default_transaction_read_only=off");
        assert!(of(Access::Write) && !of(Access::AsServed));
    }
}
