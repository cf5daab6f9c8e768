"""What a warehouse consists of in AWS, in the order of creation, and in which account it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sparkify.provision.account import Aws
from sparkify.provision.calls import Context, Found
from sparkify.provision.cluster import Cluster
from sparkify.provision.naming import Names
from sparkify.provision.network import S3Endpoint, SecurityGroup
from sparkify.provision.role import Role
from sparkify.provision.serverless import Namespace, Workgroup
from sparkify.provision.steps import Resource

__all__ = ["address", "find_context", "resources"]


def find_context(aws: Aws) -> Context:
    """The account that the credentials belong to. Read-only."""
    answer = aws.ask("ask AWS whose credentials these are", "sts", "get_caller_identity")
    return Context(region=aws.region, account=answer["Account"], partition=answer["Arn"].split(":")[1])


def resources(names: Names, *, s3_endpoint: bool) -> list[Resource]:
    """What a warehouse consists of, in the order of creation."""
    engine: list[Resource] = (
        [Namespace(names), Workgroup(names)] if names.kind == "serverless" else [Cluster(names)]
    )
    ways: list[Resource] = [S3Endpoint(names)] if s3_endpoint else []
    return [Role(names), SecurityGroup(names), *ways, *engine]


def address(engine: Found) -> tuple[str | None, int | None]:
    """Host and port of a cluster or workgroup."""
    endpoint: Mapping[str, Any] = engine.facts.get("Endpoint") or engine.facts.get("endpoint") or {}
    host = endpoint.get("Address") or endpoint.get("address")
    return host, endpoint.get("Port") or endpoint.get("port")
