"""The values that provisioning works with: a call to AWS, what AWS has, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from sparkify.config.secrets import MASK
from sparkify.provision.naming import Scope

__all__ = ["Call", "Context", "Found", "ProvisionObserver"]


@dataclass(frozen=True)
class Call:
    """One request that changes something.

    :ivar operation: as boto3 names it.
    :ivar params: what is sent; a secret in it is a ``SecretStr`` until it is sent.
    :ivar retry_on: AWS error codes after which to inspect again rather than give up, each with a text that
        AWS's message must contain: somebody was faster, or something is not ready.
    """

    title: str
    service: str
    operation: str
    params: Mapping[str, Any]
    retry_on: Mapping[str, str] = field(default_factory=dict, repr=False)

    def unmasked(self) -> dict[str, Any]:
        """The parameters as they are sent to AWS."""
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.params.items()
        }

    def masked(self) -> dict[str, Any]:
        """The parameters as they may be shown: secrets masked, documents as data."""
        return {name: _masked(name, value) for name, value in self.params.items()}


def _masked(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK
    return json.loads(value) if name.endswith("PolicyDocument") else value


@dataclass(frozen=True)
class Context:
    """Region, account and network of a warehouse. What only AWS knows is in angle brackets until AWS is asked.

    :ivar role_scope: the warehouse that the role belongs to; the role is created first and removed last.
    """

    region: str = "<region>"
    account: str = "<account>"
    partition: str = "aws"
    vpc_id: str = "<vpc>"
    subnet_ids: tuple[str, ...] = ()
    route_table_ids: tuple[str, ...] = ("<route tables>",)
    group_id: str = "<security group>"
    role_scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True)
class Found:
    """Something that exists, as AWS describes it.

    :ivar state: in AWS's words.
    :ivar busy: whether AWS is at work on it, and it is better to wait.
    :ivar facts: details from AWS's answer.
    """

    id: str
    tags: Mapping[str, str]
    state: str = "available"
    busy: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)


class ProvisionObserver:
    """Receives the progress. This base class ignores it."""

    def sending(self, call: Call) -> None:
        """A call is about to be sent."""

    def waiting(self, noun: str, state: str, seconds: float) -> None:
        """AWS has been at work for so many seconds."""

    def settled(self, noun: str, state: str) -> None:
        """A resource is in its final state."""

    def warning(self, message: str) -> None:
        """Something that does not stop the work."""
