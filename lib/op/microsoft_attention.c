/* Attention of onnxruntime, written out as products and Softmax. (Vaswani et al. 2017.) */
#include <math.h>

#include "op/build.h"
#include "op/microsoft.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- the core ---- */

struct value *microsoft_heads(struct build *b, struct value *v, int64_t heads)
{
    return build_reshape(b, v, 4, (int64_t[]){0, 0, heads, -1});
}

struct value *microsoft_swap(struct build *b, struct value *v)
{
    return build_transpose(b, v, 4, (int64_t[]){0, 2, 1, 3});
}

struct value *microsoft_key_places(struct build *b, const struct attend *a)
{
    return build_range(b, BUILD_LIST(b, 0), build_shape(b, a->k, 2, 3));
}

/* Those before `end`, i32 [B]: bool [B, T]. */
static struct value *before(struct build *b, const struct attend *a, struct value *end)
{
    return BUILD(b, "Less", microsoft_key_places(b, a), build_unsqueeze(b, build_cast(b, end, DTYPE_I64), -1));
}

/* A mask of one number for each sequence, where it ends, or two, where they start behind that: bool [B, T]. */
static struct value *visible_by_index(struct build *b, const struct attend *a, int64_t batch)
{
    int64_t count = build_dim(b, a->mask, 0);
    struct value *mask = b->node->in[a->mask];
    if (b->failed || (count != batch && count != 2 * batch && count != 3 * batch + 2)) {
        build_fail(b, "the mask has %lld elements, want one, two or three (and two more) for each of %lld sequences",
                   (long long)count, (long long)batch);
        return NULL;
    }
    if (count == batch)
        return before(b, a, mask);
    struct value *visible = before(b, a, build_slice(b, mask, 0, 0, batch));
    if (count == 3 * batch + 2)
        return visible;
    struct value *early = before(b, a, build_slice(b, mask, 0, batch, count));
    return BUILD(b, "And", visible, BUILD(b, "Not", early));
}

/* What the mask adds to the scores, as something that broadcasts to [B, N, S, T]; NULL: nothing. */
static struct value *padding(struct build *b, const struct attend *a)
{
    struct value *mask = node_in(b->node, a->mask), *visible;
    int rank = mask ? build_rank(b, a->mask) : 0;
    if (!mask || (rank == 2 && mask->type.dims[1] == 1)) /* such a mask stands for none */
        return NULL;
    if (rank < 1 || rank > 3) {
        build_fail(b, "the mask has rank %d, want 1 to 3", rank);
        return NULL;
    }
    if (rank == 1)
        visible = visible_by_index(b, a, build_dim(b, 0, 0));
    else
        visible = BUILD(b, "Greater", mask, build_number(b, DTYPE_I32, 0));
    visible = build_unsqueeze(b, visible, 1);
    if (rank < 3)
        visible = build_unsqueeze(b, visible, 1);
    return BUILD(b, "Where", visible, build_number(b, a->dtype, 0), build_number(b, a->dtype, a->filter));
}

double microsoft_lowest(enum dtype dtype)
{
    return dtype == DTYPE_F16 ? -65504 : -0x1.fep127;
}

/* No query sees keys behind it, the last query standing at the last key. */
static struct value *hide_later(struct build *b, const struct attend *a, struct value *added)
{
    struct value *keys = build_shape(b, a->k, 2, 3), *queries = build_shape(b, a->q, 2, 3);
    struct value *rows = build_unsqueeze(b, build_range(b, BUILD(b, "Sub", keys, queries), keys), -1);
    struct value *seen = BUILD(b, "LessOrEqual", microsoft_key_places(b, a), rows);
    return BUILD(b, "Where", seen, added ? added : build_number(b, a->dtype, 0),
                 build_number(b, a->dtype, microsoft_lowest(a->dtype)));
}

/* Everything that is added to the scores. */
static struct value *all_added(struct build *b, const struct attend *a)
{
    struct value *added = padding(b, a);
    if (a->causal)
        added = hide_later(b, a, added);
    return a->bias ? build_add(b, a->bias, added) : added;
}

/* Softmax over the keys, and over a score more for each head, if there is one, which weighs nothing. */
static struct value *weights_of(struct build *b, struct value *scores, struct value *sink)
{
    if (!sink)
        return BUILD(b, "Softmax/axis=-1", scores);
    struct value *keys = build_shape(b, scores, 3, 4);
    struct value *shape = BUILD(b, "Concat/axis=0", build_shape(b, scores, 0, 3), BUILD_LIST(b, 1));
    scores = BUILD(b, "Concat/axis=3", scores, BUILD(b, "Expand", sink, shape));
    struct value *weights = BUILD(b, "Softmax/axis=-1", scores);
    return BUILD(b, "Slice", weights, BUILD_LIST(b, 0), keys, BUILD_LIST(b, 3));
}

struct value *microsoft_attend(struct build *b, const struct attend *a, struct value *added)
{
    struct value *q = BUILD(b, "Mul", a->q, build_number(b, a->dtype, a->scale));
    struct value *scores = BUILD(b, "MatMul", q, build_transpose(b, a->k, 4, (int64_t[]){0, 1, 3, 2}));
    if (a->softcap > 0) {
        struct value *cap = build_number(b, a->dtype, a->softcap);
        scores = BUILD(b, "Mul", BUILD(b, "Tanh", BUILD(b, "Div", scores, cap)), cap);
    }
    struct value *y = BUILD(b, "MatMul", weights_of(b, build_add(b, scores, added), a->sink), a->v);
    return build_reshape(b, microsoft_swap(b, y), 3, (int64_t[]){0, 0, -1});
}

struct value *microsoft_behind(struct build *b, struct value *past, struct value *v)
{
    return past ? BUILD(b, "Concat/axis=2", past, v) : v;
}

int microsoft_end(struct build *b, struct value *y, struct value *k, struct value *v)
{
    k = node_out(b->node, 1) ? BUILD(b, "Identity", k) : NULL;
    v = node_out(b->node, 2) ? BUILD(b, "Identity", v) : NULL;
    build_give(b, 0, y);
    build_give(b, 1, k);
    build_give(b, 2, v);
    return build_end(b);
}

void microsoft_read_attend(struct build *b, struct attend *a, int64_t size)
{
    const struct node *n = b->node;
    float scale = op_float(n, "scale");
    a->dtype = b->failed ? DTYPE_NONE : a->dtype;
    a->scale = scale != 0 ? scale : 1 / sqrt((double)size);
    a->causal = op_int(n, "unidirectional") != 0;
    a->filter = op_float(n, "mask_filter_value");
}

/* ---- Attention and QAttention ---- */

/* Where the inputs stand that both have. */
struct places {
    int mask, past, bias; /* bias: what is added to the scores; -1: there is none */
};

/* Sizes of all of Q, K and V, from the attribute or the weights' columns. */
static int projected_sizes(const struct node *n, int64_t columns, int64_t *sizes, struct error *err)
{
    int count;
    const int64_t *given = op_ints(n, "qkv_hidden_sizes", &count);
    int64_t heads = op_int(n, "num_heads");
    if (given && count != 3)
        return error_set(err, "attribute qkv_hidden_sizes: %d numbers, want 3", count);
    if (!given && columns >= 0 && columns % 3)
        return error_set(err, "the weights have %lld columns, want a multiple of 3", (long long)columns);
    for (int i = 0; i < 3; i++)
        sizes[i] = given ? given[i] : columns < 0 ? DIM_UNKNOWN : columns / 3;
    if (heads < 1)
        return error_set(err, "attribute num_heads: %lld, want at least 1", (long long)heads);
    for (int i = 0; i < 3; i++)
        if (sizes[i] != DIM_UNKNOWN && (sizes[i] < 1 || sizes[i] % heads || (i == 1 && sizes[1] != sizes[0])))
            return error_set(err, "attribute num_heads: %lld, and the hidden sizes are %lld, %lld and %lld",
                             (long long)heads, (long long)sizes[0], (long long)sizes[1], (long long)sizes[2]);
    return 0;
}

/* From Q, K and V side by side in the last axis. */
static int attend_projected(struct build *b, struct value *all, const struct places *places, enum dtype dtype)
{
    struct node *n = b->node;
    struct value *part[3], *past = node_in(n, places->past), *present = NULL;
    int64_t sizes[3] = {0}, heads = op_int(n, "num_heads"), columns = build_dim(b, 1, 1);
    if (op_int(n, "do_rotary") || op_int(n, "past_present_share_buffer"))
        build_fail(b, "attributes do_rotary and past_present_share_buffer are known only as 0");
    if (!b->failed && projected_sizes(n, columns, sizes, b->err))
        b->failed = true;
    struct value *first = BUILD(b, "Split/axis=2", all, build_list(b, 3, sizes));
    for (int i = 0; i < 3; i++) {
        part[i] = b->failed ? NULL : microsoft_heads(b, build_output(b, first, i), heads);
        part[i] = microsoft_swap(b, part[i]);
        if (i && past)
            part[i] = microsoft_behind(b, BUILD(b, "Gather", past, build_number(b, DTYPE_I64, i - 1)), part[i]);
    }
    struct attend a = {.dtype = dtype,
                       .q = part[0],
                       .k = part[1],
                       .v = part[2],
                       .mask = places->mask,
                       .bias = places->bias < 0 ? NULL : node_in(n, places->bias)};
    microsoft_read_attend(b, &a, b->failed ? 1 : sizes[0] / heads);
    struct value *y = microsoft_attend(b, &a, all_added(b, &a));
    if (node_out(n, 1)) {
        present = BUILD(b, "Concat", build_unsqueeze(b, a.k, 0), build_unsqueeze(b, a.v, 0));
        present = build_int(b, present, "axis", 0);
    }
    build_give(b, 0, y);
    build_give(b, 1, present);
    return build_end(b);
}

int expand_microsoft_attention(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *all = build_add(&b, BUILD(&b, "MatMul", n->in[0], n->in[1]), node_in(n, 2));
    return attend_projected(&b, all, &(struct places){3, 4, 5}, build_dtype(&b, 0));
}

int expand_quantized_attention(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    enum dtype dtype = build_dtype(&b, 2);
    struct value *all = BUILD(&b, "MatMulInteger", n->in[0], n->in[1], node_in(n, 6), node_in(n, 7));
    all = BUILD(&b, "Mul", build_cast(&b, all, dtype), BUILD(&b, "Mul", n->in[3], n->in[4]));
    return attend_projected(&b, build_add(&b, all, n->in[2]), &(struct places){5, 8, -1}, dtype);
}

static int infer_projected(struct op_infer *c, int past_input, enum dtype dtype, struct error *err)
{
    const struct type *x = real_type(c, 0), *w = real_type(c, 1), *past = infer_type(c, past_input);
    int64_t sizes[3], heads = op_int(c->node, "num_heads");
    if ((x->rank >= 0 && x->rank != 3) || (w->rank >= 0 && w->rank != 2))
        return infer_error(c, err, "the input has rank %d and the weights %d, want 3 and 2", x->rank, w->rank);
    if (projected_sizes(c->node, w->rank == 2 && w->dims[1] >= 0 ? w->dims[1] : DIM_UNKNOWN, sizes, err))
        return real_infer_fail(c, err);
    int64_t batch = x->rank == 3 ? x->dims[0] : DIM_UNKNOWN, length = x->rank == 3 ? x->dims[1] : DIM_UNKNOWN;
    int64_t y[3] = {batch, length, sizes[2]}, total = length;
    if (past)
        total = past->rank == 5 ? graph_dim_add(c->graph, past->dims[3], length) : DIM_UNKNOWN;
    int64_t present[5] = {2, batch, heads, total, sizes[2] == DIM_UNKNOWN ? DIM_UNKNOWN : sizes[2] / heads};
    return infer_set(c, 0, dtype, 3, y, err) || infer_set(c, 1, dtype, 5, present, err) ? -1 : 0;
}

int infer_microsoft_attention(struct op_infer *c, struct error *err)
{
    return infer_projected(c, 4, infer_dtype(c, 0), err);
}

int infer_quantized_attention(struct op_infer *c, struct error *err)
{
    return infer_projected(c, 8, infer_dtype(c, 2), err);
}

/* ---- MultiHeadAttention ---- */

enum { IN_Q, IN_K, IN_V, IN_BIAS, IN_MASK, IN_SCORES, IN_PAST_K, IN_PAST_V, IN_PAST_LENGTH, IN_CACHE };

/* Which operand, Q, K or V, as [B, N, length, size], from how the inputs hold it: each for itself with heads side by
 * side (rank 3), K and V as they are wanted (rank 4), or several packed behind the heads' axis (rank 5). */
static struct value *operand(struct build *b, int which, int64_t heads, int64_t size)
{
    struct node *n = b->node;
    int input = !node_in(n, IN_K) ? IN_Q : which == IN_V && !node_in(n, IN_V) ? IN_K : which;
    int rank = build_rank(b, input);
    struct value *v = n->in[input], *bias = node_in(n, IN_BIAS);
    if (rank == 5) {
        int64_t at = input == which ? 0 : which - input;
        v = BUILD(b, "Squeeze", build_slice(b, v, 3, at, at + 1), BUILD_LIST(b, 3));
    } else if (rank == 3 && input == which) {
        v = microsoft_heads(b, v, heads);
    } else if (rank == 4 && which != IN_Q && input == which) {
        return v;
    } else {
        build_fail(b, "input %d has rank %d", input, rank);
    }
    if (bias) {
        bias = build_slice(b, bias, 0, which * heads * size, which == IN_V ? INT64_MAX : (which + 1) * heads * size);
        v = BUILD(b, "Add", v, build_reshape(b, bias, 2, (int64_t[]){heads, -1}));
    }
    return microsoft_swap(b, v);
}

int expand_multi_head_attention(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t heads = op_int(n, "num_heads"), size = 0;
    if (heads < 1)
        build_fail(&b, "attribute num_heads: %lld, want at least 1", (long long)heads);
    else
        size = build_rank(&b, IN_Q) == 5 ? build_dim(&b, IN_Q, 4) : build_dim(&b, IN_Q, 2) / heads;
    if (node_in(n, IN_PAST_LENGTH) || node_in(n, IN_CACHE) || node_out(n, 3))
        build_fail(&b, "inputs past_sequence_length and cache_indirection, and output qk, are not known");
    struct value *q = operand(&b, IN_Q, heads, size), *k = operand(&b, IN_K, heads, size);
    struct value *v = operand(&b, IN_V, heads, size);
    k = microsoft_behind(&b, node_in(n, IN_PAST_K), k);
    v = microsoft_behind(&b, node_in(n, IN_PAST_V), v);
    struct attend a = {
        .dtype = build_dtype(&b, IN_Q), .q = q, .k = k, .v = v, .mask = IN_MASK, .bias = node_in(n, IN_SCORES)};
    microsoft_read_attend(&b, &a, b.failed ? 1 : size);
    struct value *y = microsoft_attend(&b, &a, all_added(&b, &a));
    return microsoft_end(&b, y, k, v);
}

/* An operand's dims as batch, heads, length, size. */
static int operand_dims(const struct op_infer *c, int which, int64_t heads, int64_t *dims, struct error *err)
{
    const struct node *n = c->node;
    int input = !node_in(n, IN_K) ? IN_Q : which == IN_V && !node_in(n, IN_V) ? IN_K : which;
    const struct type *t = real_type(c, input);
    bool deep = t->rank == 4 && which != IN_Q;
    for (int i = 0; i < 4; i++)
        dims[i] = i == 1 ? heads : DIM_UNKNOWN;
    if (t->rank < 0)
        return 0;
    if (t->rank != 3 && !deep && t->rank != 5)
        return infer_error(c, err, "input %d has rank %d", input, t->rank);
    dims[0] = t->dims[0];
    dims[2] = t->dims[deep ? 2 : 1];
    dims[3] = t->rank == 3 ? graph_dim_div(c->graph, t->dims[2], heads) : t->dims[t->rank - 1];
    if (t->rank == 3 && t->dims[2] >= 0 && t->dims[2] % heads)
        return infer_error(c, err, "attribute num_heads: %lld does not divide %lld", (long long)heads,
                           (long long)t->dims[2]);
    return 0;
}

int infer_multi_head_attention(struct op_infer *c, struct error *err)
{
    int64_t q[4], k[4], v[4], heads = op_int(c->node, "num_heads");
    const struct type *past = infer_type(c, IN_PAST_K);
    enum dtype dtype = infer_dtype(c, IN_Q);
    if (heads < 1)
        return infer_error(c, err, "attribute num_heads: %lld, want at least 1", (long long)heads);
    if (operand_dims(c, IN_Q, heads, q, err) || operand_dims(c, IN_K, heads, k, err) ||
        operand_dims(c, IN_V, heads, v, err))
        return -1;
    if (past)
        k[2] = v[2] = past->rank == 4 ? graph_dim_add(c->graph, past->dims[2], k[2]) : DIM_UNKNOWN;
    int64_t y[3] = {q[0], q[2], graph_dim_mul(c->graph, heads, v[3])};
    return infer_set(c, 0, dtype, 3, y, err) || infer_set(c, 1, dtype, 4, k, err) || infer_set(c, 2, dtype, 4, v, err)
               ? -1
               : 0;
}
