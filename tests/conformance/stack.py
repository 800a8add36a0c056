"""What moto makes of `infra/template.yaml`: `stack.py <stage>…`. Each stage is a function below; it fails by an exception."""

import json
import re
import sys
import time

import boto3
from cloudformation import KNOWN_TO_MOTO, Stack, account, source, translated
from left_out import MADE_BY_API

HERE = "tests/conformance/stack.py"


def parameter_sets():
    """The sets of parameters with which the stack is deployed; together they must turn each condition on and off."""
    key = boto3.client("kms").create_key(Description="The customer's")["KeyMetadata"]["Arn"]
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    boundary = boto3.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(allowed))["Policy"]["Arn"]
    vpc = boto3.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = boto3.client("ec2").create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    group = boto3.client("ec2").create_security_group(VpcId=vpc, GroupName="databases", Description="let in")["GroupId"]
    sets = {
        "plain": {},
        "network": {"SubnetIds": made, "SecurityGroupIds": group},
        "key": {"KmsKeyArn": key},
        "boundary": {"PermissionsBoundary": boundary},
        "schedule": {
            "ScheduleExpression": "at(2030-01-06T03:00:00)",
            "ScheduleInput": '{"database": "orders", "target_version": "18.4"}',
        },
        "requests": {"RequestSource": "com.example.releases"},
    }
    sets["together"] = {name: value for parameters in sets.values() for name, value in parameters.items()}
    return {name: sets["plain"] | parameters for name, parameters in sets.items()}


def types(sets):
    """Who makes what: moto's CloudFormation, or by name moto's API."""
    there = {resource["Type"] for resource in translated(sets["plain"])["Resources"].values()}
    unmade = there - KNOWN_TO_MOTO - set(MADE_BY_API)
    assert not unmade, f"moto's CloudFormation can't make {sorted(unmade)}: add how its API does to MADE_BY_API in left_out.py"
    learnt = KNOWN_TO_MOTO & set(MADE_BY_API)
    assert not learnt, f"moto's CloudFormation has learnt to make {sorted(learnt)}: remove them from left_out.py"
    gone = set(MADE_BY_API) - there
    assert not gone, f"the template has no {sorted(gone)} any more: remove them from left_out.py"
    asked = {name for name, parameter in source()["Parameters"].items() if "Default" not in parameter} - set(sets["plain"])
    assert not asked, f"{sorted(asked)} have no default: give them a value in the set `plain` in {HERE}"


def conditions(sets):
    """Deployed with each set of conditions, and each time everything is as the template says."""
    seen = {name: set() for name in source()["Conditions"]}
    for name, parameters in sets.items():
        stack = Stack(f"viridian-{name}", **parameters)
        for condition, value in stack.conditions.items():
            seen[condition].add(value)
        for check in (functions, machines, rules, schedules, table, messages, logs, roles, references):
            check(stack)
    fixed = [name for name, values in seen.items() if values != {True, False}]
    assert not fixed, f"{fixed} never changed: add parameters that turn them to parameter_sets in {HERE}"


def functions(stack):
    lambdas, taken = boto3.client("lambda"), set()
    for name, made, wanted in stack.of("AWS::Lambda::Function"):
        found = lambdas.get_function_configuration(FunctionName=made)
        for field in ("Runtime", "Handler", "Role", "Timeout", "MemorySize"):
            assert found[field] == wanted[field], f"{name}: {field} is {found[field]} instead of {wanted[field]}"
        assert (found["Runtime"], found["Handler"]) == ("provided.al2023", "bootstrap"), name
        variables = stack.template["Resources"][name]["Properties"]["Environment"]["Variables"]
        unset = [key for key, value in variables.items() if "Fn::If" not in value and key not in found["Environment"]["Variables"]]
        assert not unset, f"{name}: {unset} lead nowhere"
        assert found["Environment"]["Variables"]["UPGRADES_TABLE"] == stack.ids["Upgrades"], name
        assert found["Role"] not in taken, f"{name} shares its role"
        taken.add(found["Role"])
        assert ("VpcConfig" in wanted) <= stack.conditions["InVpc"], name
        inside = found.get("VpcConfig", {}).get("SubnetIds", [])
        assert inside == wanted.get("VpcConfig", {}).get("SubnetIds", []), f"{name}: {inside}"
        # moto's CloudFormation hands none of these to its Lambda.
        assert wanted["Architectures"] == ["arm64"] and wanted["LoggingConfig"]["LogFormat"] == "JSON", name
        assert wanted["LoggingConfig"]["LogGroup"] == stack.ids[f"{name}Logs"], name
        alias = lambdas.get_alias(FunctionName=made, Name="live")
        assert alias["FunctionVersion"] == "1", f"{name}: {alias}"
    networked = any("VpcConfig" in wanted for _, _, wanted in stack.of("AWS::Lambda::Function"))
    assert networked == stack.conditions["InVpc"]


def machines(stack):
    states, lambdas = boto3.client("stepfunctions"), boto3.client("lambda")
    assert len(stack.of("AWS::StepFunctions::StateMachine")) == 2
    for name, made, wanted in stack.of("AWS::StepFunctions::StateMachine"):
        found = states.describe_state_machine(stateMachineArn=made)
        text, called = found["definition"], set()
        assert "${" not in text and found["roleArn"] == wanted["RoleArn"], name
        for state in json.loads(text)["States"].values():
            if state.get("Resource", "").startswith("arn:aws:states:::lambda:"):
                called.add(state["Arguments"]["FunctionName"])
        assert called, f"{name} calls nothing"
        for arn in called:
            assert lambdas.get_function(FunctionName=arn)["Configuration"]["Version"] == "1", f"{name} calls {arn}"
        alias = states.describe_state_machine_alias(stateMachineAliasArn=f"{made}:live")
        assert alias["routingConfiguration"] == [{"stateMachineVersionArn": f"{made}:1", "weight": 100}], alias


def rules(stack):
    events = boto3.client("events")
    assert ("UpgradeRequested" in stack.ids) == stack.conditions["TakesRequests"]
    for name, made, _ in stack.of("AWS::Events::Rule"):
        assert json.loads(events.describe_rule(Name=made)["EventPattern"])["detail-type"], name
        targets = events.list_targets_by_rule(Rule=made)["Targets"]
        assert targets, f"{name} has no targets"
        for target in targets:
            assert target["Arn"].endswith(":live"), f"{name}: {target}"
            assert target.get("DeadLetterConfig") == {"Arn": queue(stack)["QueueArn"]}, f"{name}: {target}"
            assert (":states:" in target["Arn"]) == ("RoleArn" in target), f"{name}: {target}"


def schedules(stack):
    assert ("UpgradeScheduled" in stack.ids) == stack.conditions["Scheduled"]
    for name, made, _ in stack.of("AWS::Scheduler::Schedule"):
        found = boto3.client("scheduler").get_schedule(Name=made)
        assert found["Target"]["Arn"].endswith(":live") and found["Target"]["RoleArn"], f"{name}: {found}"
        if name == "UpgradeScheduled":
            assert found["ScheduleExpression"] == stack.parameters["ScheduleExpression"]
            assert json.loads(found["Target"]["Input"])["detail"] == json.loads(stack.parameters["ScheduleInput"])
            assert found["Target"].get("DeadLetterConfig") == {"Arn": queue(stack)["QueueArn"]}, f"{name}: {found}"


def table(stack):
    dynamodb, name, wanted = boto3.client("dynamodb"), stack.ids["Upgrades"], stack.resolved["Upgrades"]
    found = dynamodb.describe_table(TableName=name)["Table"]
    assert found["KeySchema"] == [{"AttributeName": "database", "KeyType": "HASH"}] and found["DeletionProtectionEnabled"]
    assert wanted["SSESpecification"].get("KMSMasterKeyId") == stack.parameters.get("KmsKeyArn"), f"{stack.name}: {wanted}"
    assert wanted["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, wanted
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    made = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    assert made == "DISABLED", f"moto's CloudFormation has learnt point-in-time recovery: look at moto's in {HERE}"


def queue(stack):
    found = boto3.client("sqs").get_queue_attributes(QueueUrl=stack.ids["LostEvents"], AttributeNames=["All"])
    return found["Attributes"]


def messages(stack):
    own = "TopicKey" in stack.ids
    assert own == stack.conditions["OwnKey"] == (not stack.conditions["HasKey"])
    expected = stack.ids["TopicKey"] if own else stack.parameters["KmsKeyArn"]
    there = {name for key in boto3.client("kms").list_keys()["Keys"] for name in key.values()}
    assert expected in there, expected
    for name in ("Topic", "ChatTopic"):
        topic = boto3.client("sns").get_topic_attributes(TopicArn=stack.ids[name])["Attributes"]
        assert topic["KmsMasterKeyId"] == expected, topic
        assert "aws:SecureTransport" in topic["Policy"], topic
    lost = queue(stack)
    assert lost.get("KmsMasterKeyId") == stack.parameters.get("KmsKeyArn"), lost
    assert own <= (lost.get("SqsManagedSseEnabled") == "true"), lost
    assert "aws:SecureTransport" in lost["Policy"], lost


def logs(stack):
    pages = boto3.client("logs").get_paginator("describe_log_groups").paginate()
    found = {group["logGroupName"]: group for page in pages for group in page["logGroups"]}
    for name, made, wanted in stack.of("AWS::Logs::LogGroup"):
        assert found[made]["retentionInDays"] == 365, f"{name}: {found[made]}"
        assert wanted.get("KmsKeyId") == stack.parameters.get("KmsKeyArn"), f"{name}: {wanted}"
        assert "kmsKeyId" not in found[made], f"moto's CloudFormation has learnt keys of log groups: look at moto's in {HERE}"


def roles(stack):
    iam, policies = boto3.client("iam"), {made for _, made, _ in stack.of("AWS::IAM::ManagedPolicy")}
    for name, made, wanted in stack.of("AWS::IAM::Role"):
        found = iam.get_role(RoleName=made)["Role"]
        bound = found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        assert bound == stack.parameters.get("PermissionsBoundary"), f"{name} is bound by {bound}"
        made_policies = iam.list_role_policies(RoleName=made)["PolicyNames"]
        assert made_policies and made_policies == [it["PolicyName"] for it in wanted["Policies"]], f"{name}: {made_policies}"
        assert set(wanted.get("ManagedPolicyArns", [])) <= policies, name
        attached = iam.list_attached_role_policies(RoleName=made)["AttachedPolicies"]
        assert not attached, f"moto's CloudFormation has learnt to attach policies: look at moto's in {HERE}"


def references(stack):
    """What is named by its whole ARN, in a policy, a variable, a target or a definition, is there."""
    text = json.dumps(stack.resolved)
    services = r"arn:aws:(?:dynamodb|kms|lambda|sns|sqs|states):eu-west-1:123456789012:[\w:/.$-]+"
    there = set(re.findall(services, json.dumps(list(stack.ids.values())))) | {queue(stack)["QueueArn"]}
    there |= {f"arn:aws:lambda:eu-west-1:123456789012:function:{made}" for _, made, _ in stack.of("AWS::Lambda::Function")}
    there |= {f"arn:aws:dynamodb:eu-west-1:123456789012:table/{stack.ids['Upgrades']}"}
    there |= {key["KeyArn"] for key in boto3.client("kms").list_keys()["Keys"]}
    lost = set(re.findall(services + r"(?<!:)(?![\w:/.$*?-])", text)) - there
    assert not lost, f"nothing is there by the name of {sorted(lost)}"
    # A dashboard has placeholders of its own.
    plain = json.dumps({name: it for name, it in stack.resolved.items() if "DashboardBody" not in it})
    assert "${" not in plain, re.findall(r".{60}\$\{.{30}", plain)


def side_by_side(sets):
    """Two stacks in one Region have nothing in common, and one goes without the other."""
    one, two = Stack("one", **sets["together"]), Stack("two", **sets["together"])
    assert set(one.ids) == set(two.ids)
    common = {name for name, made in one.ids.items() if made and made in two.ids.values()}
    assert not common, f"both stacks have the same {sorted(common)}: their names must begin with the stack's"
    crossed = [name for name, it in one.resolved.items() if re.search(r"\btwo-", json.dumps(it))]
    assert not crossed, f"{crossed} of one stack name what is the other's"
    one.delete()
    left = [it["StackName"] for it in boto3.client("cloudformation").describe_stacks()["Stacks"]]
    assert left == ["two"], left
    for check in (functions, machines, rules, table, messages, logs, roles):
        check(two)
    only_the_table_stays(one)


def only_the_table_stays(stack):
    table = stack.ids["Upgrades"]
    assert boto3.client("dynamodb").describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    names = {made for name, made in stack.ids.items() if name != "Upgrades"}
    there = [it["FunctionName"] for it in boto3.client("lambda").list_functions()["Functions"]]
    there += [it["stateMachineArn"] for it in boto3.client("stepfunctions").list_state_machines()["stateMachines"]]
    there += [it["Name"] for it in boto3.client("events").list_rules()["Rules"]]
    there += [it["TopicArn"] for it in boto3.client("sns").list_topics()["Topics"]]
    there += boto3.client("sqs").list_queues()["QueueUrls"]
    there += [it["RoleName"] for it in boto3.client("iam").list_roles()["Roles"]]
    there += [it["logGroupName"] for it in boto3.client("logs").describe_log_groups()["logGroups"]]
    assert there and not names & set(there), f"the end of the stack left {names & set(there)}"


if __name__ == "__main__":
    for stage in sys.argv[1:]:
        started = time.monotonic()
        with account():
            globals()[stage](parameter_sets())
        print(f"{stage}: {time.monotonic() - started:.2f} s", flush=True)
