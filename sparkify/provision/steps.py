"""One AWS resource, and the one loop that brings it to a state: inspect, send what is needed, inspect again.

Because a resource is inspected before every call, it does not matter where an earlier run stopped.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

from sparkify.etl.errors import ConfigurationError, TemporaryError
from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found, ProvisionObserver
from sparkify.provision.naming import Names, Scope
from sparkify.provision.spec import Spec

__all__ = ["Outcome", "Resource", "ensure", "refuse_others", "settle", "teardown"]

Outcome = Literal["removed", "not there", "left"]
"""What became of a resource that was to be deleted; one that is not this warehouse's is left."""

TIMEOUT = 3600.0
"""Seconds that a resource may take: a cluster takes five minutes, a final snapshot may take half an hour."""
RETRY_LIMIT = 40
"""How often AWS may be unready for a call, or not show its effect yet, before that is an error."""


class Resource(ABC):
    """One AWS resource, and the calls that create and delete it. Holds no connection.

    :cvar shared: whether one that somebody else created serves as well.
    """

    shared: ClassVar[bool] = False

    def __init__(self, names: Names) -> None:
        self.names = names

    @property
    @abstractmethod
    def noun(self) -> str:
        """The kind of resource, with its name."""

    @abstractmethod
    def inspect(self, aws: Aws, context: Context) -> Found | None:
        """The resource as it is now; None if it does not exist. Read-only."""

    @abstractmethod
    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        """The calls that turn what was found into what is specified."""

    @abstractmethod
    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        """The calls that delete what was found."""

    @abstractmethod
    def expected(self, context: Context) -> Found:
        """What :meth:`inspect` would find, for a plan without connecting."""

    def extend(self, context: Context, found: Found) -> Context:
        """The context, with what the next resources need to know about this one."""
        return context

    def scope(self, found: Found, context: Context) -> Scope:
        """Region and kind of the warehouse that this was created for, as far as they can be known."""
        return self.names.scope_of(found.tags)

    def objection(self, found: Found, context: Context) -> str | None:
        """Why this does not belong to this warehouse, as a predicate; None if it does.

        A warehouse of another region or kind may have the same name, and IAM has only one role of a name.
        """
        if not self.names.owns(found.tags):
            return "does not carry the tags of this warehouse"
        scope, own = self.scope(found, context), Scope(context.region, self.names.kind)
        if scope == own:
            return None
        if _differs(scope, own):
            return f"belongs to {self.owner(found, context)}"
        tags = " and ".join(f"{key}={value}" for key, value in self.names.scope_tags(context.region).items())
        return f"does not say whose it is (that of this warehouse has the tags {tags})"

    def owner(self, found: Found, context: Context) -> str:
        """The warehouse whose tags this carries, as far as it can be known."""
        scope, name = self.scope(found, context), found.tags.get(self.names.warehouse_tag, "")
        kind = f"{scope.kind} " if scope.kind else ""
        return f"the {kind}warehouse {name}" + (f" in {scope.region}" if scope.region else "")


def _differs(scope: Scope, own: Scope) -> bool:
    """Whether these are certainly two different warehouses."""
    return any(one not in (None, other) for one, other in zip(scope, own, strict=True))


def refuse_others(resource: Resource, found: Found, context: Context) -> None:
    """Raise an error if what was found does not belong to this warehouse.

    :raises ConfigurationError: in that case, with the owner and what to do.
    """
    objection = resource.objection(found, context)
    if objection is None:
        return
    hint = "Give another name in [DWH] of dwh.cfg, or remove it yourself."
    if resource.names.owns(found.tags):
        scope, own = resource.scope(found, context), Scope(context.region, resource.names.kind)
        # The role is all that a warehouse in another region can have in common with this one.
        options = "" if scope.region not in (None, own.region) else "--cluster and "
        advice = f"another {options}DWH_IAM_ROLE_NAME, in a dwh.cfg of its own (--config)."
        if _differs(scope, own):
            hint = f"Give this warehouse {advice}"
        else:
            hint = f"If it is of this warehouse, add these tags; if not, give this warehouse {advice}"
    raise ConfigurationError(
        f"exists and {objection}", where=f"the {resource.noun}", state="it was left as it is", hint=hint
    )


def ensure(
    aws: Aws,
    resource: Resource,
    spec: Spec,
    context: Context,
    observer: ProvisionObserver,
    *,
    seen: Sequence[Found | None] = (),
) -> Found:
    """Create what is missing, and wait until the resource is as specified.

    :param seen: what an inspection found a moment ago, if known.
    :raises ConfigurationError: if something of that name exists that is not ours; it is left alone.
    :raises TemporaryError: if AWS takes too long.
    """

    def calls(found: Found | None) -> Sequence[Call]:
        if found is not None and not resource.shared:
            refuse_others(resource, found, context)
        return resource.to_create(spec, context, found)

    found = settle(aws, resource, context, calls, observer, seen=seen)
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
) -> Outcome:
    """Delete the resource if it is ours, and wait until it is gone. Returns what became of it.

    :raises TemporaryError: if AWS takes too long.
    """
    outcome: Outcome = "not there"

    def calls(found: Found | None) -> Sequence[Call]:
        nonlocal outcome
        if found is None:
            return ()
        if objection := resource.objection(found, context):
            observer.warning(f"the {resource.noun} {objection}, and was left as it is")
            outcome = "left"
            return ()
        outcome = "removed"
        return resource.to_delete(found, final_snapshot=final_snapshot)

    settle(aws, resource, context, calls, observer)
    if outcome != "left":
        observer.settled(resource.noun, outcome)
    return outcome


def settle(
    aws: Aws,
    resource: Resource,
    context: Context,
    calls: Callable[[Found | None], Sequence[Call]],
    observer: ProvisionObserver,
    *,
    seen: Sequence[Found | None] = (),
) -> Found | None:
    """Send the first needed call and inspect again, until no call is needed. Returns what there is then.

    Nothing is sent while AWS is at work on the resource. A call is sent again only if it was refused with
    one of the codes of its ``retry_on``.

    :param calls: returns the calls that are needed, given what there is.
    :param seen: what an inspection found a moment ago, which replaces the first one.
    :raises TemporaryError: if it takes longer than :data:`TIMEOUT`.
    """
    from sparkify.provision.aws_errors import AwsRefusal

    began = time.monotonic()
    retries = 0
    sent: Call | None = None
    known = list(seen)
    while True:
        found = known.pop() if known else resource.inspect(aws, context)
        waited = time.monotonic() - began
        if waited > TIMEOUT or retries > RETRY_LIMIT:
            state = found.state if found else "not there"
            raise TemporaryError(
                f"is still {state} after {waited / 60:.0f} minutes",
                where=f"the {resource.noun}",
                hint="Run the same command again to go on waiting.",
            )
        needed = calls(found)
        if found is not None and found.busy and resource.objection(found, context) is None:
            observer.waiting(resource.noun, found.state, waited)
            aws.wait()
            continue
        if not needed:
            return found
        if needed[0] == sent:
            # AWS accepted the call, but its effect is not visible everywhere yet: do not send it again.
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
