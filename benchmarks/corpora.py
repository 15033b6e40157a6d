"""The data that a benchmark measures with: a corpus of the task, or one made up."""

import os
from typing import Any, List, NamedTuple, Optional, Sequence

from benchmarks import common
from biocodes.lib import conll, files, squad
from biocodes.lib.relations import read_train

# Training and test data of each task.
NAMES = {
    "ner": ("train_dev.tsv", "test.tsv"),
    "re": ("train.tsv", "test.tsv"),
    "qa": ("train.json", "test.json"),
}


class Corpus(NamedTuple):
    """A task's training and test data.

    Attributes:
      task: one of common.TASKS.
      flags: the script's flags that name the files.
      train, test: their paths.
    """

    task: str
    flags: List[str]
    train: str
    test: str

    @property
    def examples(self) -> int:
        """The number of training examples."""
        return len(self.load_train())

    def load_train(self) -> List[Any]:
        """Read the training examples as the script does."""
        if self.task == "ner":
            return conll.load_sentences(self.train)
        if self.task == "re":
            return read_train(self.train)
        return squad.load_to_train(self.train, False)[0]


def corpus_of(task: str, data: Optional[str], folder: str) -> Corpus:
    """Return the corpus in a folder.

    Args:
      task: one of common.TASKS.
      data: the folder; None: NCBI-disease, or what is made of it.
      folder: where what is made up goes.
    """
    if data is None and task == "ner":
        data = common.NCBI_DISEASE
    elif data is None:
        data = make_up_corpus(task, os.path.join(folder, "corpus"))
    train, test = (os.path.join(data, name) for name in NAMES[task])
    flags = [f"--data_dir={data}"]
    if task == "qa":
        flags = [f"--train_file={train}", f"--predict_file={test}"]
    return Corpus(task, flags, train, test)


def make_up_corpus(task: str, folder: str) -> str:
    """Write files for relations or questions, made of NCBI-disease; return the folder.

    Nothing can be learnt from them, but their lengths are those of real corpora.
    """
    files.make_folder(folder)
    for name, source in zip(NAMES[task], NAMES["ner"]):
        path = os.path.join(folder, name)
        sentences = conll.load_sentences(os.path.join(common.NCBI_DISEASE, source))
        if task == "re":
            write_relations(path, sentences, with_index=name == "test.tsv")
        else:
            write_questions(path, sentences)
    return folder


def write_relations(
    path: str, sentences: Sequence[conll.Sentence], with_index: bool
) -> None:
    """Write sentences in which the first mention is @DISEASE$ and a word is @GENE$.

    Args:
      path: the file.
      sentences: their text and mentions.
      with_index: whether the rows are numbered under a header, as those of test.tsv.
    """
    with files.whole_file(path) as stream:
        if with_index:
            stream.write("index\tsentence\tlabel\n")
        for number, sentence in enumerate(sentences):
            mentions = conll.entities(sentence.labels)
            if not mentions or len(sentence.words) < 15:
                continue
            start, end, _ = mentions[0]
            words = list(sentence.words)
            words[start:end] = ["@DISEASE$"]
            words[-2] = "@GENE$"
            index = f"{number}\t" if with_index else ""
            stream.write(f"{index}{' '.join(words)}\t{number % 2}\n")


def write_questions(path: str, sentences: Sequence[conll.Sentence]) -> None:
    """Write contexts of seven sentences each, whose first mention is the answer."""
    paragraphs = []
    for start in range(0, len(sentences) - 7, 6):
        part = sentences[start : start + 7]
        mentions = [
            " ".join(sentence.words[begin:end])
            for sentence in part
            for begin, end, _ in conll.entities(sentence.labels)
        ]
        answer = mentions[0] if mentions else part[0].words[0]
        context = " ".join(word for sentence in part for word in sentence.words)
        question = f"What is it that {' '.join(sentences[start + 7].words[:8])}?"
        answers = [{"text": answer, "answer_start": context.index(answer)}]
        qas = [{"id": f"q{start}", "question": question, "answers": answers}]
        paragraphs.append({"context": context, "qas": qas})
    data = {"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}
    files.write_json(path, data, indent=None)
