//! Moves a share of the reads.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("shift_weight", &[], async |world, invocation, input| {
        shift_weight::run(&Call::new(world, invocation), input).await
    })
    .await
}
