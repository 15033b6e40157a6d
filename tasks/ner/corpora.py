"""The corpora that a model for named entities is trained on, one or several.

  --data_dir=BC5CDR-chem                           one corpus
  --data_dir=Disease=NCBI-disease,BC5CDR-chem      two, the first untyped

Each folder holds train_dev.tsv, devel.tsv and test.tsv; a train.tsv is read where there
is no train_dev.tsv. A corpus annotates the types
that occur in its training file, and says nothing of all others: a word that it labels
O may be part of an entity of a type that only the others annotate.
"""

import os
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from biocodes.lib import conll, files
from biocodes.lib.conll import Sentence, SentenceFile
from finetuning.console import log
from tasks.ner import labels as ner_labels

FILES = {"train": "train_dev.tsv", "eval": "devel.tsv", "predict": "test.tsv"}
# What is trained on while devel.tsv is watched, which train_dev.tsv contains, and where
# there is no train_dev.tsv, as in MTL-Bioinformatics.
TRAIN_ALONE = "train.tsv"
# The phase of what is scored during training: devel.tsv of all corpora together.
DEV = "dev"


class Corpus(NamedTuple):
    """One corpus of a run.

    Attributes:
      number: its place among the corpora of the run, from 0.
      name: of its folder; several corpora have different names.
      given_type: type that its labels, which have none, were given; or None.
      types: those that it annotates; None for all that there are.
      paths: phase ("train", "eval", "predict") → path, of the files in use.
      sentences: phase → sentences of the file.
      trained_on: how many sentences of devel.tsv are trained on as well, where known.
    """

    number: int
    name: str
    given_type: Optional[str]
    types: Optional[FrozenSet[str]]
    paths: Dict[str, str]
    sentences: Dict[str, SentenceFile]
    trained_on: int = 0

    def scored_types(self, phase: str) -> Optional[FrozenSet[str]]:
        """Return the types that scores on a file count: the corpus's and the file's.

        None means all that there are.
        """
        if self.types is None:
            return None
        return self.types.union(conll.types_in(self.sentences[phase]))


def phases_of(
    wanted: Dict[str, bool], data_dir: Optional[str], has_text: bool, has_shard: bool
) -> List[str]:
    """List what the run does with the corpus, in order: keys of FILES.

    Args:
      wanted: phase → whether the flags ask for it.
      data_dir: the flag.
      has_text: whether there is raw text to predict; without data_dir it is all.
      has_shard: whether a part of it is to be predicted.

    Raises:
      InputError: there is no data_dir, or a corpus beside a shard.
    """
    phases = [phase for phase, is_wanted in wanted.items() if is_wanted]
    if has_text and not data_dir and phases in ([], ["predict"]):
        return []
    if not data_dir:
        beside = " by --do_train and --do_eval" if has_text else ""
        raise files.InputError("is required" + beside, "--data_dir")
    if has_shard and phases:
        raise files.InputError(
            "is for --predict_file alone, whose parts are predicted at the same time",
            "--shard",
            remedy="leave --data_dir out and give --do_train=false",
        )
    return phases


def load_corpora(
    data_dir: str, phases: Sequence[str], train_file: str = FILES["train"]
) -> List[Corpus]:
    """Read the corpora that --data_dir names.

    Args:
      data_dir: folders, see named_folders.
      phases: those whose files are in use: keys of FILES, and DEV.
      train_file: name of the file to train on.

    Raises:
      InputError: a file cannot be read or used; folders or names that occur twice;
        labels without a type where there are several corpora.
    """
    folders = named_folders(data_dir)
    all_names = dict(FILES, train=train_file, **{DEV: FILES["eval"]})
    names = {phase: name for phase, name in all_names.items() if phase in phases}
    if len(folders) == 1:
        return [_read(0, *folders[0], names)]
    _check_unique([_name_of(folder) for _, folder in folders])
    corpora = [_read(number, *folders[number], names) for number in range(len(folders))]
    return [_with_types(corpus, folders[corpus.number][1]) for corpus in corpora]


def named_folders(data_dir: str) -> List[Tuple[Optional[str], str]]:
    """Take --data_dir apart: (type or None, folder) of each corpus.

    Folders stand between commas; TYPE=FOLDER gives the labels of a corpus without
    types one. What exists as it is written is one folder, commas, equals signs and all.

    Raises:
      InputError: a folder or a type is empty, or the type cannot be part of a label.
    """
    whole = os.path.isdir(data_dir)
    return [_named(text) for text in ([data_dir] if whole else data_dir.split(","))]


def _named(text: str) -> Tuple[Optional[str], str]:
    entity, equals, folder = text.partition("=")
    if os.path.isdir(text) or not equals:
        entity, folder = None, text
    if not folder:
        raise files.InputError(
            "a folder is missing", "--data_dir", remedy="write FOLDER or TYPE=FOLDER"
        )
    if entity is not None and not _is_type(entity):
        raise files.InputError(
            f"{entity!r} cannot be the type of an entity",
            "--data_dir",
            remedy="write a word, as in Disease=FOLDER",
        )
    return entity, folder


def _is_type(text: str) -> bool:
    is_word = files.is_text(text) and text.split() == [text]
    return is_word and conll.split_label(f"B-{text}") == ("B", text)


def _name_of(folder: str) -> str:
    return os.path.basename(os.path.abspath(folder))


def _check_unique(names: List[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise files.InputError(
                f"two of the corpora are called {name}, which their results go by",
                "--data_dir",
                remedy="name two folders whose last parts differ",
            )


def _read(
    number: int, given_type: Optional[str], folder: str, names: Dict[str, str]
) -> Corpus:
    paths = {phase: _path_of(folder, name) for phase, name in names.items()}
    sentences = {
        phase: _sentences(path, phase != "predict", given_type)
        for phase, path in paths.items()
    }
    types = frozenset([given_type]) if given_type else None
    return Corpus(number, _name_of(folder), given_type, types, paths, sentences)


def _path_of(folder: str, name: str) -> str:
    """Return the path of a file, or of train.tsv where there is no train_dev.tsv."""
    path = os.path.join(folder, name)
    other = os.path.join(folder, TRAIN_ALONE)
    if name == FILES["train"] and not os.path.lexists(path) and os.path.lexists(other):
        log.info("there is no %s, so this is trained on: %s", name, other)
        return other
    return path


def _with_types(corpus: Corpus, folder: str) -> Corpus:
    """Find the types of one of several corpora, all of whose labels must have one."""
    for phase, sentences in corpus.sentences.items():
        _check_typed(sentences, corpus.paths[phase], folder)
    if corpus.given_type:
        return corpus
    # The training file says what the corpus annotates even when nothing is trained.
    trained_on = corpus.sentences.get("train") or _sentences(
        _path_of(folder, FILES["train"]), True, None
    )
    return corpus._replace(types=frozenset(conll.types_in(trained_on)))


def _sentences(path: str, labelled: bool, given_type: Optional[str]) -> SentenceFile:
    def with_type(sentence: Sentence) -> Sentence:
        return conll.with_type(sentence, given_type, path)

    file = conll.SentenceFile(path, labelled, with_type if given_type else None)
    if file.scheme:
        log.info("%s: the labels are %s; they are read as B, I, O", path, file.scheme)
    return file


def _check_typed(sentences: Iterable[Sentence], path: str, folder: str) -> None:
    for sentence in sentences:
        for line, label in zip(sentence.lines, sentence.labels):
            if label is None or conll.entity_type(label) is None:
                continue
            if not conll.split_label(label)[1]:
                raise files.InputError(
                    f"the label {label} has no type, which several corpora need",
                    path,
                    line,
                    f"name the type of this corpus: --data_dir=TYPE={folder},…",
                )


# Sentences of devel.tsv that are trained on, too


def train_file_for(dev_is_scored: bool) -> str:
    """Return the file to train on by default; say so where it is not the original's."""
    if not dev_is_scored:
        return FILES["train"]
    log.info(
        "training on %s alone: %s, the default without --eval_every, contains %s",
        *(TRAIN_ALONE, FILES["train"], FILES["eval"]),
    )
    return TRAIN_ALONE


def with_overlap(corpora: Sequence[Corpus], trained_on: Any) -> List[Corpus]:
    """Count the sentences of devel.tsv that the model is, or was, trained on.

    Args:
      corpora: all of the run.
      trained_on: digests of the training file or files, where an earlier run trained;
        see digests.

    Returns:
      The corpora with the counts. Each that is not 0 is logged as a warning.
    """
    return [_with_overlap(corpus, str(trained_on)) for corpus in corpora]


def _with_overlap(corpus: Corpus, trained_on: str) -> Corpus:
    phase = "eval" if "eval" in corpus.sentences else DEV
    dev, training = corpus.sentences.get(phase), corpus.sentences.get("train")
    if dev is None:
        return corpus
    path = corpus.paths.get("train")
    if training is None:
        path = os.path.join(os.path.dirname(corpus.paths[phase]), FILES["train"])
        if not os.path.exists(path) or files.digest(path) not in trained_on:
            return corpus
        training = _sentences(path, True, corpus.given_type)
    known = {tuple(sentence.words) for sentence in training}
    shared = sum(tuple(sentence.words) in known for sentence in dev)
    if shared:
        log.warning(
            "!!! %s of the %s sentences of %s are also in %s: scores on it are of"
            " sentences that were trained on",
            *(f"{shared:,}", f"{len(dev):,}", corpus.paths[phase], path),
        )
    return corpus._replace(trained_on=shared)


# Labels


def labels_of_run(
    corpora: Sequence[Corpus], checkpoint: Optional[str]
) -> Tuple[str, ...]:
    """Return the labels of the run's model.

    Args:
      corpora: all of the run.
      checkpoint: prefix of the one to predict with; None when there is training.

    Raises:
      InputError: a training file uses a reserved label, or the checkpoint's are none.
    """
    if checkpoint:
        return ner_labels.load(checkpoint)
    each = [
        ner_labels.of_file(corpus.sentences["train"], corpus.paths["train"])
        for corpus in corpora
    ]
    return ner_labels.in_order(set().union(*each).difference(ner_labels.SPECIAL))


# Where the files of each corpus go


def subfolders(corpora: Sequence[Corpus]) -> List[str]:
    """Name the sub-folder of each corpus's results: "" of the only one."""
    return [""] if len(corpora) == 1 else [corpus.name for corpus in corpora]


def make_subfolders(folder: str, corpora: Sequence[Corpus]) -> None:
    """Make the sub-folders in an output folder.

    Raises:
      InputError: one cannot be made.
    """
    for subfolder in subfolders(corpora):
        files.make_folder(os.path.join(folder, subfolder) if subfolder else folder)


def results_of(corpora: Sequence[Corpus], names: Iterable[str]) -> List[str]:
    """List the paths, below the output folder, of each corpus's results files."""
    return [
        os.path.join(subfolder, name)
        for subfolder in subfolders(corpora)
        for name in names
    ]


def parts_of(
    corpora: List[Corpus], phases: Iterable[str]
) -> Dict[Tuple[str, str], List[Corpus]]:
    """Tell what becomes one record file each: (phase, sub-folder) → corpora.

    Training, and scoring meanwhile, takes all corpora together, in the output folder;
    evaluation and prediction take each on its own.
    """
    parts = {}
    for phase in phases:
        if phase in ("train", DEV):
            parts[phase, ""] = corpora
        else:
            for subfolder, corpus in zip(subfolders(corpora), corpora):
                parts[phase, subfolder] = [corpus]
    return parts


def numbered_sentences(
    corpora: Iterable[Corpus], phase: str
) -> Iterator[Tuple[int, Sentence]]:
    """Yield (Corpus.number, sentence) of all corpora, one after another."""
    for corpus in corpora:
        for sentence in corpus.sentences[phase]:
            yield corpus.number, sentence


def digests(corpora: Sequence[Corpus], phase: str) -> Union[str, List[Any]]:
    """Return what tells whether the files of a phase are the same as before.

    Of one corpus it is the digest of its file; others also say what the file's labels
    were given and which place a corpus has among several.
    """
    alone = len(corpora) == 1 and not corpora[0].number and not corpora[0].given_type
    each = [
        [corpus.number, corpus.given_type, files.digest(corpus.paths[phase])]
        for corpus in corpora
    ]
    return each[0][-1] if alone else each
