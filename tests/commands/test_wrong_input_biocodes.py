"""Wrong input of every kind, given to the scripts that work on files, as commands."""

import re

import pytest

from kit.small_input import COMMANDS, ID, bioasq_form, squad_form
from kit.wrong_input import (
    HUGE,
    cases_of,
    cut,
    full_disk,
    give,
    instead,
    line,
    names_of,
    put,
    put_json,
    stdout,
    unreadable,
)

DETOKENIZE = "biocodes/ner_detokenize.py"
CHEMPROT = "chemprot/chemprot_training/chemprot_training"

CASES = [
    *cases_of(
        DETOKENIZE,
        (
            "missing file",
            [put("pieces/token_test.txt", None)],
            "token_test.txt: cannot",
        ),
        (
            "empty file",
            [put("pieces/label_test.txt", "")],
            "label_test.txt: it is empty",
        ),
        (
            "files of different lengths",
            [cut("pieces/label_test.txt", 1000)],
            r"label_test.txt: lines: \d+, but \d+ in .*; give the files of one predict",
        ),
        (
            "answers of another prediction",
            [cut("pieces/test.tsv", 2000)],
            "the pieces do not belong to the answer file",
        ),
        (
            "10 MB in a line",
            [line("pieces/token_test.txt", 7, HUGE)],
            "pieces/token_test.txt:7: '?x+",
        ),
        (
            "two columns",
            [line("pieces/label_test.txt", 7, "B O")],
            "pieces/label_test.txt:7: not one label a line",
        ),
        (
            "binary file",
            [put("pieces/token_test.txt", b"\xff\xfe\0")],
            "pieces/token_test.txt: this is UTF-16; save it as UTF-8",
        ),
        (
            "unreadable answers",
            [unreadable("pieces/test.tsv")],
            "test.tsv: cannot be re",
        ),
        (
            "folder below a file",
            [give("--output_dir={here}/table.txt/out")],
            r"table.txt/out: cannot be written \(not a directory\)",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/NER_result_conll.txt: cannot be written \(file too large\)",
        ),
        ("no flags", [instead()], "required: --token_test_path, .*--help lists the fl"),
        ("nonsense flag", [give("--nonsense")], "unrecognized arguments: --nonsense"),
    ),
    *cases_of(
        "biocodes/re_eval.py",
        ("missing file", [put("scores/test.tsv", None)], "test.tsv: cannot be read"),
        (
            "empty file",
            [put("scores/test_results.tsv", "")],
            "results.tsv: the file is",
        ),
        (
            "no probabilities",
            [line("scores/test_results.tsv", 3, "0.5\tnan")],
            "test_results.tsv:3: 'nan' in column 2 is not a probability",
        ),
        (
            "number out of range",
            [line("scores/test_results.tsv", 3, "1e400\t0")],
            "test_results.tsv:3: '1e400' in column 1 is not a probability",
        ),
        (
            "truncated file",
            [cut("scores/test_results.tsv", 31)],
            "test_results.tsv:4: 1 column, but 2 in the first line",
        ),
        (
            "10 MB in a line",
            [line("scores/test_results.tsv", 2, HUGE)],
            "test_results.tsv:2: 1 column, but 2 in the first line",
        ),
        (
            "label out of the set",
            [line("scores/test.tsv", 4, "2\tOne.\t7")],
            "scores/test.tsv:4: label '7' is not one of 0, 1",
        ),
        (
            "files of different lengths",
            [put("scores/test.tsv", "index\tsentence\tlabel\n0\tOne.\t1\n")],
            "test_results.tsv: 8 lines of predictions, but .*test.tsv has 1 rows",
        ),
        (
            "NUL",
            [line("scores/test_results.tsv", 2, "0.5\t0.5\0")],
            "test_results.tsv:2: holds a NUL character",
        ),
        (
            "nonsense task",
            [give("--task=ternary")],
            "argument --task: invalid choice: 'ternary'",
        ),
        (
            "label file of another kind",
            [give("--task=multiclass"), put("scores/label2id.json", "[0, 1]")],
            "scores/label2id.json: not a JSON object of labels",
        ),
        ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
    ),
    *cases_of(
        "biocodes/chemprot_to_tsv.py",
        (
            "missing file",
            [put(f"{CHEMPROT}_entities.tsv", None)],
            "no file chemprot_training_*entities*.tsv in it".replace("*", r"\*"),
        ),
        (
            "empty file",
            [put(f"{CHEMPROT}_abstracts.tsv", "")],
            "_abstracts.tsv: the fi",
        ),
        (
            "duplicated ids",
            [put(f"{CHEMPROT}_abstracts.tsv", "1\tTitle\tText\n1\tTitle\tText\n")],
            "chemprot_training_abstracts.tsv:2: a second abstract 1",
        ),
        (
            "mention that is not there",
            [line(f"{CHEMPROT}_entities.tsv", 1, "90000001\tT1\tCHEMICAL\t0\t4\tnone")],
            "chemprot_training_entities.tsv:1: the text has .*, not 'none'; offsets",
        ),
        (
            "number out of range",
            [line(f"{CHEMPROT}_entities.tsv", 1, "90000001\tT1\tGENE\t-1\t1e9\tx")],
            "chemprot_training_entities.tsv:1: offsets '-1' and '1e9' are not whole",
        ),
        (
            "10 MB in a line",
            [line(f"{CHEMPROT}_relations.tsv", 1, HUGE)],
            r"chemprot_training_relations.tsv:1: 1 column, expected \d",
        ),
        (
            "latin-1",
            [line(f"{CHEMPROT}_abstracts.tsv", 2, b"2\tna\xefve\tx")],
            "chemprot_training_abstracts.tsv:2: byte 5 of the line is not UTF-8",
        ),
        ("missing folder", [give("--input_dir={here}/no")], "/no: no such folder"),
        (
            "output in a file",
            [give("--output_dir={here}/table.txt")],
            "table.txt: cann",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/.*tsv: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/transform_nbset2bioasqform.py",
        ("missing file", [put("nbest.json", None)], "nbest.json: cannot be read"),
        ("empty file", [put("nbest.json", "")], "nbest.json:1: not JSON"),
        ("truncated JSON", [cut("nbest.json", 90)], r"nbest.json:\d: not JSON"),
        ("no questions", [put("nbest.json", "{}")], "nbest.json: holds no questions"),
        (
            "number out of range",
            [put_json("nbest.json", {"q": [{"text": "x", "probability": 2.0}]})],
            'nbest.json: question q has a candidate whose "probability" is no number',
        ),
        (
            "no number",
            [put("nbest.json", '{"q": [{"text": "x", "probability": NaN}]}')],
            'nbest.json: question q has a candidate whose "probability" is no number',
        ),
        (
            "id of 10 MB",
            [put("nbest.json", b'{"' + HUGE + b'": 1}')],
            "nbest.json: question xxx.* has no list of candidates",
        ),
        (
            "ids of one question",
            [put_json("nbest.json", {ID: [], f"{ID}_001": []})],
            f"nbest.json: ids {ID} and {ID}_001 would become one question",
        ),
        (
            "full disk",
            [full_disk()],
            r"BioASQ-answer.json: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/bioasq_eval.py",
        ("missing file", [put("golden.json", None)], "golden.json: cannot be read"),
        (
            "binary file",
            [put("answers.json", b"\x80\x02}q\0.")],
            "answers.json:1: byte 1",
        ),
        (
            "another form",
            [put_json("answers.json", squad_form(1))],
            'answers.json: has no list "questions"',
        ),
        (
            "duplicated ids",
            [put_json("golden.json", {"questions": bioasq_form()["questions"] * 2})],
            f"golden.json: question {ID} stands there twice",
        ),
        (
            "unknown type",
            [put_json("golden.json", {"questions": [{"id": "1", "type": "odd"}]})],
            'golden.json: question 1 has no "type" that is known',
        ),
        (
            "one file",
            [instead("{here}/golden.json")],
            "arguments are required: ANSWERS",
        ),
        ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
    ),
    *cases_of(
        "biocodes/bioasq_to_squad.py",
        ("truncated JSON", [cut("bioasq.json", 60)], r"bioasq.json:\d: not JSON"),
        (
            "no such type",
            [give("--type=list")],
            r"gives no list question for --mode=train \(there are none of this type\)",
        ),
        (
            "snippets of another kind",
            [put_json("bioasq.json", bioasq_form(body="What?", snippets=["text"]))],
            f'question {ID} has "snippets" that are no list of objects',
        ),
        ("nonsense mode", [give("--mode=guess")], "argument --mode: invalid choice"),
        (
            "output that is a folder",
            [give("--output_path={here}/out")],
            "/out: cannot be written",
        ),
        (
            "output that is a device",
            [give("--output_path=/dev/null")],
            "/dev/null: cannot be written .not a regular file.",
        ),
        (
            "output in a folder that is missing",
            [give("--output_path={here}/no/x.json")],
            r"no/x.json: cannot be written \(no such file or directory\)",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/train.json: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/squad_eval.py",
        (
            "missing file",
            [put("predictions.json", None)],
            "predictions.json: cannot be",
        ),
        (
            "another form",
            [put_json("predictions.json", ["MDM2"])],
            "predictions.json: is not an object of ids and texts",
        ),
        (
            "prediction that is no text",
            [put_json("predictions.json", {"q1": 7})],
            "predictions.json: question q1 has a prediction that is no text",
        ),
        (
            "no answers",
            [put_json("qa/test.json", {"data": []})],
            "qa/test.json: has no answers to compare with",
        ),
    ),
    *cases_of(
        "biocodes/make_report.py",
        ("missing folder", [give("{here}/none")], "none: cannot be read"),
        ("nothing of a run", [instead("{here}/model")], "model: there is no run's rec"),
        (
            "two columns",
            [line("runs/a/NER_result_conll.txt", 2, "is O")],
            "NER_result_conll.txt:2: 2 columns, expected 3",
        ),
        (
            "another record",
            [put("runs/a/scores.json", "[]")],
            "scores.json: not a record of this suite",
        ),
        (
            "line of a training that is none",
            [line("runs/a/training.jsonl", 1, '{"step": NaN}')],
            "training.jsonl:1: not a line of this suite",
        ),
        (
            "full disk",
            [full_disk()],
            r"report.html: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/compare_runs.py",
        (
            "missing scores",
            [put("runs/b/scores.json", None)],
            "runs/b: has no scores.json, and no folder of a seed with one",
        ),
        (
            "scores of another form",
            [put_json("runs/a/scores.json", {"scores": {"test.tsv": 1}})],
            "scores.json: not a record of this suite",
        ),
        (
            "another test set",
            [line("runs/b/NER_result_conll.txt", 1, "Gout B-Disease B-Disease")],
            "runs/b: is not of the same test set as .*/runs/a; compare two runs that",
        ),
        ("three folders", [give("{here}/runs/a")], "takes two folders, not 3"),
        ("no draws", [give("--resamples=0")], "--resamples must be 1 or more, not 0"),
        (
            "unknown score",
            [instead("{here}/runs/a", "--sort=x")],
            "--sort: x is none of test.tsv f1, ",
        ),
        ("full disk", [stdout("/dev/full")], "standard output: cannot be written"),
    ),
    *cases_of(
        "biocodes/unpack.py",
        (
            "missing archive",
            [put("archive.tar.gz", None)],
            "archive.tar.gz: cannot be r",
        ),
        (
            "truncated archive",
            [cut("archive.tar.gz", 500)],
            "archive.tar.gz: is cut off",
        ),
        (
            "no archive",
            [put("archive.tar.gz", "<html>")],
            "archive.tar.gz: is no .tar.gz",
        ),
        ("another checksum", [give("--sha256=00")], "archive.tar.gz: has the sha256 "),
        (
            "a folder that is there",
            [give("--output_dir={here}/out")],
            "out: is already",
        ),
        (
            "full disk",
            [full_disk()],
            r"unpacked: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "examples/show_entities.py",
        ("missing file", [put("table.txt", None)], "table.txt: cannot be read"),
        ("one column", [line("table.txt", 2, "is")], "table.txt:2: one column where a"),
        ("nonsense number", [give("--sentences=many")], "invalid int value: 'many'"),
    ),
]
# The first case of each script is given to a process that starts from nothing.
FIRST = {case.script: case for case in reversed(CASES)}


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_command, as_new_command):
    refused(case, as_new_command if FIRST[case.script] is case else as_command)


def test_every_script_is_given_wrong_input():
    """run_*.py are in test_wrong_input_entrypoints.py, scorers in ..._conlleval.py."""
    of_bioasq = "transform_n2b_|bioasq_submission"  # ..._bioasq.py
    of_models = "convert_checkpoint|export_model"  # ..._models.py
    of_entities = "to_corpus|entity_formats|merge_shards|conll_types"  # ..._entities.py
    others = f"conlleval\\.|{of_bioasq}|{of_models}|{of_entities}"
    elsewhere = re.compile(f"run_|biocodes/({others})")
    scripts = {script for script in COMMANDS if not elsewhere.match(script)}
    assert {case.script for case in CASES} == scripts
    assert len(CASES) >= 60
