"""Live progress on a terminal: one line a stage."""

import os
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TextIO

import rich.console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..progress import Progress

PAUSE = 0.125  # seconds between two refreshes
FAILURES = 10  # lines about failures; the summary and the log tell the others
STYLES = {"computed": "blue", "reused": "", "skipped": "yellow", "failed": "red"}


@dataclass
class Row:
    """What is known of one stage."""

    planned: int = 0
    running: set[str] = field(default_factory=set)
    """The labels of calls at work: one that is tried again is one still."""
    begun: float = 0.0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STYLES, 0))

    def done(self) -> int:
        return sum(self.counts.values())

    def left(self) -> int:
        return max(self.planned - self.done(), len(self.running))

    def eta(self) -> str:
        """Estimate from the pace since the first call of the stage began."""
        worked = self.counts["computed"] + self.counts["failed"]
        if not worked or not self.left():
            return ""
        pace = (time.monotonic() - self.begun) / worked
        return str(timedelta(seconds=round(pace * self.left())))


class Console(Progress):
    """Shows the stages while they run: the run only counts, a thread draws."""

    def __init__(
        self, *, no_color: bool = False, console: rich.console.Console | None = None
    ) -> None:
        super().__init__()
        self.console = console or rich.console.Console(
            file=_own(self.stream), no_color=no_color or None, highlight=False
        )
        self.rows: dict[str, Row] = {}
        self.failures = 0
        self._over = threading.Event()
        self._drawing = threading.RLock()
        self._thread = threading.Thread(target=self._draw, daemon=True)
        # What run() prints goes above the display, but never away from a pipe.
        self._live = Live(
            get_renderable=self.table,
            console=self.console,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )

    def plan(self, totals: dict[str, int]) -> None:
        for stage, total in totals.items():
            self._row(stage).planned = total

    def started(self, stage: str, label: str) -> None:
        row = self._row(stage)
        row.running.add(label)
        row.begun = row.begun or time.monotonic()

    def finished(
        self, stage: str, label: str, status: str, seconds: float, reason: str
    ) -> None:
        row = self._row(stage)
        row.counts[status] += 1
        row.running.discard(label)
        self.failures += status == "failed"
        if status == "failed" and self.failures <= FAILURES:
            self.message(f"{status:<8} {stage} {label}  {reason}")

    def close(self) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join()
            self._live.stop()

    def table(self) -> Table:
        """Lay out the display as it stands now."""
        rows, room = [*self.rows.items()], self.console.height - 2
        if len(rows) > room:
            rows.sort(key=lambda item: not item[1].left())
        used = [status for status in STYLES if any(r.counts[status] for _, r in rows)]
        table = Table(box=None, width=min(self.console.width, 110), pad_edge=False)
        table.add_column("stage", ratio=1, no_wrap=True, min_width=8)
        for name in ("done", *used, "running", "left"):
            table.add_column(name, style=STYLES.get(name), justify="right")
        for stage, row in rows[:room]:
            numbers = (*map(row.counts.get, used), len(row.running))
            cells = [str(number or "") for number in numbers]
            done = f"{row.done()}/{row.done() + row.left()}"
            table.add_row(Text(stage), done, *cells, row.eta())
        return table

    def message(self, text: str) -> None:
        self.console.print(Text(text), soft_wrap=True)

    def _row(self, stage: str) -> Row:
        if not (self._thread.ident or self._over.is_set()):
            self._begin()
        if stage not in self.rows:
            self.rows[stage] = Row()
        return self.rows[stage]

    def _begin(self) -> None:
        hold, free = self._drawing.acquire, self._drawing.release
        if hasattr(os, "register_at_fork"):  # a child process must find no lock taken
            os.register_at_fork(before=hold, after_in_parent=free, after_in_child=free)
        self._live.start()  # not while a call executes: streams lead elsewhere then
        self._thread.start()

    def _draw(self) -> None:
        while not self._over.wait(PAUSE):
            with self._drawing:
                self._live.refresh()


def _own(stream: TextIO) -> TextIO:
    """Return the terminal apart from the numbers 1 and 2, which stages write to."""
    return open(os.dup(stream.fileno()), "w", 1, stream.encoding, stream.errors)
