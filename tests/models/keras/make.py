"""make.py: makes the samples of this folder and their answers with Keras 3 and, as tf_keras, Keras 2 (PyPI tensorflow-cpu 2.21,
keras 3.15, tf_keras 2.21). Seeded; run it in this folder."""
import os
import shutil
import zipfile

import h5py
import keras
import numpy as np
import tensorflow as tf
import tf_keras

rng = np.random.default_rng(7)


def shake(model):
    """Weights of which none is what a layer begins with."""
    for w in model.weights:
        value = rng.standard_normal(w.shape).astype(np.float32) * 0.4
        w.assign(np.abs(value) + 0.5 if "variance" in getattr(w, "path", w.name) else value)


def answers(name, model, inputs):
    shutil.rmtree(name, ignore_errors=True)
    os.makedirs(name)
    results = model(inputs if len(inputs) > 1 else inputs[0])
    for k, a in enumerate(inputs):
        np.save("%s/in_%d.npy" % (name, k), a)
    for k, a in enumerate(results if isinstance(results, (list, tuple)) else [results]):
        np.save("%s/out_%d.npy" % (name, k), np.array(a))


def random(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def deflate(path):
    """The same archive, packed: HDF5's empty tables are most of it."""
    with zipfile.ZipFile(path) as z:
        members = [(n, z.read(n)) for n in z.namelist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for n, data in members:
            z.writestr(zipfile.ZipInfo(n), data, zipfile.ZIP_DEFLATED)


def modern(path):
    """The same file in the layout of newer libraries, with chunks, filters, and numbers of the other byte order."""
    with h5py.File(path) as a, h5py.File(path + ".new", "w", libver="latest") as b:
        b.attrs.update(a.attrs)

        def copy(name, item):
            if isinstance(item, h5py.Dataset) and item.ndim > 1:
                b.create_dataset(name, data=item[()], chunks=(2,) * item.ndim, compression="gzip", shuffle=True)
            elif isinstance(item, h5py.Dataset):
                b.create_dataset(name, data=item[()].astype(">f4"))
            else:
                b.create_group(name).attrs.update({k: np.array([n.encode() for n in v]) if k == "weight_names" and
                                                   len(v) else v for k, v in item.attrs.items()})
        a.visititems(copy)
    os.replace(path + ".new", path)


def cnn():
    """Keras 2: a functional net with shared layers, a net within, and operators of TensorFlow."""
    layers = tf_keras.layers
    x = tf_keras.Input((9, 8, 3), name="image")
    v = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu", name="conv")(x)
    v = layers.BatchNormalization(name="norm")(v)
    inner = tf_keras.Sequential([layers.InputLayer((5, 4, 4)), layers.DepthwiseConv2D(3, padding="same", name="deep")],
                                name="inner")
    v = tf.nn.relu6(inner(inner(v)) + v)
    v = layers.Flatten(name="flat")(v)
    model = tf_keras.Model(x, layers.Dense(3, activation="softmax", name="scores")(v), name="cnn")
    shake(model)
    model.save("cnn.h5")
    answers("cnn", model, [random(2, 9, 8, 3)])


def net():
    """Keras 3: pictures, a transposed convolution, attention, operations."""
    layers = keras.layers
    x = keras.Input((8, 8, 3), name="photo")
    v = layers.Rescaling(1 / 127.5, offset=-1)(x)
    v = layers.SeparableConv2D(4, 3, strides=2, activation="hard_sigmoid")(layers.ZeroPadding2D(((0, 1), (1, 0)))(v))
    v = layers.Conv2DTranspose(4, 3, strides=2, padding="same", activation=layers.LeakyReLU(0.1))(v)
    v = layers.AveragePooling2D(3, 2, padding="same")(v)
    v = layers.Reshape((-1, 4))(v)
    v = layers.LayerNormalization()(v + layers.MultiHeadAttention(2, 3)(v, v))
    best = keras.ops.take_along_axis(v, keras.ops.argmax(v[:, :, :1], axis=1, keepdims=True), axis=1)
    sorts = keras.ops.repeat(keras.ops.sort(v, axis=1), 2, axis=2) + keras.ops.cast(keras.ops.argsort(v, axis=1)[..., :1], "float32")
    kinds = keras.ops.one_hot(keras.ops.cast(v * 2, "int32"), 3) * keras.ops.trunc(keras.ops.expand_dims(v, (1, -1))[:, 0] * 3)
    sides = keras.ops.pad(keras.ops.nn.elu(v, 0.7), ((0, 0), (1, 2), (0, 0)), "reflect")
    model = keras.Model(x, [keras.ops.mean(v, axis=1), v[:, 1:, ::2], best + keras.ops.zeros_like(best), sorts, kinds, sides], name="net")
    shake(model)
    model.save("net.keras")
    deflate("net.keras")
    answers("net", model, [rng.integers(0, 256, (1, 8, 8, 3)).astype(np.float32)])


def rnn():
    """Keras 3 in HDF5: words, of which some do not count, in recurrent layers."""
    layers = keras.layers
    words = keras.Input((7,), dtype="int32", name="words")
    v = layers.Embedding(6, 4, mask_zero=True, name="table")(words)
    v = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="both")(v)
    v = layers.GRU(4, name="last")(v)
    model = keras.Model(words, layers.Dense(2, name="scores")(v), name="rnn")
    shake(model)
    model.save("rnn.h5")
    modern("rnn.h5")
    answers("rnn", model, [np.array([[1, 2, 3, 0, 4, 0, 0], [0, 5, 0, 1, 1, 2, 3]], np.int32)])


def cells():
    """Keras 3: cells behind one another, with a mask and in both directions."""
    layers = keras.layers
    x = keras.Input((4, 3), name="steps")
    v = layers.Bidirectional(layers.RNN([layers.GRUCell(2), layers.LSTMCell(2)], return_sequences=True))(x)
    w = layers.RNN([layers.LSTMCell(2), layers.LSTMCell(3)])(layers.Masking()(x))
    model = keras.Model(x, [v, w], name="cells")
    shake(model)
    model.save("cells.keras")
    deflate("cells.keras")
    steps = random(2, 4, 3)
    steps[1, 2] = 0
    answers("cells", model, [steps])


def quantised():
    """Keras 3, with weights of 8 bits, which have scales, and pools to a size."""
    layers = keras.layers
    words = keras.Input((7,), dtype="int32", name="words")
    v = layers.Dense(6, activation="relu")(layers.Embedding(6, 4)(words))
    v = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 5), bias_axes="de")(v)
    v = layers.EinsumDense("abde,def->abf", output_shape=(None, 3))(v)
    model = keras.Model(words, [layers.AdaptiveAveragePooling1D(3)(v), layers.AdaptiveMaxPooling1D(3)(v)])
    shake(model)
    model.quantize("int8")
    model.save("quantised.keras")
    deflate("quantised.keras")
    answers("quantised", model, [rng.integers(0, 6, (2, 7)).astype(np.int32)])


def operations():
    """Keras 3: what keras.ops has for axes, grids, parts, pools, activations and integers that meet floats, and a constant that is infinite."""
    ops = keras.ops
    x = keras.Input(batch_shape=(2, 3, 4), name="x")
    axes = ops.dot(ops.swapaxes(x, 1, -1), ops.tile(x[0], 2)) + ops.moveaxis(ops.moveaxis(x, (0, 1), (2, 0)), -1, 0)[:, :1, :1]
    parts = ops.unstack(x, axis=1)[2] + ops.moments(x, axes=1)[1] + ops.max(ops.where(x > 0, x, float("-inf")), axis=1)
    down, across = ops.meshgrid(x[0, :, 1], x[1, 0], indexing="ij")
    right, below = ops.meshgrid(x[0, :, 1], x[1, 0])
    grid = ops.arctan2(down, across) + ops.transpose(ops.hypot(right, below)) + ops.outer(x[0, :, 2], x[0, 0])
    soft = ops.concatenate([ops.glu(x), ops.sparse_plus(x), ops.squareplus(x, 2), ops.threshold(x, 0.1, 0.2)], -1)
    pools = ops.max_pool(x, 2, 1, "same") + ops.average_pool(x, 3, 1, "same") + ops.logaddexp(x, ops.soft_shrink(x, 0.3))
    whole = ops.cast(x * 9, "int32")
    mixed = whole / 4 + whole * 0.5 + ops.mean(whole, axis=1, keepdims=True) + ops.where(x > 0, whole, 0.5) + ops.round(x, 1)
    mixed = mixed + ops.cast(ops.zeros_like(x, dtype="int32") - ops.cumsum(whole, axis=1), "float32") + ops.var(whole) + ops.norm(whole, axis=1, keepdims=True)
    count = ops.count_nonzero(ops.hard_shrink(x), axis=1)
    model = keras.Model(x, [axes, parts, grid, soft, pools, count, mixed], name="operations")
    model.save("operations.keras")
    deflate("operations.keras")
    answers("operations", model, [random(2, 3, 4)])


def bfloat16():
    """Keras 3: weights of bfloat16, and what a network of float32 makes of them."""
    def make(policy):
        keras.config.set_dtype_policy(policy)
        x = keras.Input((5, 4, 3), dtype="float32", name="x")
        v = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(x)
        return keras.Model(x, keras.layers.Dense(3, name="scores")(keras.layers.Flatten(name="flat")(v)), name="bfloat16")

    model = make("bfloat16")
    shake(model)
    model.save("bfloat16.keras")
    deflate("bfloat16.keras")
    real = make("float32")
    real.set_weights([w.numpy().astype(np.float32) for w in model.weights])
    answers("bfloat16", real, [random(2, 5, 4, 3)])


def halves():
    """Keras 2 in HDF5: weights of bfloat16, which have no name there, and a photo cut to a proportion."""
    layers = tf_keras.layers

    def make(dtype):
        x = tf_keras.Input((6, 9, 2), name="x")
        v = layers.Flatten(name="flat", dtype=dtype)(layers.RandomCrop(7, 4, name="crop", dtype=dtype)(x))
        return tf_keras.Model(x, layers.Dense(3, name="scores", dtype=dtype)(v), name="halves")

    model = make("bfloat16")
    shake(model)
    model.save("halves.h5")
    real = make("float32")
    real.set_weights([w.numpy().astype(np.float32) for w in model.weights])
    answers("halves", real, [random(2, 6, 9, 2)])


def functions():
    """Recurrent layers whose functions have numbers of their own, behind some that have none."""
    x = keras.Input((5, 3), name="x")
    v = keras.layers.LSTM(4, activation="elu", return_sequences=True)(x)
    v = keras.layers.GRU(3, activation="linear", return_sequences=True)(v)
    v = keras.layers.GRU(3, recurrent_activation="hard_sigmoid", activation="elu", return_sequences=True)(v)
    model = keras.Model(x, keras.layers.LSTM(2, recurrent_activation="linear", activation="hard_sigmoid")(v))
    shake(model)
    model.save("functions.keras")
    deflate("functions.keras")
    answers("functions", model, [random(2, 5, 3)])


def lookup():
    """Types of categories: i64 of a lookup, i32 of bins."""
    tokens, numbers = keras.Input((3,), dtype="int32", name="tokens"), keras.Input((4,), name="numbers")
    found = keras.layers.IntegerLookup(vocabulary=[3, 1, 4], name="places")(tokens)
    model = keras.Model([tokens, numbers], [found, keras.layers.Discretization([0., 1.], name="bins")(numbers)])
    model.save("lookup.keras")
    deflate("lookup.keras")
    answers("lookup", model, [np.array([[1, 7, 3]], np.int32), np.array([[-1, 0, 0.5, 3]], np.float32)])


def windows():
    """Windows of a picture as rows, pictures of other sizes, and operations that others put together."""
    ops = keras.ops
    x = keras.Input((6, 7, 3), name="x")
    rows = ops.image.extract_patches(x, (2, 3), strides=(2, 1), padding="same")
    sizes = ops.image.resize(x, (4, 9), interpolation="bicubic") + ops.image.resize(x, (4, 9), antialias=True)
    parts = ops.amax(x, axis=1) - ops.amin(x, axis=1) + ops.erfc(x[:, 0]) * ops.cbrt(x[:, 1]) + ops.divide_no_nan(x[:, 2], ops.relu(x[:, 3]))
    model = keras.Model(x, [rows, sizes, parts], name="windows")
    model.save("windows.keras")
    deflate("windows.keras")
    answers("windows", model, [random(2, 6, 7, 3)])


def sound():
    """Spectra: windows of an even and an odd length, centred and not, and bands in decibels and as they are."""
    x = keras.Input((90,), name="x")
    spectra = [*keras.ops.stft(x, 15, 7, 16, window="hamming", center=False), keras.ops.stft(x, 16, 8, 20)[1]]
    bands = [keras.layers.MelSpectrogram(fft_length=32, sequence_stride=12, num_mel_bins=4, sampling_rate=8000, top_db=30)(x),
             keras.layers.MelSpectrogram(20, 10, 15, num_mel_bins=3, power_to_db=False, mag_exp=1.0, max_freq=3000.0)(x)]
    model = keras.Model(x, [*spectra, *bands], name="sound")
    model.save("sound.keras")
    deflate("sound.keras")
    answers("sound", model, [random(2, 90)])


def arrays():
    """What keras.ops has as numpy does: numbers that are none, places in an order, products over axes, diagonals, bits, spectra and colours."""
    ops, c = keras.ops, np.array
    x, y = keras.Input(batch_shape=(2, 3, 4), name="x"), keras.Input(batch_shape=(2, 3, 3), name="y")
    k = keras.Input(batch_shape=(2, 3, 4), dtype="int32", name="k")
    photo = ops.sigmoid(x[:, :, :3])[:, None]
    gaps = ops.where(x > 0.8, ops.log(-1 - x * x), x)
    real = [ops.nanmean(gaps, axis=1), ops.nanstd(gaps, axis=-1, keepdims=True), ops.nansum(gaps, axis=2), ops.nanmax(gaps, axis=0), ops.nancumsum(gaps, axis=1),
            ops.median(x, axis=1), ops.quantile(x, 0.3, axis=-1, keepdims=True), ops.percentile(x, 80, axis=1), ops.ptp(x, axis=1),
            ops.nan_to_num(gaps), ops.sinc(x), ops.heaviside(x, x[0]), ops.logaddexp2(x, x[1]), ops.fmax(gaps, x), ops.ldexp(x, k), ops.flip(ops.fliplr(x), 0),
            ops.average(x, axis=1), ops.cumprod(x, axis=1), ops.diff(x, axis=1), ops.trapezoid(x, axis=-1), ops.cross(y[:, 0], y[:, 1]),
            ops.diagonal(x, 1, 1, 2), ops.trace(y, axis1=1, axis2=2), ops.diag(x[0, 0]), ops.diag(y[0]), ops.inner(x, x[0]), ops.dot(x, ops.transpose(x, (0, 2, 1))),
            ops.tensordot(x, y, [[0, 1], [0, 2]]), ops.vdot(x[0, 0], x[1, 1]), ops.kron(x[0], y[1]), ops.select([x > 0, k > 2], [x, x * 2], 0.5),
            *ops.array_split(x, 3, axis=2), *ops.dsplit(x, 2), ops.hstack([x, y[:, :, :1] + x]), ops.append(x, y, axis=-1),
            ops.layer_normalization(x, c([1, 2, 3, 4.], "float32"), c([1, 0, 2, 0.], "float32")), ops.rms_normalization(x, c([1, 2, 3, 4.], "float32")), ops.normalize(x),
            ops.dot_product_attention(x[:, None], x[:, None], x[:, None]), ops.adaptive_average_pool(photo, (1, 2)), ops.adaptive_max_pool(photo, (1, 2)),
            ops.space_to_depth(ops.depth_to_space(ops.tile(x[:, None], (1, 1, 1, 2)), 2), 2), ops.multi_hot(k[:, 0], 5), ops.cdist(x[0], x[1]),
            ops.segment_sum(x[0], c([1, 0, 1]), 3), ops.segment_max(x[0], c([1, 0, 1]), 2), *ops.fft((x, x + 1)), *ops.fft2((x, x)), *ops.rfft(x), ops.irfft((x, x)),
            ops.image.rgb_to_grayscale(photo), ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(photo)), ops.scatter(k[0, :, :1], x[0], (6, 4)), ops.slogdet(y)[1]]
    whole = [ops.nanargmax(gaps, axis=1), ops.signbit(x), ops.isclose(x, ops.round(x, 1), 0, 0.02), ops.bitwise_or(k, k[1]), ops.bitwise_xor(k, k[0]), ops.right_shift(k * 3 - 3, k[1]),
             ops.left_shift(k, k[0]), ops.digitize(x, c([-1, 0, 1.], "float32")), ops.searchsorted(c([-1, 0, 1.], "float32"), x[0, 0]), ops.isin(k, c([1, 3])),
             ops.in_top_k(k[0, 1, :3], y[0] + x[0, :, :3], 2)]
    rows = [ops.concatenate([ops.reshape(ops.cast(v, kind), (-1,)) for v in values]) for kind, values in (("float32", real), ("int32", whole))]
    model = keras.Model([x, y, k], rows, name="arrays")
    model.save("arrays.keras")
    deflate("arrays.keras")
    answers("arrays", model, [random(2, 3, 4), random(2, 3, 3), rng.integers(0, 3, (2, 3, 4)).astype(np.int32)])


def algebra():
    """Linear algebra, and what else is read by PyTorch's functions; norms without factors."""
    ops = keras.ops
    x, image = keras.Input(batch_shape=(2, 4, 4), name="x"), keras.Input(batch_shape=(1, 3, 5, 2), name="image")
    square = x + ops.eye(4) * 6
    positive = ops.matmul(square, ops.transpose(square, (0, 2, 1)))
    q, r = ops.qr(square)
    results = [ops.solve(square, x), ops.inv(square), ops.cholesky(positive), ops.cholesky_inverse(positive), ops.solve_triangular(square, x, lower=True), ops.matmul(q, r),
               ops.erfinv(ops.tanh(x)), ops.vander(x[0, 0]), ops.corrcoef(x[0]), ops.rot90(x, 1, (1, 2)), ops.unfold(ops.reshape(x, (2, 1, 4, 4)), 2),
               ops.image.pad_images(image, 1, 2, bottom_padding=0, right_padding=1), ops.image.crop_images(image, 1, 2, bottom_cropping=0, right_cropping=1),
               ops.layer_normalization(x), ops.rms_normalization(x), ops.batch_normalization(x, np.float32([.1, .2, .3, .4]), np.float32([1, 2, 3, 4]), -1)]
    model = keras.Model([x, image], ops.concatenate([ops.reshape(v, (-1,)) for v in results]), name="algebra")
    model.save("algebra.keras")
    deflate("algebra.keras")
    answers("algebra", model, [random(2, 4, 4), random(1, 3, 5, 2)])


cnn()
net()
rnn()
cells()
quantised()
operations()
bfloat16()
halves()
functions()
lookup()
windows()
sound()
arrays()
algebra()
