//! Rows that differ: by traffic, or wrongly.

use crate::rows::{Key, Row, Rows};
use std::collections::{BTreeMap, BTreeSet};

/// After so many rounds in which green's row stayed as it was and blue's was never the same, it is no traffic.
pub const PERSISTENT: u32 = 5;

/// Rows that differed when they were last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspects {
    open: BTreeMap<Key, LastRound>,
    wrong: BTreeSet<Key>,
}

/// What the last round showed of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct LastRound {
    /// What green had.
    green: Option<i64>,
    /// For how many rounds it has been so.
    rounds: u32,
    /// The version that blue had before and after; nothing if it was written in between, or that can't be told.
    blue: Option<String>,
}

impl Suspects {
    /// The rows that are not the same in two readings that were taken while writes went on.
    #[must_use]
    pub fn new(blue: &Rows, green: &Rows) -> Self {
        let keys: BTreeSet<&Key> = blue.keys().chain(green.keys()).collect();
        let differ = |key: &&Key| value(blue, key) != value(green, key);
        let open = keys.into_iter().filter(differ);
        Self {
            open: open
                .map(|key| {
                    let green = value(green, key);
                    let last = LastRound {
                        green,
                        ..LastRound::default()
                    };
                    (key.clone(), last)
                })
                .collect(),
            wrong: BTreeSet::new(),
        }
    }

    /// The keys to look at once more.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.open.keys().cloned().collect()
    }

    /// Rows that differ for no reason of traffic.
    #[must_use]
    pub fn wrong(&self) -> &BTreeSet<Key> {
        &self.wrong
    }

    /// Judges a round: blue was read, then a marker was written there and seen on green, then green was read, then blue
    /// once more.
    ///
    /// A difference in a row that is not being written on blue is wrong. One round does not show that: a server may send a commit as soon as
    /// it is on disk, a moment before others on blue see it, so that green may be ahead of a blue that seems to rest.
    pub fn judge(&mut self, before: &Rows, green: &Rows, after: &Rows) {
        for (key, last) in std::mem::take(&mut self.open) {
            let now = value(green, &key);
            if now == value(before, &key) || now == value(after, &key) {
                continue;
            }
            let same = now == last.green;
            let round = LastRound {
                green: now,
                rounds: if same { last.rounds + 1 } else { 1 },
                blue: untouched(before.get(&key), after.get(&key)),
            };
            let rests = same && round.blue.is_some() && round.blue == last.blue;
            if rests || round.rounds >= PERSISTENT {
                self.wrong.insert(key);
            } else {
                self.open.insert(key, round);
            }
        }
    }
}

fn value(rows: &Rows, key: &Key) -> Option<i64> {
    rows.get(key).map(|seen| seen.value)
}

/// The version of a row, if it is the same before and after, so it was not written in between.
fn untouched(before: Option<&Row>, after: Option<&Row>) -> Option<String> {
    let version = |seen: Option<&Row>| seen.and_then(|seen| seen.version.clone());
    version(before).filter(|before| version(after).as_ref() == Some(before))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(number: u8) -> Key {
        vec![number.to_string()]
    }

    /// A side of a table: for each key the row's content, and which write made it.
    type Side = BTreeMap<u8, (i64, u32)>;

    fn rows(side: &Side, keys: &[Key]) -> Rows {
        let seen = |(number, (value, write)): (&u8, &(i64, u32))| {
            let version = Some(write.to_string());
            (
                key(*number),
                Row {
                    value: *value,
                    version,
                },
            )
        };
        let all: Rows = side.iter().map(seen).collect();
        all.into_iter()
            .filter(|(key, _)| keys.contains(key))
            .collect()
    }

    /// One write: a key, and its new content or its end.
    fn write() -> impl Strategy<Value = (u8, Option<i64>)> {
        (0_u8..8, prop::option::weighted(0.8, 0_i64..1000))
    }

    fn apply(side: &mut Side, writes: &[(u8, Option<i64>)], from: usize, corrupt: Option<u8>) {
        for (number, (key, content)) in writes.iter().enumerate().skip(from) {
            if corrupt == Some(*key) {
                continue;
            }
            match content {
                Some(content) => {
                    let write = u32::try_from(number).unwrap();
                    side.insert(*key, (content * 1000 + i64::from(write), write));
                }
                None => {
                    side.remove(key);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn traffic_is_never_a_mismatch(
            writes in prop::collection::vec(write(), 0..200),
            steps in prop::collection::vec((0_usize..12, 0_usize..12, 0_usize..12), 1..12),
        ) {
            // Green follows blue's commits in their order, and has at least what a marker promised.
            let at = |position: usize| {
                let mut side = Side::new();
                apply(&mut side, &writes[..position.min(writes.len())], 0, None);
                side
            };
            let everything: Vec<Key> = (0..8).map(key).collect();
            let mut suspects = Suspects::new(&rows(&at(3), &everything), &rows(&at(0), &everything));
            let mut position = 3;
            for (ahead, more, rest) in steps {
                let (before, green) = (position, position + ahead);
                let after = green + more;
                let keys = suspects.keys();
                let quiet = |side: Side| rows(&side, &keys);
                suspects.judge(&quiet(at(before)), &quiet(at(green)), &quiet(at(after)));
                position = after + rest;
            }
            // Only a key that comes and goes in step with our looking could look persistent; each write is another content here.
            let toggled: Vec<_> = suspects.wrong().iter().filter(|key| {
                let number: u8 = key[0].parse().unwrap();
                !writes.iter().any(|(written, content)| *written == number && content.is_none())
            }).collect();
            prop_assert!(toggled.is_empty(), "{toggled:?}");
        }

        #[test]
        fn a_row_that_is_wrong_is_named_whatever_the_others_do(
            writes in prop::collection::vec(write(), 0..200),
            ahead in 1_usize..12,
        ) {
            let spare = 9_u8;
            let at = |position: usize, of_spare: i64| {
                let mut side = Side::new();
                apply(&mut side, &writes[..position.min(writes.len())], 0, None);
                side.insert(spare, (of_spare, 0));
                side
            };
            let everything: Vec<Key> = (0..10).map(key).collect();
            let mut suspects = Suspects::new(&rows(&at(3, 1), &everything), &rows(&at(3, 2), &everything));
            let keys = suspects.keys();
            let seen = |position, of_spare| rows(&at(position, of_spare), &keys);
            for round in 0..2 {
                let from = 3 + 2 * ahead * round;
                suspects.judge(&seen(from, 1), &seen(from + ahead, 2), &seen(from + 2 * ahead, 1));
            }
            prop_assert!(suspects.wrong().contains(&key(spare)));
        }
    }

    #[test]
    fn a_commit_that_green_shows_before_blue_does_is_no_mismatch() {
        let row = |write: i64| -> Rows {
            let version = Some(write.to_string());
            let value = write;
            [(key(1), Row { value, version })].into()
        };
        let mut suspects = Suspects::new(&row(1), &row(2));
        for write in 1..20 {
            suspects.judge(&row(write), &row(write + 1), &row(write));
            assert!(suspects.wrong().is_empty());
        }
    }

    #[test]
    fn a_row_that_is_missing_or_left_over_is_named_after_some_rounds() {
        let here: Rows = [(
            key(1),
            Row {
                value: 7,
                version: None,
            },
        )]
        .into();
        let gone = Rows::new();
        for (blue, green) in [(&here, &gone), (&gone, &here)] {
            let mut suspects = Suspects::new(blue, green);
            for _ in 0..PERSISTENT {
                assert!(suspects.wrong().is_empty());
                suspects.judge(blue, green, blue);
            }
            assert_eq!(suspects.wrong().len(), 1);
        }
    }
}
