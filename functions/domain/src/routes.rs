//! Weighted records: where reads go.

use serde::{Deserialize, Serialize};

/// A weighted DNS name and its records, as they were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The hosted zone's id, without `/hostedzone/`.
    pub zone: String,
    /// The name, without a final dot.
    pub name: String,
    /// Its weighted CNAME records.
    pub records: Vec<Weighted>,
}

/// One weighted record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighted {
    /// Tells the records of one name apart.
    pub set_identifier: String,
    /// The host that it leads to, without a final dot.
    pub target: String,
    /// 0 to 255; 0 is never, unless all are 0, which is an equal split.
    pub weight: u8,
    /// Seconds for which clients may keep the answer.
    pub ttl: u32,
}
