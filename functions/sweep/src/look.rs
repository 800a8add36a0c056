//! Looks at one upgrade. What can't be seen is nothing: it is no reason to do anything.

use crate::World;
use domain::error::StepError;
use domain::ids::{Owner, ResourceId};
use domain::record::{Green, Phase, Record};
use domain::reverse::{Health, LinkSeen, health, limit, worst};
use domain::sweep::{Execution, Seen, token};
use domain::watch::Reading;
use effects::error::Error;
use effects::postgres::inspect::MAINTENANCE;
use effects::postgres::{Access, Endpoint, Session, reverse};
use effects::step::now;
use tracing::warn;

impl World {
    pub(crate) async fn look(&self, record: &Record) -> Seen {
        let open = record.phase != Phase::Ended;
        let upgrade = if open {
            self.execution(&record.ticket.owner).await
        } else {
            None
        };
        let rollback = match record.rollback.as_ref().filter(|_| open) {
            Some(rollback) => self.execution(rollback).await,
            None => None,
        };
        Seen {
            now: now(),
            upgrade,
            rollback,
            readings: self.readings(record).await,
            link: self.link(record).await,
        }
    }

    async fn execution(&self, execution: &Owner) -> Option<Execution> {
        seen(self.executions.describe(execution).await)
    }

    async fn readings(&self, record: &Record) -> Option<Vec<Reading>> {
        let waits = matches!(record.phase, Phase::Before | Phase::After);
        token(record).filter(|_| waits)?;
        seen(self.alarms.read(&record.plan.alarms).await)
    }

    async fn link(&self, record: &Record) -> Option<Health> {
        let reverse = record.reverse.as_ref().filter(|_| record.is_guarded())?;
        let mut healths = vec![];
        for (database, link) in &reverse.links {
            let looked = self.look_at(record, database, &link.name).await;
            healths.push(health(database, link, &seen(looked)?, limit(&record.plan)));
        }
        Some(worst(healths))
    }

    /// The slot counts alone where old can't be asked: what is unread fills green's disk.
    async fn look_at(
        &self,
        record: &Record,
        database: &str,
        name: &str,
    ) -> Result<LinkSeen, Error> {
        let gone = || StepError::failed("the record names no writer");
        let new = record
            .green
            .as_ref()
            .and_then(Green::writer)
            .ok_or_else(gone)?;
        let old = record.plan.writer().ok_or_else(gone)?;
        let new = self
            .session(record, &new.resource_id, Some(database), Access::AsServed)
            .await?;
        let slot = reverse::slot(&new, name).await?;
        let tables = Some(reverse::shape(&new).await?);
        let old = self
            .session(record, &old.resource_id, Some(database), Access::AsServed)
            .await;
        let subscription = match old {
            Ok(old) => reverse::subscription(&old, name).await?,
            // Nobody knows: as if it were at rest.
            Err(failed) => {
                warn!(%failed, "old not asked");
                Some(domain::reverse::SubscriptionSeen {
                    enabled: true,
                    working: false,
                    tables: None,
                })
            }
        };
        Ok(LinkSeen {
            slot,
            subscription,
            tables,
        })
    }

    /// A session on the server with this identity, whatever it is called now.
    pub(crate) async fn session(
        &self,
        record: &Record,
        resource_id: &ResourceId,
        database: Option<&str>,
        access: Access,
    ) -> Result<Session, Error> {
        let found = self.instances.find(resource_id).await?;
        let endpoint = found.and_then(|found| Some(Endpoint::new(found.address?, found.port)));
        let endpoint = endpoint.ok_or_else(|| {
            StepError::transient(format!("the server {resource_id} has no endpoint now"))
        })?;
        let connector = self
            .secrets
            .connector(&record.plan.database, &self.resolver)
            .await?;
        connector
            .connect(&endpoint, database.unwrap_or(MAINTENANCE), access)
            .await
    }
}

fn seen<T>(looked: Result<T, Error>) -> Option<T> {
    match looked {
        Ok(found) => Some(found),
        Err(failed) => {
            warn!(%failed, "not seen");
            None
        }
    }
}
