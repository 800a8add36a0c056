//! What a person or a tag names as a route, before it is looked up.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Default interval at which clients poll a parameter, in seconds.
pub const POLL_SECONDS: u32 = 30;

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
    /// A parameter of Systems Manager that clients poll.
    Parameter {
        /// Such as `/orders/reads`.
        parameter: String,
        /// Seconds within which every client looks at it again. Default 30.
        #[serde(default = "poll_seconds")]
        poll_seconds: u32,
    },
    /// A TCP listener of a Network Load Balancer.
    Listener {
        /// Its ARN.
        listener: String,
    },
}

const fn poll_seconds() -> u32 {
    POLL_SECONDS
}

impl From<&str> for Named {
    /// By its shape, as tags have it: a parameter begins with `/`, a listener with `arn:`.
    fn from(name: &str) -> Self {
        if name.starts_with('/') {
            Self::Parameter {
                parameter: name.to_owned(),
                poll_seconds: POLL_SECONDS,
            }
        } else if name.starts_with("arn:") {
            Self::Listener {
                listener: name.to_owned(),
            }
        } else {
            Self::Record {
                record: name.to_owned(),
            }
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { record } => f.write_str(record),
            Self::Parameter { parameter, .. } => f.write_str(parameter),
            Self::Listener { listener } => f.write_str(listener),
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
            (Self::Parameter { .. }, Traffic::Reads) => {
                "let it be a parameter of the type String whose value has the endpoints of this database's instances where clients read, or correct the name"
            }
            (Self::Parameter { .. }, Traffic::Writes) => {
                "let it be a parameter of the type String whose value has the writer's endpoint, or correct the name"
            }
            (Self::Listener { .. }, Traffic::Reads) => {
                "let it be a TCP listener of a Network Load Balancer that forwards to target groups of the type ip, with no targets but this database's instances, or correct the ARN"
            }
            (Self::Listener { .. }, Traffic::Writes) => {
                "let it be a TCP listener of a Network Load Balancer that forwards to one target group of the type ip, with no target but the writer, or correct the ARN"
            }
        }
    }
}
