//! Upgrades minor versions in place.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("upgrade_in_place", &[], upgrade_in_place::run).await
}
