#!/usr/bin/env python
"""How fast is the suite beside what people would pick instead?

    python benchmarks/peers.py --model_dir=minilm --python=.venv-py37/bin/python

measures by turns, on the same corpus, model and cores, each in a process of its own:

    training      examples a second of the steps after the first few
    prediction    word pieces a second of the test data, the model alone: all batches
                  once more after they have been predicted, without start and reading
    commands      seconds from the command to the entities of so many passages
                  (--abstracts), with the page of entities where it makes one

of this suite, under this Python and those of --python, in float32 and, where the
processor gains by it, in mixed precision; of Hugging Face's transformers on PyTorch,
grouped by length, in float32 and bfloat16 (peer_pytorch.py says what they do); and of
ONNX Runtime driven by hand. All predict the same pieces, cut by this suite, in batches
of the same size. "MB" is the most memory that the process held.

The peers live in an environment of their own (--peers), which is made when it is not
there: PyTorch, transformers and ONNX Runtime, some gigabytes. Nothing of it is needed
by the suite.
"""

import argparse
import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

if __name__ == "__main__":  # started as a file: let `benchmarks` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from benchmarks import common, corpora, models, raw_text, scripts  # noqa: E402  isort: skip
from benchmarks.peer_common import memory  # noqa: E402
from benchmarks.peer_suite import TRAINING, Setting  # noqa: E402
from biocodes import export_model  # noqa: E402
from biocodes.lib import files  # noqa: E402
from biocodes.lib.labels import LABEL_FILE, read_labels  # noqa: E402
from biocodes.lib.model_folder import ONNX_MODEL  # noqa: E402
from finetuning.cores import usable_cores  # noqa: E402

HEAD = ("what", "with", "speed", "MB")
PARTS = ("training", "prediction", "commands")
DTYPES = ("float32", "bfloat16")
# Name → flags of export_model.py.
EXPORTS = {
    "onnx": ["--to=onnx"],
    "int8": ["--to=onnx", "--int8=true"],
    "huggingface": ["--to=huggingface"],
}
# Seconds between two looks at the memory of a command.
PAUSE = 0.02
# Files of the peers' features.
FEATURES = "features.npz"
PEERS = os.path.join(common.ROOT, "examples", "work", "peers")
PACKAGES = ("torch", "transformers<5", "onnxruntime", "onnx")
SUITE, PYTORCH, BY_HAND = (
    os.path.join(common.ROOT, "benchmarks", name)
    for name in ("peer_suite.py", "peer_pytorch.py", "peer_onnx.py")
)
# Examples in a batch of prediction at full length, as the scripts have them.
BATCH_SIZE = 8


def parse(argv: Optional[List[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = common.argument_parser(__doc__, 3, **common.DATA_OF_TASK)
    common.add_task(parser)
    parser.add_argument(
        "--python",
        default="",
        help="other Pythons with a TensorFlow to measure, with commas between them",
    )
    parser.add_argument("--peers", default=PEERS, help=f"default: {PEERS}")
    parser.add_argument(
        "--parts", default=",".join(PARTS), help="what is measured; default: all"
    )
    common.add_counts(
        parser,
        ("--steps", 60, "training steps that are timed"),
        ("--warm_up", 8, "steps before these"),
    )
    parser.add_argument(
        "--abstracts", type=common.numbers, default=[6, 300], help="default: 6,300"
    )
    arguments = parser.parse_args(argv)
    for part in arguments.parts.split(","):
        if part not in PARTS:
            raise files.InputError(f"is some of {', '.join(PARTS)}", "--parts")
    return arguments


# The measurements, each in a process of its own


def answer_of(*command: str) -> Any:
    """Run a command; return the JSON of the last line that it prints.

    Raises:
      InputError: it failed.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE)
    if done.returncode:
        raise files.InputError(f"{' '.join(command)} failed, see above")
    return json.loads(done.stdout.decode().splitlines()[-1])


def ours(python: str, kind: str, setting: Setting, *arguments: Any) -> Any:
    """Run one of COMMANDS under a Python."""
    given = [json.dumps(argument) for argument in (setting, *arguments)]
    return answer_of(python, SUITE, kind, *given)


def peers_python(folder: str) -> str:
    """Return the peers' Python; make their environment where there is none."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        for command in (
            [sys.executable, "-m", "venv", folder],
            [python, "-m", "pip", "install", "--quiet", *PACKAGES],
        ):
            if subprocess.run(command).returncode:
                raise files.InputError(f"{' '.join(command)} failed", "--peers")
    return python


class Peers(NamedTuple):
    """The peers' side.

    Attributes:
      python: theirs.
      setting: Setting.
      folder: with the requests' files and the exported models.
      fine_tuned: what is predicted with: name → folder.
    """

    python: str
    setting: Setting
    folder: str
    fine_tuned: Dict[str, str]

    def pytorch(self, command: str, dtype: str) -> List[float]:
        """Train or predict with transformers."""
        setting = self.setting
        name = FEATURES + TRAINING * (command == "train")
        path = os.path.join(self.fine_tuned["checkpoint"], LABEL_FILE)
        labels = 2 if setting.task == "qa" else len(read_labels(path))
        return self._asked(
            [PYTORCH, command],
            features=os.path.join(self.folder, name),
            config=setting.pretrained().config,
            labels=labels,
            task=setting.task,
            batch_size=scripts.BATCH_SIZES[setting.task],
            warm_up=setting.warm_up,
            steps=setting.steps,
            dtype=dtype,
        )

    def onnx(self, name: str) -> List[float]:
        """Predict with ONNX Runtime."""
        return self._asked(
            [BY_HAND],
            features=os.path.join(self.folder, FEATURES),
            model=os.path.join(self.fine_tuned[name], ONNX_MODEL),
        )

    def _asked(self, command: List[str], **request: Any) -> List[float]:
        length = int(scripts.SETTINGS[self.setting.task][0].split("=")[1])
        request.update(pieces=BATCH_SIZE * length, threads=usable_cores())
        path = os.path.join(self.folder, "request.json")
        files.write_json(path, request)
        return answer_of(self.python, *command, path)


def training_of(setting: Setting, pythons: Dict[str, str], peers: Peers) -> Dict:
    """Return what is measured of training: name → function."""
    measured = {}
    for name, python in pythons.items():
        for mixed in (False, True)[: 1 + gains(python)]:
            measured["training", name + " mixed" * mixed] = functools.partial(
                ours, python, "training", setting, mixed
            )
    for dtype in DTYPES:
        measured["training", f"transformers, {dtype}"] = functools.partial(
            peers.pytorch, "train", dtype
        )
    return measured


def prediction_of(setting: Setting, pythons: Dict[str, str], peers: Peers) -> Dict:
    """Return what is measured of prediction: name → function."""
    measured = {}
    for name, python in pythons.items():
        for mixed in (False, True)[: 1 + gains(python)]:
            measured["prediction", name + " mixed" * mixed] = functools.partial(
                *(ours, python, "prediction", setting),
                *(peers.fine_tuned["checkpoint"], mixed),
            )
    for dtype in DTYPES:
        measured["prediction", f"transformers, {dtype}"] = functools.partial(
            peers.pytorch, "predict", dtype
        )
    for kind in ("onnx", "int8"):
        measured["prediction", f"{kind}, here"] = functools.partial(
            *(ours, sys.executable, "prediction", setting),
            *(peers.fine_tuned[kind], False),
        )
        measured["prediction", f"{kind}, by hand"] = functools.partial(peers.onnx, kind)
    return measured


@functools.lru_cache(maxsize=None)
def reason_against(python: str) -> Optional[str]:
    """Say why a Python gains nothing by mixed precision; None if it does."""
    return answer_of(python, SUITE, "gain")


def gains(python: str) -> bool:
    """Whether it gains."""
    return reason_against(python) is None


def commands_of(
    counts: List[int], pythons: Dict[str, str], peers: Peers
) -> Dict[Any, Callable[[], List[float]]]:
    """Return what is measured of whole commands: name → function."""
    measured = {}
    for count in counts:
        path = os.path.join(peers.folder, f"{count}.txt")
        source = os.path.join(common.NCBI_DISEASE, "train.tsv")
        raw_text.write_passages(path, source, count)
        what = f"{count:,} abstracts"
        of_model = {name: (python, "checkpoint") for name, python in pythons.items()}
        of_model["onnx, here"] = sys.executable, "onnx"
        of_model["int8, here"] = sys.executable, "int8"
        for name, (python, kind) in of_model.items():
            command = [
                *(python, os.path.join(common.ROOT, "run_ner.py"), "--do_train=false"),
                f"--model_dir={peers.fine_tuned[kind]}",
                *(f"--predict_file={path}", "--output_formats=html"),
                *["--engine=onnx"] * (kind != "checkpoint"),
            ]
            measured[what, name] = functools.partial(
                seconds_of_command, command, peers.folder
            )
        model = peers.fine_tuned["huggingface"]
        command = [peers.python, PYTORCH, "entities", model, path]
        measured[what, "transformers, float32"] = functools.partial(
            seconds_of_command, command, peers.folder
        )
    return measured


def seconds_of_command(command: List[str], folder: str) -> List[float]:
    """Run a command that finds entities; return its seconds and peak memory in MB."""
    out = os.path.join(common.new_folder(folder), "out")
    is_ours = command[1] != PYTORCH
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, f"--output_dir={out}" if is_ours else out],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory(process.pid))
        time.sleep(PAUSE)
    seconds = time.perf_counter() - started
    if process.returncode:
        raise files.InputError(f"{' '.join(command)} failed")
    return [seconds, peak]


# The table


def prepared(setting: Setting, python: str, folder: str) -> Peers:
    """Train a model for a step, export it, and write the peers' features."""
    corpus = corpora.corpus_of(setting.task, setting.data, folder)
    flag = scripts.train_for_a_step(corpus, setting.pretrained(), folder)
    fine_tuned = {"checkpoint": flag.split("=", 1)[1]}
    for name, flags in EXPORTS.items():
        fine_tuned[name] = os.path.join(folder, name)
        source = f"--model_dir={fine_tuned['checkpoint']}"
        with contextlib.redirect_stdout(sys.stderr):  # stdout is the table's
            export_model.main([source, f"--output_dir={fine_tuned[name]}", *flags])
    path = os.path.join(folder, FEATURES)
    ours(sys.executable, "features", setting, fine_tuned["checkpoint"], path)
    return Peers(python, setting, folder, fine_tuned)


def pythons_of(others: str) -> Dict[str, str]:
    """Map names of the Pythons, "here, TensorFlow 2.15.1", to their paths."""
    named = {}
    for python in [sys.executable, *filter(None, others.split(","))]:
        version = answer_of(python, SUITE, "version")
        named[f"here, TensorFlow {version}"] = python
    return named


def main(argv: Optional[List[str]] = None) -> None:
    """Measure and print the table."""
    arguments = parse(argv)
    parts = arguments.parts.split(",")
    with common.work_folder() as folder:
        model = models.model_of(arguments, folder)
        setting = Setting(
            *(arguments.task, arguments.data, os.path.abspath(model.folder)),
            *(arguments.do_lower_case, arguments.warm_up, arguments.steps),
        )
        pythons = pythons_of(arguments.python)
        peers = prepared(setting, peers_python(arguments.peers), folder)
        measurements = {}
        if "training" in parts:
            measurements.update(training_of(setting, pythons, peers))
        if "prediction" in parts:
            measurements.update(prediction_of(setting, pythons, peers))
        if "commands" in parts and setting.task == "ner":
            measurements.update(commands_of(arguments.abstracts, pythons, peers))
        measured = common.alternate(
            {name: lambda f=f: tuple(f()) for name, f in measurements.items()},
            arguments.rounds,
        )
    rows = [(*name, *values) for name, values in measured.items()]
    note = f"{common.describe_rounds(arguments)} {model.describe()}"
    for name, python in pythons.items():
        if not gains(python):
            note += f" {name}: {reason_against(python)}."
    common.print_table(HEAD, rows, note)


if __name__ == "__main__":
    common.run(main)
