"""run_qa.py's nbest_predictions.json in BioASQ's answer form (task B, phase B)."""

import argparse
import json
import os
import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files, nbest

DESCRIPTION = """\
Turn run_qa.py's n-best answers into BioASQ's answer form (task B, phase B).

  python biocodes/transform_nbset2bioasqform.py \\
    --nbest_path=OUT/nbest_predictions.json --output_path=OUT

Two files are written, ready for BioASQ's evaluator and for bioasq_eval.py:
BioASQform_BioASQ-answer.json with the 5 best answers, each in a list of its own, and
WithProb_BioASQform_BioASQ-answer.json with the 20 best as [text, probability].
"""
DETAILS = """\
run_qa.py answers each snippet of a BioASQ question on its own, under the question's id
of 24 characters and a suffix that numbers the snippets (_001, _002, ..., _1000). A
submission wants one ranked list per question, so the lists of all its snippets are
pooled: candidates that differ only in case are one answer, spelled as the most probable
of them, and their probabilities add up.

With --rules=n2b the texts are first made tidy, as the 7th challenge's system does: one
comma, full stop or space at the end goes, then brackets that enclose the whole; texts
with a bracket that has no partner are dropped.
"""
BEST_WITH_PROBABILITY = 20
ANSWER_FILE = bioasq.ANSWER_FILE
WITH_PROBABILITY_FILE = "WithProb_" + ANSWER_FILE

# A text and its probability.
Candidate = Tuple[str, float]
# The value of a JSON file.
JsonObject = Dict[str, Any]
# What is made of the text of a candidate; "" drops it.
RULES: Dict[str, Callable[[str], str]] = {"nbset": str, "n2b": nbest.tidied}


def transform(
    lists: JsonObject, path: str = "n-best file", rules: str = "nbset"
) -> Tuple[JsonObject, JsonObject]:
    """Turn the value of nbest_predictions.json into those of the two BioASQ files.

    Args:
      lists: that value.
      path: file name for messages.
      rules: key of RULES.

    Raises:
      InputError: as pool_candidates().
    """
    rankings = {
        question: rank_answers(
            [(RULES[rules](text), probability) for text, probability in candidates]
        )
        for question, candidates in pool_candidates(lists, path).items()
    }
    best = {
        question: [[text] for text, _ in ranking[: bioasq.MAX_CANDIDATES]]
        for question, ranking in rankings.items()
    }
    with_probability = {
        question: [list(pair) for pair in ranking[:BEST_WITH_PROBABILITY]]
        for question, ranking in rankings.items()
    }
    return (
        bioasq.submission("factoid", best),
        bioasq.submission("factoid", with_probability),
    )


# Of any type until it is checked.
def pool_candidates(
    lists: Any, path: str = "n-best file"
) -> Dict[str, List[Candidate]]:
    """Put the n-best lists of each question's snippets together.

    Args:
      lists: the value of nbest_predictions.json, {id: [{"text", "probability"}]}.
      path: file name for messages.

    Returns:
      {question id: [(text, probability)]}, both in the order of the file.

    Raises:
      InputError: it has another form, or bioasq.pool_snippets cannot pool it.
    """
    by_snippet = {
        name: [
            (entry["text"], nbest.probability_of(entry, name, path))
            for entry in entries
        ]
        for name, entries in nbest.check_lists(lists, path).items()
    }
    pools = bioasq.pool_snippets(by_snippet, path)
    return {
        question: [candidate for part in parts for candidate in part]
        for question, parts in pools.items()
    }


def rank_answers(candidates: Sequence[Candidate]) -> List[Candidate]:
    """Rank the distinct answers among the pooled candidates of one question.

    Args:
      candidates: in the order of the file.

    Returns:
      (text, summed probability) pairs, most probable first; of equals the one whose
      best candidate is more probable, then the one that stands first in the file.
      Blank texts and texts of more than 100 characters are not among them.
    """
    spellings, sums = {}, {}
    for text, probability in sorted(candidates, key=lambda pair: -pair[1]):
        if text.strip() and len(text) <= bioasq.MAX_ANSWER_CHARACTERS:
            answer = text.lower()
            spellings.setdefault(answer, text)
            sums[answer] = sums.get(answer, 0.0) + probability
    ranking = sorted(sums, key=lambda answer: -sums[answer])
    return [(spellings[answer], sums[answer]) for answer in ranking]


def output_paths(output_path: str) -> Tuple[str, str]:
    """Return the names of the two files for --output_path, a folder or a file."""
    first = bioasq.path_in(output_path, ANSWER_FILE)
    if first == output_path:
        return first, f"{first}_WithProb"
    return first, os.path.join(output_path, WITH_PROBABILITY_FILE)


def write_answers(
    output_path: str, answers: JsonObject, with_probability: JsonObject
) -> Tuple[str, str]:
    """Write both BioASQ files, or none, and return their names."""
    paths = output_paths(output_path)
    with files.whole_files(paths) as streams:
        for stream, value in zip(streams, (answers, with_probability)):
            stream.write(json.dumps(value, indent=2))
    return paths


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--nbest_path", required=True, help="nbest_predictions.json of run_qa.py"
    )
    parser.add_argument(
        "--output_path",
        required=True,
        help=f"folder (there already, or ending in /) for {ANSWER_FILE} and "
        f"{WITH_PROBABILITY_FILE}; or the name of the first file, which the second "
        "then bears with _WithProb after it",
    )
    parser.add_argument(
        "--rules",
        default="nbset",
        choices=sorted(RULES),
        help="nbset: texts as they are (default); n2b: texts made tidy",
    )
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the two files; warn of odd ids and of questions without an answer."""
    flags = parse_flags(argv)
    if not flags.output_path:
        raise files.InputError("is empty", "--output_path", remedy="name a folder")
    lists = files.read_json(flags.nbest_path)
    answers, with_probability = transform(lists, flags.nbest_path, flags.rules)
    paths = write_answers(flags.output_path, answers, with_probability)
    questions = answers["questions"]
    bioasq.warn_of(questions)
    print(f"wrote {len(questions)} questions to {paths[0]} and {paths[1]}")


if __name__ == "__main__":
    command.run(main)
