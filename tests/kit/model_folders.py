"""Folders of models, made of the golden checkpoints: one of each task."""

import json
import pathlib
import shutil
from typing import Any, Sequence

from biocodes import export_model
from biocodes.lib.labels import ORIGINAL_LABELS
from kit.models import save_checkpoint, values_of
from kit.paths import DATA

CHECKPOINTS = {"ner": "model.ckpt-1190", "re": "model.ckpt-150", "qa": "model.ckpt-365"}
LABELS = {"ner": ORIGINAL_LABELS, "re": ("0", "1"), "qa": ()}
TASKS = tuple(CHECKPOINTS)
# A model of several labels a text, made of that of relations.
MULTILABEL = "multilabel"


def folder_of(place: pathlib.Path, task: str) -> pathlib.Path:
    """Make PLACE/TASK, the folder of a fine-tuned model with its labels."""
    if task == MULTILABEL:
        return _multilabel(place)
    folder = place / task
    folder.mkdir()
    for name in ("vocab.txt", "bert_config.json"):
        shutil.copy(str(DATA / "init" / name), str(folder))
    for ending in ("index", "data-00000-of-00001"):
        shutil.copy(str(DATA / task / f"{CHECKPOINTS[task]}.{ending}"), str(folder))
    if LABELS[task]:
        write_labels(folder, LABELS[task])
    return folder


def _multilabel(place: pathlib.Path) -> pathlib.Path:
    """Make PLACE/multilabel: relations' weights under the names of its own head."""
    folder = pretrained(place)
    for path in folder.glob("model.ckpt.*"):
        path.unlink()
    values = values_of(str(DATA / "re" / CHECKPOINTS["re"]))
    renamed = {
        f"{name}_multilabel" if name.startswith("output_") else name: value
        for name, value in values.items()
        if "/adam_" not in name
    }
    save_checkpoint(folder / "model.ckpt-150", renamed)
    write_labels(folder, LABELS["re"])
    folder.rename(place / MULTILABEL)
    return place / MULTILABEL


def pretrained(place: pathlib.Path) -> pathlib.Path:
    """Make PLACE/pretrained, the folder of an encoder."""
    folder = place / "pretrained"
    shutil.copytree(str(DATA / "init"), str(folder))
    return folder


def write_labels(folder: pathlib.Path, labels: Sequence[str]) -> None:
    """Write label2id.json."""
    ids = {name: index for index, name in enumerate(labels)}
    (folder / "label2id.json").write_text(json.dumps(ids))


def export(source: Any, output: Any, form: str, *more: str) -> Any:
    """Run export_model.py in this process; return the output folder."""
    paths = [f"--model_dir={source}", f"--output_dir={output}"]
    export_model.main([*paths, f"--to={form}", *more])
    return output
