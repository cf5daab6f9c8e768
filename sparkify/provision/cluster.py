"""A cluster of nodes: created encrypted and private, deleted with a final snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found
from sparkify.provision.engine import EngineResource, administrator_params, deletion_title, given_params
from sparkify.provision.naming import key_value, tags_of
from sparkify.provision.role import role_arn, unload_roles
from sparkify.provision.spec import Spec

__all__ = ["Cluster", "differences"]

_BUSY = {
    "cancelling-resize",
    "creating",
    "deleting",
    "final-snapshot",
    "modifying",
    "pausing",
    "rebooting",
    "renaming",
    "resizing",
    "resuming",
    "rotating-keys",
    "updating-hsm",
}


class Cluster(EngineResource):
    """The cluster."""

    kind = "cluster"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        answer = aws.find(
            f"inspect the {self.noun}",
            "redshift",
            "describe_clusters",
            absent=("ClusterNotFound", "ClusterNotFoundFault"),
            ClusterIdentifier=self.names.identifier,
        )
        if answer is None:
            return None
        cluster = answer["Clusters"][0]
        state = cluster["ClusterStatus"]
        return Found(
            id=cluster["ClusterIdentifier"],
            tags=tags_of(cluster.get("Tags", ())),
            state=state,
            # The address appears a moment after the cluster becomes available.
            busy=state in _BUSY or (state == "available" and not cluster.get("Endpoint", {}).get("Address")),
            facts=cluster,
        )

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        arn = role_arn(self.names, context)
        params: dict[str, Any] = {
            "ClusterIdentifier": self.names.identifier,
            "ClusterType": "single-node" if spec.nodes == 1 else "multi-node",
            "NodeType": spec.node_type,
            "DBName": spec.database,
            "MasterUsername": spec.user,
            "Port": spec.port,
            "PubliclyAccessible": spec.public,
            "Encrypted": True,
            "EnhancedVpcRouting": True,
            "VpcSecurityGroupIds": [context.group_id],
            "IamRoles": [arn, *unload_roles(spec)],
            "DefaultIamRoleArn": arn,
            "Tags": key_value(self.names.tags_in(context.region)),
            **administrator_params(spec, "ManageMasterPassword", "MasterUserPassword"),
            **given_params(KmsKeyId=spec.kms_key_id, ClusterSubnetGroupName=spec.subnet_group),
        }
        if spec.nodes > 1:
            params["NumberOfNodes"] = spec.nodes
        return [
            Call(
                f"create the {self.noun}",
                "redshift",
                "create_cluster",
                params,
                # Right after the role was created, Redshift may not see it yet.
                retry_on={"ClusterAlreadyExists": "", "InvalidParameterValue": "IAM role"},
            )
        ]

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        params: dict[str, Any] = {"ClusterIdentifier": found.id}
        if final_snapshot is None:
            params["SkipFinalClusterSnapshot"] = True
        else:
            params |= {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": final_snapshot}
        return [
            Call(
                deletion_title(self, final_snapshot),
                "redshift",
                "delete_cluster",
                params,
                retry_on={"InvalidClusterState": "", "ClusterNotFound": ""},
            )
        ]

    def switch(self, verb: Literal["pause", "resume"]) -> Call:
        """The call that pauses or resumes it."""
        return Call(
            f"{verb} the {self.noun}",
            "redshift",
            f"{verb}_cluster",
            {"ClusterIdentifier": self.names.identifier},
        )


def differences(spec: Spec, context: Context, found: Found) -> Iterator[str]:
    """How an existing cluster differs from the spec; nothing is changed."""
    has = found.facts
    groups = {group["VpcSecurityGroupId"] for group in has.get("VpcSecurityGroups", ())}
    roles = {role["IamRoleArn"] for role in has.get("IamRoles", ())}
    arn = role_arn(spec.names, context)
    for what, is_now, asked in (
        ("node type", has.get("NodeType"), spec.node_type),
        ("number of nodes", has.get("NumberOfNodes"), spec.nodes),
        ("port", has.get("Endpoint", {}).get("Port"), spec.port),
        ("database", has.get("DBName"), spec.database),
        ("administrator", has.get("MasterUsername"), spec.user),
        ("public", has.get("PubliclyAccessible"), spec.public),
        ("encrypted", has.get("Encrypted"), True),
        ("enhanced VPC routing", has.get("EnhancedVpcRouting"), True),
        *(
            (what, wanted if wanted in roles else ", ".join(sorted(roles)) or "none", wanted)
            for what, wanted in (("role", arn), *(("role for UNLOAD", one) for one in unload_roles(spec)))
        ),
        (
            "security group",
            context.group_id if context.group_id in groups else ", ".join(sorted(groups)) or "none",
            context.group_id,
        ),
    ):
        if is_now is not None and is_now != asked:
            yield f"{what}: is {is_now}, asked for was {asked}"
