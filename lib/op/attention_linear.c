/* LinearAttention: a state of size x v_size for each image and head of keys, to which each step adds the outer product
 * of its key and value, and which the queries of its heads multiply. (Linear: Katharopoulos et al. 2020; gated: Yang et
 * al. 2023; the delta rule: Schlag et al. 2021; both: Yang et al. 2024.) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/attr.h"
#include "op/real.h"
#include "op/rows.h"

#define MOST_HEADS (1 << 16)

enum { IN_QUERY, IN_KEY, IN_VALUE, IN_PAST, IN_DECAY, IN_BETA };

struct linear {
    bool gated, delta;
    int64_t batch, length, heads, kv_heads, size, v_size; /* head sizes of the keys and the values */
    int64_t decays, betas; /* of a step: decays 1 or `size` for each head of keys, betas for each or for all */
    double scale;
};

/* ---- sizes ---- */

static int read_attributes(struct linear *l, const struct node *n, struct error *err)
{
    static const char *const rules[] = {"linear", "gated", "delta", "gated_delta"};
    int rule;
    if (attr_choice(n, "update_rule", rules, 4, &rule, err))
        return -1;
    l->gated = rule & 1;
    l->delta = rule & 2;
    l->heads = op_int(n, "q_num_heads");
    l->kv_heads = op_int(n, "kv_num_heads");
    if (l->kv_heads < 1 || l->heads < 1 || l->heads > MOST_HEADS || l->heads % l->kv_heads)
        return error_set(err,
                         "attributes q_num_heads, kv_num_heads: %lld, %lld, want a multiple of the second, at most %d",
                         (long long)l->heads, (long long)l->kv_heads, MOST_HEADS);
    return 0;
}

/* The last axis of a known rank-3 type as `heads` parts; -1 as long as it is not known. */
static int read_part(const struct type *t, const char *what, int64_t heads, int64_t *part, struct error *err)
{
    *part = -1;
    if (t->rank >= 0 && t->rank != 3)
        return error_set(err, "input %s has rank %d, want 3", what, t->rank);
    if (t->rank < 0 || t->dims[2] < 0)
        return 0;
    *part = t->dims[2] / heads;
    return t->dims[2] % heads ? error_set(err, "input %s has rows of %lld, want %lld heads", what,
                                          (long long)t->dims[2], (long long)heads)
                              : 0;
}

static int init(struct linear *l, const struct op_eval *c, struct error *err)
{
    struct type q = real_type_of(eval_in(c, IN_QUERY)), k = real_type_of(eval_in(c, IN_KEY)),
                v = real_type_of(eval_in(c, IN_VALUE));
    if (read_attributes(l, c->node, err) < 0 || read_part(&q, "query", l->heads, &l->size, err) < 0 ||
        read_part(&k, "key", l->kv_heads, &l->size, err) < 0 ||
        read_part(&v, "value", l->kv_heads, &l->v_size, err) < 0)
        return real_eval_fail(c, err);
    const struct tensor *decay = eval_in(c, IN_DECAY), *beta = eval_in(c, IN_BETA);
    if ((l->gated && !decay) || (l->delta && !beta))
        return eval_error(c, err, "input %s is missing, which the update rule needs",
                          l->gated && !decay ? "decay" : "beta");
    l->batch = q.dims[0];
    l->length = q.dims[1];
    l->scale = op_float(c->node, "scale");
    if (l->scale == 0)
        l->scale = 1 / sqrt((double)l->size);
    l->decays = decay && decay->rank == 3 && decay->dims[2] != l->kv_heads ? l->kv_heads * l->size : l->kv_heads;
    l->betas = beta && beta->rank == 3 && beta->dims[2] == 1 ? 1 : l->kv_heads;
    const int64_t b = l->batch, t = l->length;
    int64_t width, v_width;
    if (__builtin_mul_overflow(l->heads, l->size, &width) || __builtin_mul_overflow(l->heads, l->v_size, &v_width))
        return eval_error(c, err, "inputs key, value have rows of %lld, %lld, want shorter ones", (long long)k.dims[2],
                          (long long)v.dims[2]);
    if (real_want_dims(c, IN_QUERY, "query", 3, (int64_t[]){b, t, width}, err) < 0 ||
        real_want_dims(c, IN_KEY, "key", 3, (int64_t[]){b, t, l->kv_heads * l->size}, err) < 0 ||
        real_want_dims(c, IN_VALUE, "value", 3, (int64_t[]){b, t, l->kv_heads * l->v_size}, err) < 0 ||
        real_want_dims(c, IN_PAST, "past_state", 4, (int64_t[]){b, l->kv_heads, l->size, l->v_size}, err) < 0 ||
        real_want_dims(c, IN_DECAY, "decay", 3, (int64_t[]){b, t, l->decays}, err) < 0)
        return -1;
    return real_want_dims(c, IN_BETA, "beta", 3, (int64_t[]){b, t, l->betas}, err);
}

/* ---- one step of one head ---- */

/* All inputs as doubles; decay and beta may be NULL. */
struct linear_room {
    double *q, *k, *v, *state, *decay, *beta, *y, *sums; /* sums[v_size] */
};

static void decay_state(const struct linear *l, const double *decay, bool each, double *state)
{
    for (int64_t i = 0; i < l->size; i++) {
        double factor = exp(decay[each ? i : 0]);
        for (int64_t j = 0; j < l->v_size; j++)
            state[i * l->v_size + j] *= factor;
    }
}

/* sums[j] = the sum of x[i] * state[i][j] */
static void multiply(const struct linear *l, const double *x, const double *state, double *sums)
{
    memset(sums, 0, (size_t)l->v_size * sizeof *sums);
    for (int64_t i = 0; i < l->size; i++)
        for (int64_t j = 0; j < l->v_size; j++)
            sums[j] += x[i] * state[i * l->v_size + j];
}

static void step(const struct linear *l, const struct linear_room *r, int64_t image, int64_t t, int64_t head)
{
    int64_t row = image * l->length + t, at = row * l->kv_heads + head, group = l->heads / l->kv_heads;
    double *state = r->state + (image * l->kv_heads + head) * l->size * l->v_size;
    const double *k = r->k + at * l->size, *v = r->v + at * l->v_size;
    bool each = l->decays != l->kv_heads;
    if (l->gated)
        decay_state(l, r->decay + (each ? at * l->size : at), each, state);
    if (l->delta)
        multiply(l, k, state, r->sums);
    for (int64_t j = 0; j < l->v_size; j++)
        r->sums[j] = l->delta ? r->beta[l->betas == 1 ? row : at] * (v[j] - r->sums[j]) : v[j];
    for (int64_t i = 0; i < l->size; i++)
        for (int64_t j = 0; j < l->v_size; j++)
            state[i * l->v_size + j] += k[i] * r->sums[j];
    for (int64_t h = head * group; h < (head + 1) * group; h++) {
        double *y = r->y + (row * l->heads + h) * l->v_size;
        multiply(l, r->q + (row * l->heads + h) * l->size, state, y);
        for (int64_t j = 0; j < l->v_size; j++)
            y[j] *= l->scale;
    }
}

/* ---- the whole ---- */

static int make_room(const struct linear *l, const struct op_eval *c, struct linear_room *r, struct error *err)
{
    const struct tensor *decay = eval_in(c, IN_DECAY), *beta = eval_in(c, IN_BETA);
    int64_t states = l->kv_heads * l->size, outputs;
    if (__builtin_mul_overflow(states, l->v_size, &states) || __builtin_mul_overflow(l->batch, states, &states) ||
        __builtin_mul_overflow(l->heads, l->v_size, &outputs) || __builtin_mul_overflow(l->batch, outputs, &outputs))
        return error_set(err, "the states are too large");
    if (!(r->q = real_load(eval_in(c, IN_QUERY), err)) || !(r->k = real_load(eval_in(c, IN_KEY), err)) ||
        !(r->v = real_load(eval_in(c, IN_VALUE), err)) ||
        !(r->state = real_load_or(eval_in(c, IN_PAST), states, 0, err)) ||
        (decay && !(r->decay = real_load(decay, err))) || (beta && !(r->beta = real_load(beta, err))) ||
        !(r->y = real_new(outputs, l->length, err)) || !(r->sums = real_new(l->v_size, 1, err)))
        return -1;
    return 0;
}

int eval_linear_attention(struct op_eval *c, struct error *err)
{
    struct linear l = {0};
    struct linear_room r = {0};
    if (init(&l, c, err) < 0)
        return -1;
    int result = make_room(&l, c, &r, err);
    for (int64_t i = 0; !result && l.v_size > 0 && i < l.batch * l.length * l.kv_heads; i++)
        step(&l, &r, i / l.kv_heads / l.length, i / l.kv_heads % l.length, i % l.kv_heads);
    const int64_t y[3] = {l.batch, l.length, l.heads * l.v_size}, state[4] = {l.batch, l.kv_heads, l.size, l.v_size};
    enum dtype dtype = eval_in(c, IN_PAST) ? eval_in(c, IN_PAST)->dtype : eval_in(c, IN_QUERY)->dtype;
    if (!result)
        result = real_give(c, 0, eval_in(c, IN_QUERY)->dtype, 3, y, r.y, err);
    if (!result && eval_wants(c, 1))
        result = real_give(c, 1, dtype, 4, state, r.state, err);
    double *all[] = {r.q, r.k, r.v, r.state, r.decay, r.beta, r.y, r.sums};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    return result;
}

int infer_linear_attention(struct op_infer *c, struct error *err)
{
    const struct type *q = real_type(c, IN_QUERY), *past = infer_type(c, IN_PAST);
    struct linear l = {0};
    if (read_attributes(&l, c->node, err) < 0 || read_part(q, "query", l.heads, &l.size, err) < 0 ||
        read_part(real_type(c, IN_VALUE), "value", l.kv_heads, &l.v_size, err) < 0)
        return real_infer_fail(c, err);
    bool known = q->rank == 3;
    const int64_t v_size = l.v_size < 0 ? DIM_UNKNOWN : l.v_size, size = l.size < 0 ? DIM_UNKNOWN : l.size;
    int64_t width;
    if (v_size < 0 || __builtin_mul_overflow(l.heads, v_size, &width))
        width = DIM_UNKNOWN;
    const int64_t images = known ? q->dims[0] : DIM_UNKNOWN, length = known ? q->dims[1] : DIM_UNKNOWN;
    const int64_t y[3] = {images, length, width};
    if (infer_set(c, 0, q->dtype, 3, y, err) < 0)
        return -1;
    return infer_set(c, 1, past && past->kind == TYPE_TENSOR ? past->dtype : q->dtype, 4,
                     (int64_t[]){images, l.kv_heads, size, v_size}, err);
}
