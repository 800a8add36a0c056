"""The types of the template that moto's CloudFormation does not make: here moto's own API makes them, from the properties that
CloudFormation resolved. Each gives what `Ref` returns and the attributes; botocore refuses what no such call takes.
"""

import json

import boto3


def alarm(name, properties):
    alarms, name = boto3.client("cloudwatch"), properties.get("AlarmName", name)
    alarms.put_metric_alarm(**{"AlarmName": name} | properties)
    return name, {"Arn": alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["AlarmArn"]}


def schedule(name, properties):
    name = properties.get("Name", name)
    made = boto3.client("scheduler").create_schedule(**{"Name": name} | properties)
    return name, {"Arn": made["ScheduleArn"]}


def function_version(_, properties):
    # moto makes these, but has neither their ARNs nor their numbers.
    made = boto3.client("lambda").publish_version(FunctionName=properties["FunctionName"])
    return made["FunctionArn"], {"Version": made["Version"]}


def function_alias(_, properties):
    return boto3.client("lambda").create_alias(**properties)["AliasArn"], {}


def invocations(name, properties):
    boto3.client("lambda").put_function_event_invoke_config(**properties)
    return name, {}


def machine_version(_, properties):
    machine = properties["StateMachineArn"]
    made = boto3.client("stepfunctions").update_state_machine(stateMachineArn=machine, publish=True)
    return made["stateMachineVersionArn"], {}


def machine_alias(_, properties):
    assert set(properties) == {"Name", "DeploymentPreference"}, properties
    assert properties["DeploymentPreference"]["Type"] == "ALL_AT_ONCE", properties
    version = properties["DeploymentPreference"]["StateMachineVersionArn"]
    routed = [{"stateMachineVersionArn": version, "weight": 100}]
    made = boto3.client("stepfunctions").create_state_machine_alias(name=properties["Name"], routingConfiguration=routed)
    return made["stateMachineAliasArn"], {}


def topic_policy(name, properties):
    policy = json.dumps(properties["PolicyDocument"])
    for topic in properties["Topics"]:
        boto3.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return name, {}


def queue_policy(name, properties):
    policy = json.dumps(properties["PolicyDocument"])
    for queue in properties["Queues"]:
        boto3.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    return name, {}


MADE_BY_API = {
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::Lambda::Alias": function_alias,
    "AWS::Lambda::EventInvokeConfig": invocations,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SQS::QueuePolicy": queue_policy,
    "AWS::Scheduler::Schedule": schedule,
    "AWS::StepFunctions::StateMachineAlias": machine_alias,
    "AWS::StepFunctions::StateMachineVersion": machine_version,
}
