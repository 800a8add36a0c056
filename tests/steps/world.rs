//! A platform with a table, a zone and a plan, and the questions that the tests ask of them.

use anyhow::{Context, Result, ensure};
use asl::interpreter::Outcome;
use axum::http::Method;
use domain::ids::Millis;
use domain::receipt::Receipt;
use local::platform::{Options, Platform};
use local::shop::create_records;
use local_aws::cloudwatch::StateValue;
use local_aws::gateway::client::Client;
use local_aws::lambda::client::Failure;
use local_aws::xml;
use serde_json::{Value, json};
use std::time::Duration;

pub const OWNER: &str = "arn:aws:states:eu-west-1:123456789012:execution:viridian-upgrade:one";
pub const OTHER: &str = "arn:aws:states:eu-west-1:123456789012:execution:viridian-upgrade:two";
pub const READS: &str = "orders-reads.shop.test";

/// AWS on this machine, for one test.
pub struct World {
    pub platform: Platform,
    pub client: Client,
}

impl World {
    /// Brings a platform up. `name` tells the tests' folders apart.
    pub async fn start(name: &str) -> Result<Self> {
        let folder = tests::run_folder(&format!("steps-{name}"));
        std::fs::create_dir_all(&folder)?;
        Self::with(Options::new(folder)).await
    }

    /// Brings a platform up as it is asked for.
    pub async fn with(options: Options) -> Result<Self> {
        let platform = Platform::start(options, &|_| {}).await?;
        let client = platform.client();
        Ok(Self { platform, client })
    }

    /// Ends a test that passed.
    pub async fn end(self) -> Result<()> {
        tests::end_platform(self.platform).await
    }

    /// Moves the share of the reads that goes to green.
    pub async fn shift(&self, ticket: &Value, percent: u8) -> Result<Value, Failure> {
        let input = json!({"ticket": ticket, "percent": percent});
        self.step("shift_weight", input).await
    }

    /// The shares that `shift_weight` has written as metrics.
    pub fn weights(&self) -> Result<Vec<f64>> {
        tests::metric(&self.platform, "shift_weight", "WeightPercent")
    }

    /// Invokes a step.
    pub async fn step(&self, name: &str, input: Value) -> Result<Value, Failure> {
        tests::step(&self.platform, name, input).await
    }

    /// Claims the database for [`OWNER`]; the ticket.
    pub async fn claimed(&self) -> Result<Value> {
        let answer = self.step("claim", claim(OWNER, &plan())).await?;
        Ok(answer["ticket"].clone())
    }

    /// The item of the database in the table of upgrades.
    pub async fn item(&self) -> Result<Value> {
        tests::item(&self.platform).await
    }

    /// Changes the item of the database.
    pub async fn change_item(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        tests::change_item(&self.platform, change).await
    }

    /// Leaves the upgrade in a phase.
    pub async fn leave(&self, phase: &str) -> Result<()> {
        self.change_item(|item| item["phase"] = json!({"S": phase}))
            .await
    }

    /// Starts an execution of a machine of these states, in the place of the shipped one of the upgrade, and so with its role.
    pub fn start_machine(&self, states: &str, input: Value) -> Result<String> {
        let shipped = self.platform.template.machine("UpgradeMachine");
        let watch = format!("{}:1", local_aws::lambda::arn("watch"));
        let names = [("Partition", "aws"), ("Watch", &watch)];
        let names = names.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (name, running) = (&shipped.context("a machine")?.name, &self.platform.states);
        let machine = tests::accepted(running.register(name, states, &names.into()))?;
        tests::accepted(running.start(&machine, None, input))
    }

    /// How an execution ends.
    pub async fn ended(&self, execution: &str) -> Result<Outcome> {
        let ended = self.platform.states.wait(execution);
        let ended = tokio::time::timeout(Duration::from_secs(20), ended);
        tests::accepted(ended.await?)
    }

    /// Waits until the token of a wait stands in the record.
    pub async fn token(&self) -> Result<Value> {
        let token = async || anyhow::Ok(self.record().await?["wait"]["token"].clone());
        tests::wait("a wait is stored", async || Ok(token().await?.is_string())).await?;
        token().await
    }

    /// Leaves the upgrade as it is when green has served for long.
    pub async fn serves(&self) -> Result<()> {
        let receipt = Receipt {
            opened_at: Some(Millis(1)),
            ..Receipt::default()
        };
        self.change_record(|record| record["receipt"] = json!(receipt))
            .await?;
        self.leave("after").await
    }

    /// The record of the database, without what stands by itself.
    pub async fn record(&self) -> Result<Value> {
        let item = self.item().await?;
        Ok(serde_json::from_str(text(&item, "record"))?)
    }

    /// Changes the record of the database.
    pub async fn change_record(&self, change: impl FnOnce(&mut Value)) -> Result<()> {
        let mut record = self.record().await?;
        change(&mut record);
        self.change_item(|item| item["record"] = json!({"S": record.to_string()}))
            .await
    }

    /// Records a green, and the route by which reads go.
    pub async fn has_green(&self, reads: Value) -> Result<()> {
        self.change_record(|record| {
            record["plan"]["reads"] = reads;
            record["green"] = green();
        })
        .await
    }

    /// Makes weighted records: set identifier, target, weight.
    pub async fn route(&self, records: &[(&str, &str, u8)]) -> Result<()> {
        let records: Vec<String> = records.iter().map(upsert).collect();
        create_records(&self.client, &self.platform.zone_id, &records).await
    }

    /// The weighted records as they are: set identifier, target, weight, TTL.
    pub async fn routes(&self) -> Result<Vec<(String, String, u32, u32)>> {
        let path = format!("/2013-04-01/hostedzone/{}/rrset", self.platform.zone_id);
        let sets = self.client.rest("route53", Method::GET, &path, "").await?;
        let sets = xml::all(&sets, "ResourceRecordSet").into_iter();
        let weighted = sets.filter(|set| set.contains("<Weight>"));
        let mut records = weighted
            .map(|set| {
                let element = |name| xml::first(set, name).context(name);
                Ok((
                    element("SetIdentifier")?.to_owned(),
                    element("Value")?.to_owned(),
                    element("Weight")?.parse()?,
                    element("TTL")?.parse()?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        records.sort();
        Ok(records)
    }

    /// Makes an alarm that shows `OK`.
    pub async fn alarm(&self, name: &str) -> Result<()> {
        let alarm = json!({
            "AlarmName": name, "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold",
        });
        let target = "GraniteServiceVersion20100801";
        self.client
            .json("monitoring", &format!("{target}.PutMetricAlarm"), &alarm)
            .await?;
        self.show(name, StateValue::Ok)
    }

    /// Lets an alarm ring.
    pub fn ring(&self, name: &str) -> Result<()> {
        self.show(name, StateValue::Alarm)
    }

    /// Lets an alarm change to a state.
    pub fn show(&self, name: &str, state: StateValue) -> Result<()> {
        let alarms = &self.platform.cloudwatch;
        let changed = alarms.set_alarm(name, state, "a test wants it")?;
        ensure!(changed.is_some(), "the alarm's state did not change");
        Ok(())
    }
}

fn upsert((name, target, weight): &(&str, &str, u8)) -> String {
    format!(
        "<Change><Action>UPSERT</Action><ResourceRecordSet><Name>{READS}.</Name><Type>CNAME</Type>\
         <SetIdentifier>{name}</SetIdentifier><Weight>{weight}</Weight><TTL>60</TTL>\
         <ResourceRecords><ResourceRecord><Value>{target}</Value></ResourceRecord></ResourceRecords>\
         </ResourceRecordSet></Change>"
    )
}

/// A text attribute of an item.
pub fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name]["S"].as_str().unwrap_or_default()
}

fn member(instance: &str, role: &str) -> Value {
    json!({
        "instance": instance, "arn": format!("arn:aws:rds:eu-west-1:123456789012:db:{instance}"),
        "resource_id": format!("db-{instance}"), "role": role, "address": format!("{instance}.rds.test"), "port": 5432,
        "class": "db.t4g.micro", "multi_az": false, "storage_gib": 20, "storage_type": "gp3",
        "parameter_group": "default.postgres16", "version": "16.14",
    })
}

/// A plan whose reads go to a replica of blue, and that no alarm guards.
pub fn plan() -> Value {
    let request = json!({
        "database": "orders", "target_version": "18.4", "dry_run": false, "strategy": null, "ramp": [10, 100],
        "bake_minutes": 5, "watch_hours": 1, "catch_up_minutes": 360, "max_lag_bytes": 1_048_576, "max_lag_seconds": 5, "max_write_pause_ms": 5000,
        "alarms": null, "approval": "never", "application_roles": null, "reads": null, "green": {"parameter_group": null},
        "retire": "keep", "request_id": null,
    });
    json!({
        "database": "orders", "name": "viridian-orders-one", "request": request, "strategy": "blue_green",
        "from_version": "16.14", "to_version": "18.4",
        "members": [member("orders", "writer"), member("orders-replica", "reader")],
        "databases": ["orders"], "application_roles": ["orders_app"], "reads": null, "alarms": [], "checks": [], "steps": [],
    })
}

/// Green for [`plan`].
pub fn green() -> Value {
    let member = |blue: &str| {
        json!({
            "blue": blue, "instance": format!("{blue}-green-abc123"), "resource_id": format!("db-{blue}-green"),
            "address": format!("{blue}-green-abc123.rds.test"), "port": 5432,
        })
    };
    json!({"deployment": "bgd-one", "members": [member("orders"), member("orders-replica")]})
}

/// An input of `claim`.
pub fn claim(owner: &str, plan: &Value) -> Value {
    json!({"plan": plan, "owner": owner})
}

/// The name with which a step failed.
pub fn error(answer: Result<Value, Failure>) -> Result<String> {
    match answer {
        Ok(output) => anyhow::bail!("it did not fail: {output}"),
        Err(failure) => Ok(failure.error),
    }
}
