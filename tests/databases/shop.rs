//! A shop's database on the local RDS, with a replica, and the questions that the tests ask of it.

use anyhow::{Context, Result, ensure};
pub use local::app::PASSWORD;
use local::platform::{Options, Platform};
use local::shop::{self, DATABASE, GREEN_GROUP, OURS};
use local_aws::faults::{Fault, Planted, Target};
use local_aws::lambda::client::Failure;
use local_rds::DelayProfile;
use serde_json::{Value, json};
use std::time::Duration;
use tests::ticks::{TABLE, Writer};
use tests::until;
use tokio_postgres::Client;

pub const OWNER: &str = "arn:aws:states:eu-west-1:123456789012:execution:viridian-upgrade:one";

/// AWS on this machine with the instances `orders` and `orders-replica`, for one test.
pub struct Shop {
    pub platform: Platform,
}

impl Shop {
    /// Opens a shop on a version of PostgreSQL. `name` tells the tests' folders apart.
    pub async fn open(name: &str, version: &str) -> Result<Self> {
        Self::open_on(name, version, &DelayProfile::QUICK).await
    }

    /// Opens a shop on an RDS that takes so long.
    pub async fn open_on(name: &str, version: &str, delays: &DelayProfile) -> Result<Self> {
        let folder = tests::run_folder(&format!("databases-{name}"));
        let options = Options {
            delays: *delays,
            ..Options::new(folder)
        };
        Self::with(options, version).await
    }

    /// Opens a shop whose calls are no evidence of what is needed: what it uses is kept in a folder of its own.
    pub async fn open_apart(name: &str, version: &str) -> Result<Self> {
        let folder = tests::run_folder(&format!("databases-{name}"));
        let options = Options {
            privileges: folder.join("privileges"),
            ..Options::new(folder)
        };
        Self::with(options, version).await
    }

    async fn with(options: Options, version: &str) -> Result<Self> {
        let platform = Platform::start(options, &|_| {}).await?;
        let shop = Self { platform };
        shop.furnish(version).await?;
        Ok(shop)
    }

    async fn furnish(&self, version: &str) -> Result<()> {
        let client = self.platform.client();
        let tags = [("viridian:green-parameter-group", GREEN_GROUP)];
        shop::create_primary(&client, version, &tags).await?;
        let blue = self.platform.rds.server(DATABASE).context("no writer")?;
        shop::fill(&blue, 1000).await?;
        shop::create_replica(&client).await?;
        self.platform
            .keep_credentials(DATABASE, OURS, PASSWORD)
            .await
    }

    /// A call of RDS by a person.
    pub async fn ask(&self, operation: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let version = [("Version", "2014-10-31")];
        let parameters: Vec<_> = parameters.iter().chain(&version).copied().collect();
        self.platform
            .client()
            .query("rds", operation, &parameters)
            .await
    }

    /// Waits until an instance is available.
    pub async fn available(&self, instance: &str) -> Result<()> {
        shop::available(&self.platform.client(), instance).await
    }

    /// A session of the superuser on an instance.
    pub async fn admin(&self, instance: &str, database: &str) -> Result<Client> {
        let server = self.platform.rds.server(instance);
        let server = server.with_context(|| format!("no instance {instance}"))?;
        server.admin(database).await
    }

    /// Executes statements one by one in a session of the superuser.
    pub async fn execute(&self, instance: &str, database: &str, all: &[&str]) -> Result<()> {
        let admin = self.admin(instance, database).await?;
        for statements in all {
            admin.batch_execute(statements).await?;
        }
        Ok(())
    }

    /// The number that a query of the superuser's finds in `orders`.
    pub async fn number(&self, instance: &str, query: &str) -> Result<i64> {
        let admin = self.admin(instance, "orders").await?;
        Ok(admin.query_one(query, &[]).await?.get(0))
    }

    /// How many of the application's two roles can't log in to an instance.
    pub async fn closed(&self, instance: &str) -> Result<i64> {
        let closed = "select count(*) from pg_roles where rolname in ('orders_app', 'reader') and not rolcanlogin";
        self.number(instance, closed).await
    }

    /// The major version that an instance runs.
    pub async fn major(&self, instance: &str) -> Result<i64> {
        let major = "select current_setting('server_version_num')::bigint / 10000";
        self.number(instance, major).await
    }

    /// Makes the table that a writer fills; what is done `before` is done as the superuser.
    pub async fn make_table(&self, before: &str) -> Result<()> {
        let table = format!(
            "{before} alter role orders_app password '{PASSWORD}'; set role orders_app; {TABLE}"
        );
        self.execute("orders", "orders", &[&table]).await
    }

    /// Starts a writer, and waits until it is at work on the instance that takes the writes.
    pub async fn writer(&self) -> Result<Writer> {
        let writer = Writer::start(tests::application(&self.platform)?);
        let serving = self.admin("orders", "orders").await?;
        until(&serving, "select count(*) > 200 from ticks").await?;
        Ok(writer)
    }

    /// Waits until the writer has written more on the instance that takes the writes now; a session on it.
    pub async fn goes_on(&self) -> Result<Client> {
        let last = self.number("orders", "select max(number) from ticks");
        let more = format!("select max(number) > {} + 100 from ticks", last.await?);
        let serving = self.admin("orders", "orders").await?;
        until(&serving, &more).await?;
        Ok(serving)
    }

    /// Green's writer, by the name that it had before the switchover.
    pub async fn green(&self) -> Result<String> {
        let record = self.record().await?;
        let green = record["green"]["members"][0]["instance"].as_str();
        Ok(green.context("a name")?.to_owned())
    }

    /// Loses the answer to the first call of an operation by a step.
    pub fn lose(&self, service: &str, operation: &str, step: &str) -> Planted {
        let target = Target::first(service, operation).by(step);
        self.platform.faults().plant(target, Fault::LoseAnswer)
    }

    /// The deployment that the record names.
    pub async fn deployment(&self) -> Result<String> {
        let record = self.record().await?;
        let named = record["green"]["deployment"].as_str();
        Ok(named.context("a deployment")?.to_owned())
    }

    /// Invokes a step.
    pub async fn step(&self, name: &str, input: Value) -> Result<Value, Failure> {
        tests::step(&self.platform, name, input).await
    }

    /// Plans an upgrade with what a person types besides the database.
    pub async fn plan(&self, mut request: Value) -> Result<Value, Failure> {
        request["database"] = json!("orders");
        self.step("plan", json!({"request": request, "owner": OWNER}))
            .await
    }

    /// Plans and claims an upgrade; the ticket.
    pub async fn claimed(&self, request: Value) -> Result<(Value, Value)> {
        let planned = self.plan(request).await?;
        ensure!(planned["outcome"] == "ready", "{}", planned["text"]);
        let claim = json!({"plan": planned["plan"], "owner": OWNER});
        let answer = self.step("claim", claim).await?;
        Ok((planned["plan"].clone(), json!({"ticket": answer["ticket"]})))
    }

    /// Invokes a step until it is done; what it said on the way.
    pub async fn finish(&self, name: &str, ticket: &Value) -> Result<Vec<Value>> {
        let mut said = vec![];
        for _ in 0..600 {
            match self.step(name, ticket.clone()).await {
                Ok(answer) => said.push(answer),
                Err(failure) if failure.error == "Upgrade.Transient" => {}
                Err(failure) => return Err(failure.into()),
            }
            if said.last().is_some_and(|answer| answer["done"] == true) {
                return Ok(said);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("{name} is not done: {:?}", said.last())
    }

    /// The last thing that it says then.
    pub async fn done(&self, name: &str, ticket: &Value) -> Result<Value> {
        self.finish(name, ticket).await?.pop().context("an answer")
    }

    /// What it says where it may not be done.
    pub async fn refused(&self, name: &str, ticket: &Value) -> Result<String> {
        match self.finish(name, ticket).await {
            Ok(said) => anyhow::bail!("{name} had to be refused: {said:?}"),
            Err(refused) => Ok(refused.to_string()),
        }
    }

    /// The record of the upgrade, with its phase.
    pub async fn record(&self) -> Result<Value> {
        let item = tests::item(&self.platform).await?;
        let text = item["record"]["S"].as_str().context("a record")?;
        let mut record: Value = serde_json::from_str(text)?;
        record["phase"] = item["phase"]["S"].clone();
        Ok(record)
    }

    /// Leaves the upgrade in a phase, with its record as its steps would have left it.
    pub async fn leave(&self, phase: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut record = self.record().await?;
        change(&mut record);
        tests::change_item(&self.platform, |item| {
            item["phase"] = json!({"S": phase});
            item["record"] = json!({"S": record.to_string()});
        })
        .await
    }

    /// Lets the lease of a call that died run out at once.
    pub async fn leave_lease(&self) -> Result<()> {
        tests::change_item(&self.platform, |item| {
            let fields = item.as_object_mut().expect("an item");
            fields.retain(|name, _| !name.starts_with("lease_"));
        })
        .await
    }

    /// Closes a shop that is as it must be.
    pub async fn close(self) -> Result<()> {
        tests::end_platform(self.platform).await
    }

    /// How many instances, deployments or snapshots RDS shows; `element` is what each of them is wrapped in.
    pub async fn count(&self, operation: &str, element: &str) -> Result<usize> {
        let found = self.ask(operation, &[]).await?;
        Ok(found.matches(&format!("<{element}>")).count())
    }
}

/// The checks of a plan with this verdict, by name.
pub fn checks(planned: &Value, verdict: &str) -> Vec<String> {
    let checks = planned["plan"]["checks"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let with = checks.iter().filter(|check| check["verdict"] == verdict);
    with.filter_map(|check| check["name"].as_str().map(str::to_owned))
        .collect()
}
