//! A plain CNAME: it leads to one host, and moves at once.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name under which the application writes, where it has one of its own: a plain CNAME that leads to the writer. The
/// switchover needs it for nothing, since green takes blue's name over. The failback does: old blue has another name then, and
/// an instance is renamed in minutes, a record in a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// The hosted zone's id, without `/hostedzone/`.
    pub zone: String,
    /// The name, without a final dot.
    pub name: String,
    /// The host that it leads to, without a final dot.
    pub target: String,
    /// Seconds for which clients may keep the answer.
    pub ttl: u32,
}

impl Pointer {
    /// The same record, leading to another host.
    #[must_use]
    pub fn to(&self, target: &str) -> Self {
        Self {
            target: target.to_owned(),
            ..self.clone()
        }
    }

    pub(super) fn translated(&self, hosts: &BTreeMap<String, String>) -> Self {
        self.to(hosts.get(&self.target).unwrap_or(&self.target))
    }
}
