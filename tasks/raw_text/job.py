"""What is asked of raw text: which passages, how long ones are read, which formats."""

import re
import sys
from typing import (
    Any,
    BinaryIO,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
)

from biocodes.lib import conll, entity_tables, files, formats, inputs, passages
from biocodes.lib.entities import Annotated
from biocodes.lib.line_formats import Options
from biocodes.lib.passages import Passage
from finetuning import command_line

RAW_TEXT = "raw text"
WINDOW, TRUNCATE = LONG_SENTENCES = ("window", "truncate")
STREAM = inputs.STREAM
# Formats that are one file each; brat is a folder.
FORMAT_FILES = {
    "conll": "entities.conll",
    "pubtator": "entities.pubtator",
    "bioc": "entities.bioc.json",
    "html": "entities.html",
    "csv": entity_tables.ENTITIES,
    "summary": entity_tables.SUMMARY,
}
# What a new model makes obsolete; an interrupted prediction stays, see Output.
RESULTS = ("entities.jsonl", *FORMAT_FILES.values())


def define_raw_text_flags(flags: command_line.Flags) -> None:
    """Add the flags of a script that finds entities in raw text."""
    topic = flags.topic(RAW_TEXT)
    topic.string(
        "predict_file",
        None,
        "Text to find entities in: .txt (a passage a line), .xml of PubMed or BioC,"
        " .nbib, .csv, .tsv, .json, .jsonl, .pubtator or .conll, each also .gz; several"
        " with commas between them, a pattern, or a folder of .txt; - reads standard"
        " input.",
    )
    _define_input_flags(topic)
    topic.string(
        "output_formats",
        None,
        "Formats to write beside entities.jsonl, with commas between them: "
        + ", ".join(formats.FORMATS)
        + ".",
    )
    topic.number(
        "min_score", 0.0, "Entities of predict_file with a lower score are left out."
    )
    topic.string(
        "type_name",
        None,
        "Type of what a model without types finds in predict_file, instead of MISC.",
    )
    topic.choice(
        "long_sentences",
        None,
        LONG_SENTENCES,
        "Text longer than max_seq_length: window reads it in overlapping windows"
        " (default for predict_file), truncate cuts it off (default for test.tsv;"
        " training always does).",
    )
    topic.boolean(
        "resume",
        False,
        "Resume a predict_file that was interrupted; if none was, start.",
    )
    topic.string(
        "shard",
        None,
        "i/n: predict every n-th document of predict_file, from the i-th on, into"
        " entities-i-of-n.jsonl.",
    )


def _define_input_flags(topic: command_line.FlagTopic) -> None:
    """Add the flags that say what predict_file is."""
    topic.string(
        "input_format",
        None,
        "What predict_file is, whatever it looks like: "
        + ", ".join(inputs.FORMATS)
        + ".",
    )
    topic.string(
        "id_column",
        None,
        "Column of the ids in a .csv or .tsv, by its name in the header line; none"
        " numbers the rows.",
    )
    topic.string(
        "text_column",
        None,
        "Column of the texts in a .csv or .tsv, or those of titles and abstracts:"
        " title,abstract.",
    )


class Shard(NamedTuple):
    """The index-th of `count` parts of the input, from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse "2/4" as Shard(2, 4); raise InputError for anything else."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        shard = cls(*map(int, match.groups())) if match else None
        if shard is None or not 1 <= shard.index <= shard.count:
            raise files.InputError(
                f"{text!r} is no part of a whole",
                "--shard",
                remedy="write the number of the part and of all parts: 1/4, 2/4, …",
            )
        return shard


class Job(NamedTuple):
    """What to predict, and how; the names are those of the flags."""

    predict_file: str
    output_formats: List[str]
    long_sentences: str
    max_seq_length: int
    resume: bool
    overwrite_output_dir: bool
    shard: Optional[Shard]
    options: Options = Options()
    min_score: float = 0.0
    type_name: Optional[str] = None

    @classmethod
    def from_flags(cls, flags: Any) -> Optional["Job"]:
        """Return the job that the flags ask for; None without --predict_file.

        Raises:
          InputError: a flag's value cannot be used, or lacks --predict_file.
        """
        if not flags.predict_file:
            own = ("output_formats", "resume", "shard", "min_score", "type_name")
            for name in (*own, *Options._fields):
                if flags[name].value:
                    raise files.InputError(
                        "means nothing without --predict_file", f"--{name}"
                    )
            return None
        if flags.horovod:
            raise files.InputError(
                "does not divide raw text among processes",
                "--horovod",
                remedy="leave it out, and give each process its part: --shard=1/8,"
                " --shard=2/8, …",
            )
        if flags.resume and flags.overwrite_output_dir:
            raise files.InputError(
                "contradicts --overwrite_output_dir=true, which removes what would be"
                " resumed",
                "--resume",
                remedy="leave one of them out",
            )
        return cls(
            flags.predict_file,
            formats.check_formats(flags.output_formats or ""),
            flags.long_sentences or WINDOW,
            flags.max_seq_length,
            flags.resume,
            flags.overwrite_output_dir,
            Shard.parse(flags.shard) if flags.shard else None,
            _options_of(flags),
            _check_score(flags.min_score),
            _check_type(flags.type_name),
        )

    def name(self, stem: str) -> str:
        """Name the results of a kind: "entities", or "entities-2-of-4" of a shard."""
        if self.shard is None:
            return stem
        return f"{stem}-{self.shard.index}-of-{self.shard.count}"

    def share(self, stem: str) -> Optional[str]:
        """Name the share of a shard in a folder that shards have together."""
        return self.name(stem) if self.shard else None

    def kept(self, annotated: Annotated) -> Annotated:
        """Leave out what scores too low, and name what has no type."""
        if not (self.min_score or self.type_name):
            return annotated
        entities = [
            entity._replace(type=self.type_name or entity.type)
            for entity in annotated.entities
            if entity.score is None or entity.score >= self.min_score
        ]
        return annotated._replace(entities=entities)

    def read(self, stdin: Optional[BinaryIO] = None) -> Iterator[Passage]:
        """Yield the passages, those of the shard.

        Args:
          stdin: binary stream that "-" stands for instead of standard input.
        """
        all_passages = inputs.read_passages(self.predict_file, stdin, self.options)
        return (
            all_passages if self.shard is None else in_shard(all_passages, self.shard)
        )


def _check_score(score: float) -> float:
    if not 0 <= score <= 1:
        raise files.InputError(f"must be from 0 to 1, not {score}", "--min_score")
    return score


def _check_type(name: Optional[str]) -> Optional[str]:
    if name and (name.split() != [name] or not name.isprintable()):
        remedy = "write a word, as in --type_name=Disease"
        raise files.InputError(f"{name!r} is no type", "--type_name", remedy=remedy)
    return name or None


def _options_of(flags: Any) -> Options:
    """Take the flags that say what the input is; raise InputError for no format."""
    if flags.input_format and flags.input_format not in inputs.FORMATS:
        raise files.InputError(
            f"{flags.input_format!r} is no format",
            "--input_format",
            remedy=f"choose of {', '.join(inputs.FORMATS)}",
        )
    return Options(*(flags[name].value or None for name in Options._fields))


def in_shard(all_passages: Iterable[Passage], shard: Shard) -> Iterator[Passage]:
    """Yield every count-th document; title and abstract stay together."""
    number, before = -1, None
    for passage in all_passages:
        if before is None or not passages.same_document(before, passage):
            number += 1
        before = passage
        if number % shard.count == shard.index - 1:
            yield passage


class Total(NamedTuple):
    """How much there is to do."""

    passages: int
    characters: int


def check_job(job: Job, labels: Sequence[str]) -> Optional[Total]:
    """Check what the job asks of a model, and its input, see check_input.

    Args:
      job: what is asked.
      labels: of the model.

    Raises:
      InputError: --type_name is for a model that has types; or see check_input.
    """
    types = {conll.split_label(label)[1] for label in labels} - {""}
    if job.type_name and types:
        raise files.InputError(
            f"the model has types of its own: {', '.join(sorted(types))}",
            "--type_name",
            remedy="leave it out",
        )
    return check_input(job)


def check_input(job: Job) -> Optional[Total]:
    """Read all of the input once, so that a wrong line is found before hours of work.

    Returns:
      Total; None for standard input and other streams, which can be read only once.

    Raises:
      InputError: a line cannot be used, or standard input is closed.
    """
    if job.predict_file == STREAM and sys.stdin is None:
        raise files.InputError("is closed", files.STANDARD_INPUT)
    if not inputs.can_be_read_again(job.predict_file):
        return None
    count = characters = 0
    for passage in job.read():
        count += 1
        characters += len(passage.text)
    return Total(count, characters)
