//! Ends the waits for green.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("on_green", &[], async |world, invocation, input| {
        on_green::run(&Call::new(world, invocation), input).await
    })
    .await
}
