/* Models: layers, and the calls of layers on tensors of others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/keras/keras.h"

/* One call of a layer. */
struct visit {
    struct layer *layer;
    const struct json_node *json; /* NULL: an input */
    int state;                    /* 0: not met, 1: being read, 2: read */
    struct value **out;
    int out_count;
};

struct layer {
    const char *name, *class;
    const struct json_node *json, *config;
    struct keras_place place;
    struct visit *nodes; /* [count] */
    int count;
    int skipped; /* the number of the first node: models may have one of their own before */
};

struct keras_net {
    struct keras_reader *r;
    struct build *b;
    const struct json *j;
    struct layer *layers; /* [count] */
    size_t count;
    struct lookup names;
};

/* ---- references: ["layer", 0, 0, {…}] or {"class_name": "__keras_tensor__", …} ---- */

struct reference {
    const char *layer;
    int node, tensor;
    bool in_call; /* of Keras 3: nodes of models count from 0 there */
    const struct json_node *kwargs;
};

static bool small(const struct json_node *n, int *value)
{
    if (!n || n->kind != JSON_NUMBER || !(n->number >= 0 && n->number <= 1e6))
        return false;
    *value = (int)n->number;
    return true;
}

static bool find_reference(const struct json *j, const struct json_node *n, struct reference *r)
{
    const struct json_node *class = json_member(j, n, "class_name");
    r->in_call = class && class->kind == JSON_STRING && strcmp(class->string, "__keras_tensor__") == 0;
    if (r->in_call)
        n = json_member(j, json_member(j, n, "config"), "keras_history");
    if (!n || n->kind != JSON_ARRAY)
        return false;
    const struct json_node *name = json_first(j, n), *node = name ? json_next(j, name) : NULL,
                           *tensor = node ? json_next(j, node) : NULL;
    if (!name || name->kind != JSON_STRING || !small(node, &r->node) || !small(tensor, &r->tensor))
        return false;
    r->layer = name->string;
    r->kwargs = json_next(j, tensor);
    return true;
}

static struct visit *node_of(struct keras_net *net, const struct reference *ref)
{
    struct layer *layer = lookup_find(&net->names, ref->layer);
    int i = layer ? ref->node - (ref->in_call ? 0 : layer->skipped) : -1;
    if (layer && i >= 0 && i < layer->count)
        return &layer->nodes[i];
    build_fail(net->b, "call %d of layer '%.200s' is taken, which there is not", ref->node, ref->layer);
    return NULL;
}

/* All references in a tree of JSON, and in the keyword arguments of those. */
static void each_reference(struct keras_net *net, const struct json_node *n,
                           void (*act)(struct keras_net *, const struct reference *, void *), void *data)
{
    struct reference ref;
    bool found = keras_count_work(net->r, 1) && n && find_reference(net->j, n, &ref);
    if (found)
        act(net, &ref, data);
    n = found ? ref.kwargs : n;
    for (const struct json_node *e = json_first(net->j, n); e && !net->b->failed; e = json_next(net->j, e))
        each_reference(net, e, act, data);
}

/* ---- listing ---- */

/* Another layer of its class in this model; their number so far. */
static int count_class(struct keras_net *net, struct lookup *classes, const struct layer *layer)
{
    int *count = lookup_find(classes, layer->class);
    if (!count) {
        count = arena_alloc(&net->r->arena, sizeof(*count), net->b->err);
        build_check(net->b, count && lookup_add(classes, layer->class, count, net->b->err) == 0);
        return 0;
    }
    return ++*count;
}

static void list_nodes(struct keras_net *net, struct layer *layer)
{
    const struct json_node *list = json_member(net->j, layer->json, "inbound_nodes");
    int count = 0;
    for (const struct json_node *n = json_first(net->j, list); n; n = json_next(net->j, n))
        count++;
    if (!keras_count_work(net->r, (size_t)count + 1))
        return;
    layer->nodes = arena_alloc(&net->r->arena, ((size_t)count + 1) * sizeof(*layer->nodes), net->b->err);
    build_check(net->b, layer->nodes != NULL);
    if (!layer->nodes)
        return;
    for (const struct json_node *n = json_first(net->j, list); n; n = json_next(net->j, n))
        layer->nodes[layer->count++] = (struct visit){.layer = layer, .json = n};
    if (layer->count == 0)
        layer->nodes[layer->count++] = (struct visit){.layer = layer};
}

static void list_layer(struct keras_net *net, const struct json_node *json, const struct keras_place *place,
                       struct lookup *classes)
{
    struct layer *layer = &net->layers[net->count++];
    layer->json = json;
    layer->class = keras_class_of(net->j, json);
    layer->config = json_member(net->j, json, "config");
    const struct json_node *name = json_member(net->j, layer->config, "name");
    if (!name)
        name = json_member(net->j, json, "name");
    layer->name = name && name->kind == JSON_STRING ? name->string : layer->class;
    layer->skipped =
        net->r->major >= 3 && (strcmp(layer->class, "Functional") == 0 || strcmp(layer->class, "Model") == 0);
    int repeat = keras_is_operation(net->r, json) ? 0 : count_class(net, classes, layer);
    list_nodes(net, layer);
    if (!net->b->failed && !keras_is_operation(net->r, json))
        keras_place_layer(net->r, place, layer->name, layer->class, repeat, &layer->place);
    if (!net->b->failed && !lookup_find(&net->names, layer->name))
        build_check(net->b, lookup_add(&net->names, layer->name, layer, net->b->err) == 0);
}

static void note_skipped(struct keras_net *net, const struct reference *ref, void *data)
{
    struct layer *layer = lookup_find(&net->names, ref->layer);
    (void)data;
    if (layer && !ref->in_call && ref->node == layer->count && json_member(net->j, layer->config, "layers"))
        layer->skipped = 1;
}

static void open_net(struct keras_net *net, struct keras_reader *r, const struct json_node *config,
                     const struct keras_place *place)
{
    const struct json_node *list =
        config && config->kind == JSON_ARRAY ? config : json_member(&r->json, config, "layers");
    struct lookup classes = {0};
    size_t count = 0;
    *net = (struct keras_net){.r = r, .b = &r->b, .j = &r->json};
    for (const struct json_node *n = json_first(net->j, list); n; n = json_next(net->j, n))
        count++;
    if (!count)
        build_fail(net->b, "a model without layers, or a class of the user's own program, of which the file has only "
                           "the name: want Sequential or Functional");
    net->layers =
        keras_count_work(r, count) ? arena_alloc(&r->arena, (count + 1) * sizeof(*net->layers), net->b->err) : NULL;
    build_check(net->b, net->layers != NULL);
    for (const struct json_node *n = json_first(net->j, list); n && !net->b->failed; n = json_next(net->j, n))
        list_layer(net, n, place, &classes);
    for (size_t i = 0; i < net->count && !net->b->failed; i++)
        for (int k = 0; k < net->layers[i].count; k++)
            each_reference(net, net->layers[i].nodes[k].json, note_skipped, NULL);
    if (!net->b->failed)
        each_reference(net, json_member(net->j, config, "output_layers"), note_skipped, NULL);
    lookup_release(&classes);
}

/* ---- arguments ---- */

struct value *keras_argument(struct keras_call *l, const struct json_node *argument)
{
    struct reference ref;
    if (!l->net || !argument || l->b->failed || !find_reference(l->net->j, argument, &ref))
        return NULL;
    struct visit *n = node_of((struct keras_net *)l->net, &ref);
    if (n && (n->state != 2 || ref.tensor >= n->out_count))
        build_fail(l->b, "tensor %d of layer '%.200s' is taken, which there is not", ref.tensor, ref.layer);
    return l->b->failed ? NULL : n->out[ref.tensor];
}

int keras_arguments(struct keras_call *l, const struct json_node *argument, struct value **values)
{
    struct reference ref;
    int count = 0;
    if (!argument || l->b->failed)
        return 0;
    if (find_reference(&l->r->json, argument, &ref)) {
        if (values)
            values[0] = keras_argument(l, argument);
        return 1;
    }
    for (const struct json_node *e = json_first(&l->r->json, argument); e; e = json_next(&l->r->json, e))
        count += keras_arguments(l, e, values ? values + count : NULL);
    return count;
}

struct value *keras_keyword(struct keras_call *l, const char *name)
{
    return keras_argument(l, json_member(&l->r->json, l->kwargs, name));
}

/* ---- reading ---- */

static void find_arguments(struct keras_call *l, const struct json_node *node)
{
    struct reference first;
    const struct json *j = &l->r->json;
    if (node->kind == JSON_OBJECT) {
        l->args = json_member(j, node, "args");
        l->kwargs = json_member(j, node, "kwargs");
    } else {
        const struct json_node *e = find_reference(j, node, &first) ? node : json_first(j, node);
        const struct json_node *part = e;
        l->args = node;
        for (int i = 0; i < 3 && part; i++)
            part = i ? json_next(j, part) : json_first(j, part);
        l->kwargs = part ? json_next(j, part) : NULL;
    }
    const struct json_node *from = keras_arguments(l, l->args, NULL) ? l->args : l->kwargs;
    int count = keras_arguments(l, from, NULL);
    l->in = arena_alloc(&l->r->arena, ((size_t)count + 1) * sizeof(struct value *), l->b->err);
    build_check(l->b, l->in != NULL);
    l->in_count = l->b->failed ? 0 : keras_arguments(l, from, l->in);
}

static void keep_outputs(struct keras_net *net, struct visit *n, struct value *const *out, int count)
{
    n->out = arena_alloc(&net->r->arena, ((size_t)count + 1) * sizeof(*n->out), net->b->err);
    build_check(net->b, n->out != NULL);
    for (int i = 0; i < count && n->out; i++)
        n->out[i] = out[i];
    n->out_count = count;
    n->state = 2;
}

static struct keras_call call_of(struct keras_net *net, const struct layer *layer)
{
    return (struct keras_call){.r = net->r,
                               .b = net->b,
                               .net = net,
                               .name = layer->name,
                               .class = layer->class,
                               .layer = layer->json,
                               .config = layer->config,
                               .place = layer->place};
}

static void read_node(struct keras_net *net, struct visit *n)
{
    struct keras_call *l = arena_alloc(&net->r->arena, sizeof(*l), net->b->err);
    build_check(net->b, l != NULL);
    if (!l)
        return;
    *l = call_of(net, n->layer);
    if (n->json)
        find_arguments(l, n->json);
    keras_read_call(l);
    keep_outputs(net, n, l->out, l->out_count);
}

struct stack {
    struct visit **nodes;
    size_t count, cap;
};

static void push(struct keras_net *net, const struct reference *ref, void *data)
{
    struct stack *s = data;
    struct visit *n = node_of(net, ref);
    if (!n || n->state == 2)
        return;
    if (n->state == 1)
        build_fail(net->b, "layer '%.200s' needs its own output", n->layer->name);
    build_check(net->b, mem_grow(&s->nodes, &s->cap, s->count + 1, sizeof(struct visit *), net->b->err) == 0);
    if (!net->b->failed)
        s->nodes[s->count++] = n;
}

/* Reads calls and what they need, without recursion: chains of layers are hundreds long. */
static void read_needed(struct keras_net *net, const struct json_node *outputs)
{
    struct stack s = {0};
    each_reference(net, outputs, push, &s);
    while (s.count && !net->b->failed) {
        struct visit *n = s.nodes[s.count - 1];
        if (n->state == 0) {
            n->state = 1;
            each_reference(net, n->json, push, &s);
        } else {
            s.count--;
            if (n->state == 1)
                read_node(net, n);
        }
    }
    free(s.nodes);
}

/* ---- inputs and outputs ---- */

static enum dtype input_type(struct keras_net *net, const struct json_node *config)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } types[] = {{"int", DTYPE_I32},  {"int32", DTYPE_I32}, {"int64", DTYPE_I64}, {"bool", DTYPE_BOOL},
                 {"uint8", DTYPE_U8}, {"int8", DTYPE_I8},   {"int16", DTYPE_I16}, {"string", DTYPE_STRING}};
    const struct json_node *dtype = json_member(net->j, config, "dtype"),
                           *inside = json_member(net->j, dtype, "config");
    if (inside)
        dtype = json_member(net->j, inside, "name");
    for (size_t i = 0; dtype && dtype->kind == JSON_STRING && i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, dtype->string) == 0)
            return types[i].dtype;
    return DTYPE_F32;
}

/* The first list of dims that a configuration has; NULL: none. */
static const struct json_node *find_shape(const struct json *j, const struct json_node *config)
{
    static const char *const members[] = {"batch_shape", "batch_input_shape", "build_input_shape", "input_shape"};
    const struct json_node *found = NULL;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members) && (!found || found->kind != JSON_ARRAY); i++)
        found = json_member(j, config, members[i]);
    return found && found->kind == JSON_ARRAY ? found : NULL;
}

static struct value *add_input(struct keras_net *net, const char *name, const struct json_node *config,
                               const struct json_node *shape)
{
    int64_t dims[TENSOR_MAX_RANK];
    char symbol[300];
    int rank = shape ? 0 : -1;
    for (const struct json_node *d = json_first(net->j, shape); d && !net->b->failed; d = json_next(net->j, d)) {
        if (rank == TENSOR_MAX_RANK || (d->kind == JSON_NUMBER && !(d->number >= 0 && d->number < 1e15)))
            build_fail(net->b, "input '%.100s' has a shape that is not read", name);
        snprintf(symbol, sizeof(symbol), rank ? "%.250s_%d" : "batch", name, rank);
        if (!net->b->failed)
            dims[rank++] =
                d->kind == JSON_NUMBER ? (int64_t)d->number : graph_symbol(net->b->graph, symbol, net->b->err);
    }
    enum dtype dtype = input_type(net, config);
    return build_input(net->b, keras_keep(net->r, name), dtype, rank, dims);
}

/* The input is what an inner model's caller gives, in turn, or one of the graph's. */
struct given {
    struct value *const *in;
    int count, at;
};

static void give_input(struct keras_net *net, const struct reference *ref, void *data)
{
    struct given *given = data;
    struct visit *n = node_of(net, ref);
    if (!n || n->state == 2)
        return;
    struct value *v = NULL;
    if (given->in && given->at >= given->count)
        build_fail(net->b, "a model of more inputs than it is called with");
    else
        v = given->in ? given->in[given->at++]
                      : add_input(net, n->layer->name, n->layer->config, find_shape(net->j, n->layer->config));
    keep_outputs(net, n, &v, 1);
}

/* An output of the graph is called as its layer; with a number behind where there are several of one. */
static void give_output(struct keras_net *net, struct value *v, const struct reference *ref)
{
    const struct graph *g = net->b->graph;
    char name[300];
    int same = 0;
    size_t n = strlen(ref->layer);
    for (size_t i = 0; i < g->output_count; i++)
        same += strncmp(g->outputs[i]->name, ref->layer, n) == 0 && strchr("_", g->outputs[i]->name[n]);
    snprintf(name, sizeof(name), same ? "%.250s_%d" : "%.250s", ref->layer, same);
    build_graph_output(net->b, v, keras_keep(net->r, name));
}

struct taken {
    struct value **out;
    int count;
};

static void take_output(struct keras_net *net, const struct reference *ref, void *data)
{
    struct taken *taken = data;
    struct visit *n = node_of(net, ref);
    if (n && (n->state != 2 || ref->tensor >= n->out_count))
        build_fail(net->b, "output %d of layer '%.200s' is not made", ref->tensor, ref->layer);
    if (taken->out && taken->count == KERAS_OUTPUTS)
        build_fail(net->b, "a model of more than %d outputs", KERAS_OUTPUTS);
    if (net->b->failed)
        return;
    if (!taken->out)
        give_output(net, n->out[ref->tensor], ref);
    else
        taken->out[taken->count] = n->out[ref->tensor];
    taken->count++;
}

/* The shape that the first layer states, or the first within it. */
static const struct json_node *first_shape(const struct json *j, const struct json_node *model)
{
    const struct json_node *shape = NULL, *config = json_member(j, model, "config");
    for (int depth = 0; config && !shape && depth < KERAS_DEPTH; depth++) {
        const struct json_node *list = config->kind == JSON_ARRAY ? config : json_member(j, config, "layers");
        shape = find_shape(j, config);
        if (!shape)
            shape = find_shape(j, json_member(j, model, "build_config"));
        model = json_first(j, list);
        config = json_member(j, model, "config");
    }
    return shape;
}

static struct value *read_sequence(struct keras_net *net, const struct json_node *model, struct value *v)
{
    for (size_t i = 0; i < net->count && !net->b->failed; i++) {
        struct layer *layer = &net->layers[i];
        char name[300];
        bool is_input = strcmp(layer->class, "InputLayer") == 0;
        snprintf(name, sizeof(name), is_input ? "%.200s" : "%.200s_input", layer->name);
        if (!v)
            v = add_input(net, name, layer->config, first_shape(net->j, model));
        if (is_input)
            continue;
        struct keras_call l = call_of(net, layer);
        l.in = &v;
        l.in_count = 1;
        keras_read_call(&l);
        if (!net->b->failed && l.out_count == 0)
            build_fail(net->b, "layer '%.200s' has no output", layer->name);
        v = l.out[0];
    }
    return v;
}

/* in NULL: the outermost model. out NULL likewise. */
static int read_net(struct keras_reader *r, const struct json_node *model, const struct keras_place *place,
                    struct value *const *in, int in_count, struct value **out)
{
    const struct json_node *config = json_member(&r->json, model, "config");
    struct keras_net net;
    struct given given = {.in = in, .count = in_count};
    struct taken taken = {.out = out};
    open_net(&net, r, config, place);
    const struct json_node *inputs = json_member(net.j, config, "input_layers"),
                           *outputs = json_member(net.j, config, "output_layers");
    if (r->b.failed) {
    } else if (inputs && outputs) {
        each_reference(&net, inputs, give_input, &given);
        read_needed(&net, outputs);
        each_reference(&net, outputs, take_output, &taken);
    } else {
        struct value *v = read_sequence(&net, model, in_count ? in[0] : NULL);
        if (out)
            out[0] = v;
        else
            build_graph_output(&r->b, v, keras_keep(r, net.layers[net.count - 1].name));
        taken.count = 1;
    }
    lookup_release(&net.names);
    return taken.count;
}

void keras_read_whole(struct keras_reader *r, const struct json_node *model, const struct keras_place *place)
{
    read_net(r, model, place, NULL, 0, NULL);
}

void keras_read_model(struct keras_call *l)
{
    struct value *none[1];
    if (++l->r->depth > KERAS_DEPTH)
        build_fail(l->b, "models within models more than %d deep", KERAS_DEPTH);
    if (!l->b->failed)
        l->out_count = read_net(l->r, l->layer, &l->place, l->in ? l->in : none, l->in_count, l->out);
    l->r->depth--;
}
