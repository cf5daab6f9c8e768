"""What a cluster, a namespace and a workgroup have in common: names, administrator, final snapshot."""

from __future__ import annotations

from typing import Any, ClassVar

from sparkify.provision.calls import Context, Found
from sparkify.provision.naming import Scope
from sparkify.provision.spec import Spec
from sparkify.provision.steps import Resource

__all__ = ["EngineResource", "administrator_params", "deletion_title", "given_params"]


class EngineResource(Resource):
    """A part of Redshift itself, named by the identifier of the warehouse.

    :cvar kind: the word for it.
    """

    kind: ClassVar[str]

    @property
    def noun(self) -> str:
        """The word for it, and its identifier."""
        return f"{self.kind} {self.names.identifier}"

    def expected(self, context: Context) -> Found:
        """A resource with this identifier and our tags."""
        return Found(id=self.names.identifier, tags=self.names.tags_in(context.region))

    def scope(self, found: Found, context: Context) -> Scope:
        """Region and kind as looked up, not from the tags: a restored cluster has the tags of another."""
        return Scope(context.region, self.names.kind)


def administrator_params(spec: Spec, managed: str, password: str) -> dict[str, Any]:
    """The parameter that makes AWS manage the administrator's password, or the one with the given password."""
    return {managed: True} if spec.password is None else {password: spec.password}


def given_params(**params: Any) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value}


def deletion_title(resource: Resource, final_snapshot: str | None) -> str:
    """The title of a deletion, with or without a final snapshot."""
    how = "without a snapshot" if final_snapshot is None else f"keeping the snapshot {final_snapshot}"
    return f"delete the {resource.noun}, {how}"
