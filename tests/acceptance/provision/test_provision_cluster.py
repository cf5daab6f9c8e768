"""A cluster in moto: what is really sent, what is left alone, and that it ends the same wherever it stopped."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sparkify.config.settings import Settings
from sparkify.etl.errors import ConfigurationError, TemporaryError
from sparkify.provision import (
    Call,
    Names,
    ProvisionObserver,
    Spec,
    create,
    destroy,
    inspect,
    pause,
    plan_create,
    plan_destroy,
    resume,
    steps,
)
from sparkify.provision.aws_errors import AwsRefusal
from tests.support.paths import CLONE
from tests.support.provision import REGION, Injected, Wire, settings

pytestmark = pytest.mark.usefixtures("clean_environment")


class Log(ProvisionObserver):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.waited: list[str] = []
        self.warnings: list[str] = []

    def sending(self, call: Call) -> None:
        self.sent.append(call.title)

    def waiting(self, noun: str, state: str, seconds: float) -> None:
        self.waited.append(f"{noun}: {state}")

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def make(wire: Wire, of: Settings, **options: Any) -> Any:
    return create(wire.aws(of), Spec.of(of, **options))


def remove(wire: Wire, of: Settings, *, snapshot: str | None = "last") -> Any:
    return destroy(wire.aws(of), Names.of(of), final_snapshot=snapshot)


# -- what is sent ------------------------------------------------------------------------------------------


def test_create_sends_what_plan_says(wire: Wire) -> None:
    of = settings()
    made = make(wire, of, s3_endpoint=True)
    vpc = wire.only("ec2.CreateSecurityGroup")["VpcId"]
    group = wire.only("redshift.CreateCluster")["VpcSecurityGroupIds"][0]
    tables = wire.only("ec2.CreateVpcEndpoint")["RouteTableIds"]
    known = {"<account>": wire.account, "<vpc>": vpc, "<security group>": group, "<route tables>": tables[0]}

    def filled(value: Any) -> Any:
        text = json.dumps(value)
        for placeholder, actual in known.items():
            text = text.replace(placeholder, actual)
        return json.loads(text)

    planned = [
        (call.operation, filled(call.unmasked())) for call in plan_create(Spec.of(of, s3_endpoint=True), REGION)
    ]
    assert len(planned) == 6
    as_boto3 = {"".join(part.title() for part in name.split("_")): name for name, _ in planned}
    assert [(as_boto3[name.partition(".")[2]], params) for name, params in wire.changes()] == planned
    assert made.calls == 6
    assert made.host
    assert made.role_arn == f"arn:aws:iam::{wire.account}:role/sparkify-redshift"


def test_create_makes_private_encrypted_cluster(wire: Wire) -> None:
    make(wire, settings())
    sent = wire.only("redshift.CreateCluster")
    assert sent["PubliclyAccessible"] is False
    assert sent["Encrypted"] is True
    assert sent["EnhancedVpcRouting"] is True
    assert sent["ManageMasterPassword"] is True
    assert "MasterUserPassword" not in sent
    assert {"Key": "sparkify:managed-by", "Value": "sparkify-etl"} in sent["Tags"]
    assert {"Key": "sparkify:warehouse", "Value": "sparkify"} in sent["Tags"]
    rules = wire.only("ec2.AuthorizeSecurityGroupIngress")["IpPermissions"]
    assert rules == [
        {"IpProtocol": "tcp", "FromPort": 5439, "ToPort": 5439, "IpRanges": [{"CidrIp": "203.0.113.7/32"}]}
    ]


def test_create_sends_given_options(wire: Wire) -> None:
    make(
        wire,
        settings(dwh_db_password="Passw0rd", dwh_kms_key_id="alias/mine", dwh_allow_cidr="2001:db8::/64"),
        public=True,
    )
    sent = wire.only("redshift.CreateCluster")
    assert sent["PubliclyAccessible"] is True
    assert sent["MasterUserPassword"] == "Passw0rd"
    assert sent["KmsKeyId"] == "alias/mine"
    assert "ManageMasterPassword" not in sent
    rule = wire.only("ec2.AuthorizeSecurityGroupIngress")["IpPermissions"][0]
    assert rule["Ipv6Ranges"] == [{"CidrIpv6": "2001:db8::/64"}]


WRITES = {
    "unload_prefix": "s3://mine/exports",
    "s3_kms_key": "arn:aws:kms:us-west-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
}
UNLOAD_ROLE = "arn:aws:iam::123456789012:role/writer"


@pytest.mark.parametrize("separate", [False, True])
def test_create_lets_one_role_write(wire: Wire, separate: bool) -> None:
    """The role that is made, unless a role of the user's own writes in its stead."""
    own = {"unload_role_arn": UNLOAD_ROLE} if separate else {}
    make(wire, settings(**WRITES, **own))
    made = wire.only("iam.PutRolePolicy")
    statements = {one["Sid"]: one for one in json.loads(made["PolicyDocument"])["Statement"]}
    assert ("WriteTheFiles" in statements) is not separate
    assert statements["UseTheKey"]["Resource"] == WRITES["s3_kms_key"]
    assert statements["UseTheKey"]["Action"] == ["kms:Decrypt"] + ["kms:GenerateDataKey"] * (not separate)
    attached = wire.only("redshift.CreateCluster")["IamRoles"]
    assert attached[1:] == [UNLOAD_ROLE] * separate


def test_create_sends_nothing_unsafe(wire: Wire) -> None:
    of = settings()
    make(wire, of)
    make(wire, settings(dwh_allow_cidr="198.51.100.0/24"))
    pause(wire.aws(of), Names.of(of))
    resume(wire.aws(of), Names.of(of))
    remove(wire, of)
    text = json.dumps(wire.requests, default=str)
    assert "0.0.0.0/0" not in text
    assert "::/0" not in text
    assert '"PubliclyAccessible": true' not in text
    assert '"Encrypted": false' not in text
    assert '"SkipFinalClusterSnapshot": true' not in text
    # The control: the words are those that would be there.
    assert '"Encrypted": true' in text
    assert '"SkipFinalClusterSnapshot": false' in text


def test_create_opens_to_world_only_with_second_flag(wire: Wire) -> None:
    make(wire, settings(dwh_allow_cidr="0.0.0.0/0"), open_to_the_world=True)
    rule = wire.only("ec2.AuthorizeSecurityGroupIngress")["IpPermissions"][0]
    assert rule["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]


@pytest.mark.parametrize(
    ("snapshot", "sent"),
    [
        ("last", {"SkipFinalClusterSnapshot": False, "FinalClusterSnapshotIdentifier": "last"}),
        (None, {"SkipFinalClusterSnapshot": True}),
    ],
)
def test_destroy_takes_final_snapshot_by_default(
    wire: Wire, snapshot: str | None, sent: dict[str, Any]
) -> None:
    of = settings()
    make(wire, of)
    gone = remove(wire, of, snapshot=snapshot)
    assert wire.only("redshift.DeleteCluster") == {"ClusterIdentifier": "sparkify", **sent}
    assert gone.snapshot == snapshot
    snapshots = wire.client("redshift").describe_cluster_snapshots()["Snapshots"]
    assert [one["SnapshotIdentifier"] for one in snapshots] == ([snapshot] if snapshot else [])


def test_destroy_sends_what_plan_says(wire: Wire) -> None:
    of = settings()
    make(wire, of, s3_endpoint=True)
    wire.requests.clear()
    remove(wire, of)
    planned = [
        "".join(part.title() for part in call.operation.split("_"))
        for call in plan_destroy(Names.of(of), final_snapshot="last")
    ]
    assert [name.partition(".")[2] for name, _ in wire.changes()] == planned


# -- again -------------------------------------------------------------------------------------------------


def test_create_twice_changes_nothing(wire: Wire) -> None:
    of = settings()
    first = make(wire, of)
    wire.requests.clear()
    second = make(wire, of)
    assert wire.changes() == []
    assert (second.host, second.role_arn, second.calls) == (first.host, first.role_arn, 0)


def test_create_replaces_network_rule(wire: Wire) -> None:
    make(wire, settings())
    make(wire, settings(dwh_allow_cidr="198.51.100.9"))
    state = inspect(wire.aws(settings()), Names.of(settings()))
    assert [part.detail for part in state.parts if part.name.startswith("security")] == [
        "198.51.100.9/32 may connect to port 5439"
    ]


def test_create_repairs_changed_policy_and_trust(wire: Wire) -> None:
    of = settings()
    make(wire, of)
    before = state_of(wire, of)
    iam = wire.client("iam")
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    anybody = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    iam.put_role_policy(
        RoleName="sparkify-redshift", PolicyName="sparkify-read-s3", PolicyDocument=json.dumps(everything)
    )
    iam.update_assume_role_policy(RoleName="sparkify-redshift", PolicyDocument=json.dumps(anybody))
    assert state_of(wire, of) != before
    make(wire, of)
    assert state_of(wire, of) == before


def test_create_reports_differences_of_existing_cluster(wire: Wire) -> None:
    make(wire, settings())
    of = settings(dwh_node_type="ra3.xlplus", dwh_num_nodes=4)
    log = Log()
    made = create(wire.aws(of), Spec.of(of, public=True), log)
    assert made.differences == (
        "node type: is ra3.large, asked for was ra3.xlplus",
        "number of nodes: is 2, asked for was 4",
        "public: is False, asked for was True",
    )
    assert len(log.warnings) == 3


def test_create_warns_of_private_cluster_without_s3_route(wire: Wire) -> None:
    of = settings()
    log = Log()
    create(wire.aws(of), Spec.of(of), log)
    assert "--s3-endpoint" in log.warnings[0]
    log = Log()
    create(wire.aws(of), Spec.of(of, s3_endpoint=True), log)
    assert (log.warnings, log.sent) == ([], ["create the gateway endpoint for S3"])


def test_create_reports_call_that_aws_denied(wire: Wire) -> None:
    wire.on("before-call", "ec2", "CreateSecurityGroup", denied)
    of = settings()
    with pytest.raises(AwsRefusal) as caught:
        create(wire.aws(of), Spec.of(of))
    assert str(caught.value) == (
        "create the security group sparkify-redshift: your AWS identity may not do ec2:CreateSecurityGroup "
        "(UnauthorizedOperation). Ask whoever manages the account to allow it."
    )


def denied(**_: Any) -> None:
    message = (
        "You are not authorized to perform this operation. User: x is not authorized to perform: "
        "ec2:CreateSecurityGroup on resource: y. Encoded authorization failure message: aGVsbG8"
    )
    raise ClientError({"Error": {"Code": "UnauthorizedOperation", "Message": message}}, "CreateCluster")


# -- what is not ours --------------------------------------------------------------------------------------


def make_foreign(wire: Wire, what: str) -> None:
    if what == "role":
        wire.client("iam").create_role(RoleName="sparkify-redshift", AssumeRolePolicyDocument="{}")
    elif what == "security group":
        ec2 = wire.client("ec2")
        vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        ec2.create_security_group(GroupName="sparkify-redshift", Description="theirs", VpcId=vpc)
    else:
        wire.client("redshift").create_cluster(
            ClusterIdentifier="sparkify",
            NodeType="ra3.large",
            MasterUsername="them",
            MasterUserPassword="Passw0rd",
            # Ours, but of another warehouse.
            Tags=[
                {"Key": "sparkify:managed-by", "Value": "sparkify-etl"},
                {"Key": "sparkify:warehouse", "Value": "other"},
            ],
        )


@pytest.mark.parametrize("what", ["role", "security group", "cluster"])
def test_create_and_destroy_leave_untagged_resources(wire: Wire, what: str) -> None:
    of = settings()
    make_foreign(wire, what)
    wire.requests.clear()
    with pytest.raises(ConfigurationError, match=f"the {what} sparkify.* does not carry the tags"):
        make(wire, of)
    log = Log()
    gone = destroy(wire.aws(of), Names.of(of), final_snapshot="last", observer=log)
    assert not any(what in one for one in gone.removed)
    assert any(f"the {what}" in warning for warning in log.warnings)
    touched = {"role": "iam.DeleteRole", "security group": "ec2.DeleteSecurityGroup"}
    assert touched.get(what, "redshift.DeleteCluster") not in [name for name, _ in wire.requests]
    part = next(part for part in inspect(wire.aws(of), Names.of(of)).parts if part.name.startswith(what))
    assert part.ours is False
    with pytest.raises(ConfigurationError):
        pause(wire.aws(of), Names.of(of))


def test_destroy_removes_role_with_attached_policies(wire: Wire) -> None:
    of = settings()
    make(wire, of)
    iam = wire.client("iam")
    policy = iam.create_policy(PolicyName="theirs", PolicyDocument=EVERYTHING)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="sparkify-redshift", PolicyArn=policy)
    iam.put_role_policy(RoleName="sparkify-redshift", PolicyName="more", PolicyDocument=EVERYTHING)
    remove(wire, of)
    assert iam.list_roles()["Roles"] == []
    assert iam.get_policy(PolicyArn=policy)["Policy"]["PolicyName"] == "theirs"


EVERYTHING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


def test_create_takes_vpc_of_subnet_group(wire: Wire) -> None:
    ec2 = wire.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    wire.client("redshift").create_cluster_subnet_group(
        ClusterSubnetGroupName="mine", Description="mine", SubnetIds=[subnet]
    )
    of = settings(dwh_subnet_group="mine")
    make(wire, of)
    assert wire.only("ec2.CreateSecurityGroup")["VpcId"] == vpc
    assert wire.only("redshift.CreateCluster")["ClusterSubnetGroupName"] == "mine"
    # Destroying needs no setting to find the group in its VPC.
    remove(wire, settings())
    assert leftovers(wire, [REGION]) == {"iam": [], "ec2": [], "redshift": []}


def test_create_refuses_account_without_default_vpc(wire: Wire) -> None:
    ec2 = wire.client("ec2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
        ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
    ec2.delete_vpc(VpcId=vpc)
    with pytest.raises(ConfigurationError, match="aws ec2 create-default-vpc"):
        make(wire, settings())
    assert "iam.CreateRole" not in [name for name, _ in wire.requests]


# -- pausing -----------------------------------------------------------------------------------------------


def test_pause_and_resume_wait_for_state(wire: Wire) -> None:
    of = settings()
    names = Names.of(of)
    make(wire, of)
    paused = pause(wire.aws(of), names)
    assert (paused.state, paused.estimate and paused.estimate.dollars_an_hour) == ("paused", 0.0)
    wire.requests.clear()
    pause(wire.aws(of), names)
    assert wire.changes() == []
    assert resume(wire.aws(of), names).state == "available"
    with pytest.raises(ConfigurationError, match="is not paused"):
        pause(wire.aws(of), Names.of(of, serverless=True))


def test_pause_waits_for_busy_cluster_and_until_paused(wire: Wire) -> None:
    of = settings()
    make(wire, of)
    states = iter(["resuming", "available", "pausing", "paused"])

    def next_state(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Clusters"][0]["ClusterStatus"] = next(states, "paused")

    wire.on("after-call", "redshift", "DescribeClusters", next_state)
    wire.requests.clear()
    assert pause(wire.aws(of), Names.of(of)).state == "paused"
    assert [name for name, _ in wire.changes()] == ["redshift.PauseCluster"]
    assert next(states, None) is None


@pytest.mark.parametrize("state", ["storage-full", "incompatible-network"])
def test_pause_refuses_cluster_in_other_state(wire: Wire, state: str) -> None:
    of = settings()
    make(wire, of)

    def broken(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Clusters"][0]["ClusterStatus"] = state

    wire.on("after-call", "redshift", "DescribeClusters", broken)
    wire.requests.clear()
    with pytest.raises(
        ConfigurationError, match=f"the cluster sparkify: is {state}. Only one that is available"
    ):
        pause(wire.aws(of), Names.of(of))
    assert wire.changes() == []


def test_pause_refuses_missing_cluster(wire: Wire) -> None:
    with pytest.raises(ConfigurationError, match="there is no cluster sparkify in us-west-2"):
        pause(wire.aws(settings()), Names.of(settings()))


# -- waiting -----------------------------------------------------------------------------------------------


def test_create_waits_for_busy_cluster(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    of = settings()
    make(wire, of)
    states = iter(["deleting", "final-snapshot", "rebooting"])

    def changed(parsed: dict[str, Any], **_: Any) -> None:
        if state := next(states, None):
            parsed["Clusters"][0]["ClusterStatus"] = state

    wire.on("after-call", "redshift", "DescribeClusters", changed)
    log = Log()
    create(wire.aws(of), Spec.of(of), log)
    assert log.waited == [f"cluster sparkify: {state}" for state in ("deleting", "final-snapshot", "rebooting")]
    assert log.sent == []


def test_ensure_gives_up_after_timeout(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    of = settings()
    make(wire, of)

    def never(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Clusters"][0]["ClusterStatus"] = "creating"
        # From here on, however long the resources before the cluster took.
        monkeypatch.setattr(steps, "TIMEOUT", 0)

    wire.on("after-call", "redshift", "DescribeClusters", never)
    with pytest.raises(TemporaryError, match="the cluster sparkify: is still creating after 0 minutes"):
        make(wire, of)


@pytest.mark.parametrize(
    ("service", "operation", "refused", "created"),
    [
        ("iam", "GetRole", "NoSuchEntity", "iam.CreateRole"),
        ("ec2", "DescribeSecurityGroups", None, "ec2.CreateSecurityGroup"),
        ("redshift", "DescribeClusters", "ClusterNotFound", "redshift.CreateCluster"),
    ],
)
def test_create_retries_while_aws_hides_resource(
    wire: Wire, service: str, operation: str, refused: str | None, created: str
) -> None:
    """AWS may say of what was just made that it is not there; to make it again is then refused."""
    of = settings()
    make(wire, of)
    before = state_of(wire, of)
    wire.requests.clear()
    hidden = iter([True])

    def hide(parsed: dict[str, Any] | None = None, **_: Any) -> None:
        if refused is None:
            assert parsed is not None
            if next(hidden, False):
                parsed["SecurityGroups"] = []
        elif next(hidden, False):
            raise ClientError({"Error": {"Code": refused, "Message": "not there"}}, operation)

    wire.on("before-call" if refused else "after-call", service, operation, hide)
    make(wire, of)
    assert [name for name, _ in wire.requests].count(created) == 1
    assert state_of(wire, of) == before


def test_settle_sends_call_once_when_effect_is_not_shown(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def unseen(parsed: dict[str, Any], **_: Any) -> None:
        parsed["VpcEndpoints"] = []

    wire.on("after-call", "ec2", "DescribeVpcEndpoints", unseen)
    monkeypatch.setattr(steps, "RETRY_LIMIT", 3)
    with pytest.raises(TemporaryError, match="gateway endpoint for S3: is still not there"):
        make(wire, settings(), s3_endpoint=True)
    assert [name for name, _ in wire.requests].count("ec2.CreateVpcEndpoint") == 1


def test_destroy_retries_security_group_in_use(wire: Wire) -> None:
    of = settings()
    make(wire, of)
    refusals = iter([True, True])

    def refuse(**_: Any) -> Any:
        if next(refusals, False):
            answer: Any = {"Error": {"Code": "DependencyViolation", "Message": "has a dependent object"}}
            raise ClientError(answer, "DeleteSecurityGroup")

    wire.on("before-call", "ec2", "DeleteSecurityGroup", refuse)
    assert "security group sparkify-redshift" in remove(wire, of).removed
    assert [name for name, _ in wire.requests].count("ec2.DeleteSecurityGroup") == 3


# -- interrupted at every call -----------------------------------------------------------------------------


def state_of(wire: Wire, of: Settings) -> dict[str, Any]:
    """Everything of the warehouse in AWS, without ids, hosts and times."""
    names = Names.of(of)
    iam, ec2, redshift = (wire.client(service) for service in ("iam", "ec2", "redshift"))
    role = iam.get_role(RoleName=names.role)["Role"]
    policies = iam.list_role_policies(RoleName=names.role)["PolicyNames"]
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [names.group]}])
    clusters = [
        one for one in redshift.describe_clusters()["Clusters"] if one["ClusterIdentifier"] == names.identifier
    ]
    own_ids = {group["GroupId"]: "group" for group in groups["SecurityGroups"]}
    return {
        "trust": role["AssumeRolePolicyDocument"],
        "tags": role["Tags"],
        "policies": {
            name: iam.get_role_policy(RoleName=names.role, PolicyName=name)["PolicyDocument"]
            for name in policies
        },
        "groups": [(group["IpPermissions"], group["Tags"]) for group in groups["SecurityGroups"]],
        "clusters": [
            {
                **{key: one[key] for key in ("NodeType", "NumberOfNodes", "DBName", "MasterUsername", "Tags")},
                **{key: one[key] for key in ("ClusterStatus", "PubliclyAccessible", "Encrypted", "IamRoles")},
                "groups": [own_ids.get(group["VpcSecurityGroupId"]) for group in one["VpcSecurityGroups"]],
            }
            for one in clusters
        ],
    }


def plain(state: dict[str, Any], identifier: str) -> Any:
    """A state in which the warehouse's own name is left open."""
    return json.loads(json.dumps(state, sort_keys=True, default=str).replace(identifier, "NAME"))


def leftovers(wire: Wire, regions: list[str]) -> dict[str, list[str]]:
    """What there is in IAM, EC2 and Redshift that a new account has not."""
    found: dict[str, list[str]] = {"iam": [], "ec2": [], "redshift": []}
    found["iam"] = [role["RoleName"] for role in wire.client("iam").list_roles()["Roles"]]
    for region in regions:
        ec2 = wire.client("ec2", region)
        groups = ec2.describe_security_groups()["SecurityGroups"]
        found["ec2"] += [group["GroupName"] for group in groups if group["GroupName"] != "default"]
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        found["ec2"] += [one["VpcEndpointId"] for one in endpoints if one["State"] != "deleted"]
        clusters = wire.client("redshift", region).describe_clusters()["Clusters"]
        found["redshift"] += [cluster["ClusterIdentifier"] for cluster in clusters]
    return found


def interrupted_everywhere(
    wire: Wire, start: Callable[[int], Settings], act: Callable[[Settings], Any]
) -> list[Settings]:
    """Do it again and again, each time broken off one request later, and each time once more to its end.

    Broken off when AWS has carried the request out and before its answer comes: the state in which the next one
    is broken off before it is sent is the same.
    """
    done = []
    for number in range(1, 100):
        of = start(number)
        wire.break_at(number, after=True)
        if number == 1:
            with pytest.raises(Injected):
                act(of)
        else:
            with contextlib.suppress(Injected):
                act(of)
        broke = wire.broke
        wire.break_at(None)
        act(of)
        done.append(of)
        if not broke:
            return done
    raise AssertionError("it never came to its end")


def numbered(number: int) -> Settings:
    return settings(dwh_cluster_identifier=f"wh{number:02}", dwh_iam_role_name=f"wh{number:02}-role")


def test_create_resumes_wherever_interrupted(wire: Wire) -> None:
    reference = numbered(99)
    make(wire, reference, s3_endpoint=True)
    expected = plain(state_of(wire, reference), "wh99")
    remove(wire, reference)
    done = interrupted_everywhere(wire, numbered, lambda of: make(wire, of, s3_endpoint=True))
    assert len(done) > 18
    for of in done:
        assert plain(state_of(wire, of), of.dwh_cluster_identifier) == expected
    assert len(leftovers(wire, [REGION])["redshift"]) == len(done)


def test_destroy_resumes_wherever_interrupted(wire: Wire) -> None:
    def start(number: int) -> Settings:
        of = numbered(number)
        make(wire, of, s3_endpoint=True)
        return of

    done = interrupted_everywhere(
        wire, start, lambda of: remove(wire, of, snapshot=f"{of.dwh_cluster_identifier}-last")
    )
    assert len(done) > 10
    assert leftovers(wire, [REGION, "us-east-1", "eu-west-1"]) == {"iam": [], "ec2": [], "redshift": []}
    # Each has its snapshot, and none has two.
    snapshots = wire.client("redshift").describe_cluster_snapshots()["Snapshots"]
    assert sorted(one["SnapshotIdentifier"] for one in snapshots) == sorted(
        f"{of.dwh_cluster_identifier}-last" for of in done
    )


def test_destroy_after_interrupted_create_leaves_nothing(wire: Wire) -> None:
    for number in range(1, 100):
        of = numbered(number)
        wire.break_at(number, after=True)
        with contextlib.suppress(Injected):
            make(wire, of, s3_endpoint=True)
        broke = wire.broke
        wire.break_at(None)
        remove(wire, of, snapshot=None)
        if not broke:
            break
    assert leftovers(wire, [REGION]) == {"iam": [], "ec2": [], "redshift": []}


def test_the_control_sees_what_is_left(wire: Wire) -> None:
    make(wire, settings(), s3_endpoint=True)
    found = leftovers(wire, [REGION])
    assert (len(found["iam"]), len(found["ec2"]), found["redshift"]) == (1, 2, ["sparkify"])


def test_page_of_privileges_has_each_action_that_inspects(wire: Wire) -> None:
    of = settings(dwh_cluster_identifier="named")
    make(wire, of)
    pause(wire.aws(of), Names.of(of))
    resume(wire.aws(of), Names.of(of))
    remove(wire, of)
    changes = {name for name, _ in wire.changes()}
    asked = {name.replace(".", ":") for name, _ in wire.requests if name not in changes}
    assert {"sts:GetCallerIdentity", "iam:GetRole", "redshift:DescribeClusters"} < asked
    page = (CLONE / "docs" / "privileges.md").read_text(encoding="utf-8")
    assert {name for name in asked if f"`{name}`" not in page} == set()
