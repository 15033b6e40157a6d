"""lib/medline.py: what PubMed saves as .nbib."""

import pytest

from biocodes.lib import files, inputs
from biocodes.lib.passages import Passage

RECORDS = """\r
PMID- 25681447\r
OWN - NLM\r
TI  - Efficacy of a drug in ataxia: \r
      a trial.\r
PG  - 1-9\r
AB  - BACKGROUND: Ataxia is rare. METHODS: We\r
      studied mice -\r
      and men.\r
FAU - Doe, J\r
AD  - Department of Neurology, AB - X.\r
TI  - Another title.\r
\r
PMID- 7\r
BTI - A book\r
\r
PMID- 8\r
"""


def test_titles_and_abstracts_of_records(write):
    for name in ("set.nbib", "pubmed.MEDLINE", "no_ending"):
        assert list(inputs.read_passages(write(RECORDS, name))) == [
            Passage("25681447", "title", "Efficacy of a drug in ataxia: a trial."),
            Passage(
                "25681447",
                "abstract",
                "BACKGROUND: Ataxia is rare. METHODS: We studied mice - and men.",
            ),
            Passage("7", "title", "A book"),
            Passage("8", "title", ""),
        ]


@pytest.mark.parametrize(
    "content, line, problem",
    [
        ("TI  - no record\n", 1, "no record of MEDLINE begins so"),
        ("Ataxia is rare.\n", 1, "no record of MEDLINE begins so"),
        ("PMID- 1\nwrong\n", 2, "neither a field nor an indented line"),
        ("PMID- 1\n\nPMID- 1\n", 3, "the id 1 stands on line 1 already"),
        ("PMID- \n", 1, "the id is empty"),
    ],
)
def test_wrong_records_are_one_line(write, content, line, problem):
    path = write(content, "a.nbib")
    with pytest.raises(files.InputError) as raised:
        list(inputs.read_passages(path))
    assert str(raised.value).startswith(f"{path}:{line}: ")
    assert problem in str(raised.value)
