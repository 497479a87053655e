#!/usr/bin/env python3
"""Makes the small TFLite models beside it, and the answers of LiteRT's reference kernels: needs Python's tensorflow-cpu, tf-keras, ai-edge-litert, flatbuffers and numpy, none of which
the tests need. Run in this folder."""
import io
import os
import pathlib
import zipfile

import flatbuffers
import numpy as np
os.environ["TF_USE_LEGACY_KERAS"] = "1"  # whose recurrent layers the converter knows
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType

L = tf.keras.layers
INT8 = tf.lite.OpsSet.TFLITE_BUILTINS_INT8
INT16 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8


def convert(function, shapes, samples=None, ops=None, dtype=None, half=False, module=None, keras=None):
    concrete = tf.function(function, input_signature=[tf.TensorSpec(s, d) for s, d in shapes]).get_concrete_function()
    c = tf.lite.TFLiteConverter.from_keras_model(keras) if keras else tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if samples or half:
        c.optimizations = [tf.lite.Optimize.DEFAULT]
    if half:
        c.target_spec.supported_types = [tf.float16]
    if samples:
        c.representative_dataset = lambda: samples
        c.target_spec.supported_ops = [ops]
        c.inference_input_type = c.inference_output_type = dtype
    if module:
        c.experimental_enable_resource_variables = True
    return c.convert()


def answer(name, inputs, folder, states):
    it = Interpreter(model_path=f"{name}.tflite", experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    it.allocate_tensors()
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    for i, (d, x) in enumerate(zip(it.get_input_details(), inputs)):
        it.set_tensor(d["index"], x)
        np.save(folder / f"in_{i}.npy", x)
    it.invoke()
    outputs = [it.get_tensor(d["index"]) for d in it.get_output_details()]
    for i, x in enumerate(outputs + states(it, outputs)):
        np.save(folder / f"out_{i}.npy", x)


def make(name, data, inputs, folder=None, states=lambda it, outputs: []):
    """states: the new values of what is kept from run to run, in the order of the file's operators."""
    pathlib.Path(f"{name}.tflite").write_bytes(data)
    answer(name, inputs, folder or name, states)


def hidden_and_cell(it, outputs):
    lstm = next(o for o in it._get_ops_details() if o["op_name"] == "UNIDIRECTIONAL_SEQUENCE_LSTM")
    return [it.get_tensor(lstm["inputs"][k]) for k in (18, 19)]


def cnn():
    i = L.Input((10, 10, 3))
    a = L.Conv2D(4, 3, strides=2, padding="same", activation="relu6")(i)
    b = L.DepthwiseConv2D(3, padding="same")(a)
    c = L.MaxPool2D(2)(L.Concatenate()([L.Add()([a, b]), a]))
    return tf.keras.Model(i, L.Softmax()(L.Dense(5)(L.Flatten()(c))))


def loop(x, n):
    def double():
        return tf.while_loop(lambda k, v: k < n[0], lambda k, v: (k + 1, v * 2.0 + tf.cast(k, tf.float32)), [0, x])[1]

    return tf.cond(n[0] > 1, double, lambda: tf.nn.relu(x) - 3.0)


class Mean(tf.Module):
    def __init__(self):
        super().__init__()
        self.sum = tf.Variable([[0.5, 1.0, 1.5, 2.0]])

    def __call__(self, x):
        self.sum.assign(self.sum * 0.5 + x)
        return self.sum + 1.0


def table(b, fields):
    """A table of (slot, kind, value), of which the offsets are made already."""
    b.StartObject(1 + max(slot for slot, _, _ in fields))
    for slot, kind, value in fields:
        if kind == "ref":
            b.PrependUOffsetTRelativeSlot(slot, value, 0)
        else:
            b.PrependInt8Slot(slot, value, 0)
    return b.EndObject()


def refs(b, list_):
    b.StartVector(4, len(list_), 4)
    for r in reversed(list_):
        b.PrependUOffsetTRelative(r)
    return b.EndVector()


def floats(b, list_):
    b.StartVector(4, len(list_), 4)
    for f in reversed(list_):
        b.PrependFloat32(f)
    return b.EndVector()


def metadata():
    """Normalisation of the input by mean 127.5 and deviation 127.5, and the labels of the output in a file of the archive."""
    b = flatbuffers.Builder(0)
    name, author = b.CreateString("labels.txt"), b.CreateString("tests")
    options = table(b, [(0, "ref", floats(b, [127.5])), (1, "ref", floats(b, [127.5]))])
    unit = table(b, [(0, "byte", 1), (1, "ref", options)])
    units = refs(b, [unit])
    inputs = refs(b, [table(b, [(4, "ref", units)])])
    files = refs(b, [table(b, [(0, "ref", name), (2, "byte", 2)])])
    outputs = refs(b, [table(b, [(6, "ref", files)])])
    graphs = refs(b, [table(b, [(2, "ref", inputs), (3, "ref", outputs)])])
    root = table(b, [(0, "ref", author), (3, "ref", graphs), (4, "ref", author)])
    b.Finish(root, b"M001")
    return bytes(b.Output())


def with_metadata(data):
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(metadata(), np.uint8)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = (model.metadata or []) + [entry]
    b = flatbuffers.Builder(0)
    b.Finish(model.Pack(b), b"TFL3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        info = zipfile.ZipInfo("labels.txt", (2020, 1, 1, 0, 0, 0))
        z.writestr(info, "ant\nbee\ncat\ndog\nelk\n")
    return bytes(b.Output()) + archive.getvalue()


def main():
    rng = np.random.default_rng(5)
    tf.keras.utils.set_random_seed(5)
    net = cnn()
    photo = [((1, 10, 10, 3), tf.float32)]
    samples = [[rng.uniform(-1, 1, (1, 10, 10, 3)).astype(np.float32)] for _ in range(20)]
    x = samples[0][0]
    plain = convert(lambda v: net(v), photo)
    make("cnn", with_metadata(plain), [x])
    make("cnn_fp16", convert(lambda v: net(v), photo, half=True), [x])
    byte = np.clip(np.round(x * 127), -128, 127)
    make("cnn_int8", convert(lambda v: net(v), photo, samples, INT8, tf.int8), [byte.astype(np.int8)])
    short = np.round(x * 32000).astype(np.int16)
    make("cnn_int16", convert(lambda v: net(v), photo, samples, INT16, tf.int16), [short], "cnn_int16.answer")
    lstm = tf.keras.Sequential([L.Input((4, 3), batch_size=1), L.LSTM(3, return_sequences=True), L.Dense(3)])
    steps = rng.standard_normal((1, 4, 3)).astype(np.float32)
    make("lstm", convert(lambda v: lstm(v), [((1, 4, 3), tf.float32)], keras=lstm), [steps], states=hidden_and_cell)
    four = rng.standard_normal((1, 4)).astype(np.float32)
    make("flow", convert(loop, [((1, 4), tf.float32), ((1,), tf.int32)]), [four, np.array([3], np.int32)])
    mean = Mean()
    make("variable", convert(mean.__call__, [((1, 4), tf.float32)], module=mean), [four], states=lambda it, o: [o[0] - 1])


if __name__ == "__main__":
    main()
