"""Wrong input of the commands on entities: their formats, types, corpora of them."""

import pytest

from kit.small_input import ENTITY
from kit.wrong_input import (
    cases_of,
    cut,
    full_disk,
    give,
    instead,
    line,
    names_of,
    put,
    put_json,
)

CASES = [
    *cases_of(
        "biocodes/to_corpus.py",
        (
            "missing file",
            [put("notes.pubtator", None)],
            "notes.pubtator: cannot be read",
        ),
        (
            "a mention that is elsewhere",
            [line("notes.pubtator", 3, "0\t1\t7\tAtaxia\tDisease")],
            "notes.pubtator:3: 'taxia.' stands where the mention 'Ataxia' should",
        ),
        ("no annotations", [put("notes.pubtator", "Text.\n")], "looks like plain text"),
        ("a folder of another kind", [give("--input={here}/ner")], r"no \.ann in this"),
        ("nonsense split", [give("--split=80,30")], "--split: '80,30' is no split"),
        (
            "fewer documents than sets",
            [put("notes.pubtator", "0|t|Ataxia\n0|a|\n0\t0\t6\tAtaxia\tDisease\n")],
            "--split: 1 documents cannot be split into 3 sets",
        ),
        (
            "a type that is not there",
            [give("--types=Gene")],
            "--types: no mention is of type Gene; there are Disease",
        ),
        ("no relations", [give("--task=re")], "no document has a relation"),
        ("annotations for qa", [give("--task=qa")], "--task=qa takes a .csv or .tsv"),
        (
            "an answer that is not in its context",
            [
                put("a.csv", "context,question,answer\na,b,c\n"),
                instead(
                    *(
                        "--task=qa",
                        "--train_input={here}/a.csv",
                        "--output_dir={here}/out",
                    )
                ),
            ],
            "a.csv:2: the answer 'c' does not stand in the context; copy it",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/train_dev.tsv: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/entity_formats.py",
        ("missing file", [put("entities.jsonl", None)], "entities.jsonl: cannot be re"),
        (
            "no entities",
            [put("entities.jsonl", '{"id": 1, "text": ""}')],
            "jsonl:1: wit",
        ),
        (
            "entity out of the text",
            [
                put_json(
                    "entities.jsonl", {"id": "1", "text": "A", "entities": [ENTITY]}
                )
            ],
            "entities.jsonl:1: the entity 0 to 6 is out of the text",
        ),
        (
            "nonsense format",
            [give("--output_formats=xml")],
            "--output_formats: 'xml' is no format; choose of conll, ",
        ),
        (
            "output in a file",
            [give("--output_dir={here}/table.txt")],
            "table.txt: cann",
        ),
        (
            "full disk",
            [full_disk()],
            r"out/.*: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/merge_shards.py",
        (
            "missing shard",
            [put("shards/entities-2-of-2.jsonl", None)],
            "2-of-2.jsonl: this shard is missing; run .* --resume=true --shard=2/2",
        ),
        (
            "a shard that is not complete",
            [put("shards/entities-1-of-2.jsonl.part", "")],
            "1-of-2.jsonl.part: this shard is not complete; run .* --shard=1/2",
        ),
        (
            "shards of two jobs",
            [put("shards/entities-1-of-3.jsonl", "")],
            "shards: there are shards of jobs with 2 and with 3; name .* --shards=3",
        ),
        ("no shards", [give("--input_dir={here}/ner")], "there is no entities-1-of-n"),
        ("no folder", [give("--input_dir={here}/no")], "/no: cannot be read"),
        ("nonsense number", [give("--shards=0")], "--shards: must be 1 or more, not 0"),
        (
            "a shard of another input",
            [put("shards/entities-1-of-2.jsonl", "")],
            "entities-1-of-2.jsonl: ends before .*2-of-2.jsonl does: they are no sha",
        ),
        (
            "a line that is cut off",
            [cut("shards/entities-2-of-2.jsonl", 40)],
            "2-of-2.jsonl:1: not JSON",
        ),
        (
            "output over a shard",
            [give("--output_path={here}/shards/entities-1-of-2.jsonl")],
            "entities-1-of-2.jsonl: is one of the shards",
        ),
        (
            "full disk",
            [full_disk(10)],
            r"out/entities.jsonl: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        "biocodes/conll_types.py",
        ("missing folder", [give("--input_dir={here}/no")], "/no: cannot be read"),
        ("no corpus", [give("--input_dir={here}/qa")], "qa: there is no .tsv file in"),
        (
            "type that nothing has",
            [give("--keep=Gene")],
            "--keep: there is no entity of the type 'Gene' in .*there are Chemical, D",
        ),
        (
            "folder that is read",
            [give("--output_dir={here}/typed")],
            "--output_dir: is the folder that is read",
        ),
        (
            "both kept and dropped",
            [give("--drop=Disease")],
            "argument --drop: not allowed with argument --keep",
        ),
        (
            "full disk",
            [full_disk(10)],
            r"out/test.tsv: cannot be written \(file too large\)",
        ),
    ),
]
# The first case of each script is given to a process that starts from nothing.
FIRST = {case.script: case for case in reversed(CASES)}


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_command, as_new_command):
    refused(case, as_new_command if FIRST[case.script] is case else as_command)
