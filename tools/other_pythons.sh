#!/bin/sh
# Run the quick tests of the runner with the oldest Python and the newest ones, if present:
#   sh tools/other_pythons.sh VENV          (VENV: the environment that needs no repetition)
# Looked for on the PATH and among pyenv's versions; each gets its own folder in build/.
set -eu

version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

find_python() {
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if [ "$(version "$candidate")" = "$1" ]; then
            echo "$candidate"
            return
        fi
    done
}

done_already=$(version "$1/bin/python")
for minor in 3.10 3.13 3.14 3.15; do
    [ "$minor" != "$done_already" ] || continue
    python=$(find_python "$minor")
    if [ -z "$python" ]; then
        echo "Python $minor: not present, not tested"
        continue
    fi
    echo "Python $minor: quick tests"
    sh tools/make_venv.sh "build/python$minor" "$python"
    "build/python$minor/bin/python" -m pytest -q -n 2 --dist worksteal -m "not slow" \
      -p no:cacheprovider tests/runner
done
