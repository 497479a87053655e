#define _GNU_SOURCE /* strtod_l */
#include "base/text.h"

#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* A program may have called setlocale(); numbers in files must not follow it. The libc hands out one constant object
 * for "C", so that this neither allocates nor fails. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

void text_init(struct text *t)
{
    *t = (struct text){0};
}

void text_release(struct text *t)
{
    free(t->data);
    text_init(t);
}

/* Makes room for n more bytes and a NUL. */
static bool has_room(struct text *t, size_t n)
{
    struct error ignored;
    size_t want;

    if (!t->failed &&
        (!mem_add(t->size, n, &want) || !mem_add(want, 1, &want) || mem_grow(&t->data, &t->cap, want, 1, &ignored) < 0))
        t->failed = true;
    return !t->failed;
}

void text_add(struct text *t, const char *bytes, size_t n)
{
    if (!has_room(t, n))
        return;
    if (n)
        memcpy(t->data + t->size, bytes, n);
    t->size += n;
    t->data[t->size] = '\0';
}

void text_puts(struct text *t, const char *string)
{
    text_add(t, string, strlen(string));
}

void text_printf(struct text *t, const char *format, ...)
{
    locale_t c = c_locale(), before = uselocale(c);
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        t->failed = true;
    } else if (has_room(t, (size_t)n)) {
        va_start(args, format);
        vsnprintf(t->data + t->size, (size_t)n + 1, format, args);
        va_end(args);
        t->size += (size_t)n;
    }
    uselocale(before);
    freelocale(c);
}

/* Digits that always survive in a decimal, and digits that always suffice, for IEEE single and double. */
struct precision {
    int survive, suffice;
    double integers; /* below this, integers are written in full */
};

static const struct precision single = {6, 9, 1e7}, twice = {15, 17, 1e15};

static bool reads_back(const char *s, double value, bool narrow, locale_t c)
{
    return narrow ? (double)strtof_l(s, NULL, c) == value : strtod_l(s, NULL, c) == value;
}

/* The middle of the numbers above `value` that read back to it. Below a power of two floats stand twice as close, so
 * that the decimal nearest to it may be another float's while one farther up is still its own. */
static long double middle_above(double value, bool narrow)
{
    double away = copysign(INFINITY, value);
    double next = narrow ? (double)nextafterf((float)value, (float)away) : nextafter(value, away);

    return (long double)value + ((long double)next - value) / 4;
}

/* Whether so many digits are enough; the decimal is then in `buffer`. */
static bool is_enough(char *buffer, size_t size, int digits, double value, bool narrow, locale_t c)
{
    int exponent;

    snprintf(buffer, size, "%.*g", digits, value);
    if (reads_back(buffer, value, narrow, c))
        return true;
    if (fabs(frexp(value, &exponent)) != 0.5)
        return false;
    snprintf(buffer, size, "%.*Lg", digits, middle_above(value, narrow));
    return reads_back(buffer, value, narrow, c);
}

/* The fewest digits that read back. Most numbers need nearly all of them, so that the search below those that always
 * survive only starts once it is known to end. */
static void shortest(char *buffer, size_t size, double value, bool narrow, locale_t c)
{
    const struct precision *p = narrow ? &single : &twice;
    int digits = p->survive;

    if (fabs(value) < p->integers && value == rint(value)) {
        snprintf(buffer, size, "%.0f", value);
        return;
    }
    if (is_enough(buffer, size, digits, value, narrow, c))
        digits = 0;
    do {
        digits++;
    } while (!is_enough(buffer, size, digits, value, narrow, c) && digits < p->suffice);
}

static void add_float(struct text *t, double value, bool narrow)
{
    char buffer[40];
    locale_t c, before;

    if (isnan(value) || isinf(value)) {
        text_puts(t, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    c = c_locale();
    before = uselocale(c);
    shortest(buffer, sizeof buffer, value, narrow, c);
    uselocale(before);
    freelocale(c);
    text_puts(t, buffer);
}

void text_f32(struct text *t, float value)
{
    add_float(t, (double)value, true);
}

void text_f64(struct text *t, double value)
{
    add_float(t, value, false);
}

bool text_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

size_t text_control_size(const char *bytes, size_t n)
{
    unsigned char first = n > 0 ? (unsigned char)bytes[0] : ' ', second = n > 1 ? (unsigned char)bytes[1] : 0;
    return first == 0xc2 && second >= 0x80 && second < 0xa0 ? 2 : first < 0x80 && text_is_control(first);
}

/* The bytes from here on that text_escape() writes otherwise. */
static size_t escaped_size(const char *bytes, size_t n, const char *also)
{
    size_t control = text_control_size(bytes, n);
    return control ? control : *bytes == ' ' || *bytes == '%' || (also && strchr(also, *bytes));
}

void text_escape(struct text *t, const char *bytes, size_t n, const char *also)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t start = 0, escaped;

    for (size_t i = 0; i < n; i += escaped ? 0 : 1) {
        escaped = escaped_size(bytes + i, n - i, also);
        if (!escaped)
            continue;
        text_add(t, bytes + start, i - start);
        for (start = i + escaped; i < start; i++)
            text_add(t, (char[]){'%', hex[(unsigned char)bytes[i] >> 4], hex[bytes[i] & 15]}, 3);
    }
    text_add(t, bytes + start, n - start);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t text_utf8(char to[4], uint32_t point)
{
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)(n == 1 ? point : (0xf00u >> n & 0xff) | point);
    return n;
}

#define REPLACEMENT 0xfffd

static bool is_point(uint32_t p)
{
    return p < 0x110000 && (p < 0xd800 || p > 0xdfff);
}

void text_put_utf8(struct text *t, uint32_t p)
{
    char c[4];
    text_add(t, c, text_utf8(c, is_point(p) ? p : REPLACEMENT));
}

uint32_t text_get_utf8(const uint8_t **at, const uint8_t *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t *p = *at;
    uint32_t c = *p++;
    int n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
    *at = p;
    if (n <= 1)
        return n ? c : REPLACEMENT;
    c &= 0x7fu >> n;
    for (int i = 1; i < n; i++, p++) {
        if (p == end || *p >> 6 != 2)
            return REPLACEMENT;
        c = c << 6 | (*p & 0x3f);
    }
    if (c < least[n] || !is_point(c))
        return REPLACEMENT;
    *at = p;
    return c;
}

ptrdiff_t text_unescape(char *bytes, size_t n)
{
    size_t size = 0;

    for (size_t i = 0; i < n; i++) {
        char c = bytes[i];

        if (c == '%') {
            int high = n - i > 2 ? hex_digit(bytes[i + 1]) : -1, low = n - i > 2 ? hex_digit(bytes[i + 2]) : -1;

            if (high < 0 || low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        }
        bytes[size++] = c;
    }
    bytes[size] = '\0';
    return (ptrdiff_t)size;
}

bool text_has_word(const char *list, const char *word)
{
    size_t n = strlen(word), size;

    for (; *list; list += size + (list[size] != '\0')) {
        size = strcspn(list, " ,");
        if (size == n && memcmp(list, word, n) == 0)
            return true;
    }
    return false;
}

/* All of [s, s+n) is decimal digits that make a number up to `most`. */
static bool to_digits(const char *s, size_t n, uint64_t most, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(s[i] - '0'), &sum))
            return false;
    }
    if (n == 0 || sum > most)
        return false;
    *value = sum;
    return true;
}

bool text_to_u64(const char *s, size_t n, uint64_t *value)
{
    return to_digits(s, n, UINT64_MAX, value);
}

bool text_to_i64(const char *s, size_t n, int64_t *value)
{
    bool negative = n > 0 && s[0] == '-';
    uint64_t size;

    if (!to_digits(s + negative, n - negative, (uint64_t)INT64_MAX + negative, &size))
        return false;
    *value = negative ? (int64_t)-size : (int64_t)size;
    return true;
}

static size_t count_digits(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && s[i] >= '0' && s[i] <= '9')
        i++;
    return i;
}

/* [+-] digits [. digits] [e [+-] digits], with digits before or after the point. */
static bool is_decimal(const char *s, size_t n)
{
    size_t i = n > 0 && (s[0] == '-' || s[0] == '+'), whole = count_digits(s + i, n - i), part = 0;

    i += whole;
    if (i < n && s[i] == '.') {
        part = count_digits(s + i + 1, n - i - 1);
        i += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (i < n && (s[i] == 'e' || s[i] == 'E')) {
        size_t exponent;

        i++;
        i += i < n && (s[i] == '-' || s[i] == '+');
        exponent = count_digits(s + i, n - i);
        if (exponent == 0)
            return false;
        i += exponent;
    }
    return i == n;
}

static bool is_word(const char *s, size_t n)
{
    size_t sign = n > 0 && (s[0] == '-' || s[0] == '+');

    return n - sign == 3 && (strncasecmp(s + sign, "nan", 3) == 0 || strncasecmp(s + sign, "inf", 3) == 0);
}

/* strtod() reads the longest decimal that a double can need, about 1,080 characters; anything longer is no number. */
static bool to_float(const char *s, size_t n, bool narrow, double *value)
{
    char copy[1100];
    locale_t c;

    if (n >= sizeof copy || !(is_word(s, n) || is_decimal(s, n)))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    c = c_locale();
    *value = narrow ? (double)strtof_l(copy, NULL, c) : strtod_l(copy, NULL, c);
    freelocale(c);
    return !isinf(*value) || is_word(s, n);
}

bool text_to_f64(const char *s, size_t n, double *value)
{
    double got;

    if (!to_float(s, n, false, &got))
        return false;
    *value = got;
    return true;
}

bool text_to_f32(const char *s, size_t n, float *value)
{
    double got;

    if (!to_float(s, n, true, &got))
        return false;
    *value = (float)got;
    return true;
}
