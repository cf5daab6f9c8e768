"""Create a warehouse in AWS, and destroy it: stage after stage, and the reverse."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sparkify.provision.account import Aws
from sparkify.provision.cluster import Cluster, differences
from sparkify.provision.costs import Estimate
from sparkify.provision.naming import WAREHOUSE, Names
from sparkify.provision.network import S3Endpoint, find_network
from sparkify.provision.role import Role
from sparkify.provision.serverless import Namespace, Workgroup
from sparkify.provision.stages import address, find_place, stages
from sparkify.provision.steps import Call, Found, Observer, Place, Stage, bring_about, clear_away
from sparkify.provision.wanted import Wanted

__all__ = ["Created", "Destroyed", "create", "destroy", "plan_create", "plan_destroy", "snapshot_name"]


@dataclass(frozen=True)
class Created:
    """A warehouse that is there, and how it is reached.

    :ivar secret_arn: where AWS keeps the password of the administrator; None when you gave one.
    :ivar differences: how it is other than what was asked for, because it was there before.
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

    :ivar removed: what was there, and is not any more.
    :ivar snapshot: the name of the last snapshot that this run asked for; it is kept, and costs something,
        until it is deleted. A run before may have asked for another.
    """

    identifier: str
    removed: tuple[str, ...]
    snapshot: str | None
    role_arn: str


class _Counting(Observer):
    """Passes everything on, and counts the calls."""

    def __init__(self, observer: Observer) -> None:
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


def plan_create(wanted: Wanted, region: str | None = None) -> list[Call]:
    """The calls of a first creation. Nobody is asked: what only AWS knows stands in angle brackets."""
    place = Place(region=region) if region else Place()
    return [
        call
        for stage in stages(wanted.names, s3_endpoint=wanted.s3_endpoint)
        for call in stage.missing(wanted, place, None)
    ]


def plan_destroy(names: Names, *, final_snapshot: str | None, region: str | None = None) -> list[Call]:
    """The calls that remove a warehouse of which everything is there. Nobody is asked."""
    place = Place(region=region) if region else Place()
    return [
        call
        for stage in reversed(stages(names, s3_endpoint=True))
        for call in stage.surplus(stage.supposed(place), final_snapshot=final_snapshot)
    ]


def create(aws: Aws, wanted: Wanted, observer: Observer | None = None) -> Created:
    """See that the warehouse is there, whatever of it is there already, and wait until it is available.

    :raises SparkifyError: when AWS refuses. What was made stays, and the same call goes on from there.
    """
    counting = _Counting(observer or Observer())
    place = find_network(aws, wanted, find_place(aws))
    found: dict[type[Stage], Found] = {}
    for stage in stages(wanted.names, s3_endpoint=wanted.s3_endpoint):
        found[type(stage)] = bring_about(aws, stage, wanted, place, counting)
        place = stage.placed(place, found[type(stage)])
    _warn_of_network(aws, wanted, place, counting)
    engine = found[Workgroup if wanted.serverless else Cluster]
    differing = () if wanted.serverless else tuple(differences(wanted, place, engine))
    for difference in differing:
        counting.warning(f"it was there before and stays as it is; {difference}")
    holder = found[Namespace] if wanted.serverless else engine
    host, port = address(engine)
    return Created(
        identifier=wanted.names.identifier,
        kind=wanted.names.kind,
        state=engine.state,
        host=host,
        port=port or wanted.port,
        database=holder.facts.get("dbName" if wanted.serverless else "DBName") or wanted.database,
        user=holder.facts.get("adminUsername" if wanted.serverless else "MasterUsername") or wanted.user,
        role_arn=found[Role].id,
        secret_arn=holder.facts.get(
            "adminPasswordSecretArn" if wanted.serverless else "MasterPasswordSecretArn"
        ),
        calls=len(counting.calls),
        differences=differing,
        estimate=wanted.estimate,
    )


def _warn_of_network(aws: Aws, wanted: Wanted, place: Place, observer: Observer) -> None:
    """A private warehouse whose VPC has no way to S3 would wait at its first COPY until it gives up."""
    if wanted.public and not wanted.s3_endpoint:
        return
    found = S3Endpoint(wanted.names).look(aws, place)
    if found is not None:
        owner = found.tags.get(WAREHOUSE)
        if owner not in (None, wanted.names.identifier):
            observer.warning(
                f"the gateway endpoint for S3 of {place.vpc_id} belongs to the warehouse {owner}, and goes "
                "with it; run cluster create --s3-endpoint again then"
            )
    else:
        observer.warning(
            f"{place.vpc_id} has no gateway endpoint for S3, and this warehouse no address on the internet: "
            "unless the VPC has a NAT gateway, it cannot read S3; add --s3-endpoint (free, and every route "
            "table of the VPC gets a route to it)"
        )


def destroy(
    aws: Aws, names: Names, *, final_snapshot: str | None, observer: Observer | None = None
) -> Destroyed:
    """Remove everything that carries the tags of this warehouse, and wait until it is gone.

    :param final_snapshot: the name of the last snapshot; None: none is taken, and the data is lost.
    :raises SparkifyError: when AWS refuses. The same call goes on from there.
    """
    counting = _Counting(observer or Observer())
    place = find_place(aws)
    removed = [
        stage.noun
        for stage in reversed(stages(names, s3_endpoint=True))
        if clear_away(aws, stage, place, counting, final_snapshot=final_snapshot)
    ]
    taken = any(final_snapshot in call.params.values() for call in counting.calls) if final_snapshot else False
    return Destroyed(
        identifier=names.identifier,
        removed=tuple(removed),
        snapshot=final_snapshot if taken else None,
        role_arn=Role(names).supposed(place).id,
    )


def snapshot_name(names: Names, now: dt.datetime | None = None) -> str:
    """A name for the last snapshot that no earlier one has."""
    now = now or dt.datetime.now(dt.UTC)
    return f"{names.identifier}-final-{now:%Y%m%d-%H%M%S}"
