/* Sound files: the samples of each encoding, and files that are damaged. */
#define _GNU_SOURCE /* memfd_create() */
#include <sys/mman.h>
#include <unistd.h>

#include "../../test.h"
#include "base/hash.h"
#include "data/wav.h"

/* A file of one chunk that says nothing, the format, and the samples, whose stated size may be another. */
static struct blob *file_of(int format, int channels, int bits, uint32_t stated, const void *samples, size_t n)
{
    uint8_t head[] = {'R', 'I', 'F', 'F', 0,   0,   0,   0,   'W', 'A', 'V', 'E', 'o', 'd', 'd', ' ', 1,    0,
                      0,   0,   9,   0,   'f', 'm', 't', ' ', 16,  0,   0,   0,   0,   0,   0,   0,   0x40, 0x1f,
                      0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   'd', 'a', 't', 'a', 0,   0,   0,    0};
    head[30] = (uint8_t)format;
    head[32] = (uint8_t)channels;
    head[44] = (uint8_t)bits;
    for (int i = 0; i < 4; i++)
        head[50 + i] = (uint8_t)(stated >> 8 * i);
    struct blob *b = blob_new(sizeof head + n, NULL);
    memcpy(b->data, head, sizeof head);
    memcpy((uint8_t *)b->data + sizeof head, samples, n);
    return b;
}

/* Opens what a file of these bytes would be, or a file that was cut to `cut` bytes since its header was read. */
static int open_bytes(struct data_wav *w, const struct blob *b, size_t cut, struct error *err)
{
    char path[40];
    int fd = memfd_create("sound", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(write(fd, b->data, b->size) == (ssize_t)b->size);
    int status = data_wav_open(w, path, err);
    CHECK(ftruncate(fd, (off_t)cut) == 0);
    close(fd);
    return status;
}

static void pcm_of_two_channels(void)
{
    const int16_t samples[] = {-32768, 0, 16384, 16384, 32767, -32767};
    struct blob *b = file_of(1, 2, 16, sizeof samples, samples, sizeof samples);
    struct data_wav w;
    struct error err;
    float x[7];
    CHECK(open_bytes(&w, b, b->size, &err) == 0);
    blob_unref(b);
    CHECK(w.rate == 8000);
    CHECK(w.length == 3);
    data_wav_mono(&w, -2, 7, x);
    const float want[] = {0, 0, -0.5f, 0.5f, 0, 0, 0};
    for (int i = 0; i < 7; i++)
        CHECK(x[i] == want[i]);
    data_wav_close(&w);
}

static void a_recorder_does_not_know_the_end(void)
{
    const float samples[] = {0.25f, -1, 3};
    struct data_wav w;
    struct error err;
    float x[3];
    struct blob *b = file_of(3, 1, 32, 0xffffffff, samples, sizeof samples);
    CHECK(open_bytes(&w, b, b->size, &err) == 0);
    blob_unref(b);
    CHECK(w.length == -1);
    data_wav_mono(&w, 0, 3, x);
    CHECK(!data_wav_reaches(&w, 3) && w.length == 3);
    CHECK(x[0] == 0.25f && x[1] == -1 && x[2] == 3);
    data_wav_close(&w);
}

/* Every sample of what opens can be read: the sanitizers watch. */
static void damaged(void)
{
    const int16_t samples[8] = {1, 2, 3};
    uint64_t seed = 5;
    for (int i = 0; i < 20000; i++) {
        struct blob *b = file_of(1, 2, 16, sizeof samples, samples, sizeof samples);
        struct data_wav w;
        struct error err = {""};
        float x[64];
        for (int k = 0; k < 2; k++)
            ((uint8_t *)b->data)[hash_random(&seed) % b->size] = (uint8_t)hash_random(&seed);
        b->size -= hash_random(&seed) % 8;
        if (open_bytes(&w, b, b->size, &err) == 0) {
            CHECK(w.length >= -1 && w.rate > 0 && !data_wav_reaches(&w, 64));
            data_wav_mono(&w, -1, 64, x);
            data_wav_close(&w);
        } else {
            CHECK(err.text[0]);
        }
        blob_unref(b);
    }
}

/* Who records may write the file anew while it is read: a mapping of it would end the process. */
static void cut_while_it_is_read(void)
{
    static const int16_t samples[100000];
    struct blob *b = file_of(1, 1, 16, sizeof samples, samples, sizeof samples);
    struct data_wav w;
    struct error err;
    float x[2];
    CHECK(open_bytes(&w, b, 100, &err) == 0);
    blob_unref(b);
    CHECK(w.length == 100000);
    data_wav_mono(&w, 0, 2, x);
    CHECK(!data_wav_reaches(&w, 99999) && w.length == 100000);
    data_wav_close(&w);
}

/* A pipe is read as far as it is asked for, and what lies behind is forgotten. */
static void a_pipe_is_followed(void)
{
    const int16_t samples[] = {-32768, 0, 16384, 16384, 8192, 8192, 0, 16384};
    struct blob *b = file_of(1, 2, 16, sizeof samples, samples, sizeof samples);
    struct data_wav w;
    struct error err;
    int ends[2];
    char path[40];
    float x[3];
    size_t head = b->size - sizeof samples;
    CHECK(pipe(ends) == 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
    CHECK(write(ends[1], b->data, head + 6) == (ssize_t)head + 6);
    CHECK(data_wav_open(&w, path, &err) == 0);
    CHECK(w.rate == 8000 && w.length == 4 && data_wav_reaches(&w, 0));
    data_wav_mono(&w, -1, 2, x);
    CHECK(x[0] == 0 && x[1] == -0.5f);
    CHECK(write(ends[1], (char *)b->data + head + 6, 10) == 10);
    data_wav_mono(&w, 1, 2, x);
    CHECK(x[0] == 0.5f && x[1] == 0.25f && w.first == 1);
    CHECK(data_wav_reaches(&w, 3) && !data_wav_reaches(&w, 4) && w.length == 4);
    data_wav_mono(&w, 3, 3, x);
    CHECK(x[0] == 0.25f && x[1] == 0 && x[2] == 0);
    data_wav_close(&w);
    close(ends[0]);
    close(ends[1]);
    blob_unref(b);
}

static void what_is_no_sound_is_not_followed(void)
{
    struct data_wav w;
    struct error err;
    static const char *const texts[] = {"", "RIFF", "no sound at all", "RIFFxxxxWAVE"};
    for (int i = 0; i < 4; i++) {
        int ends[2];
        char path[40];
        CHECK(pipe(ends) == 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[0]);
        CHECK(write(ends[1], texts[i], strlen(texts[i])) == (ssize_t)strlen(texts[i]));
        close(ends[1]);
        err.text[0] = 0;
        CHECK(data_wav_open(&w, path, &err) < 0 && err.text[0]);
        close(ends[0]);
    }
    CHECK(data_wav_open(&w, "/nowhere", &err) < 0);
}

int main(void)
{
    RUN(a_pipe_is_followed);
    RUN(what_is_no_sound_is_not_followed);
    RUN(pcm_of_two_channels);
    RUN(a_recorder_does_not_know_the_end);
    RUN(cut_while_it_is_read);
    RUN(damaged);
    return TEST_END();
}
