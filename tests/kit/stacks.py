"""--tensorflow_only: leave out what no TensorFlow can change, for .ci/run.

Such tests lie in FOLDERS. They differ from Python to Python only, so .ci/run gives
them to its oldest and its newest one.
"""

FOLDERS = ("biocodes", "scripts")
# The two commands of biocodes that write or read checkpoints.
EXCEPTIONS = ("test_convert_checkpoint", "test_export")


def pytest_addoption(parser):
    parser.addoption(
        "--tensorflow_only",
        action="store_true",
        help=f"leave out tests that need no TensorFlow: those in {', '.join(FOLDERS)}",
    )


def pytest_ignore_collect(collection_path, config):
    tests = config.rootpath / "tests"
    needs_none = any(tests / folder in collection_path.parents for folder in FOLDERS)
    is_exception = collection_path.name.startswith(EXCEPTIONS)
    if config.getoption("tensorflow_only") and needs_none and not is_exception:
        return True
    return None
