/* Normalisation of channels: batch, instance and group. Means and variances take two passes, in doubles. */
#include <math.h>
#include <stdlib.h>

#include "op/norm.h"
#include "op/real.h"
#include "op/rows.h"

void norm_moments(const double *x, int64_t n, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *variance = squares / (double)n;
}

/* ---- batch normalisation ---- */

/* X as images x channels x size; a vector is that many images of one channel. */
struct channels {
    int64_t images, count, size;
};

static struct channels channels_of(const struct tensor *x)
{
    if (x->rank < 2)
        return (struct channels){x->count, 1, 1};
    if (x->count == 0)
        return (struct channels){0, x->dims[1], 0}; /* other dims may be anything beside the 0 */
    return (struct channels){x->dims[0], x->dims[1], real_product(x->dims, 2, x->rank)};
}

/* Mean and variance of each channel of x over all images. */
static void channel_moments(const struct channels *s, const double *x, double *mean, double *variance)
{
    double n = (double)(s->images * s->size);
    for (int64_t c = 0; c < s->count; c++) {
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < s->images; i++)
            for (int64_t j = 0; j < s->size; j++)
                sum += x[(i * s->count + c) * s->size + j];
        mean[c] = sum / n;
        for (int64_t i = 0; i < s->images; i++)
            for (int64_t j = 0; j < s->size; j++) {
                double d = x[(i * s->count + c) * s->size + j] - mean[c];
                squares += d * d;
            }
        variance[c] = squares / n;
    }
}

enum { SCALE, BIAS, MEAN, VARIANCE, OPERANDS };

/* Training: the running statistics move towards the batch's, which normalise it. */
static int train(struct op_eval *c, const struct channels *s, const double *x, double *const *operands,
                 struct error *err)
{
    double momentum = op_float(c->node, "momentum");
    double *mean = real_new(s->count, 2, err), *variance = mean ? mean + s->count : NULL;
    if (!mean)
        return -1;
    channel_moments(s, x, mean, variance);
    for (int64_t i = 0; i < s->count; i++) {
        double old_mean = operands[MEAN][i], old_variance = operands[VARIANCE][i];
        operands[MEAN][i] = mean[i];
        operands[VARIANCE][i] = variance[i];
        mean[i] = old_mean * momentum + mean[i] * (1 - momentum);
        variance[i] = old_variance * momentum + variance[i] * (1 - momentum);
    }
    int result = 0;
    for (int o = 1; o <= 2 && !result; o++)
        if (eval_wants(c, o))
            result = real_give(c, o, eval_in(c, 3)->dtype, 1, &s->count, o == 1 ? mean : variance, err);
    free(mean);
    return result;
}

static void normalise(const struct channels *s, double *x, double *const *operands, double epsilon)
{
    for (int64_t i = 0; i < s->images * s->count; i++) {
        int64_t c = i % s->count;
        double factor = operands[SCALE][c] / sqrt(operands[VARIANCE][c] + epsilon);
        for (int64_t j = i * s->size; j < (i + 1) * s->size; j++)
            x[j] = (x[j] - operands[MEAN][c]) * factor + operands[BIAS][c];
    }
}

static int run_batch_norm(struct op_eval *c, double *x, double *const *operands, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    struct channels s = channels_of(in);
    if (op_int(c->node, "training_mode") && train(c, &s, x, operands, err) < 0)
        return -1;
    normalise(&s, x, operands, op_float(c->node, "epsilon"));
    return real_give(c, 0, in->dtype, in->rank, in->dims, x, err);
}

int eval_batch_norm(struct op_eval *c, struct error *err)
{
    static const char *const names[] = {"scale", "B", "input_mean", "input_var"};
    const struct tensor *in = eval_in(c, 0);
    double *x = NULL, *operands[OPERANDS] = {NULL};
    int result = -1;
    if (in->rank < 1)
        return eval_error(c, err, "input X has rank 0, want at least 1");
    struct channels s = channels_of(in);
    for (int i = 0; i < OPERANDS; i++)
        if (real_want_dims(c, i + 1, names[i], 1, &s.count, err) < 0)
            return -1;
    bool loaded = (x = real_load(in, err)) != NULL;
    for (int i = 0; i < OPERANDS && loaded; i++)
        loaded = (operands[i] = real_load(eval_in(c, i + 1), err)) != NULL;
    if (loaded)
        result = run_batch_norm(c, x, operands, err);
    free(x);
    for (int i = 0; i < OPERANDS; i++)
        free(operands[i]);
    return result;
}

int infer_batch_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t channels = x->rank < 0 ? DIM_UNKNOWN : x->rank < 2 ? 1 : x->dims[1];
    for (int i = 1; i < 5; i++) {
        const struct type *t = infer_type(c, i);
        if (infer_want_channels(c, i, channels, err) < 0)
            return -1;
        if (channels == DIM_UNKNOWN && t && t->rank == 1)
            channels = t->dims[0];
    }
    if (real_infer_same(c, 0, 0, err) < 0 || infer_set(c, 1, infer_dtype(c, 3), 1, &channels, err) < 0)
        return -1;
    return infer_set(c, 2, infer_dtype(c, 3), 1, &channels, err);
}

/* ---- instance and group normalisation ---- */

int infer_group_norm(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t channels = x->rank < 2 ? DIM_UNKNOWN : x->dims[1];
    if (infer_want_channels(c, 1, channels, err) < 0 || infer_want_channels(c, 2, channels, err) < 0)
        return -1;
    return real_infer_same(c, 0, 0, err);
}

static void normalise_groups(double *x, const struct channels *s, int64_t groups, const double *scale,
                             const double *bias, double epsilon)
{
    int64_t per_group = s->count / groups * s->size;
    for (int64_t g = 0; g < s->images * groups; g++) {
        double mean, variance, *at = x + g * per_group;
        norm_moments(at, per_group, &mean, &variance);
        double factor = 1 / sqrt(variance + epsilon);
        for (int64_t i = 0; i < per_group; i++) {
            int64_t c = g % groups * (s->count / groups) + i / s->size;
            at[i] = (at[i] - mean) * factor * scale[c] + bias[c];
        }
    }
}

static int run_groups(struct op_eval *c, int64_t groups, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    struct channels s = channels_of(in);
    if (real_want_dims(c, 1, "scale", 1, &s.count, err) < 0 || real_want_dims(c, 2, "bias", 1, &s.count, err) < 0)
        return -1;
    double *x = real_load(in, err), *scale = x ? real_load(eval_in(c, 1), err) : NULL;
    double *bias = scale ? real_load(eval_in(c, 2), err) : NULL;
    int result = -1;
    if (bias) {
        if (in->count > 0)
            normalise_groups(x, &s, groups, scale, bias, op_float(c->node, "epsilon"));
        result = real_give(c, 0, in->dtype, in->rank, in->dims, x, err);
    }
    free(x);
    free(scale);
    free(bias);
    return result;
}

int eval_instance_norm(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    if (x->rank < 3)
        return eval_error(c, err, "the input has rank %d, want at least 3", x->rank);
    return run_groups(c, x->dims[1] > 0 ? x->dims[1] : 1, err);
}

int eval_group_norm(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t groups = op_int(c->node, "num_groups");
    if (x->rank < 2)
        return eval_error(c, err, "input X has rank %d, want at least 2", x->rank);
    if (groups < 1 || x->dims[1] % groups)
        return eval_error(c, err, "attribute num_groups: %lld, want a divisor of the %lld channels", (long long)groups,
                          (long long)x->dims[1]);
    return run_groups(c, groups, err);
}
