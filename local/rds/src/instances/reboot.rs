//! `RebootDBInstance`.

use super::One;
use crate::fault::Fault;
use crate::model::InstanceStatus;
use crate::postgres::StopMode;
use crate::wire::{Form, Request};
use crate::{Rds, names};

/// `RebootDBInstance`.
#[derive(Debug)]
pub struct Reboot {
    name: String,
    failover: bool,
}

impl Request for Reboot {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            name: names::instance_name(&form.required("DBInstanceIdentifier")?)?,
            failover: form.flag("ForceFailover")?,
        })
    }
}

impl Rds {
    pub(crate) fn reboot_instance(&self, request: &Reboot) -> Result<One, Fault> {
        let resource_id = {
            let mut state = self.state();
            let instance = state.instance(&request.name)?;
            state.check_movable(instance)?;
            if request.failover && !instance.multi_az {
                return Err(Fault::invalid_combination(
                    "Cannot force a failover of an instance that is not Multi-AZ.",
                ));
            }
            let instance = state.instance_mut(&request.name)?;
            instance.status = InstanceStatus::Rebooting;
            instance.resource_id.clone()
        };
        self.work(&resource_id, |rds| {
            let resource_id = resource_id.clone();
            async move {
                tokio::time::sleep(rds.delays().reboot).await;
                rds.restart(&resource_id).await?;
                rds.set_status(&resource_id, InstanceStatus::Available);
                rds.note(&resource_id, "RDS-EVENT-0006", "DB instance restarted");
                Ok(())
            }
        });
        self.view(&resource_id)
    }

    /// Restarts an instance's server, after which all its parameters count.
    pub(crate) async fn restart(&self, resource_id: &str) -> anyhow::Result<()> {
        self.apply_parameters(resource_id).await?;
        let server = self.server_of(resource_id);
        let server = server.ok_or_else(|| anyhow::anyhow!("it has no server"))?;
        server.restart(StopMode::Fast).await?;
        if let Some(instance) = self.state().instances.get_mut(resource_id) {
            instance.pending_reboot = false;
        }
        Ok(())
    }
}
