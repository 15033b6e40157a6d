"""load() of the three scripts: the same results as the commands, from Python."""

import json

import pytest

import run_ner
import run_qa
import run_re
from biocodes.lib import squad
from biocodes.lib.entities import read_jsonl
from biocodes.lib.files import InputError
from kit.model_folders import folder_of
from kit.paths import DATA

TEXTS = [
    "Ataxia in mice with familial adenomatous polyposis.",
    "",
    " ".join(["Wilson disease follows from mutations of ATP7B ."] * 30),
    "\N{GREEK SMALL LETTER BETA}-thalassaemia \U0001d6fd and   breast cancer",
]


def test_entities_are_those_of_the_command(call, tmp_path):
    folder = folder_of(tmp_path, "ner")
    path = tmp_path / "texts.jsonl"
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(TEXTS)]
    path.write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    arguments = ["--do_train=false", f"--model_dir={folder}", f"--predict_file={path}"]
    limit = ["--max_seq_length=64", f"--output_dir={out}"]
    assert call(run_ner, *arguments, *limit) == (0, "", "")
    expected = [each.entities for each in read_jsonl(str(out / "entities.jsonl"))]
    with run_ner.load(str(folder), max_seq_length=64) as tagger:
        for _ in range(2):  # loaded once, used often
            entities = tagger.entities(TEXTS)
            assert [[e[:4] for e in each] for each in entities] == [
                [e[:4] for e in each] for each in expected
            ]
        scores = [entity.score for each in entities for entity in each]
        assert scores == pytest.approx(
            [e.score for each in expected for e in each], 1e-3
        )
        assert tagger.entities([]) == []
    assert len(entities[2]) > 20  # nothing was cut off


def test_relations_have_the_probabilities_of_the_original(tmp_path):
    folder = folder_of(tmp_path, "re")
    lines = (DATA / "re" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    sentences = [line.split("\t")[1] for line in lines]
    golden = [
        [float(cell) for cell in line.split("\t")]
        for line in (DATA / "re" / "test_results.tsv").read_text().splitlines()
    ]
    with run_re.load(str(folder)) as classifier:
        relations = classifier.relations(sentences)
    assert len(relations) == len(golden)
    for relation, (first, second) in zip(relations, golden):
        assert relation.probabilities == pytest.approx(
            {"0": first, "1": second}, abs=1e-4
        )
        assert relation.label == ("1" if second > first else "0")


def test_answers_are_those_of_the_original(tmp_path):
    folder = folder_of(tmp_path, "qa")
    golden = json.loads((DATA / "qa" / "predictions.json").read_text())
    examples = squad.load_to_predict(str(DATA / "qa" / "test.json"))[0][:10]
    with run_qa.load(str(folder)) as answerer:
        replies = answerer.answers([(one.question, one.context) for one in examples])
        assert answerer.answers([("What?", "")])[0].text == "empty"
    assert [reply.text for reply in replies] == [golden[one.id] for one in examples]
    for reply in replies:
        assert reply.nbest[0] == (reply.text, reply.probability)
        assert sum(share for _, share in reply.nbest) == pytest.approx(1.0)


def test_folder_without_the_tasks_head_is_refused(tmp_path):
    folder = folder_of(tmp_path, "ner")
    with pytest.raises(InputError, match="has no trained head for this task"):
        run_qa.load(str(folder))
    with pytest.raises(InputError, match="nowhere: cannot be read"):
        run_ner.load(str(tmp_path / "nowhere"))
