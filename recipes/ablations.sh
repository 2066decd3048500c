#!/usr/bin/env bash
# Ablations of V0.5, one run after the other, each with the same number of rollouts: bash recipes/ablations.sh
# Names to run: ONLY="v05_fixed2 v05_tracker" bash recipes/ablations.sh. Knobs as in common.sh; runs that are done are
# skipped, killed ones go on.
set -euo pipefail
RECIPES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# ---- the list ----
ABLATIONS=(
    # no sequential budget; prompts per step such that every step has as many rollouts as with k = 4
    v05_fixed1 v05_fixed2 v05_fixed4 v05_fixed8 v05_fixed16
    # value model: none (group mean of 4), one rate for all prompts, per-prompt tracker, gp (the arm v05 itself), V0
    v05_no_prior v05_constant v05_tracker v05_gp v05_v0
    # V0 without the prompt's own past
    v05_v0_no_history
    # price of a rollout, x 1/4 and x 4; x 1 is the arm v05
    v05_cost_quarter v05_cost_x4
    # ours: the robust mode with the sequential budget, with one or two rollouts, and with prompts chosen by their priors
    v05_robust v05_fixed1_robust v05_fixed2_robust v05_fixed1_robust_pool2 v05_fixed2_robust_pool2
)

run() {
    local name=$1 k
    shift
    case $name in
        v05_robust) variant "$name" run_qwen3_4b.sh "${ROBUST[@]}" "$@" ;;
        v05_fixed[12]_robust | v05_fixed[12]_robust_pool2)
            k=${name:9:1}
            K=$k PROMPTS=$((4 * ${PROMPTS:-$DEFAULT_PROMPTS} / k)) variant "$name" run_qwen3_4b_fixed.sh "${ROBUST[@]}" \
                v05.prompt_pool=$([[ $name = *_pool2 ]] && echo 2 || echo 1) "$@" ;;
        v05_fixed*)
            k=${name#v05_fixed}
            K=$k PROMPTS=$((4 * ${PROMPTS:-$DEFAULT_PROMPTS} / k)) bash "$RECIPES/v05/run_qwen3_4b_fixed.sh" "$@" ;;
        v05_no_prior) K=4 PRIOR=constant variant "$name" run_qwen3_4b_fixed.sh v05.baseline=group_mean "$@" ;;
        v05_constant) PRIOR=constant variant "$name" run_qwen3_4b.sh "$@" ;;
        v05_tracker) PRIOR=tracker variant "$name" run_qwen3_4b.sh "$@" ;;
        v05_gp) PRIOR=gp variant v05 run_qwen3_4b.sh "$@" ;;
        v05_v0) PRIOR=v0 variant "$name" run_qwen3_4b.sh "${V0[@]}" "$@" ;;
        v05_v0_no_history) PRIOR=v0 variant "$name" run_qwen3_4b.sh "${V0[@]}" v05.value.v0.history=False "$@" ;;
        v05_cost_quarter) variant "$name" run_qwen3_4b.sh v05.marginal_cost=0.0009765625 "$@" ;;
        v05_cost_x4) variant "$name" run_qwen3_4b.sh v05.marginal_cost=0.015625 "$@" ;;
        *) echo "ablations.sh: unknown ablation '$name'; there are ${ABLATIONS[*]}" >&2; exit 2 ;;
    esac
}

# ARM and script of v05/, and what the ablation changes.
variant() { ARM=$1 bash "$RECIPES/v05/$2" "${@:3}"; }

ROBUST=(v05.mode=robust v05.baseline=predictable)

# Training takes every GPU, so V0's encoder runs on CPU cores; the smoke run has one that needs no download.
if [ "${SMOKE:-0}" = 1 ]; then
    DEFAULT_PROMPTS=16 V0=(v05.value.v0.encoder=surface)
else
    DEFAULT_PROMPTS=512 V0=(v05.value.num_cpus=16)
fi
for name in ${ONLY:-${ABLATIONS[*]}}; do run "$name" "$@"; done
