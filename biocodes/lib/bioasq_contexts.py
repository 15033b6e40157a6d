"""What a BioASQ question is answered from: its snippets, or more of their abstracts.

Three variants, as in the 7th challenge's system (Yoon et al. 2019): a snippet as it is,
a snippet with its neighbours in the abstract, and the whole abstract. BioASQ's files
name abstracts by their addresses; the texts are in "documents" that are objects
({"pmid", "title", "abstract"}), or in a file of their own.
"""

import bisect
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from biocodes.lib import bioasq, files, inputs
from biocodes.lib.sentences import sentence_starts

SNIPPET, NEIGHBOURS, ABSTRACT = "snippet", "neighbours", "abstract"
VARIANTS = (SNIPPET, NEIGHBOURS, ABSTRACT)
_ID_KEYS = ("document", "url", "pmid", "id")
_TEXT_KEYS = ("abstract", "documentAbstract", "text")


class Abstract(NamedTuple):
    """Title and abstract of an article as one text; body: where the abstract begins."""

    text: str
    body: int

    @classmethod
    def join(cls, title: str, abstract: str) -> "Abstract":
        """Put a title, which may be empty, before its abstract."""
        before = f"{title} " if title else ""
        return cls(before + abstract, len(before))


class Contexts(NamedTuple):
    """The contexts of a question.

    Attributes:
      texts: the contexts, none of them blank.
      blank: how many snippets were blank.
      alone: how many were taken as they are because their abstract is not known, or
        does not hold them.
      widened: how many have more of their abstract around them.
    """

    texts: List[str]
    blank: int
    alone: int
    widened: int


class Reader(NamedTuple):
    """Finds the contexts of questions.

    Attributes:
      variant: one of VARIANTS.
      neighbours: sentences taken on either side of a snippet.
      abstracts: by document_id, beside those in the questions themselves.
    """

    variant: str = SNIPPET
    neighbours: int = 1
    abstracts: Mapping[str, Abstract] = {}

    def contexts(self, question: bioasq.Question, path: str) -> Contexts:
        """Return the contexts of a question; no abstract is among them twice.

        Args:
          question: a question of BioASQ's file.
          path: file name for messages.

        Raises:
          InputError: snippets or documents have another form than BioASQ's.
        """
        snippets = snippets_of(question, path)
        solid = [snippet for snippet in snippets if snippet["text"].strip()]
        blank = len(snippets) - len(solid)
        if self.variant == SNIPPET:
            return Contexts([snippet["text"] for snippet in solid], blank, 0, 0)
        known = dict(self.abstracts, **abstracts_in(question))
        found = [self._wider(snippet, known) for snippet in solid]
        texts = [
            snippet["text"] if wider is None else wider
            for snippet, wider in zip(solid, found)
        ]
        alone = found.count(None)
        widened = len(found) - alone
        return Contexts(list(dict.fromkeys(texts)), blank, alone, widened)

    def _wider(
        self, snippet: bioasq.Question, known: Mapping[str, Abstract]
    ) -> Optional[str]:
        """Return a snippet with what is around it; None where that is not known."""
        abstract = known.get(document_id(snippet.get("document")))
        if abstract is None:
            return None
        place = _place(snippet["text"], abstract.text)
        if place is None:
            return None
        if self.variant == ABSTRACT:
            return abstract.text
        return _with_neighbours(abstract, place, self.neighbours)


def snippets_of(question: bioasq.Question, path: str) -> List[bioasq.Question]:
    """Return a question's snippets, each checked to have a "text".

    Raises:
      InputError: they are not a list of objects with a "text".
    """
    snippets = question.get("snippets")
    if snippets is None:
        return []
    if isinstance(snippets, list) and all(
        isinstance(each, dict) and isinstance(each.get("text"), str)
        for each in snippets
    ):
        return snippets
    raise files.InputError(
        f'question {question["id"]} has "snippets" that are no list of objects with a '
        '"text"',
        path,
    )


def document_id(document: Any) -> str:
    """Return what names a document: PMID, or the last part of its address."""
    return re.split("[/=]", str(document).rstrip("/"))[-1]


def abstracts_in(question: bioasq.Question) -> Dict[str, Abstract]:
    """Return the abstracts that a question itself has, by document_id.

    They are its "documents" that are objects; addresses alone are passed over.
    """
    documents = question.get("documents")
    found = {}
    for document in documents if isinstance(documents, list) else []:
        if isinstance(document, dict):
            names = [document[key] for key in _ID_KEYS if key in document]
            texts = [document.get(key) for key in ("title", *_TEXT_KEYS)]
            title, *bodies = [text if isinstance(text, str) else "" for text in texts]
            body = next(filter(None, bodies), "")
            if names and (title or body):
                found[document_id(names[0])] = Abstract.join(title, body)
    return found


def read_abstracts(path: str) -> Dict[str, Abstract]:
    """Read a file of abstracts in any form that inputs.py reads, by document_id."""
    sections = {}
    for passage in inputs.read_passages(path):
        sections.setdefault(document_id(passage.id), []).append(passage)
    return {
        name: Abstract.join(
            " ".join(each.text for each in parts if each.section == "title"),
            " ".join(each.text for each in parts if each.section != "title"),
        )
        for name, parts in sections.items()
    }


def _place(snippet: str, text: str) -> Optional["re.Match[str]"]:
    """Find a snippet in a text, whatever the white space between its words."""
    return re.search(r"\s+".join(map(re.escape, snippet.split())), text)


def _with_neighbours(
    abstract: Abstract, place: "re.Match[str]", neighbours: int
) -> str:
    """Return the sentences that a place lies in and those around it."""
    starts = sentence_starts(abstract.text, abstract.body, ())
    first = bisect.bisect_right(starts, place.start()) - 1
    last = bisect.bisect_right(starts, place.end() - 1) - 1
    ends = [*starts[1:], len(abstract.text)]
    end = ends[min(last + neighbours, len(ends) - 1)]
    return abstract.text[starts[max(first - neighbours, 0)] : end].strip()
