//! Publishes the notices of the state machines.

use aws::Need;
use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve(
        "announce",
        &[Need::Topics],
        async |world, invocation, input| announce::run(&Call::new(world, invocation), input).await,
    )
    .await
}
