"""The corpora that a model for named entities is trained on, one or several.

  --data_dir=BC5CDR-chem                           one corpus
  --data_dir=Disease=NCBI-disease,BC5CDR-chem      two, the first untyped

Each folder holds train_dev.tsv, devel.tsv and test.tsv. A corpus annotates the types
that occur in its training file, and says nothing of all others: a word that it labels
O may be part of an entity of a type that only the others annotate.
"""

import os
from typing import NamedTuple, Optional

from biocodes.lib import conll, files

FILES = {"train": "train_dev.tsv", "eval": "devel.tsv", "predict": "test.tsv"}


class Corpus(NamedTuple):
    """One corpus of a run.

    Attributes:
      number: its place among the corpora of the run, from 0.
      name: of its folder; several corpora have different names.
      given_type: type that its labels, which have none, were given; or None.
      types: frozenset of the types that it annotates; None for all that there are.
      paths: dict of phase ("train", "eval", "predict") → path, of the files in use.
      sentences: dict of phase → conll.SentenceFile.
    """

    number: int
    name: str
    given_type: Optional[str]
    types: Optional[frozenset]
    paths: dict
    sentences: dict

    def scored_types(self, phase):
        """The types that scores on a file count: those of the corpus, and the file's.

        Returns:
          frozenset, or None for all that there are.
        """
        if self.types is None:
            return None
        return self.types.union(conll.types_in(self.sentences[phase]))


def load(data_dir, phases):
    """Reads the corpora that --data_dir names.

    Args:
      data_dir: see named_folders.
      phases: those whose files are in use, see FILES.

    Returns:
      List of Corpus.

    Raises:
      InputError: a file cannot be read or used; folders or names that occur twice;
        labels without a type where there are several corpora.
    """
    named = named_folders(data_dir)
    names = [os.path.basename(os.path.abspath(folder)) for _, folder in named]
    if len(named) > 1:
        _check_unique(names)
    return [
        _read(number, name, *named[number], phases, alone=len(named) == 1)
        for number, name in enumerate(names)
    ]


def named_folders(data_dir):
    """What --data_dir names: a list of (type or None, folder).

    Folders stand between commas; TYPE=FOLDER gives the labels of a corpus without
    types one. What exists as it is written is one folder, commas, equals signs and all.

    Raises:
      InputError: a folder or a type is empty, or the type cannot be part of a label.
    """
    whole = os.path.isdir(data_dir)
    return [_named(one) for one in ([data_dir] if whole else data_dir.split(","))]


def _named(text):
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


def _is_type(text):
    return text.split() == [text] and conll.split_label(f"B-{text}") == ("B", text)


def _check_unique(names):
    for name in names:
        if names.count(name) > 1:
            raise files.InputError(
                f"two of the corpora are called {name}, which their results go by",
                "--data_dir",
                remedy="name two folders whose last parts differ",
            )


def _read(number, name, given_type, folder, phases, alone):
    paths = {
        phase: os.path.join(folder, file)
        for phase, file in FILES.items()
        if phase in phases
    }
    sentences = {}
    for phase, path in paths.items():
        sentences[phase] = _sentences(path, phase != "predict", given_type)
        if not alone:
            _check_typed(sentences[phase], path, folder)
    types = None
    if given_type:
        types = frozenset([given_type])
    elif not alone:
        # It says what the corpus annotates even when nothing is trained.
        path = os.path.join(folder, FILES["train"])
        trained_on = sentences.get("train") or _sentences(path, True, None)
        types = frozenset(conll.types_in(trained_on))
    return Corpus(number, name, given_type, types, paths, sentences)


def _sentences(path, labelled, given_type):
    def with_type(sentence):
        return conll.with_type(sentence, given_type, path)

    return conll.SentenceFile(path, labelled, with_type if given_type else None)


def _check_typed(sentences, path, folder):
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


# Where the files of each corpus go


def results_of(corpora, names):
    """Paths of the results files of each corpus, below the output folder.

    Args:
      corpora: list of Corpus.
      names: those of the files.
    """
    places = results_folders("", corpora)
    return [os.path.join(place, name) for place in places for name in names]


def results_folders(folder, corpora):
    """Where the results of each corpus go: with several, a folder of its name."""
    if len(corpora) == 1:
        return [folder]
    return [os.path.join(folder, corpus.name) for corpus in corpora]


def parts_of(folder, corpora, phases):
    """What becomes one record file each: dict of (phase, its folder) → list of Corpus.

    Training takes all corpora together, in the output folder; evaluation and prediction
    take each on its own, in its results folder.
    """
    parts = {}
    for phase in phases:
        if phase == "train":
            parts[phase, folder] = corpora
        else:
            places = results_folders(folder, corpora)
            parts.update(((phase, place), [one]) for place, one in zip(places, corpora))
    return parts


def digests(corpora, phase):
    """What tells whether the corpora's files of a phase are the same as before.

    Of one corpus it is the digest of its file; others also say what the file's labels
    were given and which place a corpus has among several.
    """
    alone = len(corpora) == 1 and not corpora[0].number and not corpora[0].given_type
    each = [
        [one.number, one.given_type, files.digest(one.paths[phase])] for one in corpora
    ]
    return each[0][-1] if alone else each
