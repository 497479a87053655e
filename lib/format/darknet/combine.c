/* Layers that take results of several, and those that work on each element. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/darknet/darknet.h"

#define MOST_SOURCES 256

void darknet_read_identity(struct darknet_read *l)
{
    l->out = l->in;
}

/* Of training; what is before it is what counts. */
void darknet_read_cost(struct darknet_read *l)
{
    l->out = l->in;
}

void darknet_read_activation(struct darknet_read *l)
{
    l->out = darknet_activate(l, l->in, "linear");
}

void darknet_read_logistic(struct darknet_read *l)
{
    l->out = l->b->failed ? NULL : BUILD(l->b, "Sigmoid", l->in);
}

void darknet_read_l2norm(struct darknet_read *l)
{
    darknet_map_of(l, &l->in);
    l->out = l->b->failed ? NULL : BUILD(l->b, "LpNormalization/axis=1", l->in);
}

/* Over all inputs, in groups; or at each place of a map. */
void darknet_read_softmax(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t groups = darknet_in(l, "groups", 1, 1, INT32_MAX), all = in.channels * in.height * in.width;
    float temperature = darknet_float(l->section, "temperature", 1);
    bool at_places = groups == 1 && (darknet_int(l->section, "spatial", 0) || in.height * in.width == 1);
    if (darknet_text(l->section, "tree"))
        build_fail(l->b, "a tree of classes is not read");
    if (!l->b->failed && (all % groups || temperature == 0))
        build_fail(l->b, "%lld inputs cannot be cut into groups=%lld", (long long)all, (long long)groups);
    struct value *v = l->b->failed || temperature == 1
                          ? l->in
                          : BUILD(l->b, "Mul", l->in, build_number(l->b, DTYPE_F32, 1 / temperature));
    if (!at_places)
        v = build_reshape(l->b, v, 3, (int64_t[]){0, groups, all / groups});
    v = l->b->failed ? NULL : build_int(l->b, BUILD(l->b, "Softmax", v), "axis", at_places ? 1 : 2);
    l->out = at_places ? v : build_reshape(l->b, v, 4, (int64_t[]){0, in.channels, in.height, in.width});
}

/* ---- routes ---- */

/* Part `group_id` of the channels. */
static struct value *group_of(struct darknet_read *l, struct value *v, const struct darknet_map *map, int64_t groups)
{
    int64_t id = darknet_in(l, "group_id", 0, 0, groups - 1), size = map->channels / groups;
    if (!l->b->failed && map->channels % groups)
        build_fail(l->b, "%lld channels are no multiple of groups=%lld", (long long)map->channels, (long long)groups);
    return build_slice(l->b, v, 1, id * size, (id + 1) * size);
}

void darknet_read_route(struct darknet_read *l)
{
    int64_t numbers[MOST_SOURCES], groups = darknet_in(l, "groups", 1, 1, INT32_MAX);
    int n = darknet_ints(l->section, "layers", numbers, MOST_SOURCES);
    struct value *parts[MOST_SOURCES];
    struct darknet_map first = {0};
    if (n < 1 || n > MOST_SOURCES)
        build_fail(l->b, "layers names %d layers, want 1 to %d", n, MOST_SOURCES);
    for (int i = 0; i < n && !l->b->failed; i++) {
        parts[i] = darknet_result(l, numbers[i]);
        struct darknet_map map = darknet_map_of(l, &parts[i]);
        if (i == 0)
            first = map;
        if (!l->b->failed && (map.height != first.height || map.width != first.width))
            build_fail(l->b, "its layers are of %lldx%lld and %lldx%lld, want equal sizes", (long long)first.width,
                       (long long)first.height, (long long)map.width, (long long)map.height);
        if (groups > 1)
            parts[i] = group_of(l, parts[i], &map, groups);
    }
    if (!l->b->failed)
        l->out = n == 1 ? parts[0] : build_int(l->b, build_node(l->b, "Concat", n, parts), "axis", 1);
}

/* ---- sums ---- */

/* v as a map of the size of `to`: every n-th place, the first channels, and zeros for those that it has not. */
static struct value *fitted(struct darknet_read *l, struct value *v, const struct darknet_map *to)
{
    struct darknet_map from = darknet_map_of(l, &v);
    int64_t step = to->width ? from.width / to->width : 0;
    if (l->b->failed || (from.channels == to->channels && from.height == to->height && from.width == to->width))
        return v;
    if (step < 1 || from.width != step * to->width || from.height != step * to->height) {
        build_fail(l->b, "a map of %lldx%lld cannot be added to one of %lldx%lld", (long long)from.width,
                   (long long)from.height, (long long)to->width, (long long)to->height);
        return NULL;
    }
    if (step > 1)
        v = BUILD(l->b, "Slice", v, BUILD_LIST(l->b, 0, 0), BUILD_LIST(l->b, from.height, from.width),
                  BUILD_LIST(l->b, 2, 3), BUILD_LIST(l->b, step, step));
    if (from.channels > to->channels)
        return build_slice(l->b, v, 1, 0, to->channels);
    if (from.channels == to->channels)
        return v;
    return BUILD(l->b, "Pad", v, BUILD_LIST(l->b, 0, 0, 0, 0, 0, to->channels - from.channels, 0, 0));
}

enum weighting { WEIGHTING_PLAIN, WEIGHTING_RELU, WEIGHTING_SOFTMAX };

static enum weighting read_weighting(struct darknet_read *l)
{
    static const struct {
        const char *name;
        enum weighting weighting;
    } names[] = {{"none", WEIGHTING_PLAIN},
                 {"relu", WEIGHTING_RELU},
                 {"avg_relu", WEIGHTING_RELU},
                 {"softmax", WEIGHTING_SOFTMAX}};
    const char *text = darknet_text(l->section, "weights_normalization");
    for (int i = 0; i < 4; i++)
        if (!text || strcmp(text, names[i].name) == 0)
            return names[i].weighting;
    build_fail(l->b, "weights_normalization is '%.60s', want none, relu or softmax", text);
    return WEIGHTING_PLAIN;
}

/* Weights [terms, each] become shares of each column. Source: shortcut_multilayer_cpu(). */
static void normalize(float *w, int64_t terms, int64_t each, enum weighting how)
{
    for (int64_t c = 0; c < each && how != WEIGHTING_PLAIN; c++) {
        float most = -INFINITY, sum = 0.0001f;
        for (int64_t t = 0; t < terms; t++)
            most = fmaxf(most, w[t * each + c]);
        for (int64_t t = 0; t < terms; t++) {
            float *one = &w[t * each + c];
            *one = how == WEIGHTING_RELU ? fmaxf(*one, 0.001f) : expf(*one - most);
            sum += *one;
        }
        for (int64_t t = 0; t < terms; t++)
            w[t * each + c] /= sum;
    }
}

/* The factor of each term: none, one number, or one for each channel. false: there are none. */
static bool read_factors(struct darknet_read *l, int terms, int64_t channels, struct value **factors)
{
    const char *type = darknet_text(l->section, "weights_type");
    bool by_channel = type && strcmp(type, "per_channel") == 0;
    int64_t dims[2] = {terms, by_channel ? channels : 1};
    if (!type || strcmp(type, "none") == 0)
        return false;
    if (!by_channel && strcmp(type, "per_feature") != 0 && strcmp(type, "per_layer") != 0)
        build_fail(l->b, "weights_type is '%.60s', want none, per_feature or per_channel", type);
    enum weighting how = read_weighting(l);
    struct tensor *mapped = darknet_numbers(l, 2, dims);
    struct tensor *all = mapped ? tensor_new(DTYPE_F32, 2, dims, l->b->err) : NULL;
    if (all) {
        memcpy(all->data, mapped->data, all->size);
        normalize(all->data, terms, dims[1], how);
    }
    for (int i = 0; i < terms && all; i++) {
        struct tensor *t = tensor_new(DTYPE_F32, 3, (int64_t[]){dims[1], 1, 1}, l->b->err);
        if (t)
            memcpy(t->data, (float *)all->data + i * dims[1], t->size);
        factors[i] = build_constant(l->b, NULL, t);
    }
    build_check(l->b, all != NULL);
    tensor_unref(mapped);
    tensor_unref(all);
    return true;
}

void darknet_read_shortcut(struct darknet_read *l)
{
    int64_t numbers[MOST_SOURCES];
    struct darknet_map map = darknet_map_of(l, &l->in);
    struct value *terms[MOST_SOURCES + 1] = {l->in}, *factors[MOST_SOURCES + 1] = {NULL};
    int n = darknet_ints(l->section, "from", numbers, MOST_SOURCES);
    if (n < 1 || n > MOST_SOURCES) {
        build_fail(l->b, "from names %d layers, want 1 to %d", n, MOST_SOURCES);
        return;
    }
    bool weighted = read_factors(l, n + 1, map.channels, factors);
    for (int i = 0; i < n && !l->b->failed; i++)
        terms[i + 1] = fitted(l, darknet_result(l, numbers[i]), &map);
    struct value *sum = NULL;
    for (int i = 0; i <= n && !l->b->failed; i++) {
        struct value *term = weighted ? BUILD(l->b, "Mul", terms[i], factors[i]) : terms[i];
        sum = sum ? BUILD(l->b, "Add", sum, term) : term;
    }
    l->out = darknet_activate(l, sum, "linear");
}

/* ---- products ---- */

/* Another layer's result times this one's, which may be a map of 1 x 1, or of one channel. */
static void multiply(struct darknet_read *l)
{
    int64_t number;
    if (darknet_ints(l->section, "from", &number, 1) != 1)
        build_fail(l->b, "from is to name one layer");
    struct value *other = l->b->failed ? NULL : darknet_result(l, number);
    darknet_map_of(l, &l->in);
    darknet_map_of(l, &other);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "Mul", other, l->in);
    l->out = darknet_activate(l, v, "linear");
}

void darknet_read_sam(struct darknet_read *l)
{
    multiply(l);
}

void darknet_read_scale_channels(struct darknet_read *l)
{
    multiply(l);
}
