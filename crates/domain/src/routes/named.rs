//! What a person or a tag names as a route, before anybody has looked for it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Reads, which ramp.
    Reads,
    /// Writes, which move once.
    Writes,
}

/// A route by its name, as a request has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Named {
    /// A DNS name: weighted records for reads, a plain CNAME for writes.
    Record {
        /// Such as `orders-reads.example.com`.
        record: String,
    },
}

impl From<&str> for Named {
    /// By its shape, as tags have it.
    fn from(name: &str) -> Self {
        Self::Record {
            record: name.to_owned(),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { record } => f.write_str(record),
        }
    }
}

impl Named {
    /// What to do about one that can't be used.
    #[must_use]
    pub const fn remedy(&self, traffic: Traffic) -> &'static str {
        match (self, traffic) {
            (Self::Record { .. }, Traffic::Reads) => {
                "let the name have weighted CNAME records in Route 53 and no others, each leading to an endpoint of this database's instances, or correct it"
            }
            (Self::Record { .. }, Traffic::Writes) => {
                "let the name be one plain CNAME that leads to the writer's endpoint, or correct it"
            }
        }
    }
}
