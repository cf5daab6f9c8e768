"""Pause a cluster, and resume it."""

from __future__ import annotations

from sparkify.etl.errors import ConfigurationError, TemporaryError
from sparkify.provision.account import Aws
from sparkify.provision.cluster import Cluster
from sparkify.provision.naming import Names
from sparkify.provision.state import State, look
from sparkify.provision.steps import PATIENCE_SECONDS, Call, Found, Observer, Place

__all__ = ["pause", "plan_switch", "resume"]


def plan_switch(names: Names, verb: str) -> list[Call]:
    """The call that pauses or resumes. Nobody is asked."""
    cluster = _pausable(names)
    return [cluster.pausing() if verb == "pause" else cluster.resuming()]


def pause(aws: Aws, names: Names, observer: Observer | None = None) -> State:
    """Pause the cluster and wait until it is: storage is paid for, nodes are not."""
    return _switch(aws, names, "pause", "available", "paused", observer or Observer())


def resume(aws: Aws, names: Names, observer: Observer | None = None) -> State:
    """Resume the cluster and wait until it is available."""
    return _switch(aws, names, "resume", "paused", "available", observer or Observer())


def _pausable(names: Names) -> Cluster:
    if names.kind == "serverless":
        raise ConfigurationError(
            "Redshift Serverless is not paused: without queries it costs nothing but storage; "
            "nothing was changed"
        )
    return Cluster(names)


def _switch(aws: Aws, names: Names, verb: str, before: str, after: str, observer: Observer) -> State:
    cluster = _pausable(names)
    watch = _Watch(aws, cluster, observer)
    found = watch.quiet()
    if found is None:
        raise ConfigurationError(
            f"there is no {cluster.noun} in {aws.region}; run sparkify-etl cluster create, or check "
            "DWH_CLUSTER_IDENTIFIER and REGION"
        )
    if not names.owns(found.tags):
        raise ConfigurationError(
            f"the {cluster.noun} does not carry the tags of this warehouse, and was left as it is"
        )
    if found.state == before:
        call = cluster.pausing() if verb == "pause" else cluster.resuming()
        observer.sending(call)
        aws.send(call)
        found = watch.until(after)
    if found.state != after:
        raise ConfigurationError(f"the {cluster.noun} is {found.state}; only one that is {before} can {verb}")
    observer.settled(cluster.noun, found.state)
    return look(aws, names)


class _Watch:
    """Looks at a cluster until it is quiet, or in a state."""

    def __init__(self, aws: Aws, cluster: Cluster, observer: Observer) -> None:
        self._aws, self._cluster, self._observer = aws, cluster, observer

    def quiet(self) -> Found | None:
        seconds = 0.0
        while True:
            found = self._cluster.look(self._aws, Place())
            if found is None or not found.busy:
                return found
            seconds = self._pass_time(found.state, seconds)

    def until(self, state: str) -> Found:
        seconds = 0.0
        while True:
            found = self._cluster.look(self._aws, Place())
            if found is not None and found.state == state and not found.busy:
                return found
            seconds = self._pass_time(found.state if found else "gone", seconds)

    def _pass_time(self, state: str, seconds: float) -> float:
        if seconds > PATIENCE_SECONDS:
            raise TemporaryError(
                f"the {self._cluster.noun} is still {state} after {seconds / 60:.0f} minutes; run the same "
                "command again to go on waiting"
            )
        self._observer.waiting(self._cluster.noun, state, seconds)
        self._aws.wait()
        return seconds + self._aws.poll_seconds
