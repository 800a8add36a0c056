//! Wires RDS, the routes and both sides' PostgreSQL to the critical section.

use aws_config::BehaviorVersion;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::rds::{Deployments, Instances};
use effects::routes::Routes;
use effects::secrets::Secrets;
use effects::step;
use switchover::Bridge;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let bridge = &Bridge {
        claims: Claims::new(&aws, settings.upgrades_table),
        deployments: Deployments::new(&aws),
        instances: Instances::new(&aws),
        alarms: Alarms::new(&aws),
        routes: Routes::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("switchover", async |input, invocation| {
        switchover::run(bridge, input, invocation).await
    })
    .await
}
