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
"""

import bisect
import functools
import os
from typing import NamedTuple

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files, squad
from finetuning import (
    checkpoints,
    output_dir,
    prediction,
    records,
    training,
    workers,
)
from finetuning.command_line import log
from finetuning.model import check_start, check_trained, load_model_files, model_facts
from finetuning.progress import report_progress
from finetuning.windows import NO_WORD, best_windows, cut_windows
from tasks.qa import decoding
from tasks.qa.results import RESULTS, decide_all, report, write_predictions

START, END = "[CLS]", "[SEP]"
NAMED = 5  # so many questions are named in a warning


def define_flags():
    """All flags of this script, with their defaults."""
    flags = command_line.define_flags(
        do_lower_case=True,
        max_seq_length=384,
        do_train=False,
        do_predict=False,
        num_train_epochs=3.0,
    )
    add = {
        kind: functools.partial(getattr(tf.flags, f"DEFINE_{kind}"), flag_values=flags)
        for kind in ("string", "integer", "float", "bool")
    }
    add["string"]("train_file", None, "Questions to train on; see do_train.")
    add["string"]("predict_file", None, "Questions to answer; see do_predict.")
    add["integer"]("doc_stride", 128, "Pieces from one window's start to the next.")
    add["integer"]("max_query_length", 64, "Longest question in pieces, cut to that.")
    add["integer"](
        "n_best_size",
        20,
        "Answers to each question in nbest_predictions.json; also how many starts and"
        " ends are looked at in a window.",
    )
    add["integer"]("max_answer_length", 30, "Longest answer in pieces.")
    add["bool"](
        "verbose_logging", False, "Log answers that cannot be found back in the text."
    )
    add["bool"](
        "version_2_with_negative", False, "Whether some questions have no answer."
    )
    add["float"](
        "null_score_diff_threshold",
        0.0,
        "No answer is given when its score exceeds the best span's by more than that.",
    )
    return flags


def check_flags(flags):
    """Refuses flags that do not go together.

    Raises:
      InputError: naming one of them.
    """
    if not flags.do_train and not flags.do_predict:
        raise files.InputError(
            "there is nothing to do",
            remedy="give --do_train=true, --do_predict=true, or both",
        )
    for phase in ("train", "predict"):
        if flags[f"do_{phase}"].value and not flags[f"{phase}_file"].value:
            raise files.InputError(
                f"is required by --do_{phase}=true", f"--{phase}_file"
            )
    if flags.max_seq_length <= flags.max_query_length + 3:
        raise files.InputError(
            f"{flags.max_seq_length} leaves no room for a context beside a question of"
            f" --max_query_length={flags.max_query_length}",
            "--max_seq_length",
            remedy="it must be at least max_query_length + 4",
        )


def from_flags(kind, flags):
    """Makes a NamedTuple whose fields are flags."""
    return kind(*(flags[name].value for name in kind._fields))


# Questions


def load_to_train(path, with_negative):
    """Reads questions to train on, see squad.load_to_train; warns of lost answers."""
    examples, lost = squad.load_to_train(path, with_negative)
    if lost:
        log.warning(
            "%s: %s answers are not where answer_start says and were left out: %s%s",
            path,
            f"{len(lost):,}",
            ", ".join(lost[:NAMED]),
            ", ..." if len(lost) > NAMED else "",
        )
    return examples


# Windows


class Lengths(NamedTuple):
    """Limits of the windows, in pieces; the names are those of the flags."""

    max_seq_length: int
    doc_stride: int
    max_query_length: int


def schema(labelled):
    """Records of windows.

    Those to train on have the answer's start_position and end_position. Those to
    predict have what decoding needs: the number of the example, and by piece word_index
    and max_context, see qa_decoding.Window.
    """
    if labelled:
        return records.Schema(
            sequences=["input_ids", "segment_ids"],
            scalars=["start_position", "end_position"],
        )
    return records.Schema(
        sequences=["input_ids", "segment_ids", "word_index", "max_context"],
        scalars=["example_index"],
    )


def featurize(example, tokenizer, lengths):
    """Yields the windows of a question: [CLS] question [SEP] part of the context [SEP].

    Args:
      example: squad.Example.
      tokenizer: tokenization.FullTokenizer.
      lengths: Lengths.

    Yields:
      dicts of what schema names, but for the example_index. Where the answer is not
      whole in the window, its positions are 0, those of [CLS].
    """
    pieces, word_index = pieces_of(squad.words_of(example.context), tokenizer)
    question = ids_of(example.question, tokenizer)[: lengths.max_query_length]
    vocab = tokenizer.vocab
    head = [vocab[START], *question, vocab[END]]
    answer = answer_pieces(example.answer, pieces, word_index, tokenizer)
    room = lengths.max_seq_length - len(head) - 1
    spans = cut_windows(len(pieces), room, lengths.doc_stride)
    owners = best_windows(len(pieces), spans)
    for number, (begin, end) in enumerate(spans):
        start, last = place_answer(answer, begin, end, len(head))
        is_best = (owners[begin:end] == number).astype(int)
        yield {
            "input_ids": [*head, *pieces[begin:end], vocab[END]],
            "segment_ids": [0] * len(head) + [1] * (end - begin + 1),
            "word_index": [NO_WORD] * len(head) + word_index[begin:end] + [NO_WORD],
            "max_context": [0] * len(head) + is_best.tolist() + [0],
            "start_position": start,
            "end_position": last,
        }


def ids_of(text, tokenizer):
    """Ids of the pieces of a text: list of int."""
    return tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text))


def pieces_of(words, tokenizer):
    """Ids of the words' pieces, and for each piece the index of its word."""
    pieces, word_index = [], []
    for index, word in enumerate(words):
        ids = tokenizer.word_ids(word)
        pieces += ids
        word_index += [index] * len(ids)
    return pieces, word_index


def answer_pieces(answer, pieces, word_index, tokenizer):
    """First and last piece of an answer in its context; None without an answer.

    They are those of its words, or of the part of them that spells it exactly: of
    "(1895-1943)" the pieces of 1895 alone, when that is the answer.

    Args:
      answer: squad.Span or None.
      pieces, word_index: see pieces_of.
      tokenizer: FullTokenizer.
    """
    if answer is None:
        return None
    first = bisect.bisect_left(word_index, answer.first_word)
    last = bisect.bisect_right(word_index, answer.last_word) - 1
    wanted = ids_of(answer.text, tokenizer)
    for start in range(first, last + 2 - len(wanted)):
        if wanted and pieces[start : start + len(wanted)] == wanted:
            return start, start + len(wanted) - 1
    return first, last


def place_answer(answer, begin, end, offset):
    """Positions of an answer in a window; 0, 0 unless it is whole in it.

    Args:
      answer: see answer_pieces.
      begin, end: the window's pieces.
      offset: position of the first of them.
    """
    if answer is None or not begin <= answer[0] <= answer[1] < end:
        return 0, 0
    return answer[0] - begin + offset, answer[1] - begin + offset


def featurize_all(folder, phase, examples, tokenizer, lengths, made_from):
    """The windows of all questions as a record file PHASE.tf_record, made or found.

    Args:
      folder: where it lies.
      phase: "train" or "predict".
      examples: list of squad.Example.
      tokenizer, lengths: see featurize.
      made_from: what the windows rest on, see records.write_records.

    Returns:
      RecordFile.
    """
    form = schema(labelled=phase == "train")
    data = records.open_or_write(
        os.path.join(folder, f"{phase}.tf_record"),
        form,
        records_of(examples, form, tokenizer, lengths),
        made_from,
    )
    log.info(
        "%s: %s questions, %s windows", phase, f"{len(examples):,}", f"{len(data):,}"
    )
    return data


def records_of(examples, form, tokenizer, lengths):
    """Yields the windows as records of a schema; those of many examples from workers.

    Args:
      examples, tokenizer, lengths: see featurize_all.
      form: see schema.
    """

    def records_of_one(numbered):
        index, example = numbered
        windows = featurize(example, tokenizer, lengths)
        return [form.pack(dict(window, example_index=index)) for window in windows]

    count = len(examples)
    made = workers.ordered_map(
        records_of_one, enumerate(examples), workers.processes_for(count)
    )
    for several in report_progress("featurized", made, count):
        yield from several


# Head


def make_head(count_padding):
    """A linear layer that gives every position a start and an end logit.

    Args:
      count_padding: whether padding competes in the loss, as in the original.

    Returns:
      Head, see finetuning. The loss is each example's mean of the cross-entropies of
      start and end, [B]. The predictions are start_logits and end_logits [B, S].
    """

    def head(encoder, features, mode):
        with tf.variable_scope("cls/squad"):
            logits = modeling.output_layer(encoder.get_sequence_output(), 2)
        start_logits, end_logits = tf.unstack(logits, axis=-1)
        predictions = {"start_logits": start_logits, "end_logits": end_logits}
        if "start_position" not in features:
            return None, predictions
        padding = 1.0 - tf.cast(features["input_mask"], tf.float32)
        mask = 0.0 if count_padding else padding * -1e9
        losses = [
            tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=features[f"{which}_position"],
                logits=predictions[f"{which}_logits"] + mask,
            )
            for which in ("start", "end")
        ]
        return tf.reduce_mean(tf.stack(losses), axis=0), predictions

    return head


def main(argv, interruption):
    """Reads and checks everything, then trains and predicts as the flags say."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__, ())
    check_flags(flags)
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = load_model_files(flags)
    with_null = flags.version_2_with_negative
    if flags.do_train:
        to_train = load_to_train(flags.train_file, with_null)
    if flags.do_predict:
        to_predict, golds = squad.load_to_predict(flags.predict_file)
    lengths = from_flags(Lengths, flags)
    head = make_head(count_padding=flags.pad_to_max_length)
    with output_dir.locked(flags.output_dir) as folder:
        model = model_facts(config, flags.vocab_file, flags.do_lower_case)
        if flags.do_train:
            afresh = flags.overwrite_output_dir
            settings = training.Training.from_flags(flags)
            settings.steps(len(to_train))  # raises an error for too few
            of_the_task = dict(lengths._asdict(), version_2_with_negative=with_null)
            facts = output_dir.training_facts(
                flags, model, flags.train_file, **of_the_task
            )
            output_dir.check_start(folder, facts, afresh)
            check_start(head, config, folder, first, afresh)
            output_dir.start_training(folder, flags, facts, RESULTS)
            made_from = output_dir.data_facts(model, flags.train_file)
            made_from.update(of_the_task)
            data = featurize_all(
                folder, "train", to_train, tokenizer, lengths, made_from
            )
            checkpoint = training.train(
                head, config, data, folder, first, settings, interruption, len(to_train)
            )
        else:
            checkpoint = checkpoints.fine_tuned(folder, first)
            output_dir.check_same_model(os.path.dirname(checkpoint), model)
            check_trained(head, config, checkpoint)
            output_dir.start_prediction(folder, flags, checkpoint, RESULTS)
        if flags.do_predict:
            made_from = output_dir.data_facts(model, flags.predict_file)
            made_from.update(lengths._asdict())
            data = featurize_all(
                folder, "predict", to_predict, tokenizer, lengths, made_from
            )
            how = prediction.Prediction.from_flags(flags, flags.predict_batch_size)
            predictions = prediction.predict(head, config, data, checkpoint, how)
            limits = from_flags(decoding.Limits, flags)
            decisions = decide_all(
                to_predict, data, predictions, tokenizer, limits, flags.verbose_logging
            )
            texts = write_predictions(folder, decisions, with_null)
            report(folder, golds, texts, checkpoints.step(checkpoint))


if __name__ == "__main__":
    command_line.run(main)
