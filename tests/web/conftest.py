"""A real headless browser on the real service, over HTTP on this machine."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from app.main import create_app

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# The map draws with WebGL, which a machine without a graphics card does in software.
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("No chromium: apt-get install -y --no-install-recommends chromium fonts-wqy-microhei")
        pytest.skip("No chromium found: install it to run the tests of pages")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGUMENTS)
        yield opened
        await opened.close()


@pytest.fixture(autouse=True)
async def closed(browser: Browser) -> AsyncIterator[None]:
    """Pages end with their test: a map that nobody looks at any more is drawn on and on, and slows down what comes after."""
    yield
    for context in browser.contexts:
        await context.close()


@pytest.fixture
async def address(ports) -> AsyncIterator[str]:
    """Where the service listens. The socket takes callers before the server is up; they wait for it."""
    server = uvicorn.Server(uvicorn.Config(create_app(ports=ports), lifespan="off", log_level="warning"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        # As the service does when it is told to stop: nobody would end a stream otherwise.
        ports.watch.end()
        server.should_exit = True
        await serving
