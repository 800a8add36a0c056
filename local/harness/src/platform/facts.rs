//! What conditions and tokens are about, asked of the services that run.

use local_aws::iam::{Facts, Tags};
use local_aws::states::States;
use local_rds::Rds;

/// The services that know.
pub(super) struct Running {
    pub(super) rds: Rds,
    pub(super) states: States,
}

impl Facts for Running {
    fn tags(&self, arn: &str) -> Option<Tags> {
        self.rds.tags(arn)
    }

    fn machine_of(&self, token: &str) -> Option<String> {
        self.states.machine_of(token)
    }
}
