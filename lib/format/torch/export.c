/* Archives of torch.export: operators with their arguments as JSON, weights as raw storages. Source of the fields:
 * PyTorch's torch/_export/serde/schema.py. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/torch/export.h"

/* An archive within the archive, of torch.save(), which holds a dict of tensors. */
struct saved {
    struct zip *zip;
    const char *prefix;
    struct lookup members;
    struct pickle *dict;
};

/* ---- JSON ---- */

static const struct json_node *member(const struct export *e, const struct json_node *n, const char *key)
{
    return json_member(&e->json, n, key);
}

static const char *string(const struct export *e, const struct json_node *n, const char *key)
{
    const struct json_node *found = member(e, n, key);
    return found && found->kind == JSON_STRING ? found->string : "";
}

/* The largest number, which means "to the end", is none that a double has. */
static int64_t whole(const struct json_node *n, int64_t otherwise)
{
    if (!n || n->kind != JSON_NUMBER)
        return otherwise;
    return n->number >= 0x1p62 ? INT64_MAX : n->number > -0x1p62 ? (int64_t)n->number : INT64_MIN;
}

/* ---- element types, which have numbers of their own here ---- */

static const enum dtype dtypes[] = {DTYPE_NONE, DTYPE_U8,  DTYPE_I8,   DTYPE_I16,  DTYPE_I32,  DTYPE_I64,  DTYPE_F16,
                                    DTYPE_F32,  DTYPE_F64, DTYPE_NONE, DTYPE_NONE, DTYPE_NONE, DTYPE_BOOL, DTYPE_BF16};

static enum dtype dtype_of(const struct json_node *n)
{
    int64_t i = whole(n, 0);
    return i > 0 && i < (int64_t)(sizeof(dtypes) / sizeof(*dtypes)) ? dtypes[i] : DTYPE_NONE;
}

/* ---- values by name ---- */

static void put(struct export *e, const char *name, struct torch_value v)
{
    struct torch_reader *t = e->t;
    struct torch_value *slot = arena_alloc(&t->arena, sizeof(*slot), t->b->err);
    build_check(t->b, slot && lookup_add(&e->values, name, slot, t->b->err) == 0);
    if (!t->b->failed)
        *slot = v;
}

static struct torch_value get(struct export *e, const char *name)
{
    struct torch_value *found = lookup_find(&e->values, name);
    if (!found)
        build_fail(e->t->b, "'%.200s' is used before it is made", name);
    return found ? *found : torch_none();
}

/* ---- arguments ---- */

/* {"as_int": 3} or {"as_name": "sym_size"}, a whole number that may be told by a run alone. */
static struct torch_value sym_int(struct export *e, const struct json_node *n)
{
    const struct json_node *name = member(e, n, "as_name");
    return name && name->kind == JSON_STRING ? get(e, name->string) : torch_int(whole(member(e, n, "as_int"), 0));
}

static struct torch_value complex_number(struct export *e, const struct json_node *n)
{
    const struct json_node *real = member(e, n, "real"), *imaginary = member(e, n, "imag");
    const float pair[2] = {real ? (float)real->number : 0, imaginary ? (float)imaginary->number : 0};
    struct torch_value v = torch_tensor(e->t, build_f32s(e->t->b, 2, pair));
    if (!e->t->b->failed)
        v.tensor->complex = true;
    return v;
}

static struct torch_value plain(struct export *e, const struct json_node *n, const char *kind, int depth)
{
    switch (n->kind) {
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(kind, "as_none") == 0 ? torch_none() : torch_bool(n->kind == JSON_TRUE);
    case JSON_NUMBER:
        return strncmp(kind, "as_float", 8) == 0 ? torch_float(n->number) : torch_int(whole(n, 0));
    case JSON_STRING:
        if (strcmp(kind, "as_tensor") == 0) /* among optional ones, by PyTorch 2.3 */
            return get(e, n->string);
        if (strncmp(kind, "as_float", 8) == 0)
            return torch_float(*n->string == '-' ? -INFINITY : *n->string == 'N' ? NAN : INFINITY);
        return torch_string(n->string);
    case JSON_OBJECT:
        if (strcmp(kind, "as_complex") == 0)
            return complex_number(e, n);
        if (strncmp(kind, "as_sym", 6) == 0)
            return sym_int(e, n);
        if (strncmp(kind, "as_tensor", 9) == 0)
            return get(e, string(e, n, "name"));
        return torch_export_argument(e, n, depth + 1);
    default:
        return torch_none();
    }
}

/* The number that scripts have for it: of complex numbers it is one less. */
static struct torch_value scalar_type(struct torch_reader *t, const struct json_node *n)
{
    int64_t number = whole(n, 0);
    if (number >= 9 && number <= 11)
        return torch_int(number - 1);
    if (dtype_of(n) == DTYPE_NONE)
        build_fail(t->b, "element type %lld is not read", (long long)number);
    return torch_int(torch_scalar_type(dtype_of(n)));
}

/* An object of one member, whose key says what it is: "as_tensor", "as_ints". */
struct torch_value torch_export_argument(struct export *e, const struct json_node *arg, int depth)
{
    struct torch_reader *t = e->t;
    const struct json_node *n = arg && arg->kind == JSON_OBJECT ? json_first(&e->json, arg) : NULL;
    if (!n || depth > 8) {
        build_fail(t->b, "an argument that is not understood");
        return torch_none();
    }
    if (strcmp(n->key, "as_scalar_type") == 0)
        return scalar_type(t, n);
    if (strcmp(n->key, "as_device") == 0)
        return torch_string("cpu");
    if (strcmp(n->key, "as_memory_format") == 0 || strcmp(n->key, "as_layout") == 0 || strcmp(n->key, "as_none") == 0)
        return torch_none();
    if (n->kind != JSON_ARRAY)
        return plain(e, n, n->key, depth);
    struct torch_value list = torch_list(t, TORCH_LIST);
    for (const struct json_node *i = json_first(&e->json, n); i && !t->b->failed; i = json_next(&e->json, i))
        torch_append(t, list, plain(e, i, n->key, depth));
    return list;
}

/* ---- operators ---- */

/* "torch.ops.aten.conv2d.default" is called as "ops.aten.conv2d", "_operator.add" as "add". */
static const char *call_name(struct export *e, const char *target)
{
    char name[200];
    const char *at = strncmp(target, "torch.ops.", 10) == 0 ? target + 6 : target, *dot = strrchr(at, '.');
    bool is_op = strncmp(at, "ops.", 4) == 0;
    if (is_op && dot && dot > at + 4)
        snprintf(name, sizeof(name), "%.*s", (int)(dot - at), at);
    else
        snprintf(name, sizeof(name), "%s", dot ? dot + 1 : at);
    const char *kept = arena_strdup(&e->t->arena, name, e->t->b->err);
    build_check(e->t->b, kept != NULL);
    return kept ? kept : "";
}

/* Results: one value, or a list for several. */
static void take_outputs(struct export *e, const struct json_node *node, struct torch_value v)
{
    const struct json_node *out = json_first(&e->json, member(e, node, "outputs")),
                           *second = out ? json_next(&e->json, out) : NULL;
    const struct json_node *list = member(e, out, "as_tensors");
    size_t i = 0;
    if (list)
        out = json_first(&e->json, list);
    for (; out && !e->t->b->failed; out = json_next(&e->json, out), i++) {
        const struct json_node *tensor = list ? out : member(e, out, "as_tensor");
        const struct json_node *symbol = tensor ? NULL : json_first(&e->json, out); /* as_sym_int, as_sym_bool */
        const char *name = tensor ? string(e, tensor, "name") : string(e, symbol, "as_name");
        bool several = (second || list) && torch_is_list(v);
        struct torch_value one = !several ? v : i < v.list->count ? v.list->items[i] : torch_none();
        if (*name)
            put(e, name, one);
    }
}

/* Arguments that say nothing of values. */
static bool is_ignored(const char *key)
{
    return text_has_word("device layout pin_memory memory_format non_blocking generator", key);
}

static void read_node(struct export *e, const struct json_node *node);

/* The results of a graph within, whose inputs are these. It has names of its own. */
struct torch_value torch_export_within(struct export *e, const struct json_node *graph, const struct torch_list *in)
{
    struct torch_reader *t = e->t;
    struct lookup outer = e->values;
    const struct json_node *name = json_first(&e->json, member(e, graph, "inputs")),
                           *node = json_first(&e->json, member(e, graph, "nodes")),
                           *out = json_first(&e->json, member(e, graph, "outputs"));
    struct torch_value list = torch_list(t, TORCH_LIST);
    e->values = (struct lookup){0};
    for (size_t i = 0; name && i < in->count && !t->b->failed; name = json_next(&e->json, name), i++) {
        const struct json_node *tensor = member(e, name, "as_tensor");
        put(e, tensor ? string(e, tensor, "name") : string(e, member(e, name, "as_sym_int"), "as_name"), in->items[i]);
    }
    for (; node && !t->b->failed; node = json_next(&e->json, node))
        read_node(e, node);
    for (; out && !t->b->failed; out = json_next(&e->json, out))
        torch_append(t, list, torch_export_argument(e, out, 0));
    lookup_release(&e->values);
    e->values = outer;
    return list;
}

static void read_node(struct export *e, const struct json_node *node)
{
    struct torch_reader *t = e->t;
    struct torch_value values[TORCH_EXPORT_ARGS];
    const char *names[TORCH_EXPORT_ARGS], *target = string(e, node, "target");
    struct torch_args args = {.values = values, .names = names};
    const char *name = call_name(e, target);
    if (strstr(name, "._assert") || strstr(name, ".sym_constrain") || strstr(name, "._guards"))
        return;
    const struct json_node *in = json_first(&e->json, member(e, node, "inputs"));
    bool is_higher = strncmp(target, "torch.ops.higher_order.", 23) == 0;
    for (; in && !t->b->failed && !is_higher; in = json_next(&e->json, in)) {
        if (args.count == TORCH_EXPORT_ARGS) {
            build_fail(t->b, "an operator with more than %d arguments", TORCH_EXPORT_ARGS);
            break;
        }
        const char *key = string(e, in, "name");
        if (is_ignored(key))
            continue;
        names[args.count] = *key && torch_names_argument(t, name, key) ? key : NULL;
        values[args.count++] = torch_export_argument(e, member(e, in, "arg"), 0);
    }
    struct torch_value v = t->b->failed ? torch_none()
                           : is_higher  ? torch_export_higher(e, node)
                                        : torch_call(t, name, &args);
    take_outputs(e, node, v);
    if (t->b->failed)
        error_prefix(t->b->err, "'%.100s' (%.100s)", string(e, node, "name"), target);
}

/* ---- weights ---- */

static bool read_sizes(const struct export *e, const struct json *json, const struct json_node *list, int64_t *sizes,
                       int *rank)
{
    (void)e;
    *rank = 0;
    for (const struct json_node *n = json_first(json, list); n; n = json_next(json, n)) {
        int64_t size = whole(json_member(json, n, "as_int"), -1);
        if (*rank == TENSOR_MAX_RANK || size < 0)
            return false;
        sizes[(*rank)++] = size;
    }
    return list != NULL;
}

static struct torch_value weight(struct export *e, const struct json *config, const char *folder, const char *name)
{
    struct torch_reader *t = e->t;
    const struct json_node *entry = json_member(config, json_member(config, config->node, "config"), name);
    const struct json_node *meta = json_member(config, entry, "tensor_meta"),
                           *path = json_member(config, entry, "path_name");
    const struct json_node *pickled = json_member(config, entry, "use_pickle");
    const struct json_node *dtype = json_member(config, meta, "dtype");
    int64_t number = whole(dtype, 0);
    struct torch_view v = {.dtype = dtype_of(dtype)};
    if ((v.complex = number == 10 || number == 11))
        v.dtype = number == 10 ? DTYPE_F32 : DTYPE_F64;
    char text[400];
    int rank;
    if (!path || path->kind != JSON_STRING || v.dtype == DTYPE_NONE || (pickled && pickled->kind == JSON_TRUE) ||
        !read_sizes(e, config, json_member(config, meta, "sizes"), v.dims, &v.rank) ||
        !read_sizes(e, config, json_member(config, meta, "strides"), v.strides, &rank) || rank != v.rank) {
        build_fail(t->b, "weight '%.200s' is missing, or stored in a way that is not read", name);
        return torch_none();
    }
    v.offset = whole(json_member(config, json_member(config, meta, "storage_offset"), "as_int"), 0);
    snprintf(text, sizeof(text), "%s%.300s", folder, path->string);
    v.member = text;
    return torch_view_value(t, &v, name);
}

/* The reader looks into the archive within, or, called again, back into its own. */
static void exchange(struct torch_reader *t, struct saved *s)
{
    struct saved own = {t->zip, t->prefix, t->members, s->dict};
    t->zip = s->zip;
    t->prefix = s->prefix;
    t->members = s->members;
    *s = own;
}

static void open_saved(struct torch_reader *t, struct saved *s, const char *name)
{
    struct blob *blob = torch_member(t, name, SIZE_MAX);
    s->zip = blob ? zip_open(blob, t->b->err) : NULL;
    s->prefix = s->zip ? torch_prefix(s->zip, "data.pkl", &t->arena, t->b->err) : NULL;
    if (s->zip && !s->prefix)
        build_fail(t->b, "member '%s' is nothing that torch.save() wrote", name);
    build_check(t->b, s->prefix != NULL);
    blob_unref(blob);
    exchange(t, s);
    s->dict = t->b->failed ? NULL : torch_read_pickle(t, "data.pkl");
    if (s->dict && s->dict->kind == PICKLE_CALL && s->dict->size > 2) /* an OrderedDict with a state */
        s->dict = s->dict->items[2];
    exchange(t, s);
}

static void close_saved(struct torch_reader *t, struct saved *s)
{
    exchange(t, s);
    torch_forget_members(t);
    zip_close(t->zip);
    t->zip = NULL;
    exchange(t, s);
}

static struct torch_value saved_weight(struct export *e, struct saved *s, const char *name)
{
    struct torch_reader *t = e->t;
    const struct pickle *p = s->dict ? pickle_member(s->dict, name) : NULL;
    exchange(t, s);
    struct torch_value v = p ? torch_unpickle(t, (struct pickle *)p, name) : torch_none();
    exchange(t, s);
    if (v.kind == TORCH_TENSOR)
        return v;
    build_fail(t->b, "there is no weight '%.200s'", name);
    return torch_none();
}

/* A file that lists weights. */
static bool read_config(struct torch_reader *t, const char *name, struct json *config)
{
    struct blob *blob = torch_member(t, name, JSON_MAX_BYTES);
    build_check(t->b, blob && json_parse(config, blob->data, blob->size, t->b->err) == 0);
    blob_unref(blob);
    return !t->b->failed;
}

/* ---- inputs and outputs ---- */

static void add_input(struct export *e, const char *name)
{
    struct torch_reader *t = e->t;
    const struct json_node *meta = member(e, member(e, e->graph, "tensor_values"), name);
    int64_t dims[TENSOR_MAX_RANK];
    int rank = 0;
    for (const struct json_node *n = json_first(&e->json, member(e, meta, "sizes")); n; n = json_next(&e->json, n)) {
        const char *expression = string(e, member(e, n, "as_expr"), "expr_str");
        if (rank == TENSOR_MAX_RANK)
            build_fail(t->b, "input '%.100s' has more than %d axes", name, TENSOR_MAX_RANK);
        else
            dims[rank++] = *expression ? graph_symbol(t->b->graph, expression, t->b->err)
                                       : whole(member(e, n, "as_int"), DIM_UNKNOWN);
    }
    enum dtype dtype = dtype_of(member(e, meta, "dtype"));
    if (dtype == DTYPE_NONE)
        build_fail(t->b, "input '%.100s' has an element type that is not read", name);
    if (!t->b->failed)
        put(e, name, torch_tensor(t, build_input(t->b, name, dtype, rank, dims)));
}

/* Where weights and constants are. */
struct stores {
    struct json weights, constants;
    struct saved saved[2];
};

static void open_stores(struct export *e, struct stores *s)
{
    struct torch_reader *t = e->t;
    if (e->old) {
        open_saved(t, &s->saved[0], "serialized_state_dict.pt");
        open_saved(t, &s->saved[1], "serialized_constants.pt");
        return;
    }
    char name[300];
    snprintf(name, sizeof(name), "data/weights/%.200s_weights_config.json", e->program);
    if (!read_config(t, name, &s->weights))
        return;
    snprintf(name, sizeof(name), "data/constants/%.200s_constants_config.json", e->program);
    read_config(t, name, &s->constants);
}

static void close_stores(struct export *e, struct stores *s)
{
    json_release(&s->weights);
    json_release(&s->constants);
    for (int i = 0; i < 2; i++)
        close_saved(e->t, &s->saved[i]);
}

static struct torch_value stored(struct export *e, struct stores *s, bool constant, const char *name)
{
    if (e->old)
        return saved_weight(e, &s->saved[constant], name);
    return constant ? weight(e, &s->constants, "data/constants/", name) : weight(e, &s->weights, "data/weights/", name);
}

/* What each input of the graph is: a weight, or one of the user's. */
static void read_inputs(struct export *e, const struct json_node *signature)
{
    static const char *const kinds[][2] = {
        {"parameter", "parameter_name"}, {"buffer", "buffer_name"}, {"tensor_constant", "tensor_constant_name"}};
    struct torch_reader *t = e->t;
    struct stores s = {0};
    open_stores(e, &s);
    const struct json_node *spec = json_first(&e->json, member(e, signature, "input_specs"));
    for (; spec && !t->b->failed; spec = json_next(&e->json, spec)) {
        const struct json_node *user = member(e, member(e, member(e, spec, "user_input"), "arg"), "as_tensor");
        if (user)
            add_input(e, string(e, user, "name"));
        for (int i = 0; i < 3 && !t->b->failed; i++) {
            const struct json_node *found = member(e, spec, kinds[i][0]), *persistent = member(e, found, "persistent");
            bool constant = i == 2 || (persistent && persistent->kind == JSON_FALSE);
            if (found)
                put(e, string(e, member(e, found, "arg"), "name"),
                    stored(e, &s, constant, string(e, found, kinds[i][1])));
        }
    }
    close_stores(e, &s);
}

static void give_outputs(struct export *e, const struct json_node *signature)
{
    struct torch_reader *t = e->t;
    const struct json_node *spec = json_first(&e->json, member(e, signature, "output_specs"));
    for (; spec && !t->b->failed; spec = json_next(&e->json, spec)) {
        const struct json_node *tensor = member(e, member(e, member(e, spec, "user_output"), "arg"), "as_tensor");
        if (!tensor)
            continue;
        const char *name = arena_strdup(&t->b->graph->arena, string(e, tensor, "name"), t->b->err);
        build_check(t->b, name != NULL);
        struct torch_value v = get(e, name ? name : "");
        if (t->b->failed)
            return;
        const struct value *taken = graph_find_local(t->b->graph, name);
        if (taken && (taken->is_input || taken->is_output)) /* the name stays the input's, or the first output's */
            name = graph_fresh_name(t->b->graph, name, t->b->err);
        build_check(t->b, name != NULL);
        build_layer(t->b, name);
        build_graph_output(t->b, torch_graph_value(t, v), name);
    }
    if (!t->b->failed && t->b->graph->output_count == 0)
        build_fail(t->b, "the program returns no tensor");
}

/* ---- the archive ---- */

#define PROGRAMS "models/" /* where programs lie, as "models/model.json" */

char *torch_export_prefix(const struct zip *zip, struct arena *arena, struct error *err)
{
    static const char *const members[] = {"archive_format", PROGRAMS "model.json", TORCH_EXPORTED_OLD};
    char *prefix = NULL;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members) && !prefix; i++)
        prefix = torch_prefix(zip, members[i], arena, err);
    return prefix;
}

/* The name of the program in member `name`; NULL: it is none. */
static const char *program_of(struct torch_reader *t, const char *name)
{
    size_t skip = strlen(t->prefix) + strlen(PROGRAMS), n = strlen(name), end = strlen(".json");
    if (n <= skip + end || strncmp(name, t->prefix, strlen(t->prefix)) != 0 ||
        strncmp(name + strlen(t->prefix), PROGRAMS, strlen(PROGRAMS)) != 0 || strcmp(name + n - end, ".json") != 0)
        return NULL;
    return arena_strndup(&t->arena, name + skip, n - skip - end, t->b->err);
}

/* The one that is asked for, else "model", else the only one. */
static const char *find_program(struct torch_reader *t)
{
    const char *wanted = t->source->entry ? t->source->entry : "model", *found = NULL, *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < zip_count(t->zip) && !found; i++) {
        const char *program = program_of(t, zip_name(t->zip, i));
        count += program != NULL;
        only = program ? program : only;
        found = program && strcmp(program, wanted) == 0 ? program : NULL;
    }
    if (count == 0)
        build_fail(t->b,
                   "it holds no program, maybe code that was compiled of one: want what torch.export.save() writes");
    else if (!found && (count > 1 || t->source->entry))
        build_fail(t->b, "it holds %zu programs and no '%.100s'; one is '%.100s', and the format torch:%.100s reads it",
                   count, wanted, only, only);
    return found ? found : only;
}

int torch_export_read(struct torch_reader *t, struct error *err)
{
    char name[300] = TORCH_EXPORTED_OLD;
    struct export e = {.t = t};
    e.old = torch_prefix(t->zip, TORCH_EXPORTED_OLD, &t->arena, err) != NULL;
    e.program = e.old ? NULL : find_program(t);
    if (t->b->failed)
        return -1;
    if (!e.old)
        snprintf(name, sizeof(name), PROGRAMS "%.200s.json", e.program);
    struct blob *blob = torch_member(t, name, JSON_MAX_BYTES);
    int result = blob ? json_parse(&e.json, blob->data, blob->size, err) : -1;
    blob_unref(blob);
    if (result != 0)
        return -1;
    const struct json_node *module = member(&e, e.json.node, "graph_module"),
                           *signature = member(&e, module, "signature");
    e.graph = member(&e, module, "graph");
    if (!e.graph || !signature)
        build_fail(t->b, "the archive holds no graph");
    if (!t->b->failed)
        read_inputs(&e, signature);
    const struct json_node *node = json_first(&e.json, member(&e, e.graph, "nodes"));
    for (; node && !t->b->failed; node = json_next(&e.json, node))
        read_node(&e, node);
    if (!t->b->failed)
        give_outputs(&e, signature);
    lookup_release(&e.values);
    json_release(&e.json);
    return t->b->failed ? -1 : 0;
}
