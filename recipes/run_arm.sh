#!/usr/bin/env bash
# Any arm of v05_verl/conf/arm: ARM=v05_fixed2_robust bash recipes/run_arm.sh      (python -m v05_verl.arms lists them)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

launch "$@"
