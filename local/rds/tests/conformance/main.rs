//! The local RDS against AWS's own SDK for Python, on real PostgreSQL servers: what boto3 sees is what RDS would show, and a
//! switchover does to data what RDS's would do.

use anyhow::{Context as _, Result, ensure};
use local_aws::calls::CallLog;
use local_aws::dns::{self, Nameserver};
use local_aws::faults::Faults;
use local_aws::gateway::{Gateway, server};
use local_aws::memory::run_folder;
use local_aws::toolchain::workspace;
use local_rds::postgres::Host;
use local_rds::postgres::dial::{Address, Dialer, Login, Session, trusting};
use local_rds::postgres::gate::Keys;
use local_rds::postgres::ticks::{TABLE, Writer};
use local_rds::{Breakage, DelayProfile, Rds, host_name};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
        let host = Host::alone(&run_folder(&format!("rds-{name}")))?;
        let names = Nameserver::default();
        let quick = DelayProfile::QUICK;
        let rds = Rds::new(host.clone(), names.clone(), quick, Keys::new());
        let gateway = Gateway::new(CallLog::default(), Faults::default());
        gateway.route("rds", Arc::new(rds.clone()));
        let network = host.network.clone();
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

    /// Lets boto3 run these stages of `rds.py`.
    async fn boto3(&self, stages: &[&str]) -> Result<()> {
        let python = self.host.toolchain.python();
        let mut script = tokio::process::Command::new(python);
        script
            .arg(workspace().join("local/rds/tests/conformance/rds.py"))
            .arg(&self.endpoint)
            .args(stages);
        let status = script.kill_on_drop(true).status().await?;
        ensure!(status.success(), "stages {stages:?} failed");
        Ok(())
    }

    /// A client of the database `orders` of an instance, by its name.
    fn dialer(&self, instance: &str) -> Result<Dialer> {
        let server = self.rds.server(instance).context("no such instance")?;
        let port = server.address().port();
        let address = Address::name(&host_name(instance), self.nameserver, port);
        let login = Login {
            database: "orders".to_owned(),
            user: "master".to_owned(),
            password: "only-on-this-machine".to_owned(),
        };
        Dialer::new(address, login, trusting(self.host.authority.ca_pem())?)
    }

    async fn dial(&self, instance: &str) -> Result<Session> {
        self.dialer(instance)?.dial().await
    }

    async fn run(&self, instance: &str, statements: &str) -> Result<()> {
        let session = self.dial(instance).await?;
        Ok(session.client.batch_execute(statements).await?)
    }

    async fn number(&self, instance: &str, query: &str) -> Result<i64> {
        let session = self.dial(instance).await?;
        Ok(session.client.query_one(query, &[]).await?.get(0))
    }

    async fn end(self) -> Result<()> {
        self.host.keeper.end().await
    }
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
    stand.boto3(&["provision", "switch", "forget"]).await?;
    stand.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_under_load_loses_and_doubles_nothing() -> Result<()> {
    let stand = Stand::new("switchover").await?;
    stand.boto3(&["create"]).await?;
    stand.run("orders", TABLE).await?;
    let writer = Writer::start(stand.dialer("orders")?);
    stand.boto3(&["provision", "switch"]).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let written = writer.stop().await?;
    written.check(&stand.dial("orders").await?.client).await?;
    let last = stand.number("orders", "SELECT max(id) FROM ticks").await?;
    let next = "SELECT nextval('ticks_id_seq')";
    let next = stand.number("orders", next).await?;
    let version = "SELECT current_setting('server_version_num')::bigint / 10000";
    let version = stand.number("orders", version).await?;
    ensure!(
        next > last && version == 18,
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
    stand.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switchover_that_fails_leaves_blue_writing() -> Result<()> {
    let stand = Stand::new("failures").await?;
    stand.boto3(&["create"]).await?;
    stand.run("orders", TABLE).await?;
    stand.boto3(&["provision"]).await?;
    stand.rds.break_next(Breakage::Switchover);
    stand.boto3(&["taken_back"]).await?;
    let played = stand.rds.unplayed().is_empty();
    ensure!(played, "the breakage was not played");
    let insert = |number| format!("INSERT INTO ticks (number) VALUES ({number})");
    stand.run("orders", &insert(1)).await?;
    let id = stand.rds.deployment_named("upgrade");
    let id = id.context("no deployment")?;
    let block = stand.rds.block_replication(&id).await?;
    stand.run("orders", &insert(2)).await?;
    stand.boto3(&["called_off"]).await?;
    drop(block);
    let change = "ALTER TABLE ticks ADD COLUMN note text";
    stand.run("orders", change).await?;
    let again = ["degraded", "discard", "provision", "switch"];
    stand.boto3(&again).await?;
    ensure!(stand.number("orders", "SELECT count(*) FROM ticks").await? == 2);
    stand.end().await
}
