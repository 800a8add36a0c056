//! What conditions and tokens are about, asked of the services that run.

use crate::iam::{Facts, Tags};
use crate::rds::Rds;
use crate::states::States;

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
