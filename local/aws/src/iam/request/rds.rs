//! Requests of RDS: which instances, deployments, snapshots and groups they are about, and which tags they set.

use super::fields::Fields;
use super::{Need, Request};
use crate::arn;

/// The fields that name a resource, and its type.
const NAMES: [(&str, &str); 9] = [
    ("DBInstanceIdentifier", "db"),
    ("SourceDBInstanceIdentifier", "db"),
    ("Source", "db"),
    ("DBClusterIdentifier", "cluster"),
    ("DBSnapshotIdentifier", "snapshot"),
    ("BlueGreenDeploymentIdentifier", "deployment"),
    ("DBParameterGroupName", "pg"),
    ("TargetDBParameterGroupName", "pg"),
    ("ResourceName", ""),
];

/// The type of resource that an operation is about, also where none is named: then it is about any.
const TYPES: [(&str, &str); 7] = [
    ("CreateBlueGreenDeployment", "deployment"),
    ("DescribeBlueGreenDeployments", "deployment"),
    ("DescribeDBClusters", "cluster"),
    ("DescribeDBInstances", "db"),
    ("DescribeDBParameterGroups", "pg"),
    ("DescribeDBParameters", "pg"),
    ("DescribeDBSnapshots", "snapshot"),
];

/// The type of what an operation makes. To tag it needs a permission of its own.
const MADE: [(&str, &str); 4] = [
    ("CreateBlueGreenDeployment", "deployment"),
    ("CreateDBInstance", "db"),
    ("CreateDBInstanceReadReplica", "db"),
    ("CreateDBSnapshot", "snapshot"),
];

/// What RDS demands of a caller that makes or switches a deployment, for instances that it names itself: so the policy takes
/// no part of a name, and the need is about any instance.
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/blue-green-deployments-authorizing-access.html>
const BESIDES: [(&str, &str); 3] = [
    (
        "CreateBlueGreenDeployment",
        "rds:CreateDBInstanceReadReplica",
    ),
    ("SwitchoverBlueGreenDeployment", "rds:ModifyDBInstance"),
    ("SwitchoverBlueGreenDeployment", "rds:PromoteReadReplica"),
];

pub(super) fn request(operation: &str, fields: &Fields) -> Request {
    let mut resources: Vec<String> = NAMES
        .iter()
        .filter_map(|(field, kind)| Some(whole(kind, &fields.text(field)?)))
        .collect();
    if let Some(kind) = of(&TYPES, operation)
        && !resources.iter().any(|named| is(kind, named))
    {
        resources.push(arn("rds", &format!("{kind}:*")));
    }
    let made = of(&MADE, operation);
    let made = made.and_then(|kind| resources.iter().find(|named| is(kind, named)).cloned());
    let mut request = Request::new(&format!("rds:{operation}"), resources);
    request.tags = fields.tags();
    if let Some(made) = made.filter(|_| !request.tags.is_empty()) {
        let tagging = Need::besides("rds:AddTagsToResource", made);
        request.needs.push(tagging);
    }
    let besides = BESIDES.iter().filter(|(call, _)| *call == operation);
    let demanded = besides
        .map(|(_, action)| *action)
        .chain(with_green(operation, fields));
    let any = demanded.map(|action| Need::besides(action, arn("rds", "db:*")));
    request.needs.extend(any);
    request
}

/// The same page names this for a deletion; where the record alone goes, no instance is deleted.
fn with_green(operation: &str, fields: &Fields) -> Option<&'static str> {
    let deletes = operation == "DeleteBlueGreenDeployment";
    let green = fields.text("DeleteTarget").as_deref() == Some("true");
    (deletes && green).then_some("rds:DeleteDBInstance")
}

fn of(table: &[(&str, &'static str)], operation: &str) -> Option<&'static str> {
    let mut rows = table.iter();
    rows.find(|(name, _)| *name == operation)
        .map(|(_, kind)| *kind)
}

fn is(kind: &str, arn: &str) -> bool {
    arn.splitn(6, ':')
        .last()
        .and_then(|resource| resource.split_once(':'))
        .is_some_and(|(found, _)| found == kind)
}

/// RDS keeps names in small letters.
fn whole(kind: &str, name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    arn("rds", &format!("{kind}:{}", name.to_lowercase()))
}
