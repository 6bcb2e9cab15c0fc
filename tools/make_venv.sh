#!/bin/sh
# Make a virtual environment and install the development packages into it:
#   sh tools/make_venv.sh FOLDER [PYTHON]
# Without PYTHON: the first of python3.14 ... python3.10, python3 that really works, or
# else uv. An environment that is still good is kept. FOLDER/.installed is the stamp.
set -eu

folder=$1
wanted=${2:-}
requirements=requirements-dev.txt

say() { echo "$@" >&2; }

# A version manager may have put a python3.12 here that only says it is not installed.
is_recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; }
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

say_how_to_get_venv() {
    say "$1 has no working venv module. Install it, then repeat:"
    say "    sudo apt install python$(version "$1")-venv    # Debian, Ubuntu"
}

find_python() {
    if [ -n "$wanted" ]; then
        if ! is_recent "$wanted"; then
            say "PYTHON=$wanted does not run, or is older than Python 3.10."
            exit 1
        elif ! makes_venvs "$wanted"; then
            say_how_to_get_venv "$wanted"
            exit 1
        fi
        echo "$wanted"
        return
    fi
    without_venv=
    for candidate in python3.14 python3.13 python3.12 python3.11 python3.10 python3; do
        if is_recent "$candidate"; then
            if makes_venvs "$candidate"; then
                echo "$candidate"
                return
            fi
            without_venv=${without_venv:-$candidate}
        fi
    done
    if uv --version >/dev/null 2>&1; then
        echo uv
    elif [ -n "$without_venv" ]; then
        say_how_to_get_venv "$without_venv"
        exit 1
    else
        say "No Python 3.10 or later was found. Install uv, which brings one, and repeat:"
        say "    curl -LsSf https://astral.sh/uv/install.sh | sh"
        exit 1
    fi
}

is_good() {
    is_recent "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1 || return 1
    [ -z "$wanted" ] || [ "$(version "$folder/bin/python")" = "$(version "$wanted")" ]
}

python=
if [ -n "$wanted" ] || ! is_good; then
    python=$(find_python)
fi
if ! is_good; then
    rm -rf "$folder"
    if [ "$python" = uv ]; then
        uv venv --quiet --seed --python '>=3.10' "$folder"
    else
        "$python" -m venv "$folder"
    fi
fi
if [ "$folder/.installed" -nt "$requirements" ]; then
    exit 0
fi
echo "Installing into $folder (Python $(version "$folder/bin/python"); once, about a minute) ..."
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
touch "$folder/.installed"
