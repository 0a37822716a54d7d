"""Collections drawn by our own code, so that everything works without a download."""

from engine.collections.samples import animal_faces
from engine.collections.samples.sample import DrawnImage, Sample

SAMPLES: dict[str, Sample] = {sample.name: sample for sample in (animal_faces.SAMPLE,)}

__all__ = ["SAMPLES", "DrawnImage", "Sample"]
