//! Reverse replication from new to old, by which a failback keeps everything that green takes after the switchover.
//!
//! It is armed behind the fence, before new takes its first write, so its slots hold every one of them. During the watch it
//! is checked; one that can't be trusted any more is marked unavailable at once, and then there is no automatic failback.

use crate::ids::Position;
use crate::plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The link, over all databases of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverse {
    /// By database of the server.
    pub links: BTreeMap<String, Link>,
    /// Whether old has subscribed to every one of them.
    pub subscribed: bool,
    /// Why there is no automatic failback any more.
    pub unavailable: Option<Unavailable>,
    /// Whether people were notified that an unread slot retains much of the log.
    #[serde(default)]
    pub warned: bool,
    /// Whether people were notified that failback is unavailable.
    #[serde(default)]
    pub told: bool,
}

/// The link of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// What the slot, the publication and the subscription are called.
    pub name: String,
    /// Where the slot begins: no write of the application's is before it.
    pub position: Position,
    /// What is published: each table with a digest of its columns.
    pub tables: Shape,
}

/// Tables by name, each with a digest of its columns.
pub type Shape = BTreeMap<String, String>;

/// Why failback is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// What happened.
    pub why: String,
    /// What a person can do about it.
    pub remedy: String,
}

impl Reverse {
    /// Whether new's writes arrive on old, as far as is known.
    #[must_use]
    pub const fn is_available(&self) -> bool {
        self.subscribed && self.unavailable.is_none()
    }

    /// The links after their slots were created, or not: where each begins, or why there is none.
    #[must_use]
    pub fn armed(mut self, databases: Vec<(String, Result<Position, String>)>) -> Self {
        for (database, made) in databases {
            match (made, self.links.get_mut(&database)) {
                (Ok(position), Some(link)) => link.position = position,
                (Ok(_), None) => {}
                (Err(why), _) => {
                    let why = format!("it could not be armed in `{database}`: {why}");
                    self.unavailable = Some(Unavailable::since(why));
                }
            }
        }
        self
    }
}

impl Unavailable {
    /// A failback that was never available.
    #[must_use]
    pub fn since(why: String) -> Self {
        Self {
            why,
            remedy: "go on with green; an alarm calls a person from now on".to_owned(),
        }
    }
}

/// What the link of one database is called; `index` is the database's place in the plan.
#[must_use]
pub fn name(index: usize) -> String {
    format!("viridian_back_{index}")
}

/// One database's link, as it was seen. What could not be seen is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkSeen {
    /// New's slot.
    pub slot: Option<SlotSeen>,
    /// Old's subscription.
    pub subscription: Option<SubscriptionSeen>,
    /// New's tables as they are now.
    pub tables: Option<Shape>,
}

/// The slot on new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotSeen {
    /// Whether old reads from it.
    pub active: bool,
    /// Whether the log that it needs is gone.
    pub lost: bool,
    /// Bytes of the log that it keeps from being removed.
    pub held: u64,
}

/// The subscription on old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionSeen {
    /// Whether it is to apply; it disables itself at the first change that can't be.
    pub enabled: bool,
    /// Whether its worker runs.
    pub working: bool,
    /// How many tables' changes it applies, where that was seen; those of others it skips without an error.
    pub tables: Option<usize>,
}

/// The state of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// New's writes arrive on old.
    Well,
    /// No worker applies at this moment; that may be a restart.
    Resting(String),
    /// An unread slot retains much of the log.
    Holding(String),
    /// It can't be trusted any more.
    Broken(Unavailable),
    /// Its slot has to go before it fills production's disk.
    Overflowing(Unavailable),
}

/// A slot that retains more than this part of green's storage is dropped; at half of it people are notified.
const PART_OF_STORAGE: u64 = 10;
const GIB: u64 = 1 << 30;

/// Bytes of log that the failback's slots may retain on new before they are dropped: a tenth of its storage.
#[must_use]
pub fn limit(plan: &Plan) -> u64 {
    let storage = plan.writer().map_or(0, |writer| writer.storage_gib);
    (u64::from(storage) * GIB / PART_OF_STORAGE).max(GIB)
}

/// Judges one database's link. `limit` is in bytes.
#[must_use]
pub fn health(database: &str, link: &Link, seen: &LinkSeen, limit: u64) -> Health {
    let held = seen.slot.map_or(0, |slot| slot.held);
    let told = format!(
        "the slot {} of `{database}` retains {} MiB of the log on green",
        link.name,
        held >> 20
    );
    if held >= limit {
        return Health::Overflowing(Unavailable {
            why: format!("{told}, which is its limit; it is dropped"),
            remedy: HOW_TO_GO_ON.to_owned(),
        });
    }
    match (broken(database, link, seen), seen.subscription) {
        (Some(broken), _) => Health::Broken(broken),
        _ if held >= limit / 2 => Health::Holding(told),
        (None, Some(subscription)) if subscription.working => Health::Well,
        (None, _) => Health::Resting(format!(
            "no worker applies `{database}`'s changes on old now"
        )),
    }
}

const HOW_TO_GO_ON: &str = "what green takes from now on does not reach old blue: go on with green, or restore from a backup of green where blue must serve again";

fn broken(database: &str, link: &Link, seen: &LinkSeen) -> Option<Unavailable> {
    let because = |why: String| {
        Some(Unavailable {
            why,
            remedy: HOW_TO_GO_ON.to_owned(),
        })
    };
    let name = &link.name;
    match (seen.slot, seen.subscription) {
        (None, _) => {
            return because(format!(
                "the slot {name} of `{database}` is gone from green"
            ));
        }
        (Some(slot), _) if slot.lost => {
            return because(format!(
                "the slot {name} of `{database}` has lost the log that it needs"
            ));
        }
        (_, None) => return because(format!("old's subscription {name} in `{database}` is gone")),
        (_, Some(subscription)) if !subscription.enabled => {
            return because(format!(
                "old's subscription {name} in `{database}` has met a change that it can't apply and is disabled"
            ));
        }
        (_, Some(subscription)) if subscription.tables.is_some_and(|n| n < link.tables.len()) => {
            return because(format!(
                "old's subscription {name} in `{database}` does not follow all of green's tables"
            ));
        }
        _ => {}
    }
    let changed = changed(&link.tables, seen.tables.as_ref()?);
    (!changed.is_empty()).then(|| Unavailable {
        why: format!("`{database}` was changed on green: {}", changed.join(", ")),
        remedy: format!("schema changes don't reach old blue: {HOW_TO_GO_ON}"),
    })
}

/// Tables that came, went or were changed.
fn changed(then: &Shape, now: &Shape) -> Vec<String> {
    let gone = then
        .iter()
        .filter_map(|(name, columns)| match now.get(name) {
            None => Some(format!("{name} is gone")),
            Some(other) if other != columns => Some(format!("{name} has other columns")),
            Some(_) => None,
        });
    let new = now.keys().filter(|name| !then.contains_key(*name));
    gone.chain(new.map(|name| format!("{name} is new")))
        .collect()
}

/// The worst of several healths: the first that is worse than those before it.
#[must_use]
pub fn worst(healths: Vec<Health>) -> Health {
    let rank = |health: &Health| match health {
        Health::Well => 0,
        Health::Resting(_) => 1,
        Health::Holding(_) => 2,
        Health::Broken(_) => 3,
        Health::Overflowing(_) => 4,
    };
    healths
        .into_iter()
        .rev()
        .max_by_key(rank)
        .unwrap_or(Health::Well)
}

#[cfg(test)]
mod tests;
