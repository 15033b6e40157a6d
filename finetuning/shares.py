"""The work of a run divided among its processes, and put together again.

A process alone does all of it: share() is everything, summed() is nothing that has to
be done, together() passes on what it gets.
"""

import io
import itertools
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional

import numpy as np

from finetuning import distributed
from finetuning.signals import Interruption

# Batches that each process predicts before they are put together.
ROUND = 16


# Training


def share(rows: np.ndarray) -> np.ndarray:
    """Return this process's share of a step's examples.

    Every so-manieth, so that the shares of examples ordered by length are alike.
    """
    return rows[distributed.rank() :: distributed.size()]


def sum_of(values: List[Any]) -> List[Any]:
    """Build the sums over all processes of loss and gradients.

    Args:
      values: tensors, IndexedSlices (of which the rows of all processes are put
        together, as they come) or None.
    """
    horovod = distributed.horovod()
    return [
        None if value is None else horovod.allreduce(value, op=horovod.Sum)
        for value in values
    ]


def summed() -> Optional[Callable[[List[Any]], List[Any]]]:
    """Return sum_of, or None for a process alone."""
    return None if distributed.size() == 1 else sum_of


# Prediction


def share_of_batches(batches: Iterable[Any]) -> Iterator[Any]:
    """Yield the batches that this process predicts."""
    return itertools.islice(batches, distributed.rank(), None, distributed.size())


def together(
    predicted: Iterator[Dict[str, np.ndarray]],
    count: int,
    agreement: Optional["Agreement"] = None,
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield the predictions of all processes, batch by batch in their order.

    Args:
      predicted: those of share_of_batches.
      count: number of batches of all.
      agreement: asked for a signal now and then.

    Raises:
      PeerLost: another process has ended.
    """
    if distributed.size() == 1:
        yield from predicted
        return
    for _ in range(0, count, ROUND * distributed.size()):
        mine = list(itertools.islice(predicted, ROUND))
        messages = distributed.gather_bytes(_packed(mine))
        if agreement:
            agreement.agree()
        rounds = itertools.zip_longest(*map(_unpacked, messages))
        for batch in itertools.chain.from_iterable(rounds):
            if batch is not None:
                yield batch


def _packed(batches: List[Dict[str, np.ndarray]]) -> bytes:
    """Pack arrays by name, in batches, as bytes."""
    stream = io.BytesIO()
    arrays = {
        f"{number} {name}": array
        for number, batch in enumerate(batches)
        for name, array in batch.items()
    }
    np.savez(stream, **arrays)
    return stream.getvalue()


def _unpacked(message: bytes) -> List[Dict[str, np.ndarray]]:
    """Return what _packed took."""
    batches: List[Dict[str, np.ndarray]] = []
    with np.load(io.BytesIO(message), allow_pickle=False) as arrays:
        for key in arrays.files:
            number, _, name = key.partition(" ")
            if int(number) == len(batches):
                batches.append({})
            batches[int(number)][name] = arrays[key]
    return batches


# Signals


class Agreement:
    """A signal that some process has got, once all know of it.

    A step is the last one in all processes or in none, so what counts is not when a
    signal came, but when they have spoken of it: agree(), or the hook of each step.
    """

    def __init__(self, own: Interruption) -> None:
        """Watch for a signal to this process; alone, it counts at once."""
        self._own = own
        self._asked: Optional[int] = None

    @property
    def own(self) -> int:
        """Number of the signal that this process has got; 0 for none."""
        return self._own.asked or 0

    @property
    def asked(self) -> Optional[int]:
        """Number of the signal that all know of, or None."""
        return self._own.asked if distributed.size() == 1 else self._asked

    def agree(self) -> None:
        """Ask all processes."""
        if distributed.size() > 1:
            self.note(distributed.gather(self.own))

    def note(self, numbers: Iterable[int]) -> None:
        """Take the answers of all processes."""
        self._asked = self._asked or next((int(n) for n in numbers if n), None)


# What TensorFlow gets


def of_first() -> List[Any]:
    """Return hooks of a training: all processes get the first one's weights."""
    if distributed.size() == 1:
        return []
    return [distributed.horovod().BroadcastGlobalVariablesHook(0)]


def of_all(number: Any) -> Any:
    """Build a tensor of a number, [1], from each process: [processes]."""
    return distributed.horovod().allgather(number)
