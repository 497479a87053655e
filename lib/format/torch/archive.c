/* What lies in the archive: members, and pickled values with their tensors. */
#include <stdio.h>
#include <string.h>

#include "format/torch/torch.h"

#define MOST_DEPTH 64

struct blob *torch_member(struct torch_reader *t, const char *name, size_t most)
{
    char path[1200];
    if (t->old)
        return torch_old_storage(t, name + strlen(t->data));
    snprintf(path, sizeof(path), "%.500s%.600s", t->prefix, name);
    size_t at = zip_find(t->zip, path);
    struct blob *blob = NULL;
    if (at == zip_count(t->zip))
        build_fail(t->b, "the archive has no member '%.600s'", path);
    else if (!(blob = zip_read(t->zip, at, most, t->b->err)))
        error_prefix(t->b->err, "member '%.600s'", path);
    build_check(t->b, blob != NULL);
    return blob;
}

/* ---- tensors ---- */

static const struct {
    const char *storage; /* "torch FloatStorage" */
    enum dtype dtype;
} storages[] = {
    {"torch FloatStorage", DTYPE_F32},         {"torch DoubleStorage", DTYPE_F64},
    {"torch HalfStorage", DTYPE_F16},          {"torch BFloat16Storage", DTYPE_BF16},
    {"torch LongStorage", DTYPE_I64},          {"torch IntStorage", DTYPE_I32},
    {"torch ShortStorage", DTYPE_I16},         {"torch CharStorage", DTYPE_I8},
    {"torch ByteStorage", DTYPE_U8},           {"torch BoolStorage", DTYPE_BOOL},
    {"torch QInt8Storage", DTYPE_I8},          {"torch QUInt8Storage", DTYPE_U8},
    {"torch QInt32Storage", DTYPE_I32},        {"torch ComplexFloatStorage", DTYPE_F32},
    {"torch ComplexDoubleStorage", DTYPE_F64},
};

static bool read_sizes(const struct pickle *p, int64_t *sizes, int *rank)
{
    if (!p || p->kind != PICKLE_TUPLE || p->size > TENSOR_MAX_RANK)
        return false;
    for (size_t i = 0; i < p->size; i++) {
        if (p->items[i]->kind != PICKLE_INT || p->items[i]->i < 0)
            return false;
        sizes[i] = p->items[i]->i;
    }
    *rank = (int)p->size;
    return true;
}

/* ('storage', torch FloatStorage, '12', 'cpu', 432) */
static bool read_storage(const struct pickle *p, struct torch_view *v, const char **key)
{
    const struct pickle *t = p && p->kind == PICKLE_OUTSIDE && p->size == 1 ? p->items[0] : NULL;
    if (!t || t->kind != PICKLE_TUPLE || t->size < 5 || t->items[2]->kind != PICKLE_STRING)
        return false;
    for (size_t i = 0; i < sizeof(storages) / sizeof(*storages); i++)
        if (pickle_is_global(t->items[1], storages[i].storage)) {
            v->dtype = storages[i].dtype;
            v->complex = strncmp(storages[i].storage, "torch Complex", 13) == 0;
            *key = t->items[2]->text;
            return true;
        }
    return false;
}

bool torch_storage_of(const struct pickle *p, enum dtype *dtype, const char **key)
{
    struct torch_view v;
    if (!read_storage(p, &v, key))
        return false;
    *dtype = v.dtype;
    return true;
}

static bool is_dense(const struct torch_view *v)
{
    int64_t inner = 1;
    for (int i = v->rank; i-- > 0; inner *= v->dims[i])
        if (v->dims[i] != 1 && v->strides[i] != inner)
            return false;
    return true;
}

/* Elements in any order, which may be the same several times. */
static struct tensor *strided(const struct torch_view *v, const struct blob *blob, struct error *err)
{
    struct tensor *t = tensor_new(v->dtype, v->rank, v->dims, err);
    size_t width = dtype_info(v->dtype)->bits / 8;
    int64_t index[TENSOR_MAX_RANK] = {0}, at = v->offset;
    for (int64_t i = 0; t && i < t->count; i++) {
        memcpy((char *)t->data + (size_t)i * width, (const char *)blob->data + (size_t)at * width, width);
        for (int a = v->rank; a-- > 0;) {
            at += v->strides[a];
            if (++index[a] < v->dims[a])
                break;
            at -= v->strides[a] * v->dims[a];
            index[a] = 0;
        }
    }
    return t;
}

/* Whether all elements lie within the storage; a tensor that repeats elements is no larger than 16 times that. */
static bool fits(const struct torch_view *v, const struct blob *blob)
{
    int64_t width = dtype_info(v->dtype)->bits / 8, have = (int64_t)blob->size / width, last = v->offset;
    int64_t count = tensor_count(v->rank, v->dims);
    if (count < 0 || v->offset < 0 || count > 16 * have + 65536)
        return false;
    for (int i = 0; i < v->rank && count > 0; i++) {
        int64_t part;
        if (__builtin_mul_overflow(v->dims[i] - 1, v->strides[i], &part) || __builtin_add_overflow(last, part, &last))
            return false;
    }
    return count == 0 || last < have;
}

#define MOST_COPIED (128 << 20) /* bytes, and 16 times the file: a small one may name a storage again and again */

/* Whether another tensor of that many bytes may be copied. */
static bool may_copy(struct torch_reader *t, const struct torch_view *v)
{
    t->copied += (uint64_t)tensor_count(v->rank, v->dims) * (dtype_info(v->dtype)->bits / 8);
    if (t->copied > MOST_COPIED + 16 * (uint64_t)t->size)
        build_fail(t->b,
                   "its tensors that stand in the storages in another order have %llu bytes, too many for a file "
                   "of %zu",
                   (unsigned long long)t->copied, t->size);
    return !t->b->failed;
}

/* A member is checked and unpacked once, whatever number of tensors lie in it. */
static struct blob *storage(struct torch_reader *t, const char *name)
{
    struct blob *blob = lookup_find(&t->members, name);
    if (blob)
        return blob_ref(blob);
    blob = torch_member(t, name, SIZE_MAX);
    char *kept = blob ? arena_strdup(&t->arena, name, t->b->err) : NULL;
    if (!kept || lookup_add(&t->members, kept, blob, t->b->err) != 0) {
        build_check(t->b, false);
        blob_unref(blob);
        return NULL;
    }
    return blob_ref(blob);
}

void torch_forget_members(struct torch_reader *t)
{
    for (size_t i = 0; i < t->members.cap; i++)
        if (t->members.slots[i].name)
            blob_unref(t->members.slots[i].what);
    lookup_release(&t->members);
    t->members = (struct lookup){0};
}

static struct tensor *read_view(struct torch_reader *t, const struct torch_view *v)
{
    struct blob *blob = storage(t, v->member);
    struct tensor *tensor = NULL;
    if (blob && !fits(v, blob))
        build_fail(t->b, "a tensor reaches beyond its storage '%.100s' (%zu bytes)", v->member, blob->size);
    else if (blob && is_dense(v))
        tensor = tensor_of_blob(v->dtype, v->rank, v->dims, blob, (size_t)v->offset * dtype_info(v->dtype)->bits / 8,
                                t->b->err);
    else if (blob && may_copy(t, v))
        tensor = strided(v, blob, t->b->err);
    blob_unref(blob);
    build_check(t->b, tensor != NULL);
    return tensor;
}

/* Complex numbers have a further axis. */
static bool as_pairs(struct torch_view *v)
{
    bool far = v->rank == TENSOR_MAX_RANK || __builtin_mul_overflow(v->offset, 2, &v->offset);
    for (int i = 0; i < v->rank && !far; i++)
        far = __builtin_mul_overflow(v->strides[i], 2, &v->strides[i]);
    if (far)
        return false;
    v->dims[v->rank] = 2;
    v->strides[v->rank++] = 1;
    return true;
}

struct torch_value torch_view_value(struct torch_reader *t, struct torch_view *v, const char *name)
{
    bool number = v->complex && v->rank == 0;
    if (v->complex && !as_pairs(v))
        build_fail(t->b, "'%.200s' is a tensor that is not understood", name);
    struct tensor *tensor = t->b->failed ? NULL : read_view(t, v);
    struct value *x = build_constant(t->b, name, tensor);
    /* A number is kept in f64, and makes nothing wider. */
    struct torch_value result = torch_tensor(t, number && !t->b->failed ? build_cast(t->b, x, DTYPE_F32) : x);
    if (!t->b->failed)
        result.tensor->complex = v->complex;
    return result;
}

/* (storage, offset, sizes, strides, …) */
static struct torch_value rebuild(struct torch_reader *t, const struct pickle *args, const char *path)
{
    struct torch_view v = {0};
    char member[300];
    const char *key = NULL;
    int rank = 0;
    if (!args || args->kind != PICKLE_TUPLE || args->size < 4 || !read_storage(args->items[0], &v, &key) ||
        args->items[1]->kind != PICKLE_INT || !read_sizes(args->items[2], v.dims, &v.rank) ||
        !read_sizes(args->items[3], v.strides, &rank) || rank != v.rank) {
        build_fail(t->b, "'%.200s' is a tensor that is not understood", path);
        return torch_none();
    }
    v.offset = args->items[1]->i;
    snprintf(member, sizeof(member), "%s%.200s", t->data, key);
    v.member = member;
    return torch_view_value(t, &v, path);
}

/* ---- quantised ones: (storage, offset, sizes, strides, (scheme, scale, zero point, …), …) ---- */

static struct value *constant_of(struct torch_reader *t, struct pickle *p, const char *path, enum dtype dtype)
{
    struct torch_value v = torch_unpickle(t, p, path);
    struct value *x = torch_graph_value(t, v);
    if (!x || !x->constant || t->b->failed)
        return NULL;
    return build_constant(t->b, path, tensor_cast(x->constant, dtype, true, t->b->err));
}

/* Rows of bytes with a zero point each that is no whole number. */
static struct value *rebuild_rows(struct torch_reader *t, struct value *q, const struct pickle *how)
{
    struct value *scale = constant_of(t, how->items[1], NULL, DTYPE_F32);
    struct value *zero = constant_of(t, how->items[2], NULL, DTYPE_F32);
    if (q->constant->rank != 2 || how->size < 4 || how->items[3]->kind != PICKLE_INT || how->items[3]->i != 0)
        build_fail(t->b, "quantised by floats along other than the rows of a matrix");
    return build_formula(t->b, "$0 $1 [1] Unsqueeze:2 Sub:2 $2 [1] Unsqueeze:2 Mul:2", 3,
                         (struct value *[]){build_cast(t->b, q, DTYPE_F32), zero, scale});
}

static struct value *rebuild_quantised(struct torch_reader *t, const struct pickle *args, const char *path)
{
    struct torch_value bytes = rebuild(t, args, path);
    struct value *q = t->b->failed ? NULL : bytes.tensor->value;
    const struct pickle *how = args->size > 4 ? args->items[4] : NULL;
    if (t->b->failed || !how || how->kind != PICKLE_TUPLE || how->size < 3) {
        build_fail(t->b, "'%.200s' is quantised in a way that is not read", path);
        return NULL;
    }
    if (pickle_is_global(how->items[0], "torch per_channel_affine_float_qparams"))
        return rebuild_rows(t, q, how);
    bool channels = how->size > 3 && how->items[3]->kind == PICKLE_INT;
    struct value *scale = constant_of(t, how->items[1], NULL, DTYPE_F32);
    struct value *zero = constant_of(t, how->items[2], NULL, q->constant->dtype);
    struct value *v = BUILD(t->b, "DequantizeLinear", q, scale, q->constant->dtype == DTYPE_I32 ? NULL : zero);
    return channels ? build_int(t->b, v, "axis", how->items[3]->i) : v;
}

/* ---- values ---- */

static struct torch_value items_of(struct torch_reader *t, struct pickle *p, enum torch_kind kind, const char *path,
                                   int depth);

/* "__torch__.a.b C" becomes "__torch__.a.b.C". */
static const char *class_name(struct torch_reader *t, const struct pickle *p)
{
    char *name = p->kind == PICKLE_GLOBAL ? arena_strdup(&t->arena, p->text, t->b->err) : NULL;
    build_check(t->b, name != NULL || p->kind != PICKLE_GLOBAL);
    if (!name)
        return "";
    char *space = strchr(name, ' ');
    if (space)
        *space = '.';
    return name;
}

static struct torch_value unpickle(struct torch_reader *t, struct pickle *p, const char *path, int depth);

/* What the pickle would call, where it is one of these. */
static struct torch_value call_of(struct torch_reader *t, struct pickle *p, const char *path, int depth)
{
    static const char *const wrappers[] = {
        "torch._utils _rebuild_parameter",    "torch._utils _rebuild_parameter_with_state",
        "torch.jit._pickle build_intlist",    "torch.jit._pickle build_doublelist",
        "torch.jit._pickle build_boollist",   "torch.jit._pickle build_tensorlist",
        "torch.jit._pickle restore_type_tag", "torch Size"};
    const struct pickle *function = p->items[0];
    struct pickle *args = p->size > 1 && p->items[1]->kind == PICKLE_TUPLE ? p->items[1] : NULL,
                  *first = args && args->size ? args->items[0] : NULL;
    if (pickle_is_global(function, "torch._utils _rebuild_tensor_v2") ||
        pickle_is_global(function, "torch._utils _rebuild_tensor_v3") ||
        pickle_is_global(function, "torch._utils _rebuild_tensor"))
        return rebuild(t, args, path);
    if (pickle_is_global(function, "torch._tensor _rebuild_from_type_v2") && args && args->size > 2) {
        struct pickle *parts[2] = {args->items[0], args->items[2]};
        struct pickle call = {.kind = PICKLE_CALL, .items = parts, .size = 2};
        return depth < MOST_DEPTH ? call_of(t, &call, path, depth + 1) : torch_none();
    }
    if (pickle_is_global(function, "torch._utils _rebuild_qtensor"))
        return torch_tensor(t, rebuild_quantised(t, args, path));
    if (pickle_is_global(function, "collections OrderedDict"))
        return torch_list(t, TORCH_DICT);
    if (pickle_is_global(function, "torch device"))
        return torch_string("cpu");
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers) && first; i++)
        if (pickle_is_global(function, wrappers[i]))
            return unpickle(t, first, path, depth + 1);
    bool is_class = function->kind == PICKLE_GLOBAL && strncmp(function->text, "__torch__", 9) == 0 && p->size > 1;
    if (is_class && (p->items[1]->kind == PICKLE_STRING || p->items[1]->kind == PICKLE_INT))
        return unpickle(t, p->items[1], path, depth + 1); /* the value of an Enum stands for it */
    build_fail(t->b, "the pickle would call '%.200s', which is refused",
               function->kind == PICKLE_GLOBAL ? function->text : "?");
    return torch_none();
}

static struct torch_value items_of(struct torch_reader *t, struct pickle *p, enum torch_kind kind, const char *path,
                                   int depth)
{
    struct torch_value list = torch_list(t, kind);
    char name[600];
    for (size_t i = 0; i < p->size && !t->b->failed; i++) {
        snprintf(name, sizeof(name), "%.500s.%zu", path, i);
        const char *kept = arena_strdup(&t->arena, name, t->b->err);
        build_check(t->b, kept != NULL);
        if (kept)
            torch_append(t, list, unpickle(t, p->items[i], kept, depth + 1));
    }
    return list;
}

static struct torch_value object_of(struct torch_reader *t, struct pickle *p, const char *path)
{
    struct torch_value v = torch_object(t, class_name(t, p->items[0]), path);
    if (v.kind == TORCH_OBJECT)
        v.object->state = p->size > 2 ? p->items[2] : NULL;
    return v;
}

static struct torch_value fresh(struct torch_reader *t, struct pickle *p, const char *path, int depth)
{
    switch (p->kind) {
    case PICKLE_NONE:
        return torch_none();
    case PICKLE_BOOL:
        return torch_bool(p->i != 0);
    case PICKLE_INT:
        return torch_int(p->i);
    case PICKLE_FLOAT:
        return torch_float(p->f);
    case PICKLE_STRING:
        return torch_string(p->text);
    case PICKLE_TUPLE:
        return items_of(t, p, TORCH_TUPLE, path, depth);
    case PICKLE_LIST:
        return items_of(t, p, TORCH_LIST, path, depth);
    case PICKLE_DICT:
        return items_of(t, p, TORCH_DICT, path, depth);
    case PICKLE_CALL:
        return call_of(t, p, path, depth);
    case PICKLE_OBJECT:
        return object_of(t, p, path);
    case PICKLE_GLOBAL:
        return (struct torch_value){.kind = TORCH_NAME, .text = class_name(t, p)};
    default:
        build_fail(t->b, "'%.200s' is a pickled value that is not understood", path);
        return torch_none();
    }
}

/* A value that stands twice in the pickle is one: weights that layers share, modules. */
static struct torch_value unpickle(struct torch_reader *t, struct pickle *p, const char *path, int depth)
{
    bool shared = p->kind == PICKLE_CALL || p->kind == PICKLE_OBJECT;
    struct torch_value *known = shared ? p->scratch : NULL;
    if (depth > MOST_DEPTH)
        build_fail(t->b, "a pickled value that is more than %d deep", MOST_DEPTH);
    if (t->b->failed)
        return torch_none();
    if (known)
        return *known;
    struct torch_value v = fresh(t, p, path, depth);
    if (shared && !t->b->failed) {
        known = p->scratch = arena_alloc(&t->arena, sizeof(v), t->b->err);
        build_check(t->b, known != NULL);
        if (known)
            *known = v;
    }
    return v;
}

struct torch_value torch_unpickle_part(struct torch_reader *t, struct torch_object *o, struct pickle *p,
                                       const char *path)
{
    const char *data = t->data;
    t->data = o->data;
    struct torch_value v = torch_unpickle(t, p, path);
    t->data = data;
    return v;
}

struct torch_value torch_unpickle(struct torch_reader *t, struct pickle *p, const char *path)
{
    struct torch_root kept = torch_enter_root(t);
    struct torch_value v = unpickle(t, p, path, 0);
    torch_leave_root(t, kept);
    return v;
}
