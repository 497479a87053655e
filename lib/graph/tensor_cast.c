#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "graph/element.h"

/* Elements converted at a time: a buffer that stays in the first-level cache. */
#define RUN 512

static enum dtype_class class_of(const struct tensor *t)
{
    return dtype_info(t->dtype)->class;
}

static bool is_whole(const struct tensor *t)
{
    enum dtype_class class = class_of(t);

    return class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT || class == DTYPE_CLASS_BOOL;
}

/* ---- numbers ---- */

static void cast_integers(const struct tensor *from, struct tensor *to)
{
    struct tensor bits = *from;
    int64_t run[RUN];

    if (from->dtype == DTYPE_U64) /* read as they are, not clamped */
        bits.dtype = DTYPE_I64;
    for (int64_t i = 0; i < from->count; i += RUN) {
        int64_t n = from->count - i < RUN ? from->count - i : RUN;

        tensor_load_i64(&bits, i, n, run);
        tensor_store_i64(to, i, n, run);
    }
}

static void cast_reals(const struct tensor *from, struct tensor *to, bool saturate, enum half_round round)
{
    bool wide = to->dtype == DTYPE_F64 || to->dtype == DTYPE_C128;
    double run[RUN];

    for (int64_t i = 0; i < from->count; i += RUN) {
        int64_t n = from->count - i < RUN ? from->count - i : RUN;

        if (wide)
            tensor_load_f64(from, i, n, run);
        else
            element_load_odd(from, i, n, run);
        element_store(to, i, n, run, saturate, round);
    }
}

/* A complex tensor seen as its parts. */
static struct tensor parts_of(const struct tensor *t)
{
    struct tensor parts = *t;

    parts.dtype = t->dtype == DTYPE_C64 ? DTYPE_F32 : DTYPE_F64;
    parts.count *= 2;
    return parts;
}

/* Weights of half precision are many. */
static void halves_to_f32(const struct tensor *from, struct tensor *to)
{
    const uint16_t *x = from->data;
    float *y = to->data;

    if (from->dtype == DTYPE_F16)
        for (int64_t i = 0; i < from->count; i++)
            y[i] = half_f16_to_f32(x[i]);
    else
        for (int64_t i = 0; i < from->count; i++)
            y[i] = half_bf16_to_f32(x[i]);
}

static void cast_numbers(const struct tensor *from, struct tensor *to, bool saturate, enum half_round round)
{
    if (is_whole(from) && is_whole(to)) {
        cast_integers(from, to);
    } else if ((from->dtype == DTYPE_F16 || from->dtype == DTYPE_BF16) && to->dtype == DTYPE_F32) {
        halves_to_f32(from, to);
    } else if (class_of(from) == DTYPE_CLASS_COMPLEX && class_of(to) == DTYPE_CLASS_COMPLEX) {
        struct tensor a = parts_of(from), b = parts_of(to);

        cast_reals(&a, &b, saturate, round);
    } else {
        cast_reals(from, to, saturate, round);
    }
}

/* ---- numbers to strings ---- */

void tensor_element_text(const struct tensor *t, int64_t i, struct text *text)
{
    const struct str *s = t->data;

    if (t->dtype == DTYPE_STRING)
        text_add(text, s[i].data, s[i].size);
    else if (t->dtype == DTYPE_U64)
        text_printf(text, "%llu", (unsigned long long)((const uint64_t *)t->data)[i]);
    else if (is_whole(t))
        text_printf(text, "%lld", (long long)tensor_get_i64(t, i));
    else if (t->dtype == DTYPE_F64 || t->dtype == DTYPE_C128)
        text_f64(text, tensor_get_f64(t, i));
    else
        text_f32(text, (float)tensor_get_f64(t, i));
}

/* Strings of which only the sizes are set yet, over bytes that stand one after another. */
static void place(struct str *strings, int64_t n, const char *bytes)
{
    for (int64_t i = 0; i < n; i++) {
        strings[i].data = bytes;
        bytes += strings[i].size;
    }
}

static struct tensor *to_strings(const struct tensor *from, struct error *err)
{
    struct str *strings = mem_calloc((size_t)from->count, sizeof *strings, err);
    struct tensor *result = NULL;
    struct text text;

    if (!strings)
        return NULL;
    text_init(&text);
    for (int64_t i = 0; i < from->count && !text.failed; i++) {
        size_t before = text.size;

        tensor_element_text(from, i, &text);
        strings[i].size = text.size - before;
    }
    place(strings, from->count, text.data);
    if (text.failed)
        error_memory(err);
    else
        result = tensor_of_strings(from->rank, from->dims, strings, err);
    text_release(&text);
    free(strings);
    return result;
}

/* ---- strings to numbers ---- */

static bool is_word(const char *s, size_t n, const char *word)
{
    return strlen(word) == n && strncasecmp(s, word, n) == 0;
}

/* The spellings of special values that ONNX lists, and Python's. */
static bool special(const struct str *s, double *value)
{
    bool minus = s->size && s->data[0] == '-', plus = s->size && s->data[0] == '+';
    const char *word = s->data + (minus || plus);
    size_t n = s->size - (minus || plus);

    if (is_word(word, n, "inf") || is_word(word, n, "infinity"))
        *value = minus ? -__builtin_inf() : __builtin_inf();
    else if (is_word(word, n, "nan"))
        *value = __builtin_nan("");
    else
        return false;
    return true;
}

static bool parse_real(const struct str *s, enum dtype to, double *value)
{
    float narrow;

    if (to == DTYPE_F32 && text_to_f32(s->data, s->size, &narrow)) { /* rounded once */
        *value = narrow;
        return true;
    }
    return text_to_f64(s->data, s->size, value) || special(s, value);
}

static bool parse_into(struct tensor *to, int64_t i, const struct str *s, bool saturate, enum half_round round)
{
    int64_t whole;
    uint64_t large;
    double real;

    if (is_whole(to) && text_to_i64(s->data, s->size, &whole)) {
        tensor_set_i64(to, i, whole);
    } else if (is_whole(to) && text_to_u64(s->data, s->size, &large)) {
        tensor_set_i64(to, i, (int64_t)large);
    } else if (parse_real(s, to->dtype, &real)) {
        element_store(to, i, 1, &real, saturate, round);
    } else if (to->dtype == DTYPE_BOOL && (is_word(s->data, s->size, "true") || is_word(s->data, s->size, "false"))) {
        tensor_set_i64(to, i, s->size == 4);
    } else {
        return false;
    }
    return true;
}

static int of_strings(const struct tensor *from, struct tensor *to, bool saturate, enum half_round round,
                      struct error *err)
{
    const struct str *s = from->data;

    for (int64_t i = 0; i < from->count; i++)
        if (!parse_into(to, i, &s[i], saturate, round))
            return error_set(err, "element %lld, \"%.*s\"%s, is not a number", (long long)i,
                             s[i].size < 40 ? (int)s[i].size : 40, s[i].size ? s[i].data : "",
                             s[i].size > 40 ? "…" : "");
    return 0;
}

/* ---- all ---- */

struct tensor *tensor_cast_round(const struct tensor *t, enum dtype to, bool saturate, enum half_round round,
                                 struct error *err)
{
    struct tensor *result;

    if (to == t->dtype)
        return tensor_reshaped(t, t->rank, t->dims, err);
    if (to == DTYPE_STRING)
        return to_strings(t, err);
    result = tensor_new(to, t->rank, t->dims, err);
    if (!result)
        return NULL;
    if (t->dtype != DTYPE_STRING) {
        cast_numbers(t, result, saturate, round);
    } else if (of_strings(t, result, saturate, round, err) != 0) {
        tensor_unref(result);
        return NULL;
    }
    return result;
}

struct tensor *tensor_cast(const struct tensor *t, enum dtype to, bool saturate, struct error *err)
{
    return tensor_cast_round(t, to, saturate, HALF_UP, err);
}
