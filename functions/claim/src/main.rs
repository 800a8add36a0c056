//! Claims a database for an upgrade.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("claim", &[], claim::run).await
}
