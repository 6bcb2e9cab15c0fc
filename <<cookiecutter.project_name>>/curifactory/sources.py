"""The sources of the project as they were loaded, and which files are its own."""

import ast
import contextlib
import functools
import importlib.machinery
import importlib.util
import json
import linecache
import os
import re
import stat
import sys
import tokenize
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType, ModuleType
from typing import Any, TypeGuard

OUTSIDE = frozenset({"site-packages", "dist-packages", "curifactory", "__pycache__"})
DOTTED = (f"{os.sep}.{os.sep}", f"{os.sep}..{os.sep}")
DECORATORS = 50
"""How many of them may stand around one function."""
IMPORTER = "<frozen importlib._bootstrap_external>"
READERS_OF_CODE = (IMPORTER, tokenize.__file__, linecache.__file__)
"""What opens Python files to import or to show them: there they count as code."""
COMPILERS = ("numba", "torch")
"""Packages that look at modules, and their files, to compile the functions in them."""

CELL = re.compile(r"[/\\](ipykernel_\d+[/\\]|__marimo__cell_)")
"""In the names of the files that stand for cells of a notebook."""
PLAIN = frozenset({type(None), bool, int, float, str, bytes})
TABLES = dict, list, set

LINKS = {"ctypes.dlopen": 0, "import": 1}
"""What Python tells of compiled code that it loads, and which argument the path is."""
ABSENT, UNREADABLE = (-1, -1), (-2, -2)
look_at = os.stat
"""As Python has it: what the runner looks at, no stage has looked for."""

LAZY: Any = getattr(types, "LazyImportType", ())

AUTORELOAD = "IPython.extensions.autoreload"

_sources: dict[str, str] = {}
_trees: dict[str, list[tuple[Sequence[str], ast.Module]]] = {}
"""Of each file the text and its tree, as it was loaded last, and before: what an earlier
text has made may be there still."""
_roots: list[str] = []
places: set[re.Pattern[bytes]] = set()
"""Find the place of the project, and paths in it, in pickles and in JSON."""
importing: list[str] = []
"""The files of the project that are being imported, the innermost last."""
read_by_import: dict[str, dict[str, tuple[int, int]]] = {}
"""The files that each of these has read meanwhile, with size and time."""
_replaced: dict[str, ModuleType] = {}
"""The modules that have put something else in their own place."""
_made: dict[tuple[str, str], dict[str, Any]] = {}
"""The attributes of classes as their modules have left them, but no methods."""
_executed: set[str] = set()
known_of_classes: list[Callable[[], None]] = []
"""What forgets what is known of classes: %autoreload gives those that are there fields."""
reloads = 0
"""How often modules of the project were executed that had been before."""


def watch(root: Path) -> None:
    """Keep the source of each module below `root` as it is imported from now on."""
    resolved = real(root)
    if resolved not in _roots:
        # Modules may also be found by a symbolic link to it.
        links = (p for p in map(os.path.abspath, sys.path) if p != resolved)
        _roots.extend(p for p in links if os.path.realpath(p) == resolved)
        _roots.append(resolved)
        texts = [*_roots, *(json.dumps(root)[1:-1] for root in _roots)]
        known = (re.escape(text.encode("utf-8", "surrogatepass")) for text in texts)
        places.update(re.compile(each + rb'(?=[/\\"\x94])') for each in known)
    _install_finder()


real = functools.lru_cache(10_000)(os.path.realpath)


def _install_finder() -> None:
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else 0
        sys.meta_path.insert(place, _Finder())


def root() -> str:
    """Return the folder of the project at work, or else the current one."""
    return _roots[-1] if _roots else os.getcwd()


def forget() -> None:
    """Let the modules of the project be imported anew, as their files are now."""
    own = [
        name
        for name, module in {**sys.modules, **_replaced}.items()
        if is_project_file(getattr(module, "__file__", None)) or is_project(module)
    ]
    for name in own:  # not before: folders in others ask for these
        sys.modules.pop(name, None)
    for kept in (_sources, _trees, _replaced, _made, _executed, read_by_import):
        kept.clear()
    importlib.invalidate_caches()
    linecache.clearcache()


def forget_lines() -> None:
    """Let the lines of data be read anew: `linecache` tells nobody what it has kept."""
    for path, (_, *time) in [*linecache.cache.items()]:
        if time[:1] not in ([], [None]) and not path.endswith(".py"):  # else of no file
            linecache.cache.pop(path, None)


def module_of(value: Any) -> ModuleType | None:
    """Return the module that a class or function was defined in, None if there is none."""
    return module_named(str(got(value, "__module__", None)))


def spec_of(name: str) -> ModuleSpec | None:
    """Return how a module would be imported; None where there is none of that name."""
    with contextlib.suppress(ImportError, ValueError):
        return importlib.util.find_spec(name)
    return None


def module_named(name: str) -> ModuleType | None:
    """Return a module as it was executed: it may have put an object in its place."""
    found = _replaced.get(name, sys.modules.get(name))
    return found if isinstance(found, ModuleType) else None


def is_project_file(filename: str | None) -> bool:
    """Return whether the file is the user's own code: below a watched root, or a cell."""
    if not filename or not isinstance(filename, str):  # an object may be in its place
        return False
    if filename.startswith("<") or CELL.search(filename):
        return "ipython" in filename or filename[0] != "<"
    return relative(filename) is not None


def _below(path: str) -> str | None:
    """Return what comes after the watched root that a path begins with."""
    if DOTTED[0] in path or DOTTED[1] in path:  # as sys.path may have them
        path = os.path.normpath(path)
    for root in _roots:
        if path.startswith(root) and path[len(root) :][:1] in ("", "/", "\\"):
            return path[len(root) :]
    return None


def relative(filename: str) -> str | None:
    """Return the path below the watched root that holds it, None for other files."""
    inner = (_below(filename) or "")[1:].replace("\\", "/")
    parts = inner.split("/")[:-1]
    outside = any(part in OUTSIDE or part.startswith(".") for part in parts)
    return None if outside or not inner else inner


def placed(path: str) -> str:
    """Return a path without the place of the project that it lies in."""
    inner = _below(path) if "/" in path or "\\" in path else None
    return path if inner is None else f"<project>{inner}"


def is_project(value: Any) -> bool:
    """Return whether a function, class or module is the user's own code."""
    if isinstance(value, FunctionType):
        place = value.__code__.co_filename
        if value.__module__ == "__main__" and place[:1] != "<":
            place = os.path.abspath(place)  # compile(text, "script.py", "exec")
        is_own = is_project_file(place) or (place[:1] == "<" and _is_typed(value))
        return is_own and value.__name__ != "__annotate__"  # that Python 3.14 makes
    if isinstance(value, ModuleType):
        return is_project_file(_file_of(value))
    if isinstance(value, type):
        is_typed = got(value, "__module__", None) == "__main__"
        return is_typed or is_project(module_of(value))
    return False


def _is_typed(function: FunctionType) -> bool:
    """Return whether a function has no file: it was typed, or comes from a pipe or `exec`."""
    main, is_main = sys.modules.get("__main__"), function.__module__ == "__main__"
    if function.__code__.co_filename == "<string>":
        is_own = is_main or (is_patched() and is_project(module_of(function)))
        return is_own and function.__name__[:2] != "__"  # dataclasses make those
    file = getattr(main, "__file__", None) or "<"  # a pipe has "<stdin>"
    return is_main and file.startswith("<")


def unwrapped(value: Any) -> Any:
    """Return the function inside decorators that say what they wrap, and methods."""
    target = value
    for _ in range(DECORATORS):
        inner = got(target, "__wrapped__", None)
        if isinstance(target, MethodType):
            target = target.__func__
        elif isinstance(target, FunctionType) and is_project(target):
            return target  # a wrapper of the project holds what it wraps in its closure
        elif inner is not None and not isinstance(target, (type, ModuleType)):
            target = inner
        else:
            return target
    return value  # it makes up whatever attribute it is asked for


def known_as(value: Any) -> str:
    """Return the name by which its module has an object; none for those it has not."""
    name = got(value, "__qualname__", None)
    name = name if isinstance(name, str) else got(value, "__name__", None)
    if not isinstance(name, str):  # as for most
        return ""
    found: Any = module_of(value)
    for part in name.split("."):
        found = got(found, part, None)
    return name if found is value else ""


def counted_as(value: Any) -> str:
    """Return the name that stands for what others have made of a function, with its code.

    Its state speaks of lines, folders and the process. In the project, the options of a
    compiler are part of that code where it decorates the function.
    """
    name = known_as(value)
    if not name or is_project(type(value)):
        return ""
    return name if not is_project(module_of(value)) or _is_decorated(value) else ""


def package_of(cls: type) -> str:
    """Return the package of a class; what it has in place of its module may be no text."""
    return str(cls.__module__).partition(".")[0]


def is_compiled(value: Any) -> bool:
    """Return whether a compiler has made an object of a function."""
    return package_of(type(value)) in ("jax", "jaxlib", "numba")


def _is_decorated(value: Any) -> bool:
    function = unwrapped(value)
    if not is_compiled(value) or not isinstance(function, FunctionType):
        return False
    path, line = function.__code__.co_filename, function.__code__.co_firstlineno
    lines = (_sources.get(path) or "".join(linecache.getlines(path))).splitlines()
    return is_project(function) and "".join(lines[line - 1 : line]).lstrip()[:1] == "@"


def got(value: Any, name: str, default: Any) -> Any:
    """Return an attribute; the default, too, where asking for it fails."""
    try:
        return getattr(value, name, default)
    except Exception:
        return default


def meaning_of(value: Any) -> Any:
    """Return what a name stands for that Python 3.15 imports when it is used."""
    return value.resolve() if isinstance(value, LAZY) else value


def function_of(member: Any) -> Any:
    """Return the function behind a member of a class: a property, a static method."""
    for name in ("fget", "func"):
        member = got(member, name, None) or member
    return unwrapped(member)


def made_of(cls: type) -> dict[str, Any]:
    """Return the attributes of a class when its module was executed, but no methods.

    Of what has not been imported since the runner was, as a script, those of now.
    """
    known = _made.get((cls.__module__, cls.__qualname__))
    return _plain_of(cls) if known is None else known


def _file_of(module: ModuleType | None) -> str | None:
    """Return the file of a module, or its folder where that has no `__init__.py`."""
    folders = vars(module).get("__path__") if module else None
    return getattr(module, "__file__", None) or next(iter(folders or ()), None)


def place_of(value: Any) -> str:
    """Return the file of a definition, relative to the project."""
    if isinstance(value, FunctionType):
        filename: str | None = value.__code__.co_filename
    else:
        filename = _file_of(
            value if isinstance(value, ModuleType) else module_of(value)
        )
    return relative(filename or "") or Path(filename or "notebook").name


def tree_of(filename: str) -> ast.Module | None:
    """Return the syntax tree of a file as it was loaded, None without a source."""
    found = trees_of(filename)
    return found[0] if found else None


def trees_of(filename: str) -> list[ast.Module]:
    """Return the syntax trees of a file as it was loaded, the last one first."""
    known = _trees.get(filename, [])
    if not known and filename not in _sources:
        linecache.checkcache(filename)
    text = _sources.get(filename) or linecache.getlines(filename)
    if text and not (known and (known[0][0] is text or known[0][0] == text)):
        try:
            known = [(text, ast.parse("".join(text))), *known]
        except SyntaxError:  # somebody edits it
            if not known:
                raise
        _trees[filename] = known
    return [tree for _, tree in known]


def is_sole(filename: str) -> bool:
    """Return whether what is of a file can only be of the text that is known of it."""
    return len(trees_of(filename)) == 1 and not is_patched()


def is_patched() -> bool:
    """Return whether %autoreload is loaded: it puts other code into functions."""
    return AUTORELOAD in sys.modules


def look_anew() -> None:
    """Let scripts be read anew, which a notebook may have run once more."""
    for path in _trees.keys() - _sources.keys():
        linecache.checkcache(path)


def tree_in(module: object) -> ast.Module:
    """Return the syntax tree of a module; an empty one without a source."""
    return tree_of(getattr(module, "__file__", None) or "") or _NOTHING


def tree_now(filename: str) -> ast.Module:
    """Return the syntax tree of a file as it is by now, whatever was loaded of it."""
    linecache.checkcache(filename)
    with contextlib.suppress(SyntaxError):
        return _parsed("".join(linecache.getlines(filename)))
    return _NOTHING


@functools.lru_cache(10)  # many edits of a large file would take up room
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


_NOTHING = ast.Module([], [])


def loaded_with(word: str) -> Iterator[ast.Module]:
    """Return the trees of the files of the project whose source has a word in it."""
    texts = list(_sources.items())
    paths = [path for path, text in texts if word in text and is_project_file(path)]
    return filter(None, map(tree_of, paths))


def loaded() -> dict[str, str]:
    """Return the text of each file of the project that was loaded, by its path in it."""
    texts = list(_sources.items())
    return {placed(path): text for path, text in texts if is_project_file(path)}


def is_defined(name: str) -> bool:
    """Return whether a file of the project still has a function of this full name."""
    *steps, own = name.split(".")
    definition = re.compile(rf"^\s*(async\s+)?def {re.escape(own)}\b", re.MULTILINE)
    for end in range(1, len(steps) + 1):  # of a module, or of a class in it
        place = Path(root(), *steps[:end])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            with contextlib.suppress(OSError):
                if definition.search(path.read_text("utf-8", "replace")):
                    return True
    return steps == ["__main__"]  # of a script, nobody knows which


def stat_of(path: str) -> tuple[int, int]:
    """Return the size of a file and when it was last changed, in nanoseconds.

    Its content or what is said of it: tools that copy a file can set the time of the
    first back. ABSENT where there is no file, or a pipe, which nobody can read again;
    UNREADABLE where nobody can tell.
    """
    return status_of(path)[0]


def status_of(path: str) -> tuple[tuple[int, int], int]:
    """Return the size and time of a file, and its number, which no other file has.

    Versions of a file that were made at once may have one size and one time.
    """
    try:
        status = look_at(path)
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT, 0
    except OSError:
        return UNREADABLE, 0
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return ABSENT, 0
    return stamp(status), status.st_ino % 2**63


def stamp(status: os.stat_result) -> tuple[int, int]:
    """Return size and time: that of the last change of a file, or of what is said of it."""
    return status.st_size, max(status.st_mtime_ns, status.st_ctime_ns)


def is_path(path: object) -> TypeGuard[str | bytes | os.PathLike[Any]]:
    """Return whether it is one, and no file descriptor."""
    return isinstance(path, (str, bytes, os.PathLike))


def is_writing(mode: object, flags: object) -> bool:
    """Return whether a file is opened only to be written."""
    if isinstance(mode, str):
        return any(each in mode for each in "wx") or ("a" in mode and "+" not in mode)
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_CREAT) != 0


def asking() -> FrameType | None:
    """Return the code of which an audit hook is told; None of the interpreter itself."""
    try:
        return sys._getframe(3)
    except ValueError:
        return None


def is_compiling(path: object, asking: FrameType) -> bool:
    """Return whether a Python file, or the compiled one, is opened to be executed."""
    by = asking.f_code.co_filename
    is_asked = by == IMPORTER or by.endswith(("<frozen runpy>", "runpy.py"))
    return is_asked and str(path).endswith((".py", ".pyc"))


def is_loading(path: object, asking: FrameType) -> bool:
    """Return whether a file is opened to import or to show it: there it counts as code."""
    if not str(path).endswith(".py"):
        return False
    package = str(asking.f_globals.get("__name__", "")).partition(".")[0]
    return package in COMPILERS or asking.f_code.co_filename in READERS_OF_CODE


Listener = Callable[[str, tuple[Any, ...]], None]
_listeners: dict[str, list[Listener]] = {}


def listen(events: Iterable[str], listener: Listener) -> None:
    """Let a function be told of audit events, with their details."""
    for event in events:
        _listeners.setdefault(event, []).append(listener)


def _audit(event: str, details: Any, listeners: Any = _listeners) -> None:
    """Tell those who listen. Python tells hooks of very much: this is the only one.

    It knows the listeners also at the end of the process, when modules are emptied.
    """
    for listener in listeners.get(event, ()):
        listener(event, details)


def _note_read(event: str, details: tuple[Any, ...]) -> None:
    """Keep what a module reads while it is imported: its constants may come from it."""
    if not importing:
        return
    path, mode, flags = details if event == "open" else (details[LINKS[event]], "r", 0)
    frame = asking()
    if frame is not None and is_path(path) and not is_loading(path, frame):
        full = os.path.abspath(os.fsdecode(path))
        is_own = is_project_file(full)
        if not _roots:  # a script has no manager yet
            is_own = OUTSIDE.isdisjoint(full.split(os.sep))
        if is_own and not is_writing(mode, flags):
            read_by_import.setdefault(importing[-1], {}).setdefault(full, stat_of(full))


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        data = self.get_data(path)
        if path in _sources:  # what it has made may be there still
            with contextlib.suppress(SyntaxError):
                tree_of(path)
        _sources[path] = importlib.util.decode_source(data)
        code: CodeType = self.source_to_code(data, path)
        return code

    def exec_module(self, module: ModuleType) -> None:
        global reloads
        name = module.__name__
        if sys.modules.get(name) is not module:  # the import system adds it first
            super().exec_module(module)  # a copy: its file counts as data
            return
        # %autoreload empties a module before.
        if name in _executed or "__builtins__" in vars(module):
            reloads += 1
            for forget_known in known_of_classes:
                forget_known()
        _executed.add(name)
        importing.append(self.path)
        try:
            super().exec_module(module)
        finally:
            importing.pop()
        _note_attributes(module)
        _replaced.pop(name, None)
        if sys.modules.get(name) is not module:
            _replaced[name] = module


def _note_attributes(module: ModuleType) -> None:
    """Note what classes have been given while their module was executed, by whomever."""
    for value in list(vars(module).values()):
        with contextlib.suppress(Exception):  # a class may answer to nothing
            if issubclass(type(value), type) and value.__module__ == module.__name__:
                _made[value.__module__, value.__qualname__] = _plain_of(value)


def _plain_of(cls: type) -> dict[str, Any]:
    own = [(n, v) for n, v in vars(cls).items() if n[:2] != "__"]
    plain = ((n, v) for n, v in own if n[0] != "_" and type(v) is not cls)
    made = {n: v for n, v in plain if not hasattr(type(v), "__get__")}
    for name, value in own:
        if issubclass(type(value), TABLES):
            with contextlib.suppress(Exception):  # it may hold itself
                made[name] = _copied(value)
    return made


def _copied(value: Any) -> Any:
    """Return what is in a collection by now; other values as they are."""
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    kind = next((each for each in TABLES if isinstance(value, each)), None)
    return kind(map(_copied, value)) if kind else value


class _Finder:
    """Finds what PathFinder finds; project modules get a loader that keeps the source."""

    def find_spec(self, name: str, *given: Any, **named: Any) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, *given, **named)
        plain = spec is not None and type(spec.loader) is SourceFileLoader
        is_own = is_project_file if _roots else _may_be_of_project
        if spec is not None and plain and is_own(spec.origin):
            spec.loader = _Loader(name, spec.origin or "")
        return spec


# Before a project is known -----------------------------------------------------------

_LIBRARY = os.path.dirname(os.__file__) + os.sep


def _may_be_of_project(path: str | None) -> bool:
    place = path or ""
    is_own = OUTSIDE.isdisjoint(place.replace("\\", "/").split("/"))
    return is_own and place.endswith(".py") and not place.startswith(_LIBRARY)


def is_installed(module: ModuleType) -> bool:
    """Return whether a module lies where Python or an installer puts packages."""
    place = _file_of(module) or _LIBRARY
    parts = place.replace("\\", "/").split("/")
    return place.startswith(_LIBRARY) or not OUTSIDE.isdisjoint(parts)


def _keep_sources() -> None:
    """Keep what a script has imported already, and the script: files may be edited while
    it has not come to its first manager yet."""
    # Others do as they like, such as to import themselves when they are looked at.
    plain = [each for each in [*sys.modules.values()] if type(each) is ModuleType]
    for path in (vars(each).get("__file__") for each in plain):
        if isinstance(path, str) and _may_be_of_project(path):
            with contextlib.suppress(OSError, SyntaxError, UnicodeDecodeError):
                _sources[path] = importlib.util.decode_source(Path(path).read_bytes())


_install_finder()
_keep_sources()
listen(("open", *LINKS), _note_read)
sys.addaudithook(_audit)


def qualified(value: Any) -> str:
    """Return the module and the qualified name of a class or function."""
    module = got(value, "__module__", None) or "builtins"
    module = "pathlib" if module == "pathlib._local" else module  # of Python 3.13
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return f"{module}.{name or type(value).__qualname__}"


def annotations(cls: type) -> dict[str, Any]:
    """Return what a class itself declares, as far as its names can be found."""
    if sys.version_info < (3, 14):
        found: dict[str, Any] = vars(cls).get("__annotations__", {})
        return found
    annotationlib = importlib.import_module("annotationlib")
    return dict(
        annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    )
