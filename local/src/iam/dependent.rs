//! What a service does on our behalf when it carries out a call of ours. Nothing here shows whether it is needed: it is not
//! seen as a call. So each has its source.

/// A permission that a service asks for beside the one for the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependent {
    /// The function or the machine.
    pub caller: &'static str,
    /// The call that needs it.
    pub of: &'static str,
    /// What it needs.
    pub action: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

const BLUE_GREEN: &str = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/blue-green-deployments-authorizing-access.html";
const REFERENCE: &str =
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html";
const NESTED: &str = "https://docs.aws.amazon.com/step-functions/latest/dg/stepfunctions-iam.html";

const CREATE: &str = "rds:CreateBlueGreenDeployment";
const SWITCH: &str = "rds:SwitchoverBlueGreenDeployment";
const DELETE: &str = "rds:DeleteBlueGreenDeployment";
const SYNC: &str = "states:startExecution.sync";

/// All that the template's statements with names in `Dependent` allow.
pub const DEPENDENT: [Dependent; 10] = [
    dependent("provision", CREATE, "rds:CreateDBInstance", REFERENCE),
    dependent(
        "provision",
        CREATE,
        "rds:CreateDBInstanceReadReplica",
        BLUE_GREEN,
    ),
    dependent("switchover", SWITCH, "rds:ModifyDBInstance", BLUE_GREEN),
    dependent("switchover", SWITCH, "rds:PromoteReadReplica", BLUE_GREEN),
    dependent("rollback", DELETE, "rds:DeleteDBInstance", BLUE_GREEN),
    dependent("UpgradeMachine", SYNC, "states:DescribeExecution", NESTED),
    dependent("UpgradeMachine", SYNC, "states:StopExecution", NESTED),
    dependent("UpgradeMachine", SYNC, "events:PutTargets", NESTED),
    dependent("UpgradeMachine", SYNC, "events:PutRule", NESTED),
    dependent("UpgradeMachine", SYNC, "events:DescribeRule", NESTED),
];

const fn dependent(
    caller: &'static str,
    of: &'static str,
    action: &'static str,
    source: &'static str,
) -> Dependent {
    Dependent {
        caller,
        of,
        action,
        source,
    }
}
