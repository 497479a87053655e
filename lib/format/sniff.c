/* Telling what a file is when it is none of the formats that are read: so that the message helps. */
#include "format/sniff.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

struct magic {
    size_t offset, size;
    const char *bytes;
    const char *what;
};

#define MAGIC(offset, bytes, what)                                                                                     \
    {                                                                                                                  \
        offset, sizeof(bytes) - 1, bytes, what                                                                         \
    }

static const struct magic no_models[] = {
    MAGIC(0, "version https://git-lfs", "is a Git LFS pointer, not the file itself: fetch that with 'git lfs pull'"),
    MAGIC(0, "\x1f\x8b", "is compressed with gzip: decompress it first, with 'gzip -d'"),
    MAGIC(0, "BZh", "is compressed with bzip2: decompress it first, with 'bzip2 -d'"),
    MAGIC(0,
          "\xfd"
          "7zXZ",
          "is compressed with xz: decompress it first, with 'xz -d'"),
    MAGIC(0, "\x28\xb5\x2f\xfd", "is compressed with zstd: decompress it first, with 'zstd -d'"),
    MAGIC(0, "\x89PNG", "is a picture (PNG), want a model"),
    MAGIC(0, "\xff\xd8\xff", "is a picture (JPEG), want a model"),
};

static const struct magic foreign[] = {
    MAGIC(4, "ORTM", "in ONNX Runtime's own form (.ort; use the .onnx file it was made from)"),
    MAGIC(4, "PTMF", "a PyTorch mobile model"),
    MAGIC(4, "ET12", "an ExecuTorch program"),
    MAGIC(4, "CIR0", "a circle model"),
    MAGIC(0, "PK\x03\x04", "a zip archive (PyTorch, Keras, NumPy or another's)"),
    MAGIC(0, "\x89HDF\r\n\x1a\n", "an HDF5 file (Keras or another's)"),
    MAGIC(0, "\x93NUMPY", "a NumPy array, not a model"),
    MAGIC(0, "GGUF", "a GGUF model"),
    MAGIC(0, "\xdd\x85\x76\x00", "an ncnn model (.param.bin)"),
    MAGIC(0, "7767517", "an ncnn or pnnx model (.param)"),
    MAGIC(0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20", "a PyTorch file of before version 1.6"),
    MAGIC(0, "\x80\x02", "a Python pickle"),
    MAGIC(0, "\x80\x03", "a Python pickle"),
    MAGIC(0, "\x80\x04", "a Python pickle"),
    MAGIC(8, "{\"", "a safetensors file: weights without a network"),
    MAGIC(0, "[net]", "a Darknet network (.cfg)"),
    MAGIC(0, "[network]", "a Darknet network (.cfg)"),
    MAGIC(0, "<?xml", "an XML file (OpenVINO or another's)"),
    MAGIC(0, "<net", "an OpenVINO network (.xml)"),
    MAGIC(0, "{\"irVersion\"", "an ONNX model as JSON, want its binary form"),
    MAGIC(0, "<ir_version", "an ONNX model as text, want its binary form"),
    MAGIC(0, "ir_version:", "an ONNX model as text, want its binary form"),
    MAGIC(0, "{", "a JSON file"),
};

static const char *find(const struct magic *table, size_t count, const struct blob *blob)
{
    for (const struct magic *m = table; m < table + count; m++)
        if (blob->size >= m->offset + m->size && memcmp((const char *)blob->data + m->offset, m->bytes, m->size) == 0)
            return m->what;
    return NULL;
}

/* The text's beginning without a byte-order mark and white space. */
static const char *text_start(const struct blob *blob, size_t *n)
{
    const char *at = blob->data;

    *n = blob->size < 4096 ? blob->size : 4096;
    if (*n >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3;
        *n -= 3;
    }
    while (*n && isspace((unsigned char)*at)) {
        at++;
        --*n;
    }
    return at;
}

static bool begins(const char *at, size_t n, const char *text)
{
    return n >= strlen(text) && strncasecmp(at, text, strlen(text)) == 0;
}

static bool is_text(const struct blob *blob)
{
    const unsigned char *at = blob->data;
    size_t n = blob->size < 4096 ? blob->size : 4096;

    for (size_t i = 0; i < n; i++)
        if (at[i] == 0x7f || (at[i] < 0x20 && !isspace(at[i])))
            return false;
    return true;
}

const char *sniff_no_model(const struct blob *blob)
{
    const char *at;
    size_t n;

    if (blob->size == 0)
        return "is empty, want a model";
    at = text_start(blob, &n);
    if (begins(at, n, "<!doctype html") || begins(at, n, "<html"))
        return "is a web page (HTML), not a model: a download went to the page instead of the file";
    return find(no_models, sizeof no_models / sizeof *no_models, blob);
}

const char *sniff_foreign(const struct blob *blob)
{
    const char *what = find(foreign, sizeof foreign / sizeof *foreign, blob);

    return what ? what : is_text(blob) ? "a text file" : NULL;
}
