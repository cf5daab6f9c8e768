"""A warehouse in AWS, from nothing and back to nothing: IAM role, security group, cluster or workgroup.

::

    from sparkify import Settings
    from sparkify.pipeline import SPARKIFY
    from sparkify.provision import Aws, Wanted, create

    settings = Settings.load(SPARKIFY.sources)
    create(Aws(settings), Wanted.of(settings))

Safe unless asked otherwise: private, encrypted, one network let in, no more rights than COPY needs, deleted
with a last snapshot. Only what carries the tags of :class:`~sparkify.provision.naming.Names` is ever changed.
"""

from __future__ import annotations

from sparkify.provision.account import Aws
from sparkify.provision.costs import Estimate
from sparkify.provision.lifecycle import (
    Created,
    Destroyed,
    create,
    destroy,
    plan_create,
    plan_destroy,
    snapshot_name,
)
from sparkify.provision.naming import Names
from sparkify.provision.state import Part, State, look
from sparkify.provision.steps import Call, Observer
from sparkify.provision.switching import pause, plan_switch, resume
from sparkify.provision.wanted import Wanted

__all__ = [
    "Aws",
    "Call",
    "Created",
    "Destroyed",
    "Estimate",
    "Names",
    "Observer",
    "Part",
    "State",
    "Wanted",
    "create",
    "destroy",
    "look",
    "pause",
    "plan_create",
    "plan_destroy",
    "plan_switch",
    "resume",
    "snapshot_name",
]
