//! Connections to PostgreSQL: always TLS, the server's name verified, the address known before the handshake.

use crate::error::looked;
use crate::{PgSession, trust};
use ports::{Access, Endpoint, Error};
use std::net::IpAddr;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The name that our sessions carry in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "viridian";

const CONNECT: Duration = Duration::from_secs(5);

/// How long a statement of a session may run, unless it is given longer.
pub const STATEMENT: Duration = Duration::from_secs(30);

/// How a session is opened at an address, but for who we are.
pub(crate) fn config(address: IpAddr, server: &Endpoint, database: &str, access: Access) -> Config {
    let mut config = Config::new();
    config
        .host(&server.host)
        .hostaddr(address)
        .port(server.port)
        .dbname(database)
        .application_name(APPLICATION_NAME)
        .ssl_mode(SslMode::Require)
        .options(options(access))
        .connect_timeout(CONNECT)
        .tcp_user_timeout(Duration::from_secs(10))
        .keepalives_idle(Duration::from_secs(5))
        .keepalives_interval(Duration::from_secs(2))
        .keepalives_retries(3);
    config
}

/// Both sides get the same settings, so that a value's text is the same on both. Without `row_security` a policy that
/// hides rows from us is an error, where invisible rows would be alike on both sides.
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

/// Opens a session, and drives its connection until it is dropped.
pub(crate) async fn open(config: &Config, tls: MakeRustlsConnect) -> Result<PgSession, Error> {
    const DOING: &str = "connecting to PostgreSQL";
    let opened = tokio::time::timeout(CONNECT * 2, config.connect(tls)).await;
    let (client, connection) =
        opened
            .map_err(looked(DOING))?
            .map_err(|refused| match trust::distrust(&refused) {
                Some(finding) => finding.into(),
                None => looked(DOING)(refused),
            })?;
    // A distribution adds its own words: `16.14 (Debian 16.14-1)`.
    let said = connection.parameter("server_version").unwrap_or_default();
    let version = said.split(' ').next().unwrap_or_default().to_owned();
    tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "connection ended");
        }
    });
    Ok(PgSession::new(client, version))
}

/// A connection string, by which one of our servers connects to another.
pub(crate) fn conninfo(parts: &[(&str, &str)]) -> String {
    let written = parts
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)));
    written.collect::<Vec<_>>().join(" ")
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_writing_session_sets_read_only_aside() {
        let of = |access| options(access).contains("default_transaction_read_only=off");
        assert!(of(Access::Write) && !of(Access::AsServed));
    }

    #[test]
    fn a_password_cannot_end_its_quotes() {
        let text = conninfo(&[("user", "a"), ("password", r"it's a \")]);
        assert_eq!(text, r"user='a' password='it\'s a \\'");
    }
}
