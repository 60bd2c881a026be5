"""Every setting: an environment variable, its default, what it is for. See docs/reference.md."""

import os
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

PREFIX = "CLUSTERLEDGER_"
DEFAULT_ORIGIN = "cluster-programme.example/2026"


class Settings(Struct, frozen=True, kw_only=True):
    """Read from the environment, `CLUSTERLEDGER_` before the name in capitals."""

    database_url: str | None = None
    """A PostgreSQL server, 15 to 18; without it the service runs its own."""
    data_dir: str | None = None
    """Where the service's own PostgreSQL keeps its data."""
    postgres_bin: str | None = None
    """An installed PostgreSQL's binaries for the service's own server, not the wheel's."""
    origin: str | None = None
    """The ledger's immutable name, given at its creation; left out: DEFAULT_ORIGIN."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    """The port to listen on; 0 takes a free one."""
    metrics_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    """The port of /metrics on the same host; left out: none."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Processes that answer requests."""
    rate_limit: Annotated[int, Meta(ge=0)] = 20_000
    """Requests a second per key and process; 0 is no limit."""
    public_rate_limit: Annotated[int, Meta(ge=0)] = 200
    """Requests a second per address without a key; 0 is no limit."""
    body_timeout_s: Annotated[int, Meta(ge=1)] = 30
    """How long a request's body may take."""
    session_secret: str | None = None
    """Signs the pages' sessions; left out: a random one, so that a restart signs everybody out."""
    operator_name: str | None = None
    """Who runs the service, for imprint and data protection."""
    operator_address: str | None = None
    """The operator's address, lines separated by `;`."""
    operator_email: str | None = None
    """Where barriers and questions are reported."""
    log_dir: str | None = None
    """Where the log's signer keeps its key and what it signed, outside PostgreSQL; left out: `log`
    in the data folder, and with a database URL no signer."""
    checkpoint_dir: str | None = None
    """Where each checkpoint is published, a file per size; left out: nowhere."""
    log_level: str = "info"
    """debug, info, warning or error."""


class InvalidSetting(Exception):
    """A setting that cannot be used."""


def from_environment(environment: Mapping[str, str] | None = None, **given: object) -> Settings:
    """Settings from the environment, overridden by what is given and not None."""
    source = os.environ if environment is None else environment
    read: dict[str, object] = {
        field: source[PREFIX + field.upper()]
        for field in Settings.__struct_fields__
        if source.get(PREFIX + field.upper())
    }
    read |= {name: value for name, value in given.items() if value is not None}
    try:
        return msgspec.convert(read, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidSetting(str(error)) from error
