"""Names of files that are not UTF-8, and locales that have no UTF-8."""

import importlib
import os
import re

import pytest

from biocodes.lib import files
from kit.small_input import COMMANDS
from kit.wrong_input import (
    PREDICT_NER,
    PREDICT_QA,
    PREDICT_RE,
    Workspace,
    put,
    run_as_process,
    set_variables,
)

# As a folder of an old Windows: é in latin-1.
ODD = os.fsdecode(b"r\xe9sum\xe9")
ESCAPED = r"r\udce9sum\udce9"
# Python 3.7 and later make the C locale one of UTF-8 unless told not to.
LOCALES = {
    "ascii terminal": {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
    "ascii alone": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
OF_MODELS = ("biocodes/convert_checkpoint.py", "biocodes/export_model.py")
WITH_TENSORFLOW = ("run_ner.py", "run_re.py", "run_qa.py", *OF_MODELS)
FOOT = re.compile(b"<footer>.*</footer>")
WITHOUT_TENSORFLOW = [name for name in COMMANDS if name not in WITH_TENSORFLOW]
NON_ASCII = {
    "table.txt": "na\u00efve B B\nis O O\n\n\u03b2 B O\n",
    "scores/label2id.json": '{"0": 0, "1": 1}',
}


def written(workspace):
    """What a run has written: path below the folder → content.

    Without what holds times, and without the foot of a page, which has the command.
    """
    folders = ("out", "converted", "unpacked")
    paths = [path for name in folders for path in (workspace.here / name).rglob("*")]
    return {
        os.fsencode(path.relative_to(workspace.here)): FOOT.sub(b"", path.read_bytes())
        for path in paths
        if path.is_file()
        and path.name not in ("run.json", "scores.json", "report.html")
        and path.suffix != ".tf_record"
    }


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("script", WITHOUT_TENSORFLOW)
def test_names_and_locale_change_no_file(script, locale, good_input, tmp_path):
    """And what is printed is ASCII that shows them escaped."""
    outcomes = []
    for name, variables in (("usual", {}), (ODD, LOCALES[locale])):
        workspace = Workspace(good_input, tmp_path / name, script)
        for path, content in NON_ASCII.items():
            put(path, content)(workspace)
        set_variables(**variables)(workspace)
        done = run_as_process(script, workspace)
        assert done.status == 0, done.stderr
        outcomes.append(written(workspace))
    assert outcomes[0] == outcomes[1]
    assert done.stdout.isascii() and done.stderr.isascii()


@pytest.mark.parametrize("locale", LOCALES)
def test_words_that_the_terminal_lacks_are_escaped(locale, good_input, tmp_path):
    script = "examples/show_entities.py"
    workspace = Workspace(good_input, tmp_path / ODD, script)
    put("table.txt", NON_ASCII["table.txt"])(workspace)
    set_variables(**LOCALES[locale])(workspace)
    assert run_as_process(script, workspace) == (0, "[[na\\xefve]] is\n", "")


@pytest.mark.parametrize("script", filter(COMMANDS.get, WITHOUT_TENSORFLOW))
def test_missing_file_is_named_escaped(script, good_input, tmp_path):
    workspace = Workspace(good_input, tmp_path / "here", script)
    workspace.arguments = [
        argument.replace("{here}/", f"{{here}}/{ODD}/")
        for argument in workspace.arguments
    ]
    set_variables(PYTHONIOENCODING="ascii")(workspace)
    assert ESCAPED in run_as_process(script, workspace).error


# Scripts that use TensorFlow, which opens no other paths than UTF-8


@pytest.mark.parametrize(
    "script, change, result",
    [
        ("run_ner.py", PREDICT_NER, "token_test.txt"),
        ("run_re.py", PREDICT_RE, "test_results.tsv"),
        ("run_qa.py", PREDICT_QA, "predictions.json"),
    ],
)
def test_data_and_model_files_may_be_anywhere(
    script, change, result, good_input, in_process, tmp_path
):
    results = []
    for name in ("usual", ODD):
        workspace = Workspace(good_input, tmp_path / name, script)
        change(workspace)
        plain = tmp_path / f"plain-{len(results)}"
        (workspace.here / "out").rename(plain)
        workspace.arguments += [f"--output_dir={plain}"]
        done = in_process(script, workspace)
        assert done.status == 0, done.stderr
        results.append((plain / result).read_bytes())
    assert results[0] == results[1]


def test_page_of_entities_shows_the_name_escaped(good_input, in_process, tmp_path):
    workspace = Workspace(good_input, tmp_path / "here", "run_ner.py")
    PREDICT_NER(workspace)
    (workspace.here / f"{ODD}.txt").write_text("Ataxia telangiectasia\n")
    workspace.arguments += [
        *("--data_dir=", "--do_eval=false", "--output_formats=html,brat,conll"),
        f"--predict_file={{here}}/{ODD}.txt",
    ]
    done = in_process("run_ner.py", workspace)
    assert done.status == 0, done.stderr
    page = (workspace.here / "out" / "entities.html").read_text(encoding="utf-8")
    assert f"<h1>Entities in {ESCAPED}.txt</h1>" in page


@pytest.mark.parametrize("script", WITH_TENSORFLOW)
def test_output_folder_that_is_not_utf8_is_refused(
    script, good_input, tmp_path, capsys, monkeypatch
):
    module = importlib.import_module(script[: -len(".py")].replace("/", "."))
    workspace = Workspace(good_input, tmp_path / "here", script)
    workspace.arguments += [f"--output_dir={{here}}/{ODD}"]
    argv = [script, *workspace.command()]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(files.InputError, match="--output_dir: .* is not UTF-8, and"):
        module.main() if script in OF_MODELS else module.main(argv, None)


def test_locale_changes_no_prediction(good_input, tmp_path):
    """Of non-ASCII text, in every format."""
    outcomes = []
    for name, variables in (("usual", {}), ("here", LOCALES["ascii alone"])):
        workspace = Workspace(good_input, tmp_path / name, "run_ner.py")
        PREDICT_NER(workspace)
        put("own.txt", "Sj\u00f6gren\u2019s syndrome \U0001f600\n")(workspace)
        workspace.arguments += [
            *("--do_eval=false", "--predict_file={here}/own.txt"),
            "--output_formats=html,brat,conll,bioc,pubtator",
        ]
        set_variables(**variables)(workspace)
        done = run_as_process("run_ner.py", workspace)
        assert done.status == 0, done.stderr
        outcomes.append(written(workspace))
    assert outcomes[0] == outcomes[1]
    assert done.stderr.isascii()
