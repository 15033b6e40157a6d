"""Stand-ins for SLURM's commands, so that the jobs of examples/slurm run here.

    slurm.put_commands(folder)   # and have the folder on PATH

`sbatch` runs a job at once and to its end, each job of an array after the other, from a
copy of its script elsewhere, as SLURM does. What the job prints goes to slurm-ID.log in
the folder of submission. A job that asks `scontrol` to be requeued runs again. A job
that fails makes sbatch fail, which SLURM's does not, with the log on standard error; a
job that depends on it is not run. `srun` starts the command in all processes of the
job, all on this machine, and ends with the highest exit status.
"""

import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
from typing import Dict, List, Tuple

COMMANDS = ("sbatch", "srun", "scontrol")
# Where the stand-ins keep what they know, named by this variable.
STATE = "SLURM_STAND_IN"
_SCRIPT = """#!/bin/sh
{state}='{folder}' exec '{python}' -SE '{file}' {name} "$@"
"""
_OPTION = re.compile(r"^#SBATCH +(--\S+)", re.MULTILINE)


def put_commands(folder: pathlib.Path) -> None:
    """Put the stand-ins into a folder; what they know goes there, too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COMMANDS:
        text = _SCRIPT.format(
            state=STATE,
            folder=folder,
            python=sys.executable,
            file=os.path.abspath(__file__),
            name=name,
        )
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)


def sbatch(arguments: List[str]) -> int:
    """Submit a job: sbatch OPTION... SCRIPT ARGUMENT..."""
    state = pathlib.Path(os.environ[STATE])
    count = next(i for i, each in enumerate(arguments) if not each.startswith("-"))
    script, *own = arguments[count:]
    text = pathlib.Path(script).read_text(encoding="utf-8")
    options = _options([*_OPTION.findall(text), *arguments[:count]])
    for before in options.get("dependency", "").split(":")[1:]:
        if not (state / f"{before}.ok").exists():
            sys.stderr.write(f"job {before} did not end well\n")
            return 1
    number = 100 + len(list(state.glob("*.job")))
    (state / f"{number}.job").write_text(text)
    print(number if "parsable" in options else f"Submitted batch job {number}")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as spool:
        copy = pathlib.Path(spool) / "slurm_script"
        copy.write_text(text)
        for variables in _jobs(options, number):
            status = _run([str(copy), *own], variables)
            if status:
                return status
    (state / f"{number}.ok").write_text("")
    return 0


def _options(given: List[str]) -> Dict[str, str]:
    """Take --name=value and --name; those that come later count."""
    pairs = (option[2:].partition("=") for option in given)
    return {name: value for name, _, value in pairs}


def _jobs(options: Dict[str, str], number: int) -> List[Dict[str, str]]:
    """List the variables of the jobs that a submission makes."""
    nodes = int(options.get("nodes", "1"))
    per_node = int(options.get("ntasks-per-node", options.get("ntasks", "1")))
    common = {
        "SLURM_JOB_ID": str(number),
        "SLURM_JOB_NAME": options["job-name"],
        "SLURM_SUBMIT_DIR": os.getcwd(),
        "SLURM_NTASKS": str(nodes * per_node),
        "SLURM_CPUS_PER_TASK": options["cpus-per-task"],
    }
    if "array" not in options:
        return [common]
    ids = _indices(options["array"])
    common.update(
        SLURM_ARRAY_JOB_ID=str(number),
        SLURM_ARRAY_TASK_COUNT=str(len(ids)),
        SLURM_ARRAY_TASK_MIN=str(min(ids)),
        SLURM_ARRAY_TASK_MAX=str(max(ids)),
    )
    return [
        dict(common, SLURM_JOB_ID=f"{number}{i:03}", SLURM_ARRAY_TASK_ID=str(i))
        for i in ids
    ]


def _indices(array: str) -> List[int]:
    """Parse "1-3,7%2", of which the last says how many run at a time."""
    ids: List[int] = []
    for part in array.partition("%")[0].split(","):
        first, _, last = part.partition("-")
        ids += range(int(first), int(last or first) + 1)
    return ids


def _run(command: List[str], variables: Dict[str, str]) -> int:
    """Run a job, and run it again as long as it is requeued."""
    requeued = pathlib.Path(os.environ[STATE]) / f"{variables['SLURM_JOB_ID']}.requeue"
    path = pathlib.Path(f"slurm-{variables['SLURM_JOB_ID']}.log")
    restarts = 0
    while True:
        if restarts:
            variables = dict(variables, SLURM_RESTART_COUNT=str(restarts))
        with path.open("ab") as log:
            status = subprocess.run(
                ["bash", *command],
                env={**os.environ, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            ).returncode
        if not requeued.exists():
            break
        requeued.unlink()
        restarts += 1
    if status:
        sys.stderr.write(path.read_text(encoding="utf-8"))
    return status


def srun(arguments: List[str]) -> int:
    """Run a command in all processes of the job, on one node, and wait for them."""
    count = next(i for i, each in enumerate(arguments) if not each.startswith("-"))
    processes = int(os.environ["SLURM_NTASKS"])
    step = {
        "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": str(processes),
        "SLURM_STEP_TASKS_PER_NODE": str(processes),
        "SLURM_STEP_NODELIST": socket.gethostname(),
        "SLURM_NODEID": "0",
    }
    started = [
        subprocess.Popen(
            arguments[count:],
            env=dict(os.environ, SLURM_PROCID=rank, SLURM_LOCALID=rank, **step),
        )
        for rank in map(str, range(processes))
    ]
    return max(process.wait() for process in started)


def scontrol(arguments: List[str]) -> int:
    """Note that a job wants to be requeued."""
    action, number = arguments
    if action != "requeue":
        return 2
    (pathlib.Path(os.environ[STATE]) / f"{number}.requeue").write_text("")
    return 0


def main(argv: Tuple[str, ...]) -> int:
    """Be the command that is named first."""
    name, *arguments = argv
    return {"sbatch": sbatch, "srun": srun, "scontrol": scontrol}[name](arguments)


if __name__ == "__main__":
    sys.exit(main(tuple(sys.argv[1:])))
