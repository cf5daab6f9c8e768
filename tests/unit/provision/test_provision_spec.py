"""What may be created, and what is rejected before any request is sent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from sparkify.config.settings import Settings
from sparkify.etl.declarations import Location, Source, from_json
from sparkify.etl.errors import ConfigurationError
from sparkify.pipeline import SPARKIFY
from sparkify.provision import Names, Spec, plan_create
from sparkify.provision.costs import NODE_HOUR, estimate
from sparkify.provision.passwords import password_problems
from sparkify.provision.spec import ReadableS3, readable_s3
from tests.support.provision import settings

pytestmark = pytest.mark.usefixtures("clean_environment")


def test_spec_defaults_to_small_private_cluster() -> None:
    spec = Spec.of(settings())
    assert (spec.node_type, spec.nodes, spec.public, spec.password) == ("ra3.large", 2, False, None)
    assert spec.allow_cidr == "203.0.113.7/32"
    assert spec.names == Names(identifier="sparkify", kind="provisioned", role="sparkify-redshift")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dwh_allow_cidr": "0.0.0.0/0"}, "0.0.0.0/0 lets the internet in"),
    ({"dwh_allow_cidr": "::/0"}, "::/0 lets the internet in"),
    ({"dwh_allow_cidr": "0.0.0.0/1"}, "0.0.0.0/1 lets the internet in"),
    ({"dwh_allow_cidr": "2000::/3"}, "2000::/3 lets the internet in"),
    ({"dwh_allow_cidr": "my house"}, "'my house' is not a network"),
    ({"dwh_allow_cidr": ""}, "nobody could connect"),
    ({"dwh_node_type": "dc2.large"}, "the nearest is ra3.large"),
    ({"dwh_node_type": "DC2.8xlarge"}, "the nearest is ra3.4xlarge"),
    ({"dwh_node_type": "ds2.xlarge"}, "the nearest is ra3.xlplus"),
    ({"dwh_cluster_type": "single-node", "dwh_num_nodes": 4}, "single-node and DWH_NUM_NODES is 4"),
    ({"dwh_cluster_type": "multi-node", "dwh_num_nodes": 1}, "give 2 or more, or single-node"),
    ({"dwh_cluster_type": "huge"}, "give single-node, multi-node or serverless"),
    ({"dwh_num_nodes": 17}, "ra3.large has 1 to 16 nodes"),
    ({"dwh_cluster_type": "single-node", "dwh_node_type": "ra3.4xlarge"}, "ra3.4xlarge has 2 to 32 nodes"),
    ({"dwh_port": 5430}, "5431 to 5455 and 8191 to 8215"),
    ({"dwh_port": 5456}, "5431 to 5455 and 8191 to 8215"),
    ({"dwh_cluster_identifier": "my--house"}, "DWH_CLUSTER_IDENTIFIER"),
    ({"dwh_cluster_identifier": "house-"}, "DWH_CLUSTER_IDENTIFIER"),
    ({"dwh_cluster_identifier": "1house"}, "DWH_CLUSTER_IDENTIFIER"),
    ({"dwh_cluster_identifier": "x" * 64}, "DWH_CLUSTER_IDENTIFIER"),
    ({"dwh_cluster_identifier": "ab", "dwh_cluster_type": "serverless"}, "must be 3 to 63"),
    ({"dwh_db": "my-db"}, "DWH_DB: 'my-db' is not a name"),
    ({"dwh_db": "select"}, "DWH_DB: 'select' is a reserved word"),
    ({"dwh_db_user": "public"}, "DWH_DB_USER: 'public' is a reserved word"),
    ({"dwh_db_user": "user"}, "DWH_DB_USER: 'user' is a reserved word"),
    ({"dwh_iam_role_name": "a role"}, "DWH_IAM_ROLE_NAME"),
    ({"dwh_db_password": "nodigit"}, "DWH_DB_PASSWORD has 7 characters"),
    ({"log_data": "data/log_data"}, "LOG_DATA is data/log_data: Redshift reads S3 alone"),
    ({"song_data": "s3:///song_data"}, "SONG_DATA is s3:///song_data: there is no bucket"),
    ({"log_jsonpath": "paths.json"}, "LOG_JSONPATH is paths.json"),
    ({"log_data": "s3://b/l"}, "LOG_DATA is s3://b/l: 'b' is not a bucket: the name of one has 3 to 63"),
    ({"manifest_prefix": "s3://b_/man"}, "MANIFEST_PREFIX is s3://b_/man: 'b_' is not a bucket"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_spec_refuses_what_aws_would(options: dict[str, Any], message: str) -> None:
    of = settings(**{name: value for name, value in options.items() if value != ""})
    if options.get("dwh_allow_cidr") == "":
        of = of.model_copy(update={"dwh_allow_cidr": None})
    with pytest.raises(ConfigurationError) as caught:
        Spec.of(of)
    assert message in str(caught.value)
    # Nothing else is wrong: each case is rejected for its own reason.
    assert str(caught.value).count("\n") == 1 or message.startswith("DWH_DB_PASSWORD")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unload_prefix": "exports"}, "UNLOAD_PREFIX is exports: Redshift reads S3 alone"),
        ({"unload_prefix": "s3://mine"}, "all of the bucket could be overwritten"),
        ({"unload_prefix": "s3://mine//"}, "all of the bucket could be overwritten"),
        ({"s3_kms_key": "*"}, "KMS_KEY is neither"),
        ({"s3_kms_key": "alias/mine"}, "KMS_KEY is neither"),
        ({"s3_kms_key": "arn:aws:kms:us-west-2:123456789012:key/*"}, "KMS_KEY is neither"),
        ({"unload_role_arn": "writer"}, "UNLOAD_ARN is not the ARN of a role"),
    ],
)
def test_spec_refuses_more_than_a_prefix_and_a_key(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Spec.of(settings(**options))


def test_spec_reports_all_problems_without_password() -> None:
    of = settings(dwh_node_type="dc2.large", dwh_port=1, dwh_allow_cidr="0.0.0.0/0", dwh_db_password="canary'1")
    with pytest.raises(ConfigurationError) as caught:
        Spec.of(of)
    assert len(str(caught.value).splitlines()) == 6
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("capacity", [4, 8, 24, 512, 544, 1024])
def test_spec_takes_the_capacities_that_aws_has(capacity: int) -> None:
    of = settings(dwh_cluster_type="serverless", dwh_base_capacity=capacity)
    assert Spec.of(of).base_capacity == capacity


@pytest.mark.parametrize("capacity", [5, 10, 12, 510, 520, 1000])
def test_spec_refuses_other_capacities(capacity: int) -> None:
    with pytest.raises(ConfigurationError, match=f"DWH_BASE_CAPACITY is {capacity}: give 4, a multiple of 8"):
        Spec.of(settings(dwh_cluster_type="serverless", dwh_base_capacity=capacity))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:db8::1", "2001:db8::1/128"),
        (" 10.0.0.0/8 ", "10.0.0.0/8"),
    ],
)
def test_spec_normalizes_network(given: str, meant: str) -> None:
    assert Spec.of(settings(dwh_allow_cidr=given)).allow_cidr == meant


@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_spec_allows_world_with_second_flag(network: str) -> None:
    assert Spec.of(settings(dwh_allow_cidr=network), open_to_the_world=True).allow_cidr == network


def test_spec_of_single_node_and_of_mixed_case_names(tmp_path: Path) -> None:
    assert Spec.of(settings(dwh_cluster_type="single-node")).nodes == 1
    Path("dwh.cfg").write_text("[DWH]\nDWH_CLUSTER_IDENTIFIER=dwhCluster\nDWH_DB_USER='dwhuser'\n")
    spec = Spec.of(settings())
    assert (spec.names.identifier, spec.names.group) == ("dwhcluster", "dwhcluster-redshift")
    assert spec.user == "dwhuser"


@pytest.mark.parametrize(
    ("options", "serverless"),
    [
        ({}, False),
        ({"dwh_cluster_type": "serverless"}, True),
        ({"host": "sparkify.123456789012.us-west-2.redshift-serverless.amazonaws.com"}, True),
        ({"host": "sparkify.abc.us-west-2.redshift.amazonaws.com"}, False),
    ],
)
def test_names_are_serverless_by_type_or_host(options: dict[str, Any], serverless: bool) -> None:
    assert (Names.of(settings(**options)).kind == "serverless") is serverless
    assert Names.of(settings(**options), serverless=True).kind == "serverless"


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("Passw0rd", 0),
        ("Passw0r", 1),
        ("P" + "a0" * 32, 1),
        ("passw0rd", 1),
        ("PASSW0RD", 1),
        ("Password", 1),
        ("Passw0rd'", 1),
        ('Passw0rd"', 1),
        ("Passw0rd\\", 1),
        ("Passw0rd/", 1),
        ("Passw0rd@", 1),
        ("Passw0 rd", 1),
        ("Pässw0rd", 1),
        ("Pass%w0rd:!", 0),
        ("", 4),
    ],
)
def test_password_problems_counts_violations(password: str, problems: int) -> None:
    found = password_problems(password)
    assert len(found) == problems, found
    assert not password or password not in " ".join(found)


def test_readable_s3_is_what_settings_name() -> None:
    of = settings(
        song_data="s3://other/songs/", manifest_prefix="s3://mine/manifests", log_data="s3://udacity-dend"
    )
    assert readable_s3(of) == (
        ReadableS3("mine", ("manifests",), ()),
        ReadableS3("other", ("songs",), ()),
        ReadableS3("udacity-dend", ("",), ("log_json_path.json",)),
    )
    assert readable_s3(settings(log_data="s3://udacity-dend/a/one.json.gz"))[0].objects == (
        "a/one.json.gz",
        "log_json_path.json",
    )


def test_estimate_adds_list_prices() -> None:
    assert estimate("ra3.large", 2).dollars_an_hour == pytest.approx(1.086)
    # Three public addresses: the leader node's and two nodes'.
    assert estimate("ra3.large", 2, public=True).dollars_an_hour == pytest.approx(1.101)
    assert estimate("ra3.large", 1, public=True).dollars_an_hour == pytest.approx(0.548)
    assert estimate("", 0, serverless_capacity=8).dollars_an_hour == pytest.approx(3.0)
    assert "an estimate from the list prices of us-east-1 in 2026-03" in str(estimate("ra3.large", 2))
    assert estimate("ra9.tiny", 2).dollars_an_hour is None
    assert "no estimate" in str(estimate("ra9.tiny", 2))
    assert not any(name.startswith("dc") for name in NODE_HOUR)


# -- another pipeline --------------------------------------------------------------------------------------

_ORDERS = Table("staging_orders", MetaData(), Column("id", Integer, info=from_json("id")))
SHOP = replace(
    SPARKIFY,
    name="shop",
    transforms=(),
    checksums=(),
    sources=(
        Source(
            name="orders",
            staging=_ORDERS,
            location=Location(setting="order_data", option="ORDERS", jsonpaths="order_paths"),
        ),
    ),
)


def shop_settings(**options: Any) -> Settings:
    return Settings.load(SHOP.sources, dwh_allow_cidr="203.0.113.7/32", **options)


def test_spec_of_another_pipeline_takes_names_and_tags_from_it() -> None:
    spec = Spec.of(shop_settings(order_data="s3://shop/orders", order_paths="s3://shop/paths.json"), SHOP)
    assert (spec.names.identifier, spec.names.role, spec.names.policy) == (
        "shop",
        "shop-redshift",
        "shop-read-s3",
    )
    assert spec.names.tags == {"shop:managed-by": "sparkify-etl", "shop:warehouse": "shop"}
    assert spec.readable == (ReadableS3("shop", ("orders",), ("paths.json",)),)
    policy = next(call for call in plan_create(spec) if call.operation == "put_role_policy")
    assert policy.params["PolicyName"] == "shop-read-s3"
    given = Names.of(shop_settings(dwh_cluster_identifier="Mine", dwh_iam_role_name="reader"), SHOP)
    assert (given.identifier, given.role) == ("mine", "reader")


def test_spec_of_another_pipeline_names_its_options() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Spec.of(shop_settings(order_data="orders", order_paths="paths.json"), SHOP)
    assert caught.value.details == (
        "ORDERS is orders: Redshift reads S3 alone; give s3://bucket/prefix",
        "ORDER_PATHS is paths.json: Redshift reads S3 alone; give s3://bucket/prefix",
    )
    with pytest.raises(ConfigurationError, match="the pipeline's name: 'my shop' is not a name that AWS takes"):
        Spec.of(shop_settings(), replace(SHOP, name="my shop"))


def test_spec_without_settings_of_sources_declares_them() -> None:
    spec = Spec.of(Settings.load(dwh_allow_cidr="203.0.113.7/32", manifest_prefix="s3://mine/x"), SHOP)
    assert spec.readable == (ReadableS3("mine", ("x",), ()),)
