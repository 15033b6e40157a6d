"""--engine=onnx: the three scripts' predictions are those of TensorFlow."""

import json
import subprocess
import sys

import numpy as np
import pytest

import run_ner
import run_qa
import run_re
from biocodes.lib.entities import jsonl_line, read_jsonl
from finetuning.signals import Interruption
from kit.model_folders import export, folder_of
from kit.paths import DATA, ROOT
from tasks.raw_text import output

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

TEXTS = [
    "Ataxia in mice with familial adenomatous polyposis.",
    "",
    " ".join(["Wilson disease follows from mutations of ATP7B ."] * 30),
    "\N{GREEK SMALL LETTER BETA}-thalassaemia and breast cancer",
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """models[task] → flags of (TensorFlow's prediction, the exported model's)."""
    place = tmp_path_factory.mktemp("models")
    flags = {}
    for task in ("ner", "re", "multilabel", "qa"):
        source = folder_of(place, task)
        exported = export(source, place / f"{task}_onnx", "onnx")
        flags[task] = (
            [f"--model_dir={source}"],
            [f"--model_dir={exported}", "--engine=onnx"],
        )
    return flags


@pytest.fixture
def both(models, call, tmp_path):
    """both(task, script, *flags) → output folders of the two predictions."""

    def run(task, script, *flags):
        folders = []
        for name, model in zip(("tensorflow", "onnx"), models[task]):
            folders.append(tmp_path / name)
            out = f"--output_dir={folders[-1]}"
            done = call(script, "--do_train=false", *model, *flags, out)
            assert done == (0, "", "")
        return folders

    return run


def write_texts(tmp_path):
    path = tmp_path / "texts.jsonl"
    rows = [json.dumps({"id": i, "text": text}) + "\n" for i, text in enumerate(TEXTS)]
    path.write_text("".join(rows))
    return path


def test_entities_of_raw_text_are_the_same(both, tmp_path):
    path = write_texts(tmp_path)
    flags = [f"--predict_file={path}", "--max_seq_length=64", "--output_formats=html"]
    expected, actual = (
        list(read_jsonl(str(out / "entities.jsonl")))
        for out in both("ner", run_ner, *flags)
    )
    assert [each.passage for each in actual] == [each.passage for each in expected]
    for theirs, ours in zip(actual, expected):
        assert [e[:4] for e in theirs.entities] == [e[:4] for e in ours.entities]
        scores = [[e.score for e in each.entities] for each in (theirs, ours)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert len(actual[2].entities) > 20  # windows: nothing was cut off
    assert (tmp_path / "onnx" / "entities.html").exists()


def test_test_set_is_predicted_and_scored_the_same(both):
    flags = [f"--data_dir={DATA / 'ner'}", "--max_seq_length=64", "--do_eval=true"]
    expected, actual = both("ner", run_ner, *flags)
    for name in ("NER_result_conll.txt", "entity_level_results.txt"):
        assert (actual / name).read_bytes() == (expected / name).read_bytes()
    scores = [
        dict(line.split(" = ") for line in (out / "eval_results.txt").open())
        for out in (expected, actual)
    ]
    for name, value in scores[0].items():
        assert float(scores[1][name]) == pytest.approx(float(value), rel=1e-3), name


SEVERAL = ["--multilabel=true", "--long_sentences=window", "--max_seq_length=24"]


@pytest.mark.parametrize(
    "model, more",
    [("re", ["--task_name=gad"]), ("multilabel", ["--task_name=custom", *SEVERAL])],
)
def test_relations_are_the_same(both, model, more):
    flags = [*more, f"--data_dir={DATA / 're'}", "--do_predict=true"]
    expected, actual = both(model, run_re, *flags, "--do_eval=true")
    tables = [np.loadtxt(str(out / "test_results.tsv")) for out in (expected, actual)]
    np.testing.assert_allclose(tables[1], tables[0], atol=1e-4)
    name = "test_scores.txt"
    assert (actual / name).read_bytes() == (expected / name).read_bytes()


def test_answers_are_the_same(both):
    flags = ["--do_predict=true", f"--predict_file={DATA / 'qa' / 'test.json'}"]
    expected, actual = both("qa", run_qa, *flags)
    name = "predictions.json"
    assert (actual / name).read_bytes() == (expected / name).read_bytes()


def test_from_python_entities_are_the_same(models):
    source, exported = (flags[0].split("=")[1] for flags in models["ner"])
    with run_ner.load(source, 64) as ours:
        expected = ours.entities(TEXTS)
    with run_ner.load(exported, 64, engine="onnx") as theirs:
        for _ in range(2):
            actual = theirs.entities(TEXTS)
            assert [[e[:4] for e in each] for each in actual] == [
                [e[:4] for e in each] for each in expected
            ]


class Killed(Exception):
    """In place of a kill, which a test in this process would not survive."""


def test_interrupted_prediction_resumes_by_the_same_engine_alone(
    models, call, tmp_path, monkeypatch
):
    path = write_texts(tmp_path)
    out = tmp_path / "out"
    flags = [f"--predict_file={path}", "--max_seq_length=64", "--resume=true"]
    command = ["--do_train=false", *flags, f"--output_dir={out}"]
    tensorflow, onnx = models["ner"]
    assert call(run_ner, *onnx, *command) == (0, "", "")
    whole = (out / "entities.jsonl").read_bytes()

    def kill(passage):
        if passage.passage.id == "2":
            raise Killed
        return jsonl_line(passage)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(output, "jsonl_line", kill)
        arguments = ["run_ner.py", *onnx, *command]
        run_ner.main(arguments, Interruption())
    part = (out / "entities.jsonl.part").read_bytes()
    assert part.count(b"\n") == 2 and whole.startswith(part)
    refused = call(run_ner, *tensorflow, *command)
    assert "was begun with another checkpoint; resume it with that" in refused.error
    assert call(run_ner, *onnx, *command) == (0, "", "")
    assert (out / "entities.jsonl").read_bytes() == whole


def test_tensorflow_is_not_imported(models, tmp_path):
    """So that a command on a page of text takes a second or two."""
    path = write_texts(tmp_path)
    arguments = [
        *("run_ner.py", "--do_train=false", *models["ner"][1]),
        *(f"--predict_file={path}", f"--output_dir={tmp_path / 'out'}"),
        *("--max_seq_length=64", "--output_formats=html"),
    ]
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import run_ner;"
        "from finetuning.signals import Interruption;"
        f"run_ner.main({arguments!r}, Interruption());"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (0, b"False\n")
    assert (tmp_path / "out" / "entities.html").exists()
    versions = json.loads((tmp_path / "out" / "run.json").read_text())["versions"]
    assert sorted(versions) == ["numpy", "onnxruntime", "python"]
