"""PubMedQA's questions (Jin et al. 2019) in BioASQ's form.

{PMID: {"QUESTION", "CONTEXTS", "final_decision"}}: a question that is the title of an
article, the parts of its abstract but the conclusion, and whether that says yes, no or
maybe.
"""

from typing import Any, Dict, List

from biocodes.lib import bioasq, files
from biocodes.lib.yes_no import YES_NO_MAYBE

QUESTION, CONTEXTS, ANSWER = "QUESTION", "CONTEXTS", "final_decision"


# Of any type until it is checked.
def is_form_of(content: Any) -> bool:
    """Whether the value of a JSON file looks like PubMedQA's."""
    values = list(content.values()) if isinstance(content, dict) else []
    return bool(values) and all(
        isinstance(value, dict) and QUESTION in value for value in values
    )


def questions_in(
    content: Dict[str, Dict[str, Any]], path: str
) -> List[bioasq.Question]:
    """Return the questions of a file as BioASQ's, each with one snippet.

    Args:
      content: the value of the file, of PubMedQA's form.
      path: file name for messages.

    Raises:
      InputError: a question's wording, context or answer cannot be used.
    """
    return [_question(name, value, path) for name, value in content.items()]


def _question(name: str, value: Dict[str, Any], path: str) -> bioasq.Question:
    contexts, answer = value.get(CONTEXTS), value.get(ANSWER)
    if not isinstance(contexts, list) or not all(
        isinstance(text, str) for text in contexts
    ):
        raise files.InputError(f'question {name} has no list "{CONTEXTS}"', path)
    if answer not in (None, *YES_NO_MAYBE):
        raise files.InputError(
            f'question {name} has a "{ANSWER}" other than {", ".join(YES_NO_MAYBE)}',
            path,
        )
    return {
        "id": name,
        "type": "yesno",
        "body": value[QUESTION],
        "snippets": [{"text": " ".join(contexts)}],
        "exact_answer": answer,
    }
