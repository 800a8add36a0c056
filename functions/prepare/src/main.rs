//! Wires RDS and green's PostgreSQL to the preparation of green.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Instances, Versions};
use effects::secrets::Secrets;
use effects::step;
use prepare::Bench;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let bench = &Bench {
        claims: Claims::new(&aws, settings.upgrades_table),
        instances: Instances::new(&aws),
        versions: Versions::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("prepare", async |input, invocation| {
        prepare::run(bench, input, invocation).await
    })
    .await
}
