//! Lets green take over.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("switchover", &[], switchover::run).await
}
