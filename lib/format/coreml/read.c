/* Models: what they describe, and what they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/coreml/coreml.h"
#include "format/format.h"

/* ---- names ---- */

void *coreml_alloc(struct coreml_reader *r, size_t count, size_t size)
{
    void *p = arena_alloc(&r->arena, count * size + 1, r->b.err);
    build_check(&r->b, p != NULL);
    return p;
}

void coreml_count_ops(struct coreml_reader *r, size_t count)
{
    r->ops += (long)(count < COREML_OPS ? count : COREML_OPS + 1);
    if (r->ops > COREML_OPS)
        build_fail(&r->b, "more than %d operations", COREML_OPS);
}

void coreml_count_parts(struct coreml_reader *r, size_t count)
{
    r->parts += (long)(count < COREML_PARTS ? count : COREML_PARTS + 1);
    if (r->parts > COREML_PARTS)
        build_fail(&r->b, "more than %d operands in all", COREML_PARTS);
}

bool coreml_count_bytes(struct coreml_reader *r, uint64_t *sum, uint64_t bytes)
{
    uint64_t most = COREML_TIMES * (r->file_bytes + 4096);
    if (bytes > most || *sum > most - bytes)
        build_fail(&r->b, "constants or blocks of more than %d times the bytes of the files", COREML_TIMES);
    else
        *sum += bytes;
    return !r->b.failed;
}

const char *coreml_text(struct coreml_reader *r, struct bytes text)
{
    size_t n = bytes_left(&text);
    const char *copy = n && memchr(text.at, 0, n) ? NULL : arena_strndup(&r->arena, (const char *)text.at, n, r->b.err);
    if (!copy)
        build_fail(&r->b, "a text with a NUL in it, or no memory for it");
    return copy ? copy : "";
}

struct coreml_value *coreml_find(struct coreml_reader *r, const char *name)
{
    return lookup_find(&r->names, name);
}

void coreml_set(struct coreml_reader *r, const char *name, struct value *v, struct bytes constant)
{
    struct coreml_value *to = r->b.failed ? NULL : coreml_find(r, name);
    if (!to && (to = coreml_alloc(r, 1, sizeof(*to))))
        build_check(&r->b, lookup_add(&r->names, name, to, r->b.err) == 0);
    if (to)
        *to = (struct coreml_value){v, constant, name};
}

/* ---- features ---- */

enum { FEATURE_NAME = 1, FEATURE_TYPE = 3, TYPE_IMAGE = 4, TYPE_ARRAY = 5, TYPE_DICTIONARY = 6 };
enum { ARRAY_SHAPE = 1, ARRAY_DTYPE = 2, SHAPES = 21, RANGES = 31, DTYPE_INT32 = 131104 };
enum { COLOUR_GRAY = 10, COLOUR_RGB = 20, COLOUR_BGR = 30 };

/* Whether axis i has several sizes, as a list of shapes or of ranges says. */
static bool is_open(struct bytes array, int i)
{
    struct protobuf_field f;
    struct bytes shapes = coreml_part(array, SHAPES), ranges = coreml_part(array, RANGES);
    double first[TENSOR_MAX_RANK], other[TENSOR_MAX_RANK];
    int count = 0;
    while (coreml_next(&shapes, 1, &f)) {
        int rank = coreml_numbers(bytes_of(f.data, f.size), 1, false, count ? other : first, TENSOR_MAX_RANK);
        if (i < rank && count++ && first[i] != other[i])
            return true;
    }
    for (int k = 0; coreml_next(&ranges, 1, &f); k++)
        if (k == i)
            return coreml_int(bytes_of(f.data, f.size), 1) != coreml_int(bytes_of(f.data, f.size), 2);
    return false;
}

int64_t coreml_symbol(struct coreml_reader *r, const char *input, int axis)
{
    char text[300];
    snprintf(text, sizeof(text), "%.250s_%d", input, axis);
    int64_t dim = graph_symbol(r->b.graph, text, r->b.err);
    build_check(&r->b, dim != 0);
    return dim;
}

static struct value *image_input(struct coreml_reader *r, const char *name, struct bytes image)
{
    bool open = coreml_has(image, SHAPES) || coreml_has(image, RANGES);
    int64_t dims[4] = {1, coreml_int(image, 3) == COLOUR_RGB || coreml_int(image, 3) == COLOUR_BGR ? 3 : 1,
                       coreml_int(image, 2), coreml_int(image, 1)};
    for (int i = 2; i < 4; i++)
        dims[i] = open ? coreml_symbol(r, name, i) : dims[i];
    if (!open && (dims[2] < 1 || dims[3] < 1 || dims[2] > 65536 || dims[3] > 65536))
        build_fail(&r->b, "input '%.200s' is an image of %lld x %lld", name, (long long)dims[3], (long long)dims[2]);
    return build_input(&r->b, name, DTYPE_F32, 4, dims);
}

/* Networks that do not say otherwise have arrays of [C] or [C, H, W] for what is [1, C, H, W] inside. */
static struct value *array_input(struct coreml_reader *r, const char *name, struct bytes array)
{
    double sizes[TENSOR_MAX_RANK];
    int64_t dims[TENSOR_MAX_RANK];
    int rank = coreml_numbers(array, ARRAY_SHAPE, false, sizes, TENSOR_MAX_RANK);
    if (rank > TENSOR_MAX_RANK)
        build_fail(&r->b, "input '%.200s' has %d axes, want at most %d", name, rank, TENSOR_MAX_RANK);
    for (int i = 0; i < rank && !r->b.failed; i++) {
        dims[i] = is_open(array, i)                        ? coreml_symbol(r, name, i)
                  : sizes[i] >= 1 && sizes[i] <= INT32_MAX ? (int64_t)sizes[i]
                                                           : 0;
        if (dims[i] == 0)
            build_fail(&r->b, "input '%.200s' has a dim of %g", name, sizes[i]);
    }
    bool whole = coreml_int(array, ARRAY_DTYPE) == DTYPE_INT32;
    struct value *v = build_input(&r->b, name, whole ? DTYPE_I32 : DTYPE_F32, rank ? rank : -1, dims);
    if (whole)
        v = build_cast(&r->b, v, DTYPE_F32);
    if (!r->is_exact && rank == 1)
        v = build_reshape(&r->b, v, 4, (int64_t[]){1, -1, 1, 1});
    else if (!r->is_exact && (rank == 3 || rank == 4))
        v = rank == 3 ? build_unsqueeze(&r->b, v, 0) : v;
    else if (!r->is_exact && rank == 5) /* steps and batch stand for one axis */
        v = BUILD(&r->b, "Squeeze", v, BUILD_LIST(&r->b, 1));
    return v;
}

/* Inputs of a network that nothing before it, in a pipeline, has made. */
static void add_inputs(struct coreml_reader *r)
{
    struct bytes rest = r->description;
    struct protobuf_field f;
    while (!r->b.failed && coreml_next(&rest, 1, &f)) {
        struct bytes feature = bytes_of(f.data, f.size), type = coreml_part(feature, FEATURE_TYPE);
        const char *name = coreml_text(r, coreml_part(feature, FEATURE_NAME));
        if (coreml_find(r, name))
            continue;
        if (!coreml_has(type, TYPE_IMAGE) && !coreml_has(type, TYPE_ARRAY))
            build_fail(&r->b, "input '%.200s' is neither an image nor an array", name);
        struct value *v = r->b.failed                    ? NULL
                          : coreml_has(type, TYPE_IMAGE) ? image_input(r, name, coreml_part(type, TYPE_IMAGE))
                                                         : array_input(r, name, coreml_part(type, TYPE_ARRAY));
        coreml_set(r, name, v, bytes_of("", 0));
    }
}

/* ---- preparing images ---- */

static void put_colours(struct text *t, int64_t colour, const float bias[3], double scale)
{
    for (int i = 0; i < (colour == COLOUR_GRAY ? 1 : 3); i++) {
        text_puts(t, i ? ":" : "");
        float of = bias[colour == COLOUR_BGR ? 2 - i : i];
        text_f32(t, of != 0 ? (float)((double)-of / scale) : 0);
    }
}

/* value = scale * sample + bias of its colour */
static void put_scaler(struct text *t, int64_t colour, struct bytes scaler)
{
    static const uint64_t of_rgb[] = {22, 21, 20};
    double number = 1;
    float bias[3] = {0};
    bool any = false;
    coreml_numbers(scaler, 10, true, &number, 1);
    double scale = number != 0 ? number : 1;
    for (int i = 0; i < 3; i++) {
        number = 0;
        coreml_numbers(scaler, colour == COLOUR_GRAY ? 30 : of_rgb[i], true, &number, 1);
        bias[i] = (float)number;
        any = any || number != 0;
    }
    if (any) {
        text_puts(t, ",mean=");
        put_colours(t, colour, bias, scale);
    }
    if (scale != 1) {
        text_puts(t, ",scale=");
        text_f32(t, (float)scale);
    }
}

/* A mean of each pixel is part of the network. */
static void subtract_image(struct coreml_reader *r, const char *name, struct bytes mean)
{
    struct coreml_value *v = coreml_find(r, name);
    const struct type *type = v && v->value ? build_type(&r->b, v->value) : NULL;
    int64_t count = coreml_numbers(mean, 1, true, NULL, 0);
    if (!type || type->rank != 4 || tensor_count(4, type->dims) != count) {
        build_fail(&r->b, "a mean image of %lld numbers, which is no size of '%.200s'", (long long)count, name);
        return;
    }
    double *numbers = mem_calloc((size_t)count, sizeof(*numbers), r->b.err);
    struct tensor *t = numbers ? tensor_new(DTYPE_F32, 4, type->dims, r->b.err) : NULL;
    if (t) {
        coreml_numbers(mean, 1, true, numbers, (int)count);
        tensor_store_f64(t, 0, count, numbers);
    }
    free(numbers);
    coreml_set(r, name, BUILD(&r->b, "Sub", v->value, build_constant(&r->b, NULL, t)), bytes_of("", 0));
}

/* The recipe of the first image. network: empty for a program, which prepares images itself. */
static void put_recipe(struct coreml_reader *r, struct bytes network)
{
    struct bytes rest = r->description;
    struct protobuf_field f;
    struct text t;
    while (!r->b.failed && coreml_next(&rest, 1, &f)) {
        struct bytes feature = bytes_of(f.data, f.size),
                     image = coreml_part(coreml_part(feature, FEATURE_TYPE), TYPE_IMAGE);
        const char *name = coreml_text(r, coreml_part(feature, FEATURE_NAME));
        int64_t colour = coreml_int(image, 3);
        if (!bytes_left(&image) || graph_property(r->b.graph, "recipe"))
            continue;
        text_init(&t);
        text_puts(&t, colour == COLOUR_RGB ? "rgb" : colour == COLOUR_BGR ? "bgr" : "gray");
        colour = colour == COLOUR_RGB || colour == COLOUR_BGR ? colour : COLOUR_GRAY;
        struct bytes all = network;
        while (!r->b.failed && coreml_next(&all, 2, &f)) {
            struct bytes step = bytes_of(f.data, f.size), of = coreml_part(step, 1);
            if (bytes_left(&of) && strcmp(coreml_text(r, of), name) != 0)
                continue;
            coreml_count_ops(r, 1);
            if (coreml_has(step, 10))
                put_scaler(&t, colour, coreml_part(step, 10));
            else
                subtract_image(r, name, coreml_part(step, 11));
        }
        build_check(&r->b,
                    t.data && !t.failed && graph_set_property(r->b.graph, "recipe", t.data, t.size, r->b.err) == 0);
        text_release(&t);
    }
}

/* ---- results ---- */

/* Lines of labels say that it classifies; takes the text. */
static void set_labels(struct coreml_reader *r, struct text *t)
{
    if (t->data && !t->failed)
        build_check(&r->b, graph_set_property(r->b.graph, "labels", t->data, t->size, r->b.err) == 0 &&
                               graph_set_property(r->b.graph, "task", "classify", 8, r->b.err) == 0);
    text_release(t);
}

static void add_label(struct text *t, struct bytes label, double number)
{
    if (label.at)
        text_add(t, (const char *)label.at, bytes_left(&label));
    else
        text_f64(t, number);
    text_puts(t, "\n");
}

/* Repeated texts, or whole numbers, of field 1. */
static void add_labels(struct coreml_reader *r, struct text *t, struct bytes texts, struct bytes numbers)
{
    struct protobuf_field f;
    int count = coreml_numbers(numbers, 1, false, NULL, 0);
    double *list = mem_calloc((size_t)count, sizeof(*list), r->b.err);
    build_check(&r->b, list != NULL);
    while (coreml_next(&texts, 1, &f))
        add_label(t, bytes_of(f.data, f.size), 0);
    if (list)
        coreml_numbers(numbers, 1, false, list, count);
    for (int i = 0; list && i < count; i++)
        add_label(t, bytes_of(NULL, 0), list[i]);
    free(list);
}

/* "classify" of a program: what it gives is the probabilities; the label is for who answers. Classes are a tensor, or a
 * list of values. */
void coreml_read_classify(struct coreml_op *o)
{
    struct protobuf_field f;
    struct text t;
    text_init(&t);
    for (int i = 0; i < o->arg_count; i++) {
        if (strcmp(o->args[i].role, "classes") != 0 || !o->args[i].count)
            continue;
        struct bytes value = coreml_part(o->args[i].all[0]->constant, 3), list = coreml_part(value, 3);
        struct bytes one = coreml_part(value, 1);
        do {
            add_labels(o->r, &t, coreml_part(one, 4), coreml_part(one, coreml_has(one, 5) ? 5 : 2));
            one = bytes_of("", 0);
            if (coreml_next(&list, 1, &f))
                one = coreml_part(coreml_part(bytes_of(f.data, f.size), 3), 1);
        } while (bytes_left(&one));
    }
    set_labels(o->r, &t);
    coreml_give(o, 1, coreml_in(o, "probabilities"));
}

/* What is [1, C, H, W] inside as the description has it. */
static struct value *as_described(struct coreml_reader *r, struct value *v, struct bytes type)
{
    double shape[TENSOR_MAX_RANK];
    int rank = coreml_numbers(coreml_part(type, TYPE_ARRAY), ARRAY_SHAPE, false, shape, TENSOR_MAX_RANK);
    int own = r->is_exact ? 0 : build_rank_of(&r->b, v);
    if (own == 4 && coreml_has(type, TYPE_DICTIONARY))
        return BUILD(&r->b, "Flatten/axis=1", v);
    if (own == 4 && rank == 1)
        return build_reshape(&r->b, v, 1, (int64_t[]){-1});
    return own == 4 && rank == 3 ? BUILD(&r->b, "Squeeze", v, BUILD_LIST(&r->b, 0)) : v;
}

/* Features that the model gives; classifiers' probabilities go by the name of a layer's output. */
static void add_outputs(struct coreml_reader *r, const char *probabilities)
{
    struct bytes rest = r->description;
    struct protobuf_field f;
    const char *said = coreml_text(r, coreml_part(r->description, 12));
    while (!r->b.failed && coreml_next(&rest, 10, &f)) {
        struct bytes feature = bytes_of(f.data, f.size);
        const char *name = coreml_text(r, coreml_part(feature, FEATURE_NAME));
        struct coreml_value *v = coreml_find(r, name);
        if (!v && strcmp(name, said) == 0)
            v = coreml_find(r, probabilities);
        if (!v) /* the label of the best class */
            continue;
        coreml_count_ops(r, 1);
        build_layer(&r->b, name);
        struct value *made = coreml_get(r, v);
        made = made ? as_described(r, made, coreml_part(feature, FEATURE_TYPE)) : NULL;
        build_graph_output(&r->b, made, name);
    }
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "it gives nothing that it describes");
}

/* ---- kinds of models ---- */

enum { MODEL_VERSION = 1, MODEL_DESCRIPTION = 2 };
enum {
    NET_CLASSIFIER = 403,
    NET_REGRESSOR = 303,
    NET = 500,
    PROGRAM = 502,
    IDENTITY = 900,
    EXTRACTOR = 609,
    SUPPRESSION = 610
};
enum { PIPELINE_CLASSIFIER = 200, PIPELINE_REGRESSOR = 201, PIPELINE = 202 };

/* The name of the layer's output that a classifier's probabilities are. */
static const char *read_network(struct coreml_reader *r, struct bytes network)
{
    struct protobuf_field f;
    struct bytes layers = network, last = bytes_of("", 0);
    const char *said = coreml_text(r, coreml_part(network, 200));
    struct text t;
    r->is_exact = coreml_int(network, 5) == 1;
    add_inputs(r);
    put_recipe(r, network);
    coreml_read_network(r, network);
    text_init(&t);
    add_labels(r, &t, coreml_part(network, 100), coreml_part(network, 101));
    set_labels(r, &t);
    while (coreml_next(&layers, 1, &f))
        last = coreml_part(bytes_of(f.data, f.size), 3);
    return *said ? said : coreml_text(r, last);
}

/* Features pass as they are, or some elements of one. */
static void read_step(struct coreml_reader *r, struct bytes model, uint64_t kind)
{
    struct bytes in = r->description, out = r->description;
    struct protobuf_field f, g;
    while (!r->b.failed && coreml_next(&in, 1, &f) && coreml_next(&out, 10, &g)) {
        const char *from = coreml_text(r, coreml_part(bytes_of(f.data, f.size), FEATURE_NAME)),
                   *to = coreml_text(r, coreml_part(bytes_of(g.data, g.size), FEATURE_NAME));
        double at[64];
        int64_t ints[64];
        int count = coreml_numbers(coreml_part(model, kind), 1, false, at, 64);
        struct coreml_value *named = coreml_find(r, from);
        struct value *v = named ? coreml_get(r, named) : NULL;
        if (!v || count > 64)
            build_fail(&r->b, "'%.200s' is made by no model before it, or it takes more than 64 elements", from);
        for (int i = 0; i < count && !r->b.failed; i++)
            ints[i] = at[i] >= 0 && at[i] < INT32_MAX ? (int64_t)at[i] : 0;
        coreml_count_ops(r, 1);
        build_layer(&r->b, to);
        if (kind == EXTRACTOR && !r->b.failed)
            v = BUILD(&r->b, "Gather/axis=-1", v, build_list(&r->b, count, ints));
        coreml_set(r, to, v, bytes_of("", 0));
    }
}

enum { NMS_PICK = 1, NMS_LABELS = 100, NMS_OVERLAP = 110, NMS_LEAST = 111, NMS_IN = 200, NMS_OUT = 210 };

/* Scores [n, classes] and boxes [n, 4] of centre and size: those that are left, by their best score. Thresholds that a
 * user may give are those of the file. */
static void read_suppression(struct coreml_reader *r, struct bytes nms)
{
    struct value *in[2] = {NULL}, *v;
    struct text labels;
    char text[700];
    double overlap = 0, least = 0;
    int64_t classes = (int64_t)coreml_count(coreml_part(nms, NMS_LABELS), 1);
    for (int i = 0; i < 2; i++) {
        const char *name = coreml_text(r, coreml_part(nms, NMS_IN + (uint64_t)i));
        struct coreml_value *from = coreml_find(r, name);
        in[i] = from ? coreml_get(r, from) : NULL;
        if (!in[i])
            build_fail(&r->b, "'%.200s' is made by no model before it", name);
        build_layer(&r->b, name);
        if (classes || i)
            in[i] = build_reshape(&r->b, in[i], 2, (int64_t[]){-1, i ? 4 : classes});
    }
    coreml_numbers(nms, NMS_OVERLAP, true, &overlap, 1);
    coreml_numbers(nms, NMS_LEAST, true, &least, 1);
    bool by_class = coreml_int(coreml_part(nms, NMS_PICK), 1) != 0;
    snprintf(text, sizeof(text),
             "$0 [1] ReduceMax:2/keepdims=0 >s s [0,1] Unsqueeze:2 >m %s"
             "$1 [0] Unsqueeze:2 m [2147483647] Squeeze =%.9g =%.9g NonMaxSuppression:5/center_point_box=1 "
             "[2] [3] [1] Slice:4 [-1] Reshape:2 >a s a Gather:2 >t t t Shape TopK:2 .1 >o a o Gather:2",
             by_class ? "$0 ArgMax/axis=1/keepdims=0 $0 Shape/start=1 Squeeze [0,1] Cast/to=1 OneHot:3/axis=0 "
                        "[0] Unsqueeze:2 Cast/to=9 m =-3e38 Where:3 >m "
                      : "",
             overlap, least);
    struct value *left = build_formula(&r->b, text, 2, in);
    for (int i = 0; i < 2 && !r->b.failed; i++) {
        v = BUILD(&r->b, "Gather", in[i], left);
        coreml_set(r, coreml_text(r, coreml_part(nms, NMS_OUT + (uint64_t)i)), v, bytes_of("", 0));
    }
    text_init(&labels);
    add_labels(r, &labels, coreml_part(nms, NMS_LABELS), coreml_part(nms, NMS_LABELS + 1));
    if (labels.data && !labels.failed)
        build_check(&r->b, graph_set_property(r->b.graph, "labels", labels.data, labels.size, r->b.err) == 0);
    text_release(&labels);
}

static const char *read_model(struct coreml_reader *r, struct bytes model)
{
    static const uint64_t kinds[] = {
        PIPELINE_CLASSIFIER, PIPELINE_REGRESSOR, PIPELINE, NET_CLASSIFIER, NET_REGRESSOR, NET, PROGRAM, IDENTITY,
        EXTRACTOR,           SUPPRESSION};
    struct protobuf_field f;
    uint64_t kind = 0;
    const char *probabilities = "";
    if (++r->depth > COREML_DEPTH)
        build_fail(&r->b, "models within each other, more than %d deep", COREML_DEPTH);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        kind = coreml_has(model, kinds[i]) ? kinds[i] : kind;
    struct bytes what = coreml_part(model, kind), outer = r->description;
    r->description = coreml_part(model, MODEL_DESCRIPTION);
    if (kind == 0)
        build_fail(&r->b,
                   "a kind of model that is not read: want a neural network, an ML program or a pipeline of them");
    else if (kind == PROGRAM) {
        r->is_exact = true;
        put_recipe(r, bytes_of("", 0));
        coreml_read_program(r, what);
    } else if (kind == IDENTITY || kind == EXTRACTOR)
        read_step(r, model, kind);
    else if (kind == SUPPRESSION)
        read_suppression(r, what);
    else if (kind > PIPELINE)
        probabilities = read_network(r, what);
    else
        for (struct bytes list = kind == PIPELINE ? what : coreml_part(what, 1);
             !r->b.failed && coreml_next(&list, 1, &f);)
            probabilities = read_model(r, bytes_of(f.data, f.size));
    r->description = outer;
    r->depth--;
    return probabilities;
}

/* ---- files ---- */

static const char root_file[] = "Data/com.apple.CoreML/model.mlmodel";

static struct blob *model_file(const struct source *s, struct error *err)
{
    return s->is_folder ? source_member(s, root_file, err) : blob_ref(s->blob);
}

static int read_whole(struct coreml_reader *r, struct error *err)
{
    struct bytes model = bytes_of(r->file->data, r->file->size);
    r->file_bytes = r->file->size;
    r->description = bytes_of("", 0);
    r->folder = r->source->is_folder ? "Data/com.apple.CoreML/" : "";
    const char *probabilities = read_model(r, model);
    r->description = coreml_part(model, MODEL_DESCRIPTION);
    add_outputs(r, probabilities);
    build_remove_unused(&r->b);
    if (!r->b.failed)
        graph_sweep_constants(r->b.graph); /* parameters that became attributes */
    build_check(&r->b, r->b.failed || graph_set_property(r->b.graph, "producer", "Core ML", 7, err) == 0);
    return build_graph_end(&r->b);
}

static struct graph *coreml_read(const struct source *s, struct error *err)
{
    struct coreml_reader r = {.source = s, .b = {.graph = graph_new(err), .err = err}};
    r.file = model_file(s, err);
    int result = r.file && r.b.graph ? read_whole(&r, err) : -1;
    lookup_release(&r.names);
    arena_release(&r.arena);
    for (int i = 0; i < r.weights_count; i++)
        blob_unref(r.weights[i].blob);
    blob_unref(r.file);
    return graph_if(result == 0, r.b.graph);
}

/* A version of 1 to 20, and a description of inputs and outputs. */
static int sniff(const struct source *s)
{
    struct error ignored;
    struct protobuf_field f;
    struct blob *blob = model_file(s, &ignored);
    int sure = 0;
    if (blob) {
        struct bytes in = bytes_of(blob->data, blob->size), description = coreml_part(in, MODEL_DESCRIPTION);
        int64_t version = coreml_int(in, MODEL_VERSION);
        bool begins = protobuf_take(&in, &f) && f.number == MODEL_VERSION && f.wire == PROTOBUF_WIRE_VARINT;
        struct bytes feature = coreml_part(description, 10);
        if (begins && version > 0 && version < 21 && coreml_has(feature, FEATURE_TYPE))
            sure = s->is_folder ? 100 : 92;
    }
    blob_unref(blob);
    return sure;
}

const struct format format_coreml = {
    .name = "coreml",
    .suffixes = ".mlmodel .mlpackage",
    .what = "Core ML: neural networks, ML programs (.mlmodel, .mlpackage)",
    .sniff = sniff,
    .read = coreml_read,
    .operator_at = coreml_operator_at,
};
