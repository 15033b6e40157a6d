"""Passages with entities: three that are made up, and any that hypothesis makes."""

import os

from hypothesis import settings
from hypothesis import strategies as st

from biocodes.lib import files, formats, passages
from biocodes.lib.entities import Annotated, Entity, jsonl_line
from biocodes.lib.passages import Passage

TITLE = Annotated(
    Passage("314", "title", "Ataxia & <T-cell>\tleukaemia"),
    [
        Entity(0, 6, "Disease", "Ataxia", 0.98),
        Entity(10, 27, "Disease", "T-cell>\tleukaemia", 0.5),
    ],
)
ABSTRACT = Annotated(
    Passage("314", "abstract", "Zinc."), [Entity(0, 4, "Chemical", "Zinc", 1.0)]
)
ALONE = Annotated(
    Passage("s/1", None, "über\nAPC deficiency"),
    [Entity(5, 19, "MISC", "APC deficiency", 0.123457)],
)

ANY_TEXT = st.text(
    st.sampled_from(
        "aZ0-.|&<>\"';# \t\n\r\f\x0b\x1c\x85\u2028\u200b\ufeff\0\u4e00\u0301"
    )
    | st.characters(blacklist_categories=["Cs"])
)
SCORES = st.none() | st.floats(0, 1).map(lambda score: round(score, 6))
TYPES = st.sampled_from(
    ["Disease", "Chemical", "gene-product", "MISC", "Größe", "</p>"]
)


@st.composite
def annotated_passages(draw, name, section):
    """A passage of any text whose entities begin and end at words."""
    text = draw(ANY_TEXT)
    words = None
    if section is None and draw(st.booleans()):
        words = tuple(text.replace("\ufeff", "").split())
        text = " ".join(words)
    passage = Passage(name, section, text, words)
    spans = passages.spans(passage)
    borders = st.lists(st.integers(0, len(spans)), unique=True, max_size=8)
    entities = []
    for start_word, after in zip(*[iter(sorted(draw(borders)))] * 2):
        start, end = spans[start_word][0], spans[after - 1][1]
        score = draw(SCORES)
        entities.append(Entity(start, end, draw(TYPES), text[start:end], score))
    return Annotated(passage, entities)


@st.composite
def annotated_documents(draw):
    """Documents of a passage, or of a title and an abstract."""
    sections = st.sampled_from([[None], ["title", "abstract"], ["title"], ["abstract"]])
    return [
        draw(annotated_passages(str(number), section))
        for number in range(draw(st.integers(1, 4)))
        for section in draw(sections)
    ]


def round_trip(annotated, name, tmp_path_factory):
    """Write passages in a format, and read them back."""
    folder = str(tmp_path_factory.getbasetemp() / "round_trip")
    files.make_folder(folder)
    path = os.path.join(folder, "entities.jsonl")
    with open(path, "w", encoding="ascii") as stream:
        stream.writelines(jsonl_line(item) + "\n" for item in annotated)
    formats.convert(path, folder, [name])
    file_name = {"brat": "brat", "bioc": "entities.bioc.json"}.get(name)
    reader = formats.READERS[name]
    return list(reader(os.path.join(folder, file_name or f"entities.{name}")))


any_documents = settings(deadline=None, max_examples=60)
