"""README.md and docs/: their commands run as printed, their links and flags exist."""

import re

import pytest

from kit import documentation
from kit.documentation import Block, blocks, pages, prose, text_of
from kit.paths import ROOT

README = "README.md"
COMMANDS = ("sh", "python")
# What else a fenced block may be: output or a diagram, data, a citation.
OTHER_LANGUAGES = ("", "json", "bibtex")
TRAINED = {
    "ner_outputs": "ner/model.ckpt-1190",
    "re_outputs_1": "re/model.ckpt-150",
    "qa_outputs": "qa/model.ckpt-365",
}
# Models that a page takes from another page: folder → checkpoint in tests/data.
MODELS = {
    "docs/raw_text.md": TRAINED,
    "docs/python.md": TRAINED,
    "docs/export.md": TRAINED,
    "docs/faq.md": {"ner_outputs": TRAINED["ner_outputs"]},
}
# Pages that take the results of runs as given.
WITH_RESULTS = ("docs/report.md",)
# Flags of other programs.
FOREIGN = {
    *("logdir",),  # tensorboard
    *("account", "array", "dependency", "gpus", "gpus-per-node", "gpus-per-task"),
    *("nodes", "mpi"),
    *(
        "ntasks",
        "ntasks-per-node",
        "parsable",
        "partition",
        "requeue",
        "signal",
        "time",
    ),
    *("config", "dry-run", "profile", "snakefile", "unlock"),  # Snakemake
}
FLAG = re.compile(r"(?<![\w-])--([a-z][a-z0-9_-]*)")
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.fixture(scope="module")
def shell():
    with documentation.Shell() as shell:
        yield shell


def commands_of(page):
    return [block for block in blocks(page) if block.language in COMMANDS]


# Commands


@pytest.mark.parametrize("page", [page for page in pages() if commands_of(page)])
def test_commands_run_as_printed(page, shell, tmp_path):
    """In order, in one folder, each with the variables that blocks before exported."""
    documentation.lay_out(tmp_path, MODELS.get(page, {}))
    if page in WITH_RESULTS:
        documentation.add_results(tmp_path)
    exports, deep = "", False
    for block in commands_of(page):
        if "--do_embed" in block.text and "--layers" not in block.text and not deep:
            documentation.add_layers(tmp_path)
            deep = True
        if block.reason is None:
            done = shell.run(block, tmp_path, exports)
            assert done.returncode == 0, f"{block.place}\n{done.stdout}"
        exports += block.exports


@pytest.mark.parametrize("page", pages())
def test_every_block_is_run_or_says_why_not(page):
    for block in blocks(page):
        assert block.language in (*COMMANDS, *OTHER_LANGUAGES), block.place
        assert "\n$ " not in f"\n{block.text}", f"{block.place}: cannot be pasted"
        if block.language in COMMANDS:
            assert block.reason or not block.info, block.place


def test_blocks_have_place_language_and_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(documentation, "ROOT", tmp_path)
    (tmp_path / "page.md").write_text(
        "Text\n```sh\nexport A=1\n```\n"
        "```sh no-test: slow\nls -l\n\n```\n```\n1 2\n```\n"
    )
    found = blocks("page.md")
    assert [block.place for block in found] == ["page.md:3", "page.md:6", "page.md:10"]
    assert [block.language for block in found] == ["sh", "sh", ""]
    assert [block.text for block in found] == ["export A=1\n", "ls -l\n\n", "1 2\n"]
    assert [block.reason for block in found] == [None, "slow", None]
    assert [block.exports for block in found] == ["export A=1\n", "", ""]


def test_a_block_fails_with_its_first_command_that_does(shell, tmp_path):
    block = Block("page.md:1", "sh", "", "python missing.py\ntouch after\n")
    assert shell.run(block, tmp_path).returncode
    assert not (tmp_path / "after").exists()


def test_a_script_has_folder_streams_variables_and_status(shell, tmp_path):
    (tmp_path / "script.py").write_text(
        "import os, sys\n"
        "print(sys.argv[1:], os.getcwd(), os.environ['A'], sys.stdin.read())\n"
        "sys.exit(3)\n"
    )
    text = "printf 'in' | python script.py 'a b' | tee out\n"
    done = shell.run(Block("page.md:1", "sh", "", text), tmp_path, "export A=1\n")
    assert done.stdout == f"['a b'] {tmp_path} 1 in\n"
    assert (tmp_path / "out").read_text() == done.stdout
    assert done.returncode == 3


# Flags


@pytest.fixture(scope="module")
def known_flags(shell, tmp_path_factory):
    """The flags of the three scripts by their --help, of others by their source."""
    folder, names = tmp_path_factory.mktemp("flags"), []
    for path in sorted(ROOT.glob("run_*.py")):
        block = Block("", "sh", "", f"python {path} --help\n")
        names += FLAG.findall(shell.run(block, folder).stdout)
    for pattern in ("biocodes/*.py", "benchmarks/*.py", "examples/*.py"):
        for path in ROOT.glob(pattern):
            names += re.findall(r'"--(\w+)"', path.read_text(encoding="utf-8"))
    for name in ("install.sh", "download.sh"):
        names += FLAG.findall((ROOT / name).read_text(encoding="utf-8"))
    return {*names, "help", "flagfile", "version", *FOREIGN}


@pytest.mark.parametrize("page", pages())
def test_no_page_names_a_flag_that_no_script_has(page, known_flags):
    text = re.sub(r"<!--.*?-->", "", text_of(page), flags=re.DOTALL)
    named = {
        name[2:] if name.startswith("no") and name[2:] in known_flags else name
        for name in FLAG.findall(text)
    }
    assert sorted(named - known_flags) == []


# Messages


def test_messages_of_the_troubleshooting_table_are_the_suites():
    """Each quoted part, between the places of numbers and names, is in the source."""
    sources = [*ROOT.glob("run_*.py"), *ROOT.glob("finetuning/*.py")]
    sources += [*ROOT.glob("tasks/*/*.py"), *ROOT.glob("biocodes/**/*.py")]
    source = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    source = re.sub(r'"\s*f?"', "", source)  # a message over several lines
    page = prose("docs/troubleshooting.md")
    rows = re.findall(r"^\| (`.+?) \|", page, re.MULTILINE)
    assert len(rows) > 10
    for message in re.findall("`(.+?)`", "\n".join(rows)):
        for part in re.split(r" ?…[…) ]*|: |SIGTERM|nan", message):
            assert part in source, message


# Links, names and sizes


@pytest.mark.parametrize("page", pages())
def test_files_of_the_suite_that_a_page_names_exist(page):
    folders = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    files = [f"/{path.name}" for path in folders]
    files += [str(file) for folder in folders for file in folder.rglob("*.*")]
    for name in re.findall(r"`([\w/]+\.(?:py|pl|sh))`", prose(page)):
        assert any(file.endswith(f"/{name}") for file in files), name


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page):
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            heading_of = str(target.resolve().relative_to(ROOT.resolve()))
            assert anchor in documentation.anchors(heading_of), link


def test_readme_and_pages_link_to_each_other():
    linked = LINK.findall(prose(README))
    for page in pages():
        if page != README:
            assert page in linked
            assert "../README.md" in LINK.findall(prose(page)), page


def test_readme_is_short():
    assert len(text_of(README).splitlines()) <= 200
    assert len(text_of(README).encode("utf-8")) <= 10 * 1024


@pytest.mark.parametrize("page", pages())
def test_lines_are_short(page):
    """But rows of tables, which cannot be broken, and what a program prints."""
    text = text_of(page)
    for block in blocks(page):
        if not block.language:
            text = text.replace(block.text, "")
    long_lines = [line for line in text.splitlines() if len(line) > 100]
    assert [line for line in long_lines if not line.startswith("|")] == []


@pytest.mark.parametrize("page", pages())
def test_page_has_one_title(page):
    assert len(re.findall(r"^# .+$", prose(page), flags=re.MULTILINE)) == 1
