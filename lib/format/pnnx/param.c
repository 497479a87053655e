/* Parameters, weights and types, as operators ask for them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/pnnx/read.h"

/* ---- numbers and lists of the script ---- */

static const struct {
    const char *name;
    enum dtype dtype;
} dtypes[] = {
    {"f32", DTYPE_F32},          {"f64", DTYPE_F64},         {"f16", DTYPE_F16},
    {"bf16", DTYPE_BF16},        {"i64", DTYPE_I64},         {"i32", DTYPE_I32},
    {"i16", DTYPE_I16},          {"i8", DTYPE_I8},           {"u8", DTYPE_U8},
    {"bool", DTYPE_BOOL},        {"torch.float", DTYPE_F32}, {"torch.float32", DTYPE_F32},
    {"torch.double", DTYPE_F64}, {"torch.half", DTYPE_F16},  {"torch.long", DTYPE_I64},
    {"torch.int", DTYPE_I32},    {"torch.short", DTYPE_I16}, {"torch.int8", DTYPE_I8},
    {"torch.uint8", DTYPE_U8},   {"torch.bool", DTYPE_BOOL}, {"torch.bfloat16", DTYPE_BF16},
};

enum dtype pnnx_dtype(const char *text)
{
    for (size_t i = 0; text && i < sizeof(dtypes) / sizeof(dtypes[0]); i++)
        if (strcmp(dtypes[i].name, text) == 0)
            return dtypes[i].dtype;
    return DTYPE_NONE;
}

const char *pnnx_text(struct reader *r, const char *key)
{
    const char *text = pnnx_param(r->op, key);
    struct pnnx_operand *operand = text ? NULL : pnnx_operand(r, key, -1);
    if (operand)
        text = operand->literal;
    return text && strcmp(text, "None") != 0 ? text : NULL;
}

bool pnnx_is(struct reader *r, const char *key, const char *text)
{
    const char *own = pnnx_text(r, key);
    return own && strcmp(own, text) == 0;
}

bool pnnx_bool(struct reader *r, const char *key, bool fallback)
{
    const char *text = pnnx_text(r, key);
    return text ? strcmp(text, "True") == 0 || strcmp(text, "1") == 0 : fallback;
}

static bool to_number(const char *text, size_t n, double *number)
{
    if (n == 4 && memcmp(text, "None", 4) == 0) {
        *number = 0;
        return true;
    }
    return text_to_f64(text, n, number);
}

/* The next element of a list, from *at on, which moves behind it. */
static bool next_number(const char **at, double *number)
{
    while (**at == ',' || **at == ' ')
        ++*at;
    size_t n = strcspn(*at, ",)]");
    const char *from = *at;
    *at += n;
    return n && to_number(from, n, number);
}

#define NUMBERS 64

int pnnx_numbers(struct reader *r, const char *key, int most, double *out)
{
    const char *text = pnnx_text(r, key), *at = text;
    int n = 0;
    if (!text)
        return 0;
    bool fine = true;
    for (at += *at == '(' || *at == '['; fine && *at && *at != ')' && *at != ']'; n++)
        fine = n < most && n < NUMBERS && next_number(&at, &out[n]);
    if (!fine)
        build_fail(&r->b, "has '%.80s' as %s; at most %d numbers were expected", text, key, most);
    return r->b.failed ? 0 : n;
}

int pnnx_ints(struct reader *r, const char *key, int most, int64_t *out)
{
    double list[NUMBERS];
    int n = pnnx_numbers(r, key, most, list);
    for (int i = 0; i < n; i++) {
        if (!(fabs(list[i]) < 1e15))
            build_fail(&r->b, "has %g in %s", list[i], key);
        else
            out[i] = (int64_t)list[i];
    }
    return r->b.failed ? 0 : n;
}

int64_t pnnx_int(struct reader *r, const char *key, int64_t fallback)
{
    int64_t value = fallback;
    return pnnx_ints(r, key, 1, &value) ? value : fallback;
}

double pnnx_float(struct reader *r, const char *key, double fallback)
{
    const char *text = pnnx_text(r, key);
    double value;
    if (!text)
        return fallback;
    if (text_to_f64(text, strlen(text), &value))
        return value;
    build_fail(&r->b, "has '%.60s' as %s; a number was expected", text, key);
    return fallback;
}

struct value *pnnx_shape(struct reader *r, const char *key)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct pnnx_operand *operand = pnnx_operand(r, key, -1);
    if (operand && operand->value)
        return operand->value;
    if (!pnnx_text(r, key))
        return NULL;
    int n = pnnx_ints(r, key, TENSOR_MAX_RANK, dims);
    return build_list(&r->b, n, dims);
}

/* ---- types in the text ---- */

/* "(1,?,8)f32"; -1 for anything else, and the type is f32 then. */
int pnnx_hint(const char *text, int64_t *dims, enum dtype *dtype)
{
    int rank = 0;
    *dtype = DTYPE_F32;
    if (!text || *text != '(')
        return -1;
    const char *at = text + 1, *end = strchr(text, ')');
    if (!end || pnnx_dtype(end + 1) == DTYPE_NONE)
        return -1;
    *dtype = pnnx_dtype(end + 1);
    for (; at < end; rank++) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *to = comma ? comma : end;
        if (rank == TENSOR_MAX_RANK)
            return -1;
        if (!text_to_i64(at, (size_t)(to - at), &dims[rank]) || dims[rank] < 0)
            dims[rank] = DIM_UNKNOWN;
        at = to + (comma != NULL);
    }
    return rank;
}

int pnnx_rank(struct reader *r, struct value *v)
{
    const struct type *t = v ? build_type(&r->b, v) : NULL;
    r->wants_shapes |= t && t->rank < 0;
    if (t && (t->kind != TYPE_TENSOR || t->rank < 0))
        build_fail(&r->b, "the number of axes of '%s' is not known", v->name);
    return !t || r->b.failed ? 0 : t->rank;
}

int64_t pnnx_size(struct reader *r, struct value *v, int axis)
{
    int rank = pnnx_rank(r, v);
    return axis >= 0 && axis < rank ? v->type.dims[axis] : DIM_UNKNOWN;
}

int pnnx_axis(struct reader *r, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(&r->b, "has the axis %lld of a tensor of %d", (long long)axis, rank);
    return 0;
}

/* ---- weights ---- */

static int open_zip(struct reader *r, struct error *err)
{
    if (r->zip)
        return 0;
    struct blob *blob = source_twin(r->source, ".pnnx.bin .bin", err);
    r->zip = blob ? zip_open(blob, err) : NULL;
    blob_unref(blob);
    if (!r->zip)
        return blob ? error_prefix(err, "the .pnnx.bin file") : -1;
    size_t n = zip_count(r->zip);
    if (!(r->member_at = mem_calloc(n, sizeof(*r->member_at), err)))
        return -1;
    for (size_t i = 0; i < n; i++) {
        r->member_at[i] = i;
        if (!lookup_find(&r->members, zip_name(r->zip, i)) &&
            lookup_add(&r->members, zip_name(r->zip, i), &r->member_at[i], err) != 0)
            return -1;
    }
    return 0;
}

static struct tensor *read_member(struct reader *r, const char *name, const char *hint)
{
    struct error *err = r->b.err;
    int64_t dims[TENSOR_MAX_RANK];
    enum dtype dtype;
    size_t size;
    int rank = pnnx_hint(hint, dims, &dtype);
    int64_t count = rank < 0 ? -1 : tensor_count(rank, dims);
    if (count < 0 || !tensor_bytes(dtype, count, &size)) {
        error_set(err, "weight '%s' is of the type '%.60s'", name, hint);
        return NULL;
    }
    size_t *at = open_zip(r, err) == 0 ? lookup_find(&r->members, name) : NULL;
    if (!at) {
        if (r->zip)
            error_set(err, "the .pnnx.bin file has no weight '%.200s'", name);
        return NULL;
    }
    struct blob *blob = zip_read(r->zip, *at, size, err);
    struct tensor *t = NULL;
    if (blob && blob->size == size)
        t = tensor_of_blob(dtype, rank, dims, blob, 0, err);
    else if (blob)
        error_set(err, "holds %zu bytes where %zu were expected", blob->size, size);
    if (!t)
        error_prefix(err, "weight '%.200s'", name);
    blob_unref(blob);
    return t;
}

struct tensor *pnnx_weight_tensor(struct reader *r, const char *name)
{
    char key[128], member[600];
    snprintf(key, sizeof(key), "@%.120s", name);
    const char *hint = pnnx_param(r->op, key);
    if (r->weight && !r->b.failed)
        return r->weight(r->weight_owner, name);
    if (!hint || r->b.failed)
        return NULL;
    snprintf(member, sizeof(member), "%.400s.%.120s", r->op->name, name);
    struct tensor *t = read_member(r, member, hint);
    build_check(&r->b, t != NULL);
    return t;
}

struct value *pnnx_weight(struct reader *r, const char *name)
{
    char text[600];
    struct tensor *t = pnnx_weight_tensor(r, name);
    snprintf(text, sizeof(text), "%.400s.%.120s", r->op->name, name);
    return t ? build_constant(&r->b, text, t) : NULL;
}

struct value *pnnx_parameter(struct reader *r, const char *name, int i)
{
    struct value *v = pnnx_weight(r, name);
    return v ? v : pnnx_optional(r, name, i);
}

/* ---- pieces ---- */

struct value *pnnx_by(struct reader *r, const char *op, struct value *v, double number)
{
    enum dtype dtype = build_known_dtype(&r->b, v);
    return BUILD(&r->b, op, v, build_number(&r->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, number));
}

struct value *pnnx_concat(struct reader *r, int count, struct value *const *in, int64_t axis)
{
    return build_int(&r->b, build_node(&r->b, "Concat", count, in), "axis", axis);
}

struct value *pnnx_linear_of(struct reader *r, struct value *x, struct value *weight, struct value *bias)
{
    struct build *b = &r->b;
    const struct type *type = build_type(b, weight);
    if (type && type->rank == 1) /* one sum */
        return build_add(b, BUILD(b, "MatMul", x, weight), bias);
    if (pnnx_rank(r, x) == 2)
        return BUILD(b, "Gemm/transB=1", x, weight, bias);
    return build_add(b, BUILD(b, "MatMul", x, BUILD(b, "Transpose/perm=1,0", weight)), bias);
}

struct value *pnnx_pad_all(struct reader *r, struct value *x, int rank, const int64_t *pads, const char *mode,
                           double number)
{
    struct build *b = &r->b;
    bool constant = strcmp(mode, "constant") == 0;
    enum dtype dtype = build_known_dtype(&r->b, x);
    struct value *fill = constant && number != 0 ? build_number(b, dtype, number) : NULL;
    struct value *v = BUILD(b, "Pad", x, build_list(b, 2 * rank, pads), fill);
    return constant ? v : build_string(b, v, "mode", mode);
}

struct value *pnnx_pad_of(struct reader *r, struct value *x, int axes, const int64_t *pads, const char *mode,
                          double number)
{
    int64_t all[2 * (WINDOW_AXES + 2)] = {0};
    for (int i = 0; i < axes; i++) {
        all[2 + i] = pads[i];
        all[axes + 4 + i] = pads[axes + i];
    }
    return pnnx_pad_all(r, x, axes + 2, all, mode, number);
}

int pnnx_axes(const struct reader *r)
{
    size_t n = strlen(r->op->type);
    if (n < 2 || r->op->type[n - 1] != 'd')
        return strstr(r->op->type, "DeformConv") || strstr(r->op->type, "deform_conv") ? 2 : 0;
    int axes = r->op->type[n - 2] - '0';
    return axes >= 1 && axes <= WINDOW_AXES ? axes : 0;
}

void pnnx_window(struct reader *r, const char *key, int axes, int64_t fallback, int64_t *out)
{
    int n = pnnx_ints(r, key, axes, out);
    if (n > 1 && n != axes)
        build_fail(&r->b, "has %d numbers as %s; %d were expected", n, key, axes);
    for (int i = 0; i < axes; i++) {
        if (n < 2)
            out[i] = n ? out[0] : fallback;
        if (out[i] < 0 || out[i] > 1 << 16)
            build_fail(&r->b, "has %lld in %s", (long long)out[i], key);
    }
}

struct value *pnnx_window_set(struct reader *r, struct value *v, int axes, const int64_t *kernel,
                              const int64_t *strides, const int64_t *pads, const int64_t *dilations)
{
    struct build *b = &r->b;
    int64_t both[2 * WINDOW_AXES];
    for (int i = 0; i < axes; i++) {
        if ((kernel && kernel[i] < 1) || strides[i] < 1 || (dilations && dilations[i] < 1))
            build_fail(b, "has a kernel, stride or dilation of 0");
        both[i] = both[axes + i] = pads[i];
    }
    if (kernel)
        build_ints(b, v, "kernel_shape", axes, kernel);
    build_ints(b, v, "strides", axes, strides);
    build_ints(b, v, "pads", 2 * axes, both);
    bool dilated = false;
    for (int i = 0; dilations && i < axes; i++)
        dilated |= dilations[i] != 1;
    return dilated ? build_ints(b, v, "dilations", axes, dilations) : v;
}

struct value *pnnx_batched(struct reader *r, struct value *x, int axes, bool *bare)
{
    const struct type *t = x ? build_type(&r->b, x) : NULL;
    *bare = t && t->kind == TYPE_TENSOR && t->rank == axes + 1;
    return *bare ? build_unsqueeze(&r->b, x, 0) : x;
}

struct value *pnnx_unbatched(struct reader *r, struct value *v, bool bare)
{
    return bare ? BUILD(&r->b, "Squeeze", v, BUILD_LIST(&r->b, 0)) : v;
}
