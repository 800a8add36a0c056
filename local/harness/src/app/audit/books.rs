//! What the ledger says must be there.

use crate::app::ledger::{Action, Entry, Event};
use std::collections::{BTreeMap, HashMap};

/// A writer and its own number.
pub(super) type Key = (i32, i64);

/// What a commit did to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commit {
    /// What it did.
    pub action: Action,
    /// The row's key.
    pub row: i64,
    /// The row's version after it.
    pub version: i32,
}

/// The ledger of one database.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    /// Commits that the application was told are done.
    pub(super) done: BTreeMap<Key, Commit>,
    /// Commits of which it never learned.
    pub(super) unsure: BTreeMap<Key, Commit>,
    /// Commits that met another row than the one acknowledged before.
    pub(super) gone: HashMap<i64, Key>,
}

/// The whole ledger, by database of the server.
#[derive(Debug, Clone, Default)]
pub struct Books(pub(super) BTreeMap<String, Book>);

impl Books {
    /// Reads the lines from first to last.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut books = Self::default();
        for entry in entries {
            let book = books.0.entry(entry.database.clone()).or_default();
            book.enter(entry);
        }
        books
    }

    /// Commits that the application was told are done.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.0.values().map(|book| book.done.len() as u64).sum()
    }

    /// Commits of which it never learned.
    #[must_use]
    pub fn unsure(&self) -> u64 {
        self.0.values().map(|book| book.unsure.len() as u64).sum()
    }
}

impl Book {
    fn enter(&mut self, entry: &Entry) {
        let key = (entry.writer, entry.number);
        let commit = Commit {
            action: entry.action,
            row: entry.row,
            version: entry.version,
        };
        match entry.event {
            Event::Try => {
                self.unsure.insert(key, commit);
            }
            Event::Ack | Event::Found => {
                self.unsure.remove(&key);
                self.done.insert(key, commit);
            }
            Event::Gone => {
                self.unsure.remove(&key);
                self.gone.insert(entry.row, key);
            }
            // It is tried again, or the writer was stopped before it was.
            Event::Absent => {}
        }
    }
}
