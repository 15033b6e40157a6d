"""lib/pubmed_xml.py, lib/safe_xml.py: PubMed's XML, streamed, and what is refused."""

import gzip
import tracemalloc

import pytest

from biocodes.lib import files, inputs
from biocodes.lib.passages import Passage

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet PUBLIC "-//NLM//DTD PubMedArticle, 1st January 2025//EN"
 "https://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
"""
ARTICLES = """<PubmedArticleSet>
<PubmedArticle><MedlineCitation Status="MEDLINE" Owner="NLM">
  <PMID Version="1">8751855</PMID>
  <Article PubModel="Print">
    <Journal><Title>A journal</Title></Journal>
    <ArticleTitle>Mutations of <i>BRCA1</i> &amp; Ca<sup>2+</sup>
      in mice &lt; 3 d.</ArticleTitle>
    <Abstract>
      <AbstractText Label="BACKGROUND" NlmCategory="BACKGROUND">Ataxia.</AbstractText>
      <AbstractText Label="UNLABELLED">Sj\u00f6gren&#x2019;s.</AbstractText>
      <AbstractText Label="METHODS"/>
      <CopyrightInformation>Copyright.</CopyrightInformation>
    </Abstract>
  </Article>
  <OtherAbstract Type="Publisher"><AbstractText>Autre.</AbstractText></OtherAbstract>
  <CommentsCorrectionsList><CommentsCorrections><PMID Version="1">1</PMID>
  </CommentsCorrections></CommentsCorrectionsList>
</MedlineCitation><PubmedData><ArticleIdList>
  <ArticleId IdType="pubmed">8751855</ArticleId></ArticleIdList></PubmedData>
</PubmedArticle>
<PubmedArticle><MedlineCitation><PMID Version="2">20029614</PMID>
  <Article><ArticleTitle>Alone.</ArticleTitle></Article></MedlineCitation>
</PubmedArticle>
<PubmedBookArticle><BookDocument><PMID>20301425</PMID><Book><BookTitle>Reviews</BookTitle>
  </Book><ArticleTitle>A chapter</ArticleTitle>
  <Abstract><AbstractText>Of ataxia.</AbstractText></Abstract></BookDocument>
</PubmedBookArticle>
<DeleteCitation><PMID Version="1">5</PMID></DeleteCitation>
</PubmedArticleSet>
"""
EXPECTED = [
    Passage("8751855", "title", "Mutations of BRCA1 & Ca2+ in mice < 3 d."),
    Passage("8751855", "abstract", "BACKGROUND: Ataxia. Sj\u00f6gren\u2019s."),
    Passage("20029614.2", "title", "Alone."),
    Passage("20301425", "title", "A chapter"),
    Passage("20301425", "abstract", "Of ataxia."),
]


def read(path):
    return list(inputs.read_passages(path))


def test_titles_and_structured_abstracts_of_pubmed(write):
    assert read(write(HEAD + ARTICLES, "set.xml")) == EXPECTED


def test_the_baseline_is_read_compressed(write):
    content = gzip.compress((HEAD + ARTICLES).encode())
    assert read(write(content, "pubmed25n0001.xml.gz")) == EXPECTED


def test_one_long_line_and_other_encodings(write):
    one_line = (HEAD + ARTICLES).replace("\n", " ")
    assert read(write(one_line, "a.xml")) == EXPECTED
    latin = one_line.replace("utf-8", "iso-8859-1").encode("iso-8859-1")
    assert read(write(latin, "b.xml")) == EXPECTED


def test_standard_input_that_is_xml_is_read_as_it():
    lines = (HEAD + ARTICLES).encode().splitlines(True)
    assert list(inputs.read_passages("-", lines)) == EXPECTED


def test_a_citation_of_older_files_has_no_article_around_it(write):
    content = (
        "<MedlineCitationSet><MedlineCitation><PMID>7</PMID><Article>"
        "<ArticleTitle>T</ArticleTitle></Article></MedlineCitation></MedlineCitationSet>"
    )
    assert read(write(content, "a.xml")) == [Passage("7", "title", "T")]


BILLION = """<?xml version="1.0"?>
<!DOCTYPE PubmedArticleSet [<!ENTITY a "lol"><!ENTITY b "&a;&a;">]>
<PubmedArticleSet>&b;</PubmedArticleSet>"""
EXTERNAL = """<!DOCTYPE PubmedArticleSet [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<PubmedArticleSet>&a;</PubmedArticleSet>"""
PARAMETER = """<!DOCTYPE PubmedArticleSet [
<!ENTITY % a SYSTEM "http://127.0.0.1/"> %a;]>
<PubmedArticleSet/>"""
NO_PMID = "<PubmedArticleSet>\n<PubmedArticle/></PubmedArticleSet>"


@pytest.mark.parametrize(
    "content, line, problem",
    [
        (BILLION, 2, "declares the entity a"),
        (EXTERNAL, 1, "declares the entity a"),
        (PARAMETER, 2, "declares the entity a"),
        (HEAD + "<PubmedArticleSet>&alpha;</PubmedArticleSet>", 4, "&alpha; is decl"),
        ("<PubmedArticleSet>&alpha;</PubmedArticleSet>", 1, "undefined entity"),
        ("<PubmedArticleSet>\n<a></PubmedArticleSet>", 2, "mismatched tag"),
        (ARTICLES[:700], 16, "is the file complete?"),
        (NO_PMID, 2, "a PubmedArticle without a PMID"),
        ("<article><p/></article>", None, "XML of <article>, which is not read"),
        ("<PubmedArticleSet/>", None, "there is no passage in it"),
        ("<a>" * 101, 1, "nested more than 100 deep"),
    ],
)
def test_what_is_dangerous_or_no_pubmed_is_refused(write, content, line, problem):
    path = write(content, "a.xml")
    with pytest.raises(files.InputError) as raised:
        read(path)
    place = path if line is None else f"{path}:{line}"
    assert str(raised.value).startswith(f"{place}: ")
    assert problem in str(raised.value)


def test_a_long_file_needs_no_more_memory_than_a_short_one(tmp_path):
    article = (
        "<PubmedArticle><MedlineCitation><PMID>{}</PMID><Article><ArticleTitle>T"
        "</ArticleTitle><Abstract><AbstractText>{}</AbstractText></Abstract></Article>"
        "</MedlineCitation></PubmedArticle>"
    )
    peaks = []
    for count in (1000, 8000):
        path = tmp_path / f"{count}.xml"
        with open(str(path), "w") as stream:
            stream.write("<PubmedArticleSet>")
            for number in range(count):
                stream.write(article.format(number, "ataxia " * 300))
            stream.write("</PubmedArticleSet>")
        tracemalloc.start()
        assert sum(1 for _ in inputs.read_passages(str(path))) == 2 * count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 7,000 more articles hold 15 MB of text; their ids take up to 48 bytes each.
    assert peaks[1] - peaks[0] < 1 << 20
