"""The container files, checked without an engine: by parsing them, and by running the very commands that they run."""

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.core.settings import Settings
from app.core.storage import S3Storage
from tests.conftest import a_database

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
SETTINGS = {f"CHAMA_{name.upper()}" for name in Settings.model_fields}
# Read by others: uvicorn, boto3, PostgreSQL's image, rclone, Python; CHAMA_PORT in the .env file is the port outside.
OTHERS = {
    "FORWARDED_ALLOW_IPS",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "NUMBA_CACHE_DIR",
    "PATH",
    "PYTHONUNBUFFERED",
}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:\?|:-)([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|_KEY")


def _instructions() -> list[tuple[str, str]]:
    text = "\n".join(
        line for line in (DOCKER / "Dockerfile").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    )
    joined = re.sub(r"\\\n\s*", " ", text)
    return [
        (word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def _stages() -> dict[str, list[tuple[str, str]]]:
    stages: dict[str, list[tuple[str, str]]] = {}
    for word, rest in _instructions():
        if word == "FROM":
            stages[rest.split(" AS ")[1]] = []
        stages[list(stages)[-1]].append((word, rest))
    return stages


def _last(stage: str, word: str) -> str:
    return [rest for name, rest in _stages()[stage] if name == word][-1]


STAGES = _stages()
COMPOSE_TEXT = (DOCKER / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service.get("build", {}).get("target") == "service"]
EXAMPLE = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (DOCKER / "example.env").read_text(encoding="utf-8"), re.MULTILINE)


def _commands() -> list[list[str]]:
    """Every command of ours that a container runs, as words."""
    run = [json.loads(_last("service", "CMD"))] + [
        SERVICES[name]["command"] for name in OURS if "command" in SERVICES[name]
    ]
    return [part for command in run for part in (_of_shell(command[2]) if command[:2] == ["sh", "-c"] else [command])]


def _of_shell(line: str) -> list[list[str]]:
    return [shlex.split(part) for part in line.split("&&")]


def _exec_form(text: str) -> list[str]:
    return json.loads(text[text.index("CMD") + 3 :] if "CMD" in text else text)


def test_every_image_from_outside_has_a_version() -> None:
    pulled = [rest.split()[0] for word, rest in _instructions() if word == "FROM"]
    pulled += [service["image"] for service in SERVICES.values() if "build" not in service]
    assert pulled
    assert all(re.fullmatch(r"[\w./-]+:\d[\w.-]*", image) for image in pulled), pulled


def test_every_file_that_is_copied_exists_and_is_let_through() -> None:
    allowed = [
        line[1:]
        for line in (DOCKER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = [
        part for word, rest in _instructions() if word == "COPY" and "--from" not in rest for part in rest.split()[:-1]
    ]
    assert copied
    for part in copied:
        assert (ROOT / part).exists(), part
        assert any(fnmatch(part, pattern) for pattern in allowed), part
    assert all((ROOT / pattern).exists() for pattern in allowed)


def test_everything_that_the_service_reads_is_copied() -> None:
    from app.core.schema_version import alembic_config

    copied = {
        part
        for word, rest in STAGES["service"]
        if word == "COPY" and "--from" not in rest
        for part in rest.split()[:-1]
    }
    assert {"app", "migrations", "alembic.ini"} <= copied
    assert alembic_config("postgresql://").config_file_name == str(ROOT / "alembic.ini")


def test_packages_are_pinned_by_hash_and_need_no_compiler() -> None:
    install = next(rest for word, rest in STAGES["packages"] if word == "RUN" and "pip install" in rest)
    assert {"--require-hashes", "--only-binary"} <= set(install.split())
    pinned = (ROOT / "requirements/run.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in pinned
    assert "://" not in pinned


@pytest.mark.parametrize("stage", ["service", "storage"])
def test_no_image_runs_as_root(stage: str) -> None:
    user = _last(stage, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), (
        "a number, which an engine can check without the image's user table"
    )


def test_commands_are_in_exec_form() -> None:
    for word in ("CMD", "HEALTHCHECK"):
        assert all(isinstance(part, str) for part in _exec_form(_last("service", word)))
    for name, service in SERVICES.items():
        assert isinstance(service.get("command", []), list), name


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user", "set by our image" if "build" in service else "root") != "root"
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_that_stays_says_whether_it_is_well(name: str) -> None:
    service = SERVICES[name]
    if service["restart"] == "no":
        return
    check = service.get("healthcheck", {}).get("test")
    assert check is None or check[0] == "CMD"
    assert check or service["build"]["target"] == "service"


def test_nothing_starts_before_what_it_needs() -> None:
    needs = {
        name: {other: terms["condition"] for other, terms in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needs["migrate"] == {"database": "service_healthy"}
    for name in ("api", "worker"):
        assert needs[name] == {"migrate": "service_completed_successfully", "storage": "service_healthy"}


def test_volumes_and_built_images_exist() -> None:
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert mounted == set(COMPOSE["volumes"])
    for service in SERVICES.values():
        if "build" in service:
            assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).exists()
            assert service["build"]["target"] in STAGES


def test_only_this_machine_reaches_the_published_ports() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_every_variable_is_a_setting() -> None:
    in_image = {part.split("=")[0] for word, rest in STAGES["service"] if word == "ENV" for part in rest.split()}
    in_compose = {variable for name in OURS for variable in SERVICES[name]["environment"]}
    assert in_image | in_compose <= SETTINGS | OTHERS


def test_every_setting_of_the_store_reaches_the_containers() -> None:
    of_store = {name for name in SETTINGS if name.startswith("CHAMA_S3_")}
    for name in OURS:
        assert of_store <= set(SERVICES[name]["environment"]), name


def test_no_secret_has_a_default() -> None:
    for name, kind, value in VARIABLE.findall(COMPOSE_TEXT):
        assert kind in {":?", ":-"}, name
        assert value, name
        assert not (SECRET.search(name) and kind == ":-"), name
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            assert not (SECRET.search(name) and value) or value.strip('"').startswith("${"), name


def test_the_example_names_every_variable_and_gives_no_secret() -> None:
    used = {name for name, _, _ in VARIABLE.findall(COMPOSE_TEXT)}
    used |= {name for name in OURS for name, value in SERVICES[name]["environment"].items() if value is None}
    assert sorted(EXAMPLE) == sorted(used)
    for line in (DOCKER / "example.env").read_text(encoding="utf-8").splitlines():
        name, _, value = line.lstrip("#").partition("=")
        assert not (name in used and SECRET.search(name) and value), name
    assert ".env" in (DOCKER / ".gitignore").read_text(encoding="utf-8").split()


def test_the_storage_has_the_bucket_that_the_service_asks_for() -> None:
    bucket = SERVICES["api"]["environment"]["CHAMA_S3_BUCKET"]
    folder = SERVICES["storage"]["volumes"][0].split(":")[1]
    assert SERVICES["storage"]["command"][-1] == folder
    assert f"mkdir -p {folder}/{bucket} " in _last("storage", "RUN")


def test_every_command_is_known() -> None:
    commands = _commands()
    assert len(commands) >= 4
    assert all(command[:2] == ["python", "-m"] and importlib.util.find_spec(command[2]) for command in commands)
    told = subprocess.run(
        [sys.executable, "-m", "app.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    known = set(re.findall(r"\w+", told.stdout[told.stdout.index("{") : told.stdout.index("}")]))
    assert {command[3] for command in commands if command[2] == "app.cli"} <= known


@contextmanager
def _listening(status: int) -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_tells_well_from_unwell(status: int, healthy: bool) -> None:
    check = _exec_form(_last("service", "HEALTHCHECK"))
    with _listening(status) as port:
        answer = subprocess.run(
            [sys.executable, *check[1:]], env={"CHAMA_PORT": str(port)}, capture_output=True, check=False
        )
    assert (answer.returncode == 0) is healthy


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _until(answers: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if answers():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("no answer in time")


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def test_the_storage_command_keeps_and_returns_a_photo(tmp_path: Path) -> None:
    service, port = SERVICES["storage"], _free_port()
    (tmp_path / "chama").mkdir()
    said = [part.replace(":9000", f"127.0.0.1:{port}").replace("/store", str(tmp_path)) for part in service["command"]]
    given = {"CHAMA_S3_ACCESS_KEY_ID": "tests", "CHAMA_S3_SECRET_ACCESS_KEY": "onlytests"}
    environment = {
        name: VARIABLE.sub(lambda found: given[found[1]], value) for name, value in service["environment"].items()
    }
    photo = b"a photo"
    storage = S3Storage(
        "chama", endpoint=f"http://127.0.0.1:{port}", region="us-east-1", access_key="tests", secret_key="onlytests"
    )
    with _running(
        [str(Path(sys.executable).with_name("rclone")), *said], environment | {"HOME": str(tmp_path)}, tmp_path / "log"
    ):
        _until(lambda: httpx.get(f"http://127.0.0.1:{port}").status_code > 0)
        upload = asyncio.run(
            storage.presign_put("media/photo", "image/jpeg", len(photo), hashlib.sha256(photo).hexdigest())
        )
        assert httpx.put(upload.url, content=photo, headers=upload.headers).status_code == 200
        assert (
            httpx.put(
                upload.url.replace("Signature=", "Signature=0"), content=photo, headers=upload.headers
            ).status_code
            == 403
        )
        assert httpx.get(f"http://127.0.0.1:{port}/chama/media/photo").status_code >= 400
        stored = asyncio.run(storage.find("media/photo"))
        assert stored is not None
        assert stored.bytes == len(photo)
    assert (tmp_path / "chama/media/photo").read_bytes() == photo


@pytest.fixture
def empty_database(server: str) -> Iterator[str]:
    with a_database(server, f"container_{os.getpid()}") as url:
        yield url


def test_the_containers_commands_bring_up_a_service_on_an_empty_database(empty_database: str, tmp_path: Path) -> None:
    """migrate and seed, then the API and a worker of its own, with the image's and the compose file's environment."""
    port = _free_port()
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "CHAMA_DATABASE_URL": empty_database}
    environment |= {
        "CHAMA_SECRET": "only for tests, and as long as it must be",
        "CHAMA_WORKER_INSIDE": SERVICES["api"]["environment"]["CHAMA_WORKER_INSIDE"],
    }
    environment |= {
        "CHAMA_ENVIRONMENT": "production",
        "CHAMA_PORT": str(port),
        "CHAMA_DATA_DIR": str(tmp_path / "data"),
    }
    environment |= {
        "CHAMA_PUBLIC_URL": "https://market.example.org",
        "CHAMA_MESSAGE_SENDER": "sns",
        "CHAMA_SNS_REGION": "ap-east-1",
    }
    migrated = subprocess.run(
        SERVICES["migrate"]["command"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr
    serve, work = json.loads(_last("service", "CMD")), SERVICES["worker"]["command"]
    url = f"http://127.0.0.1:{port}"
    with (
        _running(serve, environment, tmp_path / "api.log"),
        _running(work, environment, tmp_path / "worker.log") as worker,
    ):
        _until(lambda: httpx.get(f"{url}/ready").status_code == 200)
        assert httpx.get(f"{url}/v1/hubs").json()["items"]
        assert httpx.get(f"{url}/v1/dev/messages", params={"to": "+8610000000123"}).status_code == 404
        assert worker.poll() is None
    assert not (tmp_path / "data").exists(), "a container with a secret and a server needs no folder of its own"
