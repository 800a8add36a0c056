//! The ledger: what the application did and what it was told, in a file apart from the databases.
//!
//! One line per event, appended by one write and never buffered, so that no crash but the machine's own can lose a
//! line. The columns, separated by tabs:
//!
//! ```text
//! microseconds  writer  number  event  side  database  action  row  version
//! ```
//!
//! `try` comes before the database is asked and `ack` after it has acknowledged the commit. A commit whose outcome is
//! unknown is looked up: `found` or `absent`. `gone` is a row that was acknowledged earlier and is not there any more.

use anyhow::{Context, Result, anyhow};
use domain::fence::Side;
use local_aws::words::{variant, word};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::str::FromStr;

/// The heading of a ledger, for a person who opens the file.
const HEADING: &str =
    "# microseconds\twriter\tnumber\tevent\tside\tdatabase\taction\trow\tversion\n";

/// What happened to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The database is about to be asked.
    Try,
    /// The database acknowledged the commit.
    Ack,
    /// The database did not answer; the commit was found when it was looked up.
    Found,
    /// The database did not answer; the commit was not there, so it is repeated.
    Absent,
    /// The row that was to be changed is not as it was acknowledged.
    Gone,
}

/// What a commit does to a versioned row; the ledger and the database have the same words for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A new row, version 1.
    Place,
    /// The next version of a row.
    Change,
    /// The end of a row.
    Remove,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Microseconds since the application started, on its one monotonic clock.
    pub at: u64,
    /// Who.
    pub writer: i32,
    /// The writer's own number of the commit, from 1, without gaps.
    pub number: i64,
    /// What happened.
    pub event: Event,
    /// The side that answered, as far as the client knows.
    pub side: Side,
    /// The database of the server.
    pub database: String,
    /// What the commit does.
    pub action: Action,
    /// The row's key; 0 while the database has not given one.
    pub row: i64,
    /// The row's version after the commit.
    pub version: i32,
}

/// Appends lines. Each writer has its own handle of the one file.
#[derive(Debug)]
pub struct Ledger(File);

impl Ledger {
    /// Begins a ledger.
    ///
    /// # Errors
    /// When the file can't be made.
    pub fn create(path: &Path) -> Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(path);
        let mut file = file.with_context(|| format!("making {}", path.display()))?;
        file.write_all(HEADING.as_bytes())?;
        Ok(Self(file))
    }

    /// Another handle of the same file.
    ///
    /// # Errors
    /// When the operating system has none left.
    pub fn share(&self) -> Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Appends a line by one write.
    ///
    /// # Errors
    /// When the file can't be written, after which nothing must be claimed any more.
    pub fn write(&mut self, entry: &Entry) -> Result<()> {
        let line = entry.to_line();
        self.0
            .write_all(line.as_bytes())
            .context("writing the ledger")
    }
}

/// Reads a ledger. A last line that was cut off in the middle is left out.
///
/// # Errors
/// When the file can't be read or a line is none.
pub fn read(path: &Path) -> Result<Vec<Entry>> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let lines = whole.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            line.parse()
                .with_context(|| format!("the ledger's line `{line}`"))
        })
        .collect()
}

impl Entry {
    fn to_line(&self) -> String {
        let Self {
            at, writer, number, ..
        } = self;
        let (event, side) = (word(self.event), word(self.side));
        let (database, action) = (&self.database, word(self.action));
        let (row, version) = (self.row, self.version);
        format!(
            "{at}\t{writer}\t{number}\t{event}\t{side}\t{database}\t{action}\t{row}\t{version}\n"
        )
    }
}

impl FromStr for Entry {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let [
            at,
            writer,
            number,
            event,
            side,
            database,
            action,
            row,
            version,
        ] = fields[..]
        else {
            return Err(anyhow!("{} columns where 9 belong", fields.len()));
        };
        Ok(Self {
            at: at.parse()?,
            writer: writer.parse()?,
            number: number.parse()?,
            event: variant(event)?,
            side: variant(side)?,
            database: database.to_owned(),
            action: variant(action)?,
            row: row.parse()?,
            version: version.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_survives_its_text_and_a_cut_line_is_left_out() {
        let entry = Entry {
            at: 17,
            writer: 3,
            number: 42,
            event: Event::Found,
            side: Side::Green,
            database: "orders".to_owned(),
            action: Action::Change,
            row: 99,
            version: 2,
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.tsv");
        Ledger::create(&path).unwrap().write(&entry).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"18\t3\t4").unwrap();
        assert_eq!(read(&path).unwrap(), vec![entry]);
    }
}
