//! Wires the table of upgrades, CloudWatch and Step Functions to the watch.

use aws_config::BehaviorVersion;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::config::Config;
use effects::step;
use effects::tokens::Tokens;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let claims = &Claims::new(&aws, settings.upgrades_table);
    let alarms = &Alarms::new(&aws);
    let tokens = &Tokens::new(&aws);
    step::serve("watch", async |input, invocation| {
        watch::run(claims, alarms, tokens, input, invocation).await
    })
    .await
}
