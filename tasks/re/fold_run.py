"""The run of one model on relations: that of the whole data set, or of a fold."""

import json
from typing import Any, Dict, List, NamedTuple, Optional

from finetuning.run import Run
from tasks.re.records import ONE_LABEL, Form
from tasks.re.results import Rules, result_names
from tasks.re.task import Corpus
from tasks.re.threshold import Threshold


class FoldRun(NamedTuple):
    """A run on one fold, all of it checked.

    Attributes:
      run: Run.
      corpus: phase → rows.
      digests: phase → digest of its file.
      form: of its records.
      rules: how predictions become labels and scores.
    """

    run: Run
    corpus: Corpus
    digests: Dict[str, str]
    form: Form = ONE_LABEL
    rules: Optional[Rules] = None

    def result_names(self, phases: List[str]) -> List[str]:
        """Name the results files of some phases."""
        corpus = {phase: self.corpus[phase] for phase in phases}
        return result_names(corpus, self.rules.threshold)

    def facts_of_results(
        self, negative: Optional[str], flags: Dict[str, Any]
    ) -> Dict[str, Any]:
        """Return all that the results rest on, in the form JSON gives it back.

        Args:
          negative: label of the task for no relation.
          flags: those that results rest on, by name.
        """
        run, model = self.run, self.run.model
        facts = {
            "training": run.facts,
            "checkpoint": run.checkpoint and run.digest,
            "model": model.facts,
            "labels": model.labels,
            "negative": negative,
            "data": {
                phase: model.data_facts(digest)
                for phase, digest in self.digests.items()
            },
            "flags": flags,
        }
        if self.rules.threshold != Threshold():
            facts["threshold"] = self.rules.threshold
        if run.settings.evaluation:
            facts["evaluation"] = run.settings.evaluation._asdict()
        return json.loads(json.dumps(facts))
