#!/usr/bin/env python3
"""Makes the small PyTorch archives beside it, and the answers of PyTorch: needs Python's torch (2.15), torchao (0.18) and numpy, none of which the tests need. Run in this folder. Archives
differ from run to run in an identifier that PyTorch draws."""
import enum
import io
import json
import math
import os
import pickle
import sys
import types
import zipfile
from typing import Dict, List, Optional, Tuple, Union

import numpy as np
import torch
import torchao  # noqa: F401, its operators
from torch import nn
from torch._higher_order_ops import scan, while_loop
from torch._higher_order_ops.map import map as map_rows
from torch.export.pt2_archive._package import package_pt2

torch.manual_seed(7)


def save(name, module, *inputs):
    with torch.no_grad():
        answers = module(*inputs)
    stem = os.path.splitext(name)[0] if not name.endswith("2") else name[:-4]
    os.makedirs(stem, exist_ok=True)
    for k, a in enumerate(inputs):
        np.save("%s/in_%d.npy" % (stem, k), a.numpy())
    for k, a in enumerate(answers if isinstance(answers, tuple) else (answers,)):
        np.save("%s/out_%d.npy" % (stem, k), a.numpy())


def slim(name):
    """Takes away what no reader needs: where in the source a node comes from, and examples of inputs."""
    with zipfile.ZipFile(name) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, data in members.items():
            if "/models/" in n:
                data = json.dumps(json.loads(data, object_hook=lambda o: {**o, "metadata": {}} if "metadata" in o else o))
            if not n.endswith(".debug_pkl") and "sample_inputs" not in n:
                archive.writestr(n, data)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return nn.functional.relu(self.norm(self.conv(x)) + x, inplace=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.Hardswish())
        self.blocks = nn.ModuleList([Block(8), Block(8)])
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        y = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        a, b = y.chunk(2, 1)
        pooled = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
        return torch.softmax(self.head(pooled), 1), torch.cat([a * torch.sigmoid(b), b[:, :1]], 1)


class Flow(nn.Module):
    """What a script keeps of Python: loops, branches, lists, dicts, numbers."""
    scale: float

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 6)
        self.lstm = nn.LSTM(6, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(8, 3, batch_first=True)
        self.scale = 0.5

    def forward(self, words):
        x = self.embedding(words)
        y, (h, c) = self.lstm(x)
        z, _ = self.gru(y)
        parts: List[torch.Tensor] = []
        for i in range(3):
            if i % 2 == 0:
                parts.append(z[:, :, i] * (i + self.scale))
            else:
                parts.append(-z[:, :, i])
        n = 0
        while n < len(parts) - 1:
            n += 2
        if y.dim() != 3:
            raise RuntimeError("three axes were expected")
        return torch.stack(parts, -1), parts[n] + float(n), h.mean(0)


net = Net().eval()
for block in net.blocks:
    block.norm.running_mean.normal_(0, 0.2)
    block.norm.running_var.uniform_(0.5, 2)
image = torch.randn(1, 3, 13, 11)
torch.jit.save(torch.jit.trace(net, image), "cnn.pt")
save("cnn.pt", net, image)
torch.jit.save(torch.jit.freeze(torch.jit.script(net)), "frozen.pt")
save("frozen.pt", net, image)
torch.export.save(torch.export.export(net, (image,)), "export.pt2")
save("export.pt2", net, image)
flow = Flow().eval()
words = torch.randint(0, 10, (2, 5))
torch.jit.save(torch.jit.script(flow), "flow.pt")
save("flow.pt", flow, words)


class Decide(nn.Module):
    """What only a run tells: branches, loops, and the lists and dicts around them."""

    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 4)
        self.down = nn.Linear(4, 4)
        self.cell = nn.LSTMCell(4, 4)

    def forward(self, x):
        kept: Dict[str, torch.Tensor] = {"x": x}
        if x.sum() > 0:
            y = self.up(x)
            kept["side"] = y
        else:
            y = self.down(x) * 2
        n = 0
        while bool(y.abs().sum() > 0.5) and n < 7:
            y = self.down(y) * 0.5
            n += 1
        h, c = self.cell(y)
        mask = h > 0
        return h + c, torch.where(mask, kept["x"], torch.full_like(h, float(n))), h[mask].sum()


class Rounded(nn.Module):
    """Quantised for bytes, weights by the channel."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = torch.ao.quantization.QuantStub(), torch.ao.quantization.DeQuantStub()
        self.conv, self.relu = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.ReLU()
        self.deep = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.sum = nn.quantized.FloatFunctional()
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = self.relu(self.conv(self.quant(x)))
        x = self.sum.add(x, self.deep(x))
        x = nn.functional.adaptive_avg_pool2d(torch.sigmoid(x), 1).flatten(1)
        return self.dequant(self.head(x))


decide = Decide().eval()
rows = torch.randn(3, 4)
torch.jit.save(torch.jit.script(decide), "decide.pt")
save("decide.pt", decide, rows)

torch.backends.quantized.engine = "fbgemm"
rounded = torch.ao.quantization.fuse_modules(Rounded().eval(), [["conv", "relu"]])
rounded.qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
torch.ao.quantization.prepare(rounded, inplace=True)
for _ in range(4):
    rounded(torch.randn(2, 3, 9, 8))
torch.ao.quantization.convert(rounded, inplace=True)
bytes_of = torch.randn(2, 3, 9, 8)
torch.jit.save(torch.jit.script(rounded), "rounded.pt")
save("rounded.pt", rounded, bytes_of)
torch.save({"weight": torch.ones(2, 3)}, "state.pth")


class Grow(nn.Module):
    """What branches and rounds that only a run counts change: tensors in place, lists, parts at open places."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(12, 4)
        self.cell = nn.GRUCell(4, 4)
        self.line = nn.Linear(3, 3)

    def forward(self, words, xs: List[torch.Tensor]):
        x = self.line(xs[0])
        known = words != 3
        seen = self.words(words) * known.unsqueeze(-1)
        h = torch.zeros(seen.size(1), 4)
        states: List[torch.Tensor] = []
        sizes: List[int] = []
        best = torch.full([seen.size(0), 4], -1.0)
        pair = (h, x)
        for i in range(0, seen.size(0), 2):
            h = self.cell(seen[i], h)
            states.append(h)
            sizes.append(i * 3)
            best[i] = h.amax(0)
            pair = (pair[0] + h, pair[1] * 0.5)
        parts = [x, x + 1]
        total = torch.zeros(3)
        if x.sum() > 100:
            parts[0] = x * 2
            total.add_(1.0)
        else:
            parts[1] = x * 3
            total[1:].sub_(2.0)
        box = x.reshape(int((x > 0).sum()), -1) if x.numel() == 0 else x
        count = min(sizes[-1], int(x.abs().sum()))
        return torch.stack(states, 1), best, pair[1], torch.cat(parts), total, box[:count], x.new_full([2], float(len(states)))


grow = Grow().eval()
lines = torch.randint(0, 12, (5, 2))
few = torch.randn(5, 3)
torch.jit.save(torch.jit.script(grow), "grow.pt")
os.makedirs("grow", exist_ok=True)
np.save("grow/in_0.npy", lines.numpy())
np.save("grow/in_1.npy", few.numpy())
with torch.no_grad():
    for k, a in enumerate(grow(lines, [few])):
        np.save("grow/out_%d.npy" % k, a.numpy())


class Masked(nn.Module):
    """A mask and a table of constants, as encoders of text have them; one tensor is given back twice, and as sums by a vector."""

    def __init__(self):
        super().__init__()
        self.words, self.norm, self.places = nn.Embedding(12, 4), nn.LayerNorm(4), nn.Buffer(torch.randn(8, 4), persistent=False)

    def forward(self, words, mask):
        x = self.norm(self.words(words) + self.places[torch.arange(words.shape[1], device=words.device)])
        y = torch.softmax(x @ x.transpose(1, 2) + (1.0 - mask[:, None, :].to(torch.float32)) * -1e4, -1) @ x
        return y, y, nn.functional.linear(y, self.places[0], self.places[1, 0])


def save_as_before(program, name):
    """The layout of PyTorch up to 2.6: archives of torch.save() within the archive."""
    artifact = torch._export.serde.serialize.serialize(program)
    with zipfile.ZipFile(name, "w") as z:
        z.writestr("version", "5.3")
        z.writestr("serialized_exported_program.json", artifact.exported_program)
        z.writestr("serialized_state_dict.pt", artifact.state_dict)
        z.writestr("serialized_constants.pt", artifact.constants)


masked = Masked().eval()
line, mask = torch.randint(0, 12, (1, 6)), torch.tensor([[1, 1, 1, 1, 0, 0]])
save_as_before(torch.export.export(masked, (line, mask)), "before.pt2")
save("before.pt2", masked, line, mask)


class Recurrent(nn.Module):
    """Layers of packed weights, whose inputs are rounded as they come; and a norm of the batch."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 3, bidirectional=True)
        self.gru = nn.GRU(6, 3, batch_first=True)
        self.cell = nn.LSTMCell(3, 3)

    def forward(self, x):
        y, (h, c) = self.lstm(x)
        z, _ = self.gru(y.transpose(0, 1))
        a, b = self.cell(z[:, -1], (h[0], c[1]))
        return nn.functional.batch_norm(y, None, None, training=True), z, a, b


kinds = {nn.LSTM, nn.GRU, nn.LSTMCell}
recurrent = torch.ao.quantization.quantize_dynamic(Recurrent().eval(), kinds)
steps = torch.randn(5, 2, 4)
torch.jit.save(torch.jit.trace(recurrent, steps), "recurrent.pt")
save("recurrent.pt", recurrent, steps)


class Down(nn.Module):
    """Rounds that count down, rounds within them that fill a list, and a dict to which one branch adds a key."""

    def __init__(self):
        super().__init__()
        self.same = nn.Buffer(torch.eye(3))

    def forward(self, x):
        x = nn.functional.linear(x, self.same)
        total, last = torch.zeros([3]), torch.zeros([3])
        found: List[torch.Tensor] = []
        parts = {"first": x}
        for i in range(int(x[:, 0].sum()) - 1, -1, -1):
            total = total * 2 + x[i]
            inner: List[torch.Tensor] = []
            for j in range(i + 1):
                inner.append(x[j] + i)
            last = torch.stack(inner).sum(0)
            found.append(last)
        if x.sum() > 2:
            parts["first"] = x * 2
            parts["second"] = x
        return total, last, torch.stack(found), parts["first"]


down = Down().eval()
numbers = torch.tensor([[1.0, 3.0, -1.0], [2.0, 0.5, 0.0], [0.0, -4.0, 2.5], [1.0, 1.5, 7.0]])
torch.jit.save(torch.jit.script(down), "down.pt")
save("down.pt", down, numbers)


class View(nn.Module):
    """Views that follow their base, and write to it; copies that do not; indices of any axes. encode() is another
    method."""

    def __init__(self):
        super().__init__()
        self.part, self.mix = nn.Linear(3, 2), nn.Conv1d(4, 4, 1)

    @torch.jit.export
    def encode(self, x):
        return self.part(x)

    def forward(self, x):
        x = self.mix(x)
        row, flat, turned, copy = x[:, 1], x.view(-1), x.transpose(0, 1), x.transpose(0, 1).clone()
        x.mul_(2.0)
        row.add_(1.0)
        x[:, 0::2] = -1.0
        turned[0].sub_(3.0)
        copy.neg_()
        first, second = x.chunk(2, 1)
        if bool(x.sum() > 0):
            second.add_(0.5)
        else:
            x[0].zero_()
        at = torch.tensor([1, 0])
        x[at, :, at] = 4.0
        return row * 1, flat + 0, turned + 0, copy, first + second, x[:, at, at], torch.histc(x, 4, -2.0, 2.0)


view = torch.jit.script(View().eval())
block = torch.randn(2, 4, 3)
torch.jit.save(view, "view.pt")
save("view.pt", view, block)


class Phone(nn.Module):
    """What optimize_for_mobile() makes of layers: weights packed with bounds. Wheels of PyTorch cannot make it any more:
    the archive is put together here, as PyTorch 1.12 wrote such."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.up = nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        y = self.up(torch.clamp(self.conv(x), 0.0, 0.5))
        return torch.clamp(self.head(y.mean([2, 3])), min=-0.25)


CODE = """class Phone(Module):
  __parameters__ = []
  __buffers__ = []
  mobile_optimized : bool
  def forward(self: __torch__.Phone,
    x: Tensor) -> Tensor:
    _0 = ops.prepacked.conv2d_clamp_run(x, CONSTANTS.c0)
    _1 = ops.prepacked.conv2d_transpose_clamp_run(_0, CONSTANTS.c1)
    _2 = torch.mean(_1, [2, 3])
    return ops.prepacked.linear_clamp_run(_2, CONSTANTS.c2)
"""


def pickled(archive, folder, thing):
    """Storages become members of the archive."""
    out = io.BytesIO()
    pickler = pickle.Pickler(out, 2)
    seen = []

    def persistent(o):
        if not isinstance(o, torch.storage.TypedStorage):
            return None
        seen.append(o)
        archive.writestr("phone/%s/%d" % (folder, len(seen) - 1), bytes(o.untyped()))
        return ("storage", torch.FloatStorage, str(len(seen) - 1), "cpu", o.size())

    pickler.persistent_id = persistent
    pickler.dump(thing)
    return out.getvalue()


def named(module, name, state):
    sys.modules[module] = types.ModuleType(module)
    cls = type(name, (), {"__module__": module, "__getstate__": lambda self: self.state})
    setattr(sys.modules[module], name, cls)
    thing = cls()
    thing.state = state
    return thing


phone = Phone().eval()
packed = "__torch__.torch.classes.xnnpack"
with zipfile.ZipFile("phone.ptl", "w") as archive, torch.no_grad():
    c, u, h = phone.conv, phone.up, phone.head
    w = [p.data for p in (c.weight, c.bias, u.weight, u.bias, h.weight, h.bias)]
    constants = (
        named(packed + "1", "Conv2dOpContext", (w[0], w[1], [2, 2], [1, 1], [1, 1], 1, 0.0, 0.5)),
        named(packed + "2", "TransposeConv2dOpContext", (w[2], w[3], [2, 2], [1, 1], [1, 1], [1, 1], 2, None, None)),
        named(packed + "3", "LinearOpContext", (w[4], w[5], -0.25, None)))
    archive.writestr("phone/data.pkl", pickled(archive, "data", named("__torch__", "Phone", {"mobile_optimized": True})))
    archive.writestr("phone/constants.pkl", pickled(archive, "constants", constants))
    archive.writestr("phone/code/__torch__.py", CODE)
    archive.writestr("phone/version", "3\n")
picture = torch.randn(1, 3, 6, 5)
save("phone.ptl", phone, picture)


class Packed(nn.Module):
    """Sequences of different lengths."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 2, bidirectional=True, batch_first=True)

    def forward(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        packed, (h, c) = self.lstm(packed)
        y, lengths = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True, padding_value=-1.0)
        return y, h, lengths


packed = Packed().eval()
series = (torch.randn(3, 5, 3), torch.tensor([4, 2, 1]))
torch.jit.save(torch.jit.trace(packed, series), "packed.pt")
save("packed.pt", packed, *series)


class Padded(nn.Module):
    """Sequences of which an encoder leaves out the padding: a nested tensor, in which that becomes zero, but not where there are gaps."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(9, 8, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2)

    def forward(self, words):
        x = self.embedding(words)
        return self.encoder(x, src_key_padding_mask=words == 0), self.encoder(x, src_key_padding_mask=words == 3)


padded, words = torch.jit.script(Padded().eval()), torch.tensor([[3, 4, 5, 0, 0], [1, 3, 6, 7, 8]])
torch.jit.save(padded, "padded.pt")
slim("padded.pt")
save("padded.pt", padded, words)


class Kinds(nn.Module):
    """Behind branches and rounds that only a run decides numbers are still complex, and others quantised; and a query that may see nothing gets zeros."""

    def forward(self, x):
        q = torch.quantize_per_tensor(x, 0.1, 10, torch.quint8)
        if bool(x.sum() > 0):
            y, p = torch.fft.rfft(x), nn.functional.max_pool2d(q, 2)
        else:
            y, p = torch.fft.rfft(x * 2), nn.functional.avg_pool2d(q, 2)
        while bool(torch.abs(y).sum() > 5):
            y = y * 0.5
        hidden = nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=x[0, 0] > x.mean())
        return torch.abs(y), y.real, nn.functional.avg_pool2d(p, 2).dequantize(), hidden


class Nested(nn.Module):
    """Which steps a nested tensor has, only a run decides."""

    def forward(self, x, kept):
        if bool(x.sum() > 0):
            y = torch._nested_tensor_from_mask(x, kept)
        else:
            y = torch._nested_tensor_from_mask(x * 2, kept)
        return torch.nested.to_padded_tensor(y, 0.5)


kinds, square = torch.jit.script(Kinds()), torch.randn(1, 2, 8, 8)
square[0, 0, 3] = -9
torch.jit.save(kinds, "kinds.pt")
slim("kinds.pt")
save("kinds.pt", kinds, square)
torch.jit.save(torch.jit.script(Nested()), "nested.pt")
slim("nested.pt")


class Filters(nn.Module):
    """Filters that know their own past, by torchaudio's operator."""

    def __init__(self):
        super().__init__()
        self.register_buffer("a", torch.tensor([[0.1, 0.2, -0.5, 1], [0.3, 0, 0, 1]]))

    def forward(self, x):
        y = torch.zeros(x.size(0), x.size(1), x.size(2) + 3)
        torch.ops.torchaudio._lfilter_core_loop(x, self.a, y)
        return y[:, :, 3:]


def filter_all(x, a, y):
    for i in range(x.shape[2]):
        y[:, :, i + 3] = x[:, :, i] - (y[:, :, i:i + 3] * a[:, :3]).sum(2)


torch.library.define("torchaudio::_lfilter_core_loop", "(Tensor x, Tensor a, Tensor(y!) y) -> ()")
torch.library.impl("torchaudio::_lfilter_core_loop", "default", filter_all)
filters, heard = torch.jit.script(Filters()), torch.randn(3, 2, 40)
torch.jit.save(filters, "filters.pt")
slim("filters.pt")
save("filters.pt", filters, heard)


class Made(nn.Module):
    """Complex numbers that are made as such, and what spectra become with them."""

    def forward(self, x):
        one, none = torch.full(x.shape, 1, dtype=torch.complex64), torch.zeros_like(x, dtype=torch.complex64)
        return torch.view_as_real(x * one + none), torch.istft(x * one, 6, 2, 6, torch.ones(6)), torch.ones([2], dtype=torch.cfloat).real


made, parts = Made(), torch.rand(4, 5)
torch.jit.save(torch.jit.script(made), "made.pt")
slim("made.pt")
save("made.pt", made, parts)


class Waves(nn.Module):
    """Complex numbers: spectra, and back; angles of the signs of zeros."""

    def __init__(self):
        super().__init__()
        self.window = nn.Buffer(torch.hann_window(8))
        self.same = nn.Buffer(torch.eye(24))

    def forward(self, x):
        x = nn.functional.linear(x, self.same)
        z = torch.stft(x, 12, 3, 8, self.window, return_complex=True, center=False, normalized=True)
        turned = z * torch.polar(torch.ones_like(z.real), z.imag)
        y = torch.istft(torch.stft(x, 8, 2, 8, self.window, return_complex=True), 8, 2, 8, self.window, length=20)
        both = torch.fft.irfft2(torch.fft.rfft2(x, norm="ortho") * 2, s=x.shape, norm="ortho")
        angles = torch.atan2(x.sign() * 0, -x.abs().floor())
        return z.abs(), torch.view_as_real(turned), y, both, (torch.fft.fft(x) / z[:, 0, :1]).real, angles


waves = Waves().eval()
sound = torch.randn(2, 24)
torch.jit.save(torch.jit.trace(waves, sound), "waves.pt")
save("waves.pt", waves, sound)


class Loops(nn.Module):
    """Operators of torch.export that take graphs."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(3, 3)

    def forward(self, x, n):
        def shrink(i, y):
            return i + 1, self.line(y) * 0.5

        def step(state, row):
            state = state * 0.5 + row
            return state, state.sum(-1)

        _, y = while_loop(lambda i, y: i < n, shrink, (torch.zeros((), dtype=torch.long), x))
        last, sums = scan(step, torch.zeros(3), x)
        rows = map_rows(lambda row, bias: (row * bias).cos(), x, self.line.bias)
        return y, last, nn.functional.pad(sums, [0, -x.shape[0] % 3], value=-7.0), rows


loops = Loops().eval()
length = torch.export.Dim("length")
rounds = (torch.randn(4, 3), torch.tensor(3))
torch.export.save(torch.export.export(loops, rounds, dynamic_shapes=({0: length}, None)), "loops.pt2")
slim("loops.pt2")
save("loops.pt2", loops, *rounds)


class Truths(nn.Module):
    """Tensors filled with a truth, which torch.export keeps as one; a script makes a number of it."""

    def forward(self, x):
        return torch.full((2,), True), torch.full_like(x, True), torch.full_like(x, False, dtype=torch.bool), x.new_full((2, 1), True)


few = torch.randn(2, 3)
torch.export.save(torch.export.export(Truths(), (few,)), "truths.pt2")
slim("truths.pt2")
save("truths.pt2", Truths(), few)


class Edit(nn.Module):
    """Lists, dicts and texts that a script changes; places of maxima; projected states; overlapping windows."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 3, proj_size=2, bidirectional=True)
        self.table = nn.Buffer(torch.randn(2, 4, 5))

    def forward(self, x: torch.Tensor):
        parts: Dict[str, torch.Tensor] = {"a": x, "b": x * 2, "c": x + 1}
        names = list(parts.keys())
        names.sort(reverse=True)
        first = parts.pop(names[0])
        parts.setdefault("d", first * 3)
        del parts["b"]
        numbers = [3, 1, 2]
        numbers.sort()
        last = numbers.pop() + numbers.index(2) + numbers.count(1)
        text = "-".join(["a", "d"]).split("-")
        y = parts.get(text[1], x) * last if text[1].startswith("d") else x
        most, at = nn.functional.max_pool2d(y, 2, return_indices=True)
        back = nn.functional.max_unpool2d(most, at, 2)
        states, _ = self.lstm(x[:, 0])
        view = self.table.transpose(0, 1)[1:].reshape(6, 5).view(6, 5, 1)[:, ::2]
        windows = view.as_strided([2, 3, 2], [20, 2, 5]) * x.mean()
        mixed = torch.linalg.solve_triangular(x[:, 0].tril(-1)[:, :, 0:4] + torch.eye(4), x[:, 0], upper=False)
        return back, states, windows, mixed


edit = torch.jit.script(Edit().eval())
picture = torch.randn(2, 1, 4, 4)
torch.jit.save(edit, "edit.pt")
slim("edit.pt")
save("edit.pt", edit, picture)

line = torch.export.export(nn.Sequential(nn.Linear(3, 2)).eval(), (torch.randn(2, 3),))
package_pt2("two.pt2", exported_programs={"encode": line, "turn": torch.export.export(nn.Tanh(), (torch.randn(4),))})
slim("two.pt2")


class Order(nn.Module):
    """Numbers in order; infinities beside others; complex numbers in the place of real ones."""

    def __init__(self):
        super().__init__()
        self.one = nn.Buffer(torch.eye(4))

    def forward(self, x):
        first = sorted([3, 1, 2])[0]
        x = nn.functional.linear(x, self.one)[0]
        y = x.relu().log()
        near = torch.isclose(x, y).float()
        mixed = torch.where(x > 0, torch.complex(x, x + 1), x)
        return x * first, y.logcumsumexp(0).exp(), y.diag_embed().exp(), near, torch.view_as_real(mixed)


order = torch.jit.script(Order().eval())
row = torch.tensor([[-1, 0.5, 2, 0]])
torch.jit.save(order, "order.pt")
slim("order.pt")
save("order.pt", order, row)


class Shared(nn.Module):
    """Views by indices, which see what is written to their base; one that can be written to; and a flattened view."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 5))

    def forward(self, x):
        base = self.table * x.reshape(1)
        windows, diagonal = base.unfold(1, 3, 2), base.diagonal(1)
        pairs = base.as_strided([3, 2], [5, 1])
        flat = base.unsqueeze(1).select(1, 0).transpose(0, 1).unsqueeze(1).flatten(1)
        base.mul_(3)
        diagonal.add_(1)
        return windows, diagonal + 0, pairs + 0, flat * 1, base


row = torch.randn(1)
shared = Shared()
torch.jit.save(torch.jit.trace(shared, row), "shared.pt")
slim("shared.pt")
save("shared.pt", shared, row)


class Sizes(nn.Module):
    """Whether reshape() and contiguous() copy depends on sizes that the archive leaves open: of one column nothing is
    copied. Means of bytes, of which many are halves."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(4, 4, 1)

    def forward(self, x):
        x, z = self.mix(x), self.mix(2.0 * x)
        flat, turned = x.transpose(1, 2).flatten(1), z.transpose(1, 2).contiguous()
        flat.mul_(2.0)
        z[:, 1:3].add_(1.0)
        grid = torch.quantize_per_tensor(z.reshape(1, 1, 2, -1), 0.041, 110, torch.quint8)
        return x * 1.0, flat, turned + 0.0, nn.functional.adaptive_avg_pool2d(grid, [2, 3]).dequantize()


sizes, columns = torch.jit.script(Sizes().eval()), torch.randn(2, 4, 1)
torch.jit.save(sizes, "sizes.pt")
slim("sizes.pt")
save("sizes-of-one.pt", sizes, columns)


class Levels(nn.Module):
    """Operators that round their result by a scale of their own, not by their input's, or by that of the first of a list;
    halves of bytes; packed weights in a frozen module."""

    def __init__(self):
        super().__init__()
        self.conv = torch.ao.nn.quantized.Conv2d(2, 3, 2, stride=2, padding=1)
        self.conv.scale, self.conv.zero_point = 0.02, 90

    def forward(self, x):
        y = torch.ops.quantized.leaky_relu(self.conv(torch.quantize_per_tensor(x, 0.03, 110, torch.quint8)), 0.1, False, 0.01, 30)
        z = torch.ops.quantized.elu(y, 0.009, 70, 1.0)
        w = torch.ops.quantized.batch_norm2d_relu(z, torch.ones(3), torch.zeros(3), torch.ones(3) * 0.1, torch.ones(3), 0.1, 0.008, 20)
        n = torch.ops.quantized.instance_norm(w, torch.ones(3), torch.zeros(3), 0.1, 0.015, 99)
        both, wide = torch.cat([y, z], 1), nn.functional.interpolate(w, scale_factor=2.0, mode="bilinear")
        lists = torch.ops.quantized.cat([y, z], 1, 0.02, 60), nn.functional.pad(n, [1, 0], value=0.521)
        return tuple(v.dequantize() for v in (y, z, w, n, both, wide, *lists))


levels = Levels().eval()
weight = torch.quantize_per_channel(torch.randn(3, 2, 2, 2), torch.tensor([0.02, 0.03, 0.01]).double(), torch.zeros(3).long(), 0, torch.qint8)
levels.conv.set_weight_bias(weight, torch.randn(3))
grid = torch.randn(1, 2, 4, 4)
torch.jit.save(torch.jit.freeze(torch.jit.trace(levels, grid)), "levels.pt")
slim("levels.pt")
save("levels.pt", levels, grid)


class Table(nn.Module):
    """An embedding of bytes, whose rows have zero points that are no whole numbers, and the likeness of two of them."""

    def __init__(self):
        super().__init__()
        self.rows = torch.ao.nn.quantized.Embedding(4, 4)

    def forward(self, which):
        y = self.rows(which)
        return y, torch.cosine_similarity(y, y[:, :, :1], -1)


table = Table().eval()
table.rows.set_weight(
    torch.quantize_per_channel(torch.randn(4, 4), torch.rand(4) / 50 + 0.01, torch.rand(4) * 99, 0, torch.quint8))
which = torch.tensor([[2, 0]])
torch.jit.save(torch.jit.trace(table, which), "table.pt")
slim("table.pt")
save("table.pt", table, which)


class Runs(nn.Module):
    """What reshape() makes of a diagonal and of rows apart is a view, of windows that overlap a copy; all are written."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(4, 4))

    def forward(self, x):
        base = self.table * x.reshape(1)
        diagonal, windows = base.diagonal().reshape(2, 2), base.unfold(1, 3, 1).reshape(4, 6)
        diagonal.mul_(3)
        windows.sub_(1)
        rows = base.as_strided([2, 3], [8, 1], 1).reshape(6)
        inner = base.diagonal(1).as_strided([2], [10])
        base.add_(1)
        return base, windows, rows * 1, inner * 1


runs, factor = Runs(), torch.randn(1)
torch.jit.save(torch.jit.trace(runs, factor), "runs.pt")
slim("runs.pt")
save("runs.pt", runs, factor)


class Kept(nn.Module):
    """Activations that round their result by the scale of what goes in."""

    def forward(self, x):
        x = torch.quantize_per_tensor(x, 0.05, 100, torch.quint8)
        return nn.functional.gelu(x).dequantize(), nn.functional.threshold(x, 0.3, 0.12).dequantize()


kept = Kept()
line = torch.randn(8)
torch.jit.save(torch.jit.trace(kept, line), "kept.pt")
slim("kept.pt")
save("kept.pt", kept, line)


class Back(nn.Module):
    """Lists in parts, forwards and backwards, with ends that are left out or lie outside."""

    def forward(self, x):
        x = x.reshape(2)
        parts = [x, x + 1, x + 2, x + 3, x + 4]
        some = parts[::-1] + parts[3:0:-2] + parts[-2::-3] + parts[9:-9:-4] + parts[1:-1] + parts[-9:9:3]
        return torch.stack(some + parts[:2:-1] + parts[1:3:-1] + parts[0:-1:-1])


back, line = torch.jit.script(Back()), torch.randn(2)
torch.jit.save(back, "back.pt")
slim("back.pt")
save("back.pt", back, line)


@torch.jit.script
class Pair:
    def __init__(self, a: torch.Tensor):
        self.a = a


def first_of(v: Union[torch.Tensor, Pair]) -> torch.Tensor:
    return v.a * 2 if isinstance(v, Pair) else v


class Given(nn.Module):
    """Arguments that have a default of each kind keep it."""

    def forward(self, x, up: bool = True, times: int = 3, sizes: Tuple[int, int] = (2, 1), by: Optional[float] = 1.5,
                other: Optional[torch.Tensor] = None):
        if up and x.layout == torch.strided:
            x = x + 1
        for _ in range(times):
            x = x * (by if by is not None else 7.0)
        if other is not None:
            x = x - other
        return first_of(Pair(x.reshape(sizes))) - first_of(x.reshape(sizes)) * 0.1


given, line = torch.jit.script(Given()), torch.randn(2)
torch.jit.save(given, "given.pt")
slim("given.pt")
save("given.pt", given, line)


class Either(nn.Module):
    """Both tensors may be left out, so that both are inputs."""

    def forward(self, a: Optional[torch.Tensor] = None, b: Optional[torch.Tensor] = None, scale: float = 2.0):
        x = a * scale if a is not None else torch.zeros(2)
        return x + b if b is not None else x


either, line = torch.jit.script(Either()), torch.randn(2)
torch.jit.save(either, "either.pt")
slim("either.pt")
save("either.pt", either, line, torch.randn(2))


class Typed(nn.Module):
    """What is written in place keeps its type, what is joined gets the widest; tensors of lists; texts that are cut."""

    def forward(self, x):
        name = "max" if int("12") == 12 and "12".isdigit() and float("0.5") == 0.5 else "min"
        x = x.reshape(4)
        wide, small = x.double(), (x * 9).to(torch.int8)
        narrow, one = x * 1, x[0] * 1
        narrow += wide * 2
        one.mul_(torch.tensor(0.3, dtype=torch.float64))
        small += (x * 1000).int()
        mask = x > 0
        mask |= x < -1
        joined = torch.cat([mask, small]), torch.stack([small, x])
        which = torch.tensor([[0, 2], [2, 0]])
        most = torch.zeros(3, 2).scatter_reduce_(
            0, which, x.reshape(2, 2), "a{}".format(name[-3:]), include_self=False)
        return narrow, one, small, joined[0], joined[1], most, torch.tensor([True, False]), which.to(x.dtype) / 2


typed, line = torch.jit.script(Typed()), torch.randn(4)
torch.jit.save(typed, "typed.pt")
slim("typed.pt")
save("typed.pt", typed, line)


class Blocks(nn.Module):
    """Rows and blocks of them quantised as they come, by torchao's operators."""

    def forward(self, x):
        ao, out = torch.ops.torchao, []
        for kind, block, keep in (("SYMMETRIC", [1, 8], True), ("ASYMMETRIC", [1, 8], False),
                                  ("SYMMETRIC_NO_CLIPPING_ERR", [1, 4], False), ("ASYMMETRIC", [2, 2], True)):
            scale, zero = ao.choose_qparams_affine(
                x, kind, block, torch.int8, -8, 7, None, torch.float32, torch.int32, keep)
            q = ao.quantize_affine(x, block, scale, zero, torch.int8, -8, 7)
            out += [scale, zero, q, ao.dequantize_affine(q, block, scale, zero, torch.int8, -8, 7)]
        return tuple(out) + (ao.dequantize_affine(q, block, scale, None, torch.int8),)


blocks, rows = Blocks(), torch.randn(2, 8) + 0.3
torch.export.save(torch.export.export(blocks, (rows,)), "blocks.pt2")
slim("blocks.pt2")
save("blocks.pt2", blocks, rows)


class Order(enum.Enum):
    FIRST = "first"
    LAST = "last"


class Ordered(nn.Module):
    """Members of an Enum: of the module, and named by the script."""

    def __init__(self):
        super().__init__()
        self.order = Order.LAST

    def forward(self, x):
        if self.order != Order.FIRST:
            x = x.permute(0, 2, 1)
        return x * 2 if self.order == Order.LAST else x


ordered, block = torch.jit.script(Ordered()), torch.randn(1, 2, 3)
torch.jit.save(ordered, "enum.pt")
slim("enum.pt")
save("enum.pt", ordered, block)


class Special(nn.Module):
    """Functions of statistics, orders, matrices and losses, and pictures made smaller without gaps."""

    def forward(self, x, y):
        z = x.erfinv(), y.lgamma(), y.digamma(), torch.special.i0(y), torch.special.ndtri((x + 1) / 2)
        f = nn.functional
        small = [f.interpolate(x[None, None], [3, 4], mode=m, antialias=True) for m in ("bilinear", "bicubic")]
        v, at = x.median(1)
        r, k, c = torch.unique_consecutive(y.round(), return_inverse=True, return_counts=True)
        t = torch.tensor([1, 0, 4, 1, 3, 4])
        q = torch.quantile(x, torch.tensor([0.3, 0.8]), 1, interpolation="midpoint")
        losses = [f.cross_entropy(x, t, ignore_index=3), f.binary_cross_entropy_with_logits(x, y),
                  f.kl_div(x, y.abs()), f.huber_loss(x, y, delta=0.4), f.binary_cross_entropy(x.sigmoid(), y.sigmoid())]
        inv = torch.linalg.inv(x[:, :6] + torch.flip(torch.eye(6), [0]) * 2)
        norms = [torch.linalg.norm(x, 1), torch.linalg.norm(x, -1), torch.linalg.norm(x, float("inf"), [1, 0])]
        return (*z, torch.cat(small), v, at, r, k, c, torch.bincount(t, minlength=7), torch.bincount(t, y[:, 0]), q,
                torch.stack(losses), inv, torch.linalg.det(inv[:3, :3]), torch.stack(norms), x.roll(5),
                torch.unique(x.round(), return_inverse=True)[1], torch.scatter_add(x, 1, t[:, None], y),
                f.pdist(x), torch.trapezoid(y, x), torch.cov(x), torch.kaiser_window(9),
                torch.fake_quantize_per_tensor_affine(y, 0.1, 3, 0, 15), torch.heaviside(x.round(), y), t << 3, t >> 1)


special, rows, others = Special(), torch.rand(6, 8) * 1.9 - 0.95, torch.randn(6, 8) * 3
torch.jit.save(torch.jit.trace(special, (rows, others)), "special.pt")
slim("special.pt")
save("special.pt", special, rows, others)


class Matrices(nn.Module):
    """Decompositions, the most frequent, common divisors, losses of labels, and pictures by factors that f32 rounds."""

    def forward(self, x, y, n):
        f = nn.functional
        square = x @ x.mT + torch.eye(5)
        low, bad = torch.linalg.cholesky_ex(square)
        t, target = n[0].abs() % 8, n.abs() % 7 + 1
        length = torch.tensor([12, 9, 3, 12])
        ctc = [f.ctc_loss(y.log_softmax(2), target, length, torch.tensor([8, 0, 5, 2]), reduction=r)
               for r in ("none", "mean")]
        weight = torch.arange(1, 9) / 4
        smooth = [f.cross_entropy(y[0, :, :8].T[:8, :1].expand(8, 8), t, w, label_smoothing=0.1, ignore_index=3, reduction=r)
                  for w in (None, weight) for r in ("mean", "sum")]
        smooth += [f.cross_entropy(y[0], y[1].softmax(1), weight, label_smoothing=0.2)]
        image = torch.arange(300).view(1, 1, 100, 3) / 7
        sizes = [f.interpolate(image, scale_factor=s, mode=m) for s in (2.3, 1.7, (0.3, 1.7), (0.29, 1.0))
                 for m in ("nearest", "nearest-exact")]
        return (low, bad, torch.linalg.cholesky(square, upper=True), torch.cholesky_solve(x, low),
                torch.cholesky_inverse(low), *torch.linalg.qr(x), *torch.linalg.qr(x.mT, "complete"),
                *torch.linalg.lu(x[:, :, :4]), *torch.linalg.lu_factor(square), *n.mode(1), *n.float().mode(0, True),
                torch.gcd(n, n[1]), torch.lcm(n[0], n), *ctc, torch.stack(smooth), torch.special.round(x),
                *sizes)


matrices = Matrices(), torch.randn(2, 5, 7), torch.randn(12, 4, 8), torch.randint(-9, 10, (4, 8))
torch.jit.save(torch.jit.trace(*matrices[:1], matrices[1:]), "matrices.pt")
slim("matrices.pt")
save("matrices-answers.pt", *matrices)  # read for the shapes of its inputs

overloaded, steps = nn.GRU(3, 4), torch.randn(5, 2, 3)
torch.jit.save(torch.jit.script(overloaded), "overloaded.pt")
slim("overloaded.pt")
save("overloaded-answers.pt", overloaded, steps)


class Steps(nn.Module):
    """The element types of steps, of ones on a diagonal, and of sums of 32-bit whole numbers, which are of 64 bits."""

    def forward(self, x):
        n = x.int()
        low = n.min()
        eyes = [torch.eye(3, dtype=torch.bool) | (x > 0), torch.eye(3, 4, dtype=torch.int64) + low, torch.eye(3) + x]
        steps = [torch.linspace(0, 10, 4, dtype=torch.int64), torch.linspace(5, 0, 4, dtype=torch.int32),
                 torch.linspace(0, 7, 22, dtype=torch.int64), torch.linspace(3, 4, 1), torch.linspace(-1, 1, 7)]
        sums = [n.sum(1), n.prod(1), (n * 900000000).sum(2), n.sum(2, dtype=torch.float32), n.cumsum(1), n.amax(1)]
        return (*eyes, *[s + low for s in steps], *sums)


steps, numbers = Steps(), torch.randint(-3, 4, (2, 3, 3)).float()
torch.jit.save(torch.jit.trace(steps, numbers), "steps.pt")
slim("steps.pt")
save("steps-answers.pt", steps, numbers)


class Same(nn.Module):
    """Pads as the input's size asks for them, as TensorFlow's convolutions have; what tells how many axes it has comes behind them."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 3, 3, 3) / 5)

    def forward(self, x):
        pads = []
        for n in (x.size(3), x.size(2)):
            traced = isinstance(n, torch.Tensor)
            least = ((torch.ceil(n / 2) - 1) * 2 + 3 - n).clamp(min=0) if traced else max((-(-n // 2) - 1) * 2 + 3 - n, 0)
            pads += [least // 2, least - least // 2]
        return nn.functional.conv2d(nn.functional.pad(x, pads), self.weight, stride=2)


same, picture = Same(), torch.randn(1, 3, 7, 10)
torch.jit.save(torch.jit.trace(same, picture), "same.pt")
slim("same.pt")
save("same.pt", same, picture)


class Rate(nn.Module):
    """Arguments that are numbers: a rate that is one of a list, and a factor."""

    def __init__(self):
        super().__init__()
        self.rates = [8000, 16000]

    def forward(self, x, rate: int, factor: float):
        if rate not in self.rates:
            raise ValueError("want one of {}".format(self.rates))
        return x[:, ::2] * factor if rate // 8000 == 2 else x[:, 1:3] + rate


sound = torch.randn(2, 4)
torch.jit.script(Rate()).save("rate.pt")
slim("rate.pt")
save("rate.pt", lambda x, rate, factor: Rate()(x, int(rate), float(factor)), sound, torch.tensor(16000), torch.tensor(0.5))


class Scaled(nn.Module):
    """A scale that f32 rounds, as detectors have it for their photos: 50 over 25 as 0.04 times 50, which is just below 2 in f64."""

    def forward(self, x):
        side = torch.min(torch.tensor(x.shape[-2:])).to(torch.float32)
        scale = torch.min(50.0 / side, 99.0 / side).item()
        return nn.functional.interpolate(x, scale_factor=float(scale), mode="bilinear", recompute_scale_factor=True, align_corners=False)


scaled, picture = torch.jit.script(Scaled()), torch.randn(1, 1, 26, 25)
torch.jit.save(scaled, "scaled.pt")
slim("scaled.pt")
save("scaled.pt", scaled, picture)


def weighed(x):
    """Numbers of Python's beside tensors without axes, which a trace keeps as tensors of f64 and i64."""
    return x.sum() * 2.5 + 1, x.long().sum() * 0.25, x.sum(0) / 3


line = torch.randn(4)
torch.jit.save(torch.jit.trace(weighed, line), "weighed.pt")
slim("weighed.pt")
save("weighed.pt", weighed, line)


class Bags(nn.Module):
    """A branch that asks whether a tensor is quantised, as functions of torch.ao ask; bags of an embedding in bytes; axes out of a tensor."""

    def __init__(self):
        super().__init__()
        self.bag = torch.ao.nn.quantized.EmbeddingBag(5, 8, mode="sum")

    def forward(self, x, indices, offsets):
        q = torch.quantize_per_tensor(x, 0.05, 100, torch.quint8)
        if x.is_quantized:
            raise ValueError("want numbers that are not quantised")
        axes: List[int] = torch.arange(1, x.dim()).tolist()
        elu = torch.ao.nn.quantized.functional.elu(q, 0.037, 90).dequantize()
        return elu, self.bag(indices, offsets), x.mean(axes), self.bag(indices[1:].reshape(2, 2))


bags = torch.jit.script(Bags().eval())
line, which, starts = torch.randn(2, 4), torch.tensor([4, 0, 2, 2, 3]), torch.tensor([0, 2, 3])
torch.jit.save(bags, "bags.pt")
slim("bags.pt")
save("bags.pt", bags, line, which, starts)


class Promoted(nn.Module):
    """Element types that a program asks for: of two the wider one."""

    def forward(self, x, y):
        return x.to(torch.promote_types(x.dtype, y.dtype)), y.to(torch.promote_types(torch.int8, torch.int32))


mixed = (torch.randint(0, 9, (2, 3)), torch.randn(3) * 4)
torch.export.save(torch.export.export(Promoted(), mixed), "promoted.pt2")
slim("promoted.pt2")
save("promoted.pt2", Promoted(), *mixed)


class Turned(nn.Module):
    """Complex numbers that are constants: a buffer, by which positions are turned, and an argument. And one that is no number."""

    def __init__(self):
        super().__init__()
        angles = torch.outer(torch.arange(3.0), torch.tensor([1.0, 0.1]))
        self.register_buffer("turns", torch.polar(torch.ones_like(angles), angles))

    def forward(self, x):
        turned = torch.view_as_complex(x.reshape(2, 3, 2, 2)) * self.turns
        waves = x.cos() + 1j * x.sin()
        return torch.view_as_real(turned).flatten(-2), torch.view_as_real(waves * 0.5), x.masked_fill(x > 0, float("nan")).isnan()


turned, rows = Turned(), torch.randn(2, 3, 4)
torch.jit.save(torch.jit.trace(turned, rows), "turned.pt")
torch.export.save(torch.export.export(turned, (rows,)), "turned.pt2")
slim("turned.pt")
slim("turned.pt2")
save("turned.pt2", turned, rows)


class Apart(nn.Module):
    """A photo and several texts: two batches."""

    def __init__(self):
        super().__init__()
        self.photo, self.text = nn.Linear(3, 2), nn.Linear(4, 2)

    def forward(self, photo, texts):
        return self.photo(photo), self.text(texts)


apart, pair = Apart().eval(), (torch.randn(1, 3), torch.randn(2, 4))
torch.jit.save(torch.jit.trace(apart, pair), "apart.pt")
slim("apart.pt")
save("apart.pt", apart, *pair)


class Patches(nn.Module):
    """Sizes that are rounded up to whole patches, as in MobileViT: a branch that shapes decide."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Conv2d(2, 2, 1)

    def forward(self, x):
        x = self.mix(x)
        high, wide = int(math.ceil(x.shape[2] / 2) * 2), int(math.ceil(x.shape[3] / 2) * 2)
        if high != x.shape[2] or wide != x.shape[3]:
            x = nn.functional.interpolate(x, size=[high, wide], mode="bilinear")
        x = x.reshape(x.shape[0], 2, high // 2, 2, wide).transpose(2, 3).reshape(x.shape[0], 2, -1)
        first, second = x.unbind(1)
        return first * second


patches, image = Patches().eval(), torch.randn(1, 2, 4, 6)
torch.jit.save(torch.jit.script(patches), "patches.pt")
slim("patches.pt")
save("patches.pt", patches, image)
torch.jit.save(torch.jit.trace(patches, image), "patches-traced.pt")
slim("patches-traced.pt")
