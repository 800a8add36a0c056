//! Makes green.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("provision", &[], async |world, invocation, input| {
        provision::run(&Call::new(world, invocation), input).await
    })
    .await
}
