"""Refuse an old cookiecutter and a project name that would cause trouble later.

Runs in the new, empty project folder; cookiecutter removes it when this fails.
Keep the syntax old: outdated cookiecutters run this too, to be told to upgrade.
"""

import json
import keyword
import pkgutil
import re
import sys
import sysconfig
import unicodedata

NEEDED = (2, 6)
WINDOWS_DEVICES = (
    ["con", "prn", "aux", "nul"]
    + ["com" + digit for digit in "0123456789"]
    + ["lpt" + digit for digit in "0123456789"]
)
OWN_FOLDERS = ["params", "stages", "src", "experiments", "experiment", "curifactory"]
OWN_FOLDERS += ["tests", "test", "data", "reports", "notebooks", "extras"]
# pip could not install a project that is named like something it depends on.
DEPENDENCIES = (
    "rich jinja2 typeguard numpy scikit_learn sklearn matplotlib pandas".split()
)
DEPENDENCIES += "pytest pip setuptools wheel black mypy ruff optuna dask".split()
DEPENDENCIES += "distributed dask_jobqueue cloudpickle argcomplete".split()
# What these depend on in their turn.
DEPENDENCIES += "scipy joblib threadpoolctl contourpy cycler fonttools".split()
DEPENDENCIES += "kiwisolver pillow pyparsing python_dateutil dateutil six".split()
DEPENDENCIES += "markupsafe markdown_it_py mdurl pygments iniconfig click".split()
DEPENDENCIES += "pluggy packaging pathspec platformdirs mypy_extensions".split()
DEPENDENCIES += "typing_extensions tomli exceptiongroup narwhals pytokens".split()
DEPENDENCIES += "ast_serialize colorama librt tzdata alembic colorlog fsspec".split()
DEPENDENCIES += "greenlet importlib_metadata lazy_importer locket mako msgpack".split()
DEPENDENCIES += "partd psutil pyyaml sortedcontainers sqlalchemy tblib toolz".split()
DEPENDENCIES += "tornado tqdm urllib3 zict zipp".split()


def refuse(message):
    sys.stderr.write("ERROR: " + message + "\n")
    sys.exit(1)


def check_version():
    try:
        from cookiecutter import __version__ as version
    except ImportError:  # another tool runs this hook; it answers for itself
        return
    found = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if found < NEEDED:
        refuse(
            f"this template needs cookiecutter 2.6 or later, and this is {version}. "
            "Upgrade: pipx install --force 'cookiecutter>=2.6'"
        )


def standard_modules():
    names = getattr(sys, "stdlib_module_names", None)  # new in Python 3.10
    if names is None:
        library = sysconfig.get_path("stdlib")
        names = [module.name for module in pkgutil.iter_modules([library])]
        names += sys.builtin_module_names
    return {name.lower() for name in names}


def taken_by(name):
    """Say what already has this name, or None."""
    module = name.lower().replace("-", "_")
    if module in [word.lower() for word in keyword.kwlist]:
        return "a Python keyword"
    if module in WINDOWS_DEVICES:
        return "a device name on Windows"
    if module in OWN_FOLDERS:
        return "used inside the generated project"
    if module in DEPENDENCIES:
        return "the name of a package the project needs"
    if module in standard_modules():
        return "a module of Python's standard library"
    return None


def is_well_formed(name):
    return re.match(r"[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?\Z", name) is not None


def suggest(name):
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", plain)
    plain = re.sub(r"^[^A-Za-z]+|[^A-Za-z0-9]+$", "", plain) or "my-project"
    return plain + "-study" if taken_by(plain) else plain


def check_name(name):
    if not is_well_formed(name):
        reason = "a name has only letters, digits, - and _, begins with a letter"
        reason += " and ends with a letter or digit"
    else:
        owner = taken_by(name)
        if owner is None:
            return
        reason = "it is " + owner
    refuse(f"the project cannot be named '{name}': {reason}. Try: {suggest(name)}")


def main():
    check_version()
    # The value arrives as data: no character in it can end the Python string.
    name = json.loads(r"""
<<cookiecutter.__asked_name|tojson>>
""")
    check_name(name)


if __name__ == "__main__":
    main()
