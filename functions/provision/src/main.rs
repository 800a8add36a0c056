//! Wires RDS and the writer's PostgreSQL to the making of green.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Deployments, Instances};
use effects::secrets::Secrets;
use effects::step;
use effects::tokens::Tokens;
use provision::Site;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let site = &Site {
        claims: Claims::new(&aws, settings.upgrades_table),
        instances: Instances::new(&aws),
        deployments: Deployments::new(&aws),
        tokens: Tokens::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("provision", async |input, invocation| {
        provision::run(site, input, invocation).await
    })
    .await
}
