"""The role's two documents, as golden JSON, and how the doctor reads policies written by others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sparkify.provision import Names
from sparkify.provision.access import Need, needs, needs_of_key, needs_of_unload, trusts, ungranted
from sparkify.provision.calls import Context
from sparkify.provision.naming import Scope
from sparkify.provision.role import permissions, same_document, trust, trusted_scope
from sparkify.provision.spec import ReadableS3, kms_key_arn, readable_s3, writable_s3
from tests.support.provision import ACCOUNT, REGION, settings

pytestmark = pytest.mark.usefixtures("clean_environment")

PLACE = Context(region=REGION, account=ACCOUNT)
CLUSTER = Names(identifier="sparkify", kind="provisioned", role="sparkify-redshift")
SERVERLESS = Names(identifier="sparkify", kind="serverless", role="sparkify-redshift")

PERMISSIONS = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "GetTheFiles",
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": [
        "arn:aws:s3:::mine/manifests/*",
        "arn:aws:s3:::udacity-dend/log_data/*",
        "arn:aws:s3:::udacity-dend/log_json_path.json",
        "arn:aws:s3:::udacity-dend/song_data/*"
      ]
    },
    {
      "Sid": "ListTheFiles1",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::mine",
      "Condition": {"StringLike": {"s3:prefix": ["manifests/*"]}}
    },
    {
      "Sid": "ListTheFiles2",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": "arn:aws:s3:::udacity-dend",
      "Condition": {"StringLike": {"s3:prefix": ["log_data/*", "log_json_path.json", "song_data/*"]}}
    }
  ]
}
"""

TRUST = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "RedshiftForThisWarehouseAlone",
      "Effect": "Allow",
      "Principal": {"Service": ["redshift.amazonaws.com"]},
      "Action": "sts:AssumeRole",
      "Condition": {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": ["arn:aws:redshift:us-west-2:123456789012:cluster:sparkify"]}
      }
    }
  ]
}
"""

SERVERLESS_TRUST = """
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "RedshiftForThisWarehouseAlone",
      "Effect": "Allow",
      "Principal": {"Service": ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]},
      "Action": "sts:AssumeRole",
      "Condition": {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {
          "aws:SourceArn": [
            "arn:aws:redshift:us-west-2:123456789012:*",
            "arn:aws:redshift-serverless:us-west-2:123456789012:*"
          ]
        }
      }
    }
  ]
}
"""


def test_permissions_allow_two_actions_on_configured_prefixes() -> None:
    document = permissions(readable_s3(settings(manifest_prefix="s3://mine/manifests")), PLACE)
    assert document == json.loads(PERMISSIONS)
    actions = {statement["Action"] for statement in document["Statement"]}
    assert actions == {"s3:GetObject", "s3:ListBucket"}


@pytest.mark.parametrize(("names", "golden"), [(CLUSTER, TRUST), (SERVERLESS, SERVERLESS_TRUST)])
def test_trust_has_the_confused_deputy_condition(names: Names, golden: str) -> None:
    assert trust(names, PLACE) == json.loads(golden)


@pytest.mark.parametrize(
    ("document", "scope"),
    [
        (TRUST, Scope("us-west-2", "provisioned")),
        (SERVERLESS_TRUST, Scope("us-west-2", "serverless")),
        # IAM may replace a list of one element by the element.
        (
            TRUST.replace('["redshift.amazonaws.com"]', '"redshift.amazonaws.com"'),
            Scope("us-west-2", "provisioned"),
        ),
        (TRUST.replace("cluster:sparkify", "cluster:other"), Scope()),
        (TRUST.replace("redshift.amazonaws.com", "ec2.amazonaws.com"), Scope()),
        ("{}", Scope()),
    ],
)
def test_trust_says_whose_a_role_is(document: str, scope: Scope) -> None:
    assert trusted_scope(json.loads(document), CLUSTER, Context(region="eu-west-1", account=ACCOUNT)) == scope


def test_permissions_and_trust_use_partition() -> None:
    context = Context(region="cn-north-1", account=ACCOUNT, partition="aws-cn")
    text = json.dumps([permissions(readable_s3(settings()), context), trust(CLUSTER, context)])
    assert "arn:aws:" not in text
    assert "arn:aws-cn:s3:::udacity-dend/log_data/*" in text
    assert "arn:aws-cn:redshift:cn-north-1:123456789012:cluster:sparkify" in text


def test_permissions_escape_wildcards_in_keys() -> None:
    document = permissions([ReadableS3("b", ("50% *off?", "${aws:username}"), ())], PLACE)
    assert document["Statement"][0]["Resource"] == [
        "arn:aws:s3:::b/${$}{aws:username}/*",
        "arn:aws:s3:::b/50% ${*}off${?}/*",
    ]
    assert not ungranted([document], needs([ReadableS3("b", ("50% *off?", "${aws:username}"), ())]))
    assert ungranted([document], iter([Need("s3:GetObject", "arn:aws:s3:::b/50% xxoff?/a")]))


def test_permissions_of_whole_bucket() -> None:
    document = permissions([ReadableS3("b", ("",), ())], PLACE)
    assert document["Statement"][0]["Resource"] == ["arn:aws:s3:::b/*"]
    assert document["Statement"][1]["Condition"] == {"StringLike": {"s3:prefix": ["*"]}}


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def statements_by_sid(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_permissions_to_write_are_of_the_configured_prefix_alone() -> None:
    given = settings(unload_prefix="s3://mine/exports/")
    document = permissions(readable_s3(given), PLACE, writable=writable_s3(given), kms_key=KEY)
    found = statements_by_sid(document)
    assert found["WriteTheFiles"] == {
        "Sid": "WriteTheFiles",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        "Resource": ["arn:aws:s3:::mine/exports/*"],
    }
    assert found["ListTheWritten1"] == {
        "Sid": "ListTheWritten1",
        "Effect": "Allow",
        "Action": "s3:ListBucket",
        "Resource": "arn:aws:s3:::mine",
        "Condition": {"StringLike": {"s3:prefix": ["exports/*"]}},
    }
    assert found["UseTheKey"] == {
        "Sid": "UseTheKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": KEY,
    }
    assert [one["Sid"] for one in document["Statement"] if one["Resource"] in ("*", ["*"])] == []


def test_key_of_a_role_that_only_reads_is_for_decryption() -> None:
    document = permissions(readable_s3(settings()), PLACE, kms_key=KEY)
    assert statements_by_sid(document)["UseTheKey"]["Action"] == ["kms:Decrypt"]
    assert "WriteTheFiles" not in statements_by_sid(document)


@pytest.mark.parametrize("key", [KEY, KEY.rpartition("/")[2]])
def test_key_is_meant_by_its_arn(key: str) -> None:
    assert kms_key_arn(key, "aws", REGION, ACCOUNT) == KEY
    assert kms_key_arn(None, "aws", REGION, ACCOUNT) is None


@pytest.mark.parametrize(
    ("lost", "lacking"),
    [
        ("WriteTheFiles", ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"]),
        ("ListTheWritten1", ["s3:ListBucket"]),
        ("UseTheKey", ["kms:Decrypt", "kms:GenerateDataKey"]),
        ("", []),
    ],
)
def test_doctor_needs_what_create_grants(lost: str, lacking: list[str]) -> None:
    writable = (ReadableS3("mine", ("exports",), ()),)
    document = permissions(READABLE, PLACE, writable=writable, kms_key=KEY)
    kept = {"Statement": [one for one in document["Statement"] if one["Sid"] != lost]}
    required = [*needs(READABLE), *needs_of_unload(writable), *needs_of_key(KEY, writes=True)]
    assert [need.action for need in ungranted([kept], iter(required))] == lacking


def test_same_document_ignores_order_and_single_lists() -> None:
    one = {"Statement": [{"Action": ["b", "a"], "Resource": "x"}]}
    assert same_document(one, {"Statement": {"Action": ["a", "b"], "Resource": ["x"]}})
    assert not same_document(one, {"Statement": {"Action": ["a"], "Resource": ["x"]}})
    assert not same_document(None, one)


READABLE = (ReadableS3("b", ("log",), ("paths.json",)),)


def allow(**statement: Any) -> dict[str, Any]:
    return {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", **statement}}


@pytest.mark.parametrize(
    ("documents", "lacking"),
    [
        ([permissions(READABLE, PLACE)], []),
        ([allow(Action=["s3:Get*", "s3:List*"])], []),
        ([allow(Action="S3:getobject"), allow(Action="s3:ListBucket", Resource="arn:aws:s3:::b")], []),
        ([], ["s3:GetObject", "s3:ListBucket", "s3:GetObject"]),
        ([allow(Action="s3:ListBucket")], ["s3:GetObject", "s3:GetObject"]),
        ([allow(Action="s3:GetObject", Resource="arn:aws:s3:::b/log/*")], ["s3:ListBucket", "s3:GetObject"]),
        (
            [allow(Condition={"StringLike": {"s3:prefix": ["other/*"]}})],
            ["s3:GetObject", "s3:ListBucket", "s3:GetObject"],
        ),
        ([allow(), allow(Effect="Deny", Action="s3:ListBucket")], ["s3:ListBucket"]),
    ],
)
def test_ungranted_names_missing_actions(documents: list[dict[str, Any]], lacking: list[str]) -> None:
    assert [need.action for need in ungranted(documents, needs(READABLE))] == lacking


SOURCE = f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:sparkify"


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        (trust(CLUSTER, PLACE), True),
        (trust(SERVERLESS, PLACE), True),
        (allow(Action="sts:AssumeRole", Principal={"Service": "redshift.amazonaws.com"}), True),
        (trust(Names(identifier="other", kind="provisioned", role="r"), PLACE), False),
        (trust(CLUSTER, Context(region=REGION, account="210987654321")), False),
        (allow(Action="sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"}), False),
        (allow(Action="sts:AssumeRole", Principal="*"), False),
        ({"Statement": []}, False),
    ],
)
def test_trusts_reads_principal_and_conditions(document: dict[str, Any], trusted: bool) -> None:
    assert trusts(document, account=ACCOUNT, source_arn=SOURCE) is trusted
