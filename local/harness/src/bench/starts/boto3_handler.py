"""A function in Python that makes the same first call as Viridian's: a consistent read of the record."""

import json
import os
from urllib.request import Request, urlopen

import boto3

API = os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation"
TABLE = os.environ["UPGRADES_TABLE"]
dynamodb = boto3.client("dynamodb")

while True:
    with urlopen(API + "/next") as work:
        request_id = work.headers["Lambda-Runtime-Aws-Request-Id"]
        event = json.load(work)
    key = {"database": {"S": event["ticket"]["database"]}}
    found = dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
    answer = json.dumps({"found": "Item" in found}).encode()
    urlopen(Request(f"{API}/{request_id}/response", answer)).close()
