"""The model that a benchmark measures with: one that is given, or made up.

Without --model_dir a model is made up: the sizes of MiniLM-L6-H384, random weights, and
a vocabulary that cuts the corpus into about as many pieces as a real one does. Speed
does not depend on what the weights are.
"""

import argparse
import collections
import itertools
import os
from typing import Any, Dict, List, NamedTuple, Optional

import tokenization
from benchmarks import common
from biocodes.lib import conll, files, model_folder

MINILM = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 384,
    "initializer_range": 0.02,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
    "num_attention_heads": 12,
    "num_hidden_layers": 6,
    "type_vocab_size": 2,
    "vocab_size": 30522,
}
# A word that NCBI-disease has so often is one piece, rarer ones are cut into n-grams.
# Its sentences then have 33 pieces on average; with BERT's uncased vocabulary it is 34.
FREQUENT = 12
NGRAMS = 4000


class Pretrained(NamedTuple):
    """The files of a pretrained model.

    Attributes:
      folder: has bert_config.json and vocab.txt.
      checkpoint: prefix, or None for random weights.
      do_lower_case: "true" or "false".
    """

    folder: str
    checkpoint: Optional[str]
    do_lower_case: str

    @property
    def flags(self) -> List[str]:
        """The scripts' flags that name it."""
        named = [
            f"--vocab_file={os.path.join(self.folder, 'vocab.txt')}",
            f"--bert_config_file={os.path.join(self.folder, 'bert_config.json')}",
            f"--do_lower_case={self.do_lower_case}",
        ]
        return named + [f"--init_checkpoint={self.checkpoint}"] * bool(self.checkpoint)

    @property
    def config(self) -> Dict[str, Any]:
        """The values of bert_config.json."""
        return files.read_json(os.path.join(self.folder, "bert_config.json"))

    @property
    def tokenizer(self) -> tokenization.FullTokenizer:
        """A tokenizer that has not seen a word yet."""
        return tokenization.FullTokenizer(
            os.path.join(self.folder, "vocab.txt"), self.do_lower_case == "true"
        )

    def describe(self) -> str:
        """Say in print_table's note what it is."""
        config = self.config
        sizes = "{num_hidden_layers} layers, {hidden_size} wide".format(**config)
        kind = "random weights" if self.checkpoint is None else "pretrained weights"
        return f"Model: {sizes}, {kind}."


def model_of(arguments: argparse.Namespace, folder: str) -> Pretrained:
    """Return the model that the flags name, or one that is made up in a folder."""
    if arguments.model_dir:
        checkpoint = model_folder.latest(arguments.model_dir)
        return Pretrained(arguments.model_dir, checkpoint, arguments.do_lower_case)
    made_up = os.path.join(folder, "model")
    files.make_folder(made_up)
    files.write_json(os.path.join(made_up, "bert_config.json"), MINILM)
    source = os.path.join(common.NCBI_DISEASE, "train.tsv")
    basic_tokenizer = tokenization.BasicTokenizer(True)
    words = collections.Counter(
        token
        for sentence in conll.read_sentences(source)
        for word in sentence.words
        for token in basic_tokenizer.tokenize(word)
    )
    with files.whole_file(os.path.join(made_up, "vocab.txt")) as stream:
        stream.writelines(f"{piece}\n" for piece in vocabulary(words))
    return Pretrained(made_up, None, "true")


def vocabulary(words: "collections.Counter[str]") -> List[str]:
    """Make a vocabulary of MiniLM's size for words and how often there are."""
    whole = [word for word, count in words.most_common() if count >= FREQUENT]
    ngrams = collections.Counter()
    for word, count in words.items():
        for size, start in itertools.product((2, 3, 4), range(len(word))):
            ngram = word[start : start + size]
            if len(ngram) == size and count < FREQUENT:
                ngrams["##" * bool(start) + ngram] += count
    characters = sorted({character for word in words for character in word})
    pieces = [*tokenization.REQUIRED_PIECES, "[MASK]", *characters]
    pieces += [f"##{character}" for character in characters]
    pieces += whole + [ngram for ngram, _ in ngrams.most_common(NGRAMS)]
    pieces = list(dict.fromkeys(pieces))
    rest = range(MINILM["vocab_size"] - len(pieces))
    return pieces + [f"[unused{number}]" for number in rest]
