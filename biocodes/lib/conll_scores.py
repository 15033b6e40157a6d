"""Entity-level precision, recall and F1 as the CoNLL-2000 shared task scored them.

Lines of columns are parsed, their entities counted, and the counts reported, each as
the scorer of version 2004-01-26 does it: what counts as an entity is in conll.py.
"""

import re
import warnings
from collections import Counter
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Pattern, Tuple

from biocodes.lib import conll, files

# A line whose first column this is ends a sentence, as an empty one does.
BOUNDARY = b"-X-"

# (gold label, predicted label) of a word; None where a sentence ends.
Row = Optional[Tuple[str, str]]


class WidthError(files.InputError):
    """A line with fewer or more columns than the lines before it."""


class Counts(NamedTuple):
    """Numbers of entities, and the measures that follow from them in percent."""

    gold: int
    found: int
    correct: int

    @property
    def precision(self) -> float:
        """Correct entities per entity found, 0 if there is none."""
        return 100 * self.correct / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Correct entities per gold entity, 0 if there is none."""
        return 100 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 0 if both are."""
        precision, recall = self.precision, self.recall
        total = precision + recall
        return 2 * precision * recall / total if total else 0.0


class Scores(NamedTuple):
    """What evaluate found.

    tokens: number of words.
    correct_tokens: how many of them have their gold label.
    overall: Counts over all types (micro average).
    by_type: type ("" for labels without one) → Counts, in the order of the report.
    """

    tokens: int
    correct_tokens: int
    overall: Counts
    by_type: Dict[str, Counts]

    @property
    def accuracy(self) -> float:
        """Share of words with their gold label, in percent; 0 if there is no word."""
        return 100 * self.correct_tokens / self.tokens if self.tokens else 0.0


# Lines → rows


def parse(
    lines: Iterable[bytes], delimiter: bytes = b" ", path: str = files.STANDARD_INPUT
) -> Iterator[Row]:
    """Yield (gold label, predicted label) a word, and None where a sentence ends.

    Args:
      lines: with or without line ends.
      delimiter: a regular expression, see compile_delimiter.
      path: the file's name, for messages.

    Raises:
      WidthError: a line has not as many columns as those before it.
      InputError: a line has one column alone, or the delimiter separates nothing.
    """
    pattern = compile_delimiter(delimiter)
    width = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(files.BYTE_ORDER_MARK):
            line = line[len(files.BYTE_ORDER_MARK) :]
        columns = split_columns(line, pattern)
        width = width or len(columns)
        if columns and len(columns) != width:
            raise WidthError(
                f"columns: {len(columns)}, but {width} in the lines before",
                path,
                number,
                "give every word the same columns",
            )
        if not columns or columns[0] == BOUNDARY:
            yield None
        elif width < 2:
            raise files.InputError(
                "one column where a gold and a predicted label are needed",
                path,
                number,
                "is -d DELIM what separates the columns?",
            )
        else:
            yield decode_text(columns[-2]), decode_text(columns[-1])


def compile_delimiter(delimiter: bytes) -> Pattern[bytes]:
    """Compile the regular expression that separates columns.

    Raises:
      InputError: it is not a regular expression that Perl and Python read alike, or
        it matches the empty text, so that every character would be a column.
    """
    try:
        with warnings.catch_warnings():
            # [[:space:]], a class to Perl, is no more than a warning in Python.
            warnings.simplefilter("error", FutureWarning)
            pattern = re.compile(delimiter)
    except (re.error, FutureWarning, OverflowError, RecursionError) as error:
        raise files.InputError(
            f"{decode_text(delimiter)!r} is not a regular expression",
            "-d",
            remedy="put a backslash before characters like ( [ * +",
        ) from error
    if pattern.match(b""):
        raise files.InputError(
            f"{decode_text(delimiter)!r} matches between any two characters",
            "-d",
            remedy="give what stands between columns, with a backslash before"
            " characters like | * ?",
        )
    return pattern


def split_columns(line: bytes, delimiter: Pattern[bytes]) -> List[bytes]:
    """Split a line into columns as Perl's split does: none is empty at the end."""
    if line.endswith(b"\n"):
        line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    # A group that takes no part in a match is None to Python, "" to the Perl script.
    columns = [column or b"" for column in delimiter.split(line)]
    while columns and not columns[-1]:
        columns.pop()
    return columns


def decode_text(raw: bytes) -> str:
    """Decode bytes to a str that encode_text turns back, whatever they are."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text: str) -> bytes:
    """Encode what decode_text made."""
    return text.encode("utf-8", "surrogateescape")


def raw_labels(rows: Iterable[Row], outside: str = conll.OUTSIDE) -> Iterator[Row]:
    """Turn rows of raw labels, each a type alone, into rows of BIO labels.

    Args:
      rows: as parse yields them.
      outside: the label for "no entity", beside O.
    """

    def bio(label):
        return conll.OUTSIDE if label in (conll.OUTSIDE, outside) else f"B-{label}"

    for row in rows:
        yield row and (bio(row[0]), bio(row[1]))


# Rows → scores


def evaluate(rows: Iterable[Row]) -> Scores:
    """Count the entities in gold and predicted labels, and those that are the same."""
    gold_counts, predicted_counts, correct_counts = Counter(), Counter(), Counter()
    tokens = correct_tokens = 0
    gold_before = predicted_before = conll.split_label(conll.OUTSIDE)
    agreeing = False  # inside a gold and a predicted entity that began as one
    for gold, predicted, is_word in _split_rows(rows):
        if is_word:
            tokens += 1
            correct_tokens += gold == predicted
        if agreeing:
            gold_ends = conll.ends(gold_before, gold)
            predicted_ends = conll.ends(predicted_before, predicted)
            if gold_ends and predicted_ends and gold_before[1] == predicted_before[1]:
                correct_counts[gold_before[1]] += 1
                agreeing = False
            elif gold_ends != predicted_ends or gold[1] != predicted[1]:
                agreeing = False
        gold_starts = conll.starts(gold_before, gold)
        predicted_starts = conll.starts(predicted_before, predicted)
        gold_counts[gold[1]] += gold_starts
        predicted_counts[predicted[1]] += predicted_starts
        if gold_starts and predicted_starts and gold[1] == predicted[1]:
            agreeing = True
        gold_before, predicted_before = gold, predicted
    if agreeing:
        correct_counts[gold_before[1]] += 1
    counts = (gold_counts, predicted_counts, correct_counts)
    overall = Counts(*(sum(counter.values()) for counter in counts))
    return Scores(tokens, correct_tokens, overall, _by_type(*counts))


def score_file(path: str) -> Scores:
    """Score a file in columns, such as NER_result_conll.txt.

    Raises:
      InputError: the file cannot be read, or is no table of columns.
    """
    with files.open_binary(path) as stream:
        return evaluate(parse(stream, path=path))


def _split_rows(rows):
    """Yield (gold, predicted, whether it is a word) for each of the rows.

    gold and predicted are (tag, type); a sentence's end is outside of any entity.
    """
    outside = conll.split_label(conll.OUTSIDE)
    known = {}  # there are few labels and many words
    for row in rows:
        if row is None:
            yield outside, outside, False
            continue
        for label in row:
            if label not in known:
                known[label] = conll.split_label(label)
        yield known[row[0]], known[row[1]], True


def _by_type(gold, predicted, correct):
    """Gather Counters of entities: type → Counts, sorted as Perl sorts bytes."""
    types = {entity for entity, count in (gold + predicted).items() if count}
    return {
        entity: Counts(gold[entity], predicted[entity], correct[entity])
        for entity in sorted(types, key=encode_text)
    }


# Scores → reports


def report(scores: Scores) -> str:
    """Make the text report: a line of counts, a line of measures, a line per type.

    "             MISC: precision:  79.48%; recall:  76.60%; FB1:  78.01  346" ends
    with the number of entities found.
    """
    overall = scores.overall
    text = (
        f"processed {scores.tokens} tokens with {overall.gold} phrases; "
        f"found: {overall.found} phrases; correct: {overall.correct}.\n"
    )
    if scores.tokens:
        text += f"accuracy: {scores.accuracy:6.2f}%; {_measures(overall)}\n"
    for name, counts in _type_rows(scores):
        padding = " " * (17 - len(encode_text(name)))
        text += f"{padding}{name}: {_measures(counts)}  {counts.found}\n"
    return text


def latex_report(scores: Scores) -> str:
    """Make the rows of a LaTeX table with the same measures."""
    text = "        & Precision &  Recall  & F$_{\\beta=1} \\\\\\hline"
    for name, counts in _type_rows(scores):
        padding = " " * (7 - len(encode_text(name)))
        text += f"\n{name}{padding} &  {_latex_measures(counts)} \\\\"
    text += "\\hline\n"
    return text + f"Overall &  {_latex_measures(scores.overall)} \\\\\\hline\n"


def _measures(counts):
    return (
        f"precision: {counts.precision:6.2f}%; recall: {counts.recall:6.2f}%; "
        f"FB1: {counts.f1:6.2f}"
    )


def _latex_measures(counts):
    return f"{counts.precision:6.2f}\\% & {counts.recall:6.2f}\\% & {counts.f1:6.2f}"


def _type_rows(scores):
    """Yield (type, Counts) for each row of a report.

    Entities without a type get their row twice if there are gold and found ones: so
    does the scorer, whose reports these are compared with.
    """
    for name, counts in scores.by_type.items():
        yield name, counts
        if not name and counts.gold and counts.found:
            yield name, counts
