# shellcheck shell=bash
# What the jobs in this folder have in common; they read it from the folder in which they
# were submitted, the suite's. Environment modules may be loaded here.
#
#   VENV            the environment that install.sh made (default: .venv)
#   MOST_RESTARTS   how often a job may come back after its time limit (default: 100)

# 128 + SIGUSR1: what the suite's scripts end with when SLURM has sent the signal that
# --signal asks for. All is saved then, and the same command goes on.
readonly INTERRUPTED=138

fail() {
  printf '%s: error: %s\n' "${SLURM_JOB_NAME:-job}" "$*" >&2
  exit 2
}

export PATH="${VENV:-$PWD/.venv}/bin:$PATH"
# Since SLURM 22.05 srun does not take the number of cores from sbatch.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}

# run_or_requeue SCRIPT FLAG...: run a script of the suite in the job's processes. If the
# time limit interrupts it, the job goes back to the queue and will run it again.
run_or_requeue() {
  local status=0
  # Each process ends by itself when it is interrupted; srun must not end the others
  # while the first one still writes its checkpoint.
  srun --kill-on-bad-exit=0 python "$@" || status=$?
  if [ "$status" -eq "$INTERRUPTED" ]; then
    local restarts=${SLURM_RESTART_COUNT:-0}
    [ "$restarts" -lt "${MOST_RESTARTS:-100}" ] ||
      fail "interrupted once more after $restarts restarts; is --time long enough?"
    scontrol requeue "$SLURM_JOB_ID"
  fi
  exit "$status"
}
