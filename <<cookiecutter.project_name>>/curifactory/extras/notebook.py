"""Display in a notebook: the report of what was computed so far."""

import html
import os
from pathlib import Path
from typing import Any

from ..settings import Settings
from . import report

FRAME = '<iframe srcdoc="{}" style="width: 100%; height: 640px; border: 0"></iframe>'


class Page:
    """A report that was written: a notebook shows it, and a text of it says where it is."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"report: {os.path.relpath(self.path)}"

    def _repr_html_(self) -> str:
        return FRAME.format(html.escape(self.path.read_text("utf-8")))


def shown(run: dict[str, Any], project: Settings) -> Page:
    """Write the report of a run that goes on, in place of the one before."""
    return Page(report.publish(run, project))
