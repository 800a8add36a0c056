//! `RebootDBInstance`.

use crate::Rds;
use crate::fault::Fault;
use crate::model::InstanceStatus;
use crate::postgres::StopMode;
use crate::wire::{Form, Xml};

impl Rds {
    /// `RebootDBInstance`.
    pub(crate) fn reboot_instance(&self, mut form: Form) -> Result<Xml, Fault> {
        let (name, failover) = (form.instance()?, form.flag("ForceFailover")?);
        form.end()?;
        let resource_id = {
            let mut state = self.state();
            let instance = state.instance(&name)?;
            state.check_movable(instance)?;
            if failover && !instance.multi_az {
                return Err(Fault::invalid_combination(
                    "Cannot force a failover of an instance that is not Multi-AZ.",
                ));
            }
            let instance = state.instance_mut(&name)?;
            instance.status = InstanceStatus::Rebooting;
            instance.resource_id.clone()
        };
        self.work(resource_id, |rds, resource_id| async move {
            tokio::time::sleep(rds.delays().reboot).await;
            rds.restart(&resource_id).await?;
            rds.set_status(&resource_id, InstanceStatus::Available);
            rds.note(&resource_id, "RDS-EVENT-0006", "DB instance restarted");
            Ok(())
        })
    }

    /// Restarts an instance's server, after which all its parameters count.
    pub(crate) async fn restart(&self, resource_id: &str) -> anyhow::Result<()> {
        self.apply_parameters(resource_id).await?;
        self.running(resource_id)?.restart(StopMode::Fast).await?;
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.pending_reboot = false;
        }
        Ok(())
    }
}
