#include "data/wav.h"

#include <string.h>

#include "base/bytes.h"

#define PCM           1
#define IEEE_FLOAT    3
#define EXTENSIBLE    0xfffe
#define MOST_RATE     10000000
#define MOST_CHANNELS 1024
#define STREAMED      0x7ffff000u /* sizes from here on are those of a file that was written without knowing its end */

/* ---- samples ---- */

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

static int take_samples(struct data_wav *w, struct bytes *b, uint32_t size, struct error *err)
{
    size_t left = bytes_left(b), n = size >= STREAMED && size > left ? left : size;
    if (!w->sample)
        return error_set(err, "a sound file whose samples come before their format");
    w->samples = bytes_take(b, n);
    if (!w->samples)
        return error_set(err, "truncated sound: %zu bytes of samples, where %zu are stated", left, n);
    w->length = (int64_t)(n / (size_t)(w->bytes * w->channels));
    return 0;
}

/* The chunks up to that of the samples. */
static int scan(struct data_wav *w, struct bytes b, struct error *err)
{
    for (;;) {
        const uint8_t *name = bytes_take(&b, 4);
        uint32_t size = bytes_u32(&b);
        if (b.bad)
            return error_set(err, "a sound file without samples: truncated");
        if (memcmp(name, "data", 4) == 0)
            return take_samples(w, &b, size, err);
        const uint8_t *body = bytes_take(&b, size);
        if (body && memcmp(name, "fmt ", 4) == 0 && take_format(w, bytes_of(body, size), err) < 0)
            return -1;
        bytes_take(&b, size % 2);
    }
}

int data_wav_open(struct data_wav *wav, struct blob *blob, struct error *err)
{
    struct data_wav w = {.blob = blob};
    struct bytes b = bytes_of(blob->data, blob->size);
    const uint8_t *riff = bytes_take(&b, 12);
    if (!riff || memcmp(riff, "RIFF", 4) != 0 || memcmp(riff + 8, "WAVE", 4) != 0)
        return error_set(err, "not a sound file: want RIFF WAVE");
    if (scan(&w, b, err) < 0)
        return -1;
    blob_ref(blob);
    *wav = w;
    return 0;
}

void data_wav_close(struct data_wav *wav)
{
    blob_unref(wav->blob);
    *wav = (struct data_wav){0};
}

void data_wav_mono(const struct data_wav *w, int64_t from, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = from + i;
        double sum = 0;
        const uint8_t *p = at < 0 || at >= w->length ? NULL : w->samples + at * w->channels * w->bytes;
        for (int c = 0; p && c < w->channels; c++)
            sum += w->sample(p + c * w->bytes);
        out[i] = (float)(sum / w->channels);
    }
}
