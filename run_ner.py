"""Named entity recognition with BERT: fine-tunes on CoNLL files, predicts, scores.

  python run_ner.py --do_train=true --do_eval=true \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json \\
      --init_checkpoint=$BIOBERT_DIR/model.ckpt-1000000 \\
      --num_train_epochs=10.0 --data_dir=$NER_DIR --output_dir=$OUTPUT_DIR

data_dir holds train_dev.tsv (training), devel.tsv (--do_eval) and test.tsv
(--do_predict): a word and its label a line, a blank line after each sentence. Labels
are B, I and O, or typed, B-Chemical, I-Disease and so on.
"""

import contextlib
import os
import pickle
from typing import NamedTuple

import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf

import finetuning
import model_files
import modeling
import output_folder
import records
from biocodes import conll, conlleval, files, ner_detokenize
from command_line import log

PADDING, CONTINUATION, START, END = "[PAD]", "X", "[CLS]", "[SEP]"
OUTSIDE = "O"
SPECIAL = (PADDING, CONTINUATION, START, END)
# What the original trains on, whatever the corpus; its checkpoints do not say.
ORIGINAL_LABELS = (PADDING, "B", "I", OUTSIDE, CONTINUATION, START, END)
NO_WORD = -1
PIECE_FILES = ("token_test.txt", "label_test.txt", "word_test.txt")
WORD_FILE = "NER_result_conll.txt"
ENTITY_SCORES = "entity_level_results.txt"
TOKEN_SCORES = "eval_results.txt"
RESULTS = (*PIECE_FILES, WORD_FILE, ENTITY_SCORES, TOKEN_SCORES)


def define_flags():
    """All flags of this script, with their defaults."""
    flags = command_line.define_flags(
        do_lower_case=False,
        max_seq_length=128,
        do_train=True,
        do_predict=True,
        num_train_epochs=10.0,
    )
    tf.flags.DEFINE_string(
        "task_name", "NER", "NER is the only one.", flag_values=flags
    )
    tf.flags.DEFINE_string(
        "data_dir", None, "Folder of the corpus. Required.", flag_values=flags
    )
    command_line.define_evaluation_flags(flags, "devel.tsv")
    return flags


# Labels


class Labels(NamedTuple):
    """The labels of a model: names in the order of their ids."""

    names: tuple

    @property
    def ids(self):
        """dict of name → id."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def scored(self):
        """Ids that token-level scores are averaged over."""
        unscored = SPECIAL + (OUTSIDE,)
        return [i for i, name in enumerate(self.names) if name not in unscored]


def labels_of(sentences, path):
    """The labels of a training file: [PAD], the file's own sorted, X, [CLS], [SEP].

    Raises:
      InputError: one of the special names is used as a label.
    """
    found = set()
    for sentence in sentences:
        found.update(sentence.labels)
        reserved = found.intersection(SPECIAL)
        if reserved:
            name = sorted(reserved)[0]
            raise files.InputError(
                f"the label {name} is reserved",
                path,
                sentence.lines[sentence.labels.index(name)],
                "give the label another name",
            )
    return Labels((PADDING, *sorted(found), CONTINUATION, START, END))


def save_labels(folder, labels):
    """Writes label2id.json, and label2id.pkl for scripts made for the original.

    The pickle is only ever written: what reads it is not this suite.
    """
    model_files.save_labels(folder, labels.names)
    with files.whole_file(os.path.join(folder, "label2id.pkl"), binary=True) as stream:
        pickle.dump(labels.ids, stream, protocol=2)


def load_labels(checkpoint):
    """The labels that a checkpoint was trained with, see model_files.load_labels.

    Raises:
      InputError: they cannot be found, or are not those of entity recognition.
    """
    names = model_files.load_labels(checkpoint, ORIGINAL_LABELS)
    if names[0] != PADDING or not set(SPECIAL) < set(names):
        raise files.InputError(
            f"not the labels of a model for entity recognition: {', '.join(names)}",
            os.path.dirname(checkpoint),
        )
    return Labels(names)


# Features


def schema(labelled):
    """Records of sentences; word_index is the piece's word in its sentence, or -1."""
    names = ["input_ids", "word_index"] + (["label_ids"] if labelled else [])
    return records.Schema(sequences=names)


def featurize(sentence, tokenizer, label_ids, max_seq_length):
    """Pieces of a sentence, each with its label and its word.

    A word's first piece carries the word's label, the others X; words beyond
    max_seq_length - 2 pieces are cut off.

    Args:
      sentence: conll.Sentence; its labels may be None.
      tokenizer: tokenization.FullTokenizer.
      label_ids: dict of label → id.
      max_seq_length: pieces at most, [CLS] and [SEP] included.

    Returns:
      dict of lists of int, see schema.
    """
    pieces, words, labels = [], [], []
    continuation = label_ids[CONTINUATION]
    room = max_seq_length - 2
    for index, (word, label) in enumerate(zip(sentence.words, sentence.labels)):
        ids = tokenizer.word_ids(word)
        pieces += ids
        words += [index] * len(ids)
        if ids and label is not None:
            labels += [label_ids[label]] + [continuation] * (len(ids) - 1)
        if len(pieces) >= room:
            break
    start, end = tokenizer.vocab[START], tokenizer.vocab[END]
    return {
        "input_ids": [start] + pieces[:room] + [end],
        "word_index": [NO_WORD] + words[:room] + [NO_WORD],
        "label_ids": [label_ids[START]] + labels[:room] + [label_ids[END]],
    }


def check_labels(sentences, labels, path):
    """Refuses a label that the model does not know; no label is fine.

    Raises:
      InputError: naming its line.
    """
    known = set(labels.names) - set(SPECIAL)
    if not is_labelled(sentences):
        return
    for sentence in sentences:
        if not known.issuperset(sentence.labels):
            line, label = next(
                (line, label)
                for line, label in zip(sentence.lines, sentence.labels)
                if label not in known
            )
            raise files.InputError(
                f"the model does not know the label {label}",
                path,
                line,
                f"it knows {', '.join(sorted(known))}",
            )


# Head


def make_head(num_labels, count_padding):
    """A linear layer over every position.

    Args:
      num_labels: L.
      count_padding: whether padding counts in the loss (as [PAD]), as in the original.

    Returns:
      Head, see finetuning. The loss is the sum over the positions of the batch. The
      predictions are label_ids [B, S], and loss [B] when features have labels.
    """

    def head(encoder, features, mode):
        hidden = encoder.get_sequence_output()
        if mode == tf.estimator.ModeKeys.TRAIN:
            hidden = modeling.dropout(hidden, 0.1)
        logits = modeling.output_layer(hidden, num_labels)
        predictions = {"label_ids": tf.argmax(logits, -1, output_type=tf.int32)}
        if "label_ids" not in features:
            return None, predictions
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels=features["label_ids"], logits=logits
        )
        if not count_padding:
            losses *= tf.cast(features["input_mask"], tf.float32)
        predictions["loss"] = tf.reduce_sum(losses, axis=-1)
        return tf.reduce_sum(losses), predictions

    return head


# Scores


def count_confusions(pairs, num_labels):
    """Confusion matrix of (gold, predicted) ids: int [L gold, L predicted]."""
    matrix = np.zeros([num_labels, num_labels], np.int64)
    for gold, predicted in pairs:
        np.add.at(matrix, (gold, predicted), 1)
    return matrix


def token_scores(matrix, scored):
    """Token-level scores: the macro average of each class's precision, recall and F1.

    Args:
      matrix: see count_confusions.
      scored: ids of the classes to average over.

    Returns:
      dict of eval_precision, eval_recall and eval_f, float32.
    """
    correct = np.diag(matrix)[scored].astype(np.float64)
    precision = correct / np.maximum(matrix[:, scored].sum(0), 1)
    recall = correct / np.maximum(matrix[scored].sum(1), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    values = {"eval_precision": precision, "eval_recall": recall, "eval_f": f1}
    return {
        name: np.float32(value.mean() if len(scored) else 0.0)
        for name, value in values.items()
    }


class TokenScorer:
    """Gathers the token-level scores of a file, prediction by prediction."""

    def __init__(self, labels, count_padding, batch_size):
        self._labels = labels
        self._count_padding = count_padding
        self._batch_size = batch_size
        self._matrix = 0
        self._loss = self._examples = 0

    def add(self, gold, prediction):
        """Takes one sentence.

        Args:
          gold: label ids of its pieces.
          prediction: dict of label_ids [S] and loss, see make_head.
        """
        predicted = prediction["label_ids"]
        padded = np.zeros_like(predicted)
        padded[: len(gold)] = gold
        end = None if self._count_padding else len(gold)
        self._matrix += count_confusions(
            [(padded[:end], predicted[:end])], len(self._labels.names)
        )
        self._loss += float(prediction["loss"])
        self._examples += 1

    def results(self, step):
        """The results as they are logged and written; loss is a batch's on average."""
        batches = -(-self._examples // self._batch_size)
        return dict(
            token_scores(self._matrix, self._labels.scored),
            global_step=step,
            loss=np.float32(self._loss / batches),
        )


# Writing


def write_predictions(folder, sentences, data, tokenizer, labels, predictions):
    """Writes token_test.txt, label_test.txt and word_test.txt, line by line in step.

    Args:
      folder: where they go; the results of an earlier prediction there are removed.
      sentences: list of conll.Sentence.
      data: RecordFile of their features.
      tokenizer: FullTokenizer.
      labels: Labels.
      predictions: iterable of (index, dict with label_ids [S]).

    Returns:
      The words' predicted labels: a list of str for each sentence.
    """
    word_labels = []
    with contextlib.ExitStack() as stack:
        streams = [
            stack.enter_context(files.whole_file(os.path.join(folder, name)))
            for name in PIECE_FILES
        ]
        for index, prediction in predictions:
            sentence, features = sentences[index], data[index]
            pieces = tokenizer.convert_ids_to_tokens(features["input_ids"].tolist())
            predicted = piece_labels(prediction["label_ids"][: len(pieces)], labels)
            words = [None if i == NO_WORD else i for i in features["word_index"]]
            for columns in zip(pieces, predicted, word_lines(sentence, words)):
                for stream, column in zip(streams, columns):
                    stream.write(column + "\n")
            count = len(sentence.words)
            word_labels.append(ner_detokenize.word_labels(count, words, predicted))
        output_folder.remove(folder, (*PIECE_FILES, WORD_FILE, ENTITY_SCORES))
    return word_labels


def piece_labels(label_ids, labels):
    """Predicted ids → names. [PAD], which no piece can be, is written as O."""
    return [labels.names[i] if i else OUTSIDE for i in label_ids.tolist()]


def word_lines(sentence, words):
    """What word_test.txt says beside each piece: the place of its word, if it has one.

    Args:
      sentence: conll.Sentence.
      words: for each piece the index of its word, or None.
    """
    return [
        ner_detokenize.NO_WORD
        if i is None
        else ner_detokenize.word_line(sentence.lines[i], sentence.words[i])
        for i in words
    ]


def write_entities(folder, sentences, word_labels):
    """Writes the word-level result; writes and logs its entity-level scores."""
    path = os.path.join(folder, WORD_FILE)
    ner_detokenize.write_result(path, sentences, word_labels)
    if not is_labelled(sentences):
        log.info("no labels in test.tsv, so no scores; the predictions: %s", path)
        return
    report = conlleval.report(conlleval.score_file(path))
    with files.whole_file(os.path.join(folder, ENTITY_SCORES)) as stream:
        stream.write(report)
    command_line.log_results("entity-level evaluation results", report.splitlines())


# The command


def check_task(task_name):
    """Refuses any other task; the original takes this flag in any case."""
    if task_name.lower() != "ner":
        raise files.InputError(
            f"{task_name} is not a task of this script",
            "--task_name",
            remedy="leave the flag out, or give NER",
        )


def corpus_paths(data_dir, do_train, do_eval, do_predict):
    """Paths of the files that the run reads, by phase."""
    names = {"train": "train_dev.tsv", "eval": "devel.tsv", "predict": "test.tsv"}
    wanted = {"train": do_train, "eval": do_eval, "predict": do_predict}
    return {
        phase: os.path.join(data_dir, name)
        for phase, name in names.items()
        if wanted[phase]
    }


def read_corpus(paths):
    """dict of phase → path → dict of phase → list of conll.Sentence."""
    return {
        phase: conll.load_sentences(path, labelled=phase != "predict")
        for phase, path in paths.items()
    }


def is_labelled(sentences):
    """Whether the words of a file have labels; all have, or none."""
    return sentences[0].labels[0] is not None


def settle_labels(corpus, paths, trained):
    """The labels of the run's model, which all labels in the corpus are among.

    Args:
      corpus, paths: see read_corpus.
      trained: prefix of the checkpoint to predict with; None when there is training.

    Returns:
      Labels.
    """
    if trained:
        labels = load_labels(trained)
    else:
        labels = labels_of(corpus["train"], paths["train"])
    for phase, sentences in corpus.items():
        check_labels(sentences, labels, paths[phase])
    return labels


def prepare_training(flags, folder, head, config, first, labels, facts):
    """Makes the folder ready for training, once it is clear that it can start there.

    Args:
      flags: the script's flags.
      folder: the output folder.
      head, config, first: see finetuning.train; first is its init_checkpoint.
      labels: Labels.
      facts: see output_folder.training_facts.
    """
    afresh = flags.overwrite_output_dir
    output_folder.check_start(folder, facts, afresh)
    finetuning.check_start(head, config, folder, first, afresh)
    output_folder.start_training(folder, flags, facts, RESULTS)
    save_labels(folder, labels)


def featurize_all(folder, corpus, paths, tokenizer, labels, limit, model):
    """The sentences' features as record files, PHASE.tf_record in the folder.

    Args:
      folder: where they lie.
      corpus, paths: see read_corpus.
      tokenizer, labels: FullTokenizer, Labels.
      limit: max_seq_length.
      model: see output_folder.model_facts.

    Returns:
      dict of phase → RecordFile.
    """
    label_ids = labels.ids
    of_all = {"labels": labels.names, "max_seq_length": limit}
    return {
        phase: records.open_or_write(
            os.path.join(folder, f"{phase}.tf_record"),
            schema(is_labelled(sentences)),
            (featurize(one, tokenizer, label_ids, limit) for one in sentences),
            dict(output_folder.data_facts(model, paths[phase]), **of_all),
        )
        for phase, sentences in corpus.items()
    }


def score(data, predictions, scorer):
    """Passes predictions on, each when the TokenScorer has counted it."""
    for index, prediction in predictions:
        scorer.add(data[index]["label_ids"], prediction)
        yield index, prediction


def evaluate(folder, data, predictions, scorer, step):
    """Scores devel.tsv by the token; logs the results, writes eval_results.txt."""
    for _ in score(data, predictions, scorer):
        pass
    results = scorer.results(step)
    command_line.log_results("Eval results", output_folder.result_lines(results))
    output_folder.write_results(folder, TOKEN_SCORES, results)


def predict(folder, sentences, data, tokenizer, labels, predictions, scorer, step):
    """Writes the predictions for test.tsv, and its scores if it has labels."""
    if is_labelled(sentences):
        predictions = score(data, predictions, scorer)
    words = write_predictions(folder, sentences, data, tokenizer, labels, predictions)
    if is_labelled(sentences):
        command_line.log_results(
            "token-level evaluation results",
            output_folder.result_lines(scorer.results(step)),
        )
    write_entities(folder, sentences, words)


def main(argv, interruption):
    """Reads and checks everything, and only then goes to work."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__, ("data_dir",))
    check_task(flags.task_name)
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = command_line.load_model_files(flags)
    phases = flags.do_train, flags.do_eval, flags.do_predict
    paths = corpus_paths(flags.data_dir, *phases)
    corpus = read_corpus(paths)
    model = output_folder.model_facts(config, flags.vocab_file, flags.do_lower_case)
    with output_folder.locked(flags.output_dir) as folder:
        trained = None if flags.do_train else model_files.fine_tuned(folder, first)
        labels = settle_labels(corpus, paths, trained)
        head = make_head(len(labels.names), count_padding=flags.pad_to_max_length)
        if flags.do_train:
            training = finetuning.Training.from_flags(flags)
            training.steps(len(corpus["train"]))  # raises an error for too few
            facts = output_folder.training_facts(
                flags, model, paths["train"], labels=labels.names
            )
            prepare_training(flags, folder, head, config, first, labels, facts)
        else:
            output_folder.check_same_model(os.path.dirname(trained), model)
            finetuning.check_trained(head, config, trained)
            output_folder.write_record(folder, flags)
        data = featurize_all(
            folder, corpus, paths, tokenizer, labels, flags.max_seq_length, model
        )
        if flags.do_train:
            trained = finetuning.train(
                head, config, data["train"], folder, first, training, interruption
            )
        step = model_files.step(trained)

        def predictions(phase, batch_size):
            how = finetuning.Prediction.from_flags(flags, batch_size)
            found = finetuning.predict(head, config, data[phase], trained, how)
            return found, TokenScorer(labels, flags.pad_to_max_length, batch_size)

        if flags.do_eval:
            found, scorer = predictions("eval", flags.eval_batch_size)
            evaluate(folder, data["eval"], found, scorer, step)
        if flags.do_predict:
            found, scorer = predictions("predict", flags.predict_batch_size)
            to_predict = corpus["predict"], data["predict"]
            predict(folder, *to_predict, tokenizer, labels, found, scorer, step)


if __name__ == "__main__":
    command_line.run(main)
