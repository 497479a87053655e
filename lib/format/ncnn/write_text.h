/* What an ncnn file is made of, as text and bytes. */
#ifndef FORMAT_NCNN_WRITE_TEXT_H
#define FORMAT_NCNN_WRITE_TEXT_H

#include "base/file.h"
#include "base/text.h"
#include "format/ncnn/net.h"
#include "graph/tensor.h"

/* The .param file. Arrays are written as every version of ncnn reads them. */
void ncnn_write_net(struct text *t, const struct ncnn_net *net);
/* The .param.bin file. Fails for a layer type without a number. */
int ncnn_write_words(struct text *t, const struct ncnn_net *net, struct error *err);

/* The next record of the .bin file: f32, or int8 with a tag; `half` stores tagged floats as f16. */
int ncnn_write_record(struct file_out *out, const struct tensor *t, bool tagged, bool half, struct error *err);

#endif
