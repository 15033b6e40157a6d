"""Paths that TensorFlow would misread, configurations that no BERT has: one line."""

import json
import os

import pytest

import run_ner
from biocodes.lib.files import InputError
from finetuning import model
from finetuning.command_line import parse_flags
from kit.paths import DATA

CONFIG = json.loads((DATA / "init" / "bert_config.json").read_text())
SIZES = sorted(model.LARGEST)


def parse(*arguments):
    given = ["--vocab_file=v", "--bert_config_file=b", "--output_dir=o", *arguments]
    return parse_flags(run_ner.define_flags(), ["run_ner.py", *given], "About.")


@pytest.mark.parametrize("name", ["a[1]", "a*", "what?", "back\\slash", "b]"])
@pytest.mark.parametrize("flag", ["output_dir", "init_checkpoint", "model_dir"])
def test_pattern_in_the_path_of_a_checkpoint_is_refused(flag, name):
    with pytest.raises(InputError, match=f"--{flag}: .* which TensorFlow reads"):
        parse(f"--{flag}=out/{name}")


NOT_UTF8 = os.fsdecode(b"r\xe9sum\xe9")


@pytest.mark.parametrize("flag", ["output_dir", "init_checkpoint", "model_dir"])
def test_path_of_a_checkpoint_that_is_not_utf8_is_refused(flag):
    message = r"--{}: out/r\\udce9sum\\udce9 is not UTF-8, .* UTF-8 paths; rename"
    with pytest.raises(InputError, match=message.format(flag)):
        parse(f"--{flag}=out/{NOT_UTF8}")


def test_other_paths_may_have_any_characters():
    for path in ("a[1]*?", NOT_UTF8):
        assert parse(f"--data_dir={path}").data_dir == path


@pytest.mark.parametrize("folder", ["a[1]", NOT_UTF8])
def test_folder_of_a_loaded_model_is_checked_likewise(folder):
    with pytest.raises(InputError, match="--model_dir: .* TensorFlow"):
        run_ner.load(folder)


def test_other_flags_are_text():
    with pytest.raises(InputError, match="--task_name: .* is not UTF-8 text"):
        parse(f"--task_name={NOT_UTF8}")


@pytest.mark.parametrize("path", ["gs://bucket/x", "hdfs://h/x", "s3://b", "http://h"])
@pytest.mark.parametrize("flag", ["output_dir", "data_dir", "vocab_file", "model_dir"])
def test_remote_path_is_refused_at_once(flag, path):
    with pytest.raises(InputError, match=f"--{flag}: {path} is not on this machine"):
        parse(f"--{flag}={path}")


def write(tmp_path, **changes):
    path = tmp_path / "bert_config.json"
    values = dict(CONFIG, **changes)
    kept = {name: value for name, value in values.items() if value is not None}
    path.write_text(json.dumps(kept))
    return str(path)


@pytest.mark.parametrize("value", [2**40, 2**70], ids=["2^40", "2^70"])
@pytest.mark.parametrize("name", SIZES)
def test_absurd_size_is_refused_before_anything_is_built(tmp_path, name, value):
    changes = {name: value}
    if name == "num_attention_heads":
        changes["hidden_size"] = value
    path = write(tmp_path, **changes)
    with pytest.raises(InputError, match=f"{path}: .* is more than any BERT has"):
        model.load_config(path, 16)


def test_weights_that_fit_into_no_memory_are_refused(tmp_path):
    path = write(tmp_path, hidden_size=1 << 16, num_hidden_layers=900)
    with pytest.raises(InputError, match=r"weights need [\d,]+ GB; this machine has"):
        model.load_config(path, 16)


@pytest.mark.parametrize("name", sorted(model.DEFAULTS))
def test_key_with_a_usual_value_takes_it_and_says_so(
    tmp_path, name, caplog, monkeypatch
):
    monkeypatch.setattr(model.log, "propagate", True)
    caplog.set_level("INFO", model.log.name)
    config = model.load_config(write(tmp_path, **{name: None}), 16)
    assert getattr(config, name) == model.DEFAULTS[name]
    assert f"usual values are taken: {name} {model.DEFAULTS[name]}" in caplog.text


def test_key_without_a_usual_value_is_missed(tmp_path):
    with pytest.raises(InputError, match="missing hidden_size"):
        model.load_config(write(tmp_path, hidden_size=None), 16)
