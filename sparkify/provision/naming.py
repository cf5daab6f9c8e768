"""What our things are called in AWS, and the tags by which they are known to be ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sparkify.config.settings import Settings

__all__ = ["MANAGED_BY", "POLICY_NAME", "WAREHOUSE", "Kind", "Names", "key_value", "lower_key_value", "tags_of"]

Kind = Literal["provisioned", "serverless"]

MANAGED_BY = "sparkify:managed-by"
WAREHOUSE = "sparkify:warehouse"
MANAGER = "sparkify-etl"
POLICY_NAME = "sparkify-read-s3"


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names of one warehouse and of what belongs to it.

    :ivar identifier: of the cluster, or of the namespace and the workgroup.
    """

    identifier: str
    kind: Kind
    role: str

    @classmethod
    def of(cls, settings: Settings, *, serverless: bool = False) -> Names:
        """The names that the settings give.

        It is serverless when asked for, when ``DWH_CLUSTER_TYPE`` says so, or when ``HOST`` is such a one.
        """
        host = settings.host or ""
        is_serverless = (
            serverless
            or settings.dwh_cluster_type.lower() == "serverless"
            or ".redshift-serverless" in host.lower()
        )
        return cls(
            # Redshift keeps names in lower case, whatever it was given.
            identifier=settings.dwh_cluster_identifier.lower(),
            kind="serverless" if is_serverless else "provisioned",
            role=settings.dwh_iam_role_name,
        )

    @property
    def group(self) -> str:
        """The name of the security group."""
        return f"{self.identifier}-redshift"

    @property
    def tags(self) -> dict[str, str]:
        """The tags that everything of this warehouse carries."""
        return {MANAGED_BY: MANAGER, WAREHOUSE: self.identifier}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Whether something with these tags was made for this warehouse, by us."""
        return all(tags.get(key) == value for key, value in self.tags.items())


def key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most of AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def lower_key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as Redshift Serverless takes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def tags_of(answer: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags as AWS tells them, in either form."""
    return {str(tag.get("Key", tag.get("key"))): str(tag.get("Value", tag.get("value", ""))) for tag in answer}
