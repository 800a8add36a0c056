//! RDS looks after the replication of a deployment, and says so when it can't be trusted any more.

use super::{link, shape};
use crate::rds::Rds;
use crate::rds::model::{Deployment, DeploymentStatus, MemberStatus, State};
use std::time::Duration;
use tokio_postgres::Client;

/// Without an applying worker for this long, replication is taken for broken: a restart of either side takes less.
const WORKERS_GONE: Duration = Duration::from_secs(20);

/// What is kept between two looks.
#[derive(Default)]
struct Watch {
    /// A session of blue per database, in the order of the links.
    sessions: Vec<Client>,
    workers_gone: Duration,
}

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
            match self.degraded(&deployment, &mut watch).await {
                Ok(None) => {}
                Ok(Some(why)) => return self.degrade(id, &why),
                Err(error) => {
                    tracing::debug!(
                        deployment = id,
                        error = format!("{error:#}"),
                        "replication was not looked at"
                    );
                    watch.sessions.clear();
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

    async fn degraded(
        &self,
        deployment: &Deployment,
        watch: &mut Watch,
    ) -> anyhow::Result<Option<String>> {
        let pairs = self.pairs(&deployment.id)?;
        if watch.sessions.is_empty() {
            for link in &deployment.links {
                watch
                    .sessions
                    .push(link::session(&pairs[0].blue, &link.database).await?);
            }
        }
        for (link, session) in deployment.links.iter().zip(&watch.sessions) {
            if shape::of(session).await? != link.shape {
                return Ok(Some(format!(
                    "DDL or large objects on the blue database {}",
                    link.database
                )));
            }
        }
        let working = "SELECT count(*) FROM pg_stat_replication WHERE application_name LIKE $1";
        let ours = format!("{}\\_%", deployment.publication());
        let working: i64 = match watch.sessions.first() {
            Some(session) => session.query_one(working, &[&ours]).await?.get(0),
            None => 0,
        };
        let all = usize::try_from(working).unwrap_or_default() >= deployment.links.len();
        watch.workers_gone = if all {
            Duration::ZERO
        } else {
            watch.workers_gone + self.delays().watch
        };
        Ok((watch.workers_gone > WORKERS_GONE).then(|| "green doesn't apply changes".to_owned()))
    }

    /// Notes that somebody deleted or promoted an instance by hand. Tells whether.
    fn lost_member(&self, id: &str) -> bool {
        let mut state = self.state();
        let Ok(deployment) = state.deployment(id) else {
            return true;
        };
        let losses: Vec<_> = deployment
            .members
            .iter()
            .enumerate()
            .filter_map(|(index, member)| {
                let green = member.green.clone().unwrap_or_default();
                Some((index, loss(&state, &member.blue, &green, index > 0)?))
            })
            .collect();
        let lost = !losses.is_empty();
        if lost && let Ok(deployment) = state.deployment_mut(id) {
            deployment.status = DeploymentStatus::InvalidConfiguration;
            deployment.details = Some(
                "An instance of the blue/green deployment was deleted or promoted.".to_owned(),
            );
            for (index, status) in losses {
                deployment.members[index].status = status;
            }
        }
        lost
    }
}

fn loss(state: &State, blue: &str, green: &str, replica: bool) -> Option<MemberStatus> {
    let gone = |id: &str| {
        state
            .instances
            .get(id)
            .is_none_or(|it| replica && it.replica_of.is_none())
    };
    if gone(blue) {
        Some(MemberStatus::MissingSource)
    } else {
        gone(green).then_some(MemberStatus::MissingTarget)
    }
}
