/* What other readers of the same files were attacked with, by the names under which that became known; and the same of
 * containers and files of weights that have no such name. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "hostile.h"

static void put(struct out *o, uint64_t value, int bytes)
{
    hostile_add(o, &value, (size_t)bytes);
}

static void repeat(struct out *o, const char *text, int count)
{
    for (int i = 0; i < count; i++)
        hostile_say(o, text);
}

/* ---- zip: stored members; the directory says so often that the first is there ---- */

struct member {
    const char *name, *data;
    size_t size;
};

static void local_or_central(struct out *o, const struct member *m, uint32_t crc, int64_t at)
{
    hostile_add(o, at < 0 ? "PK\3\4" : "PK\1\2\x14", at < 0 ? 4 : 5);
    put(o, at < 0 ? 20 : 0, at < 0 ? 2 : 1);
    put(o, 0, at < 0 ? 2 : 4); /* flags; made by is before them in the directory */
    put(o, 0, 2);
    put(o, 0, 4);
    put(o, crc, 4);
    put(o, m->size, 4);
    put(o, m->size, 4);
    put(o, strlen(m->name), 2);
    put(o, 0, 2);
    if (at >= 0) {
        put(o, 0, 8);
        put(o, 0, 2);
        put(o, (uint64_t)at, 4);
    }
    hostile_say(o, m->name);
}

static void zip(struct out *o, const struct member *members, int count, int times)
{
    int64_t at[8];
    uint32_t crc[8]; /* a reader that finds a wrong one looks no further */
    for (int i = 0; i < count; i++) {
        at[i] = (int64_t)o->size;
        crc[i] = hash_crc32(members[i].data, members[i].size);
        local_or_central(o, &members[i], crc[i], -1);
        hostile_add(o, members[i].data, members[i].size);
    }
    size_t directory = o->size;
    for (int i = 0; i < count * times; i++)
        local_or_central(o, &members[i % count], crc[i % count], at[i % count]);
    size_t size = o->size - directory;
    hostile_add(o, "PK\5\6\0\0\0\0", 8);
    put(o, (uint64_t)(count * times), 2);
    put(o, (uint64_t)(count * times), 2);
    put(o, size, 4);
    put(o, directory, 4);
    put(o, 0, 2);
}

static void zip_of_one(struct out *o, const char *name, const struct out *data)
{
    zip(o, &(struct member){name, data->data, data->size}, 1, 1);
    free(data->data);
}

/* ---- pickles ---- */

#define CALL                                                                                                           \
    "\x80\x02"                                                                                                         \
    "cposix\nsystem\nX\x0c\0\0\0touch /tmp/a\x85R."

static void pickle_call(struct out *o)
{
    static const struct member members[] = {{"net/data.pkl", CALL, sizeof CALL - 1}, {"net/version", "3\n", 2}};
    zip(o, members, 2, 1);
}

static void pickle_call_alone(struct out *o)
{
    hostile_add(o, CALL, sizeof CALL - 1);
}

static void pickle_nested(struct out *o)
{
    struct out p = {0};
    hostile_say(&p, "\x80\x02");
    repeat(&p, "]", 200000);
    repeat(&p, "a", 199999);
    hostile_say(&p, ".");
    zip_of_one(o, "net/data.pkl", &p);
}

/* Each tuple holds the one before twice. */
static void pickle_doublings(struct out *o)
{
    struct out p = {0};
    hostile_say(&p, "\x80\x02)");
    repeat(&p, "2\x86", 100);
    hostile_say(&p, ".");
    zip_of_one(o, "net/data.pkl", &p);
}

/* A list whose one item is the list. */
static void pickle_cycle(struct out *o)
{
    static const char list[] = "\x80\x02]q\0h\0a.";
    zip(o, &(struct member){"net/data.pkl", list, sizeof list - 1}, 1, 1);
}

static void pickle_sizes(struct out *o)
{
    static const char bytes[] = "\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"
                                "a.";
    zip(o, &(struct member){"net/data.pkl", bytes, sizeof bytes - 1}, 1, 1);
}

/* TorchScript of these lines. */
static void script(struct out *o, const char *lines)
{
    static const char object[] = "\x80\x02"
                                 "c__torch__\nM\n)\x81}b.";
    struct out text = {0};
    hostile_say(&text, "class M(Module):\n"
                       "  __parameters__ = []\n"
                       "  __buffers__ = []\n"
                       "  def forward(self: __torch__.M,\n"
                       "    x: Tensor) -> Tensor:\n");
    hostile_say(&text, lines);
    const struct member members[] = {{"m/data.pkl", object, sizeof object - 1},
                                     {"m/code/__torch__.py", text.data, text.size},
                                     {"m/constants.pkl", "\x80\x02).", 4},
                                     {"m/version", "3\n", 2}};
    zip(o, members, 4, 1);
    free(text.data);
}

/* Each branch makes all parts anew. */
static void script_branches(struct out *o)
{
    script(o, "    y = torch.reshape(x, [128, 1])\n"
              "    w = y\n"
              "    for i in range(8000):\n"
              "      if bool(torch.gt(torch.sum(x), 0)):\n"
              "        a = torch.unbind(y, 0)\n"
              "        v = a[0]\n"
              "      else:\n"
              "        b = torch.unbind(y, 0)\n"
              "        v = b[1]\n"
              "      w = v\n"
              "    return torch.add(x, w)\n");
}

/* Each text holds the one before twice. */
static void script_doublings(struct out *o)
{
    script(o, "    s = \"ab\"\n"
              "    for i in range(60):\n"
              "      s = torch.format(\"{}{}\", s, s)\n"
              "    return torch.add(x, torch.len(s))\n");
}

static void script_nested(struct out *o)
{
    script(o, "    l = [1]\n"
              "    for i in range(60000):\n"
              "      l = [l]\n"
              "    return torch.add(x, torch.tensor(l))\n");
}

static void script_signs(struct out *o)
{
    struct out signs = {0};
    hostile_say(&signs, "    return torch.add(x, ");
    for (int i = 0; i < 200000; i++)
        hostile_say(&signs, i < 100000 ? "-" : "not ");
    hostile_say(&signs, "1)\n");
    hostile_add(&signs, "", 1);
    script(o, signs.data);
    free(signs.data);
}

/* Two calls of itself in each of 60: the language has no recursion. */
static void script_forks(struct out *o)
{
    script(o, "    return (self).fork(x, 60)\n"
              "  def fork(self: __torch__.M,\n"
              "    x: Tensor,\n"
              "    n: int) -> Tensor:\n"
              "    if torch.gt(n, 0):\n"
              "      y = torch.add((self).fork(x, torch.sub(n, 1)), (self).fork(x, torch.sub(n, 1)))\n"
              "    else:\n"
              "      y = x\n"
              "    return y\n");
}

static void numpy_objects(struct out *o)
{
    struct out n = {0};
    hostile_add(&n, "\x93NUMPY\1\0\x36\0", 10);
    hostile_say(&n, "{'descr':'|O','fortran_order':False,'shape':(1,),}   \n");
    hostile_add(&n, CALL, sizeof CALL - 1);
    zip_of_one(o, "a.npy", &n);
}

static void numpy_shape(struct out *o)
{
    struct out n = {0};
    hostile_add(&n, "\x93NUMPY\1\0\x5e\0", 10);
    hostile_say(&n, "{'descr':'<f4','fortran_order':False,'shape':(4611686018427387904,4611686018427387904,4),}   \n");
    zip_of_one(o, "a.npy", &n);
}

/* ---- zip itself ---- */

static void zip_slip(struct out *o)
{
    static const struct member members[] = {
        {"../../../../../../tmp/nn_slipped", "x", 1}, {"/tmp/nn_slipped", "x", 1}, {"net/data.pkl", "\x80\x02}.", 4}};
    zip(o, members, 3, 1);
}

static void zip_overlapping(struct out *o)
{
    static char zeros[60000];
    zip(o, &(struct member){"net/data.pkl", zeros, sizeof zeros}, 1, 60000);
}

/* ---- GGUF ---- */

static void gguf(struct out *o, uint64_t tensors, uint64_t pairs)
{
    hostile_say(o, "GGUF");
    put(o, 3, 4);
    put(o, tensors, 8);
    put(o, pairs, 8);
}

static void gguf_text(struct out *o, const char *text)
{
    put(o, strlen(text), 8);
    hostile_say(o, text);
}

static void gguf_tensors(struct out *o)
{
    gguf(o, UINT64_MAX / 2, 0);
    gguf_text(o, "w");
}

static void gguf_pairs(struct out *o)
{
    gguf(o, 1, UINT64_MAX / 2);
    gguf_text(o, "general.name");
}

static void gguf_string(struct out *o)
{
    gguf(o, 1, 1);
    put(o, UINT64_MAX, 8);
    hostile_say(o, "general.name");
}

static void gguf_array(struct out *o)
{
    gguf(o, 1, 1);
    gguf_text(o, "tokens");
    put(o, 9, 4);
    put(o, 8, 4);
    put(o, UINT64_MAX / 8 + 1, 8);
}

static void gguf_axes(struct out *o)
{
    gguf(o, 1, 0);
    gguf_text(o, "w");
    put(o, 0x80000004, 4);
    for (int i = 0; i < 64; i++)
        put(o, 1ull << 40, 8);
}

static void gguf_nested(struct out *o)
{
    gguf(o, 1, 1);
    gguf_text(o, "nest");
    put(o, 9, 4);
    for (int i = 0; i < 100000; i++) {
        put(o, 9, 4);
        put(o, 1, 8);
    }
}

/* ---- safetensors ---- */

static void safetensors(struct out *o, const char *before, int depth, const char *text)
{
    size_t n = strlen(before) * (size_t)depth + strlen(text);
    put(o, n, 8);
    repeat(o, before, depth);
    hostile_say(o, text);
    put(o, 0, 8);
}

static void safetensors_header(struct out *o)
{
    put(o, UINT64_MAX / 2, 8);
    hostile_say(o, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}");
}

static void safetensors_shape(struct out *o)
{
    safetensors(o, "", 0, "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,2],\"data_offsets\":[0,8]}}");
}

static void safetensors_backwards(struct out *o)
{
    safetensors(o, "", 0, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,4]}}");
}

static void safetensors_nested(struct out *o)
{
    safetensors(o, "{\"a\":", 100000, "1");
}

/* ---- protobuf, XML ---- */

static void varint(struct out *o, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        put(o, (value & 127) | 128, 1);
    put(o, value, 1);
}

/* An ONNX model whose graph is unknown groups. */
static void protobuf_groups(struct out *o)
{
    enum { DEPTH = 200000 };
    put(o, 0x0808, 2);
    put(o, 0x3a, 1);
    varint(o, DEPTH * 2);
    for (int i = 0; i < DEPTH; i++)
        put(o, 0xa3 | 0x06 << 8, 2);
}

#define IR "<net name=\"n\" version=\"11\"><layers><layer id=\"0\" name=\"&j;\" type=\"Parameter\"/></layers></net>"

static void xml_entities(struct out *o)
{
    hostile_say(o, "<?xml version=\"1.0\"?><!DOCTYPE net [<!ENTITY a \"aaaaaaaaaa\">");
    for (char c = 'b'; c <= 'j'; c++) {
        char text[100];
        snprintf(text, sizeof text, "<!ENTITY %c \"&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;\">", c, c - 1, c - 1, c - 1, c - 1,
                 c - 1, c - 1, c - 1, c - 1);
        hostile_say(o, text);
    }
    hostile_say(o, "]>" IR);
}

static void xml_file(struct out *o)
{
    hostile_say(o, "<?xml version=\"1.0\"?><!DOCTYPE net [<!ENTITY j SYSTEM \"file:///dev/zero\">]>" IR);
}

/* ---- Keras ---- */

#define META "{\"keras_version\":\"3.8.0\"}"

/* HDF5 with an empty root: a superblock of version 2, and a header of no messages. */
#define EMPTY                                                                                                          \
    "\x89HDF\r\n\x1a\n\2\10\10\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x3b\0\0\0\0\0\0\0\x30\0\0\0\0\0\0\0"  \
    "\0\0\0\0"                                                                                                         \
    "OHDR\2\0\0\0\0\0\0"

static void keras_config(struct out *o, const char *config)
{
    const struct member members[] = {{"metadata.json", META, sizeof META - 1},
                                     {"config.json", config, strlen(config)},
                                     {"model.weights.h5", EMPTY, sizeof EMPTY - 1}};
    zip(o, members, 3, 1);
}

#define LAMBDA                                                                                                         \
    "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":[{\"class_name\":\"Lambda\",\"config\":{"    \
    "\"name\":\"l\",\"batch_input_shape\":[null,4],\"function\":[\"4wEAAAAAAAAA\",null,null]}}]}}"

static void keras_lambda(struct out *o)
{
    keras_config(o, LAMBDA);
}

/* The same as an attribute of HDF5's root: a header of one message, which ends with the text. */
static void keras_old_lambda(struct out *o)
{
    static const char name[] = "model_config";
    int text = sizeof LAMBDA - 1, message = 1 + 1 + 3 * 2 + 1 + (int)sizeof name + 8 + 4 + text;
    hostile_add(o, EMPTY, 28); /* up to where the file ends */
    put(o, (uint64_t)(48 + 8 + 4 + message + 4), 8);
    put(o, 48, 8);
    put(o, 0, 4);
    hostile_say(o, "OHDR\2\1"); /* a size of two bytes */
    put(o, (uint64_t)(4 + message), 2);
    put(o, 0x0c, 1);
    put(o, (uint64_t)message, 2);
    put(o, 0, 1);
    put(o, 3, 2);
    put(o, sizeof name, 2);
    put(o, 8, 2);
    put(o, 4, 2);
    put(o, 0, 1);
    hostile_add(o, name, sizeof name);
    put(o, 0x13, 4); /* a text of so many bytes */
    put(o, (uint64_t)text, 4);
    put(o, 2, 4); /* one */
    hostile_say(o, LAMBDA);
    put(o, 0, 4);
}

static void keras_module(struct out *o)
{
    keras_config(o, "{\"module\":\"builtins\",\"class_name\":\"eval\",\"config\":{\"source\":\"__import__('os')\"},"
                    "\"registered_name\":\"function\"}");
}

const struct hostile_case hostile_named[] = {
    {"CVE-2025-32434, PyTorch: a pickle that calls", pickle_call},
    {"PyTorch: a pickle alone that calls", pickle_call_alone},
    {"PyTorch: 200,000 lists within each other", pickle_nested},
    {"PyTorch: 100 doublings of a tuple", pickle_doublings},
    {"PyTorch: a list that holds itself", pickle_cycle},
    {"PyTorch: bytes of 2^63 in a pickle", pickle_sizes},
    {"PyTorch: 16,000 branches of 128 parts", script_branches},
    {"PyTorch: a text doubled 60 times", script_doublings},
    {"PyTorch: 60,000 lists within each other made a tensor", script_nested},
    {"PyTorch: 200,000 signs before a number", script_signs},
    {"PyTorch: a method that calls itself twice, 60 deep", script_forks},
    {"CVE-2019-6446, NumPy: an array of pickled objects", numpy_objects},
    {"NumPy: an array of 2^126 elements", numpy_shape},
    {"CVE-2018-1002200, zip: members with a way out", zip_slip},
    {"CVE-2019-9674, zip: 60,000 members of the same bytes", zip_overlapping},
    {"CVE-2024-21836, GGUF: 2^63 tensors", gguf_tensors},
    {"CVE-2024-23605, GGUF: 2^63 pairs", gguf_pairs},
    {"CVE-2024-23496, GGUF: a text of 2^64 - 1 bytes", gguf_string},
    {"CVE-2024-21825, GGUF: an array of 2^61 texts", gguf_array},
    {"CVE-2024-21802, GGUF: a tensor of 2^31 axes", gguf_axes},
    {"GGUF: 100,000 arrays within each other", gguf_nested},
    {"safetensors: a header of 2^63 bytes", safetensors_header},
    {"safetensors: 2^65 elements", safetensors_shape},
    {"safetensors: an end before the beginning", safetensors_backwards},
    {"safetensors: 100,000 objects within each other", safetensors_nested},
    {"CVE-2024-7254, protobuf: 200,000 groups within each other", protobuf_groups},
    {"CVE-2003-1564, XML: entities of entities", xml_entities},
    {"XML: an entity that is a file", xml_file},
    {"CVE-2024-3660, Keras: a layer of code", keras_lambda},
    {"CVE-2025-9905, Keras: a layer of code in HDF5", keras_old_lambda},
    {"CVE-2025-1550, Keras: a module to be imported", keras_module},
    {NULL, NULL},
};
