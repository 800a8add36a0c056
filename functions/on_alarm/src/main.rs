//! Ends the waits that an alarm guards.

use aws::Need;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("on_alarm", &[Need::Topics], on_alarm::run).await
}
