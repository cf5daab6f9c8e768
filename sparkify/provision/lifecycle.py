"""Create a warehouse in AWS, one resource after another, and destroy it in the reverse order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found, ProvisionObserver
from sparkify.provision.cluster import Cluster, differences
from sparkify.provision.costs import Estimate
from sparkify.provision.naming import Names
from sparkify.provision.network import S3Endpoint, SecurityGroup, find_network
from sparkify.provision.resources import address, find_context, resources
from sparkify.provision.role import Role
from sparkify.provision.serverless import Namespace, Workgroup
from sparkify.provision.spec import Spec
from sparkify.provision.steps import Resource, ensure, refuse_others, teardown

__all__ = ["Created", "Destroyed", "create", "destroy", "plan_create", "plan_destroy", "snapshot_name"]


@dataclass(frozen=True)
class Created:
    """A warehouse that exists, and how to reach it.

    :ivar secret_arn: where AWS keeps the administrator's password; None if you gave one.
    :ivar differences: how it differs from what was asked for, because it existed before.
    """

    identifier: str
    kind: str
    state: str
    host: str | None
    port: int
    database: str
    user: str
    role_arn: str
    secret_arn: str | None
    calls: int
    differences: tuple[str, ...]
    estimate: Estimate


@dataclass(frozen=True)
class Destroyed:
    """What became of a warehouse.

    :ivar removed: what existed and no longer does.
    :ivar snapshot: the name of the final snapshot that this run asked for; it is kept, and costs something,
        until it is deleted. An earlier run may have asked for another.
    :ivar left: what has a name of this warehouse but does not, or may not, belong to it; it is unchanged.
    """

    identifier: str
    removed: tuple[str, ...]
    snapshot: str | None
    role_arn: str
    left: tuple[str, ...] = ()


class _Counting(ProvisionObserver):
    """Passes everything on, and counts the calls."""

    def __init__(self, observer: ProvisionObserver) -> None:
        self._observer = observer
        self.calls: list[Call] = []

    def sending(self, call: Call) -> None:
        self.calls.append(call)
        self._observer.sending(call)

    def waiting(self, noun: str, state: str, seconds: float) -> None:
        self._observer.waiting(noun, state, seconds)

    def settled(self, noun: str, state: str) -> None:
        self._observer.settled(noun, state)

    def warning(self, message: str) -> None:
        self._observer.warning(message)


def plan_create(spec: Spec, region: str | None = None) -> list[Call]:
    """The calls of a first creation. Without connecting: what only AWS knows is in angle brackets."""
    context = Context(region=region) if region else Context()
    return [
        call
        for resource in resources(spec.names, s3_endpoint=spec.s3_endpoint)
        for call in resource.to_create(spec, context, None)
    ]


def plan_destroy(names: Names, *, final_snapshot: str | None, region: str | None = None) -> list[Call]:
    """The calls that remove a complete warehouse. Without connecting."""
    context = Context(region=region) if region else Context()
    return [
        call
        for resource in reversed(resources(names, s3_endpoint=True))
        for call in resource.to_delete(resource.expected(context), final_snapshot=final_snapshot)
    ]


def create(aws: Aws, spec: Spec, observer: ProvisionObserver | None = None) -> Created:
    """Create whatever the warehouse still lacks, and wait until it is available.

    :raises ConfigurationError: if its role or its security group is not its own. Then nothing was created.
    :raises SparkifyError: if AWS refuses. What was created stays, and the same call continues from there.
    """
    counting = _Counting(observer or ProvisionObserver())
    context = find_network(aws, spec, find_context(aws))
    parts = resources(spec.names, s3_endpoint=spec.s3_endpoint)
    seen = _see_whose(aws, parts, context)
    found: dict[type[Resource], Found] = {}
    for resource in parts:
        before = seen.get(type(resource), ())
        found[type(resource)] = ensure(aws, resource, spec, context, counting, seen=before)
        context = resource.extend(context, found[type(resource)])
    _warn_of_network(aws, spec, context, counting)
    engine = found[Workgroup if spec.serverless else Cluster]
    differing = () if spec.serverless else tuple(differences(spec, context, engine))
    for difference in differing:
        counting.warning(f"it was there before and stays as it is; {difference}")
    holder = found[Namespace] if spec.serverless else engine
    host, port = address(engine)
    return Created(
        identifier=spec.names.identifier,
        kind=spec.names.kind,
        state=engine.state,
        host=host,
        port=port or spec.port,
        database=holder.facts.get("dbName" if spec.serverless else "DBName") or spec.database,
        user=holder.facts.get("adminUsername" if spec.serverless else "MasterUsername") or spec.user,
        role_arn=found[Role].id,
        secret_arn=holder.facts.get("adminPasswordSecretArn" if spec.serverless else "MasterPasswordSecretArn"),
        calls=len(counting.calls),
        differences=differing,
        estimate=spec.estimate,
    )


def _see_whose(
    aws: Aws, parts: Sequence[Resource], context: Context
) -> dict[type[Resource], tuple[Found | None]]:
    """The role and the security group, if they exist. A warehouse of another region or kind may have them by
    the same name. Read-only.

    :raises ConfigurationError: if one of them does not belong to this warehouse.
    """
    seen: dict[type[Resource], tuple[Found | None]] = {}
    for resource in parts:
        if isinstance(resource, Role | SecurityGroup):
            found = resource.inspect(aws, context)
            if found is not None:
                refuse_others(resource, found, context)
                context = resource.extend(context, found)
            seen[type(resource)] = (found,)
    return seen


def _warn_of_network(aws: Aws, spec: Spec, context: Context, observer: ProvisionObserver) -> None:
    """Warn of a private warehouse whose VPC has no way to S3: its first COPY would wait until it gives up."""
    if spec.public and not spec.s3_endpoint:
        return
    endpoint = S3Endpoint(spec.names)
    found = endpoint.inspect(aws, context)
    if found is not None:
        if spec.names.warehouse_tag in found.tags and endpoint.objection(found, context):
            observer.warning(
                f"the gateway endpoint for S3 of {context.vpc_id} belongs to {endpoint.owner(found, context)}, "
                "and goes with it; run cluster create --s3-endpoint again then"
            )
    else:
        observer.warning(
            f"{context.vpc_id} has no gateway endpoint for S3, and this warehouse no address on the internet: "
            "unless the VPC has a NAT gateway, it cannot read S3; add --s3-endpoint (free, and every route "
            "table of the VPC gets a route to it)"
        )


def destroy(
    aws: Aws, names: Names, *, final_snapshot: str | None, observer: ProvisionObserver | None = None
) -> Destroyed:
    """Remove everything that belongs to this warehouse by its tags, and wait until it is gone.

    What belongs, or may belong, to one of the same name in another region or of another kind is left.

    :param final_snapshot: the name of the final snapshot; if None, none is taken and the data is lost.
    :raises SparkifyError: if AWS refuses. The same call continues from there.
    """
    counting = _Counting(observer or ProvisionObserver())
    context = find_context(aws)
    role = Role(names)
    if (found := role.inspect(aws, context)) is not None:
        context = role.extend(context, found)
    outcomes = {
        resource.noun: teardown(aws, resource, context, counting, final_snapshot=final_snapshot)
        for resource in reversed(resources(names, s3_endpoint=True))
    }
    taken = any(final_snapshot in call.params.values() for call in counting.calls) if final_snapshot else False
    return Destroyed(
        identifier=names.identifier,
        removed=tuple(noun for noun, outcome in outcomes.items() if outcome == "removed"),
        snapshot=final_snapshot if taken else None,
        role_arn=role.expected(context).id,
        left=tuple(noun for noun, outcome in outcomes.items() if outcome == "left"),
    )


def snapshot_name(names: Names) -> str:
    """A name for the final snapshot that no earlier one has."""
    return f"{names.identifier}-final-{datetime.now(UTC):%Y%m%d-%H%M%S}"
