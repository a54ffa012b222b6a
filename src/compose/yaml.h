/* YAML as the reference reads and writes it: YAML 1.1 syntax, the core types of 1.2, merge keys. */
#pragma once

#include "compose/node.h"

/* What a project's files may be together; more is an ERROR_INVALID. */
#define YAML_FILE_MAX ((size_t)8 << 20)
#define YAML_DEPTH_MAX 128
#define YAML_NODES_MAX 1000000

/* A path of keys that a document marks by !reset or !override. */
struct yaml_mark {
        const char **keys;
        size_t count;
};

struct yaml_document {
        struct node *root; /* never NULL; NODE_NULL for an empty document of several */
        struct yaml_mark *marks;
        size_t n_marks;
};

struct yaml_reader;

/* Reads the documents of `text` one after the other. `nodes` counts all nodes made so far against
 * YAML_NODES_MAX: the caller keeps it over all files of a project. `text` and `file` must outlive the reader,
 * `file` the arena's nodes. */
struct yaml_reader *yaml_reader_new(struct arena *arena, const char *text, size_t len, const char *file,
                                    size_t *nodes);
void yaml_reader_free(struct yaml_reader *reader);
DEFINE_CLEANUP(struct yaml_reader *, cleanup_yaml_reader_func, yaml_reader_free)
#define cleanup_yaml_reader __attribute__((cleanup(cleanup_yaml_reader_func)))
/* 1: a document, 0: no more, -1: `yaml: line 3: …`, ERROR_INVALID. `ret_place` (may be NULL) says where it
 * went wrong. */
int yaml_read(struct yaml_reader *reader, struct yaml_document *ret, struct node *ret_place,
              struct error *err);

/* What a plain scalar means: null, a boolean, a number, else a string. */
void yaml_resolve(const char *text, struct node *ret);

/* The order of keys that the reference's writer gives to maps: numbers inside of them count ("s2" before
 * "s10"). */
int yaml_compare_keys(const char *a, const char *b);
/* The same object with its keys in that order, `deep` also of what is inside. Takes `map` over. */
json_object *yaml_sort(json_object *map, bool deep);

/* Block style, indented by two, keys in the object's order, strings quoted only where they must be; heap. */
char *yaml_format(json_object *in);
