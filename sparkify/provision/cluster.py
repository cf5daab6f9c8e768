"""A cluster of nodes: created encrypted and private, deleted with a last snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sparkify.provision.naming import key_value, tags_of
from sparkify.provision.role import role_arn
from sparkify.provision.steps import Call, Found, Place, Stage

if TYPE_CHECKING:
    from sparkify.provision.account import Aws
    from sparkify.provision.wanted import Wanted

__all__ = ["Cluster"]

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


class Cluster(Stage):
    """The cluster."""

    @property
    def noun(self) -> str:
        return f"cluster {self.names.identifier}"

    def look(self, aws: Aws, place: Place) -> Found | None:
        answer = aws.find(
            f"look at the {self.noun}",
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
            # An address comes a moment after the cluster is said to be available.
            busy=state in _BUSY or (state == "available" and not cluster.get("Endpoint", {}).get("Address")),
            facts=cluster,
        )

    def missing(self, wanted: Wanted, place: Place, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        arn = role_arn(self.names, place)
        params: dict[str, Any] = {
            "ClusterIdentifier": self.names.identifier,
            "ClusterType": "single-node" if wanted.nodes == 1 else "multi-node",
            "NodeType": wanted.node_type,
            "DBName": wanted.database,
            "MasterUsername": wanted.user,
            "Port": wanted.port,
            "PubliclyAccessible": wanted.public,
            "Encrypted": True,
            "EnhancedVpcRouting": True,
            "VpcSecurityGroupIds": [place.group_id],
            "IamRoles": [arn],
            "DefaultIamRoleArn": arn,
            "Tags": key_value(self.names.tags),
        }
        if wanted.nodes > 1:
            params["NumberOfNodes"] = wanted.nodes
        if wanted.password is None:
            params["ManageMasterPassword"] = True
        else:
            params["MasterUserPassword"] = wanted.password
        if wanted.kms_key_id:
            params["KmsKeyId"] = wanted.kms_key_id
        if wanted.subnet_group:
            params["ClusterSubnetGroupName"] = wanted.subnet_group
        return [
            Call(
                f"create the {self.noun}",
                "redshift",
                "create_cluster",
                params,
                # In the moment after the role was made, Redshift may not see it yet.
                again_on={"ClusterAlreadyExists": "", "InvalidParameterValue": "IAM role"},
            )
        ]

    def surplus(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        params: dict[str, Any] = {"ClusterIdentifier": found.id}
        if final_snapshot is None:
            params["SkipFinalClusterSnapshot"] = True
        else:
            params |= {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": final_snapshot}
        how = "without a snapshot" if final_snapshot is None else f"keeping the snapshot {final_snapshot}"
        return [
            Call(
                f"delete the {self.noun}, {how}",
                "redshift",
                "delete_cluster",
                params,
                again_on={"InvalidClusterState": "", "ClusterNotFound": ""},
            )
        ]

    def supposed(self, place: Place) -> Found:
        return Found(id=self.names.identifier, tags=self.names.tags)

    def pausing(self) -> Call:
        """The call that pauses it."""
        return self._switch("pause")

    def resuming(self) -> Call:
        """The call that resumes it."""
        return self._switch("resume")

    def _switch(self, verb: str) -> Call:
        return Call(
            f"{verb} the {self.noun}",
            "redshift",
            f"{verb}_cluster",
            {"ClusterIdentifier": self.names.identifier},
        )


def differences(wanted: Wanted, place: Place, found: Found) -> Iterator[str]:
    """How a cluster that is there differs from what is wanted; nothing of it is changed."""
    has = found.facts
    groups = {group["VpcSecurityGroupId"] for group in has.get("VpcSecurityGroups", ())}
    roles = {role["IamRoleArn"] for role in has.get("IamRoles", ())}
    arn = role_arn(wanted.names, place)
    for what, is_now, asked in (
        ("node type", has.get("NodeType"), wanted.node_type),
        ("number of nodes", has.get("NumberOfNodes"), wanted.nodes),
        ("port", has.get("Endpoint", {}).get("Port"), wanted.port),
        ("database", has.get("DBName"), wanted.database),
        ("administrator", has.get("MasterUsername"), wanted.user),
        ("public", has.get("PubliclyAccessible"), wanted.public),
        ("encrypted", has.get("Encrypted"), True),
        ("enhanced VPC routing", has.get("EnhancedVpcRouting"), True),
        ("role", arn if arn in roles else ", ".join(sorted(roles)) or "none", arn),
        (
            "security group",
            place.group_id if place.group_id in groups else ", ".join(sorted(groups)) or "none",
            place.group_id,
        ),
    ):
        if is_now is not None and is_now != asked:
            yield f"{what}: is {is_now}, asked for was {asked}"
