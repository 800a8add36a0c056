//! Host names to addresses, without a cache: a switchover moves names, and an answer from before it leads to the wrong
//! side.

use crate::error::looked;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use ports::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Asks the system's nameservers, or one that was named.
#[derive(Clone)]
pub(crate) struct Resolver {
    inner: TokioResolver,
    named: bool,
}

impl Resolver {
    /// `nameserver` is asked alone; without one the system's are.
    ///
    /// # Errors
    ///
    /// If the system's resolver configuration can't be read.
    pub(crate) fn new(nameserver: Option<SocketAddr>) -> Result<Self, Error> {
        let build = || {
            let mut builder = match nameserver {
                Some(server) => TokioResolver::builder_with_config(
                    asking(server),
                    TokioRuntimeProvider::default(),
                ),
                None => TokioResolver::builder_tokio()?,
            };
            let options = builder.options_mut();
            options.cache_size = 0;
            options.timeout = Duration::from_secs(2);
            options.attempts = 2;
            builder.build()
        };
        let inner = build().map_err(|cause| {
            looked::<io::Error>("setting up the resolver")(io::Error::other(cause))
        })?;
        Ok(Self {
            inner,
            named: nameserver.is_some(),
        })
    }

    /// Whether a nameserver was named: then others, such as the database servers themselves, may not know the names.
    pub(crate) const fn is_named(&self) -> bool {
        self.named
    }

    /// The address that a host name has now. An address in text is its own answer.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if there is no answer, or none with an address: names move during a switchover.
    pub(crate) async fn address(&self, host: &str) -> Result<IpAddr, Error> {
        let said = |cause: io::Error| looked("resolving the database's host name")(cause);
        if let Ok(address) = host.parse() {
            return Ok(address);
        }
        // With the final dot no search domain is tried, so one question is enough.
        let answer = self
            .inner
            .lookup_ip(format!("{}.", host.trim_end_matches('.')));
        let answer = answer
            .await
            .map_err(|cause| said(io::Error::other(format!("{host}: {cause}"))))?;
        let first = answer.iter().next();
        first.ok_or_else(|| said(io::Error::other(format!("{host} has no address"))))
    }
}

fn asking(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .map(|mut connection| {
            connection.port = server.port();
            connection
        })
        .to_vec();
    let server = NameServerConfig::new(server.ip(), true, connections);
    ResolverConfig::from_parts(None, vec![], vec![server])
}

#[cfg(test)]
mod tests {
    use super::Resolver;

    #[tokio::test]
    async fn an_address_needs_no_nameserver() {
        let closed_port = "127.0.0.1:9".parse().expect("an address");
        let resolver = Resolver::new(Some(closed_port)).expect("a resolver");
        let found = resolver.address("127.0.0.7").await.expect("an address");
        assert_eq!(found.to_string(), "127.0.0.7");
    }
}
