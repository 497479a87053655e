/* Operators of StableHLO that converters leave, as far as ONNX has them: windows and scattered updates whose region is
 * one operator. */
#include <float.h>
#include <math.h>

#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

enum window_slots { WINDOW_SIZES, WINDOW_STRIDES, WINDOW_BASE, WINDOW_DILATIONS, WINDOW_PADS, WINDOW_REGION };
enum scatter_slots { SCATTER_WINDOW = 1, SCATTER_INSERTED, SCATTER_AXES, SCATTER_VECTOR, SCATTER_REGION = 6 };

/* Codes of operators, and of a region that gives its second operand. */
enum region { REGION_NONE = -2, REGION_SECOND = -1, REGION_ADD = 0, REGION_MUL = 18, REGION_MAX = 55, REGION_MIN = 57 };

static bool is_pair(struct flatbuf_vector v, struct flatbuf_vector in)
{
    if (v.count != 2 || in.count != 2)
        return false;
    int64_t a = flatbuf_vector_int(v, 0), b = flatbuf_vector_int(v, 1);
    int64_t x = flatbuf_vector_int(in, 0), y = flatbuf_vector_int(in, 1);
    return (a == x && b == y) || (a == y && b == x);
}

/* What a subgraph of two operands computes. */
static int region_of(struct tflite_op *o, struct flatbuf_table options, int slot)
{
    struct tflite_file *f = o->g->file;
    int64_t index = flatbuf_int(options, slot, 4, 0);
    if (index < 0 || (uint64_t)index >= f->graphs.count)
        return REGION_NONE;
    struct flatbuf_table g = flatbuf_vector_table(&f->buf, f->graphs, (size_t)index);
    struct flatbuf_vector in = flatbuf_vector(g, GRAPH_INPUTS, 4), out = flatbuf_vector(g, GRAPH_OUTPUTS, 4);
    struct flatbuf_vector ops = flatbuf_vector(g, GRAPH_OPERATORS, 4);
    if (in.count != 2 || out.count != 1 || ops.count > 1)
        return REGION_NONE;
    if (ops.count == 0)
        return flatbuf_vector_int(out, 0) == flatbuf_vector_int(in, 1) ? REGION_SECOND : REGION_NONE;
    struct flatbuf_table op = flatbuf_vector_table(&f->buf, ops, 0);
    struct flatbuf_vector made = flatbuf_vector(op, OPERATOR_OUTPUTS, 4);
    uint64_t code = flatbuf_uint(op, OPERATOR_CODE, 4, 0);
    bool is_all = is_pair(flatbuf_vector(op, OPERATOR_INPUTS, 4), in) && made.count == 1 &&
                  flatbuf_vector_int(made, 0) == flatbuf_vector_int(out, 0) && code < f->codes.count;
    return is_all ? tflite_code(flatbuf_vector_table(&f->buf, f->codes, (size_t)code)) : REGION_NONE;
}

static bool is_list(struct flatbuf_table t, int slot, int64_t first, int64_t count)
{
    struct flatbuf_vector v = flatbuf_vector(t, slot, 8);
    bool is = (int64_t)v.count == count;
    for (int64_t i = 0; is && i < count; i++)
        is = flatbuf_vector_int(v, (size_t)i) == first + i;
    return is;
}

/* Element i of a list of `count`; 1 where the list is absent. */
static int64_t element(struct flatbuf_table t, int slot, size_t count, size_t i)
{
    struct flatbuf_vector v = flatbuf_vector(t, slot, 8);
    return v.count == count ? flatbuf_vector_int(v, i) : v.count == 0 ? 1 : -1;
}

/* A window over axes `at` and the one behind, of four. */
static bool read_window(struct flatbuf_table t, size_t at, struct build_window *w)
{
    bool fits = flatbuf_vector(t, WINDOW_PADS, 8).count == 8;
    for (size_t i = 0; i < 4 && fits; i++) {
        int64_t size = element(t, WINDOW_SIZES, 4, i), step = element(t, WINDOW_STRIDES, 4, i),
                apart = element(t, WINDOW_DILATIONS, 4, i), before = element(t, WINDOW_PADS, 8, 2 * i),
                behind = element(t, WINDOW_PADS, 8, 2 * i + 1);
        bool is_space = i == at || i == at + 1;
        fits = element(t, WINDOW_BASE, 4, i) == 1 && (is_space || (size == 1 && step == 1 && !before && !behind));
        if (is_space) {
            w->kernel[i - at] = size;
            w->stride[i - at] = step;
            w->dilation[i - at] = apart;
            w->pads[i - at] = before;
            w->pads[i - at + 2] = behind;
        }
    }
    return fits;
}

void tflite_read_reduce_window(struct tflite_op *o)
{
    struct flatbuf_table options = flatbuf_table(o->table, OPERATOR_OPTIONS_2);
    struct build_window w = build_window(2);
    int64_t dims[TENSOR_MAX_RANK];
    int region = region_of(o, options, WINDOW_REGION);
    const struct tensor *start = tflite_tensor_data(o->g, tflite_input(o, 1));
    double from = start && start->count == 1 && start->dtype == DTYPE_F32 ? tensor_get_f64(start, 0) : NAN;
    bool is_sum = region == REGION_ADD && from == 0, is_max = region == REGION_MAX && from <= -(double)FLT_MAX;
    bool is_last = read_window(options, 1, &w); /* channels */
    if (!(is_sum || is_max) || tflite_dims(o, 0, dims) != 4 || !(is_last || read_window(options, 2, &w))) {
        tflite_read_opaque(o);
        return;
    }
    struct value *x = tflite_in(o, 0);
    struct value *y = BUILD(o->b, is_max ? "MaxPool" : "AveragePool", is_last ? tflite_to_nchw(o->b, x, 4) : x);
    y = build_ints(o->b, y, "kernel_shape", 2, w.kernel);
    y = build_set_window(o->b, y, &w);
    if (is_sum) {
        y = build_int(o->b, y, "count_include_pad", 1);
        y = BUILD(o->b, "Mul", y, build_number(o->b, DTYPE_F32, (double)(w.kernel[0] * w.kernel[1])));
    }
    tflite_give(o, 0, is_last ? tflite_to_nhwc(o->b, y, 4) : y);
}

/* Updates whose indices name the first axes, the last axis of the indices being that of these names. */
void tflite_read_scatter(struct tflite_op *o)
{
    static const struct {
        int region;
        const char *reduction;
    } known[] = {{REGION_SECOND, "none"}, {REGION_ADD, "add"}, {REGION_MUL, "mul"}, {REGION_MAX, "max"},
                 {REGION_MIN, "min"}};
    struct flatbuf_table options = flatbuf_table(o->table, OPERATOR_OPTIONS_2);
    int64_t dims[TENSOR_MAX_RANK], named = (int64_t)flatbuf_vector(options, SCATTER_AXES, 8).count;
    int rank = tflite_dims(o, 0, dims), of_updates = tflite_dims(o, 2, dims), of_indices = tflite_dims(o, 1, dims);
    bool fits = rank >= named && of_updates >= rank - named && of_indices >= 1 && dims[of_indices - 1] == named &&
                flatbuf_int(options, SCATTER_VECTOR, 8, 0) == of_indices - 1 &&
                is_list(options, SCATTER_AXES, 0, named) && is_list(options, SCATTER_INSERTED, 0, named) &&
                is_list(options, SCATTER_WINDOW, of_updates - (rank - named), rank - named);
    int region = fits ? region_of(o, options, SCATTER_REGION) : REGION_NONE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].region == region) {
            struct value *y = BUILD(o->b, "ScatterND", tflite_in(o, 0), tflite_i64_as_is(o, 1), tflite_in(o, 2));
            tflite_give(o, 0, build_string(o->b, y, "reduction", known[i].reduction));
            return;
        }
    tflite_read_opaque(o);
}
