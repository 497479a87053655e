/* LSTM and GRU with their default activations: the inputs' part of all time steps is one matrix product, the recurrence
 * a step of its own. */
#include <stdlib.h>
#include <string.h>

#include "exec/lower.h"

enum { Y, Y_H, Y_C, RNN_OUTPUTS };

struct rnn {
    const struct kernels *kernels;
    bool lstm;
    int64_t time, batch, input, hidden, directions;
    int gates;    /* 4 or 3 */
    bool reverse; /* of the first direction */
    float clip;
    /* Per direction: packed input and recurrent weights; a GRU's candidate gate has its recurrent part apart. */
    const float *w[2], *r[2], *candidate[2];
    const float *w_bias[2], *candidate_bias[2], *peephole[2];
    struct view x, first_h, first_c; /* buffer NULL: zeros */
    struct view in;                  /* [directions][time][batch][gates * hidden] W x + b */
    struct view state; /* [directions]: h, c (batch * hidden each), gates (batch * gates * hidden), candidate (batch *
                          hidden) */
    struct view out[RNN_OUTPUTS]; /* buffer NULL: not wanted */
};

static int64_t state_floats(const struct rnn *r)
{
    return r->batch * r->hidden * (3 + r->gates);
}

/* out [batch][n] = a [batch][hidden] packed (+ bias) (+ add [batch][add_step]) */
static void multiply(const struct rnn *r, float *out, int64_t n, const float *a, const float *packed, const float *bias,
                     const float *add, int64_t add_step)
{
    static const ptrdiff_t no_tap[1] = {0};
    const void *rows[KERNEL_GEMM_MR_MAX], *adds[KERNEL_GEMM_MR_MAX];
    void *outs[KERNEL_GEMM_MR_MAX];
    struct kernel_gemm g = {.a = rows,
                            .tap = no_tap,
                            .taps = 1,
                            .k = (int)r->hidden,
                            .b = packed,
                            .to = {.bias = bias, .add = add ? adds : NULL},
                            .c = outs,
                            .n = (int)n};
    for (int64_t b = 0; b < r->batch; b += g.m) {
        g.m = (int)(r->batch - b < r->kernels->gemm_f32->mr ? r->batch - b : r->kernels->gemm_f32->mr);
        for (int i = 0; i < g.m; i++) {
            rows[i] = a + (b + i) * r->hidden;
            outs[i] = out + (b + i) * n;
            adds[i] = add ? add + (b + i) * add_step : NULL;
        }
        r->kernels->gemm_f32->run(&g);
    }
}

static void run_time_step(const struct rnn *r, int direction, const float *in, float *h, float *c, float *gates,
                          float *candidate)
{
    int64_t n = r->hidden, all = r->gates * n, own = r->lstm ? all : 2 * n;
    multiply(r, gates, own, h, r->r[direction], NULL, in, all);
    if (!r->lstm)
        multiply(r, candidate, n, h, r->candidate[direction], r->candidate_bias[direction], NULL, 0);
    for (int64_t b = 0; b < r->batch; b++) {
        if (r->lstm)
            r->kernels->lstm_cell_f32(h + b * n, c + b * n, gates + b * own, r->peephole[direction], r->clip,
                                      (size_t)n);
        else
            r->kernels->gru_cell_f32(h + b * n, h + b * n, gates + b * own, in + b * all + 2 * n, candidate + b * n,
                                     (size_t)n);
    }
}

static void load_state(float *to, const struct view *from, int64_t direction, size_t n)
{
    if (from->buffer)
        memcpy(to, (const float *)view_data(from) + direction * (ptrdiff_t)n, n * sizeof *to);
    else
        memset(to, 0, n * sizeof *to);
}

static void store_state(const struct view *to, const float *from, int64_t direction, size_t n)
{
    if (to->buffer)
        memcpy((float *)view_data(to) + direction * (ptrdiff_t)n, from, n * sizeof *from);
}

static void run_direction(const struct rnn *r, int64_t direction)
{
    int64_t slice = r->batch * r->hidden;
    float *h = (float *)view_data(&r->state) + direction * state_floats(r), *c = h + slice, *candidate = c + slice,
          *gates = candidate + slice;
    const float *in = (const float *)view_data(&r->in) + direction * r->time * r->batch * r->gates * r->hidden;
    bool backwards = direction == 1 || r->reverse;
    load_state(h, &r->first_h, direction, (size_t)slice);
    load_state(c, &r->first_c, direction, (size_t)slice);
    for (int64_t i = 0; i < r->time; i++) {
        int64_t t = backwards ? r->time - 1 - i : i;
        run_time_step(r, (int)direction, in + t * r->batch * r->gates * r->hidden, h, c, gates, candidate);
        store_state(&r->out[Y], h, t * r->directions + direction, (size_t)slice);
    }
    store_state(&r->out[Y_H], h, direction, (size_t)slice);
    store_state(&r->out[Y_C], c, direction, (size_t)slice);
}

static void run_recurrence(const struct step *s, struct tile tile)
{
    for (int64_t i = tile.first; i < tile.last; i++)
        run_direction(s->args, i);
}

/* ---- weights ---- */

/* Rows of k numbers. */
struct rows_args {
    int64_t first, count, k;
};

/* A unit is a panel. */
static int pack_rows(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                     const struct kernels *k)
{
    const struct rows_args *a = args;
    int64_t row = first * k->gemm_f32->nr, end = last * k->gemm_f32->nr < a->count ? last * k->gemm_f32->nr : a->count;
    k->gemm_f32->pack((char *)packed + kernel_product_packed(k->gemm_f32, 1, (size_t)a->k, (size_t)row),
                      (const float *)weights + (a->first + row) * a->k, 1, 0, (int)a->k, 1, (int)(end - row), a->k);
    return 0;
}

static const float *pack(struct plan *p, const struct node *n, int in, int64_t first, int64_t rows, int64_t k,
                         struct error *err)
{
    struct rows_args a = {first, rows, k};
    return plan_packed(
        p, n, in,
        &(struct packing){.name = "rows",
                          .params = {first, rows, k},
                          .bytes = kernel_product_packed(p->kernels->gemm_f32, 1, (size_t)k, (size_t)rows),
                          .units = (rows + p->kernels->gemm_f32->nr - 1) / p->kernels->gemm_f32->nr,
                          .pack = pack_rows,
                          .args = &a,
                          .args_size = sizeof a},
        err);
}

/* b holds the input biases, then the recurrent ones; they are summed where they only ever meet as a sum. */
static int sum_biases(struct plan *p, struct rnn *r, int d, const float *b, struct error *err)
{
    int64_t all = r->gates * r->hidden;
    float *sum = plan_alloc(p, sizeof *sum * (size_t)all, err);
    if (!sum)
        return -1;
    b += d * 2 * all;
    for (int64_t i = 0; i < all; i++)
        sum[i] = b[i] + (r->lstm || i < 2 * r->hidden ? b[all + i] : 0);
    r->w_bias[d] = sum;
    if (!r->lstm)
        r->candidate_bias[d] = b + all + 2 * r->hidden;
    return 0;
}

static int load_weights(struct plan *p, struct node *n, struct rnn *r, struct error *err)
{
    bool failed = false;
    const float *b = plan_constant_f32(p, n, 3, &failed, err),
                *peephole = r->lstm ? plan_constant_f32(p, n, 7, &failed, err) : NULL;
    int64_t all = r->gates * r->hidden;
    if (failed)
        return -1;
    for (int d = 0; d < r->directions; d++) {
        r->w[d] = pack(p, n, 1, d * all, all, r->input, err);
        r->r[d] = pack(p, n, 2, d * all, r->lstm ? all : 2 * r->hidden, r->hidden, err);
        r->candidate[d] = r->lstm ? r->r[d] : pack(p, n, 2, d * all + 2 * r->hidden, r->hidden, r->hidden, err);
        if (!r->w[d] || !r->r[d] || !r->candidate[d] || (b && sum_biases(p, r, d, b, err) < 0))
            return -1;
        r->peephole[d] = peephole ? peephole + d * 3 * r->hidden : NULL;
    }
    return 0;
}

/* ---- lowering ---- */

static bool default_activations(const struct node *n)
{
    return !op_has(n, "activations") && !op_has(n, "activation_alpha") && !op_has(n, "activation_beta");
}

/* Constant, or absent when it may be. */
static bool weight_or_none(const struct node *n, int i)
{
    return !node_in(n, i) || exec_lower_is_weight(n, i);
}

static bool fits(const struct node *n, bool lstm)
{
    if (!exec_lower_is_f32(n, 0) || !exec_lower_is_weight(n, 1) || !exec_lower_is_weight(n, 2) ||
        !weight_or_none(n, 3) || node_in(n, 4) || !weight_or_none(n, 7) || n->in[1]->constant->count > INT32_MAX / 2 ||
        n->in[2]->constant->count > INT32_MAX / 2)
        return false;
    if (op_int(n, "layout") != 0 || !default_activations(n) ||
        tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) == 0)
        return false;
    return lstm ? op_int(n, "input_forget") == 0 : op_int(n, "linear_before_reset") != 0 && !op_has(n, "clip");
}

static int input_product(struct plan *p, struct node *n, struct rnn *r, struct error *err)
{
    static const ptrdiff_t no_tap[1] = {0};
    int64_t all = r->gates * r->hidden;
    size_t floats = (size_t)(r->directions * r->time * r->batch * all);
    if (plan_in_contiguous(p, n, 0, 2, &r->x, err) < 0 || plan_scratch(p, floats * sizeof(float), &r->in, err) < 0)
        return -1;
    for (int d = 0; d < r->directions; d++) {
        struct gemm_job job = {.product = p->kernels->gemm_f32,
                               .to = {.bias = r->w_bias[d]},
                               .a = r->x,
                               .c = r->in,
                               .dims = {1, 1, r->time, r->batch},
                               .a_stride = {0, 0, r->x.stride[0], r->x.stride[1]},
                               .c_stride = {0, 0, r->batch * all, all},
                               .tap = no_tap,
                               .taps = 1,
                               .k = (int)r->input,
                               .n = (int)all,
                               .batches = 1,
                               .packed = r->w[d]};
        job.c.dtype = DTYPE_F32;
        job.c.offset = d * r->time * r->batch * all;
        if (gemm_emit(p, n, "gemm_f32", &job, err) < 0)
            return -1;
    }
    r->in.dtype = DTYPE_F32;
    return 0;
}

static int load_states(struct plan *p, struct node *n, struct rnn *r, struct error *err)
{
    if (node_in(n, 5) && plan_in_dense(p, n, 5, ORDER_ROWS, &r->first_h, err) < 0)
        return -1;
    if (node_in(n, 6) && plan_in_dense(p, n, 6, ORDER_ROWS, &r->first_c, err) < 0)
        return -1;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && plan_out_dense(p, n, i, &r->out[i], err) < 0)
            return -1;
    if (plan_scratch(p, (size_t)(r->directions * state_floats(r)) * sizeof(float), &r->state, err) < 0)
        return -1;
    r->state.dtype = DTYPE_F32;
    return 0;
}

static int lower_rnn(struct plan *p, struct node *n, bool lstm, struct error *err)
{
    if (!fits(n, lstm))
        return 1;
    struct rnn *r = plan_alloc(p, sizeof *r, err);
    if (!r)
        return -1;
    const int64_t *x = n->in[0]->type.dims, *w = n->in[2]->constant->dims;
    *r = (struct rnn){.kernels = p->kernels,
                      .lstm = lstm,
                      .time = x[0],
                      .batch = x[1],
                      .input = x[2],
                      .hidden = w[2],
                      .directions = w[0],
                      .gates = lstm ? 4 : 3,
                      .reverse = strcmp(op_string(n, "direction"), "reverse") == 0,
                      .clip = op_has(n, "clip") ? op_float(n, "clip") : 0};
    if (load_weights(p, n, r, err) < 0 || input_product(p, n, r, err) < 0 || load_states(p, n, r, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = lstm ? "lstm_f32" : "gru_f32",
                                    .run = run_recurrence,
                                    .args = r,
                                    .units = r->directions,
                                    .macs = (double)r->directions * (double)r->time * (double)r->batch * r->gates *
                                            (double)r->hidden * (double)r->hidden},
                     err,
                     PLAN_VIEWS(&r->in, &r->first_h, &r->first_c, &r->state, &r->out[Y], &r->out[Y_H], &r->out[Y_C]));
}

int exec_lower_lstm(struct plan *p, struct node *n, struct error *err)
{
    return lower_rnn(p, n, true, err);
}

int exec_lower_gru(struct plan *p, struct node *n, struct error *err)
{
    return lower_rnn(p, n, false, err);
}
