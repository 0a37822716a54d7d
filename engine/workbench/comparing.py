"""The part of the workbench that compares: experiments over recipes, and studies of search methods."""

from __future__ import annotations

from engine.comparisons.hashing.plan import Plan as StudyPlan
from engine.comparisons.hashing.run import plan_study
from engine.comparisons.hashing.study import Study, studies, study
from engine.comparisons.recipes.experiment import Experiment, experiment, experiments
from engine.comparisons.recipes.plan import Plan
from engine.comparisons.recipes.run import plan_experiment
from engine.core.home import Home


class MeasuringBench:
    """What pages and commands ask about measured comparisons; `Workbench` is one."""

    home: Home

    def experiments(self) -> list[Experiment]:
        """Every readable experiment, newest first."""

        return experiments(self.home)

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name; NotFound when there is none, Corrupt when its plan has been damaged."""

        return experiment(self.home, name)

    def plan_experiment(self, plan: Plan) -> Experiment:
        """Store a plan as a new experiment; `start("experiment", name=…)` then measures it.

        Raises:
            NotFound, BadParameter: something that the plan names does not exist or cannot be.
        """

        return plan_experiment(self.home, plan)

    def studies(self) -> list[Study]:
        """Every readable study, newest first."""

        return studies(self.home)

    def study(self, name: str) -> Study:
        """The study of that name; NotFound when there is none, Corrupt when its plan has been damaged."""

        return study(self.home, name)

    def plan_study(self, plan: StudyPlan) -> Study:
        """Store a plan as a new study; `start("study", name=…)` then measures it. Raises as `plan_experiment` does."""

        return plan_study(self.home, plan)
