//! Wires everything that an upgrade leaves behind to the sweep.

use aws_config::BehaviorVersion;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::executions::Executions;
use effects::notices::Notices;
use effects::rds::Instances;
use effects::secrets::Secrets;
use effects::step;
use effects::tokens::Tokens;
use sweep::World;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let (topics, machine) = (settings.topics()?, settings.rollback_machine()?);
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let world = &World {
        claims: Claims::new(&aws, settings.upgrades_table),
        executions: Executions::new(&aws),
        alarms: Alarms::new(&aws),
        tokens: Tokens::new(&aws),
        notices: Notices::new(&aws, topics),
        instances: Instances::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
        machine,
    };
    step::serve("sweep", async |_: serde_json::Value, invocation| {
        sweep::run(world, invocation).await
    })
    .await
}
