"""Errors that a user can mend: each says what failed and what to do."""

from collections.abc import Iterable, Sequence


class CurifactoryError(Exception):
    """The base of all errors raised here: a message, and a hint that says what to do."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class RequestError(CurifactoryError):
    """What was asked for cannot be done; found before anything is computed."""

    exit_code = 2


class IdentityError(RequestError):
    """A value has no identity that holds from one process to the next."""

    def __init__(self, path: str, problem: str, hint: str) -> None:
        super().__init__(f"{path}: {problem}", hint)
        self.args = path, problem, hint  # what pickle makes it again from
        self.path = path


class SkippedError(CurifactoryError):
    """A value was asked for whose call was skipped."""


class ArtifactError(CurifactoryError):
    """An artifact cannot be saved, or intact bytes do not load."""


class DamagedError(CurifactoryError):
    """The bytes of an artifact are not the ones that were saved."""


def interrupted_by(error: KeyboardInterrupt) -> int:
    """Return the exit code of a run that Ctrl-C or SIGTERM has ended."""
    return 143 if 143 in error.args else 130


def counted(number: int, what: str) -> str:
    """Return how many things there are, in words."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def alike(name: str, options: Sequence[str]) -> str:
    """Return a hint that names the options spelt alike; empty where there are none."""
    import difflib  # where nothing is wrong nobody needs it

    same = [each for each in options if each.casefold() == name.casefold()]
    close = same or difflib.get_close_matches(name, options, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(map(repr, close))}?" if close else ""


def nearest(name: str, options: Iterable[str], without: str = "there is none") -> str:
    """Return a hint that names the closest options, or lists the few there are."""
    known = sorted(set(options))
    if hint := alike(name, known):
        return hint
    if not known:
        return without
    return "there is: " + ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
