//! Waits under the alarms.

use aws::Need;
use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve(
        "watch",
        &[Need::Topics],
        async |world, invocation, input| watch::run(&Call::new(world, invocation), input).await,
    )
    .await
}
