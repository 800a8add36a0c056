//! Wires the table of upgrades, CloudWatch, Step Functions and SNS to the watch.

use aws_config::BehaviorVersion;
use effects::alarms::Alarms;
use effects::claims::Claims;
use effects::config::Config;
use effects::notices::Notices;
use effects::step;
use effects::tokens::Tokens;
use watch::Post;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let topics = settings.topics()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let post = &Post {
        claims: Claims::new(&aws, settings.upgrades_table),
        alarms: Alarms::new(&aws),
        tokens: Tokens::new(&aws),
        notices: Notices::new(&aws, topics),
    };
    step::serve("watch", async |input, invocation| {
        watch::run(post, input, invocation).await
    })
    .await
}
