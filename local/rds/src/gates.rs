//! The gates by which IAM's tokens let in: one before the server of each instance that has IAM database authentication on.

use super::Rds;
use crate::postgres::Server;
use crate::postgres::gate::{Gate, Iam, Keys};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// The gates, by the servers' ids.
pub(super) struct Gates {
    iam: Arc<Iam>,
    open: Mutex<BTreeMap<String, Gate>>,
}

impl Gates {
    pub(super) fn new(keys: Keys) -> Self {
        Self {
            iam: Arc::new(Iam::new(keys)),
            open: Mutex::default(),
        }
    }
}

impl Rds {
    /// Opens or closes the gate before a server. Where it leads is for [`Rds::publish_name`] to say.
    pub(super) fn set_gate(&self, server: &Server, wanted: bool) -> anyhow::Result<()> {
        let gates = &self.shared.gates;
        let mut open = gates.open.lock();
        if !wanted {
            open.remove(server.id());
        } else if !open.contains_key(server.id()) {
            let gate = Gate::open(server, gates.iam.clone())?;
            open.insert(server.id().to_owned(), gate);
        }
        Ok(())
    }

    /// Where clients find a server: at its gate, if it has one.
    pub(super) fn front(&self, server: &Server) -> Ipv4Addr {
        let open = self.shared.gates.open.lock();
        let gate = open.get(server.id()).map(Gate::address);
        *gate.unwrap_or_else(|| server.address()).ip()
    }

    /// The server that clients find at an address.
    #[must_use]
    pub fn server_at(&self, address: Ipv4Addr) -> Option<Server> {
        let mut servers = self.servers().into_iter();
        servers.find(|server| self.front(server) == address)
    }

    /// Whether the gates can ask IAM about no token from now on.
    pub fn set_iam_away(&self, away: bool) {
        self.shared.gates.iam.set_away(away);
    }

    /// Why the gates have refused tokens, in order for each server.
    #[must_use]
    pub fn refused_tokens(&self) -> Vec<String> {
        let open = self.shared.gates.open.lock();
        open.values().flat_map(Gate::refusals).collect()
    }
}
