/* Sampling: Interpolate, of the first operation set and of the fourth on, and GridSample. */
#include <string.h>

#include "format/openvino/openvino.h"
#include "op/detect_build.h"

struct resize {
    int64_t axes[TENSOR_MAX_RANK];
    int count, rank;
    bool by_scale;
    struct value *sizes; /* or scales */
    int operand;         /* the input that says them */
};

/* Pads of the input, which stand before. */
static struct value *padded(struct openvino_read *l, int rank)
{
    int64_t pads[2 * TENSOR_MAX_RANK] = {0};
    bool any = false;
    openvino_ints(l, "pads_begin", pads, rank);
    openvino_ints(l, "pads_end", pads + rank, rank);
    for (int i = 0; i < 2 * rank; i++)
        any = any || pads[i];
    return any ? BUILD(l->b, "Pad", openvino_in(l, 0), build_list(l->b, 2 * rank, pads)) : openvino_in(l, 0);
}

/* Whether any axis gets smaller, as far as that can be told. */
static bool shrinks(struct openvino_read *l, const struct resize *r)
{
    int64_t sizes[TENSOR_MAX_RANK];
    const struct tensor *t = openvino_constant(l, r->operand);
    for (int i = 0; i < r->count && t && t->count == r->count; i++) {
        tensor_load_i64(t, i, 1, &sizes[i]);
        if (r->by_scale ? tensor_get_f64(t, i) < 1 : sizes[i] < openvino_dim(l, 0, (int)r->axes[i]))
            return true;
    }
    return false;
}

static void set_nearest(struct openvino_read *l, struct value *v, const struct resize *r, const char *coordinates,
                        const char *rule)
{
    if (strcmp(rule, "simple") == 0)
        rule = shrinks(l, r) ? "ceil" : "floor";
    if (strcmp(coordinates, "tf_half_pixel_for_nn") == 0) {
        if (strcmp(rule, "floor") != 0)
            build_fail(l->b, "nearest_mode %s with tf_half_pixel_for_nn is not read", rule);
        coordinates = "half_pixel"; /* floor((x + 0.5) / scale) */
        rule = "round_prefer_ceil";
    }
    build_string(l->b, v, "coordinate_transformation_mode", coordinates);
    build_string(l->b, v, "nearest_mode", rule);
}

/* OpenVINO's engine takes no notice of "antialias" here. */
static void resize(struct openvino_read *l, struct resize *r, const char *mode, const char *coordinates,
                   const char *nearest)
{
    struct value *x = padded(l, r->rank), *scales = r->by_scale ? r->sizes : NULL;
    struct value *v = BUILD(l->b, "Resize", x, NULL, scales, r->by_scale ? NULL : r->sizes);
    if (r->count < r->rank)
        build_ints(l->b, v, "axes", r->count, r->axes);
    build_string(l->b, v, "mode", mode);
    if (strcmp(mode, "nearest") == 0)
        set_nearest(l, v, r, coordinates, nearest);
    else
        build_string(l->b, v, "coordinate_transformation_mode", coordinates);
    if (strcmp(mode, "cubic") == 0)
        build_float(l->b, v, "cubic_coeff_a", openvino_float(l, "cube_coeff", -0.75f));
    l->out[0] = v;
}

static void read_axes(struct openvino_read *l, struct resize *r, int k)
{
    r->rank = openvino_rank(l, 0);
    r->count = k >= 0 && openvino_has(l, k) ? openvino_want_ints(l, k, r->axes, TENSOR_MAX_RANK) : r->rank;
    for (int i = 0; i < r->count; i++)
        r->axes[i] = k >= 0 && openvino_has(l, k) ? openvino_axis(l, r->axes[i], r->rank) : i;
}

/* The first set: axes and the rule of coordinates are attributes. */
static void first_form(struct openvino_read *l)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    struct resize r = {.rank = openvino_rank(l, 0), .operand = 1};
    bool corners = openvino_bool(l, "align_corners", true);
    int mode = openvino_word(l, "mode", "", modes);
    r.count = openvino_ints(l, "axes", r.axes, TENSOR_MAX_RANK);
    for (int i = 0; i < r.count; i++)
        r.axes[i] = openvino_axis(l, r.axes[i], r.rank);
    r.sizes = openvino_list(l, 1);
    resize(l, &r, modes[mode], corners ? "align_corners" : "asymmetric", "simple");
}

void openvino_read_interpolate(struct openvino_read *l)
{
    static const char *const modes[] = {"nearest",         "linear",         "linear_onnx", "cubic",
                                        "bilinear_pillow", "bicubic_pillow", NULL};
    static const char *const plain[] = {"nearest", "linear", "linear", "cubic", "linear", "cubic"};
    static const char *const places[] = {"half_pixel",           "pytorch_half_pixel", "asymmetric",
                                         "tf_half_pixel_for_nn", "align_corners",      NULL};
    static const char *const by[] = {"sizes", "scales", NULL};
    bool newest = l->layer->version >= 11;
    if (l->layer->version < 4 && l->layer->version > 0) {
        first_form(l);
        return;
    }
    struct resize r = {.by_scale = openvino_word(l, "shape_calculation_mode", "sizes", by) == 1};
    int mode = openvino_word(l, "mode", "", modes);
    int place = openvino_word(l, "coordinate_transformation_mode", "half_pixel", places);
    r.operand = !newest && r.by_scale ? 2 : 1;
    read_axes(l, &r, newest ? 2 : 3);
    r.sizes = r.by_scale ? openvino_in(l, r.operand) : openvino_list(l, r.operand);
    resize(l, &r, plain[mode], mode > 3 ? "half_pixel" : places[place],
           openvino_text(l, "nearest_mode", "round_prefer_floor"));
    if (mode > 3)
        build_int(l->b, build_int(l->b, l->out[0], "antialias", 1), "exclude_outside", 1);
    if (mode > 4) /* whatever is said */
        build_float(l->b, l->out[0], "cubic_coeff_a", -0.5f);
}

void openvino_read_grid_sample(struct openvino_read *l)
{
    static const char *const modes[] = {"bilinear", "nearest", "bicubic", NULL};
    static const char *const onnx[] = {"linear", "nearest", "cubic"};
    static const char *const pads[] = {"zeros", "border", "reflection", NULL};
    int mode = openvino_word(l, "mode", "bilinear", modes), pad = openvino_word(l, "padding_mode", "zeros", pads);
    struct value *v = BUILD(l->b, "GridSample", openvino_in(l, 0), openvino_in(l, 1));
    build_int(l->b, v, "align_corners", openvino_bool(l, "align_corners", false));
    build_string(l->b, v, "mode", onnx[mode]);
    l->out[0] = build_string(l->b, v, "padding_mode", pads[pad]);
}

/* ---- colours ---- */

/* Brightness [N, H, W, 1] and colours of each 2x2 pixels to pixels [N, H, W, 3]. The row's word: the first letter for
 * how colours lie ("n": in pairs, "i": a plane each), the second for the order of the result. In one plane, colours
 * stand below the brightness, of which they have half of the rows. */
void openvino_read_yuv(struct openvino_read *l)
{
    static const float scales[] = {1, 2, 2, 1}, from[] = {16, 128, 128};
    static const float matrix[] = {1.164f, 1.164f, 1.164f, 0, -0.391f, 2.018f, 1.596f, -0.813f, 0}; /* to R, G, B */
    bool pairs = *l->kind->onnx == 'n', single = l->layer->in_count == 1;
    bool whole = dtype_info(openvino_dtype(l, 0))->class != DTYPE_CLASS_FLOAT;
    struct value *in[] = {openvino_in(l, 0),
                          single ? NULL : openvino_in(l, 1),
                          build_f32s(l->b, 4, scales),
                          build_f32s(l->b, 3, from),
                          build_f32s(l->b, 9, matrix),
                          BUILD_LIST(l->b, 0, 1, 2),
                          build_number(l->b, DTYPE_F32, 0),
                          build_number(l->b, DTYPE_F32, 255)};
    if (l->kind->onnx[1] == 'b')
        in[5] = BUILD_LIST(l->b, 2, 1, 0);
    if (single) {
        struct value *part = build_int(l->b, BUILD(l->b, "Split/axis=1", in[0]), "num_outputs", 3);
        struct value *third[] = {part, build_output(l->b, part, 1), build_output(l->b, part, 2)};
        in[0] = DETECT_JOIN(l->b, 1, third[0], third[1]);
        in[1] = build_formula(l->b,
                              pairs ? "$2 [0,0,-1,2] Reshape:2"
                                    : "$2 [0,2,-1] $2 Shape/start=2/end=3 [2] Div:2 Concat:2/axis=0 Reshape:2 "
                                      "Transpose/perm=0,2,3,1",
                              3, third);
    } else if (!pairs)
        in[1] = DETECT_JOIN(l->b, 3, in[1], openvino_in(l, 2));
    struct value *v = build_formula(l->b,
                                    "$0 Cast/to=1 $1 Cast/to=1 $9? $2 Resize:3/mode=nearest"
                                    "/coordinate_transformation_mode=asymmetric/nearest_mode=floor Concat:2/axis=3 "
                                    "$3 Sub:2 $4 [3,3] Reshape:2 $5 Gather:2/axis=1 MatMul:2 $6 $7 Clip:3",
                                    8, in);
    l->out[0] = whole ? build_cast(l->b, BUILD(l->b, "Round", v), openvino_dtype(l, 0)) : v;
}
