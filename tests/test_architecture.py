"""Who may know whom, and how large things are: docs/design.md as a test."""

import ast
import collections
import functools
import io
import pathlib
import pkgutil
import sys
import sysconfig
import tokenize
from typing import Dict, Iterable, Iterator, List, NamedTuple, Set

import pytest

from kit.paths import ROOT

ROOMS = ("finetuning", "tasks", "biocodes", "benchmarks", "examples", "tests")
CORE = ("modeling", "optimization", "tokenization")
SCRIPTS = ("run_ner", "run_qa", "run_re")
OURS = (*CORE, *SCRIPTS, "finetuning", "tasks", "biocodes", "benchmarks", "kit")
# Commands that read or write a checkpoint, what they are made of and import when it is
# needed, and the library's module that reads weights of other libraries.
WITH_MODELS = ("biocodes/convert_checkpoint.py", "biocodes/export_model.py")
MODELS = "biocodes/models/"
FORMATS = ("onnx", "onnxruntime", "safetensors", "tokenizers")
WITH_PYTORCH = "biocodes/lib/hugging_face.py"

MOST_PARAMETERS = 5
# Scripts for BERT call these with the original's arguments.
ORIGINAL_SIGNATURES = {
    "modeling.py:BertConfig.__init__",
    "modeling.py:BertModel.__init__",
    "optimization.py:AdamWeightDecayOptimizer.__init__",
}
MOST_LINES, USUAL_LINES, MOST_LONGER_THAN_USUAL = 60, 40, 10
MOST_TEST_LINES = 500
README_LINES, README_BYTES = 200, 10 * 1024


# Source files


class Source(NamedTuple):
    """A module's source: its path from the suite's folder, and its text."""

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self)


@functools.lru_cache(maxsize=None)
def _parsed(source: Source) -> ast.Module:
    return ast.parse(source.text, source.name)


def read_sources() -> Iterator[Source]:
    """Yield the modules of all rooms."""
    paths = [*ROOT.glob("*.py"), *(p for room in ROOMS for p in paths_in(room))]
    for path in sorted(paths):
        yield Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


def paths_in(room: str) -> Iterable[pathlib.Path]:
    return (ROOT / room).rglob("*.py")


ALL = list(read_sources())
PRODUCT = [source for source in ALL if not source.name.startswith("tests/")]


def sources_in(*beginnings: str) -> List[Source]:
    """List the modules of the product whose paths begin so; there must be some."""
    sources = [source for source in PRODUCT if source.name.startswith(beginnings)]
    assert sources
    return sources


def of_core() -> List[Source]:
    return sources_in(*(f"{name}.py" for name in CORE))


def of_library() -> List[Source]:
    return sources_in("biocodes/lib/")


def of_commands() -> List[Source]:
    others = [*of_library(), *sources_in(MODELS)]
    return [source for source in sources_in("biocodes/") if source not in others]


# The top level


def test_top_level_has_the_scripts_and_the_core_alone():
    """Any other module has a room."""
    modules = {path.stem for path in ROOT.glob("*.py")}
    assert modules == {*CORE, *SCRIPTS}


# Who may know whom


def imports_of(source: Source) -> Set[str]:
    """Return the dotted names of all modules that are imported, wherever it is done."""
    names = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source.name}: relative imports are not used here"
            # "from biocodes.lib import files" imports a module, too.
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def forbidden(sources: List[Source], *allowed: str) -> Dict[str, Set[str]]:
    """Map modules to what they import of ours beside the packages that are allowed."""
    imported = {}
    for source in sources:
        ours = {
            name
            for name in imports_of(source)
            if any(is_in(name, package) for package in OURS)
        }
        imported[source.name] = {
            name
            for name in ours
            if not any(is_in(name, package) for package in allowed)
        }
    return {module: names for module, names in imported.items() if names}


def foreign(sources: List[Source], *allowed: str) -> Dict[str, Set[str]]:
    """Map modules to what they import of others, the standard library left out."""
    known = standard_library().union(OURS, allowed)
    imported = {
        source.name: {name.split(".")[0] for name in imports_of(source)} - known
        for source in sources
    }
    return {module: names for module, names in imported.items() if names}


@functools.lru_cache(maxsize=None)
def standard_library() -> Set[str]:
    """Return the names of the standard library's modules."""
    folder = pathlib.Path(sysconfig.get_paths()["stdlib"])
    folders = [str(folder), str(folder / "lib-dynload")]
    modules = {module.name for module in pkgutil.iter_modules(folders)}
    return modules.union(sys.builtin_module_names)


def test_core_knows_nobody():
    for source in of_core():
        own = source.name[: -len(".py")]
        assert forbidden([source], own) == {}
    assert foreign(of_core(), "numpy", "tensorflow") == {}


def test_entrypoints_know_no_other_entrypoint():
    scripts = sources_in(*SCRIPTS)
    assert forbidden(scripts, "tasks", "finetuning", *CORE, "biocodes.lib") == {}


def test_tasks_know_no_entrypoint():
    tasks = sources_in("tasks/")
    assert forbidden(tasks, "tasks", "finetuning", *CORE, "biocodes.lib") == {}


def test_engine_knows_no_task():
    engine = sources_in("finetuning/")
    assert forbidden(engine, "finetuning", *CORE, "biocodes.lib") == {}


def test_library_needs_no_more_than_numpy():
    assert forbidden(of_library(), "biocodes.lib", "tokenization") == {}
    others = foreign(of_library(), "numpy")
    assert others.pop(WITH_PYTORCH, set()) <= {"safetensors", "torch"}
    assert others == {}


def test_commands_know_the_library_only():
    """Each can be understood, and started, without the others."""
    for source in of_commands():
        if source.name in WITH_MODELS:
            assert forbidden([source], "biocodes.lib", "biocodes.models") == {}
        else:
            assert forbidden([source], "biocodes.lib", "tokenization") == {}
        assert foreign([source], "numpy") == {}


def test_other_forms_of_models_know_library_and_core():
    models = sources_in(MODELS)
    core = ("tokenization", "modeling")
    assert forbidden(models, "biocodes.lib", "biocodes.models", *core) == {}
    assert foreign(models, "numpy", "tensorflow", *FORMATS) == {}


def test_no_command_hides_a_module_of_the_standard_library():
    """The folder of a script is where Python looks first."""
    names = {path.stem for path in (ROOT / "biocodes").iterdir()}
    assert {"json", "math", "sys"} < standard_library()
    assert names & standard_library() == set()


# TensorFlow


def attributes_of_tensorflow(source: Source) -> Set[str]:
    """Return the names x of all tf.x."""
    return {
        node.attr
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "tf"
    }


def test_tensorflow_has_one_spelling_and_no_private_modules():
    for source in PRODUCT:
        names = {name for name in imports_of(source) if is_in(name, "tensorflow")}
        assert names <= {"tensorflow.compat.v1"}, source.name


def test_nothing_of_contrib_is_used():
    assert [s.name for s in ALL if "contrib" in attributes_of_tensorflow(s)] == []


def test_estimator_is_named_in_one_module():
    """Where TensorFlow has none, that module has another."""
    names = [s.name for s in PRODUCT if "estimator" in attributes_of_tensorflow(s)]
    assert names == ["finetuning/estimator.py"]


def test_horovod_is_imported_in_one_module():
    """Everywhere else there may be one process and no Horovod."""
    importing = [
        source.name
        for source in PRODUCT
        if any(is_in(name, "horovod") for name in imports_of(source))
    ]
    assert importing == ["finetuning/launchers.py"]


# Flags


class FlagReads(ast.NodeVisitor):
    """Notes the functions in which something of `flags` or FLAGS is read."""

    def __init__(self) -> None:
        self.functions: Set[str] = set()
        self._function = "the module"

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        outer, self._function = self._function, node.name
        self.generic_visit(node)
        self._function = outer

    def _note(self, node: ast.AST) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in ("flags", "FLAGS"):
            self.functions.add(self._function)
        self.generic_visit(node)

    visit_Attribute = visit_Subscript = _note


@pytest.mark.parametrize("source", sources_in(*SCRIPTS), ids=lambda source: source.name)
def test_flags_are_read_at_the_top(source):
    """Below, a function says in its arguments what it depends on."""
    reads = FlagReads()
    reads.visit(source.tree)
    assert reads.functions & {"main", "run_once"}
    assert reads.functions <= {"main", "run_once", "define_flags", "from_flags"}


# Sizes


class Function(NamedTuple):
    """A function or method: where it is, its lines and its parameters."""

    name: str
    lines: int
    parameters: int


def functions_of(source: Source) -> List[Function]:
    """List all functions of a module, those in classes and functions included."""
    lines = lines_of_functions(source.text)

    def below(node: ast.AST, inside: str, is_class: bool) -> Iterator[Function]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef):
                name = f"{inside}{child.name}"
                count = parameters_of(child, is_class)
                size = lines[child.name].popleft()
                yield Function(f"{source.name}:{name}", size, count)
                yield from below(child, f"{name}.", False)
            elif isinstance(child, ast.ClassDef):
                yield from below(child, f"{inside}{child.name}.", True)
            else:
                yield from below(child, inside, is_class)

    return list(below(source.tree, "", False))


def parameters_of(function: ast.FunctionDef, is_method: bool) -> int:
    """Count the parameters of a function but self or cls, *args and **kwargs."""
    count = len(function.args.args) + len(function.args.kwonlyargs)
    decorators = [getattr(name, "id", None) for name in function.decorator_list]
    return count - (is_method and "staticmethod" not in decorators)


def lines_of_functions(text: str) -> Dict[str, "collections.deque[int]"]:
    """Map names to how many lines each function so called has, in their order.

    Python 3.7's syntax tree does not say where a function ends; its tokens do.
    """
    header, blocks, ended = None, [], {}
    last_line, before = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if before == "def":
            header = (token.start[0], token.string)
        before = token.string
        if token.type == tokenize.NEWLINE:
            last_line = token.start[0]
        elif token.type == tokenize.INDENT:
            blocks.append(header)
            header = None
        elif token.type == tokenize.DEDENT:
            block = blocks.pop()
            if block is not None:
                ended[block] = last_line - block[0] + 1
    lines = collections.defaultdict(collections.deque)
    for (_, name), count in sorted(ended.items()):
        lines[name].append(count)
    return lines


@functools.lru_cache(maxsize=None)
def functions() -> List[Function]:
    return [function for source in PRODUCT for function in functions_of(source)]


COUNTED = '''
class A(B):
    def method(self, a, *, b=(
        1
    )):
        """Text

        """
        def inner(c, d): # no end of it
            return """
text"""

        return inner
    # of the class

    @classmethod
    def made(cls, *args, **kwargs) -> "A":
        if args:
            return 1

    @staticmethod
    def of_none(a):
        pass


def method():
    return [
        1
    ]
'''


def test_lines_and_parameters_are_counted_as_a_person_would():
    counted = [tuple(function) for function in functions_of(Source("m.py", COUNTED))]
    assert counted == [
        ("m.py:A.method", 11, 2),
        ("m.py:A.method.inner", 3, 2),
        ("m.py:A.made", 3, 0),
        ("m.py:A.of_none", 2, 1),
        ("m.py:method", 4, 0),
    ]
    assert len(functions()) > 500


def test_functions_fit_on_a_screen():
    longer = {
        function.name: function.lines
        for function in functions()
        if function.lines > USUAL_LINES
    }
    assert {name for name, lines in longer.items() if lines > MOST_LINES} == set()
    assert len(longer) <= MOST_LONGER_THAN_USUAL, longer


def test_functions_have_few_parameters():
    """What always travels together is a type."""
    many = {f.name for f in functions() if f.parameters > MOST_PARAMETERS}
    assert many == ORIGINAL_SIGNATURES


def test_test_files_are_short():
    lines = {
        source.name: len(source.text.splitlines())
        for source in ALL
        if source.name.startswith("tests/")
    }
    assert {name: n for name, n in lines.items() if n > MOST_TEST_LINES} == {}


def test_readme_is_short():
    content = (ROOT / "README.md").read_bytes()
    assert len(content.splitlines()) <= README_LINES
    assert len(content) <= README_BYTES
