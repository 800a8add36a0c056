//! Brings a database back to blue.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("rollback", &[], rollback::run).await
}
