"""Why something failed, told by the frames of the user's own code."""

import builtins
import contextlib
import errno
import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import sources
from .args import REDACTED, secrets_in
from .errors import CurifactoryError, alike

OF_A_FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
OF_A_MACHINE = (*OF_A_FULL_DISK, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ESTALE)


@dataclass(eq=False, repr=False)
class Failure:
    """Why an execution failed, in texts that any process can read."""

    kind: str
    message: str
    where: str
    traceback: str
    error: BaseException | None = None
    printed: str = ""
    """The last lines that it had printed."""
    full: str = ""
    """The traceback with all frames, for --debug."""
    is_of_machine: bool = False
    """Whether it says nothing about another call with the same reads."""

    packed: bytes = b""
    """The exception itself, from another process."""

    def __getstate__(self) -> dict[str, Any]:
        packed = self.packed or _packed(self.error)
        return {**vars(self), "error": None, "packed": packed}

    def redact(self, args: Any) -> None:
        """Take what is secret in an argset out of what is kept and shown."""
        for secret in sorted(secrets_in(args), key=len, reverse=True):
            for name in ("message", "traceback", "full"):
                text = getattr(self, name).replace(secret, REDACTED)
                setattr(self, name, text)

    def raised(self) -> BaseException:
        """Return the exception itself, or one that says the same."""
        if self.error is None:
            self.error = CurifactoryError(f"{self.kind}: {self.message}")
            with contextlib.suppress(Exception):
                self.error = pickle.loads(self.packed)
        return self.error


def _packed(error: BaseException | None) -> bytes:
    """Return an exception for another process; nothing where it does not arrive whole."""
    with contextlib.suppress(BaseException):  # without a failure, its call has no end
        data = b"" if error is None else pickle.dumps(error)
        if len(data) < MOST and type(pickle.loads(data)) is type(error):
            return data
    return b""


Repeated = tuple[str, Failure]
"""The call that failed first, by its label, and why."""


def of_machine(kind: str, said: str, where: str = "") -> Failure:
    """Return a failure that says nothing about other calls."""
    return Failure(kind, said, where, said, is_of_machine=True)


def failed(error: BaseException) -> Failure:
    """Return what is to be said of an exception."""
    try:
        message = error.message if isinstance(error, CurifactoryError) else str(error)
    except Exception as problem:
        message = f"(its text cannot be shown: {type(problem).__name__})"
    kind, numbers = type(error).__name__, set()
    try:
        full = "".join(traceback.format_exception(error))
        own = own_frames(error)
        numbers = {getattr(each, "errno", None) for each in (error, error.__cause__)}
    except Exception:  # its class answers in its own way whatever it is asked for
        full = own = f"{_shown_frames(error)}{kind}: {message}\n"
    is_lacking = not numbers.isdisjoint(OF_A_MACHINE)
    is_of_machine = is_lacking or isinstance(error, (MemoryError, TimeoutError))
    place = where(error)
    message, own, full = map(_cut, (message, own, full))
    return Failure(kind, message, place, own, error, "", full, is_of_machine)


def told(error: BaseException) -> str:
    """Return one line that says what ended `run()`, and where."""
    cause = error.__cause__ or error
    failure = failed(cause)
    said = failure.message.partition("\n")[0]
    if not isinstance(cause, CurifactoryError):
        said = f"{failure.kind}: {said}"
    is_placed = ".py:" in said or not failure.where
    return said if is_placed else f"{said} ({sources.relative(failure.where)})"


def _cut(text: str) -> str:
    """Return a text without its middle, where it is as long as data."""
    half, left = MOST // 2, len(text) - MOST
    if left <= 0:
        return text
    return f"{text[:half]}\n... {left:,} more characters ...\n{text[-half:]}"


def where(error: BaseException, but: str = "") -> str:
    """Return file and line of the innermost frame of the user's own code.

    Frames in a file whose path ends in `but` count only where there are no others.
    """
    found = _users_frames(error)
    own = [f for f in found if not (but and f.filename.endswith(but))] or found
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def _users_frames(error: BaseException) -> list[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [each for each in frames if sources.is_project_file(each.filename)]


def _shown_frames(error: BaseException) -> str:
    return "".join(traceback.format_list(_users_frames(error)))


GROUP: Any = getattr(builtins, "BaseExceptionGroup", ())  # since Python 3.11
MOST = 20_000
"""The most characters of a text of an exception that are kept."""
CAUSES_TOLD = 5


def own_frames(error: BaseException, causes: int = CAUSES_TOLD) -> str:
    """Return the traceback with the frames of the user's own code only."""
    shown = _shown_frames(error)
    if isinstance(error, CurifactoryError):
        return f"{shown}{error}"
    shown += "".join(traceback.format_exception_only(type(error), error))
    if meant := _meant(error):
        shown += f"  {meant}\n"
    for each in error.exceptions[:causes] if isinstance(error, GROUP) else ():
        shown += f"one of them:\n{own_frames(each, causes - 1)}"
    hidden = None if error.__suppress_context__ else error.__context__
    cause = error.__cause__ or hidden
    if cause is None or not causes:
        return shown
    return f"{shown}caused by:\n{own_frames(cause, causes - 1)}"


def _meant(error: BaseException) -> str:
    """Return a hint for the misspelt field of a dataclass, an argset among them."""
    if not isinstance(error, AttributeError) or sys.version_info >= (3, 12):
        return ""  # newer Pythons say it themselves
    known = getattr(type(error.obj), "__dataclass_fields__", {})
    return alike(str(error.name), list(known))


class Failures:
    """The failures of a run, by what the calls that failed had read."""

    def __init__(self) -> None:
        self._found: dict[str, dict[tuple[str, ...], dict[str, Repeated]]] = {}
        """By group, by the keys that were read, by the digests that these had."""

    def note(
        self, group: str, reads: Mapping[str, str], label: str, failure: Failure
    ) -> None:
        """Keep the failure of a call, for calls that would only repeat it."""
        found = self._found.setdefault(group, {}).setdefault(tuple(reads), {})
        found[" ".join(reads.values())] = label, failure

    def find(self, group: str, now: Callable[[str], str]) -> Repeated | None:
        """Return the failure that a call would only repeat, and whose it was."""
        for keys, found in self._found.get(group, {}).items():
            failure = found.get(" ".join(map(now, keys)))
            if failure is not None:
                return failure
        return None
