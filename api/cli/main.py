"""`clusterledger`: the commands and their options.

What a command needs is imported when it is called: an auditor's `verify` brings no service along.
"""

import sys
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from typer.core import TyperGroup

from api.cli.options import DatabaseUrl, DataDir, Json, PostgresBin, printed, settings
from api.logs import configure

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
keys_app = typer.Typer(no_args_is_help=True, help="Keys of the API.")
app.add_typer(keys_app, name="keys")
console = Console(stderr=True)


def _add(name: str, module: str, about: str) -> None:
    """Commands of a module of their own, imported when one of them is asked for."""

    class Commands(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return _commands_of(module).list_commands(ctx)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            return _commands_of(module).get_command(ctx, cmd_name)

    app.add_typer(typer.Typer(cls=Commands, no_args_is_help=True, help=about), name=name)


def _commands_of(module: str) -> TyperGroup:
    return typer.main.get_group(import_module(module).app)


_add("report", "api.cli.reporting", "Reports: file them, make them again, close periods.")
_add(
    "figures",
    "api.cli.figuring",
    "Figures: listed, shown, recomputed from facts, engines compared.",
)


@app.callback()
def clusterledger() -> None:
    """A ledger that a cluster programme can be audited by."""
    # What a command prints may be read by a machine: logs go to standard error, or are not said.
    configure("warning")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that answer requests.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    postgres_bin: PostgresBin = None,
    origin: Annotated[str | None, typer.Option(help="Name of a new ledger, for ever.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics.")] = None,
) -> None:
    """Serve the ledger: API, pages, read models."""
    from api.cli import commands

    commands.serve(
        settings(
            host=host,
            port=port,
            workers=workers,
            data_dir=data_dir,
            database_url=database_url,
            postgres_bin=postgres_bin,
            origin=origin,
            metrics_port=metrics_port,
        )
    )


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="1: the programme's real size.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed, another programme.")] = 1,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0: a free one.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    postgres_bin: PostgresBin = None,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Load only.")] = False,
) -> None:
    """Load the demonstration programme and serve it."""
    from api.cli import demonstration

    demonstration.demo(
        settings(
            port=port, data_dir=data_dir, database_url=database_url, postgres_bin=postgres_bin
        ),
        scale=scale,
        seed=seed,
        serve=not no_serve,
    )


@app.command()
def post(
    file: Annotated[Path, typer.Argument(help="NDJSON of CloudEvents, or a CloudEvents batch.")],
    url: Annotated[
        str | None, typer.Option(help="A running service, such as http://127.0.0.1:8080.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(envvar="CLUSTERLEDGER_KEY", help="The service's key.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Post a file of facts. Repeating it records nothing twice."""
    from api.cli import posting

    outcome = posting.post(
        settings(data_dir=data_dir, database_url=database_url), file, url=url, key=key, quiet=json
    )
    printed(posting.shown(outcome), json=json)
    if outcome.refused:
        raise typer.Exit(1)


@app.command()
def rebuild(
    accept: Annotated[bool, typer.Option(help="Swap even where the rows differ.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Build the read models anew beside the live ones, compare, swap."""
    from api.cli import commands

    found = commands.rebuild(
        settings(data_dir=data_dir, database_url=database_url), accept=accept, quiet=json
    )
    printed(found, json=json)


@app.command()
def check(data_dir: DataDir = None, database_url: DatabaseUrl = None, json: Json = False) -> None:
    """Compare the read models and the guard tables with a replay of the book."""
    from api.cli import commands

    found = commands.check(settings(data_dir=data_dir, database_url=database_url), quiet=json)
    printed(found, json=json)
    if found["findings"]:
        raise typer.Exit(1)


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="The bundle: a new folder, or NAME.tar.")],
    upto: Annotated[
        Path | None, typer.Option(help="A signed checkpoint to reach up to, instead of the newest.")
    ] = None,
    since: Annotated[
        Path | None, typer.Option(help="A checkpoint the auditor holds: its growth is proven.")
    ] = None,
    range_only: Annotated[
        bool, typer.Option("--range-only", help="Only the facts after --since.")
    ] = False,
    no_reports: Annotated[bool, typer.Option("--no-reports", help="Without reports.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Write an audit bundle, which proves itself offline."""
    from api.cli import auditing

    asked = auditing.Export(output, upto, since, range_only, not no_reports)
    found = settings(data_dir=data_dir, database_url=database_url)
    printed(auditing.export(found, asked, quiet=json), json=json)


@app.command()
def checkpoint(
    begin: Annotated[
        bool, typer.Option("--begin", help="A log that never signed, with CLUSTERLEDGER_LOG_KEY.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Sign the ledger as it is now, and print the checkpoint."""
    from api.cli import logkeys

    found = settings(data_dir=data_dir, database_url=database_url)
    note = logkeys.checkpoint(found, begin=begin).decode()
    printed({"checkpoint": note}, json=True) if json else print(note, end="")


@app.command()
def verify(
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle; left out: the ledger itself.")
    ] = None,
    key: Annotated[list[str], typer.Option(help="Verifier key or its file; repeatable.")] = [],  # noqa: B006 - typer copies it
    checkpoint: Annotated[
        Path | None, typer.Option(help="A checkpoint that was held from before.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(help="A bundle of the facts after this position was asked for.")
    ] = None,
    upto: Annotated[
        Path | None, typer.Option(help="Without a bundle: another checkpoint than the newest.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Verify a bundle offline, or the ledger itself: every step, each with what it checked."""
    from api.cli.recounting import verify_bundle
    from ledger.transparency.outcome import INVALID, unput

    told = (lambda _: None) if json else (lambda step: print(step, flush=True))
    try:
        if bundle is not None:
            steps = verify_bundle(bundle, key, checkpoint, told, after=after, quiet=json)
        else:
            from api.cli import auditing

            found = settings(data_dir=data_dir, database_url=database_url)
            steps = auditing.verify_live(found, key, checkpoint, told, upto=upto, quiet=json)
    except INVALID as error:
        console.print(unput(error), style="red", markup=False, highlight=False)
        raise typer.Exit(2) from error
    print(steps.verdict) if not json else printed(steps.json(), json=True)
    raise typer.Exit(steps.exit_code)


@app.command()
def status(data_dir: DataDir = None, database_url: DatabaseUrl = None, json: Json = False) -> None:
    """How far the ledger and its read models are."""
    from api.cli import commands

    printed(commands.status(settings(data_dir=data_dir, database_url=database_url)), json=json)


@app.command()
def migrate(database_url: DatabaseUrl = None, json: Json = False) -> None:
    """Apply the migrations, as the owner of the tables."""
    from api.cli import commands

    printed(commands.migrate(settings(database_url=database_url)), json=json)


@app.command()
def init(
    origin: Annotated[str, typer.Option(help="The ledger's name, for ever.")],
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Migrate a database and create the ledger in it, as the owner of its tables."""
    from api.cli import commands

    printed(commands.init(settings(database_url=database_url, origin=origin)), json=json)


@keys_app.command("create")
def keys_create(
    label: Annotated[str, typer.Option(help="Whose key it is.")],
    scope: Annotated[list[str], typer.Option(help="A scope; repeatable.")] = [],  # noqa: B006 - typer copies it
    cluster: Annotated[list[str], typer.Option(help="A cluster it records for; repeatable.")] = [],  # noqa: B006 - the same
    source: Annotated[list[str], typer.Option(help="A CloudEvents source; `*` for any.")] = [],  # noqa: B006 - the same
    expires: Annotated[datetime | None, typer.Option(help="When it ends, UTC.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Create a key. It is shown once."""
    from api.cli import commands

    made = commands.create_key(
        settings(data_dir=data_dir, database_url=database_url),
        label=label,
        scopes=scope,
        clusters=cluster,
        sources=source,
        expires=expires,
    )
    printed(made, json=json)


@keys_app.command("list")
def keys_list(
    data_dir: DataDir = None, database_url: DatabaseUrl = None, json: Json = False
) -> None:
    """List the keys; never the keys themselves."""
    from api.cli import commands

    found = commands.list_keys(settings(data_dir=data_dir, database_url=database_url))
    printed(found, json=json)


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[UUID, typer.Argument(help="The key's id, as `keys list` shows it.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Revoke a key."""
    from api.cli import commands

    printed(
        commands.revoke_key(settings(data_dir=data_dir, database_url=database_url), key_id),
        json=json,
    )


@keys_app.command("sign-in-link")
def keys_sign_in_link(
    data_dir: DataDir = None, database_url: DatabaseUrl = None, json: Json = False
) -> None:
    """Make a link that signs an operator in on the pages, once."""
    from api.cli import commands

    printed(
        commands.sign_in_link(settings(data_dir=data_dir, database_url=database_url)), json=json
    )


@keys_app.command("log")
def keys_log(
    data_dir: DataDir = None, database_url: DatabaseUrl = None, json: Json = False
) -> None:
    """Show the verifier keys of the log: what auditors check its checkpoints with."""
    from api.cli import logkeys

    found = logkeys.shown(settings(data_dir=data_dir, database_url=database_url))
    if json:
        printed({"keys": found}, json=True)
    else:
        print("\n".join(found))


@keys_app.command("rotate-log")
def keys_rotate_log(
    retire: Annotated[bool, typer.Option(help="Leave the newest key alone.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    json: Json = False,
) -> None:
    """Add a key that signs the log beside the others; with --retire, end those."""
    from api.cli import logkeys

    given = settings(data_dir=data_dir, database_url=database_url)
    printed(logkeys.rotate(given, retire=retire), json=json)


def main() -> None:
    """The entry point: errors that a person can act on are sentences, not tracebacks."""
    try:
        app()
    except _told() as error:
        from ledger.transparency.outcome import sentence_of

        told = sentence_of(error)
        console.print(f"clusterledger: {told}", style="red", markup=False, highlight=False)
        sys.exit(1)


def _told() -> tuple[type[Exception], ...]:
    import psycopg

    from api.cli.terminal import CommandError
    from api.settings import InvalidSetting
    from ledger.store.errors import StoreError
    from ledger.store.outcomes import OutcomeUnknown, WriterBusy, WriterClosed
    from projections.rebuild import RebuildRunning

    ours = (StoreError, InvalidSetting, RebuildRunning, CommandError)
    return (*ours, OSError, psycopg.Error, OutcomeUnknown, WriterBusy, WriterClosed)


if __name__ == "__main__":
    main()
