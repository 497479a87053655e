/* Normalisations and activations of onnxruntime, by ONNX's own. */
#include <string.h>

#include "op/build.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- activations ---- */

static int expand_gelu_of(struct node *n, struct value *bias, bool by_tanh, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *y = BUILD(&b, "Gelu", build_add(&b, n->in[0], bias));
    build_give(&b, 0, by_tanh ? build_string(&b, y, "approximate", "tanh") : y);
    return build_end(&b);
}

int expand_microsoft_gelu(struct node *n, struct error *err)
{
    return expand_gelu_of(n, node_in(n, 1), false, err);
}

int expand_fast_gelu(struct node *n, struct error *err)
{
    return expand_gelu_of(n, node_in(n, 1), true, err);
}

int expand_quick_gelu(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    build_give(&b, 0, build_float(&b, BUILD(&b, "Swish", n->in[0]), "alpha", op_float(n, "alpha")));
    return build_end(&b);
}

int infer_bias_gelu(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *bias = real_type(c, 1);
    if (bias->rank >= 0 && bias->rank != 1)
        return infer_error(c, err, "input B has rank %d, want 1", bias->rank);
    if (bias->rank == 1 && x->rank > 0 && bias->dims[0] >= 0 && x->dims[x->rank - 1] >= 0 &&
        bias->dims[0] != x->dims[x->rank - 1])
        return infer_error(c, err, "input B has %lld elements, want %lld", (long long)bias->dims[0],
                           (long long)x->dims[x->rank - 1]);
    return infer_like_first(c, err);
}

/* ---- layer normalisation ---- */

/* 1 / sqrt(mean(x²) + epsilon) over the axes from `axis` on, as f32. */
static struct value *inverse_deviation(struct build *b, struct value *x, int axis, int rank)
{
    int64_t axes[TENSOR_MAX_RANK];
    for (int i = axis; i < rank; i++)
        axes[i - axis] = i;
    struct value *wide = build_cast(b, x, DTYPE_F32);
    struct value *mean = BUILD(b, "ReduceMean", BUILD(b, "Mul", wide, wide), build_list(b, rank - axis, axes));
    mean = BUILD(b, "Add", mean, build_number(b, DTYPE_F32, op_float(b->node, "epsilon")));
    return BUILD(b, "Reciprocal", BUILD(b, "Sqrt", mean));
}

int expand_simplified_layer_norm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *y = build_attrs(&b, BUILD(&b, "RMSNormalization", n->in[0], n->in[1])), *inverse = NULL;
    if (node_out(n, 1)) {
        int64_t rank = build_rank(&b, 0), axis = op_int(n, "axis");
        if (!b.failed && (axis < -rank || axis >= rank))
            build_fail(&b, "attribute axis: %lld is not in [%lld, %lld)", (long long)axis, -(long long)rank,
                       (long long)rank);
        inverse = b.failed ? NULL : inverse_deviation(&b, n->in[0], (int)(axis < 0 ? axis + rank : axis), (int)rank);
    }
    build_give(&b, 0, y);
    build_give(&b, 1, inverse);
    return build_end(&b);
}

/* Statistics as f32: the dims of the input, with 1 from the axis on. */
static int infer_statistics(struct op_infer *c, int first, int count, int axis, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : 1;
    for (int o = first; o < first + count; o++)
        if (infer_set(c, o, DTYPE_F32, x->rank, x->rank < 0 ? NULL : dims, err))
            return -1;
    return 0;
}

int infer_simplified_layer_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int axis = 0;
    if (x->rank >= 0 && infer_axis(c, "axis", op_int(c->node, "axis"), x->rank, &axis, err))
        return -1;
    if (infer_set(c, 0, infer_dtype(c, 1), x->rank, x->rank < 0 ? NULL : x->dims, err))
        return -1;
    return infer_statistics(c, 1, 1, axis, err);
}

int infer_skip_layer_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *skip = real_type(c, 1);
    int64_t dims[TENSOR_MAX_RANK];
    int rank = x->rank;
    if (rank == 0)
        return infer_error(c, err, "input is a scalar, want rank 1 or more");
    if (rank > 0 && skip->rank >= 0) {
        memcpy(dims, x->dims, sizeof(dims));
        if (skip->rank > rank || op_broadcast(dims, &rank, skip->dims, skip->rank))
            return infer_error(c, err, "input skip does not broadcast to input");
    }
    if (infer_like_first(c, err) || real_infer_same(c, 3, 0, err))
        return -1;
    return infer_statistics(c, 1, 2, x->rank - 1, err);
}

/* The sum that is normalised: input, its bias if there is one, and skip: so that the bias is that of the product
 * before. */
static struct value *skipped(struct build *b, int bias)
{
    return BUILD(b, "Add", build_add(b, b->node->in[0], node_in(b->node, bias)), b->node->in[1]);
}

int expand_skip_layer_norm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *sum = skipped(&b, 4), *y = BUILD(&b, "LayerNormalization", sum, n->in[2], node_in(n, 3));
    y = build_float(&b, y, "epsilon", op_float(n, "epsilon"));
    struct value *mean = node_out(n, 1) ? build_output(&b, y, 1) : NULL;
    struct value *inverse = node_out(n, 2) ? build_output(&b, y, 2) : NULL;
    build_give(&b, 0, y);
    build_give(&b, 1, mean);
    build_give(&b, 2, inverse);
    build_give(&b, 3, sum);
    return build_end(&b);
}

int expand_skip_simplified_layer_norm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *sum = skipped(&b, 3), *inverse = NULL;
    struct value *y = BUILD(&b, "RMSNormalization", sum, n->in[2]);
    y = build_float(&b, y, "epsilon", op_float(n, "epsilon"));
    if (node_out(n, 1))
        build_fail(&b, "output 1 (mean) is none of this operator's");
    if (node_out(n, 2)) {
        int rank = build_rank(&b, 0);
        inverse = b.failed ? NULL : inverse_deviation(&b, sum, rank - 1, rank);
    }
    build_give(&b, 0, y);
    build_give(&b, 2, inverse);
    build_give(&b, 3, sum);
    return build_end(&b);
}

/* ---- embeddings ---- */

enum { IN_IDS, IN_SEGMENTS, IN_WORDS, IN_POSITIONS, IN_SEGMENT_TABLE, IN_GAMMA, IN_BETA, IN_MASK, IN_POSITION_IDS };

/* What an embedding is made from; those that are not there are NULL. */
struct embedding {
    struct value *words, *positions, *segments, *gamma, *beta; /* tables, scale and shift */
    struct value *mask, *position_ids;
};

/* The number of ones in each row of the mask; 0 without one. */
static struct value *mask_index(struct build *b, struct value *mask, struct value *ids)
{
    struct value *ones = mask ? build_cast(b, BUILD(b, "Equal", mask, build_number(b, DTYPE_I32, 1)), DTYPE_I32)
                              : BUILD(b, "Mul", ids, build_number(b, DTYPE_I32, 0));
    return BUILD(b, "ReduceSum/keepdims=0", ones, BUILD_LIST(b, 1));
}

static int embed(struct build *b, const struct embedding *e)
{
    struct node *n = b->node;
    struct value *ids = n->in[IN_IDS], *segments = node_in(n, IN_SEGMENTS), *index = NULL;
    if (!segments != !e->segments)
        build_fail(b, "segment_ids and segment_embedding are wanted together");
    struct value *places = e->position_ids;
    if (!places)
        places = build_range(b, BUILD_LIST(b, 0), build_shape(b, ids, 1, 2));
    struct value *sum = BUILD(b, "Gather", e->words, ids);
    sum = BUILD(b, "Add", sum, BUILD(b, "Gather", e->positions, places));
    if (segments)
        sum = BUILD(b, "Add", sum, BUILD(b, "Gather", e->segments, segments));
    struct value *y = BUILD(b, "LayerNormalization", sum, e->gamma, e->beta);
    y = build_float(b, y, "epsilon", op_float(n, "epsilon"));
    if (node_out(n, 1))
        index = mask_index(b, e->mask, ids);
    build_give(b, 0, y);
    build_give(b, 1, index);
    build_give(b, 2, sum);
    return build_end(b);
}

int expand_embed_layer_norm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct embedding e = {n->in[IN_WORDS], n->in[IN_POSITIONS], node_in(n, IN_SEGMENT_TABLE), n->in[IN_GAMMA],
                          n->in[IN_BETA],  node_in(n, IN_MASK), node_in(n, IN_POSITION_IDS)};
    return embed(&b, &e);
}

/* Tables stand at 2 to 6, their scales at 8 to 12, their zero points at 13 to 17. */
int expand_quantized_embed_layer_norm(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *tables[5];
    for (int i = 0; i < 5; i++)
        tables[i] = node_in(n, 2 + i)
                        ? BUILD(&b, "DequantizeLinear", n->in[2 + i], node_in(n, 8 + i), node_in(n, 13 + i))
                        : NULL;
    struct embedding e = {tables[0], tables[1], tables[2], tables[3], tables[4], node_in(n, IN_MASK), NULL};
    return embed(&b, &e);
}

int infer_embed_layer_norm(struct op_infer *c, struct error *err)
{
    const struct type *ids = real_type(c, IN_IDS), *words = real_type(c, IN_WORDS);
    enum dtype dtype = words->dtype == DTYPE_I8 || words->dtype == DTYPE_U8 ? DTYPE_F32 : words->dtype;
    if (ids->rank >= 0 && ids->rank != 2)
        return infer_error(c, err, "input input_ids has rank %d, want 2", ids->rank);
    if (words->rank >= 0 && words->rank != 2)
        return infer_error(c, err, "input word_embedding has rank %d, want 2", words->rank);
    int64_t dims[3] = {ids->rank == 2 ? ids->dims[0] : DIM_UNKNOWN, ids->rank == 2 ? ids->dims[1] : DIM_UNKNOWN,
                       words->rank == 2 ? words->dims[1] : DIM_UNKNOWN};
    if (infer_set(c, 0, dtype, 3, dims, err) || infer_set(c, 1, DTYPE_I32, 1, dims, err))
        return -1;
    return infer_set(c, 2, dtype, 3, dims, err);
}
