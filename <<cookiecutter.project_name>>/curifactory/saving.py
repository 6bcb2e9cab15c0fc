"""What a call leaves in its folder: artifacts, and what it reported."""

import json
import os
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any

from . import caching, folders, hashing, libraries, stages, store
from .caching import Cacheable
from .errors import ArtifactError, CurifactoryError
from .reporting import TextReporter
from .task import Held, Outcome, Task, packed
from .trace import Artifact


class Saving:
    """Saves what one call returned; `outcome` gets what is to be said of it."""

    def __init__(self, task: Task, folder: str, outcome: Outcome) -> None:
        self.stage = task.stage
        self.spill = task.place.spill
        self.folder = folder
        self.outcome = outcome
        self.files: set[str] = set()
        """The names of the files that artifacts lie in."""
        self.described: list[dict[str, Any]] = []
        """What the stage has reported."""
        self.is_placed = False
        """Whether an artifact holds a path into the project."""

    def save(self, values: list[Any]) -> list[Artifact]:
        outputs = enumerate(zip(self.stage.cachers, values, strict=True))
        return [self._save_one(index, *output) for index, output in outputs]

    def _save_one(self, index: int, cacher: Cacheable | None, value: Any) -> Artifact:
        if cacher is None:
            return self._keep(index, value)
        name = self.stage.outputs[index]
        chosen, kind = cacher, self.stage.kinds[index]
        if isinstance(cacher, caching.AutoCacher):
            chosen = cacher.chosen(value)
            kind = stages.BY_NAME[type(chosen).__name__]
        placed = chosen.at(self.folder, folders.output_stem(name))
        if isinstance(value, (str, os.PathLike)) and chosen is not cacher:
            self._check_place(os.fspath(value), name)
        own = f"{self.folder}/{placed.name}{placed.extension}"
        if self.files and os.path.lexists(own):  # of X there, where x is to lie
            raise CurifactoryError(
                f"{self.stage.where}: {self.stage.label}, output {name!r}: on this disk, "
                "its file is that of another output",
                "give it another name, not only with other capitals",
            )
        try:
            placed.save(value)
            others = self.files
            if self.described:
                others = others.union(each["file"] for each in self.described)
            found = store.checked_in(self.folder, name, placed, others, kind)
            if placed.placeless:
                self.is_placed = True
                meant = hashing.hash_text(placed.placeless, kind)
                found = found._replace(identity=meant)
            if libraries.reads_later(value.__class__):
                found = found._replace(identity="")  # that of its call
        except (ArtifactError, OSError) as error:
            if chosen is cacher or isinstance(error, OSError):
                said = f"{self.stage.where}: {self.stage.label}, output {name!r}: "
                said += getattr(error, "message", str(error))
                raise ArtifactError(said, getattr(error, "hint", "")) from error
            found = self._keep(index, value)
            self.outcome.messages.append(
                f"{self.stage.label}: output {name!r} is kept for this run only "
                f"({error.message})"
            )
        self.files.update(found.files)
        return found

    def _check_place(self, text: Any, name: str) -> None:
        """Refuse a path that nobody finds later: what lies there is about to be moved."""
        if isinstance(text, str) and text.startswith(f"{self.folder}{os.sep}"):
            raise CurifactoryError(
                f"{self.stage.where}: {self.stage.label}, output {name!r} is a path in "
                "the cache, and no stage would find it there",
                "cachers=[PathCacher] keeps the file or folder, and gives its new path",
            )

    def _keep(self, index: int, value: Any) -> Artifact:
        """Pass a value on that the cache does not keep."""
        if isinstance(value, (Iterator, Awaitable)):
            raise CurifactoryError(
                f"{self.stage.where}: {self.stage.label}, output "
                f"{self.stage.outputs[index]!r} is a {type(value).__name__}, which can be "
                "gone through once only",
                "return what comes of it: list(...), or asyncio.run(...) in a plain def",
            )
        spill = self.spill
        if spill is not None:
            path = spill / f"{os.path.basename(self.folder)}-{index}.pkl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(packed(value, f"output {self.stage.outputs[index]!r}"))
            value = path
        what = f"output {self.stage.outputs[index]!r} of {self.stage.label}"
        self.outcome.kept[index] = Held(value, what, spill is not None)
        return Artifact(self.stage.outputs[index], (), "", 0, "", "")

    def describe(self, reportable: Any) -> None:
        """Write what the stage reports beside its artifacts, as it is at the moment.

        What cannot be shown says so in the report: it costs no result.
        """
        stem = f"report-{len(self.described)}"
        try:
            entry = reportable.describe(Path(self.folder), stem)
            entry = json.loads(json.dumps(entry))
        except Exception as error:
            said = f"cannot be shown: {type(error).__name__}: {error}"
            name = getattr(reportable, "name", None) or stem
            name = f"{type(reportable).__name__} {name}"
            self.outcome.messages.append(f"{self.stage.label}: {name} {said}")
            entry = TextReporter(said, name).describe(Path(self.folder), stem)
        self.described.append(entry)
