"""merge_shards.py: shards become what a run without them writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes import merge_shards
from biocodes.lib import files
from biocodes.lib.entities import jsonl_line
from kit.annotated import annotated_documents, any_documents
from tasks.raw_text.job import Shard, in_shard


def write_shards(folder, annotated, count):
    """Write the shards of a job as run_ner.py does."""
    by_passage = {id(item.passage): item for item in annotated}
    for index in range(1, count + 1):
        passages = (item.passage for item in annotated)
        of_shard = in_shard(passages, Shard(index, count))
        lines = [jsonl_line(by_passage[id(passage)]) + "\n" for passage in of_shard]
        path = folder / f"entities-{index}-of-{count}.jsonl"
        path.write_text("".join(lines))


@any_documents
@given(annotated_documents(), st.integers(1, 4))
def test_the_result_is_the_single_runs_byte_by_byte(tmp_path_factory, annotated, count):
    folder = tmp_path_factory.mktemp("shards")
    write_shards(folder, annotated, count)
    out = folder / "entities.jsonl"
    merge_shards.main([f"--input_dir={folder}", f"--output_path={out}"])
    expected = "".join(jsonl_line(item) + "\n" for item in annotated)
    assert out.read_text() == expected


def write_documents(folder, counts):
    for index, count in enumerate(counts, 1):
        lines = [f'{{"id": "{index}.{i}", "text": ""}}\n' for i in range(count)]
        path = folder / f"entities-{index}-of-{len(counts)}.jsonl"
        path.write_text("".join(lines))


@pytest.mark.parametrize("counts", [(2, 1, 1), (1, 1, 0), (3, 3)])
def test_shards_that_took_turns_are_taken(counts, tmp_path, capsys):
    write_documents(tmp_path, counts)
    out = tmp_path / "entities.jsonl"
    merge_shards.main([f"--input_dir={tmp_path}", f"--output_path={out}"])
    assert len(out.read_text().splitlines()) == sum(counts)
    said = f"{sum(counts)} documents of {len(counts)} shards: {out}\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("counts", [(1, 2), (3, 1), (2, 2, 0), (0, 1, 0)])
def test_shards_that_lack_documents_are_refused(counts, tmp_path):
    write_documents(tmp_path, counts)
    out = tmp_path / "entities.jsonl"
    with pytest.raises(files.InputError, match="no shards of one input, or lines are"):
        merge_shards.main([f"--input_dir={tmp_path}", f"--output_path={out}"])
    assert not out.exists()


def test_the_shards_that_are_asked_for_are_taken(tmp_path):
    """Those of a job with another number of shards may lie beside them."""
    for counts in ((1, 1), (1, 1, 1)):
        write_documents(tmp_path, counts)
    (tmp_path / "entities-3-of-3.jsonl.part").write_text("")
    out = tmp_path / "entities.jsonl"
    flags = [f"--input_dir={tmp_path}", f"--output_path={out}", "--shards=2"]
    merge_shards.main(flags)
    assert len(out.read_text().splitlines()) == 2
