/* Operators that are others put together, in the language of the archives: they are read and run as a file's own
 * functions are. "onnx.Op(x, y, axis=0)" makes a node. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/torch.h"

#define MODULE "prelude"

/* clang-format off */
/* What begins with "nn_" is for the others. */
static const struct {
    const char *name, *text; /* what stands behind "def name" */
} functions[] = {
    /* ---- cells of recurrent layers ---- */
    {"nn_lstm_step", "(gates, c):\n"
    "  i, f, g, o, = torch.chunk(gates, 4, -1)\n"
    "  c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)\n"
    "  return (torch.sigmoid(o) * torch.tanh(c), c)\n"},
    {"nn_gru_step", "(x, y, h):\n"
    "  r, z, n, = torch.chunk(x, 3, -1)\n"
    "  r1, z1, n1, = torch.chunk(y, 3, -1)\n"
    "  new = torch.tanh(n + torch.sigmoid(r + r1) * n1)\n"
    "  return new + torch.sigmoid(z + z1) * (h - new)\n"},
    {"lstm_cell", "(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):\n"
    "  return torch.nn_lstm_step(torch.linear(input, w_ih, b_ih) + torch.linear(hx[0], w_hh, b_hh), hx[1])\n"},
    {"gru_cell", "(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):\n"
    "  return torch.nn_gru_step(torch.linear(input, w_ih, b_ih), torch.linear(hx, w_hh, b_hh), hx)\n"},
    {"rnn_tanh_cell", "(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):\n"
    "  return torch.tanh(torch.linear(input, w_ih, b_ih) + torch.linear(hx, w_hh, b_hh))\n"},
    {"rnn_relu_cell", "(input, hx, w_ih, w_hh, b_ih=None, b_hh=None):\n"
    "  return torch.relu(torch.linear(input, w_ih, b_ih) + torch.linear(hx, w_hh, b_hh))\n"},
    /* ---- recurrent layers of packed weights, whose states tell what they are ---- */
    {"nn_q_linear", "(x, state, k):\n"
    "  if state[0] == 'quantized_fp16':\n"
    "    return ops.quantized.linear_dynamic_fp16(x, state[4][k])\n"
    "  return ops.quantized.linear_dynamic(x, state[4][k], state[3][0] != 0)\n"},
    {"nn_q_layer", "(x, h, c, param, reverse):\n"
    "  state = torch.nn_state(param)\n"
    "  all = torch.nn_q_linear(x, state, 0)\n"
    "  if reverse:\n"
    "    all = torch.flip(all, [0])\n"
    "  out = []\n"
    "  for k in range(torch.size(x, 0)):\n"
    "    y = torch.nn_q_linear(h, state, 1)\n"
    "    if c is None:\n"
    "      h = torch.nn_gru_step(torch.select(all, 0, k), y, h)\n"
    "    else:\n"
    "      h, c, = torch.nn_lstm_step(torch.select(all, 0, k) + y, c)\n"
    "    out.append(h)\n"
    "  y = torch.stack(out, 0)\n"
    "  if reverse:\n"
    "    y = torch.flip(y, [0])\n"
    "  return (y, h, c)\n"},
    {"nn_q_rnn", "(x, h, c, params, layers, both, first):\n"
    "  torch.nn_expect_rank(x, 3)\n"
    "  if first:\n"
    "    x = torch.transpose(x, 0, 1)\n"
    "  hs = []\n"
    "  cs = []\n"
    "  for k in range(layers):\n"
    "    ys = []\n"
    "    for d in range(1 + int(both)):\n"
    "      i = k * (1 + int(both)) + d\n"
    "      c0 = None\n"
    "      if c is not None:\n"
    "        c0 = torch.select(c, 0, i)\n"
    "      y, h1, c1, = torch.nn_q_layer(x, torch.select(h, 0, i), c0, params[i], d == 1)\n"
    "      ys.append(y)\n"
    "      hs.append(h1)\n"
    "      cs.append(c1)\n"
    "    x = torch.cat(ys, -1)\n"
    "  if first:\n"
    "    x = torch.transpose(x, 0, 1)\n"
    "  if c is None:\n"
    "    return (x, torch.stack(hs, 0))\n"
    "  return (x, torch.stack(hs, 0), torch.stack(cs, 0))\n"},
    {"quantized_lstm", "(x, hx, params, bias, layers, dropout, train, both, first, dtype=None, use_dynamic=None):\n"
    "  return torch.nn_q_rnn(x, hx[0], hx[1], params, layers, both, first)\n"},
    {"quantized_gru", "(x, hx, params, bias, layers, dropout, train, both, first):\n"
    "  return torch.nn_q_rnn(x, hx, None, params, layers, both, first)\n"},
    {"quantized_quantized_lstm_cell_dynamic", "(x, hx, w, u, b_ih, b_hh):\n"
    "  y = ops.quantized.linear_dynamic(x, w, True) + ops.quantized.linear_dynamic(hx[0], u, True)\n"
    "  return torch.nn_lstm_step(y, hx[1])\n"},
    {"quantized_quantized_gru_cell_dynamic", "(x, hx, w, u, b_ih, b_hh):\n"
    "  y = ops.quantized.linear_dynamic(x, w, True)\n"
    "  return torch.nn_gru_step(y, ops.quantized.linear_dynamic(hx, u, True), hx)\n"},
    /* ---- layers of transformers: masks say what is left out ---- */
    {"nn_attend", "(x, dim, heads, weight, bias, out_weight, out_bias, mask, mask_type):\n"
    "  torch.nn_expect_rank(x, 3)\n"
    "  n = torch.size(x, 0)\n"
    "  l = torch.size(x, 1)\n"
    "  shape = [n, l, heads, dim // heads]\n"
    "  q, k, v, = torch.chunk(torch.linear(x, weight, bias), 3, -1)\n"
    "  q = torch.transpose(torch.reshape(q, shape), 1, 2)\n"
    "  k = torch.transpose(torch.reshape(k, shape), 1, 2)\n"
    "  v = torch.transpose(torch.reshape(v, shape), 1, 2)\n"
    "  if mask is not None and mask_type == 1:\n"
    "    mask = torch.unsqueeze(torch.unsqueeze(mask, 1), 1)\n"
    "  if mask is not None:\n"
    "    mask = torch.logical_not(mask)\n"
    "  y = torch.transpose(torch.scaled_dot_product_attention(q, k, v, mask), 1, 2)\n"
    "  return torch.linear(torch.reshape(y, [n, l, dim]), out_weight, out_bias)\n"},
    {"nn_feed_forward", "(x, gelu, w1, b1, w2, b2):\n"
    "  y = torch.linear(x, w1, b1)\n"
    "  if gelu:\n"
    "    y = torch.gelu(y)\n"
    "  else:\n"
    "    y = torch.relu(y)\n"
    "  return torch.linear(y, w2, b2)\n"},
    {"_transformer_encoder_layer_fwd", "(x, dim, heads, w, b, ow, ob, gelu, first, eps, n1, m1, n2, m2,"
    "    w1, b1, w2, b2, mask=None, mask_type=None):\n"
    "  if first:\n"
    "    x = x + torch.nn_attend(torch.layer_norm(x, [dim], n1, m1, eps), dim, heads, w, b, ow, ob, mask, mask_type)\n"
    "    return x + torch.nn_feed_forward(torch.layer_norm(x, [dim], n2, m2, eps), gelu, w1, b1, w2, b2)\n"
    "  x = torch.layer_norm(x + torch.nn_attend(x, dim, heads, w, b, ow, ob, mask, mask_type), [dim], n1, m1, eps)\n"
    "  return torch.layer_norm(x + torch.nn_feed_forward(x, gelu, w1, b1, w2, b2), [dim], n2, m2, eps)\n"},
    {"_native_multi_head_attention", "(q, k, v, dim, heads, w, b, ow, ob, mask=None, need=True, mean=True,"
    "    mask_type=None):\n"
    "  return (torch.nn_attend(q, dim, heads, w, b, ow, ob, mask, mask_type), None)\n"},
    {"nn_batch_norm", "(x, weight, bias, eps):\n"
    "  dims = [0]\n"
    "  shape = [-1]\n"
    "  for i in range(2, torch.dim(x)):\n"
    "    dims.append(i)\n"
    "    shape.append(1)\n"
    "  x = x - torch.mean(x, dims, True)\n"
    "  x = x * torch.rsqrt(torch.mean(x * x, dims, True) + eps)\n"
    "  if weight is not None:\n"
    "    x = x * torch.reshape(weight, shape)\n"
    "  if bias is not None:\n"
    "    x = x + torch.reshape(bias, shape)\n"
    "  return x\n"},
    {"native_group_norm", "(x, weight, bias, n, c, size, groups, eps):\n"
    "  return (torch.group_norm(x, groups, weight, bias, eps), None, None)\n"},
    /* ---- arithmetic ---- */
    {"_weight_norm", "(v, g, dim=0):\n"
    "  dims = []\n"
    "  for i in range(torch.dim(v)):\n"
    "    if i != dim:\n"
    "      dims.append(i)\n"
    "  return v * (g / torch.norm(v, 2, dims, True))\n"},
    {"diff", "(x, n=1, dim=-1, prepend=None, append=None):\n"
    "  if prepend is not None:\n"
    "    x = torch.cat([prepend, x], dim)\n"
    "  if append is not None:\n"
    "    x = torch.cat([x, append], dim)\n"
    "  for i in range(n):\n"
    "    x = torch.slice(x, dim, 1) - torch.slice(x, dim, 0, -1)\n"
    "  return x\n"},
    {"lerp", "(a, b, weight):\n"
    "  return a + (b - a) * weight\n"},
    {"addcdiv", "(input, a, b, value=1):\n"
    "  return input + value * (a / b)\n"},
    {"addmv", "(input, mat, vec, beta=1, alpha=1):\n"
    "  return beta * input + alpha * torch.matmul(mat, vec)\n"},
    {"outer", "(a, b):\n"
    "  return torch.unsqueeze(a, 1) * torch.unsqueeze(b, 0)\n"},
    {"hypot", "(a, b):\n"
    "  return torch.sqrt(a * a + b * b)\n"},
    {"frac", "(x):\n"
    "  return x - torch.trunc(x)\n"},
    {"logit", "(x, eps=None):\n"
    "  if eps is not None:\n"
    "    x = torch.clamp(x, eps, 1.0 - eps)\n"
    "  return torch.log(x / (1.0 - x))\n"},
    {"isnan", "(x):\n"
    "  return onnx.IsNaN(x)\n"},
    {"isinf", "(x):\n"
    "  return onnx.IsInf(x)\n"},
    {"nan_to_num", "(x, nan=None, posinf=None, neginf=None):\n"
    "  if nan is None:\n"
    "    nan = 0.0\n"
    "  x = torch.where(onnx.IsNaN(x), nan, x)\n"
    "  if posinf is not None:\n"
    "    x = torch.where(onnx.IsInf(x, detect_negative=0), posinf, x)\n"
    "  if neginf is not None:\n"
    "    x = torch.where(onnx.IsInf(x, detect_positive=0), neginf, x)\n"
    "  return torch.clamp(x, -3.4028234663852886e38, 3.4028234663852886e38)\n"},
    {"cosine_similarity", "(a, b, dim=1, eps=1e-8):\n"
    "  x = torch.clamp_min(torch.norm(a, 2, [dim]), eps)\n"
    "  y = torch.clamp_min(torch.norm(b, 2, [dim]), eps)\n"
    "  return torch.sum(a * b, [dim]) / (x * y)\n"},
    {"pairwise_distance", "(a, b, p=2, eps=1e-6, keepdim=False):\n"
    "  return torch.norm(a - b + eps, p, [-1], keepdim)\n"},
    {"cdist", "(a, b, p=2, compute_mode=None):\n"
    "  return torch.norm(torch.unsqueeze(a, -2) - torch.unsqueeze(b, -3), p, [-1])\n"},
    {"var_mean", "(x, dim=None, unbiased=True, keepdim=False):\n"
    "  return (torch.var(x, dim, unbiased, keepdim), torch.mean(x, dim, keepdim))\n"},
    {"std_mean", "(x, dim=None, unbiased=True, keepdim=False):\n"
    "  return (torch.std(x, dim, unbiased, keepdim), torch.mean(x, dim, keepdim))\n"},
    {"any", "(x, dim=None, keepdim=False):\n"
    "  if dim is None:\n"
    "    return torch.gt(torch.sum(torch.to(x, 4)), 0)\n"
    "  return torch.gt(torch.sum(torch.to(x, 4), [dim], keepdim), 0)\n"},
    {"all", "(x, dim=None, keepdim=False):\n"
    "  return torch.logical_not(torch.any(torch.logical_not(torch.to(x, 11)), dim, keepdim))\n"},
    {"_is_all_true", "(x):\n"
    "  return torch.all(x)\n"},
    /* ---- tensors of numbers ---- */
    {"__range_length", "(low, high, step):\n"
    "  if step < 0:\n"
    "    low, high, step, = (high, low, -step)\n"
    "  return torch.max(0, (high - low + step - 1) // step)\n"},
    {"__derive_index", "(i, start, step):\n"
    "  return start + i * step\n"},
    {"new_full", "(x, size, fill_value, dtype=None):\n"
    "  if dtype is None:\n"
    "    dtype = torch.dtype(x)\n"
    "  return torch.full(size, fill_value, dtype)\n"},
    {"randn_like", "(x, dtype=None):\n"
    "  return onnx.RandomNormalLike(x)\n"},
    {"rand_like", "(x, dtype=None):\n"
    "  return onnx.RandomUniformLike(x)\n"},
    {"as_tensor", "(data, dtype=None, device=None):\n"
    "  return torch.tensor(data, dtype)\n"},
    {"_shape_as_tensor", "(x):\n"
    "  return onnx.Shape(x)\n"},
    {"linspace", "(start, end, steps, dtype=None, layout=None, device=None, pin=None):\n"
    "  return start + torch.to(torch.arange(steps), 6) * ((end - start) / (steps - 1))\n"},
    {"eye", "(n, m=None, dtype=None):\n"
    "  if m is None:\n"
    "    m = n\n"
    "  return onnx.EyeLike(torch.zeros([n, m]))\n"},
    {"one_hot", "(x, classes):\n"
    "  return torch.to(torch.eq(torch.unsqueeze(x, -1), torch.arange(classes)), 4)\n"},
    {"meshgrid", "(tensors, indexing='ij'):\n"
    "  out = []\n"
    "  sizes = []\n"
    "  n = len(tensors)\n"
    "  for i in range(n):\n"
    "    sizes.append(torch.size(tensors[i], 0))\n"
    "  for i in range(n):\n"
    "    shape = []\n"
    "    for k in range(n):\n"
    "      if k == i:\n"
    "        shape.append(-1)\n"
    "      else:\n"
    "        shape.append(1)\n"
    "    x = torch.expand(torch.reshape(tensors[i], shape), sizes)\n"
    "    if indexing == 'xy' and n > 1:\n"
    "      x = torch.transpose(x, 0, 1)\n"
    "    out.append(x)\n"
    "  return out\n"},
    /* ---- elements of others ---- */
    {"repeat_interleave", "(x, repeats, dim=None, output_size=None):\n"
    "  if dim is None:\n"
    "    x = torch.flatten(x)\n"
    "    dim = 0\n"
    "  if dim < 0:\n"
    "    dim = dim + torch.dim(x)\n"
    "  if torch.is_tensor(repeats):\n"
    "    if torch.dim(repeats) == 1:\n"
    "      ends = torch.unsqueeze(torch.cumsum(torch.to(repeats, 4), 0), 0)\n"
    "      at = torch.unsqueeze(torch.arange(torch.sum(repeats)), 1)\n"
    "      return torch.index_select(x, dim, torch.sum(torch.to(torch.ge(at, ends), 4), [1]))\n"
    "  sizes = []\n"
    "  for i in range(torch.dim(x) + 1):\n"
    "    if i == dim + 1:\n"
    "      sizes.append(repeats)\n"
    "    else:\n"
    "      sizes.append(1)\n"
    "  return torch.flatten(onnx.Tile(torch.unsqueeze(x, dim + 1), sizes), dim, dim + 1)\n"},
    {"movedim", "(x, source, destination):\n"
    "  n = torch.dim(x)\n"
    "  if source < 0:\n"
    "    source = source + n\n"
    "  if destination < 0:\n"
    "    destination = destination + n\n"
    "  order = []\n"
    "  at = 0\n"
    "  for i in range(n):\n"
    "    if i == destination:\n"
    "      order.append(source)\n"
    "    else:\n"
    "      if at == source:\n"
    "        at = at + 1\n"
    "      order.append(at)\n"
    "      at = at + 1\n"
    "  return torch.permute(x, order)\n"},
    {"unfold", "(x, dim, size, step):\n"
    "  if dim < 0:\n"
    "    dim = dim + torch.dim(x)\n"
    "  starts = torch.arange(0, torch.size(x, dim) - size + 1, step)\n"
    "  index = torch.flatten(torch.unsqueeze(starts, 1) + torch.unsqueeze(torch.arange(size), 0))\n"
    "  y = torch.unflatten(torch.index_select(x, dim, index), dim, [-1, size])\n"
    "  return torch.movedim(y, dim + 1, -1)\n"},
    {"take_along_dim", "(x, index, dim):\n"
    "  return torch.gather(x, dim, index)\n"},
    {"nonzero", "(x):\n"
    "  return torch.t(onnx.NonZero(x))\n"},
    {"nn_nonzero_parts", "(x):\n"
    "  all = onnx.NonZero(x)\n"
    "  out = []\n"
    "  for i in range(torch.dim(x)):\n"
    "    out.append(torch.select(all, 0, i))\n"
    "  return out\n"},
    {"nn_index_mask", "(x, mask, axis):\n"
    "  if torch.dim(mask) == 1:\n"
    "    return onnx.Compress(x, mask, axis=axis)\n"
    "  return onnx.Compress(torch.flatten(x, axis, axis + torch.dim(mask) - 1), torch.flatten(mask), axis=axis)\n"},
    {"nn_open_topk", "(x, k, dim=-1, largest=True, sorted=True):\n"
    "  return onnx.TopK(x, torch.reshape(torch.to(k, 4), [1]), axis=dim, largest=int(largest), outputs=2)\n"},
    {"nn_open_split", "(x, sizes, dim=0):\n"
    "  out = []\n"
    "  at = 0\n"
    "  for i in range(len(sizes)):\n"
    "    out.append(torch.narrow(x, dim, at, sizes[i]))\n"
    "    at = at + sizes[i]\n"
    "  return out\n"},
    {"nn_open_stack", "(x, dim):\n"
    "  return torch.movedim(x, 0, dim)\n"},
    {"nn_open_cat", "(x, dim):\n"
    "  if dim < 0:\n"
    "    dim = dim + torch.dim(x) - 1\n"
    "  return torch.flatten(torch.movedim(x, 0, dim), dim, dim + 1)\n"},
    {"_unique2", "(x, sorted=True, return_inverse=False, return_counts=False):\n"
    "  values, first, inverse, counts, = onnx.Unique(x, outputs=4)\n"
    "  return (values, inverse, counts)\n"},
    {"masked_select", "(x, mask):\n"
    "  return onnx.Compress(torch.flatten(x), torch.flatten(torch.expand_as(mask, x)))\n"},
    {"bucketize", "(x, boundaries, out_int32=False, right=False):\n"
    "  if right:\n"
    "    return torch.sum(torch.to(torch.ge(torch.unsqueeze(x, -1), boundaries), 4), [-1])\n"
    "  return torch.sum(torch.to(torch.gt(torch.unsqueeze(x, -1), boundaries), 4), [-1])\n"},
    {"scatter", "(x, dim, index, src, reduce=None):\n"
    "  if torch.is_tensor(src):\n"
    "    src = torch.type_as(src, x)\n"
    "  else:\n"
    "    src = torch.type_as(torch.full_like(index, src), x)\n"
    "  if reduce is not None:\n"
    "    if reduce == 'add':\n"
    "      return onnx.ScatterElements(x, index, src, axis=dim, reduction='add')\n"
    "    return onnx.ScatterElements(x, index, src, axis=dim, reduction='mul')\n"
    "  return onnx.ScatterElements(x, index, src, axis=dim)\n"},
    {"scatter_add", "(x, dim, index, src):\n"
    "  return onnx.ScatterElements(x, index, src, axis=dim, reduction='add')\n"},
    /* ---- indices of any axes: these come to the front, and what is found goes to where the first one was ---- */
    {"nn_index_parts", "(x, indices):\n"
    "  axes = []\n"
    "  parts = []\n"
    "  k = 0\n"
    "  for i in range(len(indices)):\n"
    "    index = indices[i]\n"
    "    some = [index]\n"
    "    if index is not None:\n"
    "      if torch.dtype(index) == 11 or torch.dtype(index) == 0:\n"
    "        some = torch.nn_nonzero_parts(index)\n"
    "    for part in some:\n"
    "      if part is not None:\n"
    "        axes.append(k)\n"
    "        parts.append(torch.to(part, 4))\n"
    "      k = k + 1\n"
    "  all = parts[0]\n"
    "  for part in parts:\n"
    "    all = all + part\n"
    "  out = []\n"
    "  for part in parts:\n"
    "    out.append(torch.expand_as(part, all))\n"
    "  order = []\n"
    "  for k in axes:\n"
    "    order.append(k)\n"
    "  for i in range(torch.dim(x)):\n"
    "    if not (i in axes):\n"
    "      order.append(i)\n"
    "  first = axes[0]\n"
    "  if axes[-1] - first + 1 != len(axes):\n"
    "    first = 0\n"
    "  return (torch.stack(out, -1), order, torch.dim(all), first, len(axes))\n"},
    {"nn_moved", "(x, count, to):\n"
    "  order = []\n"
    "  for i in range(to):\n"
    "    order.append(count + i)\n"
    "  for i in range(count):\n"
    "    order.append(i)\n"
    "  for i in range(count + to, torch.dim(x)):\n"
    "    order.append(i)\n"
    "  return torch.permute(x, order)\n"},
    {"nn_index", "(x, indices):\n"
    "  at, order, count, first, axes, = torch.nn_index_parts(x, indices)\n"
    "  return torch.nn_moved(onnx.GatherND(torch.permute(x, order), at), count, first)\n"},
    {"nn_index_put", "(x, indices, values, accumulate):\n"
    "  at, order, count, first, axes, = torch.nn_index_parts(x, indices)\n"
    "  found = torch.nn_moved(onnx.GatherND(torch.permute(x, order), at), count, first)\n"
    "  y = torch.nn_moved(torch.expand_as(torch.type_as(values, x), found), first, count)\n"
    "  if accumulate:\n"
    "    y = onnx.ScatterND(torch.permute(x, order), at, y, reduction='add')\n"
    "  else:\n"
    "    y = onnx.ScatterND(torch.permute(x, order), at, y)\n"
    "  back = []\n"
    "  for i in range(torch.dim(x)):\n"
    "    back.append(0)\n"
    "  for i in range(torch.dim(x)):\n"
    "    torch._set_item(back, order[i], i)\n"
    "  return torch.permute(y, back)\n"},
    {"index_put", "(x, indices, values, accumulate=False):\n"
    "  mask = indices[0]\n"
    "  if len(indices) == 1 and torch.dtype(mask) == 11:\n"
    "    if torch.dim(values) <= torch.dim(x) - torch.dim(mask):\n"
    "      for i in range(torch.dim(mask), torch.dim(x)):\n"
    "        mask = torch.unsqueeze(mask, -1)\n"
    "      return torch.where(mask, torch.type_as(values, x), x)\n"
    "  return torch.nn_index_put(x, indices, values, accumulate)\n"},
    {"nn_index_at", "(dim, index):\n"
    "  indices = []\n"
    "  for i in range(dim):\n"
    "    indices.append(None)\n"
    "  indices.append(index)\n"
    "  return indices\n"},
    {"index_fill", "(x, dim, index, value):\n"
    "  if dim < 0:\n"
    "    dim = dim + torch.dim(x)\n"
    "  if not torch.is_tensor(value):\n"
    "    value = torch.tensor(value)\n"
    "  return torch.index_put(x, torch.nn_index_at(dim, index), value)\n"},
    {"diagonal", "(x, offset=0, dim1=0, dim2=1):\n"
    "  n = torch.dim(x)\n"
    "  if dim1 < 0:\n"
    "    dim1 = dim1 + n\n"
    "  if dim2 < 0:\n"
    "    dim2 = dim2 + n\n"
    "  rows = torch.arange(torch.size(x, dim1) + min(offset, 0))\n"
    "  columns = torch.arange(torch.size(x, dim2) - max(offset, 0))\n"
    "  if torch.size(rows, 0) > torch.size(columns, 0):\n"
    "    rows = columns\n"
    "  indices = []\n"
    "  for i in range(n):\n"
    "    index = None\n"
    "    if i == dim1:\n"
    "      index = rows + max(-offset, 0)\n"
    "    if i == dim2:\n"
    "      index = rows + max(offset, 0)\n"
    "    indices.append(index)\n"
    "  at = 0\n"
    "  if dim1 - dim2 == 1 or dim2 - dim1 == 1:\n"
    "    at = min(dim1, dim2)\n"
    "  return torch.movedim(torch.index(x, indices), at, -1)\n"},
    {"histc", "(x, bins=100, min=0, max=0):\n"
    "  x = torch.flatten(x)\n"
    "  low = min\n"
    "  high = max\n"
    "  if min == max:\n"
    "    low = torch.min(x)\n"
    "    high = torch.max(x)\n"
    "  at = torch.clamp(torch.floor((x - low) * bins / (high - low)), None, bins - 1)\n"
    "  at = torch.where(torch.gt(x, high), torch.full_like(at, -1), at)\n"
    "  own = torch.eq(torch.unsqueeze(at, 0), torch.unsqueeze(torch.arange(bins, dtype=torch.dtype(at)), 1))\n"
    "  return torch.type_as(torch.sum(torch.to(own, 4), [1]), x)\n"},
    /* Rows between two of the ends are multiplied with one matrix: all with all, and what is not asked for is zero. */
    {"_grouped_mm", "(a, b, offs, bias=None, out_dtype=None):\n"
    "  ends = torch.reshape(torch.to(offs, 4), [-1, 1])\n"
    "  starts = torch.constant_pad_nd(torch.slice(ends, 0, 0, -1), [0, 0, 1, 0])\n"
    "  at = torch.unsqueeze(torch.arange(torch.size(a, 0)), 0)\n"
    "  own = torch.type_as(torch.logical_and(torch.ge(at, starts), torch.lt(at, ends)), a)\n"
    "  y = torch.sum(torch.matmul(torch.unsqueeze(a, 0) * torch.unsqueeze(own, 2), b), [0])\n"
    "  if bias is not None:\n"
    "    y = y + torch.matmul(torch.t(own), bias)\n"
    "  return y\n"},
};
/* clang-format on */

const char *torch_prelude_name(const char *operation, char *name, size_t size)
{
    snprintf(name, size, MODULE ".%.200s", operation);
    char *dot = strchr(name + strlen(MODULE "."), '.');
    if (dot)
        *dot = '_'; /* "quantized.add" */
    return name;
}

const char *torch_prelude_at(size_t index)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
        if (strncmp(functions[i].name, "nn_", 3) != 0 && index-- == 0)
            return functions[i].name;
    return NULL;
}

int torch_prelude_read(struct torch_reader *t, struct error *err)
{
    struct text all;
    text_init(&all);
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++)
        text_printf(&all, "def %s%s", functions[i].name, functions[i].text);
    int result = all.failed ? error_memory(err) : torch_source_read(t, MODULE, all.data, all.size, err);
    text_release(&all);
    return result;
}

/* ---- nodes ---- */

#define MOST_OUTPUTS 8

/* "outputs" is how many there are: more than one come as a tuple. A file's own functions may name nodes too. */
static int outputs_of(struct torch_reader *t, const struct torch_args *args)
{
    for (int i = 0; i < args->count; i++) {
        const struct torch_value *v = &args->values[i];
        if (!args->names[i] || strcmp(args->names[i], "outputs") != 0)
            continue;
        if (v->kind == TORCH_INT && v->i >= 1 && v->i <= MOST_OUTPUTS)
            return (int)v->i;
        build_fail(t->b, "outputs must be a number from 1 to %d", MOST_OUTPUTS);
    }
    return 1;
}

static void set_attribute(struct torch_reader *t, struct value *v, const char *name, struct torch_value a)
{
    if (a.kind == TORCH_STRING)
        build_string(t->b, v, name, a.text);
    else if (a.kind == TORCH_FLOAT)
        build_float(t->b, v, name, (float)a.f);
    else if (torch_is_number(a))
        build_int(t->b, v, name, a.i);
    else
        build_fail(t->b, "attribute '%.60s' must be a number or a text", name);
}

struct torch_value torch_onnx(struct torch_reader *t, const char *op, const struct torch_args *args)
{
    struct value *in[8] = {NULL};
    int count = 0;
    for (int i = 0; i < args->count && count < 8 && !t->b->failed; i++)
        if (!args->names[i])
            in[count++] = torch_is_list(args->values[i]) ? torch_graph_list(t, args->values[i])
                                                         : torch_graph_value(t, args->values[i]);
    struct value *v = build_node(t->b, op, count, in);
    for (int i = 0; i < args->count && !t->b->failed; i++)
        if (args->names[i] && strcmp(args->names[i], "outputs") != 0)
            set_attribute(t, v, args->names[i], args->values[i]);
    int outs = outputs_of(t, args);
    if (outs == 1)
        return torch_tensor(t, v);
    struct torch_value all = torch_list(t, TORCH_TUPLE);
    for (int o = 1; o < outs; o++)
        build_output(t->b, v, o); /* all, before the node is looked at */
    for (int o = 0; o < outs && !t->b->failed; o++)
        torch_append(t, all, torch_tensor(t, build_output(t->b, v, o)));
    return all;
}
