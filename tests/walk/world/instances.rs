//! What RDS does with instances and snapshots.

use super::routes::{LISTENER, READS, READS_PARAMETER, WRITES};
use super::servers::Server;
use super::{Fallible, Turn, World, answered, busy};
use crate::faults::Fault;
use domain::ids::{InstanceId, ResourceId};
use domain::rds::{Instance, READS_TAG, Snapshot, WRITES_TAG};
use ports::{Failure, Nature};
use std::collections::BTreeMap;

/// RDS's word for an instance whose storage it works on, while the engine serves.
const BUSY: &str = "storage-optimization";

impl World {
    /// An instance, as RDS describes it.
    pub fn instance(&self, server: &Server) -> Instance {
        let name = |id: &ResourceId| {
            let found = self.server(id);
            found.map_or_else(|| "gone".into(), |found| found.name.as_str().into())
        };
        let replicas = self.servers.iter();
        let replicas = replicas.filter(|other| other.source.as_ref() == Some(&server.id));
        Instance {
            id: server.name.as_str().into(),
            arn: server.arn(),
            resource_id: server.id.clone(),
            status: server.status.into(),
            engine: "postgres".to_owned(),
            version: server.version.clone(),
            pending_version: None,
            class: "db.m7g.large".to_owned(),
            multi_az: false,
            storage_gib: 20,
            storage_type: "gp3".to_owned(),
            storage_status: String::new(),
            parameter_group: server.group.clone(),
            parameters_applied: "in-sync".into(),
            backup_days: 7,
            address: (server.status != "creating").then(|| server.host()),
            port: 5432,
            replica_of: server.source.as_ref().map(name),
            replicas: replicas.map(|other| other.name.as_str().into()).collect(),
            replication: server.is_replica().then(|| "replicating".to_owned()),
            cluster: None,
            deletion_protection: server.protected,
            managed_password: false,
            iam_login: false,
            tags: self.tags(),
        }
    }

    /// The tags that name the application's records.
    fn tags(&self) -> BTreeMap<String, String> {
        let record = |name| (!self.records(name).is_empty()).then_some(name);
        let by_parameter = self.parameter.as_ref().map(|_| READS_PARAMETER);
        let reads = record(READS).or(by_parameter);
        let reads = reads.map(|name| (READS_TAG.to_owned(), name.to_owned()));
        let by_listener = self.listener.as_ref().map(|_| LISTENER);
        let writes = record(WRITES).or(by_listener);
        let writes = writes.map(|name| (WRITES_TAG.to_owned(), name.to_owned()));
        reads.into_iter().chain(writes).collect()
    }

    /// The instance with a name.
    pub fn described(&self, name: &str) -> Option<Instance> {
        self.named(name).map(|server| self.instance(server))
    }

    /// RDS begins to work on an instance's storage.
    pub fn storage_is_busy(&mut self, id: &ResourceId) {
        self.change_server(id, |server| {
            if server.status == "available" {
                server.status = BUSY;
            }
        });
        let after = self.dice.between(1_000, 300_000);
        self.later(after, Turn::Rested(id.clone()));
    }

    /// RDS is through with it.
    pub fn instance_rests(&mut self, id: &ResourceId) {
        self.change_server(id, |server| {
            if server.status == BUSY {
                server.status = "available";
            }
        });
    }

    /// Lets an instance be deleted.
    pub fn unprotect(&mut self, name: &InstanceId) {
        if let Some(id) = self.named(name.as_str()).map(|server| server.id.clone()) {
            self.change_server(&id, |server| server.protected = false);
        }
    }

    /// Deletes the instance that has a name now.
    pub fn delete_named(&mut self, name: &InstanceId) -> Fallible<()> {
        let Some(server) = self.named(name.as_str()) else {
            return Ok(());
        };
        if server.protected {
            let code = "InvalidParameterCombination";
            return answered(Nature::Acted, "deleting", Failure::Unknown, code);
        }
        let id = server.id.clone();
        self.instance_goes(&id);
        Ok(())
    }

    /// Deletes an instance.
    pub fn instance_goes(&mut self, id: &ResourceId) {
        self.check_deletion(id);
        self.change_server(id, |server| {
            server.status = "deleting";
            server.blocked = true;
            server.end_sessions();
        });
        let after = self.dice.between(2_000, 90_000);
        self.later(after, Turn::Gone(id.clone()));
    }

    /// An instance is gone.
    pub fn instance_is_gone(&mut self, id: &ResourceId) {
        self.servers.retain(|server| server.id != *id);
    }

    /// The instance with a name, if it is at rest.
    fn at_rest(&self, name: &InstanceId) -> Option<ResourceId> {
        let server = self.named(name.as_str());
        let server = server.filter(|server| server.status == "available")?;
        Some(server.id.clone())
    }

    fn restarts(&mut self, id: &ResourceId) {
        self.change_server(id, |server| {
            server.status = "rebooting";
            server.end_sessions();
        });
    }

    /// Gives an instance another name.
    pub fn rename(&mut self, from: &InstanceId, to: &InstanceId) -> Fallible<()> {
        let Some(id) = self.at_rest(from) else {
            return busy("renaming");
        };
        if self.named(to.as_str()).is_some() {
            self.memory.name_taken = true;
            let code = "DBInstanceAlreadyExists";
            return answered(Nature::Acted, "renaming", Failure::Unknown, code);
        }
        self.restarts(&id);
        let after = self.dice.between(5_000, 120_000);
        self.later(after, Turn::Named(id, to.0.clone()));
        Ok(())
    }

    /// An instance has its new name.
    pub fn instance_is_named(&mut self, id: &ResourceId, name: &str) {
        self.change_server(id, |server| {
            name.clone_into(&mut server.name);
            server.status = "available";
        });
    }

    /// Begins an instance's upgrade in place.
    pub fn upgrade(&mut self, name: &InstanceId, version: &str) -> Fallible<()> {
        let Some(id) = self.at_rest(name) else {
            return busy("upgrading");
        };
        self.restarts(&id);
        let after = self.dice.between(5_000, 300_000);
        self.later(after, Turn::Upgraded(id, version.to_owned()));
        Ok(())
    }

    /// An instance has its new version.
    pub fn instance_is_upgraded(&mut self, id: &ResourceId, version: &str) {
        self.change_server(id, |server| {
            version.clone_into(&mut server.version);
            server.status = "available";
        });
    }

    /// Begins a snapshot.
    pub fn snapshot(&mut self, of: &InstanceId, name: &str) -> Fallible<()> {
        let Some(server) = self.named(of.as_str()) else {
            let code = "DBInstanceNotFound";
            return answered(Nature::Acted, "taking a snapshot", Failure::Unfit, code);
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

    /// The server with an ARN.
    pub fn server_of(&self, wanted: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.arn() == wanted)
    }
}
