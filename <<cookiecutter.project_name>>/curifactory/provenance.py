"""Where a run came from: the state of git, versions, the host."""

import platform
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class GitState:
    """Asks git in the background; `read` gives the answer, None outside of git."""

    def __init__(self, root: Path) -> None:
        command = ["git", "status", "--porcelain=v2", "--branch", "--", "."]
        try:
            self._process: subprocess.Popen[str] | None = subprocess.Popen(
                command,
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError:
            self._process = None

    def read(self) -> dict[str, Any] | None:
        """Return commit, branch and whether files differ from the commit."""
        if self._process is None:
            return None
        try:
            text, _ = self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return None
        lines = text.splitlines()
        if self._process.returncode != 0:
            return None
        heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
        return {
            "commit": heads.get("branch.oid", ""),
            "branch": heads.get("branch.head", ""),
            "dirty": any(not line.startswith("#") for line in lines),
        }


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, the platform and the packages that are loaded."""
    found = {"python": platform.python_version(), "platform": sys.platform}
    for name in sorted(set(packages) - sys.stdlib_module_names):
        module = sys.modules.get(name)
        version = getattr(module, "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found
