"""People's own text: entities of raw passages, found by a fine-tuned model.

    passages ──▶ words ──▶ windows of pieces ──▶ rows ──▶ model ──▶ labels of words
        └──────────────────────────────────────────────────────▶ entities, a line each

Passages stream: no more of them than are on their way are in memory. Each becomes a
line of entities.jsonl.part as soon as it is done; what such a file was made with is
kept beside it, so that an interrupted run can be resumed. When all are done, other
formats are made from it, and it is renamed to entities.jsonl.
"""

import contextlib
import itertools
import json
import os
import time
from typing import NamedTuple

import tensorflow.compat.v1 as tf

from biocodes.lib import conll, files
from biocodes.lib.entities import Annotated, Entity
from biocodes.lib.word_labels import word_labels
from finetuning import prediction as predicting
from finetuning import windows, workers
from finetuning.command_line import log
from finetuning.progress import PROGRESS_SECONDS, duration
from finetuning.signals import Interrupted
from tasks.raw_text.output import FLAGS_THAT_MATTER
from tasks.raw_text.stream import SCHEMA, Feed, in_passages, make_featurizer, opened

# From predictions to entities


def annotate(featurized, predictions, names):
    """Featurized and what the model says of its windows → Annotated.

    A word has the label of its first piece in the window where the word counts; X and
    the like mean O there, as in ner_detokenize. A word without a piece is O.
    """
    words, labels, probabilities = [], [], []
    for (_, word_index), prediction in zip(featurized.windows, predictions):
        here = slice(1, 1 + len(word_index))  # [CLS] comes before
        words += [None if word == windows.CONTEXT else word for word in word_index]
        labels += [names[i] for i in prediction["label_ids"][here].tolist()]
        probabilities += prediction["probability"][here].tolist()
    first = {}
    for word, probability in zip(words, probabilities):
        first.setdefault(word, probability)
    passage, spans = featurized.passage, featurized.spans
    of_words = word_labels(len(spans), words, labels)
    return Annotated(passage, entities_of(passage.text, spans, of_words, first))


def entities_of(text, spans, labels, probabilities):
    """Labels of words → list of Entity, as conlleval counts them.

    Args:
      text: the passage's.
      spans: [(start, end)] of its words.
      labels: of the words.
      probabilities: dict of a word's index → probability of its label. An entity's
        score is the product over its words.
    """
    found = []
    for begin, end, kind in conll.entities(labels):
        start, stop = spans[begin][0], spans[end - 1][1]
        score = 1.0
        for word in range(begin, end):
            score *= probabilities.get(word, 1.0)
        found.append(Entity(start, stop, kind, text[start:stop], score))
    return found


class Progress:
    """Counts passages, and logs how far they are about every ten seconds.

    Args:
      total: Total, or None.

    Attributes:
      passages, entities: how many, those of an earlier run included.
      started: when this run began with the next, as time.time().
    """

    def __init__(self, total):
        self.passages = self.entities = 0
        self._total = total
        self._characters = 0
        self.start()

    def start(self):
        """What was counted so far was done by an earlier run."""
        self.started = self._reported = time.time()
        self._passages_before, self._characters_before = self.passages, self._characters

    def count(self, annotated):
        """Counts a passage."""
        self.passages += 1
        self.entities += len(annotated.entities)
        self._characters += len(annotated.passage.text)

    def report(self):
        """Logs a line if it is time for one."""
        now = time.time()
        is_done = self._total is not None and self.passages == self._total.passages
        if is_done or now - self._reported < PROGRESS_SECONDS:
            return
        self._reported = now
        seconds = now - self.started
        speed = (self.passages - self._passages_before) / seconds
        if self._total is None:
            log.info("%s passages, %.1f passages/s", f"{self.passages:,}", speed)
            return
        # By characters, for passages may be of very different lengths.
        rate = max(self._characters - self._characters_before, 1) / seconds
        left = (self._total.characters - self._characters) / rate
        log.info(
            "passage %s of %s (%d %%), %.1f passages/s, %s left",
            f"{self.passages:,}",
            f"{self._total.passages:,}",
            100 * self.passages // self._total.passages,
            speed,
            duration(left),
        )


# The whole of it


class Model(NamedTuple):
    """A model that finds entities.

    tokenizer: tokenization.FullTokenizer.
    names: its labels in the order of their ids.
    head: see finetuning; it predicts label_ids and probability, both [B, S].
    config: BertConfig.
    checkpoint: prefix.
    facts: see output_folder.model_facts.
    """

    tokenizer: object
    names: tuple
    head: object
    config: object
    checkpoint: str
    facts: dict


def made_from(job, model):
    """All that decides what a model finds in a passage: a JSON object."""
    facts = dict(
        model.facts,
        # The index has a checksum of each variable.
        checkpoint=files.digest(model.checkpoint + ".index"),
        labels=model.names,
        **{name: getattr(job, name) for name in FLAGS_THAT_MATTER},
    )
    return json.loads(json.dumps(facts))


def predict(job, output, model, how, total, interruption):
    """Finds the entities of all passages and writes them.

    Args:
      job: Job.
      output: Output.
      model: Model.
      how: finetuning.Prediction.
      total: see check_input.
      interruption: Interruption.

    Raises:
      InputError: a wrong line in a stream, a part that cannot be gone on with, a full
        disk. What was done before is kept.
      Interrupted: likewise.
    """
    progress = Progress(total)
    facts = made_from(job, model)
    try:
        with opened(job) as found:
            # Input without a passage is refused here, before anything is written.
            found = itertools.chain(list(itertools.islice(found, 1)), found)
            if job.resume and os.path.exists(output.part):
                for done in output.go_on(facts, found):
                    progress.count(done)
                log.info("going on after passage %s", f"{progress.passages:,}")
            else:
                output.begin(facts)
            progress.start()
            annotated = _annotated(found, job, model, how, total)
            for done in output.append(annotated, interruption):
                progress.count(done)
                progress.report()
        output.finish()
    except Interrupted as interrupted:
        if not progress.passages:
            raise
        raise Interrupted(
            interrupted.signal,
            f"{progress.passages:,} passages are done",
            "the same command with --resume=true goes on from here",
        ) from interrupted
    log.info(
        "%s entities in %s passages: %s",
        f"{progress.entities:,}",
        f"{progress.passages:,}",
        output.final,
    )


def _annotated(found, job, model, how, total):
    """Yields the passages with the entities that the model finds."""
    first = next(found, None)
    if first is None:
        return
    featurize = make_featurizer(model.tokenizer, job.max_seq_length, job.long_sentences)
    # A model on the CPU has all cores busy: then featurizing, a hundredth of the work,
    # gains nothing elsewhere.
    on_gpu = tf.config.experimental.list_physical_devices("GPU")
    processes = workers.processes_for(total and total.passages) if on_gpu else 0
    feed = Feed(
        workers.ordered_map(featurize, itertools.chain([first], found), processes)
    )
    predictions = predicting.predict_stream(
        model.head, model.config, SCHEMA, feed.rows(), model.checkpoint, how
    )
    try:
        with contextlib.closing(predictions):
            for one, of_windows in in_passages(feed, predictions):
                yield annotate(one, of_windows, model.names)
    except files.InputError as error:
        if error is not feed.error:
            raise
        raise files.InputError(
            f"{error}; what came before it is done and kept: put the line right, and go"
            " on with --resume=true"
        ) from error
