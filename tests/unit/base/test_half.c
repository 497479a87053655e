#include "base/half.h"

#include "../../test.h"
#include "base/hash.h"

static float float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

/* A finite code's value by the definition: sign, exponent, fraction, in doubles. */
static double value_of(unsigned code, int mant, int bias)
{
    unsigned exponent = code >> mant, fraction = code & ((1u << mant) - 1);

    return exponent ? ldexp(1 + ldexp(fraction, -mant), (int)exponent - bias) : ldexp(fraction, 1 - bias - mant);
}

/* A format for the checks: magnitude codes 0..largest are finite. */
struct format {
    int mant, bias;
    unsigned largest;
};

/* The code nearest to |value|, ties to even, found by search among all values; largest + 1 where the next value up
 * (were there one) would be nearer. */
static unsigned nearest(double value, const struct format *f)
{
    unsigned low = 0, high = f->largest + 1;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        *(value_of(middle, f->mant, f->bias) <= value ? &low : &high) = middle;
    }
    if (value >= value_of(high, f->mant, f->bias))
        return high;
    value = (value - value_of(low, f->mant, f->bias)) * 2 -
            (value_of(high, f->mant, f->bias) - value_of(low, f->mant, f->bias));
    return value > 0 || (value == 0 && low % 2) ? high : low;
}

static const struct format f16 = {10, 15, 0x7bff};

static void test_f16_widen(void)
{
    int bad = 0;

    for (unsigned code = 0; code < 0x10000; code++) {
        float got = half_f16_to_f32((uint16_t)code);
        unsigned size = code & 0x7fff;

        if (size > 0x7c00)
            bad += !isnan(got) || half_f32_to_f16(got) != (code | 0x200);
        else
            bad += (size == 0x7c00 ? !isinf(got) : fabs((double)got) != value_of(size, 10, 15)) ||
                   (bits_of(got) >> 31) != code >> 15 || half_f32_to_f16(got) != code;
    }
    CHECK_MSG(bad == 0, "%d", bad);
}

static void check_f16(float value)
{
    unsigned want = nearest(fabs((double)value), &f16), got = half_f32_to_f16(value);

    CHECK_MSG(got == (want | (bits_of(value) >> 31) << 15), "%a: %04x, want %04x", (double)value, got, want);
}

/* At, just below and just above every value and every middle between two. */
static void test_f16_narrow(void)
{
    for (unsigned code = 0; code < 0x7c00; code++) {
        float at = half_f16_to_f32((uint16_t)code), next = (float)value_of(code + 1, 10, 15), middle = (at + next) / 2;

        check_f16(nextafterf(at, INFINITY));
        check_f16(-middle);
        check_f16(nextafterf(middle, 0));
        check_f16(nextafterf(middle, INFINITY));
    }
    CHECK(half_f32_to_f16(INFINITY) == 0x7c00 && half_f32_to_f16(-INFINITY) == 0xfc00);
    CHECK(half_f32_to_f16(65519.996f) == 0x7bff && half_f32_to_f16(65520) == 0x7c00);
    CHECK(half_f32_to_f16(3e38f) == 0x7c00);
    CHECK(half_f32_to_f16(1e-45f) == 0 && half_f32_to_f16(-1e-45f) == 0x8000);
    CHECK((half_f32_to_f16(NAN) & 0x7fff) > 0x7c00 && (half_f32_to_f16(float_of(0xff800001)) & 0xfe00) == 0xfe00);
}

#ifdef __FLT16_MAX__
static void test_f16_compiler(void)
{
    uint64_t state = 3;
    int bad = 0;

    for (int i = 0; i < 200000; i++) {
        uint32_t bits = (uint32_t)hash_random(&state);
        float value = float_of(i % 2 ? bits : (bits & 0x8fffffff) | 0x30000000);
        _Float16 want = (_Float16)value;
        uint16_t got = half_f32_to_f16(value);

        bad += !isnan(value) && memcmp(&want, &got, sizeof got) != 0;
    }
    CHECK_MSG(bad == 0, "%d", bad);
}
#else
static void test_f16_compiler(void)
{
}
#endif

static void test_bf16(void)
{
    int bad = 0;

    for (uint32_t code = 0; code < 0x10000; code++) {
        float got = half_bf16_to_f32((uint16_t)code);
        bool is_nan = (code & 0x7fff) > 0x7f80;
        uint32_t tie = (code + (code & 1)) & 0xffff;

        bad += bits_of(got) != code << 16;
        bad += half_f32_to_bf16(got) != (is_nan ? code | 0x40 : code);
        if (is_nan || (code & 0x7fff) == 0x7f80)
            continue;
        bad += half_f32_to_bf16(float_of(code << 16 | 0x7fff)) != code;
        bad += half_f32_to_bf16(float_of(code << 16 | 0x8000)) != tie;
        bad += half_f32_to_bf16(float_of(code << 16 | 0x8001)) != code + 1;
    }
    CHECK_MSG(bad == 0, "%d", bad);
    CHECK(half_f32_to_bf16(3.4028235e38f) == 0x7f80);
    CHECK((half_f32_to_bf16(float_of(0x7f800001)) & 0x7fff) > 0x7f80);
    CHECK((half_f32_to_bf16(float_of(0xffffffff)) & 0x7fff) > 0x7f80);
}

/* Largest finite code, its value, what infinity gives without saturation, NaN, and whether there is a -0. */
struct f8 {
    struct format format;
    double most;
    unsigned infinity, nan;
    bool has_minus_zero;
};

static const struct f8 f8_formats[] = {
    [HALF_F8E4M3FN] = {{3, 7, 0x7e}, 448, 0x7f, 0x7f, true},
    [HALF_F8E4M3FNUZ] = {{3, 8, 0x7f}, 240, 0x80, 0x80, false},
    [HALF_F8E5M2] = {{2, 15, 0x7b}, 57344, 0x7c, 0x7f, true},
    [HALF_F8E5M2FNUZ] = {{2, 16, 0x7f}, 57344, 0x80, 0x80, false},
};

static void test_f8_widen(void)
{
    for (enum half_f8 k = HALF_F8E4M3FN; k <= HALF_F8E5M2FNUZ; k++) {
        const struct f8 *f = &f8_formats[k];

        CHECK((double)half_f8_to_f32((uint8_t)f->format.largest, k) == f->most);
        for (unsigned code = 0; code < 256; code++) {
            float got = half_f8_to_f32((uint8_t)code, k);
            unsigned size = code & 0x7f;
            bool is_nan = f->has_minus_zero ? size > f->format.largest && !(k == HALF_F8E5M2 && size == 0x7c)
                                            : code == 0x80;

            CHECK_MSG(!isnan(got) == !is_nan, "format %d, code %02x", (int)k, code);
            if (is_nan)
                continue;
            CHECK(signbit(got) ? code & 0x80 : !(code & 0x80));
            CHECK(size == 0x7c && k == HALF_F8E5M2
                      ? isinf(got)
                      : fabs((double)got) == value_of(size, f->format.mant, f->format.bias));
            CHECK(half_f32_to_f8(got, k, false) == code);
            CHECK(half_f32_to_f8(got, k, true) == (isinf(got) ? code - 1 : code));
        }
    }
}

static void check_f8(float value, enum half_f8 k, bool saturate)
{
    const struct f8 *f = &f8_formats[k];
    unsigned size = nearest(fabs((double)value), &f->format), sign = bits_of(value) >> 24 & 0x80, want;

    if (size > f->format.largest)
        want = (saturate ? f->format.largest : f->infinity) | sign;
    else
        want = size || f->has_minus_zero ? size | sign : 0;
    CHECK_MSG(half_f32_to_f8(value, k, saturate) == want, "format %d, %a: %02x, want %02x", (int)k, (double)value,
              half_f32_to_f8(value, k, saturate), want);
}

static void test_f8_narrow(void)
{
    for (enum half_f8 k = HALF_F8E4M3FN; k <= HALF_F8E5M2FNUZ; k++) {
        const struct format *f = &f8_formats[k].format;

        for (unsigned code = 0; code <= f->largest; code++) {
            float at = (float)value_of(code, f->mant, f->bias), next = (float)value_of(code + 1, f->mant, f->bias);
            float middle = (at + next) / 2;
            float near[] = {nextafterf(at, INFINITY), middle, -middle, nextafterf(middle, 0),
                            nextafterf(middle, INFINITY), -nextafterf(next, 0)};

            for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
                check_f8(near[i], k, false);
                check_f8(near[i], k, true);
            }
        }
        check_f8(1e38f, k, false);
        check_f8(-1e38f, k, true);
        check_f8(1e-45f, k, true);
        check_f8(-1e-45f, k, false);
    }
}

/* The table of ONNX's Cast. */
static void test_f8_special(void)
{
    for (enum half_f8 k = HALF_F8E4M3FN; k <= HALF_F8E5M2FNUZ; k++) {
        const struct f8 *f = &f8_formats[k];

        CHECK(half_f32_to_f8(INFINITY, k, true) == f->format.largest);
        CHECK(half_f32_to_f8(-INFINITY, k, true) == (f->format.largest | 0x80));
        CHECK(half_f32_to_f8(INFINITY, k, false) == f->infinity);
        CHECK(half_f32_to_f8(-INFINITY, k, false) == (f->infinity | 0x80));
        for (int saturate = 0; saturate < 2; saturate++) {
            CHECK(half_f32_to_f8(float_of(0x7fc00000), k, saturate) == f->nan);
            CHECK(half_f32_to_f8(float_of(0xffc00000), k, saturate) == (f->nan | 0x80));
            CHECK(half_f32_to_f8(-0.0f, k, saturate) == (f->has_minus_zero ? 0x80 : 0));
        }
    }
}

static void test_e8m0_widen(void)
{
    for (unsigned code = 0; code < 255; code++) {
        float value = half_e8m0_to_f32((uint8_t)code);

        CHECK((double)value == ldexp(1, (int)code - 127));
        for (enum half_round r = HALF_UP; r <= HALF_NEAREST; r++)
            CHECK(half_f32_to_e8m0(value, r, false) == code && half_f32_to_e8m0(-value, r, true) == code);
    }
    CHECK(isnan(half_e8m0_to_f32(255)));
}

static void test_e8m0_narrow(void)
{
    for (unsigned code = 0; code < 254; code++) {
        float low = half_e8m0_to_f32((uint8_t)code), high = half_e8m0_to_f32((uint8_t)(code + 1));
        float values[] = {nextafterf(low, INFINITY), nextafterf(low * 1.5f, 0), low * 1.5f, nextafterf(high, 0)};

        for (size_t i = 0; i < 4; i++) {
            CHECK(half_f32_to_e8m0(values[i], HALF_UP, false) == code + 1);
            CHECK(half_f32_to_e8m0(values[i], HALF_DOWN, false) == code);
            CHECK_MSG(half_f32_to_e8m0(values[i], HALF_NEAREST, false) == code + (i >= 2), "%a", (double)values[i]);
        }
    }
    CHECK(half_f32_to_e8m0(0, HALF_UP, true) == 0 && half_f32_to_e8m0(0, HALF_UP, false) == 255);
    CHECK(half_f32_to_e8m0(0x1p-128f, HALF_UP, true) == 0 && half_f32_to_e8m0(0x1p-128f, HALF_DOWN, false) == 255);
    CHECK(half_f32_to_e8m0(3.4e38f, HALF_UP, true) == 254 && half_f32_to_e8m0(3.4e38f, HALF_UP, false) == 255);
    CHECK(half_f32_to_e8m0(3.4e38f, HALF_DOWN, false) == 254);
    CHECK(half_f32_to_e8m0(INFINITY, HALF_UP, true) == 254 && half_f32_to_e8m0(INFINITY, HALF_DOWN, false) == 255);
    CHECK(half_f32_to_e8m0(NAN, HALF_UP, true) == 255);
}

static void test_e2m1(void)
{
    static const float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    static const struct format f = {1, 1, 7};

    for (unsigned code = 0; code < 16; code++) {
        float got = half_e2m1_to_f32((uint8_t)code), want = code & 8 ? -values[code & 7] : values[code];

        CHECK(bits_of(got) == bits_of(want) && half_f32_to_e2m1(got) == code);
        CHECK(bits_of(half_e2m1_to_f32((uint8_t)(code | 0xf0))) == bits_of(want));
    }
    for (int i = -2048; i <= 2048; i++) {
        float value = (float)i / 256;
        unsigned size = nearest(fabs((double)value), &f);

        CHECK(half_f32_to_e2m1(value) == ((size > 7 ? 7 : size) | (i < 0 ? 8u : 0)));
    }
    CHECK(half_f32_to_e2m1(INFINITY) == 7 && half_f32_to_e2m1(-INFINITY) == 15 && half_f32_to_e2m1(1e30f) == 7);
    CHECK(half_f32_to_e2m1(float_of(0x7fc00000)) == 7 && half_f32_to_e2m1(1e-40f) == 0);
}

int main(void)
{
    RUN(test_f16_widen);
    RUN(test_f16_narrow);
    RUN(test_f16_compiler);
    RUN(test_bf16);
    RUN(test_f8_widen);
    RUN(test_f8_narrow);
    RUN(test_f8_special);
    RUN(test_e8m0_widen);
    RUN(test_e8m0_narrow);
    RUN(test_e2m1);
    return TEST_END();
}
