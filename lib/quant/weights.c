#include "quant/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"

/* The weight at work: w[outer][channels][inner], with one scale for each channel where the scheme has scales. */
struct quant_job {
    struct graph *graph;
    struct node *before; /* where the nodes go that bring weights back: the graph's first, to begin with */
    const struct quant_scheme *scheme;
    struct value *value;
    const float *w;
    size_t outer, channels, inner;
    int axis;
    int64_t block;                 /* weights along the other axis of a matrix that share a scale; 0: all */
    struct tensor *stored, *scale; /* made by the scheme; scale may stay NULL */
    struct tensor *restored;       /* what comes back */
};

static int store_cast(struct quant_job *job, struct error *err)
{
    job->stored = tensor_cast(job->value->constant, job->scheme->dtype, false, err);
    job->restored = job->stored ? tensor_cast(job->stored, DTYPE_F32, false, err) : NULL;
    return job->restored ? 0 : -1;
}

static float channel_scale(const struct quant_job *job, size_t channel)
{
    float most = 0;
    for (size_t o = 0; o < job->outer; o++) {
        const float *w = job->w + (o * job->channels + channel) * job->inner;
        for (size_t i = 0; i < job->inner; i++)
            most = fmaxf(most, fabsf(w[i]));
    }
    return most / 127 >= 1e-30f ? most / 127 : 1; /* a channel of zeros: any scale will do */
}

static void round_channel(const struct quant_job *job, size_t channel, float scale)
{
    int8_t *stored = job->stored->data;
    float *restored = job->restored->data;
    for (size_t o = 0; o < job->outer; o++) {
        size_t first = (o * job->channels + channel) * job->inner;
        for (size_t i = first; i < first + job->inner; i++) {
            float q = fminf(127, fmaxf(-127, nearbyintf(job->w[i] / scale)));
            stored[i] = (int8_t)q;
            restored[i] = q * scale;
        }
    }
}

static int store_scaled(struct quant_job *job, struct error *err)
{
    const struct tensor *t = job->value->constant;
    int64_t channels = (int64_t)job->channels;
    job->stored = tensor_new(DTYPE_I8, t->rank, t->dims, err);
    job->restored = tensor_new(DTYPE_F32, t->rank, t->dims, err);
    job->scale = tensor_new(DTYPE_F32, 1, &channels, err);
    if (!job->stored || !job->restored || !job->scale)
        return -1;
    for (size_t c = 0; c < job->channels; c++) {
        float scale = channel_scale(job, c);
        ((float *)job->scale->data)[c] = scale;
        round_channel(job, c, scale);
    }
    return 0;
}

#define BLOCK 32

/* Weights first, first + step, … of a matrix, with the scale that lets -8 to 7 hold the largest. */
static float round_block(const struct quant_job *job, int64_t first, int64_t step, int64_t count)
{
    float least = 0, most = 0;
    for (int64_t i = 0; i < count; i++) {
        least = fminf(least, job->w[first + i * step]);
        most = fmaxf(most, job->w[first + i * step]);
    }
    float scale = fmaxf(most / 7, least / -8);
    scale = scale >= 1e-30f ? scale : 1;
    for (int64_t i = first, last = first + count * step; i < last; i += step) {
        float q = fminf(7, fmaxf(-8, nearbyintf(job->w[i] / scale)));
        tensor_set_i64(job->stored, i, (int64_t)q);
        ((float *)job->restored->data)[i] = q * scale;
    }
    return scale;
}

static int store_blocks(struct quant_job *job, struct error *err)
{
    const struct tensor *t = job->value->constant;
    if (t->rank != 2)
        return store_scaled(job, err);
    int along = !job->axis; /* the axis that outputs sum */
    int64_t depth = t->dims[along], dims[2], step = along ? 1 : t->dims[1];
    memcpy(dims, t->dims, sizeof dims);
    dims[along] = (depth + BLOCK - 1) / BLOCK;
    job->block = BLOCK;
    job->stored = tensor_new(DTYPE_I4, 2, t->dims, err);
    job->restored = tensor_new(DTYPE_F32, 2, t->dims, err);
    job->scale = tensor_new(DTYPE_F32, 2, dims, err);
    if (!job->stored || !job->restored || !job->scale)
        return -1;
    for (int64_t i = 0; i < dims[0]; i++)
        for (int64_t j = 0; j < dims[1]; j++) {
            int64_t at = (along ? j : i) * BLOCK, left = depth - at < BLOCK ? depth - at : BLOCK;
            int64_t first = along ? i * depth + at : at * dims[1] + j;
            ((float *)job->scale->data)[i * dims[1] + j] = round_block(job, first, step, left);
        }
    return 0;
}

static const struct quant_scheme schemes[] = {
#define SCHEME(name, dtype, store, what) {name, what, dtype, store},
#include "quant/quant.def"
#undef SCHEME
};

const struct quant_scheme *quant_schemes(size_t *count)
{
    *count = sizeof schemes / sizeof *schemes;
    return schemes;
}

const struct quant_scheme *quant_scheme_find(const char *name)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strcmp(schemes[i].name, name) == 0)
            return &schemes[i];
    return NULL;
}

/* ---- which constants, and along which axis their output channels lie ---- */

#define AXIS_GEMM 100 /* the axis depends on transB */

static const struct {
    const char *op;
    int input, axis; /* negative: from the end */
} layers[] = {
    {"Conv", 1, 0},    {"ConvTranspose", 1, 1}, {"Gemm", 1, AXIS_GEMM}, {"MatMul", 1, -1},
    {"MatMul", 0, -2}, {"LSTM", 1, 1},          {"LSTM", 2, 1},         {"GRU", 1, 1},
    {"GRU", 2, 1},     {"RNN", 1, 1},           {"RNN", 2, 1},          {"Gather", 0, 0},
};

static bool is_layer(const struct node *n, const char *op)
{
    return strcmp(n->op, op) == 0 && (!*n->domain || strcmp(n->domain, "nn") == 0);
}

/* The channel axis that this use of a weight wants; false when it is no weight there. */
static bool use_axis(const struct use *use, int rank, int *axis)
{
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
        if (layers[i].input != use->index || !is_layer(use->node, layers[i].op))
            continue;
        int a = layers[i].axis;
        if (a == AXIS_GEMM) {
            const struct attr *trans = node_attr(use->node, "transB");
            a = trans && trans->kind == ATTR_INT && trans->i ? 0 : 1;
        }
        *axis = a < 0 ? a + rank : a;
        return *axis >= 0 && *axis < rank;
    }
    return false;
}

static bool all_finite(const float *w, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += w[i] * 0; /* nan when w is not finite */
    return sum == 0;
}

static bool find_axis(const struct value *v, int *axis)
{
    for (size_t i = 0; i < v->use_count; i++)
        if (use_axis(&v->uses[i], v->constant->rank, axis))
            return true;
    return false;
}

static bool is_weight(const struct value *v, int *axis)
{
    const struct tensor *t = v ? v->constant : NULL;
    return t && t->dtype == DTYPE_F32 && t->count >= QUANT_LEAST && !v->is_input && !v->is_output &&
           find_axis(v, axis) && all_finite(t->data, t->count);
}

static void set_shape(struct quant_job *job)
{
    const struct tensor *t = job->value->constant;
    job->w = t->data;
    job->outer = job->inner = 1;
    for (int i = 0; i < job->axis; i++)
        job->outer *= (size_t)t->dims[i];
    for (int i = job->axis + 1; i < t->rank; i++)
        job->inner *= (size_t)t->dims[i];
    job->channels = (size_t)t->dims[job->axis];
}

/* ---- rewriting ---- */

static void measure(const struct quant_job *job, struct quant_change *change)
{
    const float *back = job->restored->data;
    size_t n = (size_t)job->restored->count;
    double sum = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)back[i] - job->w[i]);
        largest = d > largest ? d : largest;
        sum += d * d;
    }
    *change = (struct quant_change){.value = job->value,
                                    .largest = largest,
                                    .rms = sqrt(sum / (double)n),
                                    .elements = n,
                                    .before = n * sizeof(float),
                                    .after = job->stored->size + (job->scale ? job->scale->size : 0)};
}

static struct value *add_constant(struct value *of, const char *suffix, struct tensor **t, struct error *err)
{
    char name[512];
    struct tensor *given = *t;
    *t = NULL;
    snprintf(name, sizeof name, "%.400s.%s", of->name, suffix);
    return graph_add_constant(of->graph, graph_find_value(of->graph, name) ? NULL : name, given, err);
}

/* Puts the stored constant and its node in front of the value, which keeps its name and uses. */
static int rewrite(struct quant_job *job, struct error *err)
{
    struct value *v = job->value;
    bool scaled = job->scale != NULL;
    struct value *stored = add_constant(v, job->scheme->name, &job->stored, err);
    struct value *scale = stored && scaled ? add_constant(v, "scale", &job->scale, err) : NULL;
    struct node *n = stored && (scale || !scaled)
                         ? graph_add_node(v->graph, "", scaled ? "DequantizeLinear" : "Cast", job->before, err)
                         : NULL;
    if (!n || node_set_name(n, v->name, err) < 0 || node_add_input(n, stored, err) < 0)
        return -1;
    if (scaled ? node_add_input(n, scale, err) < 0 ||
                     node_set_int(n, "axis", job->block ? !job->axis : job->axis, err) < 0 ||
                     (job->block && node_set_int(n, "block_size", job->block, err) < 0)
               : node_set_int(n, "to", DTYPE_F32, err) < 0)
        return -1;
    tensor_unref(v->constant);
    v->constant = NULL;
    return node_add_output(n, v, err);
}

/* 1: done, 0: left as it was. */
static int store_one(struct quant_job *job, struct quant_change *change, struct error *err)
{
    set_shape(job);
    int status = job->scheme->store(job, err);
    if (status == 0 && all_finite(job->restored->data, job->restored->count)) {
        measure(job, change);
        status = rewrite(job, err) < 0 ? -1 : 1;
    }
    tensor_unref(job->stored);
    tensor_unref(job->scale);
    tensor_unref(job->restored);
    return status;
}

static int store_in(struct graph *g, const struct quant_scheme *scheme, struct quant_change **changes, size_t *count,
                    size_t *cap, struct error *err)
{
    struct node *before = g->first;
    size_t n = g->value_count; /* those added meanwhile are not weights */
    for (size_t i = 0; i < n; i++) {
        struct quant_job job = {.graph = g, .before = before, .scheme = scheme, .value = g->values[i]};
        if (!is_weight(job.value, &job.axis))
            continue;
        if (mem_grow(changes, cap, *count + 1, sizeof **changes, err) < 0)
            return -1;
        int done = store_one(&job, &(*changes)[*count], err);
        if (done < 0)
            return -1;
        *count += (size_t)done;
    }
    return 0;
}

/* ---- constants that were halves ---- */

/* The schemes that only cast. */
static const struct quant_scheme *scheme_of(enum dtype dtype)
{
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (schemes[i].dtype == dtype && schemes[i].store == store_cast)
            return &schemes[i];
    return NULL;
}

const struct quant_scheme *quant_stored_by(struct graph *g)
{
    for (struct graph *s = g; s; s = graph_next(g, s))
        for (const struct node *n = s->first; n; n = n->next) {
            const struct value *v = node_is(n, "Cast") ? node_in(n, 0) : NULL;
            const struct quant_scheme *scheme = v && v->constant ? scheme_of(v->constant->dtype) : NULL;
            if (scheme && v->constant->count >= QUANT_LEAST)
                return scheme;
        }
    return NULL;
}

static int store_exact(struct quant_job job, struct error *err)
{
    const struct tensor *t = job.value->constant;
    int status = job.scheme->store(&job, err);
    if (status == 0 && memcmp(job.restored->data, t->data, t->size) == 0)
        status = rewrite(&job, err);
    tensor_unref(job.stored);
    tensor_unref(job.restored);
    return status;
}

int quant_store_exact(struct graph *g, const struct quant_scheme *scheme, struct error *err)
{
    for (struct graph *s = g; s; s = graph_next(g, s)) {
        struct node *before = s->first;
        size_t n = s->value_count; /* those added meanwhile are the stored ones */
        for (size_t i = 0; i < n; i++) {
            struct value *v = s->values[i];
            if (v && v->constant && v->constant->dtype == DTYPE_F32 && v->constant->count >= QUANT_LEAST &&
                !v->is_input && !v->is_output &&
                store_exact((struct quant_job){.graph = s, .before = before, .scheme = scheme, .value = v}, err) < 0)
                return -1;
        }
    }
    op_resolve(g);
    return 0;
}

int quant_store_weights(struct graph *g, const struct quant_scheme *scheme, struct quant_change **changes,
                        size_t *count, struct error *err)
{
    struct quant_change *list = NULL;
    size_t n = 0, cap = 0;
    int status = 0;
    for (struct graph *s = g; s && status == 0; s = graph_next(g, s))
        status = store_in(s, scheme, &list, &n, &cap, err);
    op_resolve(g);
    if (status < 0) {
        free(list);
        return -1;
    }
    *changes = list;
    *count = n;
    return 0;
}
