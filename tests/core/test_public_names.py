"""The core's public names and signatures are those that scripts for BERT rely on."""

import inspect

import pytest

import modeling
import optimization
import tokenization

# As BERT's modules have them, without annotations. Ours may take more, by name.
SIGNATURES = {
    modeling: """
        BertConfig(vocab_size, hidden_size=768, num_hidden_layers=12,
            num_attention_heads=12, intermediate_size=3072, hidden_act="gelu",
            hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
            max_position_embeddings=512, type_vocab_size=16, initializer_range=0.02)
        BertConfig.from_dict(json_object)
        BertConfig.from_json_file(json_file)
        BertConfig.to_dict(self)
        BertConfig.to_json_string(self)
        BertModel(config, is_training, input_ids, input_mask=None, token_type_ids=None,
            use_one_hot_embeddings=True, scope=None)
        BertModel.get_pooled_output(self)
        BertModel.get_sequence_output(self)
        BertModel.get_all_encoder_layers(self)
        BertModel.get_embedding_output(self)
        BertModel.get_embedding_table(self)
        gelu(input_tensor)
        get_activation(activation_string)
        get_assignment_map_from_checkpoint(tvars, init_checkpoint)
        dropout(input_tensor, dropout_prob)
        layer_norm(input_tensor, name=None)
        layer_norm_and_dropout(input_tensor, dropout_prob, name=None)
        create_initializer(initializer_range=0.02)
        create_attention_mask_from_input_mask(from_tensor, to_mask)
        get_shape_list(tensor, expected_rank=None, name=None)
        reshape_to_matrix(input_tensor)
        reshape_from_matrix(output_tensor, orig_shape_list)
        assert_rank(tensor, expected_rank, name=None)
    """,
    optimization: """
        create_optimizer(loss, init_lr, num_train_steps, num_warmup_steps, use_tpu)
        AdamWeightDecayOptimizer(learning_rate, weight_decay_rate=0.0, beta_1=0.9,
            beta_2=0.999, epsilon=1e-6, exclude_from_weight_decay=None,
            name="AdamWeightDecayOptimizer")
        AdamWeightDecayOptimizer.apply_gradients(self, grads_and_vars, global_step=None,
            name=None)
    """,
    tokenization: """
        validate_case_matches_checkpoint(do_lower_case, init_checkpoint)
        convert_to_unicode(text)
        printable_text(text)
        load_vocab(vocab_file)
        convert_by_vocab(vocab, items)
        convert_tokens_to_ids(vocab, tokens)
        convert_ids_to_tokens(inv_vocab, ids)
        whitespace_tokenize(text)
        FullTokenizer(vocab_file, do_lower_case=True)
        FullTokenizer.tokenize(self, text)
        FullTokenizer.convert_tokens_to_ids(self, tokens)
        FullTokenizer.convert_ids_to_tokens(self, ids)
        BasicTokenizer(do_lower_case=True)
        BasicTokenizer.tokenize(self, text)
        WordpieceTokenizer(vocab, unk_token="[UNK]", max_input_chars_per_word=200)
        WordpieceTokenizer.tokenize(self, text)
        _is_whitespace(char)
        _is_control(char)
        _is_punctuation(char)
    """,
}


def cases():
    for module, lines in SIGNATURES.items():
        for line in " ".join(lines.split()).split(") "):
            name, parameters = line.rstrip(")").split("(")
            yield pytest.param(module, name, parameters, id=name)


@pytest.mark.parametrize("module, name, parameters", cases())
def test_signature_is_berts(module, name, parameters):
    ours = module
    for part in name.split("."):
        ours = getattr(ours, part)
    namespace = {}
    exec(f"def expected({parameters}): pass", namespace)
    expected = signature(namespace["expected"])
    assert signature(ours)[: len(expected)] == expected
    # What comes on top of it has a default.
    extra = list(inspect.signature(ours).parameters.values())[len(expected) :]
    assert all(one.default is not inspect.Parameter.empty for one in extra)


def signature(function):
    parameters = inspect.signature(function).parameters.values()
    return [(one.name, one.default) for one in parameters]


@pytest.mark.parametrize("module", SIGNATURES, ids=lambda module: module.__name__)
def test_public_functions_are_annotated_and_documented(module):
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__ or name[0] == "_":
            continue
        assert value.__doc__, name
        functions = vars(value) if inspect.isclass(value) else {name: value}
        for inner, function in functions.items():
            function = getattr(function, "__func__", function)
            if not inspect.isfunction(function) or inner.startswith("_"):
                continue
            # What a NamedTuple makes of itself is not ours.
            if function.__module__ != module.__name__:
                continue
            parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
            assert parameters <= set(function.__annotations__), (name, inner)
            assert "return" in function.__annotations__, (name, inner)
            assert function.__doc__, (name, inner)
