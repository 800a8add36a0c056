//! Wires the table of upgrades and Step Functions to an event of RDS.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::step;
use effects::tokens::Tokens;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let claims = &Claims::new(&aws, settings.upgrades_table);
    let tokens = &Tokens::new(&aws);
    step::serve("on_green", async |input, _| {
        on_green::run(claims, tokens, &input).await
    })
    .await
}
