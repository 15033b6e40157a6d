"""What the benchmarks share: a model and a corpus to measure with, rounds, tables.

Without --model_dir a model is made up: the sizes of MiniLM-L6-H384, random weights, and
a vocabulary that cuts the corpus into about as many pieces as a real one does. Speed
does not depend on what the weights are.
"""

import argparse
import collections
import contextlib
import importlib
import itertools
import logging
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple, Optional
from unittest import mock

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf

import tokenization
from biocodes.lib import command, conll, files, squad
from biocodes.lib.relations import read_train
from finetuning import checkpoints, command_line, hooks, training
from finetuning.batches import parts_of
from finetuning.signals import Interruption

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NCBI_DISEASE = os.path.join(ROOT, "examples", "NCBI-disease")
PADDED = "--pad_to_max_length=true"
VARIANTS = {"default": [], PADDED: [PADDED]}
SCRIPTS = {"ner": "run_ner.py", "re": "run_re.py", "qa": "run_qa.py"}

# The flags of the README's commands, by task.
SETTINGS = {
    "ner": ["--max_seq_length=128", "--train_batch_size=32"],
    "re": ["--max_seq_length=128", "--train_batch_size=32", "--task_name=custom"],
    "qa": ["--max_seq_length=384", "--train_batch_size=12", "--doc_stride=128"],
}
BATCH_SIZES = {"ner": 32, "re": 32, "qa": 12}

MINILM = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 384,
    "initializer_range": 0.02,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 6,
    "type_vocab_size": 2,
    "vocab_size": 30522,
}
# A word that NCBI-disease has so often is one piece, rarer ones are cut into n-grams.
# Its sentences then have 33 pieces on average; with BERT's uncased vocabulary it is 34.
FREQUENT = 12
NGRAMS = 4000


# Commands


def argument_parser(description, rounds, **of_data):
    """argparse with the flags that the benchmarks share.

    Args:
      description: the script's docstring.
      rounds: default of --rounds.
      of_data: default and help of --data.
    """
    parser = command.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", **of_data)
    parser.add_argument(
        "--model_dir",
        help="folder with bert_config.json, vocab.txt and perhaps a checkpoint;"
        " default: random weights of MiniLM's sizes",
    )
    parser.add_argument(
        "--do_lower_case",
        type=str.lower,
        choices=["true", "false"],
        default="true",
        help="true for uncased models; default: true",
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=rounds,
        help=f"times that each measurement is made; default: {rounds}",
    )
    return parser


def add_task(parser):
    """Adds --task, for benchmarks that know all three."""
    parser.add_argument(
        "--task", choices=sorted(SCRIPTS), default="ner", help="default: ner"
    )


DATA_OF_TASK = {
    "default": None,
    "help": "the corpus, by --task: a folder with train_dev.tsv, devel.tsv and test.tsv"
    " (ner), with train.tsv and test.tsv (re), or with train.json and test.json (qa);"
    " default: examples/NCBI-disease, for re and qa made into such files",
}
DATA_OF_NER = {
    "default": NCBI_DISEASE,
    "help": "folder with train_dev.tsv, devel.tsv and test.tsv; default:"
    " examples/NCBI-disease",
}


def positive(text):
    """Type of a flag that is a whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


def numbers(text):
    """Type of a flag that is some such numbers, "1000,2000"."""
    return [positive(part) for part in text.split(",")]


def run(main):
    """Runs a benchmark as a command; only what goes wrong is logged."""
    command_line.set_up_console()
    command_line.log.setLevel(logging.ERROR)
    command.run(main)


@contextlib.contextmanager
def work_folder():
    """A folder for the block, removed after it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        yield folder


def new_folder(folder):
    """A new, empty folder in a folder."""
    return tempfile.mkdtemp(dir=folder)


# Models


class Model(NamedTuple):
    """A pretrained model.

    Attributes:
      folder: has bert_config.json and vocab.txt.
      checkpoint: prefix, or None for random weights.
      do_lower_case: "true" or "false".
    """

    folder: str
    checkpoint: Optional[str]
    do_lower_case: str

    @property
    def flags(self):
        """The scripts' flags that name it."""
        named = [
            f"--vocab_file={os.path.join(self.folder, 'vocab.txt')}",
            f"--bert_config_file={os.path.join(self.folder, 'bert_config.json')}",
            f"--do_lower_case={self.do_lower_case}",
        ]
        return named + [f"--init_checkpoint={self.checkpoint}"] * bool(self.checkpoint)

    @property
    def config(self):
        """dict of bert_config.json."""
        return files.read_json(os.path.join(self.folder, "bert_config.json"))

    @property
    def tokenizer(self):
        """A FullTokenizer that has not seen a word yet."""
        return tokenization.FullTokenizer(
            os.path.join(self.folder, "vocab.txt"), self.do_lower_case == "true"
        )


def model_of(arguments, folder):
    """The Model that the flags name, or one that is made up in a folder."""
    if arguments.model_dir:
        checkpoint = checkpoints.latest(arguments.model_dir)
        return Model(arguments.model_dir, checkpoint, arguments.do_lower_case)
    made_up = os.path.join(folder, "model")
    files.make_folder(made_up)
    files.write_json(os.path.join(made_up, "bert_config.json"), MINILM)
    words = collections.Counter(
        token
        for sentence in conll.read_sentences(os.path.join(NCBI_DISEASE, "train.tsv"))
        for word in sentence.words
        for token in tokenization.BasicTokenizer(True).tokenize(word)
    )
    with files.whole_file(os.path.join(made_up, "vocab.txt")) as stream:
        stream.writelines(f"{piece}\n" for piece in vocabulary(words))
    return Model(made_up, None, "true")


def vocabulary(words):
    """A vocabulary of MiniLM's size for a Counter of words."""
    whole = [word for word, count in words.most_common() if count >= FREQUENT]
    ngrams = collections.Counter()
    for word, count in words.items():
        for size, start in itertools.product((2, 3, 4), range(len(word))):
            ngram = word[start : start + size]
            if len(ngram) == size and count < FREQUENT:
                ngrams["##" * bool(start) + ngram] += count
    characters = sorted({character for word in words for character in word})
    pieces = [*tokenization.REQUIRED_PIECES, "[MASK]", *characters]
    pieces += [f"##{character}" for character in characters]
    pieces += whole + [ngram for ngram, _ in ngrams.most_common(NGRAMS)]
    pieces = list(dict.fromkeys(pieces))
    rest = range(MINILM["vocab_size"] - len(pieces))
    return pieces + [f"[unused{number}]" for number in rest]


# Corpora


class Corpus(NamedTuple):
    """A task's training and test data.

    Attributes:
      task: key of SCRIPTS.
      flags: the script's flags that name the files.
      train, test: their paths.
    """

    task: str
    flags: list
    train: str
    test: str

    @property
    def examples(self):
        """The number of training examples."""
        return len(self.load_train())

    def load_train(self):
        """The training examples as the script reads them: a list."""
        if self.task == "ner":
            return conll.load_sentences(self.train)
        if self.task == "re":
            return read_train(self.train)
        return squad.load_to_train(self.train, False)[0]


def corpus_of(task, data, folder):
    """The Corpus in the folder `data`; None: NCBI-disease, made up for the task."""
    if task == "ner":
        data = data or NCBI_DISEASE
        names = "train_dev.tsv", "test.tsv"
    else:
        names = {"re": ("train.tsv", "test.tsv"), "qa": ("train.json", "test.json")}[
            task
        ]
        data = data or make_up_corpus(task, os.path.join(folder, "corpus"), names)
    train, test = (os.path.join(data, name) for name in names)
    flags = [f"--data_dir={data}"]
    if task == "qa":
        flags = [f"--train_file={train}", f"--predict_file={test}"]
    return Corpus(task, flags, train, test)


def make_up_corpus(task, folder, names):
    """Writes files for relations or questions, made of NCBI-disease; → the folder.

    Nothing can be learnt from them, but their lengths are those of real corpora.
    """
    files.make_folder(folder)
    make_up = {"re": write_relations, "qa": write_questions}[task]
    for name, source in zip(names, ("train_dev.tsv", "test.tsv")):
        make_up(
            os.path.join(folder, name),
            conll.load_sentences(os.path.join(NCBI_DISEASE, source)),
            is_test=source == "test.tsv",
        )
    return folder


def write_relations(path, sentences, is_test):
    """Sentences in which the first mention is @DISEASE$ and a word is @GENE$."""
    with files.whole_file(path) as stream:
        if is_test:
            stream.write("index\tsentence\tlabel\n")
        for number, sentence in enumerate(sentences):
            mentions = conll.entities(sentence.labels)
            if not mentions or len(sentence.words) < 15:
                continue
            start, end, _ = mentions[0]
            words = list(sentence.words)
            words[start:end] = ["@DISEASE$"]
            words[-2] = "@GENE$"
            index = f"{number}\t" if is_test else ""
            stream.write(f"{index}{' '.join(words)}\t{number % 2}\n")


def write_questions(path, sentences, is_test):
    """Seven sentences are a context, their first mention is the answer."""
    paragraphs = []
    for start in range(0, len(sentences) - 7, 6):
        part = sentences[start : start + 7]
        answer = next(
            (
                " ".join(one.words[first:last])
                for one in part
                for first, last, _ in conll.entities(one.labels)
            ),
            part[0].words[0],
        )
        context = " ".join(word for one in part for word in one.words)
        question = f"What is it that {' '.join(sentences[start + 7].words[:8])}?"
        answers = [{"text": answer, "answer_start": context.index(answer)}]
        qas = [{"id": f"q{start}", "question": question, "answers": answers}]
        paragraphs.append({"context": context, "qas": qas})
    data = {"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}
    files.write_json(path, data, indent=None)


# Running the scripts


def run_script(task, *flags):
    """A script's main in this process, without its start-up; flags: lists of them."""
    script = SCRIPTS[task]
    module = importlib.import_module(script[: -len(".py")])
    module.main([script, *itertools.chain(*flags)], Interruption())


def run_command(task, *flags):
    """A script as a command; InputError when it fails. → seconds that it took."""
    command = [sys.executable, os.path.join(ROOT, SCRIPTS[task])]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, *itertools.chain(*flags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip().split("\n")[-1]
        raise files.InputError(f"{SCRIPTS[task]} failed: {said}")
    return seconds


def epochs_of(corpus, steps, batch_size=None):
    """The flag that makes a training of so many steps of a Corpus.

    batch_size: examples in a step; default: as in SETTINGS.
    """
    batch_size = batch_size or BATCH_SIZES[corpus.task]
    return f"--num_train_epochs={(steps + 0.5) * batch_size / corpus.examples!r}"


def train_for_a_step(corpus, model, folder):
    """Makes a model of the task to predict with; → the flag that names it.

    Its training data is the corpus's, so that its labels are.
    """
    out = new_folder(folder)
    run_script(
        corpus.task,
        train_flags(corpus, model),
        ["--do_predict=false", f"--output_dir={out}", epochs_of(corpus, steps=1)],
    )
    return f"--init_checkpoint={out}"


def train_flags(corpus, model):
    """The flags for training on a Corpus, but for how long."""
    return [*SETTINGS[corpus.task], *model.flags, *corpus.flags, "--do_train=true"]


def predict_flags(corpus, model, trained):
    """The flags for predicting a Corpus's test data.

    Args:
      corpus, model: Corpus, Model.
      trained: see train_for_a_step.
    """
    without_checkpoint = model._replace(checkpoint=None)
    return [
        *SETTINGS[corpus.task],
        *without_checkpoint.flags,
        *corpus.flags,
        trained,
        "--do_train=false",
        "--do_predict=true",
    ]


class Steps:
    """What happened in a training, step by step.

    Attributes:
      ends: when each step ended, in seconds.
      lengths: int [B] for each step and perhaps some more: pieces of its examples.
    """

    def __init__(self):
        self.ends = []
        self.lengths = []

    def examples_per_second(self, first):
        """From step `first` (counted from 0, at least 1) to the last one."""
        count = sum(len(one) for one in self.lengths[first : len(self.ends)])
        return count / self.seconds(first)

    def seconds(self, first):
        """Of the steps from `first` on."""
        return self.ends[-1] - self.ends[first - 1]

    def lengths_from(self, first):
        """Pieces of all examples from step `first` on, a list."""
        steps = self.lengths[first : len(self.ends)]
        return [length for step in steps for length in step.tolist()]


@contextlib.contextmanager
def watched_steps():
    """Within the block Steps are noted as the training loop goes through them."""
    steps = Steps()
    make_batch = parts_of

    class Watch(hooks.WatchTraining):
        def after_run(self, run_context, run_values):
            steps.ends.append(time.perf_counter())
            super().after_run(run_context, run_values)

    def watched_parts_of(data, parts, *others):
        steps.lengths.append(data.lengths[np.concatenate(parts)])
        return make_batch(data, parts, *others)

    with mock.patch.object(hooks, "WatchTraining", Watch):
        with mock.patch.object(training, "parts_of", watched_parts_of):
            yield steps


# Numbers


def alternate(measurements, rounds):
    """Measures one after another, round after round: A B A B …

    Args:
      measurements: dict of name → function without arguments → number, or tuple of
        numbers.
      rounds: how many times.

    Returns:
      dict of name → median, or tuple of medians.
    """
    found = {name: [] for name in measurements}
    for _ in range(rounds):
        for name, measure in measurements.items():
            found[name].append(measure())
    return {name: _median(values) for name, values in found.items()}


def _median(values):
    if isinstance(values[0], tuple):
        return tuple(statistics.median(column) for column in zip(*values))
    return statistics.median(values)


def seconds_of(function):
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def print_table(head, rows, note):
    """Prints a Markdown table, numbers to the right, and a line on the machine.

    Args:
      head: the columns' names.
      rows: lists of cells; a float has three significant digits.
      note: what else there is to say on how it was measured.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    # A cell may be empty, but the first one tells what its column has.
    is_number = [re.fullmatch(r"[\d,.]*", cell) for cell in cells[0]]
    print(f"| {' | '.join(head)} |")
    print(f"|{'|'.join('---:' if number else '---' for number in is_number)}|")
    for row in cells:
        print(f"| {' | '.join(row)} |")
    print(f"\n{note} {machine()}", flush=True)


def _cell(value):
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if value < 10 else 1}f}"


def machine():
    """The machine and the versions, in a line."""
    cores = os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} cores, {_processor()}, TensorFlow {tf.version.VERSION},"
        f" Python {platform.python_version()}."
    )


def _processor():
    """The processor's name where Linux tells it."""
    with contextlib.suppress(OSError, AttributeError):
        with open("/proc/cpuinfo") as stream:
            return re.search(r"model name\s*:\s*(.*)", stream.read()).group(1).strip()
    return platform.processor() or platform.machine()


def describe(model):
    """What a Model is, in words for print_table's note."""
    config = model.config
    sizes = "{num_hidden_layers} layers, {hidden_size} wide".format(**config)
    kind = "random weights" if model.checkpoint is None else "pretrained weights"
    return f"Model: {sizes}, {kind}."


def describe_rounds(arguments):
    """The same of --rounds."""
    if arguments.rounds == 1:
        return "One round."
    return f"Medians of {arguments.rounds} rounds."
