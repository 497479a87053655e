/* Operators that ask for or change a tensor's dims, not its elements. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- Shape, Size ---- */

static int clamp_axis(int64_t axis, int rank)
{
    axis += axis < 0 ? rank : 0;
    return axis < 0 ? 0 : axis > rank ? rank : (int)axis;
}

static void shape_range(const struct node *n, int rank, int *start, int *end)
{
    *start = clamp_axis(op_int(n, "start"), rank);
    *end = op_has(n, "end") ? clamp_axis(op_int(n, "end"), rank) : rank;
    if (*end < *start)
        *end = *start;
}

int infer_shape(struct op_infer *c, struct error *err)
{
    int64_t n = DIM_UNKNOWN;
    int start, end, rank = infer_rank(c, 0);
    if (rank >= 0) {
        shape_range(c->node, rank, &start, &end);
        n = end - start;
    }
    return infer_set(c, 0, DTYPE_I64, 1, &n, err);
}

int eval_shape(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int start, end;
    shape_range(c->node, t->rank, &start, &end);
    return eval_give(c, 0, tensor_ints(end - start, t->dims + start, err), err);
}

int infer_size(struct op_infer *c, struct error *err)
{
    return infer_set(c, 0, DTYPE_I64, 0, NULL, err);
}

int eval_size(struct op_eval *c, struct error *err)
{
    return eval_give(c, 0, tensor_scalar_i64(eval_in(c, 0)->count, err), err);
}

/* ---- Reshape ---- */

/* A product of dims: a number times symbols, so that what stands on both sides of an equation can be cancelled. */
struct product {
    int64_t number; /* DIM_UNKNOWN when a factor is not known, or it does not fit */
    int64_t symbols[TENSOR_MAX_RANK];
    int n;
};

static void product_add(struct product *p, int64_t dim)
{
    if (dim == DIM_UNKNOWN)
        p->number = DIM_UNKNOWN;
    else if (dim < 0)
        p->symbols[p->n++] = dim;
    else if (p->number != DIM_UNKNOWN && __builtin_mul_overflow(p->number, dim, &p->number))
        p->number = DIM_UNKNOWN;
}

/* Takes the symbols that a and b share out of both. */
static void product_cancel(struct product *a, struct product *b)
{
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++)
            if (a->symbols[i] == b->symbols[j]) {
                a->symbols[i--] = a->symbols[--a->n];
                b->symbols[j] = b->symbols[--b->n];
                break;
            }
}

static int64_t product_dim(struct graph *g, const struct product *p)
{
    int64_t dim = p->number;
    for (int i = 0; i < p->n; i++)
        dim = graph_dim_mul(g, dim, p->symbols[i]);
    return dim;
}

/* total / part as a dim; -1 with a message when numbers show that it does not come out. */
static int product_divide(struct graph *g, struct product *total, struct product *part, int64_t *result,
                          struct error *err)
{
    *result = DIM_UNKNOWN;
    if (total->number == DIM_UNKNOWN || part->number == DIM_UNKNOWN)
        return 0;
    product_cancel(total, part);
    bool numbers = total->n == 0 && part->n == 0;
    if (part->number == 0)
        return error_set(err, "input shape: -1 cannot be worked out beside a 0");
    if (total->number % part->number == 0) {
        total->number /= part->number;
        part->number = 1;
    } else if (numbers) {
        return error_set(err, "input shape: -1 stands for %lld / %lld elements, which is no whole number",
                         (long long)total->number, (long long)part->number);
    }
    *result = product_dim(g, total);
    if (part->number != 1 || part->n)
        *result = graph_dim_div(g, *result, product_dim(g, part));
    return 0;
}

/* The dims that a Reshape gives, worked out alike from symbols and from numbers. in_rank -1: unknown. */
static int reshape_dims(struct graph *g, int in_rank, const int64_t *in, const struct known *shape, int n,
                        bool allow_zero, int64_t *out, struct error *err)
{
    struct product total = {.number = in_rank < 0 ? DIM_UNKNOWN : 1}, part = {.number = 1};
    int wild = -1;
    bool zero = false;
    for (int i = 0; i < in_rank; i++)
        product_add(&total, in[i]);
    for (int i = 0; i < n; i++) {
        bool number = shape[i].kind == KNOWN_NUMBER;
        out[i] = shape[i].kind == KNOWN_NOT ? DIM_UNKNOWN : shape[i].value;
        if (number && out[i] < -1)
            return error_set(err, "input shape: entry %d is %lld", i, (long long)out[i]);
        if (number && out[i] == -1 && wild >= 0)
            return error_set(err, "input shape: entries %d and %d are both -1", wild, i);
        if (number && out[i] == -1) {
            wild = i;
            continue;
        }
        zero |= number && out[i] == 0;
        if (number && out[i] == 0 && !allow_zero) {
            if (in_rank >= 0 && i >= in_rank)
                return error_set(err, "input shape: entry %d is 0 and input data has but %d dims", i, in_rank);
            out[i] = in_rank < 0 ? DIM_UNKNOWN : in[i];
        }
        product_add(&part, out[i]);
    }
    if (wild >= 0 && allow_zero && zero)
        return error_set(err, "input shape: both 0 and -1 with allowzero");
    if (wild >= 0)
        return product_divide(g, &total, &part, &out[wild], err);
    if (total.number == DIM_UNKNOWN || part.number == DIM_UNKNOWN || total.n || part.n || total.number == part.number)
        return 0;
    return error_set(err, "input shape wants %lld elements, input data has %lld", (long long)part.number,
                     (long long)total.number);
}

/* An entry that is not known follows from the others when it is the only one. An entry not known may be -1 or 0, but
 * the number of elements stays. */
static void reshape_last_unknown(struct graph *g, const struct type *in, int n, int64_t *out)
{
    struct product total = {.number = 1}, part = {.number = 1};
    int unknown = -1;
    struct error ignored;
    for (int i = 0; i < in->rank; i++)
        product_add(&total, in->dims[i]);
    for (int i = 0; i < n; i++) {
        if (out[i] != DIM_UNKNOWN)
            product_add(&part, out[i]);
        else if (unknown >= 0)
            return;
        else
            unknown = i;
    }
    if (unknown >= 0 && part.number > 0 && product_divide(g, &total, &part, &out[unknown], &ignored))
        out[unknown] = DIM_UNKNOWN;
}

int infer_reshape(struct op_infer *c, struct error *err)
{
    struct known shape[TENSOR_MAX_RANK];
    int64_t out[TENSOR_MAX_RANK];
    const struct type *in = axes_ranked(c, 0), *type = axes_ranked(c, 1);
    if (type && (type->rank != 1 || type->dims[0] > TENSOR_MAX_RANK))
        return infer_error(c, err, "input shape: want a list of at most %d numbers", TENSOR_MAX_RANK);
    int n = infer_known(c, 1, shape, TENSOR_MAX_RANK);
    if (n < 0)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    if (reshape_dims(c->graph, in ? in->rank : -1, in ? in->dims : NULL, shape, n, op_int(c->node, "allowzero"), out,
                     err))
        return real_infer_fail(c, err);
    if (in)
        reshape_last_unknown(c->graph, in, n, out);
    return infer_set(c, 0, infer_dtype(c, 0), n, out, err);
}

int eval_reshape(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t values[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK];
    struct known shape[TENSOR_MAX_RANK];
    if (real_want_rank(c, 1, "shape", 1, err))
        return -1;
    int n = eval_ints(c, 1, values, TENSOR_MAX_RANK, err);
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++)
        shape[i] = (struct known){KNOWN_NUMBER, values[i]};
    if (reshape_dims(c->node->graph, t->rank, t->dims, shape, n, op_int(c->node, "allowzero"), out, err))
        return real_eval_fail(c, err);
    if (tensor_count(n, out) != t->count)
        return eval_error(c, err, "input shape does not stand for %lld elements", (long long)t->count);
    return op_give_reshaped(c, 0, 0, n, out, err);
}

/* ---- Flatten ---- */

static int flatten_axis(const struct node *n, int rank, int *axis, struct error *err)
{
    int64_t value = op_int(n, "axis");
    if (value < -rank || value > rank)
        return error_set(err, "attribute axis is %lld, want -%d to %d", (long long)value, rank, rank);
    *axis = (int)(value < 0 ? value + rank : value);
    return 0;
}

int infer_flatten(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[2] = {DIM_UNKNOWN, DIM_UNKNOWN};
    int axis = 0;
    if (in) {
        if (flatten_axis(c->node, in->rank, &axis, err))
            return real_infer_fail(c, err);
        out[0] = out[1] = 1;
        for (int i = 0; i < in->rank; i++)
            out[i >= axis] = graph_dim_mul(c->graph, out[i >= axis], in->dims[i]);
    }
    return infer_set(c, 0, infer_dtype(c, 0), 2, out, err);
}

int eval_flatten(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int axis = 0;
    if (flatten_axis(c->node, t->rank, &axis, err))
        return real_eval_fail(c, err);
    int64_t out[2] = {tensor_count(axis, t->dims), tensor_count(t->rank - axis, t->dims + axis)};
    if (out[0] < 0 || out[1] < 0)
        return eval_error(c, err, "the dims of the empty input do not fit two");
    return op_give_reshaped(c, 0, 0, 2, out, err);
}

/* ---- Squeeze, Unsqueeze ---- */

/* Without axes[n] (n < 0) every dim of 1 goes. The new rank; -1 with a message. */
static int squeeze_dims(int rank, const int64_t *in, const int *axes, int n, int64_t *out, struct error *err)
{
    bool gone[TENSOR_MAX_RANK] = {false};
    int out_rank = 0;
    for (int i = 0; i < n; i++) {
        if (in[axes[i]] >= 0 && in[axes[i]] != 1)
            return error_set(err, "axis %d to squeeze is %lld long, want 1", axes[i], (long long)in[axes[i]]);
        gone[axes[i]] = true;
    }
    for (int i = 0; i < rank; i++)
        if (!(n < 0 ? in[i] == 1 : gone[i]))
            out[out_rank++] = in[i];
    return out_rank;
}

int infer_squeeze(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n, rank = -1;
    bool known = false;
    if (in && axes_infer(c, 1, "axes", in->rank, axes, &n, &known, err))
        return -1;
    if (known && n < 0)
        known = tensor_count(in->rank, in->dims) >= 0; /* any dim that is no number may be 1 */
    if (known && (rank = squeeze_dims(in->rank, in->dims, axes, n, out, err)) < 0)
        return real_infer_fail(c, err);
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_squeeze(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t out[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n;
    if (axes_eval(c, 1, "axes", t->rank, axes, &n, err))
        return -1;
    int rank = squeeze_dims(t->rank, t->dims, axes, n, out, err);
    if (rank < 0)
        return real_eval_fail(c, err);
    return op_give_reshaped(c, 0, 0, rank, out, err);
}

/* The new rank; axes count in it. */
static int unsqueeze_dims(int rank, const int64_t *in, const int64_t *axes, int n, int64_t *out, struct error *err)
{
    int at[TENSOR_MAX_RANK];
    bool new[TENSOR_MAX_RANK] = {false};
    if (rank + n > TENSOR_MAX_RANK)
        return error_set(err, "%d dims and %d new ones are more than %d", rank, n, TENSOR_MAX_RANK);
    if (axes_list("axes", axes, n, rank + n, at, err))
        return -1;
    for (int i = 0; i < n; i++)
        new[at[i]] = true;
    for (int i = 0; i < rank + n; i++)
        out[i] = new[i] ? 1 : *in++;
    return rank + n;
}

int infer_unsqueeze(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0), *list = axes_ranked(c, 1);
    int64_t axes[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK];
    if (list && list->rank == 1 && list->dims[0] > TENSOR_MAX_RANK)
        return infer_error(c, err, "input axes has %lld entries", (long long)list->dims[0]);
    int rank = -1, n = infer_ints(c, 1, axes, TENSOR_MAX_RANK);
    if (in && n >= 0 && (rank = unsqueeze_dims(in->rank, in->dims, axes, n, out, err)) < 0)
        return real_infer_fail(c, err);
    if (in && n < 0 && list && list->rank == 1 && list->dims[0] >= 0 && in->rank + list->dims[0] <= TENSOR_MAX_RANK) {
        rank = in->rank + (int)list->dims[0];
        for (int i = 0; i < rank; i++)
            out[i] = DIM_UNKNOWN;
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_unsqueeze(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t axes[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK];
    int n = eval_ints(c, 1, axes, TENSOR_MAX_RANK, err);
    if (n < 0)
        return -1;
    int rank = unsqueeze_dims(t->rank, t->dims, axes, n, out, err);
    if (rank < 0)
        return real_eval_fail(c, err);
    return op_give_reshaped(c, 0, 0, rank, out, err);
}

/* ---- Expand ---- */

int infer_expand(struct op_infer *c, struct error *err)
{
    struct known shape[TENSOR_MAX_RANK];
    int64_t out[TENSOR_MAX_RANK], want[TENSOR_MAX_RANK];
    const struct type *in = axes_ranked(c, 0);
    int rank = -1, n = infer_known(c, 1, shape, TENSOR_MAX_RANK);
    if (in && n >= 0) {
        for (int i = 0; i < n; i++) {
            if (shape[i].kind == KNOWN_NUMBER && shape[i].value < 0)
                return infer_error(c, err, "input shape: entry %d is %lld", i, (long long)shape[i].value);
            want[i] = shape[i].kind == KNOWN_NOT ? DIM_UNKNOWN : shape[i].value;
        }
        rank = in->rank;
        memcpy(out, in->dims, sizeof out);
        if (op_broadcast(out, &rank, want, n))
            return infer_error(c, err, "input shape cannot be broadcast with input's dims");
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_expand(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t want[TENSOR_MAX_RANK], out[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int rank = t->rank, n = eval_ints(c, 1, want, TENSOR_MAX_RANK, err);
    if (n < 0)
        return -1;
    for (int i = 0; i < n; i++)
        if (want[i] < 0)
            return eval_error(c, err, "input shape: entry %d is %lld", i, (long long)want[i]);
    memcpy(out, t->dims, sizeof out);
    if (op_broadcast(out, &rank, want, n))
        return eval_error(c, err, "input shape cannot be broadcast with input's dims");
    op_broadcast_steps(t->rank, t->dims, rank, out, steps);
    return op_give_view(c, 0, t, 0, rank, out, steps, err);
}

/* ---- Identity ---- */

int infer_identity(struct op_infer *c, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    return type ? infer_set_type(c, 0, type, err) : 0;
}

int eval_identity(struct op_eval *c, struct error *err)
{
    return eval_give_item(c, 0, item_ref(c->in[0]), err);
}

/* ---- Dropout ---- */

int infer_dropout(struct op_infer *c, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    int64_t mode;
    bool known;
    if (axes_scalar_infer(c, 2, "training_mode", 0, &mode, &known, err) || real_infer_same(c, 0, 0, err))
        return -1;
    return infer_set(c, 1, DTYPE_BOOL, type->rank, type->rank < 0 ? NULL : type->dims, err);
}

/* The Mersenne Twister (Matsumoto and Nishimura 1998), seeded and read as numpy's legacy generator does: what the
 * standard's own results of a seeded Dropout are made with. */
struct twister {
    uint32_t state[624];
    int next;
};

static void twister_seed(struct twister *t, uint32_t seed)
{
    for (uint32_t i = 0; i < 624; i++) {
        t->state[i] = seed;
        seed = 1812433253u * (seed ^ (seed >> 30)) + i + 1;
    }
    t->next = 624;
}

static void twister_refill(struct twister *t)
{
    for (int i = 0; i < 624; i++) {
        uint32_t y = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % 624] & 0x7fffffffu);
        t->state[i] = t->state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
    }
    t->next = 0;
}

static uint32_t twister_bits(struct twister *t)
{
    if (t->next == 624)
        twister_refill(t);
    uint32_t y = t->state[t->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static double twister_uniform(struct twister *t)
{
    uint32_t high = twister_bits(t) >> 5, low = twister_bits(t) >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
}

static int dropout_training(struct op_eval *c, double ratio, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    uint32_t seed = op_has(c->node, "seed") ? (uint32_t)op_int(c->node, "seed") : (uint32_t)hash_random(c->seed);
    struct tensor *out = eval_out(c, 0, t->dtype, t->rank, t->dims, err);
    struct tensor *mask = out && eval_wants(c, 1) ? eval_out(c, 1, DTYPE_BOOL, t->rank, t->dims, err) : NULL;
    if (!out || (!mask && eval_wants(c, 1)))
        return -1;
    struct twister twister;
    twister_seed(&twister, seed);
    for (int64_t i = 0; i < t->count; i++) {
        bool keep = twister_uniform(&twister) >= ratio;
        if (keep)
            tensor_set_f64(out, i, tensor_get_f64(t, i) / (1 - ratio));
        if (mask)
            ((uint8_t *)mask->data)[i] = keep;
    }
    return 0;
}

int eval_dropout(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *ratio = eval_in(c, 1);
    int64_t training;
    if (axes_scalar(c, 2, "training_mode", 0, &training, err))
        return -1;
    if (ratio && ratio->count != 1)
        return eval_error(c, err, "input ratio has %lld elements, want one", (long long)ratio->count);
    double r = ratio ? tensor_get_f64(ratio, 0) : 0.5;
    if (!(r >= 0 && r < 1))
        return eval_error(c, err, "input ratio is %g, want 0 <= ratio < 1", r);
    if (training && r > 0)
        return dropout_training(c, r, err);
    if (eval_wants(c, 1)) {
        struct tensor *mask = eval_out(c, 1, DTYPE_BOOL, t->rank, t->dims, err);
        if (!mask)
            return -1;
        memset(mask->data, 1, mask->size);
    }
    return eval_give_item(c, 0, item_ref(c->in[0]), err);
}
