"""A report's part on questions: gold and predicted answers, and where they stand."""

import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import (
    files,
    json_entries,
    nbest,
    relation_scores,
    report_html,
    squad,
    squad_scores,
    yes_no,
)
from biocodes.lib.report_html import Box, Filter, Matrix, percent, text_of

NBEST, PREDICTIONS = "nbest_predictions.json", "predictions.json"
PROBABILITIES = "probabilities.json"
WRONG, PARTLY, RIGHT, UNKNOWN = range(4)
NAMES = ("wrong", "partly right", "right", "without a gold answer")
# Classes of the kinds' colours, see report_style.
CLASSES = ("k2", "k1", "k0", "k3")
CANDIDATES = 5
# Characters of a passage around an answer.
AROUND = 350


class Answered(NamedTuple):
    """A question and what was answered.

    Attributes:
      asked: id, question and context.
      golds: gold answers; None: they are not known.
      predicted: the answer.
      candidates: (text, probability), the most probable first.
      kind: WRONG, PARTLY, RIGHT or UNKNOWN.
    """

    asked: Any
    golds: Optional[List[str]]
    predicted: str
    candidates: List[Tuple[str, float]]
    kind: int


# Reading


def answered(folder: str, questions: str) -> Iterator[Answered]:
    """Yield the questions that are answered in a folder, in the order of its files.

    Args:
      folder: with predictions.json and nbest_predictions.json.
      questions: path of the questions.

    Raises:
      InputError: a file cannot be read, or is none of these.
    """
    examples, golds = squad.load_to_predict(questions)
    by_id = {example.id: example for example in examples}
    of_gold = dict(golds)
    path = os.path.join(folder, NBEST)
    texts = json_entries.read(os.path.join(folder, PREDICTIONS))
    for (name, text), (other, entries) in zip(texts, json_entries.read(path)):
        if name != other or name not in by_id or not isinstance(text, str):
            raise files.InputError(
                f"has the question {name}, which {questions} has not", path
            )
        nbest.check_lists({name: entries}, path)
        candidates = [
            (entry["text"], nbest.probability_of(entry, name, path))
            for entry in entries[:CANDIDATES]
        ]
        right = of_gold.get(name)
        kind = UNKNOWN
        if right is not None:
            exact = squad_scores.exact_match(text, right)
            kind = WRONG if not squad_scores.f1(text, right) else PARTLY
            kind = RIGHT if exact else kind
        yield Answered(by_id[name], right, text, candidates, kind)


def decided(folder: str, questions: str) -> Iterator[Answered]:
    """Yield the yes/no questions that are answered in a folder; see answered."""
    by_id = {example.id: example for example in yes_no.load(questions)}
    path = os.path.join(folder, PREDICTIONS)
    shares = json_entries.read(os.path.join(folder, PROBABILITIES))
    for (name, value), (other, probable) in zip(json_entries.read(path), shares):
        yes_no.check_predictions({name: value}, path)
        if name != other or name not in by_id or not _are_shares(probable):
            raise files.InputError(
                f"has the question {name}, which {questions} has not", path
            )
        candidates = sorted(probable.items(), key=lambda pair: -pair[1])
        gold = by_id[name].answer
        kind = UNKNOWN
        if gold is not None:
            kind = RIGHT if gold == value[0] else WRONG
        golds = None if gold is None else [gold]
        yield Answered(by_id[name], golds, value[0], candidates, kind)


# Of any type until it is checked.
def _are_shares(value: Any) -> bool:
    return isinstance(value, dict) and all(
        type(x) in (int, float) and 0 <= x <= 1.0001 for x in value.values()
    )


def is_yes_no(folder: str) -> bool:
    """Whether the questions that are answered in a folder are yes/no questions."""
    return os.path.exists(os.path.join(folder, PROBABILITIES))


# HTML


def sections(folder: str, questions: Optional[str]) -> List[str]:
    """Make the sections on the answers in a folder.

    Args:
      folder: with the answers.
      questions: path of their file; None: nobody knows it.
    """
    if questions is None:
        words = "The questions were not found, so nothing can be shown of them; give"
        note = report_html.note(f"{words} --predict_file.")
        return [report_html.section("Questions", note)]
    counts = [0] * len(NAMES)
    pairs: Dict[Tuple[str, str], int] = {}
    sample = report_html.Sample()
    of_yes_no = is_yes_no(folder)
    read = decided if of_yes_no else answered
    for number, each in enumerate(read(folder, questions)):
        counts[each.kind] += 1
        if of_yes_no and each.golds:
            pair = each.golds[0], each.predicted
            pairs[pair] = pairs.get(pair, 0) + 1
        size = min(len(each.asked.context), 3 * AROUND) + 900
        sample.add(number, each, size, rank=each.kind)
    parts = [_confusion(pairs)] if pairs else []
    return [*parts, _questions(sample, counts, of_yes_no)]


def _confusion(pairs: Dict[Tuple[str, str], int]) -> str:
    labels = [name for name in yes_no.YES_NO_MAYBE if any(name in p for p in pairs)]
    counts = [[pairs.get((gold, said), 0) for said in labels] for gold in labels]
    ids = [
        (labels.index(gold), labels.index(said))
        for (gold, said), count in pairs.items()
        for _ in range(count)
    ]
    scores = relation_scores.multiclass_scores(*zip(*ids), classes=len(labels))
    head = ["", "precision", "recall", "F1", "questions"]
    rows = [
        [name, percent(x.precision), percent(x.recall), percent(x.f1), f"{x.support:,}"]
        for name, x in zip(labels, scores.classes)
    ]
    caption = "Gold answers (rows), predicted (columns)"
    return report_html.section(
        "What was confused",
        report_html.matrix(Matrix(labels, labels, counts, caption)),
        report_html.table(head, rows, "Each question of the file on its own"),
    )


def _questions(
    sample: report_html.Sample, counts: Sequence[int], of_yes_no: bool
) -> str:
    boxes = [
        Box(kind, f'<span class="{CLASSES[kind]} kind">{name}</span>', counts[kind])
        for kind, name in enumerate(NAMES)
        if counts[kind]
    ]
    given = Filter("questions", boxes, [], "question|questions")
    words = "Partly right: some words of a gold answer are in it. "
    marks = "Underlined: a gold answer. Tinted: the predicted one."
    parts = [] if of_yes_no else [report_html.note(words + marks)]
    parts.append(report_html.filter_form(given))
    said = sample.said("questions, the wrong ones first")
    parts += [report_html.note(said)] if said else []
    items = [_item(each, of_yes_no) for each in sample.items()]
    parts.append(report_html.item_list("questions", items))
    return report_html.section("Questions, the wrong ones first", *parts)


def _item(each: Answered, of_yes_no: bool) -> str:
    golds = each.golds
    gold = '<span class="type">not known</span>'
    if golds is not None:
        texts = list(dict.fromkeys(text for text in golds if text.strip()))
        quoted = [f"<q>{text_of(text)}</q>" for text in texts]
        gold = ", ".join(quoted) or "<q>no answer</q>"
    rows = "".join(
        f'<tr><td><span class="bar s0" style="--share:{share:.4f}"></span></td>'
        f'<td class="n">{100 * share:.1f} %</td><td>{text_of(text) or "no answer"}</td>'
        "</tr>"
        for text, share in each.candidates
    )
    answer = text_of(each.predicted) or "no answer"
    passage = (
        _passage(each.asked.context, [], "")
        if of_yes_no
        else _passage(each.asked.context, golds or [], each.predicted)
    )
    return (
        f'<li data-k="{each.kind}" class="{CLASSES[each.kind]}"><span class="where">'
        f"{text_of(each.asked.id)}</span>"
        f'<p dir="auto"><strong>{text_of(each.asked.question)}</strong></p>\n'
        f'<ul class="parts"><li><b>{NAMES[each.kind]}</b><q>{answer}</q></li>'
        f'<li class="gold"><b>gold</b>{gold}</li></ul>\n'
        f'<details><summary>Candidates and passage</summary><table class="nbest">'
        f"<tbody>{rows}</tbody></table>\n"
        f'<p class="passage" dir="auto">{passage}</p></details></li>\n'
    )


def _passage(context: str, golds: Sequence[str], predicted: str) -> str:
    """Return what is around the answers in a context, both of them marked."""
    spans = []
    for text, letter in [*((gold, "g") for gold in golds), (predicted, "p")]:
        start = context.find(text) if text.strip() else -1
        if start >= 0:
            spans.append((start, start + len(text), letter))
    shown = _merged([(start - AROUND, end + AROUND) for start, end, _ in spans])
    shown = shown or [(0, 2 * AROUND)]
    pieces = []
    for start, end in shown:
        start, end = max(start, 0), min(end, len(context))
        borders = {start, end}
        borders.update(x for a, b, _ in spans for x in (a, b) if start <= x <= end)
        ordered = sorted(borders)
        parts = []
        for first, last in zip(ordered, ordered[1:]):
            letters = {s for a, b, s in spans if a <= first and last <= b}
            text = text_of(context[first:last])
            kinds = " ".join(f"{letter} {letter}3" for letter in sorted(letters))
            parts.append(f'<span class="{kinds}">{text}</span>' if kinds else text)
        pieces.append("".join(parts))
    before = "… " if shown[0][0] > 0 else ""
    after = " …" if shown[-1][1] < len(context) else ""
    return before + " … ".join(pieces) + after


def _merged(spans: Sequence[Tuple[int, int]]) -> List[Tuple[int, int]]:
    """Join stretches that overlap; three at most are kept."""
    merged: List[Tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged[:3]
