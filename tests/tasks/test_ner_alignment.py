"""Every word keeps its label: from pieces, over files of them, back to words."""

import pathlib
import random
import tempfile

import numpy as np
import tensorflow.compat.v1 as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import run_ner
from biocodes import ner_detokenize
from biocodes.lib import conll
from finetuning import records
from finetuning.model import Model
from finetuning.windows import NO_WORD
from kit.golden import CASED, LOWER
from kit.ner_runs import LABEL_IDS
from tasks.ner.labels import ORIGINAL_LABELS
from tasks.ner.results import WordLabels, whole_sentences, write_entities, write_pieces

tf.disable_v2_behavior()


AWKWARD = [
    "##x",
    "##",
    "[SEP]",
    "[CLS]",
    "[UNK]",
    "[PAD]",
    "-X-",
    "O",
    "\u200b",
    "\0",
    "\ufffd",
    "a\u00adb",
    "IL-2",
    "...",
    "日本語",
    "İ",
    "e\u0301",
    "\U0001f600",
    "x" * 201,
]


def is_word(text):
    return text.split() == [text]


WORDS = st.one_of(
    st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=8),
    st.sampled_from(AWKWARD),
    st.sampled_from(["leukemia", "Ataxia", "adenomatous", "the"]),
).filter(is_word)


def check_alignment(folder, texts, tokenizer, limit, choose):
    """Check that all that is written gives words the label of their first piece, or O.

    Args:
      folder: where to write.
      texts: sentences, lists of words.
      tokenizer, limit: FullTokenizer, max_seq_length.
      choose: function of a number → an int below it: what the model "predicts" for
        all that must not matter.
    """
    # A byte-order mark at the start of the file would not be the first word's.
    texts = [["The"], *texts]
    labels = ("B", "I", "O")
    answers = folder / "test.tsv"
    answers.write_bytes(
        "".join(
            "".join(f"{word}\t{labels[i % 3]}\n" for i, word in enumerate(words)) + "\n"
            for words in texts
        ).encode("utf-8")
    )
    sentences = conll.load_sentences(str(answers))
    assert [sentence.words for sentence in sentences] == texts
    data = records.write_records(
        str(folder / "predict.tf_record"),
        run_ner.schema(labelled=True),
        (
            window
            for sentence in sentences
            for window in run_ner.featurize(sentence, tokenizer, LABEL_IDS, limit)
        ),
        {},
    )

    def predictions():
        for index in range(len(texts)):
            words = data[index]["word_index"].tolist()
            ids = [choose(7) for _ in range(limit)]
            for piece, word in enumerate(words):
                if word != NO_WORD and words[piece - 1] != word:
                    ids[piece] = LABEL_IDS[labels[(word + 1) % 3]]
            yield index, {"label_ids": np.array(ids)}

    model = Model(None, tokenizer, {}, ORIGINAL_LABELS)
    whole = whole_sentences(data, predictions())
    write_pieces(str(folder), sentences, model, whole)
    of_words = list(WordLabels(str(folder), sentences))
    for words, predicted in zip(texts, of_words):
        begin, expected = 0, []
        for i, word in enumerate(words):
            count = len(tokenizer.tokenize(word))
            is_seen = count and begin < limit - 2
            expected.append(labels[(i + 1) % 3] if is_seen else "O")
            begin += count
        assert predicted == expected
    write_entities(str(folder), sentences, of_words)
    again = folder / "again"
    ner_detokenize.main(
        [
            f"--token_test_path={folder / 'token_test.txt'}",
            f"--label_test_path={folder / 'label_test.txt'}",
            f"--answer_path={answers}",
            f"--output_dir={again}",
        ]
    )
    result = (folder / "NER_result_conll.txt").read_bytes()
    assert (again / "NER_result_conll.txt").read_bytes() == result
    rows = result.decode("utf-8").split("\n")
    expected = [
        f"{word} {labels[i % 3]}-MISC {label}-MISC"
        for words, predicted in zip(texts, of_words)
        for i, (word, label) in enumerate(zip(words, predicted))
    ]
    assert [row for row in rows if row] == expected


@settings(deadline=None, max_examples=120)
@given(
    texts=st.lists(st.lists(WORDS, min_size=1, max_size=9), min_size=1, max_size=3),
    limit=st.integers(3, 24),
    do_lower_case=st.booleans(),
    seed=st.integers(0, 100),
)
def test_every_word_keeps_its_label(texts, limit, do_lower_case, seed):
    choose = random.Random(seed).randrange
    tokenizer = LOWER if do_lower_case else CASED
    with tempfile.TemporaryDirectory() as folder:
        check_alignment(pathlib.Path(folder), texts, tokenizer, limit, choose)


CHARACTERS = [
    *"abcdefghijklmnopqrstuvwxyzABC0123456789",
    *"-.,;:/()[]#'\"%+*=<>@&",
    *"\0\x01\x7f\u00ad\u200b\u200d\u202e\ufeff\ufffd\ue000",
    *"éßİΣçñøẞﬁ\u0301\u0308\u0345",
    *"日本語中\u3400\U00020000한",
    *"αβγμ→≥°\U0001f600\U0001f468",
]


def test_thousands_of_random_sentences_keep_their_labels(tmp_path, request):
    dice = random.Random(20240229)

    def word():
        kind = dice.random()
        if kind < 0.1:
            return dice.choice(AWKWARD)
        if kind < 0.2:  # any character at all
            text = "".join(
                chr(
                    dice.choice(
                        [dice.randrange(0xD800), dice.randrange(0xE000, 0x11000)]
                    )
                )
                for _ in range(dice.randint(1, 4))
            )
        else:
            text = "".join(dice.choices(CHARACTERS, k=dice.randint(1, 8)))
        return text if is_word(text) else "word"

    count = request.config.getoption("--random_sentences")
    texts = [[word() for _ in range(dice.randint(1, 10))] for _ in range(count)]
    check_alignment(tmp_path, texts, CASED, 32, dice.randrange)
