"""How processes become one run: Horovod started, by whatever has launched them.

horovodrun says all in variables of its own, and a Horovod with MPI asks MPI. srun
starts a Horovod without MPI, too: SLURM's variables say who is who, and the first
process serves the addresses that the others need (Horovod's own server).
"""

import importlib
import importlib.util
import os
import re
import socket
import threading
import zlib
from types import ModuleType
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from biocodes.lib import files
from biocodes.lib.model_folder import CONFIG, VOCABULARY
from biocodes.lib.version import VERSION

INSTALL = "./install.sh --with=horovod"
# The first TensorFlow that no Horovod can be built for.
_TOO_NEW = (2, 16)
# Number of this process and of all, in the variables of launchers.
_VARIABLES = (
    ("HOROVOD_RANK", "HOROVOD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
)
# Flags that name files: of data, and of models.
_DATA = ("data_dir", "train_file", "predict_file", "dev_file")
_MODELS = ("model_dir", "ensemble_of", "init_checkpoint")
_OTHERS = ("vocab_file", "bert_config_file")
# What Horovod does unless the environment says otherwise: it is silent where we say
# what has happened; a process is given up after 50 seconds; the others wait without a
# word while the first one reads, or writes results.
_DEFAULTS = {
    "HOROVOD_LOG_LEVEL": "fatal",
    "HOROVOD_GLOO_TIMEOUT_SECONDS": "50",
    "HOROVOD_STALL_CHECK_DISABLE": "1",
}


def start(tensorflow: str) -> ModuleType:
    """Import Horovod and let the processes find each other.

    Args:
      tensorflow: its version.

    Returns:
      horovod.tensorflow, initialized.

    Raises:
      InputError: it is not installed, does not support this TensorFlow, or finds no
        other process.
    """
    if tuple(map(int, tensorflow.split(".")[:2])) >= _TOO_NEW:
        raise files.InputError(
            f"Horovod does not support TensorFlow {tensorflow}",
            "--horovod",
            remedy=f"PYTHON=3.11 VENV=.venv-horovod {INSTALL} makes an environment with"
            " TensorFlow 2.15",
        )
    if importlib.util.find_spec("horovod") is None:
        raise files.InputError(
            "Horovod is not installed", "--horovod", remedy=f"{INSTALL} builds it"
        )
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        horovod = importlib.import_module("horovod.tensorflow")
        _introduce(horovod)
        horovod.init()
    # Horovod has errors of its own, and passes on those of gloo and MPI.
    except Exception as error:
        if isinstance(error, files.InputError):
            raise
        raise files.InputError(
            f"Horovod does not start ({files.one_line(str(error))})",
            "--horovod",
            remedy="docs/scaling.md says how processes are launched",
        ) from error
    return horovod


def rank_by_environment() -> int:
    """Return the number of this process as its launcher says; 0 if it says nothing."""
    for number, count in _VARIABLES:
        if os.environ.get(count, "1") != "1":
            return int(os.environ.get(number, 0))
    return 0


# srun, and a Horovod without MPI


def _introduce(horovod: Any) -> None:
    """Say in Horovod's variables what srun says in SLURM's, if Horovod needs that.

    Raises:
      InputError: another launcher was used, which only a Horovod with MPI understands.
    """
    environment = os.environ
    if "HOROVOD_RANK" in environment or horovod.mpi_built():
        return
    if environment.get("SLURM_STEP_NUM_TASKS", "1") != "1":
        place = Place.of_slurm(environment)
        if place.rank == 0:
            _serve_addresses(place.port)
        environment.update(place.variables())
    elif any(environment.get(count, "1") != "1" for _, count in _VARIABLES):
        raise files.InputError(
            "mpirun needs a Horovod that is built with MPI",
            "--horovod",
            remedy="start the processes by horovodrun or srun",
        )


class Place(NamedTuple):
    """The place of a process among those of a job step.

    Attributes:
      rank: number of this process, from 0.
      node: number of its machine, from 0.
      local_rank: its number there.
      tasks: how many processes each machine has.
      first_host: name of the machine of the first process.
      port: where that one serves addresses.
    """

    rank: int
    node: int
    local_rank: int
    tasks: List[int]
    first_host: str
    port: int

    @classmethod
    def of_slurm(cls, variables: Mapping[str, str]) -> "Place":
        """Take SLURM's word for it."""
        step = f"{variables['SLURM_JOB_ID']}.{variables.get('SLURM_STEP_ID', 0)}"
        # Above the ports of services and below those that systems give out.
        port = 10_000 + zlib.crc32(step.encode()) % 20_000
        return cls(
            int(variables["SLURM_PROCID"]),
            int(variables["SLURM_NODEID"]),
            int(variables["SLURM_LOCALID"]),
            list(expand_counts(variables["SLURM_STEP_TASKS_PER_NODE"])),
            first_name(variables["SLURM_STEP_NODELIST"]),
            port,
        )

    def variables(self) -> Dict[str, str]:
        """Return what horovodrun would have set."""
        alike = [
            node for node, count in enumerate(self.tasks) if count > self.local_rank
        ]
        values = {
            "RANK": self.rank,
            "SIZE": sum(self.tasks),
            "LOCAL_RANK": self.local_rank,
            "LOCAL_SIZE": self.tasks[self.node],
            "CROSS_RANK": alike.index(self.node),
            "CROSS_SIZE": len(alike),
            "HOSTNAME": socket.gethostname(),
            "CONTROLLER": "gloo",
            "CPU_OPERATIONS": "gloo",
            "GLOO_RENDEZVOUS_ADDR": socket.gethostbyname(self.first_host),
            "GLOO_RENDEZVOUS_PORT": self.port,
        }
        return {f"HOROVOD_{name}": str(value) for name, value in values.items()}


def expand_counts(text: str) -> Iterator[int]:
    """Yield what SLURM writes as "2(x3),1": 2, 2, 2, 1."""
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        for _ in range(int(times or 1)):
            yield int(count)


def first_name(node_list: str) -> str:
    """Return the first machine of a list that SLURM writes as "gpu[03-07,9],cpu1"."""
    name = re.match(r"[^\[,]*", node_list).group()
    rest = node_list[len(name) :]
    if not rest.startswith("["):
        return name
    numbers, _, after = rest[1:].partition("]")
    return name + re.match(r"\d*", numbers).group() + after.partition(",")[0]


def _serve_addresses(port: int) -> None:
    """Serve addresses as long as this process lives."""
    from horovod.runner.http.http_server import KVStoreHandler, RendezvousHTTPServer

    class Handler(KVStoreHandler):
        """Keeps what a process has read, for others may still have to."""

        def do_DELETE(self) -> None:
            self.send_status_code(200)

    server = RendezvousHTTPServer(("", port), Handler, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()


# What the processes compare


def facts_of(flags: Any) -> Dict[str, Any]:
    """Return what the processes of a run must have in common, and "machine"."""
    facts = {f"--{name}": flags[name].value for name in sorted(flags)}
    for path in _files_named(flags):
        facts[path] = files.digest(path)[:12] if os.path.isfile(path) else "missing"
    facts["the suite"] = VERSION
    cores: Sequence[int] = ()
    if hasattr(os, "sched_getaffinity"):
        cores = sorted(os.sched_getaffinity(0))
    facts["machine"] = {"name": socket.gethostname(), "cores": cores}
    return facts


def _files_named(flags: Any) -> Iterator[str]:
    """Yield the paths of the files that flags name, itself or by their folder."""
    for name in (*_DATA, *_MODELS, *_OTHERS):
        value = flags[name].value if name in flags else None
        # A data_dir may be several, TYPE=FOLDER,FOLDER; so may ensemble_of.
        for part in value.split(",") if value else ():
            path = part.partition("=")[2] or part
            if name in _DATA and os.path.isdir(path):
                yield from _below(path, ".tsv")
            elif name in _MODELS:
                yield from _of_model(path)
            else:
                yield path


def _below(folder: str, ending: str) -> Iterator[str]:
    for inside, folders, names in os.walk(folder):
        folders.sort()
        yield from (
            os.path.join(inside, name)
            for name in sorted(names)
            if name.endswith(ending)
        )


def _of_model(path: str) -> Iterator[str]:
    """Yield what identifies a model in a folder, or a checkpoint by its prefix."""
    if not os.path.isdir(path):
        yield re.sub(
            r"(\.index|\.meta|\.data-\d{5}-of-\d{5})?$", ".index", path, count=1
        )
        return
    for name in sorted(os.listdir(path)):
        if name in (VOCABULARY, CONFIG) or name.endswith(".index"):
            yield os.path.join(path, name)


def share_of_cores(machines: List[Dict[str, Any]], rank: int) -> Optional[int]:
    """Return how many cores of its machine are a process's, at least 1.

    Args:
      machines: {"name", "cores": numbers of those that it may use} of each process.
      rank: which of them is asked for.

    Returns:
      None where it shares no core with another process.
    """
    own = machines[rank]
    together = [each["cores"] for each in machines if each["name"] == own["name"]]
    used = [sum(core in cores for cores in together) for core in own["cores"]]
    if not used or max(used) == 1:
        return None
    return max(1, int(sum(1 / count for count in used)))
