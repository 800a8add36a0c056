//! Wires blue's and green's PostgreSQL to the measurement of the lag.

use aws_config::BehaviorVersion;
use check_lag::Gauge;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::secrets::Secrets;
use effects::step;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let gauge = &Gauge {
        claims: Claims::new(&aws, settings.upgrades_table),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("check_lag", async |input, invocation| {
        check_lag::run(gauge, input, invocation).await
    })
    .await
}
