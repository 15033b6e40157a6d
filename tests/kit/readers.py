"""Every reader of the suite that is no command: small good files, and who reads them.

A Reader is given a folder that `lay_out` has filled, in which some of its files may be
spoiled. It takes what it reads as far as the scripts do before anything is computed.
"""

import pathlib
import shutil
from typing import Any, Callable, Iterator, List, NamedTuple, Sequence

import run_ner
import run_qa
import run_re
from biocodes.lib import formats, inputs, squad
from biocodes.lib.entities import jsonl_line
from finetuning import command_line, folds, model_dir, output_dir, records
from finetuning.model import Model
from kit import small_input
from kit.annotated import ABSTRACT, ALONE, TITLE
from kit.golden import CASED, NER_MODEL
from kit.models import tiny_facts, tiny_model
from tasks import heads
from tasks.ner import labels as ner_labels
from tasks.ner.corpora import FILES, labels_of_run, load_corpora
from tasks.qa.answers import load_to_train
from tasks.raw_text.job import Job
from tasks.raw_text.output import Output
from tasks.raw_text.stream import make_featurizer

LENGTH = 48
FACTS = {"a": 1}
SCHEMA = records.Schema(["input_ids"], scalars=["label_id"])
# Name of the file → the same three passages as each kind of raw text.
RAW_TEXT = {
    "own.txt": "Ataxia & zinc.\n\nüber APC deficiency\n",
    "own.tsv": "1\tAtaxia & zinc.\nb\tüber APC deficiency\n",
    "own.jsonl": '{"id": 1, "text": "Ataxia"}\n{"id": "b", "text": "\\u00fcber"}\n',
    "own.pubtator": "7|t|Ataxia\n7|a|Zinc.\n7\t0\t6\tAtaxia\tDisease\tD1\n",
    "own.conll": "-DOCSTART- O\n\nAtaxia B\n& O\n\nüber O\n",
    "own": "7|t|Ataxia\n",  # its kind is found out
}
FORMATS = {
    "jsonl": "entities.jsonl",
    "conll": "entities.conll",
    "pubtator": "entities.pubtator",
    "brat": "brat",
    "bioc": "entities.bioc.json",
    "html": "entities.html",
}
FOLD = folds.FoldJob("", FACTS, (), dict)


class Reader(NamedTuple):
    """A reader and what it reads.

    Attributes:
      name: what is read.
      paths: the files, below the folder.
      read: function of the folder.
    """

    name: str
    paths: Sequence[str]
    read: Callable[[pathlib.Path], Any]


def lay_out(folder: pathlib.Path) -> None:
    """Write good files for every reader."""
    small_input.lay_out(folder)
    for name, text in RAW_TEXT.items():
        small_input.write(folder / name, text)
    _write_formats(folder)
    small_input.write(folder / "flags", "--seed=7\n# a comment\n\n--do_eval\n")
    small_input.write_json(
        folder / "model" / model_dir.CASING, {"do_lower_case": False}
    )
    _write_trained(folder / "trained")
    small_input.write_json(folder / "fold.json", {"made_from": FACTS, "scores": {}})
    rows = [{"label_id": i, "input_ids": range(i + 2)} for i in range(9)]
    records.write_records(str(folder / "x.tf_record"), SCHEMA, rows, FACTS)
    lines = (jsonl_line(passage) + "\n" for passage in (TITLE, ABSTRACT))
    small_input.write(folder / "entities.jsonl.part", "".join(lines))
    small_input.write_json(folder / "entities.jsonl.part.json", FACTS)


def _write_formats(folder: pathlib.Path) -> None:
    lines = (jsonl_line(passage) + "\n" for passage in (TITLE, ABSTRACT, ALONE))
    path = folder / "formats" / FORMATS["jsonl"]
    path.parent.mkdir()
    small_input.write(path, "".join(lines))
    formats.convert(str(path), str(path.parent), formats.FORMATS)


def _write_trained(folder: pathlib.Path) -> None:
    """Write a model for entity recognition, with its labels and the record of a run."""
    folder.mkdir()
    for path in NER_MODEL.parent.glob(f"{NER_MODEL.name}.*"):
        shutil.copy(str(path), str(folder))
    ids = {name: i for i, name in enumerate(ner_labels.ORIGINAL_LABELS)}
    small_input.write_json(folder / "label2id.json", ids)
    small_input.write_json(folder / "run.json", {"training": tiny_facts()})


# Readers


def _read_corpora(folder: pathlib.Path) -> None:
    corpora = load_corpora(str(folder / "ner"), list(FILES))
    labels = labels_of_run(corpora, None)
    ids = {label: number for number, label in enumerate(labels)}
    for sentences in corpora[0].sentences.values():
        for sentence in sentences:
            list(run_ner.featurize(sentence, CASED, ids, LENGTH))


def _read_relations(folder: pathlib.Path) -> None:
    paths = {phase: str(folder / "re" / name) for phase, name in run_re.FILES.items()}
    task = run_re.Task(None)
    corpus = run_re.read_corpus(paths, task)
    labels = run_re.labels_to_learn(task, [corpus])
    run_re.check_corpus(folds.Fold(paths, ""), corpus, task._replace(labels=labels))
    for rows in corpus.values():
        for row in rows:
            run_re.featurize(row, CASED, {}, LENGTH)


def _read_questions(folder: pathlib.Path) -> None:
    asked, _ = squad.load_to_predict(str(folder / "qa" / "test.json"))
    learnt = load_to_train(str(folder / "qa" / "train.json"), with_negative=True)
    lengths = run_qa.Lengths(LENGTH, 16, 24)
    for example in (*asked, *learnt):
        list(run_qa.featurize(example, CASED, lengths))


def _raw_text_reader(name: str) -> Reader:
    def read(folder: pathlib.Path) -> None:
        featurize = make_featurizer(CASED, LENGTH, "window")
        for passage in inputs.read_passages(str(folder / name)):
            featurize(passage)

    return Reader(f"raw text {name}", [name], read)


def _format_reader(name: str) -> Reader:
    path = pathlib.Path("formats", FORMATS[name])
    files = [path / "314.txt", path / "314.ann"] if name == "brat" else [path]

    def read(folder: pathlib.Path) -> None:
        for annotated in formats.READERS[name](str(folder / path)):
            jsonl_line(annotated)

    return Reader(f"entities {name}", [str(file) for file in files], read)


def _read_model(folder: pathlib.Path) -> None:
    model, _ = Model.load(str(folder / "model"), LENGTH)
    labels = ("0", "1")
    model = model.with_head(heads.of_relations(None, len(labels)), labels)
    model.check_checkpoint(str(folder / "model" / "model.ckpt"), needs_head=False)


def _read_labels(folder: pathlib.Path) -> None:
    ner_labels.load(str(folder / "trained" / NER_MODEL.name))


def _read_trained(folder: pathlib.Path) -> None:
    labels = ner_labels.ORIGINAL_LABELS
    head = heads.of_entities(None, len(labels), count_padding=False)
    model = tiny_model(head, labels)
    model.check_resumable(str(folder / "trained" / NER_MODEL.name))


def _read_run(folder: pathlib.Path) -> None:
    output_dir.check_same_model(str(folder / "trained"), tiny_facts())
    output_dir.check_same_training(str(folder / "trained"), tiny_facts(), False)


def _read_fold(folder: pathlib.Path) -> None:
    job = FOLD._replace(folder=str(folder))
    folds.run_folds(str(folder), [job], overwrite=False)


def _read_records(folder: pathlib.Path) -> None:
    data = records.open_records(str(folder / "x.tf_record"), SCHEMA, FACTS)
    if data is not None:
        assert [example["label_id"] for example in data] == list(range(9))


def _read_part(folder: pathlib.Path) -> None:
    text = str(folder / "own.jsonl")
    job = Job(text, [], "window", LENGTH, True, False, None)
    output = Output(str(folder), job)
    list(output.resume(FACTS, iter([TITLE.passage, ABSTRACT.passage])))


def _read_flags(folder: pathlib.Path) -> None:
    paths = [f"--{name}=x" for name in ("vocab_file", "bert_config_file", "output_dir")]
    argv = ["run_ner.py", *paths, f"--flagfile={folder / 'flags'}"]
    command_line.parse_flags(run_ner.define_flags(), argv, "About.")


def _all() -> Iterator[Reader]:
    yield Reader("corpora", [f"ner/{name}" for name in FILES.values()], _read_corpora)
    yield Reader(
        "relations", [f"re/{n}" for n in run_re.FILES.values()], _read_relations
    )
    yield Reader("questions", ["qa/train.json", "qa/test.json"], _read_questions)
    yield from map(_raw_text_reader, RAW_TEXT)
    yield from map(_format_reader, FORMATS)
    of_model = (model_dir.VOCABULARY, model_dir.CONFIG, model_dir.CASING)
    yield Reader("model", [f"model/{name}" for name in of_model], _read_model)
    weights = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
    yield Reader("weights", [f"model/{name}" for name in weights], _read_model)
    trained = (f"{NER_MODEL.name}.index", f"{NER_MODEL.name}.data-00000-of-00001")
    yield Reader("training", [f"trained/{name}" for name in trained], _read_trained)
    yield Reader("labels", ["trained/label2id.json"], _read_labels)
    yield Reader("record of a run", ["trained/run.json"], _read_run)
    yield Reader("record of a fold", ["fold.json"], _read_fold)
    yield Reader("record file", ["x.tf_record"], _read_records)
    part = ["entities.jsonl.part", "entities.jsonl.part.json"]
    yield Reader("interrupted prediction", part, _read_part)
    yield Reader("flags", ["flags"], _read_flags)


READERS: List[Reader] = list(_all())
