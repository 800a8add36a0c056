//! The ways by which the application's readers find their server, a file each: how one is made, what a person says of it in the
//! request, and what is looked at afterwards. Writers have a CNAME always.

pub mod listener;
mod parameter;
mod weighted;

use crate::shop::{self, READS};
use anyhow::Result;
use clap::ValueEnum;
use local_aws::calls;
use local_aws::gateway::client::Client;
use local_aws::network::Network;
use local_rds::postgres::dial::Address;
use serde_json::Value;
use std::net::{SocketAddr, SocketAddrV4};

/// What routes the reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Route {
    /// Weighted records of Route 53: reads ramp.
    #[default]
    Weighted,
    /// A parameter of Systems Manager that the readers poll: reads move at the last step of the ramp.
    Parameter,
    /// A listener of a Network Load Balancer: reads ramp.
    Nlb,
}

/// What a route is made with.
pub(crate) struct Site<'a> {
    /// A person's client.
    pub(crate) client: &'a Client,
    /// The id of the customer's zone.
    pub(crate) zone: &'a str,
    /// Answers names.
    pub(crate) nameserver: SocketAddr,
    /// The port of every server.
    pub(crate) port: u16,
    /// The addresses of this machine.
    pub(crate) network: &'a Network,
}

impl Route {
    /// Makes it, with the record of the writes, and returns how a reader gets to its server by it.
    pub(crate) async fn create(self, site: &Site<'_>) -> Result<Address> {
        let mut records = vec![shop::writes()];
        records.extend((self == Self::Weighted).then(shop::reads));
        shop::create_records(site.client, site.zone, &records).await?;
        match self {
            Self::Weighted => Ok(site.named(READS)),
            Self::Parameter => parameter::create(site).await,
            Self::Nlb => listener::create(site, site.network.lease()?).await,
        }
    }

    /// The replica is there, and listens at this address.
    pub(crate) async fn lead_to(self, client: &Client, replica: SocketAddrV4) -> Result<()> {
        match self {
            Self::Weighted | Self::Parameter => Ok(()),
            Self::Nlb => listener::register(client, replica).await,
        }
    }

    /// What the request says of the reads; nothing where the instance's tag does.
    pub(crate) async fn request(self, client: &Client) -> Result<Value> {
        match self {
            Self::Weighted => Ok(Value::Null),
            Self::Parameter => Ok(parameter::request()),
            Self::Nlb => listener::request(client).await,
        }
    }

    /// The last percentage that is asked for before the reads of all clients move.
    pub(crate) const fn shows(self) -> u64 {
        match self {
            Self::Weighted | Self::Nlb => 50,
            Self::Parameter => 100,
        }
    }

    /// What stands there now, so that it can be compared.
    pub(crate) async fn state(self, client: &Client, zone: &str) -> Result<Vec<String>> {
        match self {
            Self::Weighted => weighted::state(client, zone).await,
            Self::Parameter => parameter::state(client).await,
            Self::Nlb => listener::state(client).await,
        }
    }

    /// Whether a call changed it.
    pub(crate) fn is_moved_by(self, call: &calls::Record) -> bool {
        let (service, operation) = match self {
            Self::Weighted => ("route53", "ChangeResourceRecordSets"),
            Self::Parameter => ("ssm", "PutParameter"),
            Self::Nlb => ("elasticloadbalancing", "ModifyListener"),
        };
        call.service == service && call.operation == operation
    }
}

impl Site<'_> {
    /// By a name of DNS.
    pub(crate) fn named(&self, name: &str) -> Address {
        Address::name(name, self.nameserver, self.port)
    }
}
