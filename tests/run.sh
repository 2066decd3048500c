#!/usr/bin/env bash
# All tests: bash tests/run.sh [pytest arguments]
# Needs Python 3.11 and nothing else: makes .venv with pinned versions first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bash recipes/env.sh vllm
source recipes/cpu_env.sh
echo "== ruff"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
echo "== pytest"
exec .venv/bin/python -m pytest "$@"
