/* Networks of random weights, and their calibration as who runs graphs would make it. */
#ifndef QUANT_NETWORKS_H
#define QUANT_NETWORKS_H

#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "op/build.h"
#include "quant/calibrate.h"

static uint64_t seed = 11;

static inline struct tensor *random_tensor(int rank, const int64_t *dims, double scale)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, scale * hash_normal(&seed));
    return t;
}

#define ROUNDS 32 /* networks of random weights that a bound is the mean of: one alone may be lucky */

#define WEIGHTS(b, scale, ...)                                                                                         \
    build_constant(                                                                                                    \
        b, NULL,                                                                                                       \
        random_tensor((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__}, scale))

/* Each makes y of x, f32 1x4x8x8. */
typedef struct value *network_fn(struct build *b, struct value *x);

static inline struct graph *make(network_fn *network, struct error *err)
{
    struct graph *g = graph_new(err);
    struct build b = {.graph = g, .err = err};
    struct value *x = build_input(&b, "x", DTYPE_F32, 4, (int64_t[]){1, 4, 8, 8});
    build_graph_output(&b, network(&b, x), "y");
    CHECK_MSG(build_graph_end(&b) == 0, "%s", err->text);
    op_resolve(g);
    CHECK_MSG(op_infer_graph(g, err) == 0, "%s", err->text);
    return g;
}

static inline struct tensor **run_all(const struct graph *g, struct tensor *const *x, struct error *err)
{
    struct item *in[2] = {NULL};
    struct item **out = calloc(g->output_count, sizeof *out);
    struct tensor **t = calloc(g->output_count, sizeof *t);
    for (size_t i = 0; i < g->input_count; i++)
        in[i] = item_of_tensor(tensor_ref(x[i]), err);
    CHECK_MSG(op_run(g, in, out, 1 << 24, 0, err) == 0, "%s", err->text);
    for (size_t i = 0; i < g->output_count; i++) {
        t[i] = out[i] ? tensor_ref(out[i]->tensor) : NULL;
        item_unref(out[i]);
    }
    for (size_t i = 0; i < g->input_count; i++)
        item_unref(in[i]);
    free(out);
    return t;
}

static inline struct tensor **run(const struct graph *g, struct tensor *x, struct error *err)
{
    return run_all(g, &x, err);
}

static inline void drop(struct tensor **t, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tensor_unref(t[i]);
    free(t);
}

/* Both passes of data, as who runs graphs would make them. */
static inline void observe(struct quant_calibration *c, struct tensor *const *samples, int count, struct error *err)
{
    struct graph *watch = quant_watch_channels(c->g, c->channelled, c->channelled_count, err);
    CHECK_MSG(watch && op_infer_graph(watch, err) == 0, "%s", err->text);
    for (int i = 0; i < count; i++) {
        struct tensor **out = run(watch, samples[i], err);
        quant_take_channels(c->channelled, c->channelled_count, out);
        drop(out, watch->output_count);
    }
    graph_free(watch);
    CHECK_MSG(quant_calibration_begin(c, err) == 0, "%s", err->text);
    watch = quant_watch_ranges(c, err);
    CHECK_MSG(watch && op_infer_graph(watch, err) == 0, "%s", err->text);
    for (int i = 0; i < count; i++) {
        struct tensor **out = run(watch, samples[i], err);
        CHECK(quant_take_ranges(c, out, 0, err) == 0);
        drop(out, watch->output_count);
    }
    graph_free(watch);
    CHECK(quant_choose_ranges(c, QUANT_FOLDS, err) == 0);
    watch = quant_watch_shifts(c, err);
    CHECK_MSG(watch && op_infer_graph(watch, err) == 0, "%s", err->text);
    for (int i = 0; i < count; i++) {
        struct tensor **out = run(watch, samples[i], err);
        CHECK(quant_take_shifts(c, out, 1.0 / count, err) == 0);
        drop(out, watch->output_count);
    }
    graph_free(watch);
}

#endif
