//! The shipped policies hold for every caller with a function's key, as IAM would apply them.

use crate::stage::python;
use anyhow::Result;
use local::platform::{Options, Platform};
use local_aws::iam::{Line, union};
use serde_json::json;
use tests::{end_platform, run_folder};

/// With the key of `claim`, which may keep the record and nothing else.
const SCRIPT: &str = r"
def asks(call, **parameters):
    try:
        call(**parameters)
        return 'allowed'
    except ClientError as error:
        return [error.response['Error']['Code'], error.response['ResponseMetadata']['HTTPStatusCode'], error.response['Error']['Message']]
def claims(service):
    return boto3.client(service, aws_access_key_id='function-claim', aws_secret_access_key='local', config=Config(retries={'total_max_attempts': 1}))
item = {'TableName': 'Upgrades', 'Key': {'database': {'S': 'orders'}}}
print(json.dumps([
    asks(claims('dynamodb').get_item, **item),
    asks(claims('dynamodb').delete_item, **item),
    asks(claims('rds').describe_db_instances, DBInstanceIdentifier='orders'),
    asks(claims('sns').publish, TopicArn='arn:aws:sns:eu-west-1:123456789012:Topic', Message='hello'),
    asks(client('rds').describe_db_instances),
]))";

fn refused(action: &str, resource: &str) -> String {
    format!(
        "User: arn:aws:sts::123456789012:assumed-role/claim/claim is not authorized to perform: {action} \
         on resource: {resource} because no identity-based policy allows the {action} action"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_policy_allows_is_refused_in_the_words_of_the_service() -> Result<()> {
    let folder = run_folder("privileges");
    let privileges = folder.join("privileges");
    let options = Options {
        schedules: false,
        privileges: privileges.clone(),
        ..Options::new(folder)
    };
    let platform = Platform::start(options, &|_| {}).await?;
    let seen = python(&platform.endpoint, SCRIPT).await?;
    let arn =
        |service: &str, rest: &str| format!("arn:aws:{service}:eu-west-1:123456789012:{rest}");
    let deleting = refused("dynamodb:DeleteItem", &arn("dynamodb", "table/Upgrades"));
    let describing = refused("rds:DescribeDBInstances", &arn("rds", "db:orders"));
    let publishing = refused("sns:Publish", &arn("sns", "Topic"));
    let wanted = json!([
        "allowed",
        ["AccessDeniedException", 400, deleting],
        ["AccessDenied", 403, describing],
        ["AuthorizationError", 403, publishing],
        "allowed",
    ]);
    assert_eq!(seen, wanted);
    let kept = union(&privileges)?;
    let denied = |line: &&Line| line.caller == "claim" && line.statement.is_none();
    assert_eq!(kept.iter().filter(denied).count(), 3);
    let why = "a person's calls are no role's permissions";
    assert_eq!(kept.len(), 4, "{why}: {kept:?}");
    end_platform(platform).await
}
