//! A shop's database on the local RDS, with a replica, and the questions that the tests ask of it.

use anyhow::{Context, Result, ensure};
pub use local::app::PASSWORD;
use local::platform::{Options, Platform};
use local::shop::{self, DATABASE, GREEN_GROUP, OURS};
use local_aws::lambda::client::Failure;
use local_rds::postgres::dial::{Address, Dialer, Login, trusting};
use local_rds::{DelayProfile, host_name};
use serde_json::{Value, json};
use std::time::Duration;
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
        let server = self
            .platform
            .rds
            .server(instance)
            .with_context(|| format!("no instance {instance}"))?;
        server.admin(database).await
    }

    /// How the application finds its writer and gets in.
    pub fn application(&self) -> Result<Dialer> {
        let server = self.platform.rds.server("orders").context("no writer")?;
        let address = Address::Name {
            name: host_name("orders"),
            nameserver: self.platform.nameserver_address().into(),
            port: server.address().port(),
        };
        let login = Login {
            database: "orders".to_owned(),
            user: "orders_app".to_owned(),
            password: PASSWORD.to_owned(),
        };
        let tls = trusting(self.platform.host.authority.ca_pem())?;
        Dialer::new(address, login, tls)
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

    /// The upgrade's item in the table of upgrades.
    async fn item(&self) -> Result<(Value, Value)> {
        let tables = &self.platform.template.tables;
        let table = tables.first().context("a table")?["TableName"].clone();
        let key = json!({"TableName": table, "Key": {"database": {"S": "orders"}}, "ConsistentRead": true});
        let client = self.platform.client();
        let found = client
            .json("dynamodb", "DynamoDB_20120810.GetItem", &key)
            .await?;
        Ok((table, found["Item"].clone()))
    }

    /// The record of the upgrade, with its phase.
    pub async fn record(&self) -> Result<Value> {
        let (_, item) = self.item().await?;
        let text = item["record"]["S"].as_str().context("a record")?;
        let mut record: Value = serde_json::from_str(text)?;
        record["phase"] = item["phase"]["S"].clone();
        Ok(record)
    }

    /// Leaves the upgrade in a phase, with its record as its steps would have left it.
    pub async fn leave(&self, phase: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut record = self.record().await?;
        change(&mut record);
        let (table, mut item) = self.item().await?;
        item["phase"] = json!({"S": phase});
        item["record"] = json!({"S": record.to_string()});
        let put = json!({"TableName": table, "Item": item});
        let client = self.platform.client();
        client
            .json("dynamodb", "DynamoDB_20120810.PutItem", &put)
            .await?;
        Ok(())
    }

    /// Lets the lease of a call that died run out at once.
    pub async fn leave_lease(&self) -> Result<()> {
        let (table, mut item) = self.item().await?;
        if let Some(item) = item.as_object_mut() {
            for name in ["lease_holder", "lease_step", "lease_until"] {
                item.remove(name);
            }
        }
        let put = json!({"TableName": table, "Item": item});
        let client = self.platform.client();
        client
            .json("dynamodb", "DynamoDB_20120810.PutItem", &put)
            .await?;
        Ok(())
    }

    /// Closes a shop that is as it must be.
    pub async fn close(self) -> Result<()> {
        tests::end_platform(self.platform).await
    }

    /// How many instances, deployments or snapshots RDS shows; `element` is what each of them is wrapped in.
    pub async fn count(&self, operation: &str, element: &str) -> Result<usize> {
        Ok(self
            .ask(operation, &[])
            .await?
            .matches(&format!("<{element}>"))
            .count())
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
