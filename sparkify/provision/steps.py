"""Calls to AWS as data, and the one loop that carries them out: look, send what is missing, look again.

Because each stage looks before every call, it does not matter where an earlier run stopped.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import SecretStr

from sparkify.config.settings import MASK
from sparkify.etl.errors import ConfigurationError, TemporaryError
from sparkify.provision.naming import Names

if TYPE_CHECKING:
    from sparkify.provision.account import Aws
    from sparkify.provision.wanted import Wanted

__all__ = ["Call", "Found", "Observer", "Place", "Stage", "bring_about", "clear_away"]

PATIENCE_SECONDS = 3600.0
"""How long a stage may take: a cluster is there after five minutes, a final snapshot may take half an hour."""
AGAIN_LIMIT = 40
"""How often AWS may not be ready for a call, or not show its effect, before that is an error."""


@dataclass(frozen=True)
class Call:
    """One request that changes something.

    :ivar operation: as boto3 names it.
    :ivar params: what is sent; a secret in it is a ``SecretStr`` until then.
    :ivar again_on: codes of AWS after which to look again rather than to give up, each with a word that its
        message must have: somebody was faster, or something is not ready.
    """

    title: str
    service: str
    operation: str
    params: Mapping[str, Any]
    again_on: Mapping[str, str] = field(default_factory=dict, repr=False)

    def sent(self) -> dict[str, Any]:
        """The parameters as AWS gets them."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.params.items()
        }

    def shown(self) -> dict[str, Any]:
        """The parameters as they may be seen: secrets masked, documents as data."""
        return {name: _shown(name, value) for name, value in self.params.items()}


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    return json.loads(value) if name.endswith("PolicyDocument") else value


@dataclass(frozen=True)
class Place:
    """Where it is all put. What only AWS knows stands in angle brackets until it was asked."""

    region: str = "<region>"
    account: str = "<account>"
    partition: str = "aws"
    vpc_id: str = "<vpc>"
    subnet_ids: tuple[str, ...] = ()
    route_table_ids: tuple[str, ...] = ("<route tables>",)
    group_id: str = "<security group>"


@dataclass(frozen=True)
class Found:
    """Something that is there, as AWS tells.

    :ivar state: in AWS's words.
    :ivar busy: whether AWS is at work on it, and it is better to wait.
    :ivar facts: AWS's own answer.
    """

    id: str
    tags: Mapping[str, str]
    state: str = "available"
    busy: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


class Observer:
    """Is told how things go. This one is silent."""

    def sending(self, call: Call) -> None:
        """A call is about to be sent."""

    def waiting(self, noun: str, state: str, seconds: float) -> None:
        """AWS is at work, since so many seconds."""

    def settled(self, noun: str, state: str) -> None:
        """This much is done."""

    def warning(self, message: str) -> None:
        """Something that does not stop the work."""


class Stage(ABC):
    """One thing in AWS, and what leads to it and from it. Holds no connection.

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
    def look(self, aws: Aws, place: Place) -> Found | None:
        """What is there now. Read-only."""

    @abstractmethod
    def missing(self, wanted: Wanted, place: Place, found: Found | None) -> Sequence[Call]:
        """The calls that lead from what was found to what is wanted."""

    @abstractmethod
    def surplus(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        """The calls that lead from what was found to nothing."""

    @abstractmethod
    def supposed(self, place: Place) -> Found:
        """What would be found of it, for a plan that asks nobody."""

    def placed(self, place: Place, found: Found) -> Place:
        """The place, with what the next stages need to know of this one."""
        return place


def bring_about(aws: Aws, stage: Stage, wanted: Wanted, place: Place, observer: Observer) -> Found:
    """See that the stage is as wanted.

    :raises ConfigurationError: when something of that name is there which is not ours; it is left alone.
    :raises TemporaryError: when AWS takes too long.
    """

    def calls(found: Found | None) -> Sequence[Call]:
        if found is not None and not stage.names.owns(found.tags) and not stage.shared:
            raise ConfigurationError(
                f"the {stage.noun} exists and does not carry the tags of this warehouse, so it was left as it "
                "is; give another name in [DWH] of dwh.cfg, or remove it yourself"
            )
        return stage.missing(wanted, place, found)

    found = _settle(aws, stage, place, calls, observer)
    if found is None:  # pragma: no cover - the loop ends when nothing is missing
        raise TemporaryError(f"the {stage.noun} is gone again; run the command again")
    observer.settled(stage.noun, found.state)
    return found


def clear_away(
    aws: Aws, stage: Stage, place: Place, observer: Observer, *, final_snapshot: str | None = None
) -> bool:
    """See that nothing of ours is left of the stage. Returns whether there was anything.

    :raises TemporaryError: when AWS takes too long.
    """
    removed = False

    def calls(found: Found | None) -> Sequence[Call]:
        nonlocal removed
        if found is None:
            return ()
        if not stage.names.owns(found.tags):
            observer.warning(
                f"the {stage.noun} does not carry the tags of this warehouse, and was left as it is"
            )
            return ()
        removed = True
        return stage.surplus(found, final_snapshot=final_snapshot)

    left = _settle(aws, stage, place, calls, observer)
    if left is None:
        observer.settled(stage.noun, "removed" if removed else "not there")
    return removed


def _settle(
    aws: Aws,
    stage: Stage,
    place: Place,
    calls: Callable[[Found | None], Sequence[Call]],
    observer: Observer,
) -> Found | None:
    from sparkify.provision.aws_errors import AwsRefusal

    began = time.monotonic()
    again = 0
    sent: Call | None = None
    while True:
        found = stage.look(aws, place)
        waited = time.monotonic() - began
        if waited > PATIENCE_SECONDS or again > AGAIN_LIMIT:
            state = found.state if found else "not there"
            raise TemporaryError(
                f"the {stage.noun} is still {state} after {waited / 60:.0f} minutes; run the same command "
                "again to go on waiting"
            )
        needed = calls(found)
        if found is not None and found.busy and stage.names.owns(found.tags):
            observer.waiting(stage.noun, found.state, waited)
            aws.wait()
            continue
        if not needed:
            return found
        if needed[0] == sent:
            # AWS has taken the call and does not show its effect everywhere yet: not sent a second time.
            again += 1
            aws.wait()
            continue
        call = needed[0]
        observer.sending(call)
        try:
            aws.send(call)
            sent, again = call, 0
        except AwsRefusal as exc:
            again += 1
            if again > AGAIN_LIMIT or call.again_on.get(exc.code, "\0") not in exc.said:
                raise
            observer.waiting(stage.noun, f"not ready ({exc.code})", waited)
            aws.wait()
