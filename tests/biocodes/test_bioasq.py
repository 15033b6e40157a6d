"""lib/bioasq.py: what is read as questions and exact answers, what is refused."""

import pytest

from biocodes.lib import bioasq
from biocodes.lib.files import InputError


def test_questions_are_read_in_the_order_of_the_file_and_other_keys_ignored(write):
    questions = [{"id": "b", "odd": {}}, {"id": "a"}]
    path = write({"username": "x", "questions": questions})
    assert bioasq.read_questions(path) == questions


@pytest.mark.parametrize(
    "content, problem",
    [
        ([], 'no list "questions"'),
        ({"questions": {}}, 'no list "questions"'),
        ({"data": []}, 'no list "questions"'),
        (
            {"questions": [{"id": "a"}, {"type": "list"}]},
            "question 2 of the file has no",
        ),
        ({"questions": [{"id": 5}]}, "question 1 of the file has no"),
        ({"questions": ["a"]}, "question 1 of the file has no"),
        ({"questions": [{"id": "a"}, {"id": "a"}]}, "question a stands there twice"),
    ],
)
def test_a_file_of_another_form_is_refused_by_name(write, content, problem):
    path = write(content)
    with pytest.raises(InputError) as error:
        bioasq.read_questions(path)
    assert str(error.value).startswith(f"{path}: ")
    assert problem in str(error.value)


@pytest.mark.parametrize(
    "value, answers",
    [
        (None, []),
        ("yes", [["yes"]]),
        (["a", "b"], [["a"], ["b"]]),
        ([["a", "b"], ["c"]], [["a", "b"], ["c"]]),
        ([["a"], "b"], [["a"], ["b"]]),
        ([], []),
    ],
)
def test_all_spellings_of_an_exact_answer_become_lists_of_synonyms(value, answers):
    question = {"id": "q1", "exact_answer": value}
    assert bioasq.exact_answers(question, "f") == answers


@pytest.mark.parametrize("value", [7, True, {"a": "b"}, [1], [["a", None]], [[["a"]]]])
def test_an_exact_answer_of_another_type_names_file_and_question(value):
    with pytest.raises(InputError, match='^f.json: question q1 has an "exact_answer"'):
        bioasq.exact_answers({"id": "q1", "exact_answer": value}, "f.json")


@pytest.mark.parametrize("question", [{"id": "q1"}, {"id": "q1", "type": ["list"]}])
def test_a_question_without_a_known_type_is_refused(question):
    with pytest.raises(InputError, match='question q1 has no "type"'):
        bioasq.question_type(question, "f.json")
