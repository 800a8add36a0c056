//! The way back: from green to blue, beside the link from blue to green.

use anyhow::{Context, Result};
use local_rds::postgres::Server;
use local_rds::postgres::link::{self, Link};

/// What the reverse link's publication is called on green, and each of its subscriptions on blue.
const REVERSE: &str = "floor_reverse";

/// Lets blue follow green as well, from now on. Neither link carries what the other one brought. Returns the links of the
/// way back.
pub(super) async fn arm(blue: &Server, green: &Server, forward: &[Link]) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (index, link) in forward.iter().enumerate() {
        let (here, there) = (&link.database, format!("{REVERSE}_{index}"));
        let green_session = link::session(green, here).await?;
        let publish = format!(
            "ALTER SUBSCRIPTION {} SET (origin = none); CREATE PUBLICATION {REVERSE} FOR ALL TABLES",
            link.name
        );
        green_session
            .batch_execute(&publish)
            .await
            .context("publishing green")?;
        let conninfo = green.internal_conninfo(here).replace('\'', "''");
        let subscribe = format!(
            "CREATE SUBSCRIPTION {there} CONNECTION '{conninfo}' PUBLICATION {REVERSE} \
             WITH (copy_data = false, origin = none)"
        );
        let blue_session = link::session(blue, here).await?;
        blue_session
            .batch_execute(&subscribe)
            .await
            .context("following green")?;
        links.push(Link {
            name: there,
            ..link.clone()
        });
    }
    Ok(links)
}
