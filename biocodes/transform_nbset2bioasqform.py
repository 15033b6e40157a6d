"""run_qa.py's nbest_predictions.json in BioASQ's answer form (task B, phase B)."""

import argparse
import json
import os
import re
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from biocodes.lib import bioasq, command, files

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
"""
SNIPPET_ID = re.compile(rf"(.{{{bioasq.ID_CHARACTERS}}})_[0-9]{{3,}}", re.DOTALL)
MAX_ANSWER_CHARACTERS = 100  # BioASQ takes no longer exact answers
BEST_WITH_PROBABILITY = 20
ANSWER_FILE = "BioASQform_BioASQ-answer.json"
WITH_PROBABILITY_FILE = "WithProb_" + ANSWER_FILE

# A text and its probability.
Candidate = Tuple[str, float]
# The value of a JSON file.
JsonObject = Dict[str, Any]


def transform(
    nbest: JsonObject, path: str = "n-best file"
) -> Tuple[JsonObject, JsonObject]:
    """Turn the value of nbest_predictions.json into those of the two BioASQ files.

    Raises:
      InputError: as pool_snippets().
    """
    rankings = {
        question: rank_answers(candidates)
        for question, candidates in pool_snippets(nbest, path).items()
    }
    best = {
        question: [[text] for text, _ in ranking[: bioasq.MAX_CANDIDATES]]
        for question, ranking in rankings.items()
    }
    with_probability = {
        question: [list(pair) for pair in ranking[:BEST_WITH_PROBABILITY]]
        for question, ranking in rankings.items()
    }
    return bioasq.submission(best), bioasq.submission(with_probability)


def question_id(snippet_id: str) -> str:
    """Return the id of the BioASQ question that a question of run_qa.py is made from.

    24 characters and a suffix of an underscore and at least three digits lose the
    suffix; every other id is taken as it is.
    """
    match = SNIPPET_ID.fullmatch(snippet_id)
    return match.group(1) if match else snippet_id


# Of any type until it is checked.
def pool_snippets(nbest: Any, path: str = "n-best file") -> Dict[str, List[Candidate]]:
    """Put the n-best lists of each question's snippets together.

    Args:
      nbest: the value of nbest_predictions.json, {id: [{"text", "probability"}]}.
      path: file name for messages.

    Returns:
      {question id: [(text, probability)]}, both in the order of the file.

    Raises:
      InputError: nbest has another form, or an id stands both with and without a
        suffix, so that it cannot be told whether they are one question.
    """
    if not isinstance(nbest, dict) or not nbest:
        raise files.InputError(
            "holds no questions", path, remedy="give run_qa.py's nbest_predictions.json"
        )
    pools = {}
    for snippet_id, candidates in nbest.items():
        question = question_id(snippet_id)
        if question != snippet_id and question in nbest:
            raise files.InputError(
                f"ids {question} and {snippet_id} would become one question",
                path,
                remedy="give all of a question's snippets a suffix, or none",
            )
        if not isinstance(candidates, list):
            raise files.InputError(
                f"question {snippet_id} has no list of candidates", path
            )
        pool = pools.setdefault(question, [])
        pool.extend(read_candidate(each, snippet_id, path) for each in candidates)
    return pools


def read_candidate(candidate: Any, snippet_id: str, path: str) -> Candidate:
    """Return an entry of an n-best list as (text, probability), checked."""
    fields = candidate if isinstance(candidate, dict) else {}
    text, probability = fields.get("text"), fields.get("probability")
    if not isinstance(text, str):
        raise files.InputError(
            f'question {snippet_id} has a candidate without "text"', path
        )
    # type() and not isinstance(), for which true and false would be numbers. Softmax in
    # single precision can overshoot 1; NaN fails every comparison.
    if type(probability) not in (int, float) or not 0 <= probability <= 1.0001:
        raise files.InputError(
            f'question {snippet_id} has a candidate whose "probability" is no number '
            "from 0 to 1",
            path,
        )
    return text, probability


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
        if text.strip() and len(text) <= MAX_ANSWER_CHARACTERS:
            answer = text.lower()
            spellings.setdefault(answer, text)
            sums[answer] = sums.get(answer, 0.0) + probability
    ranking = sorted(sums, key=lambda answer: -sums[answer])
    return [(spellings[answer], sums[answer]) for answer in ranking]


def output_paths(output_path: str) -> Tuple[str, str]:
    """Return the names of the two files for --output_path, a folder or a file."""
    if os.path.isdir(output_path) or output_path.endswith(("/", os.sep)):
        return (
            os.path.join(output_path, ANSWER_FILE),
            os.path.join(output_path, WITH_PROBABILITY_FILE),
        )
    return output_path, output_path + "_WithProb"


def write_answers(
    output_path: str, answers: JsonObject, with_probability: JsonObject
) -> Tuple[str, str]:
    """Write both BioASQ files, or none, and return their names."""
    paths = output_paths(output_path)
    if output_path.endswith(("/", os.sep)):
        files.make_folder(output_path)
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
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the two files; warn of odd ids and of questions without an answer."""
    flags = parse_flags(argv)
    if not flags.output_path:
        raise files.InputError("is empty", "--output_path", remedy="name a folder")
    nbest = files.read_json(flags.nbest_path)
    answers, with_probability = transform(nbest, flags.nbest_path)
    paths = write_answers(flags.output_path, answers, with_probability)
    questions = answers["questions"]
    odd = [
        question["id"]
        for question in questions
        if len(question["id"]) != bioasq.ID_CHARACTERS
    ]
    command.warn("ids not of BioASQ's 24 characters, taken as they are", odd)
    command.warn(
        "questions left without an answer",
        [each["id"] for each in questions if not each["exact_answer"]],
    )
    print(f"wrote {len(questions)} questions to {paths[0]} and {paths[1]}")


if __name__ == "__main__":
    command.run(main)
