"""ner_detokenize.py: every word gets the label of its own first piece."""

import json
import pathlib
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes import ner_detokenize
from biocodes.lib import conll_scores, files
from biocodes.lib.word_labels import RESULT_FILE
from kit.paths import DATA

SCRIPT = "biocodes/ner_detokenize.py"
GOLDEN = DATA / "ner"


def write_lines(path, lines):
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


class Run:
    """A folder with the files of one prediction, and the command run on them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def write(self, answer, tokens, labels, words=None):
        write_lines(self.folder / "test.tsv", answer)
        write_lines(self.folder / "token_test.txt", tokens)
        write_lines(self.folder / "label_test.txt", labels)
        if words is not None:
            write_lines(self.folder / "word_test.txt", words)

    def path(self, name):
        return str(self.folder / name)

    def flags(self):
        return [
            f"--token_test_path={self.path('token_test.txt')}",
            f"--label_test_path={self.path('label_test.txt')}",
            f"--answer_path={self.path('test.tsv')}",
            f"--output_dir={self.folder}",
        ]

    def result(self):
        return (self.folder / RESULT_FILE).read_bytes().decode()

    def detokenize(self):
        ner_detokenize.main(self.flags())
        return self.result()


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def columns(text):
    return [line.split(" ")[1:] for line in text.splitlines()]


# Against the original


def golden_flags(output_dir):
    return [
        f"--token_test_path={GOLDEN / 'token_test.txt'}",
        f"--label_test_path={GOLDEN / 'label_test.txt'}",
        f"--answer_path={GOLDEN / 'test.tsv'}",
        f"--output_dir={output_dir}",
    ]


def test_command_gives_the_originals_labels_and_scores(run_command, tmp_path):
    output_dir = tmp_path / "made" / "here"
    done = run_command(SCRIPT, *golden_flags(output_dir), cwd=str(tmp_path))
    assert (done.status, done.stderr) == (0, "")
    result = output_dir / "NER_result_conll.txt"
    text = result.read_bytes().decode()
    expected = (GOLDEN / "NER_result_conll.txt").read_bytes().decode()
    assert columns(text) == columns(expected)
    scores = conll_scores.score_file(str(result))
    assert conll_scores.report(scores) == (GOLDEN / "conlleval.txt").read_text()


def test_words_are_those_of_the_answer_file(tmp_path):
    ner_detokenize.main(golden_flags(tmp_path))
    lines = (tmp_path / "NER_result_conll.txt").read_bytes().decode().split("\n")
    answer = (GOLDEN / "test.tsv").read_bytes().decode().split("\n")
    assert [line.split(" ")[0] for line in lines[: len(answer)]] == [
        line.split("\t")[0] for line in answer
    ]


def test_debug_names_the_words_that_were_cut_off(run_command, tmp_path):
    done = run_command(SCRIPT, *golden_flags(tmp_path), "--debug")
    assert done.status == 0
    lost = done.stderr.splitlines()
    assert lost[-1] == f"{GOLDEN / 'test.tsv'}:4143: '.' has no piece, so it is O"
    predicted = columns((tmp_path / "NER_result_conll.txt").read_text())
    assert len(lost) < sum(1 for labels in predicted if labels[1:] == ["O-MISC"])


TOKENIZERS = [("cased", False), ("cased_vocab_lowercased", True), ("uncased", True)]


def golden_texts(name):
    path = DATA / "tokenization" / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name, lower", TOKENIZERS)
def test_basic_tokens_are_the_originals(name, lower):
    for golden in golden_texts(name):
        tokens = ner_detokenize.basic_tokens(golden["text"], lower)
        assert list(tokens) == golden["basic_tokens"], golden["text"]


@pytest.mark.parametrize("name, lower", TOKENIZERS)
def test_the_originals_pieces_spell_their_words(name, lower):
    """Each word's pieces, joined, are its basic tokens or [UNK] in their places."""
    for golden in golden_texts(name):
        words = golden["text"].split(" ")
        indices = ner_detokenize.spell(words, golden["tokens"], lower, False)
        assert indices == sorted(indices)
        for index, word in enumerate(words):
            pieces = [p for p, i in zip(golden["tokens"], indices) if i == index]
            spelled = " ".join(pieces).replace(" ##", "").split()
            expected = ner_detokenize.basic_tokens(word, lower)
            assert len(spelled) == len(expected)
            for text, token in zip(spelled, expected):
                assert text in (token, "[UNK]")


# The file


def test_a_type_each_is_scored(run):
    run.write(
        ["aspirin\tB-Chemical", "headache\tB-Disease", "x\tO"],
        ["[CLS]", "aspirin", "head", "##ache", "x", "[SEP]"],
        ["[CLS]", "B-Chemical", "O", "X", "O", "[SEP]"],
    )
    run.detokenize()
    scores = conll_scores.score_file(run.path("NER_result_conll.txt"))
    assert scores.by_type["Chemical"].f1 == 100
    assert scores.by_type["Disease"] == conll_scores.Counts(1, 0, 0)


def test_byte_order_mark_and_crlf_are_simply_read(run):
    run.write(["a\tB\r", "\r"], ["[CLS]\r", "a\r", "[SEP]\r"], ["[CLS]", "B", "[SEP]"])
    for name in ("test.tsv", "token_test.txt", "label_test.txt"):
        path = run.folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert run.detokenize() == "a B-MISC B-MISC\n\n"


# Alignment: every word keeps its own label, whatever the words are


@pytest.mark.parametrize("with_words", [False, True])
@pytest.mark.parametrize(
    "words",
    [
        [("x", "x"), ("BRCA1/2", "BR ##CA1 / 2"), ("y", "y")],
        [("x", "x"), ("\u200b", ""), ("y", "y")],
        [("x", "x"), ("##ab", "# # a ##b"), ("##", "# #"), ("y", "y")],
        [("x", "x"), ("\u2603", "[UNK]"), ("y", "y")],
        [("\u03b1-\u03b2", "[UNK] - [UNK]"), ("\u2603", "[UNK]"), ("y", "y")],
        [("[CLS]", "[ CL ##S ]"), ("[SEP]", "[ SE ##P ]"), ("y", "y")],
        [("\u4e00\u4e01a", "\u4e00 \u4e01 a"), ("y", "y")],
        [("a\0b", "ab"), ("\u00ad", ""), ("\ufffd", ""), ("y", "y")],
    ],
    ids=[
        "punctuation",
        "no piece",
        "double hash",
        "unknown",
        "unknown parts",
        "markers in the text",
        "ideographs",
        "control characters",
    ],
)
def test_words_of_many_pieces_and_of_none(run, words, with_words):
    answer, tokens, labels, lines = [], ["[CLS]"], ["[CLS]"], ["0"]
    expected = ""
    for number, (word, pieces) in enumerate(words, 1):
        count = len(pieces.split())
        answer.append(f"{word}\tO")
        tokens += pieces.split()
        labels += [f"T{number}", *["X"] * count][:count]
        lines += [f"{number}\t{word}"] * count
        expected += f"{word} O-MISC {f'T{number}' if count else 'O'}-MISC\n"
    run.write(
        answer,
        [*tokens, "[SEP]"],
        [*labels, "[SEP]"],
        [*lines, "0"] if with_words else None,
    )
    assert run.detokenize() == expected + "\n"


def test_lower_casing_is_found_out(run):
    run.write(
        ["\u00c9t\u00e9\tO", "\u0301\tO", "a\u2260b\tO", "Z\tO"],
        ["[CLS]", "et", "##e", "a", "=", "b", "z", "[SEP]"],
        ["[CLS]", "T1", "X", "T3", "X", "X", "T4", "[SEP]"],
    )
    predicted = [row[1] for row in columns(run.detokenize()) if row]
    assert predicted == ["T1-MISC", "O-MISC", "T3-MISC", "T4-MISC"]


WORDS = st.text(
    st.one_of(
        st.sampled_from("aAb1#[]-/\u00c9\u0301\u200b\0\ufffd\u4e00\u2260\u0130"),
        st.characters(blacklist_categories=["Cs"]),
    ),
    min_size=1,
    max_size=6,
).filter(lambda word: word.split() == [word])


@st.composite
def predicted_sentences(draw):
    """Sentences of any words, cut into pieces and off at random.

    Returns (words of sentences, [[(piece, index of its word)]]). [UNK] comes up in
    cased text alone, as it is the spelling that tells whether text was lower-cased.
    """
    lower = draw(st.booleans())
    limit = draw(st.integers(1, 20))
    random = draw(st.randoms(use_true_random=False))
    sentences = draw(st.lists(st.lists(WORDS, min_size=1), min_size=1, max_size=5))
    pieces = []
    for words in sentences:
        row = []
        for index, word in enumerate(words):
            for token in ner_detokenize.basic_tokens(word, lower):
                cuts = [i for i in range(1, len(token)) if random.random() < 0.4]
                parts = [
                    ("##" if start else "") + token[start:end]
                    for start, end in zip([0, *cuts], [*cuts, len(token)])
                ]
                if not lower and random.random() < 0.1:
                    parts = ["[UNK]"]
                row += [(part, index) for part in parts]
        pieces.append(row)
    cut = [row[:limit] for row in pieces]
    return sentences, cut


def write_prediction(run, sentences, pieces, with_words):
    """Write a prediction's files; return what the predicted column must be.

    The label of a word's first piece tells sentence and word.
    """
    # The first character of a file may be a byte-order mark: let it be one.
    answer, tokens, labels, lines = ["\ufeff"], [], [], []
    expected = []
    for number, (words, row) in enumerate(zip(sentences, pieces)):
        tokens += ["[CLS]", *[piece for piece, _ in row], "[SEP]"]
        indices = [index for _, index in row]
        labels += [
            "[CLS]",
            *[
                f"T{number}.{index}" if index not in indices[:place] else "X"
                for place, index in enumerate(indices)
            ],
            "[SEP]",
        ]
        first = len(answer) + 1
        lines += ["0", *[f"{first + i}\t{words[i]}" for i in indices], "0"]
        answer += [*[f"{word}\tO" for word in words], ""]
        expected += [
            f"T{number}.{i}-MISC" if i in indices else "O-MISC"
            for i in range(len(words))
        ]
    run.write(answer, tokens, labels, lines if with_words else None)
    return expected


@settings(deadline=None)
@given(predicted_sentences(), st.booleans())
def test_every_word_keeps_its_label(prediction, with_words):
    sentences, pieces = prediction
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder)
        expected = write_prediction(run, sentences, pieces, with_words)
        rows = [line.split(" ") for line in run.detokenize().split("\n") if line]
    assert [row[0] for row in rows] == [word for words in sentences for word in words]
    assert [row[2] for row in rows] == expected


@settings(deadline=None)
@given(
    st.lists(st.lists(WORDS, min_size=1), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_with_word_test_the_pieces_need_not_spell_anything(sentences, random):
    pieces = [
        [
            (random.choice(["[CLS]", "[SEP]", "[UNK]", "##", "a", word]), index)
            for index, word in enumerate(words)
            for _ in range(random.randrange(3))
        ]
        for words in sentences
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = Run(folder)
        expected = write_prediction(run, sentences, pieces, True)
        rows = [line.split(" ") for line in run.detokenize().split("\n") if line]
    assert [row[2] for row in rows] == expected


# What does not go together is refused, and the line is named

ANSWER = ["Ataxia\tB", "gene\tO", "", "cell\tO"]
TOKENS = ["[CLS]", "At", "##axia", "gene", "[SEP]", "[CLS]", "cell", "[SEP]"]
LABELS = ["[CLS]", "B", "X", "O", "[SEP]", "[CLS]", "O", "[SEP]"]
LINES = ["0", "1\tAtaxia", "1\tAtaxia", "2\tgene", "0", "0", "4\tcell", "0"]


def test_the_files_below_are_accepted_as_long_as_they_are_whole(run):
    expected = "Ataxia B-MISC B-MISC\ngene O-MISC O-MISC\n\ncell O-MISC O-MISC\n\n"
    run.write(ANSWER, TOKENS, LABELS)
    assert run.detokenize() == expected
    run.write(ANSWER, TOKENS, LABELS, LINES)
    assert run.detokenize() == expected


def without(lines, index):
    return [*lines[:index], *lines[index + 1 :]]


def changed(lines, index, line):
    return [*lines[:index], line, *lines[index + 1 :]]


WRONG_FILES = {
    "no words": ([], TOKENS, LABELS, None, "test.tsv: there is no sentence"),
    "some labels": (["a O", "b"], TOKENS, LABELS, None, "test.tsv:2: a word without"),
    "no tokens": (ANSWER, [], LABELS, None, "token_test.txt: it is empty"),
    "label missing": (
        ANSWER,
        TOKENS,
        LABELS[1:],
        None,
        "label_test.txt: lines: 7, but",
    ),
    "label too many": (
        ANSWER,
        TOKENS,
        [*LABELS, "O"],
        None,
        "label_test.txt: lines: 9, but 8",
    ),
    "empty label": (
        ANSWER,
        TOKENS,
        changed(LABELS, 3, ""),
        None,
        "label_test.txt:4: not one label a line",
    ),
    "label of two columns": (
        ANSWER,
        TOKENS,
        changed(LABELS, 3, "B MISC"),
        None,
        "label_test.txt:4: not one label a line",
    ),
    "words missing": (
        ANSWER,
        TOKENS,
        LABELS,
        LINES[1:],
        "word_test.txt: lines: 7, but",
    ),
    "other word": (
        ANSWER,
        TOKENS,
        LABELS,
        changed(LINES, 3, "2\tGene"),
        r"word_test.txt:4: '2\tGene' is no line and word of the sentence at line 1",
    ),
    "other line": (
        ANSWER,
        TOKENS,
        LABELS,
        changed(LINES, 6, "3\tcell"),
        "word_test.txt:7: ",
    ),
    "line of another sentence": (
        ANSWER,
        TOKENS,
        LABELS,
        changed(LINES, 6, "2\tgene"),
        "word_test.txt:7: ",
    ),
    "sentences missing": (
        ANSWER,
        TOKENS[:5],
        LABELS[:5],
        LINES[:5],
        "word_test.txt: sentences: 1, but 2",
    ),
    "sentences missing, no words": (
        ANSWER,
        TOKENS[:5],
        LABELS[:5],
        None,
        "token_test.txt: sentences: 1, but 2",
    ),
    "[SEP] missing": (
        ANSWER,
        TOKENS[:-1],
        LABELS[:-1],
        None,
        "token_test.txt:7: the last sentence has no [SEP]",
    ),
    "[CLS] missing": (
        ANSWER,
        without(TOKENS, 5),
        without(LABELS, 5),
        None,
        "token_test.txt:6: a piece where the [CLS]",
    ),
    "other answer": (
        changed(ANSWER, 3, "cells\tO"),
        TOKENS,
        LABELS,
        None,
        "token_test.txt:7: 'cell' is not how 'cells' (line 4 of",
    ),
    "other spelling": (
        changed(ANSWER, 1, "Gene\tO"),
        TOKENS,
        LABELS,
        None,
        "token_test.txt:4: 'gene' is not how 'Gene' (line 2 of",
    ),
    "piece too many": (
        changed(ANSWER, 1, ""),
        TOKENS,
        LABELS,
        None,
        "token_test.txt:4: pieces go on after the end of their sentence (line 1 of",
    ),
    "piece missing": (
        ANSWER,
        without(TOKENS, 6),
        without(LABELS, 6),
        None,
        "token_test.txt:7: '[SEP]' is not how 'cell' (line 4 of",
    ),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_files_that_do_not_go_together_are_refused(run, name):
    answer, tokens, labels, words, message = WRONG_FILES[name]
    run.write(answer, tokens, labels, words)
    (run.folder / RESULT_FILE).write_text("older")
    with pytest.raises(files.InputError) as error:
        run.detokenize()
    line = str(error.value)
    assert line.startswith(run.path(message.split(" ")[0]))
    assert message in line
    assert run.result() == "older"


def test_wrong_input_is_one_line_and_exit_status_2(run, run_command):
    run.write(changed(ANSWER, 0, "Tremor\tB"), TOKENS, LABELS)
    done = run_command(SCRIPT, *run.flags())
    assert done.stdout == ""
    assert done.error.startswith(
        f"ner_detokenize.py: error: {run.path('token_test.txt')}:2: 'At' is not how "
        "'Tremor' (line 1 of"
    )


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--label_test_path=missing"],
        ["--word_test_path=missing"],
        ["--output_dir=/dev/null/x"],
        ["--nonsense"],
    ],
    ids=str,
)
def test_wrong_flags_are_one_line_and_exit_status_2(run, run_command, flags):
    run.write(ANSWER, TOKENS, LABELS)
    done = run_command(SCRIPT, *(run.flags() + flags if flags else []))
    assert done.error.startswith("ner_detokenize.py: error: ")
