"""The labels of entity recognition: [PAD], those of the corpus, X, [CLS], [SEP].

Labels are names in the order of their ids. The special ones are of pieces: X of a
word's further pieces, [CLS] and [SEP] of the ends of a sentence, [PAD] of padding.
"""

import collections
import os
import pickle
from typing import (
    Collection,
    Dict,
    FrozenSet,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

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

TAGS = ("B", "I")
# What a head may predict beside the label of a piece: its probability, or all labels'.
OF_LABEL, OF_ALL = "label", "all"


def in_order(labels: Iterable[str]) -> Tuple[str, ...]:
    """Return [PAD], labels of words sorted, X, [CLS], [SEP]."""
    return (PAD, *sorted(labels), CONTINUATION, CLS, SEP)


def of_file(sentences: Iterable[Sentence], path: str) -> Tuple[str, ...]:
    """Return the labels that a training file makes: its own, and see closed.

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
    return in_order(closed(labels))


def closed(labels: Iterable[str]) -> FrozenSet[str]:
    """Add I-X where there is B-X, and B-X where there is I-X."""
    both = [
        tag + name[1:]
        for name in labels
        if conll.split_label(name)[0] in TAGS
        for tag in TAGS
    ]
    return frozenset(labels).union(both)


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


class Unknown(NamedTuple):
    """A label of a file that a model does not know."""

    label: str
    count: int
    first_line: int

    def __str__(self) -> str:
        return f"{self.label} ({self.count}, first in line {self.first_line})"


def unknown(
    sentences: Iterable[Sentence], labels: Sequence[str], path: str
) -> List[Unknown]:
    """List the labels of a file that a model does not know; they count as missed.

    Only a type can be unknown to a model. What else it does not know is a mistake:
    a tag that is neither B nor I, a label with a type where the model's have none or
    without where they have, and a type that is one of the model's but for capitals,
    hyphens and the like.

    Args:
      sentences: of the file; may be without labels.
      labels: of the model.
      path: of the file, for messages.

    Raises:
      InputError: naming the first line of such a label.
    """
    known = set(labels) - set(SPECIAL)
    if not conll.is_labelled(sentences):
        return []
    counts: Dict[str, int] = collections.Counter()
    lines: Dict[str, int] = {}
    for sentence in sentences:
        if not known.issuperset(sentence.labels):
            for line, label in zip(sentence.lines, sentence.labels):
                if label not in known:
                    counts[label] += 1
                    lines.setdefault(label, line)
    for label, line in lines.items():
        if _is_mistaken(label, known):
            raise files.InputError(
                f"the model does not know the label {label}",
                path,
                line,
                f"it knows {', '.join(sorted(known))}",
            )
    return [Unknown(label, counts[label], lines[label]) for label in sorted(lines)]


def _is_mistaken(label: str, known: Collection[str]) -> bool:
    tag, kind = conll.split_label(label)
    types = {conll.split_label(name)[1] for name in known} - {""}
    if tag not in TAGS or bool(kind) is not bool(types):
        return True
    return kind not in types and _folded(kind) in map(_folded, types)


def _folded(kind: str) -> str:
    return "".join(filter(str.isalnum, kind.lower()))


def are_typed(labels: Iterable[Optional[str]]) -> bool:
    """Return whether there are entities among labels, and all have a type."""
    inside = [name for name in labels if name and conll.entity_type(name) is not None]
    return bool(inside) and all(conll.split_label(name)[1] for name in inside)


def without_types(sentence: Sentence) -> Sentence:
    """Make B and I of the labels of a Sentence: B-Disease → B."""
    labels = [name and conll.split_label(name)[0] for name in sentence.labels]
    return sentence._replace(labels=labels)


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


def ids_of_pieces(
    word_index: List[int], labels: List[str], label_ids: Dict[str, int]
) -> List[int]:
    """Label the pieces of a window by ids, see labels_of_pieces.

    A label that the model does not know is to it as O: what it finds there is wrong.
    """
    outside = label_ids.get(OUTSIDE, 0)
    return [
        label_ids.get(label, outside) for label in labels_of_pieces(word_index, labels)
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
