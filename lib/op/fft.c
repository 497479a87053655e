/* Cooley-Tukey's transform for powers of two; Bluestein's ("A linear filtering approach to the computation of discrete
 * Fourier transform", 1970) brings other lengths to these. */
#include "op/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void multiply(fft_lanes *x, const double *by)
{
    fft_lanes re = x[0] * by[0] - x[1] * by[1];
    x[1] = x[0] * by[1] + x[1] * by[0];
    x[0] = re;
}

static void conjugate(fft_lanes *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[2 * i + 1] = -x[2 * i + 1];
}

static void swap_reversed(fft_lanes *x, int64_t n)
{
    for (int64_t i = 1, j = 0; i < n; i++) {
        int64_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        for (int k = 0; i < j && k < 2; k++) {
            fft_lanes other = x[2 * i + k];
            x[2 * i + k] = x[2 * j + k];
            x[2 * j + k] = other;
        }
    }
}

/* b, turned by w, is added to a and taken from it. */
static void butterfly(fft_lanes *a, fft_lanes *b, const double *w)
{
    fft_lanes re = b[0] * w[0] - b[1] * w[1], im = b[0] * w[1] + b[1] * w[0];
    b[0] = a[0] - re;
    b[1] = a[1] - im;
    a[0] += re;
    a[1] += im;
}

static void transform(const struct fft *f, fft_lanes *x)
{
    int64_t n = f->size;
    swap_reversed(x, n);
    for (int64_t half = 1; half < n; half *= 2)
        for (fft_lanes *start = x; start < x + 2 * n; start += 4 * half) {
            const double *w = f->twiddle;
            for (fft_lanes *a = start; a < start + 2 * half; a += 2, w += n / half)
                butterfly(a, a + 2 * half, w);
        }
}

static void rotation(double *x, double turn)
{
    x[0] = cos(2 * M_PI * turn);
    x[1] = -sin(2 * M_PI * turn);
}

static int init_chirp(struct fft *f, struct error *err)
{
    f->chirp = mem_calloc((size_t)f->n, 2 * sizeof(double), err);
    f->kernel = f->chirp ? mem_calloc((size_t)f->size, 2 * sizeof(double), err) : NULL;
    f->work = f->kernel ? mem_calloc((size_t)f->size, 2 * sizeof(fft_lanes), err) : NULL;
    if (!f->work)
        return -1;
    /* k^2 modulo 2n, by differences, so that it neither overflows nor loses digits. */
    for (int64_t k = 0, square = 0; k < f->n; k++) {
        rotation(f->chirp + 2 * k, (double)square / (double)(2 * f->n));
        square = (square + 2 * k + 1) % (2 * f->n);
    }
    for (int64_t k = 0; k < f->n; k++)
        for (int64_t at = k, times = 0; times < 2; times++, at = k ? f->size - k : 0) {
            f->work[2 * at] = (fft_lanes){0} + f->chirp[2 * k];
            f->work[2 * at + 1] = (fft_lanes){0} - f->chirp[2 * k + 1];
        }
    transform(f, f->work);
    for (int64_t i = 0; i < 2 * f->size; i++)
        f->kernel[i] = f->work[i][0];
    return 0;
}

int fft_init(struct fft *f, int64_t n, struct error *err)
{
    memset(f, 0, sizeof *f);
    if (n < 1 || n > (int64_t)1 << 40)
        return error_set(err, "a transform of %lld elements is not possible", (long long)n);
    bool power = (n & (n - 1)) == 0;
    f->n = n;
    for (f->size = 1; f->size < (power ? n : 2 * n - 1);)
        f->size *= 2;
    f->twiddle = mem_calloc((size_t)f->size / 2 + 1, 2 * sizeof(double), err);
    if (!f->twiddle)
        return -1;
    for (int64_t k = 0; k < f->size / 2; k++)
        rotation(f->twiddle + 2 * k, (double)k / (double)f->size);
    return power ? 0 : init_chirp(f, err);
}

void fft_release(struct fft *f)
{
    free(f->twiddle);
    free(f->chirp);
    free(f->kernel);
    free(f->work);
    memset(f, 0, sizeof *f);
}

static void transform_any(struct fft *f, fft_lanes *x)
{
    fft_lanes *w = f->work;
    memset(w, 0, (size_t)f->size * 2 * sizeof *w);
    memcpy(w, x, (size_t)f->n * 2 * sizeof *w);
    for (int64_t k = 0; k < f->n; k++)
        multiply(w + 2 * k, f->chirp + 2 * k);
    transform(f, w);
    for (int64_t k = 0; k < f->size; k++)
        multiply(w + 2 * k, f->kernel + 2 * k);
    conjugate(w, f->size);
    transform(f, w);
    conjugate(w, f->n);
    for (int64_t k = 0; k < f->n; k++) {
        multiply(w + 2 * k, f->chirp + 2 * k);
        x[2 * k] = w[2 * k] / (double)f->size;
        x[2 * k + 1] = w[2 * k + 1] / (double)f->size;
    }
}

void fft_run(struct fft *f, fft_lanes *x, bool inverse)
{
    if (inverse)
        conjugate(x, f->n);
    if (f->chirp)
        transform_any(f, x);
    else
        transform(f, x);
    if (!inverse)
        return;
    conjugate(x, f->n);
    for (int64_t i = 0; i < 2 * f->n; i++)
        x[i] /= (double)f->n;
}
