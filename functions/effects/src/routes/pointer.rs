//! The plain record that leads to the writer.

use super::{Routes, host};
use crate::error::{Error, acted, looked};
use aws_sdk_route53::types::{
    Change as Edit, ChangeAction, ResourceRecord, ResourceRecordSet, RrType,
};
use domain::error::StepError;
use domain::ids::Millis;
use domain::writes::Pointer;
use tracing::info;

impl Routes {
    /// The record of a name, in the hosted zone with the longest suffix that has one.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the name has anything but one plain CNAME.
    pub async fn find_pointer(&self, name: &str) -> Result<Option<Pointer>, Error> {
        let name = host(name);
        let suffixes = std::iter::successors(Some(name.as_str()), |suffix| {
            suffix.split_once('.').map(|(_, rest)| rest)
        });
        for suffix in suffixes {
            for zone in self.zones(suffix).await? {
                if let Some(found) = self.pointer(&zone, &name).await? {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// The record as it is now; nothing if it is gone.
    ///
    /// # Errors
    ///
    /// As [`Routes::find_pointer`].
    pub async fn read_pointer(&self, pointer: &Pointer) -> Result<Option<Pointer>, Error> {
        self.pointer(&pointer.zone, &pointer.name).await
    }

    async fn pointer(&self, zone: &str, name: &str) -> Result<Option<Pointer>, Error> {
        let page = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .start_record_name(name)
            .send()
            .await
            .map_err(looked("reading the record of the writes"))?;
        let routes = [RrType::Cname, RrType::A, RrType::Aaaa];
        let sets = page.resource_record_sets().iter();
        let ours: Vec<&ResourceRecordSet> = sets
            .filter(|set| host(set.name()) == name && routes.contains(set.r#type()))
            .collect();
        match ours.as_slice() {
            [] => Ok(None),
            [one] => plain(zone, name, one)
                .map(Some)
                .ok_or_else(|| unfit(name).into()),
            _ => Err(unfit(name).into()),
        }
    }

    /// Lets the record lead where `wanted` says, if it does not yet. On return every nameserver of Route 53 has it.
    /// Whether anything was changed.
    ///
    /// `verify` runs immediately before the change.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if it is not done by `deadline`; what `verify` fails with.
    pub async fn point(
        &self,
        wanted: &Pointer,
        deadline: Millis,
        verify: impl AsyncFn() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if self.read_pointer(wanted).await?.as_ref() == Some(wanted) {
            return Ok(false);
        }
        verify().await?;
        self.submit(&wanted.zone, vec![edit(wanted)?], deadline)
            .await?;
        info!(
            name = wanted.name,
            target = wanted.target,
            "record of the writes changed"
        );
        Ok(true)
    }
}

fn unfit(name: &str) -> StepError {
    StepError::refused(format!(
        "`{name}` is not one plain CNAME with one target; make it one, or leave `writes` out"
    ))
}

fn plain(zone: &str, name: &str, set: &ResourceRecordSet) -> Option<Pointer> {
    let [target] = set.resource_records() else {
        return None;
    };
    let is_plain = *set.r#type() == RrType::Cname && set.set_identifier().is_none();
    is_plain.then_some(Pointer {
        zone: zone.to_owned(),
        name: name.to_owned(),
        target: host(target.value()),
        ttl: u32::try_from(set.ttl()?).ok()?,
    })
}

fn edit(wanted: &Pointer) -> Result<Edit, Error> {
    let doing = "changing the record of the writes";
    let target = ResourceRecord::builder().value(&wanted.target).build();
    let set = ResourceRecordSet::builder()
        .name(&wanted.name)
        .r#type(RrType::Cname)
        .ttl(i64::from(wanted.ttl))
        .resource_records(target.map_err(acted(doing))?)
        .build()
        .map_err(acted(doing))?;
    let upsert = Edit::builder()
        .action(ChangeAction::Upsert)
        .resource_record_set(set)
        .build();
    upsert.map_err(acted(doing))
}
