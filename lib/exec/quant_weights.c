#include "exec/lower_quant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* Weights are read a block of columns and rows at a time. What 16 bits have to hold is 255 for each row. */
enum { COLUMNS = 32, ROWS = 64 };

struct block {
    uint8_t byte[COLUMNS][ROWS];
};

enum { SIDE = 16 };
typedef uint8_t row_bytes __attribute__((vector_size(SIDE)));

/* A square of bytes on its side: interleaved four times, the upper half's rows with the lower half's. */
static void turn(const uint8_t *from, const int64_t *at, uint8_t (*to)[ROWS])
{
    row_bytes x[SIDE], y[SIDE];
    for (int i = 0; i < SIDE; i++)
        memcpy(&x[i], from + at[i], SIDE);
    for (int times = 0; times < 4; times++) {
        for (int i = 0; i < SIDE / 2; i++) {
            row_bytes a = x[i], b = x[i + SIDE / 2];
            y[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            y[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        memcpy(x, y, sizeof x);
    }
    for (int i = 0; i < SIDE; i++)
        memcpy(to[i], &x[i], SIDE);
}

/* A whole block of columns that lie side by side. */
static void turn_block(const uint8_t *from, const int64_t *at, struct block *b)
{
    for (int i = 0; i < ROWS; i += SIDE)
        for (int j = 0; j < COLUMNS; j += SIDE)
            turn(from + j, at + i, (uint8_t (*)[ROWS])&b->byte[j][i]);
}

/* Whether the rows of a column lie side by side. */
static bool is_run(const int64_t *at, int rows)
{
    int i = 0;
    while (i < rows && at[i] == at[0] + i)
        i++;
    return i == rows;
}

/* Columns first + [0, columns), rows [row, row + rows), and behind these the columns' zero points. */
static void read_block(const struct quant_weights *w, const uint8_t *stored, int64_t first, int columns, int64_t row,
                       int rows, struct block *b)
{
    const int64_t *at = w->at + row;
    stored += first * w->column_step;
    if (w->column_step == 1 && columns == COLUMNS && rows == ROWS) {
        turn_block(stored, at, b);
        return;
    }
    bool run = is_run(at, rows);
    for (int j = 0; j < columns; j++) {
        for (int i = 0; i < rows && !run; i++)
            b->byte[j][i] = stored[j * w->column_step + at[i]];
        if (run)
            memcpy(b->byte[j], stored + j * w->column_step + at[0], (size_t)rows);
        memset(b->byte[j] + rows, w->zero[first + j], (size_t)(ROWS - rows));
    }
}

/* Of a column's weights. */
struct totals {
    int64_t size, total; /* size: of their magnitudes */
    int least, most;
};

/* A weight less its zero point. */
static inline int16_t number(uint8_t byte, bool is_signed, int zero)
{
    int16_t flip = is_signed ? 128 : 0, offset = (int16_t)(zero + flip);
    return (int16_t)((int16_t)(byte ^ flip) - offset);
}

/* gcc makes vectors of loops of a known length. */
static void add_rows(const uint8_t *from, bool is_signed, int zero, struct totals *t)
{
    int16_t size = 0, total = 0, least = 0, most = 0;
    for (int i = 0; i < ROWS; i++) {
        int16_t x = number(from[i], is_signed, zero), negative = (int16_t)-x;
        int16_t magnitude = x > negative ? x : negative;
        total = (int16_t)(total + x);
        size = (int16_t)(size + magnitude);
        least = x < least ? x : least;
        most = x > most ? x : most;
    }
    t->size += size;
    t->total += total;
    t->least = least < t->least ? least : t->least;
    t->most = most > t->most ? most : t->most;
}

static void add_block(const struct quant_weights *w, const uint8_t *stored, int64_t first, int64_t row,
                      struct totals *t)
{
    struct block b;
    int columns = (int)(w->columns - first < COLUMNS ? w->columns - first : COLUMNS);
    int rows = (int)(w->depth - row < ROWS ? w->depth - row : ROWS);
    read_block(w, stored, first, columns, row, rows, &b);
    for (int j = 0; j < columns; j++)
        add_rows(b.byte[j], w->is_signed, w->zero[first + j], &t[first + j]);
}

/* In the order in which they lie: columns side by side have each row a page from the next. */
static void add_columns(const struct quant_weights *w, const uint8_t *stored, struct totals *t)
{
    int64_t inner = w->column_step == 1 ? w->columns : COLUMNS;
    for (int64_t first = 0; first < w->columns; first += inner)
        for (int64_t row = 0; row < w->depth; row += ROWS)
            for (int64_t i = first; i < first + inner && i < w->columns; i += COLUMNS)
                add_block(w, stored, i, row, t);
}

/* Runs of s8 that numbers between these add up of: 255 is 127 twice and 1. */
static int count_runs(int least, int most)
{
    return least >= INT8_MIN && most <= INT8_MAX ? 1 : most <= 2 * INT8_MAX ? 2 : QUANT_RUNS_MAX;
}

/* What a column's totals mean for all; false when sums of its products with x might not fit. */
static bool count_column(struct quant_weights *w, const struct totals *t)
{
    int runs = count_runs(t->least, t->most);
    int64_t reach = (t->size + (t->total < 0 ? -t->total : t->total)) / 2 * 255;
    w->runs = runs > w->runs ? runs : w->runs;
    w->most = reach > w->most ? reach : w->most;
    return t->size * 255 <= INT32_MAX;
}

/* The same of 16 bits. */
static void add_wide(const struct quant_weights *w, const int16_t *stored, struct totals *t)
{
    for (int64_t i = 0; i < w->columns * w->depth; i++) {
        t[i / w->depth].size += abs(stored[i]);
        t[i / w->depth].total += stored[i];
    }
}

/* sum[i] and reach[i] of column i: 0, 1 when a sum of products might not fit, -1 failed. */
static int sum_columns(struct quant_weights *w, const struct node *n, int32_t *sum, int32_t *reach, struct error *err)
{
    struct totals *t = mem_calloc((size_t)w->columns, sizeof *t, err);
    bool fit = true;
    if (!t)
        return -1;
    const void *stored = n->in[w->input]->constant->data;
    if (w->is_wide)
        add_wide(w, stored, t);
    else
        add_columns(w, stored, t);
    for (int64_t i = 0; i < w->columns && fit; i++) {
        fit = count_column(w, &t[i]);
        sum[i] = (int32_t)t[i].total;
        reach[i] = (int32_t)(t[i].size * 255);
    }
    free(t);
    return fit ? 0 : 1;
}

/* Parameters that there may be one of, or one for each column; and the bias. */
static bool has_params(const struct node *n, const struct quant_weights *w)
{
    const struct tensor *bias = node_in(n, w->bias_input) ? n->in[w->bias_input]->constant : NULL;
    return (w->zero || exec_quant_is_param(n, w->zero_input, w->columns)) &&
           (!node_in(n, w->bias_input) || (bias && (bias->dtype == DTYPE_I32 || bias->dtype == DTYPE_F32) &&
                                           bias->rank == 1 && bias->count == w->columns));
}

int exec_quant_weights(struct plan *p, const struct node *n, struct quant_weights *w, struct error *err)
{
    if (!plan_is_constant(n, w->input) || !has_params(n, w))
        return 1;
    int *zero = plan_alloc(p, sizeof *zero * (size_t)w->columns, err);
    int32_t *sum = plan_alloc(p, sizeof *sum * 2 * (size_t)w->columns, err);
    if (!zero || !sum)
        return -1;
    w->is_wide = n->in[w->input]->constant->dtype == DTYPE_I16;
    for (int64_t i = 0; i < w->columns; i++) {
        zero[i] = w->zero ? w->zero[i] : (int)exec_quant_param(n, w->zero_input, i);
        if (w->is_wide && zero[i])
            return 1;
    }
    w->zero = zero;
    w->sum = sum;
    w->reach = sum + w->columns;
    w->is_signed = n->in[w->input]->constant->dtype == DTYPE_I8;
    w->runs = 1;
    w->most = 0;
    return sum_columns(w, n, sum, sum + w->columns, err);
}

/* What of *x one run takes, which the others add up to then. */
static int8_t take_part(int16_t *x)
{
    int16_t part = *x < INT8_MIN ? INT8_MIN : *x > INT8_MAX ? INT8_MAX : *x;
    *x = (int16_t)(*x - part);
    return (int8_t)part;
}

/* Of a column, in runs. */
static void take_rows(const struct quant_weights *w, const uint8_t *from, int rows, int zero, int8_t *to)
{
    int16_t x[ROWS];
    int8_t part[ROWS];
    for (int i = 0; i < ROWS; i++)
        x[i] = number(from[i], w->is_signed, zero);
    for (int runs = w->runs; runs > 0; runs--, to += w->depth) {
        for (int i = 0; i < ROWS; i++)
            part[i] = take_part(&x[i]);
        memcpy(to, part, (size_t)rows);
    }
}

static void take_columns(const struct quant_weights *w, const uint8_t *stored, int64_t first, int columns, int8_t *to)
{
    struct block b;
    for (int64_t row = 0; row < w->depth; row += ROWS) {
        int rows = (int)(w->depth - row < ROWS ? w->depth - row : ROWS);
        read_block(w, stored, first, columns, row, rows, &b);
        for (int j = 0; j < columns; j++)
            take_rows(w, b.byte[j], rows, w->zero[first + j], to + j * w->depth * w->runs + row);
    }
}

void exec_quant_take(const struct quant_weights *w, const void *stored, int64_t first, int64_t last, int8_t *to)
{
    for (; first < last; first += COLUMNS, to += COLUMNS * w->depth * w->runs)
        take_columns(w, stored, first, (int)(last - first < COLUMNS ? last - first : COLUMNS), to);
}

/* What distinguishes weights of the same bytes: type, zero points, and which they are. */
int64_t exec_quant_key(const struct node *n, const struct quant_weights *w)
{
    const struct tensor *zero = node_in(n, w->zero_input) ? n->in[w->zero_input]->constant : NULL;
    uint64_t key = zero ? hash_bytes(zero->data, zero->size) : 0;
    key = key * 31 + hash_bytes(w->at, sizeof *w->at * (size_t)w->depth);
    return (int64_t)(key * 2 + w->is_signed);
}
