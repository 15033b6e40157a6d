"""The files in tests/data: the tiny BERT, and what the original made with it.

CASED and LOWER are tokenizers of its vocabulary, NER_MODEL and the others prefixes of
the original's checkpoints, which were fine-tuned from it.
"""

from kit.paths import DATA
from tokenization import FullTokenizer

INIT = DATA / "init"
CONFIG_FILE = str(INIT / "bert_config.json")
VOCAB_FILE = str(INIT / "vocab.txt")
# First weights, without a head or an optimizer's variables.
PRETRAINED = str(INIT / "model.ckpt")
NER, RE, QA = (DATA / task for task in ("ner", "re", "qa"))
NER_MODEL = NER / "model.ckpt-1190"
RE_MODEL = RE / "model.ckpt-150"
QA_MODEL = QA / "model.ckpt-365"
# For entity recognition: seven labels, 1190 steps.
FINE_TUNED = str(NER_MODEL)
CASED, LOWER = (
    FullTokenizer(VOCAB_FILE, do_lower_case) for do_lower_case in (False, True)
)
