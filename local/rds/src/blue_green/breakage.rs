//! What a test can make go wrong inside RDS.

use crate::Rds;
use crate::postgres::block::ReplicationBlock;

/// Something that goes wrong once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    /// The task of this name fails while green is made.
    Task(&'static str),
    /// A switchover stops midway: both sides are closed, nothing is renamed yet.
    Switchover,
}

impl Rds {
    /// From now on this goes wrong, the next time that RDS comes by.
    pub fn break_next(&self, breakage: Breakage) {
        self.shared.breakages.lock().push(breakage);
    }

    /// What was to go wrong and did not yet.
    #[must_use]
    pub fn unplayed(&self) -> Vec<Breakage> {
        self.shared.breakages.lock().clone()
    }

    /// Stops the replication from blue to green of a deployment.
    ///
    /// # Errors
    /// When there is no such deployment, or its green doesn't answer.
    pub async fn block_replication(&self, deployment: &str) -> anyhow::Result<ReplicationBlock> {
        let pairs = self.pairs(deployment)?;
        let links = self.state().deployment(deployment)?.links.clone();
        ReplicationBlock::of(&pairs[0].green, &links).await
    }

    /// Whether RDS breaks here.
    pub(super) fn check_breakage(&self, here: Breakage) -> anyhow::Result<()> {
        let mut breakages = self.shared.breakages.lock();
        match breakages.iter().position(|breakage| *breakage == here) {
            None => Ok(()),
            Some(index) => {
                breakages.remove(index);
                anyhow::bail!("an internal error, which a test asked for: {here:?}")
            }
        }
    }
}
