//! Wires the table of upgrades, Step Functions and SNS to an alarm's event.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::notices::Notices;
use effects::step;
use effects::tokens::Tokens;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let topics = settings.topics()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let claims = &Claims::new(&aws, settings.upgrades_table);
    let tokens = &Tokens::new(&aws);
    let notices = &Notices::new(&aws, topics);
    step::serve("on_alarm", async |input, _| {
        on_alarm::run(claims, tokens, notices, input).await
    })
    .await
}
