//! The way back: from green to blue, beside the link from blue to green.

use super::site::Lane;
use anyhow::{Context, Result};
use local_rds::postgres::{Server, link};

/// What the reverse link's publication is called on green, and each of its subscriptions on blue.
const REVERSE: &str = "floor_reverse";

/// Lets blue follow green as well, from now on. Neither link carries what the other one brought. Returns the lanes of the
/// way back.
pub(super) async fn arm(blue: &Server, green: &Server, forward: &[Lane]) -> Result<Vec<Lane>> {
    let mut lanes = Vec::new();
    for (index, lane) in forward.iter().enumerate() {
        let (here, there) = (&lane.database, format!("{REVERSE}_{index}"));
        let green_session = link::session(green, here).await?;
        let publish = format!(
            "ALTER SUBSCRIPTION {} SET (origin = none); CREATE PUBLICATION {REVERSE} FOR ALL TABLES",
            lane.subscription
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
        lanes.push(Lane {
            database: here.clone(),
            subscription: there,
        });
    }
    Ok(lanes)
}
