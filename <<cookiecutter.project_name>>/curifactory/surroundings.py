"""What a stage finds around it, and what it leaves to the next one: all as it was."""

import contextlib
import gc
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SELDOM = 1_000_000, 50, 1000
"""A great many calls are no garbage, and are looked through for nothing."""

TERMINATING = [signal.SIGTERM]
if hasattr(signal, "SIGHUP"):  # of a terminal that closes
    TERMINATING.append(signal.SIGHUP)
ENDING = [signal.SIGINT, *TERMINATING]

# The public ones look each handler up in an enum, which takes a hundred times as long.
_signal = importlib.import_module("_signal")
_handler, _handle = _signal.getsignal, _signal.signal

_usual = gc.get_threshold()


def look_seldom_for_garbage() -> None:
    """Let this process look for garbage less often, but for what stages do."""
    gc.set_threshold(*SELDOM)


def look_past_what_is_there() -> None:
    """Let nobody look for garbage in what there is so far, not at the very end either."""
    gc.freeze()


def write_out() -> None:
    """Write what is left to be written to open files: who closes them may do it too late.

    Of what refers to itself, Python may close a file before the text that goes to it.
    """
    for each in gc.get_objects():
        if issubclass(type(each), io.TextIOWrapper):  # a proxy may raise
            with contextlib.suppress(OSError, ValueError):
                each.flush()


@contextlib.contextmanager
def looking_past_the_plan() -> Iterator[None]:
    """Let what stages leave be looked through alone, in a process of our own."""
    is_own = gc.get_threshold()[:2] == SELDOM[:2]
    if is_own:
        gc.freeze()
    try:
        yield
    finally:
        if is_own:
            gc.unfreeze()


def files_open() -> set[str] | None:
    """Return the numbers of the files that this process has open; None if nobody tells."""
    try:
        return set(os.listdir("/dev/fd"))
    except OSError:
        return None


class kept:
    """Lets a stage work as in a script of its own, and comes back to what was before.

    Memory that it has done with is given back as often as elsewhere; numerical
    libraries use the cores that it declares; what it leaves open in pyplot is closed,
    as the next one would draw into it; and wherever it goes, the next one starts here.
    """

    def __init__(self, cpus: int) -> None:
        self.limited = _threads(cpus) if cpus > 1 else None

    def __enter__(self) -> None:
        self.here = os.getcwd()
        self.threshold, self.figures = gc.get_threshold(), _open_figures()
        if self.threshold[:2] == SELDOM[:2]:  # newer Pythons keep no third one
            gc.set_threshold(*_usual)
        if self.limited is not None:
            self.limited.__enter__()

    def __exit__(self, *error: object) -> None:
        if self.limited is not None:
            self.limited.__exit__(None, None, None)
        if gc.get_threshold()[:2] == _usual[:2]:  # the stage did not choose another
            gc.set_threshold(*self.threshold)
        try:
            _come_back(self.here)
        finally:
            if pyplot := sys.modules.get("matplotlib.pyplot"):
                for number in _open_figures() - self.figures:
                    pyplot.close(number)


GRACE = 5.0
"""Seconds that a stage has to let Python hear a signal that ends the run."""

HEARS_NOTHING = b"a stage hears no signal: ended, and its call is lost\n"

came: list[int] = []
"""The signals that were to end the run while a stage was at work, as Python heard them."""


def end(number: int, frame: object = None) -> None:
    """Handle a signal that ends the run; a stage may handle the exception."""
    came.append(number)
    raise KeyboardInterrupt(*[128 + signal.SIGTERM] * (number != signal.SIGINT))


@contextlib.contextmanager
def heard(let_go: Callable[[], None]) -> Iterator[None]:
    """Let signals end a run while its stage is in C as well: Python hears them later.

    `let_go` ends what the stage has started. Where C code lets no other thread work,
    nobody hears them.
    """
    came.clear()
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    before = signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    terminal, over = os.dup(2), threading.Event()
    given = told, terminal, over, let_go
    listening = threading.Thread(target=_listen, args=given, daemon=True)
    listening.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        over.set()
        os.write(tell, b"\0")  # processes that a stage has forked may have it open
        listening.join()
        for each in (told, tell, terminal):
            os.close(each)


def _listen(
    told: int, terminal: int, over: threading.Event, let_go: Callable[[], None]
) -> None:
    while number := os.read(told, 1)[0]:
        is_over = over.wait(GRACE)
        if not is_over and handled.at_work and not came and _handler(number) is end:
            with contextlib.suppress(OSError):  # it may be closed
                os.write(terminal, HEARS_NOTHING)
            let_go()
            os._exit(128 + number)


class handled:
    """Lets the run be ended as before, and its files be read by the same people.

    A stage may ignore signals, or make what it writes its own; not what comes after it.
    One that stops early when the run is to end, and returns, has no result either.
    """

    at_work = 0
    """How many stages are at work in this process."""

    def __enter__(self) -> None:
        handled.at_work += 1
        self.mask = os.umask(0o077)
        os.umask(self.mask)
        self.before = [(each, _handler(each)) for each in ENDING]
        self.known = len(came)
        if self.before[0][1] is signal.default_int_handler:
            try:  # at each call: cheaper than contextlib
                _handle(signal.SIGINT, end)
            except ValueError:  # only the main thread may
                pass

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        handled.at_work -= 1
        os.umask(self.mask)
        for each, handler in self.before:
            if handler is not None and _handler(each) is not handler:
                try:
                    _handle(each, handler)
                except ValueError:
                    pass
        if came[self.known :] and not issubclass(kind or object, KeyboardInterrupt):
            end(came[self.known])


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait for the end of the block.

    The locks of queues and futures stay taken where an exception comes out of nowhere
    between two of their lines, and threads that need them never end.
    """
    came: list[tuple[int, FrameType | None]] = []
    is_asked = threading.current_thread() is threading.main_thread()
    handlers = {each: _handler(each) for each in ENDING if is_asked}
    mine = {each: handler for each, handler in handlers.items() if callable(handler)}
    try:
        for each in mine:
            _handle(each, lambda *given: came.append(given))
        yield
    finally:
        for each, handler in mine.items():
            _handle(each, handler)
        for number, frame in came[:1]:
            mine[signal.Signals(number)](number, frame)


@contextlib.contextmanager
def staying() -> Iterator[None]:
    """Come back to the current folder, wherever the block goes."""
    here = os.getcwd()
    try:
        yield
    finally:
        _come_back(here)


def _come_back(here: str) -> None:
    try:
        is_here = os.getcwd() == here
    except OSError:  # where it went is gone again
        is_here = False
    if not is_here:
        os.chdir(here)


def _threads(cpus: int) -> contextlib.AbstractContextManager[object] | None:
    """Let numerical libraries use the cores that a call was declared to occupy."""
    with contextlib.suppress(ImportError):
        limits = importlib.import_module("threadpoolctl").threadpool_limits
        limited: contextlib.AbstractContextManager[object] = limits(cpus)
        return limited
    return None


def _open_figures() -> set[int]:
    numbers = getattr(sys.modules.get("matplotlib.pyplot"), "get_fignums", tuple)
    return set(numbers())
