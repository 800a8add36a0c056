//! Measures how far green is behind.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("check_lag", &[], async |world, invocation, input| {
        check_lag::run(&Call::new(world, invocation), input).await
    })
    .await
}
