"""Several models that predict together: the mean of their probabilities.

A task says how predictions are merged, with one of the functions in tasks/ensemble.py.
"""

import contextlib
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from biocodes.lib import files
from finetuning import command_line, model_dir
from finetuning.batches import Batch
from finetuning.engine import ONNX, engine_of
from finetuning.records import Schema

FLAG = "ensemble_of"
# What the head of each model predicts for one batch → what they predict together.
Merge = Callable[[List[Dict[str, np.ndarray]]], Dict[str, np.ndarray]]
# Actions of the scripts that only a single model does.
_OF_ONE_MODEL = ("do_train", "do_embed")


class Ensemble(NamedTuple):
    """The models that predict together.

    Attributes:
      checkpoints: prefixes of their weights, two at least.
      merge: Merge.
    """

    checkpoints: Tuple[str, ...]
    merge: Merge


def define_flags(flags: command_line.Flags) -> None:
    """Add --ensemble_of."""
    flags.topic(command_line.FILES).string(
        FLAG,
        None,
        "Output folders, as in a,b: their models predict together.",
    )


def folders_of(flags: command_line.Flags) -> Tuple[str, ...]:
    """Return the folders that --ensemble_of names; () without it.

    Vocabulary, configuration and casing are taken from the first one, unless the flags
    name others.

    Raises:
      InputError: the value is no such list, or does not go with other flags.
    """
    value = flags[FLAG].value
    if value is None:
        return ()
    folders = tuple(value.split(","))
    if "" in folders or len(set(folders)) < max(len(folders), 2):
        raise files.InputError(
            f"is two folders or more, as in out/seed-1,out/seed-2, not {value}",
            f"--{FLAG}",
        )
    for name in _OF_ONE_MODEL:
        if name in flags and flags[name].value:
            raise files.InputError(
                f"does not go with --{FLAG}, with which trained models predict",
                f"--{name}",
                remedy=f"give --{name}=false",
            )
    if flags.engine == ONNX:
        raise files.InputError("does not go with --engine=onnx", f"--{FLAG}")
    if not flags.model_dir:
        flags["model_dir"].value = folders[0]
    return folders


def checkpoints_in(folders: Tuple[str, ...]) -> Tuple[str, ...]:
    """Return the checkpoint that each folder's model predicts with.

    Raises:
      InputError: a folder has none.
    """
    return tuple(model_dir.fine_tuned(folder, None) for folder in folders)


def predict_together(
    predictor: Any, schema: Schema, batches: Callable[[], Iterator[Batch]]
) -> Iterator[Dict[str, np.ndarray]]:
    """Yield what the models predict together for each batch, and the examples' `row`.

    Args:
      predictor: Predictor that has an ensemble.
      schema: of the examples.
      batches: function that begins to yield what batch_of makes.
    """
    ensemble: Optional[Ensemble] = predictor.ensemble
    with contextlib.ExitStack() as stack:
        sessions = []
        for checkpoint in ensemble.checkpoints:
            one = predictor._replace(checkpoint=checkpoint, ensemble=None)
            session = engine_of(checkpoint).open_session(one, schema)
            sessions.append(stack.enter_context(contextlib.closing(session)))
        for batch in batches():
            merged = ensemble.merge([session.run(batch) for session in sessions])
            yield dict(merged, row=batch["row"])
