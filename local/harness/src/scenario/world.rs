//! What a run is in: a platform, blue with a replica, the application's tables, a route for reads, an
//! alarm and our credentials; all made by the API, as a person would make them.

use crate::app::audit::Databases;
use crate::app::schema::{self, Seed};
use crate::app::shop::SHOPS;
use crate::app::{Doors, PASSWORD};
use crate::platform::{Options, Platform};
use crate::routes::{Route, Site};
use crate::shop::{self, DATABASE, GREEN_GROUP, OURS, READS, REPLICA, WRITES};
use anyhow::{Context, Result};
use local_aws::clock::Clock;
use local_aws::gateway::client::Client;
use local_aws::{ACCOUNT, REGION};
use local_rds::DelayProfile;
use local_rds::postgres::Server;
use local_rds::postgres::dial::trusting;
use std::path::PathBuf;

/// What can be chosen about it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The run's folder.
    pub folder: PathBuf,
    /// How fast waits pass.
    pub clock: Clock,
    /// How long RDS takes.
    pub profile: DelayProfile,
    /// Blue's version.
    pub version: &'static str,
    /// Rows in all tables.
    pub rows: u32,
    /// What routes the reads.
    pub route: Route,
}

/// Everything, running.
pub struct World {
    /// AWS.
    pub platform: Platform,
    /// Blue's primary, whatever it will be called.
    pub blue: Server,
    /// How the application gets in.
    pub doors: Doors,
    /// What was in the tables at first.
    pub seeds: Vec<Seed>,
    /// What routes the reads.
    pub route: Route,
}

impl World {
    /// Brings everything up.
    ///
    /// # Errors
    /// When anything can't be started or made.
    pub async fn create(plan: &Plan, say: &(dyn Fn(&str) + Sync)) -> Result<Self> {
        let options = Options {
            clock: plan.clock,
            delays: plan.profile,
            ..Options::new(&plan.folder)
        };
        let platform = Platform::start(options, say).await?;
        let client = platform.client();
        say(&format!("creating {DATABASE}, PostgreSQL {}", plan.version));
        let tags = [
            ("viridian:reads", READS),
            ("viridian:writes", WRITES),
            ("viridian:green-parameter-group", GREEN_GROUP),
            ("team", "shop"),
        ];
        shop::create_primary(&client, plan.version, &tags).await?;
        shop::bound_slots(&client).await?;
        let blue = platform
            .rds
            .server(DATABASE)
            .context("blue has no server")?;
        let doors = doors(&platform, &client, &blue, plan.route).await?;
        say(&format!(
            "filling it with {} rows",
            crate::numbers::thousands(plan.rows.into())
        ));
        let seeds = schema::install(&doors, DATABASE, OURS, plan.rows).await?;
        say("creating its replica");
        shop::create_replica(&client).await?;
        let replica = platform.rds.server(REPLICA).context("a replica")?;
        plan.route.lead_to(&client, replica.address()).await?;
        platform.keep_credentials(DATABASE, OURS, PASSWORD).await?;
        shop::create_alarm(&client).await?;
        subscribe(&client).await?;
        Ok(Self {
            platform,
            blue,
            doors,
            seeds,
            route: plan.route,
        })
    }

    /// The server that takes the writes now.
    ///
    /// # Errors
    /// When there is none where the application's name leads.
    pub fn serving(&self) -> Result<Server> {
        let found = self.platform.nameserver.find(WRITES, &mut |_| 0);
        let at = found
            .address()
            .with_context(|| format!("{WRITES} leads nowhere"))?;
        let serving = self.platform.rds.server_at(at);
        serving.with_context(|| format!("no server is at {at}"))
    }

    /// The server that took the writes once and does not any more, if there is one: old blue, or green once it was left.
    #[must_use]
    pub fn left(&self) -> Option<Server> {
        let serving = self.serving().ok()?;
        if !self.is_blue(&serving) {
            return Some(self.blue.clone());
        }
        let named = self.platform.rds.server(DATABASE)?;
        (!self.is_blue(&named)).then_some(named)
    }

    /// Whether that server is blue, whatever it is called.
    #[must_use]
    pub fn is_blue(&self, server: &Server) -> bool {
        self.blue.id() == server.id()
    }
}

/// Subscribes a person to the upgrade's messages.
async fn subscribe(client: &Client) -> Result<()> {
    let topic = format!("arn:aws:sns:{REGION}:{ACCOUNT}:Topic");
    let subscription = [
        ("TopicArn", topic.as_str()),
        ("Protocol", "email"),
        ("Endpoint", "on-call@shop.test"),
        ("Version", "2010-03-31"),
    ];
    client.query("sns", "Subscribe", &subscription).await?;
    Ok(())
}

async fn doors(platform: &Platform, client: &Client, blue: &Server, route: Route) -> Result<Doors> {
    let site = Site {
        client,
        zone: &platform.zone_id,
        nameserver: platform.nameserver_address.into(),
        port: blue.address().port(),
        network: &platform.host.network,
    };
    Ok(Doors {
        reader: route.create(&site).await?,
        writer: site.named(WRITES),
        tls: trusting(platform.host.authority.ca_pem())?,
    })
}

/// Connections to the application's databases on a server, as its superuser.
///
/// # Errors
/// When the server doesn't answer.
pub async fn databases(server: &Server) -> Result<Databases> {
    let mut databases = Databases::new();
    for shop in &SHOPS {
        databases.insert(shop.database.to_owned(), server.admin(shop.database).await?);
    }
    Ok(databases)
}
