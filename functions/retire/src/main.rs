//! Wires RDS to the end of the watch.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Deployments, Instances, Snapshots};
use effects::secrets::Secrets;
use effects::step;
use retire::Yard;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let yard = &Yard {
        claims: Claims::new(&aws, settings.upgrades_table),
        instances: Instances::new(&aws),
        deployments: Deployments::new(&aws),
        snapshots: Snapshots::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("retire", async |input, invocation| {
        retire::run(yard, input, invocation).await
    })
    .await
}
