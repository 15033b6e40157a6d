"""Embeddings: a vector for each passage, or each word, of people's own text.

    passages ──▶ windows of pieces ──▶ encoder ──▶ mean over layers ──▶ pooling ──▶ .npz

A piece's vector is the mean of what some of the encoder's layers make of it (by default
the last four, as in the feature-based approach of Devlin et al. 2019). A passage that
is longer than the model takes is read in overlapping windows, and each piece counts
once, in the window where it has most context.

`embeddings.npz` is read by numpy.load(path, allow_pickle=False) and holds

    ids       the passages' ids                        str [passages]
    sections  "title", "abstract" or ""                str [passages]
    vectors   of the passages, or of the words         float32 [passages or words, H]

and of words also, one each:

    passage   index of its passage in ids              int64
    start     where it begins in the passage's text    int64, in characters
    end       where it ends                            int64
    text      as it is written there                   str

Passages stream and arrays grow on the disk, so memory does not depend on how many
passages there are.
"""

import contextlib
import json
import os
import shutil
import tempfile
import zipfile
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import numpy as np

from biocodes.lib import files
from finetuning import command_line, output_dir, windows
from finetuning.console import log
from finetuning.model import Head, Model, Tensors
from finetuning.prediction import Predictor
from finetuning.progress import Progress
from finetuning.run import Run, RunSettings
from finetuning.signals import Interrupted
from tasks.raw_text.job import Job, check_input
from tasks.raw_text.stream import (
    SCHEMA,
    Featurized,
    Feed,
    in_passages,
    make_featurizer,
)

if TYPE_CHECKING:
    from modeling import BertConfig, Outputs

Vectors = Sequence[np.ndarray]
UNITS = PASSAGE, WORD = ("passage", "word")
POOLINGS = MEAN, FIRST = ("mean", "first")
# Pieces whose vectors may wait to be put back in order: 100 MB of them if H is 768.
PIECES_WAITING = 1 << 15


def define_flags(flags: command_line.Flags) -> None:
    """Add the flags of embedding to a script's."""
    topic = flags.topic("embeddings")
    topic.boolean(
        "do_embed",
        False,
        "Write vectors of --predict_file, embeddings.npz, and do nothing else.",
    )
    topic.choice("embed", PASSAGE, UNITS, "What gets a vector.")
    topic.string(
        "layers",
        "-1,-2,-3,-4",
        "Layers whose mean the vectors are; -1 is the last one, 0 the first.",
    )
    topic.choice(
        "pooling",
        MEAN,
        POOLINGS,
        "What a vector is made of: the mean of all pieces, or the first piece, which of"
        " a passage is [CLS].",
    )


class Embedding(NamedTuple):
    """What to make of text.

    Attributes:
      unit: one of UNITS.
      layers: indices of encoder layers, from 0.
      pooling: one of POOLINGS. The mean is over the pieces of the passage, without
        [CLS] and [SEP], or of the word. The first piece of a passage is the [CLS] of
        its first window.
    """

    unit: str
    layers: Tuple[int, ...]
    pooling: str

    @classmethod
    def from_flags(cls, flags: Any, config: "BertConfig") -> "Embedding":
        """Return what the flags ask for, of an encoder.

        Raises:
          InputError: --layers cannot be used.
        """
        return cls(
            flags.embed,
            parse_layers(flags.layers, config.num_hidden_layers),
            flags.pooling,
        )


def check_flags(flags: Any) -> None:
    """Check that the flags of embedding, and others beside --do_embed, make sense.

    Raises:
      InputError: one is missing, or there that would have no effect.
    """
    if not flags.do_embed:
        for name in ("embed", "layers", "pooling"):
            if flags[name].present:
                raise files.InputError("means nothing without --do_embed", f"--{name}")
        return
    for name in ("do_train", "do_eval", "data_dir", "output_formats", "resume"):
        if flags[name].value:
            remedy = f"give --{name}=false" if name == "do_train" else "leave it out"
            raise files.InputError(
                "does not go with --do_embed", f"--{name}", remedy=remedy
            )
    if not flags.predict_file:
        raise files.InputError(
            "is required by --do_embed",
            "--predict_file",
            remedy="name the file of the passages, - for standard input",
        )


def parse_layers(text: str, count: int) -> Tuple[int, ...]:
    """Parse "-1,-2", of 12 layers, as (11, 10).

    Raises:
      InputError: not a list of numbers; one is out of range or there twice.
    """
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError as error:
        raise files.InputError(
            f"{text!r} is no list of layers",
            "--layers",
            remedy="write numbers with commas between them, as in --layers=-1,-2",
        ) from error
    for number in numbers:
        if not -count <= number < count:
            raise files.InputError(
                f"there is no layer {number}",
                "--layers",
                remedy=f"the model has {count}: 0 to {count - 1}, or -{count} to -1",
            )
    layers = tuple(number % count for number in numbers)
    if len(set(layers)) < len(layers):
        raise files.InputError(f"{text} names a layer twice", "--layers")
    return layers


# Encoder


def make_head(layers: Sequence[int]) -> Head:
    """Make a head that predicts each piece's vector, `vectors` [B, S, H].

    Args:
      layers: indices of encoder layers, over which the vector is the mean.
    """

    import tensorflow.compat.v1 as tf

    def head(encoder: "Outputs", features: Tensors, mode: str) -> Tuple[None, Tensors]:
        outputs = encoder.get_all_encoder_layers()
        total = tf.add_n([outputs[layer] for layer in layers])
        return None, {"vectors": total / len(layers)}

    return head


# Pooling


def pooled(
    embedding: Embedding, featurized: Featurized, vectors: Vectors, width: int
) -> np.ndarray:
    """Return the vectors of a passage that an Embedding asks for.

    Args:
      embedding: what to make of it.
      featurized: the passage.
      vectors: for each of its windows float [S, H], [CLS] first.
      width: H.

    Returns:
      float32 [1 or words, H].
    """
    if embedding.unit == WORD:
        return word_vectors(featurized, vectors, embedding.pooling, width)
    vector = passage_vector(featurized, vectors, embedding.pooling, width)
    return vector[np.newaxis]


def passage_vector(
    featurized: Featurized, vectors: Vectors, pooling: str, width: int
) -> np.ndarray:
    """Return the vector of a passage.

    Args:
      featurized: the passage.
      vectors: for each of its windows float [S, H], [CLS] first.
      pooling: one of POOLINGS.
      width: H.

    Returns:
      float32 [H]; zeros if the passage has no piece.
    """
    if not vectors:
        return np.zeros(width, np.float32)
    if pooling == FIRST:
        return vectors[0][0]
    windows_of_passage = zip(featurized.windows, vectors)
    counted = [_counted(*window)[1] for window in windows_of_passage]
    return np.concatenate(counted).mean(axis=0)


def word_vectors(
    featurized: Featurized, vectors: Vectors, pooling: str, width: int
) -> np.ndarray:
    """Return the vectors of a passage's words; arguments as of passage_vector.

    Returns:
      float32 [words, H]; zeros for a word that has no piece, or was cut off.
    """
    of_words = np.zeros([len(featurized.spans), width], np.float32)
    for window in zip(featurized.windows, vectors):
        word_index, counted = _counted(*window)
        words, first = np.unique(word_index, return_index=True)
        if pooling == FIRST:
            of_words[words] = counted[first]
        elif len(words):
            sizes = np.diff(np.append(first, len(word_index)))
            of_words[words] = np.add.reduceat(counted, first) / sizes[:, np.newaxis]
    return of_words


def _counted(
    window: Tuple[np.ndarray, List[int]], vectors: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Return word and vector of the pieces that count: int [n], float [n, H]."""
    word_index = np.array(window[1], np.int64)
    counts = word_index != windows.CONTEXT
    # [CLS] comes before the pieces.
    return word_index[counts], vectors[1 : 1 + len(word_index)][counts]


# Files


class _Numbers:
    """An array of numbers that grows on the disk.

    Args:
      folder: where its temporary file lies; it has no name, so nothing can be left.
      dtype: NumPy's.
      width: numbers in a row; default: the array has one axis.
    """

    compression = zipfile.ZIP_STORED

    def __init__(self, folder: str, dtype: Any, width: Optional[int] = None) -> None:
        self._dtype = np.dtype(dtype)
        self._shape = () if width is None else (width,)
        self._stream = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._count = 0

    def extend(self, values: Any) -> None:
        """Add rows: an array, or a list of numbers."""
        rows = np.ascontiguousarray(values, self._dtype)
        self._stream.write(rows)
        self._count += len(rows)

    def save(self, stream: BinaryIO) -> None:
        """Write the array in NumPy's format (.npy)."""
        _write_header(stream, self._dtype, (self._count, *self._shape))
        self._stream.seek(0)
        shutil.copyfileobj(self._stream, stream, 1 << 20)


class _Strings:
    """An array of strings that grows on the disk.

    NumPy's strings are all as long as the longest, 4 bytes a character, which is known
    at the end. In the zip file they are compressed.
    """

    compression = zipfile.ZIP_DEFLATED

    def __init__(self, folder: str) -> None:
        self._stream = tempfile.TemporaryFile(  # noqa: SIM115
            "w+", dir=folder, encoding="ascii"
        )
        self._count = 0
        self._longest = 1

    def extend(self, texts: Iterable[str]) -> None:
        """Add strings."""
        for text in texts:
            self._stream.write(json.dumps(text) + "\n")
            self._count += 1
            self._longest = max(self._longest, len(text))

    def save(self, stream: BinaryIO) -> None:
        """Write the array in NumPy's format (.npy)."""
        dtype = np.dtype(f"<U{self._longest}")
        _write_header(stream, dtype, (self._count,))
        self._stream.seek(0)
        for line in self._stream:
            stream.write(np.array(json.loads(line), dtype).tobytes())


def _write_header(stream: BinaryIO, dtype: np.dtype, shape: Tuple[int, ...]) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": shape,
    }
    np.lib.format.write_array_header_1_0(stream, header)


class Arrays:
    """The arrays of embeddings.npz, while they grow.

    Args:
      folder: where there is room for them until they are saved.
      unit: one of UNITS.
      width: H.
    """

    def __init__(self, folder: str, unit: str, width: int) -> None:
        self.passages = self.vectors = 0
        self._columns = {
            "ids": _Strings(folder),
            "sections": _Strings(folder),
            "vectors": _Numbers(folder, np.float32, width),
        }
        if unit == WORD:
            for name in ("passage", "start", "end"):
                self._columns[name] = _Numbers(folder, np.int64)
            self._columns["text"] = _Strings(folder)

    def add(self, featurized: Featurized, vectors: np.ndarray) -> None:
        """Add a passage and its vectors, float32 [1 or words, H]."""
        passage, spans = featurized.passage, featurized.spans
        self._extend("ids", [passage.id])
        self._extend("sections", [passage.section or ""])
        self._extend("vectors", vectors)
        self._extend("passage", [self.passages] * len(spans))
        self._extend("start", [start for start, _ in spans])
        self._extend("end", [end for _, end in spans])
        self._extend("text", [passage.text[start:end] for start, end in spans])
        self.passages += 1
        self.vectors += len(vectors)

    def _extend(self, name: str, values: Any) -> None:
        if name in self._columns:
            self._columns[name].extend(values)

    def save(self, stream: BinaryIO) -> None:
        """Write all of them to a binary stream as an .npz file."""
        with zipfile.ZipFile(stream, "w") as archive:
            for name, column in self._columns.items():
                # Of one date, so that the same text makes the same file.
                member = zipfile.ZipInfo(f"{name}.npy")
                member.compress_type = column.compression
                with archive.open(member, "w", force_zip64=True) as stream_of_member:
                    column.save(stream_of_member)


# The whole of it


def write(folder: str, job: Job, embedding: Embedding, predictor: Predictor) -> None:
    """Write the vectors of all passages of a job.

    Args:
      folder: of the .npz file, which appears when it is whole.
      job: what to read.
      embedding: what to make of it.
      predictor: its head is make_head's; the checkpoint may be fine-tuned or not.

    Raises:
      InputError: the input or the checkpoint cannot be used, or the disk is full.
      Interrupted: nothing is kept.
    """
    featurize = make_featurizer(
        predictor.model.tokenizer, job.max_seq_length, job.long_sentences
    )
    feed = Feed(map(featurize, job.read()))
    settings = predictor.settings._replace(pieces_waiting=PIECES_WAITING)
    predictor = predictor._replace(settings=settings)
    predictions = predictor.predict_stream(SCHEMA, feed.rows())
    path = os.path.join(folder, job.name("embeddings") + ".npz")
    width = predictor.model.config.hidden_size
    progress = Progress("passages", unit="passages")
    try:
        with files.whole_file(path, binary=True) as stream:
            arrays = Arrays(folder, embedding.unit, width)
            with contextlib.closing(predictions):
                for featurized, of_windows in in_passages(feed, predictions):
                    vectors = [of_window["vectors"] for of_window in of_windows]
                    arrays.add(
                        featurized, pooled(embedding, featurized, vectors, width)
                    )
                    progress.add()
            arrays.save(stream)
    except Interrupted as interrupted:
        again = "the same command again starts from the first passage"
        raise Interrupted(interrupted.signal, again=again) from interrupted
    counts = f"{arrays.vectors:,} vectors of {arrays.passages:,} passages"
    log.info("%s: %s", counts, path)


def embed(model: Model, settings: RunSettings, embedding: Embedding, job: Job) -> None:
    """Run a script that does nothing but write embeddings.

    Args:
      model: the checkpoint may hold its encoder alone.
      settings: of the run.
      embedding: what to make of the text.
      job: what to read.
    """
    output_folder = settings.arguments["output_dir"]
    with output_dir.locked(output_folder, job.share("embeddings")) as folder:
        run = Run(folder, settings)
        run.check(model.with_head(make_head(embedding.layers)))
        check_input(job)
        if not job.shard:
            output_dir.write_record(folder, settings.arguments)
        log.info("encoder: %s", run.checkpoint)
        write(folder, job, embedding, run.predictor())
