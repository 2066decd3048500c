#!/usr/bin/env bash
# Ablations of V0.5, one run after the other, each with the same number of rollouts: bash recipes/ablations.sh
# Names to run: ONLY="v05_fixed2 v05_tracker" bash recipes/ablations.sh. Knobs as in common.sh; runs that are done are
# skipped, killed ones go on. Each is a file of v05_verl/conf/arm.
set -euo pipefail
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

ABLATIONS=(
    # no sequential budget; prompts per step such that every step has as many rollouts as with k = 4
    v05_fixed1 v05_fixed2 v05_fixed4 v05_fixed8 v05_fixed16
    # value model: none (group mean of 4), one rate for all prompts, per-prompt tracker, gp (the arm v05 itself), V0
    v05_no_prior v05_constant v05_tracker v05 v05_v0
    # V0 without the prompt's own past
    v05_v0_no_history
    # price of a rollout, x 1/4 and x 4; x 1 is the arm v05
    v05_cost_quarter v05_cost_x4
    # ours: the robust mode with the sequential budget, with one or two rollouts, and with prompts chosen by their priors
    v05_auto v05_robust v05_fixed1_robust v05_fixed2_robust v05_fixed1_robust_pool4 v05_fixed2_robust_pool4
)

for name in ${ONLY:-${ABLATIONS[*]}}; do ARM=$name bash "$RECIPES/run_arm.sh" "$@"; done
