//! Green, where the deployment was switched over outside of Viridian before green was recorded.

use crate::ids::DeploymentId;
use crate::plan::{Member, Plan};
use crate::rds::Instance;
use crate::record::{Green, GreenMember};

/// Green after a switchover, by the names that RDS gave it: each of its instances has the name that blue's had. `None` as
/// long as blue has the writer's name.
#[must_use]
pub fn named(plan: &Plan, deployment: &DeploymentId, found: &[Instance]) -> Option<Green> {
    let member = |blue: &Member| {
        let now = found.iter().find(|one| one.id == blue.instance)?;
        (now.resource_id != blue.resource_id).then(|| GreenMember::of(blue, now))
    };
    let members: Vec<GreenMember> = plan.members.iter().filter_map(member).collect();
    let writer = plan.writer().ok().map(|writer| &writer.instance);
    let first = members.first().map(|first| &first.blue);
    (writer.is_some() && writer == first).then(|| Green {
        deployment: deployment.clone(),
        members,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::record;

    fn instance(name: &str, id: &str) -> Instance {
        Instance {
            resource_id: id.into(),
            ..crate::samples::instance(name, None)
        }
    }

    #[test]
    fn green_is_who_has_blues_names_and_is_not_blue() {
        let plan = record().plan;
        let mut found = vec![
            instance("orders-replica", "db-green-replica"),
            instance("orders", "db-green"),
        ];
        let green = named(&plan, &"bgd-1".into(), &found).expect("it is there");
        let members = green.members.iter();
        let ids: Vec<&str> = members.map(|it| it.resource_id.as_str()).collect();
        assert_eq!(ids, ["db-green", "db-green-replica"], "the writer first");
        found[1].resource_id = plan.members[0].resource_id.clone();
        let still = named(&plan, &"bgd-1".into(), &found);
        assert_eq!(still, None, "blue still has its name");
    }
}
