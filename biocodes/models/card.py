"""The model card: README.md of a model that others will read about."""

import os
import re
from typing import Any, Dict, Iterable, List, Sequence, Tuple

from biocodes.lib import files
from biocodes.lib.labels import SPECIAL
from biocodes.lib.version import VERSION
from biocodes.models import layout
from biocodes.models.folder import Model

# Files of scores that the three scripts leave in an output folder.
_SCORES = ("entity_level_results.txt", "eval_results.txt", "test_scores.txt")
# Flags that say what the model was made of and how, in this order. Of paths the last
# part is shown: the rest is about somebody's machine.
_PATHS = ("data_dir", "train_file", "model_dir", "init_checkpoint")
_FLAGS = (
    "task_name",
    "long_sentences",
    "window_pooling",
    "class_weights",
    "max_seq_length",
    "learning_rate",
    "num_train_epochs",
    "train_batch_size",
    "warmup_proportion",
    "seed",
    "doc_stride",
    "max_query_length",
    "partial_annotation",
    "version_2_with_negative",
)
_SPECIAL_CHARACTERS = re.compile(r"([\\`*_{}\[\]<>#|!])")


def model_card(model: Model, names: Sequence[str]) -> str:
    """Return the text of README.md.

    Args:
      model: what it is about.
      names: its labels as config.json has them, by id.
    """
    sections = [
        *_head(model),
        *_labels(model, names),
        *_training(model),
        *_scores(model),
        "## Use",
        _use(model),
    ]
    return "\n\n".join(sections) + "\n"


def _head(model: Model) -> List[str]:
    about = model.about
    return [
        "---\n"
        "library_name: transformers\n"
        f"pipeline_tag: {about.pipeline}\n"
        "tags:\n- bert\n"
        "# license: yours to choose; that of the pretrained encoder and the terms of\n"
        "# the training data bind you\n"
        "---",
        f"# BERT for {about.title.replace('an encoder', 'encoding')}",
        f"{about.architecture}, {model.config['num_hidden_layers']} layers,"
        f" hidden size {model.config['hidden_size']},"
        f" {'uncased' if model.do_lower_case else 'cased'}"
        f" vocabulary of {len(model.pieces):,} pieces, step"
        f" {model.checkpoint.step:,} of its training. Exported by the suite for"
        f" fine-tuning BioBERT, version {VERSION}.",
    ]


def _labels(model: Model, names: Sequence[str]) -> List[str]:
    if not model.labels:
        return []
    rows = ["| id | label | in training |", "|---:|---|---|"]
    for index, (name, label) in enumerate(zip(names, model.labels)):
        rows.append(f"| {index} | {_plain(name)} | {_plain(label)} |")
    sections = ["## Labels", "\n".join(rows)]
    if model.kind == layout.NER:
        special = ", ".join(_plain(label) for label in SPECIAL)
        sections.append(
            f"{special} label padding, the further pieces of a word, and the ends of a"
            " sentence. No word has one of them, so they are presented as O. A word's"
            ' label is that of its first piece (`aggregation_strategy="first"`).'
        )
    return sections


def _training(model: Model) -> List[str]:
    rows = [
        f"| `{name}` | {_plain(value)} |" for name, value in _settings(model.record())
    ]
    if not rows:
        return []
    table = "\n".join(["| flag | value |", "|---|---|", *rows])
    return ["## Training", table]


def _settings(record: Dict[str, Any]) -> Iterable[Tuple[str, str]]:
    """Yield the flags of the training, as run.json has them, that say something."""
    arguments, training = record.get("arguments"), record.get("training")
    if not isinstance(arguments, dict) or not isinstance(training, dict):
        return
    # The arguments are those of the last run, which may have been a prediction.
    if not arguments.get("do_train"):
        arguments = training
    for name in _PATHS:
        value = arguments.get(name)
        if isinstance(value, str) and value:
            parts = [os.path.basename(part.rstrip("/")) for part in value.split(",")]
            yield name, ", ".join(parts)
    for name in _FLAGS:
        value = arguments.get(name)
        if value is not None:
            yield name, str(value)


def _scores(model: Model) -> List[str]:
    sections = []
    for name in _SCORES:
        path = os.path.join(model.folder, name)
        if os.path.exists(path):
            text = files.read_text(path).strip("\n").replace("```", "'''")
            sections.append(f"`{name}`\n\n```\n{text}\n```")
    return ["## Scores", *sections] if sections else []


def _plain(text: str) -> str:
    """Escape what Markdown would take for more than text."""
    return _SPECIAL_CHARACTERS.sub(r"\\\1", files.one_line(text))


def _use(model: Model) -> str:
    calls = {
        layout.NER: (
            'find = pipeline("token-classification", "FOLDER",'
            ' aggregation_strategy="first")\n'
            'print(find("Wilson disease follows from mutations of ATP7B."))'
        ),
        layout.RE: (
            'classify = pipeline("text-classification", "FOLDER")\n'
            'print(classify("Variants of @GENE$ are found in @DISEASE$."))'
        ),
        layout.MULTILABEL: (
            'classify = pipeline("text-classification", "FOLDER", top_k=None)\n'
            'print(classify("Variants of @GENE$ are found in @DISEASE$."))'
        ),
        layout.QA: (
            'answer = pipeline("question-answering", "FOLDER")\n'
            "print(answer(question=…, context=…))"
        ),
    }
    default = (
        f'tokenizer = AutoTokenizer.from_pretrained("FOLDER")\n'
        f'model = {model.about.architecture}.from_pretrained("FOLDER")'
    )
    imports = (
        "from transformers import pipeline"
        if model.kind in calls
        else f"from transformers import AutoTokenizer, {model.about.architecture}"
    )
    return f"```python\n{imports}\n\n{calls.get(model.kind, default)}\n```"
