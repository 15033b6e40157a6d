"""report.html: a page about a run, made of the files in its output folder.

What a folder does not have is left out, with a word on the page. The data that was
predicted is found by the flags in run.json, or by Gold.
"""

import os
import urllib.parse
from typing import Callable, List, NamedTuple, Optional, Sequence, Set

from biocodes.lib import (
    conll,
    files,
    report_html,
    report_ner,
    report_qa,
    report_re,
    report_run,
    run_files,
    word_labels,
)
from biocodes.lib.page_text import head
from biocodes.lib.report_html import text_of
from biocodes.lib.report_run import Records
from biocodes.lib.report_script import SCRIPT
from biocodes.lib.report_style import style_sheet
from biocodes.lib.version import VERSION

TEST_FILE = "test.tsv"
# A part of the page, and what it is about.
Part = Callable[[], List[str]]


class Gold(NamedTuple):
    """Where the data is, if not where run.json says.

    Attributes:
      data_dir: folder with test.tsv of relations.
      predict_file: questions.
    """

    data_dir: Optional[str] = None
    predict_file: Optional[str] = None


NO_GOLD = Gold()


def write(folder: str, gold: Gold = NO_GOLD, is_strict: bool = False) -> str:
    """Write the report of an output folder; of several corpora, one for each as well.

    Args:
      folder: the output folder.
      gold: Gold.
      is_strict: whether predictions that do not fit the gold file are an error. At the
        end of a run, an earlier one may have left some; the page says so.

    Returns:
      The path of the page.

    Raises:
      InputError: it cannot be written, or there is nothing in the folder to report.
    """
    if not os.path.isdir(folder):
        raise files.InputError("no such folder", folder)
    check_results(folder)
    records = Records.read(folder)
    corpora = _corpora(folder)
    for name in corpora:
        _write_corpus(folder, name, records)
    parts = [
        lambda: [report_run.scores(records)],
        lambda: [report_run.curves(records)],
        lambda: _of_corpora(corpora) or _results(folder, records, gold, is_strict),
        lambda: [report_run.overview(records)],
    ]
    return _write_page(folder, report_run.lead(records), _title(folder), parts)


def write_overview(folder: str, parts: Sequence[str]) -> str:
    """Write the page of a folder of seeds or folds: their scores, links to their pages.

    Args:
      folder: where it goes.
      parts: the seeds or folds, folders in it.

    Returns:
      The path of the page.

    Raises:
      InputError: it cannot be written, or a record is none of this suite's.
    """
    records = {part: run_files.read_scores(part) or {} for part in parts}
    return _write_page(
        folder,
        "Report of seeds or folds",
        _title(folder),
        [lambda: [report_run.scores_of_parts(records)]],
    )


def _write_page(folder: str, lead: str, title: str, parts: List[Part]) -> str:
    path = os.path.join(folder, run_files.PAGE)
    heading = text_of(title)
    with files.whole_file(path) as stream:
        stream.write(head(title, style_sheet(), SCRIPT))
        stream.write(f"<body>\n<h1>{heading}</h1>\n")
        stream.write(f'<p class="lead">{text_of(lead)}</p>\n<main>\n')
        for part in parts:
            stream.writelines(part())
        stream.write(
            f"</main>\n<footer>Made by version {VERSION} of the suite; nothing is"
            f" loaded.</footer>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
        )
    return path


def _title(folder: str) -> str:
    name = os.path.basename(os.path.abspath(folder))
    above = os.path.basename(os.path.dirname(os.path.abspath(folder)))
    is_part = name.isdigit() or name.startswith("seed-")
    return f"{above}/{name}" if is_part else name


# Predictions


def check_results(folder: str) -> None:
    """Raise InputError if there is nothing of a run in a folder to report."""
    if not has_results(folder):
        raise files.InputError(
            "there is no run's record and no result in it",
            folder,
            remedy="name an output folder of run_ner.py, run_re.py or run_qa.py",
        )


def is_overview(folder: str) -> bool:
    """Whether the scores of a folder are the means of its parts, those of folds."""
    return "means_of" in (run_files.read_scores(folder) or {})


def has_results(folder: str) -> bool:
    """Whether there is anything of a run in a folder to report."""
    records = (run_files.RUN, run_files.SCORES, run_files.CURVE)
    results = (word_labels.RESULT_FILE, report_re.PREDICTIONS, report_qa.PREDICTIONS)
    paths = [os.path.join(folder, name) for name in (*records, *results)]
    return any(map(os.path.exists, paths))


def _results(folder: str, records: Records, gold: Gold, is_strict: bool) -> List[str]:
    """Make the sections on what was predicted; arguments as of write."""
    try:
        return _predictions(folder, records, gold)
    except files.InputError as error:
        if is_strict:
            raise
        return [report_html.section("Left out", report_html.note(str(error)))]


def _predictions(folder: str, records: Records, gold: Gold) -> List[str]:
    """Make the sections on what was predicted, whatever the task."""
    if os.path.exists(os.path.join(folder, word_labels.RESULT_FILE)):
        return _entities(folder, records, TEST_FILE)
    if os.path.exists(os.path.join(folder, report_re.PREDICTIONS)):
        return report_re.sections(folder, test_file(folder, records, gold))
    if os.path.exists(os.path.join(folder, report_qa.PREDICTIONS)):
        return report_qa.sections(folder, question_file(records, gold))
    words = "The folder has no predictions of a test file."
    return [report_html.section("Errors", report_html.note(words))]


def _entities(folder: str, records: Records, name: str) -> List[str]:
    """Make the sections on entities; name: of the file in scores.json."""
    path = os.path.join(folder, word_labels.RESULT_FILE)
    return report_ner.sections(path, scored_types(records, name))


def scored_types(records: Records, name: str) -> Optional[Set[str]]:
    """Return the types that scores of entities are of; None: all.

    Types that a corpus does not annotate are predicted, but not scored.

    Args:
      records: of the run.
      name: of the file in scores.json.
    """
    types = records.scores_of(name).get("by_label")
    is_typed = isinstance(types, dict) and conll.UNTYPED not in types
    return set(types) if is_typed else None


def question_file(records: Records, gold: Gold) -> Optional[str]:
    """Return the path of the questions that were answered; None: nobody knows it."""
    path = gold.predict_file or records.arguments.get("predict_file")
    is_there = isinstance(path, str) and (gold.predict_file or os.path.exists(path))
    return path if is_there else None


def test_file(folder: str, records: Records, gold: Gold) -> Optional[str]:
    """Return the path of test.tsv, of the fold if there are folds; None: not found."""
    data_dir = gold.data_dir or records.arguments.get("data_dir")
    if not isinstance(data_dir, str):
        return None
    fold = os.path.basename(os.path.abspath(folder))
    for path in (
        os.path.join(data_dir, TEST_FILE),
        os.path.join(data_dir, fold, TEST_FILE),
    ):
        if os.path.exists(path):
            return path
    return None


# Several corpora


def _corpora(folder: str) -> List[str]:
    """List the sub-folders that hold the results of a corpus each, not of a run."""
    if os.path.exists(os.path.join(folder, word_labels.RESULT_FILE)):
        return []
    return sorted(
        name
        for name in os.listdir(folder)
        if os.path.exists(os.path.join(folder, name, word_labels.RESULT_FILE))
        and not os.path.exists(os.path.join(folder, name, run_files.RUN))
    )


def _write_corpus(folder: str, name: str, records: Records) -> None:
    inside, file = os.path.join(folder, name), os.path.join(name, TEST_FILE)
    own = {file: records.scores_of(file)}
    scored = records._replace(scores={"scores": own})
    _write_page(
        inside,
        report_run.lead(records),
        f"{os.path.basename(os.path.abspath(folder))}: {name}",
        [
            lambda: [report_run.scores(scored)],
            lambda: _entities(inside, records, file),
            lambda: [report_html.section("The run", _link("..", "its report"))],
        ],
    )


def _of_corpora(names: List[str]) -> List[str]:
    if not names:
        return []
    links = [
        _link(name, f"{name}: what was confused, and the errors") for name in names
    ]
    return [report_html.section("Corpora", *links)]


def _link(folder: str, text: str) -> str:
    path = f"{urllib.parse.quote(os.fsencode(folder))}/{run_files.PAGE}"
    return f'<p><a href="{path}">{text_of(text)}</a></p>\n'
