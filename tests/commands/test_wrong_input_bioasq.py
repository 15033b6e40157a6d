"""Wrong input of the commands for BioASQ's yes/no and list questions."""

import pytest

from kit.small_input import ID, bioasq_form, squad_form
from kit.wrong_input import cases_of, cut, full_disk, give, names_of, put, put_json

CASES = [
    *cases_of(
        "biocodes/transform_n2b_yesno.py",
        ("missing file", [put("yesno.json", None)], "yesno.json: cannot be read"),
        (
            "predictions of factoid questions",
            [put_json("yesno.json", {ID: "p53"})],
            f'yesno.json: question {ID} has no ."yes" or "no", .logit..; give',
        ),
        (
            "candidates of list questions",
            [give("--nbest_path={here}/list.json")],
            f'list.json: question {ID}_001 has no ."yes" or "no", .logit..; give',
        ),
        (
            "number out of range",
            [put("yesno.json", '{"q": ["yes", [1e999]]}')],
            "yesno.json: question q has no",
        ),
        ("no questions", [put("yesno.json", "{}")], "yesno.json: holds no questions"),
        (
            "output of nothing",
            [give("--output_path=")],
            "--output_path: is empty",
        ),
        (
            "full disk",
            [full_disk()],
            r"BioASQ-answer.json: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/transform_n2b_list.py",
        ("truncated JSON", [cut("list.json", 90)], r"list.json:\d: not JSON"),
        (
            "candidates of factoid questions",
            [give("--nbest_path={here}/nbest.json")],
            f"nbest.json: question {ID}_001 has .* no number",
        ),
        (
            "predictions of yes/no questions",
            [give("--nbest_path={here}/yesno.json")],
            f'yesno.json: question {ID}_001 has a candidate without "text"; give',
        ),
        ("nonsense threshold", [give("--threshold=2")], "invalid probability value: "),
        (
            "output in a folder that is missing",
            [give("--output_path={here}/no/x.json")],
            r"no/x.json: cannot be written \(no such file or directory\)",
        ),
    ),
    *cases_of(
        "biocodes/bioasq_submission.py",
        ("missing file", [put("answers.json", None)], "answers.json: cannot be read"),
        (
            "answers that are the questions of another task",
            [put_json("answers.json", squad_form(1))],
            'answers.json: has no list "questions"',
        ),
        (
            "six answers",
            [put_json("answers.json", bioasq_form(exact_answer=[["x"]] * 6))],
            f"answers.json: question {ID} has 6 answers; BioASQ takes 5",
        ),
        (
            "no ideal answer",
            [put_json("answers.json", bioasq_form(exact_answer=[["x"]]))],
            f'answers.json: question {ID} has no "ideal_answer", a text',
        ),
        (
            "a file twice",
            [give("{here}/golden.json")],
            f"golden.json: question {ID} is answered in .*answers.json, too",
        ),
        (
            "answers to other questions",
            [put_json("golden.json", {"questions": [{"id": "q", "type": "yesno"}]})],
            "golden.json: has not one question that is answered in .*answers.json",
        ),
    ),
    *cases_of(
        "biocodes/bioasq_eval.py",
        (
            "draws of nothing",
            [give("--resamples=0")],
            "--resamples must be 1 or more, not 0",
        ),
    ),
    *cases_of(
        "biocodes/bioasq_to_squad.py",
        (
            "an answer that is neither yes nor no",
            [
                give("--type=yesno"),
                put_json(
                    "bioasq.json",
                    {
                        "questions": [
                            {"id": "q", "type": "yesno", "exact_answer": "unclear"}
                        ]
                    },
                ),
            ],
            "bioasq.json: yes/no question q has an exact answer other than yes, no, ma",
        ),
        (
            "no abstract of that name",
            [give("--context=abstract", "--abstracts_path={here}/none.pubtator")],
            "none.pubtator: cannot be read",
        ),
        (
            "no abstract at all",
            [give("--context=abstract")],
            "bioasq.json: not one snippet has its abstract there, as --context=abstrac",
        ),
        (
            "neighbours on no side",
            [give("--context=neighbours", "--neighbours=-1")],
            "--neighbours must be 0 or more, not -1",
        ),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_command):
    refused(case, as_command)
