//! The pair of the floor: four servers as RDS would have made them, and the names that lead to them.

use crate::app::schema::{self, Seed};
use crate::app::{Doors, PASSWORD};
use crate::shop::{DATABASE, OURS, READS, REPLICA, WRITES};
use anyhow::Result;
use local_aws::dns::{self, Nameserver, Record, Target};
use local_rds::host_name;
use local_rds::postgres::dial::{Address, trusting};
use local_rds::postgres::link::{self, Link};
use local_rds::postgres::{Host, Server, ServerSpec, clone, roles, upgrade};
use std::collections::BTreeMap;
use std::path::Path;

/// What the forward link's publication is called on blue.
const FORWARD: &str = "floor_forward";
/// Seconds for which clients may keep where a name of the shop leads; an endpoint's own answer may not be kept at all.
const TTL: u32 = 1;

/// Green, and what carries blue's databases to it.
pub(super) struct Green {
    pub(super) writer: Server,
    pub(super) replica: Server,
    pub(super) links: Vec<Link>,
}

/// The servers and their names.
pub(super) struct Site {
    host: Host,
    names: Nameserver,
    _serving: dns::Serving,
    pub(super) blue: Server,
    pub(super) blue_replica: Server,
    pub(super) doors: Doors,
    pub(super) seeds: Vec<Seed>,
}

impl Site {
    /// Blue with its replica and its tables, and nothing yet of green.
    pub(super) async fn create(
        folder: &Path,
        rows: u32,
        say: &(dyn Fn(&str) + Sync),
    ) -> Result<Self> {
        say("starting PostgreSQL 16.14");
        let host = Host::alone(folder)?;
        let names = Nameserver::default();
        let address = host.network.nameserver()?;
        let serving = dns::serve(names.clone(), address).await?;
        names.load("shop.test", records());
        let blue = host.create(spec("blue", DATABASE)).await?;
        roles::furnish(&blue, OURS, PASSWORD, Some(DATABASE)).await?;
        lead(&names, DATABASE, &blue);
        let doors = doors(&host, address.into(), &blue)?;
        say("filling it");
        let seeds = schema::install(&doors, DATABASE, OURS, rows).await?;
        let blue_replica = host
            .replica_of(&blue, spec("blue-replica", REPLICA))
            .await?;
        lead(&names, REPLICA, &blue_replica);
        Ok(Self {
            host,
            names,
            _serving: serving,
            blue,
            blue_replica,
            doors,
            seeds,
        })
    }

    /// Green as RDS makes it: a copy of blue as of a slot's position, `pg_upgrade`, subscriptions, a replica; and with
    /// statistics, which Viridian sees to.
    pub(super) async fn make_green(&self) -> Result<Green> {
        let spec_of_green = spec("green", DATABASE);
        let green = self.host.copy_of(&self.blue, spec_of_green).await?;
        let (links, position) = link::prepare(&self.blue, FORWARD).await?;
        clone::to_position(&green, &self.blue, &position).await?;
        upgrade::to_version(&self.host, &green, "18.4").await?;
        link::subscribe(&self.blue, &green, FORWARD, &links).await?;
        for link in &links {
            let session = link::session(&green, &link.database).await?;
            session.batch_execute("ANALYZE").await?;
        }
        let replica = self
            .host
            .replica_of(&green, spec("green-replica", REPLICA))
            .await?;
        Ok(Green {
            writer: green,
            replica,
            links,
        })
    }

    /// From now on, a client that asks for the writer comes to this server.
    pub(super) fn lead_writes(&self, server: &Server) {
        lead(&self.names, DATABASE, server);
    }

    /// From now on, reads come to this server.
    pub(super) fn lead_reads(&self, server: &Server) {
        lead(&self.names, REPLICA, server);
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.host.keeper.shutdown().await
    }
}

fn lead(names: &Nameserver, instance: &str, server: &Server) {
    names.register(&host_name(instance), *server.address().ip(), 0);
}

/// The shop's own names, which lead to endpoints.
fn records() -> Vec<Record> {
    let records = [(WRITES, DATABASE), (READS, REPLICA)].map(|(name, instance)| Record {
        name: name.to_owned(),
        target: Target::Name(host_name(instance)),
        ttl: TTL,
        weight: None,
    });
    records.to_vec()
}

fn spec(id: &str, instance: &str) -> ServerSpec {
    let logical = ("wal_level".to_owned(), "logical".to_owned());
    ServerSpec {
        id: id.to_owned(),
        version: "16.14".to_owned(),
        names: vec![host_name(instance)],
        parameters: BTreeMap::from([logical]),
    }
}

fn doors(host: &Host, nameserver: std::net::SocketAddr, blue: &Server) -> Result<Doors> {
    let port = blue.address().port();
    Ok(Doors {
        writer: Address::name(WRITES, nameserver, port),
        reader: Address::name(READS, nameserver, port),
        tls: trusting(host.authority.ca_pem())?,
    })
}
