//! Instances with a database in them, the application, and what logical replication carries.

use super::{Fallible, Turn, World, silence};
use domain::fence::Role;
use domain::ids::{Millis, Owner, ResourceId};
use domain::marker::Seen;
use domain::reverse::Shape;
use ports::Nature;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The application's role.
pub const ROLE: &str = "orders_app";
/// Our own.
const OURS: &str = "viridian";
/// A role that is made during an upgrade.
const LATE_ROLE: &str = "orders_report";
/// The application's table.
pub const TABLE: &str = "public.orders";
/// A table that is made during an upgrade.
const LATE_TABLE: &str = "public.reports";
/// The application's sequence.
pub const SEQUENCE: &str = "public.orders_id_seq";
/// What host names end in.
pub const ZONE: &str = ".rds.test";
/// The comment on the application's role.
const COMMENT: &str = "the shop";
/// How long a login takes at most, in milliseconds.
const LOGGING_IN: i64 = 1_000;
/// No more commits than this in a walk: each is a bit.
const COMMITS: u32 = 120;

/// One commit in a server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The application's, by its number.
    App(u32),
    /// Our marker.
    Marker(Seen),
}

/// The subscription of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// From whom.
    pub publisher: ResourceId,
    /// It disables itself at the first change that it can't apply.
    pub enabled: bool,
    /// It was never enabled.
    pub fresh: bool,
}

/// What a database is at a moment; without anything where it is not the application's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frozen {
    /// The application's commits.
    pub rows: u128,
    /// The marker's row; nothing without its table.
    pub marker: Option<Seen>,
    table: bool,
    late_table: bool,
}

impl Frozen {
    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = &'static str> + use<> {
        let table = self.table.then_some(TABLE);
        let late = self.late_table.then_some(LATE_TABLE);
        table.into_iter().chain(late)
    }

    /// Its tables with their columns.
    pub fn shape(&self) -> Shape {
        let tables = self.tables();
        tables
            .map(|name| (name.to_owned(), "id, total".to_owned()))
            .collect()
    }
}

/// An instance.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a server is so, or so, independently"
)]
pub struct Server {
    /// Its identity for good.
    pub id: ResourceId,
    /// Where it listens.
    pub address: IpAddr,
    /// Its name.
    pub name: String,
    /// Another name that its certificate carries.
    pub also: Option<String>,
    /// The writer that it follows, if it is a reader.
    pub source: Option<ResourceId>,
    /// RDS's word.
    pub status: &'static str,
    /// RDS refuses to delete it.
    pub protected: bool,
    /// The parameter group.
    pub group: String,
    /// The version that it runs.
    pub version: String,
    /// Whether the application's role can log in.
    pub login: bool,
    /// The role's comment; none while a fence's notice is there.
    comment: Option<String>,
    /// Whose fence closed the role.
    pub fenced_by: Option<Owner>,
    /// When that was.
    closed_at: i64,
    /// Whether the application has sessions.
    pub sessions: bool,
    /// Whether sessions are read-only by default.
    pub read_only: bool,
    /// RDS lets no session write, for the switchover.
    pub blocked: bool,
    /// RDS lets no session in, for the switchover.
    pub shut: bool,
    /// Counts the times at which all sessions ended.
    pub life: u32,
    /// It does not answer until then.
    pub away_until: i64,
    /// What was committed, in order.
    pub log: Vec<Entry>,
    /// The application's commits that it holds.
    pub rows: u128,
    /// The marker's row; nothing without its table.
    pub marker: Option<Seen>,
    /// The number that the application's sequence gives out next.
    pub sequence: u32,
    /// Whether the planner's statistics were gathered.
    pub analyzed: bool,
    /// Whether a table, or a role, was made during an upgrade.
    pub late: (bool, bool),
    /// The way back's slot: the place in the log up to which its reader has confirmed.
    pub slot: Option<usize>,
    /// The way back's subscription.
    pub subscription: Option<Subscription>,
}

impl Server {
    /// A server without a row and without a session; `number` is unique in a walk.
    pub fn new(
        number: u8,
        id: String,
        name: String,
        source: Option<ResourceId>,
        version: &str,
    ) -> Self {
        Self {
            id: id.into(),
            address: IpAddr::from([10, 0, 0, number]),
            name,
            also: None,
            read_only: source.is_some(),
            source,
            status: "available",
            protected: false,
            group: format!("default.{}", crate::setting::family(version)),
            version: version.to_owned(),
            login: true,
            comment: Some(COMMENT.to_owned()),
            fenced_by: None,
            closed_at: 0,
            sessions: false,
            blocked: false,
            shut: false,
            life: 0,
            away_until: 0,
            log: vec![],
            rows: 0,
            marker: None,
            sequence: 0,
            analyzed: true,
            late: (false, false),
            slot: None,
            subscription: None,
        }
    }

    /// Whether the application could write here, if it reached the server.
    pub const fn accepts(&self) -> bool {
        (self.login || self.sessions) && !self.read_only && !self.blocked
    }

    /// Whether it follows another physically.
    pub const fn is_replica(&self) -> bool {
        self.source.is_some()
    }

    /// Whether the engine runs.
    pub fn is_up(&self) -> bool {
        !matches!(self.status, "creating" | "deleting" | "rebooting")
    }

    /// Whether it answers at a moment.
    pub fn answers(&self, now: i64) -> bool {
        self.is_up() && self.away_until <= now
    }

    /// The host name.
    pub fn host(&self) -> String {
        format!("{}{ZONE}", self.name)
    }

    /// Whether this host name is its own.
    pub fn is_host(&self, host: &str) -> bool {
        host.strip_suffix(ZONE) == Some(self.name.as_str())
    }

    /// Whether its certificate carries a host name.
    pub fn is_certified(&self, host: &str) -> bool {
        let also = self.also.as_deref();
        self.is_host(host) || also.is_some() && host.strip_suffix(ZONE) == also
    }

    /// The ARN, which goes with the name.
    pub fn arn(&self) -> String {
        format!("arn:aws:rds:eu-west-1:123456789012:db:{}", self.name)
    }

    /// RDS lets sessions in again, and write by default or not.
    pub const fn released(&mut self, read_only: bool) {
        self.read_only = read_only;
        (self.blocked, self.shut) = (false, false);
    }

    /// All sessions end.
    pub const fn end_sessions(&mut self) {
        self.life += 1;
        self.sessions = false;
    }

    /// It listens elsewhere from now on, but no server moves a second time.
    pub fn move_once(&mut self) {
        if let IpAddr::V4(address) = self.address {
            let [a, b, _, d] = address.octets();
            self.address = IpAddr::from([a, b, 1, d]);
        }
    }

    /// What its database is now.
    pub const fn frozen(&self) -> Frozen {
        Frozen {
            rows: self.rows,
            marker: self.marker,
            table: true,
            late_table: self.late.0,
        }
    }

    /// The names of its roles, or of those that can log in.
    pub fn roles(&self, logins: bool) -> BTreeSet<String> {
        let app = (self.login || !logins).then_some(ROLE);
        let late = self.late.1.then_some(LATE_ROLE);
        let all = [Some(OURS), app, late].into_iter().flatten();
        all.map(str::to_owned).collect()
    }

    /// The application's role, as the server shows it.
    pub fn role_seen(&self) -> Role {
        Role {
            name: ROLE.to_owned(),
            can_login: self.login,
            fenced_by: self.fenced_by.clone(),
            comment: self.comment.clone(),
        }
    }

    /// The application's role is closed, for an upgrade.
    pub fn close(&mut self, owner: &Owner, now: i64) {
        if self.login {
            self.closed_at = now;
        }
        self.login = false;
        self.fenced_by = Some(owner.clone());
        self.comment = None;
    }

    /// Whether a session may show that was logging in as the role was closed.
    pub const fn may_show_late(&self, now: i64) -> bool {
        !self.login && !self.shut && now - self.closed_at < LOGGING_IN
    }

    /// The application's role is opened, with its comment.
    pub fn open(&mut self, comment: Option<String>) {
        self.login = true;
        self.fenced_by = None;
        self.comment = comment;
    }

    /// The subscription of the way back is enabled or disabled, if there is one.
    pub const fn enable_link(&mut self, enabled: bool) {
        if let Some(subscription) = &mut self.subscription {
            (subscription.enabled, subscription.fresh) = (enabled, false);
        }
    }

    /// The marker is advanced, if there is one.
    pub fn mark(&mut self, now: Millis) -> Option<Seen> {
        let marker = self.marker.as_mut()?;
        marker.number += 1;
        marker.written_at = now;
        self.log.push(Entry::Marker(*marker));
        Some(*marker)
    }

    /// A commit comes in, by replication.
    fn apply(&mut self, entry: Entry) -> Result<(), u32> {
        match entry {
            Entry::App(number) if self.rows & (1 << number) != 0 => return Err(number),
            Entry::App(number) => self.rows |= 1 << number,
            Entry::Marker(marker) => self.marker = Some(marker),
        }
        self.log.push(entry);
        Ok(())
    }
}

impl World {
    /// The place of the server with an identity.
    pub fn place(&self, id: &ResourceId) -> Option<usize> {
        self.servers.iter().position(|server| server.id == *id)
    }

    /// The server with an identity.
    pub fn server(&self, id: &ResourceId) -> Option<&Server> {
        self.servers.iter().find(|server| server.id == *id)
    }

    /// The server with a name.
    pub fn named(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// Changes a server, if it is there.
    pub fn change_server(&mut self, id: &ResourceId, change: impl FnOnce(&mut Server)) {
        if let Some(server) = self.servers.iter_mut().find(|server| server.id == *id) {
            change(server);
        }
    }

    /// The address that a host name has now.
    pub fn resolve(&self, host: &str) -> Fallible<IpAddr> {
        let led = self.led.iter().find(|led| led.is_now(host, self.now));
        let found = match led {
            Some(led) => self.server(&led.to),
            None => self.servers.iter().find(|server| server.is_host(host)),
        };
        let found = found.filter(|server| server.status != "creating");
        found.map_or_else(
            || silence(Nature::Looked, "resolving a name"),
            |server| Ok(server.address),
        )
    }

    /// The server to which a host name leads from one of RDS's servers.
    pub fn resolve_from(&self, _from: &ResourceId, host: &str) -> Option<ResourceId> {
        let address = self.resolve(host).ok()?;
        let mut servers = self.servers.iter();
        let found = servers.find(|server| server.address == address)?;
        Some(found.id.clone())
    }

    /// Whether RDS replicates to a server.
    pub fn is_linked(&self, to: &ResourceId) -> bool {
        let mut links = self.deployments.iter();
        links.any(|one| one.linked && one.target == *to)
    }

    /// Whether the last deployment's old lets the application in; and whether only RDS keeps it from writing there while
    /// green serves, or soon will because old does not answer.
    pub fn old_is_open(&self) -> (bool, bool) {
        let Some(last) = self.deployments.last() else {
            return (false, false);
        };
        let open = |old: &Server| old.login || old.sessions;
        let old = self.server(&last.source);
        let away = old.is_some_and(|old| old.away_until > self.now);
        let serves = self.server(&last.target).is_some_and(Server::accepts);
        (old.is_some_and(open), away || serves)
    }

    /// The application tries to write wherever it can, under whatever name it may still know.
    pub fn application(&mut self) {
        let now = self.now;
        for place in 0..self.servers.len() {
            let try_it = self.dice.chance(5_000);
            let server = &mut self.servers[place];
            if !try_it || !server.answers(now) || server.shut {
                continue;
            }
            server.sessions |= server.login;
            if server.accepts() {
                self.commit(place);
            }
        }
    }

    /// A commit on a server, which is told.
    pub fn commit(&mut self, place: usize) {
        let number = self.commits;
        if number >= COMMITS {
            return;
        }
        let server = &mut self.servers[place];
        let given = server.sequence;
        server.sequence += 1;
        server.rows |= 1 << number;
        server.log.push(Entry::App(number));
        self.acked |= 1 << number;
        self.commits += 1;
        if self.given.is_some_and(|last| last >= given) {
            self.violate(format!("G2: the sequence gives out {given} twice"));
        }
        self.given = Some(given);
        if self.trace.is_some() {
            let id = self.servers[place].id.clone();
            self.note(|| format!("  commit {number} on {id}"));
        }
        self.carry_soon();
    }

    /// Replication carries what was committed now within a moment.
    pub fn carry_soon(&mut self) {
        let slow = self.dice.chance(500);
        let after = self.dice.between(5, if slow { 9_000 } else { 300 });
        self.later(after, Turn::Carry);
    }

    /// Every logical link carries what there is.
    pub fn carry(&mut self) {
        if self.links_rest_until > self.now {
            return;
        }
        for place in 0..self.deployments.len() {
            if self.deployments[place].linked {
                self.carry_forward(place);
            }
        }
        for place in 0..self.servers.len() {
            self.carry_back(place);
        }
    }

    /// From blue to green.
    pub fn carry_forward(&mut self, place: usize) {
        let deployment = &self.deployments[place];
        let (carried, target) = (deployment.carried, self.place(&deployment.target));
        let Some(blue) = self.server(&deployment.source).filter(|blue| blue.is_up()) else {
            return;
        };
        let entries = blue.log.get(carried..).unwrap_or_default().to_vec();
        self.deployments[place].carried += entries.len();
        self.apply(target, &entries);
    }

    fn carry_back(&mut self, place: usize) {
        let old = &self.servers[place];
        let Some(subscription) = old.subscription.as_ref().filter(|it| it.enabled) else {
            return;
        };
        let up = old.answers(self.now);
        let Some(new) = self.place(&subscription.publisher) else {
            return;
        };
        let new = &mut self.servers[new];
        let (true, true, Some(read)) = (up, new.is_up(), new.slot) else {
            return;
        };
        let entries = new.log[read..].to_vec();
        new.slot = Some(new.log.len());
        self.apply(Some(place), &entries);
    }

    fn apply(&mut self, to: Option<usize>, entries: &[Entry]) {
        let Some(server) = to.map(|to| &mut self.servers[to]) else {
            return;
        };
        let doubled: Vec<u32> = entries
            .iter()
            .filter_map(|entry| server.apply(*entry).err())
            .collect();
        if !doubled.is_empty() {
            let to = server.id.clone();
            self.violate(format!("G2: commits {doubled:?} come to {to} twice"));
        }
    }
}
