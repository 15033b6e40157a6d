"""BioASQ's measures of exact answers (task B, phase B), and how certain they are.

The measures are those of the BioASQ overview (Tsatsaronis et al. 2015), in the details
those of BioASQ's own evaluator. Each question has an outcome, and the measures of a
type are a summary of its questions' outcomes:

    yesno     (gold, counted): "yes" or "no" each
    factoid   rank of the first right candidate, from 1; None without one
    list      (precision, recall, F1)
"""

import math
import random
from typing import (
    AbstractSet,
    Any,
    Callable,
    Dict,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from biocodes.lib import bioasq, files
from biocodes.lib.yes_no import YES_NO

KINDS = ("yesno", "factoid", "list")
# The names of an answer that mean the same, in lower case.
Names = AbstractSet[str]


class YesNo(NamedTuple):
    """Measures of the yes/no questions."""

    accuracy: float
    macro_f1: float
    f1_yes: float
    f1_no: float


class Factoid(NamedTuple):
    """Measures of the factoid questions; mrr is the mean reciprocal rank."""

    strict: float
    lenient: float
    mrr: float


class Lists(NamedTuple):
    """Measures of the list questions."""

    precision: float
    recall: float
    f1: float


class Measures(NamedTuple):
    """The measures of each type of question."""

    yesno: YesNo
    factoid: Factoid
    list: Lists


class Pair(NamedTuple):
    """What one question has in the golden file and in the answers.

    Attributes:
      id: of the question.
      gold, answer: depend on its type; they are what its outcome takes.
      answered: whether there is any text in the answer.
    """

    id: str
    gold: Any
    answer: Any
    answered: bool


Pairs = Dict[str, List[Pair]]


# Outcomes


def yesno_outcome(gold: str, answer: Optional[str]) -> Tuple[str, str]:
    """Return (gold, the answer as it counts).

    Whatever is not the gold answer counts as the other one of yes and no: "maybe", too,
    and no answer at all. So it is a miss of the one and a false alarm of the other.
    """
    other = YES_NO[1 - YES_NO.index(gold)]
    return gold, gold if answer == gold else other


def factoid_outcome(gold: Names, candidates: List[Names]) -> Optional[int]:
    """Return the rank, from 1, of the first candidate with a name in gold."""
    for rank, names in enumerate(candidates, 1):
        if names & gold:
            return rank
    return None


def list_outcome(
    items: List[Names], answers: List[Names]
) -> Tuple[float, float, float]:
    """Return precision, recall and F1; each item and answer is a set of synonyms.

    Every item that any answer names is right, once, so that a name of two items makes
    both of them right. Precision is their share of the answers.
    """
    right = sum(any(item & names for names in answers) for item in items)
    # One answer that names two items is still no more than right.
    precision, recall = min(ratio(right, len(answers)), 1.0), ratio(right, len(items))
    return precision, recall, f1_score(precision, recall)


# Summaries


def yesno_measures(outcomes: Sequence[Tuple[str, str]]) -> YesNo:
    """Measure what yesno_outcome returns of each question."""

    def f1_of(value):
        right = outcomes.count((value, value))
        precision = ratio(right, sum(counted == value for _, counted in outcomes))
        recall = ratio(right, sum(gold == value for gold, _ in outcomes))
        return f1_score(precision, recall)

    f1_yes, f1_no = f1_of("yes"), f1_of("no")
    accuracy = mean([gold == counted for gold, counted in outcomes])
    return YesNo(accuracy, mean([f1_yes, f1_no]), f1_yes, f1_no)


def factoid_measures(ranks: Sequence[Optional[int]]) -> Factoid:
    """Measure what factoid_outcome returns of each question."""
    return Factoid(
        strict=mean([rank == 1 for rank in ranks]),
        lenient=mean([rank is not None for rank in ranks]),
        mrr=mean([1 / rank if rank else 0.0 for rank in ranks]),
    )


def list_measures(scores: Sequence[Tuple[float, float, float]]) -> Lists:
    """Measure what list_outcome returns of each question."""
    return Lists(*(mean([score[column] for score in scores]) for column in range(3)))


OUTCOMES: Dict[str, Callable[[Any, Any], Any]] = {
    "yesno": yesno_outcome,
    "factoid": factoid_outcome,
    "list": list_outcome,
}
SUMMARIES: Dict[str, Callable[[Any], Any]] = {
    "yesno": yesno_measures,
    "factoid": factoid_measures,
    "list": list_measures,
}


def ratio(part: float, whole: float) -> float:
    """Return part / whole, and 0.0 of nothing."""
    return part / whole if whole else 0.0


def f1_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall, 0.0 if both are 0."""
    return ratio(2 * precision * recall, precision + recall)


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean, 0.0 of nothing."""
    # As the evaluator adds them up. From Python 3.12 on, sum() makes up for what each
    # addition of floats loses, and the last digit differs.
    total = 0.0
    for value in values:
        total += value
    return ratio(total, len(values))


def outcomes_of(pairs: Pairs) -> Dict[str, List[Any]]:
    """Return the outcomes of the questions of each type."""
    return {
        kind: [OUTCOMES[kind](pair.gold, pair.answer) for pair in pairs[kind]]
        for kind in KINDS
    }


def evaluate(pairs: Pairs) -> Measures:
    """Compute the measures of what pair_up() returns; no answer is a wrong one."""
    outcomes = outcomes_of(pairs)
    return Measures(*(SUMMARIES[kind](outcomes[kind]) for kind in KINDS))


def intervals(pairs: Pairs, resamples: int, seed: int) -> Tuple[Measures, Measures]:
    """Compute the ends of 95 % bootstrap intervals (Efron's percentile method).

    Args:
      pairs: what pair_up() returns.
      resamples: how often as many questions are drawn anew, with replacement.
      seed: of the draws.

    Returns:
      Measures of the lower ends, and of the upper ends.
    """
    ends = [], []
    for kind, outcomes in outcomes_of(pairs).items():
        draws = random.Random(seed)  # those of a type do not depend on another's
        drawn = [
            SUMMARIES[kind](draws.choices(outcomes, k=len(outcomes)))
            for _ in range(resamples if outcomes else 1)
        ]
        columns = [sorted(column) for column in zip(*drawn)]
        outside = math.floor(0.025 * len(drawn))
        for side, place in zip(ends, (outside, -1 - outside)):
            side.append(type(drawn[0])(*(column[place] for column in columns)))
    return Measures(*ends[0]), Measures(*ends[1])


# Questions and answers → pairs


def pair_up(
    golden: List[bioasq.Question],
    answers: List[bioasq.Question],
    golden_path: str = "golden file",
    answers_path: str = "answers",
) -> Pairs:
    """Gather {type: Pairs} for the questions of golden that have exact answers.

    Args:
      golden, answers: as bioasq.read_questions() gives them.
      golden_path, answers_path: file names for messages.

    Raises:
      InputError: a question of golden has no exact answer or an unknown type, or an
        exact answer has another form than BioASQ's.
    """
    given = {each["id"]: bioasq.exact_answers(each, answers_path) for each in answers}
    pairs: Pairs = {kind: [] for kind in KINDS}
    for question in golden:
        kind = bioasq.question_type(question, golden_path)
        if kind == "summary":  # has no exact answer
            continue
        answer = given.get(question["id"], [])
        pairs[kind].append(
            Pair(
                question["id"],
                gold_value(question, golden_path),
                bioasq.only_word(answer) if kind == "yesno" else caseless(answer),
                has_text(answer),
            )
        )
    return pairs


# The type of what it returns depends on the question's.
def gold_value(question: bioasq.Question, path: str) -> Any:
    """Return what the outcome of the question's type takes as gold.

    The items of a list count as they stand in the file, blank ones, too.
    """
    kind = bioasq.question_type(question, path)
    answers = bioasq.exact_answers(question, path)
    if not has_text(answers):
        raise files.InputError(
            f"{kind} question {question['id']} has no exact answer",
            path,
            remedy="give the golden file first, the answers second",
        )
    if kind == "yesno":
        value = bioasq.only_word(answers)
        if value not in YES_NO:
            raise files.InputError(
                f"yes/no question {question['id']} has an exact answer other than "
                '"yes" and "no"',
                path,
            )
        return value
    # Factoid: some files list synonyms in one list, some in a list each.
    return set().union(*caseless(answers)) if kind == "factoid" else caseless(answers)


def has_text(answers: List[List[str]]) -> bool:
    """Whether there is a name among the answers that is not blank."""
    return any(name.strip() for names in answers for name in names)


def caseless(answers: List[List[str]]) -> List[Names]:
    """Make lists of names sets of names in lower case."""
    return [{name.lower() for name in names} for names in answers]
