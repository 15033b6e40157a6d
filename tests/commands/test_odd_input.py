"""Good input makes good runs; what is only odd about it is simply read."""

import importlib

import pytest

from kit.small_input import COMMANDS, EARLIER
from kit.wrong_input import (
    PREDICT_NER,
    PREDICT_QA,
    PREDICT_RE,
    Workspace,
    snapshot,
)

MODEL_FILES = ["model/vocab.txt", "model/bert_config.json"]
# Script → the text that it reads, and what makes its run short.
READS = {
    "run_ner.py": ([*MODEL_FILES, "ner/*.tsv"], [PREDICT_NER]),
    "run_re.py": ([*MODEL_FILES, "re/*.tsv"], [PREDICT_RE]),
    "run_qa.py": ([*MODEL_FILES, "qa/*.json"], [PREDICT_QA]),
    "biocodes/ner_detokenize.py": (["pieces/*"], []),
    "biocodes/conlleval.py": (["table.txt"], []),
    "biocodes/conlleval.pl": (["table.txt"], []),
    "biocodes/re_eval.py": (["scores/*"], []),
    "biocodes/chemprot_to_tsv.py": (["chemprot/*/*"], []),
    "biocodes/transform_nbset2bioasqform.py": (["nbest.json"], []),
    "biocodes/transform_n2b_yesno.py": (["yesno.json"], []),
    "biocodes/transform_n2b_list.py": (["list.json"], []),
    "biocodes/bioasq_submission.py": (["golden.json", "answers.json"], []),
    "biocodes/bioasq_eval.py": (["golden.json", "answers.json"], []),
    "biocodes/bioasq_to_squad.py": (["bioasq.json"], []),
    "biocodes/squad_eval.py": (["qa/test.json", "predictions.json"], []),
    "biocodes/convert_checkpoint.py": (["hf/config.json", "hf/vocab.txt"], []),
    "biocodes/export_model.py": (["model/bert_config.json", "model/vocab.txt"], []),
    "examples/show_entities.py": (["table.txt"], []),
}
# Results of SQuAD 2.0, and of yes/no questions.
OF_OTHER_QUESTIONS = {"null_odds.json", "probabilities.json"}


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
    for name in set(task.RESULTS) - OF_OTHER_QUESTIONS:
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
        and path.name not in (".lock", "run.json")
        and path.suffix != ".tf_record"
    }
    return done.stdout.replace(str(workspace.here), ""), written


@pytest.mark.parametrize("script", READS)
def test_byte_order_mark_and_crlf_are_simply_read(
    script, good_input, as_command, tmp_path
):
    patterns, changes = READS[script]
    outcomes = []
    for name in ("clean", "odd"):
        workspace = Workspace(good_input, tmp_path / name, script)
        paths = [path for glob in patterns for path in workspace.here.glob(glob)]
        assert len(paths) >= len(patterns)
        for change in changes:
            change(workspace)
        for path in paths if name == "odd" else []:
            crlf = path.read_bytes().replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + crlf)
        outcomes.append(outcome(script, workspace, as_command))
    assert outcomes[0] == outcomes[1]
