"""Prediction by ONNX Runtime, with a model.onnx of export_model.py: see engine.py.

TensorFlow is not imported. The file computes the outputs of the task's linear layer;
what the head predicts of them is computed here in NumPy.
"""

import json
import queue
import threading
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    NamedTuple,
    Optional,
    TypeVar,
)

import numpy as np

from biocodes.lib import files, packages
from finetuning.batches import Batch
from finetuning.console import log
from finetuning.cores import cpu_name, usable_cores
from finetuning.model import Model
from finetuning.records import Schema

MEMORY_ERRORS = (MemoryError,)
Item = TypeVar("Item")

# Names of a graph's inputs → names in a batch.
_INPUTS = {
    "input_ids": "input_ids",
    "attention_mask": "input_mask",
    "token_type_ids": "segment_ids",
}
# What is computed while somebody still works on what came before it.
_AHEAD = 2
_END = object()


class ArrayHead(NamedTuple):
    """What a task predicts, computed from an exported model's outputs.

    Attributes:
      outputs: name → rank of those that it needs, such as logits [B, S, L]: 3.
      decode: function (outputs by name, batch) → predictions [B, ...] by name; with
        labels in the batch also "loss" [B], as of a Head.
    """

    outputs: Dict[str, int]
    decode: Callable[[Dict[str, np.ndarray], Batch], Dict[str, np.ndarray]]


def report_device(require_gpu: bool) -> None:
    """Log what ONNX Runtime computes on.

    Raises:
      InputError: it is not installed, or a GPU is required.
    """
    runtime = packages.require("onnxruntime", "--engine=onnx")
    if require_gpu:
        raise files.InputError(
            "ONNX Runtime computes on the CPU here",
            "--require_gpu",
            remedy="leave the flag out",
        )
    log.info("device: %s, ONNX Runtime %s", device_name(), runtime.__version__)


def device_name() -> str:
    """Name what ONNX Runtime computes on."""
    return cpu_name()


def check_mixed_precision() -> None:
    """Refuse it.

    Raises:
      InputError: in any case.
    """
    raise files.InputError(
        "does not go with --engine=onnx",
        "--mixed_precision",
        remedy="leave it out; export_model.py --to=onnx --int8=true makes a fast model",
    )


def has_gpu() -> bool:
    """Whether ONNX Runtime computes on a GPU: never."""
    return False


# Models


class Session:
    """A model in memory.

    Attributes:
      outputs: name → shape of each output; axes of unknown size are strings.
      facts: what export_model.py has noted in the file.
    """

    def __init__(self, path: str) -> None:
        """Load the file.

        Raises:
          InputError: it is no ONNX model that can be read.
        """
        runtime = packages.require("onnxruntime", "--engine=onnx")
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        # As many as TensorFlow takes; by itself it would count cores that the process
        # may not use.
        options.intra_op_num_threads = usable_cores()
        try:
            self._session = runtime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # a dozen kinds, all with the same meaning here
            raise files.InputError(
                "not an ONNX model that ONNX Runtime can read", path
            ) from error
        taken = [value.name for value in self._session.get_inputs()]
        unknown = [name for name in taken if name not in _INPUTS]
        if unknown:
            raise files.InputError(
                f"takes {', '.join(unknown)}, which no BERT does", path
            )
        self._taken = taken
        self.outputs = {out.name: out.shape for out in self._session.get_outputs()}
        self.facts: Dict[str, str] = dict(
            self._session.get_modelmeta().custom_metadata_map
        )

    def run(self, batch: Batch) -> Dict[str, np.ndarray]:
        """Compute the outputs of a batch."""
        zeros = np.zeros_like(batch["input_ids"])
        fed = {
            name: batch.get(_INPUTS[name], zeros).astype(np.int64)
            for name in self._taken
        }
        names = list(self.outputs)
        try:
            return dict(zip(names, self._session.run(names, fed)))
        except Exception as error:
            if "alloc" not in str(error):
                raise
            raise MemoryError from error


# The last one that was opened: a run looks at its model several times.
_opened: Dict[str, Session] = {}


def _open(path: str) -> Session:
    """Open a model, or return it if it is open."""
    if path not in _opened:
        _opened.clear()
        _opened[path] = Session(path)
    return _opened[path]


def trained(folder: str, init_checkpoint: Optional[str]) -> str:
    """Return the exported model that a run predicts with: the given one.

    Raises:
      InputError: none is given.
    """
    if init_checkpoint is None:
        raise files.InputError(
            "is required by --engine=onnx",
            "--model_dir",
            remedy="name the folder that export_model.py --to=onnx has made",
        )
    return init_checkpoint


def check(model: Model, checkpoint: str) -> None:
    """Check that an exported model gives what a task's head needs.

    Raises:
      InputError: it was made for another task, or of another model.
    """
    session = _open(checkpoint)
    needed = model.head.outputs
    ranks = {name: len(shape) for name, shape in session.outputs.items()}
    if any(ranks.get(name) != rank for name, rank in needed.items()):
        given = ", ".join(f"{name} {shape}" for name, shape in session.outputs.items())
        raise files.InputError(
            f"is a model of another task: it gives {given}",
            checkpoint,
            remedy="export a model that was fine-tuned for this one",
        )
    recorded = session.facts.get("bert_config")
    if recorded and json.loads(recorded) != model.facts["bert_config"]:
        raise files.InputError(
            "was made with another bert_config.json than the one beside it",
            checkpoint,
            remedy="keep the files of an exported model together",
        )


def label_count(checkpoint: str, suffix: str = "") -> Optional[int]:
    """Return the number of labels of a classifier; None of any other model.

    Args:
      checkpoint: path.
      suffix: what the names of the variables of its head ended in.
    """
    session = _open(checkpoint)
    if session.facts.get("head", "") != suffix:
        return None
    shape = session.outputs.get("logits")
    return shape[-1] if shape and isinstance(shape[-1], int) else None


def step(checkpoint: str) -> int:
    """Return the training step of the checkpoint that was exported; 0 if unknown."""
    return int(_open(checkpoint).facts.get("step", 0))


def digest(checkpoint: str) -> str:
    """Return what identifies an exported model."""
    return files.digest(checkpoint)


# Prediction


def predict_batches(
    predictor: Any, schema: Schema, batches: Callable[[], Iterator[Batch]]
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield what the head predicts for each batch, and the examples' `row`.

    Batches are made in one thread, computed in another, and taken in a third.

    Args:
      predictor: Predictor.
      schema: of the examples.
      batches: function that begins to yield what batch_of makes.
    """
    session = open_session(predictor, schema)

    def predicted() -> Iterator[Dict[str, np.ndarray]]:
        for batch in ahead(batches()):
            yield dict(session.run(batch), row=batch["row"])

    return ahead(predicted())


class HeadedSession:
    """A model in memory whose head predicts."""

    def __init__(self, session: Session, head: ArrayHead) -> None:
        self._session = session
        self._head = head

    def run(self, batch: Batch) -> Dict[str, np.ndarray]:
        """Return what the head predicts for a batch."""
        return self._head.decode(self._session.run(batch), batch)

    def close(self) -> None:
        """Free the memory."""
        _opened.clear()
        del self._session


def open_session(predictor: Any, schema: Schema) -> HeadedSession:
    """Open a model to predict with.

    Args:
      predictor: Predictor.
      schema: of the examples; the file takes any.

    Raises:
      InputError: the model does not fit the task.
    """
    check(predictor.model, predictor.checkpoint)
    return HeadedSession(_open(predictor.checkpoint), predictor.model.head)


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items that a thread takes, a few of them before they are asked for.

    What the items raise is raised where they are taken. Closing the iterator ends the
    thread with the item that it is at.
    """
    waiting: queue.Queue[Any] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: Any, error: Optional[BaseException] = None) -> None:
        while not stopped.is_set():
            try:
                waiting.put((item, error), timeout=0.1)
                return
            except queue.Full:
                continue

    def take() -> None:
        try:
            for item in items:
                put(item)
                if stopped.is_set():
                    return
            put(_END)
        except BaseException as error:  # raised again where the items are taken
            put(_END, error)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    try:
        while True:
            item, error = waiting.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
