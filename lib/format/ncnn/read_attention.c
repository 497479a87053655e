/* Attention. */
#include <math.h>

#include "format/ncnn/read.h"

/* x [1, T, k] through a layer of its own, as heads: [1, heads, T, per head]. */
static struct value *heads_of(struct reader *r, struct value *x, struct value *weight, struct value *bias,
                              int64_t heads)
{
    struct build *b = &r->b;
    struct value *v = build_reshape(b, ncnn_linear(r, x, weight, bias), 4, (int64_t[]){0, 0, heads, -1});
    return BUILD(b, "Transpose/perm=0,2,1,3", v);
}

/* Keys and values of fewer heads than the queries serve several of these: each is repeated. */
static struct value *repeated(struct reader *r, struct value *v, int64_t heads)
{
    struct build *b = &r->b;
    int64_t own = ncnn_size(r, v, 0);
    if (b->failed || own < 1 || heads < 1 || own == heads || heads % own)
        return v;
    v = BUILD(b, "Tile", build_unsqueeze(b, v, 2), BUILD_LIST(b, 1, 1, heads / own, 1, 1));
    struct value *shape = BUILD(b, "Concat/axis=0", BUILD_LIST(b, 1, heads), build_shape(b, v, 3, 5));
    return BUILD(b, "Reshape", v, shape);
}

/* softmax(q k^T * scale + mask) v over [1, heads, T, n]. */
static struct value *attend(struct reader *r, struct value *q, struct value *k, struct value *v, struct value *mask,
                            float scale)
{
    struct build *b = &r->b;
    int64_t heads = ncnn_size(r, q, 0);
    struct value *kt = BUILD(b, "Transpose/perm=0,1,3,2", repeated(r, k, heads));
    struct value *scores = BUILD(b, "MatMul", ncnn_by(r, "Mul", q, scale), kt);
    struct value *weights = BUILD(b, "Softmax/axis=-1", build_add(b, scores, mask));
    return BUILD(b, "MatMul", weights, repeated(r, v, heads));
}

/* A mask of [1, T, S] is for all heads. */
static struct value *mask_of(struct reader *r, int i)
{
    struct value *mask = ncnn_in(r, i);
    return ncnn_dims(r, mask) == 2 ? build_unsqueeze(&r->b, mask, 1) : mask;
}

struct attention {
    int64_t embed, heads, q, k, v; /* widths: inside, and of the inputs */
    int q_at, k_at, v_at, mask_at; /* which inputs */
};

static void read_attention(struct reader *r, struct attention *a)
{
    int embed = ncnn_int(r->l, 0, 0), size = ncnn_int(r->l, 2, 0);
    *a = (struct attention){
        .embed = embed, .heads = ncnn_int(r->l, 1, 1), .k = ncnn_int(r->l, 3, embed), .v = ncnn_int(r->l, 4, embed)};
    if (embed < 1 || a->heads < 1 || embed % a->heads || size < 1 || size % embed)
        build_fail(&r->b, "has %d weights for %d inner channels in %lld heads", size, embed, (long long)a->heads);
    else
        a->q = size / embed;
    if (ncnn_int(r->l, 7, 0) || ncnn_int(r->l, 18, 0))
        build_fail(&r->b, "keeps keys of former calls, or has weights of a quantised form: neither is known");
    bool has_mask = ncnn_int(r->l, 5, 0) != 0;
    int blobs = r->l->in_count - has_mask;
    a->k_at = blobs > 1 ? 1 : 0;
    a->v_at = blobs > 2 ? 2 : a->k_at;
    a->mask_at = has_mask ? blobs : -1;
}

static struct value *projected(struct reader *r, const char *weight_name, const char *bias_name, struct value *x,
                               int64_t outputs, int64_t inputs, int64_t heads)
{
    struct value *weight = ncnn_weight(r, weight_name, 2, (int64_t[]){outputs, inputs});
    struct value *bias = ncnn_raw(r, bias_name, 1, &outputs);
    return heads ? heads_of(r, x, weight, bias, heads) : ncnn_linear(r, x, weight, bias);
}

struct value *ncnn_multi_head_attention(struct reader *r)
{
    struct build *b = &r->b;
    struct attention a;
    read_attention(r, &a);
    if (b->failed)
        return NULL;
    float scale = ncnn_float(r->l, 6, 1 / sqrtf((float)(a.embed / a.heads)));
    struct value *q = projected(r, "q_weight", "q_bias", ncnn_in(r, a.q_at), a.embed, a.q, a.heads);
    struct value *k = projected(r, "k_weight", "k_bias", ncnn_in(r, a.k_at), a.embed, a.k, a.heads);
    struct value *v = projected(r, "v_weight", "v_bias", ncnn_in(r, a.v_at), a.embed, a.v, a.heads);
    struct value *y = attend(r, q, k, v, a.mask_at >= 0 ? mask_of(r, a.mask_at) : NULL, scale);
    y = build_reshape(b, BUILD(b, "Transpose/perm=0,2,1,3", y), 3, (int64_t[]){0, 0, -1});
    return projected(r, "out_weight", "out_bias", y, a.q, a.embed, 0);
}

struct value *ncnn_sdpa(struct reader *r)
{
    if (ncnn_int(r->l, 7, 0) || ncnn_int(r->l, 18, 0))
        build_fail(&r->b, "keeps keys of former calls, or rounds to 8 bits: neither is known");
    struct value *q = ncnn_in(r, 0), *k = ncnn_in(r, 1), *v = ncnn_in(r, 2);
    float scale = ncnn_float(r->l, 6, 0);
    int64_t width = ncnn_size(r, q, 2);
    if (scale == 0 && width < 1)
        q = build_formula(&r->b, "$0 $0 Shape/start=-1 ~ Sqrt Div:2", 1, &q);
    if (scale == 0)
        scale = width < 1 ? 1 : 1 / sqrtf((float)width);
    return attend(r, q, k, v, ncnn_int(r->l, 5, 0) ? mask_of(r, 3) : NULL, scale);
}

/* The tables hold an angle for each position, as blobs of two axes. */
struct value *ncnn_rotary_embed(struct reader *r)
{
    struct build *b = &r->b;
    struct value *v = BUILD(b, "RotaryEmbedding", ncnn_in(r, 0), ncnn_in(r, 1), ncnn_in(r, 2));
    return build_int(b, v, "interleaved", ncnn_int(r->l, 0, 0) != 0);
}
