"""lib/sentences.py: where sentences of biomedical English begin."""

import pytest

from biocodes.lib.chemprot import Mention
from biocodes.lib.sentences import sentence_starts


@pytest.mark.parametrize(
    "text",
    [
        "It fell. | The rest rose. | 5 rats died! | Why? | We do not know.",
        "It fell (P < 0.05). | (+)-Catechin did not. | [3H]Uridine did.",
        'He said "no." | And "yes!" | Then he left.',
        "mRNA fell. | p53 rose. | β-Catenin fell. | β-arrestin rose. | mTOR stayed.",
        "Drugs, e.g. Xanax, i.e. one vs. Placebo (cf. Ref. 5, Figs. 1 and 2), fell.",
        "As J. R. Smith et al. (2004) and Lee et al. Described, it is so.",
        "It was given i.p. Aspirin followed. | No more.",
        "It was given i.p. | The dose was 5 mg, etc. | This was low.",
        "In E. coli and S. Typhimurium it fell. | P.Arg117His was found.",
        "Protein kinase C. | Rats had vitamin D. | Men had hepatitis B. | Boys not.",
        "Cells released NO. | Rats breathed CO. | Sample No. 5 was best. | 6 fell.",
        "They ran at 37 degrees C. | Cells ran for 24 h. | Membranes did not.",
        "About approx. 20 mg (ca. 5 ml) were at P < . 05 there.",
        "Spaced . | Next one . | It was p = . 5 there.",
        "lower. case. words. go on",
        "...",
        ".",
        "A.",
    ],
)
def test_sentences(text):
    plain = text.replace("| ", "")
    starts = sentence_starts(plain, len(plain), [])
    parts = [plain[a:b].strip() for a, b in zip(starts, [*starts[1:], None])]
    assert " | ".join(parts) == text


def test_the_title_is_a_sentence_without_a_full_stop():
    assert sentence_starts("Title of it it begins.", 12, []) == [0, 12]
    assert sentence_starts("Title.  Two spaces.", 7, []) == [0, 8]
    assert sentence_starts("Title ", 6, []) == [0]
    assert sentence_starts(" Abstract.", 1, []) == [0]


def test_no_sentence_begins_inside_a_mention():
    mention = Mention("T1", "CHEMICAL", 4, 16)
    assert sentence_starts("The A. Big drug fell.", 21, [mention]) == [0]
