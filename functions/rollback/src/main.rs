//! Wires everything that an upgrade touches to the rollback.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Deployments, Instances};
use effects::routes::Routes;
use effects::secrets::Secrets;
use effects::step;
use effects::tokens::Tokens;
use rollback::World;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let world = &World {
        claims: Claims::new(&aws, settings.upgrades_table),
        routes: Routes::new(&aws),
        deployments: Deployments::new(&aws),
        instances: Instances::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
        tokens: Tokens::new(&aws),
        ttl: settings.record_ttl_seconds,
    };
    step::serve("rollback", async |input, invocation| {
        rollback::run(world, input, invocation).await
    })
    .await
}
