"""Titles and abstracts of PubMed's XML, as downloads, E-utilities and baseline have it.

    <PubmedArticleSet><PubmedArticle><MedlineCitation>
      <PMID Version="1">8751855</PMID>
      <Article>
        <ArticleTitle>…</ArticleTitle>
        <Abstract><AbstractText Label="METHODS">…</AbstractText>…</Abstract>

Markup within texts (<i>, <sup>, …) is dropped and its text kept.
"""

from typing import Optional

from biocodes.lib import files
from biocodes.lib.line_formats import Numbered
from biocodes.lib.passages import Passage, check_id
from biocodes.lib.safe_xml import Element, text_of

# Elements that are one article each; MedlineCitation is that of older files. The
# outermost counts, so the one inside a PubmedArticle is not met on its own.
RECORDS = ("PubmedArticle", "PubmedBookArticle", "MedlineCitation")
ROOTS = ("PubmedArticleSet", "MedlineCitationSet", "PubmedBookArticleSet", *RECORDS)
# What PubMed itself shows without a label.
NO_LABEL = ("UNLABELLED", "UNLABELED")


def passages_of(record: Element, path: str, number: int) -> Numbered:
    """Yield the title and, if there is one, the abstract of an article.

    An id is a PMID, with ".2" for an article's second version and so on.

    Raises:
      InputError: there is no PMID.
    """
    name_of_record = record.tag
    if name_of_record == "PubmedArticle":
        record = record.find("MedlineCitation")
    elif name_of_record == "PubmedBookArticle":
        record = record.find("BookDocument")
    pmid = None if record is None else record.find("PMID")
    if pmid is None:
        raise files.InputError(f"a {name_of_record} without a PMID", path, number)
    name, version = text_of(pmid), pmid.get("Version", "1")
    name += "" if version == "1" else f".{version}"
    check_id(name, path, number)
    article = record.find("Article")
    article = record if article is None else article
    yield number, Passage(name, "title", _title_of(article))
    abstract = abstract_of(article.find("Abstract"))
    if abstract:
        yield number, Passage(name, "abstract", abstract)


def _title_of(article: Element) -> str:
    """Return the title; a book of which no chapter is meant has its own."""
    return text_of(article.find("ArticleTitle")) or text_of(
        article.find("Book/BookTitle")
    )


def abstract_of(abstract: Optional[Element]) -> str:
    """Join the parts of an abstract by a space, each after its label: "METHODS: …"."""
    if abstract is None:
        return ""
    parts = []
    for part in abstract.findall("AbstractText"):
        text, label = text_of(part), part.get("Label", "").strip()
        if label and label.upper() not in NO_LABEL and text:
            text = f"{label}: {text}"
        parts.append(text)
    return " ".join(part for part in parts if part)
