"""The comparison part of the workbench: experiments over recipes, and studies of search methods."""

from __future__ import annotations

from engine.comparisons.figures import Figure, encoder_figures
from engine.comparisons.hashing.plan import StudyPlan
from engine.comparisons.hashing.run import plan_study
from engine.comparisons.hashing.study import HashingStudy, studies, study
from engine.comparisons.invariances.invariance import Invariances, invariance_table, invariance_tables
from engine.comparisons.invariances.plan import InvariancePlan
from engine.comparisons.invariances.run import plan_invariances
from engine.comparisons.recipes.experiment import Experiment, experiment, experiments
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.comparisons.recipes.run import plan_experiment
from engine.workbench.part import Part


class ComparisonMethods(Part):
    """Methods for comparisons, mixed into `Workbench`."""

    def experiments(self) -> list[Experiment]:
        """Every readable experiment, newest first."""
        return experiments(self.home)

    def experiment(self, name: str) -> Experiment:
        """The experiment of that name; NotFound if there is none, Corrupt if its plan is damaged."""
        return experiment(self.home, name)

    def plan_experiment(self, plan: ExperimentPlan) -> Experiment:
        """Store a plan as a new experiment; `start("experiment", name=…)` then measures it.

        Raises:
            NotFound, BadParameter: something that the plan names does not exist or is invalid.
        """
        return plan_experiment(self.home, plan)

    def encoder_figures(self, collection: str) -> dict[str, Figure]:
        """How well encoders were measured to see a collection; `start("quick", collection=…)` measures all of them."""
        return encoder_figures(self.home, collection)

    def studies(self) -> list[HashingStudy]:
        """Every readable study, newest first."""
        return studies(self.home)

    def study(self, name: str) -> HashingStudy:
        """The study of that name; NotFound if there is none, Corrupt if its plan is damaged."""
        return study(self.home, name)

    def plan_study(self, plan: StudyPlan) -> HashingStudy:
        """Store a plan as a new study; `start("study", name=…)` then measures it. Raises as `plan_experiment` does."""
        return plan_study(self.home, plan)

    def invariance_tables(self) -> list[Invariances]:
        """Every readable table of invariances, newest first."""
        return invariance_tables(self.home)

    def invariance_table(self, name: str) -> Invariances:
        """The table of that name; NotFound if there is none, Corrupt if its plan is damaged."""
        return invariance_table(self.home, name)

    def plan_invariances(self, plan: InvariancePlan) -> Invariances:
        """Store a plan as a new table; `start("invariance", name=…)` then measures it. Raises as `plan_experiment`."""
        return plan_invariances(self.home, plan)
