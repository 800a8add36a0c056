//! Instances with PostgreSQL in them, the application, and what logical replication carries.

use super::{ARN, Fallible, Turn, World, transient};
use domain::ids::ResourceId;
use domain::plan::MemberRole;
use domain::rds::Instance;

/// One commit in a server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The application's, by its number.
    App(u32),
    /// Our marker.
    Marker(i64),
}

/// The slot of the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// What its reader has confirmed: a place in the log.
    pub read: usize,
}

/// The subscription of the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// From whom.
    pub publisher: ResourceId,
    /// It disables itself at the first change that it can't apply.
    pub enabled: bool,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its identity for good.
    pub id: ResourceId,
    /// Its name.
    pub name: String,
    /// Writer or reader.
    pub role: MemberRole,
    /// RDS's word.
    pub status: String,
    /// The version that it runs.
    pub version: String,
    /// Whether the application's role can log in.
    pub login: bool,
    /// The role's comment.
    pub comment: Option<String>,
    /// Whether the application has sessions.
    pub sessions: bool,
    /// Whether sessions are read-only by default.
    pub read_only: bool,
    /// RDS lets nobody write, for the switchover.
    pub blocked: bool,
    /// Nobody reaches it until then.
    pub away_until: i64,
    /// What was committed, in order.
    pub log: Vec<Entry>,
    /// The application's commits that it holds.
    pub rows: u128,
    /// The marker's row; nothing without its table.
    pub marker: Option<i64>,
    /// The number that the application's sequence gives out next.
    pub sequence: u32,
    /// The way back's slot.
    pub slot: Option<Slot>,
    /// The way back's subscription.
    pub subscription: Option<Subscription>,
}

impl Server {
    /// A server that nobody uses yet.
    pub fn new(id: String, name: String, role: MemberRole, version: &str) -> Self {
        Self {
            id: id.into(),
            name,
            role,
            status: "available".to_owned(),
            version: version.to_owned(),
            login: true,
            comment: Some("the shop".to_owned()),
            sessions: false,
            read_only: role == MemberRole::Reader,
            blocked: false,
            away_until: 0,
            log: vec![],
            rows: 0,
            marker: None,
            sequence: 0,
            slot: None,
            subscription: None,
        }
    }

    /// Whether the application could write here, if it reached the server.
    pub const fn accepts(&self) -> bool {
        (self.login || self.sessions) && !self.read_only && !self.blocked
    }

    /// Whether PostgreSQL runs.
    pub fn is_up(&self) -> bool {
        !matches!(self.status.as_str(), "creating" | "deleting" | "rebooting")
    }

    /// The host name.
    pub fn address(&self) -> String {
        format!("{}.rds.test", self.name)
    }

    /// As RDS describes it.
    pub fn instance(&self) -> Instance {
        Instance {
            id: self.name.as_str().into(),
            arn: format!("{ARN}{}", self.name),
            resource_id: self.id.clone(),
            status: self.status.clone(),
            engine: "postgres".to_owned(),
            version: self.version.clone(),
            pending_version: None,
            class: "db.m7g.large".to_owned(),
            multi_az: false,
            storage_gib: 20,
            storage_type: "gp3".to_owned(),
            storage_status: String::new(),
            parameter_group: "default".to_owned(),
            parameters_applied: "in-sync".to_owned(),
            backup_days: 7,
            address: (self.status != "creating").then(|| self.address()),
            port: 5432,
            replica_of: (self.role == MemberRole::Reader).then(|| "any".into()),
            replicas: vec![],
            replication: None,
            cluster: None,
            deletion_protection: false,
            managed_password: false,
            iam_login: false,
            tags: [].into(),
        }
    }

    /// A commit comes in, by replication.
    fn apply(&mut self, entry: Entry) -> Result<(), u32> {
        match entry {
            Entry::App(number) if self.rows & (1 << number) != 0 => return Err(number),
            Entry::App(number) => self.rows |= 1 << number,
            Entry::Marker(number) => self.marker = Some(number),
        }
        self.log.push(entry);
        Ok(())
    }
}

impl World {
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

    /// A server that answers.
    pub fn reach(&mut self, id: &ResourceId) -> Fallible<&mut Server> {
        let now = self.now;
        let found = self.servers.iter_mut().find(|server| server.id == *id);
        match found {
            Some(server) if server.is_up() && server.away_until <= now => Ok(server),
            Some(_) => transient(format!("{id} does not answer")),
            None => transient(format!("the server {id} has no endpoint now")),
        }
    }

    /// Whether the last deployment's old lets the application in; and whether only RDS keeps it from writing there while
    /// green serves, or soon will because nobody reaches old.
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
            let number = self.commits;
            let try_it = self.dice.chance(5_000);
            let server = &mut self.servers[place];
            if !try_it || !server.is_up() || server.away_until > now || number >= 120 {
                continue;
            }
            server.sessions |= server.login;
            if server.accepts() {
                let given = server.sequence;
                server.sequence += 1;
                server.rows |= 1 << number;
                server.log.push(Entry::App(number));
                self.acked |= 1 << number;
                self.commits += 1;
                self.committed(place, given);
            }
        }
    }

    fn committed(&mut self, place: usize, given: u32) {
        if self.given.is_some_and(|last| last >= given) {
            self.violate(format!("G2: the sequence gives out {given} twice"));
        }
        self.given = Some(given);
        let (number, id) = (self.commits - 1, self.servers[place].id.clone());
        self.note(|| format!("  commit {number} on {id}"));
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
                self.carry_forward(place, usize::MAX);
            }
        }
        for place in 0..self.servers.len() {
            self.carry_back(place);
        }
    }

    /// From blue to green, up to a place in blue's log.
    pub fn carry_forward(&mut self, place: usize, up_to: usize) {
        let deployment = &self.deployments[place];
        let (source, target) = (deployment.source.clone(), deployment.target.clone());
        let entries = match self.server(&source) {
            Some(blue) if blue.is_up() => {
                let end = up_to.min(blue.log.len());
                blue.log
                    .get(deployment.carried..end)
                    .unwrap_or_default()
                    .to_vec()
            }
            _ => return,
        };
        self.deployments[place].carried += entries.len();
        self.apply(&target, &entries);
    }

    fn carry_back(&mut self, place: usize) {
        let old = &self.servers[place];
        let Some(subscription) = old.subscription.clone().filter(|it| it.enabled) else {
            return;
        };
        let (id, up) = (old.id.clone(), old.is_up() && old.away_until <= self.now);
        let Some(new) = self
            .servers
            .iter_mut()
            .find(|one| one.id == subscription.publisher)
        else {
            return;
        };
        let (true, true, Some(slot)) = (up, new.is_up(), new.slot) else {
            return;
        };
        let entries = new.log[slot.read..].to_vec();
        new.slot = Some(Slot {
            read: new.log.len(),
        });
        self.apply(&id, &entries);
    }

    fn apply(&mut self, to: &ResourceId, entries: &[Entry]) {
        let Some(server) = self.servers.iter_mut().find(|server| server.id == *to) else {
            return;
        };
        let doubled: Vec<u32> = entries
            .iter()
            .filter_map(|entry| server.apply(*entry).err())
            .collect();
        if !doubled.is_empty() {
            self.violate(format!("G2: commits {doubled:?} come to {to} twice"));
        }
    }
}
