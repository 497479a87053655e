/* Normalisation along axes: the softmax family, LRN, LpNormalization, MeanVarianceNormalization. */
#include <math.h>
#include <stdlib.h>

#include "op/axes.h"
#include "op/norm.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- one axis at a time ---- */

typedef void lane_fn(double *lane, int64_t n, const void *user);

/* Applies fn to each lane of x (outer x n x inner) along the middle axis. */
static void each_lane(double *x, double *lane, int64_t outer, int64_t n, int64_t inner, lane_fn *fn, const void *user)
{
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double *at = x + o * n * inner + i;
            for (int64_t j = 0; j < n; j++)
                lane[j] = at[j * inner];
            fn(lane, n, user);
            for (int64_t j = 0; j < n; j++)
                at[j * inner] = lane[j];
        }
}

static int run_axis(struct op_eval *c, int axis, lane_fn *fn, const void *user, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    int64_t n = in->rank ? in->dims[axis] : 1;
    double *x = real_load(in, err), *lane = x ? real_new(n, 1, err) : NULL;
    int result = -1;
    if (lane) {
        if (in->count > 0)
            each_lane(x, lane, real_product(in->dims, 0, axis), n, real_product(in->dims, axis + 1, in->rank), fn,
                      user);
        result = real_give(c, 0, in->dtype, in->rank, in->dims, x, err);
    }
    free(x);
    free(lane);
    return result;
}

/* The attribute axis; a scalar is one lane of one element. */
static int run_attr_axis(struct op_eval *c, lane_fn *fn, const void *user, struct error *err)
{
    int axis = 0, rank = eval_in(c, 0)->rank;
    if (eval_axis(c, "axis", op_int(c->node, "axis"), rank ? rank : 1, &axis, err) < 0)
        return -1;
    return run_axis(c, axis, fn, user, err);
}

int infer_along_axis(struct op_infer *c, struct error *err)
{
    int axis, rank = infer_rank(c, 0);
    if (rank >= 0 && infer_axis(c, "axis", op_int(c->node, "axis"), rank ? rank : 1, &axis, err) < 0)
        return -1;
    return real_infer_same(c, 0, 0, err);
}

/* The largest element's place; NaN counts as larger than all. */
static int64_t largest(const double *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best] || (isnan(x[i]) && !isnan(x[best])))
            best = i;
    return best;
}

static void softmax(double *x, int64_t n, const void *user)
{
    (void)user;
    double most = x[largest(x, n)], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i] = exp(x[i] - most);
    for (int64_t i = 0; i < n; i++)
        x[i] /= sum;
}

static void log_softmax(double *x, int64_t n, const void *user)
{
    (void)user;
    double most = x[largest(x, n)], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp(x[i] - most);
    for (int64_t i = 0; i < n; i++)
        x[i] = x[i] - most - log(sum);
}

static void hardmax(double *x, int64_t n, const void *user)
{
    (void)user;
    int64_t best = largest(x, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = i == best;
}

int eval_softmax(struct op_eval *c, struct error *err)
{
    return run_attr_axis(c, softmax, NULL, err);
}

int eval_log_softmax(struct op_eval *c, struct error *err)
{
    return run_attr_axis(c, log_softmax, NULL, err);
}

int eval_hardmax(struct op_eval *c, struct error *err)
{
    return run_attr_axis(c, hardmax, NULL, err);
}

/* ---- LpNormalization ---- */

/* A lane of zeros stays. */
static void lp_normalise(double *x, int64_t n, const void *user)
{
    int64_t p = *(const int64_t *)user;
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += p == 1 ? fabs(x[i]) : x[i] * x[i];
    double length = p == 1 ? sum : sqrt(sum);
    for (int64_t i = 0; length != 0 && i < n; i++)
        x[i] /= length;
}

int eval_lp_norm(struct op_eval *c, struct error *err)
{
    int64_t p = op_int(c->node, "p");
    if (p != 1 && p != 2)
        return eval_error(c, err, "attribute p: %lld, want 1 or 2", (long long)p);
    return run_attr_axis(c, lp_normalise, &p, err);
}

/* ---- LRN ---- */

struct response {
    int64_t size;
    double alpha, beta, bias;
    double *squares; /* running sums, [n + 1] */
};

/* Each element over a power of the squares around it: (size - 1) / 2 before it, rounded down, and after it, rounded up.
 */
static void respond(double *x, int64_t n, const void *user)
{
    const struct response *r = user;
    int64_t before = (r->size - 1) / 2, after = r->size / 2;
    for (int64_t i = 0; i < n; i++)
        r->squares[i + 1] = x[i] * x[i];
    for (int64_t i = 0; i < n; i++) {
        int64_t low = i > before ? i - before : 0, high = after < n - 1 - i ? i + after : n - 1;
        double sum = 0;
        for (int64_t j = low; j <= high; j++)
            sum += r->squares[j + 1];
        x[i] /= pow(r->bias + r->alpha / (double)r->size * sum, r->beta);
    }
}

int eval_lrn(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct response r = {op_int(c->node, "size"), op_float(c->node, "alpha"), op_float(c->node, "beta"),
                         op_float(c->node, "bias"), NULL};
    if (x->rank < 2)
        return eval_error(c, err, "input X has rank %d, want at least 2", x->rank);
    if (r.size < 1)
        return eval_error(c, err, "attribute size: %lld, want at least 1", (long long)r.size);
    r.squares = real_new(x->dims[1] + 1, 1, err);
    int result = r.squares ? run_axis(c, 1, respond, &r, err) : -1;
    free(r.squares);
    return result;
}

/* ---- MeanVarianceNormalization ---- */

/* Where element `at` falls among the kept axes. */
static int64_t group_of(const struct tensor *x, const bool *reduced, int64_t at)
{
    int64_t group = 0, step = 1;
    for (int i = x->rank - 1; i >= 0; i--) {
        if (!reduced[i]) {
            group += at % x->dims[i] * step;
            step *= x->dims[i];
        }
        at /= x->dims[i];
    }
    return group;
}

static void standardise(const struct tensor *in, double *x, const bool *reduced, double *mean, double *variance,
                        double per_group)
{
    const double epsilon = 1e-9; /* the standard's own */
    for (int64_t i = 0; i < in->count; i++)
        mean[group_of(in, reduced, i)] += x[i] / per_group;
    for (int64_t i = 0; i < in->count; i++) {
        int64_t g = group_of(in, reduced, i);
        x[i] -= mean[g];
        variance[g] += x[i] * x[i] / per_group;
    }
    for (int64_t i = 0; i < in->count; i++)
        x[i] /= sqrt(variance[group_of(in, reduced, i)]) + epsilon;
}

static int read_reduced(const struct op_eval *c, int rank, bool *reduced, struct error *err)
{
    static const int64_t usual[] = {0, 2, 3};
    int count, list[TENSOR_MAX_RANK];
    const int64_t *axes = op_ints(c->node, "axes", &count);
    if (!op_has(c->node, "axes")) {
        axes = usual;
        count = 3;
    }
    if (axes_list("attribute axes", axes, count, rank, list, err) < 0)
        return real_eval_fail(c, err);
    for (int i = 0; i < count; i++)
        reduced[list[i]] = true;
    return 0;
}

int eval_mean_variance_norm(struct op_eval *c, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    bool reduced[TENSOR_MAX_RANK] = {false};
    int64_t groups = 1;
    if (read_reduced(c, in->rank, reduced, err) < 0)
        return -1;
    if (in->count == 0)
        return eval_out(c, 0, in->dtype, in->rank, in->dims, err) ? 0 : -1;
    for (int i = 0; i < in->rank; i++)
        groups *= reduced[i] ? 1 : in->dims[i];
    double *x = real_load(in, err), *moments = x ? real_new(groups, 2, err) : NULL;
    int result = -1;
    if (moments) {
        standardise(in, x, reduced, moments, moments + groups, (double)(in->count / groups));
        result = real_give(c, 0, in->dtype, in->rank, in->dims, x, err);
    }
    free(x);
    free(moments);
    return result;
}
