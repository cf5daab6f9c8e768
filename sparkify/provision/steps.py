"""One thing in AWS, and the one loop that brings it to a state: inspect, send what is needed, inspect again.

Because a resource is inspected before every call, it does not matter where an earlier run stopped.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

from sparkify.etl.errors import ConfigurationError, TemporaryError
from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found, ProvisionObserver
from sparkify.provision.naming import Names
from sparkify.provision.spec import Spec

__all__ = ["Resource", "ensure", "settle", "teardown"]

TIMEOUT = 3600.0
"""Seconds that a resource may take: a cluster is there after five minutes, a final snapshot may take half an
hour."""
RETRY_LIMIT = 40
"""How often AWS may not be ready for a call, or not show its effect, before that is an error."""


class Resource(ABC):
    """One thing in AWS, and the calls that create and delete it. Holds no connection.

    :cvar shared: whether somebody else's serves as well.
    """

    shared: ClassVar[bool] = False

    def __init__(self, names: Names) -> None:
        self.names = names

    @property
    @abstractmethod
    def noun(self) -> str:
        """What it is, with its name."""

    @abstractmethod
    def inspect(self, aws: Aws, context: Context) -> Found | None:
        """What there is now. Read-only."""

    @abstractmethod
    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        """The calls that lead from what was found to what is specified."""

    @abstractmethod
    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        """The calls that lead from what was found to nothing."""

    @abstractmethod
    def expected(self, context: Context) -> Found:
        """What would be found of it, for a plan without connecting."""

    def extend(self, context: Context, found: Found) -> Context:
        """The context, with what the next resources need to know of this one."""
        return context


def ensure(aws: Aws, resource: Resource, spec: Spec, context: Context, observer: ProvisionObserver) -> Found:
    """Create what is not there yet, and wait until the resource is as specified.

    :raises ConfigurationError: when something of that name exists which is not ours; it is left alone.
    :raises TemporaryError: when AWS takes too long.
    """

    def calls(found: Found | None) -> Sequence[Call]:
        if found is not None and not resource.names.owns(found.tags) and not resource.shared:
            raise ConfigurationError(
                "exists and does not carry the tags of this warehouse",
                where=f"the {resource.noun}",
                state="it was left as it is",
                hint="Give another name in [DWH] of dwh.cfg, or remove it yourself.",
            )
        return resource.to_create(spec, context, found)

    found = settle(aws, resource, context, calls, observer)
    if found is None:  # pragma: no cover - the loop ends when nothing is to be created
        raise TemporaryError("is gone again", where=f"the {resource.noun}", hint="Run the command again.")
    observer.settled(resource.noun, found.state)
    return found


def teardown(
    aws: Aws,
    resource: Resource,
    context: Context,
    observer: ProvisionObserver,
    *,
    final_snapshot: str | None = None,
) -> bool:
    """Delete what is ours of the resource, and wait until it is gone. Returns whether there was anything.

    :raises TemporaryError: when AWS takes too long.
    """
    removed = False

    def calls(found: Found | None) -> Sequence[Call]:
        nonlocal removed
        if found is None:
            return ()
        if not resource.names.owns(found.tags):
            observer.warning(
                f"the {resource.noun} does not carry the tags of this warehouse, and was left as it is"
            )
            return ()
        removed = True
        return resource.to_delete(found, final_snapshot=final_snapshot)

    left = settle(aws, resource, context, calls, observer)
    if left is None:
        observer.settled(resource.noun, "removed" if removed else "not there")
    return removed


def settle(
    aws: Aws,
    resource: Resource,
    context: Context,
    calls: Callable[[Found | None], Sequence[Call]],
    observer: ProvisionObserver,
) -> Found | None:
    """Send the first of the calls that are needed, until none is. Returns what there is then.

    Nothing is sent while AWS is at work on the resource. A call is sent again only when it was refused with
    one of the codes of its ``retry_on``.

    :param calls: the calls that are needed, given what there is.
    :raises TemporaryError: when it takes longer than :data:`TIMEOUT`.
    """
    from sparkify.provision.aws_errors import AwsRefusal

    began = time.monotonic()
    retries = 0
    sent: Call | None = None
    while True:
        found = resource.inspect(aws, context)
        waited = time.monotonic() - began
        if waited > TIMEOUT or retries > RETRY_LIMIT:
            state = found.state if found else "not there"
            raise TemporaryError(
                f"is still {state} after {waited / 60:.0f} minutes",
                where=f"the {resource.noun}",
                hint="Run the same command again to go on waiting.",
            )
        needed = calls(found)
        if found is not None and found.busy and resource.names.owns(found.tags):
            observer.waiting(resource.noun, found.state, waited)
            aws.wait()
            continue
        if not needed:
            return found
        if needed[0] == sent:
            # AWS has taken the call and does not show its effect everywhere yet: not sent a second time.
            retries += 1
            aws.wait()
            continue
        call = needed[0]
        observer.sending(call)
        try:
            aws.send(call)
            sent, retries = call, 0
        except AwsRefusal as exc:
            retries += 1
            if retries > RETRY_LIMIT or call.retry_on.get(exc.code, "\0") not in exc.said:
                raise
            observer.waiting(resource.noun, f"not ready ({exc.code})", waited)
            aws.wait()
