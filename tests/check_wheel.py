"""What a user installs: the wheel, built from the sdist, and the sdist where there is no compiler.

Each is installed into a new environment and used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
_USE = (
    "import numpy as np, einroute as er, einroute.numpy\n"
    "a, b, c = np.ones((200, 300)), np.ones((300, 400)), np.ones((400, 5))\n"
    "assert er.einsum('ij,jk,kl->il', a, b, c).shape == (200, 5)\n"
    "assert 'site-packages' in er.__file__, er.__file__\n"
    "print(er.__version__, 'works from', er.__file__)\n"
)


def without_compiler() -> dict[str, str]:
    """This process's environment where no compiler is found, and none is asked for."""
    asked = {name: x for name, x in os.environ.items() if name != "EINROUTE_NATIVE"}
    return asked | {"CC": "/nonexistent", "CXX": "/nonexistent"}


def use(package: Path, folder: Path, environment: dict[str, str], *, core: bool) -> None:
    """Install a package into an environment of its own and run the README's first example there."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", str(package)], check=True, env=environment)
    code = f"{_USE}from einroute._native import CORE\nassert (CORE is not None) is {core}\n"
    subprocess.run([python, "-c", code], check=True, cwd=folder, env=environment)
    subprocess.run([python.with_name("einroute"), "--version"], check=True, cwd=folder, env=environment)


def built_without_compiler(folder: Path) -> str:
    """The name of the wheel that is built where there is no compiler: one without the core."""
    # The build folder is kept from build to build; one that has found a compiler would not look again.
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "-w",
            "-Cbuild-dir=" + str(folder / "build"),
            "-o",
            str(folder),
            str(ROOT),
        ],
        check=True,
        env=without_compiler(),
    )
    (wheel,) = folder.glob("*.whl")
    return wheel.name


def main() -> int:
    """Build both, look into the wheel, and use both."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-m", "build", "-o", str(folder), str(ROOT)], check=True)
        (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
        files = zipfile.ZipFile(wheel).namelist()
        strange = [file for file in files if not file.startswith("einroute")]
        assert not strange, f"the wheel holds {strange}"
        assert "einroute/py.typed" in files
        sources = [
            file for file in files if file.endswith((".cpp", ".hpp", "CMakeLists.txt", ".clang-format"))
        ]
        assert not sources, f"the wheel holds {sources}"
        assert any(file.startswith("einroute/_native/_core.") and not file.endswith(".pyi") for file in files)
        assert wheel.stat().st_size < 3_000_000
        assert any(file.startswith("einroute/_kinds/") for file in files)
        assert "none-any" in built_without_compiler(folder / "pure")
        use(wheel, folder / "from-wheel", dict(os.environ), core=True)
        use(sdist, folder / "from-sdist", without_compiler(), core=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
