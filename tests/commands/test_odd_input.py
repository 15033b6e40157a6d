"""Good input makes good runs; what is only odd about it is simply read."""

import importlib

import pytest

from kit.small_input import COMMANDS, EARLIER, READS
from kit.wrong_input import (
    PREDICT_NER,
    PREDICT_QA,
    PREDICT_RE,
    Workspace,
    snapshot,
)

# Archives are no text, and of a model's folder two files are.
TEXT = {**READS, "biocodes/convert_checkpoint.py": ["hf/config.json", "hf/vocab.txt"]}
del TEXT["biocodes/unpack.py"]
# What makes a run short.
SHORT = {"run_ner.py": PREDICT_NER, "run_re.py": PREDICT_RE, "run_qa.py": PREDICT_QA}
# Results of SQuAD 2.0, of yes/no questions, and of --threshold=best.
OF_OTHER_RUNS = {"null_odds.json", "probabilities.json", "threshold.json"}


@pytest.mark.parametrize("script", COMMANDS)
def test_input_is_good_as_long_as_nobody_spoils_it(
    script, good_input, as_command, tmp_path
):
    """Otherwise the refusals of wrong input would prove nothing."""
    workspace = Workspace(good_input, tmp_path / "here", script)
    before = snapshot(workspace.here)
    done = as_command(script, workspace)
    assert done.status == 0, done.stderr
    assert done.stdout or snapshot(workspace.here) != before


@pytest.mark.parametrize("script", ["run_ner.py", "run_re.py", "run_qa.py"])
def test_good_run_leaves_no_result_of_an_earlier_one(script, input_after):
    task = importlib.import_module(script[: -len(".py")])
    out = input_after(script) / "out"
    for name in set(task.RESULTS) - OF_OTHER_RUNS:
        assert (out / name).read_text() != EARLIER


def outcome(script, workspace, execute):
    """What a run prints and writes, but for what names folders or digests."""
    done = execute(script, workspace)
    assert done.status == 0, done.stderr
    written = {
        path.relative_to(workspace.here): path.read_bytes()
        for folder in ("out", "converted")
        for path in (workspace.here / folder).rglob("*")
        if path.is_file()
        and path.name not in (".lock", "run.json", "scores.json", "report.html")
        and path.suffix != ".tf_record"
    }
    return done.stdout.replace(str(workspace.here), ""), written


@pytest.mark.parametrize("script", TEXT)
def test_byte_order_mark_and_crlf_are_simply_read(
    script, good_input, as_command, tmp_path
):
    patterns = TEXT[script]
    outcomes = []
    for name in ("clean", "odd"):
        workspace = Workspace(good_input, tmp_path / name, script)
        paths = [path for glob in patterns for path in workspace.here.glob(glob)]
        assert len(paths) >= len(patterns)
        if script in SHORT:
            SHORT[script](workspace)
        for path in paths if name == "odd" else []:
            crlf = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + crlf)
        outcomes.append(outcome(script, workspace, as_command))
    assert outcomes[0] == outcomes[1]
