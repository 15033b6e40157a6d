"""--help, --version and wrong flags of every script of biocodes/ and examples/.

And what biocodes/lib may import.
"""

import ast
import os
import pathlib
import re
import subprocess
import sys

import pytest

from biocodes.lib import command
from biocodes.lib.version import VERSION
from kit.paths import ROOT

LIB = ROOT / "biocodes" / "lib"
SCRIPTS = [
    *sorted(
        str(path.relative_to(ROOT))
        for folder in ("biocodes", "examples")
        for ending in ("py", "pl", "sh")
        for path in (ROOT / folder).glob(f"*.{ending}")
        if path.name != "__init__.py"
    ),
    "download.sh",
]
PYTHON_SCRIPTS = [script for script in SCRIPTS if script.endswith(".py")]
# Longer help is not read; a terminal shows about half of it.
MOST_LINES = 100
WIDEST = 88
# Packages that a function of lib imports where a file needs them, and reports as
# missing in one line.
OPTIONAL = {"hugging_face.py": {"safetensors", "torch"}}


def name_of(script):
    return os.path.basename(script)


def starter_of(script, *python_flags):
    """Return the command that starts a script."""
    starters = {".py": [sys.executable, *python_flags], ".pl": ["perl"], ".sh": []}
    return [*starters[os.path.splitext(script)[1]], str(ROOT / script)]


def run(script, *arguments, python_flags=(), **options):
    """Run a script as a user would, without an environment that helps it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(
        [*starter_of(script, *python_flags), *arguments],
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        timeout=60,
        **options,
    )


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_says_what_the_script_does_from_any_folder(script, flag, tmp_path):
    done = run(script, flag, cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDEST
    example = r"^  (python |perl |\./)?[\w/.]*" + re.escape(name_of(script))
    assert re.search(example, done.stdout, re.MULTILINE), "no example of a command"
    if not script.endswith(".sh"):
        assert lines[0].startswith(f"usage: {name_of(script)} ")
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_wrong_flag_is_one_line(script, tmp_path):
    # quickstart.sh passes flags on to run_ner.py, which refuses those it does not know.
    wrong = "nonsense" if script.endswith("quickstart.sh") else "--nonsense=1"
    done = run(script, wrong, cwd=str(tmp_path))
    assert (done.returncode, done.stdout) == (command.EXIT_STATUS, "")
    assert done.stderr.startswith(f"{name_of(script)}: error: ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(str(tmp_path)) == []


# A scorer of one file, conlleval.pl has no version but that of the scorer of 2004.
@pytest.mark.parametrize("script", [s for s in SCRIPTS if not s.endswith(".pl")])
def test_version_is_that_of_the_suite(script, tmp_path):
    done = run(script, "--version", cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{name_of(script)} {VERSION}\n"


@pytest.mark.parametrize("script", PYTHON_SCRIPTS)
@pytest.mark.parametrize("python_flag", ["-OO", "-I", "-Werror"])
def test_help_is_the_same_under_every_python_flag(script, python_flag, tmp_path):
    done = run(script, "--help", python_flags=[python_flag], cwd=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == run(script, "--help").stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_into_a_full_disk_is_one_line(script):
    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "wb") as full:
        done = run(script, "--help", stdout=full)
    assert done.returncode == command.EXIT_STATUS
    message = f"{name_of(script)}: error: standard output: cannot be written"
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_is_quiet_when_its_reader_goes_away(script):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(script, "--help", stdout=writing)
    os.close(writing)
    assert done.stderr == ""
    # Perl ends by the signal, as cat does.
    assert done.returncode in (0, -13)


# The imports of lib


def imports_of(path):
    """Yield (name of a module, whether a function imports it) of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_the_top = set(tree.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in at_the_top
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            yield node.module, node not in at_the_top


def is_of_standard_library(name):
    """Return whether a module comes with Python: it is not in a site-packages."""
    import importlib.util

    if name in sys.builtin_module_names:
        return True
    origin = pathlib.Path(importlib.util.find_spec(name).origin)
    return "site-packages" not in origin.parts and ROOT not in origin.parents


@pytest.mark.parametrize("path", sorted(LIB.glob("*.py")), ids=lambda path: path.name)
def test_lib_imports_the_standard_library_numpy_and_the_tokenizer(path):
    for name, in_function in imports_of(path):
        package = name.partition(".")[0]
        if package == "biocodes":
            assert (name + ".").startswith("biocodes.lib."), name
        elif in_function:
            assert package in OPTIONAL.get(path.name, ()), name
        else:
            known = package in ("numpy", "tokenization")
            assert known or is_of_standard_library(package), name


def test_lib_has_no_tensorflow():
    modules = [f"biocodes.lib.{path.stem}" for path in sorted(LIB.glob("*.py"))]
    code = (
        f"import sys, {', '.join(modules)};"
        "print({'tensorflow', 'torch', 'safetensors'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=str(ROOT), capture_output=True, check=True
    )
    assert done.stdout == b"set()\n"


def test_no_script_hides_a_module_of_the_standard_library():
    """The folder of a script that runs comes before Python's own on sys.path."""
    names = ["lib", *(path.stem for path in (ROOT / "biocodes").glob("*.py"))]
    code = (
        "import importlib.util, sys;"
        "print([name for name in sys.argv[1:] if importlib.util.find_spec(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, *names],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"[]\n"


def test_no_module_of_lib_has_the_name_of_a_command():
    commands = {path.stem for path in (ROOT / "biocodes").glob("*.py")}
    assert commands & {path.stem for path in LIB.glob("*.py")} == {"__init__"}
