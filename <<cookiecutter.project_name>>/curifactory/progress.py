"""What a run says while it goes on; plain lines here, a live display in the extras."""

import contextlib
import sys
from dataclasses import dataclass, field
from typing import TextIO


@dataclass(eq=False, repr=False, kw_only=True)
class Progress:
    """Prints one line for each call that computes or fails."""

    quiet: bool = False
    calls: bool = True
    """Whether calls have lines; a notebook has what is told beside these alone."""
    verbose: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def plan(self, totals: dict[str, int]) -> None:
        """The calls known so far, by stage."""

    def started(self, stage: str, label: str) -> None:
        """A call begins to compute."""

    def finished(
        self, stage: str, label: str, status: str, seconds: float, reason: str
    ) -> None:
        """A call is done: computed, reused, skipped or failed."""
        is_told = status in ("computed", "failed") or self.verbose
        if is_told and self.calls and not self.quiet:
            spent = f" {seconds:.1f} s" if status == "computed" else ""
            self.message(f"{status:<8} {stage} {label}{spent}  {reason}".rstrip())

    def confirm(self, text: str) -> bool:
        """Ask whether to go on; where nobody can answer, the answer is no."""
        if not (sys.stdin and sys.stdin.isatty()):
            return False
        print(f"{text}\ngo on? [y/N] ", end="", file=self.stream, flush=True)
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def close(self) -> None:
        """The run is over."""

    def message(self, text: str) -> None:
        """Show a line."""
        # Nobody reads it, or a stage has closed it: no reason to end.
        with contextlib.suppress(OSError, ValueError):
            if not self.quiet:
                self.stream.write(f"{text}\n")  # in one piece: others write there, too
                self.stream.flush()
