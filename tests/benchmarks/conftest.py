"""What the tests of the benchmarks share: a small corpus."""

import pytest

from kit.small_corpus import write_small_corpus


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory):
    """The folder of the first sentences of NCBI-disease's files."""
    folder = tmp_path_factory.mktemp("corpus")
    write_small_corpus(folder)
    return str(folder)
