"""Connecting: TLS and rejected connections, passwords, server information, and the end of a session."""

from __future__ import annotations

import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redshift_connector
import sqlalchemy as sa

from standin import wire
from standin.server import Standin
from tests.databases.standin.conftest import Client
from tests.support.paths import CLONE


def test_the_unmodified_driver_connects_by_its_defaults(
    redshift: Standin, connect: Callable[..., Client]
) -> None:
    client = connect()
    assert client.value("select 1") == 1
    assert client.connection._usock.version() in ("TLSv1.2", "TLSv1.3")


def test_sqlalchemy_connects_by_the_url(redshift: Standin) -> None:
    engine = sa.create_engine(redshift.url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select current_database()")) == "dev"
        assert connection.dialect.server_version_info == (8, 0, 2)
    engine.dispose()


def test_the_server_is_an_old_postgresql_that_counts_no_rows_of_a_copy(rs: Client) -> None:
    assert rs.value("select version()").startswith("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC")
    assert (b"server_version", b"8.0.2") in rs.connection.parameter_statuses
    assert rs.connection._client_protocol_version == 0


def test_a_wrong_password_is_28000(redshift: Standin, connect: Callable[..., Client]) -> None:
    with pytest.raises(redshift_connector.InterfaceError) as caught:
        connect(password="wrong")
    assert caught.value.args[0]["C"] == "28000"
    assert caught.value.args[0]["M"] == 'password authentication failed for user "awsuser"'


def test_an_unknown_user_is_28000(redshift: Standin, connect: Callable[..., Client]) -> None:
    with pytest.raises(redshift_connector.InterfaceError) as caught:
        connect(user="nobody")
    assert caught.value.args[0]["C"] == "28000"


def test_an_unknown_database_is_3d000(redshift: Standin, connect: Callable[..., Client]) -> None:
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        connect(database="nowhere")
    assert caught.value.args[0]["C"] == "3D000"
    with pytest.raises(redshift_connector.ProgrammingError, match="3D000"):
        connect(database="postgres")  # Redshift does not have PostgreSQL's own database


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [
        ("wrong-host", "Hostname mismatch"),
        ("expired", "certificate has expired"),
        ("untrusted", "unable to get local issuer certificate"),
    ],
)
def test_a_certificate_that_is_wrong_is_refused(
    redshift: Standin, connect: Callable[..., Client], certificate: Any, reason: str
) -> None:
    redshift.certificate = certificate
    with pytest.raises(redshift_connector.InterfaceError) as caught:
        connect()
    assert isinstance(caught.value.args[1], ssl.SSLCertVerificationError)
    assert reason in str(caught.value.args[1])


def test_verify_ca_does_not_look_at_the_name(redshift: Standin, connect: Callable[..., Client]) -> None:
    redshift.certificate = "wrong-host"
    assert connect(sslmode="verify-ca").value("select 1") == 1


def test_without_the_authority_the_certificate_is_refused(
    redshift: Standin, connect: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "empty.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    with pytest.raises(redshift_connector.InterfaceError) as caught:
        connect()
    assert isinstance(caught.value.args[1], ssl.SSLCertVerificationError)


def test_a_server_that_has_no_tls_is_refused_by_the_driver(
    redshift: Standin, connect: Callable[..., Client]
) -> None:
    redshift.tls = "refused"
    with pytest.raises(redshift_connector.InterfaceError, match="Server refuses SSL"):
        connect()


def test_plain_text_is_taken_unless_require_ssl(redshift: Standin, connect: Callable[..., Client]) -> None:
    assert connect(ssl=False).value("select 1") == 1
    redshift.require_ssl = True
    with pytest.raises(redshift_connector.InterfaceError, match="SSL off"):
        connect(ssl=False)
    assert connect().value("select 1") == 1


def test_the_server_listens_on_loopback_only(redshift: Standin) -> None:
    assert redshift._listener is not None
    assert redshift._listener.address[0] == "127.0.0.1"


def test_two_databases_do_not_see_each_other(redshift: Standin, connect: Callable[..., Client]) -> None:
    other = redshift.create_database()
    connect(autocommit=True).run("create table t (a int)")
    assert connect(database=other, autocommit=True).code("select * from t") == "42P01"
    assert redshift.url_of(other).endswith(f"/{other}")


def test_reset_begins_anew(redshift: Standin, connect: Callable[..., Client]) -> None:
    client = connect(autocommit=True)
    client.run("create table t (a int)")
    redshift.inject("drop")
    redshift.refused_roles.add("default")
    redshift.reset()
    assert redshift.statements == []
    assert redshift.refused_roles == set()
    fresh = connect()
    assert fresh.code("select * from t") == "42P01"
    fresh.commit()  # no fault is left
    with pytest.raises((redshift_connector.Error, OSError)):
        client.run("select 1")  # earlier sessions are closed


def test_restore_brings_back_what_was_saved(redshift: Standin, connect: Callable[..., Client]) -> None:
    before = connect(autocommit=True)
    before.run("CREATE TABLE kept (n INTEGER ENCODE zstd, m INTEGER) DISTSTYLE KEY DISTKEY (m)")
    before.run("INSERT INTO kept VALUES (1, 2)")
    redshift.save("kept")
    after = connect(autocommit=True)
    after.run("INSERT INTO kept VALUES (3, 4)")
    after.run("CREATE TABLE other (n INTEGER)")
    assert redshift.restore("kept")
    # The sessions are closed; rows, tables and keys are as they were when saved.
    for old in (before, after):
        with pytest.raises((redshift_connector.Error, OSError)):
            old.run("SELECT 1")
    again = connect(autocommit=True)
    assert again.rows("SELECT n, m FROM kept") == [(1, 2)]
    assert again.rows(
        "SELECT tablename, \"column\", distkey FROM pg_table_def WHERE schemaname = 'public' ORDER BY 2"
    ) == [("kept", "m", True), ("kept", "n", False)]
    redshift.reset()
    assert connect(autocommit=True).rows("SELECT tablename FROM pg_table_def WHERE schemaname = 'public'") == []
    assert redshift.restore("nothing") is False
    assert redshift.restore("kept")


def test_several_statements_in_one_text_are_refused(rs: Client) -> None:
    error = rs.error("select 1; select 2")
    assert error["C"] == "42601"
    assert "multiple commands" in error["M"]
    assert rs.value("select 1;") == 1


def test_a_query_can_be_cancelled(redshift: Standin, connect: Callable[..., Client]) -> None:
    client = connect()
    redshift.inject("delay", "^select 'slow'", seconds=600)
    key = client.connection._backend_key_data

    def cancel() -> None:
        deadline = time.monotonic() + 300
        while not any("slow" in s.sql for s in redshift.statements) and time.monotonic() < deadline:
            time.sleep(0.01)
        with socket.create_connection((redshift.host, redshift.port)) as plain:
            plain.sendall(struct.pack("!II", 16, wire.CANCEL_REQUEST) + key)

    import threading

    thread = threading.Thread(target=cancel)
    thread.start()
    assert client.code("select 'slow'") == "57014"
    thread.join()


def test_the_simple_protocol_answers_too(redshift: Standin) -> None:
    """psql and others send Query messages; redshift_connector never does."""
    context = ssl.create_default_context(cafile=redshift.ca_file)
    with socket.create_connection((redshift.host, redshift.port)) as plain:
        plain.sendall(struct.pack("!II", 8, wire.SSL_REQUEST))
        assert plain.recv(1) == b"S"
        with (
            context.wrap_socket(plain, server_hostname="localhost") as secure,
            secure.makefile("rwb") as pair,
        ):
            stream: Any = pair
            stream.write(wire.startup({"user": "awsuser", "database": "dev"}))
            stream.flush()
            _kind, body = wire.read_message(stream)
            import hashlib

            inner = hashlib.md5(f"{redshift.password}awsuser".encode()).hexdigest()
            answer = "md5" + hashlib.md5(inner.encode() + body[4:8]).hexdigest()
            stream.write(wire.message(b"p", wire.cstring(answer)))
            stream.write(
                wire.message(
                    b"Q", wire.cstring("create table t (a int); insert into t values (7); select * from t")
                )
            )
            stream.flush()
            seen: list[tuple[bytes, bytes]] = []
            while len([kind for kind, _ in seen if kind == b"Z"]) < 2:
                seen.append(wire.read_message(stream))
    assert [wire.row_of(body) for kind, body in seen if kind == b"D"] == [["7"]]
    assert [body for kind, body in seen if kind == b"C"] == [b"CREATE TABLE\0", b"INSERT 0 1\0", b"SELECT 1\0"]


def test_stop_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    with Standin.start(tmp_path) as own:
        pid, directory = own.postgres.pid, own.postgres.directory
        assert directory.exists()
    assert not directory.exists()
    with pytest.raises(ProcessLookupError):
        __import__("os").kill(pid, 0)


def test_the_command_prints_what_a_client_needs(tmp_path: Path) -> None:
    root = CLONE
    done = subprocess.run(
        [sys.executable, "-m", "standin", "--seconds", "0.1", "--bucket", "sparkify"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    exports = dict(
        line[len("export ") :].split("=", 1) for line in done.stdout.splitlines() if line.startswith("export")
    )
    assert exports["SPARKIFY_DATABASE_URL"].startswith("'redshift+redshift_connector://awsuser:")
    assert exports["AWS_ENDPOINT_URL"].startswith("'http://127.0.0.1:")
    assert {
        "SSL_CERT_FILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
    } <= exports.keys()
