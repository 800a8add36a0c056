//! Hosted zones of Route 53.

use crate::Error;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// It leads to another name.
    Cname,
    /// It has addresses, or is an alias.
    Address,
}

/// The records of one name and kind that are told apart by their set identifier. Names and targets have no final dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// What it is.
    pub kind: RecordKind,
    /// What tells it apart, where it is weighted.
    pub set_identifier: Option<String>,
    /// Its weight, 0 to 255.
    pub weight: Option<u8>,
    /// Seconds for which clients may keep the answer.
    pub ttl: Option<u32>,
    /// Where it leads.
    pub targets: Vec<String>,
    /// Its health check.
    pub health_check: Option<String>,
}

impl RecordSet {
    /// A plain CNAME.
    #[must_use]
    pub fn cname(target: &str, ttl: u32) -> Self {
        Self {
            kind: RecordKind::Cname,
            set_identifier: None,
            weight: None,
            ttl: Some(ttl),
            targets: vec![target.to_owned()],
            health_check: None,
        }
    }
}

/// One change of a record. A batch of them happens as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// Make the record so, whether it is there or not.
    Upsert(RecordSet),
    /// Remove the record, which is exactly so.
    Delete(RecordSet),
}

/// The account's hosted zones.
pub trait Zones {
    /// The ids of the hosted zones with exactly this name: a public and private ones may share it.
    ///
    /// # Errors
    ///
    /// If Route 53 can't be asked.
    async fn zones(&self, name: &str) -> Result<Vec<String>, Error>;

    /// The records of a name that route clients; others, such as TXT, are left out.
    ///
    /// # Errors
    ///
    /// If Route 53 can't be asked.
    async fn records(&self, zone: &str, name: &str) -> Result<Vec<RecordSet>, Error>;

    /// Changes records of one name in one batch. Returns the change's id while not every nameserver has it.
    ///
    /// # Errors
    ///
    /// If Route 53 refuses, or its answer is lost; look before calling again.
    async fn change(&self, zone: &str, name: &str, edits: &[Edit])
    -> Result<Option<String>, Error>;

    /// Whether every nameserver has a change.
    ///
    /// # Errors
    ///
    /// If Route 53 can't be asked.
    async fn is_everywhere(&self, change: &str) -> Result<bool, Error>;
}
