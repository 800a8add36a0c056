//! Who is let into a server, and what they may do there.

use super::{host, number, spec};
use anyhow::{Context as _, Result};
use local_rds::postgres::dial::{Address, Dialer, Login, Session, trusting};
use local_rds::postgres::{Host, Server, StopMode, roles};
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

#[tokio::test(flavor = "multi_thread")]
async fn the_master_user_is_no_superuser() -> Result<()> {
    let host = host("roles")?;
    let server = host.create(spec("server", "16.14")).await?;
    let admin = server.admin("postgres").await?;
    roles::create_master(&admin, "viridian", "secret").await?;
    let allowed = "SET ROLE viridian; CREATE ROLE app LOGIN; ALTER ROLE app NOLOGIN";
    admin.batch_execute(allowed).await?;
    let own = number(&admin, "SELECT pg_backend_pid()::bigint").await?;
    for refused in [
        "CREATE PUBLICATION p FOR ALL TABLES",
        "ALTER ROLE rdsadmin NOLOGIN",
        &format!("SELECT pg_terminate_backend({own})"),
    ] {
        let error = admin.batch_execute(refused).await.expect_err(refused);
        let denied = Some(&SqlState::INSUFFICIENT_PRIVILEGE);
        assert_eq!(error.code(), denied, "{refused}: {error}");
    }
    server.stop(StopMode::Immediate).await?;
    assert!(!server.is_running());
    server.start().await?;
    server.destroy().await?;
    host.keeper.end().await
}

/// A session by TCP; the refusal's words otherwise.
pub async fn enter(
    host: &Host,
    server: &Server,
    name: &str,
    user: &str,
) -> std::result::Result<Session, String> {
    let address = Address::Fixed {
        host: name.into(),
        at: server.address().into(),
    };
    let login = Login {
        database: "postgres".into(),
        user: user.into(),
        password: "secret".into(),
    };
    let dialled = async {
        let tls = trusting(host.authority.ca_pem())?;
        Dialer::new(address, login, tls)?.dial().await
    };
    dialled.await.map_err(|error| format!("{error:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_needs_tls_a_password_and_the_right_name() -> Result<()> {
    let host = host("access")?;
    let server = host.create(spec("old-name", "18.4")).await?;
    roles::create_master(&server.admin("postgres").await?, "viridian", "secret").await?;
    let dial = async |name, user| enter(&host, &server, name, user).await.map(drop);
    assert_eq!(dial("old-name.test", "viridian").await, Ok(()));
    let refused = dial("old-name.test", "rdsadmin").await;
    let refused = refused.expect_err("by socket only");
    assert!(refused.contains("pg_hba.conf rejects"), "{refused}");

    server.set_names(&["new-name.test".into()]).await?;
    assert_eq!(dial("new-name.test", "viridian").await, Ok(()));
    let refused = dial("old-name.test", "viridian").await;
    let refused = refused.expect_err("no longer its name");
    assert!(refused.contains("not valid for name"), "{refused}");

    let (ip, port) = (server.address().ip().to_string(), server.address().port());
    let plain = "user=viridian password=secret dbname=postgres sslmode=disable";
    let plain = format!("host={ip} port={port} {plain}");
    let refused = tokio_postgres::connect(&plain, NoTls).await;
    let refused = refused.err().expect("no TLS");
    let refused = refused.as_db_error().context("the server's own word")?;
    assert!(refused.message().contains("no encryption"), "{refused}");
    host.keeper.end().await
}
