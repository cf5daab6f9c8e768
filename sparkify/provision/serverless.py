"""Redshift Serverless: a namespace, which holds the data, and a workgroup, which runs the queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sparkify.provision.naming import lower_key_value, tags_of
from sparkify.provision.role import role_arn
from sparkify.provision.steps import Call, Found, Place, Stage

if TYPE_CHECKING:
    from sparkify.provision.account import Aws
    from sparkify.provision.wanted import Wanted

__all__ = ["Namespace", "Workgroup"]

_SERVICE = "redshift-serverless"
_GONE = ("ResourceNotFoundException",)
_BUSY = {"CREATING", "MODIFYING", "DELETING"}


class Namespace(Stage):
    """The namespace: databases, users, and the administrator."""

    @property
    def noun(self) -> str:
        return f"namespace {self.names.identifier}"

    def look(self, aws: Aws, place: Place) -> Found | None:
        return _look(self, aws, "namespace")

    def missing(self, wanted: Wanted, place: Place, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        arn = role_arn(self.names, place)
        params: dict[str, Any] = {
            "namespaceName": self.names.identifier,
            "dbName": wanted.database,
            "adminUsername": wanted.user,
            "iamRoles": [arn],
            "defaultIamRoleArn": arn,
            "tags": lower_key_value(self.names.tags),
        }
        if wanted.password is None:
            params["manageAdminPassword"] = True
        else:
            params["adminUserPassword"] = wanted.password
        # It is encrypted in any case; without a key of one's own, with one of AWS.
        if wanted.kms_key_id:
            params["kmsKeyId"] = wanted.kms_key_id
        return [
            Call(
                f"create the {self.noun}",
                _SERVICE,
                "create_namespace",
                params,
                again_on={"ConflictException": "", "ValidationException": "IAM role"},
            )
        ]

    def surplus(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        params = {"namespaceName": self.names.identifier}
        if final_snapshot is not None:
            params["finalSnapshotName"] = final_snapshot
        how = "without a snapshot" if final_snapshot is None else f"keeping the snapshot {final_snapshot}"
        return [
            Call(
                f"delete the {self.noun}, {how}",
                _SERVICE,
                "delete_namespace",
                params,
                # Its workgroup may be on its way out still.
                again_on={"ConflictException": "", **dict.fromkeys(_GONE, "")},
            )
        ]

    def supposed(self, place: Place) -> Found:
        return Found(id=self.names.identifier, tags=self.names.tags)


class Workgroup(Stage):
    """The workgroup: capacity, network and address."""

    @property
    def noun(self) -> str:
        return f"workgroup {self.names.identifier}"

    def look(self, aws: Aws, place: Place) -> Found | None:
        return _look(self, aws, "workgroup")

    def missing(self, wanted: Wanted, place: Place, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        params: dict[str, Any] = {
            "workgroupName": self.names.identifier,
            "namespaceName": self.names.identifier,
            "baseCapacity": wanted.base_capacity,
            "port": wanted.port,
            "publiclyAccessible": wanted.public,
            "enhancedVpcRouting": True,
            "securityGroupIds": [place.group_id],
            "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}],
            "tags": lower_key_value(self.names.tags),
        }
        if place.subnet_ids:
            params["subnetIds"] = list(place.subnet_ids)
        return [
            Call(
                f"create the {self.noun}",
                _SERVICE,
                "create_workgroup",
                params,
                again_on={"ConflictException": ""},
            )
        ]

    def surplus(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        return [
            Call(
                f"delete the {self.noun}",
                _SERVICE,
                "delete_workgroup",
                {"workgroupName": self.names.identifier},
                again_on={"ConflictException": "", **dict.fromkeys(_GONE, "")},
            )
        ]

    def supposed(self, place: Place) -> Found:
        return Found(id=self.names.identifier, tags=self.names.tags)


def _look(stage: Namespace | Workgroup, aws: Aws, what: str) -> Found | None:
    name = stage.names.identifier
    doing = f"look at the {stage.noun}"
    answer = aws.find(doing, _SERVICE, f"get_{what}", absent=_GONE, **{f"{what}Name": name})
    if answer is None:
        return None
    facts = answer[what]
    tags = aws.find(doing, _SERVICE, "list_tags_for_resource", absent=_GONE, resourceArn=facts[f"{what}Arn"])
    if tags is None:
        return None
    state = facts["status"]
    addressless = what == "workgroup" and state == "AVAILABLE" and not facts.get("endpoint", {}).get("address")
    return Found(
        id=name,
        tags=tags_of(tags["tags"]),
        state=state.lower(),
        busy=state in _BUSY or addressless,
        facts=facts,
    )
