//! Ends the waits for green.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("on_green", &[], on_green::run).await
}
