/* GroupQueryAttention and RotaryEmbedding of onnxruntime: language models that keep what they have seen. */
#include "op/microsoft.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- RotaryEmbedding ---- */

/* v turned, with positions [batch, length]. heads 0: v has four axes. */
static struct value *turned(struct build *b, struct value *v, struct value *cosines, struct value *sines,
                            struct value *positions, int64_t interleaved, int64_t heads, int64_t part)
{
    struct value *y =
        build_int(b, BUILD(b, "RotaryEmbedding", v, cosines, sines, positions), "interleaved", interleaved != 0);
    if (heads)
        y = build_int(b, y, "num_heads", heads);
    return part ? build_int(b, y, "rotary_embedding_dim", part) : y;
}

/* One position, where the first of each sequence stands, as all of them. */
static struct value *following(struct build *b, struct value *first, int axis)
{
    struct value *x = b->node->in[0], *length = build_shape(b, x, axis, axis + 1);
    struct value *places = BUILD(b, "Add", build_range(b, BUILD_LIST(b, 0), length), first);
    struct value *shape = BUILD(b, "Concat", build_shape(b, x, 0, 1), length);
    return BUILD(b, "Expand", places, build_int(b, shape, "axis", 0));
}

int expand_microsoft_rotary_embedding(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0);
    int64_t heads = rank == 3 ? op_int(n, "num_heads") : 0, part = op_int(n, "rotary_embedding_dim");
    struct value *positions = n->in[1];
    if (op_int(n, "is_packed_batching"))
        build_fail(&b, "attribute is_packed_batching is known only as 0");
    if (rank == 3 && !heads) {
        int64_t size = 2 * build_dim(&b, 2, 1), hidden = build_dim(&b, 0, 2);
        heads = size > 0 ? hidden / size : 0;
    }
    if (build_rank(&b, 1) == 1)
        positions = following(&b, positions, rank == 3 ? 1 : 2);
    build_give(&b, 0, turned(&b, n->in[0], n->in[2], n->in[3], positions, op_int(n, "interleaved"), heads, part));
    return build_end(&b);
}

/* ---- GroupQueryAttention ---- */

enum {
    IN_Q,
    IN_K,
    IN_V,
    IN_PAST_K,
    IN_PAST_V,
    IN_LENGTHS,
    IN_TOTAL,
    IN_COSINES,
    IN_SINES,
    IN_POSITIONS,
    IN_SCORES,
    IN_SINK,
    IN_K_SCALE,
    IN_V_SCALE,
    IN_Q_NORM,
    IN_K_NORM
};

struct grouped {
    int64_t heads, groups, size;
    enum dtype dtype;
    struct value *part[3]; /* Q, K, V: batch x heads x length x size */
    struct value *past;    /* how many keys each sequence has had, i64 [batch] */
    struct value *rows;    /* where the queries stand, i64 [batch, length] */
};

static bool read_grouped(struct build *b, struct grouped *g)
{
    const struct node *n = b->node;
    g->heads = op_int(n, "num_heads");
    g->groups = op_int(n, "kv_num_heads");
    g->dtype = build_dtype(b, IN_Q);
    if (g->heads < 1 || g->groups < 1 || g->heads % g->groups) {
        build_fail(b, "attributes num_heads and kv_num_heads: %lld and %lld", (long long)g->heads,
                   (long long)g->groups);
        return false;
    }
    int64_t all = node_in(n, IN_K) ? g->heads : g->heads + 2 * g->groups;
    g->size = build_dim(b, IN_Q, 2) / all;
    if (op_int(n, "kv_cache_bit_width") || node_in(n, IN_K_SCALE) || node_in(n, IN_V_SCALE) ||
        op_int(n, "sliding_window_cache") || node_out(n, 3))
        build_fail(b, "quantised and sliding caches, and output output_qk, are not known");
    if (!node_in(n, IN_K) != !node_in(n, IN_V) || !node_in(n, IN_PAST_K) != !node_in(n, IN_PAST_V))
        build_fail(b, "key and value, and past_key and past_value, are wanted together");
    return !b->failed;
}

/* How many keys came before: the lengths hold the place of the last one. */
static void find_places(struct build *b, struct grouped *g)
{
    struct value *length = build_shape(b, b->node->in[IN_Q], 1, 2), *zero = build_number(b, DTYPE_I64, 0);
    struct value *all =
        BUILD(b, "Add", build_cast(b, b->node->in[IN_LENGTHS], DTYPE_I64), build_number(b, DTYPE_I64, 1));
    g->past = BUILD(b, "Max", BUILD(b, "Sub", all, length), zero);
    g->rows = BUILD(b, "Add", build_unsqueeze(b, g->past, 1), build_range(b, BUILD_LIST(b, 0), length));
}

/* Q, K or V for itself. */
static void take_part(struct build *b, struct grouped *g, int which)
{
    const struct node *n = b->node;
    int64_t heads = which == IN_Q ? g->heads : g->groups, at = which == IN_Q ? 0 : g->heads + (which - 1) * g->groups;
    struct value *v =
        node_in(n, IN_K) ? n->in[which] : build_slice(b, n->in[IN_Q], 2, at * g->size, (at + heads) * g->size);
    struct value *norm = which == IN_V ? NULL : node_in(n, which == IN_Q ? IN_Q_NORM : IN_K_NORM);
    v = microsoft_heads(b, v, heads);
    if (norm)
        v = build_float(b, BUILD(b, "RMSNormalization", v, norm), "epsilon", op_float(n, "qk_norm_epsilon"));
    v = microsoft_swap(b, v);
    if (which != IN_V && op_int(n, "do_rotary")) {
        int64_t pairs = build_dim(b, IN_COSINES, 1);
        v = turned(b, v, node_in(n, IN_COSINES), node_in(n, IN_SINES),
                   node_in(n, IN_POSITIONS) ? n->in[IN_POSITIONS] : g->rows, op_int(n, "rotary_interleaved"), 0,
                   2 * pairs == g->size ? 0 : 2 * pairs);
    }
    g->part[which] = v;
}

/* v with so many (i64 [1]) zeros more at the end of an axis. */
static struct value *padded(struct build *b, struct value *v, int64_t axis, struct value *more)
{
    struct value *pads = BUILD(b, "Concat/axis=0", BUILD_LIST(b, 0), more);
    return BUILD(b, "Pad", v, pads, NULL, BUILD_LIST(b, axis));
}

/* What was seen with the new keys or values behind it: of the greater length of the past's room and the total. */
static struct value *present(struct build *b, const struct grouped *g, int past, struct value *v)
{
    struct value *old = node_in(b->node, past);
    if (!old)
        return v;
    struct value *total = BUILD(b, "Reshape", build_cast(b, b->node->in[IN_TOTAL], DTYPE_I64), BUILD_LIST(b, 1));
    struct value *room = build_shape(b, old, 2, 3), *zero = BUILD_LIST(b, 0);
    struct value *more = BUILD(b, "Max", BUILD(b, "Sub", total, room), zero);
    old = padded(b, old, 2, more);
    return BUILD(b, "TensorScatter/axis=2", old, v, g->past);
}

/* K or V once for each head of Q. */
static struct value *for_each_head(struct build *b, const struct grouped *g, struct value *v)
{
    int64_t times = g->heads / g->groups;
    if (times == 1)
        return v;
    struct value *wide = BUILD(b, "Expand", build_unsqueeze(b, v, 2), BUILD_LIST(b, 1, 1, times, 1, 1));
    struct value *shape = build_shape(b, v, 2, 4);
    shape = BUILD(b, "Concat", BUILD_LIST(b, 0, g->heads), shape);
    return BUILD(b, "Reshape", wide, build_int(b, shape, "axis", 0));
}

/* Which keys each query sees: those up to its own place, with a window only so many of them; or, when the future is
 * open, all that there are. */
static struct value *seen(struct build *b, const struct grouped *g, const struct attend *a)
{
    struct value *keys = microsoft_key_places(b, a), *rows = build_unsqueeze(b, g->rows, -1), *visible;
    int64_t window = op_int(b->node, "local_window_size");
    if (op_int(b->node, "causal")) {
        visible = BUILD(b, "LessOrEqual", keys, rows);
    } else {
        struct value *last = build_cast(b, b->node->in[IN_LENGTHS], DTYPE_I64);
        visible = BUILD(b, "LessOrEqual", keys, build_unsqueeze(b, build_unsqueeze(b, last, 1), 2));
    }
    if (window > 0) {
        struct value *before = BUILD(b, "Sub", rows, build_number(b, DTYPE_I64, (double)window));
        visible = BUILD(b, "And", visible, BUILD(b, "Greater", keys, before));
    }
    return build_unsqueeze(b, visible, 1);
}

/* attention_bias may have fewer columns than there are keys: those behind it are never seen. */
static struct value *scores_added(struct build *b, const struct grouped *g, const struct attend *a)
{
    struct value *bias = node_in(b->node, IN_SCORES);
    struct value *zero = build_number(b, a->dtype, 0), *hidden = build_number(b, a->dtype, microsoft_lowest(a->dtype));
    if (bias) {
        struct value *keys = build_shape(b, a->k, 2, 3), *first = BUILD_LIST(b, 0);
        bias = padded(b, bias, 3, BUILD(b, "Max", BUILD(b, "Sub", keys, build_shape(b, bias, 3, 4)), first));
    }
    return BUILD(b, "Where", seen(b, g, a), bias ? bias : zero, hidden);
}

int expand_group_query_attention(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct grouped g = {0};
    if (!read_grouped(&b, &g))
        return build_end(&b);
    find_places(&b, &g);
    for (int i = IN_Q; i <= IN_V; i++)
        take_part(&b, &g, i);
    struct value *k = present(&b, &g, IN_PAST_K, g.part[IN_K]), *v = present(&b, &g, IN_PAST_V, g.part[IN_V]);
    struct attend a = {.dtype = g.dtype,
                       .q = g.part[IN_Q],
                       .k = for_each_head(&b, &g, k),
                       .v = for_each_head(&b, &g, v),
                       .softcap = op_float(n, "softcap")};
    microsoft_read_attend(&b, &a, g.size);
    if (node_in(n, IN_SINK))
        a.sink = build_reshape(&b, n->in[IN_SINK], 4, (int64_t[]){1, -1, 1, 1});
    else if (op_int(n, "smooth_softmax") > 0)
        a.sink = build_number(&b, a.dtype, 0);
    struct value *y = microsoft_attend(&b, &a, scores_added(&b, &g, &a));
    return microsoft_end(&b, y, k, v);
}

int infer_group_query_attention(struct op_infer *c, struct error *err)
{
    const struct type *q = real_type(c, IN_Q), *past = infer_type(c, IN_PAST_K);
    int64_t heads = op_int(c->node, "num_heads"), groups = op_int(c->node, "kv_num_heads"), total;
    if (heads < 1 || groups < 1 || heads % groups)
        return infer_error(c, err, "attributes num_heads and kv_num_heads: %lld and %lld", (long long)heads,
                           (long long)groups);
    if (q->rank >= 0 && q->rank != 3)
        return infer_error(c, err, "input query has rank %d, want 3", q->rank);
    int64_t batch = q->rank == 3 ? q->dims[0] : DIM_UNKNOWN, length = q->rank == 3 ? q->dims[1] : DIM_UNKNOWN;
    int64_t size = q->rank == 3
                       ? graph_dim_div(c->graph, q->dims[2], node_in(c->node, IN_K) ? heads : heads + 2 * groups)
                       : DIM_UNKNOWN;
    int64_t keys = past ? DIM_UNKNOWN : length;
    if (past && past->rank == 4 && past->dims[2] >= 0 && infer_ints(c, IN_TOTAL, &total, 1) == 1)
        keys = total > past->dims[2] ? total : past->dims[2];
    int64_t y[3] = {batch, length, graph_dim_mul(c->graph, heads, size)}, kept[4] = {batch, groups, keys, size};
    if (infer_set(c, 0, q->dtype, 3, y, err) || infer_set(c, 1, q->dtype, 4, kept, err))
        return -1;
    return infer_set(c, 2, q->dtype, 4, kept, err);
}
