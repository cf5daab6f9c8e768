"""Two warehouses of one name, in two regions or of two kinds: neither touches what is the other's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sparkify.config.settings import Settings
from sparkify.etl.errors import ConfigurationError
from sparkify.provision import Aws, Names, ProvisionObserver, Spec, create, destroy, inspect
from tests.support.provision import REGION, SERVICES, Command, MotoServer, Wire, settings

pytestmark = pytest.mark.usefixtures("clean_environment")

OTHER = "us-east-1"
ROLE = "sparkify-redshift"
SCOPE = ["sparkify:region", "sparkify:kind"]


class Warnings(ProvisionObserver):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def warning(self, message: str) -> None:
        self.messages.append(message)


def aws_in(wire: Wire, of: Settings, region: str) -> Aws:
    found = wire.aws(of)
    found.region = region
    found._clients = {service: wire.client(service, region) for service in SERVICES}
    return found


def make(wire: Wire, *, region: str = REGION, serverless: bool = False, **options: Any) -> Any:
    of = settings(**options)
    return create(aws_in(wire, of, region), Spec.of(of, serverless=serverless, s3_endpoint=True))


def remove(wire: Wire, *, region: str = REGION, serverless: bool = False) -> tuple[Any, list[str]]:
    of, told = settings(), Warnings()
    names = Names.of(of, serverless=serverless)
    return destroy(aws_in(wire, of, region), names, final_snapshot="last", observer=told), told.messages


def role_of(wire: Wire) -> tuple[dict[str, str], Any]:
    """Tags of the role, and the cluster that may use it."""
    role = wire.client("iam").get_role(RoleName=ROLE)["Role"]
    condition = role["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]
    return {tag["Key"]: tag["Value"] for tag in role["Tags"]}, condition["ArnLike"]["aws:SourceArn"]


def groups(wire: Wire) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = wire.client("ec2").describe_security_groups()["SecurityGroups"]
    return [group for group in found if group["GroupName"] == ROLE]


def forget_scope(wire: Wire, *, group: bool = True) -> None:
    """Leave the tags that an earlier version gave."""
    wire.client("iam").untag_role(RoleName=ROLE, TagKeys=SCOPE)
    if group:
        ids = [one["GroupId"] for one in groups(wire)]
        wire.client("ec2").delete_tags(Resources=ids, Tags=[{"Key": key} for key in SCOPE])
    wire.requests.clear()


def clusters(wire: Wire, region: str = REGION) -> list[str]:
    found = wire.client("redshift", region).describe_clusters()["Clusters"]
    return [cluster["ClusterIdentifier"] for cluster in found]


# -- another region ----------------------------------------------------------------------------------------


def test_what_is_made_carries_region_and_kind(wire: Wire) -> None:
    make(wire)
    own = {"sparkify:region": "us-west-2", "sparkify:kind": "provisioned"}
    own |= {"sparkify:managed-by": "sparkify-etl", "sparkify:warehouse": "sparkify"}
    sent = dict(wire.changes())
    for operation in ("iam.CreateRole", "redshift.CreateCluster"):
        assert {tag["Key"]: tag["Value"] for tag in sent[operation]["Tags"]} == own
    for operation, name in (("ec2.CreateSecurityGroup", ROLE), ("ec2.CreateVpcEndpoint", "sparkify-s3")):
        (specified,) = sent[operation]["TagSpecifications"]
        assert {tag["Key"]: tag["Value"] for tag in specified["Tags"]} == {**own, "Name": name}


@pytest.mark.parametrize("earlier", [False, True])
def test_create_refuses_role_of_another_region(wire: Wire, earlier: bool) -> None:
    make(wire)
    if earlier:
        forget_scope(wire)
    before = role_of(wire)
    wire.requests.clear()
    with pytest.raises(ConfigurationError) as refused:
        make(wire, region=OTHER)
    assert str(refused.value) == (
        "the role sparkify-redshift: exists and belongs to the provisioned warehouse sparkify in us-west-2; "
        "it was left as it is. Give this warehouse another DWH_IAM_ROLE_NAME, in a dwh.cfg of its own "
        "(--config)."
    )
    assert wire.changes() == []
    assert role_of(wire) == before
    make(wire, region=OTHER, dwh_iam_role_name="sparkify-east")
    assert (clusters(wire), clusters(wire, OTHER)) == (["sparkify"], ["sparkify"])


@pytest.mark.parametrize("earlier", [False, True])
def test_destroy_leaves_role_of_another_region(wire: Wire, earlier: bool) -> None:
    make(wire)
    if earlier:
        forget_scope(wire)
    wire.requests.clear()
    gone, told = remove(wire, region=OTHER)
    assert (gone.removed, gone.left) == ((), ("role sparkify-redshift",))
    assert told == [
        "the role sparkify-redshift belongs to the provisioned warehouse sparkify in us-west-2, and was left "
        "as it is"
    ]
    assert wire.changes() == []
    of = settings()
    (part,) = inspect(aws_in(wire, of, OTHER), Names.of(of)).parts
    assert part.ours is False
    assert part.detail.endswith("; belongs to the provisioned warehouse sparkify in us-west-2")
    assert remove(wire)[0].removed[-1] == "role sparkify-redshift"


def test_destroy_in_its_own_region_ends_what_was_interrupted(wire: Wire) -> None:
    make(wire)
    wire.client("redshift").delete_cluster(ClusterIdentifier="sparkify", SkipFinalClusterSnapshot=True)
    gone, told = remove(wire)
    assert gone.removed == (
        "gateway endpoint for S3",
        "security group sparkify-redshift",
        "role sparkify-redshift",
    )
    assert (gone.left, told) == ((), [])


# -- another kind ------------------------------------------------------------------------------------------


@pytest.fixture
def no_workgroup(wire: Wire) -> None:
    """Moto has no Redshift Serverless: nothing of it is there."""
    from botocore.exceptions import ClientError

    def absent(model: Any, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, model.name)

    wire.answer("redshift-serverless", absent)


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.usefixtures("no_workgroup")
def test_serverless_leaves_what_a_cluster_of_its_name_has(wire: Wire, earlier: bool) -> None:
    make(wire)
    if earlier:
        forget_scope(wire)
    wire.requests.clear()
    with pytest.raises(ConfigurationError) as refused:
        make(wire, serverless=True)
    assert str(refused.value) == (
        "the role sparkify-redshift: exists and belongs to the provisioned warehouse sparkify in us-west-2; "
        "it was left as it is. Give this warehouse another --cluster and DWH_IAM_ROLE_NAME, in a dwh.cfg of "
        "its own (--config)."
    )
    gone, told = remove(wire, serverless=True)
    assert gone.removed == ()
    assert gone.left == ("security group sparkify-redshift", "role sparkify-redshift")
    assert len(told) == 2
    assert wire.changes() == []
    assert clusters(wire) == ["sparkify"]


@pytest.mark.usefixtures("no_workgroup")
def test_create_refuses_group_of_another_kind_before_it_makes_a_role(wire: Wire) -> None:
    make(wire)
    wire.requests.clear()
    with pytest.raises(
        ConfigurationError, match="the security group sparkify-redshift: exists and belongs to the"
    ):
        make(wire, serverless=True, dwh_iam_role_name="another")
    assert wire.changes() == []


# -- what an earlier version made --------------------------------------------------------------------------


def test_create_adopts_what_an_earlier_version_made(wire: Wire) -> None:
    make(wire)
    forget_scope(wire)
    make(wire)
    assert [name for name, _ in wire.changes()] == ["iam.TagRole", "ec2.CreateTags"]
    expected = {"sparkify:region": "us-west-2", "sparkify:kind": "provisioned"}
    assert {key: value for key, value in role_of(wire)[0].items() if key in SCOPE} == expected
    (group,) = groups(wire)
    assert {tag["Key"]: tag["Value"] for tag in group["Tags"] if tag["Key"] in SCOPE} == expected
    wire.requests.clear()
    make(wire)
    assert wire.changes() == []


def test_destroy_removes_what_an_earlier_version_made(wire: Wire) -> None:
    make(wire)
    forget_scope(wire)
    gone, told = remove(wire)
    assert gone.removed[-2:] == ("security group sparkify-redshift", "role sparkify-redshift")
    assert (gone.left, told) == ((), [])


def test_nothing_is_done_on_doubt(wire: Wire) -> None:
    """A role of an earlier version whose trust policy was changed says no more whose it is."""
    make(wire)
    forget_scope(wire)
    anybody = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
    }
    wire.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(anybody))
    wire.requests.clear()
    with pytest.raises(ConfigurationError) as refused:
        make(wire)
    assert str(refused.value) == (
        "the role sparkify-redshift: exists and does not say whose it is (that of this warehouse has the tags "
        "sparkify:region=us-west-2 and sparkify:kind=provisioned); it was left as it is. If it is of this "
        "warehouse, add these tags; if not, give this warehouse another --cluster and DWH_IAM_ROLE_NAME, in a "
        "dwh.cfg of its own (--config)."
    )
    assert wire.changes() == []
    gone, told = remove(wire)
    assert gone.left == ("security group sparkify-redshift", "role sparkify-redshift")
    assert told[1] == (
        "the role sparkify-redshift does not say whose it is (that of this warehouse has the tags "
        "sparkify:region=us-west-2 and sparkify:kind=provisioned), and was left as it is"
    )
    added = [{"Key": "sparkify:region", "Value": REGION}, {"Key": "sparkify:kind", "Value": "provisioned"}]
    wire.client("iam").tag_role(RoleName=ROLE, Tags=added)
    assert remove(wire)[0].removed == ("security group sparkify-redshift", "role sparkify-redshift")


# -- the command -------------------------------------------------------------------------------------------


def test_command_in_another_region_leaves_role_and_file(moto_server: MotoServer, tmp_path: Path) -> None:
    config = tmp_path / "dwh.cfg"
    config.write_text(
        "[AWS]\nREGION=us-west-2\n[DWH]\nDWH_ALLOW_CIDR=203.0.113.7/32\n[CLUSTER]\nHOST=\n[IAM_ROLE]\nARN=\n[S3]\n"
        "LOG_DATA=s3://udacity-dend/log_data\nSONG_DATA=s3://udacity-dend/song_data\nLOG_JSONPATH=\n"
    )
    config.chmod(0o600)
    run = Command(tmp_path, moto_server)
    assert run.here("cluster", "create", "--public", "--yes").returncode == 0
    made = config.read_text()
    assert re.search(r"HOST=sparkify\.\w+\.us-west-2\.redshift\.amazonaws\.com\n", made)
    said = run.here("cluster", "destroy", "--region", "eu-west-1", "--yes")
    assert said.returncode == 0
    assert said.stdout == "There was nothing of the provisioned warehouse sparkify in eu-west-1.\n"
    assert (
        "the role sparkify-redshift belongs to the provisioned warehouse sparkify in us-west-2" in said.stderr
    )
    assert config.read_text() == made
    said = run.here("cluster", "create", "--region", "eu-west-1", "--allow-cidr", "203.0.113.7", "--yes")
    assert (said.returncode, config.read_text()) == (2, made)
    # The engine is gone, and what is left is still found where it was.
    moto_server.client("redshift").delete_cluster(ClusterIdentifier="sparkify", SkipFinalClusterSnapshot=True)
    said = run.here("cluster", "destroy", "--yes")
    assert said.stdout == (
        "Removed: security group sparkify-redshift, role sparkify-redshift.\n"
        "No snapshot was asked for now; one that an earlier run asked for is kept.\n"
    )
    assert "HOST=\n" in config.read_text()
    assert "ARN=\n" in config.read_text()
