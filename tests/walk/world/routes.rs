//! Names: the application's in Route 53, and those of RDS's servers.

use super::{Fallible, World, answered};
use domain::ids::ResourceId;
use domain::routes::{Address, Weighted};
use ports::{Action, Edit, Failure, Group, Nature, RecordSet};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The hosted zone's id.
pub const ZONE: &str = "Z1";
/// The hosted zone's name.
pub const ZONE_NAME: &str = "shop.test";
/// The name that routes reads.
pub const READS: &str = "orders-reads.shop.test";
/// The parameter whose hosts the readers take.
pub const READS_PARAMETER: &str = "/orders/reads";
/// The name that leads to the writer.
pub const WRITES: &str = "orders-writes.shop.test";

/// The listener that leads to the writer.
pub const LISTENER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/net/orders/1/1";

/// The service's code for a target group that is not there.
pub const NO_GROUP: &str = "TargetGroupNotFound";

/// A target of a group.
#[derive(Debug, Clone)]
pub struct Registered {
    /// What was registered.
    pub address: Address,
    /// When it is healthy; nothing while no listener has its group, since it is not looked at then.
    pub healthy_at: Option<i64>,
}

/// A listener with its target groups, the customer's own first.
#[derive(Debug, Clone)]
pub struct Balancer {
    /// What it does.
    pub action: Action,
    /// The groups by ARN, with their targets.
    pub groups: BTreeMap<String, (Group, Vec<Registered>)>,
}

impl Balancer {
    /// A listener that leads to one server.
    pub fn new(address: IpAddr) -> Self {
        let mut made = Self {
            action: Action {
                forwards: vec![(arn_of("orders"), None)],
                stickiness: None,
            },
            groups: BTreeMap::new(),
        };
        made.create("orders", &BTreeMap::new());
        let target = Address {
            ip: address.to_string(),
            port: 5432,
            zone: None,
        };
        let targets = made.targets(&arn_of("orders"));
        targets.expect("the group that was made").push(Registered {
            address: target,
            healthy_at: Some(0),
        });
        made
    }

    /// Makes a group, unless it is there.
    pub fn create(&mut self, name: &str, tags: &BTreeMap<String, String>) {
        let arn = arn_of(name);
        let group = Group {
            arn: arn.clone(),
            has_addresses: true,
            tags: tags.clone(),
        };
        self.groups.entry(arn).or_insert((group, vec![]));
    }

    /// A group's targets; the service's code if it is not there.
    pub fn targets(&mut self, group: &str) -> Result<&mut Vec<Registered>, &'static str> {
        let (_, targets) = self.groups.get_mut(group).ok_or(NO_GROUP)?;
        Ok(targets)
    }

    /// The addresses that new connections may get.
    pub fn leads_to(&self) -> impl Iterator<Item = &str> {
        let open = self
            .action
            .forwards
            .iter()
            .filter(|(_, weight)| *weight != Some(0));
        let targets = open.flat_map(|(group, _)| &self.groups[group].1);
        targets.map(|target| target.address.ip.as_str())
    }

    /// Whether it has more than the customer's own groups.
    pub const fn is_shared(&self) -> bool {
        self.action.forwards.len() > 1
    }

    /// Whether every target that it may lead to is healthy.
    pub fn is_ready(&self, now: i64) -> bool {
        let is_healthy = |target: &Registered| target.healthy_at.is_some_and(|at| at <= now);
        let mut groups = self.action.forwards.iter();
        groups.all(|(group, _)| {
            let targets = &self.groups[group].1;
            !targets.is_empty() && targets.iter().all(is_healthy)
        })
    }

    /// Whatever it has and was not looked at yet is healthy from then on.
    pub fn look_at(&mut self, healthy_at: i64) {
        for (group, _) in &self.action.forwards {
            for target in &mut self.groups.get_mut(group).expect("a group").1 {
                target.healthy_at.get_or_insert(healthy_at);
            }
        }
    }
}

/// The ARN of a target group.
pub fn arn_of(name: &str) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{name}/1")
}

/// A host name that leads to another server than to the one that has it, for a while.
#[derive(Debug, Clone)]
pub struct Led {
    /// The host name.
    pub host: String,
    /// Where it leads.
    pub to: ResourceId,
    /// Until when.
    pub until: i64,
}

impl Led {
    /// Whether it is this name, and leads there at a moment.
    pub fn is_now(&self, host: &str, now: i64) -> bool {
        self.until > now && self.host == host
    }
}

/// A weighted record of a plan, as Route 53 has it.
pub fn weighted(record: &Weighted) -> RecordSet {
    RecordSet {
        set_identifier: Some(record.set_identifier.clone()),
        weight: Some(record.weight),
        health_check: record.health_check.clone(),
        ..RecordSet::cname(&record.target, record.ttl)
    }
}

impl World {
    /// The records of a name.
    pub fn records(&self, name: &str) -> &[RecordSet] {
        self.records.get(name).map_or(&[], Vec::as_slice)
    }

    /// Makes one batch of changes, or none of it; the change's id while not every nameserver has it.
    pub fn reroute(&mut self, name: &str, edits: &[Edit]) -> Fallible<Option<String>> {
        let mut records = self.records(name).to_vec();
        for edit in edits {
            let (Edit::Upsert(set) | Edit::Delete(set)) = edit;
            let there = records.iter();
            let mut there = there.filter(|there| there.set_identifier == set.set_identifier);
            let found = there.next();
            match edit {
                Edit::Delete(_) if found != Some(set) => {
                    let batch = "InvalidChangeBatch";
                    return answered(Nature::Acted, "changing records", Failure::Unknown, batch);
                }
                _ => records.retain(|there| there.set_identifier != set.set_identifier),
            }
            if let Edit::Upsert(set) = edit {
                records.push(set.clone());
            }
        }
        records.sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
        let before = self.records.insert(name.to_owned(), records);
        let slow = self.dice.chance(3_000);
        let after = if slow {
            self.dice.between(1, 40_000)
        } else {
            0
        };
        self.everywhere_at = self.now + after;
        let before = before.into_iter().flatten();
        let led = before.filter(|set| set.weight.is_some_and(|weight| weight > 0));
        let hosts = led.flat_map(|set| set.targets);
        let left = hosts.map(|host| (host, self.now));
        self.memory.reads_left.extend(left);
        Ok(slow.then(|| format!("C{}", self.everywhere_at)))
    }

    /// Whether every nameserver has a change.
    pub fn is_everywhere(&self, change: &str) -> bool {
        let at = change
            .strip_prefix('C')
            .and_then(|at| at.parse::<i64>().ok());
        at.is_none_or(|at| at <= self.now)
    }
}
