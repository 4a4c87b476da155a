"""Programs that answer as SLURM's do, for jobs that run here at once. `states/` holds the state of each."""

import os

PROGRAMS = {
    "sbatch": r"""
number=$(( $(ls "$SLURM/scripts" | wc -l) + 1 ))
cp "$1" "$SLURM/scripts/$number"
tasks=$(sed -n 's/^#SBATCH --array=0-\([0-9]*\)%.*/\1/p' "$1")
for task in $(seq 0 "${tasks:-0}"); do
  id=$number; [ -z "$tasks" ] || { id=${number}_$task; export SLURM_ARRAY_JOB_ID=$number SLURM_ARRAY_TASK_ID=$task; }
  echo RUNNING > "$SLURM/states/$id"
  ( SLURM_JOB_ID=$number JOB=$id bash "$1"
    [ "$(cat "$SLURM/states/$id")" != RUNNING ] || echo COMPLETED > "$SLURM/states/$id"
  ) > /dev/null 2>&1 &
done
echo "Submitted batch job $number"
""",
    "srun": r"""
while [ "$1" != --output ]; do shift; done
log=$(echo "$2" | sed "s/%A_%a\|%j/$JOB/; s/%t/0/"); shift 2
"$@" > "$log" 2>&1
""",
    "squeue": r"""for file in "$SLURM"/states/*; do echo "$(basename "$file")|$(cat "$file")"; done""",
    "scancel": r"""for id in "$@"; do echo CANCELLED > "$SLURM/states/$id"; echo "$id" >> "$SLURM/cancelled"; done""",
}


def install(place, monkeypatch):
    """Write the programs into `place` and put them in front of the path."""
    for folder in ("bin", "states", "scripts"):
        (place / folder).mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (place / "bin" / name).write_text(f"#!/bin/bash\n{text}")
        (place / "bin" / name).chmod(0o755)
    monkeypatch.setenv("SLURM", str(place))
    monkeypatch.setenv("PATH", f"{place / 'bin'}:{os.environ['PATH']}")
