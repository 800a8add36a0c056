//! What must be proven before green is opened, and what is compared afterwards.

use crate::ids::Position;
use crate::marker::Marker;
use std::collections::{BTreeMap, BTreeSet};

/// One side, between RDS's end of the switchover and the opening.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Application roles that can log in.
    pub open_roles: Vec<String>,
    /// Sessions of application roles.
    pub sessions: u32,
    /// Prepared transactions.
    pub prepared: Vec<String>,
    /// Whether sessions are read-only by default.
    pub read_only: bool,
    /// The last position in its log.
    pub position: Position,
}

impl Standing {
    /// Whether the application can neither get in nor is in.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.open_roles.is_empty() && self.sessions == 0
    }

    /// Whether the application may be writing here.
    #[must_use]
    pub const fn takes_writes(&self) -> bool {
        !self.is_closed() && !self.read_only
    }
}

/// The deployment was deleted before old was seen to be closed, so that old may have taken writes, and new must stay closed.
pub const OLD_UNFENCED: &str = "RDS's record of the deployment was deleted before old was seen to be closed, so that old may have \
    taken writes which green lacks; green stays closed, and a person decides which side serves";

/// What may be done with new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Open it. The complaints stopped nothing.
    Open {
        /// A line each.
        complaints: Vec<String>,
    },
    /// Old is not closed: opening new would make two writers. Close it, and look again.
    CloseOld,
    /// Something that blue had committed is not there. Opening would bury it under new writes.
    Withhold {
        /// What is missing.
        why: String,
    },
}

/// Judges what was seen after RDS's end: `markers` as they were written on blue, `arrived` as new has them, `old` where
/// it could be asked. An old that can't be reached is kept read-only by RDS, which must suffice until it is closed.
#[must_use]
pub fn prove(
    markers: &BTreeMap<String, Marker>,
    arrived: &BTreeMap<String, Option<i64>>,
    new: &Standing,
    old: Option<&Standing>,
) -> Proof {
    match old {
        Some(old) if !old.is_closed() => Proof::CloseOld,
        _ => match missing(markers, arrived) {
            Some(why) => Proof::Withhold { why },
            None => Proof::Open {
                complaints: complaints(new, old),
            },
        },
    }
}

/// Why new must stay closed: blue had committed something that did not arrive. `None` where each marker is there.
#[must_use]
pub fn missing(
    markers: &BTreeMap<String, Marker>,
    arrived: &BTreeMap<String, Option<i64>>,
) -> Option<String> {
    let lacks = |(database, marker): &(&String, &Marker)| {
        let there = arrived.get(*database).copied().flatten();
        there.is_none_or(|number| number < marker.number)
    };
    let lacking = markers.iter().filter(lacks);
    let lacking: Vec<&str> = lacking.map(|(database, _)| database.as_str()).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "the marker that was written on blue is not on green in {}; neither side takes writes, and a person decides \
             which one does",
            lacking.join(", ")
        )
    })
}

fn complaints(new: &Standing, old: Option<&Standing>) -> Vec<String> {
    let mut all = vec![];
    if !new.open_roles.is_empty() {
        let roles = new.open_roles.join(", ");
        all.push(format!(
            "roles could log in to green before the proof: {roles}"
        ));
    }
    if new.sessions > 0 {
        let sessions = new.sessions;
        all.push(format!(
            "{sessions} application sessions were on green before the proof"
        ));
    }
    if !new.prepared.is_empty() {
        let prepared = new.prepared.join(", ");
        all.push(format!("prepared transactions on green: {prepared}"));
    }
    all.extend(match old {
        None => Some("old could not be reached; only RDS says that it takes no writes".to_owned()),
        Some(old) if !old.prepared.is_empty() => {
            let prepared = old.prepared.join(", ");
            Some(format!("prepared transactions on old: {prepared}"))
        }
        Some(old) if !old.read_only => {
            Some("old is not read-only by default; its application roles are closed".to_owned())
        }
        Some(_) => None,
    });
    all
}

/// Rows and digest of a table.
pub type Digests = BTreeMap<String, (u64, i128)>;

/// One digest over a database's tables; the mismatches where there are any, a line each.
///
/// # Errors
///
/// The tables that are not the same, or not on both sides.
pub fn matched(database: &str, old: &Digests, new: &Digests) -> Result<(u64, String), Vec<String>> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name));
    let told = |side: &Digests, name: &String| {
        side.get(name)
            .map_or("no table".to_owned(), |(rows, _)| format!("{rows} rows"))
    };
    let lines: Vec<String> = differ
        .map(|name| {
            let (old, new) = (told(old, name), told(new, name));
            format!(
                "`{database}.{name}` is not the same: {old} on old, {new} on new at its opening"
            )
        })
        .collect();
    if !lines.is_empty() {
        return Err(lines);
    }
    let rows = old.values().map(|(rows, _)| rows).sum();
    let sum = old.values().fold(0_i128, |sum, (_, digest)| {
        sum.wrapping_mul(31).wrapping_add(*digest)
    });
    Ok((rows, format!("{sum:032x}")))
}

/// Sequences on new that stand before old's: the next number would be given out twice.
#[must_use]
pub fn behind(
    database: &str,
    old: &[(String, Option<i64>)],
    new: &[(String, Option<i64>)],
) -> Vec<String> {
    let new: BTreeMap<&str, Option<i64>> = new
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let behind = old.iter().filter(|(name, value)| {
        let there = new.get(name.as_str()).copied().flatten();
        value.is_some() && there < *value
    });
    behind
        .map(|(name, _)| format!("the sequence `{database}.{name}` is behind on green"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Millis;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn new_is_never_opened_beside_an_old_that_is_open(
            roles in prop::collection::vec("[a-z]{3}", 0..3), sessions in 0_u32..3, number in 0_i64..4,
        ) {
            let old = Standing { open_roles: roles.clone(), sessions, read_only: true, ..Standing::default() };
            let marker = Marker { number: 2, position: "0/1".into(), written_at: Millis(1) };
            let markers = [("orders".to_owned(), marker)].into();
            let arrived = [("orders".to_owned(), Some(number))].into();
            let proof = prove(&markers, &arrived, &Standing::default(), Some(&old));
            let opens = matches!(proof, Proof::Open { .. });
            prop_assert_eq!(opens, roles.is_empty() && sessions == 0 && number >= 2);
        }
    }

    #[test]
    fn who_is_closed_or_read_only_takes_no_writes() {
        let open = Standing {
            open_roles: vec!["app".into()],
            ..Standing::default()
        };
        assert!(open.takes_writes());
        let kept = Standing {
            read_only: true,
            ..open.clone()
        };
        assert!(!kept.takes_writes());
        assert!(!Standing::default().takes_writes());
        let stays = Standing {
            sessions: 1,
            ..Standing::default()
        };
        assert!(stays.takes_writes(), "a session that was not ended");
    }

    #[test]
    fn a_marker_that_cannot_be_read_has_not_arrived() {
        let marker = Marker {
            number: 2,
            position: "0/1".into(),
            written_at: Millis(1),
        };
        let markers = [("orders".to_owned(), marker)].into();
        for arrived in [BTreeMap::new(), [("orders".to_owned(), None)].into()] {
            let proof = prove(&markers, &arrived, &Standing::default(), None);
            assert!(matches!(proof, Proof::Withhold { .. }));
        }
    }

    #[test]
    fn one_row_more_or_less_is_a_mismatch() {
        let old: Digests = [("public.a".to_owned(), (2, 5))].into();
        let new: Digests = [("public.a".to_owned(), (3, 5))].into();
        assert_eq!(matched("orders", &old, &new).unwrap_err().len(), 1);
        assert_eq!(matched("orders", &old, &old).unwrap().0, 2);
        assert!(matched("orders", &old, &Digests::new()).is_err());
    }

    #[test]
    fn a_sequence_that_stands_before_olds_is_told() {
        let at = |value| vec![("public.s".to_owned(), value)];
        assert_eq!(behind("orders", &at(Some(7)), &at(Some(6))).len(), 1);
        assert_eq!(behind("orders", &at(Some(7)), &at(None)).len(), 1);
        assert!(behind("orders", &at(None), &at(None)).is_empty());
        assert!(behind("orders", &at(Some(7)), &at(Some(7))).is_empty());
    }
}
