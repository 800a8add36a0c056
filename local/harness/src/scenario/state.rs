//! What stands where before and after the upgrade, so that both can be compared.

use super::world::World;
use crate::app::roles;
use crate::app::shop::SHOPS;
use crate::shop::DATABASE;
use anyhow::{Context, Result};
use local_aws::xml;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that an upgrade could leave behind or take away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct State {
    /// Instances by name, each with the version that its server runs.
    pub(super) instances: BTreeMap<String, String>,
    /// Blue/green deployments.
    pub(super) deployments: Vec<String>,
    /// What routes the reads, as it stands.
    pub(super) reads: Vec<String>,
    /// Tables, slots, publications, subscriptions and roles on the server that serves.
    pub(super) objects: Vec<String>,
    /// Logical slots, publications and subscriptions on the server that serves.
    pub(super) replication: Vec<String>,
    /// The application's roles that can't log in to the server that serves.
    pub(super) fenced: Vec<String>,
}

const OBJECTS: &str = "
SELECT 'relation ' || relnamespace::regnamespace::text || '.' || relname || ' ' || relkind::text FROM pg_class WHERE oid >= 16384 AND relkind <> 't'
    AND relnamespace::regnamespace::text !~ '^pg_'
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'role ' || rolname || ' ' || rolcanlogin::text FROM pg_roles WHERE rolname !~ '^pg_'
UNION ALL SELECT 'comment ' || description FROM pg_shdescription WHERE objoid >= 16384
ORDER BY 1";

const REPLICATION: &str = "
SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE slot_type = 'logical'
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
ORDER BY 1";

const FENCED: &str =
    "SELECT rolname::text FROM pg_roles WHERE NOT rolcanlogin AND rolname = ANY ($1) ORDER BY 1";

impl State {
    pub(super) async fn of(world: &World) -> Result<Self> {
        let client = world.platform.client();
        let seen = client.query("rds", "DescribeDBInstances", &[]).await?;
        let names = xml::all(&seen, "DBInstanceIdentifier");
        let instances = names
            .into_iter()
            .map(|name| (name.to_owned(), version(world, name)));
        let deployments = client
            .query("rds", "DescribeBlueGreenDeployments", &[])
            .await?;
        let deployments = xml::all(&deployments, "BlueGreenDeploymentIdentifier");
        let (objects, replication, fenced) = databases(world).await?;
        Ok(Self {
            instances: instances.collect(),
            deployments: deployments.into_iter().map(str::to_owned).collect(),
            reads: world.route.state(&client, &world.platform.zone_id).await?,
            objects,
            replication,
            fenced,
        })
    }
}

fn version(world: &World, instance: &str) -> String {
    let server = world.platform.rds.server(instance);
    server.map_or_else(|| "no server".to_owned(), |server| server.version())
}

async fn databases(world: &World) -> Result<(Vec<String>, Vec<String>, Vec<String>)> {
    let serving = world.serving()?;
    let (mut objects, mut replication, mut fenced) = (Vec::new(), Vec::new(), Vec::new());
    for shop in &SHOPS {
        let admin = serving.admin(shop.database).await?;
        let texts = async |query: &str| -> Result<Vec<String>> {
            let rows = admin
                .query(query, &[])
                .await
                .with_context(|| format!("looking into {}", shop.database))?;
            Ok(rows
                .iter()
                .map(|row| format!("{}: {}", shop.database, row.get::<_, String>(0)))
                .collect())
        };
        objects.extend(texts(OBJECTS).await?);
        replication.extend(texts(REPLICATION).await?);
        if shop.database == DATABASE {
            let roles: Vec<&str> = roles().collect();
            let rows = admin.query(FENCED, &[&roles]).await?;
            fenced.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        }
    }
    Ok((objects, replication, fenced))
}
