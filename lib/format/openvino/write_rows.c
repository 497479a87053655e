/* What is written of an operator: the rows of write.def. */
#include <stdio.h>

#include "base/packed.h"
#include "format/openvino/write.h"

static const struct {
    openvino_write_fn *write;
    int set;
} rest[] = {
#define WRITER(onnx, write, type, set) {openvino_write_##write, set},
#define LOWER(onnx, formula)
#include "format/openvino/write.def"
#undef WRITER
#undef LOWER
};

#include "format/openvino/write.inc"
PACKED_TABLE(rows, struct openvino_row, 2, rest);

const struct openvino_row *openvino_row_of(const struct node *n)
{
    char name[128];
    int size = snprintf(name, sizeof(name), "%s%s%s", n->domain, n->domain[0] ? "." : "", n->op);
    return size < (int)sizeof(name) ? packed_find(&rows, name) : NULL;
}
