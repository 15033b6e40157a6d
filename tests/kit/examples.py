"""Examples of a schema, and record files of them."""

import pathlib
from typing import Any, Dict, List, Sequence

from hypothesis import strategies as st

from finetuning import records

SCHEMA = records.Schema(["input_ids", "label_ids"], ["number"])
MADE_FROM = {"corpus": "abc", "max_seq_length": 16}
INT32 = st.integers(-(2**31), 2**31 - 1)


def example(number: int, length: int) -> Dict[str, Any]:
    """Return an example of SCHEMA with pieces 1, 2, 3, …"""
    return {
        "number": number,
        "input_ids": list(range(1, length + 1)),
        "label_ids": [7] * length,
    }


def some_examples(lengths: Sequence[int] = (3, 5, 2, 8)) -> List[Dict[str, Any]]:
    """Return examples of these lengths."""
    return [example(number, length) for number, length in enumerate(lengths)]


def written(
    folder: pathlib.Path, lengths: Sequence[int] = (3, 5, 2, 8)
) -> records.RecordFile:
    """Write some_examples to train.tf_record in a folder."""
    path = str(folder / "train.tf_record")
    return records.write_records(path, SCHEMA, some_examples(lengths), MADE_FROM)


@st.composite
def corpora(draw: Any) -> Any:
    """Draw a schema and examples of it, with any numbers."""
    names = ["a", "b", "c", "d", "e", "f"]
    count = draw(st.integers(1, 3))
    schema = records.Schema(names[:count], names[3 : 3 + draw(st.integers(0, 3))])
    examples = []
    for _ in range(draw(st.integers(0, 6))):
        length = draw(st.integers(1, 12))
        features = {name: draw(INT32) for name in schema.scalars}
        for name in schema.sequences:
            features[name] = draw(st.lists(INT32, min_size=length, max_size=length))
        examples.append(features)
    return schema, examples
