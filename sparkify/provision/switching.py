"""Pause a cluster, and resume it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sparkify.etl.errors import UNCHANGED, ConfigurationError
from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found, ProvisionObserver
from sparkify.provision.cluster import Cluster
from sparkify.provision.naming import Names
from sparkify.provision.state import State, inspect
from sparkify.provision.steps import settle

__all__ = ["pause", "plan_switch", "resume"]

Verb = Literal["pause", "resume"]

_STATES = {"pause": ("available", "paused"), "resume": ("paused", "available")}
"""For each verb, the state in which it can be sent and the one that it leads to."""


def plan_switch(names: Names, verb: Verb) -> list[Call]:
    """The call that pauses or resumes the cluster. Without connecting."""
    return [_cluster(names).switch(verb)]


def pause(aws: Aws, names: Names, observer: ProvisionObserver | None = None) -> State:
    """Pause the cluster and wait until it is paused: storage is billed, nodes are not.

    :raises ConfigurationError: if there is none of ours, or its state does not allow a pause.
    :raises TemporaryError: if AWS takes too long.
    """
    return _switch(aws, names, "pause", observer or ProvisionObserver())


def resume(aws: Aws, names: Names, observer: ProvisionObserver | None = None) -> State:
    """Resume the cluster and wait until it is available.

    :raises ConfigurationError: if there is none of ours, or its state does not allow a resume.
    :raises TemporaryError: if AWS takes too long.
    """
    return _switch(aws, names, "resume", observer or ProvisionObserver())


def _cluster(names: Names) -> Cluster:
    if names.kind == "serverless":
        raise ConfigurationError(
            "Redshift Serverless is not paused: without queries it costs nothing but storage", state=UNCHANGED
        )
    return Cluster(names)


def _switch(aws: Aws, names: Names, verb: Verb, observer: ProvisionObserver) -> State:
    cluster = _cluster(names)
    before, after = _STATES[verb]

    def calls(found: Found | None) -> Sequence[Call]:
        if found is None:
            raise ConfigurationError(
                f"there is no {cluster.noun} in {aws.region}",
                hint="Run sparkify-etl cluster create, or check DWH_CLUSTER_IDENTIFIER and REGION.",
            )
        if not names.owns(found.tags):
            raise ConfigurationError(
                "does not carry the tags of this warehouse",
                where=f"the {cluster.noun}",
                state="it was left as it is",
            )
        if found.busy or found.state == after:
            return ()
        if found.state != before:
            raise ConfigurationError(
                f"is {found.state}",
                where=f"the {cluster.noun}",
                hint=f"Only one that is {before} can {verb}.",
            )
        return [cluster.switch(verb)]

    settle(aws, cluster, Context(), calls, observer)
    observer.settled(cluster.noun, after)
    return inspect(aws, names)
