"""The files of a job on raw text: what is done, and the results that it becomes."""

import contextlib
import itertools
import os
import shutil
from typing import Any, Callable, Dict, Iterable, Iterator, List

from biocodes.lib import brat, files, formats, inputs
from biocodes.lib.entities import Annotated, jsonl_line, read_jsonl
from biocodes.lib.passages import Passage
from finetuning import output_dir
from finetuning.signals import Interrupted, Interruption
from tasks.raw_text.job import FORMAT_FILES, STREAM, Job

# Flags that decide what is found.
FLAGS_THAT_MATTER = ("long_sentences", "max_seq_length")
# The same, of which a part says nothing where they are not given.
MORE_FLAGS = ("min_score", "type_name")
BLOCK = 1 << 16


class Output:
    """The files of a job in the output folder.

    Attributes:
      final: entities.jsonl, of a shard entities-2-of-4.jsonl.
      part: what is done of it.
      record: JSON object of what the part is made with.
      formats: folder of the other formats; a shard has one of its own.
    """

    def __init__(self, folder: str, job: Job) -> None:
        name = job.name("entities")
        self.final = os.path.join(folder, f"{name}.jsonl")
        self.part = f"{self.final}.part"
        self.record = f"{self.part}.json"
        self.formats = os.path.join(folder, name) if job.shard else folder
        self._job = job

    def check(self) -> None:
        """Check, before anything is done, that the job may write here.

        An interrupted prediction may have cost hours, so it is not just replaced.

        Raises:
          InputError: there is one, which has to be resumed or removed; or a brat folder
            would stay beside results that are not its own, or is not ours to replace.
        """
        job = self._job
        begun = os.path.exists(self.part) and os.path.getsize(self.part)
        if begun and not (job.resume or job.overwrite_output_dir):
            raise files.InputError(
                "a prediction was interrupted here",
                self.part,
                remedy="resume it by --resume=true, or remove the file",
            )
        brat_folder = os.path.join(self.formats, "brat")
        if "brat" in job.output_formats:
            brat.check_folder(brat_folder)
        elif os.path.lexists(brat_folder):
            if not job.overwrite_output_dir:
                raise files.InputError(
                    "an earlier prediction's, which would stay beside the new results",
                    brat_folder,
                    remedy="move it away, add brat to --output_formats, or remove it by"
                    " --overwrite_output_dir=true",
                )
            brat.check_folder(brat_folder)
        if inputs.can_be_read_again(job.predict_file):
            self.check_earlier(job.read)

    def check_earlier(self, read: Callable[[], Iterable[Passage]]) -> None:
        """Check that no results of another input would be lost.

        Those of an input whose passages all come again, in their order, may be
        replaced: of the same input, of one that has grown, or of its beginning.

        Args:
          read: gives passages of the job, from the first one on.

        Raises:
          InputError: the results that are there are of other passages, and may not be
            overwritten.
        """
        passages = iter(read())
        if not all(next(passages, None) == earlier for earlier in self._earlier()):
            raise self._another_input()

    def check_stream(self, first: List[Passage]) -> None:
        """Check the same of a stream, of which only the first passage is known.

        Raises:
          InputError: as check_earlier.
        """
        if not inputs.can_be_read_again(self._job.predict_file):
            for earlier in itertools.islice(self._earlier(), 1):
                if [earlier] != first:
                    raise self._another_input()

    def _earlier(self) -> Iterator[Passage]:
        """Yield the passages of results that may not be overwritten."""
        if self._job.overwrite_output_dir or not os.path.exists(self.final):
            return
        # What is no entities.jsonl has no results to lose.
        with contextlib.suppress(files.InputError):
            for item in read_jsonl(self.final):
                yield item.passage

    def _another_input(self) -> files.InputError:
        return files.InputError(
            "holds the results of another input",
            self.final,
            remedy="give another --output_dir, or replace them by"
            " --overwrite_output_dir=true",
        )

    def has_part(self) -> bool:
        """Whether there is something to resume."""
        return os.path.exists(self.part)

    def begin(self, made_from: Dict[str, Any]) -> None:
        """Start the part; made_from: JSON values that decide what is found."""
        output_dir.remove("", [self.part])
        # No part without its record, so the record comes first.
        files.write_json(self.record, made_from)
        with self._written(), open(self.part, "w"):
            pass

    def resume(
        self, made_from: Dict[str, Any], job_passages: Iterator[Passage]
    ) -> Iterator[Annotated]:
        """Compare the part with the job that is to resume it.

        Args:
          made_from: JSON values that decide what is found.
          job_passages: of the job, from which those that are done are taken.

        Yields:
          The Annotated passages that are done.

        Raises:
          InputError: the part is of another model, of other flags or of other passages.
        """
        self._check_record(made_from)
        self._cut_half_line()
        for number, done in enumerate(read_jsonl(self.part), 1):
            if next(job_passages, None) != done.passage:
                raise files.InputError(
                    f"not passage {number} of {self._job.predict_file}",
                    self.part,
                    number,
                    "give the input that the prediction began with, or remove the file",
                )
            yield done

    def _check_record(self, made_from: Dict[str, Any]) -> None:
        """Compare what the part was begun with."""
        if not os.path.exists(self.record):
            raise files.InputError(
                f"its {os.path.basename(self.record)} is missing",
                self.part,
                remedy="remove the file to start afresh",
            )
        recorded = files.read_json(self.record)
        if not isinstance(recorded, dict):
            raise files.InputError("not a record of this suite", self.record)
        for name in sorted({*recorded, *made_from}):
            before, now = recorded.get(name), made_from.get(name)
            if before != now:
                problem = f"was begun with another {name.replace('_', ' ')}"
                if name in FLAGS_THAT_MATTER:
                    problem = f"was begun with --{name}={before}, not {now}"
                raise files.InputError(
                    problem,
                    self.part,
                    remedy="resume it with that, or remove the file to start afresh",
                )

    def _cut_half_line(self) -> None:
        """Cut off the line that a killed run did not bring to its end."""
        with self._written(), open(self.part, "r+b") as stream:
            end = stream.seek(0, os.SEEK_END)
            while end:
                begin = max(end - BLOCK, 0)
                stream.seek(begin)
                last = stream.read(end - begin).rfind(b"\n")
                if last >= 0:
                    end = begin + last + 1
                    break
                end = begin
            stream.truncate(end)

    def append(
        self, annotated: Iterable[Annotated], interruption: Interruption
    ) -> Iterator[Annotated]:
        """Write a line of the part for each passage, and pass it on.

        Args:
          annotated: passages with their entities.
          interruption: a signal ends the run between two lines.
        """
        with self._written():
            stream = open(self.part, "ab")  # noqa: SIM115
        try:
            for passage in annotated:
                line = jsonl_line(passage) + "\n"
                with self._written(), interruption.held_back():
                    stream.write(line.encode("ascii"))
                    # A kill then loses what is on its way, and no more.
                    stream.flush()
                yield passage
                if interruption.asked is not None:
                    raise Interrupted(interruption.asked)
            with self._written():
                os.fsync(stream.fileno())
        finally:
            # All that could be written is on the disk; a full one was told above.
            with contextlib.suppress(OSError):
                stream.close()

    @contextlib.contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise files.InputError(
                f"cannot be written ({(error.strerror or str(error)).lower()})",
                self.part,
                remedy="what is done is kept, and --resume=true resumes it",
            ) from error

    def written(self) -> List[str]:
        """List the paths of all results: entities.jsonl first, then other formats."""
        names = [FORMAT_FILES.get(kind, kind) for kind in self._job.output_formats]
        return [self.final, *(os.path.join(self.formats, name) for name in names)]

    def finish(self, made: str = "") -> None:
        """Make the other formats, then rename the part to the result.

        `made` says how, in the foot of the page.
        In this order: until all is there, the part says that the job is not done.
        """
        names = self._job.output_formats
        if names:
            source = os.path.basename(self._job.predict_file)
            title = "Entities" if source == STREAM else f"Entities in {source}"
            formats.convert(self.part, self.formats, names, title, made)
        stale = [name for kind, name in FORMAT_FILES.items() if kind not in names]
        output_dir.remove(self.formats, stale)
        if "brat" not in names and self._job.overwrite_output_dir:
            shutil.rmtree(os.path.join(self.formats, "brat"), ignore_errors=True)
        with self._written():
            os.replace(self.part, self.final)
        output_dir.remove("", [self.record])
