/* Layers, their ports, and what the edges connect. */
#include <stdlib.h>
#include <string.h>

#include "base/lookup.h"
#include "base/text.h"
#include "format/openvino/openvino.h"

#define MOST_PORTS (1 << 16) /* of one layer */

struct work {
    struct openvino_net *net;
    const struct xml *xml;
    struct arena *arena;
    struct error *err;
    struct lookup ids; /* a layer's id → the layer */
};

static int64_t number(const struct xml *x, const struct xml_node *node, const char *name)
{
    const char *text = xml_attr(x, node, name);
    int64_t value = -1;
    return text && text_to_i64(text, strlen(text), &value) && value >= 0 ? value : -1;
}

/* ---- ports ---- */

static size_t count_all(const struct xml *x, const struct xml_node *parent, const char *name)
{
    size_t count = 0;
    for (const struct xml_node *n = xml_first(x, parent, name); n; n = xml_next(x, n, name))
        count++;
    return count;
}

static int list_ports(struct work *w, struct openvino_layer *l)
{
    const struct xml_node *in = xml_first(w->xml, l->xml, "input"), *out = xml_first(w->xml, l->xml, "output");
    size_t in_count = count_all(w->xml, in, "port"), out_count = count_all(w->xml, out, "port");
    if (in_count > MOST_PORTS || out_count > MOST_PORTS)
        return error_set(w->err, "layer '%.200s' has more than %d ports", l->name, MOST_PORTS);
    l->in = arena_alloc(w->arena, (in_count + 1) * sizeof(*l->in), w->err);
    l->in_ids = arena_alloc(w->arena, (in_count + 1) * sizeof(*l->in_ids), w->err);
    l->out = arena_alloc(w->arena, (out_count + 1) * sizeof(*l->out), w->err);
    if (!l->in || !l->in_ids || !l->out)
        return -1;
    for (const struct xml_node *p = xml_first(w->xml, in, "port"); p; p = xml_next(w->xml, p, "port")) {
        l->in[l->in_count].port = -1;
        l->in_ids[l->in_count++] = number(w->xml, p, "id");
    }
    for (const struct xml_node *p = xml_first(w->xml, out, "port"); p; p = xml_next(w->xml, p, "port"))
        l->out[l->out_count++] =
            (struct openvino_port){.id = number(w->xml, p, "id"), .xml = p, .names = xml_attr(w->xml, p, "names")};
    return 0;
}

static int list_layer(struct work *w, struct openvino_layer *l, const struct xml_node *node)
{
    const char *id = xml_attr(w->xml, node, "id"), *version = xml_attr(w->xml, node, "version");
    int64_t opset = 0;
    l->xml = node;
    l->data = xml_first(w->xml, node, "data");
    l->name = xml_attr(w->xml, node, "name");
    l->type = xml_attr(w->xml, node, "type");
    l->id = number(w->xml, node, "id");
    if (!l->type || l->id < 0)
        return error_set(w->err, "layer '%.200s' has no %s", l->name ? l->name : "", l->type ? "id" : "type");
    if (!l->name)
        l->name = l->type;
    if (version && strncmp(version, "opset", 5) == 0 && text_to_i64(version + 5, strlen(version + 5), &opset))
        l->version = opset > 0 && opset < 1000 ? (int)opset : 0;
    if (lookup_add(&w->ids, id, l, w->err) != 0)
        return error_set(w->err, "two layers have the id %.20s", id);
    return list_ports(w, l);
}

static int list_layers(struct work *w, const struct xml_node *layers)
{
    size_t count = count_all(w->xml, layers, "layer");
    w->net->layers = arena_alloc(w->arena, (count + 1) * sizeof(*w->net->layers), w->err);
    if (!w->net->layers)
        return -1;
    for (const struct xml_node *n = xml_first(w->xml, layers, "layer"); n; n = xml_next(w->xml, n, "layer"))
        if (list_layer(w, &w->net->layers[w->net->count++], n) != 0)
            return -1;
    return w->net->count ? 0 : error_set(w->err, "the net has no layers");
}

/* ---- edges ---- */

static struct openvino_layer *find_layer(struct work *w, const struct xml_node *edge, const char *end)
{
    const char *id = xml_attr(w->xml, edge, end);
    return id ? lookup_find(&w->ids, id) : NULL;
}

/* The input port of a number, which is looked for where it stands if all are numbered in order; in_count: none. */
static int find_input(const struct openvino_layer *l, int64_t id)
{
    uint64_t at = l->in_count ? (uint64_t)id - (uint64_t)l->in_ids[0] : 0;
    int i = 0;
    if (at < (uint64_t)l->in_count && l->in_ids[at] == id)
        return (int)at;
    while (i < l->in_count && l->in_ids[i] != id)
        i++;
    return i;
}

static int connect(struct work *w, const struct xml_node *edge)
{
    struct openvino_layer *from = find_layer(w, edge, "from-layer"), *to = find_layer(w, edge, "to-layer");
    int64_t out = number(w->xml, edge, "from-port"), in = number(w->xml, edge, "to-port");
    int i = to ? find_input(to, in) : 0, o = 0;
    while (from && o < from->out_count && from->out[o].id != out)
        o++;
    if (!from || !to || i == to->in_count || o == from->out_count) {
        const char *id = xml_attr(w->xml, edge, from && o < from->out_count ? "to-layer" : "from-layer");
        return error_set(w->err, "an edge leads to a layer or port that does not exist (layer %.20s)", id ? id : "?");
    }
    if (to->in[i].port >= 0)
        return error_set(w->err, "two edges lead to one port of layer '%.200s'", to->name);
    to->in[i] = (struct openvino_edge){.layer = (size_t)(from - w->net->layers), .port = o};
    from->out[o].is_used = true;
    to->waiting++;
    return 0;
}

/* ---- order ---- */

/* Whether the file's own order serves: almost always. The number of edges, by the way. */
static bool is_ordered(const struct openvino_net *net, size_t *edges)
{
    bool ordered = true;
    for (size_t i = 0; i < net->count; i++) {
        *edges += (size_t)net->layers[i].in_count;
        for (int k = 0; k < net->layers[i].in_count; k++)
            ordered = ordered && (net->layers[i].in[k].port < 0 || net->layers[i].in[k].layer < i);
    }
    return ordered;
}

/* Layers become ready when the last one that they wait for has. Who waits for a layer is a list, all in one array. */
static int order_layers(struct work *w)
{
    struct openvino_net *net = w->net;
    size_t edges = 0, ready = 0;
    bool ordered = is_ordered(net, &edges);
    size_t *first = arena_alloc(w->arena, (net->count + 1) * sizeof(*first), w->err);
    size_t(*list)[2] = arena_alloc(w->arena, (edges + 1) * sizeof(*list), w->err); /* layer, next */
    net->order = arena_alloc(w->arena, (net->count + 1) * sizeof(*net->order), w->err);
    if (!first || !list || !net->order)
        return -1;
    for (size_t i = 0; i < net->count && ordered; i++)
        net->order[i] = i;
    if (ordered)
        return 0;
    edges = 0;
    for (size_t i = net->count; i-- > 0;)
        for (int k = 0; k < net->layers[i].in_count; k++)
            if (net->layers[i].in[k].port >= 0) {
                size_t from = net->layers[i].in[k].layer;
                list[++edges][0] = i;
                list[edges][1] = first[from];
                first[from] = edges;
            }
    for (size_t i = 0; i < net->count; i++)
        if (net->layers[i].waiting == 0)
            net->order[ready++] = i;
    for (size_t done = 0; done < ready; done++)
        for (size_t e = first[net->order[done]]; e; e = list[e][1])
            if (--net->layers[list[e][0]].waiting == 0)
                net->order[ready++] = list[e][0];
    return ready == net->count ? 0 : error_set(w->err, "the layers' edges go round in a circle");
}

int openvino_net_list(struct openvino_net *net, const struct xml *xml, const struct xml_node *body, struct arena *arena,
                      struct error *err)
{
    struct work w = {.net = net, .xml = xml, .arena = arena, .err = err};
    const struct xml_node *edges = xml_first(xml, body, "edges");
    *net = (struct openvino_net){0};
    int result = list_layers(&w, xml_first(xml, body, "layers"));
    for (const struct xml_node *e = xml_first(xml, edges, "edge"); e && result == 0; e = xml_next(xml, e, "edge"))
        result = connect(&w, e);
    lookup_release(&w.ids);
    return result == 0 ? order_layers(&w) : -1;
}
