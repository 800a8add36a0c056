//! Reconciles what a lost event left undone.

use aws::Need;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("sweep", &[Need::Topics, Need::RollbackMachine], sweep::run).await
}
