import itertools
import os

import numpy as np

from biocodes.lib import conll, conll_scores, files
from biocodes.lib.conll import OUTSIDE, is_labelled
from biocodes.lib.word_labels import NO_LINE, word_labels, word_line, write_result
from finetuning import command_line, windows
from finetuning.command_line import log
from finetuning.windows import NO_WORD

PIECE_FILES = ("token_test.txt", "label_test.txt", "word_test.txt")
WORD_FILE = "NER_result_conll.txt"
ENTITY_SCORES = "entity_level_results.txt"
TOKEN_SCORES = "eval_results.txt"
RESULTS = (*PIECE_FILES, WORD_FILE, ENTITY_SCORES, TOKEN_SCORES)


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
    """Gathers the token-level scores of a file, prediction by prediction.

    Args:
      labels: Labels.
      count_padding: see make_head.
      batch_size: examples in a batch, for which the loss is given.
      types: those whose labels are scored; default: all.
    """

    def __init__(self, labels, count_padding, batch_size, types=None):
        self._labels = labels
        self._scored = labels.scored_of(types)
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
            token_scores(self._matrix, self._scored),
            global_step=step,
            loss=np.float32(self._loss / batches),
        )


# Writing


def write_predictions(folder, sentences, tokenizer, labels, predicted):
    """Writes token_test.txt, label_test.txt and word_test.txt, line by line in step.

    Args:
      folder: where they go; the results of an earlier prediction there are removed.
      sentences: iterable of conll.Sentence.
      tokenizer: FullTokenizer.
      labels: Labels.
      predicted: for each of them (features, prediction), see whole_sentences.
    """
    paths = [os.path.join(folder, name) for name in PIECE_FILES]
    outdated = [os.path.join(folder, name) for name in (WORD_FILE, ENTITY_SCORES)]
    with files.whole_files(paths, outdated) as streams:
        for sentence, (features, prediction) in zip(sentences, predicted):
            pieces = tokenizer.convert_ids_to_tokens(features["input_ids"].tolist())
            columns = zip(
                pieces,
                piece_labels(prediction["label_ids"][: len(pieces)], labels),
                word_lines(sentence, features["word_index"].tolist()),
            )
            for line in columns:
                for stream, column in zip(streams, line):
                    stream.write(column + "\n")


def piece_labels(label_ids, labels):
    """Predicted ids → names. [PAD], which no piece can be, is written as O."""
    return [labels.names[i] if i else OUTSIDE for i in label_ids.tolist()]


def word_lines(sentence, words):
    """What word_test.txt says beside each piece: the place of its word, if it has one.

    Args:
      sentence: conll.Sentence.
      words: for each piece the index of its word, or NO_WORD.
    """
    return [
        NO_LINE if i == NO_WORD else word_line(sentence.lines[i], sentence.words[i])
        for i in words
    ]


class WordLabels:
    """The predicted labels of each sentence's words, from what write_predictions wrote.

    They are read anew whenever they are iterated over, and are not kept.
    """

    def __init__(self, folder, sentences):
        self._folder = folder
        self._sentences = sentences

    def __iter__(self):
        columns = [
            (text for _, text in files.read_lines(os.path.join(self._folder, name)))
            for name in ("label_test.txt", "word_test.txt")
        ]
        pieces = zip(*columns)

        def has_word(piece):
            return piece[1] != NO_LINE

        for sentence in self._sentences:
            places = {str(line): index for index, line in enumerate(sentence.lines)}
            next(pieces)  # [CLS]
            labels, words = [], []
            for label, line in itertools.takewhile(has_word, pieces):  # and [SEP]
                labels.append(label)
                words.append(places[line.partition("\t")[0]])
            yield word_labels(len(sentence.words), words, labels)


def write_entities(folder, sentences, word_labels, types=None):
    """Writes the word-level result; writes and logs its entity-level scores.

    Args:
      folder, sentences: see write_predictions.
      word_labels: WordLabels.
      types: those that are scored, words of others counting as O; default: all.
    """
    path = os.path.join(folder, WORD_FILE)
    write_result(path, sentences, word_labels)
    if not is_labelled(sentences):
        log.info("no labels in test.tsv, so no scores; the predictions: %s", path)
        return
    scores = conll_scores.score_file(path)
    if types is not None:
        scores = conll_scores.evaluate(scored_rows(sentences, word_labels, types))
    report = conll_scores.report(scores)
    with files.whole_file(os.path.join(folder, ENTITY_SCORES)) as stream:
        stream.write(report)
    command_line.log_results("entity-level evaluation results", report.splitlines())


def scored_rows(sentences, word_labels, types):
    """Yields rows as conlleval.evaluate takes them, words of other types as O."""
    for sentence, predicted in zip(sentences, word_labels):
        yield from zip(sentence.labels, conll.only(predicted, types))
        yield None


def whole_sentences(data, predictions):
    """Puts the windows of each sentence together, with each piece once.

    Args:
      data: RecordFile, see featurize_windows.
      predictions: iterable of (index, dict of label_ids [S] and perhaps loss), of all
        of its records in their order.

    Yields:
      (features, prediction) a sentence, as if it had been a single window.
    """
    parts = []
    for index, prediction in predictions:
        features = data[index]
        parts.append((features, prediction))
        if features["word_index"][-1] == NO_WORD:  # [SEP] of the last window
            yield parts[0] if len(parts) == 1 else join_windows(parts, data.schema)
            parts = []


def join_windows(parts, form):
    """The windows of a sentence → (features, prediction), see whole_sentences."""
    kept = [features["word_index"] != windows.CONTEXT for features, _ in parts]

    def join(arrays):
        return np.concatenate(
            [array[: len(some)][some] for array, some in zip(arrays, kept)]
        )

    features = dict(parts[0][0])
    for name in form.sequences:
        features[name] = join([one[name] for one, _ in parts])
    prediction = {"label_ids": join([one["label_ids"] for _, one in parts])}
    if "loss" in parts[0][1]:
        prediction["loss"] = sum(one["loss"] for _, one in parts)
    return features, prediction


def score(predicted, scorer):
    """Passes whole_sentences on, each when the TokenScorer has counted it."""
    for features, prediction in predicted:
        scorer.add(features["label_ids"], prediction)
        yield features, prediction
