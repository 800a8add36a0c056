//! What RDS checks before it makes a green, and before it switches over.

use super::Pair;
use crate::Rds;
use crate::fault::Fault;
use crate::model::{Deployment, Instance, State};
use crate::postgres::{Server, obstacles};

impl State {
    /// Whether an instance can be the blue of a deployment, as far as RDS's own books tell.
    pub fn check_source(&self, source: &Instance) -> Result<(), Fault> {
        source.check_available()?;
        if source.replica_of.is_some() {
            return Err(Fault::source_unfit(
                "The source of a blue/green deployment can't be a read replica.",
            ));
        }
        if source.backup_retention == 0 {
            return Err(Fault::source_unfit(format!(
                "Automated backups must be enabled on {} before you create a blue/green deployment.",
                source.name
            )));
        }
        for member in std::iter::once(source).chain(self.replicas_of(&source.resource_id)) {
            member.check_available()?;
            if member.pending_reboot {
                return Err(Fault::source_unfit(format!(
                    "The DB parameter group of {} must be in-sync: reboot it first.",
                    member.name
                )));
            }
            if let Some(other) = self.deployment_of(&member.resource_id) {
                return Err(Fault::source_unfit(format!(
                    "{} is already a member of the blue/green deployment {}.",
                    member.name, other.id
                )));
            }
        }
        if !self.group(&source.group)?.has_logical_replication() {
            return Err(Fault::source_unfit(format!(
                "A major version upgrade needs logical replication: set rds.logical_replication to 1 in a parameter group \
                 of {} and reboot it.",
                source.name
            )));
        }
        Ok(())
    }
}

/// Whether a server can be the blue of a deployment, as far as the server tells.
pub async fn check_blue(blue: &Server) -> Result<(), Fault> {
    let obstacle = obstacles::of_green(blue).await.map_err(Fault::internal)?;
    obstacle.map_or(Ok(()), |why| Err(Fault::source_unfit(why)))
}

impl Rds {
    /// Why a deployment can't be switched over now, if it can't.
    pub(super) async fn obstacle(
        &self,
        deployment: &Deployment,
        pairs: &[Pair],
    ) -> anyhow::Result<Option<String>> {
        if let Some(obstacle) = self.unfit_member(deployment) {
            return Ok(Some(obstacle));
        }
        let (blue, green) = (&pairs[0].blue, &pairs[0].green);
        obstacles::of_switchover(blue, green, &deployment.links, &deployment.publication()).await
    }

    fn unfit_member(&self, deployment: &Deployment) -> Option<String> {
        let state = self.state();
        let members = deployment.members.iter();
        let ids = members.flat_map(|member| [&member.blue, &member.green]);
        let mut instances = ids.filter_map(|id| state.instances.get(id));
        instances.find_map(|instance| match instance.check_available() {
            Err(fault) => Some(fault.message),
            Ok(()) => instance
                .pending_reboot
                .then(|| format!("the parameters of {} wait for a reboot", instance.name)),
        })
    }
}
