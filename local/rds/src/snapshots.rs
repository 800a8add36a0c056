//! Operations on DB snapshots.

use super::events::{Event, Source};
use super::fault::Fault;
use super::model::{Instance, InstanceStatus, Snapshot, State, Tags, read_tags};
use super::wire::{Filters, Form, Page, Paging, Render, Request, Xml};
use super::{Rds, names};
use crate::postgres;
use crate::postgres::version::ENGINE;
use jiff::Timestamp;

/// `CreateDBSnapshot`.
#[derive(Debug)]
pub struct CreateSnapshot {
    name: String,
    instance: String,
    tags: Tags,
}

impl Request for CreateSnapshot {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            name: form.required("DBSnapshotIdentifier")?.to_lowercase(),
            instance: names::instance_name(&form.required("DBInstanceIdentifier")?)?,
            tags: read_tags(form)?,
        })
    }
}

/// `DescribeDBSnapshots`.
#[derive(Debug)]
pub struct DescribeSnapshots {
    name: Option<String>,
    instance: Option<String>,
    resource_id: Option<String>,
    kind: Option<String>,
    filters: Filters,
    paging: Paging,
}

impl Request for DescribeSnapshots {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        form.ignore(&["IncludeShared", "IncludePublic"]);
        let filters = [
            "db-instance-id",
            "db-snapshot-id",
            "dbi-resource-id",
            "snapshot-type",
            "engine",
        ];
        Ok(Self {
            name: form.text("DBSnapshotIdentifier"),
            instance: form.text("DBInstanceIdentifier"),
            resource_id: form.text("DbiResourceId"),
            kind: form.text("SnapshotType"),
            filters: Filters::read(form, &filters)?,
            paging: Paging::read(form)?,
        })
    }
}

impl DescribeSnapshots {
    fn wants(&self, snapshot: &Snapshot) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|it| it == found);
        is(&self.name, &snapshot.name)
            && is(&self.instance, &snapshot.instance)
            && is(&self.resource_id, &snapshot.resource_id)
            && is(&self.kind, "manual")
            && self.filters.pass(|name| match name {
                "db-instance-id" => vec![snapshot.instance.as_str()],
                "db-snapshot-id" => vec![snapshot.name.as_str()],
                "dbi-resource-id" => vec![snapshot.resource_id.as_str()],
                "snapshot-type" => vec!["manual"],
                _ => vec![ENGINE],
            })
    }
}

/// `DeleteDBSnapshot`.
#[derive(Debug)]
pub struct DeleteSnapshot {
    name: String,
}

impl Request for DeleteSnapshot {
    fn read(form: &mut Form) -> Result<Self, Fault> {
        Ok(Self {
            name: form.required("DBSnapshotIdentifier")?,
        })
    }
}

/// One snapshot as an answer.
#[derive(Debug)]
pub struct One(Snapshot);

impl Render for One {
    fn render(&self, xml: &mut Xml) {
        xml.nest("DBSnapshot", |xml| self.0.render(xml));
    }
}

impl Rds {
    pub(super) fn create_snapshot(&self, request: CreateSnapshot) -> Result<One, Fault> {
        let mut state = self.state();
        let instance = state.instance(&request.instance)?;
        instance.check_available()?;
        let resource_id = instance.resource_id.clone();
        let mut snapshot = state.announce_snapshot(&resource_id, &request.name)?;
        snapshot.tags.extend(request.tags);
        state
            .snapshots
            .insert(request.name.clone(), snapshot.clone());
        state.instance_mut(&request.instance)?.status = InstanceStatus::BackingUp;
        drop(state);
        let rds = self.clone();
        tokio::spawn(async move {
            rds.take_snapshot(&resource_id, &request.name).await;
            rds.set_status(&resource_id, InstanceStatus::Available);
        });
        Ok(One(snapshot))
    }

    /// Copies the data of an instance. Tells whether that worked.
    pub(super) async fn take_snapshot(&self, resource_id: &str, name: &str) -> bool {
        tokio::time::sleep(self.delays().snapshot).await;
        let server = self.server_of(resource_id);
        let copy = match server {
            Some(server) => postgres::snapshot::take(self.host(), &server, name).await,
            None => Err(anyhow::anyhow!("the instance has no server")),
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
        self.tell(Event::now(
            "RDS-EVENT-0042",
            Source::Snapshot,
            name,
            message,
        ));
        taken
    }

    pub(super) fn describe_snapshots(
        &self,
        request: &DescribeSnapshots,
    ) -> Result<Page<Snapshot>, Fault> {
        let state = self.state();
        let found: Vec<_> = state
            .snapshots
            .values()
            .filter(|it| request.wants(it))
            .cloned()
            .collect();
        match &request.name {
            Some(name) if found.is_empty() => Err(Fault::no_snapshot(name)),
            _ => Page::of(("DBSnapshots", "DBSnapshot"), found, &request.paging),
        }
    }

    pub(super) fn delete_snapshot(&self, request: &DeleteSnapshot) -> Result<One, Fault> {
        let mut state = self.state();
        let snapshot = state
            .snapshots
            .get(&request.name)
            .ok_or_else(|| Fault::no_snapshot(&request.name))?;
        if snapshot.copy.is_none() && !snapshot.failed {
            return Err(Fault::new(
                "InvalidDBSnapshotState",
                "Cannot delete a snapshot that is being created.",
            ));
        }
        let snapshot = snapshot.clone();
        state.snapshots.remove(&request.name);
        drop(state);
        if let Some(copy) = &snapshot.copy
            && let Err(error) = std::fs::remove_dir_all(copy)
        {
            tracing::warn!(%error, name = request.name, "a snapshot's folder stays");
        }
        Ok(One(snapshot))
    }
}

impl State {
    /// A snapshot that is about to be taken, if its name is free.
    pub fn announce_snapshot(&self, resource_id: &str, name: &str) -> Result<Snapshot, Fault> {
        if self.snapshots.contains_key(name) {
            return Err(Fault::new(
                "DBSnapshotAlreadyExists",
                format!(
                    "Cannot create the snapshot because a snapshot with the identifier {name} already exists."
                ),
            ));
        }
        if !names::is_identifier(name, 255) {
            return Err(Fault::invalid_value(
                "The parameter DBSnapshotIdentifier is not a valid identifier.",
            ));
        }
        let instance = self
            .instances
            .get(resource_id)
            .ok_or_else(|| Fault::no_instance(resource_id))?;
        Ok(snapshot_of(instance, name))
    }
}

fn snapshot_of(instance: &Instance, name: &str) -> Snapshot {
    Snapshot {
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
    }
}
