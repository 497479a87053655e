/* The part of YAML 1.2 that exporters of networks write: mappings and sequences in block and flow style, plain and
 * quoted scalars, comments, anchors and aliases of values in block style. */
#ifndef PARSE_YAML_H
#define PARSE_YAML_H

#include <stddef.h>

#include "base/error.h"
#include "parse/json.h"

/* Reads n bytes of text, at most JSON_MAX_BYTES, into the tree that a JSON text of the same content gives; -1 on an
 * error, whose message tells the line. Tags, merge keys, block scalars and scalars of several lines are errors. The
 * caller releases the tree by json_release(). */
int yaml_parse(struct json *out, const char *text, size_t n, struct error *err);

#endif
