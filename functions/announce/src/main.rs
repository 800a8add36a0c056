//! Publishes the notices of the state machines.

use aws::Need;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("announce", &[Need::Topics], announce::run).await
}
