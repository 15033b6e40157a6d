"""run_qa.py's n-best answers to list questions in BioASQ's answer form."""

import argparse
import math
import os
import re
import string
import sys
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files, nbest

DESCRIPTION = """\
Turn run_qa.py's n-best answers to list questions into BioASQ's answer form.

  python biocodes/transform_n2b_list.py --nbest_path=OUT/nbest_predictions.json \\
    --output_path=OUT

writes BioASQform_BioASQ-answer.json, for bioasq_eval.py and bioasq_submission.py. The
input is nbest_predictions.json of run_qa.py --question_type=list, the rules are those
of the 7th BioASQ challenge's system (Yoon et al. 2019).
"""
DETAILS = """\
1. Of a snippet's candidates those go that have a bracket without its partner, end in
   ASCII punctuation, or are blank or longer than 100 characters. Equal texts, whatever
   their case, are one: their probabilities add up, and their number is its frequency.
2. So are equal texts of a question's snippets, with the frequency of the first.
3. If one of the question's first five words is a number, one to eight or 1 to 8, and
   does not follow "phase": the most probable texts above --threshold are the answers,
   so many at most.
4. Otherwise: all those whose probability, divided by the frequency, is above it. In
   both cases the most probable one if there is none.
5. Of three or more answers "A and B", "A, B" and "A/B" go if A and B are among them.

Answers are in the order of their probability, 100 at most.
"""
NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
# Line and paragraph separator, which stand in some abstracts.
_SEPARATORS = re.compile("[\u2028\u2029]")
_JOINTS = re.compile(r"\s+and\s+|\s*[,/]\s*")


class Rules(NamedTuple):
    """The flags of these names.

    Attributes:
      threshold: what a probability has to exceed.
      check_num_len: index, from 0, of the last word that may say how many answers.
      use_softmax: whether probabilities are of all snippets together, see weigh().
      min_prob: what takes the place of the threshold then.
    """

    threshold: float = 0.42
    check_num_len: int = 4
    use_softmax: bool = False
    min_prob: float = 0.02


class Item(NamedTuple):
    """Candidates of one text.

    Attributes:
      text: as the most probable of them spells it.
      best: its probability.
      probability: the sum of theirs.
      frequency: their number in the first snippet that has any.
    """

    text: str
    best: float
    probability: float
    frequency: int

    @classmethod
    def join(cls, items: Sequence["Item"], frequency: int) -> "Item":
        """Make one item of several, in the order of the file."""
        best = max(items, key=lambda item: item.best)
        total = sum(item.probability for item in items)
        return cls(best.text, best.best, total, frequency)


def transform(
    lists: Any, rules: Rules, path: str = "n-best file"
) -> Dict[str, List[bioasq.Question]]:
    """Turn the value of nbest_predictions.json into that of a BioASQ file.

    Args:
      lists: {id: [{"text", "probability", "question_text"}]}.
      rules: Rules.
      path: file name for messages.

    Raises:
      InputError: it has another form, or ids that cannot be pooled.
    """
    checked = {
        name: check_entries(entries, name, path)
        for name, entries in nbest.check_lists(lists, path).items()
    }
    pools = bioasq.pool_snippets(checked, path)
    answers = {
        question: [[text] for text in answers_of(pools[question], rules)]
        for question in sorted(pools)
    }
    return bioasq.submission("list", answers)


def check_entries(
    entries: List[nbest.Entry], name: str, path: str
) -> List[nbest.Entry]:
    """Return the n-best list of question `name`, checked to be of a list question."""
    for entry in entries:
        nbest.probability_of(entry, name, path)
        nbest.logits_of(entry, name, path)
        if not isinstance(entry.get("question_text"), str):
            raise files.InputError(
                f'question {name} has a candidate without "question_text"',
                path,
                remedy="predict with run_qa.py --question_type=list",
            )
    return entries


def answers_of(snippets: Sequence[List[nbest.Entry]], rules: Rules) -> List[str]:
    """Return the answers to a question, the most probable first.

    Args:
      snippets: the n-best list of each, checked.
      rules: Rules.
    """
    entries = [entry for snippet in snippets for entry in snippet]
    if rules.use_softmax:
        snippets = weigh(snippets)
    items = merge([merge_snippet(snippet) for snippet in snippets])
    ranked = sorted(items, key=lambda item: -item.probability)
    wanted = entries and number_in(entries[0]["question_text"], rules.check_num_len)
    least = rules.min_prob if rules.use_softmax else rules.threshold
    if wanted:
        chosen = [item for item in ranked if item.probability > least][:wanted]
    else:
        chosen = [item for item in ranked if item.probability / item.frequency > least]
    chosen = chosen or ranked[:1]
    return without_joined([item.text for item in chosen])[: bioasq.MAX_ITEMS]


def weigh(snippets: Sequence[List[nbest.Entry]]) -> List[List[nbest.Entry]]:
    """Make probabilities that add up to 1 over all snippets of a question.

    They are the softmax of the sums of start_logit and end_logit.
    """

    def score(entry: nbest.Entry) -> float:
        return entry["start_logit"] + entry["end_logit"]

    scores = [score(entry) for snippet in snippets for entry in snippet]
    total = sum(math.exp(each - max(scores)) for each in scores)
    return [
        [
            dict(entry, probability=math.exp(score(entry) - max(scores)) / total)
            for entry in snippet
        ]
        for snippet in snippets
    ]


# Rules 1 and 2


def text_of(entry: nbest.Entry) -> Optional[str]:
    """Return the text that a candidate can be an answer with; None if it cannot."""
    text = " ".join(_SEPARATORS.split(entry["text"])).strip()
    # What run_qa.py says where it finds no span at all.
    if text == "empty" and entry["start_logit"] == entry["end_logit"] == 0.0:
        return None
    if not 0 < len(text) <= bioasq.MAX_ANSWER_CHARACTERS:
        return None
    if text[-1] in string.punctuation or not nbest.is_balanced(text):
        return None
    return text


def merge_snippet(entries: Iterable[nbest.Entry]) -> Dict[str, Item]:
    """Return the items of one snippet by their text in lower case."""
    alike: Dict[str, List[Item]] = {}
    for entry in entries:
        text, probability = text_of(entry), entry["probability"]
        if text is not None:
            item = Item(text, probability, probability, 1)
            alike.setdefault(text.lower(), []).append(item)
    return {key: Item.join(items, len(items)) for key, items in alike.items()}


def merge(snippets: Iterable[Dict[str, Item]]) -> List[Item]:
    """Return the items of a question, from those of its snippets."""
    alike: Dict[str, List[Item]] = {}
    for snippet in snippets:
        for key, item in snippet.items():
            alike.setdefault(key, []).append(item)
    return [Item.join(items, items[0].frequency) for items in alike.values()]


# Rules 3 and 5


def number_in(question: str, last: int) -> Optional[int]:
    """Return the number, 1 to 8, among a question's first words, if there is one.

    Args:
      question: its text.
      last: index, from 0, of the last word that is looked at.
    """
    words = [word.strip(string.punctuation).lower() for word in question.split()]
    for before, word in zip(["", *words], words[: last + 1]):
        if before == "phase":
            continue
        if word in NUMBERS:
            return NUMBERS.index(word) + 1
        if word in map(str, range(1, len(NUMBERS) + 1)):
            return int(word)
    return None


def without_joined(texts: List[str]) -> List[str]:
    """Drop what joins two other answers, if there are three answers or more."""
    if len(texts) < 3:
        return texts
    known = {text.lower() for text in texts}

    def joins_two(text: str) -> bool:
        return any(
            {text[: joint.start()], text[joint.end() :]} <= known
            for joint in _JOINTS.finditer(text)
        )

    return [text for text in texts if not joins_two(text.lower())]


# The command


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    add, rules = parser.add_argument, Rules()
    add("--nbest_path", required=True, help="nbest_predictions.json of run_qa.py")
    add("--output_path", required=True, help="folder of the file to write")
    add("--output_file", default=bioasq.ANSWER_FILE, help="its name (%(default)s)")
    add(
        "--threshold",
        type=probability,
        default=rules.threshold,
        help="what the probability of an answer has to exceed (%(default)s)",
    )
    add(
        "--check_num_len",
        type=int,
        default=rules.check_num_len,
        help="a number is looked for among the words 0 to this one (%(default)s)",
    )
    add(
        "--use_softmax",
        action="store_true",
        help="make probabilities anew, so that they add up to 1 over all snippets of a "
        "question, and let --min_prob take the place of --threshold",
    )
    add(
        "--min_prob",
        type=probability,
        default=rules.min_prob,
        help="see --use_softmax (%(default)s)",
    )
    add("--stop_prob", type=float, default=0.8, help="accepted, without effect")
    return parser.parse_args(argv)


def probability(text: str) -> float:
    """Parse a number from 0 to 1; ValueError is for argparse to report."""
    value = float(text)
    if not 0 <= value <= 1:
        raise ValueError(text)
    return value


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the file; warn of odd ids and of questions without an answer."""
    flags = parse_flags(argv)
    rules = Rules(*(getattr(flags, name) for name in Rules._fields))
    answers = transform(files.read_json(flags.nbest_path), rules, flags.nbest_path)
    path = bioasq.path_in(flags.output_path, flags.output_file)
    files.write_json(path, answers)
    questions = answers["questions"]
    bioasq.warn_of(questions)
    print(f"wrote {len(questions)} questions to {path}")


if __name__ == "__main__":
    command.run(main)
