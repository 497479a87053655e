/* Weights: as they are stored in the graph, or in fewer bits where that was asked for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/idst.h"
#include "format/mnn/write.h"
#include "op/op.h"

#define MAX_CHAIN 32
#define MAX_NODES 64

/* ---- values of constants ---- */

static struct item *evaluate(struct mnn_writer *w, struct value *v, int depth);

/* The only output of a node whose inputs are all known. */
static struct item *evaluate_node(struct mnn_writer *w, struct node *n, int depth)
{
    struct item *in[8] = {0}, *out[1] = {0}, *result = NULL;
    struct error ignored;
    bool known = n->in_count <= 8 && n->def && op_out_count(n) == 1;
    for (int i = 0; known && i < n->in_count; i++)
        known = !n->in[i] || (in[i] = evaluate(w, n->in[i], depth + 1)) != NULL;
    if (known && op_compute(n, in, out, 1, &ignored) == 0)
        result = item_ref(out[0]);
    item_unref(out[0]);
    for (int i = 0; i < 8; i++)
        item_unref(in[i]);
    return result;
}

static struct item *evaluate(struct mnn_writer *w, struct value *v, int depth)
{
    if (v->constant)
        return item_of_tensor(tensor_ref(v->constant), w->err);
    return v->producer && depth < MAX_CHAIN ? evaluate_node(w, v->producer, depth) : NULL;
}

/* Whether it is made of constants alone, by few nodes of one output; `budget`: how many more may be looked at. */
static bool is_fixed(const struct value *v, int depth, int *budget)
{
    if (v->constant || !v->producer || depth >= MAX_CHAIN || v->producer->out_count != 1 || --*budget < 0)
        return v->constant && !v->is_input; /* an input's is what it has where nothing else is given */
    for (int i = 0; i < v->producer->in_count; i++)
        if (v->producer->in[i] && !is_fixed(v->producer->in[i], depth + 1, budget))
            return false;
    return v->producer->in_count > 0;
}

bool mnn_is_fixed(const struct value *v)
{
    int budget = MAX_NODES;
    return is_fixed(v, 0, &budget);
}

struct tensor *mnn_fixed(struct mnn_writer *w, struct value *v)
{
    struct item *item = v && mnn_is_fixed(v) ? evaluate(w, v, 0) : NULL;
    struct tensor *t = item && item->kind == ITEM_TENSOR ? tensor_ref(item->tensor) : NULL;
    item_unref(item);
    return t;
}

struct tensor *mnn_floats_of(struct mnn_writer *w, struct value *v)
{
    struct tensor *t = mnn_fixed(w, v), *floats = t ? tensor_cast(t, DTYPE_F32, true, w->err) : NULL;
    tensor_unref(t);
    return floats;
}

/* ---- codes ---- */

/* Weights that are codes already: DequantizeLinear, perhaps plus an offset a row, perhaps reshaped. */
struct coded {
    struct tensor *codes, *scale, *offset; /* not owned; offset NULL: 0 */
};

static struct value *through(struct value *v, const char *op)
{
    return v->producer && node_is(v->producer, op) ? v->producer->in[0] : v;
}

static bool is_dequantized(const struct value *v, struct coded *c)
{
    const struct node *n = v->producer;
    const struct value *zero = n && node_is(n, "DequantizeLinear") ? node_in(n, 2) : NULL;
    if (!n || !node_is(n, "DequantizeLinear") || !n->in[0]->constant || !n->in[1]->constant || op_int(n, "block_size"))
        return false;
    c->codes = n->in[0]->constant;
    c->scale = n->in[1]->constant;
    bool rows = c->scale->count == 1 || (op_int(n, "axis") == 0 && c->scale->count == c->codes->dims[0]);
    for (int64_t i = 0; zero && zero->constant && i < zero->constant->count; i++)
        rows = rows && tensor_get_i64(zero->constant, i) == 0;
    return rows && (!zero || zero->constant) && c->scale->dtype == DTYPE_F32 &&
           (c->codes->dtype == DTYPE_I8 || c->codes->dtype == DTYPE_I4);
}

static bool find_codes(struct value *v, struct coded *c)
{
    v = through(v, "Reshape");
    *c = (struct coded){0};
    if (v->producer && node_is(v->producer, "Add") && v->producer->in[1]->constant) {
        c->offset = v->producer->in[1]->constant;
        if (c->offset->dtype != DTYPE_F32)
            return false;
        struct tensor *offset = c->offset;
        bool found = is_dequantized(v->producer->in[0], c) && c->scale->count == offset->count;
        c->offset = offset;
        return found;
    }
    return is_dequantized(v, c);
}

/* The table IDSTQuan of codes [rows][…]. */
static uint32_t put_codes(struct mnn_writer *w, const int8_t *codes, int64_t rows, int64_t count, int bits,
                          const float *scale, const float *offset)
{
    size_t size = 0;
    bool wide = false;
    int64_t low = -(INT64_C(1) << (bits - 1));
    void *buffer = idst_write(codes, rows, count, bits, &size, &wide, w->err);
    float *alpha = buffer ? mem_calloc((size_t)rows, 2 * sizeof(*alpha), w->err) : NULL;
    w->out.failed = w->out.failed || !alpha;
    for (int64_t r = 0; alpha && r < rows; r++) {
        alpha[offset ? 2 * r + 1 : r] = scale[r];
        if (offset)
            alpha[2 * r] = offset[r] + (float)low * scale[r];
    }
    uint32_t data = flatbuf_put_vector(&w->out, buffer, size, 1, 4);
    uint32_t scales = flatbuf_put_vector(&w->out, alpha, (size_t)(offset ? 2 * rows : rows), 4, 4);
    mnn_begin(w, "IDSTQuan");
    mnn_put_ref(w, "buffer", data);
    mnn_put_ref(w, "alpha", scales);
    mnn_put_int(w, "type", IDST_DENSE);
    mnn_put_float(w, "quantScale", 1);
    mnn_put_int(w, "aMaxOrBits", bits);
    mnn_put_int(w, "aMin", offset ? low : 0);
    mnn_put_int(w, "readType", offset ? rows : 0);
    mnn_put_int(w, "shapeInt32", wide);
    free(alpha);
    free(buffer);
    return mnn_end(w);
}

static uint32_t put_coded(struct mnn_writer *w, const struct coded *c)
{
    int64_t count = c->codes->count, rows = c->scale->count;
    int8_t *codes = mem_calloc((size_t)count, 1, w->err);
    w->out.failed = w->out.failed || !codes;
    for (int64_t i = 0; codes && i < count; i++)
        codes[i] = (int8_t)tensor_get_i64(c->codes, i);
    uint32_t ref = codes ? put_codes(w, codes, rows, count, c->codes->dtype == DTYPE_I4 ? 4 : 8, c->scale->data,
                                     c->offset ? c->offset->data : NULL)
                         : 0;
    free(codes);
    return ref;
}

/* Floats in 8 bits, symmetric, a scale a row. */
static uint32_t put_rounded(struct mnn_writer *w, const struct tensor *t, int64_t rows)
{
    int64_t area = rows > 0 ? t->count / rows : 0;
    const float *from = t->data;
    int8_t *codes = mem_calloc((size_t)t->count, 1, w->err);
    float *scale = codes ? mem_calloc((size_t)rows, sizeof(*scale), w->err) : NULL;
    w->out.failed = w->out.failed || !scale;
    for (int64_t r = 0; scale && r < rows; r++) {
        float most = 0;
        for (int64_t i = 0; i < area; i++)
            most = fmaxf(most, fabsf(from[r * area + i]));
        scale[r] = most / 127;
        for (int64_t i = 0; most > 0 && i < area; i++)
            codes[r * area + i] = (int8_t)lrintf(from[r * area + i] / scale[r]);
    }
    uint32_t ref = scale ? put_codes(w, codes, rows, t->count, 8, scale, NULL) : 0;
    free(scale);
    free(codes);
    return ref;
}

/* ---- halves and floats ---- */

static uint32_t put_halves(struct mnn_writer *w, const struct tensor *t)
{
    struct tensor *half = tensor_cast(t, DTYPE_F16, true, w->err);
    w->out.failed = w->out.failed || !half;
    uint32_t data = half ? flatbuf_put_vector(&w->out, half->data, half->size, 1, 4) : 0;
    tensor_unref(half);
    mnn_begin(w, "IDSTQuan");
    mnn_put_ref(w, "buffer", data);
    mnn_put_int(w, "type", IDST_HALF);
    return mnn_end(w);
}

static bool is_half(const struct value *v)
{
    const struct node *n = v->producer;
    return n && node_is(n, "Cast") && n->in[0]->constant && n->in[0]->constant->dtype == DTYPE_F16;
}

static void put_floats(struct mnn_writer *w, struct value *v, const struct tensor *t, int64_t rows,
                       struct mnn_weight *made)
{
    if (w->int8 && t->count % rows == 0)
        made->quan = put_rounded(w, t, rows);
    else if (w->half || is_half(v))
        made->quan = put_halves(w, t);
    else
        made->weight = flatbuf_put_vector(&w->out, t->data, (size_t)t->count, 4, 4);
}

bool mnn_put_weights(struct mnn_writer *w, struct value *weight, struct value *bias, int64_t outputs, bool transposed,
                     struct mnn_weight *made)
{
    struct coded c;
    struct tensor *b = bias ? mnn_floats_of(w, bias) : tensor_new(DTYPE_F32, 1, &outputs, w->err);
    bool codes = find_codes(weight, &c) && (c.scale->count == 1 || !transposed || c.codes->rank == 2);
    struct tensor *t = b && !codes ? mnn_floats_of(w, weight) : NULL;
    bool known = b && (codes || t) && b->count == outputs;
    *made = (struct mnn_weight){0};
    if (known && codes)
        made->quan = put_coded(w, &c);
    else if (known)
        put_floats(w, weight, t, outputs, made);
    if (known)
        made->bias = flatbuf_put_vector(&w->out, b->data, (size_t)b->count, 4, 4);
    tensor_unref(t);
    tensor_unref(b);
    return known;
}
