"""Named entity recognition with BERT: fine-tunes on CoNLL files, predicts, scores.

  python run_ner.py --do_train=true --do_eval=true --data_dir=$NER_DIR \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json \\
      --init_checkpoint=$BIOBERT_DIR/model.ckpt-1000000 --output_dir=$OUTPUT_DIR

data_dir holds train_dev.tsv (training), devel.tsv (--do_eval) and test.tsv
(--do_predict): a word and its label a line, a blank line after each sentence. Labels
are B, I and O, or typed, B-Chemical, I-Disease and so on.

With --predict_file=FILE a trained model finds the entities of raw text, with
--do_embed it writes vectors of it. docs/ner.md and docs/raw_text.md say more.
"""

import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib.conll import Sentence, is_labelled
from biocodes.lib.files import InputError
from finetuning import output_dir, windows
from finetuning.command_line import log
from finetuning.device import report_device
from finetuning.estimator import ModeKeys
from finetuning.model import Head, Model, Tensors
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, Schema, featurized
from finetuning.run import Run, RunSettings
from finetuning.signals import Interruption
from finetuning.windows import NO_WORD
from tasks.ner.corpora import (
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
    subfolders,
)
from tasks.ner.fitting import fitted
from tasks.ner.labels import SPECIAL, ids_of_pieces, save_pickle
from tasks.ner.labels import load as load_labels
from tasks.ner.partial_annotation import (
    PartialAnnotation,
    marginal_cross_entropy,
    partial_annotation,
)
from tasks.ner.results import (
    RESULTS,
    TokenScorer,
    evaluate,
    predict,
)
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
    flags = command_line.define_flags(
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
    topic = flags.topic(command_line.ACTIONS)
    topic.string("task_name", "NER", "NER is the only one.")
    flags.topic(command_line.TRAINING).boolean(
        "partial_annotation",
        True,
        "With several corpora: O says nothing of the types that a word's corpus does"
        " not annotate. False trains on all labels as they are.",
    )
    command_line.define_evaluation_flags(flags, "devel.tsv")
    define_raw_text_flags(flags)
    embeddings.define_flags(flags)
    return flags


class Settings(NamedTuple):
    """What the flags say about this task; the names are those of the flags."""

    data_dir: Optional[str]
    max_seq_length: int
    eval_batch_size: int
    pad_to_max_length: bool
    partial_annotation: bool
    long_sentences: Optional[str]

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Settings":
        """Take the values of the flags of these names."""
        return cls(*(flags[name].value for name in cls._fields))


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


# Head


def make_head(
    num_labels: int,
    count_padding: bool,
    partial: Optional[PartialAnnotation] = None,
    with_probability: bool = False,
) -> Head:
    """Make a linear layer over every position.

    Args:
      num_labels: L.
      count_padding: whether padding counts in the loss (as [PAD]), as in the original.
      partial: what several corpora leave open; features then have corpus [B].
      with_probability: whether to predict probability, too: float [B, S], of the
        label predicted.

    Returns:
      Head. The loss is the sum over the positions of the batch. The predictions are
      label_ids [B, S], and loss [B] when features have labels.
    """

    def head(
        encoder: modeling.Outputs, features: Tensors, mode: str
    ) -> Tuple[Optional[tf.Tensor], Tensors]:
        hidden = encoder.get_sequence_output()
        if mode == ModeKeys.TRAIN:
            hidden = modeling.dropout(hidden, 0.1)
        logits = modeling.output_layer(hidden, num_labels)
        predictions = {"label_ids": tf.argmax(logits, -1, output_type=tf.int32)}
        if with_probability:
            predictions["probability"] = tf.reduce_max(tf.nn.softmax(logits), axis=-1)
        if "label_ids" not in features:
            return None, predictions
        if partial is None:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=features["label_ids"], logits=logits
            )
        else:
            losses = marginal_cross_entropy(
                logits, features["label_ids"], features["corpus"], partial
            )
        if not count_padding:
            # Only what counts in another window has [PAD] for a label, see featurize.
            counts = features["input_mask"] * tf.sign(features["label_ids"])
            losses *= tf.cast(counts, tf.float32)
        predictions["loss"] = tf.reduce_sum(losses, axis=-1)
        return tf.reduce_sum(losses), predictions

    return head


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
    model: Model, corpora: List[Corpus], labels: Tuple[str, ...], settings: Settings
) -> Model:
    """Complete the model by the labels of its training and their head.

    Args:
      model: configuration and tokenizer.
      corpora: all of the run.
      labels: of the model.
      settings: Settings.
    """
    partial = None
    if settings.partial_annotation:
        partial = partial_annotation(corpora, labels, SPECIAL)
    head = make_head(len(labels), settings.pad_to_max_length, partial)
    return model.with_head(head, labels)


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


def evaluate_and_predict(
    run: Run,
    corpora: List[Corpus],
    data: Dict[Tuple[str, str], RecordFile],
    settings: Settings,
) -> None:
    """Write the results of each corpus, those that there are records for."""
    batch_sizes = {
        "eval": settings.eval_batch_size,
        "predict": run.settings.prediction.batch_size,
    }
    for corpus, subfolder in zip(corpora, subfolders(corpora)):
        folder = os.path.join(run.folder, subfolder) if subfolder else run.folder
        if subfolder:
            log.info("***** corpus %s, results in %s *****", corpus.name, folder)
        for phase, write_results in (("eval", evaluate), ("predict", predict)):
            if (phase, subfolder) in data:
                scorer = TokenScorer(
                    run.model.labels,
                    settings.pad_to_max_length,
                    batch_sizes[phase],
                    corpus.scored_types(phase),
                )
                records = data[phase, subfolder]
                write_results(run, folder, records, corpus.sentences[phase], scorer)


def load(folder: str, max_seq_length: int = 128) -> Tagger:
    """Load a trained model for Python: load("ner").entities(["Ataxia …"])."""
    predictor = Predictor.load(folder, max_seq_length)
    labels = load_labels(predictor.checkpoint)
    head = make_head(len(labels), count_padding=False, with_probability=True)
    return Tagger(predictor.with_head(head, labels))


def main(argv: List[str], interruption: Interruption) -> None:
    """Read and check everything, and only then start to work."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__)
    check_task(flags.task_name)
    embeddings.check_flags(flags)
    job = Job.from_flags(flags)
    wanted = {phase: flags[f"do_{phase}"].value for phase in FILES}
    phases = (
        []
        if flags.do_embed
        else phases_of(wanted, flags.data_dir, job is not None, bool(job and job.shard))
    )
    fill_flags(flags)
    report_device(flags.require_gpu)
    model = Model.from_flags(flags)
    run_settings = RunSettings.from_flags(flags)
    settings = Settings.from_flags(flags)
    if flags.do_embed:
        embeddings.embed(
            model, run_settings, Embedding.from_flags(flags, model.config), job
        )
        return
    corpora = load_corpora(settings.data_dir, phases) if phases else []
    share = job.share("entities") if job else None
    with output_dir.locked(flags.output_dir, share) as folder:
        output = Output(folder, job) if job else None
        if output:
            output.check()
        run = Run(folder, run_settings)
        labels = labels_of_run(corpora, run.checkpoint)
        corpora = fitted(corpora, labels)
        model = add_head(model, corpora, labels, settings)
        total = check_job(job, labels) if job else None
        check(run, model, corpora, settings.partial_annotation)
        if not share:
            start(run, corpora)
        data = featurize_all(run, corpora, phases, settings)
        if flags.do_train:
            run.train(data["train", ""], interruption)
        evaluate_and_predict(run, corpora, data, settings)
        if job:
            head = make_head(len(model.labels), False, with_probability=True)
            find_entities(job, output, run.predictor(head), total, interruption)


if __name__ == "__main__":
    command_line.run(main)
