//! Brings a database back to blue.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("rollback", &[], async |world, invocation, input| {
        rollback::run(&Call::new(world, invocation), input).await
    })
    .await
}
