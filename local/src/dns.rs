//! The nameserver of a platform: the endpoints of RDS, and the customer's zone as Route 53 holds it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

/// The names that a platform answers. Changes take effect at once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Nameserver {
    endpoints: Arc<RwLock<HashMap<String, Endpoint>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Endpoint {
    ip: Ipv4Addr,
    ttl: u32,
}

impl Nameserver {
    /// From now on `name` leads to `ip`; resolvers may keep that for `ttl` seconds.
    pub fn register(&self, name: &str, ip: Ipv4Addr, ttl: u32) {
        self.write().insert(canonical(name), Endpoint { ip, ttl });
    }

    /// The endpoint `from` is called `to` from now on. Tells whether there was one.
    #[must_use]
    pub fn rename(&self, from: &str, to: &str) -> bool {
        let mut endpoints = self.write();
        let endpoint = endpoints.remove(&canonical(from));
        endpoint.is_some_and(|endpoint| {
            endpoints.insert(canonical(to), endpoint);
            true
        })
    }

    /// From now on there is no such name.
    pub fn remove(&self, name: &str) {
        self.write().remove(&canonical(name));
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, Endpoint>> {
        self.endpoints
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names are compared without regard to case, and a last dot means nothing.
fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
