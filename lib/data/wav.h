/* Sound in files: RIFF WAVE, as Microsoft's "Multimedia Programming Interface and Data Specifications" of 1991 and its
 * WAVE_FORMAT_EXTENSIBLE have it. */
#ifndef DATA_WAV_H
#define DATA_WAV_H

#include <stdint.h>

#include "base/mem.h"

struct data_wav {
    int channels, rate; /* rate: samples a second of each channel */
    int64_t length;     /* samples of each channel */
    /* private: the samples in the blob */
    struct blob *blob;
    const uint8_t *samples;
    float (*sample)(const uint8_t *p);
    int bytes; /* of a sample of one channel */
};

/* Reads the header of a file of linear PCM (8, 16, 24 or 32 bits) or floating point (32 or 64). Keeps a reference to
 * the blob. A file whose data has no size, as a recorder writes it to a pipe, goes on to its end. */
int data_wav_open(struct data_wav *wav, struct blob *blob, struct error *err);
void data_wav_close(struct data_wav *wav);

/* Samples from ... from + n, the mean of the channels, in -1 ... 1; those before the beginning and behind the end are
 * 0. */
void data_wav_mono(const struct data_wav *wav, int64_t from, int64_t n, float *out);

#endif
