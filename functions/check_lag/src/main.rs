//! Measures how far green is behind.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("check_lag", &[], check_lag::run).await
}
