/* nn.Histogram: how often which numbers occur, on which the choice of a quantised range rests. */
#include <math.h>

#include "op/quant.h"
#include "op/rows.h"
#include "op/util.h"

#define BINS_MAX 65536

static int64_t bins_of(const struct node *n)
{
    int64_t bins = op_int(n, "bins");
    return bins >= 1 && bins <= BINS_MAX ? bins : -1;
}

int infer_histogram(struct op_infer *c, struct error *err)
{
    int64_t bins = bins_of(c->node);
    if (bins < 0)
        return infer_error(c, err, "attribute bins is %lld, want 1 to %d", (long long)op_int(c->node, "bins"),
                           BINS_MAX);
    return infer_set(c, 0, DTYPE_I32, 1, (int64_t[]){2 * bins}, err) ||
                   infer_set(c, 1, DTYPE_F32, 1, (int64_t[]){3}, err)
               ? -1
               : 0;
}

/* Least and greatest of the finite numbers; 0 and 0 when there are none. */
static void find_bounds(const float *x, int64_t n, float *least, float *most)
{
    float low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        bool finite = x[i] - x[i] == 0;
        low = finite && x[i] < low ? x[i] : low;
        high = finite && x[i] > high ? x[i] : high;
    }
    *least = low <= high ? low : 0;
    *most = low <= high ? high : 0;
}

/* The least power of two so that `bins` of them reach as far as a number; not so small that its inverse overflows. */
static float width_for(float reach, int64_t bins)
{
    int exponent;
    float mantissa = frexpf(reach / (float)bins, &exponent);
    if (mantissa == 0.5f)
        exponent--;
    return ldexpf(1, exponent < -100 ? -100 : exponent);
}

static void count(const float *x, int64_t n, float width, int32_t bins, int32_t *counts)
{
    float inverse = 1 / width, middle = (float)bins;
    for (int64_t i = 0; i < n; i++)
        if (x[i] - x[i] == 0) {
            int32_t at = (int32_t)(x[i] * inverse + middle);
            counts[at < 2 * bins ? at : 2 * bins - 1]++;
        }
}

int eval_histogram(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t bins = bins_of(c->node);
    if (bins < 0 || x->count > INT32_MAX)
        return eval_error(c, err, "%lld elements in %lld bins, want at most %d, in 1 to %d", (long long)x->count,
                          (long long)op_int(c->node, "bins"), INT32_MAX, BINS_MAX);
    struct tensor *counts = eval_out(c, 0, DTYPE_I32, 1, (int64_t[]){2 * bins}, err);
    struct tensor *range = counts ? eval_out(c, 1, DTYPE_F32, 1, (int64_t[]){3}, err) : NULL;
    if (!range)
        return -1;
    float *r = range->data;
    find_bounds(x->data, x->count, &r[1], &r[2]);
    r[0] = width_for(fmaxf(-r[1], r[2]), bins);
    count(x->data, x->count, r[0], (int32_t)bins, counts->data);
    return 0;
}
