"""Upgrades the database of `local up` as a person would, by the `aws` CLI and by boto3: `clients.py <aws> <minutes>`.

The environment names the endpoint and the credentials. `minutes` is how long RDS takes to make green.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
from history import derived, well_formed

AWS, GREEN_MINUTES = sys.argv[1], int(sys.argv[2])
REQUEST = {"database": "orders", "target_version": "18.4", "bake_minutes": 10, "watch_hours": 1}
# None of the person's own settings, and times as text whatever the protocol.
CONFIG = tempfile.NamedTemporaryFile("w", suffix=".ini")
CONFIG.write("[default]\ncli_timestamp_format = iso8601\n")
CONFIG.flush()
ENVIRONMENT = os.environ | {"AWS_CONFIG_FILE": CONFIG.name}
REHEARSE = Path(__file__).parents[2] / "infra/rehearse"
MOST_EVENTS = 2_000
PATIENCE = 300
STATES, RDS = boto3.client("stepfunctions"), boto3.client("rds")


def aws(*arguments):
    """What the CLI says."""
    done = subprocess.run([AWS, *arguments, "--output", "json"], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
    return json.loads(done.stdout) if done.stdout.strip() else None


def plain(answer):
    """boto3's answer in the CLI's words: JSON with times as text, without what belongs to the transport."""
    return json.loads(json.dumps(
        {key: value for key, value in answer.items() if key != "ResponseMetadata"}, default=lambda at: at.isoformat()
    ))


def machines():
    """The ARNs of the machines by their names, which both clients list alike."""
    pages = STATES.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1})
    arns = {it["name"]: it["stateMachineArn"] for page in pages for it in page["stateMachines"]}
    listed = aws("stepfunctions", "list-state-machines")["stateMachines"]
    assert arns == {it["name"]: it["stateMachineArn"] for it in listed}, listed
    return arns


def rehearse(arns):
    """`infra/rehearse` takes no database that is not marked for it, nor one that a request names; then it plans. The execution."""
    def run(*options):
        typed = [REHEARSE, *options, "viridian", "orders", "18.4"]
        path = f"{Path(AWS).parent}:{os.environ['PATH']}"
        return subprocess.run(typed, capture_output=True, text=True, check=False, env=ENVIRONMENT | {"PATH": path})
    upgrade, folder = arns["viridian-upgrade"], tempfile.TemporaryDirectory()
    dry = ("--dry-run", "--upgrade-machine", upgrade, "--rollback-machine", arns["viridian-rollback"], "--table", "Upgrades")
    unmarked = run(*dry)
    assert unmarked.returncode == 2 and "viridian:rehearsal = yes" in unmarked.stderr, unmarked
    instance = RDS.describe_db_instances(DBInstanceIdentifier="orders")["DBInstances"][0]["DBInstanceArn"]
    RDS.add_tags_to_resource(ResourceName=instance, Tags=[{"Key": "viridian:rehearsal", "Value": "yes"}])
    other = run(*dry, "--request", '{"database": "billing"}')
    assert other.returncode == 2 and "may not name database" in other.stderr, other
    assert not STATES.list_executions(stateMachineArn=upgrade)["executions"], "nothing was begun so far"
    done = run(*dry, "--folder", folder.name)
    assert done.returncode == 0 and "nothing in the way" in done.stderr, done
    assert json.loads(Path(folder.name, "report.json").read_text())["good"], done.stdout
    return STATES.list_executions(stateMachineArn=upgrade)["executions"][0]["executionArn"]


def start(upgrade):
    """Started by the CLI; the same start once more is the same execution, for boto3 as well."""
    name, request = "by-hand", json.dumps(REQUEST)
    typed = ("stepfunctions", "start-execution", "--state-machine-arn", upgrade, "--name", name, "--input", request)
    started = aws(*typed)
    again = plain(STATES.start_execution(stateMachineArn=upgrade, name=name, input=request))
    assert started == again, (started, again)
    return started["executionArn"]


def deployments():
    pages = RDS.get_paginator("describe_blue_green_deployments").paginate()
    return [it for page in pages for it in page["BlueGreenDeployments"]]


def follow(execution):
    """Looks on until the end; gives the deployment's id, and its statuses in their order."""
    statuses, identifier, end = [], None, time.monotonic() + PATIENCE
    while (seen := STATES.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < end, f"still running after {PATIENCE} s: {events(execution, reverseOrder=True)[:5]}"
        for deployment in deployments():
            identifier = deployment["BlueGreenDeploymentIdentifier"]
            if deployment["Status"] not in statuses:
                statuses.append(deployment["Status"])
                # Not while RDS switches: the CLI takes a second of these cores to start.
                if deployment["Status"] == "AVAILABLE":
                    in_between(execution, identifier)
        time.sleep(0.2)
    assert seen["status"] == "SUCCEEDED", (seen, events(execution, reverseOrder=True)[:10])
    return identifier, statuses


def in_between(execution, identifier):
    """While the upgrade runs the CLI sees what boto3 sees, and a history without an end."""
    listed = aws("rds", "describe-blue-green-deployments")["BlueGreenDeployments"]
    assert [it["BlueGreenDeploymentIdentifier"] for it in listed] == [identifier], listed
    assert listed[0]["Source"] and listed[0]["CreateTime"], listed
    assert aws("stepfunctions", "describe-execution", "--execution-arn", execution)["status"] == "RUNNING"
    so_far = events(execution)
    assert not so_far[-1]["type"].startswith("Execution"), so_far[-1]
    well_formed(so_far, ended=False)


def events(execution, **options):
    """The whole history, by boto3, in pages of 30."""
    pages = STATES.get_paginator("get_execution_history")
    pages = pages.paginate(executionArn=execution, PaginationConfig={"PageSize": 30}, **options)
    return [event for page in pages for event in page["events"]]


def the_end(execution, before):
    """Both clients tell the same end, and the execution before it."""
    told = STATES.describe_execution(executionArn=execution)
    assert plain(told) == aws("stepfunctions", "describe-execution", "--execution-arn", execution)
    assert json.loads(told["input"]) == REQUEST and told["startDate"] < told["stopDate"]
    output = json.loads(told["output"])
    assert output["summary"] and output["receipt"], output
    upgrade = told["stateMachineArn"]
    try:
        raise AssertionError(STATES.start_execution(stateMachineArn=upgrade, name=told["name"], input=told["input"]))
    except STATES.exceptions.ExecutionAlreadyExists:
        pass
    for status, expected in [("SUCCEEDED", [execution, before]), ("RUNNING", []), ("FAILED", [])]:
        pages = STATES.get_paginator("list_executions").paginate(stateMachineArn=upgrade, statusFilter=status)
        assert [it["executionArn"] for page in pages for it in page["executions"]] == expected, status
        listed = aws("stepfunctions", "list-executions", "--state-machine-arn", upgrade, "--status-filter", status)
        assert [it["executionArn"] for it in listed["executions"]] == expected, listed
    pinned = aws("stepfunctions", "describe-state-machine-for-execution", "--execution-arn", execution)
    return json.loads(pinned["definition"])


def the_history(execution):
    """All its pages, forward and backward, by both clients; every event as the service words it."""
    history = events(execution)
    well_formed(history, ended=True)
    assert events(execution, reverseOrder=True) == history[::-1]
    assert len(STATES.get_execution_history(executionArn=execution)["events"]) == min(100, len(history))
    typed = ("stepfunctions", "get-execution-history", "--execution-arn", execution)
    assert aws(*typed)["events"] == [plain(event) for event in history]
    backward = aws(*typed, "--reverse-order", "--page-size", "7", "--no-include-execution-data")["events"]
    assert [(it["id"], it["type"]) for it in backward] == [(it["id"], it["type"]) for it in history[::-1]]
    assert not any({"input", "output"} & set(details) for it in backward for details in it.values() if isinstance(details, dict))
    first = aws(*typed, "--max-items", "40")
    rest = aws(*typed, "--starting-token", first["NextToken"])
    assert [it["id"] for it in first["events"] + rest["events"]] == [it["id"] for it in history]
    return history


def the_databases(identifier, statuses):
    """RDS switched, green has the names, old blue is kept as it was."""
    # `switchover` deletes the record as soon as RDS has switched, so that its last status may be missed; RDS's events stay.
    ways = ["PROVISIONING", "AVAILABLE", "SWITCHOVER_IN_PROGRESS", "SWITCHOVER_COMPLETED", "DELETING"]
    assert statuses == [it for it in ways if it in statuses] and statuses[:2] == ways[:2], statuses
    assert deployments() == [] and aws("rds", "describe-blue-green-deployments")["BlueGreenDeployments"] == []
    try:
        raise AssertionError(RDS.describe_blue_green_deployments(BlueGreenDeploymentIdentifier=identifier))
    except RDS.exceptions.BlueGreenDeploymentNotFoundFault:
        pass
    pages = RDS.get_paginator("describe_events").paginate(SourceType="blue-green-deployment")
    seen = [it for page in pages for it in page["Events"]]
    assert "Switchover completed." in [it["Message"] for it in seen], seen
    assert aws("rds", "describe-events", "--source-type", "blue-green-deployment")["Events"] == [plain(it) for it in seen]
    expected = {"orders": "18.4", "orders-replica": "18.4", "orders-old1": "16.14", "orders-replica-old1": "16.14"}
    pages = RDS.get_paginator("describe_db_instances").paginate(PaginationConfig={"PageSize": 20})
    found = [it for page in pages for it in page["DBInstances"]]
    assert {it["DBInstanceIdentifier"]: it["EngineVersion"] for it in found} == expected, found
    listed = aws("rds", "describe-db-instances")["DBInstances"]
    assert listed == [plain(it) for it in found]
    for name in expected:
        RDS.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    aws("rds", "wait", "db-instance-available", "--db-instance-identifier", "orders")


if __name__ == "__main__":
    found = machines()
    rehearsed = rehearse(found)
    made = start(found["viridian-upgrade"])
    deployment, was = follow(made)
    definition, told = the_end(made, rehearsed), the_history(made)
    the_databases(deployment, was)
    expected = derived(told, definition, GREEN_MINUTES)
    print(f"{len(told)} events here, {expected} in an upgrade at RDS's pace that is watched for a week")
    assert len(told) < MOST_EVENTS and expected < MOST_EVENTS, (len(told), expected)
