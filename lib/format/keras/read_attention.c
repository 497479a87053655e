/* Attention. */
#include <math.h>
#include <string.h>

#include "format/keras/keras.h"

#define FAR 1e9 /* what Keras takes off scores that do not count */

/* scores less FAR where the mask, bool or number, is false. */
static struct value *masked(struct keras_call *l, struct value *scores, struct value *mask)
{
    struct value *off = BUILD(l->b, "Sub", build_cast(l->b, mask, DTYPE_F32), build_number(l->b, DTYPE_F32, 1));
    return BUILD(l->b, "Add", scores, BUILD(l->b, "Mul", off, build_number(l->b, DTYPE_F32, FAR)));
}

/* Query t sees the steps up to t: bool [queries, steps], of tensors whose second axis these are. */
static struct value *causal(struct keras_call *l, struct value *query, struct value *value)
{
    struct value *zero = build_number(l->b, DTYPE_I64, 0), *one = build_number(l->b, DTYPE_I64, 1);
    struct value *rows = BUILD(l->b, "Range", zero, build_reshape(l->b, build_shape(l->b, query, 1, 2), 0, NULL), one);
    struct value *columns =
        BUILD(l->b, "Range", zero, build_reshape(l->b, build_shape(l->b, value, 1, 2), 0, NULL), one);
    return BUILD(l->b, "GreaterOrEqual", build_unsqueeze(l->b, rows, 1), build_unsqueeze(l->b, columns, 0));
}

static bool keyword_is_true(struct keras_call *l, const char *name)
{
    const struct json_node *n = json_member(&l->r->json, l->kwargs, name);
    return (n && n->kind == JSON_TRUE) || keras_bool(l, name, false);
}

static struct value *transposed(struct keras_call *l, struct value *v)
{
    return build_transpose(l->b, v, 3, (int64_t[]){0, 2, 1});
}

/* The sum over channels of tanh(query + key), for each query and key. */
static struct value *additive_scores(struct keras_call *l, struct value *q, struct value *k, struct value *scale)
{
    struct value *sum = BUILD(l->b, "Add", build_unsqueeze(l->b, q, 2), build_unsqueeze(l->b, k, 1));
    sum = BUILD(l->b, "Tanh", sum);
    sum = scale ? BUILD(l->b, "Mul", sum, scale) : sum;
    return BUILD(l->b, "ReduceSum/keepdims=0", sum, BUILD_LIST(l->b, -1));
}

/* Inputs: query, value, and the key, which is the value where it is not given. */
void keras_read_attention(struct keras_call *l)
{
    bool is_dot = strcmp(l->kind->onnx, "dot") == 0;
    struct value *q = keras_in(l, 0), *v = keras_in(l, 1), *k = l->in_count > 2 ? keras_in(l, 2) : v;
    struct value *scale = keras_bool(l, "use_scale", !is_dot) ? keras_weight(l, "scale", 0) : NULL;
    struct value *mask = v ? keras_mask_of(l->r, v) : NULL;
    if (is_dot && strcmp(keras_text(l, "score_mode", "dot"), "dot") != 0)
        build_fail(l->b, "its score_mode is not read, want dot");
    if (keras_rank(l, q) != 3 || keras_rank(l, v) != 3)
        build_fail(l->b, "inputs of other than 3 axes are not read");
    struct value *scores = is_dot ? BUILD(l->b, "MatMul", q, transposed(l, k)) : additive_scores(l, q, k, scale);
    if (is_dot && scale)
        scores = BUILD(l->b, "Mul", scores, scale);
    if (mask)
        scores = masked(l, scores, build_unsqueeze(l->b, mask, 1));
    if (keyword_is_true(l, "use_causal_mask") || keras_bool(l, "causal", false))
        scores = masked(l, scores, causal(l, q, v));
    scores = BUILD(l->b, "Softmax", scores);
    struct value *y = BUILD(l->b, "MatMul", scores, v), *query_mask = q ? keras_mask_of(l->r, q) : NULL;
    if (query_mask)
        y = BUILD(l->b, "Mul", y, build_unsqueeze(l->b, build_cast(l->b, query_mask, DTYPE_F32), 2));
    keras_give(l, y);
    if (keyword_is_true(l, "return_attention_scores"))
        keras_give(l, scores);
}

/* ---- many heads ---- */

/* The parts of the layer, as attributes and by the names of their weights. */
static const char *const parts[] = {"query", "key", "value", "attention_output"};
static const char *const attributes[] = {"query_dense", "key_dense", "value_dense", "output_dense"};

enum part { QUERY, KEY, VALUE, OUTPUT };

/* A weight as a matrix or a row: all its axes but the first (or, of the output's, the last) in one. */
static struct value *flat(struct keras_call *l, enum part p, const char *name, int index, int64_t *heads, int64_t *size)
{
    struct keras_call inner = *l;
    bool is_bias = index == 1;
    int64_t dims[2] = {1, 1};
    if (l->b->failed || keras_place_part(l->r, &l->place, attributes[p], parts[p], &inner.place) < 0)
        return NULL;
    struct tensor *t = keras_tensor(&inner, NULL, name, index), *to = NULL;
    int want = is_bias ? (p == OUTPUT ? 1 : 2) : 3;
    if (!t || t->rank != want) {
        build_fail(l->b, "its %s of %s must have %d axes", name, parts[p], want);
    } else if (is_bias) {
        to = tensor_reshaped(t, 1, &t->count, l->b->err);
    } else {
        int cut = p == OUTPUT ? 2 : 1;
        for (int i = 0; i < 3; i++)
            dims[i >= cut] *= t->dims[i];
        *heads = t->dims[p == OUTPUT ? 0 : 1];
        *size = t->dims[p == OUTPUT ? 1 : 2];
        to = tensor_reshaped(t, 2, dims, l->b->err);
    }
    tensor_unref(t);
    return build_constant(l->b, keras_keep(l->r, parts[p]), to);
}

/* x times the part's kernel: [batch, heads, steps, size]. */
static struct value *project(struct keras_call *l, enum part p, struct value *x, int64_t *heads, int64_t *size)
{
    struct value *v = BUILD(l->b, "MatMul", x, flat(l, p, "kernel", 0, heads, size));
    if (keras_bool(l, "use_bias", true))
        v = BUILD(l->b, "Add", v, flat(l, p, "bias", 1, NULL, NULL));
    v = build_reshape(l->b, v, 4, (int64_t[]){0, 0, *heads, *size});
    return build_transpose(l->b, v, 4, (int64_t[]){0, 2, 1, 3});
}

/* Each head of keys or values for several of the queries'. */
static struct value *repeated(struct keras_call *l, struct value *v, int64_t heads, int64_t want, int64_t size)
{
    if (l->b->failed || heads == want || heads < 1 || want % heads)
        return v;
    v = BUILD(l->b, "Expand", build_unsqueeze(l->b, v, 2), BUILD_LIST(l->b, 1, 1, want / heads, 1, 1));
    return build_reshape(l->b, v, 4, (int64_t[]){0, want, -1, size});
}

static struct value *all_masks(struct keras_call *l, struct value *scores, struct value *q, struct value *v,
                               struct value *k)
{
    struct value *given = keras_keyword(l, "attention_mask"), *of;
    if (given)
        scores = masked(l, scores, keras_rank(l, given) == 3 ? build_unsqueeze(l->b, given, 1) : given);
    if (keyword_is_true(l, "use_causal_mask"))
        scores = masked(l, scores, causal(l, q, v));
    if ((of = keras_mask_of(l->r, v)))
        scores = masked(l, scores, build_unsqueeze(l->b, build_unsqueeze(l->b, of, 1), 1));
    if (k != v && (of = keras_mask_of(l->r, k)))
        scores = masked(l, scores, build_unsqueeze(l->b, build_unsqueeze(l->b, of, 1), 1));
    if ((of = keras_mask_of(l->r, q))) /* a row that is out as a whole has equal weights, whatever else is out */
        scores = BUILD(l->b, "Where", build_unsqueeze(l->b, build_unsqueeze(l->b, of, 1), 3), scores,
                       build_number(l->b, DTYPE_F32, -FAR));
    return scores;
}

static struct value *argument(struct keras_call *l, const char *name, int k)
{
    struct value *v = keras_keyword(l, name);
    return v ? v : k < l->in_count ? l->in[k] : NULL;
}

void keras_read_multi_head_attention(struct keras_call *l)
{
    struct value *q = argument(l, "query", 0), *v = argument(l, "value", 1), *k = argument(l, "key", 2);
    int64_t heads = 1, size = 1, kv_heads = 1, v_heads = 1, v_size = 1, out_heads, out_size;
    k = k ? k : v;
    if (!q || !v || keras_rank(l, q) != 3 || keras_rank(l, v) != 3 || keras_bool(l, "use_gate", false))
        build_fail(l->b, "want query and value of 3 axes, and no gate");
    struct value *queries = project(l, QUERY, q, &heads, &size), *keys = project(l, KEY, k, &kv_heads, &size),
                 *values = project(l, VALUE, v, &v_heads, &v_size);
    keys = repeated(l, keys, kv_heads, heads, size);
    values = repeated(l, values, v_heads, heads, v_size);
    queries = BUILD(l->b, "Mul", queries, build_number(l->b, DTYPE_F32, 1 / sqrt((double)size)));
    struct value *scores = BUILD(l->b, "MatMul", queries, build_transpose(l->b, keys, 4, (int64_t[]){0, 1, 3, 2}));
    scores = l->b->failed ? NULL : BUILD(l->b, "Softmax", all_masks(l, scores, q, v, k));
    struct value *y = BUILD(l->b, "MatMul", scores, values);
    y = build_reshape(l->b, build_transpose(l->b, y, 4, (int64_t[]){0, 2, 1, 3}), 3, (int64_t[]){0, 0, heads * v_size});
    y = BUILD(l->b, "MatMul", y, flat(l, OUTPUT, "kernel", 0, &out_heads, &out_size));
    if (keras_bool(l, "use_bias", true))
        y = BUILD(l->b, "Add", y, flat(l, OUTPUT, "bias", 1, NULL, NULL));
    keras_give(l, y);
    if (keyword_is_true(l, "return_attention_scores"))
        keras_give(l, scores);
}
