"""tasks/raw_text/job.py: shards, which share a folder, and nobody else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes.lib import files
from biocodes.lib.passages import Passage
from finetuning import output_dir
from tasks.raw_text.job import Shard, in_shard


@given(st.lists(st.integers(0, 2), max_size=30), st.integers(1, 5))
def test_every_document_is_in_one_shard_as_a_whole(kinds, count):
    passages = []
    for number, kind in enumerate(kinds):
        sections = [None, "title", "abstract"][kind : kind + 1]
        sections = ["title", "abstract"] if kind == 2 else sections
        passages += [Passage(str(number), section, "") for section in sections]
    shards = [list(in_shard(iter(passages), Shard(i + 1, count))) for i in range(count)]
    for index, shard in enumerate(shards):
        assert all(int(passage.id) % count == index for passage in shard)
    assert sorted(sum(shards, []), key=passages.index) == passages


@pytest.mark.parametrize(
    "text", ["0/4", "5/4", "1", "1/0", "a/b", "1/4/2", "-1/4", "1/"]
)
def test_what_is_no_part_is_refused(text):
    with pytest.raises(files.InputError, match="--shard: .* is no part of a whole"):
        Shard.parse(text)
    assert Shard.parse("2/4") == (2, 4)


def test_shards_may_work_side_by_side_and_nobody_else(tmp_path):
    with output_dir.locked(str(tmp_path), "entities-1-of-2"):
        with output_dir.locked(str(tmp_path), "entities-2-of-2"):
            for share in (None, "entities-1-of-2"):
                with pytest.raises(files.InputError, match="another run is at work"):
                    with output_dir.locked(str(tmp_path), share):
                        pass
    with output_dir.locked(str(tmp_path)):
        with pytest.raises(files.InputError, match="another run is at work"):
            with output_dir.locked(str(tmp_path), "entities-1-of-2"):
                pass
