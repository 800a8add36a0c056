//! The database engine: names, connections, and what is asked of a whole server.

use super::timer::Kind;
use super::{Call, session::Session};
use crate::world::servers::{ROLE, Server};
use crate::world::{DATABASE, Fallible, World, answered, silence};
use domain::engine::Engine as Known;
use domain::ids::Database;
use domain::inspection::{Case, Inspection};
use domain::plan::Check;
use domain::request::Request;
use domain::reverse::Reverse;
use ports::{Access, Answer, Endpoint, Engine, Error, Failure, Logins, Names, Nature};
use std::net::IpAddr;

/// The database that every server has.
const MAINTENANCE: &str = "postgres";
/// How long a connection to a silent server is waited for, in milliseconds.
const CONNECT: i64 = 5_000;
const CONNECTING: &str = "connecting";

impl Logins for Call {
    type Engine = Self;

    async fn engine(&self, _kind: Known, _database: &Database) -> Fallible<Self> {
        self.look("credentials", |_| Ok(self.clone())).await
    }
}

impl Names for Call {
    async fn address(&self, host: &str) -> Fallible<IpAddr> {
        self.look("address", |world| world.resolve(host)).await
    }
}

impl Engine for Call {
    type Session = Session;

    fn is_by_iam(&self) -> bool {
        false
    }

    fn maintenance(&self) -> &'static str {
        MAINTENANCE
    }

    async fn address(&self, server: &Endpoint) -> Fallible<IpAddr> {
        Names::address(self, &server.host).await
    }

    async fn connect(
        &self,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Fallible<Session> {
        let meant = self.me.hosts.borrow().get(&server.host).cloned();
        let address = Engine::address(self, server).await?;
        let session = self.connect_at(address, server, database, access).await?;
        Ok(session.meant_for(meant))
    }

    async fn connect_at(
        &self,
        address: IpAddr,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Fallible<Session> {
        self.point(CONNECTING, Kind::Look).await;
        let (opened, hangs) = {
            let mut world = self.world();
            let opened = self.open(&mut world, address, server, database, access);
            let silent =
                matches!(&opened, Err(failed) if failed.is_transient() && failed.is_silence());
            (opened, silent && world.dice.chance(3_000))
        };
        if hangs {
            self.pause(CONNECTING, Kind::Sleep, CONNECT).await;
        }
        opened
    }

    fn another_name_may_do(&self, refused: &Error) -> bool {
        refused.is_silence()
    }

    async fn conninfo(&self, server: &Endpoint, _database: &str) -> Fallible<String> {
        Ok(server.host.clone())
    }

    async fn inspect(&self, server: &Endpoint, _named: &[String]) -> Fallible<Box<dyn Inspection>> {
        let session = self.connect(server, DATABASE, Access::AsServed).await?;
        Ok(Box::new(Inspected {
            open: session.logs_in().await?,
        }))
    }

    async fn ask(&self, server: &Endpoint, _databases: &[String]) -> Fallible<Answer> {
        let session = self.connect(server, DATABASE, Access::AsServed).await?;
        session.answer().await
    }

    fn login_remedy(_kind: Known, _by_iam: bool) -> String {
        "correct the secret".to_owned()
    }

    fn failback_commands(_kind: Known, _reverse: &Reverse) -> Vec<String> {
        vec!["look at the link".to_owned()]
    }

    fn close_role_command(_kind: Known, role: &str) -> String {
        format!("close {role}")
    }
}

impl Call {
    fn open(
        &self,
        world: &mut World,
        address: IpAddr,
        server: &Endpoint,
        database: &str,
        access: Access,
    ) -> Fallible<Session> {
        if world.strikes(super::Fault::LookFailed) {
            return silence(Nature::Looked, CONNECTING);
        }
        let now = world.now;
        let listens = |there: &&Server| there.address == address && there.answers(now);
        let Some(there) = world.servers.iter().find(listens) else {
            return silence(Nature::Looked, CONNECTING);
        };
        if !there.is_certified(&server.host) {
            return silence(Nature::Looked, "believing the certificate");
        }
        if there.shut {
            return answered(Nature::Looked, CONNECTING, Failure::NoAnswer, "57P03");
        }
        if world.refused_until > now {
            return answered(Nature::Looked, CONNECTING, Failure::RefusedLogin, "28P01");
        }
        if ![DATABASE, MAINTENANCE].contains(&database) {
            return answered(Nature::Looked, CONNECTING, Failure::Unfit, "3D000");
        }
        Ok(Session::new(self.clone(), there, database, access))
    }
}

/// A server as its plan sees it.
#[derive(Debug)]
struct Inspected {
    /// Whether the application's role can log in.
    open: bool,
}

impl Inspection for Inspected {
    fn databases(&self) -> Vec<String> {
        vec![DATABASE.to_owned()]
    }

    fn application_roles(&self, _request: &Request) -> Vec<String> {
        let role = self.open.then(|| ROLE.to_owned());
        role.into_iter().collect()
    }

    fn checks(&self, _case: &Case<'_>) -> Vec<Check> {
        let found = "no role but ours can log in, so nothing could be fenced off";
        let closed = (!self.open).then(|| Check::blocker("application roles", found, "open them"));
        closed.into_iter().collect()
    }
}
