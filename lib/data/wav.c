#include "data/wav.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"

#define PCM           1
#define IEEE_FLOAT    3
#define EXTENSIBLE    0xfffe
#define MOST_RATE     10000000
#define MOST_CHANNELS 1024
#define STREAMED      0x7ffff000u /* sizes from here on are those of a file that was written without knowing its end */

/* ---- encodings ---- */

static float sample_u8(const uint8_t *p)
{
    return (float)(p[0] - 128) / 128;
}

static float sample_i16(const uint8_t *p)
{
    return (float)(int16_t)(p[0] | p[1] << 8) / 32768;
}

static float sample_i24(const uint8_t *p)
{
    return (float)((int32_t)((uint32_t)p[0] << 8 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 24) >> 8) / 8388608;
}

static float sample_i32(const uint8_t *p)
{
    struct bytes b = bytes_of(p, 4);
    return (float)((double)(int32_t)bytes_u32(&b) / 2147483648.0);
}

static float sample_f32(const uint8_t *p)
{
    struct bytes b = bytes_of(p, 4);
    uint32_t bits = bytes_u32(&b);
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float sample_f64(const uint8_t *p)
{
    struct bytes b = bytes_of(p, 8);
    uint64_t bits = bytes_u64(&b);
    double x;
    memcpy(&x, &bits, sizeof x);
    return (float)x;
}

static const struct {
    int format, bits;
    float (*sample)(const uint8_t *p);
} encodings[] = {
    {PCM, 8, sample_u8},   {PCM, 16, sample_i16},        {PCM, 24, sample_i24},
    {PCM, 32, sample_i32}, {IEEE_FLOAT, 32, sample_f32}, {IEEE_FLOAT, 64, sample_f64},
};

/* ---- the file ---- */

static int take_format(struct data_wav *w, struct bytes b, struct error *err)
{
    int format = bytes_u16(&b), channels = bytes_u16(&b);
    uint32_t rate = bytes_u32(&b);
    bytes_take(&b, 6); /* bytes a second, bytes of a sample of all channels: both follow */
    int bits = bytes_u16(&b);
    if (format == EXTENSIBLE) {
        bytes_take(&b, 8); /* its own size, the bits that count, the loudspeakers */
        format = bytes_u16(&b);
    }
    if (b.bad || channels < 1 || channels > MOST_CHANNELS || rate < 1 || rate > MOST_RATE)
        return error_set(err, "damaged format of a sound file: want 1 to %d channels and 1 to %d samples a second",
                         MOST_CHANNELS, MOST_RATE);
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        if (encodings[i].format == format && encodings[i].bits == bits) {
            w->channels = channels;
            w->rate = (int)rate;
            w->sample = encodings[i].sample;
            w->bytes = bits / 8;
            return 0;
        }
    return error_set(err, "sound in format %d of %d bits: want PCM of 8, 16, 24 or 32 bits, or floating point", format,
                     bits);
}

/* The chunks up to that of the samples, behind whose size *b then stands. *b is bad when it ended before. */
static int scan(struct data_wav *w, struct bytes *b, uint32_t *size, struct error *err)
{
    const uint8_t *riff = bytes_take(b, 12);
    if (riff && (memcmp(riff, "RIFF", 4) != 0 || memcmp(riff + 8, "WAVE", 4) != 0))
        return error_set(err, "not a sound file: want RIFF WAVE");
    for (;;) {
        const uint8_t *name = bytes_take(b, 4);
        *size = bytes_u32(b);
        if (b->bad)
            return error_set(err, "a sound file without samples: truncated");
        if (memcmp(name, "data", 4) == 0)
            return w->sample ? 0 : error_set(err, "a sound file whose samples come before their format");
        const uint8_t *body = bytes_take(b, *size);
        if (body && memcmp(name, "fmt ", 4) == 0 && take_format(w, bytes_of(body, *size), err) < 0)
            return -1;
        bytes_take(b, *size % 2);
    }
}

/* ---- reading ---- */

#define MOST_HEADER (1 << 26)
#define PIECE       (1 << 14)

/* Reads what there is, waiting for at least a byte; false at the end. */
static bool read_more(struct data_wav *w)
{
    struct error ignored;
    size_t most = w->left < PIECE ? (size_t)w->left : PIECE;
    ssize_t n = -1;
    if (w->fd >= 0 && most && mem_grow(&w->held, &w->held_cap, w->held_bytes + most, 1, &ignored) == 0)
        do
            n = read(w->fd, w->held + w->held_bytes, most);
        while (n < 0 && errno == EINTR);
    if (n <= 0)
        return false;
    w->held_bytes += (size_t)n;
    w->left -= (size_t)n;
    return true;
}

static void forget(struct data_wav *w, size_t bytes)
{
    w->held_bytes -= bytes;
    memmove(w->held, w->held + bytes, w->held_bytes);
}

static void count_samples(struct data_wav *w)
{
    w->count = (int64_t)(w->held_bytes / (size_t)(w->bytes * w->channels));
}

int data_wav_open(struct data_wav *wav, const char *path, struct error *err)
{
    struct data_wav w = {.fd = open(path, O_RDONLY | O_CLOEXEC), .length = -1, .left = UINT64_MAX};
    struct bytes b = {.bad = true};
    uint32_t size = 0;
    int status = error_set(err, "%s", w.fd < 0 ? strerror(errno) : "no sound: it is empty");
    while (status < 0 && b.bad && w.held_bytes < MOST_HEADER && read_more(&w)) {
        b = bytes_of(w.held, w.held_bytes);
        status = scan(&w, &b, &size, err);
    }
    if (status < 0) {
        data_wav_close(&w);
        return -1;
    }
    forget(&w, w.held_bytes - bytes_left(&b));
    if (size < STREAMED) {
        w.left = size > w.held_bytes ? size - w.held_bytes : 0;
        w.held_bytes = size < w.held_bytes ? size : w.held_bytes;
        w.length = size / (w.bytes * w.channels);
    }
    count_samples(&w);
    *wav = w;
    return 0;
}

void data_wav_close(struct data_wav *wav)
{
    free(wav->held);
    if (wav->fd >= 0)
        close(wav->fd);
    *wav = (struct data_wav){.fd = -1};
}

bool data_wav_reaches(struct data_wav *w, int64_t at)
{
    while (at >= w->first + w->count) {
        bool more = read_more(w);
        count_samples(w);
        if (!more)
            break;
    }
    bool there = at < w->first + w->count;
    if (!there && w->length < 0)
        w->length = w->first + w->count;
    return there;
}

/* ---- samples ---- */

void data_wav_mono(struct data_wav *w, int64_t from, int64_t n, float *out)
{
    int frame = w->channels * w->bytes;
    data_wav_reaches(w, from + n - 1);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = from + i - w->first;
        double sum = 0;
        const uint8_t *p = from + i < 0 || at < 0 || at >= w->count ? NULL : w->held + at * frame;
        for (int c = 0; p && c < w->channels; c++)
            sum += w->sample(p + c * w->bytes);
        out[i] = (float)(sum / w->channels);
    }
    int64_t old = from - w->first < w->count ? from - w->first : w->count;
    if (old > 0) {
        forget(w, (size_t)old * (size_t)frame);
        w->first += old;
        count_samples(w);
    }
}
