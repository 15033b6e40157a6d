"""A function over many items in worker processes, the results in the items' order.

    for row in workers.ordered_map(featurize, sentences, processes=2): ...

is map(featurize, sentences), on as many cores. The workers are forks of this process,
so the function may be anything, a closure over a tokenizer, say; only items and results
are sent. Where there is no fork, the work is done in this process.
"""

import contextlib
import os
import pickle
import signal
import threading
import traceback
from multiprocessing import connection
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple, TypeVar

from biocodes.lib import files
from finetuning.signals import SIGNALS

Item = TypeVar("Item")
Value = TypeVar("Value")
# What became of a chunk: its values, and the error that ended them or None.
Results = Tuple[List[Any], Optional[BaseException]]

# Items sent to a worker at once; fewer when they come slowly.
CHUNK = 128
# Chunks on their way to each worker or back; bounds what memory holds of the items.
CHUNKS_PER_WORKER = 2
# For featurizing, see processes_for.
FEWEST_ITEMS = 4000
MOST_WORKERS = 8


def ordered_map(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    processes: int,
    chunk: int = CHUNK,
) -> Iterator[Value]:
    """Return the values of function(item), in the order of the items.

    Worker processes are forked at the call, before anything is asked for: call it while
    there is no TensorFlow session. Items are read as they are needed, from another
    thread than the caller's; a few chunks a worker are under way at a time, so that
    endless items take no more memory than few. Values are there as soon as they are
    made, even if the next item is long in coming.

    Args:
      function: of one item; its values must be picklable.
      items: they must be picklable.
      processes: number of workers; 0 for none, which is map(function, items).
      chunk: items sent to a worker at once, at most.

    Returns:
      Iterator. Its close(), which also happens when nothing refers to it any more, ends
      the workers. Where an item or the function raises an error, so does the iterator,
      and nothing comes after that; a worker that was killed is an InputError.
    """
    if not processes or not hasattr(os, "fork"):
        return (function(item) for item in items)
    results = _results(_Crew(function, processes), items, chunk)
    # Into its try block, so that closing it ends the workers from now on.
    next(results)
    return results


def processes_for(count: Optional[int]) -> int:
    """Return how many worker processes pay for featurizing so many examples.

    On 2 cores, 2 workers make records of 30,000 sentences for entity recognition 1.4
    times as fast as none, of 30,000 sentences for relations 1.2 times, of 3,000
    questions 1.7 times: words are remembered, so that making a sentence's record costs
    little more than sending it. With 400 to 6,000 examples all of this is a tenth of a
    second.

    Args:
      count: number of examples; None when it is not known, as in a stream, which is
        read while the model has all cores busy.

    Returns:
      0 when none pay.
    """
    cores = _cores()
    if count is None or count < FEWEST_ITEMS or cores == 1:
        return 0
    return min(cores, MOST_WORKERS)


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _results(crew: "_Crew", items: Iterable[Any], chunk: int) -> Iterator[Any]:
    """Yield None, then the results one by one; end the crew."""
    feed = None
    try:
        yield
        feed = _Feed(crew, items, chunk)
        while feed.is_under_way():
            values, error = feed.receive()
            yield from values
            if error is not None:
                raise error
    finally:
        crew.kill()
        if feed is not None:
            feed.stop()
        crew.close()


class _Feed:
    """The way of the items to the workers: one thread reads them, one sends them.

    What has been read is sent when it makes a chunk, or when no chunk is under way.
    Chunk n goes to worker n modulo their number, and its results come from there.
    """

    def __init__(self, crew: "_Crew", items: Iterable[Any], chunk: int) -> None:
        """Start to read and to send.

        Args:
          crew: the workers.
          items: what they work on.
          chunk: items sent to a worker at once, at most.
        """
        self._crew = crew
        self._chunk = chunk
        self._changed = threading.Condition()
        self._waiting = []  # items that have been read
        self._sent = self._received = 0  # chunks
        self._read_all = self._sent_all = self._stopped = False
        self._error = None
        # A thread that waits for an item must not keep the process from ending.
        threading.Thread(target=self._read, args=(items,), daemon=True).start()
        self._sender = threading.Thread(target=self._send, daemon=True)
        self._sender.start()

    def is_under_way(self) -> bool:
        """Wait until results are due; after the last, return False.

        Raises:
          What the items have raised, after the results of those before.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._sent > self._received or self._sent_all
            )
            if self._sent == self._received and self._error is not None:
                raise self._error
            return self._sent > self._received

    def receive(self) -> Results:
        """Wait for what became of the next chunk."""
        results = self._crew.receive(self._received)
        with self._changed:
            self._received += 1
            self._changed.notify_all()
        return results

    def stop(self) -> None:
        """End the sender; the reader ends with the item that it is waiting for."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._sender.join()

    def _read(self, items: Iterable[Any]) -> None:
        error = None
        try:
            for item in items:
                with self._changed:
                    self._changed.wait_for(
                        lambda: self._stopped or len(self._waiting) < 2 * self._chunk
                    )
                    if self._stopped:
                        return
                    self._waiting.append(item)
                    if len(self._waiting) in (1, self._chunk):
                        self._changed.notify_all()
        except BaseException as caught:  # raised again where the results are read
            error = caught
        with self._changed:
            self._error = error
            self._read_all = True
            self._changed.notify_all()

    def _send(self) -> None:
        error = None
        try:
            for chunk in iter(self._next_chunk, []):
                packed = _pack(chunk)
                with self._changed:
                    number = self._sent
                    self._sent += 1
                    self._changed.notify_all()
                self._crew.send(number, packed)
        except BaseException as caught:  # an item that cannot be packed
            error = caught
        with self._changed:
            self._error = error or self._error
            self._sent_all = True
            self._changed.notify_all()

    def _next_chunk(self) -> List[Any]:
        """Wait until there is something to send, and take it; [] at the end."""
        with self._changed:
            self._changed.wait_for(self._can_send)
            if self._stopped:
                return []
            chunk = self._waiting[: self._chunk]
            del self._waiting[: self._chunk]
            self._changed.notify_all()
            return chunk

    def _can_send(self) -> bool:
        under_way = self._sent - self._received
        if self._stopped:
            return True
        if under_way >= CHUNKS_PER_WORKER * self._crew.size:
            return False
        is_due = self._read_all or not under_way
        return len(self._waiting) >= self._chunk or (
            is_due and bool(self._waiting or self._read_all)
        )


class _Crew:
    """Worker processes.

    Attributes:
      size: their number.
    """

    def __init__(self, function: Callable[[Any], Any], size: int) -> None:
        """Fork so many workers, which apply the function."""
        self.size = size
        self._ends = []  # ours of the pipes: (to the worker, from the worker)
        self._pids = []
        try:
            for _ in range(size):
                self._fork(function)
        except BaseException:
            self.kill()
            self.close()
            raise

    def _fork(self, function: Callable[[Any], Any]) -> None:
        tasks, to_worker = connection.Pipe(duplex=False)
        from_worker, results = connection.Pipe(duplex=False)
        self._ends.append((to_worker, from_worker))
        # A signal must not meet the child while it still has our handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_worker(function, tasks, results)
            self._pids.append(pid)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        tasks.close()
        results.close()

    def _be_worker(
        self,
        function: Callable[[Any], Any],
        tasks: connection.Connection,
        results: connection.Connection,
    ) -> None:
        """Do what the child does from the fork to its end."""
        status = 1
        try:
            # The parent decides what they do to a run, and the workers end with it.
            for number in SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            # A pipe ends for a worker only when no other worker holds our end of it.
            for end in self._ends:
                for pipe in end:
                    pipe.close()
            _work(function, tasks, results)
            status = 0
        finally:
            # Nothing of the parent's may run here, neither its stack nor its exit.
            os._exit(status)

    def send(self, number: int, packed: bytes) -> None:
        """Send chunk `number` to its worker; wait while the worker's pipe is full.

        A worker that is gone is no error here: `receive` reports it.
        """
        with contextlib.suppress(OSError):
            self._ends[number % self.size][0].send_bytes(packed)

    def receive(self, number: int) -> Results:
        """Wait for what became of chunk `number`.

        Raises:
          InputError: its worker is no more.
        """
        try:
            packed = self._ends[number % self.size][1].recv_bytes()
        except (EOFError, OSError) as error:
            raise files.InputError(
                "a worker process was killed", remedy="is there enough memory?"
            ) from error
        values, error, trace = pickle.loads(packed)
        if error is not None:
            error.__cause__ = _WorkerTrace(trace)
        return values, error

    def kill(self) -> None:
        """End the workers, whatever they are doing, and wait until they are gone."""
        for pid in self._pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._pids:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._pids = []

    def close(self) -> None:
        """Close the pipes."""
        for pipe in sum(self._ends, ()):
            pipe.close()


class _WorkerTrace(Exception):
    """Where in a worker the error came from; to be read in a traceback."""

    def __str__(self) -> str:
        return f"in a worker process\n\n{self.args[0]}"


def _work(
    function: Callable[[Any], Any],
    tasks: connection.Connection,
    results: connection.Connection,
) -> None:
    """Answer chunk after chunk, until the process that started the worker is gone."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            values, error, trace = [], None, ""
            for item in pickle.loads(tasks.recv_bytes()):
                try:
                    values.append(function(item))
                except Exception as caught:
                    error, trace = _sendable(caught), traceback.format_exc()
                    break
            try:
                packed = _pack((values, error, trace))
            except Exception as caught:
                packed = _pack(([], _sendable(caught), traceback.format_exc()))
            results.send_bytes(packed)


def _sendable(error: Exception) -> Exception:
    """Return the error, or one of its text when it does not survive being sent."""
    try:
        pickle.loads(_pack(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _pack(value: Any) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
