"""Drives the local RDS as AWS's own SDK for Python does: `rds.py <endpoint> <stage>…`.

Each stage is a function below; it fails by an exception. What comes back went through botocore's parser, so a wrong
element name or type shows as a missing key or another Python type.
"""

import datetime
import sys
import time

import boto3
import botocore.config
import botocore.exceptions

MASTER = {"MasterUsername": "master", "MasterUserPassword": "only-on-this-machine"}
WAIT = {"Delay": 1, "MaxAttempts": 120}


def client(endpoint):
    return boto3.client(
        "rds",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="person",
        aws_secret_access_key="secret",
        config=botocore.config.Config(retries={"max_attempts": 0}),
    )


def refused(code, status, call, **parameters):
    """The call must fail with this code and HTTP status; returns the message."""
    try:
        call(**parameters)
    except botocore.exceptions.ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found} instead of {(code, status)}: {error}"
        return error.response["Error"]["Message"]
    raise AssertionError(f"{parameters} was not refused with {code}")


def instance(rds, name):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def deployment(rds, name="upgrade"):
    filters = [{"Name": "blue-green-deployment-name", "Values": [name]}]
    found = rds.describe_blue_green_deployments(Filters=filters)["BlueGreenDeployments"]
    return found[0] if found else None


def available(rds, *names):
    for name in names:
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=name, WaiterConfig=WAIT)


def until(what, seconds, look):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def create(rds):
    """An instance that can be upgraded by blue/green, and its replica."""
    rds.create_db_parameter_group(
        DBParameterGroupName="logical", DBParameterGroupFamily="postgres16", Description="for blue/green"
    )
    parameters = {"rds.logical_replication": "1", "max_replication_slots": "20", "max_wal_senders": "20"}
    rds.modify_db_parameter_group(
        DBParameterGroupName="logical",
        Parameters=[
            {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}
            for name, value in parameters.items()
        ],
    )
    made = rds.create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t4g.medium",
        Engine="postgres",
        EngineVersion="16.14",
        AllocatedStorage=20,
        DBName="orders",
        DBParameterGroupName="logical",
        BackupRetentionPeriod=1,
        Tags=[{"Key": "team", "Value": "shop & co"}],
        **MASTER,
    )["DBInstance"]
    assert made["DBInstanceStatus"] == "creating", made
    available(rds, "orders")
    rds.create_db_instance_read_replica(DBInstanceIdentifier="orders-replica", SourceDBInstanceIdentifier="orders")
    available(rds, "orders-replica")


def describe(rds):
    """What an instance looks like, and how it is found."""
    orders, replica = instance(rds, "orders"), instance(rds, "orders-replica")
    assert orders["DBInstanceArn"] == "arn:aws:rds:eu-west-1:123456789012:db:orders"
    assert orders["DbiResourceId"].startswith("db-") and len(orders["DbiResourceId"]) == 29
    assert orders["Endpoint"]["Address"] == "orders.c0ffee000000.eu-west-1.rds.test"
    assert isinstance(orders["Endpoint"]["Port"], int) and orders["Endpoint"]["HostedZoneId"]
    assert isinstance(orders["InstanceCreateTime"], datetime.datetime)
    assert orders["MultiAZ"] is False and orders["AllocatedStorage"] == 20
    assert orders["TagList"] == [{"Key": "team", "Value": "shop & co"}]
    assert orders["DBParameterGroups"] == [{"DBParameterGroupName": "logical", "ParameterApplyStatus": "in-sync"}]
    assert orders["ReadReplicaDBInstanceIdentifiers"] == ["orders-replica"]
    assert replica["ReadReplicaSourceDBInstanceIdentifier"] == "orders"
    for filter, value in [("db-instance-id", "orders"), ("dbi-resource-id", orders["DbiResourceId"])]:
        found = rds.describe_db_instances(Filters=[{"Name": filter, "Values": [value]}])["DBInstances"]
        assert [it["DBInstanceIdentifier"] for it in found] == ["orders"], found
    assert len(rds.describe_db_instances()["DBInstances"]) == 2
    assert refused("DBInstanceNotFound", 404, rds.describe_db_instances, DBInstanceIdentifier="absent")
    assert rds.describe_db_clusters()["DBClusters"] == []
    refused("DBClusterNotFoundFault", 404, rds.describe_db_clusters, DBClusterIdentifier="absent")
    refused("InvalidAction", 400, rds.describe_db_proxies)
    message = refused("InvalidParameterValue", 400, rds.modify_db_instance, DBInstanceIdentifier="orders", PromotionTier=1)
    assert "PromotionTier" in message


def versions(rds):
    """Where one can go from a version."""
    found = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16.4")["DBEngineVersions"]
    targets = {it["EngineVersion"]: it["IsMajorVersionUpgrade"] for it in found[0]["ValidUpgradeTarget"]}
    assert targets == {"16.14": False, "18.4": True}, targets
    assert found[0]["DBParameterGroupFamily"] == "postgres16"
    assert rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16.99")["DBEngineVersions"] == []


def parameters(rds):
    """Static parameters wait for a reboot, and blue/green waits for it too."""
    change = {"ParameterName": "max_connections", "ParameterValue": "150"}
    modify, group = rds.modify_db_parameter_group, "logical"
    refused(
        "InvalidParameterCombination", 400, modify, DBParameterGroupName=group, Parameters=[change | {"ApplyMethod": "immediate"}]
    )
    refused("DBParameterGroupNotFound", 404, modify, DBParameterGroupName="absent", Parameters=[change])
    modify(DBParameterGroupName=group, Parameters=[change | {"ApplyMethod": "pending-reboot"}])
    status = instance(rds, "orders")["DBParameterGroups"][0]["ParameterApplyStatus"]
    assert status == "pending-reboot", status
    source = instance(rds, "orders")["DBInstanceArn"]
    make = rds.create_blue_green_deployment
    message = refused(
        "SourceDatabaseNotSupportedFault", 400, make, BlueGreenDeploymentName="upgrade", Source=source, TargetEngineVersion="18.4"
    )
    assert "in-sync" in message, message
    for name in ("orders", "orders-replica"):
        assert rds.reboot_db_instance(DBInstanceIdentifier=name)["DBInstance"]["DBInstanceStatus"] == "rebooting"
        available(rds, name)
        assert instance(rds, name)["DBParameterGroups"][0]["ParameterApplyStatus"] == "in-sync"
    pages = rds.get_paginator("describe_db_parameters").paginate(
        DBParameterGroupName=group, PaginationConfig={"PageSize": 20}
    )
    found = {it["ParameterName"]: it for page in pages for it in page["Parameters"]}
    assert found["max_connections"]["ParameterValue"] == "150" and found["max_connections"]["ApplyType"] == "static"
    assert len(found) > 20


def tags(rds):
    """Tags stick to what has an ARN."""
    arn = instance(rds, "orders")["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a"])
    found = {it["Key"]: it["Value"] for it in rds.list_tags_for_resource(ResourceName=arn)["TagList"]}
    assert found == {"b": "", "team": "shop & co"}, found


def snapshots(rds):
    """Taken, found, deleted."""
    taken = rds.create_db_snapshot(DBSnapshotIdentifier="before", DBInstanceIdentifier="orders")["DBSnapshot"]
    assert taken["Status"] == "creating"
    rds.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier="before", WaiterConfig=WAIT)
    available(rds, "orders")
    refused(
        "DBSnapshotAlreadyExists", 400, rds.create_db_snapshot, DBSnapshotIdentifier="before", DBInstanceIdentifier="orders"
    )
    found = rds.describe_db_snapshots(DBInstanceIdentifier="orders")["DBSnapshots"]
    assert [it["DBSnapshotIdentifier"] for it in found] == ["before"] and found[0]["PercentProgress"] == 100
    rds.delete_db_snapshot(DBSnapshotIdentifier="before")
    refused("DBSnapshotNotFound", 404, rds.describe_db_snapshots, DBSnapshotIdentifier="before")


def modify(rds):
    """A minor upgrade, a new name, and what is refused."""
    rds.create_db_instance(
        DBInstanceIdentifier="small", DBInstanceClass="db.t4g.micro", Engine="postgres", EngineVersion="16.4", **MASTER
    )
    available(rds, "small")
    change = rds.modify_db_instance
    refused("InvalidParameterCombination", 400, change, DBInstanceIdentifier="small", EngineVersion="18.4", ApplyImmediately=True)
    refused("InvalidParameterCombination", 400, change, DBInstanceIdentifier="small", EngineVersion="16.3", ApplyImmediately=True)
    seen = change(DBInstanceIdentifier="small", EngineVersion="16.14", ApplyImmediately=True)["DBInstance"]
    assert seen["DBInstanceStatus"] == "upgrading"
    refused("InvalidDBInstanceState", 400, change, DBInstanceIdentifier="small", BackupRetentionPeriod=2)
    available(rds, "small")
    assert instance(rds, "small")["EngineVersion"] == "16.14"
    identity = instance(rds, "small")["DbiResourceId"]
    change(DBInstanceIdentifier="small", NewDBInstanceIdentifier="little", ApplyImmediately=True)
    until("the new name", 30, lambda: any(
        it["DBInstanceIdentifier"] == "little" and it["DBInstanceStatus"] == "available"
        for it in rds.describe_db_instances()["DBInstances"]
    ))
    assert instance(rds, "little")["DbiResourceId"] == identity
    change(DBInstanceIdentifier="little", DeletionProtection=True, ApplyImmediately=True)
    available(rds, "little")
    refused("InvalidParameterCombination", 400, rds.delete_db_instance, DBInstanceIdentifier="little", SkipFinalSnapshot=True)
    change(DBInstanceIdentifier="little", DeletionProtection=False, ApplyImmediately=True)
    available(rds, "little")
    refused("InvalidParameterCombination", 400, rds.delete_db_instance, DBInstanceIdentifier="little")
    rds.delete_db_instance(DBInstanceIdentifier="little", FinalDBSnapshotIdentifier="last-of-little")
    rds.get_waiter("db_instance_deleted").wait(DBInstanceIdentifier="little", WaiterConfig=WAIT)
    final = rds.describe_db_snapshots(DBSnapshotIdentifier="last-of-little")["DBSnapshots"][0]
    assert final["Status"] == "available" and final["DbiResourceId"] == identity
    rds.delete_db_snapshot(DBSnapshotIdentifier="last-of-little")


def refusals(rds):
    """What a blue/green deployment is refused for."""
    make, source = rds.create_blue_green_deployment, instance(rds, "orders")["DBInstanceArn"]
    name = {"BlueGreenDeploymentName": "upgrade", "TargetEngineVersion": "18.4"}
    refused("DBInstanceNotFound", 404, make, Source=source + "x", **name)
    refused("SourceDatabaseNotSupportedFault", 400, make, Source=source + "-replica", **name)
    refused("InvalidParameterCombination", 400, make, Source=source, BlueGreenDeploymentName="upgrade", TargetEngineVersion="17.99")
    refused("DBParameterGroupNotFound", 404, make, Source=source, TargetDBParameterGroupName="absent", **name)
    refused("InvalidParameterCombination", 400, make, Source=source, TargetDBParameterGroupName="logical", **name)
    missing = {"BlueGreenDeploymentIdentifier": "bgd-absent"}
    refused("BlueGreenDeploymentNotFoundFault", 404, rds.describe_blue_green_deployments, **missing)
    refused("BlueGreenDeploymentNotFoundFault", 404, rds.switchover_blue_green_deployment, **missing)
    refused("BlueGreenDeploymentNotFoundFault", 404, rds.delete_blue_green_deployment, **missing)
    assert deployment(rds) is None


def provision(rds):
    """Green is made, task by task."""
    made = rds.create_blue_green_deployment(
        BlueGreenDeploymentName="upgrade",
        Source=instance(rds, "orders")["DBInstanceArn"],
        TargetEngineVersion="18.4",
        Tags=[{"Key": "viridian", "Value": "yes"}],
    )["BlueGreenDeployment"]
    identifier = {"BlueGreenDeploymentIdentifier": made["BlueGreenDeploymentIdentifier"]}
    assert made["Status"] == "PROVISIONING" and made["BlueGreenDeploymentIdentifier"].startswith("bgd-")
    assert [it["Name"] for it in made["Tasks"]] == [
        "CREATING_READ_REPLICA_OF_SOURCE", "DB_ENGINE_VERSION_UPGRADE", "CONFIGURE_BACKUPS", "CREATING_TOPOLOGY_OF_SOURCE",
    ]
    refused("InvalidBlueGreenDeploymentStateFault", 400, rds.switchover_blue_green_deployment, **identifier)
    refused(
        "BlueGreenDeploymentAlreadyExistsFault", 400, rds.create_blue_green_deployment,
        BlueGreenDeploymentName="upgrade", Source=made["Source"], TargetEngineVersion="18.4",
    )
    ended = until("green", 120, lambda: (it := deployment(rds))["Status"] != "PROVISIONING" and it)
    assert ended["Status"] == "AVAILABLE", ended
    assert {it["Status"] for it in ended["Tasks"]} == {"COMPLETED"}, ended
    assert {it["Status"] for it in ended["SwitchoverDetails"]} == {"AVAILABLE"}, ended
    assert ended["TagList"] == [{"Key": "viridian", "Value": "yes"}]
    green = rds.describe_db_instances(DBInstanceIdentifier=ended["Target"])["DBInstances"][0]
    assert green["EngineVersion"] == "18.4" and green["DBInstanceStatus"] == "available"
    assert "-green-" in green["DBInstanceIdentifier"] and green["DBInstanceIdentifier"].startswith("orders-")
    assert len(green["ReadReplicaDBInstanceIdentifiers"]) == 1
    found = rds.describe_blue_green_deployments(Filters=[{"Name": "source", "Values": [made["Source"]]}])
    assert len(found["BlueGreenDeployments"]) == 1


def switch(rds):
    """Names and tags change hands, resource ids don't."""
    before = deployment(rds)
    identifier = {"BlueGreenDeploymentIdentifier": before["BlueGreenDeploymentIdentifier"]}
    call = rds.switchover_blue_green_deployment
    refused("InvalidParameterValue", 400, call, SwitchoverTimeout=3601, **identifier)
    blue = instance(rds, "orders")["DbiResourceId"]
    green = rds.describe_db_instances(DBInstanceIdentifier=before["Target"])["DBInstances"][0]["DbiResourceId"]
    assert call(SwitchoverTimeout=30, **identifier)["BlueGreenDeployment"]["Status"] == "SWITCHOVER_IN_PROGRESS"
    refused("InvalidBlueGreenDeploymentStateFault", 400, rds.delete_blue_green_deployment, **identifier)
    ended = until("the switchover", 60, lambda: (it := deployment(rds))["Status"] != "SWITCHOVER_IN_PROGRESS" and it)
    assert ended["Status"] == "SWITCHOVER_COMPLETED", ended
    assert {it["Status"] for it in ended["SwitchoverDetails"]} == {"SWITCHOVER_COMPLETED"}
    assert ended["Source"].endswith(":orders-old1") and ended["Target"].endswith(":orders")
    assert instance(rds, "orders")["DbiResourceId"] == green and instance(rds, "orders")["EngineVersion"] == "18.4"
    assert instance(rds, "orders-old1")["DbiResourceId"] == blue
    assert instance(rds, "orders")["ReadReplicaDBInstanceIdentifiers"] == ["orders-replica"]
    assert instance(rds, "orders-old1")["ReadReplicaDBInstanceIdentifiers"] == ["orders-replica-old1"]
    assert {"Key": "team", "Value": "shop & co"} in instance(rds, "orders")["TagList"]
    messages = [it["Message"] for it in rds.describe_events(SourceType="blue-green-deployment")["Events"]]
    assert "Switchover completed." in messages, messages
    refused("InvalidParameterCombination", 400, rds.delete_blue_green_deployment, DeleteTarget=True, **identifier)


def forget(rds):
    """The record goes, the instances stay."""
    rds.delete_blue_green_deployment(BlueGreenDeploymentIdentifier=deployment(rds)["BlueGreenDeploymentIdentifier"])
    until("the record's end", 30, lambda: deployment(rds) is None)
    assert instance(rds, "orders-old1")["DBInstanceStatus"] == "available"


def discard(rds):
    """Green goes with its deployment, and blue can have another."""
    seen = deployment(rds)
    rds.delete_blue_green_deployment(
        BlueGreenDeploymentIdentifier=seen["BlueGreenDeploymentIdentifier"], DeleteTarget=True
    )
    until("the deployment's end", 60, lambda: deployment(rds) is None)
    refused("DBInstanceNotFound", 404, rds.describe_db_instances, DBInstanceIdentifier=seen["Target"])


def degraded(rds):
    """DDL on blue was noticed."""
    seen = until("the notice", 30, lambda: (it := deployment(rds))["Status"] == "INVALID_CONFIGURATION" and it)
    assert "Replication degraded" in seen["StatusDetails"], seen
    refused(
        "InvalidBlueGreenDeploymentStateFault", 400, rds.switchover_blue_green_deployment,
        BlueGreenDeploymentIdentifier=seen["BlueGreenDeploymentIdentifier"],
    )


def taken_back(rds):
    """A switchover that breaks midway leaves everything as it was."""
    identifier = {"BlueGreenDeploymentIdentifier": deployment(rds)["BlueGreenDeploymentIdentifier"]}
    blue = instance(rds, "orders")["DbiResourceId"]
    rds.switchover_blue_green_deployment(SwitchoverTimeout=30, **identifier)
    ended = until("the end", 60, lambda: (it := deployment(rds))["Status"] != "SWITCHOVER_IN_PROGRESS" and it)
    assert ended["Status"] == "SWITCHOVER_FAILED" and ended["Source"].endswith(":orders"), ended
    assert instance(rds, "orders")["DbiResourceId"] == blue


def called_off(rds):
    """A guardrail stops a switchover before anything is touched."""
    identifier = {"BlueGreenDeploymentIdentifier": deployment(rds)["BlueGreenDeploymentIdentifier"]}
    rds.switchover_blue_green_deployment(SwitchoverTimeout=30, **identifier)
    ended = until("the end", 60, lambda: (it := deployment(rds))["Status"] != "SWITCHOVER_IN_PROGRESS" and it)
    assert ended["Status"] == "AVAILABLE" and "canceled" in ended["StatusDetails"], ended


if __name__ == "__main__":
    endpoint, stages = sys.argv[1], sys.argv[2:]
    for stage in stages:
        started = time.monotonic()
        try:
            globals()[stage](client(endpoint))
        except Exception:
            for event in client(endpoint).describe_events()["Events"]:
                print(event["Date"].time(), event["SourceIdentifier"], event["Message"], file=sys.stderr)
            raise
        print(f"{stage}: {time.monotonic() - started:.2f} s", flush=True)
