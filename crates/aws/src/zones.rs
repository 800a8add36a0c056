//! Route 53's hosted zones and the records in them.

use crate::error::{acted, looked};
use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, ChangeStatus, ResourceRecord, ResourceRecordSet, RrType,
};
use domain::error::StepError;
use ports::{Edit, Error, RecordKind, RecordSet};

/// What a change of records completes: “… failed”.
const CHANGING: &str = "changing the records";

/// The account's hosted zones.
#[derive(Debug, Clone)]
pub struct Zones {
    client: Client,
}

impl Zones {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

impl ports::Zones for Zones {
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

    async fn records(&self, zone: &str, name: &str) -> Result<Vec<RecordSet>, Error> {
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
                .map_err(looked("listing the records"))?;
            let sets = page.resource_record_sets().iter();
            records.extend(
                sets.filter(|set| host(set.name()) == name)
                    .filter_map(record_set),
            );
            // Sets come in the order of their names, so those of one name stand together.
            let more = page.next_record_name().filter(|next| host(next) == name);
            if !page.is_truncated() || more.is_none() {
                return Ok(records);
            }
            next = (
                page.next_record_name,
                page.next_record_type,
                page.next_record_identifier,
            );
        }
    }

    async fn change(
        &self,
        zone: &str,
        name: &str,
        edits: &[Edit],
    ) -> Result<Option<String>, Error> {
        let changes: Result<Vec<Change>, Error> =
            edits.iter().map(|edit| to_change(name, edit)).collect();
        let batch = ChangeBatch::builder()
            .comment("Viridian moves an application between blue and green")
            .set_changes(Some(changes?))
            .build()
            .map_err(acted(CHANGING))?;
        let asked = self
            .client
            .change_resource_record_sets()
            .hosted_zone_id(zone)
            .change_batch(batch)
            .send()
            .await
            .map_err(acted(CHANGING))?;
        let pending = asked
            .change_info()
            .filter(|change| *change.status() != ChangeStatus::Insync);
        Ok(pending.map(|change| change.id().trim_start_matches("/change/").to_owned()))
    }

    async fn is_everywhere(&self, change: &str) -> Result<bool, Error> {
        let seen = self
            .client
            .get_change()
            .id(change)
            .send()
            .await
            .map_err(looked("following the change of the records"))?;
        let status = seen.change_info().map(|change| change.status().clone());
        Ok(status == Some(ChangeStatus::Insync))
    }
}

/// A host name as it is compared: no final dot, lower case.
fn host(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A record set that routes clients; `None` for types such as TXT.
fn record_set(set: &ResourceRecordSet) -> Option<RecordSet> {
    let kind = match set.r#type() {
        RrType::Cname => RecordKind::Cname,
        RrType::A | RrType::Aaaa => RecordKind::Address,
        _ => return None,
    };
    let targets = set.resource_records().iter();
    Some(RecordSet {
        kind,
        set_identifier: set.set_identifier().map(str::to_owned),
        weight: set.weight().and_then(|weight| u8::try_from(weight).ok()),
        ttl: set.ttl().and_then(|ttl| u32::try_from(ttl).ok()),
        targets: targets.map(|target| host(target.value())).collect(),
        health_check: set.health_check_id().map(str::to_owned),
    })
}

fn to_change(name: &str, edit: &Edit) -> Result<Change, Error> {
    let (action, record) = match edit {
        Edit::Upsert(record) => (ChangeAction::Upsert, record),
        Edit::Delete(record) => (ChangeAction::Delete, record),
    };
    if record.kind != RecordKind::Cname {
        let why = format!("`{name}` is no CNAME, and no other record is ever changed");
        return Err(StepError::failed(why).into());
    }
    let targets = record.targets.iter();
    let targets: Result<Vec<ResourceRecord>, _> = targets
        .map(|target| ResourceRecord::builder().value(target).build())
        .collect();
    let set = ResourceRecordSet::builder()
        .name(name)
        .r#type(RrType::Cname)
        .set_set_identifier(record.set_identifier.clone())
        .set_weight(record.weight.map(i64::from))
        .set_ttl(record.ttl.map(i64::from))
        .set_health_check_id(record.health_check.clone())
        .set_resource_records(Some(targets.map_err(acted(CHANGING))?))
        .build()
        .map_err(acted(CHANGING))?;
    let change = Change::builder()
        .action(action)
        .resource_record_set(set)
        .build();
    change.map_err(acted(CHANGING))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> RecordSet {
        RecordSet {
            kind: RecordKind::Cname,
            set_identifier: Some("one".into()),
            weight: Some(10),
            ttl: Some(60),
            targets: vec!["orders.rds.example.com".into()],
            health_check: Some("hc-1".into()),
        }
    }

    #[test]
    fn a_record_is_deleted_exactly_as_it_was_read() {
        let change = to_change("orders.example.com", &Edit::Delete(record())).expect("a change");
        let set = change.resource_record_set().expect("a record set");
        assert_eq!(*change.action(), ChangeAction::Delete);
        assert_eq!(record_set(set), Some(record()));
    }

    #[test]
    fn nothing_but_a_cname_is_changed() {
        let address = RecordSet {
            kind: RecordKind::Address,
            ..record()
        };
        assert!(to_change("orders.example.com", &Edit::Upsert(address)).is_err());
    }
}
