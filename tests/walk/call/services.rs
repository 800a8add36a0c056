//! AWS's services, but for the table.

use super::timer::Kind;
use super::{Call, Fault};
use crate::world::alarms::ALARM;
use crate::world::routes::{
    Balancer, NO_GROUP, READS_PARAMETER, Registered, ZONE, ZONE_NAME, arn_of,
};
use crate::world::{Fallible, World, answered, silence};
use domain::alarms::Reading;
use domain::error::StepError;
use domain::execution::Execution;
use domain::ids::{Database, DeploymentId, InstanceId, Millis, Owner, ResourceId};
use domain::notice::Notice;
use domain::rds::{Deployment, Instance, Snapshot, UpgradeTarget};
use domain::record::Ticket;
use domain::routes::Address;
use ports::{
    Action, Alarms, Created, Edit, Ended, Endpoint, Executions, Failure, Group, Health, Listeners,
    Metrics, Nature, NewDeployment, Notices, Observation, Parameters, Rds, RecordSet, TaskTokens,
    Value as Held, Zones,
};
use serde_json::Value;
use std::collections::BTreeMap;

impl Rds for Call {
    async fn instance_named(&self, id: &InstanceId) -> Fallible<Option<Instance>> {
        self.see("instance by name", |world| world.described(id.as_str()))
            .await
    }

    async fn instance(&self, id: &ResourceId) -> Fallible<Option<Instance>> {
        self.see("instance", |world| {
            let server = world.server(id);
            server.map(|server| world.instance(server))
        })
        .await
    }

    async fn instances(&self) -> Fallible<Vec<Instance>> {
        self.see("instances", |world| {
            let all = world.servers.iter();
            all.map(|server| world.instance(server)).collect()
        })
        .await
    }

    async fn endpoint(&self, id: &ResourceId) -> Fallible<Endpoint> {
        let found = self.instance(id).await?;
        let endpoint = found.and_then(|found| Some(Endpoint::new(found.address?, found.port)));
        let Some(endpoint) = endpoint else {
            return silence(Nature::Looked, "endpoint");
        };
        let mut hosts = self.me.hosts.borrow_mut();
        hosts.insert(endpoint.host.clone(), id.clone());
        Ok(endpoint)
    }

    async fn upgrade_instance(&self, id: &InstanceId, version: &str) -> Fallible<()> {
        self.act("upgrade instance", Kind::Act, |world| {
            world.upgrade(id, version)
        })
        .await
    }

    async fn rename_instance(&self, from: &InstanceId, to: &InstanceId) -> Fallible<()> {
        self.act("rename instance", Kind::Act, |world| world.rename(from, to))
            .await
    }

    async fn delete_instance_named(&self, id: &InstanceId) -> Fallible<()> {
        self.act("delete instance", Kind::Act, |world| world.delete_named(id))
            .await
    }

    async fn lift_deletion_protection(&self, id: &InstanceId) -> Fallible<()> {
        self.act("lift protection", Kind::Act, |world| {
            world.unprotect(id);
            Ok(())
        })
        .await
    }

    async fn deployment(&self, id: &DeploymentId) -> Fallible<Option<Deployment>> {
        self.see("deployment", |world| world.deployment(id)).await
    }

    async fn deployment_named(&self, name: &str) -> Fallible<Option<Deployment>> {
        self.see("deployment by name", |world| world.deployment_named(name))
            .await
    }

    async fn deployments_of(&self, arn: &str) -> Fallible<Vec<Deployment>> {
        self.see("deployments of", |world| world.deployments_of(arn))
            .await
    }

    async fn create_deployment(&self, new: &NewDeployment) -> Fallible<Created> {
        self.act("create deployment", Kind::Act, |world| world.create(new))
            .await
    }

    async fn switch_over(&self, id: &DeploymentId, _timeout_seconds: u32) -> Fallible<()> {
        const DOING: &str = "switch over";
        self.act(DOING, Kind::Act, |world| {
            world.check_called(id, self.me.began);
            if world.strikes(Fault::SwitchRefused) {
                return answered(Nature::Acted, DOING, Failure::Unfit, "NotSupported");
            }
            world.switch(id, false)
        })
        .await
    }

    async fn delete_deployment(&self, id: &DeploymentId, with_green: bool) -> Fallible<()> {
        self.act("delete deployment", Kind::Act, |world| {
            world.delete_deployment(id, with_green)
        })
        .await
    }

    async fn snapshot(&self, name: &str) -> Fallible<Option<Snapshot>> {
        self.see("snapshot", |world| {
            let mut taken = world.snapshots.iter();
            taken.find(|taken| taken.id == name).cloned()
        })
        .await
    }

    async fn create_snapshot(
        &self,
        instance: &InstanceId,
        name: &str,
        _tags: &BTreeMap<String, String>,
    ) -> Fallible<()> {
        self.act("create snapshot", Kind::Act, |world| {
            world.snapshot(instance, name)
        })
        .await
    }

    async fn upgrade_targets(&self, _engine: &str, version: &str) -> Fallible<Vec<UpgradeTarget>> {
        self.see("targets", |_| crate::setting::targets(version))
            .await
    }

    async fn family(&self, _engine: &str, version: &str) -> Fallible<Option<String>> {
        self.see("family", |_| Some(crate::setting::family(version)))
            .await
    }

    async fn family_of_group(&self, group: &str) -> Fallible<Option<String>> {
        let family = group.split_once('.').map(|(_, family)| family.to_owned());
        self.see("family of group", |_| family).await
    }

    async fn parameters(&self, group: &str) -> Fallible<BTreeMap<String, String>> {
        self.see("parameters", |_| crate::setting::parameters(group))
            .await
    }
}

impl Alarms for Call {
    async fn tagged(&self, _database: &Database) -> Fallible<Vec<String>> {
        self.see("tagged alarms", |_| vec![ALARM.to_owned()]).await
    }

    async fn read(&self, names: &[String], since: Option<Millis>) -> Fallible<Vec<Reading>> {
        self.see("alarms", |world| world.readings(names, since))
            .await
    }
}

impl Call {
    async fn end_wait(&self, token: &str, how: Result<(), StepError>) -> Fallible<Ended> {
        let end = |world: &mut World| {
            if !world.awaited.remove(token) {
                return Ok(Ended::Before);
            }
            world.ended_waits.push((token.to_owned(), how));
            Ok(Ended::Now)
        };
        self.act("end a wait", Kind::Free, end).await
    }
}

impl TaskTokens for Call {
    async fn succeed(&self, token: &str) -> Fallible<Ended> {
        self.end_wait(token, Ok(())).await
    }

    async fn fail(&self, token: &str, why: &StepError) -> Fallible<Ended> {
        self.end_wait(token, Err(why.clone())).await
    }
}

impl Executions for Call {
    async fn describe(&self, execution: &Owner) -> Fallible<Execution> {
        self.see("execution", |world| {
            match world.executions.get(execution.as_str()) {
                None => Execution::Unknown,
                Some(None) => Execution::Running,
                Some(Some(at)) => Execution::Ended(Millis(*at)),
            }
        })
        .await
    }

    async fn start_rollback(&self, name: &str, input: &Value) -> Fallible<()> {
        self.act("start rollback", Kind::Free, |world| {
            world.starts.push((name.to_owned(), input.clone()));
            Ok(())
        })
        .await
    }
}

impl Notices for Call {
    async fn subscribers(&self) -> Fallible<u32> {
        self.see("subscribers", |_| 1).await
    }

    async fn publish(&self, notice: &Notice) -> Fallible<()> {
        let token = notice.commands.as_deref().and_then(token_in);
        self.act("publish", Kind::Free, |world| {
            if world.strikes(Fault::NoticeFailed) {
                return silence(Nature::Acted, "publish");
            }
            world.note(|| format!("  people: {}", notice.what));
            world.questions.extend(token.map(str::to_owned));
            Ok(())
        })
        .await
    }
}

/// The task token in the commands that a person is sent.
fn token_in(commands: &str) -> Option<&str> {
    let (_, rest) = commands.split_once("--task-token '")?;
    rest.split('\'').next()
}

impl Metrics for Call {
    fn observe(&self, _ticket: &Ticket, observation: &Observation) {
        self.world().note(|| format!("  metric: {observation:?}"));
    }
}

impl Zones for Call {
    async fn zones(&self, name: &str) -> Fallible<Vec<String>> {
        let zone = (name == ZONE_NAME).then(|| ZONE.to_owned());
        self.see("zones", |_| zone.into_iter().collect()).await
    }

    async fn records(&self, _zone: &str, name: &str) -> Fallible<Vec<RecordSet>> {
        self.see("records", |world| world.records(name).to_vec())
            .await
    }

    async fn change(&self, _zone: &str, name: &str, edits: &[Edit]) -> Fallible<Option<String>> {
        self.act("change records", Kind::Free, |world| {
            world.reroute(name, edits)
        })
        .await
    }

    async fn is_everywhere(&self, change: &str) -> Fallible<bool> {
        self.see("change", |world| world.is_everywhere(change))
            .await
    }
}

impl Call {
    async fn balance(
        &self,
        at: &'static str,
        change: impl FnOnce(&mut Balancer) -> Result<(), &'static str>,
    ) -> Fallible<()> {
        self.act(at, Kind::Free, |world| {
            let listener = world.listener.as_mut().expect("a listener");
            let done = change(listener);
            let slow = world.dice.chance(1_000);
            let after = world.dice.between(0, if slow { 60_000 } else { 2_000 });
            listener.look_at(world.now + after);
            done.or_else(|code| answered(Nature::Acted, at, Failure::Unfit, code))
        })
        .await
    }
}

impl Listeners for Call {
    async fn action(&self, _listener: &str) -> Fallible<Option<Action>> {
        self.see("listener", |world| {
            let listener = world.listener.as_ref();
            listener.map(|listener| listener.action.clone())
        })
        .await
    }

    async fn forward(&self, _listener: &str, action: &Action) -> Fallible<()> {
        let forward = |listener: &mut Balancer| {
            for (group, _) in &action.forwards {
                listener.targets(group)?;
            }
            listener.action = action.clone();
            Ok(())
        };
        self.balance("change listener", forward).await
    }

    async fn group(&self, id: &str) -> Fallible<Option<Group>> {
        let arn = if id.starts_with("arn:") {
            id.to_owned()
        } else {
            arn_of(id)
        };
        self.see("target group", |world| {
            let (group, _) = world.listener.as_ref()?.groups.get(&arn)?;
            Some(group.clone())
        })
        .await
    }

    async fn create_group(
        &self,
        name: &str,
        _like: &str,
        tags: &BTreeMap<String, String>,
    ) -> Fallible<()> {
        let create = |listener: &mut Balancer| {
            listener.create(name, tags);
            Ok(())
        };
        self.balance("create target group", create).await
    }

    async fn targets(&self, group: &str) -> Fallible<Vec<(Address, Health)>> {
        let targets = |world: &mut World| {
            let listener = world.listener.as_ref();
            let Some((_, targets)) = listener.and_then(|it| it.groups.get(group)) else {
                return answered(Nature::Looked, "targets", Failure::Unfit, NO_GROUP);
            };
            let targets = targets.iter().map(|target| {
                let health = match target.healthy_at {
                    Some(at) if at <= world.now => Health::Healthy,
                    Some(_) => Health::Initial,
                    None => Health::Unhealthy,
                };
                (target.address.clone(), health)
            });
            Ok(targets.collect())
        };
        self.look("targets", targets).await
    }

    async fn register(&self, group: &str, targets: &[Address]) -> Fallible<()> {
        let register = |listener: &mut Balancer| {
            let there = listener.targets(group)?;
            for address in targets {
                if !there.iter().any(|one| one.address == *address) {
                    let address = address.clone();
                    there.push(Registered {
                        address,
                        healthy_at: None,
                    });
                }
            }
            Ok(())
        };
        self.balance("register targets", register).await
    }

    async fn deregister(&self, group: &str, targets: &[Address]) -> Fallible<()> {
        let deregister = |listener: &mut Balancer| {
            let there = listener.targets(group)?;
            there.retain(|one| !targets.contains(&one.address));
            Ok(())
        };
        self.balance("deregister targets", deregister).await
    }

    async fn delete_group(&self, group: &str) -> Fallible<()> {
        let delete = |listener: &mut Balancer| {
            let mut forwards = listener.action.forwards.iter();
            if forwards.any(|(forward, _)| forward == group) {
                return Err("ResourceInUse");
            }
            listener.groups.remove(group);
            Ok(())
        };
        self.balance("delete target group", delete).await
    }
}

impl Parameters for Call {
    async fn value(&self, name: &str) -> Fallible<Option<Held>> {
        let is_known = name == READS_PARAMETER;
        let held = |world: &mut World| world.parameter.clone().filter(|_| is_known);
        self.see("parameter", held).await
    }

    async fn replace(&self, _name: &str, text: &str) -> Fallible<i64> {
        self.act("change parameter", Kind::Free, |world| {
            let held = world.parameter.as_mut().expect("a parameter");
            text.clone_into(&mut held.text);
            held.version += 1;
            Ok(held.version)
        })
        .await
    }
}
