//! The local platform's PostgreSQL servers: what RDS is played with must itself lose nothing and leave nothing behind.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use local::keeper::Keeper;
use local::network::Network;
use local::postgres::{Host, Server, ServerSpec, StopMode, clone, roles, upgrade};
use local::tls::Authority;
use local::toolchain::{Toolchain, workspace};
use tokio_postgres::Client;

fn run_folder(name: &str) -> PathBuf {
    workspace()
        .join(".local/test-runs")
        .join(format!("{name}-{}", std::process::id()))
}

fn host(name: &str) -> Result<Host> {
    let keeper = Keeper::start(&run_folder(name))?;
    Host::new(
        Toolchain::find()?,
        keeper,
        Network::claim()?,
        Authority::create()?,
    )
}

fn spec(id: &str, version: &str) -> ServerSpec {
    let parameters = [("wal_level".to_owned(), "logical".to_owned())].into();
    ServerSpec {
        id: id.into(),
        version: version.into(),
        names: vec![format!("{id}.test")],
        parameters,
    }
}

async fn number(client: &Client, query: &str) -> Result<i64> {
    Ok(client.query_one(query, &[]).await?.get(0))
}

/// Waits until a query gives true, half a minute at most.
async fn until(client: &Client, query: &str) -> Result<()> {
    for _ in 0..3000 {
        if client.query_one(query, &[]).await?.get(0) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("never true: {query}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_at_a_slots_position_upgraded_and_subscribed_misses_and_doubles_no_row()
-> Result<()> {
    let host = host("clone")?;
    let blue = host.create(spec("blue", "16.14")).await?;
    let admin = blue.admin("postgres").await?;
    admin
        .batch_execute(
            "CREATE TABLE t (id bigserial PRIMARY KEY, n int); CREATE PUBLICATION p FOR TABLE t",
        )
        .await?;
    let load = Load::start(&blue).await?;

    let copy = clone::begin(&host, &blue, spec("green", "16.14")).await?;
    let slot = "SELECT lsn::text FROM pg_create_logical_replication_slot('s', 'pgoutput')";
    let position: String = admin.query_one(slot, &[]).await?.get(0);
    let green = copy.to_position(&position).await?;
    upgrade::to_version(&host, &green, "18.4").await?;
    let on_green = green.admin("postgres").await?;
    assert!(
        on_green
            .query_one("SHOW server_version", &[])
            .await?
            .get::<_, &str>(0)
            .starts_with("18.4")
    );
    let subscribe = format!(
        "DROP PUBLICATION p; CREATE SUBSCRIPTION s CONNECTION '{}' PUBLICATION p
         WITH (copy_data = false, create_slot = false, slot_name = 's')",
        blue.internal_conninfo("postgres")
    );
    on_green.batch_execute(&subscribe).await?;

    let written = load.stop().await?;
    let last = number(&admin, "SELECT max(id) FROM t").await?;
    until(
        &on_green,
        &format!("SELECT count(*) > 0 FROM t WHERE id = {last}"),
    )
    .await?;
    let digest = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t";
    let (there, here): (String, String) = (
        admin.query_one(digest, &[]).await?.get(0),
        on_green.query_one(digest, &[]).await?.get(0),
    );
    assert_eq!(there, here);
    assert_eq!(number(&on_green, "SELECT count(*) FROM t").await?, written);
    host.keeper.shutdown().await
}

/// A session that inserts as fast as it can.
struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<i64>>,
}

impl Load {
    async fn start(server: &Server) -> Result<Self> {
        let (stop, session) = (
            Arc::new(AtomicBool::new(false)),
            server.admin("postgres").await?,
        );
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut written = 0;
            while !told.load(Ordering::Relaxed) {
                session.execute("INSERT INTO t (n) VALUES (1)", &[]).await?;
                written += 1;
            }
            Ok(written)
        });
        Ok(Self { stop, task })
    }

    async fn stop(self) -> Result<i64> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_streams_and_a_minor_version_is_rolled_under_it() -> Result<()> {
    let host = host("replica")?;
    let primary = host.create(spec("primary", "16.4")).await?;
    let replica = host.replica_of(&primary, spec("replica", "16.4")).await?;
    for server in [&replica, &primary] {
        upgrade::to_version(&host, server, "16.14").await?;
    }
    let admin = primary.admin("postgres").await?;
    admin
        .batch_execute("CREATE TABLE t AS SELECT generate_series(1, 1000) AS n")
        .await?;
    let reader = replica.admin("postgres").await?;
    until(&reader, "SELECT to_regclass('t') IS NOT NULL").await?;
    assert_eq!(number(&reader, "SELECT count(*) FROM t").await?, 1000);
    assert!(
        reader
            .query_one("SHOW server_version", &[])
            .await?
            .get::<_, &str>(0)
            .starts_with("16.14")
    );
    replica.promote().await?;
    reader.batch_execute("INSERT INTO t VALUES (0)").await?;
    host.keeper.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_master_user_is_no_superuser() -> Result<()> {
    let host = host("roles")?;
    let server = host.create(spec("server", "16.14")).await?;
    let admin = server.admin("postgres").await?;
    roles::create_master(&admin, "viridian", "secret").await?;
    admin
        .batch_execute("SET ROLE viridian; CREATE ROLE app LOGIN; ALTER ROLE app NOLOGIN")
        .await?;
    for refused in [
        "CREATE PUBLICATION p FOR ALL TABLES".to_owned(),
        "ALTER ROLE rdsadmin NOLOGIN".to_owned(),
        format!(
            "SELECT pg_terminate_backend({})",
            number(&admin, "SELECT pg_backend_pid()::bigint").await?
        ),
    ] {
        let error = admin.batch_execute(&refused).await.expect_err(&refused);
        assert_eq!(
            error.code().map(|code| code.code()),
            Some("42501"),
            "{refused}: {error}"
        );
    }
    server.stop(StopMode::Immediate).await?;
    assert!(!server.is_running());
    server.start().await?;
    server.destroy().await?;
    host.keeper.shutdown().await
}
