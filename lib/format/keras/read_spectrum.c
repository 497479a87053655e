/* Spectra of sound. */
#include <math.h>
#include <string.h>

#include "format/keras/keras.h"

#define MOST_SAMPLES (1 << 16) /* of a window */

/* As TensorFlow has it, of whose windows those of an even length are periodic; zeros around. */
static struct value *window_of(struct keras_call *l, int64_t length, int64_t all)
{
    const struct json_node *name = keras_parameter(l, "window", 4);
    bool hamming = name && name->kind == JSON_STRING && strcmp(name->string, "hamming") == 0;
    if (name && (name->kind != JSON_STRING || (!hamming && strcmp(name->string, "hann") != 0)))
        build_fail(l->b, "want a hann or hamming window");
    struct tensor *t = l->b->failed ? NULL : tensor_new(DTYPE_F32, 1, &all, l->b->err);
    double least = hamming ? 0.54 : 0.5, period = length > 1 ? (double)(length - length % 2) : 1;
    for (int64_t i = 0; t && i < length; i++)
        ((float *)t->data)[(all - length) / 2 + i] = (float)(least - (1 - least) * cos(2 * M_PI * (double)i / period));
    return build_constant(l->b, NULL, t);
}

/* Of sound [batch, samples]: [batch, frames, bins, 2]. */
static struct value *spectrum(struct keras_call *l, int64_t *size)
{
    struct build *b = l->b;
    struct value *x = keras_in(l, 0);
    const struct json_node *centre = keras_parameter(l, "center", 5);
    int64_t all = *size = keras_parameter_int(l, "fft_length", 3, 2048);
    int64_t length = keras_parameter_int(l, "sequence_length", 1, all);
    int64_t stride = keras_parameter_int(l, "sequence_stride", 2, 512);
    if (length < 1 || all < length || all > MOST_SAMPLES || stride < 1 || keras_rank(l, x) != 2)
        build_fail(b, "want sound [batch, samples] in windows of at most %d", MOST_SAMPLES);
    if (!centre || centre->kind != JSON_FALSE) {
        x = BUILD(b, "Pad", x, build_list(b, 4, (int64_t[]){0, all / 2, 0, all / 2}));
        build_string(b, x, "mode", "reflect");
    }
    x = build_unsqueeze(b, x, 2);
    return BUILD(b, "STFT", x, build_number(b, DTYPE_I64, (double)stride), window_of(l, length, all),
                 build_number(b, DTYPE_I64, (double)all));
}

void keras_read_stft(struct keras_call *l)
{
    int64_t size;
    struct value *v = spectrum(l, &size);
    for (int i = 0; i < 2; i++)
        keras_give(l, build_int(l->b, BUILD(l->b, "Gather", v, build_number(l->b, DTYPE_I64, i)), "axis", 3));
}

static double mel(double hertz)
{
    return 1127 * log(1 + hertz / 700);
}

/* Triangles over mel [bins, bands]; the first bin is in none. */
static struct value *bands_of(struct keras_call *l, int64_t bins)
{
    int64_t bands = keras_int(l, "num_mel_bins", 128), rate = keras_int(l, "sampling_rate", 16000);
    double highest = (double)keras_float(l, "max_freq", (float)(rate / 2));
    double low = mel((double)keras_float(l, "min_freq", 20)), step = (mel(highest) - low) / (double)(bands + 1);
    if (bands < 1 || bins > (1 << 24) / bands || !(step > 0))
        build_fail(l->b, "its bands cannot be made");
    int64_t dims[2] = {bins, bands};
    struct tensor *t = l->b->failed ? NULL : tensor_new(DTYPE_F32, 2, dims, l->b->err);
    for (int64_t i = bands; t && i < bins * bands; i++) {
        double at = mel((double)rate / 2 * (double)(i / bands) / (double)(bins - 1)),
               left = low + step * (double)(i % bands);
        ((float *)t->data)[i] = (float)fmax(0, fmin(at - left, left + 2 * step - at) / step);
    }
    return build_constant(l->b, NULL, t);
}

void keras_read_mel(struct keras_call *l)
{
    struct build *b = l->b;
    int64_t size;
    struct value *v = spectrum(l, &size);
    double least = (double)keras_float(l, "min_power", 1e-10f), about = (double)keras_float(l, "ref_power", 1);
    struct value *in[] = {v,
                          build_number(b, DTYPE_F32, (double)keras_float(l, "mag_exp", 2) / 2),
                          bands_of(l, size / 2 + 1),
                          build_number(b, DTYPE_F32, least),
                          build_number(b, DTYPE_F32, 10 * log10(fmax(fabs(about), least))),
                          build_number(b, DTYPE_F32, (double)keras_float(l, "top_db", 80))};
    v = build_formula(b, "$0 $0 Mul:2 [3] ReduceSum:2/keepdims=0 $1 Pow:2 $2 MatMul:2", 6, in);
    in[0] = v;
    if (keras_bool(l, "power_to_db", true))
        v = build_formula(
            b, "$0 $3 Max:2 Log =4.342944819032518 Mul:2 $4 Sub:2 >d d d ReduceMax/keepdims=0 $5 Sub:2 Max:2", 6, in);
    keras_give(l, build_transpose(b, v, 3, (int64_t[]){0, 2, 1}));
}
