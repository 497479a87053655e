/* Reading a Caffe model: the net (.prototxt, text) and its weights (.caffemodel), or the latter alone, which holds the
 * net that it was trained in. */
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/caffe/caffe.h"
#include "format/caffe/recipe.h"
#include "format/caffe/sniff.h"
#include "parse/prototxt.h"

/* ---- layers that are known ---- */

#define LAYER(type, param, function) caffe_read_##function,
#define IGNORED(type)                NULL,
static caffe_layer_fn *const reads[] = {
#include "format/caffe/layer.def"
};
#undef LAYER
#undef IGNORED

#include "format/caffe/layer.inc"
PACKED_TABLE(kinds, struct caffe_kind, 2, reads);

const struct caffe_kind *caffe_kind_find(const char *type)
{
    return packed_find(&kinds, type);
}

static const char *operator_at(size_t index)
{
    const struct caffe_kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

/* ---- tops ---- */

static struct caffe_top *set_top(struct caffe_reader *r, const char *name, struct value *value)
{
    struct caffe_top *top = lookup_find(&r->tops, name);
    if (!top) {
        top = arena_alloc(&r->arena, sizeof(*top), r->build.err);
        if (!top || lookup_add(&r->tops, name, top, r->build.err) != 0) {
            build_check(&r->build, false);
            return NULL;
        }
        if (r->last_top)
            r->last_top->next = top;
        else
            r->first_top = top;
        r->last_top = top;
    }
    *top = (struct caffe_top){.name = name, .value = value, .next = top->next};
    return top;
}

int caffe_set_top(struct caffe_reader *r, const char *name, struct value *value)
{
    return set_top(r, name, value) ? 0 : -1;
}

static bool makes_top(const struct caffe_layer *layer, const char *name)
{
    for (const struct protobuf *p = protobuf_first(layer->message, "top"); p; p = protobuf_more(p))
        if (strcmp(protobuf_as_text(p, ""), name) == 0)
            return true;
    return false;
}

#define MOST_ADOPTED 64 /* each is looked for among all layers */

/* A net saved while it was trained has its data from a layer of training: what that made is an input. */
static struct caffe_top *adopt_input(struct caffe_reader *r, const char *name)
{
    for (size_t i = 0; i < r->net.count && r->adopted < MOST_ADOPTED; i++) {
        const struct caffe_layer *layer = &r->net.layers[i];
        if (protobuf_first(layer->message, "bottom") || caffe_layer_is_used(&r->net, layer) || !makes_top(layer, name))
            continue;
        r->adopted++;
        return caffe_read_layer(r, layer) == 0 ? lookup_find(&r->tops, name) : NULL;
    }
    build_fail(&r->build, "its bottom '%.200s' is made by no layer before it", name);
    return NULL;
}

/* ---- one layer ---- */

static int find_bottoms(struct caffe_read *l)
{
    const struct protobuf *message = l->layer->message;
    l->in = arena_alloc(&l->reader->arena, (protobuf_count(message, "bottom") + 1) * sizeof(*l->in), l->b->err);
    build_check(l->b, l->in != NULL);
    for (const struct protobuf *p = protobuf_first(message, "bottom"); p && !l->b->failed; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        struct caffe_top *top = lookup_find(&l->reader->tops, name);
        if (!top)
            top = adopt_input(l->reader, name);
        if (!top || !top->value) /* a label; whatever stands behind it is for training too */
            break;
        top->is_used = true;
        l->in[l->in_count++] = top->value;
    }
    return l->b->failed ? -1 : 0;
}

static int find_blobs(struct caffe_read *l)
{
    const struct caffe_layer *from = lookup_find(&l->reader->weights, l->layer->name);
    const struct protobuf *p = from ? protobuf_first(from->owner, "blobs") : NULL;
    if (!p)
        p = protobuf_first(l->layer->owner, "blobs");
    for (; p; p = protobuf_more(p)) {
        if (l->blob_count == CAFFE_MAX_BLOBS) {
            build_fail(l->b, "it has more than %d arrays of weights", CAFFE_MAX_BLOBS);
            return -1;
        }
        l->blobs[l->blob_count++] = p;
    }
    return 0;
}

static bool is_bottom(const struct caffe_read *l, const struct value *v)
{
    for (int i = 0; i < l->in_count; i++)
        if (l->in[i] == v)
            return true;
    return false;
}

/* Names the value as the top, or, where the top has had another value, as the layer; where that is taken too, not. */
static void give_top(struct caffe_read *l, const char *name, struct value *v)
{
    const struct graph *g = l->b->graph;
    const char *free_name = !graph_find_local(g, name)             ? name
                            : !graph_find_local(g, l->layer->name) ? l->layer->name
                                                                   : NULL;
    bool passed = is_bottom(l, v);
    if (v && !v->is_input && !v->constant && !passed)
        build_name(l->b, v, free_name);
    struct caffe_top *top = set_top(l->reader, name, v);
    if (top)
        top->is_made = passed || strcmp(top->name, v ? v->name : "") != 0;
}

static void give_tops(struct caffe_read *l)
{
    int i = 0;
    for (const struct protobuf *p = protobuf_first(l->layer->message, "top"); p && !l->b->failed; p = protobuf_more(p))
        give_top(l, protobuf_as_text(p, ""), l->out[i++]);
    if (i == 0 && l->out[0])
        give_top(l, l->layer->name, l->out[0]);
}

int caffe_read_layer(struct caffe_reader *r, const struct caffe_layer *layer)
{
    const struct caffe_kind *kind = caffe_kind_find(layer->type);
    struct caffe_read l = {.reader = r, .b = &r->build, .layer = layer};
    if (kind && !kind->read)
        return 0;
    l.param = kind ? protobuf_message(layer->message, kind->param) : NULL;
    l.out_count = (int)protobuf_count(layer->message, "top");
    l.out = arena_alloc(&r->arena, ((size_t)l.out_count + 2) * sizeof(*l.out), r->build.err);
    build_check(&r->build, l.out != NULL);
    if (!r->build.failed && find_bottoms(&l) == 0 && find_blobs(&l) == 0) {
        build_layer(&r->build, layer->name);
        (kind ? kind->read : caffe_read_opaque)(&l);
        build_infer(&r->build);
        if (!r->build.failed)
            give_tops(&l);
    }
    if (!r->build.failed)
        return 0;
    return error_prefix(r->build.err, "layer '%.200s' (%.100s)", layer->name, layer->type);
}

/* ---- the net ---- */

/* A net that works in place on its input has a result of the same name, which goes by its layer's then. */
static void add_output(struct caffe_reader *r, const struct caffe_top *top)
{
    const struct value *same = graph_find_local(r->build.graph, top->name);
    bool taken = same && same->is_input;
    build_graph_output(&r->build, top->value, taken ? top->value->is_input ? NULL : top->value->name : top->name);
}

/* What no layer takes is a result. */
static void add_outputs(struct caffe_reader *r)
{
    for (const struct caffe_top *top = r->first_top; top && !r->build.failed; top = top->next)
        if (top->value && !top->is_used && (top->is_made || !top->value->is_input))
            add_output(r, top);
    if (!r->build.failed && r->build.graph->output_count == 0)
        build_fail(&r->build, "the net has no outputs");
}

static void read_layers(struct caffe_reader *r)
{
    caffe_add_inputs(r);
    for (size_t i = 0; i < r->net.count && !r->build.failed; i++)
        if (caffe_layer_is_used(&r->net, &r->net.layers[i]))
            caffe_read_layer(r, &r->net.layers[i]);
    if (!r->build.failed)
        add_outputs(r);
}

/* The net as a graph; slides: inputs are of any size. */
static struct graph *build_net(struct caffe_reader *r, bool slides, struct error *err)
{
    struct graph *g = graph_new(err);
    if (!g)
        return NULL;
    r->build = (struct build){.graph = g, .err = err};
    r->slides = slides;
    r->first_top = r->last_top = NULL;
    r->adopted = 0;
    r->copied = 0;
    read_layers(r);
    lookup_release(&r->tops);
    return graph_if(!r->build.failed && caffe_set_recipe(r) == 0 && build_graph_end(&r->build) == 0, g);
}

/* ---- nets of any size ---- */

#define PATCH 64 /* sides of the largest input that is taken for a patch */

static bool is_map(const struct value *v)
{
    return v->type.kind == TYPE_TENSOR && v->type.rank == 4;
}

static bool is_place(const struct value *v)
{
    return is_map(v) && v->type.dims[2] == 1 && v->type.dims[3] == 1;
}

/* Whether the net averages all places into one: then it tells what a picture is of, whatever its size. */
static bool pools_all(const struct graph *g)
{
    for (const struct node *n = g->first; n; n = n->next)
        if (node_is(n, "AveragePool") && is_place(node_out(n, 0)))
            return true;
    return false;
}

/* Whether the net is stated for a patch, of which it makes one place of a map: then it is meant to slide over whole
 * pictures, as MTCNN's first does. */
static bool is_patch(const struct graph *g)
{
    for (size_t i = 0; i < g->output_count; i++)
        if (!is_place(g->outputs[i]))
            return false;
    return g->input_count == 1 && is_map(g->inputs[0]) && g->inputs[0]->type.dims[2] <= PATCH &&
           g->inputs[0]->type.dims[3] <= PATCH && !pools_all(g);
}

/* Whether every output grows with the input. */
static bool is_sliding(const struct graph *g)
{
    for (size_t i = 0; i < g->output_count; i++)
        if (!is_map(g->outputs[i]) || g->outputs[i]->type.dims[2] >= 0 || g->outputs[i]->type.dims[3] >= 0)
            return false;
    return true;
}

static struct graph *read_net(struct caffe_reader *r, struct error *err)
{
    struct graph *g = build_net(r, false, err);
    if (!g || !is_patch(g))
        return g;
    struct graph *sliding = build_net(r, true, NULL);
    if (sliding && is_sliding(sliding)) {
        graph_free(g);
        return sliding;
    }
    graph_free(sliding);
    return g;
}

/* ---- the files ---- */

/* Puts the layers of the file with weights into the table; of several with one name the first counts, as in Caffe. */
static int list_weights(struct caffe_reader *r, const struct caffe_net *net, struct error *err)
{
    for (size_t i = 0; i < net->count; i++)
        if (protobuf_first(net->layers[i].owner, "blobs") && !lookup_find(&r->weights, net->layers[i].name) &&
            lookup_add(&r->weights, net->layers[i].name, &net->layers[i], err) != 0)
            return -1;
    return 0;
}

static int read_weights(struct caffe_reader *r, struct caffe_net *net, struct error *err)
{
    const struct protobuf *message = protobuf_read(r->file->data, r->file->size, caffe_net_type(), &r->arena, err);
    if (message && caffe_net_list(net, message, &r->arena, err) == 0)
        return list_weights(r, net, err);
    return error_prefix(err, "the weights");
}

static int read_text(struct caffe_reader *r, const struct blob *text, struct error *err)
{
    const struct protobuf *message = prototxt_read(text->data, text->size, caffe_net_type(), &r->arena, err);
    if (!message)
        return -1;
    if (protobuf_find(message, "base_lr"))
        return error_set(err, "the settings of a training (a solver), not a net: want the file that its \"net\" names");
    return caffe_net_list(&r->net, message, &r->arena, err);
}

/* Some tools write weights by the names of their layers, and nothing of how these hang together. */
static int check_net(const struct caffe_net *net, struct error *err)
{
    for (size_t i = 0; i < net->count; i++)
        if (protobuf_first(net->layers[i].message, "top"))
            return 0;
    return error_set(err, "holds weights, but no net: give the .prototxt too, A.prototxt,B.caffemodel");
}

/* text or file may be NULL. */
static struct graph *read_both(struct blob *text, struct blob *file, struct error *err)
{
    struct caffe_reader r = {.file = file};
    struct graph *g = NULL;
    arena_init(&r.arena);
    if ((!file || read_weights(&r, &r.trained, err) == 0) && (!text || read_text(&r, text, err) == 0)) {
        if (!text)
            r.net = r.trained;
        g = text || check_net(&r.net, err) == 0 ? read_net(&r, err) : NULL;
    }
    lookup_release(&r.weights);
    arena_release(&r.arena);
    return g;
}

static struct graph *caffe_read(const struct source *s, struct error *err)
{
    bool is_text = caffe_is_text(s->blob);
    /* "deploy.prototxt" often stands beside weights of another name. */
    const char *twins = is_text ? ".caffemodel *.caffemodel" : ".prototxt";
    struct blob *twin = NULL;
    if (source_has_twin(s, twins) && !(twin = source_twin(s, twins, err)))
        return NULL;
    struct graph *g = is_text ? read_both(s->blob, twin, err) : read_both(twin, s->blob, err);
    blob_unref(twin);
    return g;
}

const struct format format_caffe = {
    .name = "caffe",
    .suffixes = ".prototxt",
    .twins = ".caffemodel",
    .what = "Caffe, with the layers of SSD and other forks",
    .sniff = caffe_sniff,
    .read = caffe_read,
    .operator_at = operator_at,
};
