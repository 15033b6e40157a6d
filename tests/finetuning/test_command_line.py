"""command_line.py: every flag and default of the original, and what is refused."""

import logging
import os
import re
import subprocess
import sys

import pytest
import tensorflow.compat.v1 as tf

import run_ner
import run_qa
import run_re
from biocodes.lib import files
from biocodes.lib.version import VERSION
from finetuning import command_line, console
from kit.paths import ROOT

SCRIPTS = {"run_ner": run_ner, "run_re": run_re, "run_qa": run_qa}
NONE = object()  # the script has no such flag

# Flag → its default in run_ner, run_re and run_qa.
DEFAULTS = {
    "task_name": ("NER", None, NONE),
    "data_dir": (None, None, NONE),
    "train_file": (None, NONE, None),
    "dev_file": (NONE, NONE, None),
    "predict_file": (None, NONE, None),
    "input_format": (None, NONE, NONE),
    "id_column": (None, NONE, NONE),
    "text_column": (None, NONE, NONE),
    "min_score": (0.0, NONE, NONE),
    "type_name": (None, NONE, NONE),
    "output_dir": (None, None, None),
    "vocab_file": (None, None, None),
    "bert_config_file": (None, None, None),
    "init_checkpoint": (None, None, None),
    "do_lower_case": (False, True, True),
    "max_seq_length": (128, 128, 384),
    "doc_stride": (NONE, NONE, 128),
    "max_query_length": (NONE, NONE, 64),
    "do_train": (True, False, False),
    "do_eval": (False, False, NONE),
    "do_predict": (True, False, False),
    "train_batch_size": (32, 32, 32),
    "eval_batch_size": (8, 8, NONE),
    "predict_batch_size": (8, 8, 8),
    "learning_rate": (5e-5, 5e-5, 5e-5),
    "num_train_epochs": (10.0, 3.0, 3.0),
    "warmup_proportion": (0.1, 0.1, 0.1),
    "save_checkpoints_steps": (1000, 1000, 1000),
    "iterations_per_loop": (1000, 1000, 1000),
    "n_best_size": (NONE, NONE, 20),
    "max_answer_length": (NONE, NONE, 30),
    "verbose_logging": (NONE, NONE, False),
    "version_2_with_negative": (NONE, NONE, False),
    "null_score_diff_threshold": (NONE, NONE, 0.0),
    "use_tpu": (False, False, False),
    "tpu_name": (None, None, None),
    "tpu_zone": (None, None, None),
    "gcp_project": (None, None, None),
    "master": (None, None, None),
    "num_tpu_cores": (8, 8, 8),
    # Ours.
    "model_dir": (None, None, None),
    "engine": ("tensorflow", "tensorflow", "tensorflow"),
    "keep_checkpoint_max": (5, 5, 5),
    "seed": (1, 1, 1),
    "pad_to_max_length": (False, False, False),
    "gradient_accumulation_steps": (1, 1, 1),
    "mixed_precision": (False, False, False),
    "horovod": (False, False, False),
    "recompute_layers": (False, False, False),
    "require_gpu": (False, False, False),
    "report": (True, True, True),
    "overwrite_output_dir": (False, False, False),
    "partial_annotation": (True, NONE, NONE),
    "output_formats": (None, NONE, NONE),
    "long_sentences": (None, "truncate", NONE),
    "window_pooling": (NONE, None, NONE),
    "multilabel": (NONE, False, NONE),
    "class_weights": (NONE, None, NONE),
    "threshold": (NONE, None, NONE),
    "resume": (False, NONE, NONE),
    "shard": (None, NONE, NONE),
    "do_embed": (False, NONE, NONE),
    "embed": ("passage", NONE, NONE),
    "layers": ("-1,-2,-3,-4", NONE, NONE),
    "pooling": ("mean", NONE, NONE),
    "labels": (NONE, None, None),
    "eval_every": (None, None, None),
    "keep_best": (False, False, False),
    "best_metric": (None, None, None),
    "patience": (0, 0, 0),
    "seeds": (None, None, None),
    "ensemble": (False, False, False),
    "ensemble_of": (None, None, None),
    "question_type": (NONE, NONE, "factoid"),
    "balance": (NONE, NONE, "undersample"),
    "examples_per_class": (NONE, NONE, 500),
    "first_window_only": (NONE, NONE, False),
    "negative": (NONE, None, NONE),
}
# What --help shows them under, in its order.
TOPICS = {
    "run_ner": [
        *("files", "model", "what to do", "training", "memory", "prediction"),
        *("development data", "raw text", "embeddings", "other"),
    ],
    "run_re": [
        *("files", "model", "what to do", "training", "memory", "prediction"),
        *("task", "imbalance", "development data", "other"),
    ],
    "run_qa": [
        *("files", "model", "what to do", "training", "memory", "prediction"),
        *("questions", "windows", "answers", "yes/no questions"),
        *("development data", "other"),
    ],
}
WITHOUT_EFFECT = "accepted for old commands, without effect"
OF_TPUS = {
    *("use_tpu", "tpu_name", "tpu_zone", "gcp_project", "master"),
    *("num_tpu_cores", "iterations_per_loop"),
}
PATHS = ("--vocab_file=v", "--bert_config_file=c", "--output_dir=o", "--data_dir=d")


def parse(*arguments):
    return command_line.parse_flags(
        run_ner.define_flags(), ["run_ner.py", *arguments], "About.", ("data_dir",)
    )


@pytest.mark.parametrize("name", sorted(DEFAULTS))
@pytest.mark.parametrize("column, script", enumerate(SCRIPTS))
def test_default(column, script, name):
    flags = SCRIPTS[script].define_flags()
    default = DEFAULTS[name][column]
    if default is NONE:
        assert name not in flags
    else:
        assert flags[name].default == default
        assert type(flags[name].default) is type(default)
        assert flags[name].help


@pytest.mark.parametrize("column, script", enumerate(SCRIPTS))
def test_there_are_no_other_flags(column, script):
    known = {name for name in DEFAULTS if DEFAULTS[name][column] is not NONE}
    assert set(SCRIPTS[script].define_flags()) == known


@pytest.mark.parametrize(
    "arguments, name, value",
    [
        (["--do_eval=true"], "do_eval", True),
        (["--do_eval=True"], "do_eval", True),
        (["--do_eval"], "do_eval", True),
        (["--do_train=false"], "do_train", False),
        (["--do_train=False"], "do_train", False),
        (["--nodo_train"], "do_train", False),
        (["-do_eval=true"], "do_eval", True),
        (["--max_seq_length", "64"], "max_seq_length", 64),
        (["--learning_rate=5e-6"], "learning_rate", 5e-6),
        (["--learning_rate=1"], "learning_rate", 1.0),
        (["--num_train_epochs=0.5"], "num_train_epochs", 0.5),
        (["--warmup_proportion=0"], "warmup_proportion", 0.0),
        (["--seed=1", "--seed=2"], "seed", 2),
        (["--tpu_name=x", "--num_tpu_cores=4", "--use_tpu=false"], "tpu_name", "x"),
        (["--data_dir=a=b c"], "data_dir", "a=b c"),
    ],
)
def test_spelling(arguments, name, value):
    parsed = parse(*PATHS, *arguments)[name].value
    assert parsed == value and type(parsed) is type(value)


REFUSED = [
    (["--no_such_flag=1"], "no_such_flag"),
    (["--max_seq_len=64"], "max_seq_len"),
    (["stray"], "'stray' is not a flag"),
    (["do_train=true"], "'do_train=true' is not a flag"),
    (["--do_train", "true"], "'true' is not a flag"),
    (["--do_train=perhaps"], "do_train"),
    (["--max_seq_length=many"], "max_seq_length"),
    (["--max_seq_length=64.5"], "max_seq_length"),
    (["--max_seq_length="], "max_seq_length"),
    (["--learning_rate=fast"], "learning_rate"),
    (["--seed"], "seed"),
    (["--use_tpu=true"], "--use_tpu: TPUs are not supported"),
    (["--data_dir="], "--data_dir: is required"),
    (["--max_seq_length=2"], "--max_seq_length: must be 3 or more, not 2"),
    (["--max_seq_length=-128"], "--max_seq_length: must be 3 or more, not -128"),
    (["--train_batch_size=0"], "--train_batch_size: must be 1 or more"),
    (
        ["--gradient_accumulation_steps=0"],
        "--gradient_accumulation_steps: must be 1 or more",
    ),
    (
        ["--gradient_accumulation_steps=5"],
        "--gradient_accumulation_steps: 5 equal parts cannot be made of"
        " --train_batch_size=32; give a divisor of it",
    ),
    (["--predict_batch_size=0"], "--predict_batch_size: must be 1 or more"),
    (["--eval_batch_size=-1"], "--eval_batch_size: must be 1 or more"),
    (["--save_checkpoints_steps=0"], "--save_checkpoints_steps: must be 1 or more"),
    (["--keep_checkpoint_max=0"], "--keep_checkpoint_max: must be 1 or more"),
    (["--seed=-1"], "--seed: must be 0 or more"),
    (["--seed=2147483648"], "--seed: must be at most 2147483647, not 2147483648"),
    (["--learning_rate=0"], "--learning_rate: must be above 0, not 0.0"),
    (["--learning_rate=-5e-5"], "--learning_rate: must be above 0"),
    (["--learning_rate=nan"], "--learning_rate: must be above 0, not nan"),
    (["--learning_rate=inf"], "--learning_rate: must be above 0, not inf"),
    (["--num_train_epochs=0"], "--num_train_epochs: must be above 0"),
    (["--num_train_epochs=inf"], "--num_train_epochs: must be above 0, not inf"),
    (["--num_train_epochs=1e300"], "--num_train_epochs: must be at most"),
    (["--warmup_proportion=-0.1"], "--warmup_proportion: must be 0.0 or more"),
    (["--warmup_proportion=10"], "--warmup_proportion: must be at most 1.0, not 10"),
    (["--warmup_proportion=nan"], "--warmup_proportion: must be 0.0 or more, not nan"),
]


@pytest.mark.parametrize("arguments, message", REFUSED, ids=lambda x: str(x)[:30])
def test_refusal(arguments, message):
    with pytest.raises(files.InputError) as caught:
        parse(*PATHS, *arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", PATHS)
def test_required_flag(missing):
    name = missing.split("=")[0]
    is_of_model = name in ("--vocab_file", "--bert_config_file")
    remedy = "; or name the folder of the model by --model_dir" if is_of_model else ""
    others = [path for path in PATHS if path != missing]
    with pytest.raises(files.InputError, match=f"^{name}: is required{remedy}$"):
        parse(*others)
    if is_of_model:
        assert parse(*others, "--model_dir=m").model_dir == "m"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_flags_do_not_mix(script):
    """Three scripts in one process: parsing for one leaves the others as they are."""
    flags = SCRIPTS[script].define_flags()
    parse(*PATHS, "--seed=99")
    assert flags["seed"].value == 1


# --flagfile


def test_flags_may_be_read_from_a_file(tmp_path):
    path = tmp_path / "flags.txt"
    path.write_text("--seed=7\n# a comment\n\n--do_eval\n--data_dir=a=b c\n")
    flags = parse(*PATHS, f"--flagfile={path}", "--max_seq_length=64")
    assert (flags.seed, flags.do_eval, flags.data_dir) == (7, True, "a=b c")
    assert flags.max_seq_length == 64
    assert parse(*PATHS, f"--flagfile={path}", "--seed=8").seed == 8


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "--flagfile={}: cannot be read (no such file or directory)"),
        (b"\xff\xfe--seed=7\n", "--flagfile: is not UTF-8 text"),
        (b"--no_such_flag=1\n", "Unknown command line flag 'no_such_flag'; "),
        (b"--seed=many\n", "flag --seed=many: "),
        (b"stray\n", "'stray' is not a flag; "),
    ],
    ids=["missing", "not text", "unknown flag", "wrong value", "no flag"],
)
def test_wrong_flagfile_is_one_line_and_status_2(call, tmp_path, content, message):
    path = tmp_path / "flags.txt"
    if content is not None:
        path.write_bytes(content)
    done = call(run_ner, *PATHS, f"--flagfile={path}")
    assert done.error.startswith(f"run_ner.py: error: {message.format(path)}")


# --help and --version


@pytest.mark.parametrize("flag", ["--help", "-h", "-help"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_all_there_is_to_know(script, flag, call):
    done = call(SCRIPTS[script], "--nonsense", flag)
    assert (done.status, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == SCRIPTS[script].__doc__.splitlines()[0]
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 100
    assert lines[-1].startswith("--flagfile=FILE ")


def shown(script):
    """--help of a script: flag → (its topic, default as shown, text), and topics."""
    module = SCRIPTS[script]
    text = command_line.help_text(module.define_flags(), module.__doc__)
    text = text[len(module.__doc__.strip()) :]
    topic, flags, topics = None, [], []
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            topic = line[:-1]
            topics.append(topic)
        elif topic == WITHOUT_EFFECT:
            flags += [(name, topic, "", "") for name in re.findall(r"  ?--(\w+)", line)]
        elif line.startswith("  --"):
            name, default, help_line = re.fullmatch(
                r"  --(\w+)(=\S+)? +(\S.*)", line
            ).groups()
            flags.append((name, topic, default or "", help_line))
    return flags, topics


@pytest.mark.parametrize("column, script", enumerate(SCRIPTS))
def test_help_shows_every_flag_once_with_its_default(column, script):
    flags, _ = shown(script)
    assert sorted(name for name, *_ in flags) == sorted(SCRIPTS[script].define_flags())
    for name, topic, default, text in flags:
        assert (topic == WITHOUT_EFFECT) == (name in OF_TPUS)
        if topic == WITHOUT_EFFECT:
            continue
        expected = DEFAULTS[name][column]
        if isinstance(expected, bool):
            expected = str(expected).lower()
        assert default == ("" if expected is None else f"={expected}"), name
        assert text


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_has_topics_in_order(script):
    flags, topics = shown(script)
    assert topics == [*TOPICS[script], WITHOUT_EFFECT]
    of_flags = dict.fromkeys(topic for _, topic, _, _ in flags)
    assert list(of_flags) == topics


def test_topics_of_a_task_stand_before_what_nobody_looks_for():
    flags = command_line.Flags()
    for title in (command_line.NO_EFFECT, "mine", command_line.OTHER, "files", "mine"):
        flags.topic(title).boolean(f"flag_{len(flags)}", False, "Text.")
    assert flags.topics() == {
        "mine": ["flag_1", "flag_4"],
        "files": ["flag_3"],
        "other": ["flag_2"],
        WITHOUT_EFFECT: ["flag_0"],
    }


@pytest.mark.parametrize("script", SCRIPTS)
def test_version_is_the_suites_and_tensorflows(script, call):
    done = call(SCRIPTS[script], "--nonsense", "--version")
    line = f"{script}.py {VERSION}, TensorFlow {tf.version.VERSION}\n"
    assert done == (0, line, "")


# The console


def test_results_are_logged_as_the_original_does(caplog):
    caplog.set_level(logging.INFO, "biobert")
    console.log_results("token-level evaluation results", ["eval_f = 0.5"])
    assert [record.getMessage() for record in caplog.records] == [
        "***** token-level evaluation results *****",
        "  eval_f = 0.5",
    ]


@pytest.mark.parametrize("package, flag", [("tensorflow", "--version"), ("absl", "-h")])
def test_missing_tensorflow_is_one_line(tmp_path, package, flag):
    """As with a Python of the system, in which nothing is installed."""
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise ImportError('no luck')")
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_re.py"), flag],
        capture_output=True,
        env=dict(os.environ, PYTHONPATH=str(tmp_path)),
    )
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("run_re.py: error: TensorFlow cannot be imported by ")
    assert "(no luck); ./install.sh makes an environment with one that fits" in line


def test_tensorflow_is_not_imported_before_it_is_needed():
    """--help, wrong flags and --engine=onnx do not wait the seconds that it takes."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r});"
        "import run_ner, run_re, run_qa;"
        "print({'tensorflow', 'onnxruntime', 'onnx'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"set()\n", b"")
