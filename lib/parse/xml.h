/* The part of XML 1.0 that model files use, read into a tree: elements, attributes, character references and the five
 * entities of the standard, comments, CDATA, a declaration. A document type, which could define further entities, is
 * refused. Text between elements is checked, not kept. */
#ifndef PARSE_XML_H
#define PARSE_XML_H

#include <stddef.h>

#include "base/error.h"

struct xml_attr {
    const char *name, *value; /* UTF-8 */
};

struct xml_node {
    const char *name;
    size_t attr, attr_count; /* of the tree's attributes: the first of them */
    size_t first, next;      /* of its nodes: the first element inside, the next of the same parent; 0: none */
};

struct xml {
    char *text;            /* the strings */
    struct xml_node *node; /* the first is the outermost element */
    struct xml_attr *attr;
    size_t count, cap, attr_count, attr_cap;
};

#define XML_MAX_BYTES (64 << 20)
#define XML_MAX_DEPTH 64

/* Reads n bytes of text, at most XML_MAX_BYTES. On success the caller releases the tree; -1 on an error, whose message
 * tells the line. */
int xml_parse(struct xml *out, const char *text, size_t n, struct error *err);
void xml_release(struct xml *x);

/* An element's attribute; NULL when it has none of that name, or node is NULL. */
const char *xml_attr(const struct xml *x, const struct xml_node *node, const char *name);

/* The first element inside of that name (NULL: any), and the next of the same name behind one; NULL: none. A parent of
 * NULL has none. */
const struct xml_node *xml_first(const struct xml *x, const struct xml_node *parent, const char *name);
const struct xml_node *xml_next(const struct xml *x, const struct xml_node *node, const char *name);

#endif
