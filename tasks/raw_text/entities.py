"""People's own text: entities of raw passages, found by a fine-tuned model.

    passages ──▶ words ──▶ windows of pieces ──▶ rows ──▶ model ──▶ labels of words
        └──────────────────────────────────────────────────────▶ entities, a line each

Passages stream: no more of them than are on their way are in memory. Each becomes a
line of entities.jsonl.part as soon as it is done; what such a file was made with is
kept beside it, so that an interrupted run can be resumed. When all are done, other
formats are made from it, and it is renamed to entities.jsonl.
"""

import contextlib
import datetime
import itertools
import json
import shlex
import sys
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import numpy as np

from biocodes.lib import conll, files
from biocodes.lib.entities import Annotated, Entity
from biocodes.lib.passages import Passage
from biocodes.lib.word_labels import word_labels
from finetuning import windows, workers
from finetuning.console import log
from finetuning.engine import engine_of
from finetuning.prediction import Predictor
from finetuning.progress import Progress
from finetuning.signals import Interrupted, Interruption
from tasks.raw_text.job import Job, Total
from tasks.raw_text.output import FLAGS_THAT_MATTER, MORE_FLAGS, Output
from tasks.raw_text.stream import (
    SCHEMA,
    Featurized,
    Feed,
    in_passages,
    make_featurizer,
    opened,
)

# From predictions to entities


def annotate(
    featurized: Featurized,
    predictions: Sequence[Dict[str, np.ndarray]],
    labels: Sequence[str],
) -> Annotated:
    """Turn what the model says of a passage's windows into its entities.

    A word has the label of its first piece in the window where the word counts; X and
    the like mean O there, as in ner_detokenize. A word without a piece is O.

    Args:
      featurized: the passage.
      predictions: label_ids [S] and probability [S] of each window.
      labels: of the model.
    """
    words, of_pieces, probabilities = [], [], []
    for (_, word_index), prediction in zip(featurized.windows, predictions):
        pieces = slice(1, 1 + len(word_index))  # [CLS] comes before
        words += [None if word == windows.CONTEXT else word for word in word_index]
        of_pieces += [labels[i] for i in prediction["label_ids"][pieces].tolist()]
        probabilities += prediction["probability"][pieces].tolist()
    first = {}
    for word, probability in zip(words, probabilities):
        first.setdefault(word, probability)
    passage, spans = featurized.passage, featurized.spans
    of_words = word_labels(len(spans), words, of_pieces)
    return Annotated(passage, entities_of(passage.text, spans, of_words, first))


def entities_of(
    text: str,
    spans: Sequence[Tuple[int, int]],
    labels: Sequence[str],
    probabilities: Dict[int, float],
) -> List[Entity]:
    """Turn labels of words into entities, as conlleval counts them.

    Args:
      text: the passage's.
      spans: (start, end) of its words.
      labels: of the words.
      probabilities: a word's index → probability of its label. An entity's score is the
        product over its words.
    """
    entities = []
    for begin, end, kind in conll.entities(labels):
        start, stop = spans[begin][0], spans[end - 1][1]
        score = 1.0
        for word in range(begin, end):
            score *= probabilities.get(word, 1.0)
        entities.append(Entity(start, stop, kind, text[start:stop], score))
    return entities


# The whole of it


def made_from(job: Job, predictor: Predictor) -> Dict[str, Any]:
    """Return all that decides what a model finds in a passage, as JSON values."""
    facts = dict(
        predictor.model.facts,
        checkpoint=predictor.digest,
        labels=predictor.model.labels,
        **{name: getattr(job, name) for name in FLAGS_THAT_MATTER},
        **{name: getattr(job, name) for name in MORE_FLAGS if getattr(job, name)},
    )
    return json.loads(json.dumps(facts))


def provenance(predictor: Predictor) -> str:
    """Say how entities are made: the model, today's date, the command."""
    command = " ".join(map(shlex.quote, sys.argv))
    today = datetime.date.today().isoformat()
    models = ", ".join(predictor.checkpoints)
    return f"Model: {models}. Date: {today}. Command: {command}"


def find_entities(
    job: Job,
    output: Output,
    predictor: Predictor,
    total: Optional[Total],
    interruption: Interruption,
) -> None:
    """Find the entities of all passages and write them.

    Args:
      job: what to read.
      output: where they go.
      predictor: its head predicts label_ids and probability, both [B, S].
      total: how much there is to do; None when that is not known.
      interruption: a signal ends the run between two passages.

    Raises:
      InputError: a wrong line in a stream, a part that cannot be resumed, a full disk.
        What was done before is kept.
      Interrupted: likewise.
    """
    progress = Progress(
        "passages",
        total and total.passages,
        unit="passages",
        work=total and total.characters,
    )
    entities = 0
    try:
        for done in _append_entities(job, output, predictor, progress, interruption):
            entities += len(done.entities)
        output.finish(provenance(predictor))
    except Interrupted as interrupted:
        if not progress.done:
            raise
        raise Interrupted(
            interrupted.signal,
            f"{progress.done:,} passages are done",
            "the same command with --resume=true resumes from here",
        ) from interrupted
    log.info(
        "%s entities in %s passages: %s",
        f"{entities:,}",
        f"{progress.done:,}",
        ", ".join(output.written()),
    )


def _append_entities(
    job: Job,
    output: Output,
    predictor: Predictor,
    progress: Progress,
    interruption: Interruption,
) -> Iterator[Annotated]:
    """Yield what is done already, then all others as they are found and written."""
    facts = made_from(job, predictor)
    with opened(job) as job_passages:
        # Input without a passage is refused here, before anything is written.
        first = list(itertools.islice(job_passages, 1))
        output.check_stream(first)
        job_passages = itertools.chain(first, job_passages)
        if job.resume and output.has_part():
            for done in output.resume(facts, job_passages):
                progress.count(size=len(done.passage.text))
                yield done
            log.info("resuming after passage %s", f"{progress.done:,}")
        else:
            output.begin(facts)
        progress.start()
        annotated = _annotated(job_passages, job, predictor, progress.total)
        for done in output.append(annotated, interruption):
            progress.add(size=len(done.passage.text))
            yield done


def _annotated(
    job_passages: Iterator[Passage],
    job: Job,
    predictor: Predictor,
    total: Optional[int],
) -> Iterator[Annotated]:
    """Yield the passages with the entities that the model finds."""
    first = next(job_passages, None)
    if first is None:
        return
    featurize = make_featurizer(
        predictor.model.tokenizer, job.max_seq_length, job.long_sentences
    )
    # A model on the CPU has all cores busy: then featurizing, a hundredth of the work,
    # gains nothing elsewhere.
    on_gpu = engine_of(predictor.checkpoint).has_gpu()
    processes = workers.processes_for(total) if on_gpu else 0
    rest = itertools.chain([first], job_passages)
    feed = Feed(workers.ordered_map(featurize, rest, processes))
    predictions = predictor.predict_stream(SCHEMA, feed.rows())
    try:
        with contextlib.closing(predictions):
            for featurized, of_windows in in_passages(feed, predictions):
                labels = predictor.model.labels
                yield job.kept(annotate(featurized, of_windows, labels))
    except files.InputError as error:
        if error is not feed.error:
            raise
        raise files.InputError(
            f"{error}; what came before it is done and kept: put the line right, and"
            " resume with --resume=true"
        ) from error
