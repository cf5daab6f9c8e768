"""The role's two documents, as golden JSON, and how the doctor reads other people's policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sparkify.provision import Names
from sparkify.provision.access import Need, needs, trusts, ungranted
from sparkify.provision.calls import Context
from sparkify.provision.role import permissions, same_document, trust
from sparkify.provision.spec import ReadableS3, readable_s3
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
