//! Makes green fit to take over.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("prepare", &[], prepare::run).await
}
