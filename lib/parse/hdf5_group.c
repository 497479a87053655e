/* Links of groups: symbol tables (a B-tree of version 1 over nodes of symbols, names in a heap), or messages. */
#include <string.h>

#include "parse/hdf5_private.h"

int hdf5_add_link(struct hdf5 *f, struct hdf5_object *o, const char *name, size_t size, uint64_t address,
                  struct error *err)
{
    struct hdf5_link *link = arena_alloc(&f->arena, sizeof(*link), err);
    if (!link || !(link->name = hdf5_name(f, name, size, err)))
        return -1;
    link->address = address;
    link->next = o->links;
    o->links = link;
    return 0;
}

/* ---- symbol tables ---- */

struct symbols {
    struct hdf5 *f;
    struct hdf5_object *object;
    struct bytes names;
};

static int add_symbol(struct symbols *s, struct bytes *b, struct error *err)
{
    uint64_t name = hdf5_address(s->f, b), address = hdf5_address(s->f, b);
    struct bytes text = s->names;
    bool is_soft = bytes_u32(b) == 2;
    bytes_take(b, 20); /* what is kept of the object, for speed */
    if (b->bad || name > bytes_left(&text))
        return hdf5_damaged(err, "a symbol");
    if (hdf5_step(s->f, err) != 0)
        return -1;
    if (is_soft)
        return 0;
    const char *at = (const char *)text.at + name;
    size_t most = bytes_left(&text) - name, size = strnlen(at, most);
    if (size == most)
        return hdf5_damaged(err, "a symbol");
    return hdf5_add_link(s->f, s->object, at, size, address, err);
}

static int read_node(struct symbols *s, uint64_t address, struct error *err)
{
    struct bytes b = hdf5_at(s->f, address, UINT64_MAX);
    if (!hdf5_signed(&b, "SNOD"))
        return hdf5_damaged(err, "a node of symbols");
    bytes_take(&b, 2);
    unsigned count = bytes_u16(&b);
    for (unsigned i = 0; i < count; i++)
        if (add_symbol(s, &b, err) != 0)
            return -1;
    return 0;
}

/* level: that of the node above; each is one lower than it, so that none leads back. */
static int read_tree(struct symbols *s, uint64_t address, unsigned above, struct error *err)
{
    struct bytes b = hdf5_at(s->f, address, UINT64_MAX);
    bool fine = hdf5_signed(&b, "TREE") && bytes_u8(&b) == 0;
    unsigned level = bytes_u8(&b), count = bytes_u16(&b);
    hdf5_address(s->f, &b);
    hdf5_address(s->f, &b);
    if (!fine || b.bad || level >= above)
        return hdf5_damaged(err, "a tree of symbols");
    for (unsigned i = 0; i < count; i++) {
        hdf5_length(s->f, &b); /* the first name of the child */
        uint64_t child = hdf5_address(s->f, &b);
        if (b.bad)
            return hdf5_damaged(err, "a tree of symbols");
        if (hdf5_step(s->f, err) != 0 || (level ? read_tree(s, child, level, err) : read_node(s, child, err)) != 0)
            return -1;
    }
    return 0;
}

int hdf5_read_symbols(struct hdf5 *f, struct hdf5_object *o, struct bytes body, struct error *err)
{
    struct symbols s = {.f = f, .object = o};
    uint64_t tree = hdf5_address(f, &body), heap = hdf5_address(f, &body);
    struct bytes b = hdf5_at(f, heap, UINT64_MAX);
    bool fine = !body.bad && hdf5_signed(&b, "HEAP");
    bytes_take(&b, 4);
    uint64_t size = hdf5_length(f, &b);
    hdf5_length(f, &b);
    s.names = hdf5_at(f, hdf5_address(f, &b), size);
    if (!fine || b.bad || s.names.bad)
        return hdf5_damaged(err, "a heap of names");
    return read_tree(&s, tree, HDF5_LEVELS, err);
}

/* ---- messages ---- */

int hdf5_read_link(struct hdf5 *f, struct hdf5_object *o, struct bytes b, struct error *err)
{
    unsigned version = bytes_u8(&b), flags = bytes_u8(&b), kind = flags & 8 ? bytes_u8(&b) : 0;
    bytes_take(&b, (flags & 4 ? 8 : 0) + (flags & 16 ? 1 : 0));
    uint64_t size = hdf5_number(&b, 1u << (flags & 3));
    const char *name = size <= bytes_left(&b) ? (const char *)bytes_take(&b, size) : NULL;
    if (b.bad || version != 1 || !name)
        return hdf5_damaged(err, "a link");
    if (kind != 0) /* soft, or to another file */
        return 0;
    uint64_t address = hdf5_address(f, &b);
    return b.bad ? hdf5_damaged(err, "a link") : hdf5_add_link(f, o, name, size, address, err);
}

int hdf5_read_link_info(struct hdf5 *f, struct hdf5_object *o, struct bytes b, struct error *err)
{
    (void)o;
    bytes_take(&b, 1);
    bytes_take(&b, bytes_u8(&b) & 1 ? 8 : 0);
    if (!hdf5_is_nowhere(f, hdf5_address(f, &b)) && !b.bad)
        return error_set(err,
                         "HDF5: a group of links in a fractal heap, which is not read: h5repack without -L puts it "
                         "into another form");
    return 0;
}
