"""Where a run came from: the state of git, versions, the host."""

import contextlib
import functools
import getpass
import os
import sys
import threading
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from . import hashing
from .sources import is_project

STANDARD = sys.stdlib_module_names | {"curifactory", "builtins"}


class GitState:
    """Asks git in the background; `read` gives the answer, None outside of git."""

    def __init__(self, root: Path) -> None:
        # Workers, who load this module, never need it.
        from subprocess import DEVNULL, PIPE, Popen

        # Without a lock: commits of the user go on meanwhile, and none stays if we end.
        command = ["git", "--no-optional-locks", "-C", str(root), "status"]
        command += ["--porcelain=v2", "--branch", "--", "."]
        try:
            self._process: Any = Popen(
                command, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
            )
        except OSError:
            self._process = None
            return
        # A child that nobody waits for keeps Jupyter from ending its kernel.
        self._listening = threading.Thread(target=self._listen, daemon=True)
        try:
            self._listening.start()
        except RuntimeError:  # there are no more threads
            self._listen()

    def _listen(self) -> None:
        import subprocess

        try:
            self._told, _ = self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._told, _ = self._process.communicate()

    def read(self) -> dict[str, Any] | None:
        """Return commit, branch and whether files differ from the commit."""
        if self._process is None:
            return None
        if self._listening.ident is not None:
            self._listening.join()
        lines = self._told.decode(errors="replace").splitlines()  # names may be in any
        if self._process.returncode != 0:
            return None
        heads = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
        commit = heads.get("branch.oid", "")
        return {
            "commit": "" if commit == "(initial)" else commit,
            "branch": heads.get("branch.head", ""),
            "dirty": any(not line.startswith("#") for line in lines),
        }


@functools.cache
def version(package: str) -> str:
    """Return the version of a package as it is loaded or installed; "?" if unknown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some say that they will not tell any more
        loaded = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(loaded, str):
        return loaded
    from importlib import metadata  # slow to import

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"


@functools.cache
def dependencies(packages: tuple[str, ...]) -> Mapping[str, str]:
    """Return the versions of packages that are no part of Python, nor of the project."""
    foreign = sorted(set(packages) - STANDARD)
    return {n: version(n) for n in foreign if not is_project(sys.modules.get(n))}


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python, the platform and the packages that are loaded."""
    found = {"python": sys.version.split()[0], "platform": sys.platform}
    return {**found, **dependencies(tuple(packages))}


def user() -> str | None:
    """Return the name of who runs this; None for a user without one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return None


@functools.cache
def host() -> str:
    """Return the name of this machine."""
    return os.uname().nodename if hasattr(os, "uname") else os.environ["COMPUTERNAME"]


@functools.cache
def system() -> str:
    """Return what processes have in common that can tell whether others are alive.

    Two machines may have one name; so may containers, which see none but their own
    processes.
    """
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("utf-8")
        own = hashing.hash_text(boot, os.readlink("/proc/self/ns/pid"))
        return f"{host()}.{own[:8]}"
    return host()


def is_alive(pid: int) -> bool:
    """Return whether a process of this system still runs, as far as can be told."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
        # One that has ended, and that its parent does not ask for, is listed still.
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return status.rpartition(")")[2].split()[0] not in "XZ"
    except ProcessLookupError:
        return False
    except OSError:
        return True
