/* Scan as opset 8 had it: the first axis of every operand is a batch, and each of its elements is scanned for itself.
 */
#ifndef FORMAT_ONNX_READ_SCAN_H
#define FORMAT_ONNX_READ_SCAN_H

#include "format/onnx/onnx.h"

bool onnx_is_scan8(const struct onnx_scope *s, const struct onnx_node *p);
/* Makes a Scan over the batch, which holds a Scan over the sequence. */
int onnx_read_scan8(struct onnx_scope *s, const struct onnx_node *p, struct error *err);

#endif
