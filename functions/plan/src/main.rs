//! Wires everything that can be read to the plan.

use aws_config::BehaviorVersion;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::executions::Executions;
use effects::notices::Notices;
use effects::rds::{Deployments, Instances, Versions};
use effects::routes::Routes;
use effects::secrets::Secrets;
use effects::step;
use plan::Sources;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let topics = settings.topics()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let sources = &Sources {
        claims: Claims::new(&aws, settings.upgrades_table),
        instances: Instances::new(&aws),
        versions: Versions::new(&aws),
        deployments: Deployments::new(&aws),
        alarms: Alarms::new(&aws),
        notices: Notices::new(&aws, topics),
        executions: Executions::new(&aws),
        routes: Routes::new(&aws),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("plan", async |input, _| plan::run(sources, input).await).await
}
