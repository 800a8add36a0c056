//! Ledger against database, and new against old.

use super::books::{Book, Books, Commit, Key};
use super::contents::Contents;
use super::{Finding, Kind};
use crate::app::ledger::Action;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the database holds of each database of the server.
type Server = BTreeMap<&'static str, Contents>;

/// A row as it must be: its last commit, and whose.
type Rows = HashMap<i64, (Key, Commit)>;

/// Everything in which the server differs from the ledger.
pub(super) fn with_ledger(books: &Books, server: &Server) -> Vec<Finding> {
    let empty = Book::default();
    let each = server.iter().flat_map(|(database, contents)| {
        let book = books.0.get(*database).unwrap_or(&empty);
        let found = events(book, contents)
            .into_iter()
            .chain(rows(book, contents));
        found.map(|(kind, what)| finding(kind, database, what))
    });
    each.collect()
}

/// Everything that old holds and new does not.
pub(super) fn with_old(new: &Server, old: &Server) -> Vec<Finding> {
    let nothing = Contents::default();
    let each = old.iter().flat_map(|(database, old)| {
        let new = new.get(database).unwrap_or(&nothing);
        left_behind(new, old)
            .into_iter()
            .map(|what| finding(Kind::Stray, database, what))
    });
    each.collect()
}

fn finding(kind: Kind, database: &str, what: String) -> Finding {
    let database = database.to_owned();
    Finding {
        kind,
        database,
        what,
    }
}

fn events(book: &Book, contents: &Contents) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    for (key, commit) in &book.done {
        match contents.events.get(key) {
            None => found.push((
                Kind::Lost,
                format!("{} was acknowledged and is not there", name(*key)),
            )),
            Some(there) if there.iter().any(|one| one != commit) => {
                found.push((
                    Kind::Wrong,
                    format!("{} did {commit:?}, but {there:?} is there", name(*key)),
                ));
            }
            Some(_) => {}
        }
    }
    for (key, there) in &contents.events {
        if !book.done.contains_key(key) && !book.unsure.contains_key(key) {
            found.push((
                Kind::Stray,
                format!("{} is there and nobody did it", name(*key)),
            ));
        }
        let again = there.iter().skip(1);
        found.extend(again.map(|_| {
            (
                Kind::Doubled,
                format!("{} is there more than once", name(*key)),
            )
        }));
    }
    found
}

fn rows(book: &Book, contents: &Contents) -> Vec<(Kind, String)> {
    let expected = expected_rows(book, contents);
    let mut found = Vec::new();
    for (row, (key, commit)) in &expected {
        if !contents.events.contains_key(key) {
            // The event's own absence was reported.
            continue;
        }
        let there = contents.rows.get(row);
        match (commit.action, there) {
            (Action::Remove, None) => {}
            (Action::Remove, Some(_)) => found.push((
                Kind::Wrong,
                format!("row {row} was removed by {}", name(*key)),
            )),
            (_, None) => found.push((
                Kind::Lost,
                format!("row {row} of {} is not there", name(*key)),
            )),
            (_, Some(version)) if *version != commit.version => found.push((
                Kind::Wrong,
                format!(
                    "row {row} is at version {version}, not at {} as {} left it",
                    commit.version,
                    name(*key)
                ),
            )),
            _ => {}
        }
    }
    let unknown = contents
        .rows
        .keys()
        .filter(|row| !expected.contains_key(row));
    found.extend(unknown.map(|row| {
        (
            Kind::Stray,
            format!("row {row} is there and nobody placed it"),
        )
    }));
    let right = book
        .gone
        .iter()
        .filter(|(row, _)| contents.rows.contains_key(row));
    found.extend(right.map(|(row, key)| {
        (
            Kind::Wrong,
            format!("row {row} was not as it should be for {}", name(*key)),
        )
    }));
    found
}

/// Each row's last commit. A commit of unknown outcome counts if the database has it.
fn expected_rows(book: &Book, contents: &Contents) -> Rows {
    let unsure = book
        .unsure
        .keys()
        .filter_map(|key| Some((key, contents.events.get(key)?.first()?)));
    let mut commits: Vec<(&Key, &Commit)> = book.done.iter().chain(unsure).collect();
    commits.sort_by_key(|(key, _)| **key);
    commits
        .into_iter()
        .map(|(key, commit)| (commit.row, (*key, *commit)))
        .collect()
}

/// Events that only old has, and versions of rows that no event on new explains.
fn left_behind(new: &Contents, old: &Contents) -> Vec<String> {
    let explained: HashSet<(i64, i32)> = new
        .events
        .values()
        .flatten()
        .map(|commit| (commit.row, commit.version))
        .collect();
    let events = old
        .events
        .keys()
        .filter(|key| !new.events.contains_key(key));
    let rows = old
        .rows
        .iter()
        .filter(|(row, version)| !explained.contains(&(**row, **version)));
    let events = events.map(|key| format!("{} is on old only", name(*key)));
    let rows = rows.map(|(row, version)| format!("version {version} of row {row} is on old only"));
    events.chain(rows).collect()
}

fn name((writer, number): Key) -> String {
    format!("commit {number} of writer {writer}")
}
