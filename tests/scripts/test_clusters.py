"""examples/slurm and examples/snakemake: jobs that resume, shards that are all there.

That their commands find entities is a test of docs/clusters.md, which runs the jobs as
printed. Here a stand-in for the suite's scripts says how they end.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

import run_ner
from kit import slurm
from kit.paths import ROOT

SLURM = ROOT / "examples" / "slurm"
SNAKEMAKE = ROOT / "examples" / "snakemake"
TRAIN, PREDICT, MERGE = (
    f"examples/slurm/{name}.sbatch" for name in ("train", "predict_array", "merge")
)
INTERRUPTED = 138
# Notes how it is called; the file `status` has the exit statuses of its calls.
PYTHON = """#!/bin/sh
echo "$SLURM_CPUS_PER_TASK/$SRUN_CPUS_PER_TASK $*" >>called
status=$(sed -n "$(wc -l <called)p" status 2>/dev/null)
exit "${status:-0}"
"""


class Cluster:
    """A folder with the suite's jobs, in which they can be submitted."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "programs"
        slurm.put_commands(self.programs)
        (folder / "examples").mkdir()
        (folder / "examples" / "slurm").symlink_to(SLURM)
        self.program(folder / ".venv" / "bin" / "python", PYTHON)

    def program(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def submit(self, *arguments, statuses=(), **variables):
        """Run sbatch → its CompletedProcess; statuses: how the calls of Python end."""
        (self.folder / "status").write_text("".join(f"{s}\n" for s in statuses))
        path = f"{self.programs}{os.pathsep}{os.environ['PATH']}"
        # The jobs take VENV for the suite's environment; CI has set it, too.
        own = {name: value for name, value in os.environ.items() if name != "VENV"}
        return subprocess.run(
            ["sbatch", *arguments],
            cwd=str(self.folder),
            env=dict(own, PATH=path, **variables),
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )

    def called(self):
        """List the commands that Python has been given."""
        path = self.folder / "called"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.partition(" ")[2] for line in lines]


@pytest.fixture
def cluster(tmp_path):
    return Cluster(tmp_path)


# SLURM


def test_training_that_comes_to_its_time_limit_resumes(cluster):
    flags = ("run_ner.py", "--model_dir=a b", "--output_dir=out")
    done = cluster.submit(TRAIN, *flags, statuses=[INTERRUPTED, INTERRUPTED, 0])
    assert (done.returncode, done.stdout) == (0, "Submitted batch job 100\n")
    assert cluster.called() == 3 * ["run_ner.py --model_dir=a b --output_dir=out"]
    assert "8/8 run_ner.py" in (cluster.folder / "called").read_text()


@pytest.mark.parametrize("status", [1, 2, 137, 143])
def test_only_the_time_limit_brings_a_job_back(cluster, status):
    """Not an error, a kill or scancel."""
    assert cluster.submit(TRAIN, "run_re.py", statuses=[status]).returncode == status
    assert cluster.called() == ["run_re.py"]


def test_a_time_limit_that_is_too_short_is_noticed(cluster):
    done = cluster.submit(
        TRAIN, "run_re.py", statuses=3 * [INTERRUPTED], MOST_RESTARTS="2"
    )
    assert done.returncode == 2
    assert "train: error: interrupted once more after 2 restarts" in done.stderr
    assert len(cluster.called()) == 3


def test_several_processes_are_connected_and_resume_together(cluster):
    """The highest exit status is the job's: one interrupted process is enough."""
    options = ("--nodes=1", "--ntasks-per-node=2")
    done = cluster.submit(*options, TRAIN, "run_qa.py", statuses=[0, INTERRUPTED, 0])
    assert done.returncode == 0
    assert cluster.called() == 4 * ["run_qa.py --horovod=true"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((), "train: error: name a script first: run_ner.py,"),
        (("--model_dir=a",), "train: error: name a script first: run_ner.py,"),
        (
            ("run_ner.py", "--overwrite_output_dir=true"),
            "train: error: --overwrite_output_dir=true: leave it out, or the job st",
        ),
    ],
)
def test_a_training_that_could_not_resume_is_refused(cluster, arguments, message):
    done = cluster.submit(TRAIN, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1
    assert cluster.called() == []


@pytest.mark.parametrize("script", [TRAIN, PREDICT, MERGE])
def test_a_job_from_another_folder_is_refused(cluster, script):
    elsewhere = cluster.folder / "elsewhere"
    elsewhere.mkdir()
    cluster.folder, script = elsewhere, str(cluster.folder / script)
    done = cluster.submit(script, "run_ner.py")
    assert done.returncode == 2
    assert done.stderr == f"{elsewhere}: not the suite's folder; submit the job there\n"


def test_each_job_of_an_array_has_a_shard_of_its_own(cluster):
    flags = ("--predict_file=*.xml", "--output_dir=out")
    statuses = [0, INTERRUPTED, 0, 0]
    done = cluster.submit("--array=1-3%2", PREDICT, *flags, statuses=statuses)
    assert done.returncode == 0
    assert cluster.called() == [
        f"run_ner.py --do_train=false --resume=true --shard={i}/3 {' '.join(flags)}"
        for i in (1, 2, 2, 3)
    ]


def test_some_shards_of_the_whole_are_made_again(cluster):
    done = cluster.submit("--array=3,7", PREDICT)
    assert done.returncode == 2
    assert done.stderr.startswith("predict: error: --array is not 1-N; for some shards")
    assert cluster.called() == []
    assert cluster.submit("--array=3,7", PREDICT, SHARDS="9").returncode == 0
    shards = [re.search("--shard=(.*)$", call).group(1) for call in cluster.called()]
    assert shards == ["3/9", "7/9"]


def test_shards_are_merged_and_converted(cluster):
    assert cluster.submit(MERGE, "a b", "csv,html").returncode == 0
    assert cluster.submit(MERGE, "c", SHARDS="9").returncode == 0
    merge, formats = "biocodes/merge_shards.py", "biocodes/entity_formats.py"
    assert cluster.called() == [
        f"{merge} --input_dir=a b --output_path=a b/entities.jsonl",
        f"{formats} --input_path=a b/entities.jsonl --output_dir=a b"
        " --output_formats=csv,html",
        f"{merge} --shards=9 --input_dir=c --output_path=c/entities.jsonl",
    ]


def test_formats_are_not_made_of_shards_that_are_not_complete(cluster):
    assert cluster.submit(MERGE, "out", "csv", statuses=[2]).returncode == 2
    assert len(cluster.called()) == 1


def test_shellcheck_finds_nothing_in_shell_scripts():
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    scripts = [*SLURM.iterdir(), *ROOT.glob("*.sh"), *ROOT.glob("examples/*.sh")]
    assert len(scripts) >= 7
    done = subprocess.run(
        ["shellcheck", "-x", *map(str, scripts)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert (done.returncode, done.stdout) == (0, "")


# Commands


def flags_of(script):
    """Return the names of a script's flags."""
    if script == "run_ner.py":
        return set(run_ner.define_flags())
    return set(re.findall(r'"--(\w+)"', (ROOT / script).read_text(encoding="utf-8")))


def commands_in(path):
    """Yield the script and the flags of each command in a file of shell or of rules."""
    text = re.sub("^ *#.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    # What stands in several lines of the shell, or several strings of Python, is one.
    text = re.sub(r'\\\n *|"\n *"', "", text)
    for script, rest in re.findall(r"(run_ner\.py|biocodes/\w+\.py)(.*)", text):
        yield script, re.findall(r"--(\w+)", rest)


def test_jobs_and_rules_give_flags_that_scripts_have():
    counts = {}
    for path in (*SLURM.glob("*.sbatch"), SNAKEMAKE / "Snakefile"):
        for script, flags in commands_in(path):
            if flags:
                assert set(flags) <= flags_of(script), (path.name, script)
                counts[path.name] = counts.get(path.name, 0) + 1
    assert counts == {"predict_array.sbatch": 1, "merge.sbatch": 2, "Snakefile": 5}


# Snakemake

# In the place of run_ner.py: each line is a passage, and the first try at the second
# shard is interrupted after its first passage.
RUN_NER = """
import json, os, sys
flags = dict(flag[2:].partition("=")[::2] for flag in sys.argv[1:])
assert flags["resume"] == "true"
index, count = map(int, flags.get("shard", "1/1").split("/"))
name = f"entities-{index}-of-{count}" if "shard" in flags else "entities"
path = os.path.join(flags["output_dir"], f"{name}.jsonl")
os.makedirs(flags["output_dir"], exist_ok=True)
lines = open(flags["predict_file"]).read().splitlines()[index - 1 :: count]
resumed = os.path.exists(f"{path}.part")
with open(f"{path}.part", "a") as part:
    for line in lines[1 if resumed else 0 :]:
        passage = {"id": line, "text": "Ataxia", "entities": []}
        part.write(json.dumps(passage) + "\\n")
        part.flush()
        if index == 2 and not resumed:
            sys.exit(138)
os.rename(f"{path}.part", path)
"""


@pytest.fixture
def workflow(tmp_path):
    """workflow(*KEY=VALUE of config.yaml) → CompletedProcess of Snakemake."""
    program = os.environ.get("SNAKEMAKE") or shutil.which("snakemake")
    if program is None:
        pytest.skip("Snakemake is not installed, and $SNAKEMAKE names none")
    (tmp_path / "run_ner.py").write_text(RUN_NER)
    for name in ("biocodes", "tokenization.py"):
        (tmp_path / name).symlink_to(ROOT / name)

    def run(*config):
        return subprocess.run(
            [
                *(program, "--snakefile", str(SNAKEMAKE / "Snakefile")),
                *("--profile", str(SNAKEMAKE / "profiles" / "local"), "--retries=1"),
                *("--config", f"python={sys.executable}", *config),
            ],
            cwd=str(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
        )

    return run


def test_snakemake_resumes_shards_and_merges_them(workflow, tmp_path):
    (tmp_path / "own.txt").write_text("".join(f"{i}\n" for i in range(8)))
    done = workflow("predict_file=own.txt", "shards=3", "output_dir=a b")
    assert done.returncode == 0, done.stdout
    lines = (tmp_path / "a b" / "entities.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == list("01234567")
    assert (tmp_path / "a b" / "formats" / "entities.csv").exists()
    assert (tmp_path / "a b" / "summary.csv").exists()


def test_snakemake_has_a_job_for_each_file(workflow, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(f"1{name}\n2{name}\n")
    done = workflow("predict_file=b.txt,a.txt", "shards=files", "output_formats=")
    assert done.returncode == 0, done.stdout
    lines = (tmp_path / "corpus" / "entities.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["1b", "2b", "1a", "2a"]
    assert not (tmp_path / "corpus" / "formats").exists()


@pytest.mark.parametrize(
    "config, message",
    [
        ("predict_file=*.xml", "*.xml: no file is called so"),
        ("predict_file=-", "predict_file: [''] is no file's name"),
        ("shards=0", "shards: 0 is neither a number nor `files`"),
    ],
)
def test_snakemake_says_in_one_line_what_is_wrong(workflow, config, message):
    done = workflow("predict_file=run_ner.py", config)
    assert done.returncode == 1
    assert f"\n{message}" in done.stdout
