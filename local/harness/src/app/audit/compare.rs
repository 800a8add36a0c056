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
    Finding {
        kind,
        database: database.to_owned(),
        what,
    }
}

fn events(book: &Book, contents: &Contents) -> Vec<(Kind, String)> {
    let mut found = Vec::new();
    let mut note = |kind, what| found.push((kind, what));
    for (key, commit) in &book.done {
        let name = name(*key);
        match contents.events.get(key) {
            None => note(
                Kind::Lost,
                format!("{name} was acknowledged and is not there"),
            ),
            Some(there) if there.iter().any(|one| one != commit) => {
                let what = format!("{name} did {commit:?}, but {there:?} is there");
                note(Kind::Wrong, what);
            }
            Some(_) => {}
        }
    }
    for (key, there) in &contents.events {
        let name = name(*key);
        if !book.done.contains_key(key) && !book.unsure.contains_key(key) {
            note(Kind::Stray, format!("{name} is there and no writer did it"));
        }
        for _ in there.iter().skip(1) {
            note(Kind::Doubled, format!("{name} is there more than once"));
        }
    }
    found
}

fn rows(book: &Book, contents: &Contents) -> Vec<(Kind, String)> {
    let expected = expected_rows(book, contents);
    let mut found = Vec::new();
    let mut note = |kind, what| found.push((kind, what));
    for (row, (key, commit)) in &expected {
        if !contents.events.contains_key(key) {
            // The event's own absence was reported.
            continue;
        }
        let (name, wanted) = (name(*key), commit.version);
        match (commit.action, contents.rows.get(row)) {
            (Action::Remove, None) => {}
            (Action::Remove, Some(_)) => {
                note(Kind::Wrong, format!("row {row} was removed by {name}"));
            }
            (_, None) => note(Kind::Lost, format!("row {row} of {name} is not there")),
            (_, Some(is)) if *is != wanted => {
                let what =
                    format!("row {row} is at version {is}, not at {wanted} as {name} left it");
                note(Kind::Wrong, what);
            }
            _ => {}
        }
    }
    for row in contents.rows.keys() {
        if !expected.contains_key(row) {
            note(
                Kind::Stray,
                format!("row {row} is there and no writer placed it"),
            );
        }
    }
    for (row, key) in &book.gone {
        if contents.rows.contains_key(row) {
            let what = format!("row {row} was not as it should be for {}", name(*key));
            note(Kind::Wrong, what);
        }
    }
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
    let commits = new.events.values().flatten();
    let explained: HashSet<_> = commits.map(|it| (it.row, it.version)).collect();
    let is_stray = |(row, version): &(&i64, &i32)| !explained.contains(&(**row, **version));
    let keys = old.events.keys();
    let events = keys.filter(|key| !new.events.contains_key(key));
    let rows = old.rows.iter().filter(is_stray);
    let events = events.map(|key| format!("{} is on old only", name(*key)));
    let rows = rows.map(|(row, version)| format!("version {version} of row {row} is on old only"));
    events.chain(rows).collect()
}

fn name((writer, number): Key) -> String {
    format!("commit {number} of writer {writer}")
}
