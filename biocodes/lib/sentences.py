"""Where the sentences of an abstract begin, by rules for biomedical English."""

import re
from typing import Collection, List

from biocodes.lib.chemprot import Mention


def _words(text):
    """Return the set of the words in a text."""
    return frozenset(text.split())


# Abbreviations without their last full stop, never the last word of a sentence.
_NEVER_LAST = _words("""
    e.g i.e eg ie cf vs viz approx ca fig figs eq eqs ref refs dr prof st resp
""")
# Abbreviations that a sentence may end with, but hardly ever does.
_SELDOM_LAST = _words("al etc sp spp subsp ssp var inc co corp ltd")
# A letter after one of these ("vitamin D. Patients") is no initial.
_BEFORE_LETTER = _words("""
    amphotericin apolipoprotein cathepsin chain class complex compound cyclin
    cyclosporin degrees domain factor fraction group hepatitis immunoglobulin isoform
    kinase phase protein receptor region site subtype subunit type vitamin
""")
# Words that begin sentences and hardly ever a name.
_OPENERS = _words("""
    A Additionally After Although All Also Among An Another As At Because Both But By
    Consequently Conversely During Each Finally For From Further Furthermore Hence Here
    However If In Interestingly It Its Moreover Most Neither Nevertheless No None Of On
    Only Our Overall Results Similarly Since Some Such Taken That The Their Then There
    Therefore These They This Those Thus To Together Under Unlike Upon Using We When
    Whereas Whether While With Within
""")
# An end sign and the quotes or brackets closed behind it, before white space.
_SENTENCE_END = re.compile(r"([.!?])[\"')\]\u2019\u201d]*\s+(?=\S)")
# A word without the brackets, quotes and signs before it.
_WORD = re.compile(r"[^\w\s]*(\S*)")
_DOTTED_LETTERS = re.compile(r"[A-Za-z](\.[A-Za-z])*")


def sentence_starts(text: str, body: int, mentions: Collection[Mention]) -> List[int]:
    """Find where the sentences of an abstract begin.

    Args:
      text: title, one space, abstract.
      body: where the abstract begins in text.
      mentions: no sentence begins inside one.

    Returns:
      Rising positions, the first of them 0; each sentence reaches to the next.
    """
    starts = {0}
    after_title = re.compile(r"\S").search(text, body)
    if after_title and text[:body].strip():
        starts.add(after_title.start())
    for match in _SENTENCE_END.finditer(text):
        if ends_sentence(text, match.start(), match.end(), match.group(1)):
            starts.add(match.end())
    for mention in mentions:
        starts.difference_update(range(mention.start + 1, mention.end))
    return sorted(starts)


def ends_sentence(text: str, stop: int, after: int, sign: str) -> bool:
    """Return whether the sign at text[stop] ends a sentence.

    For example not in "by E. coli", "Fig. 2" and "i.p. injection", but in
    "vitamin D. The" and "was i.p. The".

    Args:
      text: the abstract.
      stop: where the sign is.
      after: where the next sentence would begin.
      sign: the sign, one of . ! ?
    """
    following = _WORD.match(text, after).group(1)
    if sign != "." or stop == 0:
        return begins_sentence(following)
    before, last = ["", "", *text[max(0, stop - 100) : stop].split()][-2:]
    last = _WORD.match(last).group(1)
    # "P < . 05", "No. 5"
    if following[:1].isdigit() and (text[stop - 1].isspace() or last in ("No", "no")):
        return False
    # Nitric oxide is NO and carbon monoxide CO: capitals abbreviate something else.
    abbreviation = "" if last.isupper() else last.lower()
    if abbreviation in _NEVER_LAST:
        return False
    # "24 h. Cells", "vitamin D. Patients"
    whole = len(last) == 1 and (
        before[-1:].isdigit() or before.lower().split("-")[-1] in _BEFORE_LETTER
    )
    shortened = abbreviation in _SELDOM_LAST or _DOTTED_LETTERS.fullmatch(last)
    if shortened and not whole:
        return re.match(r"\w*", following).group() in _OPENERS
    return begins_sentence(following)


def begins_sentence(word: str) -> bool:
    """Return whether a word can begin a sentence: none in lower case but names.

    Names are told by a capital, a digit or a Greek letter: mRNA, p53, β-catenin.
    """
    if not word or not word[0].islower():
        return bool(word)
    is_greek = "\u0370" <= word[0] <= "\u03ff"
    return is_greek or any(letter.isupper() or letter.isdigit() for letter in word)
