/* Operators that change the resolution, or move elements between space and channels. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "format/pnnx/read.h"
#include "op/build_filled.h"

/* ---- interpolation ---- */

static const struct mode {
    const char *name, *mode;
} modes[] = {
    {"nearest", "nearest"}, {"nearest-exact", "nearest"}, {"linear", "linear"},
    {"bilinear", "linear"}, {"trilinear", "linear"},      {"bicubic", "cubic"},
};

/* Whether corners lie on corners: F.upsample_bilinear always has it so. */
static bool aligns_corners(struct reader *r)
{
    return pnnx_bool(r, "align_corners", r->arg && strcmp(r->arg, "bilinear") == 0);
}

/* The mode that the row or the file states, of F.upsample_nearest and the like. */
static const char *set_mode(struct reader *r, struct value *v, const char *text)
{
    struct build *b = &r->b;
    bool corners = aligns_corners(r);
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, text) != 0)
            continue;
        bool plain = strcmp(text, "nearest") == 0, exact = strcmp(text, "nearest-exact") == 0;
        build_string(b, v, "mode", modes[i].mode);
        build_string(b, v, "coordinate_transformation_mode",
                     plain               ? "asymmetric"
                     : corners && !exact ? "align_corners"
                                         : "half_pixel");
        if (plain || exact)
            build_string(b, v, "nearest_mode", plain ? "floor" : "round_prefer_ceil");
        return text;
    }
    build_fail(b, "has the mode '%s'", text);
    return NULL;
}

/* The sizes that factors give, rounded down. */
static struct value *sizes_of(struct build *b, struct value *x, struct value *factors, int n)
{
    struct value *sizes = build_cast(b, build_shape(b, x, 2, 2 + n), DTYPE_F32);
    return build_cast(b, BUILD(b, "Floor", BUILD(b, "Mul", sizes, factors)), DTYPE_I64);
}

/* The factor in f32 from which ONNX gets the size that PyTorch gets from that in f64, where the input's is known. */
static float factor_of(int64_t in, double factor)
{
    float f = (float)factor;
    double out = floor((double)in * factor);
    for (int k = 0; in > 0 && k < 4 && floorf((float)in * f) > out; k++)
        f = nextafterf(f, 0);
    for (int k = 0; in > 0 && k < 4 && floorf((float)in * f) < out; k++)
        f = nextafterf(f, INFINITY);
    return f;
}

/* The place in PyTorch, which multiplies by the factor's inverse in f32, where ONNX divides by the factor. */
static int64_t nearest_place(int64_t k, int64_t in, int64_t out, double factor, bool exact)
{
    float inverse = (float)(1 / factor), half = exact ? 0.5f : 0;
    if (!exact && out == in)
        return k;
    int64_t place = (int64_t)(fmaxf(((float)k + half) * inverse - half, 0) + half);
    return place < in ? place : in - 1;
}

#define NEAREST_MAX 4096

/* Axes where the two differ are gathered, and their factors become 1. */
static struct value *gather_nearest(struct reader *r, struct value *x, int n, const double *factor, float *scale,
                                    bool exact)
{
    struct build *b = &r->b;
    int64_t at[NEAREST_MAX];
    for (int i = 0; i < n; i++) {
        int64_t in = pnnx_size(r, x, 2 + i), out = in > 0 && in < NEAREST_MAX ? (int64_t)((float)in * scale[i]) : 0;
        bool same = true;
        for (int64_t k = 0; out <= NEAREST_MAX && k < out; k++) {
            int64_t ours = (int64_t)(((double)k + (exact ? 0.5 : 0)) / scale[i]);
            at[k] = nearest_place(k, in, out, factor[i], exact);
            same &= at[k] == (ours < in ? ours : in - 1);
        }
        if (same || out > NEAREST_MAX)
            continue;
        x = build_int(b, BUILD(b, "Gather", x, build_list(b, (int)out, at)), "axis", 2 + i);
        scale[i] = 1;
    }
    return x;
}

/* Positions follow from the factors where these are given, as ONNX has it, and from the sizes where not. */
struct value *pnnx_upsample(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0), *v = NULL;
    int n = pnnx_rank(r, x) - 2;
    int64_t axes[] = {2, 3, 4}, sizes[WINDOW_AXES] = {0};
    double given[WINDOW_AXES];
    float scales[WINDOW_AXES];
    const char *text = r->arg ? r->arg : pnnx_text(r, "mode");
    struct value *list = NULL, *factors = NULL;
    if (n < 1 || n > WINDOW_AXES) {
        build_fail(b, "wants a tensor of 3 to 5 axes");
        return NULL;
    }
    struct pnnx_operand *size = pnnx_operand(r, "size", -1);
    if (size && size->value) {
        list = size->value;
    } else if (pnnx_text(r, "size")) {
        pnnx_window(r, "size", n, 0, sizes);
        list = build_list(b, n, sizes);
    } else {
        int count = pnnx_numbers(r, "scale_factor", n, given);
        for (int i = 0; i < n; i++) {
            given[i] = given[count == 1 ? 0 : i];
            if (!count || !(given[i] > 0 && given[i] < 65536))
                build_fail(b, "has no size and no factor");
            scales[i] = b->failed ? 1 : factor_of(pnnx_size(r, x, 2 + i), given[i]);
        }
        if (!b->failed && strncmp(text ? text : "nearest", "nearest", 7) == 0)
            x = gather_nearest(r, x, n, given, scales, text && strcmp(text, "nearest-exact") == 0);
        factors = b->failed ? NULL : build_f32s(b, n, scales);
        if (aligns_corners(r)) { /* positions do not follow from the factors */
            list = sizes_of(b, x, factors, n);
            factors = NULL;
        }
    }
    v = build_ints(b, BUILD(b, "Resize", x, NULL, factors, list), "axes", n, axes);
    if (pnnx_bool(r, "antialias", false)) { /* as Pillow does it: what lies outside has no weight */
        if (aligns_corners(r))
            build_fail(b, "aligns corners while it smooths, which has no meaning here");
        build_float(b, build_int(b, v, "antialias", 1), "cubic_coeff_a", -0.5f);
        build_int(b, v, "exclude_outside", 1);
    }
    return set_mode(r, v, text ? text : "nearest") ? v : NULL;
}

struct value *pnnx_grid_sample(struct reader *r)
{
    struct build *b = &r->b;
    struct value *v = BUILD(b, "GridSample", pnnx_in(r, "input", 0), pnnx_in(r, "grid", 1));
    const char *padding = pnnx_text(r, "padding_mode");
    build_string(b, v, "mode",
                 pnnx_is(r, "mode", "nearest")   ? "nearest"
                 : pnnx_is(r, "mode", "bicubic") ? "cubic"
                                                 : "linear");
    build_string(b, v, "padding_mode", padding ? padding : "zeros");
    return build_int(b, v, "align_corners", pnnx_bool(r, "align_corners", false));
}

struct value *pnnx_affine_grid(struct reader *r)
{
    struct value *theta = pnnx_in(r, "theta", 0), *size = pnnx_shape(r, "size");
    if (!size)
        build_fail(&r->b, "has no size");
    struct value *v = BUILD(&r->b, "AffineGrid", theta, size);
    return build_int(&r->b, v, "align_corners", pnnx_bool(r, "align_corners", false));
}

/* ---- between space and channels ---- */

static int64_t factor(struct reader *r, const char *key)
{
    int64_t n = pnnx_int(r, key, 0);
    if (n < 1 || n > 4096)
        build_fail(&r->b, "has %lld as %s", (long long)n, key);
    return n;
}

struct value *pnnx_pixel_shuffle(struct reader *r)
{
    struct value *v = BUILD(&r->b, "DepthToSpace", pnnx_in(r, "input", 0));
    return build_string(&r->b, build_int(&r->b, v, "blocksize", factor(r, "upscale_factor")), "mode", "CRD");
}

struct value *pnnx_pixel_unshuffle(struct reader *r)
{
    struct value *v = BUILD(&r->b, "nn.Reorg", pnnx_in(r, "input", 0));
    return build_string(&r->b, build_int(&r->b, v, "stride", factor(r, "downscale_factor")), "mode", "CRD");
}

/* The number of groups is a parameter, or of aten:: the second operand. */
struct value *pnnx_channel_shuffle(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int64_t n = pnnx_int(r, "groups", 0);
    struct pnnx_operand *second = r->op->in_count > 1 ? lookup_find(&r->names, r->op->in[1]) : NULL;
    if (!n && second && second->literal)
        text_to_i64(second->literal, strlen(second->literal), &n);
    if (n < 1)
        build_fail(&r->b, "has %lld groups", (long long)n);
    return build_int(&r->b, BUILD(&r->b, "nn.ShuffleChannel", x), "group", n);
}

/* ---- columns ---- */

struct columns {
    int64_t kernel[2], strides[2], pads[2], dilations[2];
};

static void read_columns(struct reader *r, struct columns *c)
{
    pnnx_window(r, "kernel_size", 2, 0, c->kernel);
    pnnx_window(r, "stride", 2, 1, c->strides);
    pnnx_window(r, "padding", 2, 0, c->pads);
    pnnx_window(r, "dilation", 2, 1, c->dilations);
}

struct value *pnnx_fold(struct reader *r)
{
    struct build *b = &r->b;
    struct columns c;
    int64_t size[2];
    read_columns(r, &c);
    pnnx_window(r, "output_size", 2, 0, size);
    struct value *v = BUILD(b, "Col2Im", pnnx_in(r, "input", 0), build_list(b, 2, size), build_list(b, 2, c.kernel));
    build_ints(b, v, "strides", 2, c.strides);
    build_ints(b, v, "dilations", 2, c.dilations);
    return build_ints(b, v, "pads", 4, (int64_t[]){c.pads[0], c.pads[1], c.pads[0], c.pads[1]});
}

/* One filter for each tap, which takes the element there and no other. */
static struct value *tap_filters(struct reader *r, const struct columns *c)
{
    int64_t n = c->kernel[0] * c->kernel[1], dims[] = {n, 1, c->kernel[0], c->kernel[1]};
    if (n < 1 || n > 1 << 12)
        build_fail(&r->b, "has a window of %lld elements", (long long)n);
    struct tensor *t = build_zeros(&r->b, DTYPE_F32, 4, dims);
    for (int64_t i = 0; t && i < n; i++)
        ((float *)t->data)[i * n + i] = 1;
    return t ? build_constant(&r->b, NULL, t) : NULL;
}

/* [N, C, H, W] to [N, C * taps, places]: a convolution of each channel by itself. */
struct value *pnnx_unfold(struct reader *r)
{
    struct build *b = &r->b;
    struct columns c;
    read_columns(r, &c);
    struct value *x = pnnx_in(r, "input", 0);
    int64_t channels = pnnx_size(r, x, 1);
    if (channels < 1 || channels > 1 << 20 || pnnx_rank(r, x) != 4)
        build_fail(b, "wants an image of known channels");
    struct value *flat =
        BUILD(b, "Reshape", x, pnnx_concat(r, 2, (struct value *[]){BUILD_LIST(b, -1, 1), build_shape(b, x, 2, 4)}, 0));
    struct value *v = BUILD(b, "Conv", flat, tap_filters(r, &c));
    pnnx_window_set(r, v, 2, NULL, c.strides, c.pads, c.dilations);
    return build_reshape(b, build_reshape(b, v, 3, (int64_t[]){0, 0, -1}), 3,
                         (int64_t[]){-1, channels * c.kernel[0] * c.kernel[1], 0});
}
