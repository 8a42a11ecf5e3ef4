"""Code run in an interpreter of its own: what is imported already, or running, is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def run_code(
    code: str, *, warnings: str = "error", timeout: float = 240, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` with ``-W warnings``, and with variables added to the environment."""
    return subprocess.run(
        [sys.executable, "-W", warnings, "-c", code],
        env={**os.environ, **environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def printed(
    code: str, *, warnings: str = "error", timeout: float = 240, cwd: Path | None = None, **environment: str
) -> str:
    """What ``code`` prints, after asserting that it ended well."""
    done = run_code(code, warnings=warnings, timeout=timeout, cwd=cwd, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
