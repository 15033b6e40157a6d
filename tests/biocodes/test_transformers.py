"""Exported models in the hands of transformers and PyTorch: the same numbers.

They are those of $TRANSFORMERS_PYTHON, an interpreter that has both packages, such as
that of the environment that .ci/run makes; without it, of this one.
"""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import run_ner
from biocodes.models import folder as models
from biocodes.models import graph
from kit.model_folders import MULTILABEL, TASKS, export, folder_of, pretrained
from kit.paths import DATA, ROOT, TESTS

PYTHON = os.environ.get("TRANSFORMERS_PYTHON")
if PYTHON is None and all(map(importlib.util.find_spec, ("transformers", "torch"))):
    PYTHON = sys.executable
pytestmark = pytest.mark.skipif(
    PYTHON is None, reason="no transformers and PyTorch: set TRANSFORMERS_PYTHON"
)

NAMES = ("input_ids", "attention_mask", "token_type_ids")
KINDS = (*TASKS, MULTILABEL, "pretrained")
TEXTS = [
    "Ataxia in mice with familial adenomatous polyposis.",
    "Wilson disease follows from mutations of ATP7B.",
    "(BRCA1)-linked breast and ovarian cancer, colorectal cancer",
    "no such thing",
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """sources[kind] → folder of a model of ours."""
    place = tmp_path_factory.mktemp("sources")
    folders = {task: folder_of(place, task) for task in (*TASKS, MULTILABEL)}
    return dict(folders, pretrained=pretrained(place))


@pytest.fixture(scope="module")
def answer(sources, tmp_path_factory):
    """What transformers_script.py makes of all of them: one process, which is slow."""
    place = tmp_path_factory.mktemp("theirs")
    request = {"models": [], "texts": TEXTS + sentences()}
    for kind, source in sources.items():
        theirs = export(source, place / kind, "huggingface")
        (_, batch) = graph.sample_batches(models.read_model(str(source)))
        arrays = zip(NAMES, (batch[name].astype(np.int64) for name in graph.INPUTS))
        np.savez(str(place / f"{kind}.in.npz"), **dict(arrays))
        (architecture,) = json.loads((theirs / "config.json").read_text())[
            "architectures"
        ]
        request["models"].append(
            {
                "folder": str(theirs),
                "class": architecture,
                "inputs": str(place / f"{kind}.in.npz"),
                "outputs": str(place / f"{kind}.out.npz"),
            }
        )
    done = subprocess.run(
        [PYTHON, str(TESTS / "kit" / "transformers_script.py")],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=dict(os.environ, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false"),
        check=True,
        timeout=600,
    )
    return dict(json.loads(done.stdout), folder=place)


def sentences():
    """Text of the golden test set, as the model saw its like in training."""
    text = (DATA / "ner" / "test.tsv").read_text(encoding="utf-8")
    return [
        " ".join(line.split("\t")[0] for line in sentence.splitlines())
        for sentence in text.strip().split("\n\n")[:20]
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_ours(sources, answer, kind):
    model = models.read_model(str(sources[kind]))
    (_, batch) = graph.sample_batches(model)
    with graph.built(model) as built:
        expected = built.run(batch)
    if kind == MULTILABEL:
        del expected["probabilities"]  # which their class leaves to its pipeline
    with np.load(str(pathlib.Path(answer["folder"], f"{kind}.out.npz"))) as arrays:
        actual = {name: arrays[name] for name in expected}
    assert graph.largest_difference(batch, expected, actual) < 1e-4


def test_pipeline_finds_our_entities(sources, answer):
    """With the labels as they are presented: nothing has to be filtered or renamed."""
    with run_ner.load(str(sources["ner"])) as tagger:
        ours = [
            [[entity.start, entity.end, entity.type] for entity in entities]
            for entities in tagger.entities(TEXTS + sentences())
        ]
    assert answer["entities"] == ours
    assert sum(map(len, ours)) > 20


def test_their_side_of_the_benchmark_runs(tmp_path):
    """benchmarks/peer_pytorch.py, which nothing else here can import."""
    random = np.random.RandomState(0)
    lengths = random.randint(3, 9, 12)
    features = str(tmp_path / "features.npz")
    arrays = {"input_ids": random.randint(1, 50, (12, 9)), "lengths": lengths}
    np.savez(features, labels=random.randint(0, 3, (12, 9)), **arrays)
    config = {"vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 1}
    config.update(num_attention_heads=2, intermediate_size=8)
    request = {"features": features, "config": config, "task": "ner", "labels": 3}
    request.update(batch_size=4, warm_up=1, steps=2, pieces=32, threads=1)
    path = tmp_path / "request.json"
    for command, dtype in (("train", "float32"), ("predict", "bfloat16")):
        path.write_text(json.dumps(dict(request, dtype=dtype)), encoding="utf-8")
        done = subprocess.run(
            [PYTHON, str(ROOT / "benchmarks" / "peer_pytorch.py"), command, str(path)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
        )
        speed, memory = json.loads(done.stdout)
        assert speed > 0 and memory > 10
