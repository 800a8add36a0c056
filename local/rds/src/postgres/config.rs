//! The files in a data folder that say how a server runs: `postgresql.conf`, `pg_hba.conf`, certificate and key.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::ADMIN;
use local_aws::tls::Leaf;
use tempfile::NamedTempFile;

/// Shown by `SHOW`: a new session that sees the number knows that the server has read its files.
pub const GENERATION: &str = "viridian.generation";

/// What a server has unless its parameters say otherwise: nearly RDS's defaults, but small enough for several servers
/// on one machine. `fsync` stays on.
const DEFAULTS: &[(&str, &str)] = &[
    ("log_line_prefix", "%m [%p] %q%u@%d %a "),
    ("log_timezone", "UTC"),
    ("max_connections", "200"),
    ("max_logical_replication_workers", "10"),
    ("max_replication_slots", "20"),
    ("max_wal_senders", "20"),
    ("max_wal_size", "1GB"),
    ("max_worker_processes", "20"),
    ("shared_buffers", "64MB"),
    ("shared_preload_libraries", "pg_stat_statements"),
    ("timezone", "UTC"),
    ("wal_keep_size", "512MB"),
    ("wal_level", "replica"),
];

/// Writes `postgresql.conf`: defaults, then the server's parameters, then what the host decides.
pub fn write_parameters(
    data: &Path,
    parameters: &BTreeMap<String, String>,
    host: &BTreeMap<&'static str, String>,
) -> Result<()> {
    let mut all: BTreeMap<&str, &str> = DEFAULTS.iter().copied().collect();
    all.extend(
        parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    all.extend(host.iter().map(|(name, value)| (*name, value.as_str())));
    let lines = all.iter();
    let lines = lines.map(|(name, value)| format!("{name} = {}\n", quoted(value)));
    replace(
        &data.join("postgresql.conf"),
        lines.collect::<String>().as_bytes(),
    )
}

/// Writes `pg_hba.conf`: the superuser by the socket only, everybody else by TLS with a password. A member of `rds_iam` is let
/// in by no password, as on RDS, but by the gate, which comes by the socket.
pub fn write_access(data: &Path) -> Result<()> {
    let lines = format!(
        "local all,replication {ADMIN} trust\nlocal all +rds_iam trust\nlocal all all scram-sha-256\n\
         host all,replication {ADMIN} all reject\nhost all +rds_iam all reject\nhostssl all all all scram-sha-256\n"
    );
    replace(&data.join("pg_hba.conf"), lines.as_bytes())
}

/// Writes certificate and key.
pub fn write_certificate(data: &Path, leaf: &Leaf) -> Result<()> {
    replace(&data.join("server.key"), leaf.key.as_bytes())?;
    replace(&data.join("server.crt"), leaf.certificate.as_bytes())
}

/// What every server of the host has, whatever its parameters say.
pub fn host_parameters(
    socket: &Path,
    address: std::net::SocketAddrV4,
    name: &str,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("cluster_name", name.to_owned()),
        ("listen_addresses", address.ip().to_string()),
        ("logging_collector", "off".to_owned()),
        ("password_encryption", "scram-sha-256".to_owned()),
        ("port", address.port().to_string()),
        ("ssl", "on".to_owned()),
        ("ssl_cert_file", "server.crt".to_owned()),
        ("ssl_key_file", "server.key".to_owned()),
        ("unix_socket_directories", socket.display().to_string()),
        ("unix_socket_permissions", "0700".to_owned()),
    ])
}

/// Writes a file that only its owner may read; a process that reads it meanwhile sees the old one or the new one.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let write = || -> Result<()> {
        let mut new = NamedTempFile::new_in(path.parent().context("a file in a folder")?)?;
        new.write_all(content)?;
        new.persist(path)?;
        Ok(())
    };
    write().with_context(|| format!("writing {}", path.display()))
}

fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_win_over_defaults_and_the_host_over_both() {
        let data = tempfile::tempdir().unwrap();
        let parameters = [
            ("wal_level", "logical"),
            ("ssl", "off"),
            ("search_path", "a'b"),
        ];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let host = BTreeMap::from([("ssl", "on".to_owned())]);
        write_parameters(data.path(), &parameters.into(), &host).unwrap();
        let written = std::fs::read_to_string(data.path().join("postgresql.conf")).unwrap();
        for line in [
            "wal_level = 'logical'",
            "ssl = 'on'",
            "search_path = 'a''b'",
            "timezone = 'UTC'",
        ] {
            let times = written.lines().filter(|written| *written == line).count();
            assert_eq!(times, 1, "{line} in {written}");
        }
    }
}
