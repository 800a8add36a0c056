//! The local RDS against AWS's own SDK for Python, on real PostgreSQL servers: what boto3 sees is what RDS would show, and a
//! switchover does to data what RDS's would do.

use anyhow::{Context as _, Result, ensure};
use local::app::dial::{Address, Dialer, Login, trusting};
use local::calls::CallLog;
use local::dns::{self, Nameserver};
use local::faults::Faults;
use local::gateway::{Gateway, server};
use local::keeper::Keeper;
use local::network::Network;
use local::postgres::Host;
use local::rds::{Breakage, DelayProfile, Rds, host_name};
use local::tls::Authority;
use local::toolchain::{Toolchain, workspace};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// RDS behind a gateway and a nameserver, and nothing else.
struct Stand {
    host: Host,
    rds: Rds,
    endpoint: String,
    nameserver: SocketAddr,
    _listening: (server::Listening, dns::Serving),
}

impl Stand {
    async fn new(name: &str) -> Result<Self> {
        let folder = workspace().join(format!(
            ".local/test-runs/rds-{name}-{}",
            std::process::id()
        ));
        let network = Network::claim()?;
        let host = Host::new(
            Toolchain::find()?,
            Keeper::start(&folder)?,
            network.clone(),
            Authority::create()?,
        )?;
        let names = Nameserver::default();
        let rds = Rds::new(host.clone(), names.clone(), DelayProfile::QUICK);
        let gateway = Gateway::new(CallLog::default(), Faults::default());
        gateway.route("rds", Arc::new(rds.clone()));
        let listening = server::serve(network.gateway_listener()?, gateway, axum::Router::new())?;
        let nameserver = network.nameserver()?;
        let serving = dns::serve(names, nameserver).await?;
        Ok(Self {
            host,
            rds,
            endpoint: format!("http://{}", network.gateway()),
            nameserver: nameserver.into(),
            _listening: (listening, serving),
        })
    }

    /// Lets boto3 run these stages of `conformance/rds.py`.
    async fn boto3(&self, stages: &[&str]) -> Result<()> {
        let python = self.host.toolchain.python();
        let mut script = tokio::process::Command::new(python);
        script
            .arg(workspace().join("tests/conformance/rds.py"))
            .arg(&self.endpoint)
            .args(stages);
        let status = script.kill_on_drop(true).status().await?;
        ensure!(status.success(), "stages {stages:?} failed");
        Ok(())
    }

    /// A client of the database `orders` of an instance, by its name.
    fn dialer(&self, instance: &str) -> Result<Dialer> {
        let port = self
            .rds
            .server(instance)
            .context("no such instance")?
            .address()
            .port();
        let address = Address::Name {
            name: host_name(instance),
            nameserver: self.nameserver,
            port,
        };
        let login = Login {
            database: "orders".to_owned(),
            user: "master".to_owned(),
            password: "only-on-this-machine".to_owned(),
        };
        Dialer::new(address, login, trusting(self.host.authority.ca_pem())?)
    }

    async fn run(&self, instance: &str, statements: &str) -> Result<()> {
        Ok(self
            .dialer(instance)?
            .dial()
            .await?
            .client
            .batch_execute(statements)
            .await?)
    }

    async fn number(&self, instance: &str, query: &str) -> Result<i64> {
        Ok(self
            .dialer(instance)?
            .dial()
            .await?
            .client
            .query_one(query, &[])
            .await?
            .get(0))
    }
}

/// What a writer saw.
#[derive(Debug, Default)]
struct Written {
    acknowledged: Vec<i64>,
    /// From the last commit on one server to the first on the next.
    pause: Duration,
    refusals: usize,
}

/// Writes rows 1, 2, 3, … into whatever `orders` leads to, and tries a number again until it is acknowledged or found.
async fn write(mut dialer: Dialer, stop: Arc<AtomicBool>) -> Result<Written> {
    let (mut written, mut next) = (Written::default(), 1_i64);
    let (mut last, mut system) = (Instant::now(), String::new());
    while !stop.load(Ordering::Relaxed) {
        let Ok(session) = dialer.dial().await else {
            written.refusals += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
            continue;
        };
        let found = "SELECT count(*) FROM ticks WHERE number = $1";
        match session
            .client
            .query_one(found, &[&next])
            .await
            .map(|row| row.get(0))
        {
            Ok(0_i64) => {}
            Ok(_) => next += 1,
            Err(_) => continue,
        }
        let insert = "INSERT INTO ticks (number) VALUES ($1)";
        while session.client.execute(insert, &[&next]).await.is_ok()
            && !stop.load(Ordering::Relaxed)
        {
            if session.system != system {
                written.pause = last.elapsed();
                system.clone_from(&session.system);
            }
            last = Instant::now();
            written.acknowledged.push(next);
            next += 1;
        }
    }
    Ok(written)
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_drives_every_operation() -> Result<()> {
    let stand = Stand::new("operations").await?;
    let stages = [
        "create",
        "describe",
        "versions",
        "parameters",
        "tags",
        "snapshots",
        "modify",
        "refusals",
    ];
    stand.boto3(&stages).await?;
    stand.boto3(&["provision", "switch", "forget"]).await
}

const TABLE: &str = "CREATE TABLE ticks (id bigserial PRIMARY KEY, number bigint NOT NULL)";

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_under_load_loses_and_doubles_nothing() -> Result<()> {
    let stand = Stand::new("switchover").await?;
    stand.boto3(&["create"]).await?;
    stand.run("orders", TABLE).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(stand.dialer("orders")?, stop.clone()));
    stand.boto3(&["provision", "switch"]).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let written = writer.await??;
    let count = written.acknowledged.len();
    eprintln!(
        "pause {:?}, {count} acknowledged, {} refusals",
        written.pause, written.refusals
    );
    let rows = stand.number("orders", "SELECT count(*) FROM ticks").await?;
    let distinct = stand
        .number("orders", "SELECT count(DISTINCT number) FROM ticks")
        .await?;
    let next = stand
        .number("orders", "SELECT nextval('ticks_id_seq')")
        .await?;
    let version = stand
        .number(
            "orders",
            "SELECT current_setting('server_version_num')::bigint / 10000",
        )
        .await?;
    ensure!(
        rows == distinct && rows >= i64::try_from(count)?,
        "{rows} rows, {distinct} numbers, {count} acknowledged"
    );
    ensure!(
        next > rows && version == 18,
        "the sequence stands at {next}, the version is {version}"
    );
    let read_only = "SELECT (current_setting('default_transaction_read_only') = 'on')::int::bigint";
    ensure!(
        stand.number("orders-old1", read_only).await? == 1
            && stand.number("orders", read_only).await? == 0
    );
    stand.boto3(&["forget"]).await?;
    ensure!(
        stand.number("orders-old1", read_only).await? == 0,
        "old stays read-only without a deployment"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_that_fails_leaves_blue_writing() -> Result<()> {
    let stand = Stand::new("failures").await?;
    stand.boto3(&["create"]).await?;
    stand.run("orders", TABLE).await?;
    stand.boto3(&["provision"]).await?;
    stand.rds.break_next(Breakage::Switchover);
    stand.boto3(&["taken_back"]).await?;
    ensure!(
        stand.rds.unplayed().is_empty(),
        "the breakage was not played"
    );
    stand
        .run("orders", "INSERT INTO ticks (number) VALUES (1)")
        .await?;
    let id = stand
        .rds
        .deployment_named("upgrade")
        .context("no deployment")?;
    let block = stand.rds.block_replication(&id).await?;
    stand
        .run("orders", "INSERT INTO ticks (number) VALUES (2)")
        .await?;
    stand.boto3(&["called_off"]).await?;
    drop(block);
    stand
        .run("orders", "ALTER TABLE ticks ADD COLUMN note text")
        .await?;
    stand
        .boto3(&["degraded", "discard", "provision", "switch"])
        .await?;
    ensure!(stand.number("orders", "SELECT count(*) FROM ticks").await? == 2);
    Ok(())
}
