/* Pictures of another size. */
#include <stdio.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

/* ---- by a matrix of weights for each axis ---- */

/* Weights by the distance x of a pixel from where the result lies, in pixels of the result where there are fewer of
 * these: $2 pixels. They are 0 beyond $3. */
struct kernel {
    const char *name;
    double reach;
    const char *formula;
};

/* a x^3 + b x^2 + c up to 1, then d x^3 + e x^2 + f x + g. */
#define CUBIC(a, b, c, d, e, f, g)                                                                                     \
    "x =1 Less:2 x =" a " Mul:2 =" b " Add:2 x Mul:2 x Mul:2 =" c " Add:2 x =" d " Mul:2 =" e " Add:2 x Mul:2 =" f     \
    " Add:2 x Mul:2 =" g " Add:2 Where:3"
#define LANCZOS                                                                                                        \
    "x =1e-6 Max:2 =3.14159265 Mul:2 >p p Sin p $3 Div:2 Sin Mul:2 $3 Mul:2 p p Mul:2 Div:2"

/* Source: tensorflow/core/kernels/image/sampling_kernels.h, resize_bicubic_op.cc, resize_area_op.cc. */
static const struct kernel kernels[] = {
    {"lanczos1", 1, LANCZOS},
    {"lanczos3", 3, LANCZOS},
    {"lanczos5", 5, LANCZOS},
    {"gaussian", 1.5, "x =1.5 Less:2 x x Mul:2 =-2 Mul:2 Exp =0 Where:3"},
    {"box", 0.5, "x =0.5 Less:2 =1 =0.5 Where:3"},
    {"triangle", 1, "=1 x Sub:2"},
    {"keyscubic", 2, CUBIC("1.5", "-2.5", "1", "-0.5", "2.5", "-4", "2")},
    {"mitchellcubic", 2, CUBIC("1.16666667", "-2", "0.888888889", "-0.388888889", "2", "-3.33333333", "1.77777778")},
    {"cubic", 2, CUBIC("1.25", "-2.25", "1", "-0.75", "3.75", "-6", "3")},
    {"area", 1e30, "=1 $2 Div:2 >r =1 r Add:2 =0.5 Mul:2 x Sub:2 =0 Max:2 =1 r Min:2 Min:2"},
};

static const struct kernel *kernel_of(struct build *b, const char *name)
{
    for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
        if (strcmp(kernels[i].name, name) == 0)
            return &kernels[i];
    build_fail(b, "it resizes by the kernel \"%.30s\", which is not known", name);
    return &kernels[0];
}

/* Element k of a list as a real number. */
static struct value *element(struct build *b, struct value *list, int k)
{
    return build_cast(b, BUILD(b, "Gather", list, build_number(b, DTYPE_I64, k)), DTYPE_F32);
}

/* x [N, C, H, W] resampled along H (axis 2) or W (3) at places `at` [out], in pixels, whose middles lie at halves. The
 * weights of a place come to 1; those of a place outside are 0. */
static struct value *resample(struct build *b, struct value *x, int axis, const struct kernel *k,
                              struct value *at, struct value *stretch)
{
    char formula[512];
    struct value *in[] = {build_unsqueeze(b, at, 1), element(b, BUILD(b, "Shape", x), axis), stretch,
                          build_number(b, DTYPE_F32, k->reach)};
    snprintf(formula, sizeof(formula),
             "$0 >a =0 $1 =1 Range:3 =0.5 Add:2 a Sub:2 Abs $2 Div:2 >x x $3 Greater:2 =0 %s Where:3 >w "
             "w [1] ReduceSum:2 >s a =0 Less:2 a $1 Greater:2 Or:2 s Abs =1e-35 Less:2 Or:2 >n "
             "n =0 w n =1 s Where:3 Div:2 Where:3%s",
             k->formula, axis == 2 ? "" : " Transpose");
    struct value *w = build_formula(b, formula, 4, in);
    return axis == 2 ? BUILD(b, "MatMul", w, x) : BUILD(b, "MatMul", x, w);
}

/* The places of `size` pixels, $0, by a formula of $1 and $2. */
#define PLACES(formula) "$0 >m =0 m =1 Range:3 " formula

/* Operands: size, scale, translation. */
void tensorflow_read_scale_and_translate(struct tensorflow_op *o)
{
    const struct kernel *k = kernel_of(o->b, tensorflow_text(o, "kernel_type", "lanczos3"));
    bool spread = tensorflow_bool(o, "antialias", true);
    struct value *x = build_cast(o->b, tensorflow_to_nchw(o, 0), DTYPE_F32);
    for (int i = 0; i < 2; i++) {
        struct value *in[3];
        for (int n = 0; n < 3; n++)
            in[n] = element(o->b, tensorflow_in(o, 1 + n), i);
        struct value *at = build_formula(
            o->b, PLACES("=0.5 Add:2 =1 $1 Div:2 >s s Mul:2 s $2 Mul:2 Sub:2"), 3, in);
        struct value *stretch = build_formula(o->b, spread ? "$1 >s =1 s Div:2 =1 Max:2" : "$1 >s =1", 3, in);
        x = resample(o->b, x, 2 + i, k, at, stretch);
    }
    tensorflow_give(o, 0, tensorflow_from_nchw(o, x, 4));
}

/* Each pixel is the mean of those that it covers. */
void tensorflow_read_resize_area(struct tensorflow_op *o)
{
    struct value *x = build_cast(o->b, tensorflow_to_nchw(o, 0), DTYPE_F32);
    if (tensorflow_bool(o, "align_corners", false))
        build_fail(o->b, "areas whose corners are pixels' middles");
    for (int i = 0; i < 2; i++) {
        struct value *in[] = {element(o->b, tensorflow_in(o, 1), i), element(o->b, BUILD(o->b, "Shape", x), 2 + i)};
        struct value *at = build_formula(o->b, PLACES("=0.5 Add:2 $1 m Div:2 Mul:2"), 2, in);
        x = resample(o->b, x, 2 + i, kernel_of(o->b, "area"), at, build_formula(o->b, "$1 $0 Div:2", 2, in));
    }
    tensorflow_give(o, 0, tensorflow_from_nchw(o, x, 4));
}

/* ---- by ONNX's Resize, if it gives the same ---- */

/* TensorFlow's weights are those of a table of 1024 places between two pixels. */
static bool has_table_places(struct build *b, struct value *x, struct value *size, bool align)
{
    int64_t out[2];
    bool known = !align && build_known(b, size, out, 2, NULL) == 2;
    for (int i = 0; i < 2 && known; i++) {
        int64_t in = build_dim_of(b, x, 2 + i);
        known = in > 0 && in < INT32_MAX && out[i] > 0 && in * 512 % out[i] == 0;
    }
    return known;
}

struct value *tensorflow_resize_cubic(struct build *b, struct value *x, struct value *size, bool align, bool half)
{
    if (has_table_places(b, x, size, align))
        return NULL;
    struct value *one = build_number(b, DTYPE_F32, 1), *shape = BUILD(b, "Shape", x);
    const char *const places = align  ? PLACES("$1 =1 Sub:2 m =1 Sub:2 =1 Max:2 Div:2 Mul:2")
                               : half ? PLACES("=0.5 Add:2 $1 m Div:2 Mul:2 =0.5 Sub:2")
                                      : PLACES("$1 m Div:2 Mul:2");
    if (!half)
        x = build_string(b, BUILD(b, "Pad", x, BUILD_LIST(b, 0, 0, 1, 1, 0, 0, 2, 2)), "mode", "edge");
    for (int i = 0; i < 2; i++) {
        struct value *in[] = {element(b, size, i), element(b, shape, 2 + i)};
        struct value *at = build_formula(b, places, 2, in);
        at = build_formula(b, "$0 Floor >f $0 f Sub:2 =1024 Mul:2 Round =1024 Div:2 f Add:2 =0.5 Add:2", 1, &at);
        if (!half)
            at = BUILD(b, "Add", at, one);
        x = resample(b, x, 2 + i, kernel_of(b, half ? "keyscubic" : "cubic"), at, one);
    }
    return x;
}

/* Where a pixel of the result comes from: three rules, and whether its corners are pixels' middles. */
void tensorflow_read_resize(struct tensorflow_op *o)
{
    bool align = tensorflow_bool(o, "align_corners", false), half = tensorflow_bool(o, "half_pixel_centers", false);
    bool nearest = strcmp(o->kind->onnx, "nearest") == 0, cubic = strcmp(o->kind->onnx, "cubic") == 0;
    if (tensorflow_rank(o, 0) != 4)
        build_fail(o->b, "an input of %d axes, want 4", tensorflow_rank(o, 0));
    struct value *x = tensorflow_to_nchw(o, 0);
    if (!nearest && tensorflow_dtype_of(o, 0) != DTYPE_F32)
        x = build_cast(o->b, x, DTYPE_F32);
    struct value *v = cubic ? tensorflow_resize_cubic(o->b, x, tensorflow_i64_list(o, 1), align, half) : NULL;
    if (v || o->b->failed) {
        tensorflow_give(o, 0, tensorflow_from_nchw(o, v, 4));
        return;
    }
    v = BUILD(o->b, "Resize", x, NULL, NULL, tensorflow_i64_list(o, 1));
    build_ints(o->b, v, "axes", 2, (int64_t[]){2, 3});
    build_resize_mode(o->b, v, o->kind->onnx, align, half);
    if (nearest)
        build_string(o->b, v, "nearest_mode", align || half ? "round_prefer_ceil" : "floor");
    if (cubic) {
        build_float(o->b, v, "cubic_coeff_a", half ? -0.5f : -0.75f);
        if (half)
            build_int(o->b, v, "exclude_outside", 1);
    }
    v = tensorflow_from_nchw(o, v, 4);
    tensorflow_give(o, 0, v);
}

