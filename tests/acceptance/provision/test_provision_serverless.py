"""Redshift Serverless, which moto has not: answers of our own, held against botocore's model of the service."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber
from botocore.validate import ParamValidator

from sparkify.config.settings import Settings
from sparkify.etl.errors import ConfigurationError
from sparkify.provision import Names, Spec, create, destroy, inspect, plan_create, plan_destroy
from sparkify.provision.naming import lower_key_value
from tests.support.provision import ACCOUNT, REGION, Injected, Wire, settings

pytestmark = pytest.mark.usefixtures("clean_environment")

ROLE = f"arn:aws:iam::{ACCOUNT}:role/sparkify-redshift"
HOST = f"sparkify.{ACCOUNT}.{REGION}.redshift-serverless.amazonaws.com"
NAMES = Names(identifier="sparkify", kind="serverless", role="sparkify-redshift")
TAGS = lower_key_value(NAMES.tags_in(REGION))


def arn(what: str) -> str:
    return f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:{what}/7a1f0000-0000-0000-0000-000000000000"


def namespace(status: str = "AVAILABLE") -> dict[str, Any]:
    return {
        "namespaceName": "sparkify",
        "namespaceArn": arn("namespace"),
        "status": status,
        "dbName": "dev",
        "adminUsername": "awsuser",
        "adminPasswordSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:redshift!sparkify",
        "iamRoles": [ROLE],
    }


def workgroup(status: str = "AVAILABLE") -> dict[str, Any]:
    endpoint = {"endpoint": {"address": HOST, "port": 5439}} if status == "AVAILABLE" else {}
    return {
        "workgroupName": "sparkify",
        "namespaceName": "sparkify",
        "workgroupArn": arn("workgroup"),
        "status": status,
        "baseCapacity": 8,
        "publiclyAccessible": False,
        "enhancedVpcRouting": True,
        **endpoint,
    }


@pytest.fixture
def stubbed(wire: Wire) -> Iterator[Stubber]:
    """Answers in order, each request and answer checked against the service model."""
    with Stubber(wire.client("redshift-serverless")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def answers(stubber: Stubber, what: str, *states: str | None) -> None:
    """What looking at a namespace or workgroup finds, one look after the other; None: it is not there."""
    key = {f"{what}Name": "sparkify"}
    for state in states:
        if state is None:
            stubber.add_client_error(f"get_{what}", "ResourceNotFoundException", expected_params=key)
        else:
            found = namespace(state) if what == "namespace" else workgroup(state)
            stubber.add_response(f"get_{what}", {what: found}, key)
            stubber.add_response("list_tags_for_resource", {"tags": TAGS}, {"resourceArn": arn(what)})


def new_namespace(wire: Wire) -> dict[str, Any]:
    role = f"arn:aws:iam::{wire.account}:role/sparkify-redshift"
    return {
        "namespaceName": "sparkify",
        "dbName": "dev",
        "adminUsername": "awsuser",
        "iamRoles": [role],
        "defaultIamRoleArn": role,
        "tags": TAGS,
        "manageAdminPassword": True,
    }


def new_workgroup(wire: Wire) -> dict[str, Any]:
    groups = wire.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [NAMES.group]}]
    )["SecurityGroups"]
    return {
        "workgroupName": "sparkify",
        "namespaceName": "sparkify",
        "baseCapacity": 8,
        "port": 5439,
        "publiclyAccessible": False,
        "enhancedVpcRouting": True,
        "securityGroupIds": [groups[0]["GroupId"]],
        "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}],
        "tags": TAGS,
    }


class Anything:
    """Equal to everything, to be looked at afterwards."""

    def __eq__(self, other: object) -> bool:
        self.seen = other
        return True

    def __hash__(self) -> int:
        return 0


def test_create_serverless_sends_namespace_and_workgroup(wire: Wire, stubbed: Stubber) -> None:
    of = settings()
    answers(stubbed, "namespace", None)
    stubbed.add_response("create_namespace", {"namespace": namespace()}, new_namespace(wire))
    answers(stubbed, "namespace", "MODIFYING", "AVAILABLE")
    answers(stubbed, "workgroup", None)
    group = Anything()
    spec: dict[str, Any] = {**dict.fromkeys(("workgroupName", "namespaceName"), "sparkify"), "tags": TAGS}
    spec |= {"publiclyAccessible": False, "enhancedVpcRouting": True, "baseCapacity": 8, "port": 5439}
    spec |= {"configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}]}
    stubbed.add_response(
        "create_workgroup", {"workgroup": workgroup("CREATING")}, {**spec, "securityGroupIds": group}
    )
    answers(stubbed, "workgroup", "CREATING", "AVAILABLE")
    made = create(wire.aws(of), Spec.of(of, serverless=True))
    assert group.seen == new_workgroup(wire)["securityGroupIds"]
    assert (made.kind, made.host, made.port, made.state) == ("serverless", HOST, 5439, "available")
    assert made.secret_arn
    assert made.secret_arn.startswith("arn:aws:secretsmanager")
    assert "only while queries run" in str(made.estimate)


def test_create_serverless_resumes(wire: Wire, stubbed: Stubber) -> None:
    of = settings()
    answers(stubbed, "namespace", "AVAILABLE")
    answers(stubbed, "workgroup", "CREATING", "AVAILABLE")
    assert create(wire.aws(of), Spec.of(of, serverless=True)).host == HOST


@pytest.mark.parametrize("snapshot", ["last", None])
def test_destroy_serverless_removes_both(wire: Wire, stubbed: Stubber, snapshot: str | None) -> None:
    answers(stubbed, "workgroup", "AVAILABLE")
    stubbed.add_response(
        "delete_workgroup", {"workgroup": workgroup("DELETING")}, {"workgroupName": "sparkify"}
    )
    answers(stubbed, "workgroup", "DELETING", None)
    answers(stubbed, "namespace", "AVAILABLE")
    sent = {"namespaceName": "sparkify", **({"finalSnapshotName": snapshot} if snapshot else {})}
    stubbed.add_response("delete_namespace", {"namespace": namespace("DELETING")}, sent)
    answers(stubbed, "namespace", "DELETING", None)
    gone = destroy(wire.aws(settings()), NAMES, final_snapshot=snapshot)
    assert gone.removed == ("workgroup sparkify", "namespace sparkify")
    assert gone.snapshot == snapshot


def test_create_serverless_leaves_untagged_namespace(wire: Wire, stubbed: Stubber) -> None:
    key, tags = {"namespaceName": "sparkify"}, {"tags": lower_key_value({"sparkify:warehouse": "sparkify"})}
    stubbed.add_response("get_namespace", {"namespace": namespace()}, key)
    stubbed.add_response("list_tags_for_resource", tags, {"resourceArn": arn("namespace")})
    of = settings()
    with pytest.raises(ConfigurationError, match="the namespace sparkify: exists and does not carry the tags"):
        create(wire.aws(of), Spec.of(of, serverless=True))


def test_inspect_serverless(wire: Wire, stubbed: Stubber) -> None:
    answers(stubbed, "namespace", "AVAILABLE")
    answers(stubbed, "workgroup", "AVAILABLE")
    state = inspect(wire.aws(settings()), NAMES)
    assert (state.state, state.host, state.public, state.encrypted) == ("available", HOST, False, True)
    assert [part.name for part in state.parts] == ["namespace sparkify", "workgroup sparkify"]


def test_create_serverless_sends_password_and_key(wire: Wire) -> None:
    of = settings(dwh_db_password="Passw0rd", dwh_kms_key_id="alias/mine")
    calls = {call.operation: call for call in plan_create(Spec.of(of, serverless=True))}
    sent = calls["create_namespace"].unmasked()
    assert sent["adminUserPassword"] == "Passw0rd"
    assert sent["kmsKeyId"] == "alias/mine"
    assert "manageAdminPassword" not in sent
    assert calls["create_namespace"].masked()["adminUserPassword"] == "***"
    assert "Passw0rd" not in repr(calls)


def test_plan_calls_exist_in_services(wire: Wire) -> None:
    calls = [
        *plan_create(Spec.of(settings(dwh_db_password="Passw0rd"), s3_endpoint=True), REGION),
        *plan_create(Spec.of(settings(), serverless=True), REGION),
        *plan_destroy(NAMES, final_snapshot="last"),
        *plan_destroy(Names.of(settings()), final_snapshot=None),
    ]
    assert len(calls) > 18
    for call in calls:
        client = wire.client(call.service)
        operation = client.meta.method_to_api_mapping[call.operation]
        shape = client.meta.service_model.operation_model(operation).input_shape
        report = ParamValidator().validate(call.unmasked(), shape)
        assert not report.has_errors(), f"{call.operation}: {report.generate_report()}"


class Service:
    """A small Redshift Serverless: keeps what it is told, and answers in the shapes of the service model."""

    def __init__(self, wire: Wire) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}
        self.snapshots: list[str] = []
        wire.answer("redshift-serverless", self._answer)

    def _answer(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        asked = json.loads(params["body"])
        status, body = self._act(model.name, asked)
        if status == 200:
            report = ParamValidator().validate(body, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        return AWSResponse(params["url"], status, {}, None), (
            body if status == 200 else {"Error": {"Code": body["code"], "Message": body["code"]}}
        )

    def _act(self, operation: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if operation == "ListTagsForResource":
            one = next(one for one in self.kept.values() if one["arn"] == asked["resourceArn"])
            return 200, {"tags": one["tags"]}
        verb = next(verb for verb in ("Get", "Create", "Delete") if operation.startswith(verb))
        what = operation.removeprefix(verb).lower()
        key = (what, asked[f"{what}Name"])
        if verb == "Create":
            if key in self.kept:
                return 400, {"code": "ConflictException"}
            self.kept[key] = {"tags": asked["tags"], "arn": f"{arn(what)}/{key[1]}", "sent": asked, "looks": 0}
        if key not in self.kept:
            return 404, {"code": "ResourceNotFoundException"}
        one = self.kept[key]
        one["looks"] += 1
        state = "AVAILABLE" if one["looks"] > 2 else "MODIFYING"
        answer = namespace(state) if what == "namespace" else workgroup(state)
        answer |= {f"{what}Arn": one["arn"], f"{what}Name": key[1]}
        if verb == "Delete":
            if what == "namespace" and ("workgroup", key[1]) in self.kept:
                return 400, {"code": "ConflictException"}
            del self.kept[key]
            if name := asked.get("finalSnapshotName"):
                self.snapshots.append(name)
        return 200, {what: answer}


def numbered(number: int) -> Settings:
    return settings(
        dwh_cluster_identifier=f"wh{number:02}",
        dwh_iam_role_name=f"wh{number:02}-role",
        dwh_cluster_type="serverless",
    )


def test_create_serverless_resumes_wherever_interrupted(wire: Wire) -> None:
    service = Service(wire)
    create(wire.aws(numbered(99)), Spec.of(numbered(99)))
    expected = sent_of(service, "wh99")
    # What comes before is the same as for a cluster, and is interrupted in that test.
    before = next(at for at, (name, _) in enumerate(wire.requests) if name.startswith("redshift-serverless"))
    number, broke = before, True
    while broke:
        number += 1
        of = numbered(number)
        wire.break_at(number, after=True)
        with contextlib.suppress(Injected):
            create(wire.aws(of), Spec.of(of))
        broke = wire.broke
        wire.break_at(None)
        create(wire.aws(of), Spec.of(of))
        assert sent_of(service, f"wh{number}") == expected
    assert number > before + 10
    made = [99, *range(before + 1, number + 1)]
    for at, one in enumerate(made):
        of = numbered(one)
        wire.break_at(at + 1, after=True)
        with contextlib.suppress(Injected):
            destroy(wire.aws(of), Names.of(of), final_snapshot=f"wh{one}-last")
        wire.break_at(None)
        destroy(wire.aws(of), Names.of(of), final_snapshot=f"wh{one}-last")
    assert service.kept == {}
    assert sorted(service.snapshots) == sorted(f"wh{one}-last" for one in made)
    assert wire.client("iam").list_roles()["Roles"] == []
    groups = wire.client("ec2").describe_security_groups()["SecurityGroups"]
    assert {group["GroupName"] for group in groups} == {"default"}


def sent_of(service: Service, name: str) -> str:
    """What the service was told of one warehouse, with its own name and the id of its group left open."""
    state = {what: one["sent"] for (what, kept), one in service.kept.items() if kept == name}
    assert len(state) == 2
    return re.sub(r"sg-\w+", "GROUP", json.dumps(state, sort_keys=True).replace(name, "NAME"))
