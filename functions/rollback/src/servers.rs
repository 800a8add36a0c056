//! The servers of both sides, as far as a rollback opens and closes them.

use crate::World;
use domain::error::StepError;
use domain::ids::ResourceId;
use domain::plan::Plan;
use domain::record::{Fence, Record};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Access, Connector, Session, fence, roles};
use tokio::sync::OnceCell;

/// The names of a fence's roles.
pub fn roles_of(stands: &Fence) -> Vec<String> {
    stands.roles.iter().map(|role| role.name.clone()).collect()
}

/// Opens sessions on the servers of one upgrade.
pub struct Servers<'a> {
    world: &'a World,
    connector: OnceCell<Connector>,
    /// What was found before anything was touched.
    pub plan: Plan,
}

impl<'a> Servers<'a> {
    /// The servers of a record's upgrade. The credentials are read when a session is opened first: much of a rollback
    /// needs none.
    pub fn of(world: &'a World, record: &Record) -> Self {
        Self {
            world,
            connector: OnceCell::new(),
            plan: record.plan.clone(),
        }
    }

    async fn connector(&self) -> Result<&Connector, Error> {
        let World {
            secrets, resolver, ..
        } = self.world;
        let read = async || secrets.connector(&self.plan.database, resolver).await;
        self.connector.get_or_try_init(read).await
    }

    /// A session on one of a server's databases.
    pub async fn session(
        &self,
        resource_id: &ResourceId,
        database: &str,
        access: Access,
    ) -> Result<Session, Error> {
        let endpoint = self.world.instances.endpoint(resource_id).await?;
        self.connector()
            .await?
            .connect(&endpoint, database, access)
            .await
    }

    /// A session for what concerns the whole server.
    pub async fn any_session(
        &self,
        resource_id: &ResourceId,
        access: Access,
    ) -> Result<Session, Error> {
        let first = self.plan.databases.first();
        let database = first.map_or("postgres", String::as_str);
        self.session(resource_id, database, access).await
    }

    /// How another server connects to the one with this identity.
    pub async fn conninfo(
        &self,
        resource_id: &ResourceId,
        database: &str,
    ) -> Result<String, Error> {
        let endpoint = self.world.instances.endpoint(resource_id).await?;
        self.connector().await?.conninfo(&endpoint, database).await
    }

    /// Opens a fence's roles, sees that they are open, and forgets the fence.
    pub async fn lift(&self, held: &mut Held<'_>, stands: &Fence) -> Result<String, Error> {
        let session = self.any_session(&stands.resource_id, Access::Write).await?;
        held.verify().await?;
        fence::lift(&session, stands).await?;
        let names = roles_of(stands);
        let open = roles::open(&session, &names).await?;
        if open.len() < names.len() {
            return Err(StepError::transient("a role is still closed after it was opened").into());
        }
        held.unfence(&stands.resource_id).await?;
        Ok(format!("{} can log in again.", names.join(", ")))
    }
}
