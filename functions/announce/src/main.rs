//! Wires SNS to the machines' announcements.

use aws_config::BehaviorVersion;
use effects::config::Config;
use effects::notices::Notices;
use effects::step;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let topics = Config::from_env()?.topics()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let notices = &Notices::new(&aws, topics);
    step::serve("announce", async |input, _| {
        announce::run(notices, input).await
    })
    .await
}
