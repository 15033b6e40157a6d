import re
import warnings
from collections import Counter
from typing import NamedTuple

from biocodes.lib import command, conll, files

BOUNDARY = b"-X-"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STANDARD_INPUT = "standard input"


class FormatError(files.InputError):
    """Lines that are no table of columns; the scorer then ends with exit_status."""

    def __init__(self, problem, path, line, remedy, exit_status=command.EXIT_STATUS):
        super().__init__(problem, path, line, remedy)
        self.exit_status = exit_status


class Counts(NamedTuple):
    """Numbers of entities, and the measures that follow from them in percent."""

    gold: int
    found: int
    correct: int

    @property
    def precision(self):
        """Correct entities per entity found, 0 if there is none."""
        return 100 * self.correct / self.found if self.found else 0.0

    @property
    def recall(self):
        """Correct entities per gold entity, 0 if there is none."""
        return 100 * self.correct / self.gold if self.gold else 0.0

    @property
    def f1(self):
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
    by_type: dict

    @property
    def accuracy(self):
        """Words with their gold label, in percent; 0 if there is no word."""
        return 100 * self.correct_tokens / self.tokens if self.tokens else 0.0


def parse(lines, delimiter=b" ", path=STANDARD_INPUT):
    """Yields (gold label, predicted label) a word, and None where a sentence ends.

    Args:
      lines: iterable of bytes, with or without line ends.
      delimiter: bytes of a regular expression, see compile_delimiter.
      path: the file's name, for messages.

    Raises:
      FormatError: a line has too few columns or not as many as those before it.
      InputError: the delimiter does not separate anything.
    """
    delimiter = compile_delimiter(delimiter)
    width = 0
    for number, line in enumerate(lines, 1):
        if number == 1 and line.startswith(BYTE_ORDER_MARK):
            line = line[len(BYTE_ORDER_MARK) :]
        columns = split_columns(line, delimiter)
        width = width or len(columns)
        if columns and len(columns) != width:
            raise FormatError(
                f"columns: {len(columns)}, but {width} in the lines before",
                path,
                number,
                "give every word the same columns",
                exit_status=1,
            )
        if not columns or columns[0] == BOUNDARY:
            yield None
        elif width < 2:
            raise FormatError(
                "one column where a gold and a predicted label are needed",
                path,
                number,
                "is -d DELIM what separates the columns?",
            )
        else:
            yield decode_text(columns[-2]), decode_text(columns[-1])


def compile_delimiter(delimiter):
    """The compiled regular expression that separates columns.

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


def split_columns(line, delimiter):
    """The columns of a line as Perl's split gives them: none empty at the end."""
    if line.endswith(b"\n"):
        line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
    # A group that takes no part in a match is None to Python, "" to the Perl script.
    columns = [column or b"" for column in delimiter.split(line)]
    while columns and not columns[-1]:
        columns.pop()
    return columns


def decode_text(raw):
    """bytes → str that _bytes turns back, whatever the bytes are."""
    return raw.decode("utf-8", "surrogateescape")


def encode_text(text):
    return text.encode("utf-8", "surrogateescape")


def raw_labels(rows, outside="O"):
    """Turns rows of raw labels (see the flags -r and -o) into rows of BIO labels."""

    def bio(label):
        return "O" if label in ("O", outside) else f"B-{label}"

    for row in rows:
        yield row and (bio(row[0]), bio(row[1]))


def evaluate(rows):
    """Counts the entities in gold and predicted labels, see conll.starts and ends.

    Args:
      rows: iterable of (gold label, predicted label), None where a sentence ends.

    Returns:
      Scores.
    """
    gold_counts, found_counts, correct_counts = Counter(), Counter(), Counter()
    tokens = correct_tokens = 0
    gold_before = found_before = conll.split_label("O")
    agreeing = False  # inside a gold and a found entity that began as one
    for gold, found, is_word in _split_rows(rows):
        if is_word:
            tokens += 1
            correct_tokens += gold == found
        if agreeing:
            gold_ends = conll.ends(gold_before, gold)
            found_ends = conll.ends(found_before, found)
            if gold_ends and found_ends and gold_before[1] == found_before[1]:
                correct_counts[gold_before[1]] += 1
                agreeing = False
            elif gold_ends != found_ends or gold[1] != found[1]:
                agreeing = False
        gold_starts = conll.starts(gold_before, gold)
        found_starts = conll.starts(found_before, found)
        gold_counts[gold[1]] += gold_starts
        found_counts[found[1]] += found_starts
        if gold_starts and found_starts and gold[1] == found[1]:
            agreeing = True
        gold_before, found_before = gold, found
    if agreeing:
        correct_counts[gold_before[1]] += 1
    counts = (gold_counts, found_counts, correct_counts)
    overall = Counts(*(sum(counter.values()) for counter in counts))
    return Scores(tokens, correct_tokens, overall, _by_type(*counts))


def _split_rows(rows):
    """Rows as evaluate takes them → (gold, found, whether it is a word).

    gold and found are (tag, type); a sentence's end is outside of any entity.
    """
    outside = conll.split_label("O")
    known = {}  # there are few labels and many words
    for row in rows:
        if row is None:
            yield outside, outside, False
            continue
        for label in row:
            if label not in known:
                known[label] = conll.split_label(label)
        yield known[row[0]], known[row[1]], True


def _by_type(gold, found, correct):
    """Counters of entities per type → type → Counts, sorted as Perl sorts bytes."""
    types = {entity for entity, count in (gold + found).items() if count}
    return {
        entity: Counts(gold[entity], found[entity], correct[entity])
        for entity in sorted(types, key=encode_text)
    }


def score_file(path):
    """The Scores of a file in columns, such as ner_detokenize.RESULT_FILE.

    Raises:
      InputError: the file cannot be read, or is no table of columns.
    """
    with files.open_binary(path) as stream:
        return evaluate(parse(stream, path=path))


def report(scores):
    """The text report: a line of counts, a line of measures, a line per type.

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


def _measures(counts):
    return (
        f"precision: {counts.precision:6.2f}%; recall: {counts.recall:6.2f}%; "
        f"FB1: {counts.f1:6.2f}"
    )


def latex_report(scores):
    """The same measures as rows of a LaTeX table."""
    text = "        & Precision &  Recall  & F$_{\\beta=1} \\\\\\hline"
    for name, counts in _type_rows(scores):
        padding = " " * (7 - len(encode_text(name)))
        text += f"\n{name}{padding} &  {_latex_measures(counts)} \\\\"
    text += "\\hline\n"
    return text + f"Overall &  {_latex_measures(scores.overall)} \\\\\\hline\n"


def _latex_measures(counts):
    return f"{counts.precision:6.2f}\\% & {counts.recall:6.2f}\\% & {counts.f1:6.2f}"


def _type_rows(scores):
    """Yields (type, Counts) for each row of a report.

    Entities without a type get their row twice if there are gold and found ones: so
    does the scorer, whose reports these are compared with.
    """
    for name, counts in scores.by_type.items():
        yield name, counts
        if not name and counts.gold and counts.found:
            yield name, counts
