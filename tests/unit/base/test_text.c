#include "base/text.h"

#include <locale.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"

static void test_building(void)
{
    struct text t;

    text_init(&t);
    CHECK(t.data == NULL && t.size == 0);
    text_add(&t, "", 0);
    CHECK_STR(t.data, "");
    text_add(&t, "abc", 2);
    text_puts(&t, "-");
    text_printf(&t, "%d/%s", 7, "x");
    CHECK_STR(t.data, "ab-7/x");
    for (int i = 0; i < 10000; i++)
        text_printf(&t, "%05d", i);
    CHECK(t.size == 6 + 50000 && strlen(t.data) == t.size && !t.failed);
    CHECK(strncmp(t.data + 6 + 5 * 1234, "01234", 5) == 0);
    text_release(&t);
    CHECK(t.data == NULL);
    text_release(&t);
}

/* What failed stays failed, and stays harmless. */
static void test_failure(void)
{
    struct text t;

    text_init(&t);
    text_puts(&t, "ab");
    text_add(&t, "x", SIZE_MAX - 1);
    CHECK(t.failed && t.size == 2);
    text_puts(&t, "more");
    text_printf(&t, "%d", 1);
    text_f32(&t, 1.5f);
    CHECK(t.failed && t.size == 2);
    text_release(&t);
    CHECK(!t.failed);
}

static void check_f32(float value, const char *want)
{
    struct text t;

    text_init(&t);
    text_f32(&t, value);
    CHECK_STR(t.data, want);
    text_release(&t);
}

static void check_f64(double value, const char *want)
{
    struct text t;

    text_init(&t);
    text_f64(&t, value);
    CHECK_STR(t.data, want);
    text_release(&t);
}

static void test_float_forms(void)
{
    check_f32(0, "0");
    check_f32(-0.0f, "-0");
    check_f32(3, "3");
    check_f32(-1000000, "-1000000");
    check_f32(0.1f, "0.1");
    check_f32(1.0f / 3, "0.33333334");
    check_f32(16777216, "16777216");
    check_f32(1e20f, "1e+20");
    check_f32(3.4028235e38f, "3.4028235e+38");
    check_f32(1.4e-45f, "1e-45");
    check_f32(1.1754944e-38f, "1.1754944e-38");
    /* Powers of two whose nearest decimal of 8 (16) digits belongs to the number below. */
    check_f32(0x1p-96f, "1.2621775e-29");
    check_f32(-0x1p87f, "-1.5474251e+26");
    check_f64(0x1p-1017, "7.120236347223045e-307");
    check_f32(NAN, "nan");
    check_f32(-NAN, "nan");
    check_f32(INFINITY, "inf");
    check_f32(-INFINITY, "-inf");
    check_f64(0.1, "0.1");
    check_f64(1.0 / 3, "0.3333333333333333");
    check_f64(5e-324, "5e-324");
    check_f64(9007199254740993.0, "9007199254740992");
    check_f64(1.7976931348623157e308, "1.7976931348623157e+308");
    check_f64(2.5, "2.5");
    check_f64(123456789012345.0, "123456789012345");
}

static bool is_same_f32(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

static double double_of(uint64_t bits)
{
    double d;

    memcpy(&d, &bits, sizeof d);
    return d;
}

/* Any bits at all, and every power of two, where the interval that reads back is lopsided. */
static void test_f32_round_trip(void)
{
    uint64_t state = 1;
    struct text t;
    int bad = 0;

    text_init(&t);
    for (uint32_t i = 0; i < 100000; i++) {
        float value = float_of(i < 512 ? i << 23 : (uint32_t)hash_random(&state)), got = 1;

        if (isnan(value) || isinf(value))
            continue;
        t.size = 0;
        text_f32(&t, value);
        bad += !text_to_f32(t.data, t.size, &got) || !is_same_f32(got, value);
    }
    CHECK_MSG(bad == 0, "%d", bad);
    text_release(&t);
}

static void test_f64_round_trip(void)
{
    uint64_t state = 2;
    struct text t;
    int bad = 0;

    text_init(&t);
    for (uint64_t i = 0; i < 40000; i++) {
        double value = double_of(i < 4096 ? i << 52 : hash_random(&state)), got = 1;

        if (isnan(value) || isinf(value))
            continue;
        t.size = 0;
        text_f64(&t, value);
        bad += !text_to_f64(t.data, t.size, &got) || memcmp(&got, &value, sizeof got) != 0;
    }
    CHECK_MSG(bad == 0, "%d", bad);
    text_release(&t);
}

/* No decimal of fewer digits reads back: every number of up to 4 digits comes out as short as it went in. */
static void test_shortest(void)
{
    struct text t;
    int bad = 0;

    text_init(&t);
    for (int e = -37; e < 38; e += 3) {
        for (int i = 1; i < 10000; i += 37) {
            char s[32];
            size_t want, got = 0;
            float value;

            snprintf(s, sizeof s, "%d", i);
            want = strlen(s);
            while (s[want - 1] == '0')
                want--;
            snprintf(s, sizeof s, "%de%d", i, e - 3);
            if (!text_to_f32(s, strlen(s), &value) || value > 3e38f)
                continue;
            t.size = 0;
            text_f32(&t, value);
            for (size_t k = 0; k < t.size && t.data[k] != 'e'; k++)
                got += t.data[k] >= '0' && t.data[k] <= '9' && (got > 0 || t.data[k] != '0');
            if (!strchr(t.data, 'e') && !strchr(t.data, '.'))
                continue; /* an integer in full */
            if (got > want && bad++ < 5)
                printf("%s came out as %s\n", s, t.data);
        }
    }
    CHECK(bad == 0);
    text_release(&t);
}

static void test_escape(void)
{
    static const char raw[] = "a b%c\n\x7f\x00,=\xc3\xa9z";
    struct text t;

    text_init(&t);
    text_escape(&t, raw, sizeof raw - 1, ",=");
    CHECK_STR(t.data, "a%20b%25c%0A%7F%00%2C%3D\xc3\xa9z");
    CHECK(text_unescape(t.data, t.size) == (ptrdiff_t)sizeof raw - 1 && memcmp(t.data, raw, sizeof raw) == 0);
    t.size = 0;
    text_escape(&t, "plain", 5, NULL);
    text_escape(&t, "", 0, "");
    CHECK_STR(t.data, "plain");
    text_release(&t);
}

static void test_escape_all_bytes(void)
{
    char raw[512];
    struct text t;

    for (int i = 0; i < 512; i++)
        raw[i] = (char)(i * 7);
    text_init(&t);
    for (size_t n = 0; n <= sizeof raw; n += 73) {
        t.size = 0;
        text_escape(&t, raw, n, "ab\xff");
        for (size_t i = 0; i < t.size; i++)
            CHECK((unsigned char)t.data[i] > 0x20 && t.data[i] != 0x7f && t.data[i] != 'a' && t.data[i] != '\xff');
        CHECK(text_unescape(t.data, t.size) == (ptrdiff_t)n && memcmp(t.data, raw, n) == 0);
    }
    text_release(&t);
}

static void test_unescape_malformed(void)
{
    static const char *const bad[] = {"%", "a%", "%4", "ab%2", "%GG", "%4g", "% 1", "%-1", "%%41", "%0x"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *s = strdup(bad[i]);

        CHECK_MSG(text_unescape(s, strlen(s)) == -1, "%s", bad[i]);
        free(s);
    }
    CHECK(text_unescape((char[]){"%4a%4Ax"}, 7) == 3);
    CHECK(text_unescape((char[]){""}, 0) == 0);
}

static void test_words(void)
{
    CHECK(text_has_word("one", "one") && text_has_word("one two,three", "two"));
    CHECK(text_has_word("one,two three", "three"));
    CHECK(!text_has_word("", "one") && !text_has_word("ones bone", "one") && !text_has_word("on", "one"));
    CHECK(!text_has_word("one two", "one two") && text_has_word("a  b", "b"));
}

static void test_integers(void)
{
    static const char *const bad[] = {"",     "-",   "+1", " 1",  "1 ", "1.0", "0x1", "--1", "1e3",
                                      "1\n", "9223372036854775808", "-9223372036854775809", "99999999999999999999"};
    int64_t i = 5;
    uint64_t u = 5;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        CHECK_MSG(!text_to_i64(bad[k], strlen(bad[k]), &i) && i == 5, "%s", bad[k]);
    CHECK(text_to_i64("9223372036854775807", 19, &i) && i == INT64_MAX);
    CHECK(text_to_i64("-9223372036854775808", 20, &i) && i == INT64_MIN);
    CHECK(text_to_i64("-0", 2, &i) && i == 0);
    CHECK(text_to_i64("000000000000000000000000000012", 30, &i) && i == 12);
    CHECK(text_to_i64("-45678", 3, &i) && i == -45);
    CHECK(text_to_u64("18446744073709551615", 20, &u) && u == UINT64_MAX);
    u = 5;
    CHECK(!text_to_u64("18446744073709551616", 20, &u) && !text_to_u64("-1", 2, &u) && !text_to_u64("", 0, &u));
    CHECK(!text_to_i64("1\0002", 3, &i) && u == 5);
}

static void test_floats(void)
{
    static const char *const bad[] = {"",     ".",    "-",   "e5",  "1e",  "1e+", " 1",  "1 ",      "0x10",  "1,5",
                                      "1..2", "1.2.3", "--1", "1e5.", "nan(1)", "infinity", "1f", "1e400", "-1e999",
                                      "in"};
    double d = 5;
    float f = 5;

    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CHECK_MSG(!text_to_f64(bad[k], strlen(bad[k]), &d) && d == 5, "%s", bad[k]);
        CHECK_MSG(!text_to_f32(bad[k], strlen(bad[k]), &f) && f == 5, "%s", bad[k]);
    }
    CHECK(text_to_f64("+1.50", 5, &d) && d == 1.5);
    CHECK(text_to_f64(".5", 2, &d) && d == 0.5);
    CHECK(text_to_f64("5.", 2, &d) && d == 5);
    CHECK(text_to_f64("-1E-2", 5, &d) && d == -0.01);
    CHECK(text_to_f64("1.25e300", 4, &d) && d == 1.25);
    CHECK(text_to_f64("1e-400", 6, &d) && d == 0);
    CHECK(text_to_f64("NaN", 3, &d) && isnan(d));
    CHECK(text_to_f64("-inf", 4, &d) && isinf(d) && d < 0);
    CHECK(text_to_f32("+INF", 4, &f) && isinf(f) && f > 0);
    CHECK(text_to_f32("3.4028235e38", 12, &f) && f == 3.4028235e38f);
    f = 5;
    CHECK(!text_to_f32("3.5e38", 6, &f) && f == 5);
    CHECK(!text_to_f64("1\0", 2, &d));
    /* Just above the middle between two floats; by way of double it would round down to the middle, then to even. */
    CHECK(text_to_f32("1.00000017881393432617187500001", 31, &f) && is_same_f32(f, 1.00000024f));
}

/* Not NUL-terminated, of any length: a heap block that ends with the number. */
static void test_bounded(void)
{
    for (size_t n = 1; n < 3000; n = n * 2 + 1) {
        char *digits = malloc(n);
        double d = 0;
        int64_t i;

        memset(digits, '0', n);
        digits[n - 1] = '7';
        CHECK(text_to_f64(digits, n, &d) == (n < 1100) && (n >= 1100 || d == 7));
        CHECK(text_to_i64(digits, n, &i) && i == 7);
        free(digits);
    }
}

/* In a locale with a decimal comma, if this machine has one; numbers keep their point, and the locale stays. */
static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "test_comma"};
    char got[32];
    struct text t;
    double d = 0;
    float f = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names && !setlocale(LC_ALL, names[i]); i++)
        continue;
    snprintf(got, sizeof got, "%g", 0.5);
    text_init(&t);
    text_f32(&t, 0.5f);
    text_printf(&t, " %g ", 0.25);
    text_f64(&t, 0.125);
    CHECK_STR(t.data, "0.5 0.25 0.125");
    CHECK(text_to_f64("0.5", 3, &d) && d == 0.5 && text_to_f32("2.5", 3, &f) && f == 2.5f);
    CHECK(!text_to_f64("0,5", 3, &d));
    text_release(&t);
    snprintf(got + 16, sizeof got - 16, "%g", 0.5);
    CHECK_STR(got + 16, got);
    if (got[1] != ',')
        printf("no locale with a decimal comma here\n");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    RUN(test_building);
    RUN(test_failure);
    RUN(test_float_forms);
    RUN(test_f32_round_trip);
    RUN(test_f64_round_trip);
    RUN(test_shortest);
    RUN(test_escape);
    RUN(test_escape_all_bytes);
    RUN(test_unescape_malformed);
    RUN(test_words);
    RUN(test_integers);
    RUN(test_floats);
    RUN(test_bounded);
    RUN(test_locale);
    return TEST_END();
}
