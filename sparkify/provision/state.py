"""The state of a warehouse in AWS, and what it costs in this state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sparkify.provision.account import Aws
from sparkify.provision.calls import Found
from sparkify.provision.cluster import Cluster
from sparkify.provision.costs import Estimate, estimate
from sparkify.provision.naming import Names
from sparkify.provision.resources import address, find_context, resources
from sparkify.provision.serverless import Namespace, Workgroup

__all__ = ["Part", "State", "inspect"]


@dataclass(frozen=True)
class Part:
    """One AWS resource that belongs to the warehouse, or that takes the place of one that would.

    :ivar ours: whether it belongs to this warehouse; only then is it ever changed.
    """

    name: str
    state: str
    ours: bool
    detail: str = ""


@dataclass(frozen=True)
class State:
    """The state of a warehouse in AWS."""

    identifier: str
    kind: str
    region: str
    account: str
    state: str
    host: str | None
    port: int | None
    public: bool | None
    encrypted: bool | None
    parts: tuple[Part, ...]
    estimate: Estimate | None = field(default=None)


def inspect(aws: Aws, names: Names) -> State:
    """The state of the warehouse in AWS. Read-only."""
    context = find_context(aws)
    parts, engine, holder = [], None, None
    for resource in resources(names, s3_endpoint=True):
        found = resource.inspect(aws, context)
        if found is not None:
            objection = resource.objection(found, context)
            details = (_detail(found), objection if objection and names.owns(found.tags) else "")
            parts.append(Part(resource.noun, found.state, objection is None, "; ".join(filter(None, details))))
            context = resource.extend(context, found)
        if isinstance(resource, Cluster | Workgroup):
            engine = found
        if isinstance(resource, Cluster | Namespace):
            holder = found
    facts = engine.facts if engine else {}
    host, port = address(engine) if engine else (None, None)
    serverless = names.kind == "serverless"
    return State(
        identifier=names.identifier,
        kind=names.kind,
        region=aws.region,
        account=context.account,
        state=engine.state if engine else "absent",
        host=host,
        port=port,
        public=facts.get("publiclyAccessible" if serverless else "PubliclyAccessible"),
        # A namespace is always encrypted.
        encrypted=(True if holder else None) if serverless else facts.get("Encrypted"),
        parts=tuple(parts),
        estimate=_running_cost(facts, serverless=serverless) if engine else None,
    )


def _detail(found: Found) -> str:
    facts = found.facts
    if "rules" in facts:
        return ", ".join(_rule_text(rule) for rule in facts["rules"]) or "nobody may connect"
    if "NodeType" in facts:
        return f"{facts.get('NumberOfNodes', 1)} x {facts['NodeType']}"
    if "baseCapacity" in facts:
        return f"{facts['baseCapacity']} RPU"
    return found.id if found.id.startswith(("arn:", "vpce-")) else ""


def _rule_text(rule: Mapping[str, Any]) -> str:
    networks = [
        str(next(iter(one.values()))) for kind in rule.values() if isinstance(kind, list) for one in kind
    ]
    return f"{', '.join(networks)} may connect to port {rule.get('FromPort', 'any')}"


def _running_cost(facts: Mapping[str, Any], *, serverless: bool) -> Estimate:
    if serverless:
        return estimate("", 0, serverless_capacity=facts.get("baseCapacity", 0))
    if facts["ClusterStatus"] == "paused":
        return Estimate(0.0, "paused: storage alone")
    return estimate(
        facts["NodeType"], facts.get("NumberOfNodes", 1), public=facts.get("PubliclyAccessible", False)
    )
