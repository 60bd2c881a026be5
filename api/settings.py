"""Every setting: an environment variable, its default, what it is for. See docs/reference.md."""

import ipaddress
import os
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from api.roles import is_role

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
    session_hours: Annotated[int, Meta(ge=1, le=24)] = 8
    """How long a session of the pages lasts."""
    public_url: str | None = None
    """Where browsers find the service, such as https://ledger.example; needed for OIDC."""
    oidc_issuer: str | None = None
    """The identity provider people sign in with, as it names itself; left out: keys alone."""
    oidc_client_id: str | None = None
    """Our name at the provider."""
    oidc_client_secret: str | None = None
    """Our secret there; left out for a public client."""
    oidc_scope: str = "openid"
    """What is asked of the provider; some assert roles only for a scope more."""
    oidc_roles_claim: str = "roles"
    """The claim that holds the roles, or a path with dots into nested ones."""
    oidc_roles: str | None = None
    """Which of the provider's values are which role: `value=role;value=role`; left out: the values
    are roles themselves (ministry, auditor, office:<cluster>, operator)."""
    oidc_audience: str | None = None
    """The audience of access tokens that the API takes as `Bearer`; left out: it takes none."""
    operator_name: str | None = None
    """Who runs the service, for imprint and data protection."""
    operator_address: str | None = None
    """The operator's address, lines separated by `;`."""
    operator_email: str | None = None
    """Where barriers and questions are reported."""
    enforcement_body: str | None = None
    """Who helps where a reported barrier stays, for the accessibility statement: name, address and
    link, lines separated by `;`."""
    log_dir: str | None = None
    """Where the log's signer keeps its key and what it signed, outside PostgreSQL; left out: `log`
    in the data folder, and with a database URL no signer."""
    checkpoint_dir: str | None = None
    """Where each checkpoint is published, a file per size; left out: nowhere."""
    jobs_dir: str | None = None
    """Where jobs outside the service touch a file when they have succeeded, `backup` or `verify`,
    for the page Operations; left out: it does not hear of them."""
    despite_checkpoint: Annotated[int, Meta(ge=0)] | None = None
    """The size of a checkpoint that the database no longer holds and that is given up: facts are
    taken all the same, and nothing is signed."""
    log_level: str = "info"
    """debug, info, warning or error."""

    def __post_init__(self) -> None:
        """Raises ValueError for settings that do not go together."""
        if self.public_url is not None and urlsplit(self.public_url).scheme not in {
            "http",
            "https",
        }:
            raise ValueError("public_url is an http or https address")
        oidc_of(self)

    @property
    def is_local(self) -> bool:
        """Whether the service is for this machine alone: a developer's."""
        return self.public_url is None and _is_loopback(self.host)


class OidcSettings(Struct, frozen=True):
    """What signing in with an identity provider needs, once all of it is there."""

    issuer: str
    client_id: str
    client_secret: str | None
    scope: str
    redirect_uri: str
    roles_claim: str
    roles: Mapping[str, str]
    audience: str | None


CALLBACK = "/sign-in/callback"
"""The path a provider sends browsers back to."""


def oidc_of(settings: Settings) -> OidcSettings | None:
    """The provider's settings, if there is one. Raises ValueError where one is missing or wrong."""
    issuer, client_id = settings.oidc_issuer, settings.oidc_client_id
    if issuer is None:
        return None
    if client_id is None or settings.public_url is None:
        raise ValueError("oidc_issuer needs oidc_client_id and public_url beside it")
    if not is_safe_url(issuer):
        raise ValueError("oidc_issuer is an https address, or http on this machine")
    if settings.oidc_audience == client_id:
        raise ValueError("oidc_audience must differ from oidc_client_id: ID tokens are no keys")
    return OidcSettings(
        issuer,
        client_id,
        settings.oidc_client_secret,
        settings.oidc_scope,
        settings.public_url.rstrip("/") + CALLBACK,
        settings.oidc_roles_claim,
        _named_roles(settings.oidc_roles or ""),
        settings.oidc_audience,
    )


def _named_roles(text: str) -> dict[str, str]:
    found = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        value, _, role = part.rpartition("=")
        if not value or not is_role(role):
            raise ValueError(f"oidc_roles: {part[:80]!r} is not value=role")
        found[value] = role
    return found


def is_safe_url(url: str) -> bool:
    """Whether what is sent there stays secret: https, or this machine."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and _is_loopback(parts.hostname or "")
    return bool(parts.hostname) and (parts.scheme == "https" or local)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
