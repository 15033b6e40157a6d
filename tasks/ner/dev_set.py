"""Development data of named entities: entity-level scores without files in between."""

import itertools
from typing import Dict, Optional, Sequence, Tuple

from finetuning.evaluation import DevSet, Predictions, Scores
from finetuning.records import RecordFile
from tasks.ner.corpora import DEV, FILES, Corpus
from tasks.ner.results import (
    MEASURES,
    entity_scores,
    labels_of_words,
    shares,
    whole_sentences,
)


def dev_set(
    data: Dict[Tuple[str, str], RecordFile],
    corpora: Sequence[Corpus],
    labels: Sequence[str],
) -> Optional[DevSet]:
    """Make what is scored during training.

    Args:
      data: (phase, sub-folder) → records; those of DEV are windows of the sentences of
        all corpora, one corpus after another.
      corpora: all of the run.
      labels: of the model.

    Returns:
      DevSet; None without records of DEV. Of several corpora the scores are the means
      of each one's, and each one's F1 stands beside them.
    """
    records = data.get((DEV, ""))
    if records is None:
        return None

    def score(predictions: Predictions) -> Scores:
        predicted = whole_sentences(records, predictions)
        each = {}
        for corpus in corpora:
            sentences = corpus.sentences[DEV]
            part = itertools.islice(predicted, len(sentences))
            words = labels_of_words(sentences, part, tuple(labels))
            types = corpus.scored_types(DEV)
            each[corpus.name] = shares(entity_scores(sentences, words, types).overall)
        return mean_scores(each)

    return DevSet(FILES["eval"], records, score, MEASURES)


def mean_scores(each: Dict[str, Scores]) -> Scores:
    """Average the scores of corpora; each one's F1 follows where there are several."""
    scores = {
        name: sum(of_one[name] for of_one in each.values()) / len(each)
        for name in MEASURES
    }
    if len(each) > 1:
        scores.update((f"{name} f1", of_one["f1"]) for name, of_one in each.items())
    return scores
