"""The labels of entity recognition: [PAD], those of the corpus, X, [CLS], [SEP].

Labels are names in the order of their ids. The special ones are of pieces: X of a
word's further pieces, [CLS] and [SEP] of the ends of a sentence, [PAD] of padding.
"""

import os
import pickle
from typing import Dict, FrozenSet, Iterable, List, Optional, Sequence, Tuple

from biocodes.lib import conll, files
from biocodes.lib.conll import OUTSIDE, Sentence
from biocodes.lib.labels import (
    CONTINUATION,
    ORIGINAL_LABELS,
    SPECIAL,
    of_entity_recognition,
)
from finetuning import model, windows
from finetuning.windows import NO_WORD
from tokenization import CLS, PAD, SEP


def in_order(labels: Iterable[str]) -> Tuple[str, ...]:
    """Return [PAD], labels of words sorted, X, [CLS], [SEP]."""
    return (PAD, *sorted(labels), CONTINUATION, CLS, SEP)


def of_file(sentences: Iterable[Sentence], path: str) -> Tuple[str, ...]:
    """Return the labels that a training file makes.

    Args:
      sentences: of the file.
      path: its name, for messages.

    Raises:
      InputError: one of the special names is used as a label.
    """
    labels = set()
    for sentence in sentences:
        labels.update(sentence.labels)
        reserved = labels.intersection(SPECIAL)
        if reserved:
            name = sorted(reserved)[0]
            raise files.InputError(
                f"the label {name} is reserved",
                path,
                sentence.lines[sentence.labels.index(name)],
                "give the label another name",
            )
    return in_order(labels)


def save_pickle(folder: str, label_ids: Dict[str, int]) -> None:
    """Write label2id.pkl for scripts made for the original; nothing here reads it."""
    with files.whole_file(os.path.join(folder, "label2id.pkl"), binary=True) as stream:
        pickle.dump(label_ids, stream, protocol=2)


def load(checkpoint: str) -> Tuple[str, ...]:
    """Read the labels that a checkpoint was trained with.

    Raises:
      InputError: they cannot be found, or are not those of entity recognition.
    """
    labels = model.load_labels(checkpoint, ORIGINAL_LABELS)
    if not of_entity_recognition(labels):
        raise files.InputError(
            f"not the labels of a model for entity recognition: {', '.join(labels)}",
            os.path.dirname(checkpoint),
        )
    return labels


def check(sentences: Iterable[Sentence], labels: Sequence[str], path: str) -> None:
    """Check that a model knows all labels of a file; a file without labels is fine.

    Raises:
      InputError: naming the line of a label that it does not know.
    """
    known = set(labels) - set(SPECIAL)
    if not conll.is_labelled(sentences):
        return
    for sentence in sentences:
        if not known.issuperset(sentence.labels):
            line, label = next(
                (line, label)
                for line, label in zip(sentence.lines, sentence.labels)
                if label not in known
            )
            raise files.InputError(
                f"the model does not know the label {label}",
                path,
                line,
                f"it knows {', '.join(sorted(known))}",
            )


def scored_ids(
    labels: Sequence[str], types: Optional[FrozenSet[str]] = None
) -> List[int]:
    """List the ids that token-level scores are averaged over.

    Args:
      labels: of the model.
      types: only labels of these types count; default: all.
    """
    unscored = SPECIAL + (OUTSIDE,)
    return [
        index
        for index, name in enumerate(labels)
        if name not in unscored and (types is None or conll.entity_type(name) in types)
    ]


def labels_of_pieces(word_index: List[int], labels: List[str]) -> List[str]:
    """Label the pieces of a window, see featurize.

    Args:
      word_index: for each piece the index of its word, NO_WORD or CONTEXT.
      labels: of the sentence's words.
    """
    of_pieces = []
    for position, word in enumerate(word_index):
        if word == windows.CONTEXT:
            of_pieces.append(PAD)
        elif word == NO_WORD:
            of_pieces.append(SEP if position else CLS)
        else:
            is_first = word != word_index[position - 1]
            of_pieces.append(labels[word] if is_first else CONTINUATION)
    return of_pieces
