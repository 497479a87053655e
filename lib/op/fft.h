/* Discrete Fourier transforms of any length in doubles, n log n, of several lines side by side. */
#ifndef OP_FFT_H
#define OP_FFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* An element of each line: as many as a register of any processor holds. */
enum { FFT_LANES = 2 };
typedef double fft_lanes __attribute__((vector_size(FFT_LANES * sizeof(double))));

struct fft {
    int64_t n;
    int64_t size;    /* power of two: n itself, or at least 2n - 1 (Bluestein) */
    double *twiddle; /* [size / 2] complex: exp(-2 pi i k / size) */
    double *chirp;   /* [n] complex: exp(-pi i k^2 / n); NULL when n is a power of two */
    double *kernel;  /* [size] complex: the transform of the conjugate chirp */
    fft_lanes *work; /* [size] complex */
};

int fft_init(struct fft *f, int64_t n, struct error *err);
/* Allowed on a zeroed struct. */
void fft_release(struct fft *f);

/* x[n] complex, real part before imaginary, becomes its transform: sum over t of x[t] exp(-2 pi i k t / n); `inverse`:
 * with the sign turned and divided by n. */
void fft_run(struct fft *f, fft_lanes *x, bool inverse);

#endif
