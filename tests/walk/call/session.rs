//! A session on a server. It goes with the server's sessions, and may get lost by itself.

use super::timer::Kind;
use super::{Call, millis};
use crate::faults::Fault;
use crate::world::servers::{Frozen, ROLE, SEQUENCE, Server, Subscription, TABLE};
use crate::world::{DATABASE, Fallible, World, answered, silence};
use domain::error::StepError;
use domain::fence::{Fence, Role};
use domain::ids::{Millis, Position, ResourceId};
use domain::marker::{Marker, Seen};
use domain::proof::Standing;
use domain::reverse::{Link, Shape, SlotSeen, SubscriptionSeen};
use domain::rows::{Bucket, Column, Key, Row, Rows, Table};
use ports::{Access, Answer, Drained, Failure, Nature, TableName, WrittenMarker};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The time between two looks for a marker, in milliseconds.
const LOOK_AGAIN: i64 = 15;
/// Bytes of the log that a commit takes, as lag is measured.
const BYTES: u64 = 64 << 10;
/// Bytes of the log that a commit takes, as a slot that is not read holds it back.
const HELD: u64 = 64 << 20;

/// A session of our own role.
pub struct Session {
    call: Call,
    server: ResourceId,
    /// The server that was to answer, where that is known.
    meant: Option<ResourceId>,
    version: String,
    /// Which of the server's lives it belongs to: all sessions of one end together.
    life: u32,
    /// Whether it is in the application's database.
    inside: bool,
    access: Access,
    lost: Cell<bool>,
    frozen: RefCell<Option<Frozen>>,
}

impl Session {
    /// A session that was let in.
    pub fn new(call: Call, server: &Server, database: &str, access: Access) -> Self {
        Self {
            call,
            meant: None,
            server: server.id.clone(),
            version: server.version.clone(),
            life: server.life,
            inside: database == DATABASE,
            access,
            lost: Cell::new(false),
            frozen: RefCell::new(None),
        }
    }

    /// For which server it was opened.
    pub fn meant_for(self, meant: Option<ResourceId>) -> Self {
        Self { meant, ..self }
    }

    fn lives(&self, server: &Server) -> bool {
        !self.lost.get() && server.life == self.life
    }

    /// The server, if it answers this session.
    fn reach(&self, world: &World, at: &str) -> Fallible<usize> {
        let place = world.place(&self.server).filter(|place| {
            let server = &world.servers[*place];
            self.lives(server) && server.answers(world.now)
        });
        place.map_or_else(|| silence(Nature::Looked, at), Ok)
    }

    async fn look<T>(
        &self,
        at: &'static str,
        look: impl FnOnce(&mut World, usize) -> Fallible<T>,
    ) -> Fallible<T> {
        let through = |world: &mut World| {
            let place = self.reach(world, at)?;
            look(world, place)
        };
        let done = self.call.look(at, through).await;
        self.after(done).await
    }

    /// As [`Self::look`], of the server alone, where what is seen can't fail.
    async fn see<T>(&self, at: &'static str, see: impl FnOnce(&Server) -> T) -> Fallible<T> {
        let look = |world: &mut World, place: usize| Ok(see(&world.servers[place]));
        self.look(at, look).await
    }

    async fn act<T>(
        &self,
        at: &'static str,
        kind: Kind,
        act: impl FnOnce(&mut World, usize) -> Fallible<T>,
    ) -> Fallible<T> {
        let through = |world: &mut World| {
            let place = self.reach(world, at)?;
            let other = self.meant.as_ref().filter(|meant| **meant != self.server);
            if let Some(meant) = other {
                let there = &self.server;
                world.violate(format!("G1: `{at}` on {there}, and {meant} was meant"));
            }
            act(world, place)
        };
        let done = self.call.act(at, kind, through).await;
        self.after(done).await
    }

    /// As [`Self::act`], where the server has to take writes of this session.
    async fn write<T>(
        &self,
        at: &'static str,
        act: impl FnOnce(&mut World, usize) -> Fallible<T>,
    ) -> Fallible<T> {
        self.act(at, Kind::Act, |world, place| {
            self.may_write(&world.servers[place], at)?;
            act(world, place)
        })
        .await
    }

    /// As [`Self::write`], of the server alone.
    async fn change(&self, at: &'static str, change: impl FnOnce(&mut Server)) -> Fallible<()> {
        self.write(at, |world, place| {
            change(&mut world.servers[place]);
            Ok(())
        })
        .await
    }

    fn may_write(&self, server: &Server, at: &str) -> Fallible<()> {
        let by_default = server.read_only && self.access == Access::AsServed;
        let closed = server.blocked || server.is_replica() || by_default;
        if closed || self.frozen.borrow().is_some() {
            return answered(Nature::Acted, at, Failure::Unavailable, "25006");
        }
        Ok(())
    }

    /// Who got no answer may have lost the session, and may have waited for long.
    async fn after<T>(&self, done: Fallible<T>) -> Fallible<T> {
        let silent = matches!(&done, Err(failed) if failed.is_transient() && failed.is_silence());
        if !silent || self.lost.get() {
            return done;
        }
        let hangs = {
            let mut world = self.call.world();
            self.lost.set(world.dice.chance(5_000));
            let hangs = world.dice.chance(2_000);
            hangs.then(|| world.dice.between(100, 10_000))
        };
        if let Some(span) = hangs {
            self.call.pause("silence", Kind::Sleep, span).await;
        }
        done
    }

    /// What the session sees of its database now.
    fn sees(&self, server: &Server) -> Frozen {
        if !self.inside {
            return Frozen::default();
        }
        self.frozen.borrow().unwrap_or_else(|| server.frozen())
    }

    /// Whether the application's role can log in.
    pub async fn logs_in(&self) -> Fallible<bool> {
        self.see("inspect", |server| server.login).await
    }

    /// A few answers at once.
    pub async fn answer(&self) -> Fallible<Answer> {
        self.see("ask", |server| Answer {
            version: server.version.clone(),
            read_only: server.read_only,
            streaming: server.is_replica(),
        })
        .await
    }

    fn seen_marker(&self, server: &Server) -> Fallible<Option<Seen>> {
        match self.sees(server).marker {
            None => answered(
                Nature::Looked,
                "reading the marker",
                Failure::Unfit,
                "42P01",
            ),
            marker => Ok(marker),
        }
    }
}

/// A place in a server's log.
fn position(place: usize) -> Position {
    Position(format!("0/{place:X}"))
}

impl ports::Session for Session {
    fn version(&self) -> &str {
        &self.version
    }

    fn is_closed(&self) -> bool {
        let world = self.call.world.borrow();
        let server = world.server(&self.server);
        !server.is_some_and(|server| self.lives(server))
    }

    async fn limit_statements(&self, _limit: Duration) -> Fallible<()> {
        self.see("limit statements", |_| ()).await
    }

    async fn databases(&self) -> Fallible<BTreeSet<String>> {
        self.see("databases", |_| [DATABASE.to_owned()].into())
            .await
    }

    async fn can_send_back(&self, _databases: usize) -> Fallible<Result<String, String>> {
        self.see("settings", |_| Ok("it can".to_owned())).await
    }

    async fn clock(&self) -> Fallible<Millis> {
        self.look("clock", |world, _| Ok(Millis(world.now))).await
    }

    async fn roles(&self, names: &[String]) -> Fallible<Vec<Role>> {
        self.see("roles", |server| {
            let named = names.iter().filter(|name| *name == ROLE);
            named.map(|_| server.role_seen()).collect()
        })
        .await
    }

    async fn logins(&self) -> Fallible<BTreeSet<String>> {
        self.see("logins", |server| server.roles(true)).await
    }

    async fn role_names(&self) -> Fallible<BTreeSet<String>> {
        self.see("role names", |server| server.roles(false)).await
    }

    async fn raise(&self, fence: &Fence) -> Fallible<()> {
        self.act("raise", Kind::Act, |world, place| {
            self.may_alter(&world.servers[place])?;
            if !fence.roles.is_empty() {
                let now = world.now;
                world.servers[place].close(&fence.owner, now);
            }
            world.note(|| format!("  {} closed", self.server));
            Ok(())
        })
        .await
    }

    async fn lift(&self, fence: &Fence) -> Fallible<()> {
        self.act("lift", Kind::Act, |world, place| {
            self.may_alter(&world.servers[place])?;
            if let Some(role) = fence.roles.first() {
                world.check_opened(&self.server);
                world.servers[place].open(role.comment.clone());
            }
            world.note(|| format!("  {} opened", self.server));
            Ok(())
        })
        .await
    }

    async fn rehearse(&self, _fence: &Fence) -> Fallible<()> {
        const DOING: &str = "rehearse";
        self.look(DOING, |world, place| {
            if world.strikes(Fault::NoRight) {
                return answered(Nature::Acted, DOING, Failure::Denied, "42501");
            }
            self.may_alter(&world.servers[place])
        })
        .await
    }

    async fn drain(&self, _roles: &[String], bound: Duration) -> Fallible<Drained> {
        let (ended, ends) = self
            .act("drain", Kind::Act, |world, place| {
                let ended = u32::from(world.servers[place].sessions);
                let stays = ended > 0 && world.strikes(Fault::SessionStays);
                world.servers[place].sessions = stays;
                let span = 2 * millis(bound).max(1);
                Ok((ended, stays.then(|| world.dice.between(1, span))))
            })
            .await?;
        if let Some(ends) = ends {
            let wait = ends.min(millis(bound));
            self.call.pause("drain", Kind::Sleep, wait).await;
            if ends <= millis(bound) {
                let end = |world: &mut World, place: usize| {
                    world.servers[place].sessions = false;
                    Ok(())
                };
                self.act("drain on", Kind::Act, end).await?;
            }
        }
        let left = self.see("drained", |server| u32::from(server.sessions));
        let left = left.await?;
        Ok(Drained { ended, left })
    }

    async fn long_transactions(&self, _age: Duration) -> Fallible<Vec<String>> {
        self.look("transactions", |world, _| {
            let open = world.strikes(Fault::TransactionOpen);
            Ok(open.then(|| "a report".to_owned()).into_iter().collect())
        })
        .await
    }

    async fn prepared_transactions(&self) -> Fallible<Vec<String>> {
        self.see("prepared", |_| vec![]).await
    }

    async fn next_transaction(&self) -> Fallible<u64> {
        self.look("next transaction", |world, place| {
            if !world.servers[place].accepts() && world.strikes(Fault::PastFence) {
                world.commit(place);
            }
            Ok(world.servers[place].log.len() as u64)
        })
        .await
    }

    async fn make_marker(&self) -> Fallible<()> {
        self.write("make marker", |world, place| {
            let first = Seen {
                number: 0,
                written_at: Millis(world.now),
            };
            world.servers[place].marker.get_or_insert(first);
            Ok(())
        })
        .await
    }

    async fn remove_marker(&self) -> Fallible<()> {
        self.change("remove marker", |server| server.marker = None)
            .await
    }

    async fn write_marker(&self) -> Fallible<WrittenMarker> {
        self.write("write marker", |world, place| {
            let now = Millis(world.now);
            let server = &mut world.servers[place];
            let Some(marker) = server.mark(now) else {
                let doing = "writing the marker";
                return answered(Nature::Acted, doing, Failure::Unfit, "42P01");
            };
            let written = WrittenMarker {
                transaction: server.log.len() as u64 - 1,
                marker: Marker {
                    number: marker.number,
                    position: position(server.log.len()),
                    written_at: now,
                },
            };
            world.carry_soon();
            Ok(written)
        })
        .await
    }

    async fn read_marker(&self) -> Fallible<Option<Seen>> {
        self.look("read marker", |world, place| {
            self.seen_marker(&world.servers[place])
        })
        .await
    }

    async fn await_marker(&self, number: i64, bound: Duration) -> Fallible<Option<Seen>> {
        let began = self.call.world.borrow().now;
        loop {
            let seen = self.read_marker().await?;
            let waited = self.call.world.borrow().now - began;
            if seen.is_some_and(|seen| seen.number >= number) || waited >= millis(bound) {
                return Ok(seen);
            }
            self.call
                .pause("await marker", Kind::Poll, LOOK_AGAIN)
                .await;
        }
    }

    async fn unconfirmed(&self, _database: &str) -> Fallible<Option<u64>> {
        self.look("unconfirmed", |world, place| {
            let end = world.servers[place].log.len();
            let mut links = world.deployments.iter();
            let link = links.find(|one| one.source == self.server && one.linked);
            Ok(link.map(|link| (end - link.carried) as u64 * BYTES))
        })
        .await
    }

    async fn foreign_replication(&self) -> Fallible<Vec<String>> {
        self.see("foreign replication", |_| vec![]).await
    }

    async fn follows(&self) -> Fallible<bool> {
        self.look("follows", |world, place| {
            let follows = world.servers[place].subscription.is_some();
            Ok(follows || world.is_linked(&self.server))
        })
        .await
    }

    async fn standing(&self, _roles: &[String]) -> Fallible<Standing> {
        self.look("standing", |world, place| {
            let server = &world.servers[place];
            // Where the other side serves and RDS has let go of this one, no look could keep it from writing any more.
            let mut others = world.servers.iter().filter(|one| one.id != server.id);
            let in_time = server.read_only || !others.any(Server::accepts);
            let late = in_time && server.may_show_late(world.now);
            if late && world.strikes(Fault::SessionLate) {
                world.servers[place].sessions = true;
            }
            let server = &world.servers[place];
            let open = server.login.then(|| ROLE.to_owned());
            Ok(Standing {
                open_roles: open.into_iter().collect(),
                sessions: u32::from(server.sessions),
                prepared: vec![],
                read_only: server.read_only && self.access == Access::AsServed,
                position: position(server.log.len()),
            })
        })
        .await
    }

    async fn freeze(&self) -> Fallible<Option<Seen>> {
        self.look("freeze", |world, place| {
            let frozen = world.servers[place].frozen();
            *self.frozen.borrow_mut() = Some(frozen);
            self.seen_marker(&world.servers[place])
        })
        .await
    }

    async fn release(&self) -> Fallible<()> {
        self.see("release", |_| *self.frozen.borrow_mut() = None)
            .await
    }

    async fn adopt(&self) -> Fallible<()> {
        self.change("adopt", |_| ()).await
    }

    async fn shape(&self) -> Fallible<Shape> {
        self.see("shape", |server| self.sees(server).shape()).await
    }

    async fn arm(&self, _pusher: &Self, link: &Link) -> Fallible<Position> {
        self.write("arm", |world, place| {
            let server = &mut world.servers[place];
            if server.slot.is_none() && server.frozen().shape() != link.tables {
                return Err(StepError::failed("a table to publish is gone").into());
            }
            let end = server.log.len();
            Ok(position(*server.slot.get_or_insert(end)))
        })
        .await
    }

    async fn slot(&self, _name: &str) -> Fallible<Option<SlotSeen>> {
        self.look("slot", |world, place| {
            let server = &world.servers[place];
            let reads = |other: &Server| {
                let subscription = other.subscription.as_ref();
                subscription.is_some_and(|it| it.enabled && it.publisher == self.server)
            };
            Ok(server.slot.map(|read| SlotSeen {
                active: world.servers.iter().any(reads),
                lost: false,
                held: (server.log.len() - read) as u64 * HELD,
            }))
        })
        .await
    }

    /// A sweep drops slots without a lease.
    async fn disarm(&self, _name: &str) -> Fallible<()> {
        let kind = match self.call.me.step {
            "Sweep" => Kind::Free,
            _ => Kind::Act,
        };
        self.act("disarm", kind, |world, place| {
            self.may_write(&world.servers[place], "dropping the slot")?;
            world.servers[place].slot = None;
            Ok(())
        })
        .await
    }

    async fn follow(&self, new: &Self, _link: &Link, conninfo: &str) -> Fallible<()> {
        let enabled = self.subscribe(new, conninfo).await?;
        if enabled {
            return Ok(());
        }
        self.write("enable", |world, place| {
            world.servers[place].enable_link(true);
            world.carry_soon();
            Ok(())
        })
        .await
    }

    async fn subscription(&self, _name: &str) -> Fallible<Option<SubscriptionSeen>> {
        self.look("subscription", |world, place| {
            let rests = world.links_rest_until > world.now;
            let subscription = world.servers[place].subscription.as_ref();
            Ok(subscription.map(|it| SubscriptionSeen {
                enabled: it.enabled,
                working: it.enabled && !rests,
                tables: Some(1),
            }))
        })
        .await
    }

    async fn disable(&self, _name: &str) -> Fallible<()> {
        self.change("disable", |server| server.enable_link(false))
            .await
    }

    async fn unsubscribe(&self, _name: &str) -> Fallible<()> {
        self.change("unsubscribe", |server| server.subscription = None)
            .await
    }

    async fn carry_sequences(&self, new: &Self) -> Fallible<Vec<String>> {
        let next = new.see("read sequences", |server| server.sequence).await?;
        let set = |old: &mut Server| old.sequence = old.sequence.max(next);
        self.change("set sequences", set).await?;
        Ok(vec![])
    }

    async fn tables(&self) -> Fallible<Vec<Table>> {
        let seen = self.see("tables", |server| self.sees(server)).await?;
        let names = seen.tables();
        let tables = names.map(|name| table(name, seen.rows.count_ones()));
        Ok(tables.collect())
    }

    async fn extensions(&self) -> Fallible<Vec<String>> {
        self.see("extensions", |_| vec![]).await
    }

    async fn invalid_indexes(&self) -> Fallible<Vec<String>> {
        self.see("indexes", |_| vec![]).await
    }

    async fn sequences(&self) -> Fallible<Vec<(String, Option<i64>)>> {
        let next = self.see("sequences", |server| server.sequence).await?;
        let last = next.checked_sub(1).map(i64::from);
        Ok(vec![(SEQUENCE.to_owned(), last)])
    }

    async fn buckets(&self, table: &Table, buckets: u32) -> Fallible<BTreeMap<i32, Bucket>> {
        let rows = self.rows(table).await?;
        let mut all = BTreeMap::<i32, Bucket>::new();
        for number in rows {
            let bucket = all.entry(bucket_of(number, buckets));
            let bucket = bucket.or_insert(Bucket { rows: 0, sum: 0 });
            bucket.rows += 1;
            bucket.sum += i128::from(value(number));
        }
        Ok(all)
    }

    async fn rows_of(&self, table: &Table, buckets: u32, chosen: &[i32]) -> Fallible<Rows> {
        let rows = self.rows(table).await?;
        let chosen = rows.filter(|number| chosen.contains(&bucket_of(*number, buckets)));
        Ok(chosen.map(row).collect())
    }

    async fn rows_at(&self, table: &Table, keys: &[Key]) -> Fallible<Rows> {
        let rows = self.rows(table).await?.map(row);
        Ok(rows.filter(|(key, _)| keys.contains(key)).collect())
    }

    async fn missing_statistics(&self) -> Fallible<Vec<TableName>> {
        let analyzed = self.see("missing statistics", |server| server.analyzed);
        let missing = (!analyzed.await?).then(|| TableName {
            schema: "public".to_owned(),
            name: "orders".to_owned(),
        });
        Ok(missing.into_iter().collect())
    }

    async fn analyze(&self, _table: &TableName) -> Fallible<()> {
        self.change("analyze", |server| server.analyzed = true)
            .await
    }
}

impl Session {
    /// Roles are altered in a transaction that writes whatever the server's default is.
    fn may_alter(&self, server: &Server) -> Fallible<()> {
        if server.is_replica() || self.frozen.borrow().is_some() {
            return answered(
                Nature::Acted,
                "altering roles",
                Failure::Unavailable,
                "25006",
            );
        }
        Ok(())
    }

    /// Makes the subscription, which applies nothing yet; whether there was one that does.
    async fn subscribe(&self, new: &Self, conninfo: &str) -> Fallible<bool> {
        self.write("subscribe", |world, place| {
            if world.is_linked(&new.server) {
                return Err(StepError::transient("green has a subscription of RDS's").into());
            }
            let leads = world.resolve_from(&self.server, conninfo);
            let published = |server: &&Server| server.id == new.server && server.slot.is_some();
            let publisher = leads
                .and_then(|leads| world.server(&leads))
                .filter(published);
            let publisher = publisher.map(|publisher| publisher.id.clone());
            let subscription = &mut world.servers[place].subscription;
            match (&subscription, publisher) {
                (Some(stopped), _) if !stopped.enabled && !stopped.fresh => {
                    Err(StepError::refused("old's subscription was stopped").into())
                }
                (_, None) => {
                    *subscription = None;
                    Err(StepError::transient("old's subscription found no tables").into())
                }
                (Some(there), Some(_)) => Ok(there.enabled),
                (None, Some(publisher)) => {
                    *subscription = Some(Subscription {
                        publisher,
                        enabled: false,
                        fresh: true,
                    });
                    Ok(false)
                }
            }
        })
        .await
    }

    /// The rows of a table, by number.
    async fn rows(&self, table: &Table) -> Fallible<impl Iterator<Item = u32> + use<>> {
        let rows = self.see("rows", |server| self.sees(server).rows).await?;
        let rows = if table.name == "orders" { rows } else { 0 };
        Ok((0..128).filter(move |number| rows & (1 << number) != 0))
    }
}

fn table(name: &str, rows: u32) -> Table {
    let name = name.split('.').next_back().unwrap_or(name);
    let column = |name: &str| Column {
        name: name.to_owned(),
        kind: "bigint".to_owned(),
        hashable: true,
    };
    Table {
        schema: "public".to_owned(),
        name: name.to_owned(),
        key: vec!["id".to_owned()],
        columns: vec![column("id"), column("total")],
        estimate: u64::from(if TABLE.ends_with(name) { rows } else { 0 }),
    }
}

fn bucket_of(number: u32, buckets: u32) -> i32 {
    i32::try_from(number % buckets).unwrap_or(0)
}

fn row(number: u32) -> (Key, Row) {
    let row = Row {
        value: value(number),
        version: Some("1".to_owned()),
    };
    (vec![number.to_string()], row)
}

/// What a row is.
fn value(number: u32) -> i64 {
    i64::from(number).wrapping_mul(0x5851_F42D_4C95_7F2D)
}
