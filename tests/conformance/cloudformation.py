"""Deploys `infra/template.yaml` into moto: translated by SAM's own translator, then made by moto's CloudFormation.

Nothing listens anywhere: moto answers inside this process. What its CloudFormation can't do is here and in `left_out.py`.
"""

import contextlib
import copy
import functools
import io
import json
import logging
import os
import re
import sys
import types
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
ARTIFACTS = "artifacts"

os.environ |= {
    "AWS_ACCESS_KEY_ID": "person",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": REGION,
    "MOTO_ACCOUNT_ID": "123456789012",
}

# moto's CloudFormation imports all services that it knows, and API Gateway a validator that nothing here uses.
for module in ("openapi_spec_validator", "openapi_spec_validator.validation", "openapi_spec_validator.validation.exceptions"):
    sys.modules[module] = types.ModuleType(module)
sys.modules["openapi_spec_validator"].validate = None
sys.modules["openapi_spec_validator.validation.exceptions"].OpenAPIValidationError = ValueError

import boto3  # noqa: E402
from left_out import MADE_BY_API, function_version  # noqa: E402
from moto import mock_aws  # noqa: E402
from moto.cloudformation import parsing  # noqa: E402
from moto.core.common_models import CloudFormationModel  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# The translator's own metrics go nowhere, and it says so each time.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)

KNOWN_TO_MOTO = frozenset(model.cloudformation_type() for model in CloudFormationModel.__subclasses__())


@functools.cache
def read():
    return yaml_parse((ROOT / "infra/template.yaml").read_text())


def source():
    """The template as it is written, for a caller that changes it."""
    return copy.deepcopy(read())


def resources_of(template, kind):
    return {name: it for name, it in template["Resources"].items() if it["Type"] == kind}


class NoManagedPolicies:
    """The translator asks for the list of AWS's managed policies; no policy of the template is named by its bare name."""

    def load(self):
        return {}


def packaged(template):
    """The template after `sam package`: code and definitions are in a bucket."""
    for function in resources_of(template, "AWS::Serverless::Function").values():
        binary = function["Metadata"]["BuildProperties"]["Binary"]
        assert function["Properties"]["CodeUri"] == "../", function
        function["Properties"]["CodeUri"] = f"s3://{ARTIFACTS}/{binary}.zip"
    for machine in resources_of(template, "AWS::Serverless::StateMachine").values():
        file = (ROOT / "infra" / machine["Properties"]["DefinitionUri"]).resolve(strict=True)
        machine["Properties"]["DefinitionUri"] = f"s3://{ARTIFACTS}/{file.name}"
    return template


def with_definition(machine):
    """moto knows no definition but one in line. CloudFormation puts in the substitutions itself; a join does the same."""
    properties = machine["Properties"]
    file = ROOT / "statemachine" / properties.pop("DefinitionS3Location")["Key"]
    substitutions = properties.pop("DefinitionSubstitutions")
    pieces = re.split(r"\$\{(\w+)\}", file.read_text())
    pieces[1::2] = [substitutions[name] for name in pieces[1::2]]
    properties["DefinitionString"] = {"Fn::Join": ["", pieces]}


def translated(parameters):
    """What SAM makes of the template, as CloudFormation gets it."""
    template = transform(packaged(source()), dict(parameters), NoManagedPolicies())
    for machine in resources_of(template, "AWS::StepFunctions::StateMachine").values():
        with_definition(machine)
    for version in resources_of(template, "AWS::StepFunctions::StateMachineVersion").values():
        # An attribute of machines that moto doesn't have; only this type asks for it.
        del version["Properties"]["StateMachineRevisionId"]
    return template


def put_artifacts():
    """A zip for each function in moto's S3: a file `bootstrap` in it, as the runtime wants. Nothing calls it here."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
    for function in resources_of(source(), "AWS::Serverless::Function").values():
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("bootstrap", "#!/bin/sh\nexit 1\n")
        binary = function["Metadata"]["BuildProperties"]["Binary"]
        s3.put_object(Bucket=ARTIFACTS, Key=f"{binary}.zip", Body=zipped.getvalue())


class ByApi:
    """A resource that moto's CloudFormation doesn't make, made by moto's API."""

    make = None

    def __init__(self, name, properties):
        self.physical_resource_id, self.attributes = type(self).make(name, properties)

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **kwargs):
        return cls(resource_name, cloudformation_json["Properties"])

    def get_cfn_attribute(self, attribute):
        assert attribute in self.attributes, f"no {attribute} of {self.physical_resource_id}: add it in left_out.py"
        return self.attributes[attribute]

    def delete(self, account_id, region_name):
        """What the end of a stack leaves behind is asked of moto's own CloudFormation only."""

    def is_created(self):
        return True


class MotoMeetsTemplate:
    """What moto does otherwise than CloudFormation, mended; keeps each stack's properties and conditions, resolved."""

    def __init__(self):
        self.resolved, self.conditions = {}, {}
        self.clean, self.parse = parsing.clean_json, parsing.parse_resource_and_generate_name
        parsing.clean_json, parsing.parse_resource_and_generate_name = self.without_nothing, self.remember
        by_api = MADE_BY_API | {"AWS::Lambda::Version": function_version}
        models = {kind: type(kind, (ByApi,), {"make": staticmethod(make)}) for kind, make in by_api.items()}
        parsing.get_model_map().update(models)

    def without_nothing(self, value, resources):
        """Where AWS::NoValue stands in a list, moto leaves a null; CloudFormation leaves nothing."""
        cleaned = self.clean(value, resources)
        return [item for item in cleaned if item is not None] if isinstance(cleaned, list) else cleaned

    def remember(self, name, resource, resources):
        made, stack = self.parse(name, resource, resources), resources["AWS::StackName"]
        self.resolved.setdefault(stack, {})[name] = copy.deepcopy(made[1]["Properties"])
        self.conditions[stack] = dict(resources.lazy_condition_map)
        return made


MOTO = MotoMeetsTemplate()


@contextlib.contextmanager
def account():
    """An empty account, but for the artifacts."""
    MOTO.resolved.clear()
    with mock_aws():
        put_artifacts()
        yield


class Stack:
    """A stack that moto has made."""

    def __init__(self, name, **parameters):
        self.name, self.parameters, self.template = name, parameters, translated(parameters)
        boto3.client("cloudformation").create_stack(
            StackName=name,
            TemplateBody=json.dumps(self.template),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        self.resolved, self.conditions = MOTO.resolved[name], MOTO.conditions[name]
        pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        made = [it for page in pages for it in page["StackResourceSummaries"]]
        # moto lists what a condition leaves out as well, without a name.
        self.ids = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in made if it["LogicalResourceId"]}
        assert set(self.ids) == set(self.resolved), set(self.ids) ^ set(self.resolved)

    def of(self, kind):
        """Each resource of a type that this stack has: name in the template, physical id, resolved properties."""
        return [(name, self.ids[name], self.resolved[name]) for name in resources_of(self.template, kind) if name in self.ids]

    def delete(self):
        boto3.client("cloudformation").delete_stack(StackName=self.name)
