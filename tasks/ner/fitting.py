"""What is scored, fitted to the labels of a model that may know other types."""

from typing import List, Sequence

from biocodes.lib import conll
from biocodes.lib.conll import SentenceFile
from finetuning.console import log
from tasks.ner import labels as ner_labels
from tasks.ner.corpora import Corpus


def fitted(corpora: Sequence[Corpus], labels: Sequence[str]) -> List[Corpus]:
    """Fit what is scored to the labels of a model, and say what it cannot find.

    Where a model's labels have no types, those of a file that has are left out. Types
    that a model does not know count as missed.

    Raises:
      InputError: a file has a label that is a mistake, see ner_labels.unknown.
    """
    return [
        corpus._replace(
            sentences={
                phase: _fitted(sentences, labels, corpus.paths[phase])
                for phase, sentences in corpus.sentences.items()
            }
        )
        for corpus in corpora
    ]


def _fitted(sentences: SentenceFile, labels: Sequence[str], path: str) -> SentenceFile:
    of_words = set(labels).difference(ner_labels.SPECIAL)
    if not any(conll.split_label(label)[1] for label in of_words):
        in_file = {label for sentence in sentences for label in sentence.labels}
        if ner_labels.are_typed(in_file):
            types = ", ".join(sorted({conll.split_label(n)[1] for n in in_file} - {""}))
            log.warning(
                "%s: scored without its types (%s), as the model has none", path, types
            )
            sentences = sentences.changed(ner_labels.without_types)
    unknown = ner_labels.unknown(sentences, labels, path)
    if unknown:
        log.warning(
            "%s: labels that the model does not know count as missed: %s",
            path,
            ", ".join(map(str, unknown)),
        )
    return sentences
