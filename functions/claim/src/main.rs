//! Wires the table of upgrades to the claim.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::step;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let claims = &Claims::new(&aws, settings.upgrades_table);
    step::serve("claim", async |input, _| claim::run(claims, input).await).await
}
