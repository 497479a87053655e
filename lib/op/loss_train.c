/* Optimisers of ai.onnx.preview.training: one step for a group of tensors. Inputs are the rate R, the step count T,
 * then for each state (the value X, its gradient G, …) all tensors of that kind; outputs are the states without the
 * gradients. */
#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

enum { MAX_STATES = 4 };

static int states_of(const struct node *n)
{
    return strcmp(n->op, "Adam") == 0 ? 4 : 3;
}

/* Number of tensors optimised; -1 with a message when the operands are not in groups. */
static int group_size(const struct node *n, struct error *err)
{
    int states = states_of(n), inputs = n->in_count - 2;
    if (inputs < states || inputs % states || n->out_count != inputs / states * (states - 1))
        return error_set(err, "%d inputs and %d outputs: want 2 and then %d for each tensor, and %d", n->in_count,
                         n->out_count, states, states - 1);
    return inputs / states;
}

/* Input of output o: state 0 is the value, state 1 its gradient, which is no output. */
static int source_of(int o, int group)
{
    return 2 + o % group + (o < group ? 0 : (o / group + 1) * group);
}

int infer_training(struct op_infer *c, struct error *err)
{
    int group = group_size(c->node, err);
    if (group < 0)
        return real_infer_fail(c, err);
    for (int o = 0; o < c->node->out_count; o++)
        if (real_infer_same(c, o, source_of(o, group), err))
            return -1;
    return 0;
}

/* One step: s[0] is X, s[1] G, then the rest, changed in place. */
struct step {
    double rate, norm, epsilon, alpha, beta, post;
    bool nesterov;
};
typedef void step_fn(const struct step *step, double *s);

static int train(struct op_eval *c, const struct step *step, step_fn *fn, struct error *err)
{
    int states = states_of(c->node), group = group_size(c->node, err);
    if (group < 0)
        return real_eval_fail(c, err);
    for (int k = 0; k < group; k++) {
        const struct tensor *x = eval_in(c, 2 + k);
        struct tensor *to[MAX_STATES];
        for (int s = 1; s < states; s++)
            if (real_want_dims(c, 2 + s * group + k, "of the same group", x->rank, x->dims, err))
                return -1;
        for (int s = 0; s < states - 1; s++)
            if (!(to[s] = eval_out(c, s * group + k, x->dtype, x->rank, x->dims, err)))
                return -1;
        for (int64_t i = 0; i < x->count; i++) {
            double state[MAX_STATES];
            for (int s = 0; s < states; s++)
                state[s] = tensor_get_f64(eval_in(c, 2 + s * group + k), i);
            fn(step, state);
            for (int s = 0; s < states - 1; s++)
                real_write(to[s], i, 1, &state[s ? s + 1 : 0]);
        }
    }
    return 0;
}

static int rate_and_time(struct op_eval *c, double *rate, double *time, struct error *err)
{
    int64_t t;
    if (eval_in(c, 0)->count != 1)
        return eval_error(c, err, "input R has %lld elements, want one", (long long)eval_in(c, 0)->count);
    if (axes_scalar(c, 1, "T", 0, &t, err))
        return -1;
    *rate = tensor_get_f64(eval_in(c, 0), 0);
    *time = (double)t;
    return 0;
}

static void step_adagrad(const struct step *step, double *s)
{
    double g = step->norm * s[0] + s[1];
    s[2] += g * g;
    s[0] -= step->rate * g / (sqrt(s[2]) + step->epsilon);
}

int eval_adagrad(struct op_eval *c, struct error *err)
{
    struct step step = {.norm = op_float(c->node, "norm_coefficient"), .epsilon = op_float(c->node, "epsilon")};
    double rate, time;
    if (rate_and_time(c, &rate, &time, err))
        return -1;
    step.rate = rate / (1 + time * op_float(c->node, "decay_factor"));
    return train(c, &step, step_adagrad, err);
}

static void step_adam(const struct step *step, double *s)
{
    double g = step->norm * s[0] + s[1];
    s[2] = step->alpha * s[2] + (1 - step->alpha) * g;
    s[3] = step->beta * s[3] + (1 - step->beta) * g * g;
    s[0] = (1 - step->post) * (s[0] - step->rate * s[2] / (sqrt(s[3]) + step->epsilon));
}

int eval_adam(struct op_eval *c, struct error *err)
{
    struct step step = {.norm = op_float(c->node, "norm_coefficient"),
                        .post = op_float(c->node, "norm_coefficient_post"),
                        .epsilon = op_float(c->node, "epsilon"),
                        .alpha = op_float(c->node, "alpha"),
                        .beta = op_float(c->node, "beta")};
    double rate, time;
    if (rate_and_time(c, &rate, &time, err))
        return -1;
    step.rate = time > 0 ? rate * sqrt(1 - pow(step.beta, time)) / (1 - pow(step.alpha, time)) : rate;
    return train(c, &step, step_adam, err);
}

static void step_momentum(const struct step *step, double *s)
{
    double g = step->norm * s[0] + s[1];
    s[2] = step->alpha * s[2] + step->beta * g;
    s[0] -= step->rate * (step->nesterov ? g + step->alpha * s[2] : s[2]);
}

int eval_momentum(struct op_eval *c, struct error *err)
{
    const char *mode = op_string(c->node, "mode");
    struct step step = {.norm = op_float(c->node, "norm_coefficient"),
                        .alpha = op_float(c->node, "alpha"),
                        .nesterov = strcmp(mode, "nesterov") == 0};
    double time;
    if (!step.nesterov && strcmp(mode, "standard"))
        return eval_error(c, err, "attribute mode is '%.40s', want standard or nesterov", mode);
    if (rate_and_time(c, &step.rate, &time, err))
        return -1;
    step.beta = time > 0 ? op_float(c->node, "beta") : 1;
    return train(c, &step, step_momentum, err);
}
