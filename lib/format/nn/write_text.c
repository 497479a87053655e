/* The words of the header. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/nn/write.h"
#include "op/utf8.h"

void nn_put_bytes(struct text *out, const char *bytes, size_t n, const char *also)
{
    size_t start = 0, size;

    for (size_t i = 0; i < n; i += size) {
        char escaped[4];

        size = 1;
        if ((unsigned char)bytes[i] < 0x80 || utf8_read(bytes + i, n - i, &size) <= UTF8_MAX)
            continue;
        text_escape(out, bytes + start, i - start, also);
        snprintf(escaped, sizeof escaped, "%%%02X", (unsigned char)bytes[i]);
        text_add(out, escaped, 3);
        start = i + 1;
    }
    text_escape(out, bytes + start, n - start, also);
}

void nn_put_name(struct text *out, const char *name, const char *also)
{
    static const char *const taken[] = {"-", "->", ":"};
    char first[2] = {*name, '\0'};

    if (!*name)
        text_puts(out, "-");
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (strcmp(name, taken[i]) == 0) {
            text_escape(out, name, 1, first);
            name++;
            break;
        }
    nn_put_bytes(out, name, strlen(name), also);
}

void nn_put_quoted(struct text *out, const struct str *s)
{
    text_add(out, "\"", 1);
    nn_put_bytes(out, s->data, s->size, "\"");
    text_add(out, "\"", 1);
}

void nn_put_i64(struct text *out, int64_t value)
{
    char digits[24];

    text_add(out, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value));
}

void nn_put_float(struct text *out, float value)
{
    size_t start = out->size;
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    if (isnan(value) && bits != nn_float_of(DTYPE_F32)->nan) {
        text_printf(out, "nan:%08x", (unsigned)bits);
        return;
    }
    text_f32(out, value);
    if (!out->failed && out->data[start + strspn(out->data + start, "-0123456789")] == '\0')
        text_puts(out, ".0");
}

/* ---- types ---- */

/* A symbol that reads as nothing else stands as it is: a word without x, which separates dims. */
static bool is_bare(const char *name)
{
    return nn_begins_symbol(*name) && !strchr(name, 'x') && strcmp(name, "scalar") != 0;
}

static void put_dim(struct text *out, const struct graph *g, int64_t dim)
{
    const char *name = graph_symbol_name(g, dim);
    bool bare = dim == DIM_UNKNOWN || is_bare(name);

    if (dim >= 0) {
        nn_put_i64(out, dim);
        return;
    }
    if (!bare)
        text_add(out, "{", 1);
    nn_put_bytes(out, name, strlen(name), "{}");
    if (!bare)
        text_add(out, "}", 1);
}

void nn_put_shape(struct text *out, const struct graph *g, int rank, const int64_t *dims)
{
    if (rank <= 0)
        text_puts(out, rank < 0 ? "*" : "scalar");
    for (int i = 0; i < rank; i++) {
        if (i)
            text_add(out, "x", 1);
        put_dim(out, g, dims[i]);
    }
}

void nn_put_type(struct text *out, const struct graph *g, const struct type *type, char separator)
{
    bool known;
    int nested = 0;

    for (; type && (type->kind == TYPE_SEQUENCE || type->kind == TYPE_OPTIONAL); type = type->element, nested++)
        text_puts(out, type->kind == TYPE_SEQUENCE ? "seq(" : "opt(");
    known = type && type->kind == TYPE_TENSOR;
    text_puts(out, !known ? "-" : type->dtype == DTYPE_NONE ? "?" : dtype_info(type->dtype)->name);
    while (nested-- > 0)
        text_add(out, ")", 1);
    text_add(out, &separator, 1);
    if (known)
        nn_put_shape(out, g, type->rank, type->dims);
    else
        text_add(out, "-", 1);
}
