//! Upgrades minor versions in place.

use steps::Call;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    aws::serve("upgrade_in_place", &[], async |world, invocation, input| {
        upgrade_in_place::run(&Call::new(world, invocation), input).await
    })
    .await
}
