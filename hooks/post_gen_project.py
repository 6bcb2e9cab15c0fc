"""Tidy the new project and say what to do next. Runs in the project's folder."""

import os
import shlex
import shutil

CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}


def tidy(root):
    """Remove caches that came along from a template that was used in place."""
    for folder, subfolders, _ in os.walk(root):
        for name in CACHES.intersection(subfolders):
            subfolders.remove(name)
            shutil.rmtree(os.path.join(folder, name))


def path_to(root):
    """Return the path as the user would type it: PWD is still the user's folder."""
    started_in = os.environ.get("PWD", "")
    if not os.path.isabs(started_in):
        started_in = os.path.dirname(root)
    relative = os.path.relpath(root, os.path.realpath(started_in))
    return root if relative.startswith(os.pardir) else relative


def main():
    root = os.path.realpath(os.getcwd())
    tidy(root)
    print("\nYour project is ready. Next:\n")
    print("    cd " + shlex.quote(path_to(root)))
    print("    make run\n")


if __name__ == "__main__":
    main()
