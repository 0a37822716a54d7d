"""The classification part of the workbench: classifications, classifiers, and their predictions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from engine.classification.classifiers import open_classifier
from engine.classification.fine_tuning import measured_speed
from engine.classification.plan import ClassificationPlan
from engine.classification.predictions import StoredPredictions, predictions
from engine.classification.results import Classification, classification, classifications, likeliest
from engine.classification.run import plan_classification
from engine.collections.collection import Collection
from engine.collections.reading.workers import read_in_worker
from engine.core.errors import BenzerError
from engine.encoders.choosing import default_choice
from engine.encoders.encoder import Encoder, ReadsTexts
from engine.encoders.fusion import NAME, FusionEncoder
from engine.encoders.text_image import TextImageEncoder
from engine.encoders.towers.stored import PREFIX
from engine.runs.classifiers import classifier, classifiers
from engine.runs.run import Run
from engine.search.answer import Query
from engine.texts import TextChoice
from engine.texts import choices as text_choices
from engine.workbench.part import Part

if TYPE_CHECKING:
    from engine.classification.training.cost import Speed

_MEANING = "all-minilm-l6-v2"  # the default text encoder, if it is ready


class ClassificationMethods(Part):
    """Methods for classification, mixed into `Workbench`."""

    def text_choices(self) -> list[TextChoice]:
        """The entries of the text encoder drop-down, ready ones first."""
        return text_choices(self.home)

    def default_encoders(self, collection: str) -> tuple[str, str]:
        """Default encoders of pictures (as in a recipe) and of texts, among those that are ready."""
        best = default_choice(self.home, collection)
        picture = f"{best.name}@{best.weights}" if best.weights else best.name
        texts = [choice.name for choice in self.text_choices() if choice.ready]
        return picture, _MEANING if _MEANING in texts else texts[0]

    def classifications(self) -> list[Classification]:
        """Every readable classification, newest first."""
        return classifications(self.home)

    def classification(self, name: str) -> Classification:
        """The classification of that name; NotFound if there is none, Corrupt if its plan is damaged."""
        return classification(self.home, name)

    def plan_classification(self, plan: ClassificationPlan) -> Classification:
        """Store a plan as a new classification; `start("classification", name=…)` then measures it.

        Raises:
            NotFound, BadParameter, NotReady, MissingPackage: something that the plan names is missing or invalid.
        """
        return plan_classification(self.home, plan)

    def fine_tuning_speed(self, plan: ClassificationPlan) -> Speed:
        """The fine-tuning speed of a plan's encoders, from a few timed batches: a few seconds.

        It depends on the plan's encoders, its embedding, and which of them are trained;
        `engine.classification.fine_tuning.price` turns it into the time of a plan.

        Raises:
            What `plan_classification` raises.
        """
        return measured_speed(self.home, Collection.open(self.home, plan.collection), plan)

    def classifiers(self) -> list[Run]:
        """Every classifier, newest first; `start("classifier", name=…, fusion=…)` trains one for a classification."""
        return classifiers(self.home)

    def classifier(self, name: str) -> FusionEncoder:
        """A trained classifier, ready to predict; else NotFound, NotReady or Corrupt."""
        return open_classifier(self.home, name)

    def predictions(self, classifier: str, collection: str) -> StoredPredictions | None:
        """A classifier's last predictions for a collection; `start("apply", name=…, collection=…)` makes them.

        Those of `SUGGESTED` need no classifier: `start("suggest", collection=…)` makes them.
        """
        return predictions(self.home, classifier, collection)

    def judge(self, classifier: FusionEncoder, data: bytes | None, text: str | None) -> dict[str, Any]:
        """A classifier's predictions for a picture's bytes, a text, or both.

        Returns:
            "fused", "picture" and "text": (label, probability) of the most probable classes, None for an input that is
            missing or uninformative;
            "words": (piece, attention) of the text if the classifier attends to words.

        Raises:
            BadParameter: neither is given. UnreadableImage. BenzerError: it knows none of the words.
        """
        predicted, words = classifier.judge(partial(read_in_worker, data) if data else None, text)
        sides = {"picture": predicted.picture, "text": predicted.text, "fused": predicted.fused}
        predictions = {
            side: None if one is None else likeliest(one[0], classifier.classes) for side, one in sides.items()
        }
        return {**predictions, "words": words}

    def reads_words(self, encoder: str, weights: str) -> bool:
        """Whether an encoder also takes words: a text-image encoder, or a classifier that was trained on texts."""
        if encoder.startswith(PREFIX):
            return True
        try:
            return encoder == NAME and bool(classifier(self.home, weights).card["text"])
        except (BenzerError, KeyError):
            return False

    def reads_nothing(self, encoder: Encoder, query: Query) -> bool:
        """Whether a query has words next to its picture but the encoder knows none of them, so they are ignored."""
        pictured = query.data is not None or query.image_id is not None
        return pictured and bool(query.text) and isinstance(encoder, ReadsTexts) and not encoder.understands(query.text)

    def text_note(self, encoder: Encoder, query: Query) -> str:
        """How an encoder compared a query's text with pictures, "" if there is nothing to say."""
        if not query.text or not isinstance(encoder, TextImageEncoder):
            return ""
        return f"by the cosine between text and pictures, as {encoder.info.title} sees them, not by the dictionary"
