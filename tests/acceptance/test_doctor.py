"""What the doctor finds: each thing broken on its own, on the embedded database and on Redshift."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import socket
from collections import namedtuple
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from sparkify import Settings
from sparkify.doctor import Diagnosis, examine, schema
from sparkify.etl.declarations import Source, from_json
from sparkify.pipeline import SPARKIFY
from sparkify.provision import Names, Spec, create
from sparkify.provision.calls import Context, Found
from sparkify.provision.role import permissions, trust
from sparkify.provision.spec import readable_s3, writable_s3
from sparkify.warehouse import revisions
from standin.server import Standin
from tests.support.cloud import REAL_PATHS
from tests.support.commands import holding
from tests.support.provision import ACCOUNT, CANARIES, REGION, Command, Wire, settings


def by_name(findings: tuple[Diagnosis, ...]) -> dict[str, Diagnosis]:
    return {finding.check: finding for finding in findings}


def problems(findings: tuple[Diagnosis, ...]) -> list[str]:
    return [finding.check for finding in findings if finding.status == "problem"]


# -- the embedded database ---------------------------------------------------------------------------------


@pytest.fixture
def home(clean_environment: Path) -> Path:
    """A folder with data in it, and no configuration."""
    for name in ("data/log_data/2018/11/a.json", "data/song_data/A/b.json"):
        path = clean_environment / name
        path.parent.mkdir(parents=True)
        path.write_text("{}\n")
    return clean_environment


def test_examine_passes_on_new_folder_with_data(home: Path) -> None:
    found = examine()
    assert [finding.check for finding in found] == [
        "configuration",
        "folder",
        "free space",
        "database",
        "schema",
        "log_data",
        "song_data",
    ]
    assert all(finding.status == "ok" for finding in found), found
    assert by_name(found)["log_data"].message == "data/log_data: 1 file"
    assert not (home / "sparkify.duckdb").exists()


def write_config(text: str, mode: int = 0o600) -> None:
    Path("dwh.cfg").write_text(text)
    Path("dwh.cfg").chmod(mode)


def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("sparkify.doctor.embedded.shutil.disk_usage", lambda _: usage(10, 9, 1_000_000))


def empty_database(_: pytest.MonkeyPatch) -> None:
    duckdb.connect("sparkify.duckdb").close()


def damaged_database(_: pytest.MonkeyPatch) -> None:
    file = Path("sparkify.duckdb")
    duckdb.connect(str(file)).close()
    # All that follows the main header: that tells whose file it is.
    file.write_bytes(file.read_bytes()[:4096].ljust(file.stat().st_size, b"\0"))


def other_file(_: pytest.MonkeyPatch) -> None:
    Path("sparkify.duckdb").write_bytes(b"not a database" * 1000)


def setting(name: str, value: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setenv(name, value)


EMBEDDED: list[tuple[Callable[[pytest.MonkeyPatch], None], str, str, str, int]] = [
    (
        lambda _: write_config("[AWS]\nSECRET=x\n", 0o644),
        "file mode",
        "others may read it",
        "chmod 600 dwh.cfg",
        2,
    ),
    (
        lambda _: write_config("[CLUSTER]\nHOSTT=x\n"),
        "options",
        "[CLUSTER] HOSTT is not a setting; did you mean HOST?",
        "correct the names",
        1,
    ),
    (lambda _: write_config("HOST=x\n"), "configuration", "before the first [SECTION]", "", 2),
    (setting("SPARKIFY_CONFIG", "nowhere.cfg"), "configuration", "nowhere.cfg: there is no such file", "", 2),
    (setting("SPARKIFY_DWH_PORT", "many"), "configuration", "dwh_port", "", 2),
    (setting("SPARKIFY_DATABASE_URL", "no url"), "configuration", "is not a URL", "", 2),
    (
        setting("SPARKIFY_DATABASE_URL", "sqlite://"),
        "configuration",
        "'sqlite' is not a database that sparkify loads",
        "Give one of duckdb, redshift.",
        2,
    ),
    (setting("SPARKIFY_DATABASE_URL", "duckdb:///no/x.duckdb"), "folder", "no such folder", "mkdir -p", 1),
    (
        lambda patch: patch.setattr("sparkify.doctor.embedded.os.access", lambda *_: False),
        "folder",
        "nothing may be",
        "chmod",
        1,
    ),
    (no_room, "free space", "1 MB are free", "make room", 1),
    (damaged_database, "database", "does not open", "sparkify-etl doctor --repair", 1),
    (other_file, "database", "is no database of DuckDB", "Name another file", 1),
    (empty_database, "schema", "there are no tables yet", "sparkify-etl migrate", 1),
    (setting("SPARKIFY_LOG_DATA", "nowhere"), "log_data", "no such file or folder", "sparkify-etl generate", 1),
    (lambda _: Path("data/song_data/A/b.json").unlink(), "song_data", "no .json", "sparkify-etl generate", 1),
]


@pytest.mark.parametrize(("breaking", "check", "message", "advice", "code"), EMBEDDED)
@pytest.mark.usefixtures("home")
def test_examine_finds_each_local_problem_alone(
    monkeypatch: pytest.MonkeyPatch,
    breaking: Callable[[pytest.MonkeyPatch], None],
    check: str,
    message: str,
    advice: str,
    code: int,
) -> None:
    breaking(monkeypatch)
    found = examine()
    assert problems(found) == [check]
    assert message in by_name(found)[check].message
    assert advice in by_name(found)[check].advice
    assert by_name(found)[check].exit_code == code


@pytest.mark.usefixtures("home")
def test_examine_skips_what_depends_on_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARKIFY_DATABASE_URL", "duckdb:///no/x.duckdb")
    found = by_name(examine())
    for check in ("free space", "database"):
        assert (found[check].status, found[check].message) == ("skipped", "needs folder, which is not ok")
    assert found["schema"].message == "needs database, which is not ok"
    assert found["log_data"].status == "ok"


@pytest.mark.usefixtures("home")
def test_examine_names_process_that_has_database_open(caplog: pytest.LogCaptureFixture) -> None:
    with holding(Path("sparkify.duckdb")) as other:
        found = by_name(examine())
    assert found["database"].message.startswith("sparkify.duckdb opens")
    assert caplog.messages == [
        f"the database is in use by process {other.pid}: what is read is what was committed before"
    ]


@pytest.mark.usefixtures("home")
def test_examine_reports_other_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "current", lambda _: "0000")
    empty_database(monkeypatch)
    found = by_name(examine())
    assert found["schema"].message == f"revision 0000, and this version needs {revisions.head_of(SPARKIFY)}"


def test_examine_checks_sources_of_any_pipeline(home: Path) -> None:
    staging = Table("staging_orders", MetaData(), Column("id", Integer, info=from_json("id")))
    # Its transforms and checksums read nothing of SPARKIFY's sources.
    orders = Source(name="orders", staging=staging)
    shop = replace(SPARKIFY, name="shop", sources=(orders,), transforms=(), checksums=())
    found = examine(pipeline=shop)
    assert [finding.check for finding in found][-2:] == ["schema", "source_orders"]
    assert found[-1].message == "source orders: no setting says where its files are"
    assert found[-1].advice == "Set [SOURCES] ORDERS in dwh.cfg, or SPARKIFY_SOURCE_ORDERS."
    write_config("[SOURCES]\nORDERS=orders\n[S3]\nLOG_DATA=x\n")
    found = examine(pipeline=shop)
    assert by_name(found)["options"].message == "[S3] LOG_DATA is not a setting"
    assert found[-1].message == "orders: there is no such file or folder"
    assert found[-1].advice == "set ORDERS in [SOURCES] of dwh.cfg"
    (home / "orders").mkdir()
    (home / "orders" / "a.json").write_text("{}")
    assert examine(pipeline=shop)[-1].message == "orders: 1 file"


def test_doctor_prints_results_and_exit_codes(home: Path) -> None:
    run = Command(home, None)
    good = run("doctor")
    assert good.stdout.splitlines()[-1] == "7 checks: all is well."
    findings = json.loads(run("doctor", "--json").stdout)
    assert findings[1] == {
        "check": "folder",
        "status": "ok",
        "message": str(home),
        "advice": "",
        "exit_code": 0,
    }
    bad = run("doctor", "--database", "duckdb:///no/x.duckdb", expect=1)
    assert "problem  folder " in bad.stdout
    assert f"-> mkdir -p {home}/no" in bad.stdout
    assert bad.stdout.splitlines()[-1] == "7 checks: 1 problem, 3 skipped."
    quiet = run("doctor", "-q", "--database", "duckdb:///no/x.duckdb", expect=1)
    assert "ok " not in quiet.stdout
    write_config("nonsense")
    assert "configuration" in run("doctor", expect=2).stdout


# -- Redshift ----------------------------------------------------------------------------------------------


@pytest.fixture
def cluster(home: Path, redshift: Standin, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    """The stand-in, with everything in place that a load needs."""
    host = redshift.connect_args()
    values = {
        "HOST": host["host"],
        "DB_PORT": str(host["port"]),
        "DB_NAME": host["database"],
        "DB_USER": host["user"],
        "DB_PASSWORD": host["password"],
        "REGION": redshift.region,
        "LOG_DATA": "s3://doctors/log_data",
        "SONG_DATA": "s3://doctors/song_data",
        "LOG_JSONPATH": "s3://doctors/paths.json",
        "IAM_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/doctors",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"SPARKIFY_{name}", value)
    with contextlib.suppress(Exception):
        # It is there from the test before.
        redshift.create_bucket("doctors")
    for key in ("log_data/2018/a.json", "song_data/A/b.json"):
        redshift.put_object(f"s3://doctors/{key}", "{}")
    redshift.put_object("s3://doctors/paths.json", REAL_PATHS)
    context = Context(region=redshift.region, account=ACCOUNT)
    names = Names(identifier="sparkify", kind="provisioned", role="doctors")
    iam = boto3.client("iam")
    iam.create_role(RoleName="doctors", AssumeRolePolicyDocument=json.dumps(trust(names, context)))
    iam.put_role_policy(
        RoleName="doctors",
        PolicyName="read",
        PolicyDocument=json.dumps(permissions(readable_s3(Settings.load(SPARKIFY.sources)), context)),
    )
    redshift.query("DROP TABLE IF EXISTS alembic_version")
    redshift.query("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    redshift.query(f"INSERT INTO alembic_version VALUES ('{revisions.head_of(SPARKIFY)}')")
    # By their names alone, which is all that is looked at.
    staging = (source.staging for source in SPARKIFY.sources)
    tables = [table.name for table in (*SPARKIFY.tables, *SPARKIFY.ledger.tables, *staging)]
    for name in (*tables, "plays"):
        redshift.query(f'CREATE TABLE IF NOT EXISTS "{name}" (n INTEGER)')
    yield redshift
    redshift.tls, redshift.certificate = "on", "good"
    for name in (*tables, "plays", "alembic_version"):
        redshift.query(f'DROP TABLE IF EXISTS "{name}"')
    with_role = iam.list_roles()["Roles"]
    for role in with_role:
        for policy in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            iam.delete_role_policy(RoleName=role["RoleName"], PolicyName=policy)
        for policy in iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["PolicyArn"])
        iam.delete_role(RoleName=role["RoleName"])
    for url in redshift.objects_below("s3://doctors/"):
        redshift.delete_object(url)
    # What the driver leaves open when a connection fails is closed here, and not in another test.
    gc.collect()


def test_examine_passes_on_complete_redshift(cluster: Standin) -> None:
    found = examine()
    assert problems(found) == [], found
    assert [finding.check for finding in found] == [
        "configuration",
        "region",
        "credentials",
        "role",
        "role trust",
        "role policy",
        "log_data",
        "song_data",
        "bucket region",
        "log_jsonpath",
        "host",
        "port",
        "TLS",
        "login",
        "schema",
    ]
    assert all(finding.status == "ok" for finding in found), found
    assert by_name(found)["credentials"].message.startswith(f"account {ACCOUNT}, as user/")
    assert by_name(found)["log_jsonpath"].message == "s3://doctors/paths.json: 18 paths"


def test_examine_names_the_prefix_of_manifests(cluster: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_everything()
    monkeypatch.setenv("SPARKIFY_MANIFEST_PREFIX", "s3://doctors/manifests")
    found = by_name(examine())["manifest_prefix"]
    assert (found.status, found.message) == ("ok", "COPY manifests are written below s3://doctors/manifests")


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize("lost", ["", "WriteTheFiles", "UseTheKey"])
@pytest.mark.parametrize("separate", [False, True])
def test_examine_looks_at_what_may_be_written(
    cluster: Standin, monkeypatch: pytest.MonkeyPatch, separate: bool, lost: str
) -> None:
    context = Context(region=cluster.region, account=ACCOUNT)
    monkeypatch.setenv("SPARKIFY_UNLOAD_PREFIX", "s3://doctors/exports")
    monkeypatch.setenv("SPARKIFY_S3_KMS_KEY", KEY)
    of = Settings.load(SPARKIFY.sources)
    iam = boto3.client("iam")
    writable = writable_s3(of)
    reads = permissions(readable_s3(of), context, writable=() if separate else writable, kms_key=KEY)
    writes = permissions((), context, writable=writable, kms_key=KEY)
    for document in (reads, writes):
        document["Statement"] = [
            one for one in document["Statement"] if one["Sid"] != lost and one["Resource"] != []
        ]
    if separate:
        monkeypatch.setenv("SPARKIFY_UNLOAD_ROLE_ARN", f"arn:aws:iam::{ACCOUNT}:role/writer")
        names = Names(identifier="sparkify", kind="provisioned", role="writer")
        iam.create_role(RoleName="writer", AssumeRolePolicyDocument=json.dumps(trust(names, context)))
        iam.put_role_policy(RoleName="writer", PolicyName="w", PolicyDocument=json.dumps(writes))
        reads = permissions(readable_s3(of), context, kms_key=KEY)
    iam.put_role_policy(RoleName="doctors", PolicyName="read", PolicyDocument=json.dumps(reads))
    found = by_name(examine())
    check = "role for UNLOAD" if separate else "role policy"
    if not lost:
        assert problems(examine()) == []
        assert "write s3://doctors/exports" in found[check].message
    else:
        action = {"WriteTheFiles": "s3:PutObject", "UseTheKey": "kms:Decrypt"}[lost]
        assert found[check].message.startswith(f"the role may not do {action} on arn")
        assert found["role policy"].status == ("ok" if separate else "problem")


Breaking = Callable[[Standin, pytest.MonkeyPatch], object]


def env(name: str, value: str) -> Breaking:
    return lambda _, patch: patch.setenv(name, value)


def unset(*names: str) -> Breaking:
    def apply(_: Standin, patch: pytest.MonkeyPatch) -> None:
        for name in names:
            patch.delenv(name)

    return apply


def jsonpaths(text: str) -> Breaking:
    return lambda cluster, _: cluster.put_object("s3://doctors/paths.json", text)


def change_role(**documents: Any) -> Breaking:
    def apply(_: Standin, __: pytest.MonkeyPatch) -> None:
        iam = boto3.client("iam")
        if "trust" in documents:
            iam.update_assume_role_policy(RoleName="doctors", PolicyDocument=json.dumps(documents["trust"]))
        else:
            iam.delete_role_policy(RoleName="doctors", PolicyName="read")

    return apply


def certificate(kind: str) -> Breaking:
    return lambda cluster, _: setattr(cluster, "certificate", kind)


def allow_everything() -> None:
    boto3.client("iam").put_role_policy(
        RoleName="doctors",
        PolicyName="read",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        ),
    )


def songs_in(uri: str) -> Breaking:
    return with_uri("SPARKIFY_SONG_DATA", uri)


def manifests_in(uri: str) -> Breaking:
    return with_uri("SPARKIFY_MANIFEST_PREFIX", uri)


def with_uri(name: str, uri: str) -> Breaking:
    """A place in S3 that the policy of the role does not forbid."""

    def apply(_: Standin, patch: pytest.MonkeyPatch) -> None:
        patch.setenv(name, uri)
        allow_everything()

    return apply


def other_region(cluster: Standin, patch: pytest.MonkeyPatch) -> None:
    with contextlib.suppress(Exception):
        cluster.create_bucket("elsewhere", "eu-west-1")
    cluster.put_object("s3://elsewhere/log_data/a.json", "{}")
    patch.setenv("SPARKIFY_LOG_DATA", "s3://elsewhere/log_data")
    allow_everything()


def closed_port(_: Standin, patch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        patch.setenv("SPARKIFY_DB_PORT", str(free.getsockname()[1]))


def other_trust() -> dict[str, Any]:
    names = Names(identifier="another", kind="provisioned", role="doctors")
    return trust(names, Context(region=REGION, account=ACCOUNT))


REDSHIFT: list[tuple[str, Breaking, str, str, str]] = [
    (
        "credentials",
        unset("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "credentials",
        "no AWS cred",
        "`aws conf",
    ),
    ("half a key", env("SPARKIFY_AWS_ACCESS_KEY_ID", "x"), "region", "one of KEY and SECRET", "Give both"),
    ("role gone", env("SPARKIFY_IAM_ROLE_ARN", f"arn:aws:iam::{ACCOUNT}:role/no"), "role", "no", ""),
    (
        "role of others",
        env("SPARKIFY_IAM_ROLE_ARN", "arn:aws:iam::1:role/doctors"),
        "role",
        "not in this",
        "ARN",
    ),
    ("trust", change_role(trust=other_trust()), "role trust", "does not let Redshift", "cluster create"),
    ("policy", change_role(none=True), "role policy", "may not do s3:GetObject on arn", "cluster create"),
    ("no bucket", songs_in("s3://nobodys/songs"), "song_data", "no such bucket", "correct SONG_DATA in [S3]"),
    ("prefix", songs_in("s3://doctors/song"), "song_data", "no object is there", "SONG_DATA"),
    ("local", env("SPARKIFY_SONG_DATA", "data/song_data"), "song_data", "reads S3 alone", "s3://bucket/prefix"),
    ("region", other_region, "bucket region", "s3://elsewhere is in eu-west-1, and COPY", "REGION = eu-west-1"),
    ("not JSON", jsonpaths("{"), "log_jsonpath", "is not JSON", "correct"),
    ("misspelt", jsonpaths('{"jsonPaths": ["$.a"]}'), "log_jsonpath", "this has 'jsonPaths'", "correct"),
    ("no path", jsonpaths('{"jsonpaths": ["$.artist", "b"]}'), "log_jsonpath", "b is not the path", "correct"),
    ("no paths", jsonpaths('{"jsonpaths": []}'), "log_jsonpath", "has no path for artist", "correct"),
    ("a list", jsonpaths('["$.a"]'), "log_jsonpath", "this has 'list'", "correct"),
    (
        "local manifests",
        manifests_in("data/manifests"),
        "manifest_prefix",
        "data/manifests is not a prefix of S3",
        "set MANIFEST_PREFIX in [S3]",
    ),
    (
        "manifests without a bucket",
        manifests_in("s3://"),
        "manifest_prefix",
        "s3:// is not a prefix of S3",
        "s3://bucket/prefix, or leave it out",
    ),
    ("host", env("SPARKIFY_HOST", "nowhere.invalid"), "host", "no such host", "correct HOST"),
    ("port", closed_port, "port", "nothing listens", "check DB_PORT"),
    ("wrong name", certificate("wrong-host"), "TLS", "certificate is for another name", "own name"),
    ("expired", certificate("expired"), "TLS", "certificate is not trusted", "may not be Redshift"),
    ("untrusted", certificate("untrusted"), "TLS", "certificate is not trusted", "may not be Redshift"),
    ("no TLS", lambda cluster, _: setattr(cluster, "tls", "refused"), "TLS", "does not speak TLS", "password"),
    ("password", env("SPARKIFY_DB_PASSWORD", CANARIES["DB_PASSWORD"]), "login", "password is wrong", "Check"),
    ("database", env("SPARKIFY_DB_NAME", "nothere"), "login", "no such database", "name of the database"),
    (
        "revision",
        lambda cluster, _: cluster.query("UPDATE alembic_version SET version_num = '0001'") and None,
        "schema",
        "revision 0001, and this version needs",
        "sparkify-etl migrate",
    ),
    (
        "newer revision",
        lambda cluster, _: cluster.query("UPDATE alembic_version SET version_num = '9999'") and None,
        "schema",
        "revision 9999, and this version needs",
        "made by a newer version",
    ),
    (
        "a table gone",
        lambda cluster, _: cluster.query("DROP TABLE users") and None,
        "schema",
        "gone from the database: users",
        "restore a copy",
    ),
    (
        "no tables",
        lambda cluster, _: cluster.query("DROP TABLE alembic_version") and None,
        "schema",
        "there are no tables yet",
        "sparkify-etl migrate",
    ),
]


@pytest.mark.parametrize(
    ("breaking", "check", "message", "advice"),
    [case[1:] for case in REDSHIFT],
    ids=[case[0] for case in REDSHIFT],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_examine_finds_each_redshift_problem_alone(
    cluster: Standin, monkeypatch: pytest.MonkeyPatch, breaking: Breaking, check: str, message: str, advice: str
) -> None:
    breaking(cluster, monkeypatch)
    found = examine()
    assert problems(found) == [check], found
    one = by_name(found)[check]
    assert message in one.message
    assert advice in one.advice
    assert one.exit_code == 1
    text = "".join(f"{finding.message}{finding.advice}" for finding in found)
    assert CANARIES["DB_PASSWORD"] not in text
    assert str(os.environ["SPARKIFY_DB_PASSWORD"]) not in text


def test_examine_skips_roles_without_permission(cluster: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparkify.provision import account
    from sparkify.provision.aws_errors import AwsRefusal

    really = account.Aws.ask

    def refusing(self: Any, doing: str, service: str, operation: str, **params: Any) -> Any:
        if service == "iam":
            raise AwsRefusal("your AWS identity may not do iam:GetRole", "AccessDenied", where=doing)
        return really(self, doing, service, operation, **params)

    monkeypatch.setattr(account.Aws, "ask", refusing)
    found = by_name(examine())
    assert found["role"].status == "skipped"
    assert "may not do iam:GetRole" in found["role"].message
    assert found["role policy"].message == "needs role, which is not ok"
    assert problems(tuple(found.values())) == []


def test_examine_takes_default_role_as_a_load_does(cluster: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A load says IAM_ROLE default, as the settings have it, and was examined as one that cannot run."""
    monkeypatch.delenv("SPARKIFY_IAM_ROLE_ARN")
    found = examine()
    assert problems(found) == [], found
    assert by_name(found)["role"].message == (
        "ARN is empty: COPY uses the cluster's default role, which AWS was not asked for"
    )
    assert "role trust" not in by_name(found)


# -- a cluster, as AWS tells of it -------------------------------------------------------------------------


@pytest.fixture
def made(home: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A cluster in moto, whose address nobody answers at."""
    of = settings()
    host = create(wire.aws(of), Spec.of(of)).host
    monkeypatch.setenv("SPARKIFY_HOST", str(host))
    monkeypatch.setenv("SPARKIFY_REGION", REGION)
    monkeypatch.setattr("sparkify.provision.account.Aws.client", lambda _, service: wire.client(service))
    return wire.client("redshift")


def test_examine_reports_state_of_cluster(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_name(examine())["cluster"].message == "sparkify is available"
    made.pause_cluster(ClusterIdentifier="sparkify")
    found = by_name(examine())["cluster"]
    assert (found.message, found.advice) == ("the cluster sparkify is paused", "sparkify-etl cluster resume")
    made.delete_cluster(ClusterIdentifier="sparkify", SkipFinalClusterSnapshot=True)
    found = by_name(examine())["cluster"]
    assert found.message == "there is no cluster sparkify in us-west-2"
    assert found.advice == "sparkify-etl cluster create"
    monkeypatch.setenv("SPARKIFY_REGION", "eu-west-1")
    found = by_name(examine())["region"]
    assert found.message == "the host is in us-west-2 and the region is eu-west-1"
    assert "set REGION = us-west-2" in found.advice


def test_examine_looks_at_default_role_of_cluster(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARKIFY_IAM_ROLE_ARN", raising=False)
    (facts,) = made.describe_clusters(ClusterIdentifier="sparkify")["Clusters"]
    arn = facts["IamRoles"][0]["IamRoleArn"]
    # moto takes a default role, and does not tell of it.
    assert "DefaultIamRoleArn" not in facts
    found = by_name(examine())["role"]
    assert (found.status, found.message) == (
        "problem",
        "ARN is empty, and the cluster has no default role that COPY would use",
    )
    assert found.advice.startswith("sparkify-etl cluster create writes it; or set ARN in [IAM_ROLE]")
    monkeypatch.setattr(
        "sparkify.provision.cluster.Cluster.inspect",
        lambda *_: Found(id="sparkify", tags={}, facts={**facts, "DefaultIamRoleArn": arn}),
    )
    found = by_name(examine())["role"]
    assert (found.status, found.message) == ("ok", arn)
    assert by_name(examine())["role trust"].status == "ok"
