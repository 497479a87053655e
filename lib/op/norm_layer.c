/* LayerNormalization and RMSNormalization: rows of all axes from `axis` on. (Ba et al. 2016; Zhang and Sennrich 2019.)
 */
#include <math.h>
#include <stdlib.h>

#include "op/norm.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* x *= scale, x += bias (NULL: none), both broadcast to x. */
static void affine(double *x, const struct tensor *like, const struct tensor *scale, const double *scales,
                   const struct tensor *bias, const double *biases)
{
    int64_t scale_steps[TENSOR_MAX_RANK], bias_steps[TENSOR_MAX_RANK] = {0};
    op_broadcast_steps(scale->rank, scale->dims, like->rank, like->dims, scale_steps);
    if (bias)
        op_broadcast_steps(bias->rank, bias->dims, like->rank, like->dims, bias_steps);
    struct op_walk w;
    op_walk_init(&w, like->rank, like->dims, 2, (const int64_t *const[]){scale_steps, bias_steps});
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            double *at = &x[w.done + i];
            *at *= scales[w.at[0] + i * w.run_step[0]];
            if (biases)
                *at += biases[w.at[1] + i * w.run_step[1]];
        }
}

static int want_fits(const struct op_eval *c, const char *name, const struct tensor *t, const struct tensor *x,
                     struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = x->rank;
    for (int i = 0; i < rank; i++)
        dims[i] = x->dims[i];
    bool fits = !t || (t->rank <= rank && op_broadcast(dims, &rank, t->dims, t->rank) == 0);
    for (int i = 0; fits && i < rank; i++)
        fits = dims[i] == x->dims[i];
    return fits ? 0 : eval_error(c, err, "input %s does not broadcast to X", name);
}

/* Normalises each row; rms: without taking off the mean. means and inverses: [rows]. */
static void normalise_rows(double *x, int64_t rows, int64_t n, double epsilon, bool rms, double *means,
                           double *inverses)
{
    for (int64_t r = 0; r < rows; r++, x += n) {
        double mean, variance;
        norm_moments(x, n, &mean, &variance);
        if (rms) {
            double squares = 0;
            for (int64_t i = 0; i < n; i++)
                squares += x[i] * x[i];
            variance = squares / (double)n;
            mean = 0;
        }
        means[r] = mean;
        inverses[r] = 1 / sqrt(variance + epsilon);
        for (int64_t i = 0; i < n; i++)
            x[i] = (x[i] - mean) * inverses[r];
    }
}

struct layer {
    const struct tensor *in, *scale, *bias;
    int axis;
    int64_t rows, size;
    bool rms;
    enum dtype stash;
};

/* Mean and InvStdDev: as X, with 1 from the axis on. */
static int give_statistics(struct op_eval *c, const struct layer *l, const double *stats, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < l->in->rank; i++)
        dims[i] = i < l->axis ? l->in->dims[i] : 1;
    for (int o = 1; o <= 2; o++)
        if (eval_wants(c, o) && real_give(c, o, l->stash, l->in->rank, dims, stats + (o - 1) * l->rows, err) < 0)
            return -1;
    return 0;
}

static int run_layer(struct op_eval *c, const struct layer *l, struct error *err)
{
    double *x = real_load(l->in, err), *stats = x ? real_new(l->rows, 2, err) : NULL;
    double *scale = stats ? real_load(l->scale, err) : NULL, *bias = scale && l->bias ? real_load(l->bias, err) : NULL;
    int result = -1;
    if (scale && (bias || !l->bias)) {
        if (l->in->count > 0)
            normalise_rows(x, l->rows, l->size, op_float(c->node, "epsilon"), l->rms, stats, stats + l->rows);
        affine(x, l->in, l->scale, scale, l->bias, bias);
        enum dtype dtype = l->rms ? l->scale->dtype : l->in->dtype;
        result = real_give(c, 0, dtype, l->in->rank, l->in->dims, x, err);
    }
    if (!result && !l->rms)
        result = give_statistics(c, l, stats, err);
    free(x);
    free(stats);
    free(scale);
    free(bias);
    return result;
}

/* The type in which statistics are kept: float or bfloat16; DTYPE_NONE for another stash_type. */
static enum dtype stash_type(const struct node *n)
{
    int64_t type = op_int(n, "stash_type");
    return type == DTYPE_F32 || type == DTYPE_BF16 ? (enum dtype)type : DTYPE_NONE;
}

static int eval_rows(struct op_eval *c, bool rms, struct error *err)
{
    struct layer l = {.in = eval_in(c, 0), .scale = eval_in(c, 1), .bias = rms ? NULL : eval_in(c, 2), .rms = rms,
                      .stash = stash_type(c->node)};
    if (!l.stash && !rms)
        return eval_error(c, err, "attribute stash_type: %lld, want 1 (float) or 16 (bfloat16)",
                          (long long)op_int(c->node, "stash_type"));
    if (eval_axis(c, "axis", op_int(c->node, "axis"), l.in->rank, &l.axis, err) < 0 ||
        want_fits(c, "Scale", l.scale, l.in, err) < 0 || want_fits(c, "B", l.bias, l.in, err) < 0)
        return -1;
    l.rows = real_product(l.in->dims, 0, l.axis);
    l.size = real_product(l.in->dims, l.axis, l.in->rank);
    return run_layer(c, &l, err);
}

int eval_layer_norm(struct op_eval *c, struct error *err)
{
    return eval_rows(c, false, err);
}

int eval_rms_norm(struct op_eval *c, struct error *err)
{
    return eval_rows(c, true, err);
}

int infer_layer_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    enum dtype stash = stash_type(c->node);
    int64_t dims[TENSOR_MAX_RANK];
    int axis = 0;
    if (!stash)
        return infer_error(c, err, "attribute stash_type: %lld, want 1 (float) or 16 (bfloat16)",
                           (long long)op_int(c->node, "stash_type"));
    if (x->rank >= 0 && infer_axis(c, "axis", op_int(c->node, "axis"), x->rank, &axis, err) < 0)
        return -1;
    for (int i = 0; i < x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : 1;
    for (int o = 1; o <= 2; o++)
        if (infer_set(c, o, stash, x->rank, x->rank < 0 ? NULL : dims, err) < 0)
            return -1;
    return real_infer_same(c, 0, 0, err);
}

int infer_rms_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int axis;
    if (x->rank >= 0 && infer_axis(c, "axis", op_int(c->node, "axis"), x->rank, &axis, err) < 0)
        return -1;
    return infer_set(c, 0, infer_dtype(c, 1), x->rank, x->rank < 0 ? NULL : x->dims, err);
}
