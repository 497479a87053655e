/* LSTM (of bytes too), GRU and RNN with their default activations, RNN with Relu or none too: the inputs' part of all
 * time steps is one matrix product, the recurrence (rnn.h) a step of its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "base/mem.h"
#include "exec/gemm.h"
#include "exec/lower.h"
#include "exec/lower_quant.h"
#include "exec/packing.h"
#include "exec/rnn.h"
#include "exec/rounds.h"

/* ---- weights ---- */

/* Where a matrix [gates * hidden][columns] goes: the rows of some gates, block by block, the last block filled up with
 * zeros. */
struct arrangement {
    int64_t start; /* of the matrix in the tensor */
    int64_t hidden, columns, blocks, width;
    int first, gates; /* those that are taken */
    /* Of bytes [columns][outputs], what each output's are multiplied by once its zero point is off; NULL: floats. */
    const float *scale, *zero;
    int64_t outputs;
    bool is_signed;
    enum { ALL_PACKED, BLOCKS_PACKED, BLOCKS } form;
};

static int64_t block_rows(const struct arrangement *a)
{
    return a->gates * a->width;
}

static int64_t all_rows(const struct arrangement *a)
{
    return a->blocks * block_rows(a);
}

static void take_row(const struct arrangement *a, const void *w, int64_t row, float *to)
{
    if (!a->scale) {
        memcpy(to, (const float *)w + a->start + row * a->columns, (size_t)a->columns * sizeof *to);
        return;
    }
    const uint8_t *from = (const uint8_t *)w + a->start + row;
    for (int64_t i = 0; i < a->columns; i++, from += a->outputs)
        to[i] = ((float)(a->is_signed ? (int8_t)*from : *from) - a->zero[row]) * a->scale[row];
}

/* Rows [first, last) of [blocks][gates][width][columns]; columns is 1 for a bias. */
static void arrange(const struct arrangement *a, const void *w, int64_t first, int64_t last, float *to)
{
    for (int64_t i = first; i < last; i++, to += a->columns) {
        int64_t gate = a->first + i / a->width % a->gates, unit = i / block_rows(a) * a->width + i % a->width;
        if (unit < a->hidden)
            take_row(a, w, gate * a->hidden + unit, to);
        else
            memset(to, 0, (size_t)a->columns * sizeof *to);
    }
}

/* Of a unit of packing: a block, or a panel of them all. */
static int64_t unit_rows(const struct arrangement *a, const struct kernels *k)
{
    return a->form == ALL_PACKED ? k->gemm_f32->nr : block_rows(a);
}

static int pack_arranged(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                         const struct kernels *k)
{
    const struct arrangement *a = args;
    const struct kernel_product *product = k->gemm_f32;
    int64_t rows = unit_rows(a, k);
    struct error err;
    float *unit = mem_calloc((size_t)(rows * a->columns), sizeof *unit, &err);
    if (!unit)
        return -1;
    for (int64_t i = first; i < last; i++) {
        int64_t row = i * rows, end = row + rows < all_rows(a) ? row + rows : all_rows(a);
        void *to = (char *)packed + kernel_product_packed(product, 1, (size_t)a->columns, (size_t)row);
        arrange(a, weights, row, end, unit);
        if (a->form == BLOCKS)
            k->transpose_32(to, rows, unit, a->columns, (size_t)rows, (size_t)a->columns);
        else
            product->pack(to, unit, 1, 0, (int)a->columns, 1, (int)(end - row), a->columns);
    }
    free(unit);
    return 0;
}

/* The inputs of DynamicQuantizeLSTM that hold the scales of W and R, each before its zero points. */
enum { W_SCALE = 8, R_SCALE = 10 };

static bool is_quantized(const struct node *n)
{
    return strcmp(n->op, "DynamicQuantizeLSTM") == 0;
}

/* A direction's scales and zero points of input `in`, each for all of its outputs or for every one. */
static int load_scales(struct plan *p, const struct node *n, int in, int direction, struct arrangement *a,
                       struct error *err)
{
    float *scale = plan_alloc(p, sizeof *scale * (size_t)(2 * a->outputs), err), *zero = scale + a->outputs;
    const struct value *const *of = (const struct value *const *)n->in + (in == 1 ? W_SCALE : R_SCALE);
    if (!scale)
        return -1;
    for (int64_t i = 0; i < 2 * a->outputs; i++) {
        const struct tensor *t = of[i / a->outputs]->constant;
        bool all = t->count == n->in[in]->constant->dims[0];
        scale[i] = (float)tensor_get_f64(t, all ? direction : direction * a->outputs + i % a->outputs);
    }
    a->scale = scale;
    a->zero = zero;
    a->is_signed = n->in[in]->constant->dtype == DTYPE_I8;
    return 0;
}

/* Of a direction of input `in`, which has so many gates. */
static const float *pack(struct plan *p, const struct node *n, int in, struct arrangement a, int direction, int gates,
                         struct error *err)
{
    int64_t rows = unit_rows(&a, p->kernels), key = 0;
    a.outputs = gates * a.hidden;
    a.start = direction * a.outputs * a.columns;
    if (is_quantized(n)) {
        if (load_scales(p, n, in, direction, &a, err) < 0)
            return NULL;
        key = (int64_t)(hash_bytes(a.scale, sizeof *a.scale * (size_t)(2 * a.outputs)) >> 5) * 2 + a.is_signed;
    }
    return plan_packed(
        p, n, in,
        &(struct packing){
            .name = a.scale ? "gates_q8" : "gates",
            .params = {direction * gates + a.first, a.gates, a.hidden, a.columns, a.width, a.form + key * 4},
            .bytes = kernel_product_packed(p->kernels->gemm_f32, 1, (size_t)a.columns, (size_t)all_rows(&a)),
            .units = (all_rows(&a) + rows - 1) / rows,
            .pack = pack_arranged,
            .args = &a,
            .args_size = sizeof a,
            .as_stored = a.scale != NULL},
        err);
}

/* Input `in` of a direction, [depth][outputs], for a product of bytes. 1: floats it is. */
static int load_direction(struct plan *p, const struct node *n, int in, int direction, struct rnn_bytes *b,
                          struct error *err)
{
    const int64_t *dims = n->in[in]->constant->dims, depth = dims[1];
    int64_t *at = plan_alloc(p, sizeof *at * (size_t)depth, err);
    struct arrangement a = {.outputs = dims[2]};
    int *zero = plan_alloc(p, sizeof *zero * (size_t)a.outputs, err);
    if (!at || !zero || load_scales(p, n, in, direction, &a, err) < 0)
        return -1;
    struct quant_weights w = {.input = in,
                              .zero_input = (in == 1 ? W_SCALE : R_SCALE) + 1,
                              .bias_input = INT32_MAX,
                              .columns = a.outputs,
                              .depth = depth,
                              .column_step = 1,
                              .at = at,
                              .zero = zero};
    for (int64_t i = 0; i < depth; i++)
        at[i] = (direction * depth + i) * a.outputs;
    for (int64_t i = 0; i < a.outputs; i++)
        zero[i] = (int)a.zero[i];
    int status = exec_quant_weights(p, n, &w, err);
    if (status != 0)
        return status;
    const struct kernel_product *product = p->kernels->gemm_u8;
    product = in == 2 && product->other ? product->other : product;
    *b = (struct rnn_bytes){.product = product, .runs = w.runs, .outputs = a.outputs, .scale = a.scale, .sum = w.sum};
    b->packed = exec_quant_packed(p, n, "matrix_q8", &w, product, 1, w.runs, (int)depth, err);
    return b->packed ? 0 : -1;
}

/* Input `in`, for a product of bytes with so many rows; the input's are the same in all directions. 1: floats it is. */
static int load_bytes(struct plan *p, const struct node *n, int in, int64_t rows, struct rnn_bytes *b,
                      struct error *err)
{
    const int64_t *dims = n->in[in]->constant->dims;
    const int directions = (int)dims[0];
    int status = 0;
    for (int d = 0; d < directions && status == 0; d++)
        status = load_direction(p, n, in, d, &b[d], err);
    if (status != 0) {
        memset(b, 0, sizeof *b * (size_t)directions);
        return status;
    }
    const size_t words = sizeof(float) * (size_t)dims[2];
    for (int d = 0; d < directions; d++) {
        bool shares = in == 1 && d > 0;
        b[d].bytes = b[0].bytes;
        if ((!shares && plan_scratch(p, (size_t)(rows * dims[1]), &b[d].bytes, err) < 0) ||
            plan_scratch(p, words, &b[d].multiplier, err) < 0 || plan_scratch(p, words, &b[d].bias, err) < 0)
            return -1;
        b[d].bytes.dtype = DTYPE_U8;
        b[d].multiplier.dtype = DTYPE_F32;
        b[d].bias.dtype = DTYPE_I32;
    }
    return 0;
}

/* Numbers for each unit of some gates, arranged; w NULL: none. */
static int arrange_numbers(struct plan *p, const struct rnn *r, const float *w, int gates, const float **to,
                           struct error *err)
{
    struct arrangement a = {
        .hidden = r->hidden, .columns = 1, .blocks = r->blocks, .width = r->width, .gates = gates, .form = ALL_PACKED};
    float *numbers = w ? plan_alloc(p, sizeof *numbers * (size_t)all_rows(&a), err) : NULL;
    if (numbers)
        arrange(&a, w, 0, all_rows(&a), numbers);
    *to = numbers;
    return w && !numbers ? -1 : 0;
}

/* b holds the input biases, then those of the state; they are summed where they only ever meet as a sum. */
static int load_biases(struct plan *p, struct rnn *r, int d, const float *b, struct error *err)
{
    int64_t all = r->gates * r->hidden;
    float *sum = plan_alloc(p, sizeof *sum * (size_t)(2 * all), err), *own = sum + all;
    bool apart = r->gates == 3 && r->parts == 1;
    if (!sum)
        return -1;
    b += d * 2 * all;
    for (int64_t i = 0; i < all; i++) {
        bool alone = apart && i >= 2 * r->hidden;
        sum[i] = b[i] + (alone ? 0 : b[all + i]);
        own[i] = alone ? b[all + i] : 0;
    }
    return arrange_numbers(p, r, sum, r->gates, &r->in_bias[d], err) ||
                   arrange_numbers(p, r, apart ? own : NULL, r->gates, &r->state_bias[d], err)
               ? -1
               : 0;
}

static int load_state_weights(struct plan *p, struct node *n, struct rnn *r, struct error *err)
{
    for (int i = 0; i < r->parts; i++)
        for (int d = 0; d < r->directions; d++) {
            struct rnn_part *part = &r->part[i];
            struct arrangement a = {.hidden = r->hidden,
                                    .columns = r->hidden,
                                    .blocks = r->blocks,
                                    .width = r->width,
                                    .first = part->first,
                                    .gates = part->gates,
                                    .form = r->batch == 1 ? BLOCKS : BLOCKS_PACKED};
            part->r[d] = pack(p, n, 2, a, d, r->gates, err);
            if (!part->r[d])
                return -1;
        }
    return 0;
}

static int load_weights(struct plan *p, struct node *n, struct rnn *r, struct error *err)
{
    bool failed = false;
    const float *b = plan_constant_f32(p, n, 3, &failed, err),
                *peephole = r->lstm ? plan_constant_f32(p, n, 7, &failed, err) : NULL;
    r->zeros = plan_alloc(p, sizeof *r->zeros * (size_t)r->hidden, err);
    if (failed || !r->zeros || (!r->state_bytes[0].product && load_state_weights(p, n, r, err) < 0))
        return -1;
    for (int d = 0; d < r->directions; d++)
        if ((b && load_biases(p, r, d, b, err) < 0) ||
            arrange_numbers(p, r, peephole ? peephole + d * 3 * r->hidden : NULL, 3, &r->peephole[d], err) < 0)
            return -1;
    return 0;
}

/* ---- what fits ---- */

/* The functions are those of the list, in all directions. */
static bool has_activations(const struct node *n, const char *const *usual, size_t functions)
{
    const struct attr *names = node_attr(n, "activations");
    for (size_t i = 0; i < names->n; i++) {
        const char *want = usual[i % functions];
        if (names->strings[i].size != strlen(want) || memcmp(names->strings[i].data, want, strlen(want)) != 0)
            return false;
    }
    return names->n == functions * (size_t)n->in[1]->constant->dims[0];
}

/* Sigmoid and tanh, as they are when none are named, and nothing that only others use; an RNN may have others. */
static bool known_activations(const struct node *n, int gates, enum kernel_act_kind *act)
{
    static const char *const usual[] = {"Sigmoid", "Tanh", "Tanh"};
    static const char *const relu[] = {"Relu"}, *const none[] = {"Affine"};
    const struct attr *names = node_attr(n, "activations");
    *act = KERNEL_TANH;
    if (!names || names->kind != ATTR_STRINGS)
        return !op_has(n, "activation_alpha") && !op_has(n, "activation_beta");
    if (gates > 1)
        return has_activations(n, usual, gates == 4 ? 3 : 2);
    if (has_activations(n, none, 1)) { /* x, where neither factor nor term is given: a filter */
        *act = KERNEL_NONE;
        return !op_has(n, "activation_alpha") && !op_has(n, "activation_beta");
    }
    *act = has_activations(n, relu, 1) ? KERNEL_RELU : KERNEL_TANH;
    return *act == KERNEL_RELU || has_activations(n, usual + 1, 1);
}

/* Constant, or absent when it may be. */
static bool weight_or_none(const struct node *n, int i)
{
    return !node_in(n, i) || exec_lower_is_weight(n, i);
}

/* Bytes [directions][columns][outputs], with scales and zero points for each direction or each of its outputs. */
static bool has_bytes(const struct node *n, int in, int scale)
{
    const struct tensor *w = plan_is_constant(n, in) ? n->in[in]->constant : NULL;
    for (int i = scale; w && i < scale + 2; i++) {
        int64_t count = plan_is_constant(n, i) ? n->in[i]->constant->count : -1;
        if (count != w->dims[0] && count != w->dims[0] * w->dims[2])
            return false;
    }
    return w;
}

static bool has_weights(const struct node *n)
{
    return is_quantized(n) ? has_bytes(n, 1, W_SCALE) && has_bytes(n, 2, R_SCALE)
                           : exec_lower_is_weight(n, 1) && exec_lower_is_weight(n, 2);
}

static bool fits(const struct node *n, int gates, enum kernel_act_kind *act)
{
    if (!exec_lower_is_f32(n, 0) || !has_weights(n) || !weight_or_none(n, 3) || !weight_or_none(n, 7) ||
        n->in[1]->constant->count > INT32_MAX / 4 || n->in[2]->constant->count > INT32_MAX / 4 ||
        n->in[2]->constant->count == 0)
        return false;
    return known_activations(n, gates, act) && tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) > 0 &&
           !(gates == 4 && op_int(n, "input_forget") != 0) &&
           !(op_has(n, "clip") && (gates == 1 || !(op_float(n, "clip") >= 0)));
}

/* ---- lowering ---- */

/* Memory for floats that lives as long as the node's steps. */
static int make_room(struct plan *p, int rank, const int64_t *dims, struct view *view, struct error *err)
{
    size_t bytes;
    int64_t count = tensor_count(rank, dims);
    if (count < 0 || !tensor_bytes(DTYPE_F32, count, &bytes))
        return error_set(err, "the states are too large");
    if (plan_scratch(p, bytes, view, err) < 0)
        return -1;
    view->dtype = DTYPE_F32;
    return 0;
}

struct rounding_args {
    struct view from, to;
    struct rnn_bytes bytes[2]; /* of each direction; without product: rounded floats are wanted */
    const struct kernels *kernels;
};

static void run_rounding(const struct step *s, struct tile tile)
{
    const struct rounding_args *a = s->args;
    (void)tile;
    for (int d = 0; d < 2 && a->bytes[d].product; d++)
        rnn_quantize(a->kernels, &a->bytes[d], view_data(&a->from), view_count(&a->from));
    if (!a->bytes[0].product)
        rnn_round(a->kernels, view_data(&a->to), view_data(&a->from), view_count(&a->from));
}

/* The input, rounded as a whole where the operator does so, to bytes where these are multiplied. */
static int load_input(struct plan *p, struct node *n, struct view *x, struct rnn_bytes *b, struct error *err)
{
    if (!is_quantized(n))
        return plan_in_contiguous(p, n, 0, 2, x, err);
    struct rounding_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || plan_in_dense(p, n, 0, ORDER_ROWS, &a->from, err) < 0)
        return -1;
    int status = load_bytes(p, n, 1, view_count(&a->from) / n->in[1]->constant->dims[1], a->bytes, err);
    if (status < 0 || (status == 1 && make_room(p, 3, a->from.dims, &a->to, err) < 0))
        return -1;
    const struct view *to = status ? &a->to : &a->bytes[0].bytes;
    a->kernels = p->kernels;
    memcpy(b, a->bytes, sizeof a->bytes);
    *x = a->from;
    x->buffer = to->buffer;
    x->offset = to->offset;
    x->dtype = to->dtype;
    return plan_step(
        p,
        &(struct step){
            .node = n, .kernel = status ? "round_f32" : "quantize_8", .run = run_rounding, .args = a, .units = 1},
        err,
        PLAN_VIEWS(&a->to, &a->bytes[0].bytes, &a->bytes[0].multiplier, &a->bytes[0].bias, &a->bytes[1].multiplier,
                   &a->bytes[1].bias, &a->from));
}

static int emit_bytes(struct plan *p, struct node *n, const struct rnn_bytes *b, struct gemm_job *job,
                      struct error *err)
{
    job->product = b->product;
    job->packed = b->packed;
    job->taps = b->runs;
    job->multiplier_view = b->multiplier;
    job->bias_view = b->bias;
    job->to = (struct kernel_epilogue){
        .c = KERNEL_F32, .shift = job->to.bias, .rounding = {.low = -INFINITY, .high = INFINITY}};
    return gemm_emit(p, n, b->product->name, job, err);
}

static int input_product(struct plan *p, struct node *n, struct rnn *r, bool batch_first, struct error *err)
{
    int64_t all = r->blocks * r->gates * r->width;
    struct rnn_bytes bytes[2] = {{.product = NULL}};
    struct view x;
    if (load_input(p, n, &x, bytes, err) < 0 ||
        make_room(p, 4, (int64_t[]){r->directions, r->time, r->batch, all}, &r->in, err) < 0)
        return -1;
    for (int d = 0; d < r->directions; d++) {
        struct arrangement a = {.hidden = r->hidden,
                                .columns = r->input,
                                .blocks = r->blocks,
                                .width = r->width,
                                .gates = r->gates,
                                .form = ALL_PACKED};
        struct gemm_job job = {.product = p->kernels->gemm_f32,
                               .to = {.bias = r->in_bias[d]},
                               .a = x,
                               .c = r->in,
                               .dims = {1, 1, r->time, r->batch},
                               .a_stride = {0, 0, x.stride[batch_first], x.stride[!batch_first]},
                               .c_stride = {0, 0, r->batch * all, all},
                               .tap = rnn_no_tap,
                               .taps = 1,
                               .k = (int)r->input,
                               .n = (int)all,
                               .batches = 1};
        job.c.offset = d * r->time * r->batch * all;
        if (bytes[d].product) {
            if (emit_bytes(p, n, &bytes[d], &job, err) < 0)
                return -1;
            continue;
        }
        job.packed = pack(p, n, 1, a, d, r->gates, err);
        if (!job.packed || gemm_emit(p, n, "gemm_f32", &job, err) < 0)
            return -1;
    }
    return 0;
}

static int load_states(struct plan *p, struct node *n, struct rnn *r, bool batch_first, struct error *err)
{
    int64_t d = r->directions, h = r->hidden;
    if ((node_in(n, 4) && plan_in_dense(p, n, 4, ORDER_ROWS, &r->lengths, err) < 0) ||
        (node_in(n, 5) && plan_in_dense(p, n, 5, ORDER_ROWS, &r->first_h, err) < 0) ||
        (node_in(n, 6) && plan_in_dense(p, n, 6, ORDER_ROWS, &r->first_c, err) < 0))
        return -1;
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && plan_out_dense(p, n, i, &r->out[i], err) < 0)
            return -1;
    r->y = batch_first ? (struct rnn_steps){d * h, h, r->time * d * h}
                       : (struct rnn_steps){d * r->batch * h, r->batch * h, h};
    r->state = batch_first ? (struct rnn_steps){0, h, d * h} : (struct rnn_steps){0, r->batch * h, h};
    if (is_quantized(n) && !r->state_bytes[0].product &&
        make_room(p, 3, (int64_t[]){d, r->batch, h}, &r->rounded, err) < 0)
        return -1;
    return make_room(p, 4, (int64_t[]){2, d, r->batch, h}, &r->h, err) ||
                   make_room(p, 3, (int64_t[]){d, r->batch, h}, &r->c, err) ||
                   make_room(p, 3, (int64_t[]){d, r->batch, h}, &r->reset, err) ||
                   make_room(p, 4, (int64_t[]){d, r->batch, r->blocks, r->gates * r->width}, &r->gate, err)
               ? -1
               : 0;
}

/* Two vectors of units, or one, when the last block would hold much that is nothing. */
static void choose_blocks(struct rnn *r, const struct kernels *k)
{
    int64_t wide = k->gemm_f32->nr, padded = (r->hidden + wide - 1) / wide * wide;
    r->width = padded - r->hidden > padded / 8 ? k->vector : wide;
    r->blocks = (r->hidden + r->width - 1) / r->width;
}

/* MACs of a round below which the threads' meeting behind it would cost more than they save. */
#define RNN_GRAIN 32768

/* Directions run side by side, without a meeting, when there are two whose weights leave room in the level-2 cache. */
static int emit(struct plan *p, struct node *n, const struct rnn *r, struct error *err)
{
    double macs = (double)r->batch * r->gates * (double)r->hidden * (double)r->hidden;
    const struct rnn_bytes *const state = r->state_bytes;
    const struct kernel_product *bytes = state[0].product;
    const int runs = state[1].runs > state[0].runs ? state[1].runs : state[0].runs;
    bool apart = r->directions == 2 && macs * sizeof(float) / (double)r->batch <= (double)cpu_l2_bytes() / 2;
    struct step s = {.node = n,
                     .kernel = bytes           ? "lstm_q8"
                               : r->lstm       ? "lstm_f32"
                               : r->gates == 3 ? "gru_f32"
                                               : "rnn_f32",
                     .run = rnn_run_directions,
                     .args = (void *)r,
                     .units = r->directions,
                     .scratch =
                         bytes ? kernel_product_scratch(bytes, (size_t)bytes->mr, (size_t)runs, (size_t)r->hidden) : 0,
                     .macs = macs * r->directions * (double)r->time};
    if (!apart && !bytes && !r->rounded.buffer && macs / r->parts >= RNN_GRAIN && r->blocks > 1 &&
        r->blocks <= ROUNDS_MAX_UNITS && r->time <= ROUNDS_MAX / (2 * RNN_PARTS)) {
        s.run = rnn_run_rounds;
        s.units = r->blocks;
        s.rounds = r->directions * r->time * r->parts;
    }
    return plan_step(p, &s, err,
                     PLAN_VIEWS(&r->in, &r->lengths, &r->first_h, &r->first_c, &r->h, &r->c, &r->reset, &r->gate,
                                &r->rounded, &state[0].bytes, &state[0].multiplier, &state[0].bias, &state[1].bytes,
                                &state[1].multiplier, &state[1].bias, &r->out[RNN_Y], &r->out[RNN_Y_H],
                                &r->out[RNN_Y_C]));
}

static int lower_rnn(struct plan *p, struct node *n, int gates, struct error *err)
{
    enum kernel_act_kind act;
    if (!fits(n, gates, &act))
        return 1;
    struct rnn *r = plan_alloc(p, sizeof *r, err);
    if (!r)
        return -1;
    const int64_t *x = n->in[0]->type.dims, *w = n->in[2]->constant->dims;
    bool batch_first = op_int(n, "layout") != 0, resets_first = gates == 3 && op_int(n, "linear_before_reset") == 0;
    *r = (struct rnn){.plan = p,
                      .lstm = gates == 4,
                      .act = {.kind = act},
                      .time = x[batch_first],
                      .batch = x[!batch_first],
                      .input = x[2],
                      .hidden = w[is_quantized(n) ? 1 : 2],
                      .directions = (int)w[0],
                      .gates = gates,
                      .reverse = strcmp(op_string(n, "direction"), "reverse") == 0,
                      .clip = op_has(n, "clip") ? op_float(n, "clip") : 0,
                      .parts = 1 + resets_first};
    r->part[0].gates = resets_first ? 2 : r->gates;
    r->part[1] = (struct rnn_part){.first = 2, .gates = 1};
    choose_blocks(r, p->kernels);
    int status = is_quantized(n) ? load_bytes(p, n, 2, r->batch, r->state_bytes, err) : 1;
    if (status == 0) {
        r->blocks = 1;
        r->width = r->hidden;
    }
    if (status < 0 || load_weights(p, n, r, err) < 0 || input_product(p, n, r, batch_first, err) < 0 ||
        load_states(p, n, r, batch_first, err) < 0)
        return -1;
    return emit(p, n, r, err);
}

int exec_lower_lstm(struct plan *p, struct node *n, struct error *err)
{
    return lower_rnn(p, n, 4, err);
}

int exec_lower_gru(struct plan *p, struct node *n, struct error *err)
{
    return lower_rnn(p, n, 3, err);
}

int exec_lower_rnn(struct plan *p, struct node *n, struct error *err)
{
    return lower_rnn(p, n, 1, err);
}
