//! Plans an upgrade.

use aws::Need;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("plan", &[Need::Topics], plan::run).await
}
