/* Recognising MNN files, and the format's row. */
#include "format/mnn/mnn.h"

#include <ctype.h>

#include "format/format.h"
#include "format/mnn/schema.h"

/* ---- recognising ---- */

#define LOOK_AT    64 /* operators and names that are looked at */
#define LAST_TYPE  1024
#define LAST_TABLE 103
#define LAST_INDEX (1 << 22)

static bool is_text(struct flatbuf_vector v)
{
    for (size_t i = 0; i < v.count; i++)
        if (v.data[i] < ' ')
            return false;
    return v.count < 4096;
}

static bool are_indexes(struct flatbuf_vector v)
{
    for (size_t i = 0; i < v.count; i++)
        if (flatbuf_vector_int(v, i) < -1 || flatbuf_vector_int(v, i) > LAST_INDEX)
            return false;
    return true;
}

static bool is_op(const struct mnn_table *op)
{
    int64_t type = mnn_int(op, "type"), table = mnn_int(op, "mainType");
    return op->raw.file && type >= 0 && type < LAST_TYPE && table >= 0 && table <= LAST_TABLE &&
           (table == 0) == !mnn_has(op, "main") && mnn_vector(op, "outputIndexes").count > 0 &&
           is_text(mnn_vector(op, "name")) && are_indexes(mnn_vector(op, "inputIndexes")) &&
           are_indexes(mnn_vector(op, "outputIndexes"));
}

/* A vector of operators and one of names, the first of each being sound. */
static bool is_net(const struct mnn_table *net)
{
    struct flatbuf_vector names = mnn_vector(net, "tensorName");
    size_t ops = mnn_vector(net, "oplists").count;
    if (ops == 0 || mnn_int(net, "sourceType") < 0 || mnn_int(net, "sourceType") > 8)
        return false;
    for (size_t i = 0; i < ops && i < LOOK_AT; i++) {
        struct mnn_table op = mnn_item(net, "oplists", i);
        if (!is_op(&op))
            return false;
    }
    for (size_t i = 0; i < names.count && i < LOOK_AT; i++)
        if (!is_text(flatbuf_vector_string(net->raw.file, names, i)))
            return false;
    return true;
}

/* Other formats on FlatBuffers name themselves in bytes 4 to 7. */
static bool has_identifier(const unsigned char *bytes)
{
    return isalpha(bytes[4]) && isalpha(bytes[5]) && isalnum(bytes[6]) && isalnum(bytes[7]);
}

bool mnn_is_net(const void *data, size_t size)
{
    struct flatbuf file;
    const unsigned char *bytes = data;
    if (size < 32 || bytes[0] % 4 || bytes[1] || bytes[2] || bytes[3] || has_identifier(bytes))
        return false;
    flatbuf_init(&file, data, size, 4 * LOOK_AT);
    struct mnn_table net = {flatbuf_root(&file), mnn_schema_find("Net")};
    return is_net(&net) && flatbuf_check(&file, NULL) == 0;
}

static int sniff(const struct source *source)
{
    return mnn_is_net(source->blob->data, source->blob->size) ? 80 : 0;
}

/* ---- the row ---- */

static const struct target_option options[] = {
    {"fp16", NULL, "weights as half floats"},
    {"int8", NULL, "weights of convolutions and products in 8 bits, a scale a channel"},
    {NULL, NULL, NULL},
};

const struct format format_mnn = {.name = "mnn",
                                  .suffixes = ".mnn",
                                  .what = "MNN",
                                  .has_numbers = true,
                                  .options = options,
                                  .sniff = sniff,
                                  .read = mnn_read,
                                  .write = mnn_write,
                                  .operator_at = mnn_operator_at};
