/* Pad: every mode is a map of each output axis to positions of the input. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODES };

static int pad_mode(const struct node *n, enum pad_mode *mode, struct error *err)
{
    static const char *const names[PAD_MODES] = {"constant", "reflect", "edge", "wrap"};
    const char *name = op_string(n, "mode");
    for (int i = 0; i < PAD_MODES; i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum pad_mode)i;
            return 0;
        }
    return error_set(err, "attribute mode is '%.40s', want constant, reflect, edge or wrap", name);
}

int infer_pad(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    struct known pads[2 * TENSOR_MAX_RANK];
    int64_t out[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n = -1, rank = in ? in->rank : -1;
    bool known;
    enum pad_mode mode;
    if (pad_mode(c->node, &mode, err))
        return real_infer_fail(c, err);
    if (in && axes_infer(c, 3, "axes", rank, axes, &n, &known, err))
        return -1;
    if (!in)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    int count = infer_known(c, 1, pads, 2 * TENSOR_MAX_RANK), want = n < 0 ? rank : n;
    if (known && node_in(c->node, 3) && n < 0)
        want = 0;
    if (known && count >= 0 && count != 2 * want)
        return infer_error(c, err, "input pads has %d entries, want %d", count, 2 * want);
    for (int i = 0; i < rank; i++)
        out[i] = known && n >= 0 ? in->dims[i] : DIM_UNKNOWN;
    for (int i = 0; known && i < want; i++) {
        int axis = n < 0 ? i : axes[i];
        const struct known *before = &pads[i], *after = &pads[i + want];
        out[axis] = DIM_UNKNOWN;
        if (count < 0 || before->kind == KNOWN_NOT || after->kind == KNOWN_NOT)
            continue;
        out[axis] = in->dims[axis];
        for (int side = 0; side < 2; side++) {
            const struct known *k = side ? after : before;
            out[axis] = k->kind == KNOWN_NUMBER && k->value < 0 && k->value != INT64_MIN
                            ? graph_dim_sub(c->graph, out[axis], -k->value)
                            : graph_dim_add(c->graph, out[axis], k->value);
        }
        if (in->dims[axis] >= 0 && before->kind == KNOWN_NUMBER && after->kind == KNOWN_NUMBER && out[axis] < 0)
            return infer_error(c, err, "input pads takes more from axis %d than its %lld", axis,
                               (long long)in->dims[axis]);
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

/* Position of the input for position i of an axis of `size` elements; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t i, int64_t size)
{
    if (i >= 0 && i < size)
        return i;
    if (mode == PAD_EDGE)
        return i < 0 ? 0 : size - 1;
    if (mode == PAD_CONSTANT)
        return -1;
    int64_t period = mode == PAD_WRAP ? size : size > 1 ? 2 * (size - 1) : 1;
    i %= period;
    i += i < 0 ? period : 0;
    return i < size ? i : period - i;
}

struct pad {
    enum pad_mode mode;
    const struct tensor *in, *value;
    int64_t before[TENSOR_MAX_RANK], after[TENSOR_MAX_RANK];
    int64_t dims[TENSOR_MAX_RANK];    /* of the output */
    int64_t *source[TENSOR_MAX_RANK]; /* per axis, for each position of the output */
};

/* The pads of all axes, and the output's dims. */
static int pad_read(struct op_eval *c, struct pad *p, struct error *err)
{
    int64_t pads[2 * TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n_axes, rank = p->in->rank;
    int count = eval_ints(c, 1, pads, 2 * TENSOR_MAX_RANK, err);
    if (count < 0 || axes_eval(c, 3, "axes", rank, axes, &n_axes, err))
        return -1;
    int n = !eval_in(c, 3) ? rank : n_axes < 0 ? 0 : n_axes;
    if (count != 2 * n)
        return eval_error(c, err, "input pads has %d entries, want %d", count, 2 * n);
    memcpy(p->dims, p->in->dims, sizeof p->dims);
    for (int i = 0; i < n; i++) {
        int axis = eval_in(c, 3) ? axes[i] : i;
        p->before[axis] = pads[i];
        p->after[axis] = pads[n + i];
    }
    for (int i = 0; i < rank; i++) {
        int64_t *dim = &p->dims[i], left = *dim;
        bool far = p->before[i] < INT64_MIN / 4 || p->after[i] < INT64_MIN / 4;
        if (far || __builtin_add_overflow(*dim, p->before[i], dim) ||
            __builtin_add_overflow(*dim, p->after[i], dim) || *dim < 0)
            return eval_error(c, err, "input pads: %lld and %lld do not fit axis %d of %lld", (long long)p->before[i],
                              (long long)p->after[i], i, (long long)p->in->dims[i]);
        left += (p->before[i] < 0 ? p->before[i] : 0) + (p->after[i] < 0 ? p->after[i] : 0);
        if (p->mode != PAD_CONSTANT && left <= 0 && *dim > 0)
            return eval_error(c, err, "axis %d has no element to pad with", i);
    }
    return 0;
}

/* What negative pads leave of the axis is padded. */
static int pad_sources(struct pad *p, struct error *err)
{
    for (int a = 0; a < p->in->rank; a++) {
        int64_t cut = p->before[a] < 0 ? -p->before[a] : 0, grow = p->before[a] > 0 ? p->before[a] : 0;
        int64_t size = p->in->dims[a] - cut + (p->after[a] < 0 ? p->after[a] : 0);
        if (!(p->source[a] = mem_calloc((size_t)p->dims[a], sizeof(int64_t), err)))
            return -1;
        for (int64_t i = 0; i < p->dims[a]; i++) {
            int64_t from = pad_source(p->mode, i - grow, size);
            p->source[a][i] = from < 0 ? -1 : from + cut;
        }
    }
    return 0;
}

/* A run of consecutive sources, starting at i, of the innermost axis: its end. */
static int64_t pad_run(const int64_t *source, int64_t i, int64_t n)
{
    int64_t end = i + 1;
    if (source[i] < 0)
        while (end < n && source[end] < 0)
            end++;
    else
        while (end < n && source[end] == source[end - 1] + 1)
            end++;
    return end;
}

static void pad_row(const struct pad *p, struct tensor *out, int64_t at, int64_t from)
{
    int last = p->in->rank - 1;
    const int64_t *source = p->source[last];
    for (int64_t i = 0, end, n = p->dims[last]; i < n; i = end) {
        end = pad_run(source, i, n);
        if (from >= 0 && source[i] >= 0)
            op_move(out, at + i, 1, p->in, from + source[i], 1, end - i);
        else if (p->value)
            op_move(out, at + i, 1, p->value, 0, 0, end - i);
    }
}

static void pad_fill(const struct pad *p, struct tensor *out)
{
    int64_t steps[TENSOR_MAX_RANK], index[TENSOR_MAX_RANK] = {0};
    int last = p->in->rank - 1;
    op_steps(p->in->rank, p->in->dims, steps);
    for (int64_t at = 0; at < out->count; at += p->dims[last]) {
        int64_t from = 0;
        for (int a = 0; a < last && from >= 0; a++)
            from = p->source[a][index[a]] < 0 ? -1 : from + p->source[a][index[a]] * steps[a];
        pad_row(p, out, at, from);
        for (int a = last - 1; a >= 0 && ++index[a] == p->dims[a]; a--)
            index[a] = 0;
    }
}

int eval_pad(struct op_eval *c, struct error *err)
{
    struct pad p = {.in = eval_in(c, 0), .value = eval_in(c, 2)};
    if (pad_mode(c->node, &p.mode, err))
        return real_eval_fail(c, err);
    if (p.value && p.value->count != 1)
        return eval_error(c, err, "input constant_value has %lld elements, want one", (long long)p.value->count);
    if (pad_read(c, &p, err))
        return -1;
    if (p.in->rank == 0)
        return eval_give_item(c, 0, item_ref(c->in[0]), err);
    struct tensor *out = eval_out(c, 0, p.in->dtype, p.in->rank, p.dims, err);
    if (!out)
        return -1;
    int status = out->count ? pad_sources(&p, err) : 0;
    if (status == 0)
        pad_fill(&p, out);
    for (int a = 0; a < p.in->rank; a++)
        free(p.source[a]);
    return status;
}
