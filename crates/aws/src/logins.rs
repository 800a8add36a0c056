//! The credentials with which we log in to a database's servers, from Secrets Manager, and the engine that uses them.

use crate::error::looked;
use crate::network::Network;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use domain::engine::Engine as Kind;
use domain::error::StepError;
use domain::ids::Database;
use ports::Error;
use postgres::{Login, Postgres};
use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};

/// The secrets `{prefix}{database}`. One secret opens blue and green alike.
pub struct Logins {
    client: Client,
    prefix: String,
    config: SdkConfig,
    nameserver: Option<SocketAddr>,
    network: OnceCell<Network>,
}

impl Logins {
    pub(crate) fn new(config: &SdkConfig, prefix: &str, nameserver: Option<SocketAddr>) -> Self {
        Self {
            client: Client::new(config),
            prefix: prefix.to_owned(),
            config: config.clone(),
            nameserver,
            network: OnceCell::new(),
        }
    }

    async fn login(&self, database: &Database) -> Result<Login, Error> {
        let name = format!("{}{database}", self.prefix);
        let answer = self.client.get_secret_value().secret_id(&name).send().await;
        let answer = answer.map_err(looked("reading the secret with our credentials"))?;
        let text = answer.secret_string().unwrap_or_default();
        // The parser's own words could quote the secret.
        serde_json::from_str(text).map_err(|_| {
            let shape = r#"it must hold {"username": "…"} and may hold "password", "ca" and "replication": {"username": "…", "password": "…"}"#;
            StepError::refused(format!("the secret {name} can't be used: {shape}")).into()
        })
    }

    /// Made at the first use, since its construction can fail and some steps never open a session.
    fn network(&self) -> Result<Network, Error> {
        if let Some(network) = self.network.get() {
            return Ok(network.clone());
        }
        let network = Network::new(self.nameserver, &self.config)?;
        Ok(self.network.get_or_init(|| network).clone())
    }
}

/// The engines' own resolver.
impl ports::Names for Logins {
    async fn address(&self, host: &str) -> Result<IpAddr, Error> {
        postgres::Network::address(&self.network()?, host).await
    }
}

impl ports::Logins for Logins {
    type Engine = Postgres<Network>;

    async fn engine(&self, kind: Kind, database: &Database) -> Result<Self::Engine, Error> {
        match kind {
            Kind::Postgres => {
                let login = self.login(database).await?;
                Postgres::new(login, self.network()?)
            }
            Kind::Mysql | Kind::Mariadb => {
                Err(StepError::refused(format!("{kind} is not supported")).into())
            }
        }
    }
}
