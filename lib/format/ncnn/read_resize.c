/* Layers that change the resolution, or move elements between space and channels. */
#include "format/ncnn/read.h"
#include "format/ncnn/read_size.h"

/* ---- Interp ---- */

enum { NEAREST = 1, LINEAR, CUBIC };

/* Nearest takes the floor of the position times the ratio; the others take pixels' centres. */
static struct value *set_mode(struct reader *r, struct value *v, int type)
{
    static const char *const modes[] = {"nearest", "nearest", "linear", "cubic"};
    struct build *b = &r->b;
    bool corners = ncnn_int(r->l, 6, 0) != 0 && type != NEAREST;
    build_string(b, v, "mode", modes[type]);
    build_string(b, v, "coordinate_transformation_mode",
                 corners           ? "align_corners"
                 : type == NEAREST ? "asymmetric"
                                   : "half_pixel");
    if (type == NEAREST)
        build_string(b, v, "nearest_mode", "floor");
    return v;
}

/* The last axes, height (of a blob of three axes) and width, to the given sizes. */
static struct value *to_sizes(struct reader *r, struct value *x, int type, struct size height, struct size width)
{
    struct build *b = &r->b;
    int dims = ncnn_dims(r, x);
    struct size sizes[] = {height, width};
    int n = dims == 2 ? 1 : 2;
    struct value *list = ncnn_size_list(r, n, sizes + 2 - n);
    struct value *v = BUILD(b, "Resize", x, NULL, NULL, list);
    build_ints(b, v, "axes", n, n == 1 ? (int64_t[]){2} : (int64_t[]){2, 3});
    return set_mode(r, v, type);
}

/* A factor means floor(size * factor) elements, and positions by the factor too, as ONNX has it; before the releases of
 * October 2026 those of linear and cubic went by the ratio of the sizes. Aligned corners go by the sizes. */
static struct value *by_scales(struct reader *r, struct value *x, int type, float height, float width)
{
    struct build *b = &r->b;
    int dims = ncnn_dims(r, x);
    int64_t h = dims == 2 ? 1 : ncnn_size(r, x, 1), w = ncnn_size(r, x, dims - 1);
    float scales[] = {height, width};
    int n = dims == 2 ? 1 : 2;
    if (!(height > 0 && height < 65536 && width > 0 && width < 65536))
        build_fail(b, "has scales of %g and %g", height, width);
    if (b->failed)
        return NULL;
    if (type != NEAREST && ncnn_int(r->l, 6, 0) && h >= 0 && w >= 0)
        return to_sizes(r, x, type, ncnn_size_number((int64_t)((float)h * height)),
                        ncnn_size_number((int64_t)((float)w * width)));
    struct value *v = BUILD(b, "Resize", x, NULL, build_f32s(b, n, scales + 2 - n));
    build_ints(b, v, "axes", n, n == 1 ? (int64_t[]){2} : (int64_t[]){2, 3});
    return set_mode(r, v, type);
}

/* A blob of one axis holds a number for each channel, which fills the map. */
static struct value *filled(struct reader *r, struct value *x, struct size height, struct size width)
{
    struct build *b = &r->b;
    struct size shape[] = {ncnn_size_number(1), ncnn_size_number(1), height, width};
    struct value *map = build_reshape(b, x, 4, (int64_t[]){0, -1, 1, 1});
    return BUILD(b, "Expand", map, ncnn_size_list(r, 4, shape));
}

/* Sizes of the result, when the layer has any: of another blob, by an expression, or as numbers. */
static bool sizes_of(struct reader *r, struct value *x, struct size *height, struct size *width)
{
    const char *expression = ncnn_string(r->l, 9);
    struct size sizes[2];
    int h = ncnn_int(r->l, 3, 0), w = ncnn_int(r->l, 4, 0);
    if (*expression) {
        int n = ncnn_size_parse(r, expression, sizes, 2);
        *width = sizes[0];
        *height = n == 2 ? sizes[1] : ncnn_size_of(r, x, 'h');
        return true;
    }
    if (r->l->in_count > 1) {
        struct value *like = ncnn_in(r, 1);
        *height = ncnn_size_of(r, like, 'h');
        *width = ncnn_size_of(r, like, 'w');
        return true;
    }
    *height = h > 0 ? ncnn_size_number(h) : ncnn_size_of(r, x, 'h');
    *width = w > 0 ? ncnn_size_number(w) : ncnn_size_of(r, x, 'w');
    return h > 0 || w > 0;
}

struct value *ncnn_interp(struct reader *r)
{
    int type = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    struct size height = ncnn_size_number(0), width = ncnn_size_number(0);
    if (type < NEAREST || type > CUBIC)
        build_fail(&r->b, "has the type %d; 1 to 3 are known", type);
    if (r->b.failed)
        return NULL;
    bool sized = sizes_of(r, x, &height, &width);
    float h = ncnn_float(r->l, 1, 1), w = ncnn_float(r->l, 2, 1);
    if (ncnn_dims(r, x) == 1)
        return sized ? filled(r, x, height, width)
                     : filled(r, x, ncnn_size_number((int64_t)h), ncnn_size_number((int64_t)w));
    return sized ? to_sizes(r, x, type, height, width) : by_scales(r, x, type, h, w);
}

/* ---- between space and channels ---- */

static int64_t factor(struct reader *r, struct value *x)
{
    int n = ncnn_int(r->l, 0, 1);
    if (n < 1 || n > 4096 || ncnn_dims(r, x) != 3)
        build_fail(&r->b, "has a factor of %d, or a blob that is not of three axes", n);
    return n;
}

struct value *ncnn_pixel_shuffle(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    struct value *v = build_int(&r->b, BUILD(&r->b, "DepthToSpace", x), "blocksize", factor(r, x));
    return build_string(&r->b, v, "mode", ncnn_int(r->l, 1, 0) ? "DCR" : "CRD");
}

/* Mode 1 puts the place in the block first, mode 0 the channel. What fills no block is left off. */
struct value *ncnn_reorg(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int64_t n = factor(r, x);
    for (int i = 1; i < 3 && !r->b.failed; i++) {
        int64_t size = ncnn_size(r, x, i);
        if (size > 0 && size % n)
            x = build_slice(&r->b, x, i + 1, 0, size - size % n);
    }
    if (ncnn_int(r->l, 1, 0))
        return build_int(&r->b, BUILD(&r->b, "SpaceToDepth", x), "blocksize", n);
    return build_string(&r->b, build_int(&r->b, BUILD(&r->b, "nn.Reorg", x), "stride", n), "mode", "CRD");
}

struct value *ncnn_shuffle_channel(struct reader *r)
{
    struct build *b = &r->b;
    int n = ncnn_int(r->l, 0, 1);
    if (n < 1)
        build_fail(b, "has %d groups", n);
    struct value *v = build_int(b, BUILD(b, "nn.ShuffleChannel", ncnn_in(r, 0)), "group", n);
    return ncnn_int(r->l, 1, 0) ? build_int(b, v, "reverse", 1) : v;
}

struct value *ncnn_grid_sample(struct reader *r)
{
    static const char *const modes[] = {"linear", "nearest", "cubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    struct build *b = &r->b;
    int mode = ncnn_int(r->l, 0, 1), padding = ncnn_int(r->l, 1, 1);
    struct value *x = ncnn_in(r, 0), *grid = ncnn_in(r, 1);
    int dims = ncnn_dims(r, x);
    if (mode < 1 || mode > 3 || padding < 1 || padding > 3)
        build_fail(b, "has the mode %d and the padding %d; 1 to 3 are known", mode, padding);
    if (b->failed)
        return NULL;
    if (ncnn_int(r->l, 3, 0)) /* the coordinates stand first */
        grid = build_transpose(b, grid, dims + 1, dims == 3 ? (int64_t[]){0, 2, 3, 1} : (int64_t[]){0, 2, 3, 4, 1});
    struct value *v = BUILD(b, "GridSample", x, grid);
    build_string(b, v, "mode", modes[mode - 1]);
    build_string(b, v, "padding_mode", paddings[padding - 1]);
    return build_int(b, v, "align_corners", ncnn_int(r->l, 2, 0) != 0);
}
