"""Where things lie in a project: defaults, changed in `[tool.curifactory]`."""

import contextlib
import importlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from .errors import RequestError, nearest

CACHE_VARIABLE = "CURIFACTORY_CACHE"
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
UNIT = r"s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:r|our)?s?|d(?:ay)?s?"
"""How one of them is written; its first letter tells it."""


class Settings(NamedTuple):
    """The settings of one project; folders are relative to its root."""

    root: Path
    experiments: str = "experiments"
    params: str = "params"
    cache: Path = Path("data/cache")
    runs: Path = Path("data/runs")
    reports: Path = Path("reports")
    base: Path | None = None
    """A cache to read results from, while `cache` is a temporary one on top of it."""
    confirm_above: float = 600.0
    """Seconds of earlier work that a change of code repeats without asking."""

    @property
    def apart(self) -> tuple[Path, ...]:
        """The places where the runner itself writes; what is in them is no data."""
        given = self.cache, self.base, self.runs, self.reports
        return tuple(each for each in given if each is not None)

    def need_cache(self, hint: str) -> None:
        """Refuse a cache that is not there, as where its name is misspelt."""
        if not self.cache.is_dir():
            raise RequestError(f"there is no cache at {self.cache}", hint)

    def module_of(self, name: str, kind: str = "experiments") -> str:
        """Return the name of the module of an experiment, or of a parameter file."""
        return f"{getattr(self, kind)}/{name}".replace("/", ".")


def find_root(start: Path) -> Path:
    """Return the nearest folder upwards that has `experiments/`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "experiments").is_dir() or _section(folder).get("experiments"):
            return folder
    raise RequestError(
        f"no project here: neither {start} nor a folder above it has experiments/",
        "change into a project folder, or make one from the template with cookiecutter",
    )


def from_here(folder: str | None) -> str | None:
    """Return the whole path of a folder as users write it: `~`, or from where they are."""
    return os.path.abspath(os.path.expanduser(folder)) if folder else None


def refuse_other_runner(root: Path, hint: str) -> None:
    """Refuse a project whose own runner, and code perhaps, is not what was imported."""
    own = Path(__file__).resolve().parents[1]
    its = root / "curifactory"
    if its.is_dir() and its.resolve().parent != own:
        said = f"this is the curifactory of {own}, the project {root} has its own"
        raise RequestError(said, hint)


def load(root: Path, **overrides: Any) -> Settings:
    """Return the settings of the project at `root`; overrides of None, or empty, fall away."""
    section = {k.replace("-", "_"): v for k, v in _section(root).items()}
    given = {k: v for k, v in overrides.items() if v not in (None, "")}
    if os.environ.get(CACHE_VARIABLE):
        section["cache"] = os.environ[CACHE_VARIABLE]
    known = set(Settings._fields) - {"root", "base"}
    for name in sorted(section.keys() - known):
        if not isinstance(section.pop(name), dict):  # a table is for another module
            raise _wrong(f"has no setting {name!r}", nearest(name, known))
    if "confirm_above" in section:
        section["confirm_above"] = seconds(section["confirm_above"])
    for name, value in section.items():
        if name != "confirm_above" and not (isinstance(value, str) and value):
            said = "is empty" if value == "" else "is no text"
            raise _wrong(f"{name} = {value!r} {said}", f'{name} = "a/folder"')
    for name in ("experiments", "params"):
        folder = section.get(name, name)
        if not all(part.isidentifier() for part in folder.split("/")):
            hint = "name a folder inside the project, by words with / between them"
            raise _wrong(f"{name} = {folder!r} is no package", hint)
    settings = Settings(root)._replace(**{**section, **given})
    names = "cache", "runs", "reports"
    places = {n: os.path.expanduser(getattr(settings, n)) for n in names}
    folders: Any = {n: Path(os.path.abspath(root / p)) for n, p in places.items()}
    return settings._replace(**folders)


def _wrong(said: str, hint: str) -> RequestError:
    return RequestError(f"pyproject.toml: [tool.curifactory] {said}", hint)


def seconds(given: object) -> float:
    """Return the seconds in a number, or in a text like `10 min`, `2h` or `3 days`."""
    match = re.fullmatch(rf"\s*([\d.]+)\s*({UNIT}|)\s*", str(given))
    try:
        return float(match[1]) * UNITS[match[2][:1]] if match else float(str(given))
    except (ValueError, KeyError) as error:
        hint = 'write "10 min", "2 h" or "3 days"'
        raise _wrong(f"confirm-above = {given!r} is no length of time", hint) from error


def extra(name: str) -> Any:
    """Return a module of the extras; None where it, or what it needs, is missing."""
    try:
        return importlib.import_module(f"curifactory.extras.{name}")
    except ImportError:
        return None


def table(root: Path, name: str) -> dict[str, Any]:
    """Return `[tool.curifactory.NAME]`, empty where there is none."""
    return dict(_section(root).get(name, {}))


def _section(root: Path) -> dict[str, Any]:
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    text = path.read_text(encoding="utf-8")
    if "[tool.curifactory" not in text:
        return {}
    toml = _toml()
    try:
        section = toml.loads(text).get("tool", {}).get("curifactory", {})
    except toml.TOMLDecodeError as error:
        raise RequestError(f"{path}: {error}") from error
    return dict(section)


def _toml() -> Any:
    # Python 3.10 has no tomllib; pip, which is nearly everywhere, carries its equal.
    for name in ("tomllib", "tomli", "pip._vendor.tomli"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(name)
    raise RequestError(
        "pyproject.toml has [tool.curifactory], which Python 3.10 cannot read alone",
        "pip install tomli",
    )
