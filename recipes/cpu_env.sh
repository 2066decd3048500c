# Environment of a run of verl on a CPU; sourced by the scripts that train on one.
export VERL_PLATFORM=cpu
export VERL_USE_EXTERNAL_MODULES=v05_verl.register   # unlike the entry point, this lets a failing plugin be seen
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
export TORCHDYNAMO_DISABLE=1 TQ_NUM_THREADS=2
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
export RAY_USAGE_STATS_ENABLED=0 RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=0
export VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind
export VERL_LOGGING_LEVEL=${VERL_LOGGING_LEVEL:-WARN} PYTHONWARNINGS=ignore
export RAY_worker_niceness=0
