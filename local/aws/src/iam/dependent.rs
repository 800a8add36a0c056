//! What AWS demands of a role for what it does on our behalf, while it carries out a call of ours or runs our code. Our code
//! calls none of it, so no test shows that it is needed: each permission is listed here with its source.

use super::statement::Statement;
use std::collections::BTreeSet;

/// Permissions in the template for what a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependent {
    /// The statement.
    pub sid: &'static str,
    /// Its actions, and no others.
    pub actions: &'static [&'static str],
    /// Who needs them, and what for.
    pub what: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

impl Dependent {
    /// Whether a statement has this name and just these actions.
    #[must_use]
    pub fn is(&self, statement: &Statement) -> bool {
        let listed: BTreeSet<&str> = self.actions.iter().copied().collect();
        let found: BTreeSet<&str> = statement.actions.iter().map(String::as_str).collect();
        statement.sid == self.sid && found == listed
    }
}

const fn dependent(
    sid: &'static str,
    actions: &'static [&'static str],
    what: &'static str,
    source: &'static str,
) -> Dependent {
    Dependent {
        sid,
        actions,
        what,
        source,
    }
}

const BLUE_GREEN: &str = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/blue-green-deployments-authorizing-access.html";
const NETWORK: &str = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html";

/// Every statement with a name in `Dependent`.
pub const DEPENDENT: &[Dependent] = &[
    dependent(
        "DependentDeletion",
        &["rds:DeleteDBInstance"],
        "RDS, to delete a deployment",
        BLUE_GREEN,
    ),
    dependent(
        "DependentKeyOfCredentials",
        &["kms:Decrypt"],
        "Secrets Manager, to decrypt a secret",
        "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html",
    ),
    dependent(
        "DependentKeyOfLostEvents",
        &["kms:Decrypt", "kms:GenerateDataKey"],
        "SQS, to encrypt what is kept of a lost event",
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html",
    ),
    dependent(
        "DependentKeyOfTable",
        &["kms:Decrypt"],
        "DynamoDB, to decrypt the table",
        "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
    ),
    dependent(
        "DependentKeyOfTopic",
        &["kms:Decrypt", "kms:GenerateDataKey*"],
        "SNS, to encrypt a message",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
    ),
    dependent(
        "DependentLogIn",
        &["rds-db:connect"],
        "RDS, to let in who logs in by IAM; logging in is no call",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.IAMPolicy.html",
    ),
    dependent(
        "DependentLogs",
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        "Lambda, to write the function's log",
        "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html",
    ),
    dependent(
        "DependentLogs",
        &[
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeLogGroups",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ],
        "Step Functions, to write the machine's log",
        "https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html",
    ),
    dependent(
        "DependentLookAtNetwork",
        &["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
        "Lambda, to reach a VPC",
        NETWORK,
    ),
    dependent(
        "DependentLostEvents",
        &["sqs:SendMessage"],
        "Lambda and the scheduler, to keep a lost event",
        "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html",
    ),
    dependent(
        "DependentMonitoring",
        &["iam:PassRole"],
        "RDS, to monitor green as it does blue",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html",
    ),
    dependent(
        "DependentNetwork",
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:UnassignPrivateIpAddresses",
        ],
        "Lambda, to reach a VPC",
        NETWORK,
    ),
    dependent(
        "DependentNetworkNotForTheCode",
        &[
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
        ],
        "no service: the code may not do what Lambda may",
        NETWORK,
    ),
    dependent(
        "DependentReplicas",
        &["rds:CreateDBInstanceReadReplica"],
        "RDS, to make green",
        BLUE_GREEN,
    ),
    dependent(
        "DependentStorage",
        &["kms:CreateGrant", "kms:DescribeKey"],
        "RDS, to encrypt green's storage",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html",
    ),
    dependent(
        "DependentSwitchover",
        &["rds:ModifyDBInstance", "rds:PromoteReadReplica"],
        "RDS, to switch over",
        BLUE_GREEN,
    ),
    dependent(
        "DependentTags",
        &["rds:AddTagsToResource"],
        "RDS, to make a deployment with tags",
        BLUE_GREEN,
    ),
    dependent(
        "DependentTagsOfSnapshot",
        &["rds:AddTagsToResource"],
        "RDS, to make a snapshot with tags",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html",
    ),
    dependent(
        "DependentTagsOfTargetGroups",
        &["elasticloadbalancing:AddTags"],
        "Elastic Load Balancing, to make a target group with tags",
        "https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/tagging-resources-during-creation.html",
    ),
    dependent(
        "DependentTraces",
        &["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
        "Lambda, to send traces",
        "https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html",
    ),
    dependent(
        "DependentTraces",
        &[
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        ],
        "Step Functions, to send traces",
        "https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html",
    ),
];
