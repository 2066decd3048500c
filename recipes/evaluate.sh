#!/usr/bin/env bash
# A checkpoint on the six benchmarks, 16 answers per problem, through verl's validation:
#   CHECKPOINT=outputs/qwen3_4b/v05/seed_0/checkpoints/global_step_430 bash recipes/evaluate.sh
# CHECKPOINT=none evaluates MODEL_PATH as it is. FSDP checkpoints are read on as many GPUs as wrote them; for another
# number merge them first (python -m verl.model_merger merge --backend fsdp) and name the result with MODEL_PATH.
set -euo pipefail
CHECKPOINT=${CHECKPOINT:?"evaluate.sh: set CHECKPOINT to a folder .../<arm>/seed_<k>/checkpoints/global_step_<n>, or to none"}
CHECKPOINT=${CHECKPOINT%/}   # verl reads the step behind the last _
OUT=${OUT:-outputs/evaluation}
METHOD=(
    algorithm.adv_estimator=grpo
    trainer.val_only=True
    trainer.val_before_train=True
)
source "$(dirname "${BASH_SOURCE[0]}")/paths.sh"
check_paths CHECKPOINT
if [ "$CHECKPOINT" = none ]; then
    ARM=${ARM:-base}
    METHOD+=(trainer.resume_mode=disable)
else
    if [ "${DRY_RUN:-0}" != 1 ] && [ ! -d "$CHECKPOINT/actor" ]; then
        echo "evaluate.sh: $CHECKPOINT holds no folder actor; name a folder global_step_<n> that verl saved" >&2
        exit 2
    fi
    case $CHECKPOINT in /*) ;; *) CHECKPOINT=$PWD/$CHECKPOINT ;; esac
    TRAINED=${CHECKPOINT%/checkpoints/*}
    ARM=${ARM:-$(basename "$(dirname "$TRAINED")")_step${CHECKPOINT##*_}}
    case $TRAINED in */seed_*) SEED=${SEED:-${TRAINED##*/seed_}} ;; esac
    METHOD+=(trainer.resume_mode=resume_path trainer.resume_from_path="$(quoted "$CHECKPOINT")")
fi
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
METHOD+=(
    trainer.validation_data_dir="$(quoted "$OUT/$ARM/seed_$SEED/answers")"
    data.train_batch_size="$PROMPTS"
    actor_rollout_ref.actor.ppo_mini_batch_size="$PROMPTS"
    trainer.total_training_steps=1
)

launch "$@"
[ "$DRY_RUN" = 1 ] || "$PYTHON" -m v05_verl.report.evaluation "$OUT/$ARM/seed_$SEED"
