"""A report's part on the run itself: what was run, curves over the steps, scores."""

import itertools
import os
import shlex
import urllib.parse
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from biocodes.lib import report_html, run_files, runs
from biocodes.lib.page_plots import Line, Plot, figure
from biocodes.lib.report_html import percent, text_of
from biocodes.lib.run_files import Record

# Flags that name the data of a run.
DATA = ("data_dir", "train_file", "dev_file", "predict_file")
# Of the measures of a file, those that stand in large type.
MOST_LARGE = 4


class Records(NamedTuple):
    """What is known of a run.

    Attributes:
      run, scores: run.json and scores.json; {} if they are not there.
      evaluations: of development data over the steps.
      curve: of the training over the steps.
    """

    run: Record
    scores: Record
    evaluations: List[Record]
    curve: List[Record]

    @classmethod
    def read(cls, folder: str) -> "Records":
        """Read the records of a folder.

        Raises:
          InputError: one of them is none of this suite's.
        """
        scores = run_files.read_scores(folder) or {}
        listed = scores.get("evaluations")
        evaluations = run_files.read_evaluations(folder)
        if not evaluations and isinstance(listed, list):
            evaluations = [each for each in listed if run_files.is_evaluation(each)]
        curve = run_files.read_curve(folder)
        return cls(run_files.read_run(folder) or {}, scores, evaluations, curve)

    @property
    def arguments(self) -> Record:
        """Name → value of the flags; those of the run that scored, if it is known."""
        return _dict(self.scores.get("arguments")) or _dict(self.run.get("arguments"))

    @property
    def command(self) -> List[str]:
        """The command, as far as it is known."""
        command = self.scores.get("command") or self.run.get("command")
        return [str(part) for part in command] if isinstance(command, list) else []

    def scores_of(self, name: str) -> Record:
        """Return the scores of a file; {} without any."""
        return _dict(_dict(self.scores.get("scores")).get(name))


def _dict(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def lead(records: Records) -> str:
    """Say in a line what the page is about."""
    parts = ["Report of a run"]
    if records.command:
        parts = [f"Report of {os.path.basename(records.command[0])}"]
    data = records.arguments.get("data_dir") or records.arguments.get("predict_file")
    parts += [f"on {data}"] if data else []
    checkpoint = _dict(records.scores.get("checkpoint"))
    if checkpoint:
        best = ", the best one" if checkpoint.get("is_best") else ""
        parts.append(f"· weights of step {checkpoint.get('step')}{best}")
    return " ".join(parts)


# What was run


def overview(records: Records) -> str:
    """Make the section that says what was run."""
    rows = [*_of_command(records), *_of_machine(records)]
    changed = _changed(records)
    if changed:
        flags = [
            f"<code>--{text_of(name)}={text_of(runs.written(value))}</code>"
            for name, value in changed
        ]
        rows.append(("flags given", f'<span class="flags">{" ".join(flags)}</span>'))
    parts = [report_html.facts(rows)] if rows else []
    if not records.run and not records.scores:
        words = "run.json and scores.json are not in the folder, so what was run is"
        parts.append(report_html.note(f"{words} not known."))
    if records.command:
        command = " ".join(map(shlex.quote, records.command))
        parts.append(
            "<details><summary>The command</summary>"
            f"<pre><code>{text_of(command)}</code></pre></details>\n"
        )
    return report_html.section("What was run", *parts)


def _of_command(records: Records) -> List[Tuple[str, str]]:
    rows = []
    if records.command:
        rows.append(("script", text_of(os.path.basename(records.command[0]))))
    arguments = records.arguments
    for name in ("task_name", "question_type", *DATA):
        if arguments.get(name):
            rows.append((name.replace("_", " "), text_of(str(arguments[name]))))
    if arguments.get("seed") is not None and records.scores.get("training"):
        rows.append(("seed", text_of(str(arguments["seed"]))))
    checkpoint = _dict(records.scores.get("checkpoint"))
    if checkpoint:
        best = ", the best on development data" if checkpoint.get("is_best") else ""
        rows.append(("checkpoint", text_of(f"step {checkpoint.get('step')}{best}")))
    training = _dict(records.scores.get("training"))
    if training:
        words = (
            f"{training.get('steps')} steps in {training.get('seconds'):.0f} s,"
            f" {training.get('examples_per_second'):.1f} examples/s"
        )
        rows.append(("training", text_of(words)))
    return rows


def _of_machine(records: Records) -> List[Tuple[str, str]]:
    scores = records.scores
    rows = []
    if scores.get("started") and scores.get("ended"):
        rows.append(("time", text_of(f"{scores['started']} to {scores['ended']}")))
    if scores.get("device"):
        rows.append(("device", text_of(str(scores["device"]))))
    versions = _dict(scores.get("versions") or records.run.get("versions"))
    if versions:
        words = ", ".join(f"{name} {version}" for name, version in versions.items())
        rows.append(("versions", text_of(words)))
    if scores.get("git_commit"):
        rows.append(("commit", f"<code>{text_of(str(scores['git_commit']))}</code>"))
    return rows


def _changed(records: Records) -> List[Tuple[str, Any]]:
    """List (flag, value) of those that were given another value than their default.

    Older runs have recorded no more than the command.
    """
    names, arguments = records.scores.get("changed"), records.arguments
    if isinstance(names, list):
        return [(str(name), arguments.get(str(name))) for name in names]
    given = [part[2:] for part in records.command[1:] if part.startswith("--")]
    return [(part.partition("=")[0], part.partition("=")[2] or True) for part in given]


# Curves


def curves(records: Records) -> str:
    """Make the section of the curves over the steps; "" without any."""
    plots = []
    curve, evaluations = records.curve, records.evaluations
    if curve:
        plots.append(_positive("Loss", "loss", Line("loss", _points(curve, "loss"))))
    if evaluations:
        plots.append(_of_evaluations(records))
    if curve:
        rates = _points(curve, "learning_rate")
        plots.append(
            Plot("Learning rate", "step", "rate", [Line("learning rate", rates)])
        )
        norms = _points(curve, "gradient_norm")
        if norms:
            line = Line("gradient norm", norms)
            plots.append(_positive("Gradient norm", "norm", line))
    if not plots:
        if not records.scores.get("training"):
            return ""
        words = f"{run_files.CURVE} is not in the folder, so there are no curves."
        return report_html.section("Training", report_html.note(words))
    last = max(each[-1]["step"] for each in (curve, evaluations) if each)
    drawn = [figure(plot._replace(x_range=(0.0, float(last)))) for plot in plots]
    return report_html.section(
        "Training",
        f'<div class="plots">\n{"".join(drawn)}</div>\n',
        *_numbers(curve, evaluations),
    )


def _points(entries: Sequence[Record], name: str) -> List[Tuple[float, float]]:
    return [
        (float(each["step"]), float(each[name])) for each in entries if name in each
    ]


def _positive(title: str, name: str, line: Line) -> Plot:
    """Plot what may fall over decades: on a logarithmic scale then."""
    values = [y for _, y in line.points]
    is_log = min(values, default=0.0) > 0 and max(values) > 20 * min(values)
    return Plot(
        f"{title}, logarithmic" if is_log else title,
        *("step", name),
        [line],
        is_log=is_log,
    )


def _of_evaluations(records: Records) -> Plot:
    """Plot the scores of development data, the best one marked."""
    entries = records.evaluations
    names = list(entries[0]["scores"])
    metric = records.arguments.get("best_metric") or names[0]
    lines = []
    for name in dict.fromkeys([metric, *names[:5]]):
        points = [
            (float(each["step"]), each["scores"][name])
            for each in entries
            if name in each["scores"]
        ]
        lines += [Line(str(name), points)] if points else []
    best = max(entries, key=lambda each: each["scores"].get(metric, -1.0))
    marked = None
    if metric in best["scores"]:
        value = best["scores"][metric]
        text = f"best {metric} {percent(value)} % at step {best['step']:,}"
        marked = (float(best["step"]), value), text
    return Plot(
        "Scores of development data",
        *("step", "score"),
        lines,
        marked=marked,
        is_share=True,
        has_dots=True,
    )


def _numbers(curve: Sequence[Record], evaluations: Sequence[Record]) -> List[str]:
    """Make tables of the curves, for who cannot see them."""
    parts = []
    if evaluations:
        names = list(evaluations[0]["scores"])
        rows = [
            [
                f"{each['step']:,}",
                f"{each.get('epoch', 0):.2f}",
                *(percent(each["scores"].get(name)) for name in names),
            ]
            for each in evaluations
        ]
        parts.append(
            report_html.table(["step", "epoch", *names], rows, "Development data, %")
        )
    if curve:
        names = [name for name in curve[0] if name not in ("step", "epoch", "seconds")]
        every = -(-len(curve) // 40)
        chosen = [each for i, each in enumerate(curve) if (i + 1) % every == 0]
        rows = [
            [f"{each['step']:,}", *(f"{each.get(name, 0):.4g}" for name in names)]
            for each in chosen
        ]
        head = ["step", *(name.replace("_", " ") for name in names)]
        parts.append(
            report_html.table(head, rows, "Training, means since the line before")
        )
    if not parts:
        return []
    return [f"<details><summary>Numbers</summary>\n{''.join(parts)}</details>\n"]


# Scores


def scores(records: Records) -> str:
    """Make the section of the scores of each file, and of each label."""
    by_file = _dict(records.scores.get("scores"))
    # What is tested on comes first.
    order = sorted(by_file, key=lambda name: "test" not in os.path.basename(name))
    by_file = {name: by_file[name] for name in order}
    parts = []
    for name, of_file in by_file.items():
        own = {key: x for key, x in _dict(of_file).items() if isinstance(x, float)}
        if not own:
            continue
        if len(by_file) > 1 or name:
            parts.append(f"<h3>{text_of(name)}</h3>\n")
        parts.append(_large(dict(list(own.items())[:MOST_LARGE])))
        rest = list(own.items())[MOST_LARGE:]
        if rest:
            words = ", ".join(
                f"{key.replace('_', ' ')} {percent(x)}" for key, x in rest
            )
            parts.append(report_html.note(words))
        labels = _dict(of_file.get("by_label"))
        if len(labels) > 1:
            parts.append(_by_label(labels))
    if not parts:
        words = f"{run_files.SCORES} is not in the folder, or has no scores."
        parts = [report_html.note(words)]
    return report_html.section("Scores, %", *parts)


def scores_of_parts(records: Mapping[str, Record]) -> str:
    """Make the section of the scores of seeds or folds, with their means.

    Args:
      records: folder → its scores.json, {} without one.
    """
    links = "".join(
        f'<li><a href="{urllib.parse.quote(os.fsencode(name))}/{run_files.PAGE}">'
        f"{text_of(name)}</a></li>\n"
        for name in map(os.path.basename, records)
    )
    values = {os.path.basename(name): runs.flat(x) for name, x in records.items()}
    every = map(runs.main_scores, records.values())
    names = dict.fromkeys(itertools.chain.from_iterable(every))
    rows = []
    for name in names:
        known = [of_part[name] for of_part in values.values() if name in of_part]
        cells = [percent(of_part.get(name)) for of_part in values.values()]
        mean, deviation = runs.mean_and_deviation(known)
        rows.append([name, *cells, percent(mean), percent(deviation)])
    table = report_html.table(["score", *values, "mean", "sd"], rows)
    pages = f"<h3>Their reports</h3>\n<ul>\n{links}</ul>\n"
    return report_html.section("Scores, %", table if rows else "", pages)


def _large(values: Dict[str, float]) -> str:
    pairs = "".join(
        f"<div><dt>{text_of(name.replace('_', ' '))}</dt><dd>{percent(x)}</dd></div>"
        for name, x in values.items()
    )
    return f'<dl class="big">{pairs}</dl>\n'


def _by_label(labels: Record) -> str:
    names = list(dict.fromkeys(key for each in labels.values() for key in _dict(each)))
    rows = [
        [str(label), *(percent(_number(_dict(each).get(name))) for name in names)]
        for label, each in labels.items()
    ]
    return report_html.table(["label", *names], rows)


def _number(value: Any) -> Optional[float]:
    return float(value) if isinstance(value, (int, float)) else None
