//! Wires the table of upgrades and Route 53 to the shift of reads.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::routes::Routes;
use effects::step;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let ttl = settings.record_ttl_seconds;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let claims = &Claims::new(&aws, settings.upgrades_table);
    let routes = &Routes::new(&aws);
    step::serve("shift_weight", async |input, invocation| {
        shift_weight::run(claims, routes, ttl, input, invocation).await
    })
    .await
}
