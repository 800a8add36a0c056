//! What a service does on our behalf when it carries out a call of ours, or runs our code. Nothing here shows whether it is
//! needed: it is not seen as a call. So each statement has its source.

/// A statement of the template for what a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependent {
    /// The statement.
    pub sid: &'static str,
    /// Who needs it, and what for.
    pub what: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

const BLUE_GREEN: &str = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/blue-green-deployments-authorizing-access.html";
const RDS: &str =
    "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html";
const STORAGE: &str =
    "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html";
const MONITORING: &str =
    "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Monitoring.OS.Enabling.html";
const NETWORK: &str = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html";
const ROLE: &str = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html";
const LOST: &str =
    "https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html";
const TABLE: &str =
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html";
const TOPIC: &str = "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html";
const SECRET: &str =
    "https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html";

/// Every statement with a name in `Dependent`.
pub const DEPENDENT: [Dependent; 17] = [
    dependent(
        "DependentDeletion",
        "RDS, to delete a deployment",
        BLUE_GREEN,
    ),
    dependent(
        "DependentKeyOfCredentials",
        "Secrets Manager, to decrypt a secret",
        SECRET,
    ),
    dependent(
        "DependentKeyOfLostEvents",
        "Lambda, to encrypt what it keeps of a lost event",
        LOST,
    ),
    dependent(
        "DependentKeyOfTable",
        "DynamoDB, to decrypt the table",
        TABLE,
    ),
    dependent("DependentKeyOfTopic", "SNS, to encrypt a message", TOPIC),
    dependent(
        "DependentLogs",
        "Lambda and Step Functions, to write logs",
        ROLE,
    ),
    dependent("DependentLookAtNetwork", "Lambda, to reach a VPC", NETWORK),
    dependent("DependentLostEvents", "Lambda, to keep a lost event", LOST),
    dependent(
        "DependentMonitoring",
        "RDS, to monitor green as it does blue",
        MONITORING,
    ),
    dependent("DependentNetwork", "Lambda, to reach a VPC", NETWORK),
    dependent(
        "DependentNetworkNotForTheCode",
        "nobody: the code may not do what Lambda may",
        NETWORK,
    ),
    dependent("DependentReplicas", "RDS, to make green", BLUE_GREEN),
    dependent(
        "DependentStorage",
        "RDS, to encrypt green's storage",
        STORAGE,
    ),
    dependent("DependentSwitchover", "RDS, to switch over", BLUE_GREEN),
    dependent(
        "DependentTags",
        "RDS, to make a deployment with tags",
        BLUE_GREEN,
    ),
    dependent(
        "DependentTagsOfSnapshot",
        "RDS, to make a snapshot with tags",
        RDS,
    ),
    dependent(
        "DependentTraces",
        "Lambda and Step Functions, to send traces",
        ROLE,
    ),
];

const fn dependent(sid: &'static str, what: &'static str, source: &'static str) -> Dependent {
    Dependent { sid, what, source }
}
