//! Ends the watch.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("retire", &[], async |world, invocation, input| {
        retire::run(&Call::new(world, invocation), input).await
    })
    .await
}
