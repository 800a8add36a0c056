//! Both sides by their addresses. The switchover swaps names, so addresses are found by resource id, before it.

use super::Bridge;
use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::record::{Green, Record};
use effects::error::Error;
use effects::postgres::inspect::MAINTENANCE;
use effects::postgres::{Access, Connector, Endpoint, Session};
use futures_util::future::{join, try_join_all};
use std::net::IpAddr;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How long a side that lets nobody in is asked again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// One side's writer.
pub(crate) struct Side {
    pub(crate) resource_id: ResourceId,
    address: IpAddr,
    /// Names that its certificate may carry, before, during and after the switchover.
    names: Vec<Endpoint>,
    connector: Connector,
}

/// Blue, which becomes old, and green, which becomes new.
pub(crate) struct Sides {
    pub(crate) old: Side,
    pub(crate) new: Side,
    pub(crate) databases: Vec<String>,
    /// Roles are the server's, so one session does for all databases. It sees the server's own default, as the application
    /// does.
    pub(crate) old_roles: Option<Session>,
    /// Likewise. It is in the first of the databases, where it writes the first row after the opening, if new lets it.
    pub(crate) new_roles: Option<Session>,
    /// A session per database of new, in the order of `databases`.
    pub(crate) new_inside: Vec<Option<Session>>,
}

impl Sides {
    pub(crate) async fn find(bridge: &Bridge, record: &Record) -> Result<Self, Error> {
        let plan = &record.plan;
        let blue = plan.members.first();
        let blue = blue.ok_or_else(|| StepError::refused("the plan has no writer"))?;
        let green = record.green.as_ref().and_then(Green::writer);
        let green =
            green.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
        let connector = bridge
            .secrets
            .connector(&plan.database, &bridge.resolver)
            .await?;
        let known = [
            Endpoint::new(&blue.address, blue.port),
            Endpoint::new(&green.address, green.port),
        ];
        let old = Side::find(bridge, &connector, &blue.resource_id, &known[..1]).await?;
        let new = Side::find(bridge, &connector, &green.resource_id, &known).await?;
        Ok(Self {
            old,
            new,
            new_inside: plan.databases.iter().map(|_| None).collect(),
            databases: plan.databases.clone(),
            old_roles: None,
            new_roles: None,
        })
    }

    /// Opens what is not open on both sides, or fails with a side that lets nobody in.
    pub(crate) async fn connect(&mut self) -> Result<(), Error> {
        self.knock().await?;
        let Self { old, new, .. } = self;
        let inside = new.enter(&self.databases, &mut self.new_inside);
        let outside = old.revive(&mut self.old_roles, MAINTENANCE, Access::AsServed);
        // Neither side's failure takes the other's sessions away.
        let (inside, outside) = join(inside, outside).await;
        inside.and(outside)
    }

    /// One session on new, which tells whether anybody is let in.
    async fn knock(&mut self) -> Result<(), Error> {
        let first = self.databases.first().map_or(MAINTENANCE, String::as_str);
        let roles = &mut self.new_roles;
        self.new.revive(roles, first, Access::AsServed).await
    }

    /// Sessions on old, for which it is asked for a while where it was, and again where it is now.
    pub(crate) async fn reach_old(&mut self, bridge: &Bridge) -> Result<(), Error> {
        let here = patiently(PATIENCE, async || self.connect_old().await);
        if matches!(timeout(PATIENCE, here).await, Ok(Ok(()))) {
            return Ok(());
        }
        self.old.locate(bridge).await?;
        let there = patiently(PATIENCE, async || self.connect_old().await);
        let silent = |_| Err(StepError::transient("old does not answer").into());
        timeout(PATIENCE, there).await.unwrap_or_else(silent)
    }

    async fn connect_old(&mut self) -> Result<(), Error> {
        let roles = &mut self.old_roles;
        self.old.revive(roles, MAINTENANCE, Access::AsServed).await
    }

    pub(crate) async fn connect_new(&mut self) -> Result<(), Error> {
        self.knock().await?;
        self.new.enter(&self.databases, &mut self.new_inside).await
    }

    /// Whether every session on new lives.
    pub(crate) fn new_is_here(&self) -> bool {
        let inside = self.new_inside.iter().chain([&self.new_roles]);
        inside.map(Option::as_ref).all(alive)
    }
}

fn alive(session: Option<&Session>) -> bool {
    session.is_some_and(|session| !session.is_closed())
}

impl Side {
    async fn find(
        bridge: &Bridge,
        connector: &Connector,
        resource_id: &ResourceId,
        known: &[Endpoint],
    ) -> Result<Self, Error> {
        let (now, address) = listening(bridge, connector, resource_id).await?;
        let mut names = vec![now];
        names.extend(known.iter().cloned());
        names.dedup();
        Ok(Self {
            resource_id: resource_id.clone(),
            address,
            names,
            connector: connector.clone(),
        })
    }

    /// Looks up where the instance listens now: a failover moves it.
    async fn locate(&mut self, bridge: &Bridge) -> Result<(), Error> {
        let (now, address) = listening(bridge, &self.connector, &self.resource_id).await?;
        self.address = address;
        if !self.names.contains(&now) {
            self.names.insert(0, now);
        }
        Ok(())
    }

    /// The instance is called so from now on; its certificate follows.
    pub(crate) fn renamed(&mut self, instance: &InstanceId) {
        let Some(first) = self.names.first() else {
            return;
        };
        let zone = first.host.split_once('.').map_or("", |(_, zone)| zone);
        let name = Endpoint::new(format!("{instance}.{zone}"), first.port);
        if !self.names.contains(&name) {
            self.names.insert(0, name);
        }
    }

    /// A session under whichever of its names the server has now.
    pub(crate) async fn open(&self, database: &str, access: Access) -> Result<Session, Error> {
        let mut failed = StepError::refused("a side without a name").into();
        for name in &self.names {
            match self
                .connector
                .connect_at(self.address, name, database, access)
                .await
            {
                Ok(session) => return Ok(session),
                Err(other) if self.connector.another_name_may_do(&other) => failed = other,
                Err(answered) => return Err(answered),
            }
        }
        Err(failed)
    }

    /// The sessions in new's databases.
    async fn enter(
        &self,
        databases: &[String],
        inside: &mut [Option<Session>],
    ) -> Result<(), Error> {
        let inside = inside.iter_mut().zip(databases);
        let inside = inside.map(|(slot, database)| self.revive(slot, database, Access::AsServed));
        try_join_all(inside).await.map(drop)
    }

    /// How another server connects to this one; its name is what it has now.
    pub(crate) async fn conninfo(&self, now: &Endpoint, database: &str) -> Result<String, Error> {
        self.connector.conninfo(now, database).await
    }

    async fn revive(
        &self,
        slot: &mut Option<Session>,
        database: &str,
        access: Access,
    ) -> Result<(), Error> {
        if !alive(slot.as_ref()) {
            *slot = None;
            *slot = Some(self.open(database, access).await?);
        }
        Ok(())
    }
}

/// An instance's endpoint, and the address that it has now.
async fn listening(
    bridge: &Bridge,
    connector: &Connector,
    resource_id: &ResourceId,
) -> Result<(Endpoint, IpAddr), Error> {
    let endpoint = bridge.instances.endpoint(resource_id).await?;
    let address = connector.address(&endpoint).await?;
    Ok((endpoint, address))
}

/// The session, which was opened before.
pub(crate) fn opened(session: Option<&Session>) -> Result<&Session, StepError> {
    session.ok_or_else(|| StepError::transient("a session that was open is not"))
}

/// The first failure after `patience`, or the first success.
pub(crate) async fn patiently(
    patience: Duration,
    mut attempt: impl AsyncFnMut() -> Result<(), Error>,
) -> Result<(), Error> {
    let began = Instant::now();
    loop {
        match attempt().await {
            Err(failed) if began.elapsed() >= patience => return Err(failed),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            done => return done,
        }
    }
}
