/* Reading arrays. The header is a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), } */
#include "data/npy.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"

static const char magic[] = "\x93NUMPY";

struct header {
    char order, kind; /* '<', '>', '|' or '='; 'f', 'i', … */
    int64_t width;    /* bytes of an element; characters for U */
    bool fortran, has_descr, has_order, has_shape;
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
};

struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0)
        return false;
    c->at += n;
    return true;
}

/* 'quoted' or "quoted", without escapes. */
static bool take_quoted(struct cursor *c, const char **text, size_t *n)
{
    skip_blanks(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    const char *first = c->at + 1, *last = memchr(first, *c->at, (size_t)(c->end - first));
    if (!last)
        return false;
    *text = first;
    *n = (size_t)(last - first);
    c->at = last + 1;
    return true;
}

static bool take_number(struct cursor *c, int64_t *value)
{
    skip_blanks(c);
    const char *first = c->at;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    bool good = text_to_i64(first, (size_t)(c->at - first), value);
    if (c->at < c->end && *c->at == 'L') /* Python 2's long integers */
        c->at++;
    return good;
}

static int take_descr(struct cursor *c, struct header *h, struct error *err)
{
    const char *s;
    size_t n;
    if (take(c, '['))
        return error_set(err, "an array of records: want plain numbers");
    if (!take_quoted(c, &s, &n))
        return error_set(err, "malformed descr: want for instance '<f4'");
    bool has_order = n && strchr("<>|=", s[0]);
    h->order = has_order ? s[0] : '|';
    s += has_order;
    n -= has_order;
    h->kind = n ? s[0] : '?';
    h->has_descr = true;
    if (h->kind == 'O')
        return error_set(err, "an array of pickled Python objects, which is never read: want plain numbers");
    if (n < 2 || !text_to_i64(s + 1, n - 1, &h->width) || h->width < 0)
        return error_set(err, "malformed descr '%.*s': want for instance '<f4'", (int)(n < 20 ? n : 20), s);
    return 0;
}

static int take_shape(struct cursor *c, struct header *h, struct error *err)
{
    if (!take(c, '('))
        return error_set(err, "malformed shape: want for instance (1, 3)");
    h->has_shape = true;
    h->rank = 0;
    while (!take(c, ')')) {
        if (h->rank == TENSOR_MAX_RANK)
            return error_set(err, "more than %d dimensions", TENSOR_MAX_RANK);
        if (!take_number(c, &h->dims[h->rank++]))
            return error_set(err, "malformed shape: want for instance (1, 3)");
        take(c, ',');
    }
    return 0;
}

static int take_entry(struct cursor *c, struct header *h, struct error *err)
{
    const char *key;
    size_t n;
    if (!take_quoted(c, &key, &n) || !take(c, ':'))
        return error_set(err, "malformed header of an array file");
    if (n == 5 && memcmp(key, "descr", 5) == 0)
        return take_descr(c, h, err);
    if (n == 5 && memcmp(key, "shape", 5) == 0)
        return take_shape(c, h, err);
    if (n != 13 || memcmp(key, "fortran_order", 13) != 0)
        return error_set(err, "unknown key '%.*s' in the header of an array file", (int)(n < 40 ? n : 40), key);
    h->has_order = true;
    h->fortran = take_word(c, "True");
    return h->fortran || take_word(c, "False") ? 0 : error_set(err, "fortran_order: want True or False");
}

static int parse_header(const char *text, size_t n, struct header *h, struct error *err)
{
    struct cursor c = {text, text + n};
    if (!take(&c, '{'))
        return error_set(err, "malformed header of an array file");
    while (!take(&c, '}')) {
        if (take_entry(&c, h, err) < 0)
            return -1;
        take(&c, ',');
    }
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return error_set(err, "the header of the array file lacks %s",
                         !h->has_descr ? "descr" : !h->has_order ? "fortran_order" : "shape");
    return 0;
}

/* The NumPy kinds and widths that are dtypes. */
static const struct {
    char kind;
    int width;
    enum dtype dtype;
} kinds[] = {
    {'f', 4, DTYPE_F32}, {'f', 8, DTYPE_F64}, {'f', 2, DTYPE_F16}, {'i', 1, DTYPE_I8},   {'i', 2, DTYPE_I16},
    {'i', 4, DTYPE_I32}, {'i', 8, DTYPE_I64}, {'u', 1, DTYPE_U8},  {'u', 2, DTYPE_U16},  {'u', 4, DTYPE_U32},
    {'u', 8, DTYPE_U64}, {'b', 1, DTYPE_BOOL}, {'c', 8, DTYPE_C64}, {'c', 16, DTYPE_C128}, {'V', 2, DTYPE_BF16},
};

static enum dtype dtype_of(const struct header *h)
{
    if (h->kind == 'U' || h->kind == 'S')
        return DTYPE_STRING;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == h->kind && kinds[i].width == h->width)
            return kinds[i].dtype;
    return DTYPE_NONE;
}

/* Element i of the result lies at element source_index() of an array in Fortran order. */
static int64_t source_index(const struct header *h, int64_t i)
{
    int64_t index[TENSOR_MAX_RANK], at = 0;
    for (int d = h->rank - 1; d >= 0; d--) {
        index[d] = i % h->dims[d];
        i /= h->dims[d];
    }
    for (int d = h->rank - 1; d >= 0; d--)
        at = at * h->dims[d] + index[d];
    return at;
}

static void copy_element(uint8_t *to, const uint8_t *from, size_t width, size_t word)
{
    if (!word) {
        memcpy(to, from, width);
        return;
    }
    for (size_t part = 0; part < width; part += word)
        for (size_t i = 0; i < word; i++)
            to[part + i] = from[part + word - 1 - i];
}

static struct tensor *read_numbers(const struct header *h, enum dtype dtype, struct blob *blob, size_t offset,
                                   struct error *err)
{
    size_t width = (size_t)h->width, word = h->order != '>' || width == 1 ? 0 : h->kind == 'c' ? width / 2 : width;
    if (!h->fortran && !word)
        return tensor_of_blob(dtype, h->rank, h->dims, blob, offset, err);
    struct tensor *t = tensor_new(dtype, h->rank, h->dims, err);
    const uint8_t *from = (const uint8_t *)blob->data + offset;
    for (int64_t i = 0; t && i < t->count; i++) {
        int64_t at = h->fortran ? source_index(h, i) : i;
        copy_element((uint8_t *)t->data + (size_t)i * width, from + (size_t)at * width, width, word);
    }
    return t;
}

static uint32_t character(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]
               : (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* One element of U as UTF-8, or of S as it is, without the NULs that fill it up. */
static void add_string(struct text *text, const struct header *h, const uint8_t *p)
{
    int64_t n = h->width;
    if (h->kind == 'S') {
        while (n > 0 && p[n - 1] == 0)
            n--;
        text_add(text, (const char *)p, (size_t)n);
        return;
    }
    while (n > 0 && character(p + 4 * (n - 1), h->order == '>') == 0)
        n--;
    for (int64_t i = 0; i < n; i++)
        text_put_utf8(text, character(p + 4 * i, h->order == '>'));
}

static struct tensor *read_strings(const struct header *h, int64_t count, const uint8_t *from, struct error *err)
{
    size_t width = (size_t)h->width * (h->kind == 'U' ? 4 : 1);
    struct text text;
    text_init(&text);
    struct str *strings = mem_calloc((size_t)count, sizeof *strings, err);
    for (int64_t i = 0; strings && i < count; i++) {
        size_t before = text.size;
        add_string(&text, h, from + (size_t)(h->fortran ? source_index(h, i) : i) * width);
        strings[i].size = text.size - before;
    }
    const char *at = text.data;
    for (int64_t i = 0; strings && i < count; i++) {
        strings[i].data = strings[i].size ? at : "";
        at = strings[i].size ? at + strings[i].size : at;
    }
    struct tensor *t = NULL;
    if (strings && text.failed)
        error_memory(err);
    else if (strings)
        t = tensor_of_strings(h->rank, h->dims, strings, err);
    free(strings);
    text_release(&text);
    return t;
}

static struct tensor *read_data(const struct header *h, struct blob *blob, size_t offset, size_t size,
                                struct error *err)
{
    enum dtype dtype = dtype_of(h);
    int64_t count = tensor_count(h->rank, h->dims);
    size_t width = (size_t)h->width * (h->kind == 'U' ? 4 : 1), want;
    if (dtype == DTYPE_NONE) {
        error_set(err, "elements of kind '%c' and %lld bytes: not a type that models have", h->kind,
                  (long long)h->width);
        return NULL;
    }
    if (count < 0 || h->width > 1 << 24 || !mem_mul((size_t)count, width, &want) || want > size ||
        (width == 0 && count > 1 << 20)) {
        error_set(err, "the array's data is %zu bytes: shorter than its shape says", size);
        return NULL;
    }
    if (dtype == DTYPE_STRING)
        return read_strings(h, count, (const uint8_t *)blob->data + offset, err);
    return read_numbers(h, dtype, blob, offset, err);
}

struct tensor *data_npy_read(struct blob *blob, size_t offset, size_t size, struct error *err)
{
    struct header h = {0};
    struct bytes b = bytes_of((const uint8_t *)blob->data + offset, size);
    const uint8_t *start = bytes_take(&b, 6);
    if (!start || memcmp(start, magic, 6) != 0) {
        error_set(err, "not a NumPy array file: want one that numpy.save() wrote");
        return NULL;
    }
    int version = bytes_u8(&b);
    bytes_u8(&b);
    size_t length = version == 1 ? bytes_u16(&b) : bytes_u32(&b);
    const char *text = (const char *)bytes_take(&b, length);
    if (b.bad || version < 1 || version > 3) {
        error_set(err, "version %d of NumPy's array files, or a truncated one: want 1 to 3", version);
        return NULL;
    }
    if (parse_header(text, length, &h, err) < 0)
        return NULL;
    return read_data(&h, blob, offset + (size - bytes_left(&b)), bytes_left(&b), err);
}
