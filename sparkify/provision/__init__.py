"""Create and destroy a warehouse in AWS: IAM role, security group, cluster or workgroup.

::

    from sparkify import Settings
    from sparkify.pipeline import SPARKIFY
    from sparkify.provision import Aws, Spec, create

    settings = Settings.load(SPARKIFY.sources)
    create(Aws(settings), Spec.of(settings))

Safe by default: private, encrypted, open to one network, with no more rights than COPY needs, deleted with a
final snapshot. Only what carries the tags of :class:`~sparkify.provision.naming.Names`, for this region and
kind, is ever changed.
"""

from __future__ import annotations

from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, ProvisionObserver
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
from sparkify.provision.spec import Spec
from sparkify.provision.state import Part, State, inspect
from sparkify.provision.switching import pause, plan_switch, resume

__all__ = [
    "Aws",
    "Call",
    "Created",
    "Destroyed",
    "Estimate",
    "Names",
    "Part",
    "ProvisionObserver",
    "Spec",
    "State",
    "create",
    "destroy",
    "inspect",
    "pause",
    "plan_create",
    "plan_destroy",
    "plan_switch",
    "resume",
    "snapshot_name",
]
