"""onnx_engine.py: an exported model is one of the engine's, or refused in one line."""

import itertools
import threading
import time

import numpy as np
import pytest

from biocodes.lib import model_folder
from biocodes.lib.files import InputError
from finetuning import engine
from finetuning.model import Model, load_labels
from finetuning.prediction import PredictionSettings, Predictor
from finetuning.records import Schema
from kit.model_folders import TASKS, export, folder_of, write_labels
from kit.small_run import parsed

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from finetuning import onnx_engine  # noqa: E402
from tasks import heads  # noqa: E402

SCHEMA = Schema(["input_ids"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """exported[task] → folder of an exported model."""
    place = tmp_path_factory.mktemp("exported")
    return {
        task: export(folder_of(place, task), place / f"{task}_onnx", "onnx")
        for task in TASKS
    }


def predictor_of(folder, head):
    loaded = Predictor.load(str(folder), 64, engine.ONNX)
    return loaded.with_head(head)


def entity_head():
    return heads.of_entities("model.onnx", 7, False)


def rows_of(*lengths):
    random = np.random.RandomState(2)
    return [random.randint(5, 2000, [n]).astype(np.int32) for n in lengths]


# Predictions


def test_predictions_come_in_the_order_of_the_rows(exported):
    predictor = predictor_of(exported["ner"], entity_head())
    rows = rows_of(3, 60, 1, 12, 12, 40)
    alone = predictor._replace(settings=PredictionSettings(1, 1, None))
    results = [
        list(each.predict_stream(SCHEMA, iter(rows))) for each in (predictor, alone)
    ]
    for (index, together), (same_index, apart), row in zip(*results, rows):
        assert index == same_index
        count = len(row)
        for name in ("label_ids", "probability"):
            np.testing.assert_allclose(
                together[name][:count], apart[name][:count], atol=1e-5
            )


def test_checkpoint_says_which_engine_it_is_for(exported):
    assert engine.engine_of(str(exported["ner"] / "model.onnx")) is onnx_engine
    assert engine.engine_of("folder/model.ckpt-1").__name__.endswith(
        "tensorflow_engine"
    )


def test_step_and_digest_are_those_of_the_export(exported):
    path = str(exported["ner"] / "model.onnx")
    assert onnx_engine.step(path) == 1190
    digests = {onnx_engine.digest(str(exported[t] / "model.onnx")) for t in TASKS}
    assert len(digests) == 3


@pytest.mark.parametrize("task, labels", [("ner", 7), ("re", 2)])
def test_labels_are_as_many_as_the_head_has(exported, tmp_path, task, labels):
    path = exported[task] / "model.onnx"
    assert len(load_labels(str(path))) == labels
    other = tmp_path / "model.onnx"
    other.write_bytes(path.read_bytes())
    write_labels(tmp_path, ("a", "b", "c"))
    with pytest.raises(InputError, match=f"3 labels, but .* head has {labels}$"):
        load_labels(str(other))


# What does not fit


def test_model_of_another_task_is_refused(exported):
    predictor = predictor_of(exported["qa"], entity_head())
    message = (
        r"model.onnx: is a model of another task: it gives start_logits .*; export"
    )
    with pytest.raises(InputError, match=message):
        list(predictor.predict_stream(SCHEMA, rows_of(3)))


def test_file_beside_another_configuration_is_refused(exported):
    model, checkpoint = Model.load(str(exported["ner"]), 64, engine.ONNX)
    facts = dict(
        model.facts, bert_config=dict(model.facts["bert_config"], hidden_size=8)
    )
    other = model._replace(facts=facts).with_head(entity_head())
    with pytest.raises(InputError, match="was made with another bert_config.json"):
        onnx_engine.check(other, checkpoint)


def test_garbage_is_no_model(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\x08\x07garbage" * 9)
    with pytest.raises(InputError, match="model.onnx: not an ONNX model that ONNX Run"):
        onnx_engine.Session(str(path))


def test_folder_without_a_model_says_how_to_make_one(tmp_path):
    message = f"--model_dir={tmp_path}: no model.onnx there; make one .*--to=onnx"
    with pytest.raises(InputError, match=message):
        model_folder.exported_model(str(tmp_path), "--model_dir")


def test_sequences_too_long_for_the_model_are_refused(exported):
    with pytest.raises(InputError, match="385 is more than the model's max_position"):
        Predictor.load(str(exported["ner"]), 385, engine.ONNX)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--do_train"], "--do_train: does not go with --engine=onnx, which predicts"),
        (["--nodo_train", "--require_gpu"], "--require_gpu: ONNX Runtime computes on"),
    ],
)
def test_what_it_cannot_do_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        engine.start_engine(parsed("--engine=onnx", *arguments))


def test_missing_onnx_runtime_is_one_line(monkeypatch):
    def import_module(name):
        raise ImportError("no luck")

    monkeypatch.setattr(onnx_engine.packages.importlib, "import_module", import_module)
    message = (
        "--engine=onnx: needs the package onnxruntime, .*no luck.*; pip install -r"
    )
    with pytest.raises(InputError, match=message):
        engine.start_engine(parsed("--engine=onnx", "--nodo_train"))


# Threads


def test_items_come_in_order_from_another_thread():
    threads = []

    def items():
        for number in range(50):
            threads.append(threading.current_thread())
            yield number

    assert list(onnx_engine.ahead(items())) == list(range(50))
    assert set(threads).isdisjoint({threading.current_thread()})


def test_what_items_raise_comes_after_those_before():
    def items():
        yield 1
        raise InputError("no more")

    taken = onnx_engine.ahead(items())
    assert next(taken) == 1
    with pytest.raises(InputError, match="no more"):
        next(taken)


def test_closing_ends_the_thread_and_few_items_are_taken_ahead():
    taken = []
    items = onnx_engine.ahead(map(taken.append, itertools.count()))
    next(items)
    time.sleep(0.3)
    items.close()
    count = len(taken)
    assert count <= 6
    time.sleep(0.3)
    assert len(taken) <= count + 1
