#!/usr/bin/env python3
"""Makes the small ncnn networks beside it, with the answers of ncnn itself: needs Python's ncnn and numpy, which the tests themselves do not.
Everything is seeded: a second run writes the same bytes."""
import os
import struct

import ncnn
import numpy as np

rng = np.random.default_rng(3)
F16, I8 = 0x01306B47, 0x000D4B38


class Net:
    """Layers as text and as words of the binary form, and the weights' records."""

    def __init__(self):
        self.text, self.words, self.data, self.blobs = [], [], b"", []

    def layer(self, kind, name, ins, outs, *records, number=None, **params):
        params = {int(k[1:]): v for k, v in params.items()}
        self.blobs += outs
        words = [] if number is None else [number, len(ins), len(outs)] + [self.blobs.index(b) for b in ins + outs]
        text = f"{kind:<24} {name:<16} {len(ins)} {len(outs)} {' '.join(ins + outs)}"
        for k, v in params.items():
            if isinstance(v, (list, tuple)):
                text += f" {-23300 - k}={len(v)}," + ",".join(str(x) for x in v)
                words += [-23300 - k, len(v)] + list(v)
            else:
                text += f" {k}={v}"
                words += [k, v]
        self.text.append(text)
        self.words += words + [-233]
        for r in records:
            self.data += r

    def save(self, name, inputs, binary=False):
        header = [7767517, len(self.text), len(self.blobs)]
        if binary:
            with open(name + ".param.bin", "wb") as f:
                for w in header + self.words:
                    f.write(struct.pack("<f" if isinstance(w, float) else "<i", w))
        else:
            with open(name + ".param", "w") as f:
                f.write(f"{header[0]}\n{header[1]} {header[2]}\n" + "\n".join(self.text) + "\n")
        with open(name + ".bin", "wb") as f:
            f.write(self.data)
        self.answer(name, inputs, binary)

    def answer(self, name, inputs, binary):
        """Runs the network as it is in text, since the binary form has no names of blobs, and keeps what comes in and out."""
        text = "/tmp/ncnn_sample.param"
        with open(text, "w") as f:
            f.write(f"7767517\n{len(self.text)} {len(self.blobs)}\n" + "\n".join(self.text) + "\n")
        net = ncnn.Net()
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        net.opt.use_bf16_storage = net.opt.use_winograd_convolution = False
        assert net.load_param(text) == 0 and net.load_model(name + ".bin") == 0
        folder = name + ".param" if binary else name
        os.makedirs(folder, exist_ok=True)
        run = net.create_extractor()
        mats = [ncnn.Mat(x).clone() for x in inputs]
        names = [t.split()[4] for t in self.text if t.startswith("Input ")]
        used = {b for t in self.text for b in t.split()[4:4 + int(t.split()[2])]}
        for i, (n, m) in enumerate(zip(names, mats)):
            run.input(n, m)
            np.save(f"{folder}/in_{i}.npy", inputs[i][None])
        for i, n in enumerate(b for b in self.blobs if b not in used):
            status, out = run.extract(n)
            assert status == 0
            np.save(f"{folder}/out_{i}.npy", np.array(out)[None])


def weights(*dims):
    return (rng.standard_normal(dims) / np.sqrt(np.prod(dims[1:]) or 1)).astype(np.float32)


def padded(b):
    return b + b"\0" * (-len(b) % 4)


def raw(a):
    return np.asarray(a, np.float32).tobytes()


def plain(a):
    return struct.pack("<I", 0) + raw(a)


def half(a):
    return struct.pack("<I", F16) + padded(np.asarray(a, np.float16).tobytes())


def codes(a):
    """A codebook of 256 values, and for each element the nearest."""
    book = np.linspace(a.min(), a.max(), 256).astype(np.float32)
    index = np.abs(a.ravel()[:, None] - book).argmin(1).astype(np.uint8)
    return struct.pack("<I", 1) + book.tobytes() + padded(index.tobytes())


def int8(w):
    """A weight in 8 bits with a scale for each output, and these scales."""
    scale = 127 / np.abs(w.reshape(len(w), -1)).max(1)
    q = np.clip(np.round(w.reshape(len(w), -1) * scale[:, None]), -127, 127).astype(np.int8)
    return struct.pack("<I", I8) + padded(q.tobytes()), raw(scale)


def image(*dims):
    return rng.uniform(-1, 1, dims).astype(np.float32)


def cnn():
    """What convolutional networks are made of, every pad and kernel of another size."""
    n = Net()
    n.layer("Input", "data", [], ["data"], _0=13, _1=11, _2=3)
    n.layer("Convolution", "conv1", ["data"], ["c1"], plain(weights(8, 3, 3, 3)), raw(weights(8, 1)), _0=8, _1=3, _3=2, _4=1, _15=0, _14=2, _5=1, _6=216, _9=2,
            _10=[0.1])
    n.layer("Split", "split1", ["c1"], ["c1a", "c1b"])
    n.layer("ConvolutionDepthWise", "dw", ["c1a"], ["d1"], plain(weights(8, 1, 3, 3)), _0=8, _1=3, _4=-233, _6=72, _7=8, _9=6, _10=[0.1666667, 0.5])
    n.layer("BatchNorm", "bn", ["c1b"], ["b1"], raw(1 + weights(8, 8)[0]), raw(weights(8, 1)), raw(np.full(8, 0.7)), raw(weights(8, 1)), _0=8, _1=1e-3)
    n.layer("PReLU", "prelu", ["b1"], ["p1"], raw(weights(8, 8)[0]), _0=8)
    n.layer("Eltwise", "sum", ["d1", "p1"], ["s1"], _0=1, _1=[0.5, 2.0])
    n.layer("ShuffleChannel", "shuffle", ["s1"], ["s2"], _0=2)
    n.layer("Slice", "slice", ["s2"], ["l1", "l2"], _0=[3, -233])
    n.layer("Pooling", "pool", ["l2"], ["m1"], _0=0, _1=3, _2=2)
    n.layer("Pooling", "mean", ["l1"], ["m2"], _0=1, _1=3, _2=2, _6=1)
    n.layer("Concat", "concat", ["m1", "m2"], ["m3"])
    n.layer("Interp", "up", ["m3"], ["u1"], _0=2, _1=2.0, _2=2.0)
    n.layer("Deconvolution", "deconv", ["u1"], ["t1"], plain(weights(4, 8, 2, 4)), raw(weights(4, 1)), _0=4, _1=4, _11=2, _3=2, _13=1, _4=1, _14=0, _5=1, _6=256)
    n.layer("Split", "split2", ["t1"], ["t1a", "t1b"])
    n.layer("Permute", "permute", ["t1a"], ["q1"], _0=3)
    n.layer("Reshape", "rows", ["q1"], ["q2"], _0=4, _1=-1)
    n.layer("Softmax", "softmax", ["q2"], ["boxes"], _0=1, _1=1)
    n.layer("Pooling", "global", ["t1b"], ["g1"], _0=1, _4=1)
    n.layer("InnerProduct", "fc", ["g1"], ["scores"], plain(weights(5, 4)), raw(weights(5, 1)), _0=5, _1=1, _2=20, _9=4)
    n.save("cnn", [image(3, 11, 13)])


def half_precision():
    """Weights in 16 bits; sizes that the file does not state; ncnn's broadcasting; what a name may look like."""
    n = Net()
    n.layer("Input", "in put".replace(" ", "/"), [], ["x:0"])
    n.layer("Convolution", "conv/1", ["x:0"], ["a"], half(weights(6, 3, 3, 3)), raw(weights(6, 1)), _0=6, _1=3, _4=1, _5=1, _6=162, _9=1)
    n.layer("Split", "s", ["a"], ["a0", "a1", "a2"])
    n.layer("MemoryData", "row", [], ["r"], raw(weights(6, 6)[0]), _0=6)
    n.layer("BinaryOp", "mul", ["a0", "r"], ["b"], _0=2)
    n.layer("BinaryOp", "rsub", ["b"], ["c"], _0=7, _1=1, _2=2.0)
    n.layer("Pooling", "gap", ["a1"], ["g"], _0=1, _4=1)
    n.layer("BinaryOp", "gate", ["c", "g"], ["d"], _0=0)
    n.layer("Crop", "crop", ["a2"], ["e"], _9=[1], _10=[-2], _11=[0])
    n.layer("Reduction", "mean", ["e"], ["f"], _0=3, _1=0, _3=[-1], _4=1, _5=1)
    n.layer("PixelShuffle", "shuffle", ["d"], ["h"], _0=1)
    n.layer("Padding", "pad", ["h"], ["out"], _0=1, _1=0, _2=2, _3=1, _4=2)
    n.save("half", [image(3, 7, 9)])


def eight_bits():
    """Layers that round to 8 bits: chained as such, depthwise, with float weights that are rounded when loaded, and fully connected."""
    n = Net()
    n.layer("Input", "data", [], ["data"], _0=8, _1=8, _2=3)
    w, s = int8(weights(6, 3, 3, 3))
    n.layer("Convolution", "conv1", ["data"], ["a"], w, raw(weights(6, 1)), s, raw([127.0]), raw([60.0]), _0=6, _1=3, _4=1, _5=1, _6=162, _8=102, _9=1)
    w, s = int8(weights(6, 1, 3, 3))
    n.layer("ConvolutionDepthWise", "dw", ["a"], ["b"], w, s, raw([60.0]), _0=6, _1=3, _3=2, _4=1, _6=54, _7=6, _8=1)
    w = weights(4, 6, 1, 1)
    n.layer("Convolution", "conv2", ["b"], ["c"], plain(w), int8(w)[1], raw([50.0]), _0=4, _1=1, _6=24, _8=2)
    w, s = int8(weights(5, 64))
    n.layer("InnerProduct", "fc", ["c"], ["out"], w, raw(weights(5, 1)), s, raw([80.0]), _0=5, _1=1, _2=320, _8=2)
    n.save("int8", [image(3, 8, 8)])


def rows():
    """Recurrent layers, attention, normalisation over rows, matrix products."""
    n = Net()
    n.layer("Input", "x", [], ["x"], _0=6, _1=7)
    n.layer("LSTM", "lstm", ["x"], ["a"], plain(weights(2, 16, 6)), plain(weights(2, 4, 4)), plain(weights(2, 16, 4)), _0=4, _1=192, _2=2)
    n.layer("LayerNorm", "norm", ["a"], ["b"], raw(1 + weights(8, 8)[0]), raw(weights(8, 1)), _0=8, _1=1e-5)
    n.layer("Split", "s", ["b"], ["b0", "b1"])
    n.layer("MultiHeadAttention", "mha", ["b0"], ["c"], *[r for _ in range(4) for r in (plain(weights(8, 8)), raw(weights(8, 1)))], _0=8, _1=2, _2=64)
    n.layer("BinaryOp", "add", ["b1", "c"], ["d"], _0=0)
    n.layer("GRU", "gru", ["d"], ["e"], plain(weights(1, 15, 8)), plain(weights(1, 4, 5)), plain(weights(1, 15, 5)), _0=5, _1=120, _2=1)
    n.layer("Gemm", "gemm", ["e"], ["f"], plain(weights(4, 5)), plain(weights(4, 1)), _0=0.5, _3=1, _5=1, _6=1, _8=4, _9=5, _10=4)
    n.layer("GELU", "gelu", ["f"], ["g"])
    n.layer("RNN", "rnn", ["g"], ["h"], plain(weights(1, 3, 4)), plain(weights(1, 1, 3)), plain(weights(1, 3, 3)), _0=3, _1=12)
    n.save("rows", [image(7, 6)])


def code_books():
    """The binary form, and weights by a codebook."""
    n = Net()
    n.layer("Input", "data", [], ["0"], number=16, _0=6, _1=5, _2=2)
    n.layer("Convolution", "conv", ["0"], ["1"], codes(weights(4, 2, 3, 3)), raw(weights(4, 1)), number=6, _0=4, _1=3, _5=1, _6=72, _9=3, _10=[-0.5, 0.75])
    n.layer("Clip", "clip", ["1"], ["2"], number=54, _0=-0.25, _1=0.5)
    n.layer("Reshape", "rows", ["2"], ["3"], number=27, _0=-1, _1=4)
    n.save("codes", [image(2, 5, 6)], binary=True)


def found():
    """Boxes of two grids."""
    n = Net()
    n.layer("Input", "a", [], ["a"], _0=3, _1=2, _2=14)
    n.layer("Input", "b", [], ["b"], _0=2, _1=1, _2=14)
    n.layer("Yolov3DetectionOutput", "yolo", ["a", "b"], ["boxes"], _0=2, _1=2, _2=0.5, _3=0.45,
            _4=[4.0, 6.0, 10.0, 12.0, 20.0, 9.0, 30.0, 40.0], _5=[0.0, 1.0, 2.0, 3.0], _6=[16.0, 32.0])
    n.save("found", [rng.standard_normal(dims).astype(np.float32) for dims in ((14, 2, 3), (14, 1, 2))])


def places():
    """Regions of a map, diagonals, parts put in place, a spectrum and back."""
    n = Net()
    n.layer("Input", "map", [], ["map"], _0=9, _1=8, _2=8)
    n.layer("Input", "region", [], ["region"], _0=4)
    n.layer("Input", "part", [], ["part"], _0=3, _1=2, _2=4)
    n.layer("Input", "signal", [], ["signal"], _0=48)
    n.layer("Split", "maps", ["map"], ["m0", "m1", "m2", "m3"])
    n.layer("Split", "regions", ["region"], ["r0", "r1", "r2"])
    n.layer("ROIAlign", "align", ["m0", "r0"], ["aligned"], _0=3, _1=2, _2=0.5, _4=1, _5=1)
    n.layer("ROIPooling", "pool", ["m1", "r1"], ["pooled"], _0=3, _1=2, _2=0.5)
    n.layer("PSROIPooling", "psroi", ["m2", "r2"], ["chosen"], _0=2, _1=2, _2=0.5, _3=2)
    n.layer("CopyTo", "copy", ["m3", "part"], ["copied"], _9=[-3, 5], _11=[1, 2])
    n.layer("Spectrogram", "spectrum", ["signal"], ["s"], _0=16, _1=0, _2=4, _3=12, _4=1, _7=2)
    n.layer("Split", "spectra", ["s"], ["s0", "s1"])
    n.layer("InverseSpectrogram", "inverse", ["s0"], ["back"], _0=16, _1=1, _2=4, _3=12, _4=1, _7=2)
    n.layer("Spectrogram", "power", ["back"], ["p"], _0=8, _1=2)
    n.layer("Diag", "diagonal", ["p"], ["row"], _0=2)
    n.layer("Diag", "matrix", ["row"], ["square"], _0=-1)
    n.save("places", [image(8, 8, 9), np.array([4, 2, 15, 14], np.float32), image(4, 2, 3), rng.standard_normal(48).astype(np.float32)])


for make in (cnn, half_precision, eight_bits, rows, code_books, found, places):
    make()
