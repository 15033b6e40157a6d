"""run_ner.py --predict_file: entities of raw text, and nothing lost."""

import gzip
import json
import re
import shutil
import signal
import time

import pytest
import tensorflow.compat.v1 as tf

import run_ner
from biocodes.lib import conll, formats, passages
from biocodes.lib.entities import read_jsonl
from biocodes.lib.passages import Passage
from kit.finished import logged
from kit.golden import NER
from kit.ner_runs import prediction_flags
from kit.raw_text import TEXTS, without_scores, write_texts

tf.disable_v2_behavior()


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The flag that names a file of 400 passages, made of the golden sentences."""
    sentences = conll.load_sentences(str(NER / "test.tsv"))
    texts = [" ".join(sentence.words) for sentence in sentences]
    texts = [" ".join(texts[i % 150 : i % 150 + 4]) for i in range(400)]
    return write_texts(tmp_path_factory.mktemp("many") / "many.txt", texts)


def test_entities_are_those_that_conlleval_counts(call, tiny_bert, tmp_path):
    """The original's predictions for the same sentences, cut as it cuts them."""
    golden = conll.load_sentences(str(NER / "NER_result_conll.txt"))
    path = tmp_path / "test.conll"
    path.write_bytes((NER / "test.tsv").read_bytes())
    flags = [f"--predict_file={path}", "--long_sentences=truncate"]
    assert call(run_ner, *prediction_flags(tiny_bert, tmp_path, *flags)) == (0, "", "")
    annotated = list(read_jsonl(str(tmp_path / "entities.jsonl")))
    assert len(annotated) == len(golden)
    count = 0
    for (passage, entities), sentence in zip(annotated, golden):
        spans = passages.spans(passage)
        assert [(entity.start, entity.end, entity.type) for entity in entities] == [
            (spans[begin][0], spans[end - 1][1], kind)
            for begin, end, kind in conll.entities(sentence.labels)
        ]
        assert all(0 < entity.score <= 1 for entity in entities)
        count += len(entities)
    scores = (NER / "conlleval.txt").read_text()
    assert f"found: {count} phrases" in scores


def test_text_becomes_entities_in_all_formats(call, tiny_bert, tmp_path, caplog):
    out = tmp_path / "out"
    file = write_texts(
        tmp_path / "own.txt", ["\ufeff" + TEXTS[0], "", *TEXTS[1:]], "\r\n"
    )
    names = ",".join(formats.FORMATS)
    flags = prediction_flags(tiny_bert, out, file, f"--output_formats={names}")
    assert call(run_ner, *flags) == (0, "", "")
    annotated = list(read_jsonl(str(out / "entities.jsonl")))
    assert [passage for passage, _ in annotated] == [
        Passage(str(number), None, text) for number, text in zip((1, 3, 4, 5), TEXTS)
    ]
    count = sum(len(entities) for _, entities in annotated)
    assert annotated[0].entities and annotated[3].entities
    made = ["entities.jsonl", "entities.conll", "entities.pubtator", "brat"]
    made += ["entities.bioc.json", "entities.csv", "summary.csv", "entities.html"]
    written = ", ".join(str(out / name) for name in made)
    line = f"{count:,} entities in 4 passages: {written}"
    assert logged(caplog)[-1] == line
    assert {path.name for path in out.iterdir()} == {*made, "run.json", ".lock"}
    assert "Entities in own.txt" in (out / "entities.html").read_text()
    # Of another input: nothing of this one may stay beside it.
    other = write_texts(tmp_path / "other.txt", TEXTS[:1])
    refused = call(run_ner, *prediction_flags(tiny_bert, out, other)).error
    assert f"{out / 'brat'}: an earlier prediction's, which would stay" in refused
    shutil.copytree(str(out / "brat"), str(tmp_path / "brat"))
    shutil.rmtree(str(out / "brat"))
    refused = call(run_ner, *prediction_flags(tiny_bert, out, other)).error
    assert f"{out / 'entities.jsonl'}: holds the results of another input; " in refused
    (tmp_path / "brat").rename(out / "brat")
    flags = prediction_flags(tiny_bert, out, other, "--overwrite_output_dir=true")
    assert call(run_ner, *flags) == (0, "", "")
    assert {path.name for path in out.iterdir()} == {
        "entities.jsonl",
        "run.json",
        ".lock",
    }
    assert without_scores(out / "entities.jsonl") == [
        (passage, [entity._replace(score=None) for entity in entities])
        for passage, entities in annotated[:1]
    ]


def test_scores_and_types_are_as_asked(call, tiny_bert, tmp_path):
    file = write_texts(tmp_path / "own.txt", TEXTS)
    found = []
    for flags in ([], ["--min_score=0.55602", "--type_name=Disease"]):
        out = tmp_path / str(len(flags))
        assert call(run_ner, *prediction_flags(tiny_bert, out, file, *flags))[0] == 0
        lines = list(read_jsonl(str(out / "entities.jsonl")))
        found.append([entity for _, entities in lines for entity in entities])
    everything, some = found
    expected = [entity for entity in everything if entity.score >= 0.55602]
    assert 0 < len(expected) < len(everything)
    assert {entity.type for entity in some} == {"Disease"}
    assert [entity[:2] for entity in some] == [entity[:2] for entity in expected]


def test_an_interrupted_run_is_resumed(start_command, call, tiny_bert, tmp_path, many):
    out, whole = tmp_path / "out", tmp_path / "whole"
    assert call(run_ner, *prediction_flags(tiny_bert, whole, many)) == (0, "", "")
    flags = prediction_flags(tiny_bert, out, many, "--predict_batch_size=1")
    part = out / "entities.jsonl.part"
    process = start_command("run_ner.py", *flags)
    deadline = time.time() + 60
    while not (part.exists() and part.stat().st_size):
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate()
    last = stderr.decode().splitlines()[-1]
    match = re.fullmatch(
        r"stopped by SIGTERM: (\d+) passages are done; "
        r"the same command with --resume=true resumes from here",
        last,
    )
    assert process.returncode == 128 + signal.SIGTERM and match, last
    assert 0 < part.read_bytes().count(b"\n") == int(match.group(1)) < 400
    assert not (out / "entities.jsonl").exists()
    refused = call(run_ner, *flags).error
    assert f"{part}: a prediction was interrupted here; resume it by" in refused
    refused = call(run_ner, *flags, "--resume=true", "--max_seq_length=32").error
    assert "was begun with --max_seq_length=64, not 32" in refused
    # As if it had been killed in the middle of a line.
    part.write_bytes(part.read_bytes()[:-10])
    assert call(run_ner, *flags, "--resume=true") == (0, "", "")
    expected = without_scores(whole / "entities.jsonl")
    assert without_scores(out / "entities.jsonl") == expected
    assert not part.exists() and not (out / "entities.jsonl.part.json").exists()


def test_pubmed_and_folders_become_entities(call, tiny_bert, tmp_path):
    """With the ids that people know them by; what is no passage is not read as one."""
    record = f"PMID- 7\nTI  - {TEXTS[0]}\nAD  - Department of Ataxia, AB.\n"
    with gzip.open(str(tmp_path / "set.nbib.gz"), "wb") as stream:
        stream.write(record.encode())
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "note.txt").write_text(f"\n{TEXTS[0]}\n")
    found = []
    for name in ("set.nbib.gz", "notes"):
        flags = prediction_flags(
            tiny_bert, tmp_path / name[:3], f"--predict_file={tmp_path / name}"
        )
        assert call(run_ner, *flags) == (0, "", "")
        found += without_scores(tmp_path / name[:3] / "entities.jsonl")
    (title, of_title), (note, of_note) = found
    assert title == Passage("7", "title", TEXTS[0])
    assert note == Passage("note", None, f"\n{TEXTS[0]}\n")
    starts = [[entity.start for entity in own] for own in (of_title, of_note)]
    assert starts[0] and [start + 1 for start in starts[0]] == starts[1]


def test_shards_are_the_whole(call, tiny_bert, tmp_path):
    path = tmp_path / "own.pubtator"
    documents = [f"{i}|t|{TEXTS[i % 2]}\n{i}|a|{TEXTS[3]}\n\n" for i in range(5)]
    path.write_text("".join(documents), encoding="utf-8")
    flags = prediction_flags(tiny_bert, tmp_path / "out", f"--predict_file={path}")
    assert call(run_ner, *flags) == (0, "", "")
    together = []
    for i in (1, 2):
        more = [f"--shard={i}/2", "--output_formats=pubtator"]
        assert call(run_ner, *flags, *more) == (0, "", "")
        together += without_scores(tmp_path / "out" / f"entities-{i}-of-2.jsonl")
        assert (tmp_path / "out" / f"entities-{i}-of-2" / "entities.pubtator").exists()
    whole = without_scores(tmp_path / "out" / "entities.jsonl")
    assert [passage.id for passage, _ in together] == list("0022441133")
    assert sorted(together, key=whole.index) == whole


def test_standard_input_is_read_to_its_wrong_line(run_command, tiny_bert, tmp_path):
    lines = [json.dumps({"id": i, "text": text}) for i, text in enumerate(TEXTS)]
    flags = prediction_flags(tiny_bert, tmp_path / "out", "--predict_file=-")
    wrong = "\n".join([*lines, '{"id": 7'])
    done = run_command("run_ner.py", *flags, input=wrong.encode())
    assert re.search(
        r"error: standard input:5: not JSON .*; what came before it is done and kept: "
        "put the line right, and resume with --resume=true$",
        done.error,
    )
    part = tmp_path / "out" / "entities.jsonl.part"
    assert [passage.text for passage, _ in without_scores(part)] == TEXTS


def test_a_model_is_trained_and_then_used(call, tiny_bert, tmp_path):
    """Without test.tsv, which nobody asked for; what another model found goes."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "entities.html").write_text("of an earlier run\n")
    (tmp_path / "train_dev.tsv").write_bytes((NER / "devel.tsv").read_bytes())
    done = call(
        run_ner,
        *tiny_bert,
        f"--data_dir={tmp_path}",
        f"--output_dir={out}",
        write_texts(tmp_path / "own.txt", TEXTS),
        "--do_predict=false",
        "--num_train_epochs=0.2",
        "--train_batch_size=4",
        "--max_seq_length=32",
    )
    assert done == (0, "", "")
    assert len(without_scores(out / "entities.jsonl")) == len(TEXTS)
    assert not (out / "entities.html").exists()
