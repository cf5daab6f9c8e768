"""What the resources of a pipeline's warehouse are called in AWS, and the tags that mark them as ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from sparkify.config.settings import Settings
from sparkify.etl.declarations import Pipeline
from sparkify.pipeline import SPARKIFY

__all__ = ["MANAGER", "Kind", "Names", "Scope", "key_value", "lower_key_value", "tags_of"]

Kind = Literal["provisioned", "serverless"]

MANAGER = "sparkify-etl"
"""The value of the tag ``managed-by``, whatever the pipeline."""


class Scope(NamedTuple):
    """Region and kind of a warehouse, in which two of the same name may differ. None means unknown."""

    region: str | None = None
    kind: str | None = None


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one warehouse and of what belongs to it.

    :ivar identifier: the name of the cluster, or of the namespace and the workgroup.
    :ivar pipeline: the name of the pipeline, with which the tags and the policy's name begin.
    """

    identifier: str
    kind: Kind
    role: str
    pipeline: str = SPARKIFY.name

    @classmethod
    def of(cls, settings: Settings, pipeline: Pipeline = SPARKIFY, *, serverless: bool = False) -> Names:
        """The names from the settings, or else from the pipeline.

        The kind is serverless if asked for, if ``DWH_CLUSTER_TYPE`` says so, or if ``HOST`` is serverless.
        """
        host = settings.host or ""
        is_serverless = (
            serverless
            or settings.dwh_cluster_type.lower() == "serverless"
            or ".redshift-serverless" in host.lower()
        )
        given = settings.model_fields_set
        identifier = settings.dwh_cluster_identifier if "dwh_cluster_identifier" in given else pipeline.name
        role = settings.dwh_iam_role_name if "dwh_iam_role_name" in given else f"{pipeline.name}-redshift"
        return cls(
            # Redshift stores names in lower case, whatever it is given.
            identifier=identifier.lower(),
            kind="serverless" if is_serverless else "provisioned",
            role=role,
            pipeline=pipeline.name,
        )

    @property
    def group(self) -> str:
        """The name of the security group."""
        return f"{self.identifier}-redshift"

    @property
    def policy(self) -> str:
        """The name of the role's inline policy."""
        return f"{self.pipeline}-read-s3"

    @property
    def warehouse_tag(self) -> str:
        """The key of the tag that says which warehouse something belongs to."""
        return f"{self.pipeline}:warehouse"

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that belongs to a warehouse of this name."""
        return {f"{self.pipeline}:managed-by": MANAGER, self.warehouse_tag: self.identifier}

    def tags_in(self, region: str) -> dict[str, str]:
        """The tags for a new resource: those of the name, and those of region and kind."""
        return {**self.tags, **self.scope_tags(region)}

    def scope_tags(self, region: str) -> dict[str, str]:
        """The tags that tell this warehouse from others of its name. Earlier versions did not set them."""
        return {f"{self.pipeline}:region": region, f"{self.pipeline}:kind": self.kind}

    def scope_of(self, tags: Mapping[str, str]) -> Scope:
        """Region and kind of the warehouse that something with these tags was created for."""
        return Scope(tags.get(f"{self.pipeline}:region"), tags.get(f"{self.pipeline}:kind"))

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether we created something with these tags for a warehouse of this name, wherever that is."""
        return all(tags.get(key) == value for key, value in self.tags.items())


def key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form that most AWS services take."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def lower_key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form that Redshift Serverless takes."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def tags_of(answer: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags as AWS returns them, in either form."""
    return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", ""))) for tag in answer}
