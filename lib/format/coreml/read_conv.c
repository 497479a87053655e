/* Convolutions, pools, norms, sizes. Layers and operations say the same differently. */
#include <math.h>
#include <string.h>

#include "format/coreml/coreml.h"

#define MOST_AXES 3     /* spatial ones */
#define MOST_SIDE 65536 /* elements of a step or pad, as build_set_window() has it */

/* ---- windows ---- */

static struct build_window window(struct coreml_op *o, int rank, int64_t side)
{
    struct build_window w = build_window(rank);
    static const char *const names[] = {"kernel_sizes", "strides", "dilations"};
    int64_t *lists[] = {w.kernel, w.stride, w.dilation}, given[MOST_AXES];
    for (int i = 0; i < rank; i++)
        w.kernel[i] = side;
    for (int k = 0; k < 3; k++) {
        int count = coreml_ints(o, names[k], given, MOST_AXES);
        if (count && count != rank)
            build_fail(o->b, "%s has %d numbers, want %d", names[k], count, rank);
        for (int i = 0; i < count && !o->b->failed; i++)
            lists[k][i] = given[i];
    }
    return w;
}

/* Pads in pairs for each axis. The rule by which they are found: NULL, "SAME_UPPER" or "SAME_LOWER". */
static const char *read_pads(struct coreml_op *o, struct build_window *w)
{
    int64_t pads[2 * MOST_AXES];
    const char *type = coreml_word(o, "pad_type", "valid");
    int count = strcmp(type, "custom") == 0 ? coreml_ints(o, "pad", pads, 2 * MOST_AXES) : 0;
    if (count && count != 2 * w->rank)
        build_fail(o->b, "pad has %d numbers, want %d", count, 2 * w->rank);
    for (int i = 0; i < w->rank && count; i++) {
        w->pads[i] = pads[2 * i];
        w->pads[w->rank + i] = pads[2 * i + 1];
    }
    return strcmp(type, "same") == 0 ? "SAME_UPPER" : strcmp(type, "same_lower") == 0 ? "SAME_LOWER" : NULL;
}

/* BorderAmounts{10: [EdgeSizes{start 1, end 2}]} of a message. */
static void read_borders(struct bytes borders, int rank, int64_t *pads)
{
    struct protobuf_field f;
    for (int i = 0; i < rank && coreml_next(&borders, 10, &f); i++) {
        pads[i] = coreml_int(bytes_of(f.data, f.size), 1);
        pads[rank + i] = coreml_int(bytes_of(f.data, f.size), 2);
    }
}

/* The oneof valid, same of a layer, whose numbers follow each other. */
static const char *layer_pads(struct coreml_op *o, struct build_window *w, uint64_t valid)
{
    read_borders(coreml_part(coreml_part(o->params, valid), 1), w->rank, w->pads);
    if (!coreml_has(o->params, valid + 1))
        return NULL;
    return coreml_int(coreml_part(o->params, valid + 1), 1) == 1 ? "SAME_LOWER" : "SAME_UPPER";
}

/* ---- convolutions ---- */

struct conv {
    struct build_window window;
    const char *same;
    bool transposed;
    int64_t group;
};

static void check_sizes(struct coreml_op *o, int count, const int64_t *sizes)
{
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0 || sizes[i] > MOST_SIDE)
            build_fail(o->b, "a step or pad of %lld, want 0 to %d", (long long)sizes[i], MOST_SIDE);
}

/* A transposed one that is given its result's size has that. */
static void give_conv(struct coreml_op *o, struct conv *c, struct value *x, struct value *weight, struct value *bias)
{
    int64_t want[TENSOR_MAX_RANK], in[MOST_AXES], more[MOST_AXES] = {0};
    int rank = c->window.rank, count = c->transposed ? coreml_ints(o, "output_shape", want, TENSOR_MAX_RANK) : 0;
    check_sizes(o, rank, c->window.dilation);
    check_sizes(o, 2 * rank, c->window.pads);
    if (count >= rank && !o->b->failed) {
        for (int i = 0; i < rank; i++)
            in[i] = build_dim_of(o->b, x, 2 + i);
        struct build_window fit = c->window;
        for (int i = 0; i < rank; i++)
            fit.kernel[i] = c->window.kernel[i] < 1 || c->window.kernel[i] > MOST_SIDE
                                ? -1
                                : (c->window.kernel[i] - 1) * c->window.dilation[i] + 1;
        build_fit_deconv(o->b, &fit, in, want + count - rank, true, more);
        /* Pads that are given stay; what is lacking stands behind. */
        for (int i = 0; i < rank && !o->b->failed && !c->same; i++) {
            int64_t left =
                c->window.stride[i] * (in[i] - 1) + fit.kernel[i] - c->window.pads[i] - c->window.pads[rank + i];
            more[i] = want[count - rank + i] - left;
        }
        if (c->same)
            memcpy(c->window.pads, fit.pads, sizeof(fit.pads));
        c->same = NULL;
    }
    struct value *v = BUILD(o->b, c->transposed ? "ConvTranspose" : "Conv", x, weight, bias);
    build_set_window(o->b, v, &c->window);
    if (c->same)
        build_string(o->b, v, "auto_pad", c->same);
    for (int i = 0; i < rank && c->transposed; i++)
        if (more[i]) {
            build_ints(o->b, v, "output_padding", rank, more);
            break;
        }
    coreml_give(o, 0, build_int(o->b, v, "group", c->group));
}

void coreml_read_conv(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "x"), *weight = coreml_in(o, "weight"), *bias = coreml_optional(o, "bias");
    int rank = build_rank_of(o->b, weight) - 2;
    if (rank < 1 || rank > MOST_AXES) {
        build_fail(o->b, "a filter of %d axes, want 3 to 5", rank + 2);
        return;
    }
    struct conv c = {.transposed = strlen(o->arg) > 4, .window = window(o, rank, 1)};
    c.group = coreml_param(o, "groups", 1);
    c.same = read_pads(o, &c.window);
    for (int i = 0; i < rank; i++)
        c.window.kernel[i] = build_dim_of(o->b, weight, 2 + i);
    give_conv(o, &c, x, weight, bias);
}

/* x with four axes; *rank: what it had. */
static struct value *image(struct coreml_op *o, int *rank)
{
    struct value *x = coreml_in(o, "x");
    *rank = build_rank_of(o->b, x);
    if (*rank == 3)
        return build_unsqueeze(o->b, x, 0);
    if (*rank == 5)
        return BUILD(o->b, "Squeeze", x, BUILD_LIST(o->b, 0));
    if (*rank != 4)
        build_fail(o->b, "an input of %d axes, want 3 or 4", *rank);
    return x;
}

static void give_image(struct coreml_op *o, int rank)
{
    if (rank == 3 && o->out_count)
        coreml_give(o, 0, BUILD(o->b, "Squeeze", o->out[0], BUILD_LIST(o->b, 0)));
}

void coreml_read_convolution(struct coreml_op *o)
{
    struct conv c = {.transposed = coreml_param(o, "transposed", 0) != 0, .window = window(o, 2, 3)};
    int rank;
    struct value *x = image(o, &rank), *weight = o->arg_count > 1 ? coreml_in(o, "weight") : NULL;
    int64_t out = coreml_param(o, "channels", 0), in = coreml_param(o, "kernel_channels", 0);
    c.group = coreml_param(o, "groups", 1);
    c.group = c.group < 1 ? 1 : c.group;
    c.same = layer_pads(o, &c.window, 50);
    int64_t dims[] = {c.transposed ? in : out, c.transposed ? out / c.group : in, c.window.kernel[0],
                      c.window.kernel[1]};
    if (!weight && !o->b->failed)
        weight = coreml_weights(o, "weight", 4, dims);
    give_conv(o, &c, x, weight, coreml_bias(o, out));
    give_image(o, rank);
}

/* ---- pools ---- */

static void give_pool(struct coreml_op *o, struct value *x, struct build_pool *p, const char *same, char kind)
{
    struct value *v;
    p->average = kind == 'a';
    p->same = same && strcmp(same, "SAME_UPPER") == 0;
    if (kind == 'l') { /* the root of the sum of squares */
        v = build_set_window(o->b, BUILD(o->b, "LpPool", x), &p->window);
        coreml_give(o, 0, p->same ? build_string(o->b, v, "auto_pad", same) : v);
        return;
    }
    v = build_window_pool(o->b, x, p);
    if (same && !p->same)
        build_string(o->b, v, "auto_pad", same);
    if (same && p->average && p->counts_pads)
        build_int(o->b, v, "count_include_pad", 1);
    coreml_give(o, 0, v);
}

void coreml_read_pool(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "x");
    int rank = build_rank_of(o->b, x) - 2;
    if (rank < 1 || rank > MOST_AXES) {
        build_fail(o->b, "an input of %d axes, want 3 to 5", rank + 2);
        return;
    }
    struct build_pool p = {.window = window(o, rank, 1)};
    const char *same = read_pads(o, &p.window);
    p.counts_pads = !coreml_param(o, "exclude_padding_from_average", 0);
    p.rounding = coreml_param(o, "ceil_mode", 0) ? BUILD_CEIL_CAFFE : BUILD_FLOOR;
    give_pool(o, x, &p, same, *o->arg);
}

void coreml_read_pooling(struct coreml_op *o)
{
    int64_t pads[2] = {0};
    double given[2];
    int rank;
    char kind = "mal"[coreml_param(o, "type", 0) % 3 & 3];
    struct value *x = image(o, &rank);
    struct build_pool p = {.window = window(o, 2, 3)};
    if (coreml_param(o, "global", 0)) {
        coreml_give(o, 0,
                    BUILD(o->b,
                          kind == 'm'   ? "GlobalMaxPool"
                          : kind == 'a' ? "GlobalAveragePool"
                                        : "GlobalLpPool",
                          x));
        give_image(o, rank);
        return;
    }
    const char *same = layer_pads(o, &p.window, 30);
    struct bytes last = coreml_part(o->params, 32);
    for (int i = 0, count = coreml_numbers(last, 10, false, given, 2); i < 2 && count == 2; i++)
        pads[i] = given[i] >= 0 && given[i] < 65536 ? (int64_t)given[i] : 0;
    for (int i = 0; i < 4 && coreml_has(o->params, 32); i++)
        p.window.pads[i] = pads[i % 2];
    p.rounding = coreml_has(o->params, 32) ? BUILD_CEIL_CAFFE : BUILD_FLOOR;
    p.counts_pads = !coreml_param(o, "exclude", 0);
    give_pool(o, x, &p, same, kind);
    give_image(o, rank);
}

/* ---- norms ---- */

/* A list for each channel of x: given, or equal ones. */
static struct value *factors(struct coreml_op *o, const char *name, struct value *x, double otherwise)
{
    struct value *given = coreml_optional(o, name);
    int64_t channels = given ? 1 : build_dim_of(o->b, x, 1);
    if (channels < 1)
        build_fail(o->b, "its channels must be known");
    return given ? given : BUILD(o->b, "Expand", build_number(o->b, DTYPE_F32, otherwise), BUILD_LIST(o->b, channels));
}

void coreml_read_batch_norm(struct coreml_op *o)
{
    struct value *x = coreml_in(o, "x");
    struct value *v = BUILD(o->b, "BatchNormalization", x, factors(o, "gamma", x, 1), factors(o, "beta", x, 0),
                            coreml_in(o, "mean"), coreml_in(o, "variance"));
    coreml_give(o, 0, build_float(o->b, v, "epsilon", coreml_float(o, "epsilon", 1e-5f)));
}

static struct value *instance(struct coreml_op *o, struct value *x)
{
    struct value *v = BUILD(o->b, "InstanceNormalization", x, factors(o, "gamma", x, 1), factors(o, "beta", x, 0));
    return build_float(o->b, v, "epsilon", coreml_float(o, "epsilon", 1e-5f));
}

void coreml_read_instance_norm(struct coreml_op *o)
{
    coreml_give(o, 0, instance(o, coreml_in(o, "x")));
}

/* A layer may take mean and variance of its input. */
void coreml_read_batchnorm(struct coreml_op *o)
{
    int rank;
    struct value *x = image(o, &rank);
    if (coreml_param(o, "computes", 0)) {
        if (!coreml_param(o, "instance", 0))
            build_fail(o->b, "it takes the statistics of the batch, as in training");
        coreml_give(o, 0, instance(o, x));
    } else {
        struct value *v = BUILD(o->b, "BatchNormalization", x, factors(o, "gamma", x, 1), factors(o, "beta", x, 0),
                                factors(o, "mean", x, 0), factors(o, "variance", x, 1));
        coreml_give(o, 0, build_float(o->b, v, "epsilon", coreml_float(o, "epsilon", 0)));
    }
    give_image(o, rank);
}

/* Over the last axes, or, of a layer, as many as its list has; others by their parts. */
void coreml_read_layer_norm(struct coreml_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], shape[TENSOR_MAX_RANK];
    struct value *x = coreml_in(o, "x"), *gamma = coreml_optional(o, "gamma"), *beta = coreml_optional(o, "beta");
    int rank = build_rank_of(o->b, x), count = coreml_ints(o, "axes", axes, TENSOR_MAX_RANK),
        sized = coreml_ints(o, "shape", shape, TENSOR_MAX_RANK), first = rank;
    bool last = true;
    for (int i = 0; i < count; i++) {
        axes[i] = build_axis(o->b, axes[i], rank);
        first = axes[i] < first ? (int)axes[i] : first;
    }
    count = count ? count : sized ? sized : rank;
    first = first < rank ? first : rank - count;
    last = first + count == rank;
    if (sized && gamma && !o->b->failed)
        gamma = build_reshaped(o->b, gamma, sized, shape);
    if (sized && beta && !o->b->failed)
        beta = build_reshaped(o->b, beta, sized, shape);
    float epsilon = coreml_float(o, "epsilon", 1e-5f);
    if (last) {
        gamma = gamma ? gamma : coreml_number(o, x, 1);
        struct value *v = build_int(o->b, BUILD(o->b, "LayerNormalization", x, gamma, beta), "axis", first);
        coreml_give(o, 0, build_float(o->b, v, "epsilon", epsilon));
        return;
    }
    for (int i = 0; i < rank; i++)
        shape[i] = 1;
    for (int i = 0; i < count && gamma && !o->b->failed; i++)
        shape[axes[i]] = build_dim_of(o->b, gamma, i);
    struct value *in[] = {x, o->b->failed ? NULL : build_list(o->b, count, axes),
                          build_number(o->b, DTYPE_F32, epsilon),
                          gamma ? build_reshaped(o->b, gamma, rank, shape) : coreml_number(o, x, 1),
                          beta ? build_reshaped(o->b, beta, rank, shape) : coreml_number(o, x, 0)};
    coreml_give(o, 0,
                build_formula(o->b,
                              "$0 $0 $1 ReduceMean:2 Sub:2 >a a a a Mul:2 $1 ReduceMean:2 $2 Add:2 Sqrt "
                              "Div:2 $3 Mul:2 $4 Add:2",
                              5, in));
}

/* Each channel, or all together, less its mean, over its deviation, with epsilon as layer normalisations have it, which
 * converters make this of. */
void coreml_read_mvn(struct coreml_op *o)
{
    float epsilon = coreml_float(o, "epsilon", 0);
    bool across = coreml_param(o, "across", 0) != 0;
    struct value *in[] = {coreml_in(o, "x"), across ? BUILD_LIST(o->b, -3, -2, -1) : BUILD_LIST(o->b, -2, -1),
                          build_number(o->b, DTYPE_F32, epsilon != 0 ? epsilon : 1e-6f)};
    coreml_give(o, 0,
                build_formula(o->b,
                              coreml_param(o, "variance", 0)
                                  ? "$0 $0 $1 ReduceMean:2 Sub:2 >a a a a Mul:2 $1 ReduceMean:2 $2 "
                                    "Add:2 Sqrt Div:2"
                                  : "$0 $0 $1 ReduceMean:2 Sub:2",
                              3, in));
}

/* ---- sizes ---- */

/* The last two axes of x by factors, or to a size. */
static struct value *resized(struct coreml_op *o, struct value *x, const float *scales, const int64_t *sizes,
                             const char *mode, const char *rule)
{
    int rank = build_rank_of(o->b, x);
    struct value *by = scales ? build_f32s(o->b, 2, scales) : NULL, *to = scales ? NULL : build_list(o->b, 2, sizes);
    struct value *v = BUILD(o->b, "Resize", x, NULL, by, to);
    build_ints(o->b, v, "axes", 2, (int64_t[]){rank - 2, rank - 1});
    build_string(o->b, v, "mode", mode);
    build_string(o->b, v, "coordinate_transformation_mode", rule);
    return *mode == 'n' ? build_string(o->b, v, "nearest_mode", "floor") : v;
}

/* A linear factor is that of the sizes, rounded down; false where those of x are not known. */
static bool sizes_by(struct coreml_op *o, struct value *x, const float *scales, int64_t *sizes)
{
    int rank = build_rank_of(o->b, x);
    for (int i = 0; i < 2; i++) {
        int64_t in = build_dim_of(o->b, x, rank - 2 + i);
        double size = floor((double)scales[i] * (double)in + 1e-6);
        if (in < 1)
            return false;
        if (!(size >= 1 && size <= INT32_MAX))
            build_fail(o->b, "its factor is %g, for %lld elements", (double)scales[i], (long long)in);
        else
            sizes[i] = (int64_t)size;
    }
    return true;
}

void coreml_read_resize(struct coreml_op *o)
{
    static const char *const modes[][2] = {{"STRICT_ALIGN_CORNERS", "align_corners"},
                                           {"ALIGN_CORNERS", "align_corners"},
                                           {"UNALIGN_CORNERS", "half_pixel"},
                                           {"DEFAULT", "asymmetric"}};
    bool nearest = *o->arg == 'n', by_factor = o->type[0] == 'u';
    float scales[] = {coreml_float(o, "scale_factor_height", 1), coreml_float(o, "scale_factor_width", 1)};
    int64_t sizes[] = {coreml_param(o, "target_size_height", 1), coreml_param(o, "target_size_width", 1)};
    const char *said = coreml_word(o, "sampling_mode", "DEFAULT"), *rule = NULL;
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        rule = strcmp(said, modes[i][0]) == 0 ? modes[i][1] : rule;
    if (by_factor)
        rule = !nearest && coreml_param(o, "align_corners", 1)        ? "align_corners"
               : !nearest && coreml_param(o, "half_pixel_centers", 1) ? "half_pixel"
                                                                      : "asymmetric";
    if (!rule)
        build_fail(o->b, "its sampling_mode '%.40s' is not read", said);
    struct value *x = coreml_in(o, "x");
    bool stays = by_factor && (nearest || !sizes_by(o, x, scales, sizes));
    coreml_give(o, 0, resized(o, x, stays ? scales : NULL, sizes, o->arg, rule ? rule : ""));
}

/* The layers: by factors, or to a size. */
void coreml_read_upsample(struct coreml_op *o)
{
    double numbers[2];
    int64_t sizes[2] = {1, 1};
    float scales[2] = {1, 1};
    bool to_size = *o->arg != '\0', nearest = !to_size && coreml_param(o, "mode", 0) == 0;
    static const char *const linear[] = {"asymmetric", "align_corners", "half_pixel"};
    static const char *const sampling[] = {"align_corners", "align_corners", "asymmetric", "half_pixel"};
    int64_t rule = to_size ? coreml_int(coreml_part(o->params, 2), 1) : coreml_param(o, "linear", 0);
    if (rule < 0 || rule > (to_size ? 3 : 2))
        build_fail(o->b, "its mode is %lld, which is not read", (long long)rule);
    coreml_ints(o, "size", sizes, 2);
    if (coreml_params(o, "scales", numbers, 2) == 2 || coreml_params(o, "fractions", numbers, 2) == 2)
        for (int i = 0; i < 2; i++)
            scales[i] = (float)numbers[i];
    struct value *x = coreml_in(o, "x");
    bool by_sizes = to_size || (!nearest && sizes_by(o, x, scales, sizes));
    if (!o->b->failed)
        coreml_give(o, 0,
                    resized(o, x, by_sizes ? NULL : scales, sizes, nearest ? "nearest" : "linear",
                            nearest   ? "asymmetric"
                            : to_size ? sampling[rule]
                                      : linear[rule]));
}
