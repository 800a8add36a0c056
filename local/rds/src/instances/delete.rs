//! `DeleteDBInstance`.

use super::One;
use crate::fault::Fault;
use crate::model::InstanceStatus;
use crate::wire::{Form, Request};
use crate::{Rds, names};

/// `DeleteDBInstance`.
#[derive(Debug)]
pub struct DeleteInstance {
    name: String,
    final_snapshot: Option<String>,
}

impl Request for DeleteInstance {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        form.ignore(&["DeleteAutomatedBackups"]);
        let name = names::instance_name(&form.required("DBInstanceIdentifier")?)?;
        let skip = form.flag("SkipFinalSnapshot")?;
        let final_snapshot = form
            .text("FinalDBSnapshotIdentifier")
            .map(|it| it.to_lowercase());
        if skip == final_snapshot.is_some() {
            return Err(Fault::invalid_combination(if skip {
                "FinalDBSnapshotIdentifier can not be specified when deleting with SkipFinalSnapshot."
            } else {
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            }));
        }
        Ok(Self {
            name,
            final_snapshot,
        })
    }
}

impl Rds {
    pub(crate) fn delete_instance(&self, request: DeleteInstance) -> Result<One, Fault> {
        let resource_id = self.announce_deletion(&request)?;
        self.work(&resource_id, |rds| {
            let resource_id = resource_id.clone();
            async move {
                if let Some(snapshot) = request.final_snapshot
                    && !rds.take_snapshot(&resource_id, &snapshot).await
                {
                    anyhow::bail!("without its final snapshot the instance stays");
                }
                rds.remove_instance(&resource_id).await
            }
        });
        self.view(&resource_id)
    }

    fn announce_deletion(&self, request: &DeleteInstance) -> Result<String, Fault> {
        let mut state = self.state();
        let instance = state.instance(&request.name)?;
        let resource_id = instance.resource_id.clone();
        if instance.status == InstanceStatus::Deleting {
            let message = format!("Instance {} is already being deleted.", request.name);
            return Err(Fault::instance_state(message));
        }
        if instance.status != InstanceStatus::Failed {
            state.check_movable(instance)?;
        }
        if instance.deletion_protection {
            return Err(Fault::invalid_combination(
                "Cannot delete protected DB Instance, please disable deletion protection and try again.",
            ));
        }
        if let Some(name) = &request.final_snapshot {
            if instance.replica_of.is_some() {
                return Err(Fault::invalid_combination(
                    "Cannot create a final snapshot of a read replica.",
                ));
            }
            let snapshot = state.announce_snapshot(&resource_id, name)?;
            state.snapshots.insert(name.clone(), snapshot);
        }
        state.instance_mut(&request.name)?.status = InstanceStatus::Deleting;
        Ok(resource_id)
    }

    /// Takes an instance down for good. Its replicas become primaries, as on RDS.
    pub(crate) async fn remove_instance(&self, resource_id: &str) -> anyhow::Result<()> {
        self.set_status(resource_id, InstanceStatus::Deleting);
        tokio::time::sleep(self.delays().delete).await;
        let (name, server, replicas) = {
            let state = self.state();
            let Some(instance) = state.instances.get(resource_id) else {
                return Ok(());
            };
            let replicas = state.replicas_of(resource_id);
            let replicas: Vec<_> = replicas
                .filter(|replica| replica.status != InstanceStatus::Deleting)
                .map(|replica| replica.resource_id.clone())
                .collect();
            (instance.name.clone(), instance.server.clone(), replicas)
        };
        for replica in replicas {
            self.make_independent(&replica).await?;
        }
        self.retract_name(&name);
        if let Some(server) = server {
            self.set_gate(&server, false)?;
            server.destroy().await?;
        }
        self.note(resource_id, "RDS-EVENT-0003", "DB instance deleted");
        self.state().instances.remove(resource_id);
        Ok(())
    }
}
