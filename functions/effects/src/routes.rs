//! Route 53's records: the weighted ones of the reads, and the one of the writes.

mod pointer;

use crate::error::{Error, acted, looked};
use crate::step::now;
use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change as Edit, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet,
    RrType,
};
use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::{Change, Route, Weighted, changes, strangers};
use std::time::Duration;
use tracing::{info, warn};

/// Route 53 allows an account five calls a second, so a change is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The weighted records of the account's hosted zones.
#[derive(Debug, Clone)]
pub struct Routes {
    client: Client,
}

impl Routes {
    /// The account's hosted zones.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }

    /// The weighted records of a name, in the hosted zone with the longest suffix that has any.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the name has records that this upgrade can't share between two sides.
    pub async fn find(&self, name: &str) -> Result<Option<Route>, Error> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let suffixes = std::iter::successors(Some(name.as_str()), |suffix| {
            suffix.split_once('.').map(|(_, rest)| rest)
        });
        for suffix in suffixes {
            for zone in self.zones(suffix).await? {
                let records = self.list(&zone, &name).await?;
                if !records.is_empty() {
                    return Ok(Some(Route {
                        zone,
                        name,
                        records,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// The ids of the hosted zones with exactly this name: a public and private ones may share it.
    async fn zones(&self, name: &str) -> Result<Vec<String>, Error> {
        let found = self
            .client
            .list_hosted_zones_by_name()
            .dns_name(name)
            .send()
            .await
            .map_err(looked("listing the hosted zones"))?;
        let zones = found
            .hosted_zones()
            .iter()
            .filter(|zone| host(zone.name()) == name);
        Ok(zones
            .map(|zone| zone.id().trim_start_matches("/hostedzone/").to_owned())
            .collect())
    }

    /// The records of a route as they are now.
    ///
    /// # Errors
    ///
    /// As [`Routes::find`].
    pub async fn read(&self, route: &Route) -> Result<Vec<Weighted>, Error> {
        self.list(&route.zone, &route.name).await
    }

    async fn list(&self, zone: &str, name: &str) -> Result<Vec<Weighted>, Error> {
        let mut records = Vec::new();
        let mut next = (Some(name.to_owned()), None, None);
        loop {
            let page = self
                .client
                .list_resource_record_sets()
                .hosted_zone_id(zone)
                .set_start_record_name(next.0.take())
                .set_start_record_type(next.1.take())
                .set_start_record_identifier(next.2.take())
                .send()
                .await
                .map_err(looked("listing the weighted records"))?;
            let sets = page.resource_record_sets().iter();
            for set in sets.filter(|set| host(set.name()) == name) {
                records.extend(weighted(name, set)?);
            }
            // Sets come in the order of their names, so those of one name stand together.
            let more = page.next_record_name().filter(|next| host(next) == name);
            if !page.is_truncated() || more.is_none() {
                records.sort_by(|a: &Weighted, b| a.set_identifier.cmp(&b.set_identifier));
                return Ok(records);
            }
            next = (
                page.next_record_name,
                page.next_record_type,
                page.next_record_identifier,
            );
        }
    }

    /// Makes a route's records as wanted and returns them as they were before. Looks before each attempt, so that an
    /// attempt whose answer was lost is recognized; on return every nameserver of Route 53 has the records.
    ///
    /// `verify` runs immediately before each change.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if it is not done by `deadline`; what `verify` fails with.
    pub async fn apply(
        &self,
        route: &Route,
        wanted: &[Weighted],
        deadline: Millis,
        verify: impl AsyncFn() -> Result<(), Error>,
    ) -> Result<Vec<Weighted>, Error> {
        let before = self.read(route).await?;
        let mut current = before.clone();
        loop {
            let edits = changes(&current, wanted);
            if edits.is_empty() {
                foreign(route, &current, wanted);
                return Ok(before);
            }
            verify().await?;
            match self.change(route, edits, deadline).await {
                Ok(()) => info!(name = route.name, "weighted records changed"),
                Err(failed) if failed.is_transient() && now() < deadline => {
                    warn!(%failed, "weighted records not changed yet");
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                Err(failed) => return Err(failed),
            }
            current = self.read(route).await?;
        }
    }

    /// One atomic batch, awaited until it has reached every nameserver.
    async fn change(
        &self,
        route: &Route,
        edits: Vec<Change>,
        deadline: Millis,
    ) -> Result<(), Error> {
        let edits: Result<Vec<Edit>, Error> =
            edits.into_iter().map(|edit| to_edit(route, edit)).collect();
        self.submit(&route.zone, edits?, deadline).await
    }

    async fn submit(&self, zone: &str, edits: Vec<Edit>, deadline: Millis) -> Result<(), Error> {
        let batch = ChangeBatch::builder()
            .comment("Viridian moves an application between blue and green")
            .set_changes(Some(edits))
            .build()
            .map_err(acted("changing the records"))?;
        let asked = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch)
            .send()
            .await
            .map_err(acted("changing the records"))?;
        match asked.change_info() {
            Some(change) if *change.status() != ChangeStatus::Insync => {
                self.in_sync(change.id(), deadline).await
            }
            _ => Ok(()),
        }
    }

    async fn in_sync(&self, change: &str, deadline: Millis) -> Result<(), Error> {
        let id = change.trim_start_matches("/change/");
        loop {
            let seen = self
                .client
                .get_change()
                .id(id)
                .send()
                .await
                .map_err(looked("following the change of the records"))?;
            let status = seen.change_info().map(|change| change.status().clone());
            if status == Some(ChangeStatus::Insync) {
                return Ok(());
            }
            if now() >= deadline {
                return Err(StepError::transient(
                    "the changed records have not reached every nameserver yet",
                )
                .into());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

fn foreign(route: &Route, now: &[Weighted], wanted: &[Weighted]) {
    let foreign = strangers(now, wanted);
    if !foreign.is_empty() {
        warn!(
            name = route.name,
            ?foreign,
            "records of somebody else left alone"
        );
    }
}

/// A host name as it is compared: no final dot, lower case.
fn host(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A record set that reads can be shared over. Records of types that route no reads, such as TXT, are passed over.
fn weighted(name: &str, set: &ResourceRecordSet) -> Result<Option<Weighted>, StepError> {
    let routes = [RrType::Cname, RrType::A, RrType::Aaaa];
    if !routes.contains(set.r#type()) {
        return Ok(None);
    }
    let parts = (
        set.r#type(),
        set.set_identifier(),
        set.weight().and_then(|weight| u8::try_from(weight).ok()),
        set.ttl().and_then(|ttl| u32::try_from(ttl).ok()),
        set.resource_records(),
    );
    let (RrType::Cname, Some(set_identifier), Some(weight), Some(ttl), [target]) = parts else {
        return Err(StepError::refused(format!(
            "`{name}` has a record that is no weighted CNAME with one target; make all its records weighted CNAMEs, or leave `reads` out"
        )));
    };
    Ok(Some(Weighted {
        set_identifier: set_identifier.to_owned(),
        target: host(target.value()),
        weight,
        ttl,
        health_check: set.health_check_id().map(str::to_owned),
    }))
}

fn to_edit(route: &Route, change: Change) -> Result<Edit, Error> {
    let (action, record) = match change {
        Change::Upsert(record) => (ChangeAction::Upsert, record),
        Change::Delete(record) => (ChangeAction::Delete, record),
    };
    let target = ResourceRecord::builder().value(record.target).build();
    let set = ResourceRecordSet::builder()
        .name(&route.name)
        .r#type(RrType::Cname)
        .set_identifier(record.set_identifier)
        .weight(i64::from(record.weight))
        .ttl(i64::from(record.ttl))
        .set_health_check_id(record.health_check)
        .resource_records(target.map_err(acted("changing the weighted records"))?)
        .build()
        .map_err(acted("changing the weighted records"))?;
    let edit = Edit::builder()
        .action(action)
        .resource_record_set(set)
        .build();
    edit.map_err(acted("changing the weighted records"))
}
