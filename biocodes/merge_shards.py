"""The shards of a job array put together again, in the order of the input."""

import argparse
import contextlib
import itertools
import os
import re
import resource
import sys
from typing import Dict, Iterator, List, Optional, Sequence

if __name__ == "__main__":  # started as a file: let `biocodes` be found
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from biocodes.lib import command, files, passages

DESCRIPTION = """\
Put the shards of run_ner.py --shard=i/n together, in the order of the input.

  python biocodes/merge_shards.py --input_dir=corpus \\
    --output_path=corpus/entities.jsonl
"""
DETAILS = """\
All of entities-1-of-n.jsonl to entities-n-of-n.jsonl have to be there and complete. The
shards took turns in the documents of the input, and so the result takes turns in them:
it has the lines that a run without --shard writes.
"""
NAME = re.compile(r"entities-([1-9]\d{0,8})-of-([1-9]\d{0,8})\.jsonl(\.part)?")
# Files that Python and its libraries have open beside the shards.
OTHER_FILES = 64


def parse_flags(argv: Optional[Sequence[str]]) -> argparse.Namespace:
    """Parse the command line; argv None is the process's own."""
    parser = command.ArgumentParser(description=DESCRIPTION, epilog=DETAILS)
    parser.add_argument(
        "--input_dir", required=True, help="the folder that the shards have written to"
    )
    parser.add_argument(
        "--output_path", required=True, help="the file that they become together"
    )
    parser.add_argument(
        "--shards",
        type=int,
        help="how many there are; only needed where the folder has those of two jobs",
    )
    return parser.parse_args(argv)


def find_shards(folder: str, count: Optional[int] = None) -> List[str]:
    """List the files of all shards in a folder, the first one first.

    Args:
      folder: where they are.
      count: how many there are; None takes it from their names.

    Raises:
      InputError: a shard is missing or not complete, or the names have several counts.
    """
    finished, begun = _names_in(folder)
    if count is None:
        counts = sorted({*finished, *begun})
        if not counts:
            problem = "there is no entities-1-of-n.jsonl in this folder"
            raise files.InputError(problem, folder)
        if len(counts) > 1:
            raise files.InputError(
                f"there are shards of jobs with {' and with '.join(map(str, counts))}",
                folder,
                remedy=f"name one of them, as in --shards={counts[-1]}",
            )
        (count,) = counts
    indices = range(1, count + 1)
    for index in indices:
        path = os.path.join(folder, f"entities-{index}-of-{count}.jsonl")
        if index in begun.get(count, ()):
            problem, path = "this shard is not complete", f"{path}.part"
        elif index not in finished.get(count, ()):
            problem = "this shard is missing"
        else:
            continue
        remedy = f"run the command with --resume=true --shard={index}/{count}"
        raise files.InputError(problem, path, remedy=remedy)
    return [os.path.join(folder, f"entities-{i}-of-{count}.jsonl") for i in indices]


def _names_in(folder):
    """Map counts of shards to the indices of those finished, and of those begun."""
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise files.unreadable(folder, error) from error
    finished: Dict[int, set] = {}
    begun: Dict[int, set] = {}
    for match in filter(None, map(NAME.fullmatch, names)):
        of_kind = begun if match.group(3) else finished
        of_kind.setdefault(int(match.group(2)), set()).add(int(match.group(1)))
    return finished, begun


def documents_of(path: str) -> Iterator[str]:
    """Yield the lines of one document of a shard after another, as one text.

    Raises:
      InputError: a line is no JSON object with an id and a text.
    """
    lines, before = [], None
    for number, line in files.read_lines(path):
        if not line.strip():
            continue
        record = passages.json_object(line, path, number)
        passage = passages.passage_of(record, path, number)
        if before is not None and not passages.same_document(before, passage):
            yield "".join(lines)
            lines = []
        lines.append(f"{line}\n")
        before = passage
    if lines:
        yield "".join(lines)


def in_turn(paths: Sequence[str]) -> Iterator[str]:
    """Yield a document of each shard in turn, until none is left.

    Raises:
      InputError: as documents_of; a shard has fewer documents than its turns, or more.
    """
    with contextlib.ExitStack() as stack:
        shards = [
            stack.enter_context(contextlib.closing(documents_of(path)))
            for path in paths
        ]
        ended = None  # a shard that has no more documents
        for documents in itertools.zip_longest(*shards):
            for path, document in zip(paths, documents):
                if document is None:
                    ended = ended or path
                elif ended is not None:
                    raise files.InputError(
                        f"ends before {path} does: they are no shards of one input, or"
                        " lines are missing",
                        ended,
                    )
                else:
                    yield document


def allow_open_files(count: int) -> None:
    """Have the system let this process open so many files, if that is in its power."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Write the file that the shards become, and say how many documents it has."""
    flags = parse_flags(argv)
    if flags.shards is not None and flags.shards < 1:
        raise files.InputError(f"must be 1 or more, not {flags.shards}", "--shards")
    paths = find_shards(flags.input_dir, flags.shards)
    if os.path.realpath(flags.output_path) in map(os.path.realpath, paths):
        raise files.InputError("is one of the shards", flags.output_path)
    allow_open_files(len(paths))
    count = 0
    with files.whole_file(flags.output_path) as stream:
        for document in in_turn(paths):
            stream.write(document)
            count += 1
    print(f"{count:,} documents of {len(paths):,} shards: {flags.output_path}")


if __name__ == "__main__":
    command.run(main)
