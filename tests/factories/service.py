"""The service as a process of its own, as an operator runs it, on a free port of loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
START_S_MAX = 30


class Process:
    """`python -m app.cli serve` on a database that is there."""

    def __init__(self, database_url: str, data_dir: Path, **settings: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = data_dir / "service.log"
        chosen = {
            "CHAMA_DATABASE_URL": database_url,
            "CHAMA_DATA_DIR": str(data_dir),
            "CHAMA_PORT": str(port),
            "CHAMA_SECRET": "tests only",
            "CHAMA_LOG_FORMAT": "text",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHAMA_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "serve"],
                cwd=ROOT,
                env=kept | chosen | settings,
                stdout=log,
                stderr=log,
            )

    def wait_until_alive(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            try:
                if httpx.get(f"{self.url}/health", timeout=5, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """As the kernel does it: no handler runs, nothing is flushed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """As an operator does it; answers when the process is gone."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


@contextmanager
def a_service(database_url: str, data_dir: Path, **settings: str) -> Iterator[Process]:
    """A running service for the block."""
    process = Process(database_url, data_dir, **settings)
    try:
        process.wait_until_alive()
        yield process
    finally:
        process.stop()
