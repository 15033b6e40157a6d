import os
import pickle
from typing import NamedTuple

from biocodes.lib import conll, files
from biocodes.lib.conll import is_labelled
from finetuning import model

PADDING, CONTINUATION, START, END = "[PAD]", "X", "[CLS]", "[SEP]"
OUTSIDE = "O"
SPECIAL = (PADDING, CONTINUATION, START, END)
# What the original trains on, whatever the corpus; its checkpoints do not say.
ORIGINAL_LABELS = (PADDING, "B", "I", OUTSIDE, CONTINUATION, START, END)


# Labels


class Labels(NamedTuple):
    """The labels of a model: names in the order of their ids."""

    names: tuple

    @classmethod
    def of(cls, found):
        """[PAD], the labels found in training files sorted, X, [CLS], [SEP]."""
        return cls((PADDING, *sorted(found), CONTINUATION, START, END))

    @property
    def ids(self):
        """dict of name → id."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def scored(self):
        """Ids that token-level scores are averaged over."""
        return self.scored_of(None)

    def scored_of(self, types):
        """As scored, but of labels of these types alone; None for all of them."""
        unscored = SPECIAL + (OUTSIDE,)
        return [
            i
            for i, name in enumerate(self.names)
            if name not in unscored
            and (types is None or conll.entity_type(name) in types)
        ]


def labels_of(sentences, path):
    """The Labels that a training file makes.

    Raises:
      InputError: one of the special names is used as a label.
    """
    found = set()
    for sentence in sentences:
        found.update(sentence.labels)
        reserved = found.intersection(SPECIAL)
        if reserved:
            name = sorted(reserved)[0]
            raise files.InputError(
                f"the label {name} is reserved",
                path,
                sentence.lines[sentence.labels.index(name)],
                "give the label another name",
            )
    return Labels.of(found)


def labels_together(corpora):
    """The Labels that the training files of all corpora make."""
    each = [labels_of(one.sentences["train"], one.paths["train"]) for one in corpora]
    return Labels.of(
        set().union(*(labels.names for labels in each)).difference(SPECIAL)
    )


def save_labels(folder, labels):
    """Writes label2id.json, and label2id.pkl for scripts made for the original.

    The pickle is only ever written: what reads it is not this suite.
    """
    model.save_labels(folder, labels.names)
    with files.whole_file(os.path.join(folder, "label2id.pkl"), binary=True) as stream:
        pickle.dump(labels.ids, stream, protocol=2)


def load_labels(checkpoint):
    """The labels that a checkpoint was trained with, see model_files.load_labels.

    Raises:
      InputError: they cannot be found, or are not those of entity recognition.
    """
    names = model.load_labels(checkpoint, ORIGINAL_LABELS)
    is_column = all(len(name.split()) == 1 for name in names)
    if names[0] != PADDING or not set(SPECIAL) < set(names) or not is_column:
        raise files.InputError(
            f"not the labels of a model for entity recognition: {', '.join(names)}",
            os.path.dirname(checkpoint),
        )
    return Labels(names)


def check_labels(sentences, labels, path):
    """Refuses a label that the model does not know; no label is fine.

    Raises:
      InputError: naming its line.
    """
    known = set(labels.names) - set(SPECIAL)
    if not is_labelled(sentences):
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


def settle_labels(corpora, trained):
    """The labels of the run's model, which all labels in the corpora are among.

    Args:
      corpora: list of Corpus.
      trained: prefix of the checkpoint to predict with; None when there is training.

    Returns:
      Labels.
    """
    labels = load_labels(trained) if trained else labels_together(corpora)
    for corpus in corpora:
        for phase, sentences in corpus.sentences.items():
            check_labels(sentences, labels, corpus.paths[phase])
    return labels
