#!/usr/bin/env python3
"""Makes old.pt2, which PyTorch 2.3 exports in operators that later versions do not leave, and its answers: needs Python's torch (2.3) and numpy. Run in this folder."""
import json
import os
import zipfile

import numpy as np
import torch
from torch import nn

torch.manual_seed(7)


class Old(nn.Module):
    """Indices of which some are None, and attention for processors, with a mask and causal."""

    def forward(self, x):
        f = nn.functional
        return (f.interpolate(x, scale_factor=2, mode="bilinear"), f.scaled_dot_product_attention(x, x, x, is_causal=True),
                f.scaled_dot_product_attention(x, x, x, attn_mask=x @ x.transpose(-1, -2)))


old, x = Old(), torch.randn(1, 2, 5, 4)
torch.export.save(torch.export.export(old, (x,)), "old.pt2")
with zipfile.ZipFile("old.pt2") as archive:
    members = {n: archive.read(n) for n in archive.namelist()}
with zipfile.ZipFile("old.pt2", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, data in members.items():
        if name.endswith(".json"):  # without the places in the source
            data = json.dumps(json.loads(data, object_hook=lambda o: {**o, "metadata": {}} if "metadata" in o else o))
        archive.writestr(name, data)
os.makedirs("old", exist_ok=True)
np.save("old/in_0.npy", x.numpy())
for k, a in enumerate(old(x)):
    np.save("old/out_%d.npy" % k, a.numpy())
