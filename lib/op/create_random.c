/* Random tensors: from the node's seed when it has one, else from the run's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "op/create.h"
#include "op/real.h"
#include "op/util.h"

/* A dtype that such an output may have. */
static bool is_number(int64_t dtype)
{
    if (dtype <= DTYPE_NONE || dtype >= DTYPE_COUNT)
        return false;
    const struct dtype_info *info = dtype_info((enum dtype)dtype);
    if (info->class == DTYPE_CLASS_FLOAT)
        return info->bits > 8;
    return info->bits >= 8 && (op_is_int((enum dtype)dtype) || dtype == DTYPE_BOOL);
}

int infer_dtype_like(struct op_infer *c, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    int64_t dtype = op_has(c->node, "dtype") ? op_int(c->node, "dtype") : (int64_t)infer_dtype(c, 0);
    if (dtype != DTYPE_NONE && !is_number(dtype))
        return infer_error(c, err, "attribute dtype: %lld is no type that this operator can give", (long long)dtype);
    if (dtype != DTYPE_NONE && strncmp(c->node->op, "Random", 6) == 0 && !op_is_float((enum dtype)dtype))
        return infer_error(c, err, "its output would be %s, want a floating-point type",
                           dtype_info((enum dtype)dtype)->name);
    bool known = type && type->kind == TYPE_TENSOR;
    if (strcmp(c->node->op, "EyeLike") == 0 && known && type->rank >= 0 && type->rank != 2)
        return infer_error(c, err, "input has rank %d, want 2", type->rank);
    return infer_set(c, 0, (enum dtype)dtype, known ? type->rank : -1, known ? type->dims : NULL, err);
}

int infer_random(struct op_infer *c, struct error *err)
{
    int rank;
    const int64_t *dims = op_ints(c->node, "shape", &rank);
    int64_t dtype = op_int(c->node, "dtype");
    if (!is_number(dtype) || !op_is_float((enum dtype)dtype))
        return infer_error(c, err, "attribute dtype: %lld, want a floating-point type", (long long)dtype);
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0)
            return infer_error(c, err, "attribute shape: %lld, want at least 0", (long long)dims[i]);
    return infer_set(c, 0, (enum dtype)dtype, rank, dims, err);
}

/* Where the numbers come from; *own is the state of a node's own seed. */
static uint64_t *state_of(const struct op_eval *c, uint64_t *own)
{
    float seed = op_float(c->node, "seed");
    uint32_t bits;
    memcpy(&bits, &seed, sizeof(bits));
    *own = bits;
    return op_has(c->node, "seed") || !c->seed ? own : c->seed;
}

int create_dtype(const struct op_eval *c, enum dtype like, enum dtype *result, struct error *err)
{
    bool has = op_has(c->node, "dtype") || like == DTYPE_NONE;
    int64_t dtype = has ? op_int(c->node, "dtype") : (int64_t)like;
    if (!is_number(dtype))
        return eval_error(c, err, "attribute dtype: %lld is no type that this operator can give", (long long)dtype);
    *result = (enum dtype)dtype;
    return 0;
}

static struct tensor *random_output(struct op_eval *c, struct error *err)
{
    const struct tensor *like = eval_in(c, 0);
    int rank = 0;
    const int64_t *dims = like ? NULL : op_ints(c->node, "shape", &rank);
    enum dtype dtype;
    if (create_dtype(c, like ? like->dtype : DTYPE_NONE, &dtype, err))
        return NULL;
    if (!op_is_float(dtype)) {
        eval_error(c, err, "output would be %s, want a floating-point type", dtype_info(dtype)->name);
        return NULL;
    }
    return like ? eval_out(c, 0, dtype, like->rank, like->dims, err) : eval_out(c, 0, dtype, rank, dims, err);
}

int eval_random(struct op_eval *c, struct error *err)
{
    bool normal = strncmp(c->node->op, "RandomNormal", 12) == 0;
    double a = (double)op_float(c->node, normal ? "mean" : "low"),
           b = (double)op_float(c->node, normal ? "scale" : "high");
    uint64_t own, *state = state_of(c, &own);
    struct tensor *y = random_output(c, err);
    for (int64_t i = 0; y && i < y->count; i++)
        tensor_set_f64(y, i, normal ? a + b * hash_normal(state) : a + (b - a) * hash_uniform(state));
    return y ? 0 : -1;
}

int eval_bernoulli(struct op_eval *c, struct error *err)
{
    const struct tensor *p = eval_in(c, 0);
    uint64_t own, *state = state_of(c, &own);
    enum dtype dtype;
    if (create_dtype(c, p->dtype, &dtype, err))
        return -1;
    struct tensor *y = eval_out(c, 0, dtype, p->rank, p->dims, err);
    for (int64_t i = 0; y && i < y->count; i++)
        tensor_set_f64(y, i, hash_uniform(state) < tensor_get_f64(p, i));
    return y ? 0 : -1;
}

/* ---- Multinomial ---- */

int infer_multinomial(struct op_infer *c, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    int64_t samples = op_int(c->node, "sample_size"), dtype = op_int(c->node, "dtype");
    bool known = type && type->kind == TYPE_TENSOR && type->rank >= 0;
    if (dtype != DTYPE_I32 && dtype != DTYPE_I64)
        return infer_error(c, err, "attribute dtype: %lld, want 6 (i32) or 7 (i64)", (long long)dtype);
    if (samples < 1)
        return infer_error(c, err, "attribute sample_size: %lld, want at least 1", (long long)samples);
    if (known && type->rank != 2)
        return infer_error(c, err, "input has rank %d, want 2", type->rank);
    return infer_set(c, 0, (enum dtype)dtype, 2, (int64_t[]){known ? type->dims[0] : DIM_UNKNOWN, samples}, err);
}

/* A class by its unnormalised log-probabilities, of which `top` is the largest and `sum` the sum of exp(x - top). */
static int64_t draw(const double *x, int64_t classes, double top, double sum, uint64_t *state)
{
    double rest = hash_uniform(state) * sum;
    int64_t last = 0;
    for (int64_t k = 0; k < classes; k++) {
        double p = exp(x[k] - top);
        if (p > 0)
            last = k;
        rest -= p;
        if (rest < 0)
            return k;
    }
    return last;
}

static void draw_row(struct tensor *y, int64_t row, const double *x, int64_t classes, uint64_t *state)
{
    double top = -INFINITY, sum = 0;
    for (int64_t k = 0; k < classes; k++)
        top = fmax(top, x[k]);
    for (int64_t k = 0; k < classes; k++)
        sum += exp(x[k] - top);
    for (int64_t s = 0; s < y->dims[1]; s++)
        tensor_set_i64(y, row * y->dims[1] + s, draw(x, classes, top, sum, state));
}

int eval_multinomial(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t samples = op_int(c->node, "sample_size");
    uint64_t own, *state = state_of(c, &own);
    enum dtype dtype;
    if (create_dtype(c, DTYPE_NONE, &dtype, err))
        return -1;
    if (dtype != DTYPE_I32 && dtype != DTYPE_I64)
        return eval_error(c, err, "attribute dtype: %d, want 6 (i32) or 7 (i64)", (int)dtype);
    if (x->rank != 2 || x->dims[1] < 1)
        return eval_error(c, err, "input has rank %d, want 2 with at least one class", x->rank);
    if (samples < 1)
        return eval_error(c, err, "attribute sample_size: %lld, want at least 1", (long long)samples);
    struct tensor *y = eval_out(c, 0, dtype, 2, (int64_t[]){x->dims[0], samples}, err);
    double *all = y ? real_load(x, err) : NULL;
    for (int64_t row = 0; all && row < x->dims[0]; row++)
        draw_row(y, row, all + row * x->dims[1], x->dims[1], state);
    free(all);
    return all ? 0 : -1;
}
