"""People's own text: entities of raw passages, found by a fine-tuned model.

    passages ──▶ words ──▶ windows of pieces ──▶ rows ──▶ model ──▶ labels of words
        └──────────────────────────────────────────────────────▶ entities, a line each

Passages stream: no more of them than are on their way are in memory. Each becomes a
line of entities.jsonl.part as soon as it is done; what such a file was made with is
kept beside it, so that an interrupted run can be resumed. When all are done, other
formats are made from it, and it is renamed to entities.jsonl.
"""

import collections
import contextlib
import functools
import io
import itertools
import json
import os
import re
import select
import signal
import sys
import time
from typing import NamedTuple, Optional

import numpy as np
import tensorflow.compat.v1 as tf

import finetuning
import hooks
import output_folder
import records
import windows
import workers
from biocodes import conll, entity_formats, files, ner_detokenize, passages
from biocodes.entity_formats import Annotated, Entity
from command_line import log
from interruption import Interrupted

START, END = "[CLS]", "[SEP]"
WINDOW, TRUNCATE = LONG_SENTENCES = ("window", "truncate")
SCHEMA = records.Schema(sequences=["input_ids"])
STREAM = "-"
# Flags that decide what is found.
FLAGS_THAT_MATTER = ("long_sentences", "max_seq_length")
# Formats that are one file each; brat is a folder.
FORMAT_FILES = {
    "conll": "entities.conll",
    "pubtator": "entities.pubtator",
    "bioc": "entities.bioc.json",
    "html": "entities.html",
}
# What a new model makes obsolete; an interrupted prediction stays, see check_start.
RESULTS = ("entities.jsonl", *FORMAT_FILES.values())
BLOCK = 1 << 16


def define_flags(flags):
    """Adds the flags of a script that finds entities in raw text."""
    text = functools.partial(tf.flags.DEFINE_string, flag_values=flags)
    text(
        "predict_file",
        None,
        "Text to find entities in: a passage a line, or .tsv, .jsonl, .pubtator or"
        " .conll; - reads standard input.",
    )
    text(
        "output_formats",
        None,
        "Formats to write beside entities.jsonl, with commas between them: "
        + ", ".join(entity_formats.FORMATS)
        + ".",
    )
    tf.flags.DEFINE_enum(
        "long_sentences",
        None,
        LONG_SENTENCES,
        "What is done with text longer than max_seq_length: window reads it in"
        " overlapping windows (default for predict_file), truncate cuts it off (default"
        " for test.tsv; training always does).",
        flag_values=flags,
    )
    tf.flags.DEFINE_bool(
        "resume",
        False,
        "Go on with a predict_file that was interrupted; if none was, start.",
        flag_values=flags,
    )
    text(
        "shard",
        None,
        "i/n: predict every n-th document of predict_file, from the i-th on, into"
        " entities-i-of-n.jsonl.",
    )


class Shard(NamedTuple):
    """The index-th of `count` parts of the input, from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text):
        """ "2/4" → Shard(2, 4); raises InputError."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        shard = cls(*map(int, match.groups())) if match else None
        if shard is None or not 1 <= shard.index <= shard.count:
            raise files.InputError(
                f"{text!r} is no part of a whole",
                "--shard",
                remedy="write the number of the part and of all parts: 1/4, 2/4, …",
            )
        return shard


class Job(NamedTuple):
    """What to predict, and how; the names are those of the flags."""

    predict_file: str
    output_formats: list
    long_sentences: str
    max_seq_length: int
    resume: bool
    overwrite_output_dir: bool
    shard: Optional[Shard]

    @classmethod
    def from_flags(cls, flags):
        """The job that the flags ask for; None without --predict_file.

        Raises:
          InputError: a flag's value cannot be used, or lacks --predict_file.
        """
        if not flags.predict_file:
            for name in ("output_formats", "resume", "shard"):
                if flags[name].value:
                    raise files.InputError(
                        "means nothing without --predict_file", f"--{name}"
                    )
            return None
        if flags.resume and flags.overwrite_output_dir:
            raise files.InputError(
                "goes on where --overwrite_output_dir=true starts afresh",
                "--resume",
                remedy="leave one of them out",
            )
        return cls(
            flags.predict_file,
            entity_formats.check_formats(flags.output_formats or ""),
            flags.long_sentences or WINDOW,
            flags.max_seq_length,
            flags.resume,
            flags.overwrite_output_dir,
            Shard.parse(flags.shard) if flags.shard else None,
        )

    @property
    def name(self):
        """What the results are called: "entities", or "entities-2-of-4" of a shard."""
        if self.shard is None:
            return "entities"
        return f"entities-{self.shard.index}-of-{self.shard.count}"

    def read(self, stdin=None):
        """Yields the passages, those of the shard; see passages.read_passages."""
        found = passages.read_passages(self.predict_file, stdin)
        return found if self.shard is None else in_shard(found, self.shard)


def in_shard(found, shard):
    """Yields every count-th document of passages; title and abstract stay together."""
    number, before = -1, None
    for passage in found:
        if before is None or not passages.same_document(before, passage):
            number += 1
        before = passage
        if number % shard.count == shard.index - 1:
            yield passage


class Total(NamedTuple):
    """How much there is to do."""

    passages: int
    characters: int


def check_input(job):
    """Reads all of the input once, so that a wrong line is found before hours of work.

    Returns:
      Total; None for standard input and other streams, which can be read only once.

    Raises:
      InputError: see passages.read_passages.
    """
    path = job.predict_file
    if path == STREAM or (os.path.exists(path) and not _can_be_read_again(path)):
        return None
    count = characters = 0
    for passage in job.read():
        count += 1
        characters += len(passage.text)
    return Total(count, characters)


def _can_be_read_again(path):
    return os.path.isfile(path) or os.path.isdir(path)


class WakingInput(io.RawIOBase):
    """Standard input; who waits for it, in whatever thread, is woken by a signal.

    The model waits for rows where Python cannot attend to signals. So a signal first
    ends the rows, with an error, and thereby the model's wait.
    """

    def __init__(self, descriptor):
        super().__init__()
        self._descriptor = descriptor
        self._woken, self._wakes = os.pipe()
        os.set_blocking(self._wakes, False)
        self._before = signal.set_wakeup_fd(self._wakes)

    def readable(self):
        return True

    def readinto(self, buffer):
        ready, _, _ = select.select([self._descriptor, self._woken], [], [])
        if self._woken in ready:
            raise RuntimeError("nobody waits for standard input any more")
        read = os.read(self._descriptor, len(buffer))
        buffer[: len(read)] = read
        return len(read)

    def wake(self):
        """Wakes who still waits; to be called at the end, whatever that is."""
        if self._wakes is not None:
            signal.set_wakeup_fd(self._before)
            # With the other end closed, this one counts as ready for ever.
            os.close(self._wakes)
            self._wakes = None

    def close(self):
        if not self.closed:
            self.wake()
            os.close(self._woken)
        super().close()


@contextlib.contextmanager
def opened(job):
    """Yields an iterator of the job's passages, see Job.read."""
    if job.predict_file != STREAM or sys.stdin is None:
        yield job.read()
        return
    stdin = WakingInput(sys.stdin.fileno())
    try:
        yield job.read(io.BufferedReader(stdin))
    finally:
        stdin.wake()


# Features


class Featurized(NamedTuple):
    """A passage on its way through the model.

    passage: passages.Passage.
    spans: [(start, end)] of its words.
    windows: [(row of SCHEMA, word_index)], see windows.cut_pieces; those without any
      piece are left out.
    """

    passage: passages.Passage
    spans: list
    windows: list


def make_featurizer(tokenizer, max_seq_length, long_sentences):
    """Makes the function Passage → Featurized.

    Args:
      tokenizer: tokenization.FullTokenizer.
      max_seq_length: pieces at most, [CLS] and [SEP] included.
      long_sentences: one of LONG_SENTENCES.
    """
    cut = windows.cut_pieces if long_sentences == WINDOW else windows.truncate_pieces
    start, end = tokenizer.vocab[START], tokenizer.vocab[END]

    def featurize(passage):
        spans = passages.spans(passage)
        pieces = [tokenizer.word_ids(passage.text[begin:end]) for begin, end in spans]
        rows = [
            (np.array([start, *ids, end], np.int32), word_index)
            for ids, word_index in cut(pieces, max_seq_length - 2)
            if ids
        ]
        return Featurized(passage, spans, rows)

    return featurize


class Feed:
    """Gives the rows of passages to a model and remembers whose they are.

    `rows` is read in another thread, where an error would become one of TensorFlow's:
    it ends the rows and is kept.

    Attributes:
      waiting: deque of Featurized, whose rows have been read.
      error: what ended the rows early, or None.
    """

    def __init__(self, featurized):
        self._featurized = featurized
        self.waiting = collections.deque()
        self.error = None

    def rows(self):
        """Yields the rows of one passage after another."""
        try:
            for one in self._featurized:
                self.waiting.append(one)
                for row, _ in one.windows:
                    yield row
        except Exception as error:  # raised again by in_passages
            self.error = error


def in_passages(feed, predictions):
    """Yields (Featurized, list of predictions of its windows), passage by passage.

    When all that came before it is done, it raises what ended the feed's rows.

    Args:
      feed: Feed.
      predictions: iterable of (index, dict of arrays) of the feed's rows, in their
        order.
    """
    waiting, found = feed.waiting, []
    for _, prediction in predictions:
        while not waiting[0].windows:
            yield waiting.popleft(), []
        found.append(prediction)
        if len(found) == len(waiting[0].windows):
            yield waiting.popleft(), found
            found = []
    while waiting:
        yield waiting.popleft(), []
    if feed.error is not None:
        raise feed.error


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
    of_words = ner_detokenize.word_labels(len(spans), words, labels)
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


# Results


class Output:
    """The files of a job in the output folder.

    Attributes:
      final: entities.jsonl, of a shard entities-2-of-4.jsonl.
      part: what is done of it.
      record: JSON object of what the part is made with.
      formats: folder of the other formats; a shard has one of its own.
    """

    def __init__(self, folder, job):
        self.final = os.path.join(folder, f"{job.name}.jsonl")
        self.part = f"{self.final}.part"
        self.record = f"{self.part}.json"
        self.formats = os.path.join(folder, job.name) if job.shard else folder
        self._job = job

    def check_start(self):
        """Before anything is done: may the job write here?

        An interrupted prediction may have cost hours, so it is not just replaced.

        Raises:
          InputError: there is one, which has to be resumed or removed; or a brat folder
            would stay beside results that are not its own, or is not ours to replace.
        """
        job = self._job
        begun = os.path.exists(self.part) and os.path.getsize(self.part)
        if begun and not (job.resume or job.overwrite_output_dir):
            raise files.InputError(
                "a prediction was interrupted here",
                self.part,
                remedy="go on with it by --resume=true, or remove the file",
            )
        brat = os.path.join(self.formats, "brat")
        if "brat" in job.output_formats:
            entity_formats.check_brat_folder(brat)
        elif os.path.lexists(brat):
            raise files.InputError(
                "an earlier prediction's, which would stay beside the new results",
                brat,
                remedy="move it away, or add brat to --output_formats",
            )

    def begin(self, made_from):
        """Starts the part afresh; made_from: JSON object, see _check_record."""
        output_folder.remove("", [self.part])
        # No part without its record, so the record comes first.
        files.write_json(self.record, made_from)
        with self._written(), open(self.part, "w"):
            pass

    def go_on(self, made_from, found):
        """Holds the part against the job that is to go on with it.

        Args:
          made_from: see _check_record.
          found: iterator of the job's passages, from which those that are done are
            taken.

        Yields:
          The Annotated passages that are done.

        Raises:
          InputError: the part is of another model, of other flags or of other passages.
        """
        self._check_record(made_from)
        self._cut_half_line()
        for number, done in enumerate(entity_formats.read_jsonl(self.part), 1):
            if next(found, None) != done.passage:
                raise files.InputError(
                    f"not passage {number} of {self._job.predict_file}",
                    self.part,
                    number,
                    "give the input that the prediction began with, or remove the file",
                )
            yield done

    def _check_record(self, made_from):
        """made_from: JSON object of all that decides what the model finds."""
        if not os.path.exists(self.record):
            raise files.InputError(
                f"its {os.path.basename(self.record)} is missing",
                self.part,
                remedy="remove the file to start afresh",
            )
        recorded = files.read_json(self.record)
        if not isinstance(recorded, dict):
            raise files.InputError("not a record of this suite", self.record)
        for name in sorted({*recorded, *made_from}):
            before, now = recorded.get(name), made_from.get(name)
            if before != now:
                problem = f"was begun with another {name.replace('_', ' ')}"
                if name in FLAGS_THAT_MATTER:
                    problem = f"was begun with --{name}={before}, not {now}"
                raise files.InputError(
                    problem,
                    self.part,
                    remedy="go on with that, or remove the file to start afresh",
                )

    def _cut_half_line(self):
        """Cuts off the line that a killed run did not bring to its end."""
        with self._written(), open(self.part, "r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            while end:
                begin = max(end - BLOCK, 0)
                stream.seek(begin)
                last = stream.read(end - begin).rfind(b"\n")
                if last >= 0:
                    end = begin + last + 1
                    break
                end = begin
            stream.truncate(end)

    def append(self, annotated, interruption):
        """Writes a line of the part for each Annotated passage, and passes it on.

        Args:
          annotated: iterable of Annotated.
          interruption: Interruption; a signal ends the run between two lines.
        """
        with self._written():
            stream = open(self.part, "ab")  # noqa: SIM115
        try:
            for one in annotated:
                line = entity_formats.jsonl_line(one) + "\n"
                with self._written(), interruption.held_back():
                    stream.write(line.encode("ascii"))
                    # A kill then loses what is on its way, and no more.
                    stream.flush()
                yield one
                if interruption.asked is not None:
                    raise Interrupted(interruption.asked)
            with self._written():
                os.fsync(stream.fileno())
        finally:
            # All that could be written is on the disk; a full one was told above.
            with contextlib.suppress(OSError):
                stream.close()

    @contextlib.contextmanager
    def _written(self):
        try:
            yield
        except OSError as error:
            raise files.InputError(
                f"cannot be written ({(error.strerror or str(error)).lower()})",
                self.part,
                remedy="what is done is kept, and --resume=true goes on with it",
            ) from error

    def finish(self):
        """Makes the other formats, and then the part the result that it has become.

        In this order: until all is there, the part says that the job is not done.
        """
        formats = self._job.output_formats
        if formats:
            source = os.path.basename(self._job.predict_file)
            title = "Entities" if source == STREAM else f"Entities in {source}"
            entity_formats.convert(self.part, self.formats, formats, title)
        stale = [name for kind, name in FORMAT_FILES.items() if kind not in formats]
        output_folder.remove(self.formats, stale)
        with self._written():
            os.replace(self.part, self.final)
        output_folder.remove("", [self.record])


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
        if is_done or now - self._reported < hooks.PROGRESS_SECONDS:
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
            hooks.duration(left),
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
        checkpoint=output_folder.digest(model.checkpoint + ".index"),
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
    predictions = finetuning.predict_stream(
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
