/* Writing arrays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/npy.h"

enum dtype data_npy_dtype(enum dtype dtype)
{
    switch (dtype) {
    case DTYPE_BF16:
    case DTYPE_F8E4M3FN:
    case DTYPE_F8E4M3FNUZ:
    case DTYPE_F8E5M2:
    case DTYPE_F8E5M2FNUZ:
    case DTYPE_F4E2M1:
    case DTYPE_F8E8M0:
        return DTYPE_F32;
    case DTYPE_I4:
    case DTYPE_I2:
        return DTYPE_I8;
    case DTYPE_U4:
    case DTYPE_U2:
        return DTYPE_U8;
    default:
        return dtype;
    }
}

static const char *const descr[DTYPE_COUNT] = {
    [DTYPE_F32] = "<f4", [DTYPE_F64] = "<f8", [DTYPE_F16] = "<f2", [DTYPE_I8] = "|i1",  [DTYPE_I16] = "<i2",
    [DTYPE_I32] = "<i4", [DTYPE_I64] = "<i8", [DTYPE_U8] = "|u1",  [DTYPE_U16] = "<u2", [DTYPE_U32] = "<u4",
    [DTYPE_U64] = "<u8", [DTYPE_BOOL] = "|b1", [DTYPE_C64] = "<c8", [DTYPE_C128] = "<c16",
};

/* NumPy leaves room in the header for the first dimension to grow to this many digits, and aligns the data. */
#define GROWTH_DIGITS 21
#define ALIGN 64

static void add_blanks(struct text *t, size_t n)
{
    while (n--)
        text_puts(t, " ");
}

static void add_header(struct text *t, const char *type, int rank, const int64_t *dims)
{
    struct text h;
    text_init(&h);
    text_printf(&h, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (int i = 0; i < rank; i++)
        text_printf(&h, i ? ", %lld" : "%lld", (long long)dims[i]);
    text_puts(&h, rank == 1 ? ",), }" : "), }");
    char first[24];
    if (rank > 0)
        add_blanks(&h, GROWTH_DIGITS - (size_t)snprintf(first, sizeof first, "%lld", (long long)dims[0]));
    const size_t fixed = 10; /* magic, version, length */
    add_blanks(&h, ALIGN - (fixed + h.size + 1) % ALIGN);
    text_puts(&h, "\n");
    const char start[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(h.size & 255), (char)(h.size >> 8)};
    text_add(t, start, sizeof start);
    if (h.failed)
        t->failed = true;
    else
        text_add(t, h.data, h.size);
    text_release(&h);
}

static size_t points(const struct str *s)
{
    const uint8_t *at = (const uint8_t *)s->data, *end = at + s->size;
    size_t n = 0;
    for (; at < end; n++)
        text_get_utf8(&at, end);
    return n;
}

static void add_points(struct text *t, const struct str *s, size_t width)
{
    const uint8_t *at = (const uint8_t *)s->data, *end = at + s->size;
    for (size_t i = 0; i < width; i++) {
        uint32_t c = at < end ? text_get_utf8(&at, end) : 0;
        const char bytes[] = {(char)c, (char)(c >> 8), (char)(c >> 16), (char)(c >> 24)};
        text_add(t, bytes, 4);
    }
}

static void add_strings(struct text *text, const struct tensor *t)
{
    const struct str *s = t->data;
    size_t width = 1; /* NumPy's empty strings are U1 too */
    for (int64_t i = 0; i < t->count; i++)
        width = points(&s[i]) > width ? points(&s[i]) : width;
    char type[32];
    snprintf(type, sizeof type, "<U%zu", width);
    add_header(text, type, t->rank, t->dims);
    for (int64_t i = 0; i < t->count; i++)
        add_points(text, &s[i], width);
}

int data_npy_write(const struct tensor *t, struct file_out *out, struct error *err)
{
    enum dtype dtype = data_npy_dtype(t->dtype);
    struct tensor *same = NULL;
    if (dtype != t->dtype && !(same = tensor_cast(t, dtype, true, err)))
        return -1;
    t = same ? same : t;
    struct text text;
    text_init(&text);
    if (dtype == DTYPE_STRING)
        add_strings(&text, t);
    else
        add_header(&text, descr[dtype], t->rank, t->dims);
    int status = text.failed ? error_memory(err) : file_write(out, text.data, text.size, err);
    if (status == 0 && dtype != DTYPE_STRING && t->size)
        status = file_write(out, t->data, t->size, err);
    text_release(&text);
    tensor_unref(same);
    return status;
}
