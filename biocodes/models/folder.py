"""A model's folder, read whole: its kind, its files, its labels, its weights."""

import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import tokenization
from biocodes.lib import files, model_folder
from biocodes.lib.bert_config import Config, Shapes, encoder_shapes, read_bert_config
from biocodes.lib.labels import (
    LABEL_FILE,
    MULTILABEL,
    ORIGINAL_LABELS,
    PICKLED_LABELS,
    of_entity_recognition,
    read_labels,
)
from biocodes.models import layout
from biocodes.models.checkpoint import STEP, Checkpoint
from biocodes.models.layout import Arrays, Kind


class Model(NamedTuple):
    """A model of our scripts.

    Attributes:
      folder: where it lies.
      checkpoint: its weights' file, open.
      kind: a key of layout.KINDS.
      config: values of bert_config.json.
      pieces: the vocabulary, in the order of ids.
      do_lower_case: whether text is lower-cased.
      labels: in the order of their ids; () where there are none.
      variables: names of encoder and head.
    """

    folder: str
    checkpoint: Checkpoint
    kind: str
    config: Config
    pieces: List[str]
    do_lower_case: bool
    labels: Tuple[str, ...]
    variables: List[str]

    @property
    def about(self) -> Kind:
        """What there is to say of its kind."""
        return layout.KINDS[self.kind]

    def weights(self) -> Arrays:
        """Read encoder and head.

        Raises:
          InputError: the checkpoint is damaged, or holds NaN or infinity.
        """
        return self.checkpoint.read_all(self.variables)

    def left_behind(self) -> List[str]:
        """Name the variables that are neither of the model nor of the optimizer."""
        known = {*self.variables, STEP}
        return [name for name in self.checkpoint.without_slots() if name not in known]

    def record(self) -> Dict[str, Any]:
        """Return run.json, which says how the model was trained; {} without it."""
        path = os.path.join(self.folder, model_folder.RECORD)
        value = files.read_json(path) if os.path.exists(path) else {}
        return value if isinstance(value, dict) else {}

    def describe(self) -> str:
        """Say in a line what it is: entity recognition, 7 labels, step 1,190."""
        parts = [self.about.title]
        parts += [f"{len(self.labels)} labels"] * bool(self.labels)
        parts.append(f"step {self.checkpoint.step:,}")
        return ", ".join(parts)


def read_model(folder: str, checkpoint: Optional[str] = None) -> Model:
    """Find and check all that a folder says of its model; weights are read later.

    Args:
      folder: a pretrained or fine-tuned model's.
      checkpoint: another one than the newest of the folder; any path that
        model_folder.resolve takes.

    Raises:
      InputError: it holds no model, or files that do not fit each other.
    """
    model_folder.check_folder(folder)
    config = read_bert_config(os.path.join(folder, model_folder.CONFIG))
    pieces = _read_pieces(os.path.join(folder, model_folder.VOCABULARY), config)
    casing = model_folder.casing_of(folder)
    if checkpoint is None:
        prefix = model_folder.only_checkpoint(folder)
    else:
        prefix = model_folder.resolve(checkpoint)
    opened = Checkpoint(prefix)
    _check_shapes(opened, encoder_shapes(config))
    kind, labels = _kind_of(folder, opened)
    shapes = layout.model_shapes(kind, config, len(labels))
    _check_shapes(opened, shapes)
    return Model(folder, opened, kind, config, pieces, casing, labels, list(shapes))


def _read_pieces(path: str, config: Config) -> List[str]:
    """Read a vocabulary, which must have as many pieces as config says."""
    try:
        pieces = tokenization.read_pieces(path)
        tokenization.check_required_pieces(dict.fromkeys(pieces, 0), path)
    except ValueError as error:
        raise files.InputError(str(error)) from error
    if len(pieces) != config["vocab_size"]:
        raise files.InputError(
            f"{len(pieces):,} pieces, but the configuration says vocab_size"
            f" {config['vocab_size']:,}",
            path,
            remedy="take vocabulary and configuration of the same model",
        )
    return pieces


def _check_shapes(checkpoint: Checkpoint, shapes: Shapes) -> None:
    """Check that a checkpoint has variables of these shapes."""
    for name, sizes in shapes.items():
        held = checkpoint.shapes.get(name)
        if held is None:
            raise files.InputError(
                f"lacks {name}, which a model of this bert_config.json has",
                checkpoint.prefix,
            )
        if held != sizes:
            raise files.InputError(
                f"{name} has shape {list(held)} there, but the model's files make it"
                f" {list(sizes)}",
                checkpoint.prefix,
                remedy="is bert_config.json the one that came with it?",
            )


# What kind of model


def _kind_of(folder: str, checkpoint: Checkpoint) -> Tuple[str, Tuple[str, ...]]:
    """Return the kind of a model and its labels, by the variables of its head."""
    held = checkpoint.shapes
    if "cls/squad/output_weights" in held:
        return layout.QA, ()
    if f"output_bias{MULTILABEL}" in held:
        bias = f"output_bias{MULTILABEL}"
        return layout.MULTILABEL, _labels_of(folder, checkpoint, bias)
    if "output_bias" in held:
        labels = _labels_of(folder, checkpoint, "output_bias")
        return layout.NER if of_entity_recognition(labels) else layout.RE, labels
    if "cls/predictions/output_bias" in held:
        has_both = "cls/seq_relationship/output_bias" in held
        return layout.PRETRAINING if has_both else layout.MASKED_LM, ()
    return layout.ENCODER, ()


def _labels_of(folder: str, checkpoint: Checkpoint, bias: str) -> Tuple[str, ...]:
    """Return the labels of a classifier; bias: the variable of its head.

    Of the original's models only those of entity recognition have a file of labels, a
    pickle, and that always says the same.
    """
    count = next(iter(checkpoint.shapes[bias]), 0)
    path = os.path.join(folder, LABEL_FILE)
    if os.path.exists(path):
        labels = tuple(read_labels(path))
    elif os.path.exists(os.path.join(folder, PICKLED_LABELS)) and count == 7:
        labels = ORIGINAL_LABELS
    else:
        raise files.InputError(
            f"its labels are unknown; the head has {count}",
            checkpoint.prefix,
            remedy=f"put the {LABEL_FILE} of its training beside it",
        )
    if count != len(labels):
        raise files.InputError(
            f"{len(labels)} labels, but the checkpoint's head has {count}", path
        )
    return labels
