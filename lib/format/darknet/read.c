/* Reading a Darknet model: the net (.cfg) and its weights (.weights). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"
#include "format/darknet/darknet.h"

/* ---- layers that are known ---- */

static darknet_layer_fn *const reads[] = {
#define LAYER(type, function) darknet_read_##function,
#include "format/darknet/layer.def"
#undef LAYER
};

struct kind {
    const char *type;
    darknet_layer_fn *read;
};

#include "format/darknet/layer.inc"
PACKED_TABLE(kinds, struct kind, 1, reads);

static const char *operator_at(size_t index)
{
    const struct kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

static darknet_layer_fn *find_kind(const char *type)
{
    const struct kind *kind = packed_find(&kinds, type);
    return kind ? kind->read : NULL;
}

/* ---- what layers ask ---- */

int64_t darknet_in(struct darknet_read *l, const char *key, int64_t otherwise, int64_t low, int64_t high)
{
    int64_t i = darknet_int(l->section, key, otherwise);
    if (i >= low && i <= high)
        return i;
    build_fail(l->b, "%s=%lld, want %lld to %lld", key, (long long)i, (long long)low, (long long)high);
    return low;
}

/* Of a map, so that sizes can be multiplied. */
#define MOST_ELEMENTS (INT64_C(1) << 40)

struct darknet_map darknet_map_of(struct darknet_read *l, struct value **v)
{
    const struct type *type = *v ? build_type(l->b, *v) : NULL;
    if (type && type->kind == TYPE_TENSOR && type->rank == 2) {
        *v = build_reshape(l->b, *v, 4, (int64_t[]){0, 0, 1, 1});
        type = *v ? build_type(l->b, *v) : NULL;
    }
    if (l->b->failed)
        return (struct darknet_map){0};
    int64_t count = type && type->kind == TYPE_TENSOR && type->rank == 4 ? tensor_count(3, type->dims + 1) : 0;
    if (count > 0 && count <= MOST_ELEMENTS)
        return (struct darknet_map){type->dims[1], type->dims[2], type->dims[3]};
    build_fail(l->b, "what comes in is no map of known size, or has more than 2^40 elements");
    return (struct darknet_map){0};
}

struct value *darknet_result(struct darknet_read *l, int64_t number)
{
    int64_t at = number < 0 ? l->index + number : number;
    if (at >= 0 && at < l->index && l->reader->results[at])
        return l->reader->results[at];
    build_fail(l->b, "it names layer %lld, want one before it that has a result", (long long)number);
    return NULL;
}

/* A layer that is not known: a node darknet.type with its keys as attributes. */
static void read_opaque(struct darknet_read *l)
{
    char op[100];
    snprintf(op, sizeof(op), "darknet.%.80s", l->section->type);
    l->out = l->b->failed ? NULL : build_node(l->b, op, 1, &l->in);
    for (const struct darknet_option *o = l->section->first; o && !l->b->failed; o = o->next)
        build_string(l->b, l->out, o->key, o->value);
}

/* ---- the net ---- */

/* Height, width and channels; or a number of inputs. */
static int add_input(struct darknet_reader *r)
{
    const struct darknet_section *net = &r->cfg->sections[0];
    struct darknet_read l = {.reader = r, .b = &r->build, .section = net};
    int64_t inputs = darknet_int(net, "inputs", 0);
    r->height = darknet_in(&l, "height", inputs ? 1 : 0, 1, 1 << 20);
    r->width = darknet_in(&l, "width", inputs ? 1 : 0, 1, 1 << 20);
    int64_t channels = darknet_in(&l, "channels", inputs ? inputs : 0, 1, 1 << 24);
    r->input = build_input(&r->build, "data", DTYPE_F32, 4, (int64_t[]){1, channels, r->height, r->width});
    return r->build.failed ? error_prefix(r->build.err, "[net]") : 0;
}

static int read_layer(struct darknet_reader *r, const struct darknet_section *section)
{
    struct darknet_read l = {.reader = r, .b = &r->build, .section = section, .index = r->count};
    darknet_layer_fn *read = find_kind(section->type);
    char name[100];
    l.in = r->count ? r->results[r->count - 1] : r->input;
    snprintf(name, sizeof(name), "%.80s_%d", section->type, l.index);
    build_layer(&r->build, name);
    (read ? read : read_opaque)(&l);
    build_infer(&r->build);
    build_layer(&r->build, NULL);
    if (r->build.failed)
        return error_prefix(r->build.err, "line %d: layer %d, [%.60s]", section->line, l.index, section->type);
    if (l.out && l.out->producer && l.out != l.in && !l.out->is_output)
        build_name(&r->build, l.out, name);
    if (l.is_head)
        build_graph_output(&r->build, l.out, name);
    r->results[r->count++] = l.out;
    return r->build.failed ? -1 : 0;
}

static void read_layers(struct darknet_reader *r)
{
    const struct darknet_cfg *cfg = r->cfg;
    for (size_t i = 1; i < cfg->count && !r->build.failed; i++)
        read_layer(r, &cfg->sections[i]);
    darknet_end_weights(r);
    /* Without heads the last layer is what the net is for. */
    struct value *last = r->count ? r->results[r->count - 1] : NULL;
    if (!r->build.failed && r->build.graph->output_count == 0 && last)
        build_graph_output(&r->build, last, NULL);
    if (!r->build.failed && r->build.graph->output_count == 0)
        build_fail(&r->build, "the net has no layers");
    for (const struct darknet_state *state = r->first_state; state && !r->build.failed; state = state->next) {
        char name[sizeof(state->name) + 8];
        snprintf(name, sizeof(name), "%s_out", state->name);
        build_graph_output(&r->build, state->now, name);
    }
}

/* ---- what the files know beside the net ---- */

/* The lines of a text, the last one with or without an end. */
static int64_t count_lines(const char *text, size_t size)
{
    int64_t n = size && text[size - 1] != '\n';
    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    return n;
}

/* Names that stand beside the net, when they are as many as its classes. */
static int set_labels(struct darknet_reader *r, const struct source *s, struct error *err)
{
    static const char twins[] = ".names *.names";
    struct source alone = *s;
    alone.second = NULL; /* the weights */
    if (!source_has_twin(&alone, twins))
        return 0;
    struct blob *names = source_twin(&alone, twins, err);
    int failed = !names;
    if (names && (r->classes == 0 || r->classes == count_lines(names->data, names->size)))
        failed = graph_set_property(r->build.graph, "labels", names->data, names->size, err);
    blob_unref(names);
    return failed ? -1 : 0;
}

/* Pictures as the program gives them to its nets: red, green, blue from 0 to 1, resized by OpenCV. */
static int set_properties(struct darknet_reader *r, const struct source *s, struct error *err)
{
    static const char recipe[] = "opencv,rgb,scale=0.003921569", gray[] = "opencv,gray,scale=0.003921569";
    int64_t channels = r->input->type.dims[1];
    const char *text = channels == 3 ? recipe : channels == 1 ? gray : NULL;
    if (text && graph_set_property(r->build.graph, "recipe", text, strlen(text), err) != 0)
        return -1;
    return set_labels(r, s, err);
}

/* ---- the files ---- */

static struct graph *build_net(struct darknet_reader *r, const struct source *s, struct error *err)
{
    struct graph *g = graph_new(err);
    if (!g)
        return NULL;
    r->build = (struct build){.graph = g, .err = err};
    r->results = mem_calloc(r->cfg->count, sizeof(*r->results), err);
    bool begun = r->results && darknet_begin_weights(r, err) == 0 && add_input(r) == 0;
    if (begun)
        read_layers(r);
    free(r->results);
    return graph_if(begun && !r->build.failed && set_properties(r, s, err) == 0 && build_graph_end(&r->build) == 0, g);
}

static bool is_net(const struct darknet_cfg *cfg)
{
    return cfg->count > 0 &&
           (strcmp(cfg->sections[0].type, "net") == 0 || strcmp(cfg->sections[0].type, "network") == 0);
}

static struct graph *read_cfg(const struct source *s, struct blob *file, struct error *err)
{
    struct darknet_cfg cfg = {0};
    struct darknet_reader r = {.cfg = &cfg, .file = file};
    struct graph *g = NULL;
    struct arena arena;
    arena_init(&arena);
    r.arena = &arena;
    if (darknet_cfg_read(&cfg, s->blob->data, s->blob->size, &arena, err) == 0) {
        if (is_net(&cfg))
            g = build_net(&r, s, err);
        else
            error_set(err, "its first section is not [net]");
    }
    darknet_cfg_release(&cfg);
    arena_release(&arena);
    return g;
}

static struct graph *darknet_read(const struct source *s, struct error *err)
{
    static const char twins[] = ".weights *.weights"; /* training writes "net_best.weights" beside "net.cfg" */
    struct blob *file = NULL;
    if (source_has_twin(s, twins) && !(file = source_twin(s, twins, err)))
        return NULL;
    struct graph *g = read_cfg(s, file, err);
    blob_unref(file);
    return g;
}

/* The first line that is no comment begins the net. */
#define SNIFFED 65536 /* bytes, in which the first section begins */

static int darknet_sniff(const struct source *s)
{
    const char *at = s->blob->data, *end = at + (s->blob->size < SNIFFED ? s->blob->size : SNIFFED);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        while (at < stop && (*at == ' ' || *at == '\t' || *at == '\r'))
            at++;
        if (at < stop && *at != '#' && *at != ';')
            return (stop - at >= 5 && memcmp(at, "[net]", 5) == 0) ||
                           (stop - at >= 9 && memcmp(at, "[network]", 9) == 0)
                       ? 90
                       : 0;
        at = newline ? newline + 1 : end;
    }
    return 0;
}

const struct format format_darknet = {
    .name = "darknet",
    .suffixes = ".cfg",
    .twins = ".weights",
    .what = "Darknet, of J. Redmon and of A. Bochkovskiy",
    .sniff = darknet_sniff,
    .read = darknet_read,
    .operator_at = operator_at,
};
