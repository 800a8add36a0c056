//! Both sides by their addresses. The switchover swaps names, so addresses are found by resource id, before it.

use domain::error::StepError;
use domain::ids::{InstanceId, ResourceId};
use domain::plan::Plan;
use domain::record::Record;
use futures_util::future::{join, try_join_all};
use ports::{Access, Endpoint, Engine, EngineOf, Error, Logins, Rds, Session, SessionOf, World};
use std::net::IpAddr;
use std::time::Duration;
use steps::{Call, recognized};

/// How long a side that lets nothing in is asked again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// One side's writer.
pub(crate) struct Side<'c, W: World> {
    call: &'c Call<'c, W>,
    pub(crate) resource_id: ResourceId,
    version: String,
    address: IpAddr,
    /// Names that its certificate may carry, before, during and after the switchover.
    names: Vec<Endpoint>,
    engine: EngineOf<W>,
}

/// Blue, which becomes old, and green, which becomes new.
pub(crate) struct Sides<'c, W: World> {
    pub(crate) old: Side<'c, W>,
    pub(crate) new: Side<'c, W>,
    pub(crate) databases: Vec<String>,
    /// Roles are the server's, so one session does for all databases. It sees the server's own default, as the application
    /// does.
    pub(crate) old_roles: Option<SessionOf<W>>,
    /// Likewise. It is in the first of the databases, where it writes the first row after the opening, if new lets it.
    pub(crate) new_roles: Option<SessionOf<W>>,
    /// A session per database of new, in the order of `databases`.
    pub(crate) new_inside: Vec<Option<SessionOf<W>>>,
}

impl<'c, W: World> Sides<'c, W> {
    pub(crate) async fn find(call: &'c Call<'c, W>, record: &Record) -> Result<Self, Error> {
        let plan = &record.plan;
        let (blue, green) = (plan.writer()?, record.green_writer()?);
        let logins = call.world.logins();
        let engine = logins.engine(plan.engine(), &plan.database).await?;
        let known = [
            Endpoint::new(&blue.address, blue.port),
            Endpoint::new(&green.address, green.port),
        ];
        Ok(Self {
            old: Side::find(call, &engine, plan, &blue.resource_id, &known[..1]).await?,
            new: Side::find(call, &engine, plan, &green.resource_id, &known).await?,
            new_inside: plan.databases.iter().map(|_| None).collect(),
            databases: plan.databases.clone(),
            old_roles: None,
            new_roles: None,
        })
    }

    /// Opens what is not open on both sides, or fails with a side that lets nothing in.
    pub(crate) async fn connect(&mut self) -> Result<(), Error> {
        self.knock().await?;
        let Self { old, new, .. } = self;
        let inside = new.enter(&self.databases, &mut self.new_inside);
        let outside = old.enter_anywhere(&mut self.old_roles);
        // Neither side's failure takes the other's sessions away.
        let (inside, outside) = join(inside, outside).await;
        inside.and(outside)
    }

    /// One session on new, which tells whether anything is let in.
    async fn knock(&mut self) -> Result<(), Error> {
        let Self { new, new_roles, .. } = self;
        match self.databases.first() {
            Some(first) => new.revive(new_roles, first).await,
            None => new.enter_anywhere(new_roles).await,
        }
    }

    /// Sessions on old, for which it is asked for a while where it was, and again where it is now.
    pub(crate) async fn reach_old(&mut self) -> Result<(), Error> {
        let call = self.old.call;
        let Self { old, old_roles, .. } = self;
        let here = call.patiently(PATIENCE, async || old.enter_anywhere(old_roles).await);
        if matches!(call.timeout(PATIENCE, here).await, Ok(Ok(()))) {
            return Ok(());
        }
        old.locate().await?;
        let there = call.patiently(PATIENCE, async || old.enter_anywhere(old_roles).await);
        let silent = |_| Err(StepError::transient("old does not answer").into());
        call.timeout(PATIENCE, there).await.unwrap_or_else(silent)
    }

    pub(crate) async fn connect_new(&mut self) -> Result<(), Error> {
        self.knock().await?;
        self.new.enter(&self.databases, &mut self.new_inside).await
    }

    /// As [`Self::connect_new`], for a while.
    pub(crate) async fn reach_new(&mut self) -> Result<(), Error> {
        let call = self.new.call;
        call.patiently(PATIENCE, async || self.connect_new().await)
            .await
    }

    /// The database that every server has, in which the session on old is.
    pub(crate) fn maintenance(&self) -> &'static str {
        self.old.engine.maintenance()
    }

    /// Whether every session on new lives.
    pub(crate) fn new_is_here(&self) -> bool {
        let inside = self.new_inside.iter().chain([&self.new_roles]);
        inside.map(Option::as_ref).all(is_alive)
    }

    /// The session for what concerns old as a whole, which was opened before.
    pub(crate) fn on_old(&self) -> Result<&SessionOf<W>, StepError> {
        opened(self.old_roles.as_ref())
    }

    /// The session for what concerns new as a whole, which was opened before.
    pub(crate) fn on_new(&self) -> Result<&SessionOf<W>, StepError> {
        opened(self.new_roles.as_ref())
    }
}

fn is_alive<S: Session>(session: Option<&S>) -> bool {
    session.is_some_and(|session| !session.is_closed())
}

impl<'c, W: World> Side<'c, W> {
    async fn find(
        call: &'c Call<'c, W>,
        engine: &EngineOf<W>,
        plan: &Plan,
        resource_id: &ResourceId,
        known: &[Endpoint],
    ) -> Result<Self, Error> {
        let now = call.world.rds().endpoint(resource_id).await?;
        let address = engine.address(&now).await?;
        let mut names = vec![now];
        names.extend(known.iter().cloned());
        names.dedup();
        Ok(Self {
            call,
            resource_id: resource_id.clone(),
            version: plan.version_of(resource_id).to_owned(),
            address,
            names,
            engine: engine.clone(),
        })
    }

    /// Looks up where the instance listens now: a failover moves it.
    async fn locate(&mut self) -> Result<(), Error> {
        let now = self.call.world.rds().endpoint(&self.resource_id).await?;
        self.address = self.engine.address(&now).await?;
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
    pub(crate) async fn open(&self, database: &str, access: Access) -> Result<SessionOf<W>, Error> {
        let mut failed = StepError::refused("a side without a name").into();
        for name in &self.names {
            let opened = self.engine.connect_at(self.address, name, database, access);
            match opened.await {
                Ok(session) => return Ok(recognized(session, &self.resource_id, &self.version)?),
                Err(other) if self.engine.another_name_may_do(&other) => failed = other,
                Err(answered) => return Err(answered),
            }
        }
        Err(failed)
    }

    /// How another server connects to this one; its name is what it has now.
    pub(crate) async fn conninfo(&self, now: &Endpoint, database: &str) -> Result<String, Error> {
        self.engine.conninfo(now, database).await
    }

    /// The sessions in the databases.
    async fn enter(
        &self,
        databases: &[String],
        inside: &mut [Option<SessionOf<W>>],
    ) -> Result<(), Error> {
        let inside = inside.iter_mut().zip(databases);
        let inside = inside.map(|(slot, database)| self.revive(slot, database));
        try_join_all(inside).await.map(drop)
    }

    async fn enter_anywhere(&self, slot: &mut Option<SessionOf<W>>) -> Result<(), Error> {
        self.revive(slot, self.engine.maintenance()).await
    }

    async fn revive(&self, slot: &mut Option<SessionOf<W>>, database: &str) -> Result<(), Error> {
        if !is_alive(slot.as_ref()) {
            *slot = None;
            *slot = Some(self.open(database, Access::AsServed).await?);
        }
        Ok(())
    }
}

/// The session, which was opened before.
pub(crate) fn opened<S>(session: Option<&S>) -> Result<&S, StepError> {
    session.ok_or_else(|| StepError::transient("a session that was open is not"))
}
