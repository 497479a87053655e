/* Spectrograms, as torchaudio defines them, and back. */
#include <math.h>

#include "format/ncnn/read.h"

#define TURN    6.28318530717958647692
#define MOST    8192      /* points of a transform */
#define LONGEST (1 << 24) /* samples of a signal */

struct spectrum {
    int64_t points, hop, window; /* of a transform; between two; of the window in its middle */
    double norm;                 /* what a result is multiplied by */
    struct tensor *shape;        /* the window, f32 [points] */
};

static double window_at(int type, int64_t i, int64_t size)
{
    double turn = TURN * (double)i / (double)size;
    return type == 1 ? 0.5 * (1 - cos(turn)) : type == 2 ? 0.54 - 0.46 * cos(turn) : 1;
}

/* The window alone is not for tensor_unref(): its caller makes a constant of it. */
static void read_spectrum(struct reader *r, struct spectrum *s)
{
    int64_t n = ncnn_int(r->l, 0, 0);
    *s = (struct spectrum){n, ncnn_int(r->l, 2, (int)(n / 4)), ncnn_int(r->l, 3, (int)n), 1, NULL};
    int type = ncnn_int(r->l, 4, 0), normalized = ncnn_int(r->l, 7, 0);
    if (n < 1 || n > MOST || s->hop < 1 || s->hop > MOST || s->window < 1 || s->window > n || type < 0 || type > 2)
        build_fail(&r->b, "has %lld points, a step of %lld, a window of %lld and type %d", (long long)n,
                   (long long)s->hop, (long long)s->window, type);
    s->shape = r->b.failed ? NULL : tensor_new(DTYPE_F32, 1, &n, r->b.err);
    build_check(&r->b, s->shape != NULL);
    double squares = 0;
    for (int64_t i = 0, at = (n - s->window) / 2; s->shape && i < s->window; i++) {
        float f = (float)window_at(type, i, s->window);
        ((float *)s->shape->data)[at + i] = f;
        squares += (double)f * f;
    }
    s->norm = normalized == 1 ? 1 / sqrt((double)n) : normalized == 2 && squares > 0 ? 1 / sqrt(squares) : 1;
}

/* [1, T] with half a transform more at either end. */
static struct value *centred(struct reader *r, struct value *x, int64_t points)
{
    static const char *const modes[] = {"constant", "edge", "reflect"};
    int type = ncnn_int(r->l, 6, 2);
    if (!ncnn_int(r->l, 5, 1))
        return x;
    if (type < 0 || type > 2)
        build_fail(&r->b, "has the padding %d; 0 to 2 are known", type);
    if (r->b.failed)
        return NULL;
    struct value *v = BUILD(&r->b, "Pad", x, BUILD_LIST(&r->b, 0, points / 2, 0, points / 2));
    return build_string(&r->b, v, "mode", modes[type]);
}

/* A blob of one axis: real and imaginary parts [1, freqs, frames, 2], or of these the magnitude [1, freqs, frames], or
 * its square. */
struct value *ncnn_spectrogram(struct reader *r)
{
    struct build *b = &r->b;
    struct spectrum s;
    read_spectrum(r, &s);
    int power = ncnn_int(r->l, 1, 0);
    struct value *x = ncnn_in(r, 0);
    if (ncnn_dims(r, x) != 1 || power < 0 || power > 2)
        build_fail(b, "has the power %d, or a blob of more than one axis", power);
    struct value *window = build_constant(b, NULL, s.shape);
    struct value *signal = build_unsqueeze(b, centred(r, x, s.points), 2);
    struct value *v = BUILD(b, "STFT", signal, build_number(b, DTYPE_I64, (double)s.hop), window);
    build_int(b, v, "onesided", ncnn_int(r->l, 8, 1) != 0);
    v = BUILD(b, "Transpose/perm=0,2,1,3", v);
    if (s.norm != 1)
        v = ncnn_by(r, "Mul", v, s.norm);
    if (power == 0)
        return v;
    v = BUILD(b, power == 1 ? "ReduceL2" : "ReduceSumSquare", v, BUILD_LIST(b, 3));
    return build_int(b, v, "keepdims", 0);
}

/* ---- back ---- */

/* [1, freqs, frames, 2] as [1, frames, points, 2]: what one half of the circle leaves out is the other's conjugate. */
static struct value *whole_circle(struct reader *r, struct value *x, int64_t points)
{
    struct build *b = &r->b;
    struct value *v = BUILD(b, "Transpose/perm=0,2,1,3", x);
    int64_t freqs = ncnn_size(r, x, 0);
    if (freqs == points)
        return v;
    if (freqs != points / 2 + 1)
        build_fail(b, "has %lld frequencies of %lld points", (long long)freqs, (long long)points);
    if (freqs == points || points - freqs < 1)
        return v;
    struct value *mirror =
        BUILD(b, "Slice", v, BUILD_LIST(b, points - freqs), BUILD_LIST(b, 0), BUILD_LIST(b, 2), BUILD_LIST(b, -1));
    mirror = BUILD(b, "Mul", mirror, build_f32s(b, 2, (float[]){1, -1}));
    return BUILD(b, "Concat/axis=2", v, mirror);
}

/* What the squares of all windows over a sample sum up to, 1 where none lies: f32 [length, 1] from sample `from` on. */
static struct value *window_sums(struct reader *r, const struct spectrum *s, const struct tensor *window,
                                 int64_t frames, int64_t from, int64_t length)
{
    struct tensor *t = tensor_new(DTYPE_F32, 2, (int64_t[]){length, 1}, r->b.err);
    float *sums = t ? t->data : NULL;
    const float *w = window->data;
    for (int64_t j = 0; t && j < frames; j++)
        for (int64_t i = 0; i < s->points; i++) {
            int64_t at = j * s->hop + i - from;
            if (at >= 0 && at < length)
                sums[at] += w[i] * w[i];
        }
    for (int64_t i = 0; t && i < length; i++)
        sums[i] = sums[i] != 0 ? sums[i] : 1;
    return build_constant(&r->b, NULL, t);
}

/* Frames back to samples: transformed, windowed, added where they overlap, divided by what the windows add. */
struct value *ncnn_inverse_spectrogram(struct reader *r)
{
    struct build *b = &r->b;
    struct spectrum s;
    read_spectrum(r, &s);
    struct value *x = ncnn_in(r, 0);
    int64_t frames = ncnn_dims(r, x) == 3 ? ncnn_size(r, x, 1) : -1, n = s.points;
    if (frames < 1 || (frames - 1) * s.hop + n > LONGEST || (frames > 0 && frames * n > 16 * (int64_t)LONGEST))
        build_fail(b, "wants a blob of frequencies, frames and two parts, of sizes that are known");
    bool center = ncnn_int(r->l, 5, 1) == 1;
    int64_t all = (frames - 1) * s.hop + n, from = center ? n / 2 : 0, length = center ? all - 2 * (n / 2) : all;
    if (!b->failed && length < 1)
        build_fail(b, "has a result of no samples");
    if (b->failed) {
        tensor_unref(s.shape);
        return NULL;
    }
    struct value *sums = window_sums(r, &s, s.shape, frames, from, length);
    struct value *window = build_reshape(b, build_constant(b, NULL, s.shape), 2, (int64_t[]){n, 1});
    struct value *v = BUILD(b, "DFT/inverse=1", whole_circle(r, x, n), NULL, build_number(b, DTYPE_I64, 2));
    v = BUILD(b, "Mul", v, window);
    if (s.norm != 1)
        v = ncnn_by(r, "Mul", v, 1 / s.norm);
    v = build_reshape(b, BUILD(b, "Transpose/perm=0,3,2,1", v), 3, (int64_t[]){0, 2 * n, frames});
    v = BUILD(b, "Col2Im", v, BUILD_LIST(b, 1, all), BUILD_LIST(b, 1, n));
    build_ints(b, v, "strides", 2, (int64_t[]){1, s.hop});
    v = BUILD(b, "Transpose/perm=0,2,1", build_reshape(b, v, 3, (int64_t[]){0, 2, -1}));
    v = BUILD(b, "Div", build_slice(b, v, 1, from, from + length), sums);
    int part = ncnn_int(r->l, 1, 0) - 1; /* 0: both */
    return part < 0 ? v : build_reshape(b, build_slice(b, v, 2, part, part + 1), 2, (int64_t[]){0, -1});
}
