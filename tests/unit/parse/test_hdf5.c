/* A file made by hand, byte by byte, and what may be wrong with one. */
#include "parse/hdf5.h"

#include <stdlib.h>

#include "../../test.h"
#include "base/text.h"

#define NOWHERE UINT64_MAX

/* Where the parts are: the tables of the formats give their sizes. */
enum { ROOT = 96, HEAP = 160, NAMES = 192, TREE = 208, NODE = 256, DATASET = 304, DATA = 448, CHUNKS = 480, END = 600 };

struct file {
    uint8_t b[END];
    size_t at;
};

static void put(struct file *f, unsigned width, uint64_t v)
{
    for (unsigned i = 0; i < width && f->at < END; i++)
        f->b[f->at++] = (uint8_t)(v >> (8 * i));
}

static void put_text(struct file *f, const char *text)
{
    for (; *text; text++)
        put(f, 1, (uint8_t)*text);
}

static void put_message(struct file *f, unsigned type, unsigned size)
{
    put(f, 2, type);
    put(f, 2, size);
    put(f, 4, 0);
}

static void put_superblock(struct file *f)
{
    f->at = 0;
    put_text(f, "\x89HDF\r\n\x1a\n");
    put(f, 5, 0);
    put(f, 3, 0x0808); /* bytes of addresses and lengths; then sizes of nodes */
    put(f, 8, 0x100004);
    const uint64_t words[] = {0, NOWHERE, END, NOWHERE, 0, ROOT, 1, 0, 0};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        put(f, 8, words[i]);
}

/* Entries of a tree of one child. */
static void put_tree(struct file *f, size_t at, unsigned type, unsigned level, unsigned count)
{
    f->at = at;
    put_text(f, "TREE");
    put(f, 1, type);
    put(f, 1, level);
    put(f, 2, count);
    put(f, 8, NOWHERE);
    put(f, 8, NOWHERE);
}

static void put_group(struct file *f)
{
    f->at = ROOT;
    put(f, 8, 0x10001); /* version 1, one message */
    put(f, 8, 24);
    put_message(f, 0x11, 16);
    put(f, 8, TREE);
    put(f, 8, HEAP);
    f->at = HEAP;
    put_text(f, "HEAP");
    put(f, 4, 0);
    put(f, 8, 16);
    put(f, 8, 0);
    put(f, 8, NAMES);
    f->at = NAMES + 8;
    put_text(f, "data");
    put_tree(f, TREE, 0, 0, 1);
    put(f, 8, 0);
    put(f, 8, NODE);
    put(f, 8, 8);
    f->at = NODE;
    put_text(f, "SNOD");
    put(f, 4, 0x10001);
    put(f, 8, 8);
    put(f, 8, DATASET);
}

/* Four floats: in one piece, or two chunks. */
static void put_dataset(struct file *f, bool chunked, bool big_endian)
{
    f->at = DATASET;
    put(f, 8, 0x30001);
    put(f, 8, 96);
    put_message(f, 1, 16);
    put(f, 8, 0x101);
    put(f, 8, 4);
    put_message(f, 3, 24);
    put(f, 4, 0x1f2011 | (big_endian ? 0x100 : 0));
    put(f, 4, 4);
    put(f, 4, 32 << 16);
    put(f, 4, 0x17000817);
    put(f, 8, 127);
    put_message(f, 8, 24);
    put(f, 2, chunked ? 0x203 : 0x103);
    if (chunked)
        put(f, 1, 2);
    put(f, 8, chunked ? CHUNKS : DATA);
    put(f, 4, chunked ? 2 : 16);
    put(f, 4, chunked ? 4 : 0);
    f->at = DATA;
    for (int i = 0; i < 4; i++) {
        float value = (float)i + 0.5f;
        uint32_t bits;
        memcpy(&bits, &value, 4);
        put(f, 4, big_endian ? __builtin_bswap32(bits) : bits);
    }
    put_tree(f, CHUNKS, 1, 0, 2);
    for (unsigned i = 0; i < 2; i++) {
        put(f, 8, 8);
        put(f, 8, 2 * i);
        put(f, 8, 0);
        put(f, 8, DATA + 8 * i);
    }
}

static struct file make(bool chunked, bool big_endian)
{
    struct file f = {.at = 0};
    put_superblock(&f);
    put_group(&f);
    put_dataset(&f, chunked, big_endian);
    return f;
}

/* Reads "data": the sum of its elements times their numbers, or -1 with a message. */
static double read_sum(const struct file *f, size_t size, struct error *err)
{
    struct blob *blob = blob_new(size, err);
    memcpy(blob->data, f->b, size);
    struct hdf5 *h = hdf5_open(blob, err);
    const struct hdf5_object *o = NULL;
    double sum = -1;
    if (h && hdf5_find(h, hdf5_root(h), "/data", &o, err) == 0) {
        struct blob *data = o ? hdf5_read(h, o, err) : NULL;
        sum = data ? 0 : -1;
        for (size_t i = 0; data && i < data->size / 4; i++) {
            float value;
            memcpy(&value, (char *)data->data + 4 * i, 4);
            sum += value * (double)(i + 1);
        }
        blob_unref(data);
    }
    hdf5_close(h);
    blob_unref(blob);
    return sum;
}

static void reads_what_is_there(void)
{
    struct error err = {""};
    for (int i = 0; i < 4; i++) {
        struct file f = make(i & 1, i & 2);
        CHECK_MSG(read_sum(&f, END, &err) == 25, "%d: %s", i, err.text);
    }
}

static void no_prefix_is_more_than_an_error(void)
{
    struct error err;
    for (size_t n = 1; n < DATA; n++) {
        struct file f = make(n & 1, false);
        CHECK(read_sum(&f, n, &err) == -1);
    }
}

static void every_byte_may_be_anything(void)
{
    struct error err;
    for (size_t i = 0; i < END; i++)
        for (unsigned v = 1; v < 256; v += 63) {
            struct file f = make(i & 1, false);
            f.b[i] ^= (uint8_t)v;
            read_sum(&f, END, &err);
        }
}

static void refused(const struct file *f, const char *message)
{
    struct error err = {""};
    CHECK(read_sum(f, END, &err) == -1);
    CHECK_MSG(strstr(err.text, message), "got \"%s\", want \"%s\"", err.text, message);
}

static void trees_that_lead_back_end(void)
{
    struct file f = make(false, false);
    put_tree(&f, TREE, 0, 1, 1); /* its child is itself */
    put(&f, 8, 0);
    put(&f, 8, TREE);
    refused(&f, "a tree of symbols is damaged");
    f = make(true, false);
    put_tree(&f, CHUNKS, 1, 1, 1);
    put(&f, 8, 8);
    put(&f, 8, 0);
    put(&f, 8, 0);
    put(&f, 8, CHUNKS);
    refused(&f, "a tree of chunks is damaged");
}

/* Its only message continues the header where it stands itself. */
static void headers_that_go_on_in_themselves_end(void)
{
    struct file f = make(false, false);
    f.at = DATASET;
    put(&f, 8, 0xffff0001); /* so many messages */
    put(&f, 8, 24);
    put_message(&f, 0x10, 16);
    put(&f, 8, DATASET + 16);
    put(&f, 8, 24);
    refused(&f, "a header of more than");
}

static void sizes_are_not_believed(void)
{
    struct file f = make(false, false);
    f.at = DATASET + 16 + 16;
    put(&f, 8, UINT64_C(1) << 40);
    refused(&f, "its shape needs");
    f = make(true, false);
    f.at = DATASET + 16 + 16;
    put(&f, 8, UINT64_C(1) << 40);
    refused(&f, "more data than the file's size can hold");
    f = make(true, false);
    f.at = DATASET + 16 + 24 + 32 + 8 + 11;
    put(&f, 4, 0x7fffffff); /* a chunk */
    refused(&f, "HDF5: ");
}

static void other_files_are_none(void)
{
    struct error err;
    struct file f = make(false, false);
    struct blob *blob = blob_new(END, &err);
    CHECK(!hdf5_is(blob));
    memcpy((char *)blob->data + 512, f.b, 8); /* behind a block of the user's */
    CHECK(hdf5_is(blob));
    CHECK(!hdf5_open(blob, &err));
    blob_unref(blob);
}

int main(void)
{
    RUN(reads_what_is_there);
    RUN(no_prefix_is_more_than_an_error);
    RUN(every_byte_may_be_anything);
    RUN(trees_that_lead_back_end);
    RUN(headers_that_go_on_in_themselves_end);
    RUN(sizes_are_not_believed);
    RUN(other_files_are_none);
    return TEST_END();
}
