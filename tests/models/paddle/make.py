#!/usr/bin/env python3
# Makes the Paddle samples and their answers, with seeded weights: `make.py old` with paddlepaddle 2.6 (programs), then
# `make.py new` with 3.3 (PIR). The answers are those of the framework that saved the network.
import os
import sys

import numpy as np
import paddle
import paddle.nn as nn
import paddle.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
random = np.random.RandomState(7)


class Cnn(nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 6, 3, stride=2, padding=[1, 0, 1, 1], bias_attr=False)
        self.norm = nn.BatchNorm2D(6)
        self.depthwise = nn.Conv2D(6, 6, 3, padding=1, groups=6)
        self.squeeze = nn.Conv2D(6, 2, 1)
        self.excite = nn.Conv2D(2, 6, 1)
        self.up = nn.Conv2DTranspose(6, 4, 2, stride=2)
        self.fc = nn.Linear(10, 5)

    def forward(self, x):
        x = F.hardswish(self.norm(self.conv(x)))
        x = F.relu6(self.depthwise(x))
        factor = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        x = x * factor
        y = F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)
        x = paddle.concat([self.up(x), y], 1)
        x = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        x = F.adaptive_avg_pool2d(x, 1).flatten(1)
        return F.softmax(self.fc(F.dropout(x, 0.2, training=self.training)), 1)


class Rnn(nn.Layer):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.lstm = nn.LSTM(4, 3, direction='bidirect')
        self.norm = nn.LayerNorm(6)
        self.gru = nn.GRU(6, 3)

    def forward(self, x):
        y, _ = self.lstm(self.embed(x))
        y, h = self.gru(self.norm(y))
        return F.log_softmax(y, -1), h.transpose([1, 0, 2]).squeeze(1)


class Flow(nn.Layer):
    def forward(self, x):
        i = paddle.zeros([1], 'int64')
        while i < 3:
            x = x * 1.5 + 1
            i = i + 1
        if paddle.mean(x) > 4:
            y = x[:, 1:] * 2
        else:
            y = x[:, :-1] - 1
        return y


class Rare(nn.Layer):
    """Operators whose attributes, places of operands or layouts are easily overlooked."""
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 4, 3, padding=1, data_format='NHWC')
        self.norm = nn.GroupNorm(2, 4, data_format='NHWC')

    def forward(self, x, at):
        y = F.max_pool2d(self.norm(self.conv(x)), 2, 2, data_format='NHWC').transpose([0, 3, 1, 2])
        big = F.interpolate(y, scale_factor=[1.5, 2.3], mode='bilinear', align_corners=True)
        big = F.avg_pool2d(big, 3, 2, 1, ceil_mode=True, exclusive=False)
        turned = paddle.atan2(y, y.roll(1, 3)) + F.thresholded_relu(y, .5, value=-1.) + paddle.round(y, decimals=1)
        curved = F.softplus(y * 5, 2, 5) + paddle.lerp(y, turned, .3) + paddle.cumprod(y, 2)
        most, places = F.max_pool2d(y, 2, 2, return_mask=True)
        put = y.flatten()
        put[at] = 7.
        kept = paddle.vision.ops.nms(paddle.repeat_interleave(y.flatten()[:8].abs().reshape([-1, 2]), 2, 1).cumsum(1), .3)
        return big, turned, curved, places, put, kept, paddle.index_put(y, (y > 0,), paddle.to_tensor(2.))


class Joined(nn.Layer):
    """A product along the axis that is found by its size; a distribution that an operand tells."""
    def forward(self, x):
        shares = paddle.to_tensor([[.1, .2, .3, .25, .15]])
        return paddle.cross(x, x.roll(1, 1)), F.label_smooth(x, shares, .2)


class Lists(nn.Layer):
    """A list that a loop fills and writes over."""
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(nn.GRUCell(3, 4))

    def forward(self, x):
        rows = []
        for i in range(x.shape[0]):
            if x[i].sum() > 0:
                rows.append(x[i] * 2)
            else:
                rows.append(x[i])
            rows[0] = x[i]
        return paddle.stack(rows), self.rnn(x)[0]


class Detect(nn.Layer):
    def __init__(self):
        super().__init__()
        self.head = nn.Conv2D(4, 14, 1)

    def forward(self, x, size):
        boxes, scores = paddle.vision.ops.yolo_box(self.head(x), size, [10, 13, 16, 30], 2, 0.3, 16)
        out = paddle._C_ops.multiclass_nms3(boxes, scores.transpose([0, 2, 1]), None, 0.1, 20, 6, 0.4, True, 1.0, -1)
        return out[0], out[2]


class Same(nn.Layer):
    """Padding by name, of a convolution, of a transposed one and of a pool whose size is rounded up."""
    def forward(self, x, w):
        up = F.conv2d_transpose(x, w, stride=[2, 3], padding='SAME')
        return up, F.conv2d(up, w, stride=2, padding='SAME'), F.max_pool2d(x, 2, 1, padding='SAME', ceil_mode=True)


class Algebra(nn.Layer):
    """What is read by PyTorch's functions; a pool's maxima put back where they were."""
    def forward(self, x, size):
        y, at = F.max_pool2d(x, 2, 2, return_mask=True)
        square = x + paddle.eye(4) * 6
        values, places = paddle.kthvalue(x, 2, 1)
        return (F.max_unpool2d(y, at, 2, 2), at, *F.max_pool2d(x, 3, 2, ceil_mode=True, return_mask=True), F.unfold(x, 3, paddings=[1, 0, 2, 1]),
                F.fold(F.unfold(x, 3, paddings=[1, 0, 2, 1]), [4, 4], 3, paddings=[1, 0, 2, 1]), F.rrelu(x, 0.1, 0.2, training=False), values, places,
                paddle.linalg.solve(square, x), paddle.linalg.inv(square) + paddle.diag_embed(size), paddle.diag(size),
                paddle.linalg.cholesky(paddle.matmul(square, square, transpose_y=True)), paddle.linalg.det(square),
                paddle.diagonal(x, 1, 2, 3), paddle.logcumsumexp(x, 1), paddle.kron(x[0, 0], size), paddle.dist(x, y[:, :, :1, :1]),
                paddle.lgamma(size + 3) + paddle.digamma(size + 3) + paddle.erfinv(size / 9) + paddle.heaviside(size, x[0, 0, 0]))


def save(name, net, inputs, shapes=None):
    net.eval()
    for layer in net.sublayers():
        if isinstance(layer, nn.BatchNorm2D):
            count = layer.weight.shape[0]
            for value, low, high in ((layer._mean, -.2, .2), (layer._variance, .5, 1.5), (layer.bias, -.2, .2)):
                value.set_value(random.uniform(low, high, count).astype('f'))
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    results = net(*[paddle.to_tensor(i) for i in inputs])
    results = results if isinstance(results, (list, tuple)) else [results]
    for k, i in enumerate(inputs):
        np.save(f'{folder}/in_{k}.npy', i)
    for k, r in enumerate(results):
        np.save(f'{folder}/out_{k}.npy', r.numpy())
    shapes = shapes or [list(i.shape) for i in inputs]
    spec = [paddle.static.InputSpec(s, str(i.dtype), n) for s, i, n in zip(shapes, inputs, ('x', 'size'))]
    paddle.jit.save(net, os.path.join(HERE, name), input_spec=spec)


def images(*shape):
    return random.standard_normal(shape).astype('f')


paddle.seed(3)
if sys.argv[1] == 'old':
    save('cnn', Cnn(), [images(1, 3, 11, 12)], [[None, 3, None, None]])
    save('rnn', Rnn(), [random.randint(0, 9, (1, 5)).astype('int64')])
    save('flow', Flow(), [images(2, 4)])
    save('parts', nn.Sequential(nn.Conv2D(3, 4, 3), nn.PReLU(4), nn.Conv2D(4, 2, 1)), [images(1, 3, 5, 6)])
else:
    save('pir', Cnn(), [images(1, 3, 11, 12)], [[None, 3, None, None]])
    save('rare', Rare(), [images(1, 8, 10, 3), np.array([3, 5, 8])])
    save('lists', Lists(), [images(4, 5, 3)], [[None, None, 3]])
    save('joined', Joined(), [images(2, 3, 5)])
    save('loop', Flow(), [images(2, 4)])
    save('detect', Detect(), [images(1, 4, 3, 4), np.array([[48, 64]], 'int32')])
    save('same', Same(), [images(1, 3, 5, 4), images(3, 3, 4, 3)])
    save('algebra', Algebra(), [images(1, 2, 4, 4), images(4)])


def strip(path):
    """Without what tells where the program was written, and what only training reads."""
    from paddle.base.proto import framework_pb2
    program = framework_pb2.ProgramDesc.FromString(open(path, 'rb').read())
    program.ClearField('op_version_map')
    for block in program.blocks:
        for op in block.ops:
            kept = [a for a in op.attrs if not a.name.startswith(('op_', 'with_quant', 'use_', 'mkldnn', 'workspace'))]
            kept = [type(a).FromString(a.SerializeToString()) for a in kept]
            op.ClearField('attrs')
            op.attrs.extend(kept)
    open(path, 'wb').write(program.SerializeToString())


def take_apart(name, to):
    """The older form of a model: a folder with the program and a file for each parameter."""
    folder = os.path.join(HERE, to)
    os.makedirs(folder, exist_ok=True)
    os.replace(os.path.join(HERE, name + '.pdmodel'), os.path.join(folder, '__model__'))
    from paddle.base.proto import framework_pb2
    program = framework_pb2.ProgramDesc.FromString(open(os.path.join(folder, '__model__'), 'rb').read())
    names = sorted(v.name for v in program.blocks[0].vars if v.persistable and v.name not in ('feed', 'fetch'))
    data = open(os.path.join(HERE, name + '.pdiparams'), 'rb').read()
    for v in names:
        size = int.from_bytes(data[16:20], 'little')
        desc = framework_pb2.VarType.TensorDesc.FromString(data[20:20 + size])
        end = 20 + size + 4 * int(np.prod(desc.dims))
        open(os.path.join(folder, v), 'wb').write(data[:end])
        data = data[end:]
    os.remove(os.path.join(HERE, name + '.pdiparams'))


for name in os.listdir(HERE):
    if name.endswith('.info'):
        os.remove(os.path.join(HERE, name))
    if name.endswith('.pdmodel') and sys.argv[1] == 'old':
        strip(os.path.join(HERE, name))
if sys.argv[1] == 'old':
    take_apart('parts', 'parts')
