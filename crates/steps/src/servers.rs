//! The servers of one upgrade, and sessions on them.
//!
//! Before the switchover the recorded names lead to the servers; after it only their identities do, since RDS swaps names.

use crate::Call;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::plan::Plan;
use domain::record::Record;
use domain::version::is_same_major;
use ports::{Access, Endpoint, Engine, EngineOf, Error, Logins, Rds, Session, SessionOf, World};
use std::cell::OnceCell;

/// The session, if it is on the server with this identity. RDS says what a server is called, and DNS where that leads; while RDS
/// swaps names the two may be of different moments, and a certificate may carry both names. The sides differ by their major
/// version, which a server itself tells.
///
/// # Errors
///
/// `Upgrade.Transient` if another server answered.
pub fn recognized<S: Session>(session: S, id: &ResourceId, wanted: &str) -> Result<S, StepError> {
    let said = session.version();
    if is_same_major(said, wanted) {
        return Ok(session);
    }
    Err(StepError::transient(format!(
        "a server of version {said} answers where {id}, of version {wanted}, is to be; its name does not lead there yet"
    )))
}

/// Opens sessions on the servers of one upgrade.
pub struct Servers<'c, W: World> {
    call: &'c Call<'c, W>,
    engine: OnceCell<EngineOf<W>>,
    /// Green's writer, by its name before the switchover.
    green: Result<Endpoint, StepError>,
    /// What was found before anything was touched.
    pub plan: Plan,
}

impl<'c, W: World> Servers<'c, W> {
    /// The servers of a record's upgrade. The credentials are read when a session is opened first: some calls need none.
    #[must_use]
    pub fn of(call: &'c Call<'c, W>, record: &Record) -> Self {
        let green = record.green_writer();
        Self {
            call,
            engine: OnceCell::new(),
            green: green.map(|green| Endpoint::new(&green.address, green.port)),
            plan: record.plan.clone(),
        }
    }

    /// The engine, with our login.
    ///
    /// # Errors
    ///
    /// As [`Logins::engine`].
    pub async fn engine(&self) -> Result<&EngineOf<W>, Error> {
        if self.engine.get().is_none() {
            let logins = self.call.world.logins();
            let read = logins
                .engine(self.plan.engine(), &self.plan.database)
                .await?;
            let _ = self.engine.set(read);
        }
        let lost = || StepError::failed("the engine was not kept").into();
        self.engine.get().ok_or_else(lost)
    }

    /// Green's writer, by its name before the switchover.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if there is none yet.
    pub fn green_endpoint(&self) -> Result<Endpoint, Error> {
        Ok(self.green.clone()?)
    }

    /// A session on blue's writer, before the switchover.
    ///
    /// # Errors
    ///
    /// As [`Plan::writer`] and [`Engine::connect`].
    pub async fn blue(&self, database: &str, access: Access) -> Result<SessionOf<W>, Error> {
        let writer = self.plan.writer()?;
        let endpoint = Endpoint::new(&writer.address, writer.port);
        let engine = self.engine().await?;
        engine.connect(&endpoint, database, access).await
    }

    /// A session on green's writer, before the switchover.
    ///
    /// # Errors
    ///
    /// As [`Self::green_endpoint`] and [`Engine::connect`].
    pub async fn green(&self, database: &str, access: Access) -> Result<SessionOf<W>, Error> {
        let endpoint = self.green_endpoint()?;
        let engine = self.engine().await?;
        engine.connect(&endpoint, database, access).await
    }

    /// A session on the server with this identity, whatever it is called now.
    ///
    /// # Errors
    ///
    /// As [`Rds::endpoint`], [`Engine::connect`] and [`recognized`].
    pub async fn on(
        &self,
        id: &ResourceId,
        database: &str,
        access: Access,
    ) -> Result<SessionOf<W>, Error> {
        let endpoint = self.call.world.rds().endpoint(id).await?;
        let engine = self.engine().await?;
        let session = engine.connect(&endpoint, database, access).await?;
        Ok(recognized(session, id, self.plan.version_of(id))?)
    }

    /// A session for what concerns the whole server with this identity.
    ///
    /// # Errors
    ///
    /// As [`Self::on`].
    pub async fn anywhere_on(
        &self,
        id: &ResourceId,
        access: Access,
    ) -> Result<SessionOf<W>, Error> {
        let database = match self.plan.databases.first() {
            Some(first) => first.as_str(),
            None => self.engine().await?.maintenance(),
        };
        self.on(id, database, access).await
    }

    /// How another server connects to the one with this identity.
    ///
    /// # Errors
    ///
    /// As [`Rds::endpoint`] and [`Engine::conninfo`].
    pub async fn conninfo(&self, id: &ResourceId, database: &str) -> Result<String, Error> {
        let endpoint = self.call.world.rds().endpoint(id).await?;
        self.engine().await?.conninfo(&endpoint, database).await
    }
}
