/* Cooley-Tukey's transform for powers of two; Bluestein's ("A linear filtering approach to the computation of discrete
 * Fourier transform", 1970) brings other lengths to these. */
#include "op/fft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Complex numbers are two doubles side by side. */
static void multiply(double *x, const double *by)
{
    double re = x[0] * by[0] - x[1] * by[1];
    x[1] = x[0] * by[1] + x[1] * by[0];
    x[0] = re;
}

static void conjugate(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[2 * i + 1] = -x[2 * i + 1];
}

static void swap_reversed(double *x, int64_t n)
{
    for (int64_t i = 1, j = 0; i < n; i++) {
        int64_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j |= bit;
        for (int k = 0; i < j && k < 2; k++) {
            double other = x[2 * i + k];
            x[2 * i + k] = x[2 * j + k];
            x[2 * j + k] = other;
        }
    }
}

static void transform(const struct fft *f, double *x)
{
    int64_t n = f->size;
    swap_reversed(x, n);
    for (int64_t half = 1; half < n; half *= 2)
        for (int64_t start = 0; start < n; start += 2 * half)
            for (int64_t k = 0; k < half; k++) {
                double *a = x + 2 * (start + k), *b = a + 2 * half;
                multiply(b, f->twiddle + 2 * (k * (n / 2 / half)));
                for (int part = 0; part < 2; part++) {
                    double sum = a[part] + b[part];
                    b[part] = a[part] - b[part];
                    a[part] = sum;
                }
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
    f->work = f->kernel ? mem_calloc((size_t)f->size, 2 * sizeof(double), err) : NULL;
    if (!f->work)
        return -1;
    /* k^2 modulo 2n, by differences, so that it neither overflows nor loses digits. */
    for (int64_t k = 0, square = 0; k < f->n; k++) {
        rotation(f->chirp + 2 * k, (double)square / (double)(2 * f->n));
        square = (square + 2 * k + 1) % (2 * f->n);
    }
    for (int64_t k = 0; k < f->n; k++)
        for (int64_t at = k, times = 0; times < 2; times++, at = k ? f->size - k : 0) {
            f->kernel[2 * at] = f->chirp[2 * k];
            f->kernel[2 * at + 1] = -f->chirp[2 * k + 1];
        }
    transform(f, f->kernel);
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

static void transform_any(struct fft *f, double *x)
{
    double *w = f->work;
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

void fft_run(struct fft *f, double *x, bool inverse)
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
