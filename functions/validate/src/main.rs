//! Compares green with blue.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("validate", &[], validate::run).await
}
