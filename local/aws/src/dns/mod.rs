//! The nameserver of a platform: the endpoints of RDS, and the customer's zones as Route 53 holds them.

mod server;
mod zone;

pub use server::{Serving, serve};
pub use zone::{Record, Target, records_of};

use parking_lot::RwLock;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use zone::Zone;

/// Where the endpoints of RDS are.
pub const ENDPOINTS: &str = "rds.test";

/// The longest chain of names that is followed.
const CHAIN: usize = 8;

/// The names that a platform answers. Changes take effect at once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Nameserver {
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    endpoints: HashMap<String, Record>,
    zones: HashMap<String, Zone>,
}

/// What is known about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The steps to its address; none if it exists without one.
    Steps(Vec<Record>),
    /// The steps to a name in one of our zones that doesn't exist.
    Missing(Vec<Record>),
    /// The name is in none of our zones.
    Foreign,
}

impl Found {
    /// The address at the end of the steps, if they come to one.
    #[must_use]
    pub fn address(&self) -> Option<Ipv4Addr> {
        let Self::Steps(steps) = self else {
            return None;
        };
        match steps.last()?.target {
            Target::Address(ip) => Some(ip),
            Target::Name(_) => None,
        }
    }
}

impl Nameserver {
    /// From now on `name` leads to `ip`; resolvers may keep that for `ttl` seconds.
    pub fn register(&self, name: &str, ip: Ipv4Addr, ttl: u32) {
        let name = canonical(name);
        let endpoint = Record {
            name: name.clone(),
            target: Target::Address(ip),
            ttl,
            weight: None,
        };
        self.known.write().endpoints.insert(name, endpoint);
    }

    /// From now on there is no such name.
    pub fn remove(&self, name: &str) {
        self.known.write().endpoints.remove(&canonical(name));
    }

    /// From now on the zone `name` has these records and no others.
    pub fn load(&self, name: &str, records: Vec<Record>) {
        let (name, zone) = (canonical(name), Zone::new(records));
        self.known.write().zones.insert(name, zone);
    }

    /// Where `name` leads now; weighted records are drawn by `draw`, which picks a number below its argument.
    pub fn find(&self, name: &str, draw: &mut dyn FnMut(u64) -> u64) -> Found {
        let known = self.known.read();
        let mut name = canonical(name);
        let mut steps = Vec::new();
        for _ in 0..CHAIN {
            let zone = known.zone_of(&name);
            let endpoint = known.endpoints.get(&name);
            let Some(record) = endpoint.or_else(|| zone?.pick(&name, draw)) else {
                return match zone {
                    Some(zone) if zone.has(&name) => Found::Steps(steps),
                    Some(_) => Found::Missing(steps),
                    None => known.outside(&name, steps),
                };
            };
            steps.push(record.clone());
            match &record.target {
                Target::Address(_) => return Found::Steps(steps),
                Target::Name(next) => name = canonical(next),
            }
        }
        Found::Steps(steps)
    }
}

impl Known {
    fn zone_of(&self, name: &str) -> Option<&Zone> {
        let zones = self.zones.iter().filter(|(zone, _)| is_in(name, zone));
        let longest = zones.max_by_key(|(zone, _)| zone.len());
        longest.map(|(_, zone)| zone)
    }

    fn outside(&self, name: &str, steps: Vec<Record>) -> Found {
        if is_in(name, ENDPOINTS) {
            let below = format!(".{name}");
            let mut endpoints = self.endpoints.keys();
            return if endpoints.any(|endpoint| endpoint.ends_with(&below)) {
                Found::Steps(steps)
            } else {
                Found::Missing(steps)
            };
        }
        if steps.is_empty() {
            Found::Foreign
        } else {
            Found::Steps(steps)
        }
    }
}

fn is_in(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Names are compared without regard to case, and a last dot means nothing.
fn canonical(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLUE: Ipv4Addr = Ipv4Addr::new(127, 83, 1, 10);
    const GREEN: Ipv4Addr = Ipv4Addr::new(127, 83, 1, 11);

    fn weighted(target: &str, weight: u64) -> Record {
        Record {
            name: "reads.shop.test".to_owned(),
            target: Target::Name(target.to_owned()),
            ttl: 1,
            weight: Some(weight),
        }
    }

    fn reads(blue: u64, green: u64) -> Nameserver {
        let names = Nameserver::default();
        names.register("blue.rds.test", BLUE, 5);
        names.register("green.rds.test", GREEN, 5);
        let (blue, green) = (
            weighted("blue.rds.test", blue),
            weighted("green.rds.test.", green),
        );
        names.load("shop.test.", vec![blue, green]);
        names
    }

    /// How many of all possible draws lead to green.
    fn share_of_green(names: &Nameserver, draws: u64) -> usize {
        let led = |number: u64| names.find("Reads.Shop.test.", &mut |below| number % below);
        let leads_to_green = |found: &Found| found.address() == Some(GREEN);
        (0..draws).map(led).filter(leads_to_green).count()
    }

    #[test]
    fn the_shares_of_a_weighted_name_are_its_weights() {
        assert_eq!(share_of_green(&reads(90, 10), 100), 10);
        assert_eq!(share_of_green(&reads(0, 100), 100), 100);
        assert_eq!(share_of_green(&reads(100, 0), 100), 0);
    }

    #[test]
    fn without_any_weight_the_shares_are_equal() {
        assert_eq!(share_of_green(&reads(0, 0), 100), 50);
    }

    #[test]
    fn a_name_outside_our_zones_is_foreign_and_an_unknown_name_inside_is_missing() {
        let names = reads(1, 1);
        assert_eq!(names.find("example.com", &mut |_| 0), Found::Foreign);
        assert_eq!(names.find("notshop.test", &mut |_| 0), Found::Foreign);
        assert_eq!(
            names.find("nothing.shop.test", &mut |_| 0),
            Found::Missing(Vec::new())
        );
        assert_eq!(names.find("test", &mut |_| 0), Found::Foreign);
        assert_eq!(names.find("rds.test", &mut |_| 0), Found::Steps(Vec::new()));
    }
}
