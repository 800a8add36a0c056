//! The twin's PostgreSQL servers: what RDS is played with must itself lose nothing and leave nothing behind.

mod access;
mod outage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use local_aws::memory::run_folder;
use local_rds::postgres::{
    Host, Server, ServerSpec, StopMode, clone, leave_script, snapshot, until, upgrade,
};
use tokio_postgres::Client;

fn host(name: &str) -> Result<Host> {
    Host::alone(&run_folder(name))
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

async fn text(client: &Client, query: &str) -> Result<String> {
    Ok(client.query_one(query, &[]).await?.get(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_at_a_slots_position_upgraded_and_subscribed_misses_and_doubles_no_row()
-> Result<()> {
    let host = host("clone")?;
    let blue = host.create(spec("blue", "16.14")).await?;
    let admin = blue.admin("postgres").await?;
    let table =
        "CREATE TABLE t (id bigserial PRIMARY KEY, n int); CREATE PUBLICATION p FOR TABLE t";
    admin.batch_execute(table).await?;
    let load = Load::start(&blue).await?;

    let green = host.copy_of(&blue, spec("green", "16.14")).await?;
    let slot = "SELECT lsn::text FROM pg_create_logical_replication_slot('s', 'pgoutput')";
    clone::to_position(&green, &blue, &text(&admin, slot).await?).await?;
    upgrade::to_version(&host, &green, "18.4").await?;
    let on_green = green.admin("postgres").await?;
    let version = text(&on_green, "SHOW server_version").await?;
    assert!(version.starts_with("18.4"));
    let subscribe = format!(
        "DROP PUBLICATION p; CREATE SUBSCRIPTION s CONNECTION '{}' PUBLICATION p
         WITH (copy_data = false, create_slot = false, slot_name = 's')",
        blue.internal_conninfo("postgres")
    );
    on_green.batch_execute(&subscribe).await?;

    let written = load.stop().await?;
    let last = number(&admin, "SELECT max(id) FROM t").await?;
    let arrived = format!("SELECT count(*) > 0 FROM t WHERE id = {last}");
    until(&on_green, &arrived).await?;
    let digest = "SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM t";
    assert_eq!(text(&admin, digest).await?, text(&on_green, digest).await?);
    assert_eq!(number(&on_green, "SELECT count(*) FROM t").await?, written);
    host.keeper.end().await
}

/// A session that inserts as fast as it can.
struct Load {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Result<i64>>,
}

impl Load {
    async fn start(server: &Server) -> Result<Self> {
        let (stop, session) = (
            Arc::<AtomicBool>::default(),
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
    let table = "CREATE TABLE t AS SELECT generate_series(1, 1000) AS n";
    admin.batch_execute(table).await?;
    let reader = replica.admin("postgres").await?;
    until(&reader, "SELECT to_regclass('t') IS NOT NULL").await?;
    assert_eq!(number(&reader, "SELECT count(*) FROM t").await?, 1000);
    let version = text(&reader, "SHOW server_version").await?;
    assert!(version.starts_with("16.14"));
    replica.promote().await?;
    reader.batch_execute("INSERT INTO t VALUES (0)").await?;
    host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_parameters_holds_at_once_or_says_that_it_waits() -> Result<()> {
    let host = host("parameters")?;
    let server = host.create(spec("server", "16.14")).await?;
    let mut parameters = server.parameters();
    parameters.insert("default_transaction_read_only".into(), "on".into());
    assert!(server.set_parameters(&parameters).await?.is_empty());
    let session = server.admin("postgres").await?;
    let written = session.batch_execute("CREATE TABLE t (n int)").await;
    written.expect_err("it is read-only");
    parameters.insert("max_connections".into(), "123".into());
    let waiting = server.set_parameters(&parameters).await?;
    assert_eq!(waiting, ["max_connections"]);
    server.restart(StopMode::Fast).await?;
    let session = server.admin("postgres").await?;
    assert_eq!(text(&session, "SHOW max_connections").await?, "123");
    host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_whole_although_its_server_goes_on() -> Result<()> {
    let host = host("snapshot")?;
    let server = host.create(spec("server", "16.14")).await?;
    let admin = server.admin("postgres").await?;
    let table = "CREATE TABLE t (id bigserial PRIMARY KEY, n int)";
    admin.batch_execute(table).await?;
    let load = Load::start(&server).await?;
    let taken = snapshot::take(&host, &server, "final").await?;
    assert!(load.stop().await? > 0);
    let verify = host.toolchain.postgres("16.14")?.program("pg_verifybackup");
    let said = std::process::Command::new(verify).arg(taken).output()?;
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{complaint}");
    host.keeper.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_starts_what_a_run_left() -> Result<()> {
    let host = host("script")?;
    let blue = host.create(spec("blue", "16.14")).await?;
    let green = host.create(spec("green", "16.14")).await?;
    for (server, rows) in [(&blue, 5), (&green, 10)] {
        let table = format!("CREATE TABLE t AS SELECT generate_series(1, {rows}) AS n");
        let admin = server.admin("postgres").await?;
        admin.batch_execute(&table).await?;
    }
    let script = leave_script(host.keeper.folder(), &[("blue", &blue), ("green", &green)])?;
    let psql = host.toolchain.postgres("16.14")?.program("psql");
    let psql = psql.display().to_string();
    host.keeper.shutdown().await?;
    let count = |name: &str| {
        format!("{psql} -h ${name} -U rdsadmin -d postgres -Atc 'SELECT count(*) FROM t'")
    };
    let both = format!("{}; {}", count("blue"), count("green"));
    let mut script = std::process::Command::new(script);
    let said = script.args(["sh", "-c", &both]).output()?;
    let (rows, complaint) = (&said.stdout, String::from_utf8_lossy(&said.stderr));
    assert_eq!(String::from_utf8_lossy(rows), "5\n10\n", "{complaint}");
    host.keeper.end().await
}
