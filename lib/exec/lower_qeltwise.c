/* Element by element on bytes: QuantizeLinear and DequantizeLinear of one scale, nn.QAdd, nn.QMul, nn.QTable. */
#include <string.h>

#include "exec/lower_quant.h"

#define BYTES_GRAIN 8192

enum { OUT, A, B, OPERANDS };

struct bytes_args;
/* Does n elements at these addresses; steps are 0 or 1. */
typedef void bytes_fn(const struct bytes_args *e, void *const *at, const int *step, size_t n);

struct bytes_args {
    struct view view[OPERANDS];
    int operands; /* with the result */
    struct nest nest;
    int64_t pieces; /* that the innermost axis is cut into */
    bytes_fn *run;
    const struct kernels *kernels;
    struct kernel_byte of[OPERANDS];
    struct kernel_rounding rounding;
    struct view scale, zero;        /* of the result, where a run tells them; scale.buffer NULL: `of` does */
    struct kernel_binary_q8 binary; /* but for the operands' places, */
    struct kernel_sum_q8 sum;       /* and the same by multiply-adds, if it `sums` so */
    bool sums, are_pixels;
    struct byte_table table; /* its bytes may be numbers */
};

/* Bytes of rows that are done together: short ones, of which an operand has one for all, or with gaps between. One
 * operand's are copied for less than they take only where they are shorter still. */
#define TOGETHER 512

/* How many rows of n elements are done at a time. */
static int64_t joined_rows(const struct bytes_args *e, const int *step, int64_t rows, int64_t n)
{
    if (rows < 2 || n >= TOGETHER / (e->operands == 2 ? 8 : 2))
        return 1;
    for (int k = 0; k < e->operands; k++)
        if (step[k] != 1 || view_element(&e->view[k]) != 1)
            return 1;
    return TOGETHER / n;
}

/* Rows are too short for a call of memcpy() each. */
static void copy_rows(uint8_t *to, ptrdiff_t to_step, const uint8_t *from, ptrdiff_t from_step, int64_t rows, int64_t n)
{
    for (; rows > 0; rows--, to += to_step, from += from_step) {
        int64_t i = 0;
        for (; n - i >= 16; i += 16)
            memcpy(to + i, from + i, 16);
        for (; n - i >= 4; i += 4)
            memcpy(to + i, from + i, 4);
        for (; i < n; i++)
            to[i] = from[i];
    }
}

/* Operands whose rows do not follow each other pass `dense`, where one that is the same for all is after the first. */
static void run_joined(const struct bytes_args *e, void *const *at, const int *step, const ptrdiff_t *next,
                       int64_t rows, int64_t n, bool first, uint8_t (*dense)[TOGETHER])
{
    void *to[OPERANDS];
    for (int k = 0; k < e->operands; k++) {
        to[k] = next[k] == n ? at[k] : dense[k];
        if (k != OUT && next[k] != n && (next[k] != 0 || first))
            copy_rows(dense[k], n, at[k], next[k], rows, n);
    }
    e->run(e, to, step, (size_t)(n * rows));
    if (next[OUT] != n)
        copy_rows(at[OUT], next[OUT], dense[OUT], n, rows, n);
}

/* Elements [first, last) of `rows` rows, which follow each other along the axis outside of the innermost. */
static void run_rows(const struct bytes_args *e, int64_t index, int64_t rows, int64_t first, int64_t last)
{
    ptrdiff_t offset[OPERANDS], next[OPERANDS];
    int inner = e->nest.rank - 1, step[OPERANDS];
    void *at[OPERANDS];
    nest_at(&e->nest, e->operands, index, offset);
    for (int k = 0; k < e->operands; k++) {
        ptrdiff_t size = (ptrdiff_t)view_element(&e->view[k]);
        offset[k] += first * e->nest.stride[k][inner];
        at[k] = (char *)view_data(&e->view[k]) + offset[k] * size;
        step[k] = (int)e->nest.stride[k][inner];
        next[k] = inner > 0 ? e->nest.stride[k][inner - 1] * size : 0;
    }
    uint8_t dense[OPERANDS][TOGETHER];
    int64_t n = last - first, most = joined_rows(e, step, rows, n), some;
    for (int64_t i = 0; i < rows; i += some) {
        some = rows - i < most ? rows - i : most;
        if (most > 1)
            run_joined(e, at, step, next, some, n, i == 0, dense);
        else
            e->run(e, at, step, (size_t)n);
        for (int k = 0; k < e->operands; k++)
            at[k] = (char *)at[k] + next[k] * some;
    }
}

static void run_bytes(const struct step *s, struct tile tile)
{
    const struct bytes_args *e = s->args;
    int inner = e->nest.rank - 1;
    int64_t n = e->nest.dims[inner], row = inner > 0 ? e->nest.dims[inner - 1] : 1, rows;
    for (int64_t i = tile.first; i < tile.last && e->pieces > 1; i++)
        run_rows(e, i / e->pieces, 1, plan_tile_first(n, e->pieces, i % e->pieces),
                 plan_tile_first(n, e->pieces, i % e->pieces + 1));
    for (int64_t i = tile.first; i < tile.last && e->pieces == 1; i += rows) {
        rows = row - i % row < tile.last - i ? row - i % row : tile.last - i;
        run_rows(e, i, rows, 0, n);
    }
}

static step_run run_pixels;

/* The same, once it is known what the result's scale and zero point are. */
static void run_by_run(const struct step *s, struct tile tile)
{
    struct bytes_args e = *(const struct bytes_args *)s->args;
    struct step known = *s;
    const void *zero = e.zero.buffer ? view_data(&e.zero) : NULL;
    struct kernel_byte *of = &e.of[OUT];
    known.args = &e;
    of->scale = *(const float *)view_data(&e.scale);
    of->zero = !zero ? 0 : of->is_signed ? *(const int8_t *)zero : *(const uint8_t *)zero;
    e.rounding = exec_quant_bounds(of);
    (e.are_pixels ? run_pixels : run_bytes)(&known, tile);
}

static void make_nest(struct bytes_args *e)
{
    const struct view *views[OPERANDS] = {&e->view[OUT], &e->view[A], &e->view[B]};
    int inner;
    nest_make(&e->nest, views, e->operands);
    inner = e->nest.rank - 1;
    for (int k = 0; k < e->operands && e->nest.dims[inner] == 1; k++)
        e->nest.stride[k][inner] = 1;
    int64_t n = e->nest.dims[inner];
    e->pieces = nest_outer(&e->nest) < 8 ? plan_tiles(n, BYTES_GRAIN, n) : 1;
}

static bool steps_fit(const struct bytes_args *e)
{
    int inner = e->nest.rank - 1;
    for (int k = 0; k < e->operands; k++)
        if (e->nest.stride[k][inner] != 1 && (e->nest.stride[k][inner] != 0 || k == OUT || e->operands == 2))
            return false;
    return true;
}

/* Operand k, input i, in the result's dims; laid out in `order` when it does not lie so that kernels can step. */
static int load_operand(struct plan *p, struct node *n, int i, bool dense, enum order order, struct view *view,
                        struct error *err)
{
    const struct type *out = &n->out[0]->type;
    view_broadcast(plan_in(n, i), out->rank, out->dims, view);
    return dense ? plan_copy(p, n, view, order, NULL, view, err) : 0;
}

/* Where one operand has a row for many of the other. 1: it has not. */
static int emit_by_column(struct plan *p, const struct node *n, const struct bytes_args *e, struct error *err)
{
    const struct view *out = &e->view[OUT], *a = &e->view[A], *b = &e->view[B];
    const struct kernel_binary_q8 swapped = exec_quant_swapped(&e->binary);
    int status = exec_quant_by_column(p, n, out, a, b, &e->binary, err);
    return status == 1 ? exec_quant_by_column(p, n, out, b, a, &swapped, err) : status;
}

static int emit(struct plan *p, struct node *n, const char *kernel, struct bytes_args *e, const int *input,
                struct error *err)
{
    enum order order = exec_lower_order(n);
    e->kernels = p->kernels;
    for (int k = A; k < e->operands; k++)
        if (load_operand(p, n, input[k], false, order, &e->view[k], err) < 0)
            return -1;
    if (plan_out(p, n, 0, order, &e->view[OUT], err) < 0)
        return -1;
    make_nest(e);
    for (int k = A; k < e->operands && !steps_fit(e); k++) {
        if (load_operand(p, n, input[k], true, order, &e->view[k], err) < 0)
            return -1;
        make_nest(e);
    }
    int64_t count = view_count(&e->view[OUT]), units = nest_outer(&e->nest) * e->pieces;
    int by_column = e->operands == 3 ? emit_by_column(p, n, e, err) : 1;
    if (by_column <= 0)
        return by_column;
    return count == 0 ? 0
                      : plan_step(p,
                                  &(struct step){.node = n,
                                                 .kernel = kernel,
                                                 .run = e->scale.buffer ? run_by_run : run_bytes,
                                                 .args = e,
                                                 .units = units,
                                                 .tiles = plan_tiles(count, BYTES_GRAIN, units)},
                                  err, PLAN_WRITES(&e->view[OUT], &e->view[A], &e->view[B], &e->scale, &e->zero));
}

static struct bytes_args *new_args(struct plan *p, int operands, bytes_fn *run, struct error *err)
{
    struct bytes_args *e = plan_alloc(p, sizeof *e, err);
    if (e)
        *e = (struct bytes_args){.operands = operands, .run = run};
    return e;
}

/* ---- the operators ---- */

static void quantize(const struct bytes_args *e, void *const *at, const int *step, size_t n)
{
    (void)step;
    e->kernels->quantize_8(at[OUT], at[A], n, e->of[OUT].scale, &e->rounding);
}

static void dequantize(const struct bytes_args *e, void *const *at, const int *step, size_t n)
{
    (void)step;
    e->kernels->dequantize_8(at[OUT], at[A], n, &e->of[A]);
}

/* Both halves of what fills the vectors of sum_rows_q8, side by side; returns how many elements were done. */
static size_t add_halves(const struct bytes_args *e, void *const *at, size_t n)
{
    size_t pair = 2 * (size_t)e->kernels->vector, half = n / 2 / pair * pair;
    const uint8_t *a = at[A], *b = at[B];
    uint8_t *out = at[OUT];
    const struct kernel_rows_q8 rows = {(void *const[]){out, out + half}, (const void *const[]){a, a + half},
                                        (const void *const[]){b, b + half}, 2};
    e->kernels->sum_rows_q8(&e->sum, &rows, half);
    return 2 * half;
}

static void combine(const struct bytes_args *e, void *const *at, const int *step, size_t n)
{
    struct kernel_binary_q8 b = e->binary;
    size_t done = e->sums && step[A] && step[B] ? add_halves(e, at, n) : 0;
    b.a = (const uint8_t *)at[A] + done;
    b.b = (const uint8_t *)at[B] + done;
    b.a_step = step[A];
    b.b_step = step[B];
    b.out = (uint8_t *)at[OUT] + done;
    b.n = n - done;
    e->kernels->binary_q8(&b);
}

static void look_up(const struct bytes_args *e, void *const *at, const int *step, size_t n)
{
    (void)step;
    byte_table_run(&e->table, e->kernels, at[OUT], at[A], n);
}

static void look_up_f32(const struct bytes_args *e, void *const *at, const int *step, size_t n)
{
    const uint8_t *in = at[A], turn = e->table.turn;
    const float *table = (const float *)(const void *)e->table.bytes;
    float *out = at[OUT];
    (void)step;
    for (size_t i = 0; i < n; i++)
        out[i] = table[in[i] ^ turn];
}

/* ---- an image's few planes to pixels ---- */

/* A row of every plane is rounded to scratch memory, and from there goes to its pixels. */
static void run_pixels(const struct step *s, struct tile tile)
{
    const struct bytes_args *e = s->args;
    const struct view *x = &e->view[A], *out = &e->view[OUT];
    int64_t height = x->dims[2], width = x->dims[3], channels = x->dims[1];
    uint8_t *row = tile.scratch;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t image = i / height, y = i % height;
        const float *from = (const float *)view_data(x) + image * x->stride[0] + y * x->stride[2];
        uint8_t *to = (uint8_t *)view_data(out) + image * out->stride[0] + y * out->stride[2];
        for (int64_t c = 0; c < channels; c++)
            e->kernels->quantize_8(row + c * width, from + c * x->stride[1], (size_t)width, e->of[OUT].scale,
                                   &e->rounding);
        if (out->stride[3] == channels)
            e->kernels->interleave_8(to, row, width, (size_t)channels, (size_t)width);
        for (int64_t k = 0; out->stride[3] != channels && k < width; k++)
            for (int64_t c = 0; c < channels; c++)
                to[k * out->stride[3] + c] = row[c * width + k];
    }
}

static bool feeds_convolution(const struct node *n)
{
    const struct value *v = n->out[0];
    for (size_t i = 0; i < v->use_count; i++)
        if (strcmp(v->uses[i].node->op, "QConv") == 0 || strcmp(v->uses[i].node->op, "ConvInteger") == 0)
            return true;
    return false;
}

static bool is_image(const struct node *n)
{
    const struct view *x = plan_in(n, 0);
    return x->rank == 4 && x->stride[3] == 1 && x->dims[1] > 1 && x->dims[1] <= KERNEL_PLANES_MAX &&
           x->dims[3] > KERNEL_PLANES_MAX && view_count(x) > 0 && feeds_convolution(n);
}

static int emit_pixels(struct plan *p, struct node *n, struct bytes_args *e, struct error *err)
{
    e->kernels = p->kernels;
    e->are_pixels = true;
    e->view[A] = *plan_in(n, 0);
    if (plan_out(p, n, 0, ORDER_CHANNELS, &e->view[OUT], err) < 0)
        return -1;
    int64_t rows = e->view[A].dims[0] * e->view[A].dims[2];
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "quantize_8",
                                    .run = e->scale.buffer ? run_by_run : run_pixels,
                                    .args = e,
                                    .units = rows,
                                    .tiles = plan_tiles(view_count(&e->view[A]), BYTES_GRAIN, rows),
                                    .scratch = (size_t)(e->view[A].dims[1] * e->view[A].dims[3])},
                     err, PLAN_WRITES(&e->view[OUT], &e->view[A], &e->scale, &e->zero));
}

static int emit_quantize(struct plan *p, struct node *n, struct bytes_args *e, struct error *err)
{
    return is_image(n) ? emit_pixels(p, n, e, err) : emit(p, n, "quantize_8", e, (const int[]){0, 0}, err);
}

int exec_quantize_by_run(struct plan *p, struct node *n, const struct view *scale, const struct view *zero,
                         struct error *err)
{
    struct bytes_args *e = new_args(p, 2, quantize, err);
    if (!e)
        return -1;
    e->of[OUT].is_signed = n->out[0]->type.dtype == DTYPE_I8;
    e->scale = *scale;
    if (zero)
        e->zero = *zero;
    return emit_quantize(p, n, e, err);
}

/* Whether QuantizeLinear has nothing but a scale and a zero point. */
static bool rounds_to_byte(const struct node *n)
{
    enum dtype type = n->out[0]->type.dtype;
    return !op_int(n, "precision") && !op_int(n, "block_size") && (type == DTYPE_U8 || type == DTYPE_I8);
}

static bool has_one(const struct node *n, int i)
{
    return !node_in(n, i) || view_count(plan_in(n, i)) == 1;
}

/* ---- rows of floats in other steps ---- */

/* Elements from which a row is worth calls of its own. */
#define ROW_LEAST 32

/* Whether a step from `first` on writes where a view lies: once the bytes were read for the last time, it may. */
static bool is_overwritten(const struct plan *p, size_t first, const struct view *v)
{
    for (const struct step *s = p->steps + first; s < p->steps + p->step_count; s++)
        for (int i = 0; i < s->access_count; i++)
            if (s->access[i].kind != ACCESS_READ && s->access[i].buffer == v->buffer)
                return true;
    return false;
}

bool exec_quant_read_rows(struct plan *p, const struct node *n, int axis, struct view *x, struct quant_rows *rows)
{
    const struct node *from = n->in[0]->producer;
    size_t at = p->step_count;
    if (!from || exec_quant_user(from) != n || n->in[0]->type.dims[axis] < ROW_LEAST)
        return false;
    while (at > 0 && p->steps[at - 1].node != from)
        at--;
    struct step *s = at > 0 ? &p->steps[at - 1] : NULL;
    if (!s || s->run != run_bytes)
        return false;
    const struct bytes_args *e = s->args;
    if (e->run != dequantize || e->view[A].stride[axis] != 1 || is_overwritten(p, at, &e->view[A]))
        return false;
    *x = e->view[A];
    rows->reads = true;
    rows->from = e->of[A];
    memmove(s, s + 1, sizeof *s * (p->step_count - at));
    p->step_count--;
    return true;
}

struct node *exec_quant_write_rows(struct node *n, int axis, struct quant_rows *rows)
{
    struct node *user = exec_quant_user(n);
    if (!user || n->out[0]->type.dims[axis] < ROW_LEAST || strcmp(user->op, "QuantizeLinear") != 0 ||
        !rounds_to_byte(user) || !exec_quant_byte(user, user->out[0], 1, &rows->to))
        return n;
    rows->writes = true;
    rows->rounding = exec_quant_bounds(&rows->to);
    plan_place(n->out[0])->is_inside = true;
    return user;
}

const float *quant_row(const struct quant_rows *rows, const struct kernels *k, const struct view *x, ptrdiff_t at,
                       size_t n, float *row)
{
    if (!rows->reads)
        return (const float *)view_data(x) + at;
    k->dequantize_8(row, (const uint8_t *)view_data(x) + at, n, &rows->from);
    return row;
}

float *quant_room(const struct quant_rows *rows, const struct view *out, ptrdiff_t at, float *row)
{
    return rows->writes ? row : (float *)view_data(out) + at;
}

void quant_store(const struct quant_rows *rows, const struct kernels *k, const struct view *out, ptrdiff_t at,
                 const float *row, size_t n)
{
    if (rows->writes)
        k->quantize_8((uint8_t *)view_data(out) + at, row, n, rows->to.scale, &rows->rounding);
}

int exec_lower_quantize(struct plan *p, struct node *n, struct error *err)
{
    struct bytes_args *e = new_args(p, 2, quantize, err);
    if (!e)
        return -1;
    if (!exec_lower_is_f32(n, 0) || !rounds_to_byte(n))
        return 1;
    if (!plan_is_constant(n, 1) || (node_in(n, 2) && !plan_is_constant(n, 2)))
        return exec_lower_is_f32(n, 1) && has_one(n, 1) && has_one(n, 2)
                   ? exec_quantize_by_run(p, n, plan_in(n, 1), node_in(n, 2) ? plan_in(n, 2) : NULL, err)
                   : 1;
    if (!exec_quant_byte(n, n->out[0], 1, &e->of[OUT]))
        return 1;
    e->rounding = exec_quant_bounds(&e->of[OUT]);
    return emit_quantize(p, n, e, err);
}

int exec_lower_dequantize(struct plan *p, struct node *n, struct error *err)
{
    struct bytes_args *e = new_args(p, 2, dequantize, err);
    if (!e || n->out[0]->type.dtype != DTYPE_F32 || op_int(n, "block_size") ||
        !exec_quant_byte(n, n->in[0], 1, &e->of[A]))
        return e ? 1 : -1;
    return emit(p, n, "dequantize_8", e, (const int[]){0, 0}, err);
}

int exec_lower_q_binary(struct plan *p, struct node *n, struct error *err)
{
    struct bytes_args *e = new_args(p, 3, combine, err);
    if (!e)
        return -1;
    if (!exec_quant_binary(n, &e->binary))
        return 1;
    e->sums = !e->binary.multiplies && exec_quant_sum(p->kernels, &e->binary, &e->sum);
    return emit(p, n, "binary_q8", e, (const int[]){0, 0, 3}, err);
}

/* Finds a line that gives all of a table's bytes, as those do that only change a scale. Each entry says between which
 * two numbers it must be moved; where an earlier one must go further up than a later one may, it is too steep. */
static bool find_line(const uint8_t *table, bool is_signed, struct kernel_line *line)
{
    const int turn = line->out_turn = is_signed ? 0x80 : 0;
    for (int low = 0, high = UINT16_MAX; low <= high;) {
        int factor = (low + high) / 2, least = -UINT16_MAX, most = UINT16_MAX, up = 0, down = 0;
        for (int i = 0; i < 256; i++) {
            int y = table[i] ^ turn, from = y * 256 - i * factor / 256, to = from + 255;
            if (y > 0 && from > least)
                least = from, up = i;
            if (y < UINT8_MAX && to < most)
                most = to, down = i;
        }
        line->factor = (uint16_t)factor;
        line->plus = (uint16_t)(least > 0 ? least : 0);
        line->minus = (uint16_t)(least < 0 ? -least : 0);
        if (least <= most)
            return true;
        if (up < down)
            high = factor - 1;
        else
            low = factor + 1;
    }
    return false;
}

bool exec_quant_table(const struct node *n, struct byte_table *table)
{
    const struct tensor *t = plan_is_constant(n, 1) ? n->in[1]->constant : NULL;
    if (!t || t->count != 256 || t->dtype == DTYPE_F32)
        return false;
    *table = (struct byte_table){.bytes = t->data, .turn = n->in[0]->type.dtype == DTYPE_I8 ? 0x80 : 0};
    table->line.in_turn = table->turn;
    table->is_line = find_line(table->bytes, n->out[0]->type.dtype == DTYPE_I8, &table->line);
    return true;
}

int exec_lower_q_table(struct plan *p, struct node *n, struct error *err)
{
    const struct tensor *table = plan_is_constant(n, 1) ? n->in[1]->constant : NULL;
    bool real = table && table->dtype == DTYPE_F32;
    struct bytes_args *e = new_args(p, 2, real ? look_up_f32 : look_up, err);
    if (!e)
        return -1;
    if (!table || table->count != 256)
        return 1;
    e->table = (struct byte_table){.bytes = table->data, .turn = n->in[0]->type.dtype == DTYPE_I8 ? 0x80 : 0};
    if (!real)
        exec_quant_table(n, &e->table);
    return emit(p, n, "table_8", e, (const int[]){0, 0}, err);
}
