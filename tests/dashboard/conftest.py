"""A throw-away repository of this checkout, in which one commit makes einsum slower, and a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: One case by all implementations: enough for a graph, and seconds a commit.
BENCH = r"overhead\.Einsum\.time_tiny.*ij,jk->ik n=3'"
SLOW = """
_fast = einsum


def einsum(*args, **kwargs):
    sum(range(2000))
    return _fast(*args, **kwargs)
"""


@dataclass(frozen=True)
class Repository:
    """Commits in order; `slow` is the one that made einsum slower, and those after it stay so."""

    path: Path
    commits: tuple[str, ...]
    slow: str

    def before(self, commit: str) -> str:
        return self.commits[self.commits.index(commit) - 1]

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, f"asv_benchmarks/{script}", *arguments]
        return subprocess.run(
            line,
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
            check=False,
        )


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    pytest.importorskip("asv", reason="asv is not installed: pip install '.[bench]'")
    path = tmp_path_factory.mktemp("repository")

    def git(*arguments: str, cwd: Path = path, **environment: str) -> str:
        # nobody's own settings: no signing, no hooks, a name
        mine = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        who = {
            f"GIT_{role}_{what}": "nobody@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=os.environ | mine | who | environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    for name in git("ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines():
        if (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, path / name)
    git("init", "--quiet", "--initial-branch=main")
    module = path / "src" / "einroute" / "__init__.py"
    commits: list[str] = []
    for day in range(1, 7):
        added = SLOW if day == 4 else f"# {day}\n"
        module.write_text(module.read_text(encoding="utf-8") + added, encoding="utf-8")
        git("add", "--all")
        stamp = f"2026-01-0{day}T12:00:00Z"
        git("commit", "--quiet", "--message", f"day {day}", GIT_AUTHOR_DATE=stamp, GIT_COMMITTER_DATE=stamp)
        commits.append(git("rev-parse", "HEAD").strip())
    return Repository(path, tuple(commits), commits[3])


@pytest.fixture(scope="session")
def published(repository: Repository) -> Repository:
    """The repository with its dashboard measured and published."""
    done = repository.run("dashboard.py", "HEAD", "--no-serve", "--bench", BENCH)
    assert done.returncode == 0, done.stdout
    return repository


@pytest.fixture(scope="session")
def dashboard(published: Repository) -> Iterator[str]:
    """The address at which the command serves it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "asv_benchmarks/dashboard.py", "--no-run", "--bench", BENCH, "--port", str(port)]
    with subprocess.Popen(
        line, cwd=published.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        wait_for(port, server)
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


def wait_for(port: int, server: subprocess.Popen[bytes], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as knock:
            knock.settimeout(1)
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail(f"nothing is served at port {port}")


@dataclass(frozen=True)
class Browser:
    """A page of Chromium, and what went wrong on it."""

    page: Any
    troubles: list[str]
    save: Callable[[str], None]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no browser: neither chromium nor google-chrome is on PATH")
    if shutil.which("npm") is None:
        pytest.skip("npm, which brings the scripts of asv's page, is not on PATH")
    return found


@pytest.fixture
def browser(chromium: str, dashboard: str, tmp_path: Path) -> Iterator[Browser]:
    driver = pytest.importorskip(
        "playwright.sync_api", reason="no browser driver: playwright is not installed"
    )
    shots = Path(os.environ.get("EINROUTE_SCREENSHOTS", tmp_path))
    shots.mkdir(parents=True, exist_ok=True)
    troubles: list[str] = []
    with driver.sync_playwright() as playwright:
        program = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = program.new_page(base_url=dashboard, viewport={"width": 1400, "height": 900})
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on(
            "request",
            lambda request: request.url.startswith(dashboard) or troubles.append(f"asks {request.url}"),
        )
        yield Browser(page, troubles, lambda name: page.screenshot(path=shots / f"{name}.png"))
        program.close()
