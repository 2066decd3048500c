#!/usr/bin/env bash
# A checkpoint on the six benchmarks, 16 answers per problem, through verl's validation:
#   CHECKPOINT=outputs/qwen3_4b/v05/seed_0/checkpoints/global_step_430 bash recipes/evaluate.sh
# CHECKPOINT=none evaluates MODEL_PATH as it is. FSDP checkpoints are read on as many GPUs as wrote them; for another
# number merge them first (python -m verl.model_merger merge --backend fsdp) and name the result with MODEL_PATH.
set -euo pipefail
CHECKPOINT=${CHECKPOINT:?"evaluate.sh: set CHECKPOINT to a folder .../<arm>/seed_<k>/checkpoints/global_step_<n>, or to none"}
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
if [ "$DRY_RUN" != 1 ]; then
    "$PYTHON" - "$OUT/$ARM/seed_$SEED" <<'TABLE'
import sys
from pathlib import Path

from v05_verl.report.metrics_files import read_launch

launches = sorted((Path(sys.argv[1]) / "metrics").glob("*.jsonl"), key=lambda file: int(file.stem))
metrics = list(read_launch(launches[-1]).records.values())[-1]
print("| benchmark | mean | pass (verl: best) | majority (verl: maj) |\n|---|---|---|---|")
for source in sorted({name.split("/")[1] for name in metrics if name.startswith("val-core/")}):
    kinds = {name.split("/")[3]: value for name, value in metrics.items() if name.startswith(f"val-core/{source}/acc/")}
    row = [next((f"{kind} {value:.4f}" for kind, value in kinds.items() if kind.startswith(f"{key}@")), "-")
           for key in ("mean", "best", "maj")]
    print(f"| {source} | {' | '.join(row)} |")
TABLE
fi
