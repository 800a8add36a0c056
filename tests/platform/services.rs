//! Alarms, events and faults, as clients see them.

use crate::stage::{Stage, python};
use anyhow::Result;
use aws_sdk_cloudwatch::operation::set_alarm_state::builders::SetAlarmStateFluentBuilder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, HistoryItemType, Metric, MetricDataQuery, MetricDatum, MetricStat, StateValue,
};
use local_aws::calls::Outcome;
use local_aws::faults::{Fault, Target};
use serde_json::{Value, json};
use tests::says;

/// The SDK for Rust, with the key of the function `subject`.
pub fn cloudwatch(stage: &Stage) -> aws_sdk_cloudwatch::Client {
    aws_sdk_cloudwatch::Client::new(&tests::sdk(&stage.endpoint, "subject"))
}

/// Sets the state of an alarm, for a reason.
pub fn set_state(
    stage: &Stage,
    alarm: &str,
    state: StateValue,
    reason: &str,
) -> SetAlarmStateFluentBuilder {
    let set = cloudwatch(stage).set_alarm_state().alarm_name(alarm);
    set.state_value(state).state_reason(reason)
}

/// Whether the alarm `lag` rings.
pub async fn rings(stage: &Stage) -> Result<bool> {
    let seen = cloudwatch(stage).describe_alarms().alarm_names("lag");
    let seen = seen.send().await?;
    Ok(seen.metric_alarms()[0].state_value() == Some(&StateValue::Alarm))
}

/// Lag of the database orders, above 5; made by boto3.
pub async fn make_alarm(stage: &Stage) -> Result<Value> {
    let script = r"
alarms = client('cloudwatch')
alarms.put_metric_alarm(AlarmName='lag', MetricName='Lag', Namespace='Shop', Statistic='Maximum', Period=60,
    Dimensions=[{'Name': 'Database', 'Value': 'orders'}], EvaluationPeriods=1, Threshold=5, ComparisonOperator='GreaterThanThreshold',
    TreatMissingData='notBreaching', Tags=[{'Key': 'viridian:database', 'Value': 'orders'}])
alarm = alarms.describe_alarms(AlarmNames=['lag'])['MetricAlarms'][0]
print(json.dumps({'state': alarm['StateValue'], 'arn': alarm['AlarmArn'], 'year': alarm['StateUpdatedTimestamp'].year,
    'tags': alarms.list_tags_for_resource(ResourceARN=alarm['AlarmArn'])['Tags']}))";
    python(&stage.endpoint, script).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_made_with_boto3_rings_for_the_sdk_and_its_event_reaches_a_function() -> Result<()>
{
    let stage = Stage::new("alarm")?;
    let made = make_alarm(&stage).await?;
    assert_eq!(made["state"], "INSUFFICIENT_DATA");
    let tag = json!({"Key": "viridian:database", "Value": "orders"});
    assert_eq!(made["tags"], json!([tag]));
    let reason = "the lag was [9.5]";
    let set = set_state(&stage, "lag", StateValue::Alarm, reason);
    set.send().await?;
    let alarms = cloudwatch(&stage);
    let ringing = alarms.describe_alarms().state_value(StateValue::Alarm);
    let seen = ringing.send().await?;
    let alarm = &seen.metric_alarms()[0];
    assert_eq!((alarm.threshold(), alarm.period()), (Some(5.0), Some(60)));
    says(alarm.state_reason().unwrap_or_default(), &["[9.5]"]);
    let history = alarms.describe_alarm_history().alarm_name("lag");
    let history = history.history_item_type(HistoryItemType::StateUpdate);
    let history = history.send().await?;
    let last = &history.alarm_history_items()[0];
    let told = "Alarm updated from INSUFFICIENT_DATA to ALARM";
    assert_eq!(last.history_summary(), Some(told));
    assert_eq!(last.timestamp(), alarm.state_updated_timestamp());
    let event = stage.recorded().await?;
    assert_eq!(event["detail-type"], "CloudWatch Alarm State Change");
    assert_eq!(event["resources"][0], made["arn"]);
    let detail = &event["detail"];
    assert_eq!(detail["alarmName"], "lag");
    let metric = &detail["configuration"]["metrics"][0]["metricStat"]["metric"];
    assert_eq!(metric["dimensions"]["Database"], "orders");
    assert_eq!(detail["previousState"]["value"], "INSUFFICIENT_DATA");
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_sdk_wrote_of_a_metric_is_read_per_period_by_the_sdk_and_by_boto3() -> Result<()> {
    let stage = Stage::new("metrics")?;
    let metrics = cloudwatch(&stage);
    let orders = Dimension::builder().name("Database").value("orders");
    let orders = orders.build();
    for (second, value) in [(60, 1.0), (90, 3.5), (240, 9.5)] {
        let lag = MetricDatum::builder().metric_name("Lag").value(value);
        let lag = lag.dimensions(orders.clone());
        let lag = lag.timestamp(DateTime::from_secs(second)).build();
        let put = metrics.put_metric_data().namespace("Shop");
        put.metric_data(lag).send().await?;
    }
    let metric = Metric::builder().namespace("Shop").metric_name("Lag");
    let metric = metric.dimensions(orders).build();
    let largest = MetricStat::builder().metric(metric).period(60);
    let largest = largest.stat("Maximum").build();
    let query = MetricDataQuery::builder().id("lag").metric_stat(largest);
    let read = metrics
        .get_metric_data()
        .metric_data_queries(query.build())
        .start_time(DateTime::from_secs(0))
        .end_time(DateTime::from_secs(300))
        .send()
        .await?;
    let read = &read.metric_data_results()[0];
    let times: Vec<i64> = read.timestamps().iter().map(DateTime::secs).collect();
    assert_eq!(
        (times.as_slice(), read.values()),
        ([240, 60].as_slice(), [9.5, 3.5].as_slice())
    );
    let script = r"
metric = {'Namespace': 'Shop', 'MetricName': 'Lag', 'Dimensions': [{'Name': 'Database', 'Value': 'orders'}]}
query = {'Id': 'lag', 'MetricStat': {'Metric': metric, 'Period': 60, 'Stat': 'Average'}}
read = client('cloudwatch').get_metric_data(MetricDataQueries=[query], StartTime=0, EndTime=300, ScanBy='TimestampAscending')
read = read['MetricDataResults'][0]
print(json.dumps([[int(at.timestamp()) for at in read['Timestamps']], read['Values'], read['StatusCode']]))";
    let read = python(&stage.endpoint, script).await?;
    assert_eq!(read, json!([[60, 240], [2.25, 9.5], "Complete"]));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_implemented_is_refused_and_an_unknown_alarm_is_not_found() -> Result<()> {
    let stage = Stage::new("refusals")?;
    let script = r"
alarms = client('cloudwatch')
def code(call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        return error.response['Error']['Code']
print(json.dumps([
    code(alarms.set_alarm_state, AlarmName='absent', StateValue='OK', StateReason='a test'),
    code(alarms.describe_alarms, ChildrenOfAlarmName='lag'),
    code(alarms.put_composite_alarm, AlarmName='both', AlarmRule='TRUE'),
]))";
    let codes = python(&stage.endpoint, script).await?;
    assert_eq!(
        codes,
        json!([
            "ResourceNotFound",
            "InvalidParameterValue",
            "UnknownOperation"
        ])
    );
    let set = set_state(&stage, "absent", StateValue::Ok, "a test");
    let refused = set.send().await;
    assert!(refused.is_err_and(|error| error.into_service_error().is_resource_not_found()));
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_call_and_a_lost_answer_are_tried_again_by_the_sdk() -> Result<()> {
    let stage = Stage::new("faults")?;
    make_alarm(&stage).await?;
    let faults = &stage.gateway.faults;
    let ours = Target::first("monitoring", "DescribeAlarms").by("subject");
    let setting = Target::first("monitoring", "SetAlarmState");
    let elsewhere = Target::every("monitoring", "DescribeAlarms").by("plan");
    let planted = [
        faults.plant(ours, Fault::Throttle),
        faults.plant(setting, Fault::LoseAnswer),
        faults.plant(elsewhere, Fault::FailBefore),
    ];
    let set = set_state(&stage, "lag", StateValue::Alarm, "a test");
    set.send().await?;
    assert!(rings(&stage).await?);
    assert_eq!(planted.map(|fault| fault.fired()), [1, 1, 0]);
    let outcomes = |operation: &str| -> Vec<Outcome> {
        let calls = &stage.gateway.calls;
        let calls = calls.matching(|call| call.caller == "subject" && call.operation == operation);
        calls.into_iter().map(|call| call.outcome).collect()
    };
    let refused = Outcome::Refused {
        code: "Throttling".to_owned(),
    };
    assert_eq!(outcomes("DescribeAlarms"), [refused, Outcome::Done]);
    assert_eq!(outcomes("SetAlarmState"), [Outcome::Lost, Outcome::Done]);
    let written = std::fs::read_to_string(stage.folder().join("calls.jsonl"))?;
    assert_eq!(written.lines().count(), stage.gateway.calls.all().len());
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_sees_faults_in_the_words_of_the_service() -> Result<()> {
    let stage = Stage::new("fault-words")?;
    let faults = &stage.gateway.faults;
    let second = Target::nth("monitoring", "ListMetrics", 1..=1);
    let planted = [
        faults.plant(Target::first("monitoring", "ListMetrics"), Fault::Throttle),
        faults.plant(second, Fault::FailBefore),
        faults.plant(Target::first("lambda", "ListFunctions"), Fault::Throttle),
        faults.plant(Target::first("monitoring", "DescribeAlarms"), Fault::Refuse),
    ];
    let script = r"
from botocore.exceptions import ConnectionClosedError
def code(call):
    try:
        call()
    except ClientError as error:
        return error.response['Error']['Code']
    except ConnectionClosedError:
        return 'closed'
alarms = client('cloudwatch')
print(json.dumps([code(alarms.list_metrics), code(alarms.list_metrics), code(alarms.list_metrics),
    code(client('lambda').list_functions), code(alarms.describe_alarms), code(alarms.describe_alarms)]))";
    let codes = python(&stage.endpoint, script).await?;
    assert_eq!(
        codes,
        json!([
            "Throttling",
            "InternalFailure",
            null,
            "TooManyRequestsException",
            "closed",
            null
        ])
    );
    assert_eq!(planted.map(|planted| planted.fired()), [1, 1, 1, 1]);
    stage.end().await
}
