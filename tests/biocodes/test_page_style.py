"""lib/page_style.py: colours that can be read, short forms that differ."""

import re

import pytest

from biocodes.lib import page_style


@pytest.mark.parametrize("index", [*range(30), 997])
def test_colours_of_any_type_can_be_read(index):
    own = page_style.colours(index)
    pairs = [
        (own.line, own.tint),
        (own.line, page_style.PAPER),
        (page_style.INK, own.tint),
        (own.dark_line, own.dark_tint),
        (own.dark_line, page_style.DARK_PAPER),
        (page_style.DARK_INK, own.dark_tint),
    ]
    for front, back in pairs:
        assert page_style.contrast(front, back) >= 4.5, (front, back)


def test_contrast_is_wcags():
    assert page_style.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert page_style.contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


def test_grey_of_headings_can_be_read():
    greys = re.findall("--soft:(#[0-9a-f]{6})", page_style.STYLE)
    papers = page_style.PAPER, page_style.DARK_PAPER
    assert len(greys) == 2
    for grey, paper in zip(greys, papers):
        assert page_style.contrast(grey, paper) >= 4.5


def test_types_have_colours_of_their_own():
    assert len({page_style.colours(index) for index in range(60)}) == 60


def test_short_forms_tell_types_apart():
    names = ["Disease", "Chemical", "cell_type", "cell_line", "Cell", "RNA", "X"]
    assert page_style.abbreviations(names) == {
        "Disease": "DIS",
        "Chemical": "CHE",
        "cell_type": "CELL_T",
        "cell_line": "CELL_L",
        "Cell": "CELL",
        "RNA": "RNA",
        "X": "X",
    }
