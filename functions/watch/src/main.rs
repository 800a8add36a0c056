//! Waits under the alarms.

use aws::Need;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("watch", &[Need::Topics], watch::run).await
}
