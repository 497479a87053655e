/* Sound in files: RIFF WAVE, as Microsoft's "Multimedia Programming Interface and Data Specifications" of 1991 and its
 * WAVE_FORMAT_EXTENSIBLE have it. */
#ifndef DATA_WAV_H
#define DATA_WAV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct data_wav {
    int channels, rate; /* rate: samples a second of each channel */
    int64_t length;     /* samples of each channel; -1: not known yet */
    /* private: */
    float (*sample)(const uint8_t *p);
    int bytes;              /* of a sample of one channel */
    const uint8_t *samples; /* those from `first` on, in the blob or in `held` */
    int64_t first, count;   /* count: how many there are so far */
    struct blob *blob;      /* of a whole file; else: */
    int fd;                 /* to read more from, -1 for none */
    uint64_t left;          /* bytes that the file states still to come */
    uint8_t *held;
    size_t held_bytes, held_cap;
};

/* Reads the header of a file of linear PCM (8, 16, 24 or 32 bits) or floating point (32 or 64). Keeps a reference to
 * the blob. A file whose data has no size, as a recorder writes it to a pipe, goes on to its end. */
int data_wav_open(struct data_wav *wav, struct blob *blob, struct error *err);
/* The same of a pipe or device, of which no more is read than is asked for. */
int data_wav_follow(struct data_wav *wav, const char *path, struct error *err);
void data_wav_close(struct data_wav *wav);

/* Whether there is a sample number `at`; of what is followed, waits for it. */
bool data_wav_reaches(struct data_wav *wav, int64_t at);

/* Samples from ... from + n, the mean of the channels, in -1 ... 1; those before the beginning and behind the end are
 * 0. What is followed forgets those before `from`. */
void data_wav_mono(struct data_wav *wav, int64_t from, int64_t n, float *out);

#endif
