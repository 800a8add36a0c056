//! What the invariants remember of a walk.

use domain::ids::ResourceId;
use domain::plan::Plan;
use std::collections::{BTreeMap, BTreeSet};

/// What the invariants remember.
#[derive(Debug, Clone, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each of these happened or not, independently"
)]
pub struct Memory {
    /// Every instance that was ever the blue of an upgrade.
    pub blues: BTreeSet<ResourceId>,
    /// When a table or a role was last made that is not replicated.
    pub made_late: i64,
    /// When hosts to which reads led were last taken out of their way.
    pub reads_left: BTreeMap<String, i64>,
    /// Who took writes, in order.
    pub served: Vec<ResourceId>,
    /// Whether a person wants to go back.
    pub person: bool,
    /// When the watch after the switchover began, and whether an alarm rang then.
    pub watch: Option<(i64, bool)>,
    /// When a wait after the switchover was first written down.
    pub waits_since: Option<i64>,
    /// When that wait was over: the alarms are read then, and what rings while the answer is on its way is the next hour's.
    pub watched_until: Option<i64>,
    /// RDS switched over without what blue had committed.
    pub marker_missing: bool,
    /// A deployment was switched over by hand.
    pub foreign: bool,
    /// In the upgrade of now, a deployment's record was deleted by hand before old was closed and the upgrade's record said so.
    pub deleted_early: bool,
    /// In the upgrade of now, a person opened old by hand.
    pub opened_by_hand: bool,
    /// A person freed the claim.
    pub cleared: bool,
    /// A name that an instance was to get was another's.
    pub name_taken: bool,
}

impl Memory {
    /// What was done by hand, which may explain what is wrong.
    pub fn since_when(&self) -> &'static str {
        let causes = [
            (self.name_taken, " after a name was taken"),
            (self.deleted_early, " after the record was deleted early"),
            (self.foreign, " after a foreign switchover"),
        ];
        let mut causes = causes.into_iter();
        causes.find(|(so, _)| *so).map_or("", |(_, told)| told)
    }

    /// A plan's database is claimed.
    pub fn claimed(&mut self, plan: &Plan) {
        (self.person, self.cleared) = (false, false);
        (self.deleted_early, self.opened_by_hand) = (false, false);
        (self.waits_since, self.watched_until) = (None, None);
        self.blues
            .extend(plan.members.iter().map(|member| member.resource_id.clone()));
    }
}
