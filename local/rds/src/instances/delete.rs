//! `DeleteDBInstance`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::InstanceStatus;
use crate::wire::{Form, Xml};

impl Rds {
    /// `DeleteDBInstance`.
    pub(crate) fn delete_instance(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&["DeleteAutomatedBackups"]);
        let name = form.instance()?;
        let skip = form.flag("SkipFinalSnapshot")?;
        let snapshot = form.text("FinalDBSnapshotIdentifier");
        let snapshot = snapshot.map(|it| it.to_lowercase());
        if skip == snapshot.is_some() {
            return Err(Fault::invalid_combination(if skip {
                "FinalDBSnapshotIdentifier can not be specified when deleting with SkipFinalSnapshot."
            } else {
                "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
            }));
        }
        form.end()?;
        let resource_id = self.announce_deletion(&name, snapshot.as_deref())?;
        self.work(resource_id, |rds, resource_id| async move {
            if let Some(snapshot) = snapshot
                && !rds.take_snapshot(&resource_id, &snapshot).await
            {
                anyhow::bail!("without its final snapshot the instance stays");
            }
            rds.remove_instance(&resource_id).await
        })
    }

    fn announce_deletion(&self, name: &str, snapshot: Option<&str>) -> Result<String, Fault> {
        let mut state = self.state();
        let instance = state.instance(name)?;
        let resource_id = instance.resource_id.clone();
        if instance.status == InstanceStatus::Deleting {
            let message = format!("Instance {name} is already being deleted.");
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
        if let Some(snapshot) = snapshot {
            if instance.replica_of.is_some() {
                return Err(Fault::invalid_combination(
                    "Cannot create a final snapshot of a read replica.",
                ));
            }
            let taken = state.announce_snapshot(&resource_id, snapshot)?;
            state.snapshots.insert(snapshot.to_owned(), taken);
        }
        state.instance_mut(name)?.status = InstanceStatus::Deleting;
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
