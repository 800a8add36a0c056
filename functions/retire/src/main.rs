//! Ends the watch.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("retire", &[], retire::run).await
}
