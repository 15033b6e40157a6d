"""Made-up questions in the forms of BioASQ and PubMedQA, of all types."""

from typing import Any, Dict, List

GENES = ("ATP7B", "BRCA1", "CFTR", "DMD", "EGFR", "FBN1", "GBA", "HFE", "IDH1", "JAK2")
DISEASES = ("ataxia", "anemia", "asthma", "gout", "lupus")


def questions() -> List[Dict[str, Any]]:
    """Make ten questions of each type with snippets and answers."""
    made = []
    for number, gene in enumerate(GENES):
        disease = DISEASES[number % len(DISEASES)]
        other = GENES[(number + 1) % len(GENES)]
        is_so = number % 3 > 0
        found = "causes" if is_so else "does not cause"
        document = f"http://www.ncbi.nlm.nih.gov/pubmed/{101 + number}"
        texts = [
            f"{gene} {found} {disease}.",
            f"We saw {gene} and {other} in {disease}.",
        ]
        for kind, body, answer in (
            ("factoid", f"Which gene is seen in {disease}?", [[gene]]),
            ("yesno", f"Does {gene} cause {disease}?", "yes" if is_so else "no"),
            ("list", f"List two genes of {disease}.", [[gene], [other]]),
            ("summary", f"What is known of {disease}?", None),
        ):
            made.append(
                {
                    "id": f"{len(made):024x}",
                    "type": kind,
                    "body": body,
                    "documents": [document],
                    "snippets": [{"text": t, "document": document} for t in texts],
                    "ideal_answer": ["made up"],
                    **({} if answer is None else {"exact_answer": answer}),
                }
            )
    return made


def test_set() -> List[Dict[str, Any]]:
    """Make the same questions as BioASQ gives them to be answered."""
    hidden = ("exact_answer", "ideal_answer")
    return [
        {key: value for key, value in question.items() if key not in hidden}
        for question in questions()
    ]


def abstracts() -> str:
    """Make the abstracts of the questions' snippets, in PubTator form."""
    texts = {}
    for question in questions():
        for snippet in question["snippets"]:
            name = snippet["document"].rpartition("/")[2]
            texts.setdefault(name, []).append(snippet["text"])
    return "".join(
        f"{name}|t|Of genes.\n{name}|a|We looked. {' '.join(dict.fromkeys(parts))}\n\n"
        for name, parts in texts.items()
    )


def pubmedqa() -> Dict[str, Dict[str, Any]]:
    """Make nine questions in PubMedQA's form, three of each answer."""
    return {
        str(201 + number): {
            "QUESTION": f"Does {gene} matter?",
            "CONTEXTS": ["We looked.", f"{gene} was seen {number} times."],
            "LABELS": ["METHODS", "RESULTS"],
            "final_decision": ("yes", "no", "maybe")[number % 3],
        }
        for number, gene in enumerate(GENES[:9])
    }
