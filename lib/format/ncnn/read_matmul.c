/* Matrix products, tables, sums along an axis. */
#include <string.h>

#include "format/ncnn/read.h"

/* Of blobs: a vector is a row on the left, a column on the right, and vanishes from the result. */
struct value *ncnn_matmul(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0), *y = ncnn_in(r, 1);
    int x_dims = ncnn_dims(r, x), y_dims = ncnn_dims(r, y);
    bool x_vector = x_dims == 1, y_vector = y_dims == 1;
    if (x_vector)
        x = build_unsqueeze(b, x, 1);
    if (y_vector)
        y = build_unsqueeze(b, y, 2);
    if (ncnn_int(r->l, 0, 0) && y_dims > 1) {
        int64_t perm[TENSOR_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
        perm[y_dims] = y_dims - 1;
        perm[y_dims - 1] = y_dims;
        y = build_transpose(b, y, y_dims + 1, perm);
    }
    while (!b->failed && ncnn_dims(r, x) < ncnn_dims(r, y))
        x = build_unsqueeze(b, x, 1);
    while (!b->failed && ncnn_dims(r, y) < ncnn_dims(r, x))
        y = build_unsqueeze(b, y, 1);
    struct value *v = BUILD(b, "MatMul", x, y);
    int dims = ncnn_dims(r, v);
    if (x_vector && y_vector)
        return build_reshape(b, v, 2, (int64_t[]){0, 1});
    if (x_vector || y_vector)
        v = BUILD(b, "Squeeze", v, BUILD_LIST(b, x_vector ? dims - 1 : dims));
    return v;
}

/* ---- Gemm ---- */

struct gemm {
    int64_t m, n, k;
    bool trans_a, trans_b;
};

/* An operand as [rows][columns]: a constant without, a blob with a batch axis. A blob of three axes has rows first. */
static struct value *operand(struct reader *r, const char *name, bool constant, int *next, int64_t rows,
                             int64_t columns)
{
    struct build *b = &r->b;
    if (constant)
        return ncnn_weight(r, name, 2, (int64_t[]){rows, columns});
    struct value *v = ncnn_in(r, (*next)++);
    if (ncnn_dims(r, v) == 1)
        return build_reshape(b, v, 3, (int64_t[]){0, 1, -1});
    return ncnn_dims(r, v) == 3 ? BUILD(b, "Squeeze", v, BUILD_LIST(b, 2)) : v;
}

static struct value *transposed(struct reader *r, struct value *v, bool wanted)
{
    struct build *b = &r->b;
    if (!wanted)
        return v;
    return ncnn_dims(r, v) == 1 ? BUILD(b, "Transpose/perm=1,0", v) : BUILD(b, "Transpose/perm=0,2,1", v);
}

/* The constant that is added: a number, one for each row (1, 2), for each element (3), for each column (4). */
static struct value *constant_c(struct reader *r, const struct gemm *g)
{
    int type = ncnn_int(r->l, 10, 0);
    int64_t dims[][2] = {{1, 1}, {g->m, 1}, {g->m, 1}, {g->m, g->n}, {1, g->n}};
    if (type < -1 || type > 4)
        build_fail(&r->b, "adds a constant of the unknown form %d", type);
    if (type < 0 || r->b.failed)
        return NULL;
    return type == 4 ? ncnn_weight(r, "C", 1, &g->n) : ncnn_weight(r, "C", 2, dims[type]);
}

/* A blob that is added: of one axis it lies along the rows if it is as long as they are many, else the columns. */
static struct value *input_c(struct reader *r, const struct gemm *g, int next)
{
    if (next >= r->l->in_count)
        return NULL;
    struct value *c = ncnn_in(r, next);
    int64_t size = ncnn_size(r, c, 0);
    if (ncnn_dims(r, c) == 1 && size >= 0 && size == g->m && size != g->n)
        return build_unsqueeze(&r->b, c, 2);
    return ncnn_dims(r, c) == 1 ? build_unsqueeze(&r->b, c, 1) : c;
}

struct value *ncnn_gemm(struct reader *r)
{
    struct build *b = &r->b;
    struct gemm g = {ncnn_int(r->l, 7, 0), ncnn_int(r->l, 8, 0), ncnn_int(r->l, 9, 0), ncnn_int(r->l, 2, 0) != 0,
                     ncnn_int(r->l, 3, 0) != 0};
    float alpha = ncnn_float(r->l, 0, 1), beta = ncnn_float(r->l, 1, 1);
    int next = 0;
    if (ncnn_int(r->l, 18, 0))
        build_fail(b, "has weights of a quantised form, which is not known");
    struct value *x = operand(r, "A", ncnn_int(r->l, 4, 0), &next, g.trans_a ? g.k : g.m, g.trans_a ? g.m : g.k);
    struct value *y = operand(r, "B", ncnn_int(r->l, 5, 0), &next, g.trans_b ? g.n : g.k, g.trans_b ? g.k : g.n);
    struct value *c = ncnn_int(r->l, 6, 0) ? constant_c(r, &g) : input_c(r, &g, next);
    if (c && beta != 1)
        c = ncnn_by(r, "Mul", c, beta);
    struct value *v = BUILD(b, "MatMul", transposed(r, x, g.trans_a), transposed(r, y, g.trans_b));
    if (ncnn_dims(r, v) == 1)
        v = build_unsqueeze(b, v, 0);
    v = build_add(b, v, c);
    if (alpha != 1)
        v = ncnn_by(r, "Mul", v, alpha);
    v = transposed(r, v, ncnn_int(r->l, 14, 0) != 0);
    return ncnn_int(r->l, 11, 0) ? build_unsqueeze(b, v, 2) : v;
}

/* ---- the others ---- */

/* Words that are no index take the nearest one that is. */
struct value *ncnn_embed(struct reader *r)
{
    struct build *b = &r->b;
    int64_t outputs = ncnn_int(r->l, 0, 0), words = ncnn_int(r->l, 1, 0);
    struct value *x = ncnn_in(r, 0);
    struct tensor *t = ncnn_weight_tensor(r, 2, (int64_t[]){words, outputs});
    struct value *table = t ? ncnn_constant(r, "weight", t) : NULL;
    struct value *bias = ncnn_int(r->l, 2, 0) ? ncnn_raw(r, "bias", 1, &outputs) : NULL;
    if (ncnn_int(r->l, 18, 0)) {
        struct tensor *scale = ncnn_raw_tensor(r, 1);
        table = scale ? ncnn_by(r, "Div", table, ((const float *)scale->data)[0]) : NULL;
        tensor_unref(scale);
    }
    struct value *index = build_cast(b, x, DTYPE_I64);
    index = BUILD(b, "Clip", index, build_number(b, DTYPE_I64, 0), build_number(b, DTYPE_I64, (double)(words - 1)));
    struct value *v = BUILD(b, "Gather/axis=0", table, index);
    return build_add(b, v, bias);
}

/* The equation is a list of characters, of i to l for the axes that stay and others; the batch, of which all operands
 * have one, gets a letter of its own. */
struct value *ncnn_einsum(struct reader *r)
{
    char text[256];
    size_t n = ncnn_count(r->l, 0), size = 0;
    struct value *in[16];
    bool term = true;
    if (n < 2 || n > 100 || r->l->in_count < 1 || r->l->in_count > 16)
        build_fail(&r->b, "has an equation of %zu characters for %d blobs", n, r->l->in_count);
    for (size_t i = 0; i < n && !r->b.failed; i++) {
        int c = ncnn_int_at(r->l, 0, i);
        if (c <= ' ' || c > '~')
            build_fail(&r->b, "has the character %d in its equation", c);
        if (term && c != ',')
            text[size++] = 'a';
        text[size++] = (char)c;
        term = c == ',' || c == '>';
    }
    if (term && !r->b.failed)
        text[size++] = 'a';
    text[r->b.failed ? 0 : size] = '\0';
    for (int i = 0; i < r->l->in_count && i < 16; i++)
        in[i] = ncnn_in(r, i);
    return build_string(&r->b, build_node(&r->b, "Einsum", r->b.failed ? 0 : r->l->in_count, in), "equation", text);
}

struct value *ncnn_cumulative_sum(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int axis = ncnn_axis(r, x, ncnn_int(r->l, 0, 0));
    return BUILD(&r->b, "CumSum", x, build_number(&r->b, DTYPE_I64, axis));
}

/* The first half of an axis, by the sigmoid of the second. */
struct value *ncnn_glu(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0);
    int axis = ncnn_axis(r, x, ncnn_int(r->l, 0, 0));
    struct value *v = BUILD(b, "Split/num_outputs=2", x);
    build_int(b, v, "axis", axis);
    struct value *gate = build_output(b, v, 1);
    return BUILD(b, "Mul", v, BUILD(b, "Sigmoid", gate));
}
