//! Makes green fit to take over.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("prepare", &[], async |world, invocation, input| {
        prepare::run(&Call::new(world, invocation), input).await
    })
    .await
}
