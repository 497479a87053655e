#!/usr/bin/env python3
"""Makes the small MXNet models beside it, with answers: needs Python's mxnet 1.9.1 and numpy 1.23. Seeded; run in this folder."""
import sys

import mxnet as mx
import numpy as np

sys.path.insert(0, "..")
from netdef import save

S = mx.sym
rng = np.random.RandomState(5)


def write(name, symbol, inputs):
    """All variables that are no inputs, or labels, get weights."""
    shapes = {k: v.shape for k, v in inputs.items()}
    arg_shapes, _, aux_shapes = symbol.infer_shape(**shapes)
    args = dict(zip(symbol.list_arguments(), arg_shapes))
    aux = {k: mx.nd.array(rng.uniform(0.5, 1, s)) for k, s in zip(symbol.list_auxiliary_states(), aux_shapes)}
    weights = {k: mx.nd.array(rng.uniform(-0.5, 0.5, s)) for k, s in args.items() if k not in inputs and not k.endswith("label")}
    labels = {k: mx.nd.zeros(s) for k, s in args.items() if k.endswith("label")}
    all_args = {**{k: mx.nd.array(v) for k, v in inputs.items()}, **weights, **labels}
    outputs = symbol.bind(mx.cpu(), all_args, aux_states=aux, grad_req="null").forward(is_train=False)
    symbol.save(f"{name}-symbol.json")
    mx.nd.save(f"{name}-0000.params", {**{"arg:" + k: v for k, v in weights.items()}, **{"aux:" + k: v for k, v in aux.items()}})
    save(f"{name}-symbol", [inputs[k] for k in args if k in inputs], [o.asnumpy() for o in outputs])


def cnn():
    x = S.Variable("data")
    v = S.Convolution(x, kernel=(3, 3), num_filter=4, pad=(1, 1), no_bias=True, name="conv0")
    v = S.Activation(S.BatchNorm(v, name="bn0"), act_type="relu", name="relu0")
    v = S.Pooling(v, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full", name="pool0")
    w = S.Convolution(v, kernel=(3, 3), num_filter=4, num_group=4, pad=(1, 1), name="dw")
    v = S.Concat(v, S.LeakyReLU(w, act_type="prelu", name="prelu0"), dim=1, name="cat")
    v = S.broadcast_mul(v, S.sigmoid(S.Pooling(v, kernel=(1, 1), global_pool=True, pool_type="avg", name="gap")), name="scaled")
    parts = S.SliceChannel(v, num_outputs=2, axis=1, name="parts")
    v = S.UpSampling(parts[0] + parts[1] * 0.5, scale=2, sample_type="nearest", name="up")
    heat = S.slice_axis(S.transpose(v, axes=(0, 2, 3, 1)), axis=1, begin=1, end=None, name="heat")
    v = S.FullyConnected(S.Reshape(S.L2Normalization(v, mode="channel"), shape=(0, -3, -2)), num_hidden=5, name="fc")
    write("cnn", S.Group([S.SoftmaxOutput(v, name="softmax"), heat]), {"data": rng.uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)})


def rnn():
    words, state, cell = S.Variable("words", shape=(5, 2)), S.Variable("state", shape=(2, 2, 4)), S.Variable("cell", shape=(2, 2, 4))
    v = S.Embedding(words, S.Variable("table"), input_dim=7, output_dim=3, name="embed")
    v = S.RNN(data=v, parameters=S.Variable("lstm_weights"), state=state, state_cell=cell, state_size=4, num_layers=1, mode="lstm", bidirectional=True, name="lstm")
    v = S.LayerNorm(v, S.Variable("ln_gamma"), S.Variable("ln_beta"), name="ln")
    best = S.argmax(v, axis=-1, name="best")
    inputs = {"words": rng.randint(0, 7, (5, 2)).astype(np.float32), "state": np.zeros((2, 2, 4), np.float32), "cell": rng.uniform(-1, 1, (2, 2, 4)).astype(np.float32)}
    again = S.RNN(data=v, parameters=S.Variable("gru_weights"), state=S.zeros((1, 0, 4)), state_size=4, num_layers=1, mode="gru", name="gru")
    grouped = S.GroupNorm(S.transpose(again, axes=(1, 2, 0)), S.Variable("gn_gamma"), S.Variable("gn_beta"), num_groups=2, name="gn")
    write("rnn", S.Group([v, best, S.SequenceReverse(v, name="back"), again, grouped]), inputs)


cnn()
rnn()
