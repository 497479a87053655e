/* Fourier transforms. Windows and the mel scale are in signal_window.c. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/fft.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- DFT ---- */

/* The axis, counted from the front; the last one holds real and imaginary part. */
static int dft_axis(int64_t value, int rank, int *axis, struct error *err)
{
    if (rank < 2)
        return error_set(err, "input has %d dims, want at least 2", rank);
    if (axes_one("input axis", value, rank, axis, err))
        return -1;
    return *axis == rank - 1 ? error_set(err, "input axis is the last one, which holds real and imaginary part") : 0;
}

static int dft_parts(const struct node *n, int64_t parts, struct error *err)
{
    bool onesided = op_int(n, "onesided") != 0, inverse = op_int(n, "inverse") != 0;
    if (parts != 1 && parts != 2)
        return error_set(err, "the last dim of the input is %lld, want 1 or 2", (long long)parts);
    if (onesided && parts != (inverse ? 2 : 1))
        return error_set(err, "the last dim of the input is %lld, want %d with attribute onesided", (long long)parts,
                         inverse ? 2 : 1);
    return 0;
}

int infer_dft(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    bool onesided = op_int(c->node, "onesided") != 0, inverse = op_int(c->node, "inverse") != 0, axis_known,
         length_known;
    int64_t out[TENSOR_MAX_RANK], value, length;
    int axis;
    if (axes_scalar_infer(c, 2, "axis", -2, &value, &axis_known, err) ||
        axes_scalar_infer(c, 1, "dft_length", 0, &length, &length_known, err))
        return -1;
    if (!in)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    int64_t parts = in->rank ? in->dims[in->rank - 1] : 1;
    memcpy(out, in->dims, sizeof out);
    if (dft_axis(axis_known ? value : -2, in->rank, &axis, err) || (parts >= 0 && dft_parts(c->node, parts, err)))
        return real_infer_fail(c, err);
    if (node_in(c->node, 1))
        out[axis] = length_known ? length : DIM_UNKNOWN;
    else if (onesided && inverse)
        out[axis] = graph_dim_mul(c->graph, graph_dim_sub(c->graph, out[axis], 1), 2);
    if (onesided && !inverse)
        out[axis] = graph_dim_add(c->graph, graph_dim_div(c->graph, out[axis], 2), 1);
    out[in->rank - 1] = onesided && inverse ? 1 : 2;
    for (int i = 0; !axis_known && i < in->rank - 1; i++)
        out[i] = DIM_UNKNOWN;
    return infer_set(c, 0, infer_dtype(c, 0), in->rank, out, err);
}

/* A transform of in_n elements of `in_parts` doubles each, cut or filled with zeros to the transform's length. */
struct dft {
    struct fft fft;
    bool inverse, onesided;
    int in_parts, out_parts;
    int64_t in_n, out_n, step; /* step: lines side by side */
    fft_lanes *line;
};

/* The half of a real signal's spectrum that is given implies the other. */
static void complete_spectrum(fft_lanes *line, int64_t n)
{
    for (int64_t k = n / 2 + 1; k < n; k++) {
        line[2 * k] = line[2 * (n - k)];
        line[2 * k + 1] = -line[2 * (n - k) + 1];
    }
    line[1] = (fft_lanes){0};
    if (n % 2 == 0)
        line[n + 1] = (fft_lanes){0};
}

/* Where line i begins among lines of n elements of `parts` doubles. */
static int64_t dft_start(const struct dft *d, int64_t i, int64_t n, int parts)
{
    return (i / d->step * n * d->step + i % d->step) * parts;
}

/* Lines [first, first + count), at most FFT_LANES. */
static void dft_lines(struct dft *d, const double *from, double *to, int64_t first, int64_t count)
{
    int64_t n = d->fft.n, half = d->inverse && d->onesided ? n / 2 + 1 : n, take = d->in_n < half ? d->in_n : half;
    memset(d->line, 0, (size_t)n * 2 * sizeof *d->line);
    for (int64_t l = 0; l < count; l++) {
        const double *line = from + dft_start(d, first + l, d->in_n, d->in_parts);
        for (int64_t i = 0; i < take; i++)
            for (int part = 0; part < d->in_parts; part++)
                d->line[2 * i + part][l] = line[i * d->step * d->in_parts + part];
    }
    if (d->inverse && d->onesided)
        complete_spectrum(d->line, n);
    fft_run(&d->fft, d->line, d->inverse);
    for (int64_t l = 0; l < count; l++) {
        double *line = to + dft_start(d, first + l, d->out_n, d->out_parts);
        for (int64_t i = 0; i < d->out_n; i++)
            for (int part = 0; part < d->out_parts; part++)
                line[i * d->step * d->out_parts + part] = d->line[2 * i + part][l];
    }
}

/* Few lines of the input are doubles at a time. */
static int dft_run(struct dft *d, const struct tensor *in, struct tensor *out, int axis, struct error *err)
{
    d->step = real_product(in->dims, axis + 1, in->rank - 1);
    int64_t outer = d->step ? real_product(in->dims, 0, axis) : 0, some = d->step < FFT_LANES ? FFT_LANES : 1;
    int64_t in_block = d->in_n * d->step * d->in_parts, out_block = d->out_n * d->step * d->out_parts;
    double *from = real_new(some, in_block, err), *to = from ? real_new(some, out_block, err) : NULL;
    d->line = to ? mem_calloc((size_t)d->fft.n * 2, sizeof *d->line, err) : NULL;
    for (int64_t o = 0; d->line && o < outer; o += some) {
        int64_t now = outer - o < some ? outer - o : some, lines = now * d->step;
        real_read(in, o * in_block, now * in_block, from);
        for (int64_t i = 0; i < lines; i += FFT_LANES)
            dft_lines(d, from, to, i, lines - i < FFT_LANES ? lines - i : FFT_LANES);
        real_write(out, o * out_block, now * out_block, to);
    }
    int status = d->line ? 0 : -1;
    free(from);
    free(to);
    free(d->line);
    return status;
}

int eval_dft(struct op_eval *c, struct error *err)
{
    const struct tensor *in = eval_in(c, 0);
    struct dft d = {.inverse = op_int(c->node, "inverse") != 0, .onesided = op_int(c->node, "onesided") != 0};
    int64_t dims[TENSOR_MAX_RANK], value, length;
    int axis = 0;
    if (axes_scalar(c, 2, "axis", -2, &value, err))
        return -1;
    if (dft_axis(value, in->rank, &axis, err) || dft_parts(c->node, in->dims[in->rank - 1], err))
        return real_eval_fail(c, err);
    d.in_n = in->dims[axis];
    if (axes_scalar(c, 1, "dft_length", d.inverse && d.onesided ? 2 * (d.in_n - 1) : d.in_n, &length, err))
        return -1;
    if (length < 1 || (uint64_t)length > c->memory)
        return eval_error(c, err, "the length of the transform is %lld, want at least 1", (long long)length);
    d.in_parts = (int)in->dims[in->rank - 1];
    d.out_parts = d.inverse && d.onesided ? 1 : 2;
    d.out_n = d.onesided && !d.inverse ? length / 2 + 1 : length;
    memcpy(dims, in->dims, sizeof dims);
    dims[axis] = d.out_n;
    dims[in->rank - 1] = d.out_parts;
    struct tensor *out = eval_out(c, 0, in->dtype, in->rank, dims, err);
    if (!out)
        return -1;
    int status = fft_init(&d.fft, length, err) || dft_run(&d, in, out, axis, err) ? -1 : 0;
    fft_release(&d.fft);
    return status;
}

/* ---- STFT ---- */

/* Exporters leave out the last axis of a real signal, and onnxruntime takes that. */
int infer_stft(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0), *window = axes_ranked(c, 2);
    int64_t step, length, out[4] = {DIM_UNKNOWN, DIM_UNKNOWN, DIM_UNKNOWN, 2};
    bool step_known, length_known;
    if (axes_scalar_infer(c, 1, "frame_step", 0, &step, &step_known, err) ||
        axes_scalar_infer(c, 3, "frame_length", 0, &length, &length_known, err))
        return -1;
    if (in && in->rank != 2 && in->rank != 3)
        return infer_error(c, err, "input signal has %d dims, want 2 or 3", in->rank);
    if (step_known && step < 1)
        return infer_error(c, err, "input frame_step is %lld, want at least 1", (long long)step);
    if (!node_in(c->node, 3)) {
        length = window && window->rank == 1 ? window->dims[0] : !node_in(c->node, 2) && in ? in->dims[1] : DIM_UNKNOWN;
        length_known = length >= 0;
    }
    if (in)
        out[0] = in->dims[0];
    if (length_known)
        out[2] = op_int(c->node, "onesided") ? length / 2 + 1 : length;
    if (in && length_known && step_known)
        out[1] = graph_dim_add(c->graph, graph_dim_div(c->graph, graph_dim_sub(c->graph, in->dims[1], length), step),
                               1);
    return infer_set(c, 0, infer_dtype(c, 0), 4, out, err);
}

struct stft {
    struct fft fft;
    int64_t size, parts, frames, step, bins;
    const double *window; /* [fft.n], or NULL */
    fft_lanes *line;
};

/* Frames from `signal` on, at most FFT_LANES. */
static void stft_frames(struct stft *s, const double *signal, double *to, int64_t frames)
{
    for (int64_t i = 0; i < s->fft.n; i++) {
        double weight = s->window ? s->window[i] : 1;
        s->line[2 * i] = s->line[2 * i + 1] = (fft_lanes){0};
        for (int64_t f = 0; f < frames; f++)
            for (int64_t part = 0; part < s->parts; part++)
                s->line[2 * i + part][f] = signal[(f * s->step + i) * s->parts + part] * weight;
    }
    fft_run(&s->fft, s->line, false);
    for (int64_t f = 0; f < frames; f++)
        for (int64_t i = 0; i < 2 * s->bins; i++)
            to[f * 2 * s->bins + i] = s->line[i][f];
}

static int stft_run(struct stft *s, const struct tensor *in, const struct tensor *window, struct tensor *out,
                    struct error *err)
{
    double *signal = real_new(s->size, s->parts, err), *weights = signal && window ? real_load(window, err) : NULL;
    double *to = signal ? real_new(FFT_LANES, 2 * s->bins, err) : NULL;
    s->line = to ? mem_calloc((size_t)s->fft.n * 2, sizeof *s->line, err) : NULL;
    s->window = weights;
    int status = s->line && (!window || weights) ? 0 : -1;
    for (int64_t b = 0; status == 0 && b < in->dims[0]; b++) {
        real_read(in, b * s->size * s->parts, s->size * s->parts, signal);
        for (int64_t f = 0; f < s->frames; f += FFT_LANES) {
            int64_t now = s->frames - f < FFT_LANES ? s->frames - f : FFT_LANES;
            stft_frames(s, signal + f * s->step * s->parts, to, now);
            real_write(out, (b * s->frames + f) * 2 * s->bins, now * 2 * s->bins, to);
        }
    }
    free(signal);
    free(weights);
    free(to);
    free(s->line);
    return status;
}

int eval_stft(struct op_eval *c, struct error *err)
{
    const struct tensor *in = eval_in(c, 0), *window = eval_in(c, 2);
    struct stft s = {.step = 0};
    int64_t length;
    bool onesided = op_int(c->node, "onesided") != 0;
    if (real_want_rank(c, 0, "signal", in->rank == 2 ? 2 : 3, err) || real_want_rank(c, 2, "window", 1, err) ||
        axes_scalar(c, 1, "frame_step", 0, &s.step, err) ||
        axes_scalar(c, 3, "frame_length", window ? window->count : in->dims[1], &length, err))
        return -1;
    s.size = in->dims[1];
    s.parts = in->rank == 2 ? 1 : in->dims[2];
    if (s.parts != 1 && (s.parts != 2 || onesided))
        return eval_error(c, err, "the last dim of input signal is %lld, want 1%s", (long long)s.parts,
                          onesided ? " with attribute onesided" : " or 2");
    if (s.step < 1 || length < 1 || length > s.size)
        return eval_error(c, err,
                          "inputs frame_step and frame_length are %lld and %lld, want at least 1, and at most %lld",
                          (long long)s.step, (long long)length, (long long)s.size);
    if (window && window->count != length)
        return eval_error(c, err, "input window has %lld elements, want %lld", (long long)window->count,
                          (long long)length);
    s.frames = (s.size - length) / s.step + 1;
    s.bins = onesided ? length / 2 + 1 : length;
    struct tensor *out = eval_out(c, 0, in->dtype, 4, (int64_t[4]){in->dims[0], s.frames, s.bins, 2}, err);
    if (!out)
        return -1;
    int status = fft_init(&s.fft, length, err) || stft_run(&s, in, window, out, err) ? -1 : 0;
    fft_release(&s.fft);
    return status;
}
