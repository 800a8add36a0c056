//! Lets green take over.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("switchover", &[], async |world, invocation, input| {
        switchover::run(&Call::new(world, invocation), input).await
    })
    .await
}
