use super::*;
use crate::gateway::{Caller, protocol};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the services know in a test.
#[derive(Debug, Default)]
pub struct World {
    tags: BTreeMap<String, Tags>,
    waiting: BTreeMap<String, String>,
}

impl World {
    /// One resource has one tag.
    pub fn tagged(arn: &str, key: &str, value: &str) -> Self {
        let tags = [(key.to_owned(), value.to_owned())].into();
        Self {
            tags: [(arn.to_owned(), tags)].into(),
            waiting: BTreeMap::new(),
        }
    }
}

impl Facts for World {
    fn tags(&self, arn: &str) -> Option<Tags> {
        self.tags.get(arn).cloned()
    }

    fn machine_of(&self, token: &str) -> Option<String> {
        self.waiting.get(token).cloned()
    }
}

/// A call as it comes in.
pub fn call(service: &str, method: Method, path: &'static str, header: &str, body: Bytes) -> Call {
    let mut headers = HeaderMap::new();
    match header {
        "" => {}
        "cbor" => {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
        }
        target => {
            headers.insert("x-amz-target", HeaderValue::from_str(target).unwrap());
        }
    }
    let uri = Uri::from_static(path);
    let caller = Caller::Function("plan".to_owned());
    protocol::call(caller, service, method, uri, headers, body)
}

/// A call of RDS.
pub fn rds(form: &'static str) -> Call {
    form_call("rds", form)
}

fn form_call(service: &str, form: &'static str) -> Call {
    call(service, Method::POST, "/", "", Bytes::from(form))
}

fn json_call(service: &str, target: &str, body: &Value) -> Call {
    let body = Bytes::from(body.to_string());
    call(service, Method::POST, "/", target, body)
}

/// Actions and resources, without what is the same in every ARN.
fn needs(call: &Call, facts: &dyn Facts) -> Vec<String> {
    let needs = Request::of(call, facts).needs.into_iter();
    let brief = |need: Need| {
        let resource = need.resource.replace("arn:aws:", "");
        let resource = resource.replace(":eu-west-1:123456789012:", ":");
        format!("{} {resource}", need.action)
    };
    needs.map(brief).collect()
}

fn of_rds(form: &'static str) -> Vec<String> {
    needs(&rds(form), &World::default())
}

#[test]
fn what_looks_is_about_what_it_names_or_about_all() {
    for (form, need) in [
        (
            "Action=DescribeDBInstances",
            "rds:DescribeDBInstances rds:db:*",
        ),
        (
            "Action=DescribeDBInstances&DBInstanceIdentifier=Orders",
            "rds:DescribeDBInstances rds:db:orders",
        ),
        (
            "Action=DescribeBlueGreenDeployments&Filters.Filter.1.Name=source",
            "rds:DescribeBlueGreenDeployments rds:deployment:*",
        ),
        (
            "Action=DescribeDBParameters&DBParameterGroupName=orders-17",
            "rds:DescribeDBParameters rds:pg:orders-17",
        ),
        (
            "Action=DescribeDBEngineVersions&Engine=postgres",
            "rds:DescribeDBEngineVersions *",
        ),
    ] {
        assert_eq!(of_rds(form), [need]);
    }
}

#[test]
fn what_is_made_with_tags_needs_the_right_to_tag_it() {
    let snapshot =
        "Action=CreateDBSnapshot&DBInstanceIdentifier=orders&DBSnapshotIdentifier=before";
    let both = [
        "rds:CreateDBSnapshot rds:db:orders",
        "rds:CreateDBSnapshot rds:snapshot:before",
    ];
    assert_eq!(of_rds(snapshot), both);
    let tagged = "Action=CreateDBSnapshot&DBInstanceIdentifier=orders&DBSnapshotIdentifier=before\
                  &Tags.Tag.1.Key=viridian%3Aupgrade&Tags.Tag.1.Value=one";
    assert_eq!(
        of_rds(tagged)[2..],
        ["rds:AddTagsToResource rds:snapshot:before"]
    );
    let tags = Request::of(&rds(tagged), &World::default()).tags;
    assert_eq!(
        tags,
        [("viridian:upgrade".to_owned(), "one".to_owned())].into()
    );
}

#[test]
fn a_deployment_is_made_of_its_source_under_a_name_not_yet_known() {
    let create = "Action=CreateBlueGreenDeployment&BlueGreenDeploymentName=viridian-orders\
                  &Source=arn:aws:rds:eu-west-1:123456789012:db:orders&TargetDBParameterGroupName=orders-18\
                  &Tags.Tag.1.Key=a&Tags.Tag.1.Value=b";
    let wanted = [
        "rds:CreateBlueGreenDeployment rds:db:orders",
        "rds:CreateBlueGreenDeployment rds:pg:orders-18",
        "rds:CreateBlueGreenDeployment rds:deployment:*",
        "rds:AddTagsToResource rds:deployment:*",
        "rds:CreateDBInstanceReadReplica rds:db:*",
    ];
    assert_eq!(of_rds(create), wanted);
    let needs = Request::of(&rds(create), &World::default()).needs;
    let besides: Vec<bool> = needs.iter().map(|need| need.besides).collect();
    assert_eq!(besides, [false, false, false, true, true]);
    let tag = "Action=AddTagsToResource&ResourceName=arn:aws:rds:eu-west-1:123456789012:db:orders\
               &Tags.Tag.1.Key=a";
    assert_eq!(of_rds(tag), ["rds:AddTagsToResource rds:db:orders"]);
}

#[test]
fn what_rds_does_to_instances_for_a_deployment_is_needed_besides() {
    let switch = "Action=SwitchoverBlueGreenDeployment&BlueGreenDeploymentIdentifier=bgd-1";
    let wanted = [
        "rds:SwitchoverBlueGreenDeployment rds:deployment:bgd-1",
        "rds:ModifyDBInstance rds:db:*",
        "rds:PromoteReadReplica rds:db:*",
    ];
    assert_eq!(of_rds(switch), wanted);
    let record = "Action=DeleteBlueGreenDeployment&BlueGreenDeploymentIdentifier=bgd-1";
    let alone = ["rds:DeleteBlueGreenDeployment rds:deployment:bgd-1"];
    assert_eq!(of_rds(record), alone);
    let with_green =
        "Action=DeleteBlueGreenDeployment&BlueGreenDeploymentIdentifier=bgd-1&DeleteTarget=true";
    assert_eq!(of_rds(with_green)[1..], ["rds:DeleteDBInstance rds:db:*"]);
}

#[test]
fn other_services_name_theirs_each_in_its_own_way() {
    let world = World {
        tags: BTreeMap::new(),
        waiting: [("AQ1".to_owned(), "arn:aws:states:machine".to_owned())].into(),
    };
    let execution = "arn:aws:states:eu-west-1:123456789012:execution:UpgradeMachine:one";
    let look = |path| call("route53", Method::GET, path, "", Bytes::new());
    let calls = [
        json_call(
            "dynamodb",
            "DynamoDB_20120810.Scan",
            &json!({"TableName": "Upgrades"}),
        ),
        json_call(
            "states",
            "AWSStepFunctions.DescribeExecution",
            &json!({"executionArn": execution}),
        ),
        json_call(
            "states",
            "AWSStepFunctions.SendTaskFailure",
            &json!({"taskToken": "AQ1"}),
        ),
        json_call(
            "secretsmanager",
            "secretsmanager.GetSecretValue",
            &json!({"SecretId": "viridian/orders"}),
        ),
        json_call(
            "monitoring",
            "GraniteServiceVersion20100801.DescribeAlarms",
            &json!({}),
        ),
        look("/2013-04-01/hostedzone/Z1/rrset?maxitems=1"),
        look("/2013-04-01/hostedzonesbyname"),
        look("/2013-04-01/change/C1"),
        form_call("sns", "Action=Publish&TopicArn=arn%3Aaws%3Asns%3Atopic"),
    ];
    let found: Vec<String> = calls.iter().flat_map(|call| needs(call, &world)).collect();
    let wanted = [
        "dynamodb:Scan dynamodb:table/Upgrades",
        "states:DescribeExecution states:execution:UpgradeMachine:one",
        "states:SendTaskFailure states:machine",
        "secretsmanager:GetSecretValue secretsmanager:secret:viridian/orders-AbCdEf",
        "cloudwatch:DescribeAlarms cloudwatch:alarm:*",
        "route53:ListResourceRecordSets route53:::hostedzone/Z1",
        "route53:ListHostedZonesByName *",
        "route53:GetChange route53:::change/C1",
        "sns:Publish sns:topic",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn the_sdk_asks_for_an_alarm_in_cbor() {
    let mut body = Vec::new();
    ciborium::into_writer(&json!({"AlarmName": "errors"}), &mut body).unwrap();
    let path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarmHistory";
    let history = call("monitoring", Method::POST, path, "cbor", Bytes::from(body));
    let wanted = ["cloudwatch:DescribeAlarmHistory cloudwatch:alarm:errors"];
    assert_eq!(needs(&history, &World::default()), wanted);
}

#[test]
fn a_function_is_invoked_with_the_version_that_is_asked_for() {
    for (path, function) in [
        ("/2015-03-31/functions/plan/invocations", "plan"),
        (
            "/2015-03-31/functions/arn:aws:lambda:eu-west-1:123456789012:function:plan:7/invocations",
            "plan:7",
        ),
        (
            "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aplan%3A7/invocations",
            "plan:7",
        ),
    ] {
        let invoke = call("lambda", Method::POST, path, "", Bytes::new());
        let wanted = format!("lambda:InvokeFunction lambda:function:{function}");
        assert_eq!(needs(&invoke, &World::default()), [wanted]);
    }
}

#[test]
fn a_token_that_was_never_issued_is_step_functions_own_to_refuse() {
    let body = json!({"taskToken": "AQ2"});
    let unknown = json_call("states", "AWSStepFunctions.SendTaskFailure", &body);
    assert_eq!(needs(&unknown, &World::default()), Vec::<String>::new());
}

#[test]
fn a_machine_that_waits_for_another_needs_more_than_to_start_it() {
    let machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:back";
    let body = json!({"stateMachineArn": format!("{machine}:live"), "input": "{}"});
    let mut start = json_call("states", "AWSStepFunctions.StartExecution", &body);
    let alone = ["states:StartExecution states:stateMachine:back"];
    assert_eq!(needs(&start, &World::default()), alone);
    start.caller = Caller::Machine("upgrade".to_owned());
    let request = Request::of(&start, &World::default());
    assert_eq!(request.keys[QUALIFIER], ["live"]);
    let both = [alone[0], "states:DescribeExecution states:execution:back:*"];
    assert_eq!(needs(&start, &World::default())[..2], both);
    assert_eq!(request.needs.len(), 6);
}

#[test]
fn a_change_of_records_tells_their_types_and_what_is_done_to_them() {
    let body = "<Change><Action>UPSERT</Action><ResourceRecordSet><Type>CNAME</Type></ResourceRecordSet></Change>\
                <Change><Action>DELETE</Action><ResourceRecordSet><Type>A</Type></ResourceRecordSet></Change>";
    let path = "/2013-04-01/hostedzone/Z1/rrset/";
    let change = call("route53", Method::POST, path, "", Bytes::from(body));
    let keys = Request::of(&change, &World::default()).keys;
    assert_eq!(keys[RECORD_ACTIONS], ["UPSERT", "DELETE"]);
    assert_eq!(keys[RECORD_TYPES], ["CNAME", "A"]);
}

#[test]
fn a_parameter_is_told_by_its_name_and_whether_one_may_be_made() {
    let put = |body| json_call("ssm", "AmazonSSM.PutParameter", &body);
    let over = put(json!({"Name": "/orders/reads", "Value": "a", "Overwrite": true}));
    let wanted = ["ssm:PutParameter ssm:parameter/orders/reads"];
    assert_eq!(needs(&over, &World::default()), wanted);
    let overwrites = |call| Request::of(&call, &World::default()).keys[OVERWRITE].concat();
    assert_eq!(overwrites(over), "true");
    assert_eq!(
        overwrites(put(json!({"Name": "/orders/reads", "Value": "a"}))),
        "false"
    );
}

#[test]
fn a_target_group_is_made_under_its_name_and_with_tags() {
    let body = "Action=CreateTargetGroup&Name=viridian-green-1&Tags.member.1.Key=viridian:owner&Tags.member.1.Value=a";
    let make = form_call("elasticloadbalancing", body);
    let group = "elasticloadbalancing:targetgroup/viridian-green-1/*";
    let wanted =
        ["CreateTargetGroup", "AddTags"].map(|it| format!("elasticloadbalancing:{it} {group}"));
    assert_eq!(needs(&make, &World::default()), wanted);
    let request = Request::of(&make, &World::default());
    assert_eq!(request.keys[CREATE_ACTION], ["CreateTargetGroup"]);
    assert_eq!(request.tags["viridian:owner"], "a");
}
