"""The commands as a user runs them, against a server of moto."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sparkify import SparkifyError, TemporaryError
from sparkify.cli import cluster
from sparkify.config.settings import Settings
from sparkify.provision import Call, Created
from sparkify.provision.aws_errors import AwsRefusal
from sparkify.provision.costs import estimate
from tests.support.commands import heed_interrupts
from tests.support.provision import CANARIES, Command, MotoServer

CONFIG = """\
# what the notebooks had
[AWS]
KEY=
SECRET=
REGION=us-west-2

[DWH]
DWH_CLUSTER_TYPE=multi-node
DWH_NUM_NODES=4
DWH_NODE_TYPE=ra3.large
DWH_CLUSTER_IDENTIFIER={name}
DWH_DB=dwh
DWH_DB_USER=dwhuser
DWH_PORT=5439
DWH_IAM_ROLE_NAME={name}-role

# filled in by cluster create
[IAM_ROLE]
ARN=''

[CLUSTER]
HOST=
DB_NAME=dwh
DB_USER=dwhuser

[S3]
LOG_DATA='s3://udacity-dend/log_data'
LOG_JSONPATH='s3://udacity-dend/log_json_path.json'
SONG_DATA='s3://udacity-dend/song_data'
"""


def configured(folder: Path, name: str, server: MotoServer | None, *, mode: int = 0o600) -> Command:
    path = folder / "dwh.cfg"
    path.write_text(CONFIG.format(name=name))
    path.chmod(mode)
    return Command(folder, server)


def everything(server: MotoServer) -> dict[str, set[str]]:
    """What IAM, and EC2 and Redshift in all regions, have that a new account has not."""
    found: dict[str, set[str]] = {"iam": set(), "ec2": set(), "redshift": set()}
    found["iam"] = {role["RoleName"] for role in server.client("iam").list_roles()["Roles"]}
    regions = [one["RegionName"] for one in server.client("ec2").describe_regions()["Regions"]]
    assert len(regions) > 20
    for region in regions:
        ec2 = server.client("ec2", region)
        groups = ec2.describe_security_groups()["SecurityGroups"]
        found["ec2"] |= {group["GroupName"] for group in groups if group["GroupName"] != "default"}
        endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
        found["ec2"] |= {one["VpcEndpointId"] for one in endpoints if one["State"] != "deleted"}
        clusters = server.client("redshift", region).describe_clusters()["Clusters"]
        found["redshift"] |= {cluster["ClusterIdentifier"] for cluster in clusters}
    return found


def test_listing_sees_every_region(moto_server: MotoServer) -> None:
    ec2 = moto_server.client("ec2", "ap-south-1")
    group = ec2.create_security_group(GroupName="somewhere", Description="x")["GroupId"]
    assert everything(moto_server)["ec2"] == {"somewhere"}
    moto_server.client("ec2", "ap-south-1").delete_security_group(GroupId=group)


def test_cluster_create_and_destroy_round_trip(moto_server: MotoServer, tmp_path: Path) -> None:
    nothing = everything(moto_server)
    assert nothing == {"iam": set(), "ec2": set(), "redshift": set()}
    run = configured(tmp_path, "dwhCluster", moto_server, mode=0o644)
    config = tmp_path / "dwh.cfg"

    def here(*arguments: str) -> str:
        said = run.here(*arguments)
        assert said.returncode == 0, said
        return said.stdout

    planned = json.loads(here("cluster", "create", "--allow-cidr", "203.0.113.7/32", "--dry-run", "--json"))
    assert [call["operation"] for call in planned["calls"]] == [
        "create_role",
        "put_role_policy",
        "create_security_group",
        "authorize_security_group_ingress",
        "create_cluster",
    ]
    assert planned["estimate"]["dollars_an_hour"] == pytest.approx(2.172)

    moto_server.record()
    made = run("cluster", "create", "--allow-cidr", "203.0.113.7/32", "--yes", "--json")
    sent = {request.get("Action"): request for request in moto_server.recorded()}
    created = sent["CreateCluster"]
    assert created["PubliclyAccessible"] == "false"
    assert created["Encrypted"] == "true"
    assert created["EnhancedVpcRouting"] == "true"
    assert created["ManageMasterPassword"] == "true"
    assert "MasterUserPassword" not in created
    assert sent["AuthorizeSecurityGroupIngress"]["IpPermissions.1.IpRanges.1.CidrIp"] == "203.0.113.7/32"
    assert {action for action in sent if action and not action.startswith(("Describe", "Get", "List"))} == {
        "CreateRole",
        "PutRolePolicy",
        "CreateSecurityGroup",
        "AuthorizeSecurityGroupIngress",
        "CreateCluster",
    }

    answer = json.loads(made.stdout)
    assert answer["state"] == "available"
    assert "create the cluster dwhcluster" in made.stderr
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    expected = CONFIG.format(name="dwhCluster")
    expected = expected.replace("ARN=''", f"ARN='{answer['role_arn']}'")
    expected = expected.replace("HOST=\n", f"HOST={answer['host']}\n")
    assert config.read_text() == expected

    state = json.loads(here("cluster", "status", "--json"))
    assert (state["state"], state["host"], state["public"], state["encrypted"]) == (
        "available",
        answer["host"],
        False,
        True,
    )
    assert all(part["ours"] for part in state["parts"])
    assert "203.0.113.7/32 may connect to port 5439" in here("cluster", "status")

    # What a load would send, from the file that was written.
    plan = here("load", "--dry-run")
    assert f"IAM_ROLE '{answer['role_arn']}'" in plan
    assert f"HOST={answer['host']}" in config.read_text()

    again = run.here("cluster", "create", "--allow-cidr", "203.0.113.7/32", "--yes", "--json")
    assert json.loads(again.stdout)["calls"] == 0

    assert json.loads(here("cluster", "pause", "--json"))["state"] == "paused"
    assert ": paused" in run.here("cluster", "status").stdout
    assert json.loads(here("cluster", "resume", "--json"))["state"] == "available"

    for answers, message in (("another\n", "nothing was changed"), ("", "In a script, give --yes")):
        refused = run.here("cluster", "destroy", answers=answers)
        assert (refused.returncode, message in refused.stderr) == (2, True)
    assert json.loads(run.here("cluster", "status", "--json").stdout)["state"] == "available"

    gone = run("cluster", "destroy", answers="dwhcluster\n")
    assert "Kept: the snapshot dwhcluster-final-" in gone.stdout
    assert everything(moto_server) == nothing
    assert config.read_text() == CONFIG.format(name="dwhCluster")
    assert len(moto_server.client("redshift").describe_cluster_snapshots()["Snapshots"]) == 1
    assert json.loads(run.here("cluster", "status", "--json").stdout)["state"] == "absent"
    assert "There was nothing" in run.here("cluster", "destroy", "--yes").stdout
    # The embedded database is the warehouse again.
    assert "duckdb:///" in run.here("config").stderr


def test_cluster_create_writes_secret_id_and_destroy_empties_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Moto tells of no secret."""
    configured(tmp_path, "plain", None)
    monkeypatch.chdir(tmp_path)
    secret = "arn:aws:secretsmanager:us-west-2:123456789012:secret:redshift!plain-awsuser"
    made = Created(
        identifier="plain",
        kind="provisioned",
        state="available",
        host="plain.abc.us-west-2.redshift.amazonaws.com",
        port=8191,
        database="dwh",
        user="dwhuser",
        role_arn="arn:aws:iam::123456789012:role/plain-role",
        secret_arn=secret,
        calls=5,
        differences=(),
        estimate=estimate("ra3.large", 2),
    )
    wrote = cluster._write_back(made, cluster=None, region=None)
    assert wrote["CLUSTER.DB_SECRET_ID"] == secret
    found = Settings.load()
    assert (found.db_secret_id, found.db_port) == (secret, 8191)
    assert capsys.readouterr().err == ""
    here: dict[str, Any] = {"region": "us-west-2", "serverless": False}
    emptied = cluster._forget(found, "plain", made.role_arn, **here)
    assert emptied == ["CLUSTER.HOST", "CLUSTER.DB_SECRET_ID", "IAM_ROLE.ARN"]
    assert Settings.load().db_secret_id is None
    # What belongs to another is not forgotten.
    cluster._write_back(made, cluster=None, region=None)
    assert cluster._forget(Settings.load(), "other", "arn:aws:iam::123456789012:role/other", **here) == []
    assert cluster._forget(Settings.load(), "plain", None, region="eu-west-1", serverless=False) == []
    assert cluster._forget(Settings.load(), "plain", None, region="us-west-2", serverless=True) == []
    assert cluster._forget(Settings.load(), None, None, **here) == []
    monkeypatch.setenv("SPARKIFY_DB_PASSWORD", "x")
    monkeypatch.setenv("SPARKIFY_HOST", "elsewhere")
    cluster._write_back(made, cluster=None, region=None)
    told = capsys.readouterr().err
    assert "DB_PASSWORD overrides the secret" in told
    assert "SPARKIFY_HOST or SPARKIFY_IAM_ROLE_ARN is set" in told


def test_cluster_destroy_skips_snapshot_only_with_flag(moto_server: MotoServer, tmp_path: Path) -> None:
    run = configured(tmp_path, "flags", moto_server)
    redshift = moto_server.client("redshift")
    before = len(redshift.describe_cluster_snapshots()["Snapshots"])
    run.here("cluster", "create", "--allow-cidr", "203.0.113.7/32", "--yes")
    asked = run.here("cluster", "destroy", "--skip-final-snapshot", answers="no\n")
    assert asked.returncode == 2
    assert "WITHOUT a last snapshot: the data is lost" in asked.stderr
    gone = run.here("cluster", "destroy", "--skip-final-snapshot", "--yes", "--json")
    assert json.loads(gone.stdout)["snapshot"] is None
    assert len(redshift.describe_cluster_snapshots()["Snapshots"]) == before


def test_cluster_refusals_exit_2_and_send_nothing(moto_server: MotoServer, tmp_path: Path) -> None:
    run = configured(tmp_path, "refused", moto_server)
    create = ("cluster", "create", "--allow-cidr")
    moto_server.record()
    for arguments, environment, message in (
        ((*create, "0.0.0.0/0", "--yes"), {}, "add --open-to-the-world"),
        (("cluster", "create", "--yes"), {}, "give --allow-cidr"),
        ((*create, "::1", "--yes"), {"SPARKIFY_DWH_NODE_TYPE": "dc2.large"}, "the nearest is ra3.large"),
        ((*create, "203.0.113.7"), {}, "about $2.17 an hour"),
        (
            ("cluster", "pause"),
            {"SPARKIFY_DWH_CLUSTER_TYPE": "serverless"},
            "Redshift Serverless is not paused",
        ),
    ):
        said = run.here(*arguments, answers="n\n", **environment)
        assert said.returncode == 2, said
        assert message in said.stderr
    assert moto_server.recorded() == []
    said = run.here("cluster", "pause")
    assert said.returncode == 2
    assert "there is no cluster refused" in said.stderr


def test_cluster_warns_of_keys_in_file(moto_server: MotoServer, tmp_path: Path) -> None:
    run = configured(tmp_path, "keys", moto_server)
    config = tmp_path / "dwh.cfg"
    config.write_text(config.read_text().replace("KEY=\nSECRET=\n", "KEY=one\nSECRET=two\n"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del run.environment[name]
    told = run.here("cluster", "status")
    assert told.returncode == 0
    assert "a profile is safer" in told.stderr
    config.write_text(CONFIG.format(name="keys"))
    told = run.here("cluster", "status")
    assert told.returncode == 2
    assert "there are no AWS credentials. Run `aws configure`" in told.stderr


@pytest.mark.parametrize("verb", [("pause",), ("resume",), ("destroy", "--yes")], ids=" ".join)
def test_cluster_does_not_claim_what_never_began(verb: tuple[str, ...], tmp_path: Path) -> None:
    run = configured(tmp_path, "absent", None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del run.environment[name]
    told = run.here("cluster", *verb, "-q")
    (error,) = told.stderr.splitlines()
    assert "there are no AWS credentials. Run `aws configure`" in error


REFUSED = AwsRefusal("AWS refuses", code="AccessDenied", said="")
SILENT = TemporaryError("AWS does not answer")


@pytest.mark.parametrize(
    ("calls", "error", "told"),
    [
        (0, SILENT, ""),
        (1, REFUSED, ""),
        (1, SILENT, "It goes on; run it again."),
        (2, REFUSED, "It goes on; run it again."),
    ],
)
def test_cluster_says_what_goes_on_once_a_call_was_sent(
    calls: int, error: SparkifyError, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def change() -> None:
        with cluster._going_on("It goes on", "run it again") as observer:
            for _ in range(calls):
                observer.sending(Call("change it", "redshift", "pause_cluster", {}))
            raise error

    with pytest.raises(type(error)):
        change()
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if line != "change it"] == ([told] if told else [])


def test_cluster_options_override_file_and_are_written(moto_server: MotoServer, tmp_path: Path) -> None:
    run = configured(tmp_path, "plain", moto_server)
    run.here(
        *("cluster", "create", "--cluster", "other", "--region", "eu-west-1", "--yes"),
        *("--allow-cidr", "203.0.113.7", "--public"),
        SPARKIFY_DWH_CLUSTER_TYPE="single-node",
        SPARKIFY_DWH_NUM_NODES="1",
    )
    found = moto_server.client("redshift", "eu-west-1").describe_clusters()["Clusters"]
    assert [(one["ClusterIdentifier"], one["NumberOfNodes"], one["PubliclyAccessible"]) for one in found] == [
        ("other", 1, True)
    ]
    text = (tmp_path / "dwh.cfg").read_text()
    assert "DWH_CLUSTER_IDENTIFIER=other" in text
    assert "REGION=eu-west-1" in text
    run.here("cluster", "destroy", "--yes", "--skip-final-snapshot")
    assert moto_server.client("redshift", "eu-west-1").describe_clusters()["Clusters"] == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_cluster_create_says_how_to_resume_after_signal(tmp_path: Path, number: int, code: int) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(30)
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        run = configured(tmp_path, "signal", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "sparkify", "cluster", "create", "--allow-cidr", "203.0.113.7", "--yes"],
            cwd=tmp_path,
            env={**run.environment, "AWS_ENDPOINT_URL": address},
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=heed_interrupts,
        )
        try:
            connection, _ = silent.accept()
            connection.recv(100)
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
        connection.close()
    assert process.returncode == code, out + err
    assert "run the same command again to go on" in err
    assert "nothing was changed" not in err


def outputs(run: Command) -> list[tuple[int, subprocess.CompletedProcess[str]]]:
    """What every command says, with --debug, of a configuration full of secrets; and the code it ends with."""
    config = run.folder / "dwh.cfg"
    create = ("cluster", "create", "--allow-cidr", "203.0.113.7")
    nowhere = "http://127.0.0.1:9"

    def say(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return run.here(*arguments, "--debug", **environment)

    said = [
        (0, say(*create, "--dry-run")),
        (0, say(*create, "--dry-run", "--json")),
        (0, say(*create, "--yes", "-v")),
        (0, say(*create, "--yes", "--json")),
        (0, say("cluster", "status")),
        (0, say("cluster", "status", "--json")),
        (0, say("cluster", "pause")),
        (0, say("cluster", "resume")),
        (1, say("doctor")),
        (1, say("doctor", "--json")),
        (0, say("config")),
        (0, say("load", "--dry-run")),
        (0, say("cluster", "destroy", "--dry-run")),
        (0, say("cluster", "destroy", "--yes", "--skip-final-snapshot")),
        # Refusals: of the password, of AWS, of the network.
        (2, say(*create, SPARKIFY_DWH_DB_PASSWORD="short1")),
        (75, say("cluster", "status", AWS_ENDPOINT_URL=nowhere)),
        (1, say("doctor", AWS_ENDPOINT_URL=nowhere)),
    ]
    good = config.read_text()
    config.write_text(good.replace(CANARIES["KEY"], CANARIES["KEY"] + "\n  continued"))
    said.append((2, say("cluster", "status")))
    config.write_text(good + f"\n{CANARIES['DB_PASSWORD']}\n")
    said.append((2, say("doctor")))
    said.append((2, say("cluster", "status")))
    config.write_text(good.replace("DWH_PORT=5439", f"DWH_PORT={CANARIES['DWH_DB_PASSWORD']}"))
    said.append((2, say("doctor")))
    config.write_text(good)
    return said


@pytest.mark.usefixtures("hurried")
def test_no_secret_is_in_any_output(moto_server: MotoServer, tmp_path: Path) -> None:
    run = configured(tmp_path, "secret", moto_server)
    config = tmp_path / "dwh.cfg"
    text = config.read_text()
    text = text.replace("KEY=\nSECRET=\n", f"KEY={CANARIES['KEY']}\nSECRET='{CANARIES['SECRET']}'\n")
    text = text.replace("DWH_DB=dwh\n", f"DWH_DB=dwh\nDWH_DB_PASSWORD={CANARIES['DWH_DB_PASSWORD']}\n")
    text = text.replace("DB_USER=dwhuser\n\n", f"DB_USER=dwhuser\nDB_PASSWORD={CANARIES['DB_PASSWORD']}\n\n")
    config.write_text(text)
    for name, secret in CANARIES.items():
        assert f"{name}=" in text
        assert secret in text
    moto_server.record()
    for code, said in outputs(run):
        assert said.returncode == code, said
        assert len(said.stdout + said.stderr) > 20
        for secret in CANARIES.values():
            assert secret not in said.stdout
            assert secret not in said.stderr
    # The password did go where it belongs.
    assert any(one.get("MasterUserPassword") == CANARIES["DWH_DB_PASSWORD"] for one in moto_server.recorded())


def test_cluster_help_imports_no_aws() -> None:
    code = (
        "import sys\n"
        "from sparkify.cli import app\n"
        "for command in ('', 'cluster', 'cluster create', 'doctor'):\n"
        "    sys.argv[1:] = [*command.split(), '--help']\n"
        "    try: app()\n"
        "    except SystemExit as ended: assert not ended.code, command\n"
        "    heavy = {'boto3', 'botocore', 'sqlalchemy', 'duckdb'} & set(sys.modules)\n"
        "    assert not heavy, (command, heavy)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == 4
