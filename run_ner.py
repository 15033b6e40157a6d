"""Named entity recognition with BERT: fine-tunes on CoNLL files, predicts, scores.

  python run_ner.py --do_train=true --do_eval=true \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json \\
      --init_checkpoint=$BIOBERT_DIR/model.ckpt-1000000 \\
      --num_train_epochs=10.0 --data_dir=$NER_DIR --output_dir=$OUTPUT_DIR

data_dir holds train_dev.tsv (training), devel.tsv (--do_eval) and test.tsv
(--do_predict): a word and its label a line, a blank line after each sentence. Labels
are B, I and O, or typed, B-Chemical, I-Disease and so on.

--data_dir=Disease=NCBI-disease,BC5CDR-chem trains one model on several corpora, see
ner_corpora.py.

With --predict_file=FILE (- for standard input) a trained model finds the entities of
raw text: a passage a line, or .tsv, .jsonl, .pubtator, .conll, see
biocodes/passages.py. They go to entities.jsonl in output_dir.

  python run_ner.py --do_train=false --predict_file=abstracts.txt \\
      --output_formats=html --output_dir=$OUTPUT_DIR \\
      --vocab_file=$BIOBERT_DIR/vocab.txt \\
      --bert_config_file=$BIOBERT_DIR/bert_config.json

Then data_dir is needed only for --do_train and --do_eval; test.tsv is predicted, too,
if data_dir is given.
"""

import itertools
import os
import pickle
from typing import NamedTuple

import command_line  # before TensorFlow, whose import it quiets

# isort: split
import numpy as np
import tensorflow.compat.v1 as tf

import embedding
import finetuning
import hooks
import model_files
import modeling
import ner_corpora
import output_folder
import own_text
import records
import windows
import workers
from biocodes import conll, conll_types, conlleval, files, ner_detokenize
from command_line import log

PADDING, CONTINUATION, START, END = "[PAD]", "X", "[CLS]", "[SEP]"
OUTSIDE = "O"
SPECIAL = (PADDING, CONTINUATION, START, END)
# What the original trains on, whatever the corpus; its checkpoints do not say.
ORIGINAL_LABELS = (PADDING, "B", "I", OUTSIDE, CONTINUATION, START, END)
NO_WORD = -1
PIECE_FILES = ("token_test.txt", "label_test.txt", "word_test.txt")
WORD_FILE = "NER_result_conll.txt"
ENTITY_SCORES = "entity_level_results.txt"
TOKEN_SCORES = "eval_results.txt"
RESULTS = (*PIECE_FILES, WORD_FILE, ENTITY_SCORES, TOKEN_SCORES)


def define_flags():
    """All flags of this script, with their defaults."""
    flags = command_line.define_flags(
        do_lower_case=False,
        max_seq_length=128,
        do_train=True,
        do_predict=True,
        num_train_epochs=10.0,
    )
    tf.flags.DEFINE_string(
        "task_name", "NER", "NER is the only one.", flag_values=flags
    )
    tf.flags.DEFINE_string(
        "data_dir",
        None,
        "Folder of the corpus, or of several, with commas between them. TYPE=FOLDER"
        " gives the labels of a corpus without types (B, I, O) one. Required, except"
        " with predict_file and neither do_train nor do_eval.",
        flag_values=flags,
    )
    tf.flags.DEFINE_bool(
        "partial_annotation",
        True,
        "With several corpora: O says nothing of the types that a word's corpus does"
        " not annotate. False trains on all labels as they are.",
        flag_values=flags,
    )
    command_line.define_evaluation_flags(flags, "devel.tsv")
    own_text.define_flags(flags)
    embedding.define_flags(flags)
    return flags


# Labels


class Labels(NamedTuple):
    """The labels of a model: names in the order of their ids."""

    names: tuple

    @classmethod
    def of(cls, found):
        """[PAD], the labels found in training files sorted, X, [CLS], [SEP]."""
        return cls((PADDING, *sorted(found), CONTINUATION, START, END))

    @property
    def ids(self):
        """dict of name → id."""
        return {name: index for index, name in enumerate(self.names)}

    @property
    def scored(self):
        """Ids that token-level scores are averaged over."""
        return self.scored_of(None)

    def scored_of(self, types):
        """As scored, but of labels of these types alone; None for all of them."""
        unscored = SPECIAL + (OUTSIDE,)
        return [
            i
            for i, name in enumerate(self.names)
            if name not in unscored
            and (types is None or conll.entity_type(name) in types)
        ]


def labels_of(sentences, path):
    """The Labels that a training file makes.

    Raises:
      InputError: one of the special names is used as a label.
    """
    found = set()
    for sentence in sentences:
        found.update(sentence.labels)
        reserved = found.intersection(SPECIAL)
        if reserved:
            name = sorted(reserved)[0]
            raise files.InputError(
                f"the label {name} is reserved",
                path,
                sentence.lines[sentence.labels.index(name)],
                "give the label another name",
            )
    return Labels.of(found)


def labels_together(corpora):
    """The Labels that the training files of all corpora make."""
    each = [labels_of(one.sentences["train"], one.paths["train"]) for one in corpora]
    return Labels.of(
        set().union(*(labels.names for labels in each)).difference(SPECIAL)
    )


def save_labels(folder, labels):
    """Writes label2id.json, and label2id.pkl for scripts made for the original.

    The pickle is only ever written: what reads it is not this suite.
    """
    model_files.save_labels(folder, labels.names)
    with files.whole_file(os.path.join(folder, "label2id.pkl"), binary=True) as stream:
        pickle.dump(labels.ids, stream, protocol=2)


def load_labels(checkpoint):
    """The labels that a checkpoint was trained with, see model_files.load_labels.

    Raises:
      InputError: they cannot be found, or are not those of entity recognition.
    """
    names = model_files.load_labels(checkpoint, ORIGINAL_LABELS)
    is_column = all(len(name.split()) == 1 for name in names)
    if names[0] != PADDING or not set(SPECIAL) < set(names) or not is_column:
        raise files.InputError(
            f"not the labels of a model for entity recognition: {', '.join(names)}",
            os.path.dirname(checkpoint),
        )
    return Labels(names)


# Features


def schema(labelled, of_several=False):
    """Records of sentences; word_index is the piece's word in its sentence, or -1.

    A sentence of_several corpora says which it is from: Corpus.number.
    """
    names = ["input_ids", "word_index"] + (["label_ids"] if labelled else [])
    return records.Schema(sequences=names, scalars=["corpus"] if of_several else [])


def featurize(sentence, tokenizer, label_ids, max_seq_length):
    """Pieces of a sentence, each with its label and its word.

    A word's first piece carries the word's label, the others X; words beyond
    max_seq_length - 2 pieces are cut off.

    Args:
      sentence: conll.Sentence; its labels may be None.
      tokenizer: tokenization.FullTokenizer.
      label_ids: dict of label → id.
      max_seq_length: pieces at most, [CLS] and [SEP] included.

    Returns:
      dict of lists of int, see schema; without label_ids if there are no labels.
    """
    how = tokenizer, label_ids, max_seq_length
    (features,) = featurize_windows(sentence, *how, windows.truncate_pieces)
    return features


def featurize_windows(
    sentence, tokenizer, label_ids, max_seq_length, cut=windows.cut_pieces
):
    """As featurize, but a long sentence becomes several windows and loses nothing.

    What counts in another window has word_index CONTEXT, and [PAD] for its label; so
    have each [CLS] but the first and each [SEP] but the last.

    Args:
      cut: function that cuts the pieces, see windows.cut_pieces.

    Yields:
      see featurize.
    """
    pieces = [tokenizer.word_ids(word) for word in sentence.words]
    parts = list(cut(pieces, max_seq_length - 2))
    start, end = tokenizer.vocab[START], tokenizer.vocab[END]
    for number, (ids, words) in enumerate(parts):
        first = NO_WORD if number == 0 else windows.CONTEXT
        last = NO_WORD if number == len(parts) - 1 else windows.CONTEXT
        word_index = [first, *words, last]
        features = {"input_ids": [start, *ids, end], "word_index": word_index}
        if is_labelled([sentence]):
            labels = labels_of_pieces(word_index, sentence.labels)
            features["label_ids"] = [label_ids[label] for label in labels]
        yield features


def labels_of_pieces(word_index, labels):
    """The labels of a window's pieces, see featurize_windows.

    Args:
      word_index: for each piece the index of its word, NO_WORD or CONTEXT.
      labels: of the sentence's words.
    """
    found = []
    for place, word in enumerate(word_index):
        if word == windows.CONTEXT:
            found.append(PADDING)
        elif word == NO_WORD:
            found.append(END if place else START)
        else:
            is_first = word != word_index[place - 1]
            found.append(labels[word] if is_first else CONTINUATION)
    return found


def check_labels(sentences, labels, path):
    """Refuses a label that the model does not know; no label is fine.

    Raises:
      InputError: naming its line.
    """
    known = set(labels.names) - set(SPECIAL)
    if not is_labelled(sentences):
        return
    for sentence in sentences:
        if not known.issuperset(sentence.labels):
            line, label = next(
                (line, label)
                for line, label in zip(sentence.lines, sentence.labels)
                if label not in known
            )
            raise files.InputError(
                f"the model does not know the label {label}",
                path,
                line,
                f"it knows {', '.join(sorted(known))}",
            )


# Head


def make_head(num_labels, count_padding, partial=None, with_probability=False):
    """A linear layer over every position.

    Args:
      num_labels: L.
      count_padding: whether padding counts in the loss (as [PAD]), as in the original.
      partial: PartialAnnotation of several corpora; features then have corpus [B].
      with_probability: whether to predict probability, too: float [B, S], of the
        label predicted.

    Returns:
      Head, see finetuning. The loss is the sum over the positions of the batch. The
      predictions are label_ids [B, S], and loss [B] when features have labels.
    """

    def head(encoder, features, mode):
        hidden = encoder.get_sequence_output()
        if mode == tf.estimator.ModeKeys.TRAIN:
            hidden = modeling.dropout(hidden, 0.1)
        logits = modeling.output_layer(hidden, num_labels)
        predictions = {"label_ids": tf.argmax(logits, -1, output_type=tf.int32)}
        if with_probability:
            predictions["probability"] = tf.reduce_max(tf.nn.softmax(logits), axis=-1)
        if "label_ids" not in features:
            return None, predictions
        if partial is None:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels=features["label_ids"], logits=logits
            )
        else:
            losses = ner_corpora.marginal_cross_entropy(
                logits, features["label_ids"], features["corpus"], partial
            )
        if not count_padding:
            # Only what counts in another window has [PAD] for a label, see featurize.
            counts = features["input_mask"] * tf.sign(features["label_ids"])
            losses *= tf.cast(counts, tf.float32)
        predictions["loss"] = tf.reduce_sum(losses, axis=-1)
        return tf.reduce_sum(losses), predictions

    return head


# Scores


def count_confusions(pairs, num_labels):
    """Confusion matrix of (gold, predicted) ids: int [L gold, L predicted]."""
    matrix = np.zeros([num_labels, num_labels], np.int64)
    for gold, predicted in pairs:
        np.add.at(matrix, (gold, predicted), 1)
    return matrix


def token_scores(matrix, scored):
    """Token-level scores: the macro average of each class's precision, recall and F1.

    Args:
      matrix: see count_confusions.
      scored: ids of the classes to average over.

    Returns:
      dict of eval_precision, eval_recall and eval_f, float32.
    """
    correct = np.diag(matrix)[scored].astype(np.float64)
    precision = correct / np.maximum(matrix[:, scored].sum(0), 1)
    recall = correct / np.maximum(matrix[scored].sum(1), 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    values = {"eval_precision": precision, "eval_recall": recall, "eval_f": f1}
    return {
        name: np.float32(value.mean() if len(scored) else 0.0)
        for name, value in values.items()
    }


class TokenScorer:
    """Gathers the token-level scores of a file, prediction by prediction.

    Args:
      labels: Labels.
      count_padding: see make_head.
      batch_size: examples in a batch, for which the loss is given.
      types: those whose labels are scored; default: all.
    """

    def __init__(self, labels, count_padding, batch_size, types=None):
        self._labels = labels
        self._scored = labels.scored_of(types)
        self._count_padding = count_padding
        self._batch_size = batch_size
        self._matrix = 0
        self._loss = self._examples = 0

    def add(self, gold, prediction):
        """Takes one sentence.

        Args:
          gold: label ids of its pieces.
          prediction: dict of label_ids [S] and loss, see make_head.
        """
        predicted = prediction["label_ids"]
        padded = np.zeros_like(predicted)
        padded[: len(gold)] = gold
        end = None if self._count_padding else len(gold)
        self._matrix += count_confusions(
            [(padded[:end], predicted[:end])], len(self._labels.names)
        )
        self._loss += float(prediction["loss"])
        self._examples += 1

    def results(self, step):
        """The results as they are logged and written; loss is a batch's on average."""
        batches = -(-self._examples // self._batch_size)
        return dict(
            token_scores(self._matrix, self._scored),
            global_step=step,
            loss=np.float32(self._loss / batches),
        )


# Writing


def write_predictions(folder, sentences, tokenizer, labels, predicted):
    """Writes token_test.txt, label_test.txt and word_test.txt, line by line in step.

    Args:
      folder: where they go; the results of an earlier prediction there are removed.
      sentences: iterable of conll.Sentence.
      tokenizer: FullTokenizer.
      labels: Labels.
      predicted: for each of them (features, prediction), see whole_sentences.
    """
    paths = [os.path.join(folder, name) for name in PIECE_FILES]
    outdated = [os.path.join(folder, name) for name in (WORD_FILE, ENTITY_SCORES)]
    with files.whole_files(paths, outdated) as streams:
        for sentence, (features, prediction) in zip(sentences, predicted):
            pieces = tokenizer.convert_ids_to_tokens(features["input_ids"].tolist())
            columns = zip(
                pieces,
                piece_labels(prediction["label_ids"][: len(pieces)], labels),
                word_lines(sentence, features["word_index"].tolist()),
            )
            for line in columns:
                for stream, column in zip(streams, line):
                    stream.write(column + "\n")


def piece_labels(label_ids, labels):
    """Predicted ids → names. [PAD], which no piece can be, is written as O."""
    return [labels.names[i] if i else OUTSIDE for i in label_ids.tolist()]


def word_lines(sentence, words):
    """What word_test.txt says beside each piece: the place of its word, if it has one.

    Args:
      sentence: conll.Sentence.
      words: for each piece the index of its word, or NO_WORD.
    """
    return [
        ner_detokenize.NO_WORD
        if i == NO_WORD
        else ner_detokenize.word_line(sentence.lines[i], sentence.words[i])
        for i in words
    ]


class WordLabels:
    """The predicted labels of each sentence's words, from what write_predictions wrote.

    They are read anew whenever they are iterated over, and are not kept.
    """

    def __init__(self, folder, sentences):
        self._folder = folder
        self._sentences = sentences

    def __iter__(self):
        columns = [
            (text for _, text in files.read_lines(os.path.join(self._folder, name)))
            for name in ("label_test.txt", "word_test.txt")
        ]
        pieces = zip(*columns)

        def has_word(piece):
            return piece[1] != ner_detokenize.NO_WORD

        for sentence in self._sentences:
            places = {str(line): index for index, line in enumerate(sentence.lines)}
            next(pieces)  # [CLS]
            labels, words = [], []
            for label, line in itertools.takewhile(has_word, pieces):  # and [SEP]
                labels.append(label)
                words.append(places[line.partition("\t")[0]])
            yield ner_detokenize.word_labels(len(sentence.words), words, labels)


def write_entities(folder, sentences, word_labels, types=None):
    """Writes the word-level result; writes and logs its entity-level scores.

    Args:
      folder, sentences: see write_predictions.
      word_labels: WordLabels.
      types: those that are scored, words of others counting as O; default: all.
    """
    path = os.path.join(folder, WORD_FILE)
    ner_detokenize.write_result(path, sentences, word_labels)
    if not is_labelled(sentences):
        log.info("no labels in test.tsv, so no scores; the predictions: %s", path)
        return
    scores = conlleval.score_file(path)
    if types is not None:
        scores = conlleval.evaluate(scored_rows(sentences, word_labels, types))
    report = conlleval.report(scores)
    with files.whole_file(os.path.join(folder, ENTITY_SCORES)) as stream:
        stream.write(report)
    command_line.log_results("entity-level evaluation results", report.splitlines())


def scored_rows(sentences, word_labels, types):
    """Yields rows as conlleval.evaluate takes them, words of other types as O."""
    for sentence, predicted in zip(sentences, word_labels):
        yield from zip(sentence.labels, conll_types.only(predicted, types))
        yield None


# The model


class Model(NamedTuple):
    """What the checkpoints of a run are checkpoints of.

    Attributes:
      config: BertConfig.
      tokenizer: tokenization.FullTokenizer.
      labels: Labels.
      head: see make_head.
      facts: see output_folder.model_facts.
    """

    config: object
    tokenizer: object
    labels: Labels
    head: object
    facts: dict


def make_model(flags, config, tokenizer, corpora, trained):
    """The Model that a run trains or predicts with.

    Args:
      flags: the script's flags.
      config, tokenizer: BertConfig, FullTokenizer.
      corpora, trained: see settle_labels.
    """
    labels = settle_labels(corpora, trained)
    partial = None
    if flags.partial_annotation:
        partial = ner_corpora.partial_annotation(corpora, labels.names, SPECIAL)
    head = make_head(len(labels.names), flags.pad_to_max_length, partial)
    facts = output_folder.model_facts(config, flags.vocab_file, flags.do_lower_case)
    return Model(config, tokenizer, labels, head, facts)


def settle_labels(corpora, trained):
    """The labels of the run's model, which all labels in the corpora are among.

    Args:
      corpora: list of Corpus.
      trained: prefix of the checkpoint to predict with; None when there is training.

    Returns:
      Labels.
    """
    labels = load_labels(trained) if trained else labels_together(corpora)
    for corpus in corpora:
        for phase, sentences in corpus.sentences.items():
            check_labels(sentences, labels, corpus.paths[phase])
    return labels


# The command


def check_task(task_name):
    """Refuses any other task; the original takes this flag in any case."""
    if task_name.lower() != "ner":
        raise files.InputError(
            f"{task_name} is not a task of this script",
            "--task_name",
            remedy="leave the flag out, or give NER",
        )


def is_labelled(sentences):
    """Whether the words of a file have labels; all have, or none."""
    return next(iter(sentences)).labels[0] is not None


def phases_of(do_train, do_eval, do_predict, data_dir, job):
    """What the run does with the corpus, in order; see ner_corpora.FILES.

    Args:
      do_train, do_eval, do_predict, data_dir: the flags.
      job: own_text.Job, or None. Without data_dir it is all there is to predict.

    Raises:
      InputError: there is no data_dir, or a corpus beside a shard.
    """
    wanted = {"train": do_train, "eval": do_eval, "predict": do_predict}
    phases = [phase for phase, is_wanted in wanted.items() if is_wanted]
    if job is not None and not data_dir and phases in ([], ["predict"]):
        return []
    if not data_dir:
        beside = " by --do_train and --do_eval" if job is not None else ""
        raise files.InputError("is required" + beside, "--data_dir")
    if job is not None and job.shard and phases:
        raise files.InputError(
            "is for --predict_file alone, whose parts are predicted at the same time",
            "--shard",
            remedy="leave --data_dir out and give --do_train=false",
        )
    return phases


def training_facts(flags, model, corpora):
    """See output_folder.training_facts; of several corpora all are in it."""
    path = corpora[0].paths["train"]
    names = list(model.labels.names)
    facts = output_folder.training_facts(flags, model.facts, path, labels=names)
    facts["corpus"] = ner_corpora.digests(corpora, "train")
    if len(corpora) > 1:
        facts["partial_annotation"] = flags.partial_annotation
    return facts


def prepare_training(flags, folder, model, first, corpora):
    """Makes the folder ready for training, once it is clear that it can start there.

    Args:
      flags: the script's flags.
      folder: the output folder.
      model: Model.
      first: init_checkpoint, see finetuning.train.
      corpora: list of Corpus.

    Returns:
      finetuning.Training.
    """
    training = finetuning.Training.from_flags(flags)
    # Raises an error for too few.
    training.steps(sum(len(one.sentences["train"]) for one in corpora))
    facts = training_facts(flags, model, corpora)
    afresh = flags.overwrite_output_dir
    output_folder.check_start(folder, facts, afresh)
    finetuning.check_start(model.head, model.config, folder, first, afresh)
    for place in ner_corpora.results_folders(folder, corpora):
        files.make_folder(place)
    results = [*ner_corpora.results_of(corpora, RESULTS), *own_text.RESULTS]
    output_folder.start_training(folder, flags, facts, results)
    save_labels(folder, model.labels)
    return training


def prepare_prediction(flags, folder, model, trained, corpora):
    """Makes the folder ready for results, once it is clear that the checkpoint fits.

    A shard of a job shares the folder with others and leaves their results alone.

    Args:
      flags, folder, model, corpora: see prepare_training.
      trained: prefix of the checkpoint.
    """
    output_folder.check_same_model(os.path.dirname(trained), model.facts)
    finetuning.check_trained(model.head, model.config, trained)
    if not flags.shard:
        results = ner_corpora.results_of(corpora, RESULTS)
        output_folder.start_prediction(folder, flags, trained, results)


def featurize_all(folder, corpora, phases, model, limit, long_sentences):
    """The sentences' features as record files, PHASE.tf_record.

    Args:
      folder: the output folder.
      corpora: list of Corpus.
      phases: see phases_of.
      model: Model.
      limit: max_seq_length.
      long_sentences: one of own_text.LONG_SENTENCES, for test.tsv; None truncates.

    Returns:
      dict of (phase, folder) → RecordFile, see ner_corpora.parts_of.
    """
    for place in ner_corpora.results_folders(folder, corpora):
        files.make_folder(place)
    parts = ner_corpora.parts_of(folder, corpora, phases)
    of_several = len(corpora) > 1
    label_ids = model.labels.ids
    of_all = {"labels": model.labels.names, "max_seq_length": limit}

    def form(phase, part):
        return schema(is_labelled(part[0].sentences[phase]), of_several)

    def in_windows(phase):
        return phase == "predict" and long_sentences == own_text.WINDOW

    def made_from(phase, part):
        facts = output_folder.data_facts(model.facts, part[0].paths[phase])
        corpus = ner_corpora.digests(part, phase)
        return dict(facts, **of_all, corpus=corpus, in_windows=in_windows(phase))

    def made(phase, part):
        cut = windows.cut_pieces if in_windows(phase) else windows.truncate_pieces
        how = model.tokenizer, label_ids, limit, cut
        return records_of(part, phase, form(phase, part), how)

    return {
        (phase, place): records.open_or_write(
            os.path.join(place, f"{phase}.tf_record"),
            form(phase, part),
            made(phase, part),
            made_from(phase, part),
        )
        for (phase, place), part in parts.items()
    }


def records_of(corpora, phase, form, how):
    """Yields the sentences' features as records; those of many are made by workers.

    Args:
      corpora, phase: see featurize_all.
      form: Schema, see schema.
      how: what featurize_windows takes beside the sentence.
    """

    def records_of_one(numbered):
        number, sentence = numbered
        return [
            form.pack(dict(features, corpus=number))
            for features in featurize_windows(sentence, *how)
        ]

    count = sum(len(corpus.sentences[phase]) for corpus in corpora)
    sentences = (
        (corpus.number, one) for corpus in corpora for one in corpus.sentences[phase]
    )
    made = workers.ordered_map(records_of_one, sentences, workers.processes_for(count))
    for rows in hooks.report_progress("featurized", made, count):
        yield from rows


def whole_sentences(data, predictions):
    """Puts the windows of each sentence together, with each piece once.

    Args:
      data: RecordFile, see featurize_windows.
      predictions: iterable of (index, dict of label_ids [S] and perhaps loss), of all
        of its records in their order.

    Yields:
      (features, prediction) a sentence, as if it had been a single window.
    """
    parts = []
    for index, prediction in predictions:
        features = data[index]
        parts.append((features, prediction))
        if features["word_index"][-1] == NO_WORD:  # [SEP] of the last window
            yield parts[0] if len(parts) == 1 else join_windows(parts, data.schema)
            parts = []


def join_windows(parts, form):
    """The windows of a sentence → (features, prediction), see whole_sentences."""
    kept = [features["word_index"] != windows.CONTEXT for features, _ in parts]

    def join(arrays):
        return np.concatenate(
            [array[: len(some)][some] for array, some in zip(arrays, kept)]
        )

    features = dict(parts[0][0])
    for name in form.sequences:
        features[name] = join([one[name] for one, _ in parts])
    prediction = {"label_ids": join([one["label_ids"] for _, one in parts])}
    if "loss" in parts[0][1]:
        prediction["loss"] = sum(one["loss"] for _, one in parts)
    return features, prediction


def score(predicted, scorer):
    """Passes whole_sentences on, each when the TokenScorer has counted it."""
    for features, prediction in predicted:
        scorer.add(features["label_ids"], prediction)
        yield features, prediction


def evaluate(folder, data, predictions, scorer, step):
    """Scores devel.tsv by the token; logs the results, writes eval_results.txt."""
    for _ in score(whole_sentences(data, predictions), scorer):
        pass
    results = scorer.results(step)
    command_line.log_results("Eval results", output_folder.result_lines(results))
    output_folder.write_results(folder, TOKEN_SCORES, results)


def predict(folder, corpus, data, model, predictions, scorer, step):
    """Writes the predictions for test.tsv, and its scores if it has labels."""
    sentences = corpus.sentences["predict"]
    predicted = whole_sentences(data, predictions)
    if is_labelled(sentences):
        predicted = score(predicted, scorer)
    write_predictions(folder, sentences, model.tokenizer, model.labels, predicted)
    if is_labelled(sentences):
        command_line.log_results(
            "token-level evaluation results",
            output_folder.result_lines(scorer.results(step)),
        )
    words = WordLabels(folder, sentences)
    write_entities(folder, sentences, words, corpus.scored_types("predict"))


def evaluate_and_predict(flags, folder, corpora, data, model, trained):
    """Writes the results of each corpus, those that the flags ask for.

    Args:
      flags: the script's flags.
      folder: the output folder.
      corpora: list of Corpus.
      data: see featurize_all.
      model: Model.
      trained: prefix of the checkpoint.
    """
    step = model_files.step(trained)

    def predictions(phase, corpus, part, batch_size):
        how = finetuning.Prediction.from_flags(flags, batch_size)
        found = finetuning.predict(model.head, model.config, part, trained, how)
        types = corpus.scored_types(phase)
        padding = flags.pad_to_max_length
        return found, TokenScorer(model.labels, padding, batch_size, types)

    for corpus, place in zip(corpora, ner_corpora.results_folders(folder, corpora)):
        if len(corpora) > 1:
            log.info("***** corpus %s, results in %s *****", corpus.name, place)
        if ("eval", place) in data:
            part = data["eval", place]
            found = predictions("eval", corpus, part, flags.eval_batch_size)
            evaluate(place, part, *found, step)
        if ("predict", place) in data:
            part = data["predict", place]
            found = predictions("predict", corpus, part, flags.predict_batch_size)
            predict(place, corpus, part, model, *found, step)


def find_entities(flags, job, output, model, trained, total, interruption):
    """Finds the entities of people's own text, see own_text.predict."""
    names = model.labels.names
    head = make_head(len(names), count_padding=False, with_probability=True)
    found_by = own_text.Model(
        model.tokenizer, names, head, model.config, trained, model.facts
    )
    how = finetuning.Prediction.from_flags(flags, flags.predict_batch_size)
    own_text.predict(job, output, found_by, how, total, interruption)


def embed(flags):
    """Writes embeddings.npz, see embedding.py; the checkpoint may be without a head."""
    job = own_text.Job.from_flags(flags)
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = command_line.load_model_files(flags)
    what = embedding.Embedding.from_flags(flags, config.num_hidden_layers)
    model = output_folder.model_facts(config, flags.vocab_file, flags.do_lower_case)
    name = embedding.name_of(job.shard)
    share = name if job.shard else None
    with output_folder.locked(flags.output_dir, share) as folder:
        checkpoint = model_files.fine_tuned(folder, first)
        output_folder.check_same_model(os.path.dirname(checkpoint), model)
        head = embedding.make_head(what.layers)
        finetuning.check_trained(head, config, checkpoint)
        own_text.check_input(job)
        if not share:
            output_folder.write_record(folder, flags)
        log.info("encoder: %s", checkpoint)
        path = os.path.join(folder, f"{name}.npz")
        how = finetuning.Prediction.from_flags(flags, flags.predict_batch_size)
        embedding.write(path, job, how, what, tokenizer, config, checkpoint)


def main(argv, interruption):
    """Reads and checks everything, and only then goes to work."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__, ())
    check_task(flags.task_name)
    embedding.check_flags(flags)
    if flags.do_embed:
        embed(flags)
        return
    job = own_text.Job.from_flags(flags)
    phases = phases_of(
        flags.do_train, flags.do_eval, flags.do_predict, flags.data_dir, job
    )
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = command_line.load_model_files(flags)
    corpora = ner_corpora.load(flags.data_dir, phases) if phases else []
    share = job.name if job and job.shard else None
    with output_folder.locked(flags.output_dir, share) as folder:
        if job:
            output = own_text.Output(folder, job)
            output.check_start()
        trained = None if flags.do_train else model_files.fine_tuned(folder, first)
        model = make_model(flags, config, tokenizer, corpora, trained)
        total = own_text.check_input(job) if job else None
        if flags.do_train:
            training = prepare_training(flags, folder, model, first, corpora)
        else:
            prepare_prediction(flags, folder, model, trained, corpora)
        limit, cut = flags.max_seq_length, flags.long_sentences
        data = featurize_all(folder, corpora, phases, model, limit, cut)
        if flags.do_train:
            to_learn = data["train", folder]
            trained = finetuning.train(
                model.head, config, to_learn, folder, first, training, interruption
            )
        evaluate_and_predict(flags, folder, corpora, data, model, trained)
        if job:
            find_entities(flags, job, output, model, trained, total, interruption)


if __name__ == "__main__":
    command_line.run(main)
