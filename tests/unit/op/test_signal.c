/* DFT, STFT, windows, MelWeightMatrix. */
#include "one.h"

#include "base/hash.h"
#include "op/fft.h"

/* One line against the definition, and what became of it forwards and back. */
static double line_error(const fft_lanes *x, const fft_lanes *forward, const fft_lanes *back, int64_t n, int lane)
{
    double worst = 0;
    for (int64_t k = 0; k < n; k++) {
        double re = 0, im = 0;
        for (int64_t t = 0; t < n; t++) {
            double angle = -2 * M_PI * (double)(k * t % n) / (double)n, a = x[2 * t][lane], b = x[2 * t + 1][lane];
            re += a * cos(angle) - b * sin(angle);
            im += a * sin(angle) + b * cos(angle);
        }
        worst = fmax(worst, fmax(fabs(re - forward[2 * k][lane]), fabs(im - forward[2 * k + 1][lane])));
    }
    for (int64_t i = 0; i < 2 * n; i++)
        worst = fmax(worst, fabs(x[i][lane] - back[i][lane]));
    return worst;
}

/* Lengths with small and large factors. */
static void test_fft(void)
{
    static const int64_t lengths[] = {1, 2, 3, 4, 5, 7, 8, 12, 16, 31, 60, 64, 97, 100, 127, 128, 210};
    uint64_t seed = 1;
    fft_lanes x[420], forward[420], back[420];
    struct fft f;
    struct error err;
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        int64_t n = lengths[l];
        CHECK(fft_init(&f, n, &err) == 0);
        for (int64_t i = 0; i < 2 * n * FFT_LANES; i++)
            x[i / FFT_LANES][i % FFT_LANES] = hash_uniform(&seed) - 0.5;
        memcpy(forward, x, (size_t)n * 2 * sizeof *x);
        fft_run(&f, forward, false);
        memcpy(back, forward, (size_t)n * 2 * sizeof *x);
        fft_run(&f, back, true);
        for (int lane = 0; lane < FFT_LANES; lane++) {
            double worst = line_error(x, forward, back, n, lane);
            CHECK_MSG(worst < 1e-12, "length %lld, lane %d: %g", (long long)n, lane, worst);
        }
        fft_release(&f);
    }
    CHECK(fft_init(&f, 0, &err) == -1);
    fft_release(&f);
}

static void start_dft(struct one *o, bool onesided, bool inverse)
{
    one_start(o, "", "DFT", 1);
    node_set_int(o->n, "onesided", onesided, &o->err);
    node_set_int(o->n, "inverse", inverse, &o->err);
}

static void test_dft(void)
{
    struct one o;
    start_dft(&o, false, false);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1), VALUES(1, 2, 3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 4, 2), VALUES(10, 0, -2, 2, -2, 0, -2, -2)));
    one_end(&o);
    start_dft(&o, true, false);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1), VALUES(1, 2, 3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 3, 2), VALUES(10, 0, -2, 2, -2, 0)));
    one_end(&o);
    start_dft(&o, true, true);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 3, 2), VALUES(10, 0, -2, 2, -2, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 4, 1), VALUES(1, 2, 3, 4)));
    one_end(&o);
    start_dft(&o, false, false); /* along axis 0, filled with a zero */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1), VALUES(3, 5)));
    one_constant(&o, tensor_scalar_i64(2, &o.err));
    one_constant(&o, tensor_scalar_i64(-3, &o.err));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2, 2), VALUES(3, 0, 5, 0, 3, 0, 5, 0)));
    CHECK_STR(one_type(&o, 0), "f32 2x2x2");
    one_end(&o);
    start_dft(&o, true, false); /* more lines than are taken at a time */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3, 2, 1), VALUES(1, 2, 4, 3, 5, 9)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3, 2, 2), VALUES(3, 0, -1, 0, 7, 0, 1, 0, 14, 0, -4, 0)));
    one_end(&o);
    start_dft(&o, false, false); /* and side by side */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 3, 1), VALUES(1, 2, 4, 3, 5, 9)));
    one_constant(&o, tensor_scalar_i64(2, &o.err));
    one_constant(&o, tensor_scalar_i64(0, &o.err));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3, 2), VALUES(4, 0, 7, 0, 13, 0, -2, 0, -3, 0, -5, 0)));
    one_end(&o);
}

static void test_dft_errors(void)
{
    static const struct {
        bool onesided, inverse;
        int64_t parts, length, axis;
        const char *words;
    } rows[] = {
        {false, false, 3, 4, 1, "last dim of the input is 3, want 1 or 2"},
        {true, false, 2, 4, 1, "want 1 with attribute onesided"},
        {true, true, 1, 4, 1, "want 2 with attribute onesided"},
        {false, false, 1, 4, 2, "axis is the last one"},
        {false, false, 1, 4, -4, "input axis is -4"},
        {false, false, 1, 0, 1, "the length of the transform is 0"},
        {false, false, 1, INT64_MAX, 1, "the length of the transform"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        start_dft(&o, rows[i].onesided, rows[i].inverse);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 4, rows[i].parts), NULL));
        one_in(&o, tensor_scalar_i64(rows[i].length, &o.err));
        one_in(&o, tensor_scalar_i64(rows[i].axis, &o.err));
        CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
        CHECK_MSG(one_eval(&o) && strstr(o.err.text, rows[i].words), "row %zu: %s", i, o.err.text);
        one_end(&o);
    }
}

static void test_stft(void)
{
    struct one o;
    one_start(&o, "", "STFT", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 7, 1), VALUES(1, 2, 3, 4, 5, 4, 3)));
    one_constant(&o, tensor_scalar_i64(2, &o.err));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2), VALUES(1, 2)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 3, 2, 2), VALUES(5, 0, -3, 0, 11, 0, -5, 0, 13, 0, -3, 0)));
    CHECK_STR(one_type(&o, 0), "f64 1x3x2x2");
    one_end(&o);
    one_start(&o, "", "STFT", 1); /* a real signal without its last axis */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(1, 2, 3, 4, 5, 4, 3, 2)));
    one_constant(&o, tensor_scalar_i64(2, &o.err));
    one_in(&o, NULL);
    one_constant(&o, tensor_scalar_i64(2, &o.err));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2, 2, 2), VALUES(3, 0, -1, 0, 7, 0, -1, 0, 9, 0, 1, 0, 5, 0, 1, 0)));
    CHECK_STR(one_type(&o, 0), "f32 2x2x2x2");
    one_end(&o);
    static const struct {
        int64_t step, length;
    } rows[] = {{0, 2}, {1, 6}, {1, 0}, {1, 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "STFT", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 5, 1), NULL));
        one_in(&o, tensor_scalar_i64(rows[i].step, &o.err));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
        one_in(&o, tensor_scalar_i64(rows[i].length, &o.err));
        CHECK(one_fails(&o, i < 3 ? "frame_step and frame_length" : "input window has 2 elements, want 3"));
        one_end(&o);
    }
}

static void test_windows(void)
{
    static const struct {
        const char *op;
        double want[4];
    } rows[] = {{"HannWindow", {0, 0.5, 1, 0.5}},
                {"HammingWindow", {0.086956521739130432, 0.54347826086956519, 1, 0.54347826086956519}},
                {"BlackmanWindow", {-1.3877787807814457e-17, 0.34, 1, 0.34}}};
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", rows[i].op, 1);
        node_set_int(o.n, "output_datatype", DTYPE_F64, &o.err);
        one_constant(&o, tensor_scalar_i64(4, &o.err));
        CHECK(one_run(&o) == 0);
        for (int k = 0; k < 4 && o.out[0]; k++)
            CHECK(fabs(tensor_get_f64(o.out[0]->tensor, k) - rows[i].want[k]) < 1e-15);
        CHECK_STR(one_type(&o, 0), "f64 4");
        one_end(&o);
    }
    one_start(&o, "", "HannWindow", 1);
    node_set_int(o.n, "output_datatype", DTYPE_STRING, &o.err);
    one_in(&o, tensor_scalar_i64(4, &o.err));
    CHECK(one_fails(&o, "attribute output_datatype is 8"));
    one_end(&o);
    one_start(&o, "", "HannWindow", 1);
    one_in(&o, tensor_scalar_i64(-1, &o.err));
    CHECK(one_fails(&o, "input size is -1"));
    one_end(&o);
}

static void test_mel(void)
{
    struct one o;
    const int64_t numbers[3] = {2, 16, 8000};
    one_start(&o, "", "MelWeightMatrix", 1);
    for (int i = 0; i < 3; i++)
        one_constant(&o, tensor_scalar_i64(numbers[i], &o.err));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(0)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(4000)));
    /* The edges lie at bins 0, 0, 2 and 4. */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(9, 2), VALUES(1, 0, 0.5, 0.5, 0, 1, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
    CHECK_STR(one_type(&o, 0), "f32 9x2");
    one_end(&o);
    one_start(&o, "", "MelWeightMatrix", 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, tensor_scalar_i64(numbers[i], &o.err));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(-300)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(40000)));
    CHECK(one_fails(&o, "not inside the spectrum, 0 to 4000"));
    one_end(&o);
}

int main(void)
{
    RUN(test_fft);
    RUN(test_dft);
    RUN(test_dft_errors);
    RUN(test_stft);
    RUN(test_windows);
    RUN(test_mel);
    return TEST_END();
}
