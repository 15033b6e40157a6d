"""What the tests of whole scripts share: small good input, and who runs it."""

import importlib
import logging
import shutil

import pytest

from kit import wrong_input
from kit.golden import INIT
from kit.small_input import COMMANDS, lay_out

# They import TensorFlow, so they are forked from a process that has done so.
FORKED = (
    *("run_ner.py", "run_re.py", "run_qa.py"),
    *("biocodes/convert_checkpoint.py", "biocodes/export_model.py"),
)


@pytest.fixture(scope="session")
def succeed(run_command):
    """succeed(script, *arguments) → Finished, with the status of success."""

    def run(script, *arguments):
        done = run_command(script, *arguments)
        assert done.status == 0, done.stderr
        return done

    return run


@pytest.fixture
def logs(caplog):
    """caplog of the suite's log alone, whatever a run has made of the logger."""
    log = logging.getLogger("biobert")
    before = log.handlers, log.propagate, log.level
    log.handlers, log.propagate = [caplog.handler], False
    log.setLevel(logging.INFO)
    yield caplog
    log.handlers, log.propagate = before[:2]
    log.setLevel(before[2])


@pytest.fixture(scope="session")
def good_input(tmp_path_factory):
    """A folder of good input for every script, to be copied."""
    folder = tmp_path_factory.mktemp("good") / "input"
    folder.mkdir()
    lay_out(folder)
    return folder


@pytest.fixture(scope="session")
def input_after(tmp_path_factory, good_input, launch):
    """input_after(script) → folder: the input after a good run of the script in it.

    Its training started from INIT / "model.ckpt", which is the same for each copy.
    """
    folders = {}

    def after(script):
        if script not in folders:
            folder = tmp_path_factory.mktemp("after") / "input"
            shutil.copytree(str(good_input), str(folder))
            flags = [flag.format(here=folder) for flag in COMMANDS[script]]
            done = launch(script, *flags, f"--init_checkpoint={INIT / 'model.ckpt'}")
            assert done.status == 0, done.stderr
            folders[script] = folder
        return folders[script]

    return after


@pytest.fixture
def in_process(call):
    """in_process(script, workspace) → Finished: one of ours, in this process."""

    def execute(script, workspace):
        module = importlib.import_module(script[: -len(".py")])
        return call(module, *workspace.command())

    return execute


@pytest.fixture
def as_command(launch):
    """as_command(script, workspace) → Finished: a process of its own."""

    def execute(script, workspace):
        if script in FORKED:
            return launch(
                script,
                *workspace.command(),
                limits=workspace.limits,
                stdout=workspace.stdout,
            )
        return wrong_input.run_as_process(script, workspace)

    return execute


@pytest.fixture
def as_new_command():
    """As as_command, but the process starts from nothing, which takes seconds."""
    return wrong_input.run_as_process


@pytest.fixture
def refused(good_input, in_process, tmp_path):
    """refused(case, execute=in_process, source=good_input): checks a wrong input.

    source: the folder that the case spoils a copy of.
    """

    def check(case, execute=in_process, source=good_input):
        workspace = wrong_input.Workspace(source, tmp_path / "here", case.script)
        wrong_input.check_refusal(case, workspace, execute)

    return check
