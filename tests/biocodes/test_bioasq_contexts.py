"""lib/bioasq_contexts.py: snippets, their neighbours and whole abstracts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.bioasq_to_squad import ALONE
from biocodes.lib import bioasq_contexts, files
from biocodes.lib.bioasq_contexts import ABSTRACT, NEIGHBOURS, Abstract, Reader

ADDRESS = "http://www.ncbi.nlm.nih.gov/pubmed/101"
TITLE = "Of mice."
SENTENCES = ["We had mice.", "They slept.", "Some did not.", "Both were fed."]
TEXT = " ".join(SENTENCES)
DOCUMENT = {"pmid": "101", "title": TITLE, "abstract": TEXT}


def question(*snippets, documents=(DOCUMENT,)):
    return {
        "id": "q",
        "snippets": [{"text": text, "document": ADDRESS} for text in snippets],
        "documents": list(documents),
    }


def texts(reader, asked):
    return reader.contexts(asked, "f").texts


# The variants


def test_snippets_are_taken_as_they_are_even_twice():
    contexts = Reader().contexts(question(" x\n", "x", " ", " x\n"), "f")
    assert contexts == ([" x\n", "x", " x\n"], 1, 0, 0)


@pytest.mark.parametrize(
    "snippet, neighbours, context",
    [
        ("They slept.", 0, "They slept."),
        ("slept", 1, " ".join(SENTENCES[:3])),
        ("They slept.", 2, f"{TITLE} {TEXT}"),
        ("slept. Some", 0, " ".join(SENTENCES[1:3])),
        ("Both were fed.", 1, " ".join(SENTENCES[2:])),
        ("Of mice.", 1, f"{TITLE} {SENTENCES[0]}"),
        ("They  \n slept.", 0, "They slept."),  # white space may differ
    ],
)
def test_neighbours_are_the_sentences_around(snippet, neighbours, context):
    assert texts(Reader(NEIGHBOURS, neighbours), question(snippet)) == [context]


def test_an_abstract_is_read_once_for_all_its_snippets():
    contexts = Reader(ABSTRACT).contexts(question("They", "mice", ""), "f")
    assert contexts == ([f"{TITLE} {TEXT}"], 1, 0, 2)


@pytest.mark.parametrize("variant", [NEIGHBOURS, ABSTRACT])
def test_snippets_that_no_abstract_holds_are_taken_as_they_are(variant):
    contexts = Reader(variant).contexts(question("of rats", "of fish"), "f")
    assert contexts == (["of rats", "of fish"], 0, 2, 0)
    unknown = question("They slept.", documents=[ADDRESS])
    assert Reader(variant).contexts(unknown, "f") == (["They slept."], 0, 1, 0)


# Where abstracts are


@pytest.mark.parametrize(
    "document, title, abstract",
    [
        (DOCUMENT, TITLE, TEXT),
        ({"url": ADDRESS, "documentAbstract": TEXT}, "", TEXT),
        ({"document": f"{ADDRESS}/", "text": TEXT, "title": None}, "", TEXT),
        ({"pmid": 101, "title": TITLE}, TITLE, ""),
    ],
)
def test_documents_that_are_objects_have_abstracts(document, title, abstract):
    found = bioasq_contexts.abstracts_in({"documents": [ADDRESS, document, 7, {}]})
    assert found == {"101": Abstract.join(title, abstract)}


def test_a_title_comes_before_its_abstract():
    assert Abstract.join("A.", "B.") == ("A. B.", 3)
    assert Abstract.join("", "B.") == ("B.", 0)


@pytest.mark.parametrize("documents", [None, "x", [], [{"title": "x"}], [{"pmid": 1}]])
def test_other_documents_are_passed_over(documents):
    assert bioasq_contexts.abstracts_in({"documents": documents}) == {}


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.pubtator", f"101|t|{TITLE}\n101|a|{TEXT}\n"),
        ("a.jsonl", f'{{"id": "101", "text": "{TITLE} {TEXT}"}}\n'),
        ("a.tsv", f"101\t{TITLE} {TEXT}\n"),
    ],
)
def test_a_file_of_abstracts_is_read_in_the_forms_of_raw_text(write, name, content):
    abstracts = bioasq_contexts.read_abstracts(write(content, name))
    reader = Reader(NEIGHBOURS, 1, abstracts)
    asked = question("They slept.", documents=[ADDRESS])
    assert texts(reader, asked) == [" ".join(SENTENCES[:3])]


# As a command


def test_the_command_reads_abstracts_and_says_what_it_lacks(
    run_command, write, tmp_path
):
    asked = dict(question("They slept.", documents=[]), type="factoid", body="Who ?")
    known = dict(asked, id="f" * 24, exact_answer="mice")
    rats = [{"text": "Rats slept.", "document": "http://a/102"}]
    unknown = dict(asked, id="e" * 24, exact_answer="rats", snippets=rats)
    path = write({"questions": [known, unknown]}, "in.json")
    abstracts = write(f"101|t|{TITLE}\n101|a|{TEXT}\n", "a.pubtator")
    output = str(tmp_path / "out.json")
    flags = [f"--input_path={path}", f"--output_path={output}", "--mode=train"]
    flags += ["--context=neighbours", "--neighbours=1"]
    script = "biocodes/bioasq_to_squad.py"
    done = run_command(script, *flags, f"--abstracts_path={abstracts}")
    assert done.status == 0
    assert done.stderr == f"warning: factoid {ALONE}: 1 ({'e' * 24})\n"
    paragraph, other = files.read_json(output)["data"][0]["paragraphs"]
    assert paragraph["context"] == " ".join(SENTENCES[:3])
    assert paragraph["qas"][0]["answers"] == [{"text": "mice", "answer_start": 7}]
    assert other["context"] == "Rats slept."
    error = run_command(script, *flags).error
    assert "not one snippet has its abstract there" in error
    assert error.endswith("name a file of the abstracts by --abstracts_path")


# Any text


@settings(deadline=None)
@given(st.text(), st.data(), st.integers(0, 3))
def test_a_snippet_is_within_its_neighbours(text, data, neighbours):
    start = data.draw(st.integers(0, len(text)))
    snippet = text[start : data.draw(st.integers(start, len(text)))]
    document = {"pmid": "101", "abstract": text}
    reader = Reader(NEIGHBOURS, neighbours)
    contexts = reader.contexts(question(snippet, documents=[document]), "f")
    if not snippet.strip():
        assert contexts == ([], 1, 0, 0)
        return
    (context,) = contexts.texts
    assert contexts.alone == 0
    assert " ".join(snippet.split()) in " ".join(context.split())
