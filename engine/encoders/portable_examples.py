"""The examples of use that stand beside an exported encoder."""

from __future__ import annotations

READING = '''
def opened(path):
    """A picture upright, in sRGB, and on white where it is transparent."""
    picture = ImageOps.exif_transpose(Image.open(path))
    profile = picture.info.get("icc_profile") or b""
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    if picture.mode not in ("L", "CMYK"):
        picture = picture.convert("RGB")
    if profile[16:20] == {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}[picture.mode]:
        with suppress(ImageCms.PyCMSError):  # a damaged profile
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            picture = ImageCms.profileToProfile(picture, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return picture.convert("RGB")
'''.strip()

ONNX_EXAMPLE = '''"""Vectors of pictures by {stem}.onnx. Needs: pip install onnxruntime pillow numpy"""

import io
import json
import sys
from contextlib import suppress

import numpy as np
import onnxruntime
from PIL import Image, ImageCms, ImageOps

{reading}

facts = json.load(open("{stem}.json", encoding="utf-8"))
session = onnxruntime.InferenceSession("{stem}.onnx")
side = (facts["size"], facts["size"])
pictures = [opened(path).resize(side, Image.Resampling.BILINEAR) for path in sys.argv[1:]]
values = (np.stack(pictures) / 255 - facts["mean"]) / facts["std"]  # (n, size, size, 3)
features = session.run(None, {{"pictures": values.transpose(0, 3, 1, 2).astype(np.float32)}})[0]  # (n, C, h, w)
vectors = {pooled}
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
print(vectors @ vectors.T)  # how alike any two are: their cosine
'''

SAFETENSORS_EXAMPLE = '''"""Vectors of pictures by {stem}.safetensors. Needs Benzer, for the network's definition."""

import io
import json
import sys
from contextlib import suppress
from importlib import import_module

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps
from safetensors.torch import load_file

{reading}

facts = json.load(open("{stem}.json", encoding="utf-8"))
{build}
network.eval().load_state_dict(load_file("{stem}.safetensors"), strict=False)  # counters are left out
side = (facts["size"], facts["size"])
pictures = [opened(path).resize(side, Image.Resampling.BILINEAR) for path in sys.argv[1:]]
values = (np.stack(pictures) / 255 - facts["mean"]) / facts["std"]  # (n, size, size, 3)
with torch.no_grad():
    pictures = torch.from_numpy(values.transpose(0, 3, 1, 2)).float()
    features = encode(pictures){mirrored}
features = features.numpy()  # (n, C, h, w)
vectors = {pooled}
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
print(vectors @ vectors.T)  # how alike any two are: their cosine
'''
