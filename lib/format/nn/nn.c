/* The .nn format as one of the formats: recognising, reading, writing. */
#include "format/nn/nn.h"

#include <string.h>

#include "format/format.h"
#include "format/nn/read.h"
#include "format/nn/write.h"
#include "op/op.h"

/* The page nn(5) says that version 1 means these operators: newer ones are another version of the format. */
_Static_assert(OP_OPSET == 28, "version 1 of .nn holds operators of opset 28");

static int sniff(const struct source *source)
{
    return source->blob->size >= 4 && memcmp(source->blob->data, "nn ", 3) == 0 ? 100 : 0;
}

static struct graph *read(const struct source *source, struct error *err)
{
    return nn_read_blob(source->blob, err);
}

int nn_write_header(const struct graph *g, struct text *out, struct error *err)
{
    struct nn_writer w = {.out = out};
    int result = nn_write_graph(&w, g, err);

    nn_writer_release(&w);
    return result;
}

/* Blanks bring the data to a multiple of NN_ALIGN. */
static int end_header(struct nn_writer *w, struct error *err)
{
    static const char blanks[NN_ALIGN] = "                                                               ";

    text_printf(w->out, "data %zu", w->data);
    text_add(w->out, blanks, nn_aligned(w->out->size + 1) - w->out->size - 1);
    text_add(w->out, "\n", 1);
    return w->out->failed ? error_memory(err) : 0;
}

static int write_data(const struct nn_writer *w, struct file_out *out, struct error *err)
{
    static const char zeros[NN_ALIGN];
    size_t at = 0;

    for (size_t i = 0; i < w->count; i++) {
        const struct nn_item *item = &w->items[i];

        if (!item->size)
            continue;
        if (file_write(out, zeros, nn_aligned(at) - at, err) != 0 ||
            file_write(out, item->bytes, item->size, err) != 0)
            return -1;
        at = nn_aligned(at) + item->size;
    }
    return 0;
}

static int write(const struct graph *g, struct target *target, struct error *err)
{
    struct text header;
    struct nn_writer w = {.out = &header};
    struct file_out *out = target_file(target, NULL, err);
    int result;

    if (!out)
        return -1;
    text_init(&header);
    result = nn_write_graph(&w, g, err);
    if (result == 0)
        result = end_header(&w, err);
    if (result == 0)
        result = file_write(out, header.data, header.size, err);
    if (result == 0)
        result = write_data(&w, out, err);
    nn_writer_release(&w);
    text_release(&header);
    return result;
}

const struct format format_nn = {
    .name = "nn",
    .suffixes = ".nn",
    .what = "the toolkit's own model file",
    .has_properties = true,
    .sniff = sniff,
    .read = read,
    .write = write,
};
