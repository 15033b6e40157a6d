"""benchmarks/raw_text.py: speed and memory when a tenth, half and all is done."""

from benchmarks import raw_text
from kit.golden import INIT, NER


def test_benchmark_measures_what_it_says(tmp_path, capsys):
    for name in ("train_dev.tsv", "test.tsv"):
        (tmp_path / name).write_bytes((NER / "devel.tsv").read_bytes())
    model = [f"--model_dir={INIT}", "--do_lower_case=false", f"--data={tmp_path}"]
    raw_text.main([*model, "--passages=20"])
    rows = [line for line in capsys.readouterr().out.split("\n") if line[:1] == "|"]
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| 2", "| 10", "| 20"]
