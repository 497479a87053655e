/* Reading an intermediate representation: its net, and the bodies within. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"
#include "format/format.h"
#include "format/openvino/openvino.h"

#define VERSION_FIRST 10
#define VERSION_LAST  11

/* ---- layers that are known ---- */

static openvino_layer_fn *const reads[] = {
#define LAYER(type, function, onnx) openvino_read_##function,
#include "format/openvino/layer.def"
#undef LAYER
};

#include "format/openvino/layer.inc"
PACKED_TABLE(kinds, struct openvino_kind, 2, reads);

static const char *operator_at(size_t index)
{
    const struct openvino_kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

/* ---- one layer ---- */

/* A value is called as the framework called it, or as the layer, with the port's place where it has several. */
static void name_output(struct openvino_read *l, int o)
{
    struct value *v = l->out[o];
    const char *names = l->layer->out[o].names;
    char name[1024];
    size_t n = names ? strcspn(names, ",\\") : 0;
    if (v->is_input || v->constant || v->graph != l->b->graph)
        return;
    if (names && *names && names[n] != '\\' && n < sizeof(name))
        snprintf(name, sizeof(name), "%.*s", (int)n, names);
    else if (l->layer->out_count == 1)
        snprintf(name, sizeof(name), "%.1000s", l->layer->name);
    else
        snprintf(name, sizeof(name), "%.1000s.%d", l->layer->name, o);
    for (int k = 0; k < l->layer->in_count; k++)
        if (l->in[k] == v)
            return; /* the layer passes it on */
    build_name(l->b, v, name);
}

/* Where shapes cannot be told from what stands before, the file's own word is taken. */
static void state_type(struct openvino_read *l, int o)
{
    const struct xml *x = &l->body->reader->xml;
    struct type *type = &l->out[o]->type;
    int rank = 0;
    if (type->kind != TYPE_TENSOR || type->rank >= 0 || l->out[o]->is_input)
        return;
    for (const struct xml_node *n = xml_first(x, l->layer->out[o].xml, "dim"); n; n = xml_next(x, n, "dim")) {
        if (rank == TENSOR_MAX_RANK)
            return;
        type->dims[rank++] = DIM_UNKNOWN;
    }
    type->rank = rank ? rank : -1; /* none are stated of an unknown rank either */
}

static int read_layer(struct openvino_body *body, struct openvino_layer *layer)
{
    struct arena *arena = &body->reader->arena;
    struct openvino_read l = {.body = body, .layer = layer, .kind = packed_find(&kinds, layer->type), .b = &body->b};
    l.in = arena_alloc(arena, ((size_t)layer->in_count + 1) * sizeof(*l.in), l.b->err);
    l.out = arena_alloc(arena, ((size_t)layer->out_count + 1) * sizeof(*l.out), l.b->err);
    build_check(l.b, l.in && l.out);
    for (int k = 0; k < layer->in_count && !l.b->failed; k++) {
        struct openvino_edge *e = &layer->in[k];
        l.in[k] = e->port >= 0 ? body->net.layers[e->layer].out[e->port].value : NULL;
    }
    if (layer->out_count == 0 && strcmp(layer->type, "Result") != 0 && strcmp(layer->type, "Assign") != 0)
        build_fail(l.b, "it has no output");
    const char *name = l.b->failed ? NULL : openvino_keep(&l, layer->name);
    if (!l.b->failed) {
        build_layer(l.b, name);
        (l.kind ? l.kind->read : openvino_read_opaque)(&l);
        build_infer(l.b);
    }
    for (int o = 0; o < layer->out_count && !l.b->failed; o++) {
        layer->out[o].value = l.out[o];
        if (!l.out[o])
            continue;
        state_type(&l, o);
        name_output(&l, o);
    }
    if (l.b->failed)
        return error_prefix(l.b->err, "layer '%.200s' (%.100s)", layer->name, layer->type);
    return 0;
}

int openvino_read_body(struct openvino_body *body)
{
    for (size_t i = 0; i < body->net.count && !body->b.failed; i++)
        read_layer(body, &body->net.layers[body->net.order[i]]);
    return body->b.failed ? -1 : 0;
}

/* ---- layers that are not known ---- */

/* Attributes that are whole numbers or numbers become such. */
static void set_attribute(struct openvino_read *l, const char *name, const char *text)
{
    int64_t i;
    float f;
    if (text_to_i64(text, strlen(text), &i))
        build_int(l->b, l->out[0], name, i);
    else if (text_to_f32(text, strlen(text), &f))
        build_float(l->b, l->out[0], name, f);
    else
        build_string(l->b, l->out[0], name, text);
}

void openvino_read_opaque(struct openvino_read *l)
{
    const struct xml *x = &l->body->reader->xml;
    const struct xml_node *data = l->layer->data;
    char op[200];
    int count = l->layer->in_count;
    snprintf(op, sizeof(op), "openvino.%.150s", l->layer->type);
    if (strchr(l->layer->type, '.'))
        build_fail(l->b, "a type with a dot in its name");
    l->out[0] = build_node(l->b, op, count, l->in);
    for (size_t i = 0; data && i < data->attr_count; i++)
        set_attribute(l, x->attr[data->attr + i].name, x->attr[data->attr + i].value);
    for (int o = 1; o < l->layer->out_count; o++)
        l->out[o] = build_output(l->b, l->out[0], o);
}

/* ---- the whole ---- */

static int check_version(const struct xml *x, struct error *err)
{
    const char *version = xml_attr(x, x->node, "version");
    int64_t number = 0;
    if (strcmp(x->node->name, "net") != 0)
        return error_set(err, "the outermost element is <%.50s>, want <net>", x->node->name);
    if (!version || !text_to_i64(version, strlen(version), &number) || number < VERSION_FIRST || number > VERSION_LAST)
        return error_set(err,
                         "version \"%.20s\" of the representation is not read, want %d or %d (OpenVINO 2020 and later)",
                         version ? version : "", VERSION_FIRST, VERSION_LAST);
    return 0;
}

static int read_net(struct openvino_reader *r, struct error *err)
{
    struct openvino_body body = {.reader = r, .b = {.graph = r->root, .err = err}};
    const char *name = xml_attr(&r->xml, r->xml.node, "name");
    if (check_version(&r->xml, err) != 0 || openvino_net_list(&body.net, &r->xml, r->xml.node, &r->arena, err) != 0)
        return -1;
    if (name)
        r->root->name = arena_strdup(&r->root->arena, name, err);
    build_check(&body.b, r->root->name != NULL && graph_set_property(r->root, "producer", "OpenVINO", 8, err) == 0);
    if (openvino_read_body(&body) != 0)
        return -1;
    openvino_give_variables(&body);
    build_check(&body.b, openvino_read_info(r->root, &r->xml, err) == 0);
    build_remove_unused(&body.b);
    if (!body.b.failed && r->root->output_count == 0)
        build_fail(&body.b, "the net has no Result");
    return build_graph_end(&body.b);
}

static struct graph *openvino_read(const struct source *s, struct error *err)
{
    struct openvino_reader r = {.source = s, .root = graph_new(err), .err = err};
    int result = r.root ? xml_parse(&r.xml, s->blob->data, s->blob->size, err) : -1;
    if (result == 0) {
        result = read_net(&r, err);
        xml_release(&r.xml);
    }
    arena_release(&r.arena);
    blob_unref(r.weights);
    return graph_if(result == 0, r.root);
}

/* The first element, behind a declaration and comments, is <net …>. */
static int sniff(const struct source *s)
{
    const char *text = s->blob->data, *end = text + (s->blob->size < 4096 ? s->blob->size : 4096);
    for (; text && end - text > 5; text++) {
        if (memcmp(text, "<net", 4) == 0 && strchr(" \t\r\n", text[4]))
            return 90;
        if (*text == '<' && !strchr("?!", text[1]))
            return 0;
        if (*text == 0)
            return 0;
    }
    return 0;
}

static const struct target_option options[] = {
    {"fp16", NULL, "weights in halves, which are converted when they are used"},
    {NULL, NULL, NULL},
};

const struct format format_openvino = {
    .name = "openvino",
    .suffixes = ".xml",
    .twins = ".bin",
    .what = "OpenVINO IR, versions 10 and 11",
    .has_properties = true,
    .has_numbers = true,
    .options = options,
    .sniff = sniff,
    .read = openvino_read,
    .write = openvino_write,
    .operator_at = operator_at,
};
