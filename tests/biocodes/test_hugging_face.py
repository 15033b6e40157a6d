"""lib/hugging_face.py: what is read of a model's files, and what is refused."""

import io
import os
import sys
import types

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modeling
from biocodes.lib import bert_config, files, hugging_face
from kit.hugging_face import (
    CONFIG,
    OUTPUTS,
    VOCABULARY,
    convert,
    make_tensors,
    read_checkpoint,
    without,
    write_folder,
)

# Configuration and vocabulary


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps is 1e-05"),
        ({"is_decoder": True}, "is_decoder"),
        ({"hidden_act": "gelu_new"}, "hidden_act is 'gelu_new'"),
        ({"hidden_act": ["gelu"]}, "hidden_act"),
        ({"hidden_size": "8"}, "hidden_size must be a whole number"),
        ({"num_hidden_layers": 0}, "num_hidden_layers must be a whole number"),
        ({"num_hidden_layers": True}, "num_hidden_layers must be a whole number"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob must be a number"),
        ({"initializer_range": float("nan")}, "initializer_range must be a number"),
        ({"num_attention_heads": 3}, "not a multiple of num_attention_heads"),
    ],
)
def test_other_architectures_and_wrong_values_are_refused(tmp_path, change, problem):
    source = write_folder(tmp_path / "source", config=dict(CONFIG, **change))
    with pytest.raises(files.InputError, match=problem) as caught:
        convert(source, tmp_path / "output")
    assert str(caught.value).startswith(str(source / "config.json"))
    assert not (tmp_path / "output").exists()


def test_missing_keys_are_named(tmp_path):
    config = without(CONFIG, "vocab_size", "hidden_act")
    source = write_folder(tmp_path / "source", config=config)
    with pytest.raises(files.InputError, match="key vocab_size, hidden_act"):
        convert(source, tmp_path / "output")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": "\xff"}'])
def test_config_that_is_no_json_object_is_refused(source, content, tmp_path):
    (source / "config.json").write_bytes(content)
    with pytest.raises(files.InputError, match="config.json"):
        convert(source, tmp_path / "output")


@pytest.mark.parametrize("name", ["config.json", "vocab.txt", "model.safetensors"])
def test_missing_files_are_named(source, name, tmp_path):
    (source / name).unlink()
    with pytest.raises(files.InputError, match=name):
        convert(source, tmp_path / "output")


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(files.InputError, match="nowhere: no such folder"):
        convert(tmp_path / "nowhere", tmp_path / "output")


def test_weights_in_several_files_are_refused(source, tmp_path):
    (source / "model.safetensors").rename(source / "model-00001-of-00002.safetensors")
    (source / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(files.InputError, match="weights in several files"):
        convert(source, tmp_path / "output")


def test_vocabulary_of_another_size_is_refused_with_both_counts(tmp_path):
    source = write_folder(tmp_path / "source", vocabulary=VOCABULARY[:-1])
    with pytest.raises(files.InputError, match=r"vocab.txt: 8 pieces, but .* is 9"):
        convert(source, tmp_path / "output")


def test_keys_and_activations_are_those_of_the_encoder():
    assert set(bert_config.CONFIG_KEYS) == set(modeling.BertConfig.KEYS)
    assert set(hugging_face.ACTIVATIONS.values()) == set(modeling.ACTIVATIONS)


JSON_VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-2, 13)
    | st.floats(-0.5, 1.5)
    | st.just(float("nan"))
    | st.sampled_from(["gelu", "relu", "tanh", "linear", "swish", "8", ""])
    | st.just([8])
)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(bert_config.CONFIG_KEYS), JSON_VALUES)
def test_values_are_refused_as_the_encoder_refuses_them(key, value):
    """The checks are made twice because TensorFlow takes seconds to import."""
    config = {name: CONFIG[name] for name in bert_config.CONFIG_KEYS}
    config[key] = value
    try:
        modeling.BertConfig.from_complete_dict(config)
    except ValueError:
        with pytest.raises(files.InputError):
            bert_config.check_values(config, "config.json")
    else:
        bert_config.check_values(config, "config.json")


@pytest.mark.parametrize(
    "settings, vocabulary, expected",
    [
        ('{"do_lower_case": true}', VOCABULARY, "true (tokenizer_config.json says so)"),
        (
            '{"do_lower_case": false}',
            VOCABULARY,
            "false (tokenizer_config.json says so)",
        ),
        ("{}", VOCABULARY, "false (the vocabulary has upper-case pieces)"),
        (None, VOCABULARY, "false (the vocabulary has upper-case pieces)"),
        (
            None,
            [piece.replace("Ataxia", "ataxia") for piece in VOCABULARY],
            "true (the vocabulary has no upper-case pieces)",
        ),
    ],
)
def test_case_of_the_model_is_said(tmp_path, capsys, settings, vocabulary, expected):
    source = write_folder(tmp_path / "source", vocabulary=vocabulary)
    if settings is not None:
        (source / "tokenizer_config.json").write_text(settings)
    convert(source, tmp_path / "output")
    assert f"use it with --do_lower_case={expected}\n" in capsys.readouterr().out


# Weights


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_truncated_safetensors_are_refused(source, tmp_path, kept):
    content = (source / "model.safetensors").read_bytes()
    (source / "model.safetensors").write_bytes(content[:kept])
    with pytest.raises(files.InputError, match="not a whole safetensors file"):
        convert(source, tmp_path / "output")


def test_missing_safetensors_package_is_said(source, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(files.InputError, match="pip install -r biocodes/requirements"):
        convert(source, tmp_path / "output")


# pytorch_model.bin, without PyTorch: a stand-in records how it is called


class Tensor:
    """As much of torch.Tensor as the script uses."""

    def __init__(self, array):
        self.array = array

    def is_floating_point(self):
        return self.array.dtype.kind == "f"

    def detach(self):
        return self

    def to(self, kind):
        return Tensor(self.array.astype(kind))

    def numpy(self):
        return self.array


@pytest.fixture
def fake_torch(monkeypatch):
    """A module "torch" whose files are NumPy's .npz; `calls` lists load's arguments."""
    torch = types.ModuleType("torch")
    torch.__version__, torch.float32, torch.calls = "2.6.0+cpu", np.float32, []
    torch.is_tensor = lambda value: isinstance(value, Tensor)

    def load(stream, **arguments):
        torch.calls.append(arguments)
        with np.load(io.BytesIO(stream.read())) as arrays:
            return {name: Tensor(array) for name, array in arrays.items()}

    torch.load = load
    monkeypatch.setitem(sys.modules, "torch", torch)
    return torch


class Malicious:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_pytorch_weights_are_loaded_as_weights_only(source, tmp_path, fake_torch):
    tensors = dict(make_tensors(), position_ids=np.arange(10))
    (source / "model.safetensors").unlink()
    with open(str(source / "pytorch_model.bin"), "wb") as stream:
        np.savez(stream, **tensors)
    converted = read_checkpoint(convert(source, tmp_path / "output"))
    assert fake_torch.calls == [{"map_location": "cpu", "weights_only": True}]
    expected = tensors["pooler.dense.weight"].T
    assert np.array_equal(converted["bert/pooler/dense/kernel"], expected)


def test_a_damaged_pytorch_file_is_refused(source, tmp_path, fake_torch):
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin").write_bytes(b"PK\x03\x04")
    with pytest.raises(files.InputError, match="not a whole file of plain tensors"):
        convert(source, tmp_path / "output")


@pytest.mark.parametrize("version", ["1.13.1", "2.5.1+cu124", None])
def test_pickle_is_never_executed(source, tmp_path, fake_torch, monkeypatch, version):
    import pickle

    trace = tmp_path / "executed"
    content = pickle.dumps(Malicious(str(trace)))
    (source / "model.safetensors").unlink()
    (source / "pytorch_model.bin").write_bytes(content)
    fake_torch.__version__ = version
    fake_torch.load = lambda stream, **_: pickle.load(stream)
    if version is None:  # PyTorch is not installed
        monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(files.InputError, match=r"pip install 'torch>=2.6'"):
        convert(source, tmp_path / "output")
    assert not trace.exists()


def test_pickle_is_never_executed_by_real_pytorch(source, tmp_path):
    torch = pytest.importorskip("torch", minversion="2.6")
    import pickle

    trace = tmp_path / "executed"
    (source / "model.safetensors").unlink()
    path = source / "pytorch_model.bin"
    tensors = make_tensors()
    torch.save({name: torch.tensor(tensors[name]) for name in tensors}, str(path))
    assert sorted(os.listdir(str(convert(source, tmp_path / "output")))) == OUTPUTS
    path.write_bytes(pickle.dumps(Malicious(str(trace))))
    with pytest.raises(files.InputError, match="not a whole file of plain tensors"):
        convert(source, tmp_path / "output")
    assert not trace.exists()
