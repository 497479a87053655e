/* Sound in files: RIFF WAVE, as Microsoft's "Multimedia Programming Interface and Data Specifications" of 1991 and its
 * WAVE_FORMAT_EXTENSIBLE have it. */
#ifndef DATA_WAV_H
#define DATA_WAV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"

struct data_wav {
    int channels, rate; /* rate: samples a second of each channel */
    int64_t length;     /* samples of each channel, as stated; -1: not known yet */
    /* private: */
    float (*sample)(const uint8_t *p);
    int bytes;            /* of a sample of one channel */
    int64_t first, count; /* the samples in `held`: which is the first, and how many there are */
    int fd;               /* to read more from */
    uint64_t left;        /* bytes that the file states still to come */
    uint8_t *held;
    size_t held_bytes, held_cap;
};

/* Reads the header of a file, pipe or device of linear PCM (8, 16, 24 or 32 bits) or floating point (32 or 64), and no
 * more of the samples than is asked for: they are not mapped, since whoever records may cut a file. A file whose data
 * has no size, as a recorder writes it to a pipe, goes on to its end. */
int data_wav_open(struct data_wav *wav, const char *path, struct error *err);
void data_wav_close(struct data_wav *wav);

/* Whether there is a sample number `at`; waits for it. Of a file that was cut off there are fewer than it states. */
bool data_wav_reaches(struct data_wav *wav, int64_t at);

/* Samples from ... from + n, the mean of the channels, in -1 ... 1; those before the beginning and behind the end are
 * 0. Those before `from` are forgotten. */
void data_wav_mono(struct data_wav *wav, int64_t from, int64_t n, float *out);

#endif
