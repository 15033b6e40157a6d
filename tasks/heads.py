"""The head of each task, for the engine that computes with a checkpoint.

Those of TensorFlow are in tasks/*/head.py, which import it; those of exported models
in exported.py.
"""

from typing import Any, Optional, Sequence, Tuple

from biocodes.lib.files import InputError
from biocodes.lib.model_folder import is_exported
from tasks.ner.partial_annotation import PartialAnnotation


def of_entities(
    checkpoint: Optional[str],
    num_labels: int,
    count_padding: bool,
    partial: Optional[PartialAnnotation] = None,
    probability: Optional[str] = None,
) -> Any:
    """Make the head of entity recognition.

    Args:
      checkpoint: prefix, or an exported model's path; None if it is to be trained.
      num_labels, count_padding, partial, probability: as of ner.head.make_head.
    """
    if checkpoint and is_exported(checkpoint):
        from tasks import exported

        return exported.piece_labels(count_padding, partial)
    from tasks.ner.head import make_head

    return make_head(num_labels, count_padding, partial, probability)


def of_relations(
    checkpoint: Optional[str],
    num_labels: int,
    multilabel: bool = False,
    weights: Optional[Sequence[float]] = None,
    with_logits: bool = False,
) -> Any:
    """Make the head of relation extraction.

    Args:
      checkpoint, num_labels: as of of_entities.
      multilabel: whether a text has any number of labels.
      weights, with_logits: as of re.head.make_head.
    """
    if checkpoint and is_exported(checkpoint):
        from tasks import exported

        return exported.relations(multilabel, with_logits)
    from tasks.re import head

    make = head.make_multilabel_head if multilabel else head.make_head
    return make(num_labels, weights, with_logits)


def of_answers(checkpoint: Optional[str], count_padding: bool) -> Any:
    """Make the head of question answering; arguments as of of_entities."""
    if checkpoint and is_exported(checkpoint):
        from tasks import exported

        return exported.answers()
    from tasks.qa.head import make_head

    return make_head(count_padding)


def of_yes_no(checkpoint: Optional[str], labels: Tuple[str, ...]) -> Any:
    """Make the head of yes/no questions.

    Args:
      checkpoint: as of of_entities; there are no exported models.
      labels: answers in the order of their ids.

    Raises:
      InputError: the model is an exported one.
    """
    if checkpoint and is_exported(checkpoint):
        raise InputError(
            "no exported model answers yes/no questions",
            checkpoint,
            remedy="predict with --engine=tensorflow",
        )
    from tasks.qa.yes_no_head import make_head

    return make_head(labels)
