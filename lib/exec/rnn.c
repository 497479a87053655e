#include "exec/rnn.h"

#include <math.h>
#include <string.h>

#include "exec/lower_quant.h"

/* Where the recurrence stands. */
struct moment {
    int64_t step; /* how many time steps came before */
    int part, direction;
    int64_t block;
    void *scratch; /* of the product */
};

const ptrdiff_t rnn_no_tap[RNN_RUNS_MAX] = {0};

/* Rows of floats, one for each of the batch. */
struct rows {
    float *first;
    ptrdiff_t step;
};

static float *data(const struct view *v)
{
    return view_data(v);
}

/* The state that the time step leaves, step -1: the initial one. */
static struct rows state_rows(const struct rnn *r, int direction, int64_t step)
{
    if (step >= 0)
        return (struct rows){data(&r->h) + ((step & 1) * r->directions + direction) * r->batch * r->hidden, r->hidden};
    if (r->first_h.buffer)
        return (struct rows){data(&r->first_h) + direction * r->state.direction, r->state.batch};
    return (struct rows){(float *)r->zeros, 0};
}

static struct rows reset_rows(const struct rnn *r, int direction)
{
    return (struct rows){data(&r->reset) + direction * r->batch * r->hidden, r->hidden};
}

static struct rows gate_rows(const struct rnn *r, const struct moment *at)
{
    ptrdiff_t block = r->gates * r->width, step = r->blocks * block;
    return (struct rows){data(&r->gate) + at->direction * r->batch * step + at->block * block, step};
}

/* ---- the product with the state ---- */

void rnn_round(const struct kernels *k, float *to, const float *from, int64_t n)
{
    const struct kernel_byte of = exec_quant_range(k, from, n);
    const struct kernel_rounding rounding = exec_quant_bounds(&of);
    uint8_t bytes[1024];
    for (int64_t i = 0, some; i < n; i += some) {
        some = n - i < (int64_t)sizeof bytes ? n - i : (int64_t)sizeof bytes;
        k->quantize_8(bytes, from + i, (size_t)some, of.scale, &rounding);
        k->dequantize_8(to + i, bytes, (size_t)some, &of);
    }
}

void rnn_quantize(const struct kernels *k, const struct rnn_bytes *b, const float *from, int64_t n)
{
    struct kernel_byte of = {.scale = 0};
    float *multiplier = data(&b->multiplier);
    int32_t *bias = view_data(&b->bias);
    memset(view_data(&b->bytes), 0, from ? 0 : (size_t)n);
    if (from) {
        of = exec_quant_range(k, from, n);
        const struct kernel_rounding rounding = exec_quant_bounds(&of);
        k->quantize_8(view_data(&b->bytes), from, (size_t)n, of.scale, &rounding);
    }
    const int32_t zero = (int32_t)of.zero + b->product->a_offset;
    for (int64_t i = 0; i < b->outputs; i++) {
        multiplier[i] = of.scale * b->scale[i];
        bias[i] = -zero * b->sum[i];
    }
}

static bool is_zero(const struct rnn *r, int64_t step)
{
    return step == 0 && !r->first_h.buffer;
}

/* A direction's whole state, which is 0 before the first step unless it is given. */
static void round_state(const struct rnn *r, int direction, int64_t step)
{
    int64_t n = r->batch * r->hidden;
    float *to = data(&r->rounded) + direction * n;
    if (is_zero(r, step))
        memset(to, 0, (size_t)n * sizeof *to);
    else
        rnn_round(r->plan->kernels, to, state_rows(r, direction, step - 1).first, n);
}

static void quantize_state(const struct rnn *r, int direction, int64_t step)
{
    if (r->state_bytes[direction].product)
        rnn_quantize(r->plan->kernels, &r->state_bytes[direction],
                     is_zero(r, step) ? NULL : state_rows(r, direction, step - 1).first, r->batch * r->hidden);
    else if (r->rounded.buffer)
        round_state(r, direction, step);
}

static struct rows multiplied_rows(const struct rnn *r, const struct moment *at)
{
    if (r->rounded.buffer)
        return (struct rows){data(&r->rounded) + at->direction * r->batch * r->hidden, r->hidden};
    return at->part ? reset_rows(r, at->direction) : state_rows(r, at->direction, at->step - 1);
}

/* The batch's rows in tiles, `step` bytes from one to the next. */
static void multiply_rows(const struct rnn *r, const struct kernel_product *product, struct kernel_gemm *g,
                          const void *from, ptrdiff_t step, struct rows to)
{
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    g->a = a;
    g->c = c;
    g->tap = rnn_no_tap;
    for (int64_t b = 0; b < r->batch; b += g->m) {
        g->m = (int)(r->batch - b < product->mr ? r->batch - b : product->mr);
        for (int i = 0; i < g->m; i++) {
            a[i] = (const char *)from + (b + i) * step;
            c[i] = to.first + (b + i) * to.step;
        }
        product->run(g);
    }
}

static void multiply_bytes(const struct rnn *r, const struct moment *at)
{
    const struct rnn_bytes *b = &r->state_bytes[at->direction];
    struct kernel_gemm g = {.taps = b->runs,
                            .k = (int)r->hidden,
                            .b = b->packed,
                            .n = (int)b->outputs,
                            .to = {.c = KERNEL_F32,
                                   .bias = view_data(&b->bias),
                                   .multiplier = data(&b->multiplier),
                                   .rounding = {.low = -INFINITY, .high = INFINITY}},
                            .scratch = at->scratch};
    multiply_rows(r, b->product, &g, view_data(&b->bytes), r->hidden, gate_rows(r, at));
}

static void multiply(const struct rnn *r, const struct moment *at)
{
    const struct rnn_part *part = &r->part[at->part];
    int64_t n = part->gates * r->width, skipped = part->first * r->width;
    if (r->state_bytes[at->direction].product) {
        multiply_bytes(r, at);
        return;
    }
    struct rows from = multiplied_rows(r, at), to = gate_rows(r, at);
    const float *bias = r->state_bias[at->direction];
    const float *weights = part->r[at->direction] + at->block * r->hidden * n;
    bias = bias ? bias + at->block * r->gates * r->width + skipped : NULL;
    to.first += skipped;
    if (r->batch == 1)
        r->plan->kernels->gemv_f32(to.first, from.first, (int)r->hidden, weights, n, (int)n, bias);
    else
        multiply_rows(
            r, r->plan->kernels->gemm_f32,
            &(struct kernel_gemm){.taps = 1, .k = (int)r->hidden, .b = weights, .to = {.bias = bias}, .n = (int)n},
            from.first, from.step * (ptrdiff_t)sizeof(float), to);
}

/* ---- one sequence's units of some blocks ---- */

/* Where they are. */
struct units {
    int64_t first, count, sequence;
};

static void copy(float *to, const float *from, int64_t n)
{
    if (from)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        memset(to, 0, (size_t)n * sizeof *to);
}

static int64_t length_of(const struct rnn *r, int64_t sequence)
{
    return r->lengths.buffer ? ((const int32_t *)view_data(&r->lengths))[sequence] : r->time;
}

/* Which element of the sequence the time step is for; behind its end all directions meet zeros. */
static int64_t time_of(const struct rnn *r, const struct moment *at, int64_t length)
{
    return (r->reverse || at->direction == 1) && at->step < length ? length - 1 - at->step : at->step;
}

static float *cell_of(const struct rnn *r, int direction, const struct units *u)
{
    return data(&r->c) + (direction * r->batch + u->sequence) * r->hidden + u->first;
}

static void run_cell(const struct rnn *r, const struct moment *at, const struct units *u, int64_t time)
{
    const struct kernels *k = r->plan->kernels;
    int64_t gates = r->gates * r->width;
    struct rows last = state_rows(r, at->direction, at->step - 1), gate = gate_rows(r, at);
    struct rows next = at->part + 1 < r->parts ? reset_rows(r, at->direction) : state_rows(r, at->direction, at->step);
    struct kernel_rnn_f32 cell = {.gates = gate.first + u->sequence * gate.step,
                                  .step = r->width,
                                  .clip = r->clip,
                                  .n = (size_t)u->count,
                                  .last = last.first + u->sequence * last.step + u->first,
                                  .is_reset = r->parts > 1,
                                  .h = next.first + u->sequence * next.step + u->first};
    int64_t row = (at->direction * r->time + time) * r->batch + u->sequence;
    cell.in = data(&r->in) + (row * r->blocks + at->block) * gates;
    if (r->lstm) {
        cell.peephole = r->peephole[at->direction] ? r->peephole[at->direction] + at->block * 3 * r->width : NULL;
        cell.c = cell_of(r, at->direction, u);
        k->lstm_cell_f32(&cell);
    } else if (r->gates == 1) {
        k->binary_f32(KERNEL_ADD, cell.h, cell.in, 1, cell.gates, 1, cell.n, r->act);
    } else if (at->part + 1 < r->parts) {
        k->gru_reset_f32(&cell);
    } else {
        k->gru_cell_f32(&cell);
    }
}

/* A sequence that has ended keeps its state. */
static void keep_state(const struct rnn *r, const struct moment *at, const struct units *u)
{
    struct rows last = state_rows(r, at->direction, at->step - 1), next = state_rows(r, at->direction, at->step);
    copy(next.first + u->sequence * next.step + u->first, last.first + u->sequence * last.step + u->first, u->count);
}

static void give(const struct view *to, const struct rnn_steps *steps, const struct moment *at, const struct units *u,
                 int64_t time, const float *from)
{
    if (to->buffer)
        copy(data(to) + time * steps->time + at->direction * steps->direction + u->sequence * steps->batch + u->first,
             from, u->count);
}

static void run_units(const struct rnn *r, const struct moment *at, const struct units *u)
{
    int64_t length = length_of(r, u->sequence), time = time_of(r, at, length);
    if (at->step == 0 && at->part == 0 && r->lstm)
        copy(cell_of(r, at->direction, u),
             r->first_c.buffer
                 ? data(&r->first_c) + at->direction * r->state.direction + u->sequence * r->state.batch + u->first
                 : NULL,
             u->count);
    if (at->step < length)
        run_cell(r, at, u, time);
    if (at->part + 1 < r->parts)
        return;
    if (at->step >= length)
        keep_state(r, at, u);
    struct rows next = state_rows(r, at->direction, at->step);
    const float *h = next.first + u->sequence * next.step + u->first;
    give(&r->out[RNN_Y], &r->y, at, u, time, at->step < length ? h : NULL);
    if (at->step + 1 == r->time) {
        give(&r->out[RNN_Y_H], &r->state, at, u, 0, h);
        if (r->lstm)
            give(&r->out[RNN_Y_C], &r->state, at, u, 0, cell_of(r, at->direction, u));
    }
}

/* ---- blocks ---- */

/* Up and down in turn: what a time step has left in the cache meets the next one first. */
static void run_blocks(const struct rnn *r, struct moment at, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) {
        at.block = at.step & 1 ? last - 1 - (i - first) : i;
        multiply(r, &at);
    }
    int64_t end = last * r->width < r->hidden ? last * r->width : r->hidden;
    struct units u = {.first = first * r->width, .count = end - first * r->width};
    at.block = first;
    for (u.sequence = 0; u.sequence < r->batch; u.sequence++)
        run_units(r, &at, &u);
}

static bool check_lengths(const struct rnn *r, const struct node *n)
{
    for (int64_t i = 0; i < r->batch; i++)
        if (length_of(r, i) < 0 || length_of(r, i) > r->time) {
            plan_fail(r->plan, n, "input sequence_lens holds %lld, want 0 to %lld", (long long)length_of(r, i),
                      (long long)r->time);
            return false;
        }
    return true;
}

void rnn_run_directions(const struct step *s, struct tile tile)
{
    const struct rnn *r = s->args;
    if (!check_lengths(r, s->node))
        return;
    for (int64_t d = tile.first; d < tile.last; d++)
        for (int64_t step = 0; step < r->time; step++) {
            quantize_state(r, (int)d, step);
            for (int part = 0; part < r->parts; part++)
                run_blocks(r, (struct moment){.step = step, .part = part, .direction = (int)d, .scratch = tile.scratch},
                           0, r->blocks);
        }
}

void rnn_run_rounds(const struct step *s, struct tile tile)
{
    const struct rnn *r = s->args;
    int64_t step = tile.round / r->parts;
    if (tile.round == 0 && !check_lengths(r, s->node))
        return;
    run_blocks(r,
               (struct moment){
                   .step = step % r->time, .part = (int)(tile.round % r->parts), .direction = (int)(step / r->time)},
               tile.first, tile.last);
}
