/* One case, from the files to the verdict. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conformance.h"
#include "exec/exec.h"
#include "format/format.h"
#include "op/op.h"
#include "pass/pass.h"

#define MEMORY ((size_t)1 << 30)

const char *const path_names[PATHS] = {"plain", "optimized", "reference"};
enum { PLAIN, OPTIMIZED, REFERENCE };

/* ---- inputs ---- */

/* arange(n) / n, a size that the model leaves open being 1: what the suite feeds the networks of "light". */
static struct item *ramp(const struct type *type, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < type->rank; i++)
        dims[i] = type->dims[i] >= 0 ? type->dims[i] : 1;
    struct tensor *t = tensor_new(DTYPE_F32, type->rank, dims, err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, (double)i / (double)t->count);
    return item_of_tensor(t, err);
}

static struct item *read_item(const char *folder, const char *what, size_t i, const struct type *type,
                              struct error *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s_%zu.pb", folder, what, i);
    return proto_read(path, type, err);
}

static int read_inputs(const struct graph *g, const char *folder, struct item **in, struct error *err)
{
    for (size_t i = 0; i < g->input_count; i++) {
        in[i] = folder ? read_item(folder, "input", i, &g->inputs[i]->type, err) : ramp(&g->inputs[i]->type, err);
        if (!in[i])
            return -1;
    }
    return 0;
}

/* ---- outputs ---- */

static size_t count_files(const char *folder, const char *what)
{
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "%s/%s_*.pb", folder, what);
    size_t n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return n;
}

/* What output i of a network of "light" is to be: beside the model. */
static struct item *read_light(const struct test_case *c, size_t i, struct error *err)
{
    char path[4096];
    const struct type type = {.kind = TYPE_TENSOR};
    snprintf(path, sizeof(path), "%.*s_output_%zu.pb", (int)(strlen(c->model) - strlen(".onnx")), c->model, i);
    return proto_read(path, &type, err);
}

static int compare_outputs(const struct test_case *c, const struct graph *g, const char *folder,
                           struct item *const *out, struct error *err)
{
    if (folder && count_files(folder, "output") != g->output_count)
        return error_set(err, "the model has %zu outputs, the data %zu", g->output_count,
                         count_files(folder, "output"));
    for (size_t i = 0; i < g->output_count; i++) {
        struct item *want = folder ? read_item(folder, "output", i, &g->outputs[i]->type, err) : read_light(c, i, err);
        int result = want ? compare_items(out[i], want, err) : -1;
        item_unref(want);
        if (result != 0)
            return error_prefix(err, "output '%s'", g->outputs[i]->name);
    }
    return 0;
}

/* ---- running ---- */

static int run_exec(const struct graph *g, struct item **in, struct item **out, struct error *err)
{
    const struct kernels *kernels = kernel_select(getenv("NN_ISA"), err);
    struct exec_options options = {.kernels = kernels, .memory = MEMORY};
    struct exec *e = kernels ? exec_new(g, &options, err) : NULL;
    int result = e ? exec_run(e, in, out, err) : -1;
    exec_free(e);
    return result;
}

static void unref_items(struct item **items, size_t n)
{
    for (size_t i = 0; items && i < n; i++)
        item_unref(items[i]);
    free(items);
}

/* A set of inputs and outputs; folder NULL: those of "light". */
static int run_set(const struct test_case *c, const struct graph *g, const char *folder, int path, struct error *err)
{
    struct item **in = mem_calloc(g->input_count, sizeof(*in), err);
    struct item **out = mem_calloc(g->output_count, sizeof(*out), err);
    int result = in && out ? read_inputs(g, folder, in, err) : -1;
    if (result == 0)
        result = path == REFERENCE ? op_run(g, in, out, MEMORY, 0, err) : run_exec(g, in, out, err);
    if (result == 0)
        result = compare_outputs(c, g, folder, out, err);
    unref_items(in, g->input_count);
    unref_items(out, g->output_count);
    return result;
}

static int run_sets(const struct test_case *c, const struct graph *g, int path, struct error *err)
{
    char pattern[4096];
    glob_t found;
    if (!c->folder)
        return run_set(c, g, NULL, path, err);
    snprintf(pattern, sizeof(pattern), "%s/test_data_set_*", c->folder);
    if (glob(pattern, 0, NULL, &found) != 0)
        return error_set(err, "%s: there is none", pattern);
    int result = 0;
    for (size_t i = 0; result == 0 && i < found.gl_pathc; i++)
        result = run_set(c, g, found.gl_pathv[i], path, err);
    globfree(&found);
    return result;
}

static int run_path(const struct test_case *c, int path, struct result *r, struct error *err)
{
    char unknown[500];
    struct graph *g = format_read(c->model, format_by_name("onnx"), err);
    if (!g)
        return -1;
    int result = 0;
    if (op_list_unknown(g, unknown, sizeof(unknown)) > 0) {
        r->outcome = UNSUPPORTED;
        result = error_set(err, "unknown operators: %s", unknown);
    }
    if (result == 0 && path == OPTIMIZED)
        result = pass_run_safe(g, err);
    if (result == 0)
        result = run_sets(c, g, path, err);
    graph_free(g);
    return result;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void case_run(const struct test_case *c, const bool *paths, struct result *r)
{
    for (int path = 0; path < PATHS && r->outcome == PASSED; path++) {
        struct error err = {""};
        /* Plain evaluation of whole networks takes its time and tells nothing new. */
        if (!paths[path] || (path == REFERENCE && !c->folder))
            continue;
        double start = now();
        if (run_path(c, path, r, &err) != 0) {
            r->outcome = r->outcome == UNSUPPORTED ? UNSUPPORTED : FAILED;
            snprintf(r->text, sizeof(r->text), "%s: %.900s", path_names[path], err.text);
        }
        if (now() - start > r->seconds)
            r->seconds = now() - start;
    }
}
