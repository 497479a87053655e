/* Losses over classes: input N x C x D…, target N x D…. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

enum loss_reduction { LOSS_NONE, LOSS_SUM, LOSS_MEAN, LOSS_REDUCTIONS };

static int loss_reduction(const struct node *n, enum loss_reduction *reduction, struct error *err)
{
    static const char *const names[LOSS_REDUCTIONS] = {"none", "sum", "mean"};
    const char *name = op_string(n, "reduction");
    for (int i = 0; i < LOSS_REDUCTIONS; i++)
        if (strcmp(name, names[i]) == 0) {
            *reduction = (enum loss_reduction)i;
            return 0;
        }
    return error_set(err, "attribute reduction is '%.40s', want none, sum or mean", name);
}

int infer_loss(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0), *target = axes_ranked(c, 1);
    enum loss_reduction reduction;
    int64_t ignored;
    if (loss_reduction(c->node, &reduction, err))
        return real_infer_fail(c, err);
    if (in && in->rank < 2)
        return infer_error(c, err, "input 0 has %d dims, want at least 2", in->rank);
    if (in && target && target->rank != in->rank - 1)
        return infer_error(c, err, "input 1 has %d dims, want %d", target->rank, in->rank - 1);
    for (int i = 0; in && target && i < target->rank; i++)
        if (axes_same_dim(target->dims[i], in->dims[i + (i > 0)], &ignored))
            return infer_error(c, err, "input 1: dim %d is %lld, want %lld", i, (long long)target->dims[i],
                               (long long)in->dims[i + (i > 0)]);
    int rank = reduction != LOSS_NONE ? 0 : target ? target->rank : -1;
    if (infer_set(c, 0, infer_dtype(c, 0), rank, rank > 0 ? target->dims : NULL, err))
        return -1;
    return real_infer_same(c, 1, 0, err);
}

/* N x C x D, D the product of the rest. */
struct loss {
    const struct tensor *in, *target, *weight;
    enum loss_reduction reduction;
    bool has_ignored;
    int64_t ignored, n, classes, d;
};

static int loss_init(struct loss *l, struct op_eval *c, struct error *err)
{
    *l = (struct loss){.in = eval_in(c, 0), .target = eval_in(c, 1), .weight = eval_in(c, 2)};
    int64_t dims[TENSOR_MAX_RANK];
    if (l->in->rank < 2)
        return eval_error(c, err, "input 0 has %d dims, want at least 2", l->in->rank);
    if (loss_reduction(c->node, &l->reduction, err))
        return real_eval_fail(c, err);
    l->n = dims[0] = l->in->dims[0];
    l->classes = l->in->dims[1];
    l->d = real_product(l->in->dims, 2, l->in->rank);
    memcpy(dims + 1, l->in->dims + 2, (size_t)(l->in->rank - 2) * sizeof *dims);
    if (real_want_dims(c, 1, "target", l->in->rank - 1, dims, err) ||
        real_want_dims(c, 2, "weight", 1, &l->classes, err))
        return -1;
    l->has_ignored = op_has(c->node, "ignore_index");
    l->ignored = op_int(c->node, "ignore_index");
    return 0;
}

/* The loss of log-probabilities x[n * classes * d] as output 0. */
static int loss_give(struct op_eval *c, const struct loss *l, const double *x, double *loss, struct error *err)
{
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < l->target->count; i++) {
        int64_t class = tensor_get_i64(l->target, i);
        if (l->has_ignored && class == l->ignored)
            continue;
        if (class < 0 || class >= l->classes)
            return eval_error(c, err, "input 1: element %lld is %lld, want 0 to %lld", (long long)i, (long long)class,
                              (long long)l->classes - 1);
        double weight = l->weight ? tensor_get_f64(l->weight, class) : 1;
        loss[i] = -x[(i / l->d * l->classes + class) * l->d + i % l->d] * weight;
        sum += loss[i];
        weights += weight;
    }
    if (l->reduction == LOSS_NONE)
        return real_give(c, 0, l->in->dtype, l->target->rank, l->target->dims, loss, err);
    sum = l->reduction == LOSS_MEAN ? sum / weights : sum;
    return real_give(c, 0, l->in->dtype, 0, NULL, &sum, err);
}

static int loss_eval(struct op_eval *c, const struct loss *l, const double *x, struct error *err)
{
    double *loss = real_new(l->target->count, 1, err);
    int status = loss ? loss_give(c, l, x, loss, err) : -1;
    free(loss);
    return status;
}

int eval_nll_loss(struct op_eval *c, struct error *err)
{
    struct loss l;
    if (loss_init(&l, c, err))
        return -1;
    double *x = real_load(l.in, err);
    int status = x ? loss_eval(c, &l, x, err) : -1;
    free(x);
    return status;
}

/* Log-softmax over the classes, in place. */
static void log_softmax(const struct loss *l, double *x)
{
    for (int64_t i = 0; i < l->n * l->d; i++) {
        double *line = x + i / l->d * l->classes * l->d + i % l->d, top = -INFINITY, sum = 0;
        for (int64_t k = 0; k < l->classes; k++)
            top = fmax(top, line[k * l->d]);
        for (int64_t k = 0; k < l->classes; k++)
            sum += exp(line[k * l->d] - top);
        for (int64_t k = 0; k < l->classes; k++)
            line[k * l->d] -= top + log(sum);
    }
}

int eval_softmax_loss(struct op_eval *c, struct error *err)
{
    struct loss l;
    if (loss_init(&l, c, err))
        return -1;
    double *x = real_load(l.in, err);
    if (!x)
        return -1;
    log_softmax(&l, x);
    int status = eval_wants(c, 1) ? real_give(c, 1, l.in->dtype, l.in->rank, l.in->dims, x, err) : 0;
    if (status == 0)
        status = loss_eval(c, &l, x, err);
    free(x);
    return status;
}
