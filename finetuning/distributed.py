"""Several processes that are one run, by Horovod.

    horovodrun -np 8 python run_ner.py --horovod=true …

Every process runs the whole script on the same data and takes its share of each
training step and of the batches that are predicted; the shares are put together where
they are made, so all processes hold the same weights, predictions and scores, and take
the same way. The first one alone writes: to the others the output folder is a shadow
(shadow.py) that is thrown away.

A process alone, with --horovod or without, is a run of one, in which Horovod is not
called. shares.py divides the work.
"""

import contextlib
import json
import logging
import re
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

import numpy as np

from biocodes.lib import files
from finetuning import console, launchers
from finetuning.signals import Interrupted

# Seconds that the others leave the first process to report an error that all have.
PATIENCE = 10.0
# Far enough apart that the seeds 1, 2, 3 … of several runs do not meet.
_SEED_STEP = 1_000_003
_MISSING = "missing"
_LOST = (
    "another process of this run has ended",
    "what it wrote before that says why; the same command again resumes from the last"
    " checkpoint",
)


class _Group(NamedTuple):
    """The processes of this run, as this one sees them.

    Attributes:
      rank: number of this process, from 0.
      size: number of processes.
      local_rank: number of this process on its machine.
      cores: how many of the machine's cores are this one's; None: it need not mind.
      horovod: the module; None for a process alone.
      exchange: what sends bytes to all; likewise.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    cores: Optional[int] = None
    horovod: Any = None
    exchange: Optional["_Exchange"] = None


class PeerLost(files.InputError):
    """Another process has ended, so this one cannot go on."""

    def __init__(self) -> None:
        problem, remedy = _LOST
        super().__init__(problem, remedy=remedy)


_group = _Group()
# Whether this process has been one of several; its errors are then seen to.
_was_joined = False


def rank() -> int:
    """Return the number of this process, from 0."""
    return _group.rank


def size() -> int:
    """Return the number of processes."""
    return _group.size


def horovod() -> Any:
    """Return Horovod's module; there must be several processes."""
    return _group.horovod


def is_first() -> bool:
    """Whether this process is the one that writes and reports."""
    return _group.rank == 0


# Joining and leaving


@contextlib.contextmanager
def joined(flags: Any) -> Iterator[None]:
    """Within the block, be one of the processes of a run; alone without --horovod.

    An error that all processes have is reported by the first one. The others wait for
    that, and report what they find is theirs alone.

    Args:
      flags: the script's.

    Raises:
      InputError: Horovod is not there, the processes were started with different flags
        or data, or do not divide the batch.
    """
    global _group, _was_joined
    if not flags.horovod:
        yield
        return
    _group = _begin(flags)
    _was_joined = size() > 1
    try:
        with losses_reported():
            _check_all(flags)
            yield
            barrier()  # the first process may still be writing
    except (files.InputError, Interrupted) as error:
        if is_first():
            raise
        _leave_to_first(error)
        raise
    finally:
        if _group.horovod:
            _group.horovod.shutdown()
        _group = _Group()


def _begin(flags: Any) -> _Group:
    """Start Horovod → the group, of which nothing is checked yet."""
    from finetuning.command_line import set_up_tensorflow, start_tensorflow

    if flags.engine == "onnx":
        raise files.InputError(
            "does not go with --engine=onnx", "--horovod", remedy="leave it out"
        )
    set_up_tensorflow()
    horovod = launchers.start(start_tensorflow().version.VERSION)
    if horovod.size() == 1:
        horovod.shutdown()
        return _Group()
    group = _Group(
        horovod.rank(),
        horovod.size(),
        horovod.local_rank(),
        horovod=horovod,
        exchange=_Exchange(horovod),
    )
    if group.rank:
        console.log.setLevel(logging.CRITICAL)
    return group


def _leave_to_first(error: BaseException) -> None:
    """End this process if the first one has ended, and so has reported the error."""
    if isinstance(error, Interrupted):
        sys.exit(128 + error.signal)
    if isinstance(error, PeerLost) or _first_ends():
        sys.exit(2)


def _first_ends() -> bool:
    """Whether the first process ends within PATIENCE."""
    ended = threading.Event()

    def wait() -> None:
        try:
            with losses_reported():
                _group.exchange.gather(b"", "error")
        except PeerLost:
            ended.set()

    threading.Thread(target=wait, daemon=True).start()
    return ended.wait(PATIENCE)


def leave_early_errors_to_first(argv: List[str]) -> None:
    """Wait, in another process than the first, before an error of the flags is shown.

    For errors before the processes know each other. What all have is reported by the
    first; the launcher then ends the others while they wait here.
    """
    asked = any(re.match("--?horovod($|=[tT1yY])", argument) for argument in argv)
    if asked and not _was_joined and launchers.rank_by_environment():
        time.sleep(PATIENCE)


@contextlib.contextmanager
def losses_reported() -> Iterator[None]:
    """Within the block, that another process has ended is a PeerLost."""
    if size() == 1:
        yield
        return
    import tensorflow.compat.v1 as tf

    try:
        yield
    except (tf.errors.UnknownError, tf.errors.AbortedError) as error:
        if "horovod" not in str(error).lower():
            raise
        raise PeerLost() from error


# Exchange of bytes


class _Exchange:
    """Sends bytes from every process to every process."""

    def __init__(self, horovod: Any) -> None:
        self._horovod = horovod
        self._sessions: Dict[str, Any] = {}

    def gather(self, message: bytes, name: str = "gather") -> List[bytes]:
        """Return the messages of all processes, in the order of their numbers."""
        session, fed, operations = self._session(name)
        content = np.frombuffer(message, np.uint8)
        values = session.run(operations, {fed[0]: content, fed[1]: [len(content)]})
        ends = np.cumsum(values[1])
        return [
            values[0][end - count : end].tobytes()
            for count, end in zip(values[1], ends)
        ]

    def _session(self, name: str) -> Any:
        if name not in self._sessions:
            import tensorflow.compat.v1 as tf

            with tf.Graph().as_default() as graph, tf.device("/cpu:0"):
                fed = tf.placeholder(tf.uint8, [None]), tf.placeholder(tf.int64, [None])
                operations = [
                    self._horovod.allgather(each, name=f"{name}_{number}")
                    for number, each in enumerate(fed)
                ]
            # A card is the model's alone.
            no_gpu = tf.ConfigProto(device_count={"GPU": 0})
            session = tf.Session(graph=graph, config=no_gpu)
            self._sessions[name] = session, fed, operations
        return self._sessions[name]


def gather(value: Any) -> List[Any]:
    """Return the JSON values of all processes, in the order of their numbers.

    Raises:
      PeerLost: another process has ended.
    """
    if size() == 1:
        return [value]
    messages = gather_bytes(json.dumps(value).encode())
    return [json.loads(message.decode()) for message in messages]


def gather_bytes(message: bytes) -> List[bytes]:
    """Return the messages of all processes, of which there are several.

    Raises:
      PeerLost: another process has ended.
    """
    with losses_reported():
        return _group.exchange.gather(message)


def by_first(decide: Callable[[], Any]) -> Any:
    """Return what the first process decides, a JSON value, in all of them."""
    return gather(decide() if is_first() else None)[0]


def barrier() -> None:
    """Wait until all processes are here."""
    gather(None)


# Checks at the start


def _check_all(flags: Any) -> None:
    """Compare the processes, and share out the cores of each machine.

    Raises:
      InputError: they differ, or do not divide the batch.
    """
    global _group
    if size() == 1:
        return
    facts = launchers.facts_of(flags)
    machines = [each.pop("machine") for each in map(dict, gather(facts))]
    facts.pop("machine")
    check_same(facts)
    step = size() * flags.gradient_accumulation_steps
    if flags.do_train and flags.train_batch_size % step:
        parts = "parts" if flags.gradient_accumulation_steps > 1 else "processes"
        raise files.InputError(
            f"{flags.train_batch_size} examples cannot be divided among {step} {parts}",
            "--train_batch_size",
            remedy=f"give a multiple of {step}",
        )
    cores = launchers.share_of_cores(machines, rank())
    _group = _group._replace(cores=cores)
    console.log.info("  %d processes by Horovod", size())


def check_same(facts: Dict[str, Any]) -> None:
    """Compare facts of all processes.

    Args:
      facts: name, as in "--seed" or of a file → JSON value.

    Raises:
      InputError: some differ; the first one is named.
    """
    first, *others = gather(facts)
    for number, other in enumerate(others, 1):
        for name in [*first, *(name for name in other if name not in first)]:
            if first.get(name, _MISSING) != other.get(name, _MISSING):
                raise files.InputError(
                    f"is {first.get(name, _MISSING)} in process 0 but"
                    f" {other.get(name, _MISSING)} in process {number}",
                    name,
                    remedy="start all processes with the same flags, on files that they"
                    " all have",
                )


# What TensorFlow gets


def seed(of_run: int) -> int:
    """Return the seed of this process's dropout; the first one's is the run's."""
    return (of_run + rank() * _SEED_STEP) % 2**31


def of_processes(device: str) -> str:
    """Say of the first process's device that there are others: "2 × CPU, 1 core"."""
    return device if size() == 1 else f"{size()} × {device}"


def set_options(options: Any) -> None:
    """Set the card and the threads of this process in a session's options.

    Args:
      options: tf.ConfigProto.

    Raises:
      InputError: there are fewer cards than processes on this machine.
    """
    if size() == 1:
        return
    import tensorflow.compat.v1 as tf

    # One card is this process's already, by CUDA_VISIBLE_DEVICES.
    cards = len(tf.config.experimental.list_physical_devices("GPU"))
    if cards > 1:
        if _group.local_rank >= cards:
            raise files.InputError(
                f"there are {cards} cards for {_group.local_rank + 1} processes or more"
                " on a machine",
                "--horovod",
                remedy="start as many processes as there are cards",
            )
        options.gpu_options.visible_device_list = str(_group.local_rank)
    if _group.cores:
        options.intra_op_parallelism_threads = _group.cores
        options.inter_op_parallelism_threads = _group.cores
