#!/usr/bin/env python3
"""Makes the small Darknet models beside it, with answers: needs Python's numpy, and opencv-python-headless before 5, whose dnn module reads them.
Everything is seeded: a second run writes the same bytes."""
import os
import struct

import numpy as np

rng = np.random.default_rng(1)


def conv(n, c, size, normal=True):
    norm = [rng.uniform(0.5, 1.5, n), rng.standard_normal(n) * 0.1, rng.uniform(0.5, 1.5, n)] if normal else []
    return [rng.standard_normal(n) * 0.1, *norm, rng.standard_normal((n, c, size, size)) / np.sqrt(c * size * size)]


def connected(n, inputs, normal=False):
    norm = [rng.uniform(0.5, 1.5, n), rng.standard_normal(n) * 0.1, rng.uniform(0.5, 1.5, n)] if normal else []
    return [rng.standard_normal(n) * 0.1, rng.standard_normal((n, inputs)) / np.sqrt(inputs), *norm]


def save(name, text, arrays, version=(0, 2, 5)):
    with open(name + ".cfg", "w") as f:
        f.write(text)
    with open(name + ".weights", "wb") as f:
        f.write(struct.pack("<3i", *version))
        f.write(struct.pack("<q" if version[0] * 10 + version[1] >= 2 else "<i", 640))
        for a in arrays:
            f.write(np.asarray(a, np.float32).tobytes())


def answer(name, dims, outputs=None):
    import cv2
    net = cv2.dnn.readNetFromDarknet(name + ".cfg", name + ".weights")
    x = rng.uniform(0, 1, dims).astype(np.float32)
    net.setInput(x)
    os.makedirs(name, exist_ok=True)
    np.save(f"{name}/in_0.npy", x)
    for i, y in enumerate(net.forward(outputs or net.getUnconnectedOutLayersNames())):
        np.save(f"{name}/out_{i}.npy", y)


# ---- two heads; depthwise, groups of channels, sums, a pyramid of pools ----

save("yolo", """# a comment
[net]
batch=64
width = 32
height = 24
channels = 3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=8
size=3
groups=8
pad=1
activation=mish

[shortcut]
from=-2
activation=linear

[route]
layers=-1
groups=2
group_id=1

[convolutional]
filters=6
size=1
activation=swish

[maxpool]
size=2
stride=2

[maxpool]
size=5
stride=1

[route]
layers=-1, -2

[convolutional]
filters=14
size=1
pad=1
activation=linear

[yolo]
mask = 1,2
anchors = 4,6,  8,9,  14,20
classes=2
num=3
scale_x_y = 1.05

[route]
layers = 7

[upsample]
stride=2

[route]
layers=-1,2

[convolutional]
filters=7
size=1
activation=linear

[yolo]
mask = 0
anchors = 4,6,  8,9,  14,20
classes=2
num=3
""", conv(8, 3, 3) + conv(8, 1, 3) + conv(6, 4, 1, False) + conv(14, 12, 1, False) + conv(7, 20, 1, False))
answer("yolo", (1, 3, 24, 32))

# ---- the second version's head, and the layer that takes memory for what it is not ----

save("region", """[net]
width=16
height=16
channels=2
[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=relu
[route]
layers=-2
[reorg]
stride=2
[route]
layers=-1,-3
[convolutional]
filters=16
size=1
activation=linear
[region]
anchors = 1.0,1.5, 2.5,2.0
classes=3
coords=4
num=2
softmax=1
""", conv(4, 2, 3) + conv(8, 4, 3, False) + conv(16, 24, 1, False))
answer("region", (1, 2, 16, 16), ["detection_out", "conv_5"])
# It also suppresses boxes that overlap better ones: the scores once more.
raw = np.load("region/out_1.npy").reshape(2, 8, 4, 4).transpose(2, 3, 0, 1).reshape(32, 8)
os.remove("region/out_1.npy")
rows, scores = np.load("region/out_0.npy"), np.exp(raw[:, 5:])
rows[:, 5:] = rows[:, 4:5] * scores / scores.sum(1, keepdims=True)
np.save("region/out_0.npy", rows)

# ---- a classifier with a header of the first version ----

save("classify", """[net]
width=11
height=9
channels=3
[convolutional]
batch_normalize=1
filters=6
size=3
pad=1
activation=relu
[maxpool]
size=3
stride=2
[dropout]
probability=.5
[avgpool]
[convolutional]
filters=6
size=1
activation=logistic
[scale_channels]
from=2
[convolutional]
filters=5
size=1
activation=linear
[avgpool]
[softmax]
""", conv(6, 3, 3) + conv(6, 6, 1, False) + conv(5, 6, 1, False), (0, 1, 0))
answer("classify", (1, 3, 9, 11))

# ---- recurrent layers, of which each keeps a state ----


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def product(part, v):
    """A connected layer, normalised."""
    bias, weight, scale, mean, variance = part
    return (weight @ v - mean) / np.sqrt(variance + 1e-6) * scale + bias


X, H, O = 7, 5, 4
rnn = [connected(n, m, True) for n, m in ((H, X), (H, H), (O, H))]
gru = [connected(H, m, True) for m in (O, O, O, H, H, H)]
lstm = [connected(H, H, True) for m in range(8)]
last = connected(3, H)
save("recurrent", f"""[net]
inputs={X}
time_steps=1
[rnn]
hidden={H}
output={O}
batch_normalize=1
activation=tanh
logistic=1
[gru]
output={H}
batch_normalize=1
[lstm]
output={H}
batch_normalize=1
[connected]
output=3
activation=leaky
[softmax]
temperature=2
""", [a for part in rnn + gru + lstm + [last] for a in part])
x, h, g, hl, c = rng.standard_normal(X), *np.zeros((4, H))  # states as in a first run
os.makedirs("recurrent", exist_ok=True)
np.save("recurrent/in_0.npy", x.reshape(1, -1, 1, 1).astype(np.float32))
h = np.tanh(product(rnn[0], x)) + sigmoid(product(rnn[1], h))
y = np.tanh(product(rnn[2], h))
z, r = (sigmoid(product(gru[i], y) + product(gru[3 + i], g)) for i in (0, 1))
new = sigmoid(product(gru[2], y) + product(gru[5], r * g))
g = z * g + (1 - z) * new
f, i, n, o = (product(lstm[k], hl) + product(lstm[4 + k], g) for k in range(4))
c = sigmoid(f) * c + sigmoid(i) * np.tanh(n)
hl = sigmoid(o) * np.tanh(c)
y = last[1] @ hl + last[0]
y = np.exp(np.where(y > 0, y, y / 10) / 2)
for i, a in enumerate((y / y.sum(), h, g, hl, c)):
    np.save(f"recurrent/out_{i}.npy", a.reshape(1, -1).astype(np.float32))
