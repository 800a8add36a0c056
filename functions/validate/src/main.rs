//! Wires blue's and green's PostgreSQL to their comparison.

use aws_config::BehaviorVersion;
use effects::claims::Claims;
use effects::config::Config;
use effects::dns::Resolver;
use effects::secrets::Secrets;
use effects::step;
use validate::Scales;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let settings = Config::from_env()?;
    let aws = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let scales = &Scales {
        claims: Claims::new(&aws, settings.upgrades_table),
        secrets: Secrets::new(&aws, settings.credentials_prefix),
        resolver: Resolver::new(settings.nameserver)?,
    };
    step::serve("validate", async |input, invocation| {
        validate::run(scales, input, invocation).await
    })
    .await
}
