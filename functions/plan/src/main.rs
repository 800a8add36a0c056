//! Plans an upgrade.

use aws::Need;
use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("plan", &[Need::Topics], async |world, invocation, input| {
        plan::run(&Call::new(world, invocation), input).await
    })
    .await
}
