//! Claims a database for an upgrade.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("claim", &[], async |world, invocation, input| {
        claim::run(&Call::new(world, invocation), input).await
    })
    .await
}
