"""``sparkify-etl cluster``: creates, inspects, pauses and destroys a warehouse in AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sparkify.cli import cluster_output, formatting
from sparkify.cli.asking import ask, confirm, refuse
from sparkify.cli.command import INTERRUPTED, TERMINATED, command
from sparkify.cli.messages import echo, warn
from sparkify.cli.options import AsJson
from sparkify.cli.pipeline import chosen_pipeline

if TYPE_CHECKING:
    from sparkify.config.settings import Settings
    from sparkify.provision import Created, ProvisionObserver

__all__ = ["register"]

Cluster = Annotated[
    str | None, typer.Option("--cluster", metavar="NAME", help="Its name; else DWH_CLUSTER_IDENTIFIER.")
]
Region = Annotated[
    str | None, typer.Option("--region", metavar="REGION", help="The AWS region; else REGION in dwh.cfg.")
]
Serverless = Annotated[
    bool, typer.Option("--serverless", help="A serverless workgroup rather than a cluster of nodes.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the calls, and ask AWS nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, for scripts.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="cluster",
        help="Create, inspect, pause or destroy a warehouse in AWS.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )
    for function in (create, status, pause, resume, destroy):
        command(group, function.__name__)(function)
    app.add_typer(group)


def create(
    cluster: Cluster = None,
    region: Region = None,
    serverless: Serverless = False,
    allow_cidr: Annotated[
        str | None,
        typer.Option("--allow-cidr", metavar="CIDR", help="The one network that may connect: 203.0.113.7/32."),
    ] = None,
    open_to_the_world: Annotated[
        bool, typer.Option("--open-to-the-world", help="Accept an --allow-cidr such as 0.0.0.0/0.")
    ] = False,
    public: Annotated[
        bool,
        typer.Option("--public", help="Give it an address on the internet; else its VPC alone reaches it."),
    ] = False,
    s3_endpoint: Annotated[
        bool, typer.Option("--s3-endpoint", help="Add a gateway endpoint, by which a private VPC reads S3.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Create a warehouse in AWS.

    A role, a security group and the cluster; ARN and HOST are written into dwh.cfg. It resumes if rerun.
    """
    from sparkify import provision

    settings = _settings(cluster, region, dwh_allow_cidr=allow_cidr)
    spec = provision.Spec.of(
        settings,
        chosen_pipeline(),
        serverless=serverless,
        public=public,
        open_to_the_world=open_to_the_world,
        s3_endpoint=s3_endpoint,
    )
    if dry_run:
        cluster_output.print_plan(provision.plan_create(spec, settings.region), spec.estimate, as_json=as_json)
        return
    aws = provision.Aws(settings)
    echo(f"{'Workgroup' if spec.serverless else 'Cluster'} {spec.names.identifier} in {aws.region}")
    echo(f"Cost: {spec.estimate}")
    if not yes:
        confirm("Create it?")
    again = "run the same command again to go on, or sparkify-etl cluster destroy"
    with _going_on("What was made stays", again) as observer:
        made = provision.create(aws, spec, observer)
    wrote = _write_back(made, cluster=cluster, region=region)
    if as_json:
        formatting.print_json({**cluster_output.as_dict(made), "wrote": wrote})
    else:
        cluster_output.print_created(made, wrote)


def status(
    cluster: Cluster = None, region: Region = None, serverless: Serverless = False, as_json: AsJson = False
) -> None:
    """Show the warehouse in AWS and its cost an hour."""
    from sparkify import provision

    settings = _settings(cluster, region)
    found = provision.inspect(
        provision.Aws(settings), provision.Names.of(settings, chosen_pipeline(), serverless=serverless)
    )
    if as_json:
        formatting.print_json(found)
    else:
        cluster_output.print_state(found)


def pause(
    cluster: Cluster = None, region: Region = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Pause the cluster, which then costs storage alone."""
    _switch("pause", cluster, region, dry_run=dry_run, as_json=as_json)


def resume(
    cluster: Cluster = None, region: Region = None, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Resume a paused cluster, and wait until it is available."""
    _switch("resume", cluster, region, dry_run=dry_run, as_json=as_json)


def _switch(
    verb: Literal["pause", "resume"], cluster: str | None, region: str | None, *, dry_run: bool, as_json: bool
) -> None:
    from sparkify import provision

    settings = _settings(cluster, region)
    names = provision.Names.of(settings, chosen_pipeline())
    if dry_run:
        cluster_output.print_plan(provision.plan_switch(names, verb), None, as_json=as_json)
        return
    change = provision.pause if verb == "pause" else provision.resume
    with _going_on("AWS goes on with it", "run the same command again to wait for it") as observer:
        found = change(provision.Aws(settings), names, observer)
    if as_json:
        formatting.print_json(found)
    else:
        typer.echo(f"The cluster {found.identifier} is {found.state}. Cost: {found.estimate}")


def destroy(
    cluster: Cluster = None,
    region: Region = None,
    serverless: Serverless = False,
    skip_final_snapshot: Annotated[
        bool, typer.Option("--skip-final-snapshot", help="Keep no last snapshot: the data is lost for good.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Remove the warehouse, keeping a last snapshot.

    The cluster, the security group and the role. It resumes if rerun.
    """
    from sparkify import provision

    settings = _settings(cluster, region)
    names = provision.Names.of(settings, chosen_pipeline(), serverless=serverless)
    snapshot = None if skip_final_snapshot else provision.snapshot_name(names)
    if dry_run:
        calls = provision.plan_destroy(names, final_snapshot=snapshot, region=settings.region)
        cluster_output.print_plan(calls, None, as_json=as_json)
        return
    aws = provision.Aws(settings)
    if not yes:
        what = "WITHOUT a last snapshot: the data is lost" if snapshot is None else "with a last snapshot"
        echo(
            f"This removes the {names.kind} warehouse {names.identifier} in {aws.region}, {what}.", always=True
        )
        if ask("Type its name to go on") != names.identifier:
            refuse()
    with _going_on("What is gone is gone", "run the same command again to go on") as observer:
        gone = provision.destroy(aws, names, final_snapshot=snapshot, observer=observer)
    engines = [noun for noun in gone.left if noun.startswith(("cluster ", "namespace ", "workgroup "))]
    emptied = _forget(
        settings,
        None if engines else names.identifier,
        None if f"role {names.role}" in gone.left else gone.role_arn,
        region=aws.region,
        serverless=names.kind == "serverless",
    )
    if as_json:
        formatting.print_json({**cluster_output.as_dict(gone), "emptied": emptied})
        return
    if not gone.removed:
        typer.echo(f"There was nothing of the {names.kind} warehouse {names.identifier} in {aws.region}.")
    else:
        typer.echo(f"Removed: {', '.join(gone.removed)}.")
    if gone.snapshot:
        typer.echo(
            f"Kept: the snapshot {gone.snapshot}, which costs storage until it is deleted: "
            f"{_deleting_snapshot(gone.snapshot, serverless=names.kind == 'serverless')}"
        )
    elif gone.removed and not skip_final_snapshot:
        typer.echo("No snapshot was asked for now; one that an earlier run asked for is kept.")


def _deleting_snapshot(name: str, *, serverless: bool) -> str:
    if serverless:
        return f"aws redshift-serverless delete-snapshot --snapshot-name {name}"
    return f"aws redshift delete-cluster-snapshot --snapshot-identifier {name}"


# -- settings and dwh.cfg ----------------------------------------------------------------------------------


def _settings(cluster: str | None, region: str | None, **options: Any) -> Settings:
    from sparkify.config.checks import refuse_readable_secrets
    from sparkify.config.settings import Settings

    settings = Settings.load(
        chosen_pipeline().sources, dwh_cluster_identifier=cluster, region=region, **options
    )
    refuse_readable_secrets()
    if settings.aws_access_key_id is not None:
        warn(
            "access keys of AWS stand in the settings; a profile is safer: `aws configure --profile sparkify`, "
            "AWS_PROFILE=sparkify, and empty KEY and SECRET"
        )
    return settings


def _write_back(made: Created, *, cluster: str | None, region: str | None) -> dict[str, str]:
    """Write what was created into dwh.cfg, and warn if something else overrides it.

    :param cluster: the value of the option, if given: the next command needs to know it as well.
    :param region: the same for the region.
    """
    from sparkify.config.dwhcfg import config_file, write_values
    from sparkify.config.settings import Settings

    values = {("IAM_ROLE", "ARN"): made.role_arn}
    if made.host:
        values[("CLUSTER", "HOST")] = made.host
    fields = {"db_name": made.database, "db_user": made.user, "db_port": str(made.port)}
    now = Settings.load()
    for name, value in fields.items():
        if str(getattr(now, name)) != value:
            values[("CLUSTER", name.upper())] = value
    if made.secret_arn:
        values[("CLUSTER", "DB_SECRET_ID")] = made.secret_arn
        if now.db_password is not None:
            warn(f"DB_PASSWORD overrides the secret that AWS keeps; empty it in {config_file()}")
    if cluster and now.dwh_cluster_identifier.lower() != made.identifier:
        values[("DWH", "DWH_CLUSTER_IDENTIFIER")] = made.identifier
    if region and now.region != region:
        values[("AWS", "REGION")] = region
    write_values(config_file(), values)
    now = Settings.load()
    if (now.host, now.iam_role_arn) != (made.host or now.host, made.role_arn):
        warn(f"SPARKIFY_HOST or SPARKIFY_IAM_ROLE_ARN is set, and overrides {config_file()}")
    return {f"{section}.{option}": value for (section, option), value in values.items()}


def _forget(
    settings: Settings, identifier: str | None, role_arn: str | None, *, region: str, serverless: bool
) -> list[str]:
    """Empty HOST, DB_SECRET_ID and ARN in dwh.cfg, if they belong to what was removed.

    :param identifier: of the cluster or workgroup that was removed; None if it still exists.
    :param role_arn: of the role that was removed; None if it still exists.
    """
    from sparkify.config.dwhcfg import config_file, write_values

    values = {}
    host = settings.endpoint
    if host is not None and (host.name, host.region, host.serverless) == (identifier, region, serverless):
        values[("CLUSTER", "HOST")] = ""
        if settings.db_secret_id:
            # AWS deletes the secret together with its owner.
            values[("CLUSTER", "DB_SECRET_ID")] = ""
    if role_arn is not None and settings.iam_role_arn == role_arn:
        values[("IAM_ROLE", "ARN")] = ""
    if not values or not config_file().exists() or not write_values(config_file(), values):
        return []
    return [f"{section}.{option}" for section, option in values]


# -- stopping ----------------------------------------------------------------------------------------------


@contextmanager
def _going_on(state: str, advice: str) -> Iterator[ProvisionObserver]:
    """Print the state and how to go on, if the work fails once begun; on a signal, always how to go on."""
    from sparkify.provision.aws_errors import AwsRefusal

    begun: list[str] = []
    try:
        yield cluster_output.observer(begun)
    except Exception as exc:
        # If AWS refused the first call, nothing has begun.
        if len(begun) > (1 if isinstance(exc, AwsRefusal) else 0):
            echo(f"{state}; {advice}.", always=True)
        raise
    except BaseException as exc:
        # A signal: the usual message, that nothing was changed, would be false here.
        echo(f"interrupted{f'. {state}' if begun else ''}; {advice}.", always=True)
        raise typer.Exit(INTERRUPTED if isinstance(exc, KeyboardInterrupt) else TERMINATED) from None
