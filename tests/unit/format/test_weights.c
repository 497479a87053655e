/* Files of weights without a network: read, cut short and broken at every byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "format/format.h"
#include "../../test.h"

static const char *const samples[] = {"net.safetensors", "net.gguf", "net.npz", "net.pth", "old.pth"};
#define SAMPLE_COUNT (sizeof(samples) / sizeof(*samples))

static char broken[] = "/tmp/test_weights_XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "tests/models/weights/%s", name);
    return path;
}

/* The number of tensors; -1: refused, with a message of one line. */
static int count(const char *path)
{
    struct error err = {""};
    bool is_network;
    struct graph *g = format_read_weights(path, &is_network, &err);
    int n = g ? 0 : -1;
    for (size_t i = 0; g && i < g->value_count; i++)
        n += g->values[i] && g->values[i]->constant;
    CHECK_MSG(g || is_network || (*err.text && !strchr(err.text, '\n')), "%s: '%s'", path, err.text);
    graph_free(g);
    return n;
}

static void all_kinds(void)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        CHECK_MSG(count(path_of(samples[i])) == 4 + (i == 1), "%s", samples[i]);
}

static void a_network_is_none(void)
{
    struct error err;
    bool is_network = false;
    CHECK(!format_read_weights("tests/models/tiny/conv.onnx", &is_network, &err) && is_network);
    CHECK(!format_read_weights("tests/models/torch/cnn.pt", &is_network, &err) && is_network);
}

static void put(const void *data, size_t size)
{
    FILE *f = fopen(broken, "w");
    CHECK(f && fwrite(data, 1, size, f) == size);
    if (f)
        fclose(f);
}

/* An archive whose pickle only calls something, and files that list nothing, say so. */
static void of_no_tensors(void)
{
    struct error err = {""};
    bool is_network;
    CHECK(!format_read_weights(path_of("calls.pth"), &is_network, &err) && !is_network);
    CHECK_MSG(strstr(err.text, "no tensors") != NULL, "%s", err.text);
    put("\x02\0\0\0\0\0\0\0{}", 10); /* safetensors */
    CHECK(!format_read_weights(broken, &is_network, &err) && !is_network && strstr(err.text, "no tensors"));
}

static void set_u32(uint8_t *at, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(x >> 8 * i);
}

/* An archive of 300 KB that says it unpacks to 300 MB, which deflate can do with zeros. */
static void a_bomb(void)
{
    enum { LOCAL = 35, PACKED = 300000, CENTRAL = LOCAL + PACKED, END = CENTRAL + 51 };
    static uint8_t zip[END + 22] = "PK\3\4";
    struct error err = {""};
    bool is_network;
    uint8_t *local = zip, *central = zip + CENTRAL, *end = zip + END;
    memcpy(central, "PK\1\2", 4);
    memcpy(end, "PK\5\6", 4);
    for (int i = 0; i < 2; i++) {
        uint8_t *at = i ? central + 6 : local + 4; /* the version that is needed */
        at[4] = 8;
        set_u32(at + 14, PACKED);
        set_u32(at + 18, PACKED * 1000U);
        at[22] = 5;
        memcpy(i ? central + 46 : local + 30, "w.npy", 5);
    }
    end[8] = end[10] = 1;
    set_u32(end + 12, 51);
    set_u32(end + 16, CENTRAL);
    put(zip, sizeof zip);
    CHECK(!format_read_weights(broken, &is_network, &err) && !is_network);
    CHECK_MSG(strstr(err.text, ": w: 300000000 bytes: want at most 27323") != NULL, "%s", err.text);
}

static void cut_short(void)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct blob *blob = file_read(path_of(samples[i]), NULL);
        CHECK(blob != NULL);
        for (size_t n = 1; blob && n < blob->size; n += n < 400 ? 1 : 17) {
            put(blob->data, n);
            count(broken);
        }
        blob_unref(blob);
    }
}

/* Each byte becomes another: most such files are still read. */
static void bytes_changed(void)
{
    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        struct blob *blob = file_read(path_of(samples[i]), NULL);
        unsigned char *copy = blob ? malloc(blob->size) : NULL;
        CHECK(copy != NULL);
        for (size_t n = 0; copy && n < blob->size && n < 900; n++) {
            memcpy(copy, blob->data, blob->size);
            copy[n] ^= (unsigned char)(n % 3 == 0 ? 0x80 : n % 3 == 1 ? 0xff : 1);
            put(copy, blob->size);
            count(broken);
        }
        free(copy);
        blob_unref(blob);
    }
}

/* Two tensors of the same bytes: many would take any amount of memory. */
static void bytes_of_two(void)
{
#define TENSOR "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}"
    static const char *const texts[] = {"{\"a\":" TENSOR "}", "{\"a\":" TENSOR ",\"b\":" TENSOR "}"};
    for (int i = 0; i < 2; i++) {
        char file[200];
        uint64_t n = strlen(texts[i]);
        memcpy(file, &n, 8);
        memcpy(file + 8, texts[i], n);
        memset(file + 8 + n, 0, 4);
        put(file, n + 12);
        CHECK(count(broken) == (i == 0 ? 1 : -1));
    }
}

int main(void)
{
    int fd = mkstemp(broken);
    if (fd < 0)
        return 1;
    close(fd);
    RUN(all_kinds);
    RUN(a_network_is_none);
    RUN(of_no_tensors);
    RUN(a_bomb);
    RUN(cut_short);
    RUN(bytes_changed);
    RUN(bytes_of_two);
    unlink(broken);
    return TEST_END();
}
