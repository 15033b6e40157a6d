"""word_spans and biocodes' view of words against the basic tokenizer."""

import pathlib
import subprocess
import sys

from hypothesis import example, given, settings
from hypothesis import strategies as st

from biocodes import ner_detokenize
from tokenization import BasicTokenizer, word_spans

ROOT = pathlib.Path(__file__).parent.parent.parent

# Characters on which the two tokenizers could part: white space of all sorts, controls,
# soft hyphen, joiners, combining marks, symbols that are no punctuation, ideographs at
# the ends of their blocks, an unassigned code point, U+FFFD and the last code point.
ODD = (
    " \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u3000\u200b\xad\ufeff\0\x7f\u0301\u20ac\xab$^`"
    "\u4e00\u9fff\ua000\U0002ceaf\U0002ceb0\u0378\ufffd\U0010ffff\u0130\u037e\U0001f9ec"
)
any_text = st.text(st.sampled_from("aZ0-.(" + ODD) | st.characters())


def spans_of_tokens(text):
    tokens = BasicTokenizer(do_lower_case=False).tokenize_with_offsets(text)
    return [(starts[0], ends[-1]) for _, starts, ends in tokens]


@settings(deadline=None)
@given(any_text)
@example("(BRCA1)")
@example("a\u200bb \u200b c\ufffd")
@example("".join(f"a{char}b {char} " for char in ODD))
def test_words_are_the_tokens_of_the_basic_tokenizer(text):
    assert word_spans(text) == spans_of_tokens(text)


def test_every_character_is_taken_as_the_basic_tokenizer_takes_it():
    # Planes 0 and 1, and where the blocks of ideographs of plane 2 and the tags begin.
    blocks = [*range(0, 0x20000, 0x1000), 0x20000, 0x2A000, 0x2C000, 0x2F000, 0xE0000]
    for block in blocks:
        text = " ".join(f"a{chr(code)}b" for code in range(block, block + 0x1000))
        text = text.encode("utf-8", "ignore").decode()  # without surrogates
        assert word_spans(text) == spans_of_tokens(text), hex(block)


def test_characters_that_are_dropped_lie_inside_of_words_or_in_none():
    spans = word_spans("\u200bT\u200b-cell\xad \0 a\0b")
    assert spans == [(1, 2), (3, 4), (4, 8), (12, 15)]


@settings(deadline=None)
@given(any_text, st.booleans())
@example("ΑΣ ΑΣ. Σ.Α İ", True)
@example("".join(f"a{char}b {char} " for char in ODD), True)
def test_the_detokenizer_spells_words_as_the_basic_tokenizer_does(text, lower):
    tokens = BasicTokenizer(do_lower_case=lower).tokenize(text)
    assert list(ner_detokenize.basic_tokens(text, lower)) == tokens


def test_the_tokenizer_needs_the_standard_library_only():
    """Without site-packages, and with no other module of the suite."""
    code = f"""
import sys
sys.path.append({str(ROOT)!r})
import tokenization
assert tokenization.word_spans("T-cell") == [(0, 1), (1, 2), (2, 6)]
assert tokenization.BasicTokenizer().tokenize("Naïve") == ["naive"]
for name, module in sys.modules.items():
    path = getattr(module, "__file__", None) or ""
    if path.startswith({str(ROOT)!r}):
        print(name)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        stdout=subprocess.PIPE,
        check=True,
    )
    assert done.stdout.decode().split() == ["tokenization"]
