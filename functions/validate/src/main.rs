//! Compares green with blue.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("validate", &[], async |world, invocation, input| {
        validate::run(&Call::new(world, invocation), input).await
    })
    .await
}
