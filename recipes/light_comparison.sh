#!/usr/bin/env bash
# The arms on tiny models without verl, many seeds: bash recipes/light_comparison.sh
# Needs .venv (bash recipes/env.sh hf). Hours on two cores; a second call goes on where the first ended.
# Learning rates are chosen per arm on seeds 1000 and 1001, which are in no result. Results: $OUT/<setting>/, a folder of
# runs that python -m v05_verl.report reads: --control v05_fixed1 pairs every arm with that one, seed by seed
# Some of it: ONLY="sort longer" bash recipes/light_comparison.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
OUT=${OUT:-outputs/light}
SEEDS=${SEEDS:-10}
FIRST_SEED=${FIRST_SEED:-10}
JOBS=${JOBS:-2}
ROLLOUTS=15360                            # as recipes/results/quickstart, through verl
SETTINGS=(reverse same_rate variants as_through_verl sort several_mini_batches weak_start longer)

source recipes/cpu_env.sh

MAIN=(grpo_n16 grpo_n16_p8 grpo_n8 grpo_n4 grpo_n16_no_std dapo_n16 rloo_n16 rloo_n4 rloo_n2 rloo_n4_pool2
    v05 v05_wave v05_fixed1 v05_fixed2 v05_fixed4 v05_fixed8 v05_robust
    v05_fixed1_robust v05_fixed2_robust v05_fixed4_robust v05_fixed1_robust_pool2 v05_fixed2_robust_pool2)
PRIORS_AND_PRICES=(v05_no_prior v05_constant v05_tracker v05_oracle v05_fixed2_oracle v05_fixed2_robust_oracle
    v05_cost_quarter v05_cost_x4
    v05_fixed1_robust_constant v05_fixed1_robust_oracle v05_fixed2_robust_constant)
FEW=(grpo_n16 dapo_n16 rloo_n4 rloo_n4_pool2 v05 v05_wave v05_fixed4 v05_fixed2 v05_fixed2_robust v05_fixed2_robust_pool2
    v05_fixed1_robust_pool2)
THROUGH_VERL=(grpo_n16 dapo_n16 rloo_n4 v05 v05_wave v05_fixed4 v05_fixed2 v05_fixed2_robust_pool2 v05_fixed1_robust_pool2)
VARIANTS=(rloo_n4 v05 v05_predictable v05_fixed4 v05_fixed4_predictable v05_fixed4_robust
    v05_fixed4_robust_fused v05_fixed2 v05_fixed2_predictable)
LONGER=(grpo_n16 grpo_n4 dapo_n16 rloo_n4 rloo_n2 v05 v05_wave v05_constant v05_tracker v05_oracle
    v05_fixed4 v05_fixed4_robust v05_fixed2 v05_fixed2_robust_pool2 v05_fixed1_robust_pool2)
ONE_RATE=(--learning-rates 2e-4)           # that of recipes/quickstart.sh
RATES=(--learning-rates 1e-4 2e-4 4e-4 --tuning-seeds 2)

study() {
    .venv/bin/python -m v05_verl.lab.train --out "$OUT" --name "$setting" --seeds "$SEEDS" --first-seed "$FIRST_SEED" \
        --jobs "$JOBS" --rollouts "$ROLLOUTS" "$@"
}

for setting in ${ONLY:-${SETTINGS[*]}}; do
    echo "== $setting"
    case $setting in
        reverse) study --tasks reverse "${RATES[@]}" --arms "${MAIN[@]}" "${PRIORS_AND_PRICES[@]}" ;;
        # how far the choice of learning rates matters
        same_rate) study --tasks reverse "${ONE_RATE[@]}" --arms grpo_n16_p8 "${THROUGH_VERL[@]}" ;;
        # what makes no measurable difference: shared or predictable baselines, weights, division by a predicted std
        variants) study --tasks reverse "${ONE_RATE[@]}" --arms "${VARIANTS[@]}" ;;
        # seeds, learning rate and validations of recipes/results/quickstart, to be paired with it arm by arm:
        # python -m v05_verl.report verl=outputs/q light=$OUT/as_through_verl --control light --out outputs/agreement
        as_through_verl) study --tasks reverse --first-seed 0 --seeds 3 "${ONE_RATE[@]}" --evaluations 5 \
            --arms "${THROUGH_VERL[@]}" ;;
        sort) study --tasks sort "${RATES[@]}" --arms "${MAIN[@]}" ;;
        several_mini_batches) study --tasks reverse "${RATES[@]}" --mini-batches 4 --arms "${FEW[@]}" ;;
        weak_start) study --tasks reverse "${RATES[@]}" --warm-start 0.25 --arms "${FEW[@]}" ;;
        longer) study --tasks reverse "${ONE_RATE[@]}" --rollouts $((2 * ROLLOUTS)) --arms "${LONGER[@]}" ;;
        *) echo "light_comparison.sh: unknown setting '$setting'; there are ${SETTINGS[*]}" >&2; exit 2 ;;
    esac
done
