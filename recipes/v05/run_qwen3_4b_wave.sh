#!/usr/bin/env bash
# V0.5 with all the rollouts that the evidence asks for in one second wave (ours): bash recipes/v05/run_qwen3_4b_wave.sh
# Two rounds of generation at most: the variant for long responses. The arm: v05_verl/conf/arm/v05_wave.yaml
set -euo pipefail
ARM=${ARM:-v05_wave}
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

launch "$@"
