#!/usr/bin/env bash
# Two training steps of V0.5 on 64 real DAPO-Math-17k problems, on a CPU: bash recipes/real_prompts.sh
# The model is tiny and randomly initialised, so every reward is -1; prompts, grading, priors, groups and metrics are
# real. The problems come from the Hugging Face hub; RAW or MIRROR names a folder to read instead (--raw and --mirror of
# python -m data_prep.prepare).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# ---- knobs ----
RAW=${RAW:-}
MIRROR=${MIRROR:-}
OUT=${OUT:-outputs/real_prompts}
STEPS=${STEPS:-2}
PROMPT_TOKENS=3072                        # one token per byte
RESPONSE_TOKENS=64

source recipes/paths.sh
check_paths OUT PWD
bash recipes/env.sh hf
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
PYTHON=$PWD/.venv/bin/python

SOURCE=(${RAW:+--raw "$RAW"} ${MIRROR:+--mirror "$MIRROR"})
"$PYTHON" -m data_prep.prepare "${SOURCE[@]}" --out "$OUT/data" --sets dapo_math_17k --first 2000 --limit 64
source recipes/cpu_env.sh                 # from here on no hub is asked
"$PYTHON" -m v05_verl.lab.random_model --out "$OUT/model" --positions $((PROMPT_TOKENS + RESPONSE_TOKENS + 64))

DATA=(
    data.train_files="$(quoted "$OUT/data/dapo_math_17k.parquet")"
    data.val_files="$(quoted "$OUT/data/dapo_math_17k.parquet")"
    data.val_max_samples=16
    data.train_batch_size=32
    data.max_prompt_length=$PROMPT_TOKENS
    data.max_response_length=$RESPONSE_TOKENS
    data.filter_overlong_prompts=True
)
MODEL=(
    actor_rollout_ref.model.path="$(quoted "$OUT/model")"
)
ACTOR=(
    actor_rollout_ref.actor.ppo_mini_batch_size=32
    actor_rollout_ref.actor.optim.lr=1e-6
)
ROLLOUT=(
    actor_rollout_ref.rollout.max_model_len=$((PROMPT_TOKENS + RESPONSE_TOKENS))
    actor_rollout_ref.rollout.max_num_seqs=64
    actor_rollout_ref.rollout.val_kwargs.do_sample=True
)
REWARD=(
    reward.custom_reward_function.path=pkg://v05_verl.grading
    reward.custom_reward_function.name=compute_score
)
V05=(
    +v05=default
    algorithm.adv_estimator=v05
    v05.poll_interval_s=0.1
)
TRAINER=(
    trainer.project_name=v05_real_prompts
    trainer.experiment_name=dapo_math_17k
    "trainer.logger=[console,file]"
    trainer.total_training_steps="$STEPS"
    trainer.test_freq=-1
    trainer.val_before_train=True
    trainer.save_freq=-1
    trainer.resume_mode=disable
    trainer.default_local_dir="$(quoted "$OUT/checkpoints")"
    trainer.rollout_data_dir="$(quoted "$OUT/rollouts")"
    hydra.run.dir="$(quoted "$OUT/hydra")"
)
export VERL_FILE_LOGGER_PATH=$OUT/metrics.jsonl
echo "== starting verl (about a minute); its output goes to $OUT/log.txt"
set +e
"$PYTHON" -m verl.trainer.main_ppo "hydra.searchpath=[pkg://v05_verl.conf]" +cpu=hf \
    "${DATA[@]}" "${MODEL[@]}" "${ACTOR[@]}" "${ROLLOUT[@]}" "${REWARD[@]}" "${V05[@]}" "${TRAINER[@]}" "$@" 2>&1 \
    | tee "$OUT/log.txt" | grep -aoE --line-buffered 'step:[0-9]+ |v05: .*'
code=${PIPESTATUS[0]}
set -e
if [ "$code" != 0 ]; then
    echo "== verl ended with exit code $code; the end of its output:" >&2
    tail -n 40 "$OUT/log.txt" >&2
    exit "$code"
fi
"$PYTHON" -m v05_verl.report.last_step "$OUT/metrics.jsonl"
