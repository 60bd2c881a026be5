"""The options that commands share, and how their answers are printed."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from api.settings import Settings, from_environment

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="The service's data folder.")]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database-url", help="A PostgreSQL server, 15 to 18, instead.")
]
PostgresBin = Annotated[
    Path | None, typer.Option("--postgres-bin", help="Binaries of an installed PostgreSQL.")
]
Json = Annotated[bool, typer.Option("--json", help="For machines: one JSON object.")]


def settings(**given: Any) -> Settings:
    """Settings from the environment and the options."""
    texts = {n: str(value) if isinstance(value, Path) else value for n, value in given.items()}
    return from_environment(None, **texts)


def printed(value: Any, *, json: bool) -> None:
    """JSON for machines, lines for people."""
    if json:
        print(spelled_out(orjson.dumps(value, default=str).decode()))
        return
    for item in value if isinstance(value, list) else [value]:
        for name, content in item.items():
            print(f"{name}: {_line(content)}")
        if isinstance(value, list):
            print()


def _line(content: Any) -> str:
    if isinstance(content, list | tuple):
        return ", ".join(map(str, content)) or "-"
    return "-" if content is None else str(content)


def spelled_out(text: str) -> str:
    """JSON as a terminal may have it: what is not printable, like the C1 controls, is escaped. It
    means the same: such characters stand within strings only."""
    return "".join(c if c.isprintable() else dumps(c)[1:-1] for c in text)
