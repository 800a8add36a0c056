//! The platform's own piece of the loopback network, `127.83.N.0/24`, so that several platforms can run at once.
//!
//! The listening socket on `127.83.N.1:8383` is the lock: the process that binds it owns the piece until it dies.

use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

const GATEWAY_PORT: u16 = 8383;
const FIRST_SERVER: u8 = 10;
const LAST_SERVER: u8 = 250;
/// Never handed out, so it can't be bound only when a process listens on all addresses.
const PROBE: u8 = 254;

/// One platform's addresses. Clones share them.
#[derive(Clone, Debug)]
pub struct Network(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    number: u8,
    gateway: TcpListener,
    postgres_port: u16,
    leases: Mutex<Leases>,
}

#[derive(Debug, Default)]
struct Leases {
    taken: BTreeSet<u8>,
    last: u8,
}

/// An address for one PostgreSQL server; free again when dropped.
#[derive(Debug)]
pub struct Lease {
    network: Network,
    host: u8,
}

impl Network {
    /// Takes the first piece of the network that is free.
    ///
    /// # Errors
    /// When there is none, with what to do about it.
    pub fn claim() -> Result<Self> {
        for number in 1..=250 {
            let address = (Ipv4Addr::new(127, 83, number, 1), GATEWAY_PORT);
            let Ok(gateway) = TcpListener::bind(address) else {
                continue;
            };
            let postgres_port = free_port(Ipv4Addr::new(127, 83, number, PROBE), 5432)?;
            let leases = Mutex::default();
            return Ok(Self(Arc::new(Inner {
                number,
                gateway,
                postgres_port,
                leases,
            })));
        }
        bail!(
            "no address from 127.83.1.1 to 127.83.250.1 has port {GATEWAY_PORT} free: \
             see who listens there with `ss -ltnp 'sport = :{GATEWAY_PORT}'` (Linux gives a process all of 127.0.0.0/8)"
        )
    }

    /// The listening socket of the gateway, to be served.
    ///
    /// # Errors
    /// When the operating system refuses another handle of it.
    pub fn gateway_listener(&self) -> Result<TcpListener> {
        let shared = self.0.gateway.try_clone();
        shared.context("sharing the gateway's socket")
    }

    /// Where all AWS services answer.
    #[must_use]
    pub fn gateway(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.ip(1), GATEWAY_PORT)
    }

    /// Where the nameserver is to listen, UDP and TCP: port 5353, or another one when that is taken.
    ///
    /// # Errors
    /// When no port is free.
    pub fn nameserver(&self) -> Result<SocketAddrV4> {
        Ok(SocketAddrV4::new(self.ip(1), free_port(self.ip(1), 5353)?))
    }

    /// Where moto is to listen: port 5000, or another one when that is taken.
    ///
    /// # Errors
    /// When no port is free.
    pub fn moto(&self) -> Result<SocketAddrV4> {
        Ok(SocketAddrV4::new(self.ip(2), free_port(self.ip(2), 5000)?))
    }

    /// An address for a PostgreSQL server. All servers of a platform have one port: 5432, or another one
    /// when a process on this machine listens there on all addresses.
    ///
    /// # Errors
    /// When all addresses are in use.
    pub fn lease(&self) -> Result<Lease> {
        let mut leases = self.0.leases.lock();
        let (number, port) = (self.0.number, self.0.postgres_port);
        let after_last = (FIRST_SERVER..=LAST_SERVER).filter(|host| *host > leases.last);
        let mut hosts = after_last.chain(FIRST_SERVER..=LAST_SERVER);
        let free = hosts.find(|it| !leases.taken.contains(it) && can_listen(self.ip(*it), port));
        let none = || format!("no address in 127.83.{number}.0/24 is free for another server");
        let free = free.with_context(none)?;
        leases.taken.insert(free);
        leases.last = free;
        Ok(Lease {
            network: self.clone(),
            host: free,
        })
    }

    fn ip(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(127, 83, self.0.number, host)
    }
}

impl Lease {
    /// Where the server is to listen.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.network.ip(self.host), self.network.0.postgres_port)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.network.0.leases.lock().taken.remove(&self.host);
    }
}

/// The wished-for port, or the nearest above it on which one can listen.
fn free_port(ip: Ipv4Addr, wished: u16) -> Result<u16> {
    (wished..wished + 100)
        .find(|port| can_listen(ip, *port))
        .with_context(|| format!("no port from {wished} to {} is free on {ip}", wished + 99))
}

fn can_listen(ip: Ipv4Addr, port: u16) -> bool {
    TcpListener::bind((ip, port)).is_ok() && UdpSocket::bind((ip, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_platforms_have_different_addresses() {
        let (one, two) = (Network::claim().unwrap(), Network::claim().unwrap());
        assert_ne!(one.gateway(), two.gateway());
        let (one, two) = (one.lease().unwrap(), two.lease().unwrap());
        assert_ne!(one.address(), two.address());
    }

    #[test]
    fn an_address_is_never_handed_out_twice_while_it_is_held() {
        let network = Network::claim().unwrap();
        let held: Vec<Lease> = (0..20).map(|_| network.lease().unwrap()).collect();
        let addresses: BTreeSet<SocketAddrV4> = held.iter().map(Lease::address).collect();
        assert_eq!(addresses.len(), held.len());
    }

    #[test]
    fn a_port_in_use_on_all_addresses_is_left_alone() {
        let foreign = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let taken = foreign.local_addr().unwrap().port();
        let free = free_port(Ipv4Addr::new(127, 83, 251, 1), taken);
        assert_ne!(free.unwrap(), taken);
    }
}
