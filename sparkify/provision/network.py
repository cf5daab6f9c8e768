"""The network around the warehouse: the VPC it is in, who may connect, and its way to S3."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sparkify.etl.errors import UNCHANGED, ConfigurationError
from sparkify.provision.account import Aws
from sparkify.provision.calls import Call, Context, Found
from sparkify.provision.naming import Scope, key_value, tags_of
from sparkify.provision.spec import Spec
from sparkify.provision.steps import Resource

__all__ = ["S3Endpoint", "SecurityGroup", "find_network"]


def find_network(aws: Aws, spec: Spec, context: Context) -> Context:
    """The context with its VPC: the one of the subnet group, or else the default VPC. Read-only.

    :raises ConfigurationError: if there is none.
    """
    if spec.subnet_group:
        answer = aws.ask(
            f"inspect the subnet group {spec.subnet_group}",
            "redshift",
            "describe_cluster_subnet_groups",
            ClusterSubnetGroupName=spec.subnet_group,
        )
        group = answer["ClusterSubnetGroups"][0]
        vpc = group["VpcId"]
        subnets = tuple(subnet["SubnetIdentifier"] for subnet in group["Subnets"])
    else:
        answer = aws.ask(
            "find the default VPC",
            "ec2",
            "describe_vpcs",
            Filters=[{"Name": "is-default", "Values": ["true"]}],
        )
        if not answer["Vpcs"]:
            raise ConfigurationError(
                f"this account has no default VPC in {aws.region}",
                hint="Make one with `aws ec2 create-default-vpc`, or give a cluster subnet group as "
                "DWH_SUBNET_GROUP.",
                state=UNCHANGED,
            )
        vpc, subnets = answer["Vpcs"][0]["VpcId"], ()
    tables: tuple[str, ...] = ()
    if spec.s3_endpoint:
        answer = aws.ask(
            f"inspect the routes of {vpc}",
            "ec2",
            "describe_route_tables",
            Filters=[{"Name": "vpc-id", "Values": [vpc]}],
        )
        tables = tuple(sorted(table["RouteTableId"] for table in answer["RouteTables"]))
    return replace(context, vpc_id=vpc, subnet_ids=subnets, route_table_ids=tables)


class NetworkResource(Resource):
    """A resource that a warehouse of either kind has in its region."""

    def scope(self, found: Found, context: Context) -> Scope:
        """From the tags; if an earlier version created it without them, this region and its role's kind."""
        scope = self.names.scope_of(found.tags)
        if None not in scope:
            return scope
        return Scope(
            context.region, context.role_scope.kind if context.role_scope.region == context.region else None
        )


class SecurityGroup(NetworkResource):
    """The security group: one rule, for one network and one port."""

    @property
    def noun(self) -> str:
        return f"security group {self.names.group}"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        filters = [{"Name": "group-name", "Values": [self.names.group]}]
        if context.vpc_id != Context().vpc_id:
            filters.append({"Name": "vpc-id", "Values": [context.vpc_id]})
        answer = aws.ask(f"inspect the {self.noun}", "ec2", "describe_security_groups", Filters=filters)
        found = [
            Found(
                id=group["GroupId"],
                tags=tags_of(group.get("Tags", ())),
                facts={"rules": list(_rules(group.get("IpPermissions", ()))), "vpc": group.get("VpcId")},
            )
            for group in answer["SecurityGroups"]
        ]
        # If several VPCs have a group of this name, ours is the one that counts.
        ours = (group for group in found if self.objection(group, context) is None)
        return next(ours, found[0] if found else None)

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        calls = []
        if found is None:
            tags = {**self.names.tags_in(context.region), "Name": self.names.group}
            calls.append(
                Call(
                    f"create the {self.noun}",
                    "ec2",
                    "create_security_group",
                    {
                        "GroupName": self.names.group,
                        "Description": f"Who may connect to the warehouse {self.names.identifier}",
                        "VpcId": context.vpc_id,
                        "TagSpecifications": [{"ResourceType": "security-group", "Tags": key_value(tags)}],
                    },
                    retry_on={"InvalidGroup.Duplicate": ""},
                )
            )
        elif None in self.names.scope_of(found.tags):
            calls.append(
                Call(
                    f"tag the {self.noun} with region and kind",
                    "ec2",
                    "create_tags",
                    {"Resources": [found.id], "Tags": key_value(self.names.scope_tags(context.region))},
                )
            )
        group_id = found.id if found else context.group_id
        rule = _rule(spec.allow_cidr, spec.port)
        has = found.facts["rules"] if found else []
        if rule not in has:
            calls.append(
                Call(
                    f"let {spec.allow_cidr} connect to port {spec.port}",
                    "ec2",
                    "authorize_security_group_ingress",
                    {"GroupId": group_id, "IpPermissions": [rule]},
                    retry_on={"InvalidPermission.Duplicate": "", "InvalidGroup.NotFound": ""},
                )
            )
        calls += [
            Call(
                f"let {_who(other)} connect no longer",
                "ec2",
                "revoke_security_group_ingress",
                {"GroupId": group_id, "IpPermissions": [other]},
                retry_on={"InvalidPermission.NotFound": ""},
            )
            for other in has
            if other != rule
        ]
        return calls

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        return [
            Call(
                f"delete the {self.noun}",
                "ec2",
                "delete_security_group",
                {"GroupId": found.id},
                # The network interfaces of a deleted cluster remain for some minutes.
                retry_on={"InvalidGroup.NotFound": "", "DependencyViolation": ""},
            )
        ]

    def expected(self, context: Context) -> Found:
        return Found(id=context.group_id, tags=self.names.tags_in(context.region), facts={"rules": []})

    def extend(self, context: Context, found: Found) -> Context:
        return replace(context, group_id=found.id)


def _rule(network: str, port: int) -> dict[str, Any]:
    rule: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port}
    if ipaddress.ip_network(network).version == 6:
        return {**rule, "Ipv6Ranges": [{"CidrIpv6": network}]}
    return {**rule, "IpRanges": [{"CidrIp": network}]}


_RANGES = {
    "IpRanges": ("CidrIp",),
    "Ipv6Ranges": ("CidrIpv6",),
    "PrefixListIds": ("PrefixListId",),
    "UserIdGroupPairs": ("GroupId", "UserId"),
}


def _rules(permissions: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each rule separately, in the form in which AWS takes one."""
    for permission in permissions:
        ports = {key: permission[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in permission}
        for kind, keys in _RANGES.items():
            for one in permission.get(kind, ()):
                yield {**ports, kind: [{key: one[key] for key in keys if key in one}]}


def _who(rule: Mapping[str, Any]) -> str:
    ranges = next(iter(rule[kind] for kind in _RANGES if kind in rule))
    return f"{next(iter(ranges[0].values()))} (port {rule.get('FromPort', 'any')})"


class S3Endpoint(NetworkResource):
    """A gateway endpoint: the route from a VPC to S3 that avoids the internet. It is free.

    A VPC has only one, so somebody else's serves as well. In a context without a VPC, only ours counts.
    """

    shared = True

    @property
    def noun(self) -> str:
        return "gateway endpoint for S3"

    def inspect(self, aws: Aws, context: Context) -> Found | None:
        filters = [
            {"Name": "service-name", "Values": [f"com.amazonaws.{context.region}.s3"]},
            {"Name": "vpc-endpoint-type", "Values": ["Gateway"]},
        ]
        anywhere = context.vpc_id == Context().vpc_id
        if not anywhere:
            filters.append({"Name": "vpc-id", "Values": [context.vpc_id]})
        answer = aws.ask(f"find the {self.noun}", "ec2", "describe_vpc_endpoints", Filters=filters)
        found = [
            Found(
                id=endpoint["VpcEndpointId"],
                tags=tags_of(endpoint.get("Tags", ())),
                state=endpoint["State"].lower(),
                busy=endpoint["State"].lower() in ("pending", "deleting"),
            )
            for endpoint in answer["VpcEndpoints"]
            if endpoint["State"].lower() not in ("deleted", "rejected", "failed", "expired")
        ]
        others = None if anywhere or not found else found[0]
        return next((endpoint for endpoint in found if self.objection(endpoint, context) is None), others)

    def to_create(self, spec: Spec, context: Context, found: Found | None) -> Sequence[Call]:
        if found is not None:
            return []
        tags = {**self.names.tags_in(context.region), "Name": f"{self.names.identifier}-s3"}
        return [
            Call(
                f"create the {self.noun}",
                "ec2",
                "create_vpc_endpoint",
                {
                    "VpcEndpointType": "Gateway",
                    "VpcId": context.vpc_id,
                    "ServiceName": f"com.amazonaws.{context.region}.s3",
                    "RouteTableIds": list(context.route_table_ids),
                    "TagSpecifications": [{"ResourceType": "vpc-endpoint", "Tags": key_value(tags)}],
                },
                retry_on={"RouteAlreadyExists": ""},
            )
        ]

    def to_delete(self, found: Found, *, final_snapshot: str | None) -> Sequence[Call]:
        return [
            Call(
                f"delete the {self.noun}",
                "ec2",
                "delete_vpc_endpoints",
                {"VpcEndpointIds": [found.id]},
                retry_on={"InvalidVpcEndpointId.NotFound": ""},
            )
        ]

    def expected(self, context: Context) -> Found:
        return Found(id="<endpoint>", tags=self.names.tags_in(context.region))
