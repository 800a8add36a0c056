//! The credentials with which we log in to a database's servers.

use crate::dns::Resolver;
use crate::error::{Error, looked};
use crate::postgres::{Connector, Login};
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use domain::error::StepError;
use domain::ids::Database;

/// The secrets `{prefix}{database}`. One secret opens blue and green alike.
#[derive(Debug, Clone)]
pub struct Secrets {
    client: Client,
    prefix: String,
    aws: SdkConfig,
}

impl Secrets {
    /// `prefix` is `Config::credentials_prefix`.
    #[must_use]
    pub fn new(config: &SdkConfig, prefix: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            prefix: prefix.into(),
            aws: config.clone(),
        }
    }

    /// Who we are on a database's servers.
    ///
    /// # Errors
    /// `Upgrade.Refused` if there is no such secret or it has not the right shape; `Upgrade.Transient` if it can't be read now.
    pub async fn login(&self, database: &Database) -> Result<Login, Error> {
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

    /// Opens sessions on a database's servers, where there is no password with our own credentials.
    ///
    /// # Errors
    /// As [`Secrets::login`] and [`Connector::new`].
    pub async fn connector(
        &self,
        database: &Database,
        resolver: &Resolver,
    ) -> Result<Connector, Error> {
        Connector::new(resolver.clone(), self.login(database).await?, &self.aws)
    }
}
