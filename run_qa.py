"""Question answering with BERT: fine-tunes on SQuAD's form, predicts, scores.

  python run_qa.py --do_train=true --do_predict=true \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json \\
      --init_checkpoint=$BIOBERT_DIR/model.ckpt-1000000 \\
      --do_lower_case=false --train_batch_size=12 --learning_rate=5e-6 \\
      --num_train_epochs=5.0 --output_dir=$OUTPUT_DIR \\
      --train_file=$QA_DIR/BioASQ-train-factoid-4b.json \\
      --predict_file=$QA_DIR/BioASQ-test-factoid-4b-1.json

Both files are JSON in the form of SQuAD v1.1 (Rajpurkar et al. 2016) or, with
--version_2_with_negative=true, v2.0 (Rajpurkar, Jia and Liang 2018). An answer is a
span of its context. Contexts longer than max_seq_length are read in windows.
docs/qa.md says more.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np

from biocodes.lib import files, squad
from biocodes.lib.files import InputError
from biocodes.lib.squad import Example
from finetuning import output_dir
from finetuning.command_line import log
from finetuning.engine import TENSORFLOW, start_engine
from finetuning.model import Model
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, Schema, featurized
from finetuning.run import Run, RunSettings
from finetuning.signals import Interruption
from finetuning.windows import NO_WORD, best_windows, cut_windows
from tasks import heads
from tasks.qa.answerer import Answerer
from tasks.qa.answers import (
    answer_pieces,
    ids_of,
    load_to_train,
    pieces_of,
    place_answer,
)
from tasks.qa.decoding import Limits
from tasks.qa.results import RESULTS, Questions, decide_all, report, write_predictions
from tokenization import CLS, SEP, FullTokenizer


def define_flags() -> command_line.Flags:
    """Define all flags of this script, with their defaults."""
    flags = command_line.define_flags(
        do_lower_case=True,
        max_seq_length=384,
        do_train=False,
        do_predict=False,
        num_train_epochs=3.0,
    )
    topic = flags.topic(command_line.FILES)
    topic.string("train_file", None, "Questions to train on; see do_train.")
    topic.string("predict_file", None, "Questions to answer; see do_predict.")
    topic = flags.topic("windows")
    topic.integer("doc_stride", 128, "Pieces from one window's start to the next.")
    topic.integer("max_query_length", 64, "Longest question in pieces, cut to that.")
    topic = flags.topic("answers")
    topic.integer(
        "n_best_size",
        20,
        "Answers to each question in nbest_predictions.json; also how many starts and"
        " ends are looked at in a window.",
    )
    topic.integer("max_answer_length", 30, "Longest answer in pieces.")
    topic.boolean("version_2_with_negative", False, "Some questions have no answer.")
    topic.number(
        "null_score_diff_threshold",
        0.0,
        "No answer is given when its score exceeds the best span's by more than that.",
    )
    topic.boolean(
        "verbose_logging", False, "Log answers that cannot be found back in the text."
    )
    return flags


class Settings(NamedTuple):
    """What the flags say about this task; the names are those of the flags."""

    train_file: Optional[str]
    predict_file: Optional[str]
    version_2_with_negative: bool
    verbose_logging: bool
    pad_to_max_length: bool

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Settings":
        """Take the values of the flags; a file stays None when it is not used.

        Raises:
          InputError: there is nothing to do, or a file is missing.
        """
        if not flags.do_train and not flags.do_predict:
            raise InputError(
                "there is nothing to do",
                remedy="give --do_train=true, --do_predict=true, or both",
            )
        for phase in ("train", "predict"):
            if flags[f"do_{phase}"].value and not flags[f"{phase}_file"].value:
                raise InputError(f"is required by --do_{phase}=true", f"--{phase}_file")
        return cls(
            flags.train_file if flags.do_train else None,
            flags.predict_file if flags.do_predict else None,
            flags.version_2_with_negative,
            flags.verbose_logging,
            flags.pad_to_max_length,
        )


class Lengths(NamedTuple):
    """Limits of the windows, in pieces; the names are those of the flags."""

    max_seq_length: int
    doc_stride: int
    max_query_length: int

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Lengths":
        """Take the values of the flags of these names.

        Raises:
          InputError: a question leaves no room for its context.
        """
        if flags.max_seq_length <= flags.max_query_length + 3:
            raise InputError(
                f"{flags.max_seq_length} leaves no room for a context beside a question"
                f" of --max_query_length={flags.max_query_length}",
                "--max_seq_length",
                remedy="it must be at least max_query_length + 4",
            )
        return cls(*(flags[name].value for name in cls._fields))


# The defaults of the flags.
LENGTHS = Lengths(384, 128, 64)
LIMITS = Limits(20, 30, False, 0.0)


# Windows


def schema(labelled: bool) -> Schema:
    """Return the schema of windows.

    Those to train on have the answer's start_position and end_position. Those to
    predict have what decoding needs: the number of the example, and by piece word_index
    and max_context, as decoding.WindowLogits has them.
    """
    if labelled:
        return Schema(
            sequences=["input_ids", "segment_ids"],
            scalars=["start_position", "end_position"],
        )
    return Schema(
        sequences=["input_ids", "segment_ids", "word_index", "max_context"],
        scalars=["example_index"],
    )


def featurize(
    example: Example, tokenizer: FullTokenizer, lengths: Lengths
) -> Iterator[Dict[str, Any]]:
    """Cut a question into windows: [CLS] question [SEP] part of the context [SEP].

    Args:
      example: the question.
      tokenizer: of the model.
      lengths: of the windows.

    Yields:
      What schema names, except the example_index. Where the answer is not whole in the
      window, its positions are 0, those of [CLS].
    """
    pieces, word_index = pieces_of(squad.words_of(example.context), tokenizer)
    question = ids_of(example.question, tokenizer)[: lengths.max_query_length]
    vocab = tokenizer.vocab
    head = [vocab[CLS], *question, vocab[SEP]]
    answer = answer_pieces(example.answer, pieces, word_index, tokenizer)
    room = lengths.max_seq_length - len(head) - 1
    spans = cut_windows(len(pieces), room, lengths.doc_stride)
    owners = best_windows(len(pieces), spans)
    for number, (begin, end) in enumerate(spans):
        start, last = place_answer(answer, begin, end, len(head))
        is_best = (owners[begin:end] == number).astype(int)
        yield {
            "input_ids": [*head, *pieces[begin:end], vocab[SEP]],
            "segment_ids": [0] * len(head) + [1] * (end - begin + 1),
            "word_index": [NO_WORD] * len(head) + word_index[begin:end] + [NO_WORD],
            "max_context": [0] * len(head) + is_best.tolist() + [0],
            "start_position": start,
            "end_position": last,
        }


def make_records(
    run: Run, phase: str, examples: List[Example], lengths: Lengths, **facts: Any
) -> RecordFile:
    """Make the record file of all windows, PHASE.tf_record.

    Args:
      run: it has been started.
      phase: "train" or "predict".
      examples: the questions.
      lengths: of the windows.
      facts: JSON values that decide which examples there are; corpus among them.
    """
    rows_schema = schema(labelled=phase == "train")

    def rows_of(numbered: Tuple[int, Example]) -> List[np.ndarray]:
        index, example = numbered
        windows = featurize(example, run.model.tokenizer, lengths)
        return [
            rows_schema.pack(dict(window, example_index=index)) for window in windows
        ]

    made_from = run.model.data_facts(**facts, **lengths._asdict())
    rows = featurized(rows_of, enumerate(examples), len(examples))
    data = run.records(phase, rows_schema, rows, made_from)
    log.info(
        "%s: %s questions, %s windows", phase, f"{len(examples):,}", f"{len(data):,}"
    )
    return data


# The run


def load(
    folder: str,
    lengths: Lengths = LENGTHS,
    limits: Limits = LIMITS,
    engine: str = TENSORFLOW,
) -> Answerer:
    """Load a trained model for Python: load("qa").answers([(question, context)])."""
    predictor = Predictor.load(folder, lengths.max_seq_length, engine)
    tokenizer = predictor.model.tokenizer

    def windows_of(example: Example) -> Iterator[Dict[str, Any]]:
        return featurize(example, tokenizer, lengths)

    head = heads.of_answers(predictor.checkpoint, count_padding=False)
    predictor = predictor.with_head(head)
    return Answerer(predictor, schema(labelled=False), windows_of, limits)


def main(argv: List[str], interruption: Interruption) -> None:
    """Read and check everything, then train and predict as the flags say."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__)
    settings = Settings.from_flags(flags)
    lengths, limits = Lengths.from_flags(flags), Limits.from_flags(flags)
    fill_flags(flags)
    start_engine(flags)
    model = Model.from_flags(flags)
    run_settings = RunSettings.from_flags(flags)
    with_null = settings.version_2_with_negative
    if settings.train_file:
        to_train = load_to_train(settings.train_file, with_null)
        corpus = files.digest(settings.train_file)
        facts = {"corpus": corpus, "version_2_with_negative": with_null}
    if settings.predict_file:
        to_predict, golds = squad.load_to_predict(settings.predict_file)
    with output_dir.locked(flags.output_dir) as folder:
        run = Run(folder, run_settings)
        head = heads.of_answers(run.checkpoint, settings.pad_to_max_length)
        model = model.with_head(head)
        if settings.train_file:
            run.check(model, len(to_train), dict(facts, **lengths._asdict()))
        else:
            run.check(model)
        run.start(RESULTS)
        if settings.train_file:
            data = make_records(run, "train", to_train, lengths, **facts)
            run.train(data, interruption)
        if settings.predict_file:
            corpus = files.digest(settings.predict_file)
            data = make_records(run, "predict", to_predict, lengths, corpus=corpus)
            questions = Questions(to_predict, data, run.predict(data))
            decisions = decide_all(
                questions, model.tokenizer, limits, settings.verbose_logging
            )
            texts = write_predictions(folder, decisions, with_null)
            report(folder, golds, texts, run.step)


if __name__ == "__main__":
    command_line.run(main)
