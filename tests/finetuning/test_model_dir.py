"""model_dir.py: a folder is a model, whoever made it, and taken for no other."""

import json
import shutil

import pytest

import run_ner
from biocodes.lib.files import InputError
from finetuning import model_dir
from kit.paths import DATA

INIT = DATA / "init"
PREFIXES = ("model.ckpt-1000000", "biobert_model.ckpt", "bert_model.ckpt", "model.ckpt")
CHECKPOINT_FILES = ("data-00000-of-00001", "index")


@pytest.fixture
def make_folder(tmp_path):
    """make_folder(prefix, name="model") → folder of the tiny model."""

    def make(prefix, name="model"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        for file in ("vocab.txt", "bert_config.json"):
            shutil.copy(str(INIT / file), str(folder))
        for ending in CHECKPOINT_FILES:
            source = INIT / f"model.ckpt.{ending}"
            shutil.copy(str(source), str(folder / f"{prefix}.{ending}"))
        return folder

    return make


def filled(*arguments):
    flags = run_ner.define_flags()
    flags(["run_ner.py", *map(str, arguments)])
    model_dir.fill_flags(flags)
    return flags


@pytest.mark.parametrize("prefix", PREFIXES)
def test_published_folders_name_everything(make_folder, prefix):
    folder = make_folder(prefix)
    flags = filled(f"--model_dir={folder}")
    assert flags.vocab_file == str(folder / "vocab.txt")
    assert flags.bert_config_file == str(folder / "bert_config.json")
    assert flags.init_checkpoint == str(folder / prefix)


def test_single_flags_have_precedence(make_folder, tmp_path):
    folder = make_folder("model.ckpt")
    other = tmp_path / "other.txt"
    shutil.copy(str(INIT / "vocab.txt"), str(other))
    flags = filled(
        f"--model_dir={folder}", f"--vocab_file={other}", "--init_checkpoint=x/y.ckpt"
    )
    assert flags.vocab_file == str(other) and flags.init_checkpoint == "x/y.ckpt"
    assert flags.bert_config_file == str(folder / "bert_config.json")


def test_without_the_flag_nothing_changes():
    flags = filled("--vocab_file=v", "--output_dir=o")
    assert (flags.vocab_file, flags.init_checkpoint) == ("v", None)
    assert flags.do_lower_case is False


@pytest.mark.parametrize("recorded", [True, False])
def test_recorded_casing_is_taken_and_cannot_be_contradicted(make_folder, recorded):
    folder = make_folder("model.ckpt")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({"do_lower_case": recorded, "other": 1}))
    assert filled(f"--model_dir={folder}").do_lower_case is recorded
    same = f"--do_lower_case={recorded}"
    assert filled(f"--model_dir={folder}", same).do_lower_case is recorded
    with pytest.raises(
        InputError, match=r"--do_lower_case: .* contradicts .*model/tok"
    ):
        filled(f"--model_dir={folder}", f"--do_lower_case={not recorded}")


@pytest.mark.parametrize("pieces, uncased", [("the\n##A\n", False), ("the\n", True)])
def test_casing_is_found_from_the_vocabulary(make_folder, pieces, uncased):
    folder = make_folder("model.ckpt")
    (folder / "vocab.txt").write_text(f"[PAD]\n[UNK]\n[CLS]\n[SEP]\n{pieces}")
    assert filled(f"--model_dir={folder}").do_lower_case is uncased
    given = filled(f"--model_dir={folder}", "--do_lower_case=true")
    assert given.do_lower_case is True


@pytest.mark.parametrize(
    "remove, add, message",
    [
        (["bert_config.json"], ["config.json"], "convert_checkpoint.py --input_dir="),
        (
            ["vocab.txt"],
            [],
            "vocab.txt missing; copy vocab.txt of its pretrained",
        ),
        (
            ["vocab.txt", "bert_config.json"],
            [],
            "vocab.txt and bert_config.json missing; name the missing files by --vocab",
        ),
        (["model.ckpt.index"], [], "no checkpoint in this folder"),
        (
            [],
            ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"],
            "several checkpoints in this folder: bert_model.ckpt, model.ckpt; name one",
        ),
    ],
)
def test_folder_that_is_no_single_model_is_refused(make_folder, remove, add, message):
    folder = make_folder("model.ckpt")
    for name in remove:
        (folder / name).unlink()
    for name in add:
        (folder / name).write_bytes(b"x")
    with pytest.raises(InputError, match=f"--model_dir={folder}: .*{message}"):
        filled(f"--model_dir={folder}")


def test_missing_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="--model_dir=.*nowhere: cannot be read"):
        filled(f"--model_dir={tmp_path / 'nowhere'}")


def test_copies_of_another_model_are_not_replaced(make_folder, tmp_path):
    folder = make_folder("model.ckpt")
    out = tmp_path / "out"
    out.mkdir()
    sources = {"vocab.txt": str(folder / "vocab.txt")}
    model_dir.check_files(str(out), sources)
    model_dir.write_files(str(out), sources, True)
    model_dir.check_files(str(out), sources)
    assert (out / "vocab.txt").read_bytes() == (INIT / "vocab.txt").read_bytes()
    assert json.loads((out / "tokenizer_config.json").read_text()) == {
        "do_lower_case": True
    }
    (out / "vocab.txt").write_text("mine\n")
    with pytest.raises(InputError, match="out/vocab.txt: is not .*model/vocab.txt"):
        model_dir.check_files(str(out), sources)


def test_warning_of_casing(caplog, monkeypatch):
    monkeypatch.setattr(model_dir.log, "propagate", True)
    cased, uncased = ["[CLS]", "The"], ["[CLS]", "the"]
    for vocabulary, do_lower_case in ((cased, False), (uncased, True)):
        model_dir.warn_of_casing(vocabulary, do_lower_case)
    assert not caplog.messages
    model_dir.warn_of_casing(uncased, False)
    model_dir.warn_of_casing(cased, True)
    assert "words with one become [UNK]; is --do_lower_case=true" in caplog.messages[0]
    assert "is --do_lower_case=false meant?" in caplog.messages[1]


def test_trained_folder_is_a_model_that_can_be_moved(call, make_folder, tmp_path):
    """The two commands of the README, and a folder copied to a colleague."""
    folder, data = make_folder("model.ckpt-1000000"), tmp_path / "data"
    data.mkdir()
    for name in ("train_dev", "devel", "test"):
        lines = (DATA / "ner" / "devel.tsv").read_text().split("\n\n")[:8]
        (data / f"{name}.tsv").write_text("\n\n".join(lines) + "\n\n")
    short = ["--max_seq_length=48", "--train_batch_size=4", "--num_train_epochs=1"]
    trained = call(
        run_ner,
        f"--model_dir={folder}",
        f"--data_dir={data}",
        f"--output_dir={tmp_path / 'ner'}",
        *short,
    )
    assert trained == (0, "", "")
    shutil.move(str(tmp_path / "ner"), str(tmp_path / "moved"))
    shutil.rmtree(str(folder))
    text = tmp_path / "abstracts.txt"
    text.write_text("Ataxia in mice.\n")
    predict = ["--do_train=false", f"--model_dir={tmp_path / 'moved'}"]
    predict += [f"--predict_file={text}", "--max_seq_length=48"]
    done = call(run_ner, *predict, f"--output_dir={tmp_path / 'out'}")
    assert done == (0, "", "")
    assert (tmp_path / "out" / "entities.jsonl").read_text().count("\n") == 1
    refused = call(
        run_ner, *predict, "--do_lower_case=true", f"--output_dir={tmp_path / 'out2'}"
    )
    assert "--do_lower_case: true contradicts" in refused.error
