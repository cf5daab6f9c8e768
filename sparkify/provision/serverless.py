"""Redshift Serverless: a namespace, which holds the data, and a workgroup, which runs the queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found
from sparkify.provision.engine import EngineResource, administrator_params, deletion_title, given_params
from sparkify.provision.naming import lower_key_value, tags_of
from sparkify.provision.role import role_arn, unload_roles
from sparkify.provision.spec import Spec

__all__ = ["Namespace", "Workgroup"]

_SERVICE = "redshift-serverless"
_GONE = ("ResourceNotFoundException",)
_BUSY = {"CREATING", "MODIFYING", "DELETING"}


class Namespace(EngineResource):
    """The namespace: databases, users, and the administrator."""

    kind = "namespace"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        return _inspect(self, aws)

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        arn = role_arn(self.names, context)
        params: dict[str, Any] = {
            "namespaceName": self.names.identifier,
            "dbName": spec.database,
            "adminUsername": spec.user,
            "iamRoles": [arn, *unload_roles(spec)],
            "defaultIamRoleArn": arn,
            "tags": lower_key_value(self.names.tags_in(context.region)),
            **administrator_params(spec, "manageAdminPassword", "adminUserPassword"),
            # It is always encrypted, with a key of AWS unless one is given.
            **given_params(kmsKeyId=spec.kms_key_id),
        }
        return [
            Call(
                f"create the {self.noun}",
                _SERVICE,
                "create_namespace",
                params,
                retry_on={"ConflictException": "", "ValidationException": "IAM role"},
            )
        ]

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        params = {"namespaceName": self.names.identifier, **given_params(finalSnapshotName=final_snapshot)}
        return [
            Call(
                deletion_title(self, final_snapshot),
                _SERVICE,
                "delete_namespace",
                params,
                # Its workgroup may still be in deletion.
                retry_on={"ConflictException": "", **dict.fromkeys(_GONE, "")},
            )
        ]


class Workgroup(EngineResource):
    """The workgroup: capacity, network and address."""

    kind = "workgroup"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        return _inspect(self, aws)

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        params: dict[str, Any] = {
            "workgroupName": self.names.identifier,
            "namespaceName": self.names.identifier,
            "baseCapacity": spec.base_capacity,
            "port": spec.port,
            "publiclyAccessible": spec.public,
            "enhancedVpcRouting": True,
            "securityGroupIds": [context.group_id],
            "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}],
            "tags": lower_key_value(self.names.tags_in(context.region)),
            **given_params(subnetIds=list(context.subnet_ids)),
        }
        return [
            Call(
                f"create the {self.noun}",
                _SERVICE,
                "create_workgroup",
                params,
                retry_on={"ConflictException": ""},
            )
        ]

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        return [
            Call(
                f"delete the {self.noun}",
                _SERVICE,
                "delete_workgroup",
                {"workgroupName": self.names.identifier},
                retry_on={"ConflictException": "", **dict.fromkeys(_GONE, "")},
            )
        ]


def _inspect(resource: Namespace | Workgroup, aws: Aws) -> Found | None:
    what = resource.kind
    name = resource.names.identifier
    doing = f"inspect the {resource.noun}"
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
