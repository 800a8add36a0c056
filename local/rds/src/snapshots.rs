//! Operations on DB snapshots.

use super::events::{Event, Source};
use super::fault::Fault;
use super::model::{InstanceStatus, Snapshot, State, Tags};
use super::wire::{Form, Xml, is};
use super::{Rds, names};
use crate::postgres;
use crate::postgres::version::ENGINE;
use jiff::Timestamp;

/// The filters of `DescribeDBSnapshots`.
const FILTERS: [&str; 5] = [
    "db-instance-id",
    "db-snapshot-id",
    "dbi-resource-id",
    "snapshot-type",
    "engine",
];

impl Rds {
    /// `CreateDBSnapshot`.
    pub(super) fn create_snapshot(&self, mut form: Form) -> Result<Xml, Fault> {
        let name = form.required("DBSnapshotIdentifier")?.to_lowercase();
        let (source, tags) = (form.instance()?, form.tags()?);
        form.end()?;
        let mut state = self.state();
        let instance = state.instance(&source)?;
        instance.check_available()?;
        let resource_id = instance.resource_id.clone();
        let mut snapshot = state.announce_snapshot(&resource_id, &name)?;
        snapshot.tags.extend(tags);
        state.snapshots.insert(name.clone(), snapshot.clone());
        state.instance_mut(&source)?.status = InstanceStatus::BackingUp;
        drop(state);
        let rds = self.clone();
        tokio::spawn(async move {
            rds.take_snapshot(&resource_id, &name).await;
            rds.set_status(&resource_id, InstanceStatus::Available);
        });
        Ok(Xml::one("DBSnapshot", &snapshot))
    }

    /// Copies the data of an instance. Tells whether that worked.
    pub(super) async fn take_snapshot(&self, resource_id: &str, name: &str) -> bool {
        tokio::time::sleep(self.delays().snapshot).await;
        let copy = match self.running(resource_id) {
            Ok(server) => postgres::snapshot::take(self.host(), &server, name).await,
            Err(fault) => Err(fault.into()),
        };
        let message = match &copy {
            Ok(_) => "Manual snapshot created".to_owned(),
            Err(error) => format!("The snapshot failed: {error:#}"),
        };
        let taken = copy.is_ok();
        if let Some(snapshot) = self.state().snapshots.get_mut(name) {
            snapshot.failed = !taken;
            snapshot.copy = copy.ok();
        }
        let event = Event::now("RDS-EVENT-0042", Source::Snapshot, name, message);
        self.tell(event);
        taken
    }

    /// `DescribeDBSnapshots`.
    pub(super) fn describe_snapshots(&self, mut form: Form) -> Result<Xml, Fault> {
        form.ignore(&["IncludeShared", "IncludePublic"]);
        let name = form.text("DBSnapshotIdentifier");
        let instance = form.text("DBInstanceIdentifier");
        let resource_id = form.text("DbiResourceId");
        let kind = form.text("SnapshotType");
        let (filters, paging) = form.listing(&FILTERS)?;
        let wanted = |it: &&Snapshot| {
            is(name.as_ref(), &it.name)
                && is(instance.as_ref(), &it.instance)
                && is(resource_id.as_ref(), &it.resource_id)
                && is(kind.as_ref(), "manual")
                && filters.pass(|filter| match filter {
                    "db-instance-id" => vec![it.instance.as_str()],
                    "db-snapshot-id" => vec![it.name.as_str()],
                    "dbi-resource-id" => vec![it.resource_id.as_str()],
                    "snapshot-type" => vec!["manual"],
                    _ => vec![ENGINE],
                })
        };
        let state = self.state();
        let found = state.snapshots.values().filter(wanted).cloned();
        let found: Vec<_> = found.collect();
        match name {
            Some(name) if found.is_empty() => Err(Fault::no_snapshot(&name)),
            _ => Xml::page("DBSnapshots", "DBSnapshot", found, &paging),
        }
    }

    /// `DeleteDBSnapshot`.
    pub(super) fn delete_snapshot(&self, mut form: Form) -> Result<Xml, Fault> {
        let name = form.required("DBSnapshotIdentifier")?;
        form.end()?;
        let mut state = self.state();
        let snapshot = state.snapshots.get(&name);
        let snapshot = snapshot.ok_or_else(|| Fault::no_snapshot(&name))?.clone();
        if snapshot.copy.is_none() && !snapshot.failed {
            return Err(Fault::new(
                "InvalidDBSnapshotState",
                "Cannot delete a snapshot that is being created.",
            ));
        }
        state.snapshots.remove(&name);
        drop(state);
        if let Some(copy) = &snapshot.copy
            && let Err(error) = std::fs::remove_dir_all(copy)
        {
            tracing::warn!(%error, name, "a snapshot's folder stays");
        }
        Ok(Xml::one("DBSnapshot", &snapshot))
    }
}

impl State {
    /// A snapshot that is about to be taken, if its name is free.
    pub fn announce_snapshot(&self, resource_id: &str, name: &str) -> Result<Snapshot, Fault> {
        if self.snapshots.contains_key(name) {
            let message = format!(
                "Cannot create the snapshot because a snapshot with the identifier {name} already exists."
            );
            return Err(Fault::new("DBSnapshotAlreadyExists", message));
        }
        if !names::is_identifier(name, 255) {
            return Err(Fault::invalid_value(
                "The parameter DBSnapshotIdentifier is not a valid identifier.",
            ));
        }
        let instance = self.by_id(resource_id)?;
        Ok(Snapshot {
            name: name.to_owned(),
            instance: instance.name.clone(),
            resource_id: instance.resource_id.clone(),
            version: instance.version.clone(),
            storage: instance.storage,
            master: instance.master.clone(),
            created: Timestamp::now(),
            failed: false,
            tags: Tags::new(),
            copy: None,
        })
    }
}
