"""The role and the key with which UNLOAD writes, according to the settings, on the stand-in."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import literal, select

from sparkify import ConfigurationError
from sparkify.pipeline import SPARKIFY
from tests.support.cloud import ROLE, Cloud

WRITER = "arn:aws:iam::123456789012:role/writer"
KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"
USERS = select(SPARKIFY.metadata.tables["users"].c.user_id)


@pytest.mark.parametrize(
    ("options", "role", "key"),
    [
        ({}, ROLE, None),
        ({"unload_role_arn": WRITER}, WRITER, None),
        ({"s3_kms_key": KEY}, ROLE, KEY),
    ],
)
def test_unload_writes_as_the_settings_say(
    cloud: Cloud, options: dict[str, Any], role: str, key: str | None
) -> None:
    cloud.with_tables().close()
    target = f"s3://plays/exported-as-{len(options)}-{role[-4:]}/"
    with cloud.warehouse(**options) as warehouse:
        warehouse.query(USERS).to_parquet(target)
    (sent,) = [one.sql for one in cloud.redshift.statements if one.sql.startswith("UNLOAD")]
    assert f"IAM_ROLE '{role}'" in sent
    assert (f"KMS_KEY_ID '{key}' ENCRYPTED" in sent) is (key is not None)
    assert ("ENCRYPTED" in sent) is (key is not None)
    assert cloud.redshift.objects_below(target) != []


def test_role_that_may_not_write_is_told_of(cloud: Cloud) -> None:
    cloud.with_tables().close()
    cloud.redshift.refused_roles.add(WRITER)
    with (
        cloud.warehouse(unload_role_arn=WRITER) as warehouse,
        pytest.raises(Exception, match="is not authorized to assume IAM Role"),
    ):
        warehouse.query(USERS).to_parquet("s3://plays/refused/")


def test_role_that_is_none_is_a_configuration_error(cloud: Cloud) -> None:
    cloud.with_tables().close()
    with (
        cloud.warehouse(unload_role_arn="AKIAIOSFODNN7EXAMPLE") as warehouse,
        pytest.raises(ConfigurationError, match="not the ARN of a role") as caught,
    ):
        warehouse.query(USERS).to_parquet("s3://plays/refused/")
    assert "AKIA" not in str(caught.value)


def test_two_columns_of_one_name_are_a_configuration_error(cloud: Cloud) -> None:
    cloud.with_tables().close()
    twice = select(literal(1).label("a"), literal(2).label("a"))
    with (
        cloud.warehouse() as warehouse,
        pytest.raises(ConfigurationError, match="^s3://plays/refused/: two columns have one name[.]"),
    ):
        warehouse.query(twice).to_parquet("s3://plays/refused/")
