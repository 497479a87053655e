/* The public API: sessions. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/text.h"
#include "op/op.h"
#include "quant/weights.h"

/* ---- precision ---- */

static const struct {
    struct model_row row;
    enum kernel_type type; /* what constant weights are multiplied as */
} precisions[] = {
    {{"f32", "float32 throughout: the results are exact to rounding"}, KERNEL_F32},
    {{"bf16", "products of bfloat16 numbers, where the processor multiplies those"}, KERNEL_BF16},
    {{"f16", "products of half precision numbers, where the processor multiplies those"}, KERNEL_F16},
    {{"fast", "the fastest of these that this processor has"}, KERNEL_F32},
};
#define FAST 3

bool model_precision_at(size_t index, struct model_row *precision)
{
    if (index >= sizeof precisions / sizeof *precisions)
        return false;
    *precision = precisions[index].row;
    return true;
}

/* The row of a precision; -1 when it is not known. */
static int find_precision(const char *name)
{
    int i = FAST;
    while (i >= 0 && strcmp(precisions[i].row.name, name) != 0)
        i--;
    return i;
}

/* An unknown level is for the session to report. */
const char *model_precision_chosen(const char *name)
{
    struct error ignored;
    if (!name || find_precision(name) != FAST)
        return name;
    const struct kernels *k = kernel_select(getenv("NN_ISA"), &ignored);
    enum kernel_type fastest = k ? kernel_fastest_type(k) : KERNEL_F32;
    int i = 0;
    while (precisions[i].type != fastest)
        i++;
    return precisions[i].row.name;
}

/* What constant weights are multiplied as. */
static int check_precision(const char *name, const struct kernels *k, enum kernel_type *weights, struct error *err)
{
    int i = name ? find_precision(name) : 0;
    if (i < 0)
        return error_set(err, "precision '%s' is not known: want f32, bf16, f16 or fast", name);
    *weights = i == FAST ? kernel_fastest_type(k) : precisions[i].type;
    if (*weights != KERNEL_F32 && !kernel_gemm_16(k, *weights))
        return error_set(err, "precision %s: the level %s of this processor has no kernels for it: want f32 or fast",
                         name, k->isa);
    return 0;
}

/* ---- making a session ---- */

/* Bytes for activations. */
static int find_memory(bool roomy, size_t *bytes, struct error *err)
{
    const char *text = getenv("NN_MEMORY");
    uint64_t mib = EXEC_MEMORY >> 20;
    if (text && *text && (!text_to_u64(text, strlen(text), &mib) || mib < 1 || mib > SIZE_MAX >> 22))
        return error_set(err, "NN_MEMORY=%s: want a number of MiB", text);
    *bytes = (size_t)mib << (20 + roomy);
    return 0;
}

/* A copy of the model with weights in full, which plans for all shapes share then. */
static struct graph *prepare(const struct graph *of, struct error *err)
{
    char unknown[600];
    struct graph *g = graph_clone(of, err);
    if (!g)
        return NULL;
    op_resolve(g);
    if (op_list_unknown(g, unknown, sizeof unknown) > 0)
        error_set(err, "operators that are not known: %s", unknown);
    else
        return g;
    graph_free(g);
    return NULL;
}

static int start(struct model_session *s, const struct model *m, const struct model_session_options *o,
                 struct error *err)
{
    int threads = o->threads > 0 ? o->threads : cpu_count();
    const struct kernels *k = kernel_select(getenv("NN_ISA"), err);
    struct exec_options options = {.kernels = k, .frugal = o->frugal, .profile = o->profile};
    if (!k || check_precision(o->precision, k, &options.weights, err) < 0 ||
        find_memory(o->roomy, &options.memory, err) < 0)
        return -1;
    s->graph = prepare(m->graph, err);
    if (!s->graph || (threads > 1 && !(s->pool = pool_new(threads, err))))
        return -1;
    s->in = mem_calloc(s->graph->input_count, sizeof *s->in, err);
    s->out = mem_calloc(s->graph->output_count, sizeof *s->out, err);
    if (!s->in || !s->out || model_session_settings(s, err) < 0 || model_session_ends(s, err) < 0)
        return -1;
    options.pool = s->pool;
    s->exec = exec_new(s->graph, &options, err);
    if (!s->exec)
        return -1;
    graph_drop_constants(s->graph);
    return 0;
}

struct model_session *model_session_new(const struct model *m, const struct model_session_options *options,
                                        struct model_error *error)
{
    static const struct model_session_options usual = {0};
    struct error *err = model_inner(error);
    struct model_session *s = mem_calloc(1, sizeof *s, err);
    if (s && start(s, m, options ? options : &usual, err) == 0)
        return s;
    model_session_free(s);
    return NULL;
}

void model_session_free(struct model_session *s)
{
    if (!s)
        return;
    exec_free(s->exec);
    pool_free(s->pool);
    graph_free(s->graph);
    task_labels_release(&s->labels);
    free(s->ends);
    tensor_unref(s->mask);
    free(s->in);
    free(s->out);
    free(s);
}

/* ---- running ---- */

static bool is_integer(enum dtype dtype)
{
    enum dtype_class class = dtype_info(dtype)->class;
    return class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT || class == DTYPE_CLASS_BOOL;
}

static bool is_float(enum dtype dtype)
{
    return dtype_info(dtype)->class == DTYPE_CLASS_FLOAT;
}

/* Whether every element is the same number in the other type. */
static bool survives(const struct tensor *t, const struct tensor *converted)
{
    for (int64_t i = 0; i < t->count; i++)
        if (tensor_get_f64(t, i) != tensor_get_f64(converted, i))
            return false;
    return true;
}

static int wrong_type(const struct value *v, const struct tensor *t, struct error *err)
{
    char dims[200], want[200];
    return error_set(err, "input '%s': given %s %s, wants %s", v->name, dtype_info(t->dtype)->name,
                     model_dims_text(t->rank, t->dims, dims, sizeof dims),
                     type_text(v->graph, &v->type, want, sizeof want));
}

/* The tensor as an input of the declared type, a new reference; NULL with a message. */
static struct tensor *as_declared(const struct value *v, struct tensor *t, struct error *err)
{
    enum dtype want = v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
    bool open = v->type.kind == TYPE_UNKNOWN || (v->type.kind == TYPE_TENSOR && want == DTYPE_NONE);
    if (open || want == t->dtype)
        return tensor_ref(t);
    if (want != DTYPE_NONE && ((is_float(want) && is_float(t->dtype)) || (is_integer(want) && is_integer(t->dtype)))) {
        struct tensor *converted = tensor_cast(t, want, false, err);
        if (!converted || is_float(want) || survives(t, converted))
            return converted;
        tensor_unref(converted);
    }
    wrong_type(v, t, err);
    return NULL;
}

static bool fits(const struct value *v, const struct tensor *t)
{
    const struct type *type = &v->type;
    if (type->kind != TYPE_TENSOR || type->rank < 0)
        return true;
    if (type->rank != t->rank)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (type->dims[i] >= 0 && type->dims[i] != t->dims[i])
            return false;
    return true;
}

/* An array without the batch axis, as runtimes have it that know none, is a batch of one. A new reference. */
static struct tensor *with_batch(const struct value *v, struct tensor *t, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK] = {1};
    bool lacks = v->type.kind == TYPE_TENSOR && v->type.rank == t->rank + 1 && v->type.dims[0] == 1;
    if (!lacks)
        return tensor_ref(t);
    memcpy(dims + 1, t->dims, (size_t)t->rank * sizeof *dims);
    return tensor_reshaped(t, t->rank + 1, dims, err);
}

static struct item *make_input(const struct value *v, struct tensor *given, struct error *err)
{
    if (!given && v->constant)
        return item_of_tensor(tensor_ref(v->constant), err);
    if (!given) {
        char want[200];
        error_set(err, "input '%s': not given, wants %s", v->name, type_text(v->graph, &v->type, want, sizeof want));
        return NULL;
    }
    struct tensor *t = with_batch(v, given, err), *declared = NULL;
    if (t && !fits(v, t))
        wrong_type(v, given, err);
    else if (t)
        declared = as_declared(v, t, err);
    tensor_unref(t);
    return declared ? item_of_tensor(declared, err) : NULL;
}

/* What an output item holds, a new reference. */
static struct tensor *make_output(const struct value *v, const struct item *item, struct error *err)
{
    if (item && item->kind == ITEM_OPTIONAL && item->n == 1)
        item = item->at[0];
    if (item && item->kind == ITEM_TENSOR)
        return tensor_ref(item->tensor);
    error_set(err, "output '%s': %s, which has no tensor to show", v->name,
              !item                         ? "none"
              : item->kind == ITEM_SEQUENCE ? "a sequence"
                                            : "an empty optional");
    return NULL;
}

static void drop(struct item **items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        item_unref(items[i]);
        items[i] = NULL;
    }
}

static int collect(struct model_session *s, struct model_tensor **out, struct error *err)
{
    for (size_t i = 0; i < s->graph->output_count; i++) {
        out[i] = model_outer_tensor(make_output(s->graph->outputs[i], s->out[i], err));
        if (out[i])
            continue;
        while (i > 0) {
            model_tensor_free(out[--i]);
            out[i] = NULL;
        }
        return -1;
    }
    return 0;
}

/* Which tokens count in this run, for an embedding; not given: all. */
static int keep_mask(struct model_session *s, size_t i, const struct model_tensor *in, struct error *err)
{
    if (s->task.kind != TASK_EMBEDDING || strcmp(s->graph->inputs[i]->name, "attention_mask") != 0)
        return 0;
    tensor_unref(s->mask);
    s->mask = in ? tensor_cast(model_inner_tensor(in), DTYPE_F32, false, err) : NULL;
    return s->mask || !in ? 0 : -1;
}

int model_session_run(struct model_session *s, struct model_tensor *const *in, struct model_tensor **out,
                      struct model_error *error)
{
    struct error *err = model_inner(error);
    size_t inputs = s->graph->input_count;
    int status = 0;
    for (size_t i = 0; status == 0 && i < inputs; i++) {
        s->in[i] = make_input(s->graph->inputs[i], model_inner_tensor(in[i]), err);
        status = s->in[i] ? keep_mask(s, i, in[i], err) : -1;
    }
    if (status == 0 && (status = exec_run(s->exec, s->in, s->out, err)) == 0) {
        status = collect(s, out, err);
        drop(s->out, s->graph->output_count);
    }
    drop(s->in, inputs);
    return status;
}

/* ---- what it consists of ---- */

struct model_layer *model_session_layers(const struct model_session *s, size_t *count, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct exec_layer *layers = exec_layers(s->exec, count, err);
    struct model_layer *list = layers ? mem_calloc(*count, sizeof *list, err) : NULL;
    for (size_t i = 0; list && i < *count; i++)
        list[i] = (struct model_layer){.node = layers[i].node,
                                       .op = layers[i].op,
                                       .kernel = layers[i].kernel,
                                       .shape = layers[i].shape,
                                       .macs = layers[i].macs,
                                       .seconds = layers[i].seconds,
                                       .runs = layers[i].runs};
    free(layers);
    return list;
}

void model_session_reset(struct model_session *s)
{
    exec_reset_profile(s->exec);
}

size_t model_session_activations(const struct model_session *s)
{
    return exec_arena_bytes(s->exec);
}

size_t model_session_weights(const struct model_session *s)
{
    return exec_packed_bytes(s->exec);
}
