"""chemprot_to_tsv.py and lib/chemprot.py: from a made-up corpus to the task's files.

tests/data/chemprot holds five made-up abstracts; their PMIDs and drugs do not exist.
"""

import collections
import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes import chemprot_to_tsv
from biocodes.lib import chemprot, files
from biocodes.lib.relations import read_test, read_train
from biocodes.lib.sentences import sentence_starts
from kit.paths import DATA

CORPUS = str(DATA / "chemprot")


@pytest.fixture
def run(run_command):
    """run(*flags) → Finished."""
    return lambda *flags: run_command("biocodes/chemprot_to_tsv.py", *flags)


def convert(tmp_path, *flags):
    """Run the conversion; return the folder it wrote into."""
    chemprot_to_tsv.main([*flags, f"--output_dir={tmp_path}"])
    return str(tmp_path)


def rows_of(folder, name):
    """Return the (sentence, label) pairs of a written file."""
    path = os.path.join(folder, name)
    if name == "test.tsv":
        return [row[1:] for row in read_test(path)[0]]
    return [row[1:3] for row in read_train(path)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return convert(tmp_path_factory.mktemp("made"), f"--input_dir={CORPUS}")


# Rows


def test_test_tsv_has_header_and_an_index_that_leads_back_to_the_corpus(made):
    with open(os.path.join(made, "test.tsv"), encoding="utf-8") as stream:
        assert stream.read() == (
            "index\tsentence\tlabel\n"
            "90000005.T1.T2\t@CHEMICAL$ and @GENE$\tfalse\n"
            "90000005.T6.T7\t@CHEMICAL$ raised @GENE$.\tcpr:3\n"
        )


def test_every_pair_in_a_sentence_is_a_row_and_mentions_count_one_by_one(made):
    sentence = "{} and {} increased {}, and {} decreased {}."
    names = ["Fluorazine", "vitamin D", "ABC1", "fluorazine", "β-arrestin"]
    pairs = [
        (0, 2, "cpr:3"),
        (0, 4, "false"),
        (1, 2, "false"),
        (1, 4, "false"),
        (3, 2, "false"),
        (3, 4, "cpr:4"),
    ]
    expected = []
    for chemical, gene, label in pairs:
        words = list(names)
        words[chemical], words[gene] = "@CHEMICAL$", "@GENE$"
        expected.append((sentence.format(*words), label))
    assert rows_of(made, "train.tsv")[3:9] == expected


def test_overlapping_mentions_stand_side_by_side(made):
    assert rows_of(made, "train.tsv")[9] == (
        'Substrates of @CHEMICAL$ @GENE$: a "new" look',
        "cpr:9",
    )


@pytest.mark.parametrize(
    "chemical, gene, masked",
    [
        ((2, 5), (3, 9), "0 @CHEMICAL$ @GENE$ z"),
        ((4, 9), (2, 9), "0 @GENE$ @CHEMICAL$ z"),
        ((2, 9), (2, 9), "0 @CHEMICAL$ @GENE$ z"),
        ((2, 9), (2, 4), "0 @CHEMICAL$ @GENE$ z"),
        ((5, 9), (2, 5), "0 @GENE$@CHEMICAL$ z"),
        ((2, 3), (5, 6), "0 @CHEMICAL$34@GENE$678 z"),
    ],
)
def test_how_two_mentions_are_replaced(chemical, gene, masked):
    pair = (
        chemprot.Mention("T1", "CHEMICAL", *chemical),
        chemprot.Mention("T2", "GENE", *gene),
    )
    assert chemprot_to_tsv.mask("0 2345678 z ", 0, None, *pair) == masked


def test_groups_outside_the_task_are_false(made):
    rows = rows_of(made, "train.tsv")
    assert ("@CHEMICAL$ binds @GENE$ at 5 µM.", "false") in rows  # CPR:2
    assert ("@CHEMICAL$ is not a substrate of @GENE$.", "false") in rows  # CPR:10


def test_the_first_of_two_groups_counts(made):
    row = ("@CHEMICAL$ first activates and then blocks @GENE$.", "cpr:5")
    assert row in rows_of(made, "dev.tsv")


def test_every_group_of_a_pair_can_have_a_row(made, tmp_path):
    every = convert(tmp_path, f"--input_dir={CORPUS}", "--every_group")
    sentence = "@CHEMICAL$ first activates and then blocks @GENE$."
    rows = rows_of(every, "dev.tsv")
    assert [row for row in rows if row[0] == sentence] == [
        (sentence, "cpr:5"),
        (sentence, "cpr:6"),
    ]
    rows.remove((sentence, "cpr:6"))
    assert rows == rows_of(made, "dev.tsv")
    for name in ("train.tsv", "test.tsv"):
        assert rows_of(every, name) == rows_of(made, name)


def test_relations_of_one_group_share_a_row(tmp_path):
    folder = write_set(tmp_path / "in", relations=RELATIONS * 2)
    out = convert(tmp_path / "out", f"--train_dir={folder}", "--every_group")
    assert rows_of(out, "train.tsv") == [("@CHEMICAL$ blocks @GENE$.", "cpr:4")]


def test_rows_of_every_group_are_counted(run, tmp_path):
    done = run("--input_dir", CORPUS, "--output_dir", tmp_path, "--every_group")
    table = [line.rsplit(None, 3) for line in done.stdout.splitlines()]
    assert ["rows", "12", "4", "2"] in table
    assert ["  left out: the pair has an earlier one", "0", "0", "0"] in table


def test_the_counts_add_up():
    counts = collections.Counter()
    paths = chemprot.find_files(CORPUS, "chemprot_training_")
    for abstract in chemprot.read_corpus(paths):
        chemprot_to_tsv.make_rows(abstract, counts)
    assert counts == collections.Counter(
        {"cpr:3": 1, "cpr:4": 2, "cpr:9": 1, "false": 8},
        abstracts=3,
        sentences=10,
        rows=12,
        overlapping=1,
        relations=6,
        apart=2,
        further=0,
    )


def test_prints_the_counts_of_each_file(run, tmp_path):
    folder = tmp_path / "new" / "folder"
    done = run("--input_dir", CORPUS, "--output_dir", folder)
    assert (done.status, done.stderr) == (0, "")
    table = [line.rsplit(None, 3) for line in done.stdout.splitlines()]
    assert table[0] == ["train.tsv", "dev.tsv", "test.tsv"]
    assert ["rows", "12", "3", "2"] in table
    assert ["  false", "8", "1", "1"] in table
    assert ["  left out: mentions in different sentences", "2", "0", "0"] in table
    assert ["  left out: the pair has an earlier one", "0", "1", "0"] in table
    assert sorted(os.listdir(str(folder))) == ["dev.tsv", "test.tsv", "train.tsv"]


def test_gold_standard_gives_the_same_rows_as_relations(made, tmp_path):
    corpus = tmp_path / "corpus"
    shutil.copytree(CORPUS, str(corpus))
    for path in corpus.glob("*/*_relations*.tsv"):
        path.unlink()
    other = convert(tmp_path / "out", f"--input_dir={corpus}")
    for name in ("train.tsv", "dev.tsv", "test.tsv"):
        assert rows_of(other, name) == rows_of(made, name)


def test_single_sets_come_from_folders_with_names_of_any_beginning(made, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for kind in ("abstracts", "entities", "relations"):
        name = f"chemprot_development_{kind}.tsv"
        source = os.path.join(CORPUS, "chemprot_development", name)
        shutil.copy(source, str(folder / f"my_{kind}.tsv"))
    # What a Mac puts into an archive is no part of the corpus.
    (folder / "._my_relations.tsv").write_bytes(b"\0")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "my_relations.tsv").write_bytes(b"\0")
    other = convert(tmp_path / "out", f"--train_dir={folder}")
    assert os.listdir(other) == ["train.tsv"]
    assert rows_of(other, "train.tsv") == rows_of(made, "dev.tsv")


@given(st.data())
def test_any_text_keeps_its_pairs_and_its_words(data):
    alphabet = st.sampled_from("aB3 .?()αé\u2009𝛼")
    text = data.draw(st.text(alphabet, min_size=1, max_size=60))
    spans = st.tuples(st.integers(0, len(text) - 1), st.integers(1, 9))
    mentions = {}
    for i, (start, length) in enumerate(data.draw(st.lists(spans, max_size=6))):
        kind = ("CHEMICAL", "GENE")[i % 2]
        end = min(start + length, len(text))
        mentions[f"T{i}"] = chemprot.Mention(f"T{i}", kind, start, end)
    body = data.draw(st.integers(0, len(text)))
    starts = sentence_starts(text, body, mentions.values())
    assert starts[0] == 0 and starts == sorted(set(starts))
    for mention in mentions.values():
        assert not any(mention.start < start < mention.end for start in starts)
    abstract = chemprot.Abstract("1", text, body, mentions, {})
    rows = chemprot_to_tsv.make_rows(abstract, collections.Counter())
    sentence = {m.id: sum(s <= m.start for s in starts) for m in mentions.values()}
    together = {
        f"1.{c.id}.{g.id}"
        for c in mentions.values()
        for g in mentions.values()
        if (c.type, g.type) == ("CHEMICAL", "GENE") and sentence[c.id] == sentence[g.id]
    }
    assert sorted(row.index for row in rows) == sorted(together)
    for row in rows:
        assert row.sentence.count("@CHEMICAL$") == row.sentence.count("@GENE$") == 1


# Wrong input

ABSTRACTS = "1\tAspirin and COX\tAspirin blocks COX.\n"
ENTITIES = "1\tT1\tCHEMICAL\t16\t23\tAspirin\n1\tT2\tGENE-Y\t31\t34\tCOX\n"
RELATIONS = "1\tCPR:4\tY\tINHIBITOR\tArg1:T1\tArg2:T2\n"


def write_set(folder, **changed):
    """Write one set's files, some of them changed; None leaves one out."""
    contents = {"abstracts": ABSTRACTS, "entities": ENTITIES, "relations": RELATIONS}
    folder.mkdir(exist_ok=True)
    for kind, content in {**contents, **changed}.items():
        if content is not None:
            (folder / f"x_{kind}.tsv").write_bytes(content.encode("utf-8"))
    return str(folder)


def test_the_set_that_the_wrong_ones_are_made_from_is_right(tmp_path):
    folder = write_set(tmp_path / "in")
    out = convert(tmp_path / "out", f"--train_dir={folder}")
    assert rows_of(out, "train.tsv") == [("@CHEMICAL$ blocks @GENE$.", "cpr:4")]


@pytest.mark.parametrize(
    "relation, label",
    [
        (RELATIONS.replace("\tY", "\tN"), "false"),
        (RELATIONS.replace("\tY", "\tY "), "cpr:4"),
        (RELATIONS.replace("\tY", "\tN") + RELATIONS.replace(":4", ":6"), "cpr:6"),
        (RELATIONS.replace("CPR:4", "CPR:1"), "false"),
        (RELATIONS.replace("Arg1:T1\tArg2:T2", "Arg1:T2\tArg2:T1"), "cpr:4"),
    ],
)
def test_which_relations_count(tmp_path, relation, label):
    folder = write_set(tmp_path / "in", relations=relation)
    out = convert(tmp_path / "out", f"--train_dir={folder}")
    assert rows_of(out, "train.tsv") == [("@CHEMICAL$ blocks @GENE$.", label)]


def test_byte_order_mark_and_crlf_are_read(tmp_path):
    def windows(text):
        return "\ufeff" + text.replace("\n", "\r\n")

    folder = write_set(
        tmp_path / "in",
        abstracts=windows(ABSTRACTS),
        entities=windows(ENTITIES),
        relations=windows(RELATIONS),
    )
    out = convert(tmp_path / "out", f"--train_dir={folder}")
    assert rows_of(out, "train.tsv") == [("@CHEMICAL$ blocks @GENE$.", "cpr:4")]


@pytest.mark.parametrize(
    "kind, content, line, message",
    [
        ("abstracts", "", None, "the file is empty"),
        ("abstracts", "1\tAspirin and COX\n", 1, "write pmid<tab>title<tab>abstract"),
        ("abstracts", ABSTRACTS * 2, 2, "a second abstract 1"),
        ("entities", ENTITIES.replace("31\t34", "30\t33"), 2, "has ' CO' at 30 to 33"),
        ("entities", ENTITIES.replace("\t34", "\t99"), 2, "the text has 'COX.' at"),
        ("entities", ENTITIES.replace("16\t23", "23\t16"), 1, "the text has '' at 23"),
        ("entities", ENTITIES.replace("\t16", "\t-3"), 1, "not whole numbers"),
        ("entities", ENTITIES.replace("\t34", "\t³4"), 2, "not whole numbers"),
        ("entities", ENTITIES.replace("GENE-Y", "PROTEIN"), 2, "type 'PROTEIN'"),
        ("entities", ENTITIES.replace("T2", "T1"), 2, "a second 'T1' of abstract 1"),
        (
            "entities",
            ENTITIES + "2\tT1\tGENE\t0\t1\ta\n",
            3,
            "no abstract is called '2",
        ),
        ("entities", ENTITIES.replace("\tCOX", ""), 2, "5 columns, expected 6"),
        ("relations", "", None, "the file is empty"),
        ("relations", "1\tCPR:4\tArg1:T1\tArg2:T2\n", 1, "4 columns, expected 6"),
        ("relations", RELATIONS.replace("CPR:4", "CPR4"), 1, "group 'CPR4'"),
        ("relations", RELATIONS.replace("\tY", "\tyes"), 1, "flag 'yes'"),
        (
            "relations",
            RELATIONS.replace("1\tC", "2\tC"),
            1,
            "no abstract is called '2'",
        ),
        ("relations", RELATIONS.replace("T2", "T3"), 1, "is called 'T3'"),
        ("relations", RELATIONS.replace("T2", "T1"), 1, "not a chemical and a gene"),
        ("relations", RELATIONS.replace("Arg2:", ""), 1, "'T2' where Arg2:<term>"),
    ],
)
def test_wrong_files_are_refused_with_their_line(
    tmp_path, kind, content, line, message
):
    folder = write_set(tmp_path / "in", **{kind: content})
    out = tmp_path / "out"
    with pytest.raises(files.InputError) as error:
        convert(out, f"--train_dir={folder}")
    where = os.path.join(folder, f"x_{kind}.tsv") + (f":{line}: " if line else ": ")
    assert str(error.value).startswith(where)
    assert message in str(error.value)
    assert not out.exists()


def test_a_missing_file_is_named(tmp_path):
    folder = write_set(tmp_path / "in", relations=None)
    with pytest.raises(files.InputError) as error:
        convert(tmp_path / "out", f"--test_dir={folder}")
    assert str(error.value) == f"{folder}: no file *relations*.tsv in it"


def test_two_files_of_one_kind_are_refused(tmp_path):
    folder = write_set(tmp_path / "in", new_entities=ENTITIES)
    with pytest.raises(files.InputError) as error:
        convert(tmp_path / "out", f"--test_dir={folder}")
    assert "several files *entities*.tsv" in str(error.value)


@pytest.mark.parametrize(
    "flags, message",
    [
        ([], "give either --input_dir or some of"),
        ([f"--input_dir={CORPUS}", f"--dev_dir={CORPUS}"], "give either --input_dir"),
        (["--input_dir=/nowhere"], "/nowhere: no such folder"),
        ([f"--dev_dir={CORPUS}"], "several files *abstracts*.tsv"),
    ],
)
def test_wrong_flags_are_refused_in_one_line(run, tmp_path, flags, message):
    done = run(*flags, f"--output_dir={tmp_path / 'out'}")
    assert done.error.startswith("chemprot_to_tsv.py: error: ")
    assert message in done.error
    assert done.stdout == ""


def test_an_older_output_survives_a_refusal_of_one_line(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "train.tsv").write_text("an older\t0\n", encoding="utf-8")
    train = write_set(tmp_path / "train")
    test = write_set(tmp_path / "test", relations="nonsense\n")
    done = run(f"--train_dir={train}", f"--test_dir={test}", f"--output_dir={out}")
    assert done.error.startswith("chemprot_to_tsv.py: error: ")
    assert "x_relations.tsv:1: 1 column, expected 6" in done.error
    assert done.stdout == ""
    assert os.listdir(str(out)) == ["train.tsv"]
    assert (out / "train.tsv").read_text(encoding="utf-8") == "an older\t0\n"


def test_an_output_folder_that_cannot_be_made_is_refused(tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("", encoding="utf-8")
    with pytest.raises(files.InputError) as error:
        convert(in_the_way, f"--input_dir={CORPUS}")
    assert str(error.value).startswith(f"{in_the_way}: cannot be written")
