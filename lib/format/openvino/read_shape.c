/* Layers that change shapes. */
#include <string.h>

#include "format/openvino/openvino.h"

void openvino_read_concat(struct openvino_read *l)
{
    int count = l->layer->in_count;
    for (int k = 0; k < count; k++)
        openvino_in(l, k);
    struct value *v = l->b->failed ? NULL : build_node(l->b, "Concat", count, l->in);
    l->out[0] = build_int(l->b, v, "axis", openvino_int(l, "axis", 0));
}

/* Without special_zero a 0 is a size of 0, not one that stays. */
void openvino_read_reshape(struct openvino_read *l)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = openvino_in_ints(l, 1, dims, TENSOR_MAX_RANK);
    bool zero = count < 0;
    for (int i = 0; i < count; i++)
        zero = zero || dims[i] == 0;
    struct value *v = BUILD(l->b, "Reshape", openvino_in(l, 0), openvino_list(l, 1));
    l->out[0] = zero && !openvino_bool(l, "special_zero", false) ? build_int(l->b, v, "allowzero", 1) : v;
}

void openvino_read_transpose(struct openvino_read *l)
{
    int64_t perm[TENSOR_MAX_RANK];
    int count = openvino_want_ints(l, 1, perm, TENSOR_MAX_RANK);
    struct value *x = openvino_in(l, 0);
    l->out[0] = count ? build_transpose(l->b, x, count, perm) : BUILD(l->b, "Transpose", x);
}

void openvino_read_squeeze(struct openvino_read *l)
{
    struct value *axes = openvino_has(l, 1) ? openvino_list(l, 1) : NULL;
    l->out[0] = BUILD(l->b, l->kind->onnx, openvino_in(l, 0), axes);
}

void openvino_read_shape_of(struct openvino_read *l)
{
    l->out[0] = openvino_as(l, BUILD(l->b, "Shape", openvino_in(l, 0)), "output_type", "i64");
}

/* Where each axis of the input goes is given: all others are repeated. */
static struct value *placed(struct openvino_read *l)
{
    int64_t axes[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    int count = openvino_want_ints(l, 2, axes, TENSOR_MAX_RANK), rank = (int)openvino_dim(l, 1, 0);
    if (rank < 0 || rank > TENSOR_MAX_RANK || count != openvino_rank(l, 0))
        build_fail(l->b, "the number of axes of its result must be known, and each input axis have a place");
    for (int i = 0; i < rank && !l->b->failed; i++)
        dims[i] = 1;
    for (int i = 0; i < count && !l->b->failed; i++) {
        int axis = openvino_axis(l, axes[i], rank);
        if (axis >= 0)
            dims[axis] = openvino_dim(l, 0, i);
    }
    return openvino_reshaped(l, 0, rank, dims);
}

void openvino_read_broadcast(struct openvino_read *l)
{
    static const char *const modes[] = {"numpy", "bidirectional", "explicit", "none", NULL};
    bool is_explicit = openvino_word(l, "mode", openvino_has(l, 2) ? "explicit" : "numpy", modes) >= 2;
    struct value *x = is_explicit ? placed(l) : openvino_in(l, 0);
    l->out[0] = BUILD(l->b, "Expand", x, openvino_list(l, 1));
}

/* Repeats of fewer axes, or more, than the input has go with its last ones. */
void openvino_read_tile(struct openvino_read *l)
{
    struct value *x = openvino_in(l, 0), *repeats = openvino_list(l, 1);
    int rank = openvino_rank(l, 0);
    int64_t count = openvino_dim(l, 1, 0), ones[TENSOR_MAX_RANK];
    for (int i = 0; i < TENSOR_MAX_RANK; i++)
        ones[i] = 1;
    if (count < 0 || count > TENSOR_MAX_RANK)
        build_fail(l->b, "the number of its repeats must be known");
    else if (count < rank)
        repeats = BUILD(l->b, "Concat/axis=0", build_list(l->b, rank - (int)count, ones), repeats);
    else if (count > rank)
        x = BUILD(l->b, "Expand", x, build_list(l->b, (int)count, ones));
    l->out[0] = BUILD(l->b, "Tile", x, repeats);
}

static void pad_symmetric(struct openvino_read *l)
{
    int64_t before[TENSOR_MAX_RANK], behind[TENSOR_MAX_RANK];
    int count = openvino_want_ints(l, 1, before, TENSOR_MAX_RANK);
    if (openvino_want_ints(l, 2, behind, TENSOR_MAX_RANK) != count)
        build_fail(l->b, "it has not as many pads at the end as at the beginning");
    l->out[0] = openvino_in(l, 0);
    for (int i = 0; i < count && !l->b->failed; i++)
        l->out[0] = build_pad_symmetric(l->b, l->out[0], i, before[i], behind[i]);
}

void openvino_read_pad(struct openvino_read *l)
{
    static const char *const modes[] = {"constant", "edge", "reflect", "symmetric", NULL};
    int64_t pads[2 * TENSOR_MAX_RANK];
    int mode = openvino_word(l, "pad_mode", "constant", modes);
    if (mode == 3) {
        pad_symmetric(l);
        return;
    }
    int count = openvino_in_ints(l, 1, pads, TENSOR_MAX_RANK);
    bool known = count >= 0 && openvino_in_ints(l, 2, pads + count, TENSOR_MAX_RANK) == count;
    struct value *list = known ? build_list(l->b, 2 * count, pads)
                               : BUILD(l->b, "Concat/axis=0", openvino_list(l, 1), openvino_list(l, 2));
    struct value *number = openvino_has(l, 3) && mode == 0 ? l->in[3] : NULL;
    struct value *v = BUILD(l->b, "Pad", openvino_in(l, 0), list, number);
    l->out[0] = mode ? build_string(l->b, v, "mode", modes[mode]) : v;
}

/* ---- channels and places ---- */

static const char *const orders[] = {"blocks_first", "depth_first", NULL};

void openvino_read_depth_to_space(struct openvino_read *l)
{
    bool depth_first = openvino_word(l, "mode", "blocks_first", orders) == 1;
    struct value *v =
        build_int(l->b, BUILD(l->b, "DepthToSpace", openvino_in(l, 0)), "blocksize", openvino_int(l, "block_size", 1));
    l->out[0] = depth_first ? build_string(l->b, v, "mode", "CRD") : v;
}

void openvino_read_space_to_depth(struct openvino_read *l)
{
    bool depth_first = openvino_word(l, "mode", "blocks_first", orders) == 1;
    int64_t size = openvino_int(l, "block_size", 1);
    struct value *x = openvino_in(l, 0);
    if (!depth_first)
        l->out[0] = build_int(l->b, BUILD(l->b, "SpaceToDepth", x), "blocksize", size);
    else
        l->out[0] = build_string(l->b, build_int(l->b, BUILD(l->b, "nn.Reorg", x), "stride", size), "mode", "CRD");
}

void openvino_read_shuffle_channels(struct openvino_read *l)
{
    int rank = openvino_rank(l, 0), axis = openvino_axis(l, openvino_int(l, "axis", 1), rank);
    int64_t group = openvino_int(l, "group", 1), size = openvino_dim(l, 0, axis), perm[TENSOR_MAX_RANK + 1];
    int64_t dims[TENSOR_MAX_RANK + 1], back[TENSOR_MAX_RANK];
    if (axis == 1) {
        l->out[0] = build_int(l->b, BUILD(l->b, "nn.ShuffleChannel", openvino_in(l, 0)), "group", group);
        return;
    }
    if (rank >= TENSOR_MAX_RANK || size < 0 || group < 1 || size % group)
        build_fail(l->b, "%lld groups of axis %d", (long long)group, axis);
    for (int i = 0; i <= rank && !l->b->failed; i++) {
        dims[i] = i < axis ? 0 : i == axis ? group : i == axis + 1 ? size / group : openvino_dim(l, 0, i - 1);
        perm[i] = i == axis ? axis + 1 : i == axis + 1 ? axis : i;
        if (i < rank)
            back[i] = i < axis ? 0 : openvino_dim(l, 0, i);
    }
    struct value *v = build_transpose(l->b, build_reshape(l->b, openvino_in(l, 0), rank + 1, dims), rank + 1, perm);
    l->out[0] = build_reshape(l->b, v, rank, back);
}

void openvino_read_reorg(struct openvino_read *l)
{
    l->out[0] = build_int(l->b, BUILD(l->b, "nn.Reorg", openvino_in(l, 0)), "stride", openvino_int(l, "stride", 2));
}

/* Start, end and step may be of several types, and lists of one. */
void openvino_read_range(struct openvino_read *l)
{
    struct value *in[3];
    for (int k = 0; k < 3; k++) {
        in[k] = openvino_as(l, openvino_in(l, k), "output_type", "i64");
        if (openvino_rank(l, k) > 0)
            in[k] = BUILD(l->b, "Squeeze", in[k]);
    }
    l->out[0] = build_node(l->b, "Range", 3, in);
}
