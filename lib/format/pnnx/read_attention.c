/* Attention, and the layers that PyTorch's encoder joins to one. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "format/pnnx/read.h"

/* [N, T, C] as heads: [N, heads, T, C / heads]; and back. */
static struct value *split_heads(struct reader *r, struct value *x, int64_t heads)
{
    struct value *v = build_reshape(&r->b, x, 4, (int64_t[]){0, 0, heads, -1});
    return BUILD(&r->b, "Transpose/perm=0,2,1,3", v);
}

static struct value *join_heads(struct reader *r, struct value *x)
{
    struct value *v = BUILD(&r->b, "Transpose/perm=0,2,1,3", x);
    return build_reshape(&r->b, v, 3, (int64_t[]){0, 0, -1});
}

static struct value *last_swapped(struct reader *r, struct value *v)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = pnnx_rank(r, v);
    if (rank < 2)
        build_fail(&r->b, "wants keys of at least two axes");
    if (r->b.failed)
        return NULL;
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return build_transpose(&r->b, v, rank, perm);
}

/* A mask of truth values says what is looked at: 0 there, and the least number elsewhere. */
static struct value *as_bias(struct reader *r, struct value *mask, bool true_is_open)
{
    struct build *b = &r->b;
    if (!mask || build_known_dtype(&r->b, mask) != DTYPE_BOOL)
        return mask;
    struct value *zero = build_number(b, DTYPE_F32, 0), *least = build_number(b, DTYPE_F32, -HUGE_VAL);
    return true_is_open ? BUILD(b, "Where", mask, zero, least) : BUILD(b, "Where", mask, least, zero);
}

/* Row i looks at columns 0 … i. */
static struct value *causal_mask(struct reader *r, struct value *scores)
{
    struct build *b = &r->b;
    int rank = pnnx_rank(r, scores);
    struct value *shape = build_shape(b, scores, rank - 2, rank);
    struct value *least = BUILD(b, "Expand", build_number(b, DTYPE_F32, -HUGE_VAL), shape);
    return BUILD(b, "Trilu/upper=1", least, build_number(b, DTYPE_I64, 1));
}

/* softmax(q k^T * scale + mask) v. */
static struct value *attend(struct reader *r, struct value *q, struct value *k, struct value *v, struct value *mask,
                            double scale, bool causal)
{
    struct build *b = &r->b;
    struct value *scores = BUILD(b, "MatMul", pnnx_by(r, "Mul", q, scale), last_swapped(r, k));
    if (causal)
        mask = causal_mask(r, scores);
    struct value *weights = BUILD(b, "Softmax/axis=-1", build_add(b, scores, mask));
    return BUILD(b, "MatMul", weights, v);
}

/* Whether a mask may hide all keys from a query, which then gets zeros; a bias does not. */
static bool may_hide(struct reader *r, struct value *mask)
{
    bool where = mask && mask->producer && node_is(mask->producer, "Where");
    return where || build_known_dtype(&r->b, mask) == DTYPE_BOOL;
}

struct value *pnnx_sdpa(struct reader *r)
{
    struct value *q = pnnx_in(r, "query", 0), *k = pnnx_in(r, "key", 1), *v = pnnx_in(r, "value", 2);
    struct value *mask = pnnx_optional(r, "attn_mask", 3);
    int64_t width = pnnx_size(r, q, pnnx_rank(r, q) - 1);
    double scale = pnnx_float(r, "scale", 0);
    if (scale == 0 && width < 1)
        build_fail(&r->b, "wants to know the width of its queries");
    if (scale == 0)
        scale = 1 / sqrt((double)width);
    bool causal = pnnx_bool(r, "is_causal", false);
    if (pnnx_rank(r, q) != 4 || !(pnnx_bool(r, "enable_gqa", false) || may_hide(r, mask)))
        return attend(r, q, k, v, as_bias(r, mask, true), scale, causal);
    struct value *y = build_int(&r->b, BUILD(&r->b, "Attention", q, k, v, mask), "is_causal", causal);
    return build_float(&r->b, y, "scale", (float)scale);
}

/* ---- nn.MultiheadAttention ---- */

/* Part i of three of a tensor along axis 0. */
static struct value *third(struct reader *r, struct value *v, int i, int64_t rows)
{
    return v ? build_slice(&r->b, v, 0, i * rows, (i + 1) * rows) : NULL;
}

struct attention {
    int64_t embed, heads;
    bool batch_first;
    struct value *in[3], *mask;
};

/* One, two (the query; key and value) or three inputs, and a mask behind. */
static void read_inputs(struct reader *r, struct attention *a)
{
    bool has_mask = pnnx_param(r->op, "$attn_mask") != NULL;
    int n = r->op->in_count - has_mask;
    for (int i = 0; i < 3 && !r->b.failed; i++) {
        a->in[i] = pnnx_at(r, n > i ? i : n > 0 ? n - 1 : 0);
        if (!a->batch_first)
            a->in[i] = BUILD(&r->b, "Transpose/perm=1,0,2", a->in[i]);
    }
    a->mask = has_mask ? as_bias(r, pnnx_optional(r, "attn_mask", -1), false) : NULL;
    /* [N * heads, T, S] is a mask for each head */
    if (a->mask && pnnx_rank(r, a->mask) == 3) {
        struct value *sizes = build_shape(&r->b, a->mask, 1, 3);
        struct value *shape = pnnx_concat(r, 2, (struct value *[]){BUILD_LIST(&r->b, -1, a->heads), sizes}, 0);
        a->mask = BUILD(&r->b, "Reshape", a->mask, shape);
    }
}

/* The three projections: one weight of three parts, or, of inputs of other widths, three. */
static void project(struct reader *r, const struct attention *a, struct value **out)
{
    static const char *const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    struct value *joined = pnnx_weight(r, "in_proj_weight"), *bias = pnnx_weight(r, "in_proj_bias");
    for (int i = 0; i < 3 && !r->b.failed; i++) {
        struct value *weight = joined ? third(r, joined, i, a->embed) : pnnx_weight(r, names[i]);
        if (!weight)
            build_fail(&r->b, "has no weight %s", names[i]);
        struct value *v = pnnx_linear_of(r, a->in[i], weight, third(r, bias, i, a->embed));
        out[i] = split_heads(r, v, a->heads);
    }
}

struct value *pnnx_multi_head_attention(struct reader *r)
{
    struct attention a = {
        pnnx_int(r, "embed_dim", 0), pnnx_int(r, "num_heads", 1), pnnx_bool(r, "batch_first", false), {NULL}, NULL};
    struct value *parts[3] = {NULL};
    if (a.embed < 1 || a.heads < 1 || a.embed % a.heads)
        build_fail(&r->b, "has %lld channels in %lld heads", (long long)a.embed, (long long)a.heads);
    if (pnnx_bool(r, "add_bias_kv", false) || pnnx_bool(r, "add_zero_attn", false) || r->op->out_count > 1)
        build_fail(&r->b, "adds keys of its own, or gives its weights, which is not known");
    read_inputs(r, &a);
    project(r, &a, parts);
    double scale = r->b.failed ? 1 : 1 / sqrt((double)(a.embed / a.heads));
    struct value *v = join_heads(r, attend(r, parts[0], parts[1], parts[2], a.mask, scale, false));
    struct value *weight = pnnx_weight(r, "out_proj.weight");
    if (!weight)
        build_fail(&r->b, "has no weight out_proj.weight");
    v = pnnx_linear_of(r, v, weight, pnnx_weight(r, "out_proj.bias"));
    return a.batch_first ? v : BUILD(&r->b, "Transpose/perm=1,0,2", v);
}

/* ---- a layer of nn.TransformerEncoder ---- */

enum {
    SRC,
    EMBED,
    HEADS,
    QKV_W,
    QKV_B,
    OUT_W,
    OUT_B,
    USE_GELU,
    NORM_FIRST,
    EPS,
    NORM1_W,
    NORM1_B,
    NORM2_W,
    NORM2_B,
    FFN1_W,
    FFN1_B,
    FFN2_W,
    FFN2_B,
    MASK,
    INPUTS
};

/* An operand that is a constant of the script. */
static const char *literal_at(struct reader *r, int i)
{
    struct pnnx_operand *operand = lookup_find(&r->names, r->op->in[i]);
    return operand && operand->literal ? operand->literal : "";
}

static int64_t int_at(struct reader *r, int i)
{
    int64_t value = 0;
    const char *text = literal_at(r, i);
    text_to_i64(text, strlen(text), &value);
    return value;
}

static struct value *norm_at(struct reader *r, struct value *x, int i)
{
    double eps = 1e-5;
    const char *text = literal_at(r, EPS);
    text_to_f64(text, strlen(text), &eps);
    struct value *v = BUILD(&r->b, "LayerNormalization", x, pnnx_at(r, i), pnnx_at(r, i + 1));
    return build_float(&r->b, build_int(&r->b, v, "axis", -1), "epsilon", (float)eps);
}

static struct value *self_attention(struct reader *r, struct value *x)
{
    int64_t embed = int_at(r, EMBED), heads = int_at(r, HEADS);
    struct value *parts[3] = {NULL}, *weight = pnnx_at(r, QKV_W), *bias = pnnx_at(r, QKV_B);
    if (embed < 1 || heads < 1 || embed % heads)
        build_fail(&r->b, "has %lld channels in %lld heads", (long long)embed, (long long)heads);
    for (int i = 0; i < 3 && !r->b.failed; i++)
        parts[i] = split_heads(r, pnnx_linear_of(r, x, third(r, weight, i, embed), third(r, bias, i, embed)), heads);
    double scale = r->b.failed ? 1 : 1 / sqrt((double)(embed / heads));
    struct value *v = join_heads(r, attend(r, parts[0], parts[1], parts[2], NULL, scale, false));
    return pnnx_linear_of(r, v, pnnx_at(r, OUT_W), pnnx_at(r, OUT_B));
}

static struct value *feed_forward(struct reader *r, struct value *x)
{
    bool gelu = strcmp(literal_at(r, USE_GELU), "True") == 0;
    struct value *v = pnnx_linear_of(r, x, pnnx_at(r, FFN1_W), pnnx_at(r, FFN1_B));
    v = BUILD(&r->b, gelu ? "Gelu" : "Relu", v);
    return pnnx_linear_of(r, v, pnnx_at(r, FFN2_W), pnnx_at(r, FFN2_B));
}

struct value *pnnx_encoder_layer(struct reader *r)
{
    struct build *b = &r->b;
    if (r->op->in_count < INPUTS || strcmp(literal_at(r, MASK), "None") != 0) {
        build_fail(b, "has %d inputs, or a mask, which is not known", r->op->in_count);
        return NULL;
    }
    struct value *x = pnnx_at(r, SRC);
    if (strcmp(literal_at(r, NORM_FIRST), "True") == 0) {
        x = BUILD(b, "Add", x, self_attention(r, norm_at(r, x, NORM1_W)));
        return BUILD(b, "Add", x, feed_forward(r, norm_at(r, x, NORM2_W)));
    }
    x = norm_at(r, BUILD(b, "Add", x, self_attention(r, x)), NORM1_W);
    return norm_at(r, BUILD(b, "Add", x, feed_forward(r, x)), NORM2_W);
}
