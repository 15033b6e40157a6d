"""Wrong input of the commands that convert and export models."""

import pytest

from kit.wrong_input import (
    cases_of,
    config,
    cut,
    full_disk,
    give,
    instead,
    names_of,
    put,
    put_json,
)

CONVERT = "biocodes/convert_checkpoint.py"
EXPORT = "biocodes/export_model.py"

CASES = [
    *cases_of(
        CONVERT,
        ("missing folder", [give("--input_dir={here}/no")], "/no: no such folder"),
        ("empty configuration", [put("hf/config.json", "")], "config.json:1: not JSON"),
        (
            "number out of range",
            [put_json("hf/config.json", {"hidden_size": -1})],
            "hf/config.json: without the key vocab_size, ",
        ),
        (
            "vocabulary of another size",
            [put("hf/vocab.txt", "[PAD]\n")],
            "hf/vocab.txt: 1 pieces, but vocab_size in config.json is 5",
        ),
        (
            "truncated weights",
            [cut("hf/model.safetensors", 5000)],
            "hf/model.safetensors: not a whole safetensors file",
        ),
        (
            "binary weights",
            [put("hf/model.safetensors", b"\x80\x02ctorch\n" * 99)],
            "hf/model.safetensors: not a whole safetensors file",
        ),
        (
            "missing weights",
            [put("hf/model.safetensors", None)],
            "hf: holds no model.s",
        ),
        (
            "output in a file",
            [give("--output_dir={here}/table.txt")],
            "table.txt: cann",
        ),
        (
            "full disk",
            [full_disk()],
            r"converted/.*: cannot be written \(file too large\)",
        ),
    ),
    *cases_of(
        EXPORT,
        (
            "missing folder",
            [give("--model_dir={here}/no")],
            r"--model_dir=\S+/no: cannot be read \(no such file",
        ),
        (
            "folder without a model",
            [give("--model_dir={here}/ner")],
            "vocab.txt and bert_config.json missing; name the folder of a pretrained",
        ),
        (
            "a folder of Hugging Face's",
            [give("--model_dir={here}/hf")],
            "bert_config.json missing; it looks like Hugging Face's; .*convert_checkp",
        ),
        (
            "an exported model",
            [put("model/model.ckpt.index", None), put("model/model.onnx", "x")],
            "no checkpoint in this folder; it has model.onnx, which predicts with",
        ),
        (
            "checkpoints of two models",
            [
                put("model/other.ckpt.index", "x"),
                put("model/other.ckpt.data-00000-of-00001", "x"),
            ],
            "several checkpoints in this folder: model.ckpt, other.ckpt; name one by",
        ),
        (
            "checkpoint of another width",
            [config(hidden_size=64)],
            r"word_embeddings has shape \[3000, 32\] there, but .*\[3000, 64\]; is ber",
        ),
        (
            "checkpoint of fewer layers",
            [config(num_hidden_layers=3)],
            "model.ckpt: lacks bert/encoder/layer_2/.*, which a model of this",
        ),
        (
            "truncated checkpoint",
            [cut("model/model.ckpt.data-00000-of-00001", 5000)],
            "model.ckpt: not a readable TensorFlow checkpoint; copy or download it",
        ),
        (
            "vocabulary of another size",
            [put("model/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n")],
            "vocab.txt: 4 pieces, but the configuration says vocab_size 3,000",
        ),
        (
            "missing checkpoint",
            [give("--init_checkpoint={here}/model/model.ckpt-7")],
            "model.ckpt-7: no such checkpoint; in .* there is model.ckpt",
        ),
        (
            "a target that is there",
            [give("--output_dir={here}/out")],
            "out: is already there; name a new folder",
        ),
        (
            "a target below a file",
            [give("--output_dir={here}/table.txt/out")],
            r"table.txt/out: cannot be written \(not a directory\)",
        ),
        (
            "full disk",
            [full_disk()],
            r"exported.*: cannot be written \(file too large\)",
        ),
        ("unknown form", [give("--to=pytorch")], "argument --to: invalid choice: 'pyt"),
        (
            "8 bits of another form",
            [give("--int8=true")],
            "--int8: means nothing without --to=onnx",
        ),
        ("no flags", [instead()], "required: --model_dir, --output_dir, --to"),
    ),
]
# The first case of each script is given to a process that starts from nothing.
FIRST = {case.script: case for case in reversed(CASES)}


@pytest.mark.parametrize("case", CASES, ids=names_of(CASES))
def test_wrong_input_is_one_line(case, refused, as_command, as_new_command):
    refused(case, as_new_command if FIRST[case.script] is case else as_command)
