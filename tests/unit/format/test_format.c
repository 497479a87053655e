/* Finding the format of a file, and messages for files that are no model. */
#include <fcntl.h>
#include <sys/stat.h>

#include "nn_test.h"

static char folder[] = "/tmp/test_format.XX"
                       "XX"
                       "XX";

static const char *path_of(const char *name)
{
    static char path[4][200];
    static int next;

    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static void put_file(const char *name, const void *bytes, size_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

static struct graph *small_graph(void)
{
    return nn_graph_of("nn 1\ninput x f32 3\nnode - Relu x -> y f32 3\noutput y\n");
}

/* ---- the table ---- */

static void table_is_complete(void)
{
    size_t count;
    const struct format *const *table = format_table(&count);

    CHECK(count >= 2);
    for (size_t i = 0; i < count; i++) {
        CHECK(table[i]->name && table[i]->suffixes[0] == '.' && table[i]->what && table[i]->sniff);
        CHECK(table[i]->read || table[i]->write);
        CHECK(format_by_name(table[i]->name) == table[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(table[i]->name, table[k]->name) != 0);
    }
    CHECK(!format_by_name("nonsense") && !format_by_name(""));
}

static void suffixes(void)
{
    const struct format *nn = format_by_name("nn"), *onnx = format_by_name("onnx");

    CHECK(format_by_suffix("net.nn") == nn);
    CHECK(format_by_suffix("a/b.c/net.NN") == nn);
    CHECK(format_by_suffix("net.onnx") == onnx);
    CHECK(format_by_suffix("net.onnx.nn") == nn);
    CHECK(!format_by_suffix("net.n") && !format_by_suffix("net") && !format_by_suffix("") && !format_by_suffix(".nn"));
}

/* ---- reading and writing ---- */

static void check_read(const char *path, const struct format *format)
{
    struct graph *g = format_read(path, format, &err);

    CHECK_MSG(g != NULL, "%s", err.text);
    CHECK(g && g->node_count == 1);
    graph_free(g);
}

static void content_before_suffix(void)
{
    struct graph *g = small_graph();

    CHECK(format_write(g, path_of("net.nn"), NULL, NULL, &err) == 0);
    CHECK(format_write(g, path_of("net.unheard"), NULL, NULL, &err) == -1 &&
          strstr(err.text, "suffix names no format"));
    CHECK(format_write(g, path_of("net.unheard"), format_by_name("nn"), NULL, &err) == 0);
    CHECK(format_write(g, path_of("wrong.onnx"), format_by_name("nn"), NULL, &err) == 0);
    CHECK(format_write(g, path_of("with,comma.nn"), NULL, NULL, &err) == 0);
    check_read(path_of("net.nn"), NULL);
    check_read(path_of("net.nn"), format_by_name("nn"));
    check_read(path_of("net.unheard"), NULL);
    check_read(path_of("wrong.onnx"), NULL);
    check_read(path_of("with,comma.nn"), NULL);
    graph_free(g);
}

static void twins_are_split(void)
{
    char both[400];

    snprintf(both, sizeof both, "%s,%s", path_of("with,comma.nn"), path_of("other.bin"));
    check_read(both, NULL);
    snprintf(both, sizeof both, "%s,%s", path_of("net.nn"), path_of("with,comma.nn"));
    check_read(both, NULL);
    CHECK(!format_read(path_of("missing.nn,other.bin"), NULL, &err));
    CHECK(strstr(err.text, "missing.nn: No such file") != NULL);
}

static void over_itself(void)
{
    struct graph *g = format_read(path_of("net.nn"), NULL, &err);

    CHECK(g && format_write(g, path_of("net.nn"), NULL, NULL, &err) == 0);
    graph_free(g);
    check_read(path_of("net.nn"), NULL);
}

/* A write that fails leaves what was there. */
static void complete_or_not_at_all(void)
{
    struct graph *g = small_graph();

    g->first->op = "";
    CHECK(format_write(g, path_of("net.nn"), NULL, NULL, &err) == -1);
    CHECK(strstr(err.text, "net.nn: node '' has no operator") != NULL);
    check_read(path_of("net.nn"), NULL);
    CHECK(format_write(g, path_of("no/such/folder.nn"), NULL, NULL, &err) == -1);
    CHECK(strstr(err.text, "folder.nn: ") != NULL);
    graph_free(g);
}

/* ---- what is no model ---- */

static void check_message(const char *name, const void *bytes, size_t size, const char *want)
{
    put_file(name, bytes, size);
    CHECK_MSG(!format_read(path_of(name), NULL, &err), "%s", want);
    CHECK_MSG(strncmp(err.text, path_of(name), strlen(path_of(name))) == 0, "%s", err.text);
    CHECK_MSG(strstr(err.text, want) != NULL, "got \"%s\", want \"%s\"", err.text, want);
}

#define CHECK_BYTES(name, bytes, want) check_message(name, bytes, sizeof(bytes) - 1, want)

static void messages_help(void)
{
    CHECK_BYTES("a.onnx", "", "is empty, want a model");
    CHECK_BYTES("a.onnx", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer");
    CHECK_BYTES("a.onnx", "\n  <!DOCTYPE html>\n<html>", "web page");
    CHECK_BYTES("a.nn", "\xef\xbb\xbf<HTML>", "web page");
    CHECK_BYTES("a.onnx", "\x1f\x8b\x08 rest", "compressed with gzip");
    CHECK_BYTES("a.onnx", "\x20\0\0\0ORTM....", "ONNX Runtime's own form");
    CHECK_BYTES("a.pt", "PK\x03\x04....", "is a zip archive");
    CHECK_BYTES("a.onnx", "{\"irVersion\": 8}", "ONNX model as JSON");
    CHECK_BYTES("a.safetensors", "\x10\0\0\0\0\0\0\0{\"a\":1}", "safetensors");
    CHECK_BYTES("a.png", "\x89PNG\r\n", "is a picture");
    CHECK_BYTES("a.onnx", "just some words\n", "is a text file, which is not read");
    CHECK_BYTES("a.dat", "\x01\x02\x03\x04", "not a model file that I know (reads: nn");
    CHECK_BYTES("a.nn", "\x01\x02\x03\x04", "the line 'data");
    CHECK_BYTES("a.nn", "nn 1\n", "cut short");
    for (int i = 1; i < 12; i++) /* beginnings of what has a magic number */
        check_message("a.dat", "version https://git-lfs", (size_t)i, "is a text file");
}

static void what_cannot_be_opened(void)
{
    CHECK(!format_read(path_of("none.nn"), NULL, &err) && strstr(err.text, "none.nn: No such file"));
    CHECK(!format_read(folder, NULL, &err) && strstr(err.text, "is a directory"));
    CHECK(!format_read("", NULL, &err) && err.text[0]);
}

static void remove_files(void)
{
    static const char *const names[] = {"net.nn", "net.unheard", "wrong.onnx", "with,comma.nn", "a.onnx", "a.nn",
                                        "a.dat",  "a.tflite",    "a.pt",       "a.safetensors", "a.png"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(path_of(names[i]));
    CHECK(rmdir(folder) == 0);
}

int main(void)
{
    CHECK(mkdtemp(folder) != NULL);
    RUN(table_is_complete);
    RUN(suffixes);
    RUN(content_before_suffix);
    RUN(twins_are_split);
    RUN(over_itself);
    RUN(complete_or_not_at_all);
    RUN(messages_help);
    RUN(what_cannot_be_opened);
    remove_files();
    return TEST_END();
}
