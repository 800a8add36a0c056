//! What the steps do inside PostgreSQL, with the very functions of `effects` that make their SQL's meaning.

use super::servers::{Entry, Slot, Subscription};
use super::{Fallible, World, refused, transient};
use crate::faults::Fault;
use domain::ids::{Lsn, Millis, ResourceId};
use domain::record::{Fence, Marker};
use domain::reverse::{LinkSeen, Shape, SlotSeen, SubscriptionSeen};
use domain::switchover::Standing;
use effects::postgres::fence;
use effects::postgres::roles::Role;

/// The application's only role.
pub const ROLE: &str = "orders_app";

impl World {
    /// The application's role, as it is.
    pub fn roles(&mut self, on: &ResourceId) -> Fallible<Vec<Role>> {
        let server = self.reach(on)?;
        Ok(vec![Role {
            name: ROLE.to_owned(),
            can_login: server.login,
            comment: server.comment.clone(),
        }])
    }

    /// Those that can log in.
    pub fn open_roles(&mut self, on: &ResourceId) -> Fallible<Vec<String>> {
        let open = self.roles(on)?.into_iter().filter(|role| role.can_login);
        Ok(open.map(|role| role.name).collect())
    }

    /// Closes a fence's roles.
    pub fn raise(&mut self, stands: &Fence) -> Fallible<()> {
        let server = self.reach(&stands.resource_id)?;
        if !stands.roles.is_empty() {
            server.login = false;
            server.comment = Some(fence::notice(stands));
        }
        self.note(|| format!("  {} closed", stands.resource_id));
        Ok(())
    }

    /// Opens a fence's roles.
    pub fn lift(&mut self, stands: &Fence) -> Fallible<()> {
        let server = self.reach(&stands.resource_id)?;
        if let Some(role) = stands.roles.first() {
            server.login = true;
            server.comment.clone_from(&role.comment);
        }
        self.note(|| format!("  {} opened", stands.resource_id));
        Ok(())
    }

    /// Ends the application's sessions; how many are left.
    pub fn drain(&mut self, on: &ResourceId) -> Fallible<u32> {
        let stays = self.reach(on)?.sessions && self.strikes(Fault::SessionStays);
        self.reach(on)?.sessions = stays;
        Ok(u32::from(stays))
    }

    /// How a side stands.
    pub fn standing(&mut self, on: &ResourceId) -> Fallible<Standing> {
        let open_roles = self.open_roles(on)?;
        let server = self.reach(on)?;
        Ok(Standing {
            open_roles,
            sessions: u32::from(server.sessions),
            prepared: vec![],
            read_only: server.read_only,
            position: Lsn(server.log.len() as u64),
        })
    }

    /// Makes the marker's table.
    pub fn make_marker(&mut self, on: &ResourceId) -> Fallible<()> {
        let server = self.reach(on)?;
        if server.read_only || server.blocked {
            return transient("cannot execute CREATE TABLE in a read-only transaction");
        }
        server.marker.get_or_insert(0);
        Ok(())
    }

    /// Removes the marker's table.
    pub fn remove_marker(&mut self, on: &ResourceId) -> Fallible<()> {
        self.reach(on)?.marker = None;
        Ok(())
    }

    /// Advances the marker, in a session that has the server's default or not.
    pub fn write_marker(&mut self, on: &ResourceId, as_served: bool) -> Fallible<Marker> {
        let now = self.now;
        let server = self.reach(on)?;
        if server.blocked || as_served && server.read_only {
            return transient("cannot execute UPDATE in a read-only transaction");
        }
        let Some(number) = server.marker else {
            return refused("the marker's row is gone from `viridian.marker`; provision makes it");
        };
        server.marker = Some(number + 1);
        server.log.push(Entry::Marker(number + 1));
        let position = Lsn(server.log.len() as u64);
        self.carry_soon();
        Ok(Marker {
            number: number + 1,
            position,
            written_at: Millis(now),
        })
    }

    /// The marker that is there.
    pub fn read_marker(&mut self, on: &ResourceId) -> Fallible<Option<i64>> {
        Ok(self.reach(on)?.marker)
    }

    /// Makes the slot of the way back, unless it is there.
    pub fn arm(&mut self, on: &ResourceId) -> Fallible<Lsn> {
        let server = self.reach(on)?;
        let slot = *server.slot.get_or_insert(Slot {
            read: server.log.len(),
        });
        Ok(Lsn(slot.read as u64))
    }

    /// Removes the slot.
    pub fn disarm(&mut self, on: &ResourceId) -> Fallible<()> {
        self.reach(on)?.slot = None;
        Ok(())
    }

    /// Lets old follow new; what was stopped since is not started again.
    pub fn subscribe(&mut self, old: &ResourceId, new: &ResourceId) -> Fallible<()> {
        if self
            .deployments
            .iter()
            .any(|one| one.linked && one.target == *new)
        {
            return transient("green still has a subscription of RDS's");
        }
        self.reach(new)?;
        let publisher = new.clone();
        let server = self.reach(old)?;
        let subscription = server.subscription.get_or_insert(Subscription {
            publisher,
            enabled: true,
        });
        if !subscription.enabled {
            return refused("old's subscription was stopped");
        }
        self.carry_soon();
        Ok(())
    }

    /// Stops old's subscription.
    pub fn disable(&mut self, old: &ResourceId) -> Fallible<()> {
        if let Some(subscription) = &mut self.reach(old)?.subscription {
            subscription.enabled = false;
        }
        Ok(())
    }

    /// Sets old's sequence to where new's is, unless it stands further already.
    pub fn carry_sequences(&mut self, new: &ResourceId, old: &ResourceId) -> Fallible<()> {
        let next = self.reach(new)?.sequence;
        let old = self.reach(old)?;
        old.sequence = old.sequence.max(next);
        Ok(())
    }

    /// Ends old's subscription.
    pub fn unsubscribe(&mut self, old: &ResourceId) -> Fallible<()> {
        self.reach(old)?.subscription = None;
        Ok(())
    }

    /// The slot of the way back.
    pub fn slot_seen(&mut self, new: &ResourceId) -> Fallible<Option<SlotSeen>> {
        let server = self.reach(new)?;
        Ok(server.slot.map(|slot| SlotSeen {
            active: true,
            lost: false,
            held: (server.log.len() - slot.read) as u64,
        }))
    }

    /// The link of the way back.
    pub fn link(&mut self, old: &ResourceId, new: &ResourceId) -> Fallible<LinkSeen> {
        Ok(LinkSeen {
            slot: self.slot_seen(new)?,
            subscription: self.subscription_seen(old)?,
            tables: Some(shape()),
        })
    }

    /// Old's subscription.
    pub fn subscription_seen(&mut self, old: &ResourceId) -> Fallible<Option<SubscriptionSeen>> {
        let rests = self.links_rest_until > self.now;
        let subscription = self.reach(old)?.subscription.as_ref();
        Ok(subscription.map(|it| SubscriptionSeen {
            enabled: it.enabled,
            working: it.enabled && !rests,
            tables: None,
        }))
    }
}

/// The application's tables.
pub fn shape() -> Shape {
    [("public.orders".to_owned(), "a".to_owned())].into()
}
