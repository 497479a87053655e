/* A net becomes a graph, layer by layer: blobs by name, inputs, outputs, weights. */
#include "format/ncnn/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/ncnn/ncnn.h"

struct ncnn_blob {
    const char *name;
    struct value *value;
    const struct ncnn_layer *consumer; /* the first; NULL: an output of the net */
};

/* ---- blobs ---- */

static struct ncnn_blob *find_blob(const struct reader *r, const char *name)
{
    return lookup_find(&r->names, name);
}

static int link_consumers(struct reader *r, const struct ncnn_layer *l, struct error *err)
{
    for (int i = 0; i < l->in_count; i++) {
        struct ncnn_blob *blob = find_blob(r, l->in[i]);
        if (!blob)
            return error_set(err, "layer '%s' takes blob '%s', which no layer makes", l->name, l->in[i]);
        if (!blob->consumer)
            blob->consumer = l;
    }
    return 0;
}

static int list_blobs(struct reader *r, struct error *err)
{
    const struct ncnn_net *net = r->net;
    size_t count = 0;
    for (size_t i = 0; i < net->layer_count; i++)
        count += (size_t)net->layers[i].out_count;
    if (!(r->blobs = mem_calloc(count, sizeof(*r->blobs), err)))
        return -1;
    for (size_t i = 0; i < net->layer_count; i++)
        for (int o = 0; o < net->layers[i].out_count; o++) {
            struct ncnn_blob *blob = &r->blobs[r->blob_count++];
            blob->name = net->layers[i].out[o];
            if (lookup_add(&r->names, blob->name, blob, err) != 0)
                return error_prefix(err, "layer '%s' makes a blob that another made", net->layers[i].name);
        }
    for (size_t i = 0; i < net->layer_count; i++)
        if (link_consumers(r, &net->layers[i], err) != 0)
            return -1;
    return 0;
}

struct value *ncnn_in(struct reader *r, int i)
{
    if (r->b.failed)
        return NULL;
    if (i >= r->l->in_count) {
        build_fail(&r->b, "has %d inputs where at least %d were expected", r->l->in_count, i + 1);
        return NULL;
    }
    struct value *v = find_blob(r, r->l->in[i])->value;
    if (!v)
        build_fail(&r->b, "takes blob '%s' before it is made", r->l->in[i]);
    return v;
}

static bool is_input_of_layer(const struct reader *r, const struct value *v)
{
    for (int i = 0; i < r->l->in_count; i++)
        if (find_blob(r, r->l->in[i])->value == v)
            return true;
    return false;
}

/* What passes through, as in a Split and layers that do nothing, keeps the name of its first blob. */
void ncnn_give(struct reader *r, int o, struct value *v)
{
    if (r->b.failed)
        return;
    if (!v || o >= r->l->out_count) {
        if (!v)
            build_fail(&r->b, "has an output %d that the layer does not make", o + 1);
        return;
    }
    find_blob(r, r->l->out[o])->value = v;
    if (!v->is_input && !is_input_of_layer(r, v))
        build_name(&r->b, v, r->l->out[o]);
}

int ncnn_dims(struct reader *r, struct value *v)
{
    const struct type *t = build_type(&r->b, v);
    if (!t)
        return 0;
    if (t->kind != TYPE_TENSOR || t->rank < 1)
        build_fail(&r->b, "the number of axes of blob '%s' is not known", v->name);
    return r->b.failed ? 0 : t->rank - 1;
}

int64_t ncnn_size(struct reader *r, struct value *v, int blob_axis)
{
    int dims = ncnn_dims(r, v);
    return !r->b.failed && blob_axis >= 0 && blob_axis < dims ? v->type.dims[blob_axis + 1] : DIM_UNKNOWN;
}

int ncnn_axis(struct reader *r, struct value *v, int blob_axis)
{
    int dims = ncnn_dims(r, v);
    if (blob_axis < -dims || blob_axis >= dims) {
        build_fail(&r->b, "axis %d of a blob of %d axes", blob_axis, dims);
        return 0;
    }
    return blob_axis < 0 ? blob_axis + dims + 1 : blob_axis + 1;
}

/* ---- weights ---- */

static struct value *named_constant(struct reader *r, const char *name, struct tensor *t)
{
    char text[300];
    if (!t)
        build_check(&r->b, false);
    snprintf(text, sizeof(text), "%.200s.%s", r->l->name, name);
    return t ? build_constant(&r->b, text, t) : NULL;
}

struct value *ncnn_constant(struct reader *r, const char *name, struct tensor *t)
{
    bool narrow = t && t->dtype != DTYPE_F32;
    struct value *v = named_constant(r, name, t);
    return narrow ? build_cast(&r->b, v, DTYPE_F32) : v;
}

struct value *ncnn_raw(struct reader *r, const char *name, int rank, const int64_t *dims)
{
    return r->b.failed ? NULL : named_constant(r, name, ncnn_bin_raw(&r->bin, rank, dims, r->b.err));
}

struct tensor *ncnn_raw_tensor(struct reader *r, int64_t count)
{
    struct tensor *t = r->b.failed ? NULL : ncnn_bin_raw(&r->bin, 1, &count, r->b.err);
    build_check(&r->b, t != NULL);
    return t;
}

struct tensor *ncnn_weight_tensor(struct reader *r, int rank, const int64_t *dims)
{
    struct tensor *t = r->b.failed ? NULL : ncnn_bin_tagged(&r->bin, rank, dims, r->b.err);
    build_check(&r->b, t != NULL);
    return t;
}

struct value *ncnn_weight(struct reader *r, const char *name, int rank, const int64_t *dims)
{
    struct tensor *t = ncnn_weight_tensor(r, rank, dims);
    return t ? ncnn_constant(r, name, t) : NULL;
}

struct value *ncnn_channels(struct reader *r, const char *name, int64_t n, struct value *v)
{
    int64_t dims[TENSOR_MAX_RANK] = {n};
    int rank = ncnn_dims(r, v);
    for (int i = 1; i < rank; i++)
        dims[i] = 1;
    return ncnn_raw(r, name, rank, dims);
}

struct tensor *ncnn_swapped(struct reader *r, struct tensor *t, int64_t groups, int64_t a, int64_t b)
{
    if (!t || a == 1 || b == 1)
        return t;
    struct tensor *to = tensor_new(t->dtype, t->rank, t->dims, r->b.err);
    build_check(&r->b, to != NULL);
    size_t run = to ? to->size / (size_t)(groups * a * b) : 0;
    for (int64_t i = 0; to && i < groups * a * b; i++) {
        int64_t g = i / (a * b), at = g * a * b + i % b * a + i / b % a;
        memcpy((char *)to->data + (size_t)at * run, (const char *)t->data + (size_t)i * run, run);
    }
    tensor_unref(t);
    return to;
}

/* ---- pieces that many layers have ---- */

struct value *ncnn_by(struct reader *r, const char *op, struct value *v, double number)
{
    return BUILD(&r->b, op, v, build_number(&r->b, DTYPE_F32, number));
}

struct value *ncnn_along(struct reader *r, struct value *v, struct value *like)
{
    int64_t dims[TENSOR_MAX_RANK] = {0, -1};
    int rank = ncnn_dims(r, like) + 1;
    for (int i = 2; i < rank; i++)
        dims[i] = 1;
    return rank == 2 ? v : build_reshape(&r->b, v, rank, dims);
}

struct value *ncnn_linear(struct reader *r, struct value *x, struct value *weight, struct value *bias)
{
    struct build *b = &r->b;
    const struct type *t = build_type(b, x);
    if (t && t->rank == 2)
        return BUILD(b, "Gemm/transB=1", x, weight, bias);
    return build_add(b, BUILD(b, "MatMul", x, BUILD(b, "Transpose/perm=1,0", weight)), bias);
}

struct value *ncnn_activation(struct reader *r, struct value *v, int type_id)
{
    struct build *b = &r->b;
    float p0 = ncnn_float_at(r->l, type_id + 1, 0), p1 = ncnn_float_at(r->l, type_id + 1, 1);
    switch (ncnn_int(r->l, type_id, 0)) {
    case 0:
        return v;
    case 1:
        return BUILD(b, "Relu", v);
    case 2:
        return build_float(b, BUILD(b, "LeakyRelu", v), "alpha", p0);
    case 3:
        return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, p0), build_number(b, DTYPE_F32, p1));
    case 4:
        return BUILD(b, "Sigmoid", v);
    case 5:
        return BUILD(b, "Mish", v);
    case 6:
        return ncnn_hard_swish_of(r, v, p0, p1);
    default:
        build_fail(b, "has a fused activation of type %d; 0 to 6 are known", ncnn_int(r->l, type_id, 0));
        return NULL;
    }
}

/* ---- layers ---- */

static const ncnn_read_fn functions[] = {
#define LAYER(name, read) ncnn_##read,
#include "format/ncnn/layer.def"
#undef LAYER
};

static int read_layer(struct reader *r, const struct ncnn_layer *l)
{
    int index = ncnn_type_index(l->type);
    ncnn_read_fn read = index < 0 ? ncnn_opaque : functions[index];
    r->l = l;
    build_layer(&r->b, l->name);
    struct value *v = read(r);
    if (l->out_count)
        ncnn_give(r, 0, v);
    for (int o = 1; o < l->out_count && !r->b.failed; o++)
        if (!find_blob(r, l->out[o])->value)
            build_fail(&r->b, "has %d outputs, more than the layer makes", l->out_count);
    build_infer(&r->b);
    return r->b.failed ? error_prefix(r->b.err, "layer '%s' (%s)", l->name, l->type) : 0;
}

/* Blobs that nobody takes, in the order in which they are made. */
static void give_outputs(struct reader *r)
{
    for (size_t i = 0; i < r->blob_count; i++)
        if (!r->blobs[i].consumer)
            build_graph_output(&r->b, r->blobs[i].value, r->blobs[i].name);
}

static int read_net(struct reader *r, struct error *err)
{
    if (list_blobs(r, err) != 0)
        return -1;
    for (size_t i = 0; i < r->net->layer_count; i++)
        if (read_layer(r, &r->net->layers[i]) != 0)
            return -1;
    if (ncnn_bin_end(&r->bin, err) != 0)
        return -1;
    give_outputs(r);
    return build_graph_end(&r->b);
}

/* Of a reading: what it tries, and whether something was there to be tried. */
struct trial {
    int guess;
    enum ncnn_sizes sizes;
    bool guessed, sized;
};

static struct graph *read_guessing(const struct ncnn_net *net, const struct source *source, struct trial *t,
                                   struct error *err)
{
    struct graph *g = graph_new(err);
    struct reader r = {
        .b = {.graph = g, .err = err}, .net = net, .bin = {.source = source}, .guess = t->guess, .sizes = t->sizes};
    int result = g ? read_net(&r, err) : -1;
    ncnn_bin_release(&r.bin);
    lookup_release(&r.names);
    free(r.blobs);
    t->guessed = r.guessed;
    t->sized = r.sized;
    return graph_if(result == 0, g);
}

/* Where nothing tells how many axes an input has, it stays open; a net that cannot be read so is read with each number
 * there is, an image's first. */
static struct graph *read_sized(const struct ncnn_net *net, const struct source *source, struct trial *t,
                                struct error *err)
{
    static const int guesses[] = {0, 3, 2, 4, 1};
    struct error first;
    struct graph *g = NULL;
    t->guessed = true;
    for (size_t i = 0; !g && t->guessed && i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        t->guess = guesses[i];
        g = read_guessing(net, source, t, err);
        if (i == 1 && err)
            first = *err;
    }
    if (!g && t->guessed && err)
        *err = first;
    return g;
}

/* The runtime takes no notice of the sizes that an input says: where a net cannot have them, old converters wrote them
 * in another order, or it was trained anew for others. Not where the number of axes was guessed too: a large file that
 * cannot be read at all would be read too often. */
struct graph *ncnn_read_net(const struct ncnn_net *net, const struct source *source, struct error *err)
{
    struct trial t = {.sizes = NCNN_SIZES};
    struct error ignored;
    struct graph *g = read_sized(net, source, &t, err);
    while (!g && t.sized && !t.guessed && t.sizes < NCNN_SIZES_OPEN) {
        t.sizes++;
        g = read_sized(net, source, &t, &ignored);
    }
    return g;
}

const struct ncnn_layer *ncnn_consumer(const struct reader *r, const char *name)
{
    const struct ncnn_blob *blob = find_blob(r, name);
    return blob ? blob->consumer : NULL;
}
