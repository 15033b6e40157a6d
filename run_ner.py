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

import os
from typing import NamedTuple

from finetuning import command_line  # before TensorFlow, whose import it quiets

# isort: split
import tensorflow.compat.v1 as tf

import modeling
from biocodes.lib import files
from biocodes.lib.conll import is_labelled
from finetuning import (
    checkpoints,
    output_dir,
    prediction,
    records,
    training,
    windows,
    workers,
)
from finetuning.command_line import log
from finetuning.model import check_start, check_trained, load_model_files, model_facts
from finetuning.progress import report_progress
from finetuning.windows import NO_WORD
from tasks.ner.corpora import digests, load, parts_of, results_folders, results_of
from tasks.ner.labels import (
    CONTINUATION,
    END,
    PADDING,
    SPECIAL,
    START,
    Labels,
    save_labels,
    settle_labels,
)
from tasks.ner.partial_annotation import marginal_cross_entropy, partial_annotation
from tasks.ner.results import (
    RESULTS,
    TOKEN_SCORES,
    TokenScorer,
    WordLabels,
    score,
    whole_sentences,
    write_entities,
    write_predictions,
)
from tasks.raw_text import embeddings
from tasks.raw_text import entities as raw_text_entities
from tasks.raw_text.job import RESULTS as RAW_TEXT_RESULTS
from tasks.raw_text.job import WINDOW, Job, check_input, define_raw_text_flags
from tasks.raw_text.output import Output


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
    define_raw_text_flags(flags)
    embeddings.define_flags(flags)
    return flags


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
            losses = marginal_cross_entropy(
                logits, features["label_ids"], features["corpus"], partial
            )
        if not count_padding:
            # Only what counts in another window has [PAD] for a label, see featurize.
            counts = features["input_mask"] * tf.sign(features["label_ids"])
            losses *= tf.cast(counts, tf.float32)
        predictions["loss"] = tf.reduce_sum(losses, axis=-1)
        return tf.reduce_sum(losses), predictions

    return head


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
        partial = partial_annotation(corpora, labels.names, SPECIAL)
    head = make_head(len(labels.names), flags.pad_to_max_length, partial)
    facts = model_facts(config, flags.vocab_file, flags.do_lower_case)
    return Model(config, tokenizer, labels, head, facts)


# The command


def check_task(task_name):
    """Refuses any other task; the original takes this flag in any case."""
    if task_name.lower() != "ner":
        raise files.InputError(
            f"{task_name} is not a task of this script",
            "--task_name",
            remedy="leave the flag out, or give NER",
        )


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
    facts = output_dir.training_facts(flags, model.facts, path, labels=names)
    facts["corpus"] = digests(corpora, "train")
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
    settings = training.Training.from_flags(flags)
    # Raises an error for too few.
    settings.steps(sum(len(one.sentences["train"]) for one in corpora))
    facts = training_facts(flags, model, corpora)
    afresh = flags.overwrite_output_dir
    output_dir.check_start(folder, facts, afresh)
    check_start(model.head, model.config, folder, first, afresh)
    for place in results_folders(folder, corpora):
        files.make_folder(place)
    results = [*results_of(corpora, RESULTS), *RAW_TEXT_RESULTS]
    output_dir.start_training(folder, flags, facts, results)
    save_labels(folder, model.labels)
    return settings


def prepare_prediction(flags, folder, model, trained, corpora):
    """Makes the folder ready for results, once it is clear that the checkpoint fits.

    A shard of a job shares the folder with others and leaves their results alone.

    Args:
      flags, folder, model, corpora: see prepare_training.
      trained: prefix of the checkpoint.
    """
    output_dir.check_same_model(os.path.dirname(trained), model.facts)
    check_trained(model.head, model.config, trained)
    if not flags.shard:
        results = results_of(corpora, RESULTS)
        output_dir.start_prediction(folder, flags, trained, results)


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
    for place in results_folders(folder, corpora):
        files.make_folder(place)
    parts = parts_of(folder, corpora, phases)
    of_several = len(corpora) > 1
    label_ids = model.labels.ids
    of_all = {"labels": model.labels.names, "max_seq_length": limit}

    def form(phase, part):
        return schema(is_labelled(part[0].sentences[phase]), of_several)

    def in_windows(phase):
        return phase == "predict" and long_sentences == WINDOW

    def made_from(phase, part):
        facts = output_dir.data_facts(model.facts, part[0].paths[phase])
        corpus = digests(part, phase)
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
    for rows in report_progress("featurized", made, count):
        yield from rows


def evaluate(folder, data, predictions, scorer, step):
    """Scores devel.tsv by the token; logs the results, writes eval_results.txt."""
    for _ in score(whole_sentences(data, predictions), scorer):
        pass
    results = scorer.results(step)
    command_line.log_results("Eval results", output_dir.result_lines(results))
    output_dir.write_results(folder, TOKEN_SCORES, results)


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
            output_dir.result_lines(scorer.results(step)),
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
    step = checkpoints.step(trained)

    def predictions(phase, corpus, part, batch_size):
        how = prediction.Prediction.from_flags(flags, batch_size)
        found = prediction.predict(model.head, model.config, part, trained, how)
        types = corpus.scored_types(phase)
        padding = flags.pad_to_max_length
        return found, TokenScorer(model.labels, padding, batch_size, types)

    for corpus, place in zip(corpora, results_folders(folder, corpora)):
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
    found_by = raw_text_entities.Model(
        model.tokenizer, names, head, model.config, trained, model.facts
    )
    how = prediction.Prediction.from_flags(flags, flags.predict_batch_size)
    raw_text_entities.predict(job, output, found_by, how, total, interruption)


def embed(flags):
    """Writes embeddings.npz, see embedding.py; the checkpoint may be without a head."""
    job = Job.from_flags(flags)
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = load_model_files(flags)
    what = embeddings.Embedding.from_flags(flags, config.num_hidden_layers)
    model = model_facts(config, flags.vocab_file, flags.do_lower_case)
    name = embeddings.name_of(job.shard)
    share = name if job.shard else None
    with output_dir.locked(flags.output_dir, share) as folder:
        checkpoint = checkpoints.fine_tuned(folder, first)
        output_dir.check_same_model(os.path.dirname(checkpoint), model)
        head = embeddings.make_head(what.layers)
        check_trained(head, config, checkpoint)
        check_input(job)
        if not share:
            output_dir.write_record(folder, flags)
        log.info("encoder: %s", checkpoint)
        path = os.path.join(folder, f"{name}.npz")
        how = prediction.Prediction.from_flags(flags, flags.predict_batch_size)
        embeddings.write(path, job, how, what, tokenizer, config, checkpoint)


def main(argv, interruption):
    """Reads and checks everything, and only then goes to work."""
    flags = command_line.parse_flags(define_flags(), argv, __doc__, ())
    check_task(flags.task_name)
    embeddings.check_flags(flags)
    if flags.do_embed:
        embed(flags)
        return
    job = Job.from_flags(flags)
    phases = phases_of(
        flags.do_train, flags.do_eval, flags.do_predict, flags.data_dir, job
    )
    command_line.report_device(flags.require_gpu)
    config, tokenizer, first = load_model_files(flags)
    corpora = load(flags.data_dir, phases) if phases else []
    share = job.name if job and job.shard else None
    with output_dir.locked(flags.output_dir, share) as folder:
        if job:
            output = Output(folder, job)
            output.check_start()
        trained = None if flags.do_train else checkpoints.fine_tuned(folder, first)
        model = make_model(flags, config, tokenizer, corpora, trained)
        total = check_input(job) if job else None
        if flags.do_train:
            settings = prepare_training(flags, folder, model, first, corpora)
        else:
            prepare_prediction(flags, folder, model, trained, corpora)
        limit, cut = flags.max_seq_length, flags.long_sentences
        data = featurize_all(folder, corpora, phases, model, limit, cut)
        if flags.do_train:
            to_learn = data["train", folder]
            trained = training.train(
                model.head, config, to_learn, folder, first, settings, interruption
            )
        evaluate_and_predict(flags, folder, corpora, data, model, trained)
        if job:
            find_entities(flags, job, output, model, trained, total, interruption)


if __name__ == "__main__":
    command_line.run(main)
