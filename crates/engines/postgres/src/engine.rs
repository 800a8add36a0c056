//! PostgreSQL, with our login to the servers of one database.

use crate::{APPLICATION_NAME, Login, Network, PgSession};
use crate::{connect, inspect, remedies, smoke, trust};
use domain::engine::Engine as Kind;
use domain::error::StepError;
use domain::inspection::Inspection;
use domain::reverse::Reverse;
use ports::{Access, Answer, Endpoint, Engine, Error};
use std::net::IpAddr;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Opens sessions as our own role.
#[derive(Clone)]
pub struct Postgres<N> {
    network: N,
    login: Login,
    tls: MakeRustlsConnect,
}

impl<N: Network + Clone> Postgres<N> {
    /// The engine with our login.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the secret's CA is no PEM, or there is none and the platform has no trust store; if the role
    /// can't log in by IAM for its name.
    pub fn new(login: Login, network: N) -> Result<Self, Error> {
        login.check()?;
        let tls = MakeRustlsConnect::new(trust::client_config(login.ca.as_deref())?);
        Ok(Self {
            network,
            login,
            tls,
        })
    }

    /// The same with the login of the role as which old blue follows green; `None` where the secret has none beside ours.
    pub(crate) fn of_replication(&self) -> Option<Self> {
        let login = self.login.of_replication()?;
        Some(Self {
            login,
            ..self.clone()
        })
    }

    /// The role that we connect as.
    pub(crate) fn role(&self) -> &str {
        &self.login.username
    }
}

impl<N: Network + Clone> Engine for Postgres<N> {
    type Session = PgSession;

    fn is_by_iam(&self) -> bool {
        self.login.is_by_iam()
    }

    fn maintenance(&self) -> &'static str {
        inspect::MAINTENANCE
    }

    async fn address(&self, server: &Endpoint) -> Result<IpAddr, Error> {
        self.network.address(&server.host).await
    }

    async fn connect_at(
        &self,
        address: IpAddr,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Result<PgSession, Error> {
        let pass = self.login.pass(&self.network, server).await?;
        let mut config = connect::config(address, server, database, access);
        config.user(&self.login.username).password(&pass);
        let opened = connect::open(&config, self.tls.clone()).await;
        // A server gives the same answer to a wrong token and to one that it can't have checked right now.
        opened.map_err(|refused| {
            if self.is_by_iam() && refused.is_refused_login() {
                refused.passing()
            } else {
                refused
            }
        })
    }

    /// A server that has answered takes a password whatever it is called, but a token for its present name only.
    fn another_name_may_do(&self, refused: &Error) -> bool {
        refused.is_silence() || self.is_by_iam() && refused.is_refused_login()
    }

    /// As the secret's `replication` or as our role, with TLS. A server has no file of ours with authorities, so that it can't
    /// verify the other's name; where only our nameserver knows the names, it gets the address as well.
    async fn conninfo(&self, server: &Endpoint, database: &str) -> Result<String, Error> {
        let login = self.login.of_replication();
        let login = login.as_ref().unwrap_or(&self.login);
        let Some(password) = login.password.as_deref() else {
            let why = "old blue can't follow green by IAM, and the secret has no `replication`";
            return Err(StepError::refused(why).into());
        };
        let (mut address, port) = (None, server.port.to_string());
        if self.network.is_named() {
            address = Some(self.address(server).await?.to_string());
        }
        let mut parts = vec![("host", server.host.as_str())];
        parts.extend(address.as_deref().map(|address| ("hostaddr", address)));
        parts.extend([
            ("port", port.as_str()),
            ("user", login.username.as_str()),
            ("password", password),
            ("dbname", database),
            ("sslmode", "require"),
            ("application_name", APPLICATION_NAME),
        ]);
        Ok(connect::conninfo(&parts))
    }

    async fn inspect(
        &self,
        server: &Endpoint,
        named: &[String],
    ) -> Result<Box<dyn Inspection>, Error> {
        Ok(Box::new(inspect::server(self, server, named).await?))
    }

    async fn ask(&self, server: &Endpoint, databases: &[String]) -> Result<Answer, Error> {
        smoke::ask(self, server, databases).await
    }

    fn login_remedy(_: Kind, by_iam: bool) -> String {
        remedies::login(by_iam).to_owned()
    }

    fn failback_commands(_: Kind, reverse: &Reverse) -> Vec<String> {
        remedies::failback(reverse)
    }

    fn close_role_command(_: Kind, role: &str) -> String {
        remedies::close_role(role)
    }
}
