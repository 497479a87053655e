/* RNN, LSTM and GRU: the sequences, directions and layouts; products with the input are made for all steps at once. */
#include "op/rnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/gemm.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"

enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P, IN_W_SCALE, IN_W_ZERO, IN_R_SCALE, IN_R_ZERO };
enum { FUNCTIONS_MAX = 2 * 3 };

/* ---- attributes and shapes ---- */

static int read_direction(struct rnn *r, const struct node *n, struct error *err)
{
    const char *direction = op_string(n, "direction");
    int64_t layout = op_int(n, "layout");
    r->directions = 1 + !strcmp(direction, "bidirectional");
    r->reverse = !strcmp(direction, "reverse");
    r->batch_first = layout == 1;
    if (r->directions == 1 && !r->reverse && strcmp(direction, "forward"))
        return error_set(err, "attribute direction: '%.40s', want forward, reverse or bidirectional", direction);
    if (layout != 0 && layout != 1)
        return error_set(err, "attribute layout: %lld, want 0 or 1", (long long)layout);
    return 0;
}

/* What an input behind X is to be, sizes that are not known being below 0. */
struct shape {
    int input;
    const char *name;
    int rank;
    int64_t dims[3];
};

static int64_t rows_of(const struct rnn *r, int gates)
{
    int64_t rows;
    return r->hidden < 0 || __builtin_mul_overflow(r->hidden, gates, &rows) ? DIM_UNKNOWN : rows;
}

enum { SHAPES = 7 };

static int shapes_of(const struct rnn *r, struct shape *to)
{
    int64_t d = r->directions, n = rows_of(r, r->gates), first = r->batch_first ? r->batch : d,
            second = r->batch_first ? d : r->batch;
    bool turned = r->quantized;
    const struct shape all[SHAPES] = {{IN_W, "W", 3, {d, turned ? r->inputs : n, turned ? n : r->inputs}},
                                      {IN_R, "R", 3, {d, turned ? r->hidden : n, turned ? n : r->hidden}},
                                      {IN_B, "B", 2, {d, rows_of(r, 2 * r->gates)}},
                                      {IN_LENGTHS, "sequence_lens", 1, {r->batch}},
                                      {IN_H, "initial_h", 3, {first, second, r->hidden}},
                                      {IN_C, "initial_c", 3, {first, second, r->hidden}},
                                      {IN_P, "P", 2, {d, rows_of(r, 3)}}};
    memcpy(to, all, sizeof(all));
    return r->gates == 4 ? SHAPES : SHAPES - 2;
}

static int check_shapes(struct op_eval *c, struct rnn *r, struct error *err)
{
    const struct tensor *x = eval_in(c, IN_X), *rec = eval_in(c, IN_R);
    struct shape shapes[SHAPES];
    if (real_want_rank(c, IN_X, "X", 3, err) < 0 || real_want_rank(c, IN_R, "R", 3, err) < 0)
        return -1;
    r->steps = x->dims[r->batch_first];
    r->batch = x->dims[!r->batch_first];
    r->inputs = x->dims[2];
    r->hidden = rec->dims[r->quantized ? 1 : 2];
    int64_t size = op_int(c->node, "hidden_size");
    if (op_has(c->node, "hidden_size") && size != r->hidden)
        return eval_error(c, err, "attribute hidden_size: %lld, but R is for %lld", (long long)size,
                          (long long)r->hidden);
    if (rows_of(r, 2 * r->gates) < 0)
        return eval_error(c, err, "the hidden size %lld is too large", (long long)r->hidden);
    for (int i = 0, n = shapes_of(r, shapes); i < n; i++)
        if (real_want_dims(c, shapes[i].input, shapes[i].name, shapes[i].rank, shapes[i].dims, err) < 0)
            return -1;
    const struct tensor *lengths = eval_in(c, IN_LENGTHS);
    for (int64_t i = 0; lengths && i < r->batch; i++)
        if (tensor_get_i64(lengths, i) < 0 || tensor_get_i64(lengths, i) > r->steps)
            return eval_error(c, err, "input sequence_lens holds %lld, want 0 to %lld",
                              (long long)tensor_get_i64(lengths, i), (long long)r->steps);
    return 0;
}

/* ---- running ---- */

/* All that a run works with, as doubles. */
struct work {
    double *x, *w, *r, *bias, *peepholes, *lengths; /* the inputs */
    double *states, *memories;                      /* [directions][batch][hidden] */
    double *from_x, *from_h, *reset,
        *last;        /* [steps * batch][gates * hidden], [batch][gates * hidden], [batch][hidden] twice */
    struct tensor *y; /* or NULL */
};

/* Row of X, and of what is made from it, for a step of a sequence. */
static int64_t row_of(const struct rnn *r, int64_t step, int64_t sequence)
{
    return r->batch_first ? sequence * r->steps + step : step * r->batch + sequence;
}

/* to[m][n] = a[m][k] times the transpose of b[n][k]. */
static int times_transposed(const double *a, const double *b, double *to, int64_t m, int64_t n, int64_t k,
                            struct error *err)
{
    struct gemm_arrays arrays = {.a = a, .b = b, .a_row = k, .a_step = 1, .b_row = 1, .b_step = k, .c = to};
    return gemm_arrays(&arrays, m, n, k, err);
}

/* Numbers as DynamicQuantizeLinear keeps them. */
static void round_to_bytes(double *to, const double *from, int64_t n)
{
    float low = 0, high = 0;
    double zero;
    for (int64_t i = 0; i < n; i++) {
        low = fminf(low, (float)from[i]);
        high = fmaxf(high, (float)from[i]);
    }
    float scale = quant_dynamic(low, high, &zero);
    for (int64_t i = 0; i < n; i++)
        to[i] = (real_saturate(DTYPE_U8, nearbyintf((float)from[i] / scale) + zero) - zero) * scale;
}

static void add_to_rows(double *rows, int64_t count, int64_t n, const double *more)
{
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < n; j++)
            rows[i * n + j] += more[j];
}

/* The gates' arguments that come from the state, for all sequences. */
static int multiply_states(const struct rnn *r, const struct work *work, const double *weights, const double *bias,
                           const double *states, struct error *err)
{
    if (r->quantized) {
        round_to_bytes(work->reset, states, r->batch * r->hidden);
        states = work->reset;
    }
    if (times_transposed(states, weights, work->from_h, r->batch, r->gates * r->hidden, r->hidden, err) < 0)
        return -1;
    add_to_rows(work->from_h, r->batch, r->gates * r->hidden, bias);
    return 0;
}

/* A GRU that resets before its last product: that product again, of the reset states. rows: of each sequence's step in
 * from_x. */
static int multiply_reset(const struct rnn *r, const struct work *work, const double *weights, const double *bias,
                          const double *states, const int64_t *rows, struct error *err)
{
    int64_t n = r->hidden, width = 3 * n;
    for (int64_t b = 0; b < r->batch; b++)
        rnn_gru_reset(r, work->from_x + rows[b] * width, work->from_h + b * width, states + b * n, work->reset + b * n);
    if (times_transposed(work->reset, weights + 2 * n * n, work->last, r->batch, n, n, err) < 0)
        return -1;
    for (int64_t b = 0; b < r->batch; b++)
        for (int64_t i = 0; i < n; i++)
            work->from_h[b * width + 2 * n + i] = work->last[b * n + i] + bias[2 * n + i];
    return 0;
}

static void store_state(const struct rnn *r, const struct work *work, int direction, int64_t step, int64_t sequence,
                        const double *state)
{
    int64_t d = r->directions, n = r->hidden;
    int64_t at =
        r->batch_first ? (sequence * r->steps + step) * d + direction : (step * d + direction) * r->batch + sequence;
    if (work->y)
        real_write(work->y, at * n, n, state);
}

/* Step `step` of each sequence that is that long, from its start or its end; rows is room for [batch]. */
static int run_step(const struct rnn *r, const struct work *work, int direction, int64_t step, int64_t *rows,
                    struct error *err)
{
    int64_t n = r->hidden, width = r->gates * n;
    const double *weights = work->r + direction * width * n, *bias = work->bias + (2 * direction + 1) * width;
    double *states = work->states + direction * r->batch * n, *memories = work->memories + direction * r->batch * n;
    bool backwards = r->reverse || direction == 1;
    if (multiply_states(r, work, weights, bias, states, err) < 0)
        return -1;
    for (int64_t b = 0; b < r->batch; b++) {
        int64_t length = (int64_t)work->lengths[b];
        rows[b] = row_of(r, step >= length ? 0 : backwards ? length - 1 - step : step, b);
    }
    if (r->gates == 3 && !r->linear_before_reset && multiply_reset(r, work, weights, bias, states, rows, err) < 0)
        return -1;
    for (int64_t b = 0; b < r->batch; b++) {
        int64_t length = (int64_t)work->lengths[b];
        if (step >= length)
            continue;
        r->cell(r, work->from_x + rows[b] * width, work->from_h + b * width, states + b * n, memories + b * n);
        store_state(r, work, direction, backwards ? length - 1 - step : step, b, states + b * n);
    }
    return 0;
}

static int run_direction(struct rnn *r, const struct work *work, const struct rnn_activation *functions, int direction,
                         struct error *err)
{
    int64_t width = r->gates * r->hidden;
    int64_t *rows = mem_calloc((size_t)r->batch, sizeof *rows, err);
    r->f = functions + direction * r->functions;
    r->peepholes = work->peepholes ? work->peepholes + direction * 3 * r->hidden : NULL;
    int result = rows ? times_transposed(work->x, work->w + direction * width * r->inputs, work->from_x,
                                         r->steps * r->batch, width, r->inputs, err)
                      : -1;
    if (!result)
        add_to_rows(work->from_x, r->steps * r->batch, width, work->bias + 2 * direction * width);
    for (int64_t step = 0; !result && step < r->steps; step++)
        result = run_step(r, work, direction, step, rows, err);
    free(rows);
    return result;
}

/* States between the layouts [directions][batch] and [batch][directions]. */
static void swap_states(const struct rnn *r, double *to, const double *from, bool from_batch_first)
{
    int64_t outer = from_batch_first ? r->batch : r->directions, inner = from_batch_first ? r->directions : r->batch;
    for (int64_t i = 0; i < outer; i++)
        for (int64_t j = 0; j < inner; j++)
            memcpy(to + (j * outer + i) * r->hidden, from + (i * inner + j) * r->hidden,
                   (size_t)r->hidden * sizeof(double));
}

/* An initial state as [directions][batch][hidden]; zeros when absent. */
static double *load_states(const struct rnn *r, const struct tensor *t, struct error *err)
{
    int64_t count = r->directions * r->batch;
    double *states = real_new(count, r->hidden, err);
    double *given = states && t ? real_load(t, err) : NULL;
    if (given && r->batch_first)
        swap_states(r, states, given, true);
    else if (given)
        memcpy(states, given, (size_t)(count * r->hidden) * sizeof(double));
    if (t && !given) {
        free(states);
        states = NULL;
    }
    free(given);
    return states;
}

static int give_states(struct op_eval *c, const struct rnn *r, int o, double *states, struct error *err)
{
    int64_t dims[3] = {r->directions, r->batch, r->hidden};
    if (!eval_wants(c, o))
        return 0;
    if (!r->batch_first)
        return real_give(c, o, eval_in(c, 0)->dtype, 3, dims, states, err);
    double *swapped = real_new(dims[0] * dims[1], dims[2], err);
    dims[0] = r->batch;
    dims[1] = r->directions;
    if (swapped)
        swap_states(r, swapped, states, false);
    int result = swapped ? real_give(c, o, eval_in(c, 0)->dtype, 3, dims, swapped, err) : -1;
    free(swapped);
    return result;
}

/* One scale and zero point for each direction, or for each of its outputs. */
static int check_scales(struct op_eval *c, const struct rnn *r, int scale, int zero, struct error *err)
{
    int64_t d = r->directions, rows = r->gates * r->hidden;
    for (int i = scale; i <= zero; i++)
        if (eval_in(c, i)->count != d && eval_in(c, i)->count != d * rows)
            return eval_error(c, err, "input %d has %lld elements, want %lld or %lld", i,
                              (long long)eval_in(c, i)->count, (long long)d, (long long)(d * rows));
    return 0;
}

/* Weights [directions][outputs][inputs], made of quantised ones [directions][inputs][outputs] where they are such. */
static double *load_weights(struct op_eval *c, const struct rnn *r, int input, int scale, int64_t columns,
                            struct error *err)
{
    int64_t d = r->directions, rows = r->gates * r->hidden, at = 0;
    double *given = real_load(eval_in(c, input), err);
    if (!r->quantized || !given)
        return given;
    double *w = check_scales(c, r, scale, scale + 1, err) ? NULL : real_new(d * rows, columns, err);
    const struct tensor *scales = eval_in(c, scale), *zeros = eval_in(c, scale + 1);
    for (int64_t i = 0; w && i < d; i++)
        for (int64_t k = 0; k < columns; k++)
            for (int64_t j = 0; j < rows; j++, at++) {
                double s = tensor_get_f64(scales, scales->count == d ? i : i * rows + j);
                double z = tensor_get_f64(zeros, zeros->count == d ? i : i * rows + j);
                w[(i * rows + j) * columns + k] = (given[at] - z) * s;
            }
    free(given);
    return w;
}

static bool load_work(struct op_eval *c, const struct rnn *r, struct work *work, struct error *err)
{
    int64_t width = r->gates * r->hidden;
    const struct tensor *p = r->gates == 4 ? eval_in(c, IN_P) : NULL;
    return (work->x = real_load(eval_in(c, IN_X), err)) &&
           (work->w = load_weights(c, r, IN_W, IN_W_SCALE, r->inputs, err)) &&
           (work->r = load_weights(c, r, IN_R, IN_R_SCALE, r->hidden, err)) &&
           (work->bias = real_load_or(eval_in(c, IN_B), r->directions * 2 * width, 0, err)) &&
           (work->lengths = real_load_or(eval_in(c, IN_LENGTHS), r->batch, (double)r->steps, err)) &&
           (work->states = load_states(r, eval_in(c, IN_H), err)) &&
           (work->memories = load_states(r, r->gates == 4 ? eval_in(c, IN_C) : NULL, err)) &&
           (!p || (work->peepholes = real_load(p, err))) &&
           (work->from_x = real_new(r->steps * r->batch, width, err)) &&
           (work->from_h = real_new(r->batch, width, err)) && (work->reset = real_new(r->batch, r->hidden, err)) &&
           (work->last = real_new(r->batch, r->hidden, err));
}

static void release_work(struct work *work)
{
    double *all[] = {work->x,      work->w,        work->r,      work->bias,   work->peepholes, work->lengths,
                     work->states, work->memories, work->from_x, work->from_h, work->reset,     work->last};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

static int make_y(struct op_eval *c, const struct rnn *r, struct work *work, struct error *err)
{
    int64_t d = r->directions, first[4] = {r->steps, d, r->batch, r->hidden},
            second[4] = {r->batch, r->steps, d, r->hidden};
    if (!eval_wants(c, 0))
        return 0;
    work->y = eval_out(c, 0, eval_in(c, 0)->dtype, 4, r->batch_first ? second : first, err);
    return work->y ? 0 : -1;
}

static int run(struct op_eval *c, struct rnn *r, struct error *err)
{
    struct rnn_activation functions[FUNCTIONS_MAX];
    struct work work = {0};
    if (read_direction(r, c->node, err) < 0 || rnn_read_activations(r, c->node, functions, err) < 0)
        return real_eval_fail(c, err);
    if (check_shapes(c, r, err) < 0)
        return -1;
    int result = make_y(c, r, &work, err) < 0 || !load_work(c, r, &work, err) ? -1 : 0;
    if (!result && r->quantized)
        round_to_bytes(work.x, work.x, eval_in(c, IN_X)->count);
    for (int i = 0; !result && i < r->directions && r->batch > 0 && r->hidden > 0; i++)
        result = run_direction(r, &work, functions, i, err);
    if (!result)
        result = give_states(c, r, 1, work.states, err);
    if (!result && r->gates == 4)
        result = give_states(c, r, 2, work.memories, err);
    release_work(&work);
    return result;
}

int eval_rnn(struct op_eval *c, struct error *err)
{
    return run(c, &(struct rnn){.gates = 1, .functions = 1, .cell = rnn_cell_plain}, err);
}

int eval_gru(struct op_eval *c, struct error *err)
{
    bool linear = op_int(c->node, "linear_before_reset") != 0;
    return run(c, &(struct rnn){.gates = 3, .functions = 2, .cell = rnn_cell_gru, .linear_before_reset = linear}, err);
}

int eval_lstm(struct op_eval *c, struct error *err)
{
    bool coupled = op_int(c->node, "input_forget") != 0;
    return run(c, &(struct rnn){.gates = 4, .functions = 3, .cell = rnn_cell_lstm, .input_forget = coupled}, err);
}

int eval_dynamic_quantize_lstm(struct op_eval *c, struct error *err)
{
    bool coupled = op_int(c->node, "input_forget") != 0;
    return run(
        c, &(struct rnn){.gates = 4, .functions = 3, .cell = rnn_cell_lstm, .input_forget = coupled, .quantized = true},
        err);
}

/* ---- inference ---- */

/* What is wrong with shapes that are known already is told before kernels trust them. */
static int infer_shapes(struct op_infer *c, const struct rnn *r, struct error *err)
{
    struct shape shapes[SHAPES];
    for (int i = 0, n = shapes_of(r, shapes); i < n; i++)
        if (real_infer_want_dims(c, shapes[i].input, shapes[i].name, shapes[i].rank, shapes[i].dims, err) < 0)
            return -1;
    return 0;
}

static int infer_with(struct op_infer *c, struct rnn *r, struct error *err)
{
    const struct type *x = real_type(c, IN_X), *rec = real_type(c, IN_R);
    if (read_direction(r, c->node, err) < 0)
        return real_infer_fail(c, err);
    if (x->rank >= 0 && x->rank != 3)
        return infer_error(c, err, "input X has rank %d, want 3", x->rank);
    if (rec->rank >= 0 && rec->rank != 3)
        return infer_error(c, err, "input R has rank %d, want 3", rec->rank);
    r->steps = x->rank == 3 ? x->dims[r->batch_first] : DIM_UNKNOWN;
    r->batch = x->rank == 3 ? x->dims[!r->batch_first] : DIM_UNKNOWN;
    r->inputs = x->rank == 3 ? x->dims[2] : DIM_UNKNOWN;
    r->hidden = rec->rank == 3 ? rec->dims[r->quantized ? 1 : 2] : DIM_UNKNOWN;
    if (r->hidden < 0 && op_has(c->node, "hidden_size") && op_int(c->node, "hidden_size") >= 0)
        r->hidden = op_int(c->node, "hidden_size");
    int64_t d = r->directions;
    const int64_t y[4] = {r->steps, d, r->batch, r->hidden}, y_batch[4] = {r->batch, r->steps, d, r->hidden};
    const int64_t h[3] = {d, r->batch, r->hidden}, h_batch[3] = {r->batch, d, r->hidden};
    if (infer_shapes(c, r, err) < 0 || infer_set(c, 0, x->dtype, 4, r->batch_first ? y_batch : y, err) < 0)
        return -1;
    for (int o = 1; o < c->node->out_count; o++)
        if (infer_set(c, o, x->dtype, 3, r->batch_first ? h_batch : h, err) < 0)
            return -1;
    return 0;
}

int infer_rnn(struct op_infer *c, struct error *err)
{
    return infer_with(c, &(struct rnn){.gates = 1}, err);
}

int infer_gru(struct op_infer *c, struct error *err)
{
    return infer_with(c, &(struct rnn){.gates = 3}, err);
}

int infer_lstm(struct op_infer *c, struct error *err)
{
    return infer_with(c, &(struct rnn){.gates = 4}, err);
}

int infer_dynamic_quantize_lstm(struct op_infer *c, struct error *err)
{
    return infer_with(c, &(struct rnn){.gates = 4, .quantized = true}, err);
}
