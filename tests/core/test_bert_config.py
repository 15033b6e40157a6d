"""modeling.py: configurations, complete ones and those of other scripts."""

import json
import math
import pathlib

import pytest
import tensorflow.compat.v1 as tf

import modeling

DATA = pathlib.Path(__file__).parent.parent / "data"
CONFIG_FILE = str(DATA / "init" / "bert_config.json")


@pytest.fixture(scope="module")
def config():
    return modeling.BertConfig.from_json_file(CONFIG_FILE)


def values_with(**changes):
    values = dict(json.loads(pathlib.Path(CONFIG_FILE).read_text()), **changes)
    return {name: value for name, value in values.items() if value is not ...}


WRONG = [
    (values_with(vocab_size=...), "missing vocab_size"),
    (
        values_with(hidden_act=..., hidden_size=...),
        "missing hidden_size, hidden_act",
    ),
    ({}, "missing vocab_size, hidden_size"),
    ([1, 2], "must be a JSON object"),
    (None, "must be a JSON object"),
    (values_with(num_hidden_layers="2"), "num_hidden_layers must be a whole number"),
    (
        values_with(hidden_size=32.0),
        "hidden_size must be a whole number from 1, not 32",
    ),
    (values_with(vocab_size=True), "vocab_size must be a whole number"),
    (values_with(vocab_size=None), "vocab_size must be a whole number"),
    (values_with(num_attention_heads=0), "num_attention_heads must be a whole number"),
    (values_with(intermediate_size=-64), "intermediate_size .* not -64"),
    (values_with(hidden_dropout_prob=1.0), "hidden_dropout_prob must be from 0 to"),
    (values_with(hidden_dropout_prob="0.1"), "hidden_dropout_prob must be from 0 to"),
    (values_with(attention_probs_dropout_prob=-0.1), "attention_probs_dropout_prob"),
    (values_with(initializer_range=math.nan), "initializer_range must be .* nan"),
    (values_with(hidden_act="swish"), "gelu, linear, relu, tanh, not 'swish'"),
    (
        values_with(num_attention_heads=5),
        "hidden_size 32 is not a multiple of num_attention_heads 5",
    ),
]


@pytest.mark.parametrize("values, message", WRONG)
def test_wrong_configuration_is_refused(values, message):
    with pytest.raises(ValueError, match=message) as caught:
        modeling.BertConfig.from_complete_dict(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values, message", [case for case in WRONG if "missing hidden_size" not in case[1]]
)
def test_wrong_values_are_refused_whoever_makes_the_configuration(values, message):
    message = message.split(",")[0] if "missing" in message else message
    with pytest.raises(ValueError, match=message):
        modeling.BertConfig.from_dict(values)
    if isinstance(values, dict) and "vocab_size" in values:
        with pytest.raises(ValueError, match=message):
            modeling.BertConfig(**values)


def test_every_key_but_the_vocabularys_size_has_a_default():
    expected = {
        "vocab_size": 100,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 16,
        "initializer_range": 0.02,
    }
    assert modeling.BertConfig(100).to_dict() == expected
    assert modeling.BertConfig.from_dict({"vocab_size": 100}).to_dict() == expected
    fewer = modeling.BertConfig.from_dict({"vocab_size": 7, "type_vocab_size": 2})
    assert fewer.to_dict() == dict(expected, vocab_size=7, type_vocab_size=2)
    assert set(modeling.BertConfig.KEYS) == set(expected)


def test_json_string_is_a_bert_config_json(tmp_path, config):
    text = config.to_json_string()
    assert text == json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"
    assert text.splitlines()[1] == '  "attention_probs_dropout_prob": 0.1,'
    path = tmp_path / "bert_config.json"
    path.write_text(text)
    again = modeling.BertConfig.from_json_file(str(path))
    assert again.to_dict() == config.to_dict()


def test_missing_file_is_tensorflows_error(tmp_path):
    with pytest.raises(tf.errors.NotFoundError):
        modeling.BertConfig.from_json_file(str(tmp_path / "none.json"))


def test_unhashable_activation_is_refused():
    with pytest.raises(ValueError, match="hidden_act"):
        modeling.BertConfig.from_dict(values_with(hidden_act=["gelu"]))


def test_configuration_survives_a_round_trip_and_ignores_the_unknown(config):
    values = values_with(directionality="bidi")
    again = modeling.BertConfig.from_dict(values)
    assert again.to_dict() == config.to_dict()
    assert "directionality" not in again.to_dict()


def test_without_dropout_leaves_the_original_as_it_was(config):
    quiet = config.without_dropout()
    assert quiet.hidden_dropout_prob == quiet.attention_probs_dropout_prob == 0.0
    assert config.hidden_dropout_prob == config.attention_probs_dropout_prob == 0.1


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_configuration_that_is_no_json_is_a_value_error(tmp_path, content):
    path = tmp_path / "bert_config.json"
    path.write_bytes(content)
    with pytest.raises(ValueError):
        modeling.BertConfig.from_json_file(str(path))
