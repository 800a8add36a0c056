//! How the engines reach a database's servers: names to addresses, and tokens to log in with.

use crate::dns::Resolver;
use crate::error::looked;
use aws_config::SdkConfig;
use aws_sdk_rds::auth_token::{AuthTokenGenerator, Config};
use domain::error::StepError;
use ports::{Endpoint, Error};
use std::net::{IpAddr, SocketAddr};

/// DNS and IAM, as an engine needs them.
#[derive(Clone)]
pub struct Network {
    resolver: Resolver,
    config: SdkConfig,
}

impl Network {
    /// `nameserver` is asked alone; without one the system's are. `config` has the credentials and the Region with which a
    /// login by IAM is signed.
    ///
    /// # Errors
    ///
    /// If the system's resolver configuration can't be read.
    pub fn new(nameserver: Option<SocketAddr>, config: &SdkConfig) -> Result<Self, Error> {
        Ok(Self {
            resolver: Resolver::new(nameserver)?,
            config: config.clone(),
        })
    }
}

impl postgres::Network for Network {
    async fn address(&self, host: &str) -> Result<IpAddr, Error> {
        self.resolver.address(host).await
    }

    fn is_named(&self) -> bool {
        self.resolver.is_named()
    }

    /// A token by which `username` may log in to one server, under the very name that RDS describes. It is made here, without a
    /// call, and lasts for 15 minutes; a session that has begun doesn't need it any more. See “IAM database authentication” in
    /// the RDS User Guide.
    async fn token(&self, server: &Endpoint, username: &str) -> Result<String, Error> {
        // The SDK would sign for `us-east-1`.
        let Some(region) = self.config.region() else {
            return Err(
                StepError::refused("without a Region no login by IAM can be signed").into(),
            );
        };
        let config = Config::builder()
            .hostname(&server.host)
            .port(server.port.into())
            .username(username)
            .region(region.clone())
            .build();
        let token = match config {
            Ok(config) => {
                AuthTokenGenerator::new(config)
                    .auth_token(&self.config)
                    .await
            }
            Err(incomplete) => Err(incomplete),
        };
        let token = token.map_err(looked("signing our login by IAM"))?;
        Ok(token.to_string())
    }
}
