//! Lambda, with a real function on the real runtime.

use crate::stage::{Stage, failure, python};
use anyhow::Result;
use futures_util::future;
use local_aws::lambda::Outcome;
use serde_json::{Value, json};
use std::time::Duration;
use tests::says;

/// What a function does that ends once another one has come.
fn meet(stage: &Stage, mine: &str, other: &str) -> Value {
    json!({"do": "meet", "folder": stage.folder(), "mine": mine, "other": other})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_returns_or_fails_under_its_own_name() -> Result<()> {
    let stage = Stage::new("returns")?;
    let payload = json!({"do": "echo", "n": 1});
    let returned = Outcome::Returned(payload.to_string().into());
    assert_eq!(stage.invoke(payload).await?, returned);
    let (kind, message) = failure(&stage.invoke(json!({"do": "fail"})).await?);
    assert_eq!(kind, "Upgrade.Refused");
    assert_eq!(message, "it belongs to another upgrade");
    let panicked = failure(&stage.invoke(json!({"do": "panic"})).await?);
    says(&panicked.1, &["as asked"]);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_its_own_key_and_nothing_of_the_platforms_environment() -> Result<()> {
    let stage = Stage::new("environment")?;
    let Outcome::Returned(payload) = stage.invoke(json!({"do": "environment"})).await? else {
        panic!("it failed")
    };
    let environment: Value = serde_json::from_slice(&payload)?;
    assert_eq!(environment["AWS_ACCESS_KEY_ID"], "function-subject");
    assert_eq!(environment["AWS_ENDPOINT_URL"], stage.endpoint);
    assert_eq!(environment["HOME"], Value::Null);
    assert_eq!(environment["CARGO_MANIFEST_DIR"], Value::Null);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_takes_too_long_is_killed_and_the_next_call_works() -> Result<()> {
    let stage = Stage::hurried("timeout", Duration::from_secs(1))?;
    let alone = stage.invoke(meet(&stage, "one", "absent"));
    let (kind, message) = failure(&alone.await?);
    assert_eq!(kind, "Sandbox.Timedout");
    let why = "Task timed out after 1.00 seconds";
    assert!(message.ends_with(why), "{message}");
    let next = stage.invoke(json!({"do": "echo"})).await?;
    assert!(matches!(next, Outcome::Returned(_)));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_also_what_is_only_being_started() -> Result<()> {
    let stage = Stage::new("stop")?;
    let invoked = (0..8).map(|_| stage.invoke(meet(&stage, "one", "absent")));
    let stopped = async {
        stage.lambda.stop().await;
        anyhow::Ok(())
    };
    let both = future::try_join(future::try_join_all(invoked), stopped);
    let (outcomes, ()) = tokio::time::timeout(Duration::from_mins(1), both).await??;
    for outcome in outcomes {
        failure(&outcome);
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_fails_its_invocation_at_once() -> Result<()> {
    let stage = Stage::new("exit")?;
    let (kind, message) = failure(&stage.invoke(json!({"do": "exit"})).await?);
    assert_eq!(kind, "Runtime.ExitError");
    let why = "Runtime exited with error: exit status 7";
    assert!(message.ends_with(why), "{message}");
    let broken = stage.lambda.invoke("broken", "{}".into()).await?;
    assert!(failure(&broken).1.ends_with("exit status 3"), "{broken:?}");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_invocations_of_a_function_run_at_the_same_time() -> Result<()> {
    let stage = Stage::new("concurrent")?;
    let one = stage.invoke(meet(&stage, "one", "other"));
    let other = stage.invoke(meet(&stage, "other", "one"));
    for outcome in future::try_join_all([one, other]).await? {
        assert!(matches!(outcome, Outcome::Returned(_)), "{outcome:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_is_a_crash_to_its_caller_and_an_idle_one_is_not_killed() -> Result<()> {
    let stage = Stage::new("killed")?;
    let waiting = stage.invoke(meet(&stage, "one", "absent"));
    let killing = async {
        stage.until_running(1).await?;
        anyhow::Ok(stage.lambda.kill("subject"))
    };
    let (outcome, killed) = tokio::join!(waiting, killing);
    assert!(killed?);
    let (kind, message) = failure(&outcome?);
    assert_eq!(kind, "Runtime.ExitError");
    assert!(message.ends_with("signal: killed"), "{message}");
    assert!(!stage.lambda.kill("subject"));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_invokes_a_function() -> Result<()> {
    let stage = Stage::new("boto3-invokes")?;
    let script = r"
functions = client('lambda')
def invoke(name='subject', kind='RequestResponse', payload={'do': 'echo'}):
    try:
        answer = functions.invoke(FunctionName=name, InvocationType=kind, Payload=json.dumps(payload))
        text = answer['Payload'].read().decode()
        return [answer['StatusCode'], answer.get('FunctionError'), answer.get('ExecutedVersion'), json.loads(text) if text else None]
    except ClientError as error:
        return error.response['Error']['Code']
arn = functions.get_function(FunctionName='subject')['Configuration']['FunctionArn']
print(json.dumps({
    'echo': invoke(name=arn + ':1'),
    'fail': invoke(payload={'do': 'fail'}),
    'event': invoke(kind='Event'),
    'dry': invoke(kind='DryRun'),
    'absent': invoke(name='absent'),
    'large': invoke(payload='x' * 7_000_000),
}))";
    let seen = python(&stage.endpoint, script).await?;
    assert_eq!(seen["echo"], json!([200, null, "1", {"do": "echo"}]));
    let refused =
        json!({"errorType": "Upgrade.Refused", "errorMessage": "it belongs to another upgrade"});
    assert_eq!(seen["fail"], json!([200, "Unhandled", "1", refused]));
    assert_eq!(seen["event"][0], 202);
    assert_eq!(seen["dry"][0], 204);
    assert_eq!(seen["absent"], "ResourceNotFoundException");
    assert_eq!(seen["large"], "RequestTooLargeException");
    stage.end().await
}
