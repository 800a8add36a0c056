//! Wires RDS and the members' PostgreSQL to the roll of a minor version.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Instances, Snapshots};
use effects::secrets::Secrets;
use effects::step;
use upgrade_in_place::Roll;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let roll = &Roll {
        claims: Claims::new(&aws, settings.upgrades_table),
        instances: Instances::new(&aws),
        snapshots: Snapshots::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("upgrade_in_place", async |input, invocation| {
        upgrade_in_place::run(roll, input, invocation).await
    })
    .await
}
