"""A model in Hugging Face's form: configuration, weights, tokenizer, model card.

What their classes compute is what ours do: the head of entity recognition is a linear
layer over every position, that of relation extraction one over the pooled output, that
of question answering two numbers a position, start before end.

The labels of entity recognition are presented as their tools expect them. B and I of a
model without types are B-MISC and I-MISC, as conlleval calls them; without the hyphen a
B would not begin the entity that an I continues. [PAD], X, [CLS] and [SEP], which no
word has, are O: that is what their predictions mean for a word here. label2id.json
beside it has the names of the training, by which convert_checkpoint.py goes back.
"""

import os
from typing import Any, Dict, List

import tokenization
from biocodes.lib import files
from biocodes.lib.conll import OUTSIDE, UNTYPED
from biocodes.lib.hugging_face import FIXED_SETTINGS
from biocodes.lib.labels import LABEL_FILE, SPECIAL
from biocodes.models import layout
from biocodes.models.card import model_card
from biocodes.models.folder import Model
from biocodes.models.from_hugging_face import PROBLEM_TYPES

PACKAGES = ("safetensors.numpy",)
WEIGHTS = "model.safetensors"
# Of all pieces that BERT treats apart; a small vocabulary may lack the last.
_SPECIAL_PIECES = {
    "pad_token": tokenization.PAD,
    "unk_token": tokenization.UNK,
    "cls_token": tokenization.CLS,
    "sep_token": tokenization.SEP,
    "mask_token": "[MASK]",
}
# Dropout of our heads while they are trained.
_HEAD_DROPOUT = 0.1


def write(model: Model, folder: str) -> List[str]:
    """Write the model into an empty folder.

    Raises:
      InputError: the checkpoint is damaged, or the disk is full.
    """
    import safetensors.numpy

    tensors = layout.tensors_of(model.weights(), model.about.prefix)
    # transformers wants to be told that they are laid out as PyTorch's.
    content = safetensors.numpy.save(tensors, metadata={"format": "pt"})
    with files.whole_file(os.path.join(folder, WEIGHTS), binary=True) as stream:
        stream.write(content)
    files.write_json(os.path.join(folder, "config.json"), config_of(model))
    if model.labels:
        ids = {name: index for index, name in enumerate(model.labels)}
        files.write_json(os.path.join(folder, LABEL_FILE), ids)
    notes = write_tokenizer(model, folder)
    with files.whole_file(os.path.join(folder, "README.md")) as stream:
        stream.write(model_card(model, presented(model)))
    return notes


# Configuration


def config_of(model: Model) -> Dict[str, Any]:
    """Return config.json: the architecture of the task, sizes, labels."""
    config = {
        "architectures": [model.about.architecture],
        **FIXED_SETTINGS,
        **model.config,
        "pad_token_id": model.pieces.index(tokenization.PAD),
        "torch_dtype": "float32",
    }
    if model.labels:
        names = presented(model)
        config["classifier_dropout"] = _HEAD_DROPOUT
        config["id2label"] = {str(index): name for index, name in enumerate(names)}
        # Of several ids of O the first is that of O itself.
        config["label2id"] = {name: _id_of(name, model) for name in names}
    if model.kind in PROBLEM_TYPES:
        config["problem_type"] = PROBLEM_TYPES[model.kind]
    return config


def presented(model: Model) -> List[str]:
    """Return the labels as config.json has them, by id."""
    if model.kind != layout.NER:
        return list(model.labels)
    return [presented_label(label) for label in model.labels]


def presented_label(label: str) -> str:
    """Return what Hugging Face's tools are told of a label of entity recognition."""
    if label in SPECIAL:
        return OUTSIDE
    return f"{label}-{UNTYPED}" if label in ("B", "I") else label


def _id_of(name: str, model: Model) -> int:
    """Return the id of a presented label."""
    if model.kind == layout.NER and name == OUTSIDE and OUTSIDE in model.labels:
        return model.labels.index(OUTSIDE)
    return presented(model).index(name)


# Tokenizer


def write_tokenizer(model: Model, folder: str) -> List[str]:
    """Write vocab.txt, tokenizer_config.json and, if it can be made, tokenizer.json.

    Returns:
      A line that says what could not be made, if so.
    """
    with files.whole_file(os.path.join(folder, "vocab.txt")) as stream:
        stream.writelines(f"{piece}\n" for piece in model.pieces)
    special = {
        name: piece for name, piece in _SPECIAL_PIECES.items() if piece in model.pieces
    }
    settings = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": model.do_lower_case,
        "model_max_length": model.config["max_position_embeddings"],
        "tokenize_chinese_chars": True,
        "strip_accents": None,  # as do_lower_case says
        **special,
    }
    files.write_json(os.path.join(folder, "tokenizer_config.json"), settings)
    files.write_json(os.path.join(folder, "special_tokens_map.json"), special)
    try:
        import tokenizers
    except ImportError:
        return ["no tokenizer.json, for the package tokenizers is not installed"]
    text = _fast_tokenizer(tokenizers, model, special).to_str(pretty=True)
    with files.whole_file(os.path.join(folder, "tokenizer.json")) as stream:
        stream.write(text)
    return []


def _fast_tokenizer(tokenizers: Any, model: Model, special: Dict[str, str]) -> Any:
    """Return BERT's tokenizer as the package tokenizers has it."""
    # Of equal lines the last one counts, as in our tokenizer.
    vocabulary = {piece: number for number, piece in enumerate(model.pieces)}
    fast = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(
            vocabulary,
            unk_token=tokenization.UNK,
            max_input_chars_per_word=_longest_word(),
        )
    )
    fast.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=True,
        strip_accents=None,
        lowercase=model.do_lower_case,
    )
    fast.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    fast.decoder = tokenizers.decoders.WordPiece()
    cls, sep = tokenization.CLS, tokenization.SEP
    fast.post_processor = tokenizers.processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(piece, vocabulary[piece]) for piece in (cls, sep)],
    )
    fast.add_special_tokens(list(special.values()))
    return fast


def _longest_word() -> int:
    """Return the longest word, in characters, that is cut and not [UNK]."""
    return tokenization.WordpieceTokenizer({}).max_input_chars_per_word
