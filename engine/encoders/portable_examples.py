"""The examples of use that stand beside an exported encoder."""

from __future__ import annotations

ONNX_EXAMPLE = '''"""Vectors of pictures by {stem}.onnx. Needs: pip install onnxruntime pillow numpy"""

import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

facts = json.load(open("{stem}.json", encoding="utf-8"))
session = onnxruntime.InferenceSession("{stem}.onnx")
side = (facts["size"], facts["size"])
pictures = [Image.open(path).convert("RGB").resize(side, Image.Resampling.BILINEAR) for path in sys.argv[1:]]
values = (np.stack(pictures) / 255 - facts["mean"]) / facts["std"]  # (n, size, size, 3)
features = session.run(None, {{"pictures": values.transpose(0, 3, 1, 2).astype(np.float32)}})[0]  # (n, C, h, w)
vectors = {pooled}
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
print(vectors @ vectors.T)  # how alike any two are: their cosine
'''

SAFETENSORS_EXAMPLE = '''"""Vectors of pictures by {stem}.safetensors. Needs Benzer, for the network's definition."""

import json
import sys
from importlib import import_module

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

facts = json.load(open("{stem}.json", encoding="utf-8"))
{build}
network.eval().load_state_dict(load_file("{stem}.safetensors"), strict=False)  # counters are left out
side = (facts["size"], facts["size"])
pictures = [Image.open(path).convert("RGB").resize(side, Image.Resampling.BILINEAR) for path in sys.argv[1:]]
values = (np.stack(pictures) / 255 - facts["mean"]) / facts["std"]  # (n, size, size, 3)
with torch.no_grad():
    pictures = torch.from_numpy(values.transpose(0, 3, 1, 2)).float()
    features = encode(pictures){mirrored}
features = features.numpy()  # (n, C, h, w)
vectors = {pooled}
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
print(vectors @ vectors.T)  # how alike any two are: their cosine
'''
