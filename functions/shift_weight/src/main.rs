//! Moves a share of the reads.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("shift_weight", &[], shift_weight::run).await
}
