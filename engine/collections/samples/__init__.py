"""Collections drawn by our own code, so that everything works without a download."""

from engine.collections.samples import animal_faces, artworks, digits, products
from engine.collections.samples.sample import DrawnImage, Sample

SAMPLES: dict[str, Sample] = {
    sample.name: sample for sample in (animal_faces.SAMPLE, artworks.SAMPLE, products.SAMPLE, digits.SAMPLE)
}

__all__ = ["SAMPLES", "DrawnImage", "Sample"]
