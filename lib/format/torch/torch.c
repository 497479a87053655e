/* Reading a TorchScript archive: its forward() is run once, and leaves the graph. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/format.h"
#include "format/torch/torch.h"

#define MOST_SOURCES (64 << 20) /* bytes of one source, unpacked */

/* ---- members ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

char *torch_prefix(const struct zip *zip, const char *member, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < zip_count(zip); i++) {
        const char *name = zip_name(zip, i), *slash = strchr(name, '/'), *at = slash ? slash + 1 : name;
        if (strcmp(at, member) == 0 || strcmp(name, member) == 0)
            return arena_strndup(arena, name, strlen(name) - strlen(member), err);
    }
    return NULL;
}

/* "slim-320/code/__torch__/a/b.py" is module "__torch__.a.b". */
static int read_source(struct torch_reader *t, size_t i, struct error *err)
{
    const char *name = zip_name(t->zip, i);
    size_t skip = strlen(t->prefix) + strlen("code/"), n = strlen(name);
    char module[1024];
    if (strncmp(name, t->prefix, strlen(t->prefix)) != 0 || strncmp(name + strlen(t->prefix), "code/", 5) != 0 ||
        !ends_with(name, ".py") || n - skip > sizeof(module))
        return 0;
    snprintf(module, sizeof(module), "%.*s", (int)(n - skip - 3), name + skip);
    for (char *c = module; *c; c++)
        *c = *c == '/' ? '.' : *c;
    struct blob *blob = zip_read(t->zip, i, MOST_SOURCES, err);
    int result = blob ? torch_source_read(t, module, blob->data, blob->size, err) : -1;
    blob_unref(blob);
    return result;
}

struct pickle *torch_read_pickle(struct torch_reader *t, const char *name)
{
    struct blob *blob = torch_member(t, name, PICKLE_MAX_BYTES);
    struct pickle *p = blob ? pickle_read(blob->data, blob->size, NULL, &t->arena, t->b->err) : NULL;
    if (blob && !p)
        error_prefix(t->b->err, "%s", name);
    build_check(t->b, p != NULL);
    blob_unref(blob);
    return p;
}

static int open_archive(struct torch_reader *t, const struct source *s, struct error *err)
{
    size_t sources = 0;
    t->zip = zip_open(s->blob, err);
    if (!t->zip)
        return -1;
    if (torch_prelude_read(t, err) != 0)
        return -1;
    if ((t->prefix = torch_export_prefix(t->zip, &t->arena, err)))
        return 0;
    if (!(t->prefix = torch_prefix(t->zip, "data.pkl", &t->arena, err)))
        return error_set(err, "the archive has no data.pkl and no archive_format, as PyTorch writes them");
    for (size_t i = 0; i < zip_count(t->zip); i++) {
        if (read_source(t, i, err) != 0)
            return -1;
        sources += ends_with(zip_name(t->zip, i), ".py");
    }
    if (sources == 0)
        return error_set(err, "it holds weights without a network (a state dict, or a pickled module): want one that "
                              "torch.jit.script(), torch.jit.trace() or torch.export.export() made");
    return 0;
}

/* ---- inputs and outputs ---- */

void torch_fail_open(struct torch_reader *t, const char *what)
{
    t->ops.wants_shapes = true;
    build_fail(t->b, "%s", what);
}

/* What a reading that failed found of an input; the next one begins with it. */
struct learned {
    enum dtype dtype;
    int rank;
    int64_t channels; /* elements of axis 1; 0: not known */
};

/* An archive does not tell element types: it is the one given, else that of numbers that are not whole. */
static struct value *add_input(struct torch_reader *t, const char *name, int place)
{
    const struct source_shape *known = source_shape_of(t->source, name, (size_t)place);
    const struct learned *learned = lookup_find(t->learned, name);
    enum dtype dtype = known && known->dtype ? known->dtype : learned ? learned->dtype : DTYPE_F32;
    known = t->shapes ? known : NULL;
    struct value *v = build_input(t->b, name, dtype, known ? known->rank : -1, known ? known->dims : NULL);
    if (learned && !known)
        build_expect(t->b, v, learned->rank, 1, learned->channels, DTYPE_NONE);
    return v;
}

/* ---- inputs, as far as a reading found what they are ---- */

/* The input that a value comes from by operators that leave elements as they are. */
static struct value *origin(struct value *v)
{
    static const char *const moves[] = {"Reshape", "Slice",  "Unsqueeze", "Squeeze", "Transpose", "Expand", "Gather",
                                        "Flatten", "Concat", "Add",       "Sub",     "Clip",      "Where",  "Identity"};
    for (int steps = 0; v && !v->is_input && steps < 64; steps++) {
        const struct node *n = v->producer;
        bool found = false;
        for (size_t i = 0; n && i < sizeof(moves) / sizeof(*moves); i++)
            found = found || node_is(n, moves[i]);
        v = found ? node_in(n, node_is(n, "Where")) : NULL;
    }
    return v;
}

/* Gives inputs of which something wants whole numbers such ones. */
static void find_integers(const struct graph *root)
{
    static const struct {
        const char *op;
        int operand;
    } rows[] = {{"Gather", 1},    {"GatherElements", 1}, {"GatherND", 1},   {"ScatterElements", 1},
                {"ScatterND", 1}, {"OneHot", 0},         {"BitwiseAnd", 0}, {"BitwiseOr", 0}};
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (const struct node *n = g->first; n; n = n->next)
            for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                struct value *v = node_is(n, rows[i].op) ? origin(node_in(n, rows[i].operand)) : NULL;
                if (v && v->type.dtype == DTYPE_F32)
                    v->type.dtype = DTYPE_I64;
            }
}

/* Whether something of an input was found that the reading did not begin with. */
static bool learn(struct torch_reader *t, struct arena *arena)
{
    bool any = false;
    struct error ignored;
    const struct graph *root = t->b->graph->root;
    find_integers(root);
    for (size_t i = 0; i < root->input_count; i++) {
        const struct type *type = &root->inputs[i]->type;
        const struct source_shape *known = source_shape_of(t->source, root->inputs[i]->name, i);
        struct learned *old = lookup_find(t->learned, root->inputs[i]->name), now = {DTYPE_F32, -1, 0};
        if (!(known && known->dtype))
            now.dtype = type->dtype;
        if (!(known && t->shapes))
            now.rank = type->rank;
        if (now.rank > 1 && type->dims[1] > 0)
            now.channels = type->dims[1];
        if (old ? now.dtype == old->dtype && now.rank == old->rank : now.dtype == DTYPE_F32 && now.rank < 0)
            continue;
        char *name = old ? NULL : arena_strdup(arena, root->inputs[i]->name, &ignored);
        struct learned *slot = old ? old : arena_alloc(arena, sizeof(*slot), &ignored);
        if (!slot || (!old && (!name || lookup_add(t->learned, name, slot, &ignored) != 0)))
            return false;
        *slot = now;
        any = true;
    }
    return any;
}

/* What the method that is asked for says of an argument that is a number, as in "forward,rate=16000". */
static const char *stated(const struct torch_reader *t, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = t->source->entry; at && (at = strchr(at, ','));)
        if (strncmp(++at, name, n) == 0 && at[n] == '=')
            return at + n + 1;
    return NULL;
}

/* A number, "name: int", is an input without axes; NONE: `type` is something else. */
static enum dtype number_type(const char *type)
{
    return strcmp(type, "int") == 0     ? DTYPE_I64
           : strcmp(type, "float") == 0 ? DTYPE_F32
           : strcmp(type, "bool") == 0  ? DTYPE_BOOL
                                        : DTYPE_NONE;
}

/* "name: Tensor", "name: Tuple[Tensor, Tensor]", or "name: List[Tensor]", which is a list of one. */
static struct torch_value argument(struct torch_reader *t, const struct torch_token *at, const struct torch_token *end,
                                   int place)
{
    const struct torch_token *type = at + 2;
    bool tuple = type < end && strcmp(type->text, "Tuple") == 0, list = type < end && strcmp(type->text, "List") == 0;
    enum dtype number = type < end ? number_type(type->text) : DTYPE_NONE;
    const char *text = stated(t, at->text);
    double value;
    if (number && text && text_to_f64(text, strcspn(text, ","), &value) && fabs(value) < 0x1p53)
        return number == DTYPE_F32 ? torch_float(value) : torch_int((int64_t)value);
    if (number)
        return torch_size(t, build_input(t->b, at->text, number, 0, NULL));
    if (!tuple && !list)
        return torch_tensor(t, add_input(t, at->text, place));
    struct torch_value all = torch_list(t, tuple ? TORCH_TUPLE : TORCH_LIST);
    for (int n = 0; type < end && strcmp(type->text, "]") != 0 && !t->b->failed; type++) {
        char name[300];
        if (strcmp(type->text, "Tensor") != 0)
            continue;
        snprintf(name, sizeof(name), tuple ? "%.250s_%d" : "%.250s", at->text, n);
        const char *kept = arena_strdup(&t->b->graph->arena, name, t->b->err);
        build_check(t->b, kept != NULL);
        if (kept)
            torch_append(t, all, torch_tensor(t, add_input(t, kept, place + n++)));
    }
    return all;
}

/* Tells which methods there are instead: those that a user may want. */
static void fail_method(struct torch_reader *t, const char *function)
{
    struct text names;
    const char *method = strrchr(function, '.') + 1;
    size_t n = (size_t)(method - function);
    text_init(&names);
    for (size_t i = 0; i < t->functions.cap; i++) {
        const char *name = t->functions.slots[i].name;
        if (name && strncmp(name, function, n) == 0 && strncmp(name + n, "__", 2) != 0 && !strchr(name + n, '.'))
            text_printf(&names, names.size ? ", %.60s" : "%.60s", name + n);
    }
    build_fail(t->b, "the module has no %.60s()%s%.300s", method,
               names.size ? "; the format torch:NAME would be another method: " : ", and no other method",
               names.size ? names.data : "");
    text_release(&names);
}

/*
 * The arguments of forward() behind self, as inputs of the graph. One that has a default, or may be None, is left out,
 * unless it is a tensor whose shape is given; but where all may be, `all` makes inputs of those that are tensors.
 */
static void add_inputs(struct torch_reader *t, const char *function, bool all, struct torch_args *args)
{
    const struct torch_function *fn = lookup_find(&t->functions, function);
    const struct torch_line *l = fn ? &fn->source->lines[fn->line] : NULL;
    struct torch_cursor c = {fn ? l->at + 3 : NULL, fn ? l->end : NULL};
    if (!fn)
        fail_method(t, function);
    for (int i = 0; c.at < c.end && !torch_at(&c, ")") && !t->b->failed; i++) {
        const struct torch_token *name = c.at++;
        torch_take(&c, ":");
        const struct torch_token *type = c.at;
        torch_skip_type(&c);
        bool optional = type < c.at && strcmp(type->text, "Optional") == 0;
        bool tensor = optional && c.at - type == 4 && strcmp(type[2].text, "Tensor") == 0;
        bool asked = tensor && (all || source_shape_of(t->source, name->text, SIZE_MAX));
        bool has_default = torch_take(&c, "=") && !stated(t, name->text);
        torch_skip_type(&c);
        torch_take(&c, ",");
        if (i == 0 || (has_default && !asked)) /* self, whatever it is called */
            continue;
        if (args->count == 33) {
            build_fail(t->b, "forward() has more than 32 arguments");
            return;
        }
        args->names[args->count] = name->text;
        args->values[args->count++] =
            asked || !optional ? argument(t, name, l->end, (int)t->b->graph->input_count) : torch_none();
    }
}

static void give(struct torch_reader *t, struct torch_value v, const char *name, int depth)
{
    char text[300];
    if (t->b->failed || v.kind == TORCH_NONE || depth > 8)
        return;
    torch_count_item(t);
    if (torch_is_list(v) && (v.list->tail || v.list->growing))
        torch_fail_open(t, "forward() returns a list whose length only a run tells");
    if (torch_is_list(v))
        for (size_t i = 0; i < v.list->count; i++) {
            snprintf(text, sizeof(text), v.list->count > 1 ? "%.250s_%zu" : "%.250s", name, i);
            give(t, v.list->items[i], text, depth + 1);
        }
    else if (v.kind == TORCH_DICT)
        for (size_t i = 0; i + 1 < v.list->count; i += 2)
            give(t, v.list->items[i + 1], v.list->items[i].kind == TORCH_STRING ? v.list->items[i].text : name,
                 depth + 1);
    else {
        const char *kept = arena_strdup(&t->b->graph->arena, name, t->b->err);
        build_check(t->b, kept != NULL);
        build_layer(t->b, kept);
        build_graph_output(t->b, torch_graph_value(t, v), kept);
    }
}

/* ---- the whole ---- */

/* The method that is asked for, "encode", and, for "text.encode", in the place of the module that part of it. */
static const char *find_owner(struct torch_reader *t, struct torch_value *module)
{
    const char *asked = t->source->entry ? t->source->entry : "forward", *dot;
    const char *method = arena_strndup(&t->arena, asked, strcspn(asked, ","), t->b->err);
    build_check(t->b, method != NULL);
    while (!t->b->failed && (dot = strchr(method, '.'))) {
        struct torch_value part = torch_none();
        const char *name = arena_strndup(&t->arena, method, (size_t)(dot - method), t->b->err);
        if (!name || !torch_attr_find(t, module->object, name, &part) || part.kind != TORCH_OBJECT)
            build_fail(t->b, "the module has no part '%.100s', of which '%.100s' would be a method", name ? name : "",
                       dot + 1);
        else
            *module = part;
        method = dot + 1;
    }
    return method;
}

static int run_module(struct torch_reader *t, struct error *err)
{
    struct torch_value values[33];
    const char *names[33] = {NULL};
    struct torch_args args = {.values = values, .names = names, .count = 1};
    char constants[600], function[700];
    snprintf(constants, sizeof(constants), "%.500sconstants.pkl", t->prefix);
    struct pickle *data = torch_read_pickle(t, "data.pkl");
    if (!t->b->failed && zip_find(t->zip, constants) < zip_count(t->zip))
        t->pickled = torch_read_pickle(t, "constants.pkl");
    if (t->b->failed)
        return -1;
    values[0] = torch_unpickle(t, data, "");
    if (!t->b->failed && values[0].kind != TORCH_OBJECT)
        return error_set(err, "the pickle holds no module");
    if (t->b->failed)
        return -1;
    const char *method = find_owner(t, &values[0]);
    snprintf(function, sizeof(function), "%.600s.%.90s__0", values[0].object->class, method);
    if (!lookup_find(&t->functions, function)) /* the first of an overloaded method, as nn.LSTM has them */
        function[strlen(function) - strlen("__0")] = 0;
    add_inputs(t, function, false, &args);
    if (!t->b->failed && t->b->graph->input_count == 0) {
        args.count = 1;
        add_inputs(t, function, true, &args);
    }
    struct torch_value result = t->b->failed ? torch_none() : torch_run(t, function, &args);
    give(t, result, "output", 0);
    if (!t->b->failed && t->b->graph->output_count == 0)
        build_fail(t->b, "%.100s() returns no tensor", method);
    return t->b->failed ? -1 : 0;
}

static int read_module(struct torch_reader *t, struct error *err)
{
    int result = torch_export_prefix(t->zip, &t->arena, err) ? torch_export_read(t, err) : run_module(t, err);
    if (result != 0)
        return -1;
    build_check(t->b, graph_set_property(t->b->graph, "producer", "PyTorch", 7, err) == 0);
    build_remove_unused(t->b);
    return build_graph_end(t->b);
}

void torch_release(struct torch_reader *t)
{
    torch_forget_members(t);
    lookup_release(&t->storages);
    lookup_release(&t->functions);
    lookup_release(&t->constants);
    lookup_release(&t->tuples);
    zip_close(t->zip);
    arena_release(&t->ops.arena);
    arena_release(&t->arena);
}

/* What is known of inputs beside the archive: shapes, if these are to be used, and what readings before found. */
struct beside {
    const struct source *shapes;
    struct lookup learned;
    struct arena arena;
    bool again; /* this one found more */
};

static struct graph *read_once(const struct source *s, struct beside *known, struct error *err)
{
    struct graph *g = graph_new(err);
    struct torch_reader t = {.ops = {.b = {.graph = g, .err = err}}, .path = "", .data = "data/"};
    t.shapes = known->shapes;
    t.source = s;
    t.learned = &known->learned;
    t.b = &t.ops.b;
    t.size = s->blob->size;
    int result = g && open_archive(&t, s, err) == 0 ? read_module(&t, err) : -1;
    known->again = g && result != 0 && learn(&t, &known->arena);
    torch_release(&t);
    if (result == 0)
        return g;
    if (t.ops.wants_shapes && !known->shapes)
        error_set(err, "%s; it may be read for given shapes of all inputs", err->text);
    graph_free(g);
    return NULL;
}

#define MOST_READINGS 16

static struct graph *read_for(const struct source *s, const struct source *shapes, struct error *err)
{
    struct beside known = {.shapes = shapes};
    struct graph *g = NULL;
    arena_init(&known.arena);
    for (int n = 0; n == 0 || (!g && known.again && n < MOST_READINGS); n++)
        g = read_once(s, &known, err);
    lookup_release(&known.learned);
    arena_release(&known.arena);
    return g;
}

/* Whether input i has the first size of those before that share it, which is a guess too. */
static bool fits_batch(const struct graph *g, const struct source *s, size_t i)
{
    const struct source_shape *known = source_shape_of(s, g->inputs[i]->name, i);
    for (size_t k = 0; known && known->rank > 0 && k < i; k++) {
        const struct source_shape *other = source_shape_of(s, g->inputs[k]->name, k);
        if (other && other->rank > 0 && g->inputs[k]->type.rank > 0 && g->inputs[i]->type.rank > 0 &&
            g->inputs[k]->type.dims[0] == g->inputs[i]->type.dims[0] && other->dims[0] != known->dims[0])
            return false;
    }
    return true;
}

/* Whether the shapes that are known are ones that the inputs take: how many axes they have may have been guessed. */
static bool fits(const struct graph *g, const struct source *s)
{
    for (size_t i = 0; i < g->input_count; i++) {
        const struct source_shape *known = source_shape_of(s, g->inputs[i]->name, i);
        const struct type *type = &g->inputs[i]->type;
        if ((known && type->rank >= 0 && type->rank != known->rank) || !fits_batch(g, s, i))
            return false;
        for (int k = 0; known && k < type->rank; k++)
            if (type->dims[k] >= 0 && type->dims[k] != known->dims[k])
                return false;
    }
    return true;
}

/* With open shapes if that is possible, else for those that are known. */
static struct graph *torch_read(const struct source *s, struct error *err)
{
    struct error first = {""};
    struct graph *g = read_for(s, NULL, &first);
    if (g && fits(g, s))
        return g;
    graph_free(g);
    if (s->shape_count == 0) {
        error_set(err, "%s", first.text);
        return NULL;
    }
    return read_for(s, s, err);
}

static int sniff(const struct source *s)
{
    struct error ignored;
    struct arena arena;
    if (!zip_is(s->blob))
        return 0;
    struct zip *zip = zip_open(s->blob, &ignored);
    if (!zip)
        return 0;
    arena_init(&arena);
    bool found = torch_prefix(zip, "data.pkl", &arena, &ignored) || torch_export_prefix(zip, &arena, &ignored);
    arena_release(&arena);
    zip_close(zip);
    return found ? 95 : 0;
}

const struct format format_torch = {
    .name = "torch",
    .suffixes = ".pt .pt2 .jit .ptl .pth",
    .what = "PyTorch: TorchScript and torch.export archives",
    .has_entries = true,
    .sniff = sniff,
    .read = torch_read,
    .operator_at = torch_operator_at,
};
