//! Ends the waits that an alarm guards.

use aws::Need;
use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve(
        "on_alarm",
        &[Need::Topics],
        async |world, invocation, input| on_alarm::run(&Call::new(world, invocation), input).await,
    )
    .await
}
