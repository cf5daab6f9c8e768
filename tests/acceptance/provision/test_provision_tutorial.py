"""The tutorial: its commands exist, its prices are those of the table, its policy is enough."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sparkify.cli import app
from sparkify.provision import (
    Names,
    Spec,
    costs,
    create,
    destroy,
    inspect,
    pause,
    plan_create,
    plan_destroy,
    resume,
)
from sparkify.provision.costs import estimate
from tests.support.paths import CLONE
from tests.support.provision import REGION, Wire, settings

TEXT = (CLONE / "docs" / "tutorial.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[str]:
    found = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("sparkify-etl ")]
    assert len(found) > 15
    return found


def parse(line: str) -> None:
    """Have the command of a line parse its options and values, without running it."""
    arguments = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    name = "sparkify-etl"
    while hasattr(command, "commands"):
        name, command, arguments = command.resolve_command(command.context_class(command), arguments)
    command.make_context(name, arguments)


@pytest.mark.parametrize("line", commands())
def test_tutorial_commands_parse(line: str) -> None:
    parse(line)


@pytest.mark.parametrize(
    "line", ["sparkify-etl clutter", "sparkify-etl cluster make", "sparkify-etl cluster create --pubic"]
)
def test_tutorial_parser_refuses_unknown_commands(line: str) -> None:
    with pytest.raises(Exception, match="clutter|make|No such option"):
        parse(line)


def test_tutorial_prices_match_table() -> None:
    node = estimate("ra3.large", 1, public=True).dollars_an_hour
    assert node is not None
    assert f"| {node:.2f} an hour |" in TEXT
    assert f"| {costs.MANAGED_STORAGE_GB_MONTH} a GB and month |" in TEXT
    assert f"| {costs.SECRET_MONTH:.2f} a month |" in TEXT
    assert f"list prices of `{costs.REGION}` from {costs.AS_OF}" in TEXT
    serverless = estimate("", 0, serverless_capacity=8).dollars_an_hour
    assert f"costs about {serverless:.2f} dollars" in TEXT
    assert round(2 * node, 1) == 1.1


def test_tutorial_policy_allows_every_call(wire: Wire) -> None:
    (text,) = blocks("json")
    policy = json.loads(text)
    allowed = {
        action
        for statement in policy["Statement"]
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    assert not any("*" in action for action in allowed)
    of = settings()
    for network in ("203.0.113.7/32", "203.0.113.8/32"):
        of = settings(dwh_allow_cidr=network)
        create(wire.aws(of), Spec.of(of, s3_endpoint=True))
    names = Names.of(of)
    pause(wire.aws(of), names)
    resume(wire.aws(of), names)
    inspect(wire.aws(of), names)
    destroy(wire.aws(of), names, final_snapshot="last")
    made = {name.replace(".", ":") for name, _ in wire.requests} - {"sts:GetCallerIdentity"}
    serverless = Names(identifier="sparkify", kind="serverless", role="r")
    for call in (
        *plan_create(Spec.of(of, serverless=True), REGION),
        *plan_destroy(serverless, final_snapshot="last"),
    ):
        made.add(f"{call.service}:{wire.client(call.service).meta.method_to_api_mapping[call.operation]}")
    assert len(made) > 20
    assert made <= allowed, made - allowed
    # What AWS asks for besides: to hand the role on, to tag what is made.
    assert {"iam:PassRole", "iam:TagRole", "ec2:CreateTags", "redshift:CreateTags"} <= allowed


def test_tutorial_settings_exist_and_make_spec(tmp_path: Path, clean_environment: Path) -> None:
    from sparkify.config.checks import unknown_options
    from sparkify.config.settings import Settings
    from sparkify.pipeline import SPARKIFY

    (text,) = blocks("ini")
    Path("dwh.cfg").write_text(text.replace("YOUR-BUCKET", "bucket"))
    assert unknown_options(SPARKIFY.sources) == []
    spec = Spec.of(Settings.load(SPARKIFY.sources, dwh_allow_cidr="203.0.113.7/32"), public=True)
    assert (spec.nodes, spec.password) == (1, None)
    assert [one.bucket for one in spec.readable] == ["bucket"]
