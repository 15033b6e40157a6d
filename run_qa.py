# Assigned, so that --help has it under python -OO.
__doc__ = """\
Question answering with BERT: fine-tunes on SQuAD's form, predicts, scores.

  python run_qa.py --model_dir=$BIOBERT_DIR --do_train=true --do_predict=true \\
      --train_file=$QA_DIR/BioASQ-train-factoid-4b.json \\
      --predict_file=$QA_DIR/BioASQ-test-factoid-4b-1.json \\
      --train_batch_size=12 --learning_rate=5e-6 --num_train_epochs=5.0 \\
      --output_dir=$OUTPUT_DIR

Both files are JSON in the form of SQuAD v1.1 (Rajpurkar et al. 2016) or, with
--version_2_with_negative=true, v2.0 (Rajpurkar, Jia and Liang 2018). An answer is a
span of its context or, with --question_type=yesno, "yes" or "no". Contexts longer than
max_seq_length are read in windows. docs/qa.md and docs/bioasq.md say more.
"""

import os
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

if __name__ == "__main__":  # python -I does not look beside the script
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np

from biocodes.lib import files
from biocodes.lib.files import InputError
from biocodes.lib.squad import Example
from finetuning import common_flags, evaluation, output_dir, seeds
from finetuning.console import log
from finetuning.engine import TENSORFLOW, start_engine
from finetuning.evaluation import DevSet
from finetuning.model import Model
from finetuning.model_dir import fill_flags
from finetuning.prediction import Predictor
from finetuning.records import RecordFile, featurized
from finetuning.run import Run, RunSettings
from finetuning.signals import Interruption
from tasks import heads
from tasks.qa import yes_no
from tasks.qa.answerer import Answerer
from tasks.qa.decoding import Limits
from tasks.qa.dev_set import DevFile
from tasks.qa.kind import Kind
from tasks.qa.results import RESULTS
from tasks.qa.spans import FACTOID, LIMITS, LIST, Spans, featurize, schema
from tasks.qa.windows import LENGTHS, Lengths
from tasks.qa.yes_no import YesNo

KINDS = {FACTOID: Spans, "yesno": YesNo, LIST: Spans}
# Flags that have a meaning for yes/no questions alone.
OF_YES_NO = ("labels", "balance", "examples_per_class", "first_window_only")


def define_flags() -> command_line.Flags:
    """Define all flags of this script, with their defaults."""
    flags = common_flags.define_flags(
        do_lower_case=True,
        max_seq_length=384,
        do_train=False,
        do_predict=False,
        num_train_epochs=3.0,
    )
    topic = flags.topic(command_line.FILES)
    topic.string("train_file", None, "Questions to train on; see do_train.")
    topic.string("predict_file", None, "Questions to answer; see do_predict.")
    topic.string("dev_file", None, "Questions to score by; see eval_every.")
    topic = flags.topic("questions")
    topic.choice("question_type", FACTOID, list(KINDS), "What is asked.")
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
    topic.boolean("verbose_logging", False, "Log answers that the text does not have.")
    _define_yes_no_flags(flags.topic("yes/no questions"))
    evaluation.define_flags(flags, "dev_file")
    seeds.define_flags(flags)
    return flags


def _define_yes_no_flags(topic: command_line.FlagTopic) -> None:
    """Define the flags named in OF_YES_NO."""
    topic.choice(
        "labels",
        None,
        list(yes_no.LABELS),
        "What there is to answer; default: yes,no or, without training, what the model"
        " knows.",
    )
    topic.choice(
        "balance",
        yes_no.UNDERSAMPLE,
        yes_no.BALANCES,
        "undersample: each epoch draws as many questions of each answer as the rarest"
        " one has; none: all questions.",
    )
    topic.integer("examples_per_class", 500, "Drawn by balance=undersample, at most.")
    topic.boolean(
        "first_window_only",
        False,
        "Answer by the first window of a context, not by the mean of all.",
    )


class Settings(NamedTuple):
    """What there is to do: the files, None for one that is not used."""

    train_file: Optional[str]
    predict_file: Optional[str]
    dev_file: Optional[str]

    @classmethod
    def from_flags(cls, flags: command_line.Flags) -> "Settings":
        """Take the values of the flags.

        Raises:
          InputError: there is nothing to do, a file is missing, or a flag is for other
            questions.
        """
        if not flags.do_train and not flags.do_predict:
            raise InputError(
                "there is nothing to do",
                remedy="give --do_train=true, --do_predict=true, or both",
            )
        for phase in ("train", "predict"):
            if flags[f"do_{phase}"].value and not flags[f"{phase}_file"].value:
                raise InputError(f"is required by --do_{phase}=true", f"--{phase}_file")
        watched = flags.do_train and flags.eval_every
        if watched and not flags.dev_file:
            raise InputError("is required by --eval_every", "--dev_file")
        for name in OF_YES_NO:
            if flags.question_type != "yesno" and flags[name].present:
                raise InputError("is for --question_type=yesno only", f"--{name}")
        return cls(
            flags.train_file if flags.do_train else None,
            flags.predict_file if flags.do_predict else None,
            flags.dev_file if watched else None,
        )


# Records


def make_records(
    run: Run, phase: str, questions: Kind, examples: Sequence[Any], **facts: Any
) -> RecordFile:
    """Make the record file of all windows, PHASE.tf_record.

    Args:
      run: it has been started.
      phase: "train", "dev" or "predict".
      questions: their kind.
      examples: the questions.
      facts: JSON values that decide which examples there are; corpus among them.
    """
    rows_schema = questions.schema(labelled=phase == "train")

    def rows_of(numbered: Tuple[int, Any]) -> List[np.ndarray]:
        index, example = numbered
        windows = questions.featurize(example, run.model.tokenizer)
        return [
            rows_schema.pack(dict(window, example_index=index)) for window in windows
        ]

    made_from = run.model.data_facts(**facts, **questions.lengths._asdict())
    rows = featurized(rows_of, enumerate(examples), len(examples))
    data = run.records(phase, rows_schema, rows, made_from)
    log.info(
        "%s: %s questions, %s windows", phase, f"{len(examples):,}", f"{len(data):,}"
    )
    return data


def make_dev_set(run: Run, questions: Kind, dev_file: DevFile) -> DevSet:
    """Make what is scored during training, and its records, dev.tf_record."""
    corpus, examples = files.digest(dev_file.path), dev_file.examples
    data = make_records(run, "dev", questions, examples, corpus=corpus)
    return dev_file.dev_set(data, questions, run.model.tokenizer)


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
    """Run once, or once for each seed."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__)
    seeds.run(flags, lambda: run_once(flags, interruption))


def run_once(flags: command_line.Flags, interruption: Interruption) -> None:
    """Read and check everything, then train and predict as the flags say."""
    settings = Settings.from_flags(flags)
    questions = KINDS[flags.question_type].from_flags(flags)
    fill_flags(flags)
    start_engine(flags)
    pretrained = Model.from_flags(flags)
    run_settings = RunSettings.from_flags(flags)
    evaluation.check_settings(run_settings.evaluation, questions.metrics)
    if settings.train_file:
        to_train = questions.load_to_train(settings.train_file)
        corpus = files.digest(settings.train_file)
        facts = dict(questions.training_facts(), corpus=corpus)
        dev_file = DevFile.load(settings.dev_file, questions, to_train)
    if settings.predict_file:
        to_predict, golds = questions.load_to_predict(settings.predict_file)
    with output_dir.locked(flags.output_dir) as folder:
        run = Run(folder, run_settings, questions.merge)
        if not settings.train_file:
            questions = questions.of_model(run.checkpoint)
        if settings.predict_file:
            questions.check_golds(golds, settings.predict_file)
        model = pretrained.with_head(questions.head(run.checkpoint), questions.labels)
        if settings.train_file:
            size = questions.epoch_size(to_train, flags.train_batch_size)
            run.check(model, size, dict(facts, **questions.lengths._asdict()))
        else:
            run.check(model)
        run.start(RESULTS)
        if settings.train_file:
            data = make_records(run, "train", questions, to_train, **facts)
            dev = make_dev_set(run, questions, dev_file) if dev_file else None
            run.train(data, interruption, dev, questions.draw(to_train, data))
        if settings.predict_file:
            corpus = files.digest(settings.predict_file)
            data = make_records(run, "predict", questions, to_predict, corpus=corpus)
            questions.answer(run, data, to_predict, golds)
        run.write_scores()


if __name__ == "__main__":
    command_line.run(main)
