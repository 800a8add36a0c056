//! Instances that are made once and then thawed as often as one likes, faster than RDS makes them.

use crate::model::{Instance, InstanceStatus, ParameterGroup};
use crate::postgres::{Server, snapshot};
use crate::{Rds, names};
use anyhow::Result;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// An instance at rest, with its data and its parameter group.
#[derive(Debug, Clone)]
pub struct Frozen {
    data: PathBuf,
    instance: Instance,
    group: ParameterGroup,
}

impl Rds {
    /// Keeps an instance as it is now, in a folder that must not exist. The instance itself restarts.
    ///
    /// # Errors
    /// When there is no such instance, or it can't be copied.
    pub async fn freeze(&self, name: &str, folder: &Path) -> Result<Frozen> {
        let (instance, group) = {
            let state = self.state();
            let instance = state.instance(name)?.clone();
            let group = state.group(&instance.group)?;
            (instance, group)
        };
        snapshot::freeze(self.host(), &instance.server()?, folder).await?;
        Ok(Frozen {
            data: folder.to_owned(),
            instance,
            group,
        })
    }

    /// Makes the instance under its old name, and replicas of it; all are available when this returns.
    ///
    /// # Errors
    /// When a name is taken, or a server does not start.
    pub async fn thaw(&self, frozen: &Frozen, replicas: &[&str]) -> Result<()> {
        let group = &frozen.group;
        if !group.is_default() {
            let mut state = self.state();
            state.groups.insert(group.name.clone(), group.clone());
        }
        let primary = self.wake(frozen, &frozen.instance.name, None).await?;
        for replica in replicas {
            self.wake(frozen, replica, Some(&primary)).await?;
        }
        Ok(())
    }

    /// One instance: by itself, or a replica of another, whose data were the same when they were frozen.
    async fn wake(&self, frozen: &Frozen, name: &str, source: Option<&Server>) -> Result<Server> {
        let instance = Instance {
            resource_id: names::new_resource_id(),
            name: name.to_owned(),
            status: InstanceStatus::Creating,
            created: Timestamp::now(),
            replica_of: source.map(|source| source.id().to_owned()),
            server: None,
            ..frozen.instance.clone()
        };
        let resource_id = self.admit(instance)?;
        let spec = self.spec_of(&resource_id)?;
        let server = self.host().thaw(spec, &frozen.data).await?;
        if let Some(source) = source {
            server.follow(source, None)?;
        }
        server.start().await?;
        self.open_shop(&resource_id, server.clone()).await?;
        Ok(server)
    }
}
