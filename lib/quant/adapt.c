#include "quant/adapt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/build.h"
#include "op/conv.h"
#include "quant/calibrate.h"

#define PLACES 512 /* of one operand */
#define SEEN   4   /* times a block's side: the least number of places to go by */

/* Of what least squares make up for, the share that is. All of it is least noise at each place, but a result that is
 * smaller in the mean: and where places are summed later, as by pooling, noise goes and that does not. Half is three
 * quarters of the gain. */
#define SHARE 0.5

/* Of the mean of the diagonal, added to it: what was not seen is not trusted. All are tried. */
static const double dampings[] = {0.01, 0.1, 1};

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

static int make_sums(const struct quant_moments *m, struct quant_sums *sums, struct error *err)
{
    size_t groups = (size_t)m->groups, depth = (size_t)m->depth, results = (size_t)m->results;
    sums->means = mem_calloc(groups, depth * sizeof *sums->means, err);
    sums->errors = sums->means ? mem_calloc(groups, results * sizeof *sums->errors, err) : NULL;
    sums->cross = sums->errors ? mem_calloc(groups * results, depth * sizeof *sums->cross, err) : NULL;
    if (sums->cross)
        sums->square =
            mem_calloc(groups * (size_t)m->blocks, (size_t)(m->side * m->side) * sizeof *sums->square, err);
    return sums->square ? 0 : -1;
}

static void free_sums(struct quant_sums *sums)
{
    free(sums->means);
    free(sums->errors);
    free(sums->cross);
    free(sums->square);
}

int quant_moments_init(struct quant_moments *m, const struct quant_layer *l, struct error *err)
{
    *m = (struct quant_moments){.n = NULL};
    if (l->kind != QUANT_PRODUCT || strcmp(l->node->op, "ConvTranspose") == 0 || !describe(m, l->node))
        return 0;
    m->n = l->node;
    m->centred = quant_has_bias(l);
    m->results = l->node->in[1]->constant->count / m->depth / m->groups;
    m->blocks = (m->depth - 1) / QUANT_BLOCK + 1;
    m->side = m->depth < QUANT_BLOCK ? m->depth : QUANT_BLOCK;
    return make_sums(m, &m->used, err) == 0 ? make_sums(m, &m->held, err) : -1;
}

void quant_moments_release(struct quant_moments *m)
{
    free_sums(&m->used);
    free_sums(&m->held);
    *m = (struct quant_moments){.n = NULL};
}

/* ---- summing ---- */

static int64_t block_size(const struct quant_moments *m, int64_t block)
{
    int64_t left = m->depth - block * QUANT_BLOCK;
    return left < QUANT_BLOCK ? left : QUANT_BLOCK;
}

static float *block_square(const struct quant_moments *m, const struct quant_sums *sums, int64_t group, int64_t block)
{
    return sums->square + (group * m->blocks + block) * m->side * m->side;
}

/* What windows cover at some places of the output, in the order of the weights: rows[groups][places][depth]. */
static void gather(const struct quant_moments *m, const struct tensor *t, int64_t places, int64_t *offsets, float *rows)
{
    const struct window *w = &m->window;
    int64_t in_size = tensor_count(w->rank, w->in), out_size = tensor_count(w->rank, w->out);
    int64_t taps = tensor_count(w->rank, w->kernel), channels = m->depth / taps;
    for (int64_t p = 0; p < places; p++) {
        int64_t at[WINDOW_MAX], tap[WINDOW_MAX], number = p * out_size / places;
        const float *x = (const float *)t->data + p % t->dims[0] * t->dims[1] * in_size;
        for (int i = w->rank - 1; i >= 0; i--) {
            at[i] = number % w->out[i];
            number /= w->out[i];
        }
        for (int64_t k = 0; k < taps; k++) {
            conv_tap(w, k, tap);
            offsets[k] = window_offset(w, at, tap);
        }
        for (int64_t c = 0; c < t->dims[1]; c++) {
            float *row = rows + (c / channels * places + p) * m->depth + c % channels * taps;
            for (int64_t k = 0; k < taps; k++)
                row[k] = offsets[k] < 0 ? 0 : x[c * in_size + offsets[k]];
        }
    }
}

static int64_t places_of(const struct quant_moments *m, const struct tensor *x)
{
    int64_t all = is_conv(m->n) ? tensor_count(m->window.rank, m->window.out) : x->count / m->depth;
    return all < PLACES ? all : PLACES;
}

static struct tensor *rows_of(const struct quant_moments *m, const struct tensor *x, int64_t *offsets,
                              struct error *err)
{
    int64_t places = places_of(m, x);
    struct tensor *t = tensor_new(DTYPE_F32, 3, (int64_t[]){m->groups, places, m->depth}, err);
    if (t && is_conv(m->n))
        gather(m, x, places, offsets, t->data);
    for (int64_t p = 0; t && !is_conv(m->n) && p < places; p++)
        memcpy((float *)t->data + p * m->depth,
               (const float *)x->data + p * (x->count / m->depth) / places * m->depth,
               (size_t)m->depth * sizeof(float));
    return t;
}

int quant_moments_rows(struct quant_moments *m, const struct tensor *x, const struct tensor *real,
                       struct tensor *rows[2], struct error *err)
{
    rows[0] = rows[1] = NULL;
    if (!is_operand(m, x) || real->count != x->count || places_of(m, x) == 0)
        return 0;
    int64_t *offsets = mem_calloc((size_t)m->depth, sizeof *offsets, err);
    rows[0] = offsets ? rows_of(m, x, offsets, err) : NULL;
    rows[1] = rows[0] ? rows_of(m, real, offsets, err) : NULL;
    free(offsets);
    for (int64_t i = 0; rows[1] && i < rows[1]->count; i++)
        ((float *)rows[1]->data)[i] -= ((const float *)rows[0]->data)[i];
    return rows[1] ? 0 : -1;
}

/* Weights, [groups][depth][results]. */
static struct value *add_weights(struct build *b, const struct quant_moments *m)
{
    bool columns = !is_conv(m->n) && !is_turned(m->n);
    int64_t dims[] = {m->groups, columns ? m->depth : m->results, columns ? m->results : m->depth};
    struct value *w = build_constant(b, NULL, tensor_reshaped(m->n->in[1]->constant, 3, dims, b->err));
    return columns ? w : build_transpose(b, w, 3, (int64_t[]){0, 2, 1});
}

static void give_sum(struct build *b, struct value *rows)
{
    build_graph_output(b, build_int(b, BUILD(b, "ReduceSum", rows, BUILD_LIST(b, 1)), "keepdims", 0), NULL);
}

static void give_product(struct build *b, struct value *x, struct value *y)
{
    build_graph_output(b, BUILD(b, "MatMul", build_transpose(b, x, 3, (int64_t[]){0, 2, 1}), y), NULL);
}

struct graph *quant_moments_graph(const struct quant_moments *m, struct error *err)
{
    struct graph *g = graph_new(err);
    struct build b = {.graph = g, .err = err};
    int64_t places = g ? graph_symbol(g, "places", err) : 0, dims[] = {m->groups, places, m->depth};
    if (places == 0)
        return graph_if(false, g);
    struct value *x = build_input(&b, "x", DTYPE_F32, 3, dims), *off = build_input(&b, "off", DTYPE_F32, 3, dims);
    struct value *error = BUILD(&b, "MatMul", off, add_weights(&b, m));
    give_sum(&b, x);
    give_sum(&b, error);
    give_product(&b, error, x);
    for (int64_t k = 0; k < m->blocks; k++) {
        int64_t first = k * QUANT_BLOCK;
        struct value *part = m->blocks == 1 ? x : build_slice(&b, x, 2, first, first + block_size(m, k));
        give_product(&b, part, part);
    }
    return graph_if(build_graph_end(&b) == 0, g);
}

static void add(float *to, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += x[i];
}

void quant_moments_take(struct quant_moments *m, struct tensor *const *sums, int64_t places, bool held)
{
    struct quant_sums *to = held ? &m->held : &m->used;
    to->seen += places;
    add(to->means, sums[0]->data, sums[0]->count);
    add(to->errors, sums[1]->data, sums[1]->count);
    add(to->cross, sums[2]->data, sums[2]->count);
    for (int64_t b = 0; b < m->blocks; b++) {
        int64_t size = block_size(m, b);
        for (int64_t g = 0; g < m->groups; g++)
            for (int64_t i = 0; i < size; i++)
                add(block_square(m, to, g, b) + i * m->side,
                    (const float *)sums[3 + b]->data + (g * size + i) * size, size);
    }
}

/* ---- least squares ---- */

/* Weights of the results of a group are rows or columns: of result i at depth k, i * *along + k * *step from there. */
static const float *weights_of(const struct quant_moments *m, int64_t group, int64_t *along, int64_t *step)
{
    bool columns = !is_conv(m->n) && !is_turned(m->n);
    *along = columns ? 1 : m->depth;
    *step = columns ? m->results : 1;
    return (const float *)m->n->in[1]->constant->data + group * m->results * m->depth;
}

/* H of a block, h[n][n], the upper triangle. */
static void second_moments(const struct quant_moments *m, const struct quant_sums *sums, int64_t group, int64_t block,
                           double *h)
{
    const float *square = block_square(m, sums, group, block);
    const float *means = sums->means + group * m->depth + block * QUANT_BLOCK;
    double share = m->centred ? 1 / (double)sums->seen : 0;
    int64_t n = block_size(m, block);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = i; k < n; k++)
            h[i * n + k] = (double)square[i * m->side + k] - (double)means[i] * (double)means[k] * share;
}

/* The moments of a block with the error of a result, pull[n]. */
static void cross_moments(const struct quant_moments *m, const struct quant_sums *sums, int64_t result, int64_t block,
                          double *pull)
{
    int64_t n = block_size(m, block), at = block * QUANT_BLOCK;
    const float *cross = sums->cross + result * m->depth + at;
    const float *means = sums->means + result / m->results * m->depth + at;
    double error = m->centred ? (double)sums->errors[result] / (double)sums->seen : 0;
    for (int64_t k = 0; k < n; k++)
        pull[k] = (double)cross[k] - error * (double)means[k];
}

/* R, upper triangular, with H = R'R, in place of the upper triangle of h[n][n]. H is made positive definite. */
static void factor(double *h, int64_t n, double damping)
{
    double mean = 0;
    for (int64_t i = 0; i < n; i++)
        mean += h[i * n + i] / (double)n;
    for (int64_t j = 0; j < n; j++)
        h[j * n + j] += damping * mean + 1e-30;
    for (int64_t j = 0; j < n; j++) {
        double *row = h + j * n, root = sqrt(fmax(row[j], 1e-30));
        for (int64_t i = j; i < n; i++)
            row[i] /= root;
        for (int64_t i = j + 1; i < n; i++)
            for (int64_t k = i; k < n; k++)
                h[i * n + k] -= row[i] * row[k];
    }
}

/* The weights of one result in one block. Of those off by d the cost is d' H d + 2 d' pull. */
struct line {
    const double *r;     /* [n][n] H = R'R of the samples to go by */
    const double *judge; /* [n][n] H of those to judge by */
    const float *w;
    int8_t *rounded;
    int64_t n, step; /* of w and rounded */
    double scale, share;
    double *off;  /* [n] what each is off */
    double *want; /* [n] what each should be off; before that the pull of the samples to go by */
    double *pull; /* [n] of those to judge by */
};

static double clamp(double q)
{
    return fmin(127, fmax(-127, nearbyint(q)));
}

/* Half of what `off` costs. */
static double cost(const struct line *l)
{
    double sum = 0;
    for (int64_t j = 0; j < l->n; j++) {
        double x = l->pull[j] + l->judge[j * l->n + j] * l->off[j] / 2;
        for (int64_t k = j + 1; k < l->n; k++)
            x += l->judge[j * l->n + k] * l->off[k];
        sum += x * l->off[j];
    }
    return sum;
}

/* want = -share H^-1 want */
static void solve(const struct line *l)
{
    double *x = l->want;
    for (int64_t j = 0; j < l->n; j++) {
        x[j] /= l->r[j * l->n + j];
        for (int64_t k = j + 1; k < l->n; k++)
            x[k] -= l->r[j * l->n + k] * x[j];
    }
    for (int64_t j = l->n - 1; j >= 0; j--) {
        for (int64_t k = j + 1; k < l->n; k++)
            x[j] -= l->r[j * l->n + k] * x[k];
        x[j] /= l->r[j * l->n + j];
    }
    for (int64_t j = 0; j < l->n; j++)
        x[j] *= -l->share;
}

/* From the last on, each is rounded where it makes up best for those that are (Babai's nearest plane, which is what
 * GPTQ does, too). Kept when that is better than what there was. */
static void round_line(const struct line *l)
{
    for (int64_t j = 0; j < l->n; j++)
        l->off[j] = (double)l->w[j * l->step] - l->scale * l->rounded[j * l->step];
    double before = cost(l);
    solve(l);
    for (int64_t j = l->n - 1; j >= 0; j--) {
        const double *row = l->r + j * l->n;
        double sum = 0, w = (double)l->w[j * l->step];
        for (int64_t k = j + 1; k < l->n; k++)
            sum += row[k] * (l->off[k] - l->want[k]);
        l->off[j] = w - l->scale * clamp((w - l->want[j] + sum / row[j]) / l->scale);
    }
    if (cost(l) >= before)
        return;
    for (int64_t j = 0; j < l->n; j++)
        l->rounded[j * l->step] = (int8_t)clamp(((double)l->w[j * l->step] - l->off[j]) / l->scale);
}

#define ROOM (2 * QUANT_BLOCK * QUANT_BLOCK + 3 * QUANT_BLOCK)

/* One block of one group, for all its results. room[ROOM] */
static void round_block(const struct quant_moments *m, struct quant_weights *w, int64_t group, int64_t block,
                        double damping, double *room)
{
    int64_t n = block_size(m, block), along, step;
    const float *real = weights_of(m, group, &along, &step), *scales = w->scale->data;
    const struct quant_sums *by = m->held.seen ? &m->held : &m->used;
    double *judge = room + n * n, *more = judge + n * n;
    second_moments(m, &m->used, group, block, room);
    second_moments(m, by, group, block, judge);
    factor(room, n, damping);
    for (int64_t i = 0; i < m->results; i++) {
        int64_t result = group * m->results + i, at = i * along + block * QUANT_BLOCK * step;
        struct line l = {.r = room,
                         .judge = judge,
                         .w = real + at,
                         .rounded = (int8_t *)w->rounded->data + group * m->results * m->depth + at,
                         .n = n,
                         .step = step,
                         .scale = (double)scales[w->scale->count == 1 ? 0 : result],
                         .share = SHARE / (double)m->blocks,
                         .off = more,
                         .want = more + n,
                         .pull = more + 2 * n};
        cross_moments(m, &m->used, result, block, l.want);
        cross_moments(m, by, result, block, l.pull);
        round_line(&l);
    }
}

/* What is added to the bias so that the mean of a result is right. */
static int find_shift(const struct quant_moments *m, struct quant_weights *w, struct error *err)
{
    int64_t along, step, all = m->groups * m->results;
    double seen = (double)(m->used.seen + m->held.seen);
    if (!w->shift && !(w->shift = mem_calloc((size_t)all, sizeof *w->shift, err)))
        return -1;
    for (int64_t i = 0; i < all; i++) {
        int64_t group = i / m->results, first = group * m->results * m->depth;
        const float *real = weights_of(m, group, &along, &step);
        double sum = (double)m->used.errors[i] + (double)m->held.errors[i];
        double scale = (double)((const float *)w->scale->data)[w->scale->count == 1 ? 0 : i];
        for (int64_t k = 0; k < m->depth; k++) {
            int64_t at = i % m->results * along + k * step, x = group * m->depth + k;
            double off = (double)real[at] - scale * ((const int8_t *)w->rounded->data)[first + at];
            sum += off * ((double)m->used.means[x] + (double)m->held.means[x]);
        }
        w->shift[i] = sum / seen;
    }
    return 0;
}

int quant_moments_round(const struct quant_moments *m, struct quant_weights *w, struct error *err)
{
    if (!m->n || m->used.seen < SEEN * m->side)
        return 0;
    double *room = mem_calloc(ROOM, sizeof *room, err);
    for (int64_t g = 0; room && g < m->groups; g++)
        for (int64_t b = 0; b < m->blocks; b++)
            for (size_t i = 0; i < sizeof dampings / sizeof *dampings; i++)
                round_block(m, w, g, b, dampings[i], room);
    free(room);
    return !room ? -1 : m->centred ? find_shift(m, w, err) : 0;
}
