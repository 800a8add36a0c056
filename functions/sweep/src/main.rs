//! Reconciles what a lost event left undone.

use aws::Need;
use serde::de::IgnoredAny;
use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve(
        "sweep",
        &[Need::Topics, Need::RollbackMachine],
        async |world, invocation, _: IgnoredAny| sweep::run(&Call::new(world, invocation)).await,
    )
    .await
}
