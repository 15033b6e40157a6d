"""convert_checkpoint.py: what a small model computes after it, whole output or none."""

import json
import math
import os
import resource
import struct

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

import modeling
from biocodes import convert_checkpoint
from biocodes.lib import bert_config, files
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
from kit.paths import DATA

TINY = str(DATA / "init")

# The source's arithmetic and ours


def forward(tensors, prefix, ids, mask, segments):
    """PyTorch's BERT in NumPy: (last layer [B, S, H], pooled output [B, H])."""
    heads = CONFIG["num_attention_heads"]
    erf = np.vectorize(math.erf)

    def tensor(name):
        return tensors[prefix + name].astype(np.float64)

    def linear(name, x):
        return x @ tensor(name + ".weight").T + tensor(name + ".bias")

    def norm(name, x):
        name, centred = name + ".LayerNorm", x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt(np.square(centred).mean(-1, keepdims=True) + 1e-12)
        new = prefix + name + ".weight" in tensors
        gamma, beta = (".weight", ".bias") if new else (".gamma", ".beta")
        return scaled * tensor(name + gamma) + tensor(name + beta)

    def split(x):  # [B, S, H] → [B, N, S, D]
        return x.reshape(x.shape[:2] + (heads, -1)).transpose(0, 2, 1, 3)

    def attention(layer, x):
        query, key, value = (
            split(linear(f"{layer}attention.self.{part}", x))
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / math.sqrt(query.shape[-1])
        scores = np.where(mask[:, None, None, :] == 1, scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        return (weights @ value).transpose(0, 2, 1, 3).reshape(x.shape)

    x = tensor("embeddings.word_embeddings.weight")[ids]
    x = x + tensor("embeddings.position_embeddings.weight")[: ids.shape[1]]
    x = x + tensor("embeddings.token_type_embeddings.weight")[segments]
    x = norm("embeddings", x)
    for number in range(CONFIG["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        attended = linear(layer + "attention.output.dense", attention(layer, x))
        x = norm(layer + "attention.output", attended + x)
        inner = linear(layer + "intermediate.dense", x)
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = norm(layer + "output", linear(layer + "output.dense", inner) + x)
    return x, np.tanh(linear("pooler.dense", x[:, 0]))


def run_encoder(folder, ids, mask, segments):
    """The same two arrays from our encoder with the converted checkpoint."""
    config = modeling.BertConfig.from_json_file(str(folder / "bert_config.json"))
    with tf.Graph().as_default(), tf.Session() as session:
        model = modeling.BertModel(
            config=config,
            is_training=False,
            input_ids=tf.constant(ids),
            input_mask=tf.constant(mask),
            token_type_ids=tf.constant(segments),
        )
        tf.train.Saver().restore(session, str(folder / "model.ckpt"))
        return session.run([model.get_sequence_output(), model.get_pooled_output()])


@pytest.mark.parametrize("prefix", ["", "bert."])
@pytest.mark.parametrize("norms", [("weight", "bias"), ("gamma", "beta")])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_converted_model_computes_what_the_source_does(tmp_path, prefix, norms, kind):
    tensors = make_tensors(prefix, norms)
    stored = {name: array.astype(kind) for name, array in tensors.items()}
    output = convert(write_folder(tmp_path / "source", stored), tmp_path / "output")
    ids = np.array([[2, 4, 5, 7, 8, 3], [2, 6, 3, 0, 0, 0]], np.int32)
    mask = (ids > 0).astype(np.int32)
    segments = np.array([[0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0]], np.int32)
    expected = forward(tensors, prefix, ids, mask, segments)
    sequence, pooled = run_encoder(output, ids, mask, segments)
    real = mask == 1
    np.testing.assert_allclose(sequence[real], expected[0][real], rtol=0, atol=2e-5)
    np.testing.assert_allclose(pooled, expected[1], rtol=0, atol=2e-5)


def test_a_checkpoint_in_hugging_face_form_comes_back_bit_by_bit(tmp_path):
    reader = tf.train.load_checkpoint(os.path.join(TINY, "model.ckpt"))
    original = {n: reader.get_tensor(n) for n in reader.get_variable_to_shape_map()}
    tensors = {}
    for name, array in original.items():
        name = name.replace("/", ".").replace("layer_", "layer.")
        name = name.replace("kernel", "weight")
        name = name.replace("gamma", "weight").replace("beta", "bias")
        name += ".weight" if name.endswith("_embeddings") else ""
        kernel = array.ndim == 2 and "embeddings" not in name
        tensors[name] = np.ascontiguousarray(array.T if kernel else array)
    config = files.read_json(os.path.join(TINY, "bert_config.json"))
    vocabulary = files.read_text(os.path.join(TINY, "vocab.txt")).split("\n")
    source = write_folder(tmp_path / "source", tensors, config, vocabulary)
    output = convert(source, tmp_path / "output")
    converted = read_checkpoint(output)
    assert set(converted) == set(original)
    assert all(np.array_equal(converted[name], original[name]) for name in original)
    assert files.read_json(str(output / "bert_config.json")) == config


def test_bfloat16_is_widened(tmp_path):
    tensors = make_tensors()
    header, data = {}, b""
    for name, array in tensors.items():
        half = (array.view(np.uint32) >> 16).astype("<u2").tobytes()
        header[name] = {
            "dtype": "BF16",
            "shape": array.shape,
            "data_offsets": [len(data), len(data) + len(half)],
        }
        data += half
    header = json.dumps(header).encode()
    header += b" " * (-len(header) % 8)
    source = write_folder(tmp_path / "source")
    content = struct.pack("<Q", len(header)) + header + data
    (source / "model.safetensors").write_bytes(content)
    kernel = read_checkpoint(convert(source, tmp_path / "out"))[
        "bert/pooler/dense/kernel"
    ]
    expected = tensors["pooler.dense.weight"].T
    assert kernel.dtype == np.float32
    np.testing.assert_allclose(kernel, expected, rtol=2**-7)


# What is written and reported


def test_output_is_the_four_files_and_their_folder_is_made(source, tmp_path):
    output = convert(source, tmp_path / "deep" / "output")
    assert sorted(os.listdir(str(output))) == OUTPUTS
    config = files.read_json(str(output / "bert_config.json"))
    assert config == {key: CONFIG[key] for key in bert_config.CONFIG_KEYS}
    assert (output / "vocab.txt").read_bytes() == (source / "vocab.txt").read_bytes()


def test_folder_may_be_converted_in_place(source):
    convert(source, source)
    assert set(OUTPUTS) < set(os.listdir(str(source)))


def test_vocabulary_with_byte_order_mark_crlf_and_blank_end_is_read(source, tmp_path):
    text = "\r\n".join(VOCABULARY) + "\r\n\r\n"
    (source / "vocab.txt").write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    output = convert(source, tmp_path / "output")
    assert (output / "vocab.txt").read_bytes().decode("utf-8").split() == VOCABULARY


def test_what_is_left_behind_is_listed(tmp_path, capsys):
    tensors = make_tensors("bert.")
    tensors["cls.predictions.bias"] = np.zeros(9, np.float32)
    tensors["classifier.weight"] = np.zeros((2, 8), np.float32)
    tensors["bert.embeddings.position_ids"] = np.arange(10, dtype=np.int64)[None]
    convert(write_folder(tmp_path / "source", tensors), tmp_path / "output")
    assert (
        "not carried over: bert.embeddings.position_ids, classifier.weight, "
        "cls.predictions.bias\n"
    ) in capsys.readouterr().out


def test_gelu_as_older_exports_name_it(tmp_path):
    source = write_folder(tmp_path / "s", config=dict(CONFIG, hidden_act="gelu_python"))
    output = convert(source, tmp_path / "output")
    assert files.read_json(str(output / "bert_config.json"))["hidden_act"] == "gelu"


def test_model_type_may_be_missing_as_in_old_exports(tmp_path):
    config = {key: CONFIG[key] for key in bert_config.CONFIG_KEYS}
    output = convert(write_folder(tmp_path / "s", config=config), tmp_path / "output")
    assert sorted(os.listdir(str(output))) == OUTPUTS


# Weights of another model


def with_tensor(name, array):
    return dict(make_tensors(), **{name: array})


KERNEL = "encoder.layer.1.output.dense.weight"


@pytest.mark.parametrize(
    "tensors, problem",
    [
        (without(make_tensors(), KERNEL), f"without the encoder's {KERNEL}$"),
        (
            without(make_tensors(), "pooler.dense.weight", "pooler.dense.bias"),
            "without the encoder's pooler.dense.weight, pooler.dense.bias$",
        ),
        (
            {n: a for n, a in make_tensors().items() if "attention.self" not in n},
            "query.weight, .*query.bias, .*key.weight and 9 more$",
        ),
        (
            with_tensor(KERNEL, np.zeros((12, 8), np.float32)),
            rf"{KERNEL} has the shape \[12, 8\], but config.json makes it \[8, 12\]",
        ),
        (
            with_tensor(KERNEL, np.zeros(8, np.float32)),
            rf"{KERNEL} has the shape \[8\], but config.json makes it \[8, 12\]",
        ),
        (with_tensor(KERNEL, np.zeros((8, 12), np.int8)), "not of floating point"),
        (with_tensor(KERNEL, np.full((8, 12), np.nan, np.float32)), "not finite"),
        (with_tensor(KERNEL, np.full((8, 12), 1e300)), "not finite"),
        (
            with_tensor("encoder.layer.2.output.dense.bias", np.zeros(8, np.float32)),
            "holds 3 layers, but num_hidden_layers in config.json is 2",
        ),
        (
            with_tensor("encoder.layer.0.adapter.bias", np.zeros(8, np.float32)),
            "has encoder.layer.0.adapter.bias, which no BERT encoder has",
        ),
        (make_tensors("roberta."), "roberta.embeddings.word_embeddings.weight"),
        (dict(make_tensors(), **make_tensors("bert.")), "where a single BERT has"),
        ({"w": np.zeros(3, np.float32)}, "not a BERT"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, tensors, problem):
    source = write_folder(tmp_path / "source", tensors)
    with pytest.raises(files.InputError, match=problem) as caught:
        convert(source, tmp_path / "output")
    assert str(caught.value).startswith(str(source / "model.safetensors"))
    assert not (tmp_path / "output").exists()


# Whole outputs or none


@pytest.mark.parametrize("error", [KeyboardInterrupt, files.InputError("no space")])
def test_an_older_output_stays_when_saving_fails(source, tmp_path, monkeypatch, error):
    output = convert(source, tmp_path / "output")
    before = {name: (output / name).read_bytes() for name in OUTPUTS}

    def fail(prefix, variables):
        open(prefix + ".index", "w").close()
        raise error

    monkeypatch.setattr(convert_checkpoint, "save_checkpoint", fail)
    with pytest.raises((KeyboardInterrupt, files.InputError)):
        convert(source, output)
    assert sorted(os.listdir(str(output))) == OUTPUTS
    assert {name: (output / name).read_bytes() for name in OUTPUTS} == before


@pytest.mark.parametrize("moves", range(4))
def test_no_configuration_stands_beside_other_weights(
    source, tmp_path, monkeypatch, moves
):
    output = convert(source, tmp_path / "output")
    inside, moved, replace = "model.ckpt.incomplete", [], os.replace

    def stop_after_moves(old, new):
        if inside in old and not old.endswith(".tmp"):
            if len(moved) == moves:
                raise KeyboardInterrupt
            moved.append(new)
        replace(old, new)

    monkeypatch.setattr(os, "replace", stop_after_moves)
    with pytest.raises(KeyboardInterrupt):
        convert(source, output)
    assert not (output / "bert_config.json").exists()
    assert not (output / inside).exists()


def test_what_a_killed_run_left_is_replaced(source, tmp_path):
    left = tmp_path / "output" / "model.ckpt.incomplete"
    os.makedirs(str(left))
    (left / "model.ckpt.index").write_bytes(b"half")
    output = convert(source, tmp_path / "output")
    assert sorted(os.listdir(str(output))) == OUTPUTS
    assert len(read_checkpoint(output)) == 39


# As a command


@pytest.fixture
def run(run_command):
    """run(*flags, **options) → Finished."""
    return lambda *flags, **options: run_command(
        "biocodes/convert_checkpoint.py", *flags, **options
    )


def assert_refused(done, *parts):
    assert done.error.startswith("convert_checkpoint.py: error: ")
    assert done.stdout == ""
    assert all(part in done.error for part in parts)


def test_command_runs_from_anywhere_and_only_says_what_it_did(run, source, tmp_path):
    done = run("--input_dir", "source", "--output_dir=out", cwd=str(tmp_path))
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout == (
        "out: bert_config.json, vocab.txt and model.ckpt written\n"
        "39 variables of the encoder, 1,320 weights\n"
        "not carried over: nothing\n"
        "use it with --do_lower_case=false (the vocabulary has upper-case pieces)\n"
    )


def test_command_refuses_in_one_line(run, source, tmp_path):
    (source / "vocab.txt").write_bytes(b"a\n\xff\n")
    done = run(f"--input_dir={source}", f"--output_dir={tmp_path / 'out'}")
    assert_refused(done, f"{source / 'vocab.txt'}:2: ", "UTF-8")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("flags", [[], ["--input_dir=a"], ["--output=b", "--x=1"]])
def test_command_line_errors_take_one_line(run, flags):
    assert_refused(run(*flags))


def test_output_that_cannot_be_a_folder_is_refused(run, source, tmp_path):
    (tmp_path / "out").write_text("mine")
    done = run(f"--input_dir={source}", f"--output_dir={tmp_path / 'out'}")
    assert_refused(done, str(tmp_path / "out"), "cannot be written")
    assert (tmp_path / "out").read_text() == "mine"


def test_full_disk_is_refused_in_one_line_and_leaves_nothing(run, source, tmp_path):
    output = tmp_path / "out"

    def limit_files():  # a file that grows beyond this fails as on a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))

    done = run(
        f"--input_dir={source}", f"--output_dir={output}", preexec_fn=limit_files
    )
    assert_refused(done, "cannot be written")
    assert os.listdir(str(output)) == []
