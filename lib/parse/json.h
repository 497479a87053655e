/* JSON (RFC 8259), read into a tree of nodes. */
#ifndef PARSE_JSON_H
#define PARSE_JSON_H

#include <stddef.h>

#include "base/error.h"

enum json_kind { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
    enum json_kind kind;
    const char *key;    /* of a member of an object, UTF-8 */
    const char *string; /* of JSON_STRING */
    double number;      /* of JSON_NUMBER */
    size_t at, end;     /* where it stands in the text that was parsed: bytes at ... end */
    size_t first, next; /* indices: the first element of an array or object, the next of the same; 0: none */
};

struct json {
    char *text;             /* the strings */
    struct json_node *node; /* the first is the whole */
    size_t count, cap;
};

#define JSON_MAX_BYTES (16 << 20)
#define JSON_MAX_DEPTH 64

/* Reads n bytes of text, at most JSON_MAX_BYTES. On success the caller releases the tree; -1 on an error, whose message
 * tells the byte. Of members with one name the first counts. */
int json_parse(struct json *out, const char *text, size_t n, struct error *err);
void json_release(struct json *j);

/* A member of an object; NULL when there is none, also of a node that is NULL or no object. */
const struct json_node *json_member(const struct json *j, const struct json_node *object, const char *key);

/* The elements of an array or object: the first (NULL: none), and the one behind. */
const struct json_node *json_first(const struct json *j, const struct json_node *node);
const struct json_node *json_next(const struct json *j, const struct json_node *node);

#endif
