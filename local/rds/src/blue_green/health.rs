//! RDS looks after the replication of a deployment, and says so when it can't be trusted any more.

use crate::Rds;
use crate::model::{DeploymentStatus, Instance, Member, MemberStatus, State};
use crate::postgres::health::Watch;

impl Rds {
    /// Looks until the deployment is over, switched over or invalid.
    pub(super) async fn watch(&self, id: &str) {
        let mut watch = Watch::default();
        loop {
            tokio::time::sleep(self.delays().watch).await;
            let Ok(deployment) = self.deployment(id) else {
                return;
            };
            match deployment.status {
                DeploymentStatus::Available | DeploymentStatus::SwitchoverFailed => {}
                DeploymentStatus::Provisioning | DeploymentStatus::SwitchoverInProgress => continue,
                _ => return,
            }
            if self.lost_member(id) {
                return;
            }
            let seen = match self.pairs(id) {
                Ok(pairs) => {
                    let (links, ours) = (&deployment.links, deployment.publication());
                    let passed = self.delays().watch;
                    watch.degraded(&pairs[0].blue, links, &ours, passed).await
                }
                Err(fault) => Err(fault.into()),
            };
            match seen {
                Ok(None) => {}
                Ok(Some(why)) => return self.degrade(id, &why),
                Err(error) => {
                    tracing::debug!(deployment = id, "replication was not looked at: {error:#}");
                    watch.forget();
                }
            }
        }
    }

    /// Says that replication is degraded, unless a switchover began meanwhile.
    fn degrade(&self, id: &str, why: &str) {
        let message = format!(
            "Replication degraded: {why}. Delete the blue/green deployment and create it again."
        );
        self.update(id, |deployment| {
            if deployment.status.is_ready() {
                deployment.status = DeploymentStatus::InvalidConfiguration;
                deployment.details = Some(message.clone());
            }
        });
        self.tell_of(id, "RDS-EVENT-0409", message);
    }

    /// Notes that a person deleted or promoted an instance by hand. Tells whether.
    fn lost_member(&self, id: &str) -> bool {
        let mut state = self.state();
        let Ok(deployment) = state.deployment(id) else {
            return true;
        };
        let members = deployment.members.iter().enumerate();
        let losses =
            members.filter_map(|(index, member)| Some((index, loss(&state, member, index > 0)?)));
        let losses: Vec<_> = losses.collect();
        let lost = !losses.is_empty();
        if lost && let Ok(deployment) = state.deployment_mut(id) {
            deployment.status = DeploymentStatus::InvalidConfiguration;
            let details = "An instance of the blue/green deployment was deleted or promoted.";
            deployment.details = Some(details.to_owned());
            for (index, status) in losses {
                deployment.members[index].status = status;
            }
        }
        lost
    }
}

fn loss(state: &State, pair: &Member, replica: bool) -> Option<MemberStatus> {
    let promoted = |it: &Instance| replica && it.replica_of.is_none();
    let gone = |id: &str| state.instances.get(id).is_none_or(promoted);
    if gone(&pair.blue) {
        Some(MemberStatus::MissingSource)
    } else {
        gone(&pair.green).then_some(MemberStatus::MissingTarget)
    }
}
