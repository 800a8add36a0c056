//! What RDS does with instances and snapshots.

use super::{Fallible, Turn, World, transient};
use crate::faults::Fault;
use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::rds::Snapshot;

/// RDS's word for an instance whose storage it works on, while PostgreSQL serves.
const BUSY: &str = "storage-optimization";

impl World {
    /// RDS begins to work on an instance's storage.
    pub fn storage_is_busy(&mut self, id: &ResourceId) {
        self.change_server(id, |server| {
            if server.status == "available" {
                BUSY.clone_into(&mut server.status);
            }
        });
        let after = self.dice.between(1_000, 300_000);
        self.later(after, Turn::Rested(id.clone()));
    }

    /// RDS is through with it.
    pub fn instance_rests(&mut self, id: &ResourceId) {
        self.change_server(id, |server| {
            if server.status == BUSY {
                "available".clone_into(&mut server.status);
            }
        });
    }

    /// Deletes the instance that has a name now.
    pub fn delete_named(&mut self, name: &InstanceId) {
        let found = self.named(name.as_str()).map(|server| server.id.clone());
        if let Some(id) = found {
            self.instance_goes(&id);
        }
    }

    /// Deletes an instance.
    pub fn instance_goes(&mut self, id: &ResourceId) {
        self.check_deletion(id);
        self.change_server(id, |server| {
            "deleting".clone_into(&mut server.status);
            server.blocked = true;
        });
        let after = self.dice.between(2_000, 90_000);
        self.later(after, Turn::Gone(id.clone()));
    }

    /// An instance is gone.
    pub fn instance_is_gone(&mut self, id: &ResourceId) {
        self.servers.retain(|server| server.id != *id);
    }

    /// Gives an instance another name.
    pub fn rename(&mut self, from: &InstanceId, to: &InstanceId) -> Fallible<()> {
        let Some(server) = self
            .named(from.as_str())
            .filter(|one| one.status == "available")
        else {
            return transient("InvalidDBInstanceState");
        };
        let id = server.id.clone();
        if self.named(to.as_str()).is_some() {
            self.memory.name_taken = true;
            return Err(StepError::failed("DBInstanceAlreadyExists"));
        }
        self.change_server(&id, |server| {
            "rebooting".clone_into(&mut server.status);
            server.sessions = false;
        });
        let after = self.dice.between(5_000, 120_000);
        self.later(after, Turn::Named(id, to.0.clone()));
        Ok(())
    }

    /// An instance has its new name.
    pub fn instance_is_named(&mut self, id: &ResourceId, name: &str) {
        self.change_server(id, |server| {
            name.clone_into(&mut server.name);
            "available".clone_into(&mut server.status);
        });
    }

    /// Begins an instance's upgrade in place.
    pub fn upgrade(&mut self, name: &InstanceId, version: &str) -> Fallible<()> {
        let Some(server) = self
            .named(name.as_str())
            .filter(|one| one.status == "available")
        else {
            return transient("InvalidDBInstanceState");
        };
        let id = server.id.clone();
        self.change_server(&id, |server| "rebooting".clone_into(&mut server.status));
        let after = self.dice.between(5_000, 300_000);
        self.later(after, Turn::Upgraded(id, version.to_owned()));
        Ok(())
    }

    /// An instance has its new version.
    pub fn instance_is_upgraded(&mut self, id: &ResourceId, version: &str) {
        self.change_server(id, |server| {
            version.clone_into(&mut server.version);
            "available".clone_into(&mut server.status);
        });
    }

    /// Begins a snapshot.
    pub fn snapshot(&mut self, of: &InstanceId, name: &str) -> Fallible<()> {
        let Some(server) = self.named(of.as_str()) else {
            return transient("DBInstanceNotFound");
        };
        if self.snapshots.iter().any(|taken| taken.id == name) {
            return Ok(());
        }
        self.snapshots.push(Snapshot {
            id: name.to_owned(),
            status: "creating".to_owned(),
            percent: 10,
            instance: of.clone(),
            resource_id: server.id.clone(),
        });
        let after = self.dice.between(5_000, 500_000);
        self.later(after, Turn::Snapshot(self.snapshots.len() - 1));
        Ok(())
    }

    /// A snapshot is through.
    pub fn snapshot_turns(&mut self, place: usize) {
        let failed = self.strikes(Fault::SnapshotFails);
        let status = if failed { "failed" } else { "available" };
        status.clone_into(&mut self.snapshots[place].status);
    }
}
