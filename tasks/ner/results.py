"""Results of entity recognition: scores by token and by entity, and their files."""

import itertools
import os
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from biocodes.lib import conll, conll_scores, files
from biocodes.lib.conll import OUTSIDE, Sentence
from biocodes.lib.word_labels import NO_LINE, word_labels, word_line, write_result
from finetuning import console, output_dir, windows
from finetuning.console import log
from finetuning.model import Model
from finetuning.records import RecordFile, Schema
from finetuning.run import Run
from finetuning.windows import NO_WORD
from tasks.ner import labels as ner_labels
from tasks.ner.corpora import FILES, Corpus, subfolders

PIECE_FILES = ("token_test.txt", "label_test.txt", "word_test.txt")
WORD_FILE = "NER_result_conll.txt"
ENTITY_SCORES = "entity_level_results.txt"
DEV_SCORES = "eval_results.txt"
RESULTS = (*PIECE_FILES, WORD_FILE, ENTITY_SCORES, DEV_SCORES)

# Of entities; the first one is the official measure of the task.
MEASURES = ("f1", "precision", "recall")

# Features and prediction of one sentence, or of one window of it.
Predicted = Tuple[Dict[str, Any], Dict[str, Any]]


# From windows to sentences


def whole_sentences(
    data: RecordFile, predictions: Iterable[Tuple[int, Dict[str, Any]]]
) -> Iterator[Predicted]:
    """Put the windows of each sentence together, with each piece once.

    Args:
      data: records of windows.
      predictions: (index, dict of label_ids [S] and perhaps loss) of all of them in
        their order.

    Yields:
      (features, prediction) of each sentence, as if it had been a single window.
    """
    parts = []
    for index, prediction in predictions:
        features = data[index]
        parts.append((features, prediction))
        if features["word_index"][-1] == NO_WORD:  # [SEP] of the last window
            yield parts[0] if len(parts) == 1 else join_windows(parts, data.schema)
            parts = []


def join_windows(parts: List[Predicted], schema: Schema) -> Predicted:
    """Join the windows of one sentence."""
    kept = [features["word_index"] != windows.CONTEXT for features, _ in parts]

    def join(arrays: List[np.ndarray]) -> np.ndarray:
        return np.concatenate(
            [array[: len(counts)][counts] for array, counts in zip(arrays, kept)]
        )

    features = dict(parts[0][0])
    for name in schema.sequences:
        features[name] = join([of_window[name] for of_window, _ in parts])
    prediction = {"label_ids": join([of_window["label_ids"] for _, of_window in parts])}
    if "loss" in parts[0][1]:
        prediction["loss"] = sum(of_window["loss"] for _, of_window in parts)
    return features, prediction


# Scores by token


def count_confusions(
    pairs: Iterable[Tuple[np.ndarray, np.ndarray]], num_labels: int
) -> np.ndarray:
    """Count (gold ids, predicted ids): int [L gold, L predicted]."""
    matrix = np.zeros([num_labels, num_labels], np.int64)
    for gold, predicted in pairs:
        np.add.at(matrix, (gold, predicted), 1)
    return matrix


def token_scores(matrix: np.ndarray, scored: List[int]) -> Dict[str, np.float32]:
    """Average each class's precision, recall and F1 (macro average).

    Args:
      matrix: int [L gold, L predicted], numbers of tokens.
      scored: ids of the classes to average over.

    Returns:
      eval_precision, eval_recall and eval_f.
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

    def __init__(
        self,
        labels: Tuple[str, ...],
        count_padding: bool,
        batch_size: int,
        types: Optional[FrozenSet[str]] = None,
    ) -> None:
        """Begin with no sentence.

        Args:
          labels: of the model.
          count_padding: whether padding is scored, as in the original.
          batch_size: examples in a batch, for which the loss is given.
          types: those that are scored, labels and entities; default: all.
        """
        self.batch_size = batch_size
        self.types = types
        self._num_labels = len(labels)
        self._scored = ner_labels.scored_ids(labels, types)
        self._count_padding = count_padding
        self._matrix = 0
        self._loss = self._examples = 0

    def add(self, gold: np.ndarray, prediction: Dict[str, Any]) -> None:
        """Count one sentence.

        Args:
          gold: label ids of its pieces.
          prediction: dict of label_ids [S] and loss.
        """
        predicted = prediction["label_ids"]
        padded = np.zeros_like(predicted)
        padded[: len(gold)] = gold
        end = None if self._count_padding else len(gold)
        self._matrix += count_confusions(
            [(padded[:end], predicted[:end])], self._num_labels
        )
        self._loss += float(prediction["loss"])
        self._examples += 1

    def watch(self, predicted: Iterable[Predicted]) -> Iterator[Predicted]:
        """Pass sentences on, each when it has been counted."""
        for features, prediction in predicted:
            self.add(features["label_ids"], prediction)
            yield features, prediction

    def results(self, step: int) -> Dict[str, Any]:
        """Return the results by name; loss is a batch's on average.

        Args:
          step: training step of the model.
        """
        batches = -(-self._examples // self.batch_size)
        return dict(
            token_scores(self._matrix, self._scored),
            global_step=step,
            loss=np.float32(self._loss / batches),
        )


# Pieces


def write_pieces(
    folder: str,
    sentences: Iterable[Sentence],
    model: Model,
    predicted: Iterable[Predicted],
) -> None:
    """Write token_test.txt, label_test.txt and word_test.txt, line by line in step.

    Args:
      folder: where they go; the results of an earlier prediction there are removed.
      sentences: those of test.tsv.
      model: its tokenizer and labels are used.
      predicted: (features, prediction) of each of them.
    """
    paths = [os.path.join(folder, name) for name in PIECE_FILES]
    outdated = [os.path.join(folder, name) for name in (WORD_FILE, ENTITY_SCORES)]
    with files.whole_files(paths, outdated) as streams:
        for sentence, (features, prediction) in zip(sentences, predicted):
            ids = features["input_ids"].tolist()
            columns = zip(
                model.tokenizer.convert_ids_to_tokens(ids),
                piece_labels(prediction["label_ids"][: len(ids)], model.labels),
                word_lines(sentence, features["word_index"].tolist()),
            )
            for line in columns:
                for stream, column in zip(streams, line):
                    stream.write(column + "\n")


def piece_labels(label_ids: np.ndarray, labels: Tuple[str, ...]) -> List[str]:
    """Name predicted ids. [PAD], which no piece can be, is written as O."""
    return [labels[i] if i else OUTSIDE for i in label_ids.tolist()]


def word_lines(sentence: Sentence, words: List[int]) -> List[str]:
    """Return what word_test.txt says beside each piece: the line of its word.

    Args:
      sentence: of the pieces.
      words: for each piece the index of its word, or NO_WORD.
    """
    return [
        NO_LINE if i == NO_WORD else word_line(sentence.lines[i], sentence.words[i])
        for i in words
    ]


# Entities


class WordLabels:
    """The predicted labels of each sentence's words, read from the files of pieces.

    They are read anew whenever they are iterated over, and are not kept.
    """

    def __init__(self, folder: str, sentences: Iterable[Sentence]) -> None:
        self._folder = folder
        self._sentences = sentences

    def __iter__(self) -> Iterator[List[str]]:
        columns = [
            (text for _, text in files.read_lines(os.path.join(self._folder, name)))
            for name in ("label_test.txt", "word_test.txt")
        ]
        pieces = zip(*columns)

        def has_word(piece: Tuple[str, str]) -> bool:
            return piece[1] != NO_LINE

        for sentence in self._sentences:
            index_of = {str(line): index for index, line in enumerate(sentence.lines)}
            next(pieces)  # [CLS]
            labels, words = [], []
            for label, line in itertools.takewhile(has_word, pieces):  # and [SEP]
                labels.append(label)
                words.append(index_of[line.partition("\t")[0]])
            yield word_labels(len(sentence.words), words, labels)


def write_entities(
    folder: str,
    sentences: Iterable[Sentence],
    predicted: Iterable[List[str]],
    types: Optional[FrozenSet[str]] = None,
) -> Optional[conll_scores.Scores]:
    """Write the word-level result; write and log its entity-level scores.

    Args:
      folder: where they go.
      sentences: those of test.tsv; without labels there are no scores.
      predicted: labels of the words of each; may be iterated over several times.
      types: those that are scored, words of others counting as O; default: all.

    Returns:
      The scores; None without labels.
    """
    path = os.path.join(folder, WORD_FILE)
    write_result(path, sentences, predicted)
    if not conll.is_labelled(sentences):
        log.info("no labels in test.tsv, so no scores; the predictions: %s", path)
        return None
    scores = conll_scores.score_file(path)
    if types is not None:
        scores = entity_scores(sentences, predicted, types)
    report = conll_scores.report(scores)
    with files.whole_file(os.path.join(folder, ENTITY_SCORES)) as stream:
        stream.write(report)
    console.log_results("entity-level evaluation results", report.splitlines())
    return scores


def labels_of_words(
    sentences: Iterable[Sentence],
    predicted: Iterable[Predicted],
    labels: Tuple[str, ...],
) -> Iterator[List[str]]:
    """Yield the predicted labels of each sentence's words.

    Args:
      sentences: those that were predicted.
      predicted: (features, prediction) of each.
      labels: of the model.
    """
    for sentence, (features, prediction) in zip(sentences, predicted):
        words = features["word_index"].tolist()
        of_pieces = piece_labels(prediction["label_ids"][: len(words)], labels)
        places = [None if word == NO_WORD else word for word in words]
        yield word_labels(len(sentence.words), places, of_pieces)


def entity_scores(
    sentences: Iterable[Sentence],
    predicted: Iterable[List[str]],
    types: Optional[FrozenSet[str]],
) -> conll_scores.Scores:
    """Score the labels of words by the entities that they make.

    Args:
      sentences: all have labels.
      predicted: labels of the words of each.
      types: those that count, words of others being O; None: all.
    """

    def rows() -> Iterator[Optional[Tuple[str, str]]]:
        for sentence, labels in zip(sentences, predicted):
            counted = labels if types is None else conll.only(labels, types)
            yield from zip(sentence.labels, counted)
            yield None

    return conll_scores.evaluate(rows())


def shares(counts: conll_scores.Counts) -> Dict[str, float]:
    """Return MEASURES by name, from 0 to 1."""
    return {name: getattr(counts, name) / 100 for name in MEASURES}


# The results of each file


def evaluate_and_predict(
    run: Run,
    corpora: Sequence[Corpus],
    data: Dict[Tuple[str, str], RecordFile],
    eval_batch_size: int,
) -> None:
    """Write the results of each corpus, those that there are records for.

    Args:
      run: with the model that predicts.
      corpora: all of the run.
      data: (phase, sub-folder) → records.
      eval_batch_size: of devel.tsv; that of test.tsv is the run's.
    """
    for corpus, subfolder in zip(corpora, subfolders(corpora)):
        folder = os.path.join(run.folder, subfolder) if subfolder else run.folder
        if subfolder:
            log.info("***** corpus %s, results in %s *****", corpus.name, folder)
        for phase, write_results in (("eval", evaluate), ("predict", predict)):
            if (phase, subfolder) not in data:
                continue
            batch_size = eval_batch_size
            if phase == "predict":
                batch_size = run.settings.prediction.batch_size
            scorer = TokenScorer(
                run.model.labels,
                run.settings.prediction.pad_to is not None,
                batch_size,
                corpus.scored_types(phase),
            )
            file = os.path.join(subfolder, FILES[phase])
            scores = write_results(run, folder, data[phase, subfolder], corpus, scorer)
            if scores:
                run.board.add(file, *scores)
    run.write_scores()


# Scores of a file, and of each type
FileScores = Tuple[Dict[str, float], Dict[str, Dict[str, float]]]


def file_scores(
    entities: conll_scores.Scores, tokens: Dict[str, np.float32]
) -> FileScores:
    """Gather what scores.json says of a file.

    Args:
      entities: scores by entity.
      tokens: TokenScorer.results.

    Returns:
      Scores by name, from 0 to 1; and the entities' of each type.
    """
    scores = dict(shares(entities.overall), accuracy=entities.accuracy / 100)
    for name in ("f", "precision", "recall"):
        scores[f"token_{name}"] = float(tokens[f"eval_{name}"])
    by_type = {name: shares(counts) for name, counts in entities.by_type.items()}
    return scores, {name or conll.UNTYPED: of_type for name, of_type in by_type.items()}


def evaluate(
    run: Run, folder: str, records: RecordFile, corpus: Corpus, scorer: TokenScorer
) -> FileScores:
    """Score devel.tsv; log the results and write eval_results.txt.

    The names that begin with eval_ are of tokens, those with entity_ of entities.

    Args:
      run: with the model that is scored.
      folder: where the results go.
      records: windows of the sentences.
      corpus: of the file, all of whose sentences have labels.
      scorer: has counted nothing yet.
    """
    sentences = corpus.sentences["eval"]
    predictions = run.predict(records, scorer.batch_size)
    predicted = scorer.watch(whole_sentences(records, predictions))
    words = labels_of_words(sentences, predicted, run.model.labels)
    entities = entity_scores(sentences, words, scorer.types)
    results = scorer.results(run.step)
    of_file = file_scores(entities, results)
    results.update(
        (f"entity_{name}", np.float32(of_file[0][name])) for name in MEASURES
    )
    if corpus.trained_on:
        results["sentences_trained_on"] = corpus.trained_on
    console.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(folder, DEV_SCORES, results)
    return of_file


def predict(
    run: Run, folder: str, records: RecordFile, corpus: Corpus, scorer: TokenScorer
) -> Optional[FileScores]:
    """Write the predictions for test.tsv, and its scores if it has labels.

    Args:
      run, folder, records, corpus, scorer: as of evaluate; sentences may be without
        labels, and there are no scores then.
    """
    sentences = corpus.sentences["predict"]
    predictions = run.predict(records, scorer.batch_size)
    predicted = whole_sentences(records, predictions)
    if conll.is_labelled(sentences):
        predicted = scorer.watch(predicted)
    write_pieces(folder, sentences, run.model, predicted)
    words = WordLabels(folder, sentences)
    if not conll.is_labelled(sentences):
        write_entities(folder, sentences, words, scorer.types)
        return None
    results = scorer.results(run.step)
    lines = output_dir.result_lines(results)
    console.log_results("token-level evaluation results", lines)
    return file_scores(write_entities(folder, sentences, words, scorer.types), results)
