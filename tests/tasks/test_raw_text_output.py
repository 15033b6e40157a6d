"""tasks/raw_text/output.py: what is done of a job is kept, and resumed by its own."""

import pathlib
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import files
from biocodes.lib.entities import Annotated, read_jsonl
from biocodes.lib.passages import Passage
from finetuning.signals import Interrupted, Interruption
from tasks.raw_text.job import Job
from tasks.raw_text.output import Output

JOB = Job(
    predict_file="x.txt",
    output_formats=[],
    long_sentences="window",
    max_seq_length=64,
    resume=True,
    overwrite_output_dir=False,
    shard=None,
)


PASSAGES = [
    Passage("1", None, "Ataxia \U0001f600 \u2028 is"),
    Passage("2", "title", "no words", ("no", "words")),
    Passage("3", None, "x" * 70000),
    Passage("4", None, ""),
]


LINES = [Annotated(passage, []) for passage in PASSAGES]


@settings(deadline=None, max_examples=60)
@given(size=st.integers(0, 72000))
def test_a_part_cut_anywhere_is_resumed(tmp_path_factory, size):
    output = Output(str(tmp_path_factory.mktemp("out")), JOB)
    output.begin({"a": 1})
    assert list(output.append(LINES, Interruption())) == LINES
    part = pathlib.Path(output.part)
    whole = part.read_bytes()
    part.write_bytes(whole[:size])
    passages = iter(PASSAGES)
    done = list(output.resume({"a": 1}, passages))
    assert done == LINES[: whole[:size].count(b"\n")]
    list(output.append(LINES[len(done) :], Interruption()))
    assert part.read_bytes() == whole
    assert list(passages) == PASSAGES[len(done) :]


@pytest.mark.parametrize(
    "facts, passages, message",
    [
        ({"a": 2}, PASSAGES, "part: was begun with another a; resume it with that, or"),
        ({"b": 1}, PASSAGES, "part: was begun with another a; "),
        ({"a": 1}, PASSAGES[1:], "part:1: not passage 1 of x.txt; give the input"),
        ({"a": 1}, PASSAGES[:2], "part:3: not passage 3 of x.txt; give the input"),
    ],
)
def test_another_job_does_not_resume_a_part(tmp_path, facts, passages, message):
    output = Output(str(tmp_path), JOB)
    output.begin({"a": 1})
    list(output.append(LINES, Interruption()))
    with pytest.raises(files.InputError, match=message):
        list(output.resume(facts, iter(passages)))


def test_a_signal_ends_the_work_between_two_lines(tmp_path):
    output = Output(str(tmp_path), JOB)
    output.begin({})
    interruption = Interruption()

    def annotated():
        for line in LINES:
            yield line
            interruption.asked = signal.SIGTERM

    with pytest.raises(Interrupted):
        list(output.append(annotated(), interruption))
    assert list(read_jsonl(output.part)) == LINES[:2]
