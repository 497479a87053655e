/* Tensors: elements in the header, or bytes in the data section that follows it. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "format/nn/read.h"

/* The dtype and shape of a tensor, whose dims are all numbers; its elements in *count. */
static int read_form(struct nn_reader *r, struct nn_span dtype, struct nn_span shape, struct type *type,
                     int64_t *count, struct error *err)
{
    if (nn_read_type(r, dtype, shape, type, err) != 0)
        return -1;
    if (type->kind != TYPE_TENSOR || type->dtype == DTYPE_NONE)
        return error_set(err, "a constant of type '%.*s', want the type of its elements", nn_shown(dtype), dtype.at);
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] < 0)
            return error_set(err, "a constant's shape '%.*s', want numbers", nn_shown(shape), shape.at);
    *count = type->rank < 0 ? -1 : tensor_count(type->rank, type->dims);
    if (*count < 0)
        return error_set(err, "a constant's shape '%.*s' is %s", nn_shown(shape), shape.at,
                         type->rank < 0 ? "unknown" : "too large");
    return 0;
}

/* ---- elements in the header ---- */

static bool fits(const struct dtype_info *info, int64_t value)
{
    int64_t most = info->bits == 64 ? INT64_MAX : (INT64_C(1) << (info->bits - (info->class == DTYPE_CLASS_INT))) - 1;

    if (info->class == DTYPE_CLASS_BOOL)
        most = 1;
    return value <= most && value >= (info->class == DTYPE_CLASS_INT ? -most - 1 : 0);
}

static int read_integer(struct tensor *t, int64_t i, struct nn_span s, struct error *err)
{
    const struct dtype_info *info = dtype_info(t->dtype);
    uint64_t bits = 0;
    int64_t value = 0;
    bool good;

    if (t->dtype == DTYPE_U64) {
        good = text_to_u64(s.at, s.n, &bits);
        value = (int64_t)bits;
    } else {
        good = text_to_i64(s.at, s.n, &value) && fits(info, value);
    }
    if (!good)
        return error_set(err, "'%.*s' is no element of type %s", nn_shown(s), s.at, info->name);
    tensor_set_i64(t, i, value);
    return 0;
}

static int read_number(struct tensor *t, int64_t i, struct nn_span s, struct error *err)
{
    const struct nn_float *f = nn_float_of(t->dtype);
    uint64_t bits;

    if (!f)
        return read_integer(t, i, s, err);
    if (nn_float_element(s, t->dtype, &bits, err) != 0)
        return -1;
    nn_float_set_bits(f, t->data, i, bits);
    return 0;
}

static int count_error(int64_t want, struct error *err)
{
    return error_set(err, "the shape asks for %lld elements; there are more, or fewer", (long long)want);
}

static struct tensor *read_numbers(const struct type *type, struct nn_span list, char separator, struct error *err)
{
    struct tensor *t = tensor_new(type->dtype, type->rank, type->dims, err);
    struct nn_span item;
    int64_t i = 0;

    if (!t)
        return NULL;
    for (; nn_item(&list, separator, &item); i++)
        if (i == t->count || read_number(t, i, item, err) != 0) {
            if (i == t->count)
                count_error(t->count, err);
            tensor_unref(t);
            return NULL;
        }
    if (i == t->count)
        return t;
    count_error(t->count, err);
    tensor_unref(t);
    return NULL;
}

/* Fills strings[n] with bytes in the header, unescaped into r->bytes, whose room is reserved so that it stays. */
static int read_strings(struct nn_reader *r, struct nn_span list, char separator, struct str *strings, int64_t n,
                        struct error *err)
{
    struct nn_span item;
    int64_t i = 0;
    char *to;

    r->bytes.size = 0;
    text_add(&r->bytes, list.at, list.n);
    if (r->bytes.failed)
        return error_memory(err);
    to = r->bytes.data;
    for (; nn_item(&list, separator, &item); i++) {
        if (i == n)
            return count_error(n, err);
        if (nn_unquote(item, &r->key, &strings[i], err) != 0)
            return -1;
        memcpy(to, strings[i].data, strings[i].size);
        strings[i].data = to;
        to += strings[i].size;
    }
    return i == n ? 0 : count_error(n, err);
}

static struct tensor *read_elements(struct nn_reader *r, const struct type *type, int64_t count, struct nn_span list,
                                    char separator, struct error *err)
{
    struct tensor *t = NULL;
    struct str *strings;

    if (!nn_has_text(type->dtype)) {
        error_set(err, "elements of type %s stand in the data section, not in the header",
                  dtype_info(type->dtype)->name);
        return NULL;
    }
    if ((uint64_t)count > (list.n + 1) / 2) { /* before anything is allocated: each takes two bytes */
        count_error(count, err);
        return NULL;
    }
    if (type->dtype != DTYPE_STRING)
        return read_numbers(type, list, separator, err);
    strings = mem_calloc((size_t)count, sizeof *strings, err);
    if (strings && read_strings(r, list, separator, strings, count, err) == 0)
        t = tensor_of_strings(type->rank, type->dims, strings, err);
    free(strings);
    return t;
}

/* ---- the data section ---- */

static int read_key(struct nn_span word, const char *key, struct nn_span *value, struct error *err)
{
    if (!nn_begins(word, key))
        return error_set(err, "'%.*s', want %s…", nn_shown(word), word.at, key);
    *value = nn_skip(word, strlen(key));
    return 0;
}

static bool to_crc(struct nn_span s, uint32_t *crc)
{
    char digits[9] = {0};

    if (s.n != 8)
        return false;
    memcpy(digits, s.at, 8);
    if (strspn(digits, "0123456789abcdef") != 8)
        return false;
    *crc = (uint32_t)strtoul(digits, NULL, 16);
    return true;
}

/* The next `size` bytes of the data section, which is entered at a multiple of NN_ALIGN. */
static const char *take_data(struct nn_reader *r, size_t size, uint32_t crc, struct error *err)
{
    const char *data = (const char *)r->blob->data + r->start;
    size_t at = nn_aligned(r->used), left = at <= r->data ? r->data - at : 0;

    if (size == 0) /* takes no room, so that nothing need be there */
        at = r->used;
    else if (size > left) {
        error_set(err, "%zu bytes of data, where %zu are left of those that the header announces", size, left);
        return NULL;
    }
    for (size_t i = r->used; i < at; i++)
        if (data[i]) {
            error_set(err, "bytes between two tensors' data are not zero");
            return NULL;
        }
    if (hash_crc32(data + at, size) != crc) {
        error_set(err, "the data does not agree with its checksum %08x: the file is damaged", (unsigned)crc);
        return NULL;
    }
    r->used = at + size;
    return data + at;
}

static int unpack_strings(const char *at, size_t size, struct str *strings, int64_t count, struct error *err)
{
    uint64_t length;

    for (int64_t i = 0; i < count; i++) {
        if (size < 8)
            return error_set(err, "the data ends before string %lld", (long long)i);
        memcpy(&length, at, 8);
        if (length > size - 8)
            return error_set(err, "string %lld says it has %llu bytes, where %zu are left", (long long)i,
                             (unsigned long long)length, size - 8);
        strings[i] = (struct str){at + 8, (size_t)length};
        at += 8 + length;
        size -= 8 + (size_t)length;
    }
    return size == 0 ? 0 : error_set(err, "%zu bytes are left behind the last string", size);
}

static struct tensor *strings_of_data(const struct type *type, int64_t count, const char *data, size_t size,
                                      struct error *err)
{
    struct tensor *t = NULL;
    struct str *strings;

    if ((uint64_t)count > size / 8) { /* before anything is allocated */
        error_set(err, "%lld strings cannot be in %zu bytes", (long long)count, size);
        return NULL;
    }
    strings = mem_calloc((size_t)count, sizeof *strings, err);
    if (strings && unpack_strings(data, size, strings, count, err) == 0)
        t = tensor_of_strings(type->rank, type->dims, strings, err);
    free(strings);
    return t;
}

static struct tensor *read_data(struct nn_reader *r, const struct type *type, int64_t count, struct nn_span bytes,
                                struct nn_span crc, struct error *err)
{
    size_t want;
    uint64_t size;
    uint32_t sum = 0;
    const char *data;

    if (read_key(bytes, "bytes=", &bytes, err) != 0 || read_key(crc, "crc=", &crc, err) != 0)
        return NULL;
    if (!text_to_u64(bytes.at, bytes.n, &size) || size > SIZE_MAX || !to_crc(crc, &sum)) {
        error_set(err, "'bytes=%.*s crc=%.*s', want a number and eight hexadecimal digits", nn_shown(bytes), bytes.at,
                  nn_shown(crc), crc.at);
        return NULL;
    }
    if (type->dtype != DTYPE_STRING && (!tensor_bytes(type->dtype, count, &want) || want != size)) {
        error_set(err, "%llu bytes do not make %lld elements of type %s", (unsigned long long)size, (long long)count,
                  dtype_info(type->dtype)->name);
        return NULL;
    }
    data = take_data(r, (size_t)size, sum, err);
    if (!data)
        return NULL;
    if (type->dtype == DTYPE_STRING)
        return strings_of_data(type, count, data, (size_t)size, err);
    return tensor_of_blob(type->dtype, type->rank, type->dims, r->blob,
                          (size_t)(data - (const char *)r->blob->data), err);
}

/* ---- both ---- */

struct tensor *nn_read_constant(struct nn_reader *r, struct error *err)
{
    struct nn_span dtype, shape, word, crc, none;
    struct type type;
    int64_t count;

    if (!nn_word(&r->line, &dtype) || !nn_word(&r->line, &shape) || !nn_word(&r->line, &word)) {
        error_set(err, "a constant needs a type, a shape, and '= ELEMENTS' or 'bytes=N crc=X'");
        return NULL;
    }
    if (read_form(r, dtype, shape, &type, &count, err) != 0)
        return NULL;
    if (nn_is(word, "=")) {
        struct nn_span list = nn_skip(r->line, r->line.n > 0);

        r->line.n = 0;
        return read_elements(r, &type, count, list, ' ', err);
    }
    if (!nn_word(&r->line, &crc) || nn_word(&r->line, &none)) {
        error_set(err, "a constant ends with '= ELEMENTS' or with 'bytes=N crc=X'");
        return NULL;
    }
    return read_data(r, &type, count, word, crc, err);
}

struct tensor *nn_read_literal(struct nn_reader *r, struct nn_span word, struct error *err)
{
    struct nn_span dtype = {word.at, nn_find(word, ':')}, shape, list, bytes;
    struct type type;
    int64_t count;

    list = dtype.n < word.n ? nn_skip(word, dtype.n + 1) : (struct nn_span){word.at, 0};
    shape = (struct nn_span){list.at, nn_find(list, '[')};
    list = nn_skip(list, shape.n);
    if (list.n < 2 || list.at[list.n - 1] != ']') {
        error_set(err, "'%.*s' is no value; a tensor is TYPE:SHAPE[ELEMENTS], a string stands in quotes",
                  nn_shown(word), word.at);
        return NULL;
    }
    list = (struct nn_span){list.at + 1, list.n - 2};
    if (read_form(r, dtype, shape, &type, &count, err) != 0)
        return NULL;
    if (!nn_begins(list, "bytes="))
        return read_elements(r, &type, count, list, ',', err);
    bytes = (struct nn_span){list.at, nn_find(list, ',')};
    return read_data(r, &type, count, bytes, nn_skip(list, bytes.n + (bytes.n < list.n)), err);
}
