#include "quant/adapt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/conv.h"

#define PLACES  128  /* of one operand */
#define SEEN    4    /* times a block's side: the least number of places to go by */
#define DAMPING 0.01 /* of the mean of the diagonal, added to it: what was not seen is not trusted */

static bool is_conv(const struct node *n)
{
    return strcmp(n->op, "Conv") == 0;
}

static bool is_turned(const struct node *n)
{
    return strcmp(n->op, "Gemm") == 0 && op_int(n, "transB");
}

/* ---- what there is to sum ---- */

static bool describe(struct quant_moments *m, const struct node *n)
{
    const struct tensor *w = n->in[1]->constant;
    if (w->count == 0)
        return false;
    m->groups = is_conv(n) ? op_int(n, "group") : 1;
    m->depth = is_conv(n) ? w->count / w->dims[0] : w->dims[is_turned(n) ? 1 : 0];
    return m->groups > 0 && (is_conv(n) || w->rank == 2);
}

/* Whether an operand is one of the layer's; its window is that for the operand's sizes, which may differ each time. */
static bool is_operand(struct quant_moments *m, const struct tensor *x)
{
    struct error ignored;
    const struct tensor *w = m->n->in[1]->constant;
    if (x->count == 0)
        return false;
    if (!is_conv(m->n))
        return x->rank > 0 && x->dims[x->rank - 1] == m->depth;
    return x->rank == w->rank && x->dims[1] == w->dims[1] * m->groups &&
           window_read(&m->window, m->n, x->rank - 2, w->dims + 2, &ignored) == 0 &&
           window_resolve(&m->window, x->dims + 2, &ignored) == 0;
}

int quant_moments_init(struct quant_moments *m, const struct quant_layer *l, struct error *err)
{
    *m = (struct quant_moments){.n = NULL};
    if (l->kind != QUANT_PRODUCT || strcmp(l->node->op, "ConvTranspose") == 0 || !describe(m, l->node))
        return 0;
    m->n = l->node;
    m->blocks = (m->depth - 1) / QUANT_BLOCK + 1;
    m->row = mem_calloc((size_t)m->depth, sizeof *m->row, err);
    m->side = m->depth < QUANT_BLOCK ? m->depth : QUANT_BLOCK;
    if (!m->row)
        return -1;
    m->sums = mem_calloc((size_t)(m->groups * m->blocks), (size_t)(m->side * m->side) * sizeof *m->sums, err);
    return m->sums ? 0 : -1;
}

void quant_moments_release(struct quant_moments *m)
{
    free(m->sums);
    free(m->row);
    *m = (struct quant_moments){.n = NULL};
}

/* ---- summing ---- */

static int64_t block_size(const struct quant_moments *m, int64_t block)
{
    int64_t left = m->depth - block * QUANT_BLOCK;
    return left < QUANT_BLOCK ? left : QUANT_BLOCK;
}

static float *block_sums(const struct quant_moments *m, int64_t group, int64_t block)
{
    return m->sums + (group * m->blocks + block) * m->side * m->side;
}

static void add_row(struct quant_moments *m, int64_t group)
{
    for (int64_t b = 0; b < m->blocks; b++) {
        int64_t size = block_size(m, b);
        const float *row = m->row + b * QUANT_BLOCK;
        float *sums = block_sums(m, group, b);
        for (int64_t i = 0; i < size; i++) {
            float x = row[i];
            for (int64_t k = i; k < size && x != 0; k++)
                sums[i * m->side + k] += x * row[k];
        }
    }
}

/* What the window at a place of the output covers, in the order of the weights. */
static void gather(struct quant_moments *m, const float *x, int64_t group, const int64_t *at, int64_t in_size,
                   int64_t taps)
{
    int64_t channels = m->depth / taps;
    for (int64_t t = 0; t < taps; t++) {
        int64_t tap[WINDOW_MAX];
        conv_tap(&m->window, t, tap);
        int64_t offset = window_offset(&m->window, at, tap);
        for (int64_t c = 0; c < channels; c++)
            m->row[c * taps + t] = offset < 0 ? 0 : x[(group * channels + c) * in_size + offset];
    }
}

static void add_windows(struct quant_moments *m, const struct tensor *t)
{
    const struct window *w = &m->window;
    int64_t in_size = tensor_count(w->rank, w->in), out_size = tensor_count(w->rank, w->out);
    int64_t taps = tensor_count(w->rank, w->kernel), channels = t->dims[1];
    int64_t places = out_size < PLACES ? out_size : PLACES;
    m->seen += places;
    for (int64_t p = 0; p < places; p++) {
        int64_t at[WINDOW_MAX], number = p * out_size / places;
        for (int i = w->rank - 1; i >= 0; i--) {
            at[i] = number % w->out[i];
            number /= w->out[i];
        }
        const float *x = (const float *)t->data + p % t->dims[0] * channels * in_size;
        for (int64_t g = 0; g < m->groups; g++) {
            gather(m, x, g, at, in_size, taps);
            add_row(m, g);
        }
    }
}

void quant_moments_add(struct quant_moments *m, const struct tensor *x)
{
    if (!m->n || !is_operand(m, x))
        return;
    if (is_conv(m->n)) {
        add_windows(m, x);
        return;
    }
    int64_t rows = x->count / m->depth, places = rows < PLACES ? rows : PLACES;
    m->seen += places;
    for (int64_t p = 0; p < places; p++) {
        memcpy(m->row, (const float *)x->data + p * rows / places * m->depth, (size_t)m->depth * sizeof *m->row);
        add_row(m, 0);
    }
}

/* ---- least squares ---- */

/* R, upper triangular, with H = R'R, in place of the upper triangle of h[n][n]. H is made positive definite. */
static void factor(double *h, int64_t n)
{
    double mean = 0;
    for (int64_t i = 0; i < n; i++)
        mean += h[i * n + i] / (double)n;
    for (int64_t j = 0; j < n; j++)
        h[j * n + j] += DAMPING * mean + 1e-30;
    for (int64_t j = 0; j < n; j++) {
        double *row = h + j * n, root = sqrt(fmax(row[j], 1e-30));
        for (int64_t i = j; i < n; i++)
            row[i] /= root;
        for (int64_t i = j + 1; i < n; i++)
            for (int64_t k = i; k < n; k++)
                h[i * n + k] -= row[i] * row[k];
    }
}

/* The weights of one result in one block. */
struct line {
    const double *r; /* [n][n] */
    const float *w;
    int8_t *rounded;
    int64_t n, step; /* of w and rounded */
    double scale;
    double *off; /* [n] what each is off */
};

static double clamp(double q)
{
    return fmin(127, fmax(-127, nearbyint(q)));
}

/* |R (w - q)|^2 of what `off` says. */
static double cost(const struct line *l)
{
    double sum = 0;
    for (int64_t j = 0; j < l->n; j++) {
        double x = 0;
        for (int64_t k = j; k < l->n; k++)
            x += l->r[j * l->n + k] * l->off[k];
        sum += x * x;
    }
    return sum;
}

/* From the last on, each is rounded where it makes up best for those that are (Babai's nearest plane, which is what
 * GPTQ does, too). Kept when that is better than rounding each to the nearest. */
static void round_line(const struct line *l)
{
    for (int64_t j = 0; j < l->n; j++)
        l->off[j] = (double)l->w[j * l->step] - l->scale * l->rounded[j * l->step];
    double before = cost(l);
    for (int64_t j = l->n - 1; j >= 0; j--) {
        const double *row = l->r + j * l->n;
        double sum = 0, w = (double)l->w[j * l->step];
        for (int64_t k = j + 1; k < l->n; k++)
            sum += row[k] * l->off[k];
        l->off[j] = w - l->scale * clamp((w + sum / row[j]) / l->scale);
    }
    if (cost(l) >= before)
        return;
    for (int64_t j = 0; j < l->n; j++)
        l->rounded[j * l->step] = (int8_t)clamp(((double)l->w[j * l->step] - l->off[j]) / l->scale);
}

/* One block of one group, for all its results. room[QUANT_BLOCK * QUANT_BLOCK + QUANT_BLOCK] */
static void round_block(const struct quant_moments *m, struct quant_weights *w, int64_t group, int64_t block,
                        double *room)
{
    const struct tensor *real = m->n->in[1]->constant;
    int64_t n = block_size(m, block), results = real->count / m->depth / m->groups;
    bool columns = !is_conv(m->n) && !is_turned(m->n);
    const float *sums = block_sums(m, group, block), *scales = w->scale->data;
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            room[i * n + k] = k < i ? 0 : (double)sums[i * m->side + k];
    factor(room, n);
    for (int64_t i = 0; i < results; i++) {
        int64_t result = group * results + i, at = block * QUANT_BLOCK;
        int64_t first = columns ? at * results + result : result * m->depth + at;
        struct line l = {room,
                         (const float *)real->data + first,
                         (int8_t *)w->rounded->data + first,
                         n,
                         columns ? results : 1,
                         (double)scales[w->scale->count == 1 ? 0 : result],
                         room + QUANT_BLOCK * QUANT_BLOCK};
        round_line(&l);
    }
}

int quant_moments_round(const struct quant_moments *m, struct quant_weights *w, struct error *err)
{
    bool adapts = m->n && m->seen >= SEEN * m->side;
    double *room = adapts ? mem_calloc(QUANT_BLOCK * QUANT_BLOCK + QUANT_BLOCK, sizeof *room, err) : NULL;
    for (int64_t g = 0; room && g < m->groups; g++)
        for (int64_t b = 0; b < m->blocks; b++)
            round_block(m, w, g, b, room);
    free(room);
    return adapts && !room ? -1 : 0;
}
