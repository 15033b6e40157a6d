"""Relation extraction with BERT: fine-tunes on labelled sentences, predicts, scores.

  python run_re.py --task_name=gad \\
      --do_train=true --do_eval=true --do_predict=true \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json \\
      --init_checkpoint=$BIOBERT_DIR/model.ckpt-1000000 \\
      --max_seq_length=128 --train_batch_size=32 --learning_rate=2e-5 \\
      --num_train_epochs=3.0 --do_lower_case=false \\
      --data_dir=$RE_DIR --output_dir=$OUTPUT_DIR

data_dir holds train.tsv (--do_train) and dev.tsv (--do_eval), an example a line,
SENTENCE<tab>LABEL, and test.tsv (--do_predict), whose first line is
index<tab>sentence<tab>label; without its label column there are predictions and no
scores. The two entities in a sentence are usually replaced by placeholders, @GENE$,
@DISEASE$.

When data_dir holds folders 1, 2, 3, ... of such files instead, every fold is run into
the folder of its number in output_dir, and a table of their scores ends the run, also
written to fold_scores.txt. A second run leaves out the folds that are done.

--task_name=custom takes any labels: those of train.tsv, sorted, or --labels=a,b,c.
"""

import argparse
import contextlib
import functools
import json
import os
import re
from typing import Any, NamedTuple, Optional

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files, relation_scores
from biocodes.lib.labels import label_list
from biocodes.lib.relations import (
    BINARY_LABELS,
    CHEMPROT_LABELS,
    is_labelled,
    label_ids,
    read_test,
    read_train,
)
from finetuning import checkpoints, output_dir, records, training, workers
from finetuning import prediction as predicting
from finetuning.command_line import log
from finetuning.folds import (
    FILES,
    FOLD_RECORD,
    FOLD_SCORES,
    Fold,
    find_folds,
    fold_table,
)
from finetuning.model import (
    check_start,
    check_trained,
    load_labels,
    load_model_files,
    model_facts,
    save_labels,
)
from finetuning.progress import report_progress
from tasks.re.results import (
    DEV_SCORES,
    PREDICTIONS,
    TEST_SCORES,
    dev_scores,
    result_names,
    write_predictions,
    write_scores,
)

START, END = "[CLS]", "[SEP]"
CUSTOM = "custom"
PLACEHOLDER = re.compile(r"@[^\s@$]+\$")
RESULTS = (*PREDICTIONS, TEST_SCORES, DEV_SCORES, FOLD_RECORD)
# Flags that the results rest on whether or not there is training.
PREDICTION_FLAGS = ("max_seq_length", "pad_to_max_length", "eval_batch_size")


def define_flags():
    """All flags of this script, with their defaults."""
    flags = command_line.define_flags(
        do_lower_case=True,
        max_seq_length=128,
        do_train=False,
        do_predict=False,
        num_train_epochs=3.0,
    )
    string = functools.partial(tf.flags.DEFINE_string, flag_values=flags)
    string("task_name", None, f"One of {', '.join((*TASKS, CUSTOM))}. Required.")
    string("data_dir", None, "Folder of the data set, or of its folds. Required.")
    string(
        "labels",
        None,
        "Labels of the custom task in the order of their ids, as in a,b,c; default:"
        " those of train.tsv, sorted, or of the model that predicts.",
    )
    string(
        "negative",
        None,
        "Label of the custom task for no relation; the averages of its scores leave it"
        " out.",
    )
    command_line.define_evaluation_flags(flags, "dev.tsv")
    return flags


# Tasks


class Task(NamedTuple):
    """What there is to tell apart.

    Attributes:
      labels: names in the order of their ids; None when training data or model say it.
      negative: label that the averages of a multi-class score leave out, or None.
    """

    labels: Optional[tuple]
    negative: Optional[str] = None

    def scoring(self, labels):
        """The way re_eval scores these labels: binary, chemprot or multiclass."""
        return (
            relation_scores.task_for(labels) if self.negative is None else "multiclass"
        )


TASKS = {
    "gad": Task(BINARY_LABELS),
    "euadr": Task(BINARY_LABELS),
    "polysearch": Task(BINARY_LABELS),
    "mirnadisease": Task(BINARY_LABELS),
    "chemprot": Task(CHEMPROT_LABELS),
    "ddi13": Task(("advise", "effect", "mechanism", "int", "false"), "false"),
}


def task_of(flags):
    """The Task that the flags ask for.

    Raises:
      InputError: there is no such task, its flags do not go together, or there is
        nothing to do.
    """
    name = flags.task_name.lower()
    if name not in (*TASKS, CUSTOM):
        raise files.InputError(
            f"no such task: {flags.task_name}",
            "--task_name",
            remedy=f"the tasks are {', '.join(TASKS)}, and {CUSTOM} for other labels",
        )
    if not (flags.do_train or flags.do_eval or flags.do_predict):
        raise files.InputError(
            "there is nothing to do",
            remedy="give --do_train=true, --do_eval=true or --do_predict=true",
        )
    if name == CUSTOM:
        return Task(parse_labels(flags.labels), flags.negative)
    for flag in ("labels", "negative"):
        if flags[flag].value is not None:
            raise files.InputError(f"is for --task_name={CUSTOM} only", f"--{flag}")
    return TASKS[name]


def parse_labels(text):
    """Value of --labels, "a,b,c" → ("a", "b", "c"); None stays None.

    Raises:
      InputError: names are empty or occur twice.
    """
    try:
        return None if text is None else tuple(label_list(text))
    except argparse.ArgumentTypeError as error:
        raise files.InputError(str(error), "--labels") from error


def read_corpus(paths):
    """dict of phase → path → dict of phase → list of re_files.Row.

    Raises:
      InputError: see re_files.
    """
    return {
        phase: read_test(path)[0] if phase == "predict" else read_train(path)
        for phase, path in paths.items()
    }


def labels_to_learn(task, corpora):
    """The labels of a model to train: the task's, or the training data's own, sorted.

    Folds share them, though a rare label may occur in some of them only.

    Raises:
      InputError: there is just one.
    """
    found = {row.label for corpus in corpora for row in corpus["train"]}
    labels = task.labels or tuple(sorted(found))
    if len(labels) < 2:
        raise files.InputError(
            f"one label alone, {labels[0]}, leaves nothing to learn",
            "--labels" if task.labels else FILES["train"],
        )
    return labels


def labels_of_model(task, checkpoint):
    """The labels of a model to predict with, which must be the task's.

    Raises:
      InputError: they are not, or see model_files.load_labels.
    """
    labels = load_labels(checkpoint, task.labels)
    if task.labels not in (None, labels):
        raise files.InputError(
            f"its model has the labels {', '.join(labels)}, not"
            f" {', '.join(task.labels)}",
            os.path.dirname(checkpoint),
            remedy="give the --task_name and --labels of its training",
        )
    return labels


# Features


def schema(labelled):
    """Records of sentences; for pieces and lost see featurize."""
    scalars = ["pieces", "lost"] + (["label_id"] if labelled else [])
    return records.Schema(sequences=["input_ids"], scalars=scalars)


def featurize(row, tokenizer, label_ids, max_seq_length):
    """Pieces of a sentence, and its label.

    Args:
      row: re_files.Row; its label may be None.
      tokenizer: tokenization.FullTokenizer.
      label_ids: dict of label → id.
      max_seq_length: pieces at most, [CLS] and [SEP] included.

    Returns:
      dict of input_ids (list of int), label_id (int or None), pieces (int, how many the
      whole sentence has) and lost (int, entity placeholders that the cut has cost).
    """
    # Only spaces end words here; the tokenizer knows what else does.
    ids = [i for word in row.sentence.split(" ") for i in tokenizer.word_ids(word)]
    room = max_seq_length - 2
    cut = len(ids) > room
    return {
        "input_ids": [tokenizer.vocab[START], *ids[:room], tokenizer.vocab[END]],
        "label_id": label_ids.get(row.label),
        "pieces": len(ids) + 2,
        "lost": lost_placeholders(row.sentence, tokenizer, room) if cut else 0,
    }


def lost_placeholders(sentence, tokenizer, kept):
    """How many entity placeholders (@GENE$) reach beyond the first `kept` pieces."""
    *_, (_, _, end) = tokenizer.tokenize_with_offsets(sentence)[:kept]
    return sum(match.end() > end for match in PLACEHOLDER.finditer(sentence))


def featurize_all(job, tokenizer, limit):
    """The features of a Job's corpus as record files, PHASE.tf_record in its folder.

    Args:
      job: Job.
      tokenizer: FullTokenizer.
      limit: max_seq_length.

    Returns:
      dict of phase → RecordFile.
    """
    label_ids = {label: index for index, label in enumerate(job.labels)}
    return {
        phase: records.open_or_write(
            os.path.join(job.fold.folder, f"{phase}.tf_record"),
            schema(is_labelled(rows)),
            records_of(rows, tokenizer, label_ids, limit),
            dict(job.facts["data"][phase], labels=job.labels, max_seq_length=limit),
        )
        for phase, rows in job.corpus.items()
    }


def records_of(rows, tokenizer, label_ids, limit):
    """Yields the rows' features as records, see schema; many are made by workers."""
    form = schema(is_labelled(rows))

    def record_of(row):
        return form.pack(featurize(row, tokenizer, label_ids, limit))

    made = workers.ordered_map(record_of, rows, workers.processes_for(len(rows)))
    yield from report_progress("featurized", made, len(rows))


def report_cuts(data, limit):
    """Logs how many sentences were cut, and warns when that has cost entities.

    Args:
      data: dict of phase → RecordFile, see schema.
      limit: max_seq_length.
    """
    longest, cut, lost = 0, [], []
    for phase, examples in data.items():
        pieces, losses = zip(*((one["pieces"], one["lost"]) for one in examples))
        longest = max(longest, *pieces)
        for count, places in (
            (sum(number > limit for number in pieces), cut),
            (sum(number > 0 for number in losses), lost),
        ):
            if count:
                places.append(f"{count:,} of {len(examples):,} in {FILES[phase]}")
    log.info(
        "sentences cut at --max_seq_length=%d: %s; the longest has %s pieces",
        limit,
        ", ".join(cut) or "none",
        f"{longest:,}",
    )
    if lost:
        log.warning(
            "sentences with an entity (@…$) in the part cut off: %s; raise"
            " --max_seq_length",
            ", ".join(lost),
        )


# Head


def make_head(num_labels):
    """A linear layer over the pooled output; num_labels: L.

    Returns:
      Head, see finetuning. The loss is each example's, [B]. The predictions are
      probabilities [B, L], and loss [B] when features have labels.
    """

    def head(encoder, features, mode):
        pooled = encoder.get_pooled_output()
        if mode == tf.estimator.ModeKeys.TRAIN:
            pooled = modeling.dropout(pooled, 0.1)
        logits = modeling.output_layer(pooled, num_labels)
        predictions = {"probabilities": tf.nn.softmax(logits)}
        if "label_id" not in features:
            return None, predictions
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=features["label_id"], logits=logits
        )
        predictions["loss"] = losses
        return losses, predictions

    return head


# One model


class Pretrained(NamedTuple):
    """What the flags name of a pretrained model.

    Attributes:
      config: modeling.BertConfig.
      tokenizer: tokenization.FullTokenizer.
      checkpoint: prefix of the one to start from or to predict with, or None.
      facts: see output_folder.model_facts.
    """

    config: Any
    tokenizer: Any
    checkpoint: Optional[str]
    facts: dict


class Job(NamedTuple):
    """A model to train or to predict with, all of it checked.

    Attributes:
      fold: Fold.
      corpus: dict of phase → list of re_files.Row.
      labels: names in the order of their ids.
      checkpoint: prefix of the one to predict with; None when training makes it.
      facts: what the results rest on, as JSON values: "training" (None without any),
        "data" for each phase, and others.
    """

    fold: Fold
    corpus: dict
    labels: tuple
    checkpoint: Optional[str]
    facts: dict


def plan(fold, corpus, task, labels, pretrained, flags):
    """Makes the Job of a fold once all is checked; writes nothing.

    Args:
      fold, corpus: see Job.
      task: Task.
      labels: of the model if it is to be trained, see labels_to_learn; else None.
      pretrained: Pretrained.
      flags: the script's flags.

    Raises:
      InputError: labels, checkpoint or what lies in the folder do not fit.
    """
    config, _, first, model = pretrained
    checkpoint = None
    if not flags.do_train:
        checkpoint = checkpoints.fine_tuned(fold.folder, first)
        output_dir.check_same_model(os.path.dirname(checkpoint), model)
        labels = labels_of_model(task, checkpoint)
    check_labels(fold, corpus, labels, task.negative)
    facts = facts_of_results(fold, labels, task.negative, checkpoint, model, flags)
    head = make_head(len(labels))
    if flags.do_train:
        training.Training.from_flags(flags).steps(len(corpus["train"]))  # or an error
        afresh = flags.overwrite_output_dir
        output_dir.check_start(fold.folder, facts["training"], afresh)
        check_start(head, config, fold.folder, first, afresh)
    else:
        check_trained(head, config, checkpoint)
    return Job(fold, corpus, labels, checkpoint, facts)


def check_labels(fold, corpus, labels, negative):
    """Refuses labels, in a file or as the negative one, that are not the model's."""
    if negative not in (None, *labels):
        raise files.InputError(
            f"{negative} is not one of {', '.join(labels)}", "--negative"
        )
    for phase, rows in corpus.items():
        if is_labelled(rows):
            label_ids(rows, labels, fold.paths[phase])


def facts_of_results(fold, labels, negative, checkpoint, model, flags):
    """What the results of a fold rest on, see Job."""
    of_training = None
    if flags.do_train:
        path = fold.paths["train"]
        of_training = output_dir.training_facts(flags, model, path, labels=labels)
    facts = {
        "training": of_training,
        "checkpoint": checkpoint and files.digest(f"{checkpoint}.index"),
        "model": model,
        "labels": labels,
        "negative": negative,
        "data": {
            phase: output_dir.data_facts(model, path)
            for phase, path in fold.paths.items()
        },
        "flags": {name: flags[name].value for name in PREDICTION_FLAGS},
    }
    # As JSON gives them back, tuples as lists.
    return json.loads(json.dumps(facts))


def run_job(job, task, pretrained, flags, interruption):
    """Trains, evaluates, predicts as the flags say.

    Returns:
      dict of name → float from 0 to 1: the scores of test.tsv, the accuracy on dev.tsv.
    """
    folder, config = job.fold.folder, pretrained.config
    if flags.do_train:
        output_dir.start_training(folder, flags, job.facts["training"], RESULTS)
        save_labels(folder, job.labels)
    else:
        output_dir.start_prediction(folder, flags, job.checkpoint, RESULTS)
    data = featurize_all(job, pretrained.tokenizer, flags.max_seq_length)
    report_cuts(data, flags.max_seq_length)
    head = make_head(len(job.labels))
    checkpoint = job.checkpoint
    if flags.do_train:
        checkpoint = training.train(
            head,
            config,
            data["train"],
            folder,
            pretrained.checkpoint,
            training.Training.from_flags(flags),
            interruption,
        )

    def predictions(phase, batch_size):
        how = predicting.Prediction.from_flags(flags, batch_size)
        return predicting.predict(head, config, data[phase], checkpoint, how)

    scores = {}
    if flags.do_eval:
        size, step = flags.eval_batch_size, checkpoints.step(checkpoint)
        scores = evaluate(folder, data["eval"], predictions("eval", size), size, step)
    if flags.do_predict:
        predicted = predictions("predict", flags.predict_batch_size)
        scores = {**predict(job, predicted, task), **scores}
    return scores


def evaluate(folder, data, predictions, batch_size, step):
    """Scores dev.tsv; logs the results, writes eval_results.txt → {"accuracy": …}."""
    correct, losses = [], []
    for index, prediction in predictions:
        gold = data[index]["label_id"]
        correct.append(gold == np.argmax(prediction["probabilities"]))
        losses.append(float(prediction["loss"]))
    results = dict(dev_scores(correct, losses, batch_size), global_step=step)
    command_line.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(folder, DEV_SCORES, results)
    return {"eval_accuracy": float(results["eval_accuracy"])}


def predict(job, predictions, task):
    """Writes the predictions for test.tsv, and its scores if it has labels.

    Returns:
      dict of name → float from 0 to 1, see write_scores; empty without labels.
    """
    folder, rows = job.fold.folder, job.corpus["predict"]
    predicted = write_predictions(folder, rows, job.labels, predictions)
    log.info("the predictions: %s", os.path.join(folder, PREDICTIONS[-1]))
    if not is_labelled(rows):
        log.info("no labels in test.tsv, so no scores")
        return {}
    return write_scores(folder, rows, predicted, job.labels, task)


# Folds


def run_folds(parent, jobs, run, afresh):
    """Runs fold after fold and ends with a table of their scores.

    Args:
      parent: output_dir; gets fold_scores.txt.
      jobs: list of Job, one a fold.
      run: function that runs a Job and returns its scores.
      afresh: whether folds that are done are run all the same.
    """
    scores = []
    for number, job in enumerate(jobs, 1):
        folder = job.fold.folder
        log.info("***** fold %d of %d: %s *****", number, len(jobs), folder)
        found = None if afresh else scores_of_done(job)
        if found is None:
            output_dir.remove(parent, (FOLD_SCORES,))
            output_dir.remove(folder, (FOLD_RECORD,))
            found = run(job)
            record = {"made_from": job.facts, "scores": found}
            files.write_json(os.path.join(folder, FOLD_RECORD), record)
        else:
            log.info("  done already")
        scores.append(found)
    if not any(scores):
        log.info("no labels to score the folds by")
        return
    table = fold_table(scores)
    with files.whole_file(os.path.join(parent, FOLD_SCORES)) as stream:
        stream.writelines(f"{line}\n" for line in table)
    command_line.log_results("scores of the folds", table)


def scores_of_done(job):
    """The scores of a fold that is done, made from just the same; else None."""
    path = os.path.join(job.fold.folder, FOLD_RECORD)
    names = [FOLD_RECORD, *result_names(job.corpus)]
    if not all(os.path.exists(os.path.join(job.fold.folder, name)) for name in names):
        return None
    record = files.read_json(path)
    if not isinstance(record, dict) or record.get("made_from") != job.facts:
        return None
    scores = record.get("scores")
    if not isinstance(scores, dict) or not all(
        isinstance(score, float) and 0.0 <= score <= 1.0 for score in scores.values()
    ):
        raise files.InputError(
            "not a record of this suite", path, remedy="remove it to run the fold again"
        )
    return scores


# The command


def main(argv, interruption):
    """Reads and checks everything, then runs the data set, or fold after fold of it."""
    flags = command_line.parse_flags(
        define_flags(), argv, __doc__, ("task_name", "data_dir")
    )
    task = task_of(flags)
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = load_model_files(flags)
    facts = model_facts(config, flags.vocab_file, flags.do_lower_case)
    pretrained = Pretrained(config, tokenizer, first, facts)
    phases = [phase for phase in FILES if flags[f"do_{phase}"].value]
    folds = find_folds(flags.data_dir, flags.output_dir, phases)
    corpora = [read_corpus(fold.paths) for fold in folds]
    labels = labels_to_learn(task, corpora) if flags.do_train else None
    with contextlib.ExitStack() as locks:
        for folder in dict.fromkeys([flags.output_dir, *(one.folder for one in folds)]):
            locks.enter_context(output_dir.locked(folder))
        jobs = [
            plan(fold, corpus, task, labels, pretrained, flags)
            for fold, corpus in zip(folds, corpora)
        ]

        def run(job):
            return run_job(job, task, pretrained, flags, interruption)

        if folds[0].folder == flags.output_dir:
            run(jobs[0])
        else:
            run_folds(flags.output_dir, jobs, run, flags.overwrite_output_dir)


if __name__ == "__main__":
    command_line.run(main)
