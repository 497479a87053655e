/* Recognising Caffe's files. */
#ifndef FORMAT_CAFFE_SNIFF_H
#define FORMAT_CAFFE_SNIFF_H

#include "format/source.h"

/* As struct format's. */
int caffe_sniff(const struct source *s);
/* Whether a file that was recognised is text. */
bool caffe_is_text(const struct blob *blob);

#endif
