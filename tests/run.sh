#!/usr/bin/env bash
# All tests: bash tests/run.sh [--fast] [pytest arguments]
# --fast, first: without vLLM and without the tests marked slow, which train through Ray or keep a core busy for long.
# Needs Python 3.11 and nothing else: makes .venv with pinned versions first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ENGINE=vllm
if [ "${1:-}" = --fast ]; then
    shift
    ENGINE=hf
    set -- -m "not slow and not vllm" "$@"
fi
bash recipes/env.sh "$ENGINE"
source recipes/cpu_env.sh
echo "== ruff"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
echo "== pytest"
# Two workers, each with one test at a time: starting Ray and verl keeps one core busy.
exec .venv/bin/python -m pytest -n 2 --dist loadgroup "$@"
