# Assigned, so that --help has it under python -OO.
__doc__ = """\
Named entity recognition with BERT: fine-tunes on CoNLL files, predicts, scores.

  python run_ner.py --model_dir=$BIOBERT_DIR --do_train=true --do_eval=true \\
      --data_dir=$NER_DIR --output_dir=$OUTPUT_DIR

data_dir holds train_dev.tsv (training), devel.tsv (--do_eval) and test.tsv
(--do_predict): a word and its label a line, a blank line after each sentence. Labels
are B, I and O, or typed, B-Chemical, I-Disease and so on.

With --predict_file=FILE a trained model finds the entities of raw text, with
--do_embed it writes vectors of it. docs/ner.md and docs/raw_text.md say more.
"""

import os
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

if __name__ == "__main__":  # python -I does not look beside the script
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np

from biocodes.lib.conll import Sentence, is_labelled
from biocodes.lib.files import InputError
from finetuning import common_flags, evaluation, output_dir, seeds, windows
from finetuning.engine import TENSORFLOW, start_engine
from finetuning.model import Model
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, Schema, featurized
from finetuning.run import Run, RunSettings
from finetuning.signals import Interruption
from finetuning.windows import NO_WORD
from tasks import heads
from tasks.ensemble import mean_of_pieces
from tasks.ner.corpora import (
    DEV,
    FILES,
    Corpus,
    digests,
    labels_of_run,
    load_corpora,
    make_subfolders,
    numbered_sentences,
    parts_of,
    phases_of,
    results_of,
    train_file_for,
    with_overlap,
)
from tasks.ner.dev_set import dev_set
from tasks.ner.fitting import fitted
from tasks.ner.labels import OF_ALL, OF_LABEL, SPECIAL, ids_of_pieces, save_pickle
from tasks.ner.labels import load as load_labels
from tasks.ner.partial_annotation import partial_annotation
from tasks.ner.results import MEASURES, RESULTS, evaluate_and_predict
from tasks.raw_text import embeddings
from tasks.raw_text.embeddings import Embedding
from tasks.raw_text.entities import find_entities
from tasks.raw_text.job import RESULTS as RAW_TEXT_RESULTS
from tasks.raw_text.job import WINDOW, Job, check_job, define_raw_text_flags
from tasks.raw_text.output import Output
from tasks.raw_text.tagger import Tagger
from tokenization import CLS, SEP, FullTokenizer


def define_flags() -> command_line.Flags:
    """Define all flags of this script, with their defaults."""
    flags = common_flags.define_flags(
        do_lower_case=False,
        max_seq_length=128,
        do_train=True,
        do_predict=True,
        num_train_epochs=10.0,
    )
    topic = flags.topic(command_line.FILES)
    topic.string(
        "data_dir",
        None,
        "Folder of the corpus, or of several, with commas between them. TYPE=FOLDER"
        " gives the labels of a corpus without types (B, I, O) one. Required, except"
        " with predict_file and neither do_train nor do_eval.",
    )
    topic.string(
        "train_file",
        None,
        "File in data_dir to train on. Default: train_dev.tsv; with eval_every"
        " train.tsv, because train_dev.tsv contains devel.tsv.",
    )
    topic = flags.topic(command_line.ACTIONS)
    topic.string("task_name", "NER", "NER is the only one.")
    flags.topic(command_line.TRAINING).boolean(
        "partial_annotation",
        True,
        "With several corpora: O says nothing of the types that a word's corpus does"
        " not annotate. False takes all labels as they are.",
    )
    common_flags.define_evaluation_flags(flags, "devel.tsv")
    evaluation.define_flags(flags, "devel.tsv")
    seeds.define_flags(flags)
    define_raw_text_flags(flags)
    embeddings.define_flags(flags)
    return flags


class Settings(NamedTuple):
    """What the flags say about this task; the names are those of the flags."""

    data_dir: Optional[str]
    train_file: str
    max_seq_length: int
    eval_batch_size: int
    pad_to_max_length: bool
    partial_annotation: bool
    long_sentences: Optional[str]

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Settings":
        """Take the values of the flags of these names."""
        values = {name: flags[name].value for name in cls._fields}
        alone = flags.do_train and flags.eval_every
        values["train_file"] = flags.train_file or train_file_for(alone)
        return cls(**values)


# Features


def schema(labelled: bool, of_several: bool = False) -> Schema:
    """Return the schema of sentences.

    word_index is the piece's word in its sentence, or NO_WORD or CONTEXT. A sentence
    of_several corpora says which it is from: Corpus.number.
    """
    sequences = ["input_ids", "word_index"] + ["label_ids"] * labelled
    return Schema(sequences, scalars=["corpus"] * of_several)


def featurize(
    sentence: Sentence,
    tokenizer: FullTokenizer,
    label_ids: Dict[str, int],
    max_seq_length: int,
    cut: windows.Cut = windows.truncate_pieces,
) -> Iterator[Dict[str, List[int]]]:
    """Cut a sentence into pieces, each with its label and its word.

    A word's first piece carries the word's label, the others X. Where a long sentence
    becomes several windows, what counts in another window has word_index CONTEXT and
    the label [PAD]; so have each [CLS] but the first and each [SEP] but the last.

    Args:
      sentence: its labels may be None.
      tokenizer: of the model.
      label_ids: label → id.
      max_seq_length: pieces of a window at most, [CLS] and [SEP] included.
      cut: truncate_pieces, or cut_pieces for windows.

    Yields:
      Features of each window, see schema; without label_ids if there are no labels.
    """
    pieces = [tokenizer.word_ids(word) for word in sentence.words]
    parts = list(cut(pieces, max_seq_length - 2))
    cls, sep = tokenizer.vocab[CLS], tokenizer.vocab[SEP]
    for number, (ids, words) in enumerate(parts):
        first = NO_WORD if number == 0 else windows.CONTEXT
        last = NO_WORD if number == len(parts) - 1 else windows.CONTEXT
        word_index = [first, *words, last]
        features = {"input_ids": [cls, *ids, sep], "word_index": word_index}
        if is_labelled([sentence]):
            ids = ids_of_pieces(word_index, sentence.labels, label_ids)
            features["label_ids"] = ids
        yield features


def featurize_all(
    run: Run, corpora: List[Corpus], phases: List[str], settings: Settings
) -> Dict[Tuple[str, str], RecordFile]:
    """Make record files of the sentences, PHASE.tf_record.

    Args:
      run: it has been started.
      corpora: all of the run.
      phases: those to make.
      settings: long_sentences is for test.tsv.

    Returns:
      (phase, sub-folder of the results) → records.
    """
    make_subfolders(run.folder, corpora)
    of_several = len(corpora) > 1
    limit = settings.max_seq_length

    def records_of(phase: str, part: List[Corpus]) -> Tuple[Any, Any, Any]:
        in_windows = phase == "predict" and settings.long_sentences == WINDOW
        cut = windows.cut_pieces if in_windows else windows.truncate_pieces
        rows_schema = schema(is_labelled(part[0].sentences[phase]), of_several)

        def rows_of(numbered: Tuple[int, Sentence]) -> List[np.ndarray]:
            number, sentence = numbered
            return [
                rows_schema.pack(dict(features, corpus=number))
                for features in featurize(
                    sentence, run.model.tokenizer, run.model.label_ids, limit, cut
                )
            ]

        made_from = run.model.data_facts(
            digests(part, phase),
            labels=run.model.labels,
            max_seq_length=limit,
            in_windows=in_windows,
        )
        sentences = numbered_sentences(part, phase)
        count = sum(len(corpus.sentences[phase]) for corpus in part)
        return rows_schema, featurized(rows_of, sentences, count), made_from

    return {
        (phase, subfolder): run.records(
            os.path.join(subfolder, phase), *records_of(phase, part)
        )
        for (phase, subfolder), part in parts_of(corpora, phases).items()
    }


# The run


def check_task(task_name: str) -> None:
    """Refuse any other task; the original takes this flag in any case."""
    if task_name.lower() != "ner":
        raise InputError(
            f"{task_name} is not a task of this script",
            "--task_name",
            remedy="leave the flag out, or give NER",
        )


def add_head(
    run: Run, model: Model, corpora: List[Corpus], settings: Settings
) -> Model:
    """Complete the model, which has its labels, by their head.

    Args:
      run: knows what predicts.
      model: configuration, tokenizer and labels.
      corpora: all of the run.
      settings: Settings.
    """
    partial = None
    if settings.partial_annotation:
        partial = partial_annotation(corpora, model.labels, SPECIAL)
    head = heads.of_entities(
        run.checkpoint,
        len(model.labels),
        settings.pad_to_max_length,
        partial,
        OF_ALL if run.ensemble else None,
    )
    return model.with_head(head, model.labels)


def add_tagging_head(predictor: Predictor, labels: Tuple[str, ...]) -> Predictor:
    """Complete a predictor by the head that predicts probability, too."""
    probability = OF_ALL if predictor.ensemble else OF_LABEL
    head = heads.of_entities(
        predictor.checkpoint, len(labels), count_padding=False, probability=probability
    )
    return predictor.with_head(head, labels)


def check(
    run: Run, model: Model, corpora: List[Corpus], partial_annotation: bool
) -> None:
    """Check the run; what tells its training from others is corpora and labels."""
    facts, examples = {}, 0
    if run.settings.do_train:
        examples = sum(len(corpus.sentences["train"]) for corpus in corpora)
        facts = {"corpus": digests(corpora, "train"), "labels": model.labels}
        if len(corpora) > 1:
            facts["partial_annotation"] = partial_annotation
    run.check(model, examples, facts)


def start(run: Run, corpora: List[Corpus]) -> None:
    """Make the folder ready; a new model makes results of raw text outdated, too."""
    results = results_of(corpora, RESULTS)
    if run.settings.do_train:
        make_subfolders(run.folder, corpora)
        run.start([*results, *RAW_TEXT_RESULTS])
        save_pickle(run.folder, run.model.label_ids)
    else:
        run.start(results)


def load(folder: str, max_seq_length: int = 128, engine: str = TENSORFLOW) -> Tagger:
    """Load a trained model for Python: load("ner").entities(["Ataxia …"])."""
    predictor = Predictor.load(folder, max_seq_length, engine)
    return Tagger(add_tagging_head(predictor, load_labels(predictor.checkpoint)))


def main(argv: List[str], interruption: Interruption) -> None:
    """Run once, or once for each seed."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__)
    check_task(flags.task_name)
    embeddings.check_flags(flags)
    Job.from_flags(flags)  # refuses what it cannot do before others are waited for
    seeds.run(flags, lambda: run_once(flags, interruption))


def run_once(flags: command_line.Flags, interruption: Interruption) -> None:
    """Read and check everything, and only then start to work."""
    job = Job.from_flags(flags)
    wanted = {phase: flags[f"do_{phase}"].value for phase in FILES}
    wanted = {} if flags.do_embed else wanted
    has_shard = job is not None and bool(job.shard)
    phases = phases_of(wanted, flags.data_dir, job is not None, has_shard)
    fill_flags(flags)
    start_engine(flags)
    model = Model.from_flags(flags)
    run_settings = RunSettings.from_flags(flags)
    evaluation.check_settings(run_settings.evaluation, MEASURES)
    settings = Settings.from_flags(flags)
    if flags.do_embed:
        embeddings.embed(
            model, run_settings, Embedding.from_flags(flags, model.config), job
        )
        return
    phases += [DEV] if run_settings.evaluation else []
    corpora = []
    if phases:
        corpora = load_corpora(settings.data_dir, phases, settings.train_file)
    share = job.share("entities") if job else None
    with output_dir.locked(flags.output_dir, share) as folder:
        output = Output(folder, job) if job else None
        if output:
            output.check()
        run = Run(folder, run_settings, mean_of_pieces)
        labels = labels_of_run(corpora, run.checkpoint)
        corpora = fitted(with_overlap(corpora, run.trained_on), labels)
        model = model._replace(labels=labels)
        model = add_head(run, model, corpora, settings)
        total = check_job(job, labels) if job else None
        check(run, model, corpora, settings.partial_annotation)
        if not share:
            start(run, corpora)
        data = featurize_all(run, corpora, phases, settings)
        if flags.do_train:
            dev = dev_set(data, corpora, model.labels)
            run.train(data["train", ""], interruption, dev)
        evaluate_and_predict(run, corpora, data, settings.eval_batch_size)
        if job:
            predictor = add_tagging_head(run.predictor(), model.labels)
            find_entities(job, output, predictor, total, interruption)


if __name__ == "__main__":
    command_line.run(main)
