"""Any sentence-transformers model by name, if the package and the model are already on this computer.

Nothing is downloaded and no model code is run; weights must be safetensors.

Source: Reimers and Gurevych, "Sentence-BERT", 2019.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from engine.core.errors import MissingPackage, NoWeights
from engine.core.home import Home
from engine.texts.encoder import Encoded, TextChoice, TextEncoder, TextInfo, Words

PREFIX = "sentence-transformers/"


class Sentences(TextEncoder):
    """`sentence-transformers/<model>`: a hub model that is already in the local cache, or a folder."""

    name = "sentence-transformers"
    rank = 30

    def __init__(self, name: str, model: Any) -> None:
        self.model = model
        digest = hashlib.sha256()
        for key, value in sorted(model.state_dict().items()):
            digest.update(key.encode() + value.detach().cpu().contiguous().numpy().tobytes())
        width, most = int(model.get_sentence_embedding_dimension()), int(model.max_seq_length or 512)
        title, licence = name.removeprefix(PREFIX), "as its publisher says"
        self.info = TextInfo(name, title, width, width, most, digest.hexdigest()[:32], title, licence)

    @classmethod
    def choices(cls, home: Home) -> list[TextChoice]:
        return []

    @classmethod
    def knows(cls, name: str) -> bool:
        return name.startswith(PREFIX) and len(name) > len(PREFIX)

    @classmethod
    def open(cls, name: str, home: Home) -> Self:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError:
            raise MissingPackage(f"The text encoder {name}", "sentence-transformers") from None
        try:
            model = SentenceTransformer(
                name.removeprefix(PREFIX), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError) as error:
            raise NoWeights(
                f"The model {name.removeprefix(PREFIX)} is not on this computer, or not as safetensors.",
                way_out="Download it with the tools of its publisher, or choose another text encoder.",
            ) from error
        return cls(name, model)

    def encode(self, texts: Sequence[str]) -> Encoded:
        given = [text for text in texts if text]
        plain = iter(self.model.encode(given, convert_to_numpy=True, show_progress_bar=False))
        pieces = iter(self.model.encode(given, output_value="token_embeddings", show_progress_bar=False))
        nothing, none = np.zeros(self.info.width, np.float32), np.empty((0, self.info.width), np.float32)
        vectors = np.stack([next(plain) if text else nothing for text in texts])
        parts = [np.asarray(next(pieces).cpu(), np.float32) if text else none for text in texts]
        return Encoded(vectors.astype(np.float32), Words.stacked(parts, self.info.width))

    def pieces(self, text: str) -> list[str]:
        found = self.model.tokenizer(text, truncation=True, max_length=self.info.most)["input_ids"] if text else []
        return [str(piece) for piece in self.model.tokenizer.convert_ids_to_tokens(found)]
