"""The commands in README.md and docs/, and a folder in which they run as printed.

A fenced block with the language `sh` or `python` is run, unless its first line says why
not: ```sh no-test: needs the network.

The folder has the paths that the pages name, with tiny models and corpora in them, so
that a command ends in seconds and nothing about it has to be changed. `python` is that
of kit/python_command.py there.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Set

from kit import bioasq as made_up
from kit import reported, slurm
from kit.model_folders import LABELS
from kit.paths import DATA, ROOT
from kit.python_command import PythonCommand
from kit.small_input import squad_form, write, write_hugging_face, write_json

PRETRAINED = "biobert_v1.1_pubmed"
# Stand-ins for the programs of a cluster, which come first on PATH.
PROGRAMS = "programs"
NOT_RUN = "no-test"
TIMEOUT = 600  # seconds for a block, on a busy machine
_FENCE = re.compile(r"^(`{3,})\s*([\w-]*)\s*(.*)$")


# Pages


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
      place: "docs/ner.md:12", of its first line.
      language: the first word after the fence, "" without one.
      info: the rest of that line.
      text: the lines between the fences.
    """

    place: str
    language: str
    info: str
    text: str

    @property
    def reason(self) -> Optional[str]:
        """Why it is not run; None if it is to be run."""
        word, _, reason = self.info.partition(":")
        return reason.strip() if word == NOT_RUN else None

    @property
    def exports(self) -> str:
        """Its lines that export variables, which the blocks after it rely on."""
        lines = self.text.splitlines() if self.language == "sh" else []
        return "".join(f"{line}\n" for line in lines if line.startswith("export "))


def pages() -> List[str]:
    """List README.md and the pages in docs/, as paths below the suite's folder."""
    paths = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [str(path.relative_to(ROOT)) for path in paths]


def text_of(page: str) -> str:
    """Read a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> List[Block]:
    """List the fenced blocks of a page in order."""
    found: List[Block] = []
    fence, inside = None, []  # of the block that is open
    for number, line in enumerate(text_of(page).split("\n"), 1):
        match = _FENCE.match(line)
        if fence is None and match:
            fence, language, info = match.groups()
            place, inside = f"{page}:{number + 1}", []
        elif fence is not None and line == fence:
            text = "".join(f"{each}\n" for each in inside)
            found.append(Block(place, language, info, text))
            fence = None
        elif fence is not None:
            inside.append(line)
    return found


def prose(page: str) -> str:
    """Read a page without its fenced blocks and comments."""
    multiline = re.MULTILINE | re.DOTALL
    text = re.sub(r"^(`{3,}).*?^\1$", "", text_of(page), flags=multiline)
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def anchors(page: str) -> Set[str]:
    """Name the headings of a page as GitHub does in links."""
    headings = re.findall(r"^#+ +(.+)$", prose(page), flags=re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


# The folder


def lay_out(folder: pathlib.Path, models: Dict[str, str]) -> None:
    """Make everything that the commands name.

    Args:
      folder: an empty one.
      models: folder of a fine-tuned model → its checkpoint in tests/data.
    """
    for path in ROOT.iterdir():
        if path.suffix in (".py", ".sh") or path.name in ("biocodes", "tests"):
            (folder / path.name).symlink_to(path)
    (folder / "examples").mkdir()
    for path in (ROOT / "examples").iterdir():
        if path.name not in ("NCBI-disease", "work"):
            (folder / "examples" / path.name).symlink_to(path)
    _make_model(folder / PRETRAINED, "init/model.ckpt", "model.ckpt-1000000")
    # Graphs take most of the time, so of the two layers in the checkpoint one is used.
    _set_layers(folder, 1)
    _make_model(folder / "examples" / "work" / "ner", "ner/model.ckpt-1190")
    for name, checkpoint in models.items():
        _make_model(folder / name, checkpoint)
    (folder / "biobert-base-cased-v1.2").mkdir()
    write_hugging_face(folder / "biobert-base-cased-v1.2")
    _lay_out_corpora(folder)
    _lay_out_questions(folder)
    slurm.put_commands(folder / PROGRAMS)


def _make_model(folder: pathlib.Path, checkpoint: str, name: str = "") -> None:
    """Make a folder for --model_dir; name: of the checkpoint there, if not its own."""
    folder.mkdir(parents=True)
    for file in ("vocab.txt", "bert_config.json"):
        shutil.copy(str(DATA / "init" / file), str(folder))
    source = DATA / checkpoint
    for part in source.parent.glob(source.name + ".*"):
        target = part.name.replace(source.name, name or source.name)
        shutil.copy(str(part), str(folder / target))
    if not name:  # fine-tuned, so TensorFlow has listed it
        write(folder / "checkpoint", f'model_checkpoint_path: "{source.name}"\n')
    labels = LABELS.get(source.parent.name)
    if labels:
        ids = {label: index for index, label in enumerate(labels)}
        write_json(folder / "label2id.json", ids)


def add_layers(folder: pathlib.Path) -> None:
    """Give the pretrained model the four layers that embeddings are of by default."""
    import tensorflow.compat.v1 as tf

    prefix = str(folder / PRETRAINED / "model.ckpt-1000000")
    reader = tf.train.load_checkpoint(prefix)
    with tf.Graph().as_default(), tf.Session() as session:
        for name in reader.get_variable_to_shape_map():
            value = reader.get_tensor(name)
            tf.get_variable(name, initializer=value)
            for old, new in (("layer_0/", "layer_2/"), ("layer_1/", "layer_3/")):
                if old in name:
                    tf.get_variable(name.replace(old, new), initializer=value)
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, prefix, write_meta_graph=False)
    _set_layers(folder, 4)


def add_results(folder: pathlib.Path) -> None:
    """Give output folders what reports are made of and runs are compared by."""
    outputs = ("ner_outputs", "ner_best", "ner_epoch_2", "ner_seeds/seed-1")
    for number, name in enumerate(outputs):
        scores = {"test.tsv": {"f1": 0.5 + number / 10}}
        reported.write_records(folder / name, scores)
        predicted = "B-MISC" if number % 2 else "O-MISC"
        sentences = [[("Ataxia", "B-MISC", predicted), ("is", "O-MISC", "O-MISC")]]
        reported.write_entities(folder / name, sentences)
    relations = folder / "re_outputs_1"
    with tempfile.TemporaryDirectory() as elsewhere:
        rows = [("sentence", str(number % 2), (0.25, 0.75)) for number in range(8)]
        made = pathlib.Path(elsewhere) / "out"
        reported.write_relations(made, rows)
        relations.mkdir(exist_ok=True)
        shutil.copy(str(made / "test_predictions.tsv"), str(relations))


def _set_layers(folder: pathlib.Path, count: int) -> None:
    path = folder / PRETRAINED / "bert_config.json"
    write_json(path, dict(_read_json(path), num_hidden_layers=count))


def _lay_out_corpora(folder: pathlib.Path) -> None:
    sentences = (DATA / "ner" / "devel.tsv").read_text(encoding="utf-8").split("\n\n")
    diseases = "\n\n".join(sentences[:8]) + "\n\n"
    chemicals = "Zinc\tB\nacetate\tI\nhelps\tO\n.\tO\n\n" * 8
    typed = "Zinc\tB-Chemical\nin\tO\nataxia\tB-Disease\n\n" * 8
    for path, text in (
        ("examples/NCBI-disease", diseases),
        ("datasets/NER/NCBI-disease", diseases),
        ("datasets/NER/BC5CDR-chem", chemicals),
        ("BC5CDR", typed),
    ):
        (folder / path).mkdir(parents=True)
        for name in ("train_dev", "train", "devel", "test"):
            write(folder / path / f"{name}.tsv", text)
    rows = [f"@GENE$ and @DISEASE$, sentence {i}.\t{i % 2}\n" for i in range(32)]
    numbered = [f"{i}\t{row}" for i, row in enumerate(rows[:8])]
    for fold in ("1", "2"):
        path = folder / "datasets" / "RE" / "GAD" / fold
        path.mkdir(parents=True)
        for name in ("train", "dev"):
            write(path / f"{name}.tsv", "".join(rows))
        write(path / "test.tsv", "index\tsentence\tlabel\n" + "".join(numbered))
    (folder / "ChemProt_Corpus").symlink_to(DATA / "chemprot")


def _lay_out_questions(folder: pathlib.Path) -> None:
    bioasq = folder / "datasets" / "QA" / "BioASQ"
    bioasq.mkdir(parents=True)
    (folder / "SQuAD").mkdir()
    write_json(folder / "SQuAD" / "train-v1.1.json", squad_form(16))
    write_json(bioasq / "BioASQ-train-factoid-4b.json", squad_form(12))
    to_predict = bioasq / "BioASQ-test-factoid-4b-1.json"
    shutil.copy(str(DATA / "qa" / "test.json"), str(to_predict))
    golden = _read_json(DATA / "qa" / "bioasq_golden.json")
    for question in golden["questions"]:
        question["snippets"] = [{"text": "The p53 protein binds MDM2."}]
    write_json(bioasq / "4B1_golden.json", golden)
    original = folder / "BioASQ-training4b.json"
    shutil.copy(str(DATA / "bioasq" / "small.json"), str(original))
    (folder / "BioASQ").mkdir()
    for name, questions in (
        ("training7b", made_up.questions()),
        ("BioASQ-task7bPhaseB-testset1", made_up.test_set()),
        ("7B1_golden", made_up.questions()),
    ):
        write_json(folder / "BioASQ" / f"{name}.json", {"questions": questions})
    write(folder / "abstracts.pubtator", made_up.abstracts())
    (folder / "PubMedQA").mkdir()
    for name in ("train", "test"):
        write_json(folder / "PubMedQA" / f"{name}.json", made_up.pubmedqa())


def _read_json(path: pathlib.Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


# Running


class Shell:
    """Runs blocks as somebody does who pastes them; a context manager."""

    def __enter__(self) -> "Shell":
        self._python = PythonCommand()
        self._folder = self._python.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._python.__exit__(*error)

    def run(
        self, block: Block, folder: pathlib.Path, exports: str = ""
    ) -> subprocess.CompletedProcess:
        """Run a block; it ends at its first command that fails.

        Args:
          block: of sh or python.
          folder: where.
          exports: lines of shell that come before it.

        Returns:
          Its exit status; standard output and error as one text, stdout.
        """
        text = block.text
        if block.language == "python":
            write(folder / "block.py", text)
            text = "python block.py\n"
        folders = (self._folder, folder / PROGRAMS, os.environ["PATH"])
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", exports + text],
            cwd=str(folder),
            env=dict(os.environ, PATH=os.pathsep.join(map(str, folders))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=TIMEOUT,
        )
